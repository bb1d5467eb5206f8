//! `burnlab --config FILE`: the main path, top to bottom.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use burn::module::Module;
use burn::tensor::backend::AutodiffBackend;
use burn::train::Interrupter;

use super::progress::{Progress, Style};
use super::{environment, predictions, saved_model, summary};
use crate::backend::{BackendName, Job, run_on};
use crate::cli::TrainArgs;
use crate::config::{Config, LoadedConfig};
use crate::data::{self, Dataset, Examples, Preparation, Splits, mix};
use crate::invalid::Invalid;
use crate::tracking::{MetricKey, NewRun, Point, RunId, RunWriter, Status};
use crate::training::config::Loss;
use crate::training::evaluation::{Evaluation, evaluate};
use crate::training::task::Objective;
use crate::training::{Fit, Fitted, Recorder, Scorer, StopReason, fit};

/// Exit code of a run that SIGINT or SIGTERM ended, as shells count it for SIGINT.
const EXIT_INTERRUPTED: u8 = 130;

/// Test parts with more cells than this (about 10 MB of text) are not copied into the run folder.
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
    let prepared = prepare(&loaded.config).map_err(|invalid| loaded.locate(invalid))?;
    let mut config = loaded.config.resolved();
    config.training.loss.get_or_insert(Loss::default_for(prepared.scorer.task));

    let interrupter = Interrupter::new();
    stop_on_signal(&interrupter);
    let on_terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    let style = match (args.quiet || args.tui, on_terminal) {
        (true, _) => Style::Silent,
        (false, true) => Style::Bar,
        (false, false) => Style::Lines,
    };
    let options = TrainOptions {
        artifacts: &args.artifacts,
        tags: &args.tag,
        backend: args.backend.unwrap_or(BackendName::compiled()[0]),
        style,
        tui: args.tui,
        interrupter,
    };
    let trained = train(&config, &prepared, &options)?;
    if !args.quiet {
        summary::print(&trained, &config, &prepared, path);
    }
    let interrupted = trained.status == Status::Interrupted;
    Ok(if interrupted { ExitCode::from(EXIT_INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// How to run a training, beside what its config says.
pub struct TrainOptions<'a> {
    pub artifacts: &'a Path,
    pub tags: &'a [String],
    pub backend: BackendName,
    pub style: Style,
    /// Burn's full-screen view, where it is compiled in.
    pub tui: bool,
    pub interrupter: Interrupter,
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
    run_on(options.backend, TrainJob { config, prepared, options }).map_err(anyhow::Error::msg)?
}

/// Data, loaded, split and turned into network inputs.
pub struct Prepared {
    pub dataset: Dataset,
    pub splits: Splits,
    pub preparation: Preparation,
    pub train: Arc<Examples>,
    pub validation: Arc<Examples>,
    pub test: Arc<Examples>,
    pub scorer: Scorer,
}

/// Loads and prepares the data of `config`, and checks the training section against them.
///
/// # Errors
/// The key that cannot be used.
pub fn prepare(config: &Config) -> Result<Prepared, Invalid> {
    let dataset = data::load(&config.data)?;
    let splits = data::split(&dataset, &config.data, config.seed)?;
    config.training.validate_for(dataset.task(), splits.train.len(), splits.validation.len())?;
    let preparation = Preparation::fit(&dataset, &splits.train, &config.data)?;
    let part = |rows: &[usize]| Arc::new(preparation.transform(&dataset, rows));
    let (train, validation, test) = (part(&splits.train), part(&splits.validation), part(&splits.test));
    let scorer = Scorer::new(&preparation);
    Ok(Prepared { dataset, splits, preparation, train, validation, test, scorer })
}

impl Prepared {
    /// Lines that tell the user what was understood.
    pub fn describe(&self) -> Vec<String> {
        let mut lines = self.dataset.describe();
        lines.push(format!(
            "{} training, {} validation, {} test rows; {} network inputs",
            self.splits.train.len(),
            self.splits.validation.len(),
            self.splits.test.len(),
            self.preparation.num_inputs()
        ));
        lines
    }
}

struct TrainJob<'a> {
    config: &'a Config,
    prepared: &'a Prepared,
    options: &'a TrainOptions<'a>,
}

impl Job for TrainJob<'_> {
    type Output = anyhow::Result<Trained>;

    fn run<B: AutodiffBackend>(self, device: B::Device) -> anyhow::Result<Trained> {
        let Self { config, prepared, options } = self;

        // ---- record before the first step
        let mut writer = RunWriter::start(options.artifacts, new_run(config, prepared, options))?;
        let (id, folder) = (writer.id().clone(), writer.folder().to_owned());
        writer.write_file(saved_model::PREPARATION, &serde_json::to_vec_pretty(&prepared.preparation)?)?;

        // ---- the network
        let (num_inputs, num_outputs) = (prepared.preparation.num_inputs(), prepared.scorer.task.num_outputs());
        let net = config.model.init::<B>(num_inputs, num_outputs, mix(config.seed, 0), &device);

        // ---- train
        let steps_per_epoch = prepared.train.len().div_ceil(config.training.batch_size);
        let progress = Arc::new(Progress::new(options.style, config.training.max_epochs, steps_per_epoch));
        let header = summary::header(config, prepared, &id, net.num_params(), options.backend);
        progress.begin(&header);
        for line in header.lines() {
            writer.log_line(line.trim())?;
        }
        let recorder = Recorder::new(writer, !prepared.validation.is_empty());
        let job = Fit {
            net,
            scorer: prepared.scorer.clone(),
            train: prepared.train.clone(),
            validation: prepared.validation.clone(),
            class_counts: prepared.preparation.class_counts.clone(),
            seed: config.seed,
            device: device.clone(),
        };
        let fitted = fit(&config.training, job, recorder.clone(), progress.clone(), &options.interrupter, options.tui);
        let seconds = recorder.elapsed();
        let mut writer = recorder.take_writer();
        progress.end();
        let fitted: Fitted<B> = match fitted {
            Ok(fitted) => fitted,
            Err(error) => {
                writer.log_line(&error.to_string())?;
                writer.finish(Status::Failed, &error.to_string(), None)?;
                return Err(error.into());
            }
        };

        // ---- keep, evaluate once on the test part, record
        writer.write_file(saved_model::MODEL, &saved_model::encode(&fitted.net)?)?;
        let evaluation = if prepared.test.is_empty() {
            None
        } else {
            Some(evaluate_test::<B>(config, prepared, &fitted, &mut writer, seconds, &device)?)
        };
        let status = if fitted.reason == StopReason::Interrupted { Status::Interrupted } else { Status::Finished };
        let reason = reason(config, &fitted);
        writer.log_line(&reason)?;
        writer.finish(status, &reason, fitted.best.map(|best| best.0 as u64))?;
        let Fitted { num_epochs, kept_epoch, best, .. } = fitted;
        Ok(Trained { id, folder, status, reason, num_epochs, kept_epoch, best, seconds, evaluation })
    }
}

