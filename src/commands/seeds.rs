//! `--seeds N` and `data.folds`: mean, standard deviation and interval over several runs of one config.

use std::collections::BTreeSet;
use std::process::ExitCode;

use super::output::{say, tell};
use super::processes;
use super::runs::table;
use super::signals::EXIT_INTERRUPTED;
use crate::cli::TrainArgs;
use crate::comparison::{folds, headline, mean_interval, spread};
use crate::config::{Config, Repetition};
use crate::experiment::repeat::repeat;
use crate::experiment::{Prepared, RunOutcome, TrainOptions, explain};
use crate::figures::measured;
use crate::tracking::{Location, MetricKey, Run, Status, Store};

/// Trains the `repetitions` of the prepared config, several at a time, and prints mean, standard deviation and 95 %
/// interval.
///
/// # Errors
/// A store that cannot be read. Failed runs are reported, and the others continue.
pub fn run(
    args: &TrainArgs,
    prepared: &Prepared,
    options: &TrainOptions,
    repetitions: &[Repetition],
) -> anyhow::Result<ExitCode> {
    let jobs = processes::jobs(args.jobs, repetitions.len());
    let mut results = Results::new(repetitions.len(), args.quiet);
    repeat(repetitions, prepared, options, jobs, |repetition, result| {
        results.note(options.location, repetition, result)
    })?;
    results.print(&prepared.config);
    Ok(match (options.interrupter.should_stop(), results.num_failed) {
        (true, _) => ExitCode::from(EXIT_INTERRUPTED),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::FAILURE,
    })
}

/// The runs that have ended so far.
pub struct Results {
    pub runs: Vec<Run>,
    pub num_failed: usize,
    num_wanted: usize,
    quiet: bool,
}

impl Results {
    /// Of `num_wanted` runs none has ended; `quiet` prints only errors.
    pub fn new(num_wanted: usize, quiet: bool) -> Self {
        Self { runs: Vec::new(), num_failed: 0, num_wanted, quiet }
    }

    /// Notes how a repetition went, and prints it.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn note(
        &mut self,
        location: &Location,
        repetition: Repetition,
        result: anyhow::Result<RunOutcome>,
    ) -> anyhow::Result<()> {
        let id = match result {
            Ok(RunOutcome { id, status: Status::Interrupted, .. }) => {
                let resume = location.command(&["resume", id.as_str()]);
                tell!("{repetition}: interrupted; `{resume}` resumes it");
                return Ok(());
            }
            Ok(outcome) => outcome.id,
            Err(error) => {
                self.num_failed += 1;
                tell!("{repetition}: error: {}", explain(&error));
                return Ok(());
            }
        };
        let run = Store::open_read_only_at(location)?.run(&id)?;
        if !self.quiet {
            let metric = headline(std::iter::once(&run));
            let value = metric.as_ref().and_then(|key| run.metrics.get(key));
            let value = metric.zip(value).map(|(key, value)| format!("{key} {}  ", measured(value.last)));
            say!("{repetition:<11} {}{id}", value.unwrap_or_default());
        }
        self.runs.push(run);
        Ok(())
    }

    /// Prints mean, standard deviation and interval of the main metrics.
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
            let cell = measured;
            let [low, high] = interval.map_or([String::new(), String::new()], |(low, high)| [cell(low), cell(high)]);
            let row = vec![cell(found.mean), low, high, cell(found.deviation), cell(found.lowest), cell(found.highest)];
            // The loss of a classifier equals the log loss, unless smoothing or weights change it.
            if rows.last().is_none_or(|last| last[1..] != row) {
                rows.push([key.to_string()].into_iter().chain(row).collect());
            }
        }
        let header = ["metric", "mean", "95 % from", "to", "sd", "min", "max"].map(str::to_owned);
        say!("{}", table::render(&header, &rows).trim_end());
    }
}
