//! `--seeds N` and `data.folds`: one config, several runs that differ in their seed and fold, as processes side by side.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::{Command, ExitCode};

use super::output::say;
use super::processes::{self, Event, side_by_side};
use super::runs::table;
use super::train::EXIT_INTERRUPTED;
use crate::cli::TrainArgs;
use crate::config::{Config, Repetition};
use crate::tracking::compare::{folds, headline, mean_interval, spread};
use crate::tracking::{Location, MetricKey, Run, Store};

/// Trains the `repetitions` of `config`, several at a time, and prints what they agree on.
///
/// # Errors
/// A process that cannot be started; a store that cannot be read. Runs that fail are named, and the others go on.
pub fn run(args: &TrainArgs, config: &Config, path: &Path, repetitions: &[Repetition]) -> anyhow::Result<ExitCode> {
    let jobs = processes::jobs(args.jobs, repetitions.len());
    let location = args.store.location();
    let mut waiting = repetitions.iter().copied();
    let mut ids: HashMap<Repetition, String> = HashMap::new();
    let mut results = Results { runs: Vec::new(), num_failed: 0, num_wanted: repetitions.len(), quiet: args.quiet };
    let next = || {
        let start = |repetition| anyhow::Ok((repetition, command(args, path, config, repetition, jobs)?));
        waiting.next().map(start).transpose()
    };
    let is_stopped = side_by_side(jobs, next, |event| match event {
        Event::Line { key, line } => {
            ids.insert(key, line);
            Ok(())
        }
        Event::Ended { key, success, error, .. } => {
            results.note(&location, End { repetition: key, id: ids.remove(&key), success, error })
        }
    })?;
    results.print(config);
    Ok(match (is_stopped, results.num_failed) {
        (true, _) => ExitCode::from(EXIT_INTERRUPTED),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::FAILURE,
    })
}

/// This program with the same arguments and one seed.
fn command(
    args: &TrainArgs,
    path: &Path,
    config: &Config,
    repetition: Repetition,
    jobs: usize,
) -> anyhow::Result<Command> {
    let mut command = processes::command(jobs)?;
    command.arg("--config").arg(path).arg("--quiet").arg("--print-id");
    processes::tell_store(&mut command, &args.store);
    for set in &args.set {
        command.arg("--set").arg(set);
    }
    // Found once, for all seeds: `latest` or an experiment would mean another run each time.
    if let Some(run) = &config.model.init_from {
        command.arg("--set").arg(format!("model.init_from={}", serde_json::Value::from(run.as_str())));
    }
    for set in repetition.overrides() {
        command.arg("--set").arg(set);
    }
    command.arg("--seeds").arg("1");
    for tag in &args.tag {
        command.arg("--tag").arg(tag);
    }
    if let Some(name) = &args.name {
        command.arg("--name").arg(name);
    }
    if let Some(backend) = args.backend {
        command.arg("--backend").arg(backend.as_str());
    }
    Ok(command)
}

/// How a process ended.
struct End {
    repetition: Repetition,
    /// The run's id; `None` when it ended before it was recorded.
    id: Option<String>,
    success: bool,
    error: String,
}

/// What has ended so far.
struct Results {
    runs: Vec<Run>,
    num_failed: usize,
    num_wanted: usize,
    quiet: bool,
}

impl Results {
    fn note(&mut self, location: &Location, end: End) -> anyhow::Result<()> {
        let id = match (end.id, end.success) {
            (Some(id), true) => id,
            (Some(id), false) if end.error.is_empty() => {
                eprintln!("{}: interrupted; `burnlab resume {id}` goes on", end.repetition);
                return Ok(());
            }
            _ => {
                self.num_failed += 1;
                eprintln!("{}: {}", end.repetition, end.error);
                return Ok(());
            }
        };
        let run = Store::open_read_only_at(location)?.run(&id.parse()?)?;
        if !self.quiet {
            let metric = headline(std::iter::once(&run));
            let value = metric.as_ref().and_then(|key| run.metrics.get(key));
            let value = metric.zip(value).map(|(key, value)| format!("{key} {:.4}  ", value.last));
            say!("{:<11} {}{id}", end.repetition, value.unwrap_or_default());
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
