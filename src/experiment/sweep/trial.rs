//! Trains the runs of one trial in this process, and renews its lease meanwhile.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;

use super::context::Context;
use crate::config::{Config, ConfigError};
use crate::data::{DataConfig, Dataset};
use crate::experiment::error::explain;
use crate::experiment::fingerprint;
use crate::experiment::measurable;
use crate::experiment::prepare::{Prepared, prepare_from};
use crate::experiment::run::{RunOutcome, TrainOptions};
use crate::experiment::train::train;
use crate::permissions::{is_readable_here, kept_by_another};
use crate::sweep::{goes_on, rungs};
use crate::threads;
use crate::tracking::{Claim, Outcome, RunId, Status, Store, SweepTrial, TrackingError, TrialState};
use crate::training::{EpochReport, TrainingError, TrainingObserver};

/// How a trial went.
pub(super) struct Ended {
    /// `None` if it was interrupted, and so has no result.
    pub outcome: Option<Outcome>,
    pub runs: Vec<RunId>,
    pub num_epochs: usize,
}

/// Trains all runs of the trial.
///
/// # Errors
/// Errors that another worker may not have, such as an unreachable store or a full disk. A failure caused by the params
/// is the trial's outcome.
pub(super) fn run(context: &Context, claim: &Claim) -> anyhow::Result<Ended> {
    let observer = Arc::new(TrialObserver::new(context, claim)?);
    let heart = Heart::start(&observer, context.lease())?;
    let repetitions = context.loaded.config.repetitions(context.loaded.config.seeds);
    let mut values = Vec::new();
    let mut num_epochs = 0;
    let mut outcome = None;
    for repetition in repetitions {
        let trained = context
            .loaded
            .varied_by(&claim.params, &repetition.overrides())
            .map_err(anyhow::Error::from)
            .and_then(|config| train_run(context, config, &observer));
        match trained {
            Err(_) if observer.is_lost() => break,
            Err(error) if !is_of_the_trial(&error) => return Err(error),
            Err(error) => {
                // Without the excerpt of the config.
                let reason = explain(&error).lines().next().unwrap_or_default().to_owned();
                let state = if error.is::<ConfigError>() { TrialState::Refused } else { TrialState::Failed };
                outcome = Some(Outcome { state, value: None, reason });
                break;
            }
            Ok(trained) if trained.status == Status::Interrupted => break,
            Ok(trained) => {
                num_epochs += trained.num_epochs;
                values.extend(observer.value_at(trained.kept_epoch.unwrap_or(trained.num_epochs)));
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                // Neither can be ranked, and a sweep of such trials has no best one.
                if !mean.is_finite() {
                    let reason = format!("{} is {mean}", context.sweep.metric);
                    outcome = Some(Outcome { state: TrialState::Failed, value: None, reason });
                    break;
                }
                let state = if observer.has_ended_it() { TrialState::Stopped } else { TrialState::Finished };
                outcome = Some(Outcome { state, value: Some(mean), reason: trained.reason });
            }
        }
        observer.next_run();
    }
    drop(heart);
    let is_whole = !context.interrupter.should_stop() && !observer.is_lost();
    Ok(Ended { outcome: outcome.filter(|_| is_whole), runs: observer.runs(), num_epochs })
}

/// Whether any worker would fail the same way.
fn is_of_the_trial(error: &anyhow::Error) -> bool {
    error.is::<ConfigError>() || matches!(error.downcast_ref(), Some(TrainingError::NotFinite { .. }))
}

fn train_run(context: &Context, mut config: Config, observer: &Arc<TrialObserver>) -> anyhow::Result<RunOutcome> {
    // A trial is judged by its validation rows: a second training, on them too, would change nothing but the time.
    config.training.refit.get_or_insert(false);
    let dataset = load(context, &config.data)?;
    let prepared = prepare_from(dataset, &config, context.location).and_then(|prepared| {
        let Prepared { config, dataset, splits, .. } = &prepared;
        measurable::check(context.sweep.metric.as_str(), "sweep.metric", &config.training, dataset, splits)?;
        Ok(prepared)
    });
    let prepared = prepared.map_err(|invalid| context.loaded.locate(invalid))?;
    anyhow::ensure!(
        context.origin().and_then(|origin| origin.start) == fingerprint::start(&prepared)?,
        "the run of model.init_from is not the one that the sweep `{}` was created with: start a new sweep",
        context.sweep.id
    );
    let options = TrainOptions {
        location: context.location,
        tags: context.tags,
        backend: context.backend,
        environment: &context.environment,
        observer: observer.clone(),
        interrupter: context.interrupter.clone(),
        tui: false,
        sweep: Some(SweepTrial { sweep: observer.claim.sweep.clone(), trial: observer.claim.number }),
    };
    train(&prepared, &options)
}

