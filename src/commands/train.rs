//! `burnlab --config FILE`: the main path, top to bottom.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use burn::module::Module;
use burn::train::Interrupter;

use super::environment::Environment;
use super::explain;
use super::output::say;
pub use super::prepared::{Prepared, Pretrained, prepare};
use super::progress::{Progress, Style};
use super::{pictures, predictions, saved_model, seeds, summary, sweep};
use crate::backend::{BackendName, Job, TrainingBackend, run_on};
use crate::cli::TrainArgs;
use crate::config::{Config, LoadedConfig};
use crate::data::{Dataset, Target, mix};
use crate::model::{NamedWeights, freeze, load_weights, named_weights, transfer};
use crate::tracking::{Location, MetricKey, NewRun, Point, RunId, RunWriter, Status, SweepTrial, network_file_system};
use crate::training::config::Loss;
use crate::training::evaluation::{Evaluation, Prediction, evaluate};
use crate::training::objective::Objective;
use crate::training::{CHECKPOINT, Checkpoint, EpochReport, Fit, Fitted, Recorder, StopReason, Watch, fit};

/// Exit code of a run that SIGINT or SIGTERM ended, as shells count it for SIGINT.
pub const EXIT_INTERRUPTED: u8 = 130;

/// Test parts with more cells, or characters, than this (about 10 MB of a table) are not copied into the run folder.
const MAX_TEST_CELLS: usize = 2_000_000;

/// Trains, records and evaluates the config that `args` names, and tells the user.
///
/// # Errors
/// A config or data that cannot be used; a loss that diverges; a record that cannot be written.
pub fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        cfg!(feature = "tui") || !args.tui,
        "--tui is not in this build; build it in with `cargo run --features tui -- ...`"
    );
    let path = args.config.as_deref().context("--config FILE is missing")?;
    let mut loaded = LoadedConfig::load(path, &args.set)?;
    if let Some(name) = &args.name {
        loaded.config.name.clone_from(name);
    }
    let location = args.store.location();
    warn_of_network(&location);
    let backend = BackendName::chosen(args.backend);
    loaded.config.seeds = args.seeds.unwrap_or(loaded.config.seeds);
    if loaded.config.sweep.is_some() {
        return sweep::from_config(args, &loaded);
    }
    let environment = Environment::gather(backend);
    let prepared = prepare(&loaded.config, &location).map_err(|invalid| loaded.locate(invalid))?;
    let num_seeds = loaded.config.seeds;
    let mut config = loaded.config.resolved();
    config.model.init_from = prepared.pretrained.as_ref().map(|pretrained| pretrained.reference.clone());
    config.training.loss.get_or_insert(Loss::default_for(prepared.scorer.task));
    let repetitions = config.repetitions(num_seeds);
    if repetitions.len() > 1 {
        return seeds::run(args, &config, &prepared.dataset, &environment, &repetitions);
    }

    let options = TrainOptions::for_user(&location, &args.tag, backend, &environment, args.quiet, args.tui);
    let trained = train(&config, &prepared, &options)?;
    if args.print_id {
        say!("{}", trained.id);
    }
    Ok(tell(&trained, &config, &prepared, &summary::again(args, path), args.quiet))
}

/// A store in a file is SQLite's, whose users must share memory.
fn warn_of_network(location: &Location) {
    if location.server.is_none()
        && let Some(kind) = network_file_system(&location.root)
    {
        eprintln!(
            "warning: `{}` is on a network file system ({kind}), where its store is safe for one machine at a time: name \
             a local folder with --artifacts, or a PostgreSQL server with --store",
            location.root.display()
        );
    }
}

/// Prints the summary unless `quiet`, and says how the process ends. `again` is the command that trains this config.
pub fn tell(trained: &Trained, config: &Config, prepared: &Prepared, again: &str, quiet: bool) -> ExitCode {
    if !quiet {
        summary::print(trained, config, prepared, again);
    }
    let interrupted = trained.status == Status::Interrupted;
    if interrupted { ExitCode::from(EXIT_INTERRUPTED) } else { ExitCode::SUCCESS }
}

/// How to run a training, beside what its config says.
pub struct TrainOptions<'a> {
    pub location: &'a Location,
    pub tags: &'a [String],
    pub backend: BackendName,
    pub style: Style,
    /// Burn's full-screen view, where it is compiled in.
    pub tui: bool,
    pub interrupter: Interrupter,
    /// Whoever trains this run as a part of something larger.
    pub supervisor: Option<Arc<dyn Supervisor>>,
    pub environment: &'a Environment,
}

