//! A worker: takes trials of a sweep until none is left.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use burn::train::Interrupter;

use super::trial::{self, Ended};
use crate::backend::BackendName;
use crate::cli::SweepWorkArgs;
use crate::commands::environment::Environment;
use crate::commands::output::say;
use crate::commands::processes::when_starter_is_gone;
use crate::commands::train::{EXIT_INTERRUPTED, stop_on_signal};
use crate::config::LoadedConfig;
use crate::metric::Goal;
use crate::sweep::{SweepConfig, Told};
use crate::tracking::{Claim, Location, Outcome, Store, Sweep, Trial, TrialState};

/// What a worker says on stderr when it was asked to stop, so that its starter knows it from one that broke.
pub const STOPPED: &str = "stopped; its trial waits for another worker";

/// How often a worker that found no trial looks whether another's lease has run out.
const IDLE: Duration = Duration::from_millis(500);

/// Takes and trains trials.
///
/// # Errors
/// No such sweep, or one by a metric without a direction; a store that cannot be reached, or a folder that cannot be written. A trial whose params make it fail is
/// recorded, and the next one taken.
pub fn run(args: &SweepWorkArgs) -> anyhow::Result<ExitCode> {
    let location = args.store.location();
    let mut store = Store::open_at(&location)?;
    let sweep = store.find_sweep(&args.sweep)?;
    let loaded = LoadedConfig::parse(&sweep.config_toml, &format!("sweep {}", sweep.id), &sweep.experiment, &[])?;
    let search = loaded.config.sweep.clone().context("the sweep's config has no [sweep]")?;
    let stop = Stop::default();
    stop.on_signal(args.child);
    let worker = Worker {
        location: &location,
        sweep: &sweep,
        goal: sweep.metric.required_goal()?,
        loaded: &loaded,
        search: &search,
        tags: &args.tag,
        backend: BackendName::chosen(args.backend),
        name: name_of(std::process::id()),
        stop: &stop,
        environment: Environment::gather(BackendName::chosen(args.backend)),
    };
    worker.work(&mut store)?;
    if stop.is_asked() {
        eprintln!("{STOPPED}");
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// `host:process`, as a trial names its worker.
pub fn name_of(process: u32) -> String {
    format!("{}:{process}", crate::tracking::host())
}

/// Whether the user wants the worker to end. A sweep trains many runs, and Burn's interrupter stays stopped: each run
/// gets its own.
#[derive(Clone, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    training: Arc<Mutex<Interrupter>>,
}

impl Stop {
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.training.lock().expect("no panic while held").stop(Some("signal"));
    }

    /// The interrupter of the run that is about to begin.
    pub fn interrupter(&self) -> Interrupter {
        let mut training = self.training.lock().expect("no panic while held");
        *training = Interrupter::new();
        if self.is_asked() {
            training.stop(Some("signal"));
        }
        training.clone()
    }

    fn on_signal(&self, is_child: bool) {
        stop_on_signal({
            let stop = self.clone();
            move || stop.ask()
        });
        if is_child {
            let stop = self.clone();
            when_starter_is_gone(move || stop.ask());
        }
    }
}

/// One worker's view of its sweep.
pub struct Worker<'a> {
    pub location: &'a Location,
    pub sweep: &'a Sweep,
    /// Which direction of the sweep's metric is better.
    pub goal: Goal,
    pub loaded: &'a LoadedConfig,
    pub search: &'a SweepConfig,
    pub tags: &'a [String],
    pub backend: BackendName,
    pub name: String,
    pub stop: &'a Stop,
    pub environment: Environment,
}

impl Worker<'_> {
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.search.lease_seconds.into())
    }

    pub fn is_minimized(&self) -> bool {
        self.goal == Goal::Lower
    }

    /// Until no trial is left that is not done, the user stops it, or the time is up.
    fn work(&self, store: &mut Store) -> anyhow::Result<()> {
        let began = Instant::now();
        let has_time = || self.search.minutes.is_none_or(|minutes| began.elapsed().as_secs_f64() < minutes * 60.0);
        while !self.stop.is_asked() && has_time() {
            let sample = |number, trials: &[Trial]| {
                self.search.sample(self.loaded.config.seed, number, &told(trials), self.is_minimized())
            };
            if let Some(claim) = store.claim(&self.sweep.id, &self.name, self.lease(), sample)? {
                for run in &claim.abandoned {
                    store.abandon(run, "the worker of this trial was lost; another one took it up")?;
                }
                self.train(store, &claim)?;
            } else if store.find_sweep(self.sweep.id.as_str())?.counts.running > 0 {
                // Another worker may be lost yet.
                thread::sleep(IDLE);
            } else {
                break;
            }
        }
        Ok(())
    }

    fn train(&self, store: &mut Store, claim: &Claim) -> anyhow::Result<()> {
        let began = Instant::now();
        let Ended { outcome, runs, num_epochs } = trial::run(self, claim)?;
        let Some(outcome) = outcome else {
            // Stopped by the user, or the trial is another's by now.
            for run in &runs {
                store.abandon(run, "its trial goes on in another run")?;
            }
            if self.stop.is_asked() {
                store.release(claim)?;
            }
            return Ok(());
        };
        if !store.complete(claim, &outcome)? {
            for run in &runs {
                store.abandon(run, "another worker took up its trial, whose lease had run out")?;
            }
            return Ok(());
        }
        say!("{}", line(self.sweep, claim, &outcome, num_epochs, began.elapsed().as_secs_f64()));
        Ok(())
    }
}

/// The trials as the search methods know them.
fn told(trials: &[Trial]) -> Vec<Told> {
    let is_known = |trial: &&Trial| !trial.params.is_empty();
    let told = |trial: &Trial| Told {
        number: trial.number,
        params: trial.params.clone(),
        value: trial.value,
        is_running: matches!(trial.state, TrialState::Running | TrialState::Waiting),
    };
    trials.iter().filter(is_known).map(told).collect()
}

fn line(sweep: &Sweep, claim: &Claim, outcome: &Outcome, num_epochs: usize, seconds: f64) -> String {
    let value = match (outcome.state, outcome.value) {
        (TrialState::Failed, _) | (_, None) => format!("failed: {}", outcome.reason),
        (state, Some(value)) => {
            let early = if state == TrialState::Stopped { ", ended early" } else { "" };
            format!("{} {value:.4}  {num_epochs} epochs{early}, {seconds:.1} s", sweep.metric)
        }
    };
    format!("trial {:<4} {value}  {}", claim.number, super::show::params(&claim.params))
}
