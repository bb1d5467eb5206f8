//! Observers of a training run, such as progress on the terminal or a sweep's worker.

use std::ops::ControlFlow;

use crate::tracking::{MetricKey, RunId, TrackingError};

/// Observes a run from the training thread. Every method has a default, so an observer implements only those it needs.
pub trait TrainingObserver: Send + Sync {
    /// The run's folder and database row exist; training has not started.
    ///
    /// # Errors
    /// Whatever prevents training; the run is then recorded as failed.
    fn recorded(&self, _run: &RunId) -> Result<(), TrackingError> {
        Ok(())
    }

    /// Something that the user has to know, in one line.
    fn told(&self, _line: &str) {}

    /// Everything is prepared; the first step comes next.
    fn started(&self, _start: &TrainingStart) {}

    /// The second training of the run is about to start; the epochs of its reports begin with 1 again.
    fn refits(&self, _start: &TrainingStart) {}

    /// `step` optimizer steps have been done since the beginning of the run; called every few steps.
    fn step(&self, _step: usize) {}

    /// Whether [`TrainingObserver::epoch`] will show `epoch` permanently, such as in a printed line: the epoch is then
    /// written to disk before it is called.
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

/// An observer that does nothing.
pub struct Unobserved;

impl TrainingObserver for Unobserved {}

/// A description of the training about to start.
#[derive(Clone, Debug)]
pub struct TrainingStart<'a> {
    /// Run, data, network and optimizer in a few lines, as in the run's log.
    pub description: &'a str,
    /// As the config has it.
    pub max_epochs: usize,
    /// Optimizer steps of an epoch, one a batch.
    pub steps_per_epoch: usize,
}

/// The results of an epoch.
#[derive(Clone, Debug)]
pub struct EpochReport {
    /// 1-based.
    pub epoch: usize,
    /// As the config has it.
    pub max_epochs: usize,
    /// The recorded values by key, such as (`validation/loss`, 0.1).
    pub values: Vec<(MetricKey, f64)>,
    /// The best epoch so far and its monitored value; `None` without a validation part.
    pub best: Option<(usize, f64)>,
    /// Epochs without improvement before early stopping; `None` without it.
    pub patience_left: Option<usize>,
}