/// The data that the sweep was created for: trials are ranked, so all of them must have the same rows and targets; and a
/// store that somebody sent has none trained on another file, whose rows would go into run folders that are sent back.
///
/// # Errors
/// Data that are gone or have changed. What is wrong with them is not said, since it would show parts of that file.
fn load(context: &Context, config: &DataConfig) -> anyhow::Result<Arc<Dataset>> {
    let origin = context.origin();
    let dataset = context.data.load(config).ok();
    let unreadable = config.path.as_ref().filter(|path| path.exists() && !is_readable_here(path));
    if let (None, Some(path)) = (&dataset, unreadable) {
        let owner = kept_by_another(path).map_or_else(String::new, |owner| format!(" belongs to {owner}, and"));
        anyhow::bail!("`{}`{owner} may not be read by you: ask for the right to read it", path.display());
    }
    let found = dataset.filter(|dataset| origin.as_ref().is_some_and(|of| of.rows == fingerprint::rows(dataset)));
    found.with_context(|| {
        let name = config.path.as_ref().map_or_else(|| "the data".to_owned(), |path| format!("`{}`", path.display()));
        let id = &context.sweep.id;
        match origin {
            Some(_) => format!(
                "{name} is not what the sweep `{id}` was created for: restore the old data, or start a new sweep"
            ),
            None => format!(
                "the sweep `{id}` was created by an older burnlab, without the fingerprint of its data: start a new one"
            ),
        }
    })
}

/// Observes a trial's runs from epoch to epoch, for the queue and for successive halving.
struct TrialObserver {
    store: Mutex<Store>,
    claim: Claim,
    metric: String,
    minimize: bool,
    /// Epochs at which halving judges the trial, and its factor.
    rungs: Vec<usize>,
    factor: usize,
    is_lost: AtomicBool,
    has_ended_it: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    runs: Vec<RunId>,
    /// The metric by epoch, of the current run.
    values: BTreeMap<usize, f64>,
}

impl TrialObserver {
    fn new(context: &Context, claim: &Claim) -> anyhow::Result<Self> {
        let halving = context.search.halving.as_ref();
        let max_epochs = || context.loaded.varied(&claim.params).map_or(0, |config| config.training.max_epochs);
        let rungs = halving.map(|halving| rungs(halving.min_epochs, halving.factor, max_epochs()));
        Ok(Self {
            store: Mutex::new(Store::open_at(context.location)?),
            claim: claim.clone(),
            metric: context.sweep.metric.to_string(),
            minimize: context.is_minimized(),
            rungs: rungs.unwrap_or_default(),
            factor: halving.map_or(0, |halving| halving.factor),
            is_lost: AtomicBool::new(false),
            has_ended_it: AtomicBool::new(false),
            seen: Mutex::default(),
        })
    }

    fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    fn has_ended_it(&self) -> bool {
        self.has_ended_it.load(Ordering::Relaxed)
    }

    /// Notes that another worker has taken over the trial: what is trained here no longer counts.
    fn lose(&self) {
        self.is_lost.store(true, Ordering::Relaxed);
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().expect("no panic while held")
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic while held")
    }

    fn runs(&self) -> Vec<RunId> {
        self.seen().runs.clone()
    }

    fn value_at(&self, epoch: usize) -> Option<f64> {
        self.seen().values.get(&epoch).copied()
    }

    fn next_run(&self) {
        self.seen().values.clear();
    }

    /// Whether the run may continue after `epoch`, judged by its best value so far.
    fn passes(&self, epoch: usize) -> Result<bool, TrackingError> {
        let better = if self.minimize { f64::min } else { f64::max };
        let Some(best) = self.seen().values.values().copied().reduce(better) else { return Ok(true) };
        Ok(match self.store().reach_rung(&self.claim, epoch as u64, best)? {
            Some(all) => goes_on(best, &all, self.factor, self.minimize),
            None => {
                self.lose();
                false
            }
        })
    }
}

impl TrainingObserver for TrialObserver {
    fn recorded(&self, run: &RunId) -> Result<(), TrackingError> {
        self.seen().runs.push(run.clone());
        let is_ours = self.store().begin_run(&self.claim, run)?;
        if !is_ours {
            self.lose();
        }
        Ok(())
    }

    fn epoch(&self, report: &EpochReport) -> ControlFlow<()> {
        if self.is_lost() {
            return ControlFlow::Break(());
        }
        let Some((_, value)) = report.values.iter().find(|(key, _)| key.as_str() == self.metric) else {
            return ControlFlow::Continue(());
        };
        self.seen().values.insert(report.epoch, *value);
        if !self.rungs.contains(&report.epoch) {
            return ControlFlow::Continue(());
        }
        // A temporarily unreachable store is no reason to end a run.
        if self.passes(report.epoch).unwrap_or(true) {
            return ControlFlow::Continue(());
        }
        self.has_ended_it.store(true, Ordering::Relaxed);
        ControlFlow::Break(())
    }
}

/// Sends heartbeats to the queue from its own thread until dropped.
struct Heart {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Heart {
    fn start(observer: &Arc<TrialObserver>, lease: Duration) -> io::Result<Self> {
        let observer = Arc::clone(observer);
        let (stop, stopped) = mpsc::channel();
        let beat = move || {
            while let Err(mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(lease / 3) {
                // An error may be temporary; if it outlasts the lease, the queue gives the trial to another worker.
                if let Ok(false) = observer.store().heartbeat(&observer.claim, lease) {
                    observer.lose();
                    break;
                }
            }
        };
        Ok(Self { stop: Some(stop), thread: Some(threads::spawn(beat)?) })
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the thread does not affect the trial.
            thread.join().ok();
        }
    }
}
