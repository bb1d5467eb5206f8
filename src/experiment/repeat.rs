//! Trains several runs of one config that differ in seed and fold, in parallel.
//!
//! They are threads of one process, so the data are loaded once, git is called once, and there is no further startup.
//! They are not batched into one network, since early stopping, resuming and recording are per run; batching would save
//! the overhead of small operations, about a third of a run of the digits network (measured).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use anyhow::anyhow;

use super::prepare::{Prepared, prepare_from};
use super::run::{RunOutcome, TrainOptions};
use super::train::train;
use crate::config::{Config, Repetition};
use crate::data::Dataset;
use crate::threads;

/// Trains the `repetitions` of the prepared config, `jobs` at a time, and passes each to `ended` as it ends. No new one starts
/// once the interrupter of `options` has been asked to stop.
///
/// # Errors
/// The error of `ended`; a store that cannot be closed to other users. A failed run is passed to `ended`, and the others continue.
pub fn repeat(
    repetitions: &[Repetition],
    prepared: &Prepared,
    options: &TrainOptions,
    jobs: usize,
    mut ended: impl FnMut(Repetition, anyhow::Result<RunOutcome>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // Each run would do it, beside the others.
    if let Some(closed) = prepared.close_store(options.location)? {
        options.observer.told(&closed.to_string());
    }
    let (config, dataset) = (&prepared.config, &prepared.dataset);
    let waiting = Mutex::new(repetitions.iter().copied());
    let next = || waiting.lock().expect("no panic while held").next().filter(|_| !options.interrupter.should_stop());
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for job in 0..jobs {
            let sender = sender.clone();
            let (next, work_of) = (&next, (config, dataset, options));
            let started = threads::spawn_in(scope, move || {
                let (config, dataset, options) = work_of;
                let work = || {
                    while let Some(repetition) = next() {
                        let result = train_one(repetition, config, dataset, options);
                        // The receiver is gone only after an error, which is being returned.
                        sender.send((repetition, result)).ok();
                    }
                };
                // One core per run: more threads would only wait for each other.
                match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
                    Ok(pool) if jobs > 1 => pool.install(work),
                    _ => work(),
                }
            });
            match started {
                // The others do its work.
                Err(_) if job > 0 => break,
                started => _ = started?,
            }
        }
        drop(sender);
        results.iter().try_for_each(|(repetition, result)| ended(repetition, result))
    })
}

fn train_one(
    repetition: Repetition,
    config: &Config,
    dataset: &Arc<Dataset>,
    options: &TrainOptions,
) -> anyhow::Result<RunOutcome> {
    let train_it = || -> anyhow::Result<RunOutcome> {
        let prepared = prepare_from(dataset.clone(), &repetition.of(config), options.location)?;
        train(&prepared, options)
    };
    catch_unwind(AssertUnwindSafe(train_it)).unwrap_or_else(|_| Err(anyhow!("training panicked, see above")))
}
