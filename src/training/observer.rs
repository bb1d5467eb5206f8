//! Who follows a training: progress on the terminal, a sweep's worker.

use std::ops::ControlFlow;

use crate::tracking::{MetricKey, RunId, TrackingError};

/// Follows a run from the training thread. Every method has a default, so that an observer names what it cares about.
pub trait TrainingObserver: Send + Sync {
    /// The run's folder and row exist; nothing is trained yet.
    ///
    /// # Errors
    /// Whatever keeps the run from being trained; the run is then recorded as failed.
    fn recorded(&self, _run: &RunId) -> Result<(), TrackingError> {
        Ok(())
    }

    /// Everything is in place; the first step comes next.
    fn started(&self, _start: &TrainingStart) {}

    /// `step` optimizer steps are done since the beginning of the run; called every few steps.
    fn step(&self, _step: usize) {}

    /// Whether [`TrainingObserver::epoch`] will show `epoch` in a way that stays, such as a printed line: the epoch is
    /// then on the disk before it is called.
    fn announces(&self, _epoch: usize, _max_epochs: usize) -> bool {
        false
    }

    /// An epoch is recorded; `Break` ends training as [`StopReason::Observer`](super::StopReason::Observer).
    fn epoch(&self, _report: &EpochReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// The last step is done, or training failed; evaluation on the test part follows.
    fn ended(&self) {}
}

/// Follows nothing.
pub struct Unobserved;

impl TrainingObserver for Unobserved {}

/// What is about to be trained.
#[derive(Clone, Debug)]
pub struct TrainingStart<'a> {
    /// Run, data, network and optimizer in a few lines of text, as in the run's log.
    pub description: &'a str,
    pub max_epochs: usize,
    pub steps_per_epoch: usize,
}

/// An epoch as the user sees it.
#[derive(Clone, Debug)]
pub struct EpochReport {
    /// 1-based.
    pub epoch: usize,
    pub max_epochs: usize,
    /// What is recorded, by key, such as (`validation/loss`, 0.1).
    pub values: Vec<(MetricKey, f64)>,
    /// The best epoch so far and its monitored value; `None` without a validation part.
    pub best: Option<(usize, f64)>,
    /// Epochs without improvement before early stopping; `None` without it.
    pub patience_left: Option<usize>,
}
