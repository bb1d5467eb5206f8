//! One config, several runs that differ in their seed and fold, side by side on the cores.
//!
//! Threads of one process: the data are loaded once, git is asked once, and nothing starts up again. Not one batched
//! network: early stopping, resuming and the record are each run's own, and what batching would save, the cost of small
//! operations, is about a third of a run of the digits net (measured).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use anyhow::anyhow;

use super::prepare::prepare_from;
use super::run::{RunOutcome, TrainOptions};
use super::train::train;
use crate::config::{Config, Repetition};
use crate::data::Dataset;

/// Trains the `repetitions` of `config`, `jobs` at a time, and hands each to `ended` in the order in which they end. No
/// new one begins after the interrupter of `options` was asked to stop.
///
/// # Errors
/// The error of `ended`. A run that fails is handed to it, and the others go on.
pub fn repeat(
    repetitions: &[Repetition],
    config: &Config,
    dataset: &Arc<Dataset>,
    options: &TrainOptions,
    jobs: usize,
    mut ended: impl FnMut(Repetition, anyhow::Result<RunOutcome>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let waiting = Mutex::new(repetitions.iter().copied());
    let next = || waiting.lock().expect("no panic while held").next().filter(|_| !options.interrupter.should_stop());
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let sender = sender.clone();
            scope.spawn(|| {
                let sender = sender;
                let work = || {
                    while let Some(repetition) = next() {
                        let result = train_one(repetition, config, dataset, options);
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