fn new_run(config: &Config, prepared: &Prepared, options: &TrainOptions) -> NewRun {
    let mut environment = environment::describe(options.backend);
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
        parent: None,
    }
}

/// Ends training at the next step on SIGINT or SIGTERM; a second signal ends the process at once.
fn stop_on_signal(interrupter: &Interrupter) {
    let interrupter = interrupter.clone();
    let handler = move || {
        if interrupter.should_stop() {
            std::process::exit(EXIT_INTERRUPTED.into());
        }
        interrupter.stop(Some("signal"));
    };
    // A process that already has a handler (a test that trains twice) keeps its first one.
    ctrlc::set_handler(handler).ok();
}

fn evaluate_test<B: AutodiffBackend>(
    config: &Config,
    prepared: &Prepared,
    fitted: &Fitted<B>,
    writer: &mut RunWriter,
    seconds: f64,
    device: &B::Device,
) -> anyhow::Result<Evaluation> {
    let Prepared { dataset, splits, preparation, test, scorer, .. } = prepared;
    let objective = Arc::new(Objective::new(&config.training, scorer.task, &preparation.class_counts));
    let class_names = preparation.class_names();
    let (evaluation, predictions) = evaluate::<B::InnerBackend>(
        fitted.net.clone(),
        &objective,
        &Arc::new(scorer.clone()),
        test,
        class_names,
        &preparation.class_counts,
        device,
    );
    let mut points = Vec::new();
    for metric in &evaluation.metrics {
        let key = MetricKey::new("test", &metric.name)?;
        points.push(Point { key, epoch: 0, step: 0, time: seconds, value: metric.value });
    }
    writer.log(&points)?;
    writer.write_file("evaluation.json", &serde_json::to_vec_pretty(&evaluation)?)?;
    writer.write_file("predictions.csv", &predictions::csv(&predictions, class_names)?)?;
    if splits.test.len() * dataset.columns.len() <= MAX_TEST_CELLS {
        let mut rows = Vec::new();
        dataset.write_rows(&splits.test, &mut rows)?;
        writer.write_file(saved_model::TEST_ROWS, &rows)?;
    }
    Ok(evaluation)
}

/// Why the run ended, for the record and the user.
fn reason<B: AutodiffBackend>(config: &Config, fitted: &Fitted<B>) -> String {
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
        StopReason::Interrupted => format!("interrupted after epoch {num_epochs}"),
    }
}
