//! `--seeds N` and `data.folds`: one config, several runs that differ in their seed and fold, side by side on the cores.
//!
//! Threads of one process: the data are loaded once, git is asked once, and nothing starts up again. Not one batched
//! network: early stopping, resuming and the record are each run's own, and what batching would save, the cost of small
//! operations, is about a third of a run of the digits net (measured).

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use anyhow::anyhow;
use burn::train::Interrupter;

use super::environment::Environment;
use super::explain;
use super::output::say;
use super::prepared::prepare_from;
use super::processes;
use super::progress::Style;
use super::runs::table;
use super::train::{self, EXIT_INTERRUPTED, TrainOptions, Trained, stop_on_signal};
use crate::backend::BackendName;
use crate::cli::TrainArgs;
use crate::comparison::{folds, headline, mean_interval, spread};
use crate::config::{Config, Repetition};
use crate::data::Dataset;
use crate::tracking::{Location, MetricKey, Run, Status, Store};

/// Trains the `repetitions` of `config`, several at a time, and prints what they agree on.
///
/// # Errors
/// A store that cannot be read. Runs that fail are named, and the others go on.
pub fn run(
    args: &TrainArgs,
    config: &Config,
    dataset: &Arc<Dataset>,
    environment: &Environment,
    repetitions: &[Repetition],
) -> anyhow::Result<ExitCode> {
    let jobs = processes::jobs(args.jobs, repetitions.len());
    let location = args.store.location();
    let interrupter = Interrupter::new();
    stop_on_signal({
        let interrupter = interrupter.clone();
        move || interrupter.stop(Some("signal"))
    });
    let options = TrainOptions {
        location: &location,
        tags: &args.tag,
        backend: BackendName::chosen(args.backend),
        style: Style::Silent,
        tui: false,
        interrupter: interrupter.clone(),
        supervisor: None,
        environment,
    };
    let mut results = Results { runs: Vec::new(), num_failed: 0, num_wanted: repetitions.len(), quiet: args.quiet };
    let waiting = Mutex::new(repetitions.iter().copied());
    let next = || waiting.lock().expect("no panic while held").next().filter(|_| !interrupter.should_stop());
    let (sender, ended) = mpsc::channel();
    thread::scope(|scope| -> anyhow::Result<()> {
        for _ in 0..jobs {
            let sender = sender.clone();
            scope.spawn(|| {
                let sender = sender;
                let work = || {
                    while let Some(repetition) = next() {
                        let result = train_one(repetition, config, dataset, &options);
                        // The receiver is gone only after an error, which is on its way up.
                        sender.send((repetition, result)).ok();
                    }
                };
                // One core a run: more threads would only wait for each other.
                match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
                    Ok(pool) if jobs > 1 => pool.install(work),
                    _ => work(),
                }
            });
        }
        drop(sender);
        ended.iter().try_for_each(|(repetition, result)| results.note(&location, repetition, result))
    })?;
    results.print(config);
    Ok(match (interrupter.should_stop(), results.num_failed) {
        (true, _) => ExitCode::from(EXIT_INTERRUPTED),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::FAILURE,
    })
}

fn train_one(
    repetition: Repetition,
    config: &Config,
    dataset: &Arc<Dataset>,
    options: &TrainOptions,
) -> anyhow::Result<Trained> {
    let config = repetition.of(config);
    let train = || -> anyhow::Result<Trained> {
        let prepared = prepare_from(dataset.clone(), &config, options.location)?;
        train::train(&config, &prepared, options)
    };
    catch_unwind(AssertUnwindSafe(train)).unwrap_or_else(|_| Err(anyhow!("training panicked, see above")))
}

/// What has ended so far.
struct Results {
    runs: Vec<Run>,
    num_failed: usize,
    num_wanted: usize,
    quiet: bool,
}

impl Results {
    fn note(
        &mut self,
        location: &Location,
        repetition: Repetition,
        result: anyhow::Result<Trained>,
    ) -> anyhow::Result<()> {
        let id = match result {
            Ok(Trained { id, status: Status::Interrupted, .. }) => {
                eprintln!("{repetition}: interrupted; `burnlab resume {id}` goes on");
                return Ok(());
            }
            Ok(trained) => trained.id,
            Err(error) => {
                self.num_failed += 1;
                eprintln!("{repetition}: error: {}", explain(&error));
                return Ok(());
            }
        };
        let run = Store::open_read_only_at(location)?.run(&id)?;
        if !self.quiet {
            let metric = headline(std::iter::once(&run));
            let value = metric.as_ref().and_then(|key| run.metrics.get(key));
            let value = metric.zip(value).map(|(key, value)| format!("{key} {:.4}  ", value.last));
            say!("{repetition:<11} {}{id}", value.unwrap_or_default());
        }
        self.runs.push(run);
        Ok(())
    }

    /// Mean, spread and interval of the metrics that tell how good the runs are.
    fn print(&self, config: &Config) {
        if self.quiet || self.runs.is_empty() {
            return;
        }
        let word = if config.data.folds.is_some() { "folds" } else { "seeds" };
        say!("\n{} of {} {word} of {}", self.runs.len(), self.num_wanted, config.name);
        let keys: BTreeSet<&MetricKey> = self.runs.iter().flat_map(|run| run.metrics.keys()).collect();
        let mut rows: Vec<Vec<String>> = Vec::new();
        for key in keys.into_iter().filter(|key| key.split() == "test") {
            let values: Vec<f64> = self.runs.iter().filter_map(|run| Some(run.metrics.get(key)?.last)).collect();
            let Some(found) = spread(&values) else { continue };
            let interval = mean_interval(key, &values, folds(&self.runs[0]));
            let cell = |value: f64| format!("{value:.4}");
            let [low, high] = interval.map_or([String::new(), String::new()], |(low, high)| [cell(low), cell(high)]);
            let row = vec![cell(found.mean), low, high, cell(found.deviation), cell(found.lowest), cell(found.highest)];
            // The loss of classes is their log loss, unless smoothing or weights make it another.
            if rows.last().is_none_or(|last| last[1..] != row) {
                rows.push([key.to_string()].into_iter().chain(row).collect());
            }
        }
        let header = ["metric", "mean", "95 % from", "to", "sd", "least", "most"].map(str::to_owned);
        say!("{}", table::render(&header, &rows).trim_end());
    }
}
