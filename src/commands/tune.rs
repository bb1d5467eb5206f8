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
use crate::config::Config;
use crate::experiment::repeat::repeat;
use crate::experiment::sweep::create;
use crate::experiment::tune::Tuning;
use crate::experiment::{Environment, Interrupter, TrainOptions, Unobserved, describe, prepare};
use crate::figures::{counted, short};
use crate::shell::{command, command_in};
use crate::tracking::{Run, Store, Sweep};

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
    let left = 60.0 * args.minutes - (1.0 + TUNED_SLOWER) * default_seconds;
    // The estimate came from the first of them.
    let search_seconds = left.max((1.0 - MOST_FOR_SEEDS) * 60.0 * args.minutes);
    let Some((sweep, tuned)) = work.search(search_seconds / 60.0)? else {
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    };
    let search_ended = work.seconds();
    let Some(tuned) = work.train_seeds(&tuned, "tuned", &mut Results::new(args.seeds.into(), args.quiet), 0)? else {
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    };
    let times = [default_seconds, search_ended - default_seconds, work.seconds() - search_ended];
    work.tell_verdict(&sweep, &default, &tuned, times)?;
    Ok(ExitCode::SUCCESS)
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
        say!("data   {}", describe::goal(prepared));
        let by = split_seed.map_or("in order".to_owned(), |seed| format!("by seed {seed}"));
        let (num_validation, num_test) = (prepared.splits.validation.len(), prepared.splits.test.len());
        say!(
            "split  {by} in every run: the {} choose among the trials, the {} judge the result and take no part before",
            counted(num_validation, "validation row"),
            counted(num_test, "test row")
        );
        say!("model  {}", describe::model(prepared));
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
        let num_rounds = num_seeds.div_ceil(jobs) as f64;
        let needed = (1.0 + TUNED_SLOWER) * num_rounds * self.seconds() / MOST_FOR_SEEDS;
        let minutes = self.args.minutes;
        ensure!(
            needed <= 60.0 * minutes,
            "the seeds alone would take most of the {minutes} min ({} of the default took {:.0} s): give --minutes {}, or \
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

    fn train_some(
        &self,
        config: &Config,
        results: &mut Results,
        first: usize,
        end: usize,
    ) -> anyhow::Result<Option<()>> {
        let location = self.args.store.location();
        let repetitions = self.tuning.new_seeds(self.args.seeds);
        let repetitions = &repetitions[first.min(end)..end];
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
        let jobs = processes::jobs(self.args.jobs, repetitions.len());
        repeat(repetitions, &prepared.config, &prepared.dataset, &options, jobs, |repetition, result| {
            results.note(&location, repetition, result)
        })?;
        if self.interrupter.should_stop() {
            tell!("stopped: the runs that ended are kept");
            return Ok(None);
        }
        Ok(Some(()))
    }

    /// Searches for so many minutes. The sweep, and the config of its best trial; `None` if interrupted.
    fn search(&self, minutes: f64) -> anyhow::Result<Option<(Sweep, Config)>> {
        let Self { args, tuning, .. } = self;
        let location = args.store.location();
        let id = create(&location, &tuning.search(args.trials, Some(minutes))?)?;
        if !args.quiet {
            say!("\nsearch: {minutes:.1} min");
        }
        let with = Workers { jobs: args.jobs, tags: &args.tag, backend: args.backend, quiet: args.quiet };
        let (sweep, is_stopped) = run_workers(&args.store, &id, &with, &self.interrupter)?;
        let resume = command_in(&location.root, &["sweep", "resume", id.as_str()]);
        if is_stopped {
            tell!("stopped: `{resume}` goes on with the search, and then names the command for new seeds of the best");
            return Ok(None);
        }
        let store = Store::open_read_only_at(&location)?;
        let trials = store.trials(&id)?;
        let Some(&(best, _)) = ranked(&trials, &sweep.metric).first() else {
            anyhow::bail!("no trial came to its end: give more --minutes, or look at why with `{}`", {
                command_in(&location.root, &["sweep", "show", id.as_str()])
            });
        };
        if !args.quiet {
            say!("\n{}", best_trials(&store, &sweep, &trials)?.trim_end());
            say!("\ntuned: trial {}, {}, on the same seeds as the default", best.number, params(&best.params));
        }
        Ok(Some((sweep, tuning.tuned_config(&best.params)?)))
    }

    /// Which of both is better, what was spent, and what to do next.
    fn tell_verdict(&self, sweep: &Sweep, default: &[Run], tuned: &[Run], times: [f64; 3]) -> anyhow::Result<()> {
        let location = self.args.store.location();
        let store = Store::open_read_only_at(&location)?;
        // Only these: a run that the choice rests on would favour it.
        let all: Vec<Run> = default.iter().chain(tuned).cloned().collect();
        let judgement = judge(&store, &all, &default[0], &tuned[0], None)?;
        let judgement = judgement.context("the runs have no test metric in common")?;
        let found = match judgement.verdict.claim {
            Claim::Better => "better: the tuned config",
            Claim::Worse => "worse: keep the default config",
            Claim::NotDistinguishable | Claim::NoClaim => "not distinguishable: the default config is as good",
        };
        say!("\n{}", format_args!("A = default, B = tuned. {}", judgement.sentence));
        let [of_default, of_search, of_tuned] = times.map(|seconds| format!("{seconds:.1} s"));
        let counts = sweep.counts;
        say!("\nfound  {found}");
        say!(
            "spent  {} of {} min: default {of_default}, search {of_search} ({}, {} of them stopped early), tuned {of_tuned}",
            short(times.iter().sum::<f64>() / 60.0),
            self.args.minutes,
            counted(counts.finished + counts.stopped + counts.failed, "trial"),
            counts.stopped
        );
        let config = |run: &Run| store.folder(&run.record.id).join("config.toml").display().to_string();
        let tuned = config(&tuned[0]);
        say!("next   train the tuned config: {}", command_in(&location.root, &["--config", &tuned]));
        say!("       keep it as a file: {} > tuned.toml", command(&["config", "render", &tuned]));
        let names = ["default", "tuned"].map(|suffix| format!("{}-{suffix}", self.tuning.name));
        say!("       compare them again: {}", command_in(&location.root, &["runs", "compare", &names[0], &names[1]]));
        judgement.next.iter().for_each(|command| say!("       more seeds: {command}"));
        say!("       see all runs: {}", command_in(&location.root, &["dashboard"]));
        Ok(())
    }
}
