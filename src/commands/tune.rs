//! `burnlab tune CONFIG`: searches for a better config within a time, and says whether it found one.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};

use super::output::{say, tell};
use super::processes;
use super::seeds::Results;
use super::signals::{EXIT_INTERRUPTED, interrupter};
use super::sweep::{Workers, best_trials, params, run_workers};
use crate::backend::BackendName;
use crate::cli::TuneArgs;
use crate::comparison::judge::judge;
use crate::comparison::ranked;
use crate::comparison::verdict::Claim;
use crate::config::{Config, Repetition};
use crate::experiment::repeat::repeat;
use crate::experiment::sweep::create;
use crate::experiment::tune::Tuning;
use crate::experiment::{Environment, Interrupter, RunOutcome, TrainOptions, Unobserved, describe, explain, prepare};
use crate::figures::{counted, measured};
use crate::shell::command;
use crate::sweep::Params;
use crate::tracking::{MetricKey, Run, Store, Sweep, Trial};

/// The best trials, which are trained with more seeds before one of them is chosen; the default config is one more.
const NUM_FINALISTS: usize = 3;
/// Seeds of each of them.
const FINAL_SEEDS: u16 = 3;
/// The tuned config may be larger than the default one: its seeds are expected to take so many times as long.
const TUNED_SLOWER: f64 = 1.5;
/// The seeds may take this share of the time; the rest is for the search.
const MOST_FOR_SEEDS: f64 = 0.75;