/// Follows a run that is a trial of a sweep.
pub trait Supervisor: Send + Sync {
    /// What the run is a part of.
    fn trial(&self) -> SweepTrial;
    /// The run is recorded, and begins.
    ///
    /// # Errors
    /// Whatever keeps the run from being trained.
    fn begun(&self, run: &RunId) -> anyhow::Result<()>;
    /// An epoch is recorded; says whether to go on.
    fn epoch(&self, report: &EpochReport) -> ControlFlow<()>;
}

/// Shows an epoch, and asks the supervisor.
struct Watchers {
    progress: Arc<Progress>,
    supervisor: Option<Arc<dyn Supervisor>>,
}

impl Watch for Watchers {
    fn step(&self, step: usize) {
        self.progress.step(step);
    }

    fn announces(&self, epoch: usize, max_epochs: usize) -> bool {
        self.progress.announces(epoch, max_epochs)
    }

    fn epoch(&self, report: &EpochReport) -> ControlFlow<()> {
        self.progress.epoch(report)?;
        self.supervisor.as_ref().map_or(ControlFlow::Continue(()), |supervisor| supervisor.epoch(report))
    }
}

impl<'a> TrainOptions<'a> {
    /// For a training that the user started and may stop with Ctrl-C.
    pub fn for_user(
        location: &'a Location,
        tags: &'a [String],
        backend: BackendName,
        environment: &'a Environment,
        quiet: bool,
        tui: bool,
    ) -> Self {
        let interrupter = Interrupter::new();
        stop_on_signal({
            let interrupter = interrupter.clone();
            move || interrupter.stop(Some("signal"))
        });
        let on_terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let style = match (quiet || tui, on_terminal) {
            (true, _) => Style::Silent,
            (false, true) => Style::Bar,
            (false, false) => Style::Lines,
        };
        Self { location, tags, backend, style, tui, interrupter, supervisor: None, environment }
    }
}

/// A run that has ended with a model.
#[derive(Clone, Debug)]
pub struct Trained {
    pub id: RunId,
    pub folder: PathBuf,
    pub status: Status,
    /// Why training ended, in words.
    pub reason: String,
    /// Epochs trained and recorded in full.
    pub num_epochs: usize,
    /// The epoch whose weights were saved; `None` = the last ones.
    pub kept_epoch: Option<usize>,
    /// The best epoch and its monitored value; `None` without a validation part.
    pub best: Option<(usize, f64)>,
    /// Seconds in the epoch loop.
    pub seconds: f64,
    /// `None` without a test part.
    pub evaluation: Option<Evaluation>,
}

/// Trains `config` on `prepared`, records the run, evaluates it.
///
/// # Errors
/// A backend that is not compiled in; a loss that diverges (the run is then recorded as failed);
/// a record that cannot be written.
pub fn train(config: &Config, prepared: &Prepared, options: &TrainOptions) -> anyhow::Result<Trained> {
    let start = Start::New { parent: prepared.pretrained.as_ref().and_then(|pretrained| pretrained.run.clone()) };
    train_from(start, config, prepared, options)
}

/// Where a training begins.
pub enum Start {
    /// A new run, with the weights that the config says.
    New { parent: Option<RunId> },
    /// A new run that goes on from the end of `parent`, and begins with a copy of its curves.
    Extend { parent: RunId, checkpoint: Checkpoint, points: Vec<Point> },
    /// The same run, from its last checkpoint, or from the beginning if it has none yet.
    Resume { run: RunId, checkpoint: Option<Checkpoint>, initial: Option<NamedWeights> },
}

/// As [`train`], from another start.
///
/// # Errors
/// As [`train`].
pub fn train_from(
    start: Start,
    config: &Config,
    prepared: &Prepared,
    options: &TrainOptions,
) -> anyhow::Result<Trained> {
    // On a thread of rayon's: from any other, each loop on several cores would put this thread to sleep and wake it
    // again, which took a tenth of an epoch of 784-512-256-10 (measured).
    rayon::scope(|_| {
        run_on(options.backend, TrainJob { start, config, prepared, options }).map_err(anyhow::Error::msg)
    })?
}

struct TrainJob<'a> {
    start: Start,
    config: &'a Config,
    prepared: &'a Prepared,
    options: &'a TrainOptions<'a>,
}

