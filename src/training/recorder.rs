//! Records the epochs of a training in its run: the only link between training and tracking.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::checkpoint::Checkpoint;
use crate::tracking::{MetricKey, Point, RunWriter, TrackingError};

/// The file in the run folder from which training can resume.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// The same for the second training of a run, on the training and validation rows.
pub const REFIT_CHECKPOINT: &str = "refit.safetensors";

/// Epochs shorter than this are written in batches, since a write takes longer than a short epoch (both take fractions
/// of a millisecond, measured on the digits network). A killed process loses at most this much.
const WRITE_EVERY: Duration = Duration::from_millis(20);

/// Writes each epoch's metrics to the run. Clones share it.
#[derive(Clone)]
pub struct Recorder(Arc<Mutex<State>>);

struct State {
    /// `None` where nothing is recorded, and once training is over and the owner has taken it back.
    writer: Option<RunWriter>,
    started: Instant,
    /// Seconds of training before `started`, in a resumed run.
    seconds_before: f64,
    /// Points of the last few epochs, not yet written.
    pending: Vec<Point>,
    written: Instant,
}

impl State {
    fn elapsed(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    fn write(&mut self) -> Result<(), TrackingError> {
        let points = std::mem::take(&mut self.pending);
        self.written = Instant::now();
        self.writer.as_mut().map_or(Ok(()), |writer| writer.log(&points))
    }
}

impl Recorder {
    /// Records into `writer`.
    pub fn new(writer: RunWriter) -> Self {
        Self::after(0.0, writer)
    }

    /// Records into `writer`, and counts time from `seconds` of earlier training.
    pub fn after(seconds: f64, writer: RunWriter) -> Self {
        Self::into(Some(writer), seconds)
    }

    /// Records nothing: of a training that only its observer sees.
    pub fn of_nothing() -> Self {
        Self::into(None, 0.0)
    }

    fn into(writer: Option<RunWriter>, seconds: f64) -> Self {
        let now = Instant::now();
        let state = State { writer, started: now, seconds_before: seconds, pending: Vec::new(), written: now };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic while held")
    }

    /// Counts time from `seconds` of earlier training.
    pub(super) fn continue_after(&self, seconds: f64) {
        self.state().seconds_before = seconds;
    }

    /// Records the values of an epoch, `step` optimizer steps after the start. They are written before this returns if
    /// `at_once` is set or the last write was at least 20 ms ago; otherwise with a later epoch, or at the end of
    /// training.
    ///
    /// # Errors
    /// A disk or store that cannot be written.
    pub(super) fn record(
        &self,
        epoch: usize,
        step: usize,
        values: &[(MetricKey, f64)],
        at_once: bool,
    ) -> Result<(), TrackingError> {
        let mut state = self.state();
        let (epoch, step, time) = (epoch as u64, step as u64, state.elapsed());
        let point = |(key, value): &(MetricKey, f64)| Point { key: key.clone(), epoch, step, time, value: *value };
        state.pending.extend(values.iter().map(point));
        if at_once || state.written.elapsed() >= WRITE_EVERY { state.write() } else { Ok(()) }
    }

    /// Writes pending values, and replaces the run's checkpoint `file`.
    ///
    /// # Errors
    /// A disk or store that cannot be written.
    pub(super) fn keep(&self, file: &str, checkpoint: &Checkpoint) -> Result<(), TrackingError> {
        self.flush()?;
        self.state().writer.as_ref().map_or(Ok(()), |writer| writer.write_file(file, &checkpoint.encode()))
    }

    /// Writes pending values.
    ///
    /// # Errors
    /// A disk or store that cannot be written.
    pub(super) fn flush(&self) -> Result<(), TrackingError> {
        self.state().write()
    }

    /// The id of the run; `None` where nothing is recorded.
    pub(super) fn run(&self) -> Option<String> {
        self.state().writer.as_ref().map(|writer| writer.id().to_string())
    }

    /// The folder of the run; empty where nothing is recorded.
    pub fn folder(&self) -> PathBuf {
        self.state().writer.as_ref().map_or_else(PathBuf::new, |writer| writer.folder().to_owned())
    }

    /// Returns the run's writer to its owner after training.
    pub fn take_writer(&self) -> RunWriter {
        self.state().writer.take().expect("taken once, after training")
    }

    /// Seconds since training began.
    pub fn elapsed(&self) -> f64 {
        self.state().elapsed()
    }
}
