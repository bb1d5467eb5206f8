//! Writing one run, from before its first step to its final status.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::folder;
use super::{Point, RunId, RunRecord, Status, Store, TrackingError, UtcTime};

/// What is known of a run before it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Runs that share it are meant to be compared.
    pub experiment: String,
    /// A name for people; may repeat.
    pub name: Option<String>,
    pub tags: Vec<String>,
    pub note: Option<String>,
    /// The resolved config, which reproduces the run.
    pub config_toml: String,
    /// The config's values by dotted key, such as `training.learning_rate`.
    pub params: BTreeMap<String, serde_json::Value>,
    /// Versions, machine, git, command line.
    pub environment: serde_json::Value,
    pub seed: u64,
    /// The run that this one continues or was initialised from.
    pub parent: Option<RunId>,
}

/// The one writer of a run. Its process holds the run's lock for as long as it lives.
///
/// Dropped without [`RunWriter::finish`] (an error on the way), the run is recorded as failed.
#[derive(Debug)]
pub struct RunWriter {
    record: RunRecord,
    folder: PathBuf,
    store: Store,
    /// The run's row in the store.
    row: i64,
    metrics: File,
    log: File,
    ended: bool,
    /// Held, never used.
    _lock: File,
}

impl RunWriter {
    /// Begins a run in the artifacts folder `root`, which is created if absent: folder, lock,
    /// `config.toml`, `environment.json`, `run.json` and database row exist when this returns.
    ///
    /// # Errors
    /// A folder that cannot be written or locked; a store that is damaged, newer, or stays locked.
    pub fn start(root: &Path, run: NewRun) -> Result<Self, TrackingError> {
        let mut store = Store::open(root)?;
        let started = UtcTime::now();
        let (id, path, lock) = folder::create(root, &run.experiment, started)?;
        let record = RunRecord {
            id,
            experiment: run.experiment,
            name: run.name,
            tags: run.tags,
            note: run.note,
            status: Status::Running,
            reason: None,
            seed: run.seed,
            best_epoch: None,
            parent: run.parent,
            started,
            ended: None,
            archived: false,
            params: run.params,
        };
        folder::write_atomically(&path, folder::CONFIG, run.config_toml.as_bytes())?;
        let environment = serde_json::to_vec_pretty(&run.environment).expect("a JSON value has a JSON form");
        folder::write_atomically(&path, folder::ENVIRONMENT, &environment)?;
        let metrics = folder::create_metrics(&path)?;
        let log = fs_err::File::create_new(path.join(folder::LOG))?.into_parts().0;
        folder::write_record(&path, &record)?;
        let row = store.insert(&record)?;
        let mut writer = Self { record, folder: path, store, row, metrics, log, ended: false, _lock: lock };
        writer.log_line("started")?;
        Ok(writer)
    }

    /// The run's id.
    pub fn id(&self) -> &RunId {
        &self.record.id
    }

    /// The run's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Records `points`: appended to `metrics.csv`, then stored in one transaction. When this
    /// returns, they survive the death of the process.
    ///
    /// # Errors
    /// A time that is negative or not finite; a point that the run has already; a full disk; a
    /// store that stays locked.
    pub fn log(&mut self, points: &[Point]) -> Result<(), TrackingError> {
        if let Some(Point { key, epoch, time, .. }) = points.iter().find(|p| !p.time.is_finite() || p.time < 0.0) {
            return Err(TrackingError::InvalidTime { key: key.to_string(), epoch: *epoch, time: *time });
        }
        self.metrics.write_all(folder::metrics_lines(points).as_bytes())?;
        self.store.append(&self.record.id, self.row, points)
    }

    /// Adds a line to `run.log`, with the time.
    ///
    /// # Errors
    /// A disk that cannot be written.
    pub fn log_line(&mut self, line: &str) -> Result<(), TrackingError> {
        Ok(writeln!(self.log, "{} {}", UtcTime::now(), line.replace(['\n', '\r'], " "))?)
    }

    /// Writes a file of the run whole: under a temporary name, flushed to the disk, renamed.
    ///
    /// # Errors
    /// A name that is a path or one of burnlab's own files; a disk that cannot be written.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), TrackingError> {
        if !folder::is_file_name(name) {
            return Err(TrackingError::InvalidFileName { name: name.to_owned() });
        }
        folder::write_atomically(&self.folder, name, bytes)
    }

    /// Ends the run with a final status and the reason in words.
    ///
    /// # Errors
    /// [`Status::Running`]; a disk or store that cannot be written.
    pub fn finish(mut self, status: Status, reason: &str, best_epoch: Option<u64>) -> Result<(), TrackingError> {
        if status == Status::Running {
            return Err(TrackingError::NotFinal { status });
        }
        self.end(status, reason, best_epoch)
    }

    fn end(&mut self, status: Status, reason: &str, best_epoch: Option<u64>) -> Result<(), TrackingError> {
        self.ended = true;
        self.log_line(&format!("{status}: {reason}"))?;
        let folder = self.folder.clone();
        // Someone may have edited tags or note since the start: the change is made to what is there now.
        self.record = self.store.change(&folder, |record| {
            record.status = status;
            record.reason = Some(reason.to_owned());
            record.best_epoch = best_epoch;
            record.ended = Some(UtcTime::now());
        })?;
        Ok(())
    }
}

impl Drop for RunWriter {
    fn drop(&mut self) {
        if !self.ended {
            // Nobody is left to tell: the error that led here is on its way to the user already.
            self.end(Status::Failed, "ended without a result", None).ok();
        }
    }
}
