//! The only bridge between Burn's training and burnlab's tracking.
//!
//! Burn calls a [`MetricLogger`] from its event-store thread, in this order per epoch:
//! `log` (train), `log_epoch_summary` (train), `log` (valid), `log_epoch_summary` (valid). The
//! epoch loop waits in [`Recorder::wait_for_epoch`] until the last of them has happened: Burn's
//! own loop does not, and its early stopping then reads a store that is still filling
//! (burn-0.21.md, trap 1).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use burn::train::logger::MetricLogger;
use burn::train::metric::store::{EpochSummary, MetricsUpdate, Split};
use burn::train::metric::{MetricDefinition, MetricId, NumericEntry};

use super::TrainingError;
use super::checkpoint::Checkpoint;
use crate::tracking::{MetricKey, Point, RunWriter, TrackingError};

/// Far above what the metrics of an epoch take (a million rows: about a second), so that only a
/// dead thread reaches it.
const METRICS_TIMEOUT: Duration = Duration::from_secs(600);

/// The file in the run folder from which training can go on.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// Writes each epoch's metrics to the run, and keeps them for Burn to read back. Clones share it.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    epoch_stored: Condvar,
}

struct State {
    /// `None` once training is over and the run goes back to its owner.
    writer: Option<RunWriter>,
    started: Instant,
    /// Seconds of training before `started`, in a run that goes on.
    seconds_before: f64,
    last_split: Split,
    epoch: usize,
    step: u64,
    names: HashMap<MetricId, String>,
    pending: Vec<Point>,
    /// Values by split, then by epoch: what Burn's early stopping reads.
    values: HashMap<(Split, usize), Vec<(String, f64)>>,
    stored_epoch: usize,
    /// `MetricLogger::log` cannot fail; the first error waits here for the epoch loop.
    error: Option<TrackingError>,
}

impl State {
    fn elapsed(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }
}

impl Recorder {
    /// Records into `writer`. With `has_validation`, an epoch ends with its validation pass.
    pub fn new(writer: RunWriter, has_validation: bool) -> Self {
        let state = State {
            writer: Some(writer),
            started: Instant::now(),
            seconds_before: 0.0,
            last_split: if has_validation { Split::Valid } else { Split::Train },
            epoch: 0,
            step: 0,
            names: HashMap::new(),
            pending: Vec::new(),
            values: HashMap::new(),
            stored_epoch: 0,
            error: None,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), epoch_stored: Condvar::new() }))
    }

    /// Counts the time on from `seconds`.
    pub(super) fn continue_after(&self, seconds: f64) {
        self.state().seconds_before = seconds;
    }

    /// Replaces the run's checkpoint.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub(super) fn keep(&self, checkpoint: &Checkpoint) -> Result<(), TrackingError> {
        let bytes = checkpoint.encode();
        self.state().writer.as_ref().map_or(Ok(()), |writer| writer.write_file(CHECKPOINT, &bytes))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no panic while held")
    }

    /// The epoch whose metrics come next, and the optimizer steps done by then. Burn counts epochs from 1 in each
    /// process, also in a run that goes on.
    pub fn set_epoch(&self, epoch: usize, step: u64) {
        let mut state = self.state();
        (state.epoch, state.step) = (epoch, step);
    }

    /// Blocks until `epoch` is in the store; returns its values by key, such as `train/loss`.
    ///
    /// # Errors
    /// The first failure to write since the last call; metrics that do not come, since a thread of
    /// Burn's has died.
    pub fn wait_for_epoch(&self, epoch: usize) -> Result<Vec<(String, f64)>, TrainingError> {
        let state = self.state();
        let (mut state, wait) = self
            .0
            .epoch_stored
            .wait_timeout_while(state, METRICS_TIMEOUT, |state| state.stored_epoch < epoch)
            .expect("no panic while held");
        if let Some(error) = state.error.take() {
            return Err(error.into());
        }
        if wait.timed_out() {
            return Err(TrainingError::MetricsLost { epoch, seconds: METRICS_TIMEOUT.as_secs() });
        }
        let mut values = Vec::new();
        for split in [Split::Train, Split::Valid] {
            for (name, value) in state.values.get(&(split.clone(), epoch)).into_iter().flatten() {
                values.push((format!("{}/{name}", split_name(&split)), *value));
            }
        }
        Ok(values)
    }

    /// The id of the run.
    pub(super) fn run(&self) -> String {
        self.state().writer.as_ref().expect("still training").id().to_string()
    }

    /// The folder of the run.
    pub fn folder(&self) -> PathBuf {
        self.state().writer.as_ref().expect("still training").folder().to_owned()
    }

    /// Gives the run back after training; Burn's thread may hold its clone of the recorder a little longer.
    pub fn take_writer(&self) -> RunWriter {
        self.state().writer.take().expect("taken once, after training")
    }

    /// Seconds since training began.
    pub fn elapsed(&self) -> f64 {
        self.state().elapsed()
    }
}

/// burnlab's word for a Burn split.
fn split_name(split: &Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Valid => "validation",
        Split::Test(_) => "test",
    }
}

impl MetricLogger for Recorder {
    fn log(&mut self, update: MetricsUpdate, _epoch: usize, split: &Split) {
        let mut state = self.state();
        let (epoch, step, time) = (state.epoch, state.step, state.elapsed());
        for entry in update.entries_numeric {
            let name = state.names.get(&entry.entry.metric_id).cloned().expect("defined before its first value");
            let value = entry.numeric_entry.current();
            match MetricKey::new(split_name(split), &name) {
                Ok(key) => state.pending.push(Point { key, epoch: epoch as u64, step, time, value }),
                Err(error) => {
                    state.error.get_or_insert(error);
                }
            }
            state.values.entry((split.clone(), epoch)).or_default().push((name, value));
        }
    }

    fn read_numeric(&mut self, name: &str, epoch: usize, split: &Split) -> Result<Vec<NumericEntry>, String> {
        let state = self.state();
        let values = state.values.get(&(split.clone(), epoch)).into_iter().flatten();
        Ok(values.filter(|value| value.0 == name).map(|value| NumericEntry::Value(value.1)).collect())
    }

    fn log_metric_definition(&mut self, definition: MetricDefinition) {
        self.state().names.insert(definition.metric_id, definition.name);
    }

    fn log_epoch_summary(&mut self, summary: EpochSummary) {
        let mut state = self.state();
        if summary.split != state.last_split {
            return;
        }
        let points = std::mem::take(&mut state.pending);
        let logged = state.writer.as_mut().map_or(Ok(()), |writer| writer.log(&points));
        if let Err(error) = logged {
            state.error.get_or_insert(error);
        }
        state.stored_epoch = summary.epoch_number;
        self.0.epoch_stored.notify_all();
    }
}