impl Job for TrainJob<'_> {
    type Output = anyhow::Result<Trained>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> anyhow::Result<Trained> {
        let Self { start, config, prepared, options } = self;
        let config = &Config { training: config.training.clone().resolved_on::<B>(), ..config.clone() };
        let Prepared { preparation, scorer, .. } = prepared;

        // ---- the network
        let (layout, num_outputs) = (preparation.layout(), scorer.task.num_outputs());
        let mut net = config.model.init::<B>(&layout, num_outputs, mix(config.seed, 0), &device);
        let mut initial = None;
        if let Some(Pretrained { weights, has_new_head, .. }) = &prepared.pretrained {
            let head = config.model.head();
            initial = Some(transfer(named_weights(&net), weights, has_new_head.then_some(&*head))?);
        } else if let Start::Resume { initial: Some(weights), .. } = &start {
            initial = Some(weights.clone());
        }
        if let Some(weights) = &initial {
            net = load_weights(net, weights)?;
        }
        let net = freeze(net, &config.model.freeze);

        // ---- record before the first step
        let (mut writer, checkpoint) = open(start, config, prepared, options)?;
        let (id, folder) = (writer.id().clone(), writer.folder().to_owned());
        if let Some(supervisor) = &options.supervisor {
            supervisor.begun(&id)?;
        }
        if let Some(weights) = &initial {
            writer.write_file(saved_model::INITIAL, &saved_model::encode(weights)?)?;
        }
        // Last: a run that has it can be resumed from its folder.
        writer.write_file(saved_model::PREPARATION, &serde_json::to_vec_pretty(preparation)?)?;

        // ---- train
        let steps_per_epoch = prepared.train.len().div_ceil(config.training.batch_size);
        let progress = Arc::new(Progress::new(options.style, config.training.max_epochs, steps_per_epoch));
        let header = summary::header(config, prepared, &id, net.num_params(), options.backend);
        progress.begin(&header);
        for line in header.lines() {
            writer.log_line(line.trim())?;
        }
        if let Some(checkpoint) = &checkpoint {
            writer.log_line(&format!("goes on after epoch {}", checkpoint.progress.epoch))?;
        }
        let recorder = Recorder::new(writer);
        let job = Fit {
            net,
            scorer: scorer.clone(),
            train: prepared.train.clone(),
            validation: prepared.validation.clone(),
            class_counts: preparation.class_counts.clone(),
            seed: config.seed,
            device: device.clone(),
            checkpoint,
            keep_history: pictures::is_planar(preparation) && scorer.task.is_classification(),
        };
        let watch = Arc::new(Watchers { progress: progress.clone(), supervisor: options.supervisor.clone() });
        let fitted = fit(&config.training, job, recorder.clone(), watch, &options.interrupter, options.tui);
        let seconds = recorder.elapsed();
        let mut writer = recorder.take_writer();
        progress.end();
        // A disk that fails says why in the record as well, if it lets itself be written again.
        let fail = |mut writer: RunWriter, error: anyhow::Error| {
            let reason = explain(&error);
            writer.log_line(&reason).ok();
            writer.finish(Status::Failed, &reason, None).ok();
            error
        };
        let fitted = match fitted {
            Ok(fitted) => fitted,
            Err(error) => return Err(fail(writer, error.into())),
        };
        let evaluation = match keep(config, prepared, &fitted, &mut writer, seconds, &device) {
            Ok(evaluation) => evaluation,
            Err(error) => return Err(fail(writer, error)),
        };
        let status = if fitted.reason == StopReason::Interrupted { Status::Interrupted } else { Status::Finished };
        let reason = reason(config, &fitted);
        writer.finish(status, &reason, fitted.best.map(|best| best.0 as u64))?;
        let Fitted { num_epochs, kept_epoch, best, .. } = fitted;
        Ok(Trained { id, folder, status, reason, num_epochs, kept_epoch, best, seconds, evaluation })
    }
}

/// Keeps the model, evaluates it once on the test part, and draws it.
fn keep<B: TrainingBackend>(
    config: &Config,
    prepared: &Prepared,
    fitted: &Fitted<B>,
    writer: &mut RunWriter,
    seconds: f64,
    device: &B::Device,
) -> anyhow::Result<Option<Evaluation>> {
    writer.write_file(saved_model::MODEL, &saved_model::encode(&named_weights(&fitted.net))?)?;
    let tested = match prepared.test.is_empty() {
        true => None,
        false => Some(evaluate_test::<B>(config, prepared, fitted, writer, seconds, device)?),
    };
    let (evaluation, predictions) = tested.unzip();
    let result = pictures::recorded::Result {
        net: &fitted.net,
        best_epoch: fitted.best.map(|best| best.0),
        evaluation: evaluation.as_ref(),
        predictions: predictions.as_deref().unwrap_or_default(),
        history: &fitted.history,
    };
    pictures::recorded::write(config, prepared, &result, writer, device)?;
    writer.log_line(&reason(config, fitted))?;
    Ok(evaluation)
}

/// The run's record, and where to go on.
fn open(
    start: Start,
    config: &Config,
    prepared: &Prepared,
    options: &TrainOptions,
) -> anyhow::Result<(RunWriter, Option<Checkpoint>)> {
    Ok(match start {
        Start::New { parent } => {
            (RunWriter::start_at(options.location, new_run(config, prepared, options, parent))?, None)
        }
        Start::Extend { parent, mut checkpoint, points } => {
            let run = new_run(config, prepared, options, Some(parent));
            let mut writer = RunWriter::start_at(options.location, run)?;
            writer.log(&points)?;
            checkpoint.progress.run = writer.id().to_string();
            writer.write_file(CHECKPOINT, &checkpoint.encode())?;
            (writer, Some(checkpoint))
        }
        Start::Resume { run, checkpoint, .. } => (RunWriter::resume_at(options.location, &run)?, checkpoint),
    })
}