/// Trains the config with new seeds, searches around it, trains the best trial with the same seeds, and prints which of
/// both is better on test rows that took no part in the search.
///
/// # Errors
/// A config that cannot be tuned; a time in which the seeds alone cannot be trained; a search without a result; a store
/// that cannot be written.
pub fn run(args: &TuneArgs) -> anyhow::Result<ExitCode> {
    ensure!(
        args.minutes > 0.0 && args.minutes.is_finite(),
        "--minutes {}: the time for all of it, above 0",
        args.minutes
    );
    let location = args.store.location();
    let tuning = Tuning::new(&args.config, &args.set, args.name.as_deref(), &location)?;
    let work = Work { args, tuning: &tuning, interrupter: interrupter(), began: Instant::now() };
    if !args.quiet {
        work.tell_plan();
    }
    let default = match work.train_default()? {
        Some(runs) => runs,
        None => return Ok(ExitCode::from(EXIT_INTERRUPTED)),
    };
    let default_seconds = work.seconds();
    let Some(sweep) = work.search(default_seconds)? else { return Ok(ExitCode::from(EXIT_INTERRUPTED)) };
    let search_ended = work.seconds();
    let Some(best) = work.finals(&sweep)? else { return Ok(ExitCode::from(EXIT_INTERRUPTED)) };
    let finals_ended = work.seconds();
    let mut spent = vec![
        format!("default {:.1} s", default_seconds),
        format!("search {:.1} s ({})", search_ended - default_seconds, counted(num_trained(&sweep), "trial")),
        format!("finals {:.1} s", finals_ended - search_ended),
    ];
    match best {
        None => {
            say!("\nfound  nothing better than the default config, on the validation rows already");
            work.tell_spent(&spent);
        }
        Some(params) => {
            let mut results = Results::new(args.seeds.into(), args.quiet);
            let config = tuning.tuned_config(&params)?;
            let Some(tuned) = work.train_seeds(&config, "tuned", &mut results, 0)? else {
                return Ok(ExitCode::from(EXIT_INTERRUPTED));
            };
            spent.push(format!("tuned {:.1} s", work.seconds() - finals_ended));
            work.tell_verdict(&default, &tuned, &spent)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs of the finals.
fn num_finals() -> usize {
    (NUM_FINALISTS + 1) * usize::from(FINAL_SEEDS)
}

/// How long a trial took.
fn seconds(trial: &Trial) -> Option<f64> {
    Some(trial.ended?.seconds_since(trial.started?))
}

/// Trials that ended in the search.
fn num_trained(sweep: &Sweep) -> u32 {
    let counts = sweep.counts;
    counts.finished + counts.stopped + counts.failed
}

/// A tuning that is under way.
struct Work<'a> {
    args: &'a TuneArgs,
    tuning: &'a Tuning,
    interrupter: Interrupter,
    began: Instant,
}

impl Work<'_> {
    fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn tell_plan(&self) {
        let Self { args, tuning, .. } = self;
        let Tuning { name, prepared, split_seed, .. } = tuning;
        say!("tune   {name}: {} min, {} of the default and of the best", args.minutes, counted(args.seeds, "new seed"));
        say!("goal   {}", describe::goal(prepared));
        let by = split_seed.map_or("in order".to_owned(), |seed| format!("by seed {seed}"));
        let (num_validation, num_test) = (tuning.num_validation, prepared.splits.test.len());
        say!(
            "split  {by} in every run: the {} choose among the trials, the {} judge the result and take no part before",
            counted(num_validation, "validation row"),
            counted(num_test, "test row")
        );
        say!("model  {}", describe::model(prepared));
    }

    /// How often as many runs as there are jobs are trained, until there are `num_runs`.
    fn num_rounds(&self, num_runs: usize) -> f64 {
        num_runs.div_ceil(processes::jobs(self.args.jobs, num_runs)) as f64
    }

    /// The runs of the default config; `None` if interrupted.
    ///
    /// # Errors
    /// A time that the first of them show to be too short.
    fn train_default(&self) -> anyhow::Result<Option<Vec<Run>>> {
        let num_seeds = usize::from(self.args.seeds);
        let jobs = processes::jobs(self.args.jobs, num_seeds);
        let config = self.tuning.default_config()?;
        let mut results = Results::new(num_seeds, self.args.quiet);
        if !self.args.quiet {
            say!("\ndefault: {}", counted(num_seeds, "new seed"));
        }
        // As many as run at a time show how long all of them take.
        let Some(_) = self.train_some(&config, &mut results, 0, jobs)? else { return Ok(None) };
        let num_rounds = (1.0 + TUNED_SLOWER) * self.num_rounds(num_seeds) + self.num_rounds(num_finals());
        let needed = num_rounds * self.seconds() / MOST_FOR_SEEDS;
        let minutes = self.args.minutes;
        ensure!(
            needed <= 60.0 * minutes,
            "the seeds alone would take most of the {minutes} min ({} of the default took {:.1} s): give --minutes {}, or \
             fewer --seeds than {num_seeds}",
            counted(jobs, "run"),
            self.seconds(),
            (needed / 60.0).ceil()
        );
        self.train_seeds(&config, "default", &mut results, jobs)
    }

    /// The runs of `config` with the new seeds from number `first` on, and those that `results` has; `None` if interrupted.
    fn train_seeds(
        &self,
        config: &Config,
        what: &str,
        results: &mut Results,
        first: usize,
    ) -> anyhow::Result<Option<Vec<Run>>> {
        let Some(()) = self.train_some(config, results, first, self.args.seeds.into())? else { return Ok(None) };
        ensure!(!results.runs.is_empty(), "no run of the {what} config came to its end");
        Ok(Some(std::mem::take(&mut results.runs)))
    }

    /// The runs of `config` with the new seeds from number `first` to before `end`.
    fn train_some(
        &self,
        config: &Config,
        results: &mut Results,
        first: usize,
        end: usize,
    ) -> anyhow::Result<Option<()>> {
        let location = self.args.store.location();
        let seeds = self.tuning.seeds(1, self.args.seeds);
        self.train(config, &seeds[first.min(end)..end], |repetition, result| {
            results.note(&location, repetition, result)
        })
    }

    /// Trains `config` with these seeds, and passes each run to `ended`; `None` if interrupted.
    fn train(
        &self,
        config: &Config,
        seeds: &[Repetition],
        ended: impl FnMut(Repetition, anyhow::Result<RunOutcome>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<()>> {
        let location = self.args.store.location();
        let prepared = prepare(config, &location)?;
        let backend = BackendName::chosen(self.args.backend);
        let options = TrainOptions {
            location: &location,
            tags: &self.args.tag,
            backend,
            environment: &Environment::gather(backend).with_config(self.tuning.origin()),
            observer: Arc::new(Unobserved),
            interrupter: self.interrupter.clone(),
            tui: false,
            sweep: None,
        };
        let jobs = processes::jobs(self.args.jobs, seeds.len());
        if let Some(closed) = prepared.close_store(&location)? {
            tell!("note: {closed}");
        }
        repeat(seeds, &prepared, &options, jobs, ended)?;
        if self.interrupter.should_stop() {
            tell!("stopped: the runs that ended are kept");
            return Ok(None);
        }
        Ok(Some(()))
    }

    /// Searches as long as the time is enough for what comes after it; `None` if interrupted.
    fn search(&self, default_seconds: f64) -> anyhow::Result<Option<Sweep>> {
        let Self { args, tuning, .. } = self;
        let location = args.store.location();
        let left = args.minutes - self.seconds() / 60.0;
        let loaded = tuning.search(args.trials, Some(left))?;
        let id = create(&location, &loaded, |line| tell!("{line}"))?;
        // Less than what is left where the config's own section says so.
        let own_end = self.seconds() + 60.0 * loaded.config.sweep.and_then(|sweep| sweep.minutes).unwrap_or(left);
        if !args.quiet {
            say!("\nsearch: for what the seeds after it leave of {left:.1} min");
        }
        let metric = Store::open_read_only_at(&location)?.find_sweep(id.as_str())?.metric;
        let has_time = |store: &Store| {
            let trials = store.trials(&id)?;
            let best: Vec<f64> =
                ranked(&trials, &metric).iter().take(NUM_FINALISTS).filter_map(|(t, _)| seconds(t)).collect();
            let after = self.seconds_after(&best, default_seconds);
            Ok(self.seconds() < own_end && self.seconds() + after <= 60.0 * args.minutes)
        };
        let with =
            Workers { tags: &args.tag, has_time: Some(&has_time), ..Workers::new(args.jobs, args.backend, args.quiet) };
        let (sweep, is_stopped) = run_workers(&args.store, &id, &with, &self.interrupter)?;
        if is_stopped {
            let resume = location.command(&["sweep", "resume", id.as_str()]);
            tell!("stopped: `{resume}` goes on with the search, and then names the command for new seeds of the best");
        }
        Ok((!is_stopped).then_some(sweep))
    }

    /// How long the next trial, the finals and the seeds of the best will take, if the best trials took `best` seconds each,
    /// the first of all first; if there are none yet, by what the default config takes.
    fn seconds_after(&self, best: &[f64], default_seconds: f64) -> f64 {
        let of_default = default_seconds / self.num_rounds(self.args.seeds.into());
        let first = best.first().copied().unwrap_or(TUNED_SLOWER * of_default);
        let of_best = if best.is_empty() { first } else { best.iter().sum::<f64>() / best.len() as f64 };
        let finals = self.num_rounds(FINAL_SEEDS.into()) * (of_default + NUM_FINALISTS as f64 * of_best);
        // The second training takes at most as long again.
        let refit = if self.tuning.refits() { 2.0 } else { 1.0 };
        let tuned = refit * self.num_rounds(self.args.seeds.into()) * first;
        best.iter().copied().fold(first, f64::max) + finals + tuned
    }

    /// Trains the best trials, and the default config beside them, with more seeds, and compares the means on the validation
    /// rows: the params of the best; none if that is the default config. `None` if interrupted.
    fn finals(&self, sweep: &Sweep) -> anyhow::Result<Option<Option<Params>>> {
        let Self { args, tuning, .. } = self;
        let location = args.store.location();
        let store = Store::open_read_only_at(&location)?;
        let trials = store.trials(&sweep.id)?;
        let finalists = ranked(&trials, &sweep.metric);
        if finalists.is_empty() {
            let show = location.command(&["sweep", "show", sweep.id.as_str()]);
            anyhow::bail!("no trial came to its end: give more --minutes, or see why with `{show}`");
        }
        if !args.quiet {
            say!("\n{}", best_trials(&store, sweep, &trials)?.trim_end());
            say!("\nfinals: {} of each, on the same validation rows", counted(FINAL_SEEDS, "more seed"));
        }
        let goal = sweep.metric.required_goal()?;
        let mut best: Option<(f64, Option<Params>)> = None;
        let trials = finalists.iter().take(NUM_FINALISTS).map(|(trial, _)| Some(*trial));
        for trial in std::iter::once(None).chain(trials) {
            let config = tuning.final_config(&trial.map_or_else(Params::new, |trial| trial.params.clone()))?;
            let mut values = Vec::new();
            let seeds = tuning.seeds(args.seeds.saturating_add(1), FINAL_SEEDS);
            let trained = self.train(&config, &seeds, |repetition, result| {
                match result {
                    Ok(outcome) => values.extend(kept_value(&store, &outcome, &sweep.metric)?),
                    Err(error) => tell!("{repetition}: error: {}", explain(&error)),
                }
                Ok(())
            })?;
            let Some(()) = trained else { return Ok(None) };
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            if !args.quiet {
                let name = trial.map_or("default".to_owned(), |trial| format!("trial {}", trial.number));
                say!("{name:<11} mean {} {}", sweep.metric, measured(mean));
            }
            let is_whole = values.len() == usize::from(FINAL_SEEDS);
            if is_whole && best.as_ref().is_none_or(|(value, _)| goal.is_better(mean, *value)) {
                best = Some((mean, trial.map(|trial| trial.params.clone())));
            }
        }
        let Some((_, best)) = best else { anyhow::bail!("no finalist came to its end with each seed") };
        if !args.quiet
            && let Some(best) = &best
        {
            say!("\ntuned: {}; {} as for the default", params(best), counted(args.seeds, "new seed"));
        }
        Ok(Some(best))
    }

    /// Which of both is better, what was spent, and what to do next.
    fn tell_verdict(&self, default: &[Run], tuned: &[Run], spent: &[String]) -> anyhow::Result<()> {
        let location = self.args.store.location();
        let store = Store::open_read_only_at(&location)?;
        // Only these: a run that the choice rests on would favour it.
        let all: Vec<Run> = default.iter().chain(tuned).cloned().collect();
        let judgement = judge(&store, &all, &default[0], &tuned[0], None)?;
        let judgement = judgement.context("the runs have no test metric in common")?;
        let found = match judgement.verdict.claim {
            Claim::Better => "better: the tuned config",
            Claim::Worse => "worse: keep the default config",
            Claim::NotDistinguishable | Claim::NoClaim => "not distinguishable: nothing speaks for the tuned config",
        };
        say!("\n{}", format_args!("A = default, B = tuned. {}", judgement.sentence));
        say!("\nfound  {found}");
        self.tell_spent(spent);
        let config = |run: &Run| store.folder(&run.record.id).join("config.toml").display().to_string();
        let tuned = config(&tuned[0]);
        say!("next   train the tuned config: {}", location.command(&["--config", &tuned]));
        say!("       keep it as a file: {} > tuned.toml", command(&["config", "render", &tuned]));
        let names = ["default", "tuned"].map(|suffix| format!("{}-{suffix}", self.tuning.name));
        say!("       compare them again: {}", location.command(&["runs", "compare", &names[0], &names[1]]));
        judgement.next.iter().for_each(|command| say!("       more seeds: {command}"));
        say!("       see all runs: {}", location.command(&["dashboard"]));
        Ok(())
    }

    fn tell_spent(&self, spent: &[String]) {
        say!("spent  {:.1} of {} min: {}", self.seconds() / 60.0, self.args.minutes, spent.join(", "));
    }
}

/// The value of `metric` at the epoch whose weights were kept, as a trial is judged.
fn kept_value(store: &Store, outcome: &RunOutcome, metric: &MetricKey) -> anyhow::Result<Option<f64>> {
    let epoch = outcome.kept_epoch.unwrap_or(outcome.num_epochs) as u64;
    let samples = store.series(&outcome.id, metric)?;
    Ok(samples.iter().find(|sample| sample.epoch == epoch).map(|sample| sample.value).filter(|value| value.is_finite()))
}
