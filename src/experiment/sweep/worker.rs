//! A worker: takes trials of a sweep until none is left.

use std::thread;
use std::time::{Duration, Instant};

use crate::training::Interrupter;
use anyhow::Context as _;

use super::context::{Context, LastData, is_dead, is_here, name_of};
use super::reserve::Reserve;
use super::trial::{self, Ended};
use crate::backend::BackendName;
use crate::config::{ConfigOrigin, LoadedConfig};
use crate::experiment::environment::Environment;
use crate::sweep::{Params, Told};
use crate::tracking::{Claim, Held, Location, Outcome, Store, Sweep, Trial, TrialState};

/// How often an idle worker checks whether another's lease has expired.
const IDLE: Duration = Duration::from_millis(500);

/// How often a worker whose machine fails tries to give its trial back.
const GIVE_BACK_TRIES: usize = 4;

/// Claims and trains the trials of one sweep.
pub struct Worker<'a> {
    context: Context<'a>,
    store: Store,
}

/// A trial that has ended.
pub struct Progress<'a> {
    pub sweep: &'a Sweep,
    pub claim: &'a Claim,
    pub outcome: &'a Outcome,
    /// Total over all its runs.
    pub num_epochs: usize,
    pub seconds: f64,
}

impl<'a> Worker<'a> {
    /// A worker on the sweep that `query` names. `connects`: whether the server is asked for rows that the sweep's config names.
    ///
    /// # Errors
    /// No such sweep, or one whose metric has no direction; an unreachable store.
    pub fn new(
        location: &'a Location,
        query: &str,
        tags: &'a [String],
        backend: BackendName,
        interrupter: Interrupter,
        connects: bool,
    ) -> anyhow::Result<Self> {
        let store = Store::open_at(location)?;
        let mut sweep = store.find_sweep(query)?;
        if sweep.data.is_none() {
            let first = store.trials(&sweep.id)?.into_iter().flat_map(|trial| trial.runs).next();
            sweep.data = first.and_then(|run| Some(store.run(&run).ok()?.record.data?.rows));
        }
        let mut loaded =
            LoadedConfig::parse(&sweep.config_toml, &format!("sweep {}", sweep.id), &sweep.experiment, &[])?;
        // The experiment may have another name by now: all trials are of one.
        loaded.config.name.clone_from(&sweep.experiment);
        let search = loaded.config.sweep.clone().context("the sweep's config has no [sweep]")?;
        let name = name_of(std::process::id());
        let environment = Environment::gather(backend).with_config(Some(ConfigOrigin::Sweep(sweep.id.to_string())));
        let goal = sweep.metric.required_goal()?;
        let context = Context {
            location,
            sweep,
            goal,
            loaded,
            search,
            tags,
            backend,
            name,
            interrupter,
            environment,
            data: LastData::new(connects),
        };
        Ok(Self { context, store })
    }

    /// Works until every trial is done, `most` of them were trained here, the interrupter asks to stop, or the time is up. Passes each trial that has
    /// ended to `ended`, and once each trial of another machine's worker that it waits for to `waits`: one of this machine
    /// is seen to be alive, so that there is nothing to tell.
    ///
    /// # Errors
    /// An unreachable store, or a folder that cannot be written. A trial that fails because of its params is recorded,
    /// and the next one claimed.
    pub fn work(
        &mut self,
        most: Option<u32>,
        mut ended: impl FnMut(&Progress),
        mut waits: impl FnMut(&Held),
    ) -> anyhow::Result<()> {
        let Self { context, store } = self;
        let mut told_of: Vec<(u32, String)> = Vec::new();
        let mut num_trained = 0;
        let began = Instant::now();
        let minutes = context.search.minutes;
        let has_time = || minutes.is_none_or(|minutes| began.elapsed().as_secs_f64() < minutes * 60.0);
        while !context.interrupter.should_stop() && has_time() && most.is_none_or(|most| num_trained < most) {
            let sample = |number, trials: &[Trial]| {
                let is_allowed = |params: &Params| context.loaded.varied(params).is_ok();
                let (seed, minimize) = (context.loaded.config.seed, context.is_minimized());
                context.search.sample_allowed(seed, number, &told(trials), minimize, &is_allowed)
            };
            let reserve = Reserve::new(&context.location.root)?;
            if let Some(claim) = store.claim(&context.sweep.id, &context.name, context.lease(), sample)? {
                if let Err(error) = train(context, store, &claim, &mut ended) {
                    drop(reserve);
                    give_back(store, &claim);
                    return Err(error);
                }
                num_trained += 1;
                continue;
            }
            drop(reserve);
            // Another worker may still be lost.
            let held = store.held(&context.sweep.id)?;
            if held.is_empty() {
                break;
            }
            let mut num_released = 0;
            for held in &held {
                if is_dead(store, held) {
                    num_released += store.release_worker(&context.sweep.id, &held.worker, false)?;
                } else if !is_here(held)
                    && !told_of.iter().any(|(number, worker)| (*number, worker) == (held.number, &held.worker))
                {
                    told_of.push((held.number, held.worker.clone()));
                    waits(held);
                }
            }
            if num_released == 0 {
                thread::sleep(IDLE);
            }
        }
        Ok(())
    }
}

/// A fault of this machine, such as a full disk, is not the trial's: it does not count as an attempt.
fn give_back(store: &mut Store, claim: &Claim) {
    for _ in 0..GIVE_BACK_TRIES {
        match store.release(claim) {
            Ok(_) => return,
            // Whatever else fills the disk may have taken the space that was set aside, and may give it back.
            Err(_) => thread::sleep(IDLE),
        }
    }
}

fn train(context: &Context, store: &mut Store, claim: &Claim, ended: &mut impl FnMut(&Progress)) -> anyhow::Result<()> {
    let began = Instant::now();
    for run in &claim.abandoned {
        store.abandon(run, "the worker of this trial was lost; another one took it over")?;
    }
    let Ended { outcome, runs, num_epochs } = trial::run(context, claim)?;
    let Some(outcome) = outcome else {
        // Stopped by the user, or another worker has taken over the trial.
        for run in &runs {
            store.abandon(run, "its trial continues in another run")?;
        }
        if context.interrupter.should_stop() {
            store.release(claim)?;
        }
        return Ok(());
    };
    if !store.complete(claim, &outcome)? {
        for run in &runs {
            store.abandon(run, "another worker took over its trial, whose lease had expired")?;
        }
        return Ok(());
    }
    let seconds = began.elapsed().as_secs_f64();
    ended(&Progress { sweep: &context.sweep, claim, outcome: &outcome, num_epochs, seconds });
    Ok(())
}

/// The trials in the form that the search methods use.
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