fn new_run(config: &Config, prepared: &Prepared, options: &TrainOptions, parent: Option<RunId>) -> NewRun {
    let mut environment = options.environment.get().clone();
    environment["dataset"] = serde_json::json!({
        "name": prepared.dataset.name,
        "fingerprint": prepared.dataset.fingerprint(),
        "num_rows": prepared.dataset.num_rows(),
        "num_train": prepared.splits.train.len(),
        "num_validation": prepared.splits.validation.len(),
        "num_test": prepared.splits.test.len(),
        "notes": prepared.dataset.notes,
    });
    let mut params = config.params();
    params.insert("backend".into(), options.backend.as_str().into());
    NewRun {
        experiment: config.name.clone(),
        name: None,
        tags: options.tags.to_vec(),
        note: None,
        config_toml: config.to_toml(),
        params,
        environment,
        seed: config.seed,
        parent,
        sweep: options.supervisor.as_ref().map(|supervisor| supervisor.trial()),
    }
}

/// Calls `stop` on SIGINT or SIGTERM; a second signal ends the process at once.
pub fn stop_on_signal(stop: impl Fn() + Send + 'static) {
    let mut is_told = false;
    let handler = move || {
        if std::mem::replace(&mut is_told, true) {
            std::process::exit(EXIT_INTERRUPTED.into());
        }
        stop();
    };
    // A process that already has a handler (a test that trains twice) keeps its first one.
    ctrlc::set_handler(handler).ok();
}

fn evaluate_test<B: TrainingBackend>(
    config: &Config,
    prepared: &Prepared,
    fitted: &Fitted<B>,
    writer: &mut RunWriter,
    seconds: f64,
    device: &B::Device,
) -> anyhow::Result<(Evaluation, Vec<Prediction>)> {
    let Prepared { dataset, splits, preparation, test, scorer, .. } = prepared;
    let objective = Arc::new(Objective::new(&config.training, scorer.task, &preparation.class_counts));
    let (evaluation, predictions) = evaluate::<B::InnerBackend>(
        fitted.net.clone(),
        &objective,
        &Arc::new(scorer.clone()),
        test,
        preparation,
        device,
    );
    let mut points = Vec::new();
    for metric in &evaluation.metrics {
        let key = MetricKey::new("test", &metric.name)?;
        points.push(Point { key, epoch: 0, step: 0, time: seconds, value: metric.value });
    }
    writer.log(&points)?;
    writer.write_file("evaluation.json", &serde_json::to_vec_pretty(&evaluation)?)?;
    if !scorer.task.is_language_model() {
        writer.write_file("predictions.csv", &predictions::csv(&predictions, preparation.class_names())?)?;
    }
    if let Some((name, bytes)) = test_part(dataset, &splits.test)? {
        writer.write_file(name, &bytes)?;
    }
    Ok((evaluation, predictions))
}

/// The file that keeps the test part, unless it is too large.
fn test_part(dataset: &Dataset, rows: &[usize]) -> anyhow::Result<Option<(&'static str, Vec<u8>)>> {
    if let Target::Text(text) = &dataset.target {
        let text = text.span(rows);
        let bytes = (text.len() <= MAX_TEST_CELLS).then(|| text.iter().collect::<String>().into_bytes());
        return Ok(bytes.map(|bytes| (saved_model::TEST_TEXT, bytes)));
    }
    let mut bytes = Vec::new();
    if rows.len() * dataset.columns.len() > MAX_TEST_CELLS {
        return Ok(None);
    }
    dataset.write_rows(rows, &mut bytes)?;
    Ok(Some((saved_model::TEST_ROWS, bytes)))
}

/// Why the run ended, for the record and the user.
fn reason<B: TrainingBackend>(config: &Config, fitted: &Fitted<B>) -> String {
    let num_epochs = fitted.num_epochs;
    match fitted.reason {
        StopReason::MaxEpochs => format!("all {num_epochs} epochs done"),
        StopReason::EarlyStopping => {
            let patience = config.training.early_stopping.as_ref().map_or(0, |stopping| stopping.patience);
            format!(
                "stopped early after epoch {num_epochs}: no better {} for {patience} epochs",
                config.training.monitor()
            )
        }
        StopReason::Watch => format!("ended by its sweep after epoch {num_epochs}: other trials were better there"),
        StopReason::Interrupted => format!("interrupted after epoch {num_epochs}"),
    }
}
