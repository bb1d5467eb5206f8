//! Recording one run while it trains.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs_err::File;
use serde_json::Value;

use super::folder::{self, Held, MetricsFile, Place};
use super::record::normalized_tags;
use super::{
    Closed, DataRecord, Location, MetricKey, Point, RunId, RunRecord, Status, Store, SweepTrial, TrackingError, UtcTime,
};
use crate::permissions::folder_builder;
use crate::shown::without_escapes;

/// What is needed to start a run.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Name shared by runs that are meant to be compared; its slug begins the run id.
    pub experiment: String,
    /// Display name.
    pub name: Option<String>,
    /// Trimmed, sorted and deduplicated when stored.
    pub tags: Vec<String>,
    /// Free text.
    pub note: Option<String>,
    /// The resolved configuration, which alone must reproduce the run.
    pub config_toml: String,
    /// The configuration, flattened (`training.learning_rate`); see [`flatten_config`](super::flatten_config).
    pub params: BTreeMap<String, Value>,
    /// Versions, machine, command line, git commit: whatever may explain a difference later.
    pub environment: Value,
    /// Seed of weights, shuffles and splits.
    pub seed: u64,
    /// The run that this one starts from.
    pub parent: Option<RunId>,
    /// The trial of a sweep that it belongs to.
    pub sweep: Option<SweepTrial>,
    /// Fingerprints of its data.
    pub data: Option<DataRecord>,
    /// Whether its data are closed to other users: then its folder and all that the process creates from now on are, too. Of
    /// no meaning on Windows.
    pub is_private: bool,
}

/// How long a training waits for those who keep its store from being written before it goes on without it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the end of a training, of which nothing comes after, waits.
const LAST_PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts to write the store again.
const RETRY: Duration = Duration::from_secs(30);

/// Tells the user a line.
struct Tell(Box<dyn Fn(&str) + Send>);

impl fmt::Debug for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tell")
    }
}

/// Records one run: `start`, then `log`, `log_line` and `write_file` in any order, then `finish`.
///
/// Until it is dropped, the writer holds the lock of the run folder, which tells other processes that the run is alive.
/// Dropped without `finish`, after an error, it records the run as failed.
///
/// A store that others keep locked, or a server that is away, does not end a training: what is logged meanwhile goes to the run's
/// folder alone, from which the store is brought up to date once it can be written, by this writer or by [`Store::recover`].
#[derive(Debug)]
pub struct RunWriter {
    store: Store,
    id: RunId,
    folder: Held,
    metrics: MetricsFile,
    log: File,
    /// The last point of each metric that the run had before it was resumed: epoch and step. It had all before them.
    known: HashMap<MetricKey, (u64, u64)>,
    closed: Option<Closed>,
    /// When it was last tried to write the store, which lacks points of the folder.
    behind: Option<Instant>,
    /// How long is waited for the store, and between two attempts.
    patience: [Duration; 2],
    tell: Tell,
    finished: bool,
    /// Closed last, after the final status is written: a free lock with status `running` means a crash.
    _lock: File,
}

impl RunWriter {
    /// As [`RunWriter::start_at`], with the store in the file `burnlab.db` in `root` (the artifacts folder).
    pub fn start(root: &Path, run: NewRun) -> Result<Self, TrackingError> {
        Self::start_at(&Location::local(root), run)
    }

    /// As [`RunWriter::resume_at`], with the store in the file `burnlab.db` in `root` (the artifacts folder).
    pub fn resume(root: &Path, id: &RunId) -> Result<Self, TrackingError> {
        Self::resume_at(&Location::local(root), id)
    }

    /// Creates the run: its folder with `run.json`, `config.toml`, `environment.json`, `metrics.csv`, `run.log` and the
    /// lock, and its row in the store. The artifacts folder is created if absent.
    ///
    /// # Errors
    /// If any of it cannot be written; nothing is left behind then.
    pub fn start_at(location: &Location, run: NewRun) -> Result<Self, TrackingError> {
        let mut closed = None;
        if run.is_private {
            closed = location.close()?;
        }
        let mut store = Store::open_at(location)?;
        let started = UtcTime::now();
        let (id, path) = create_folder(&store.runs_folder(), &run.experiment, started)?;
        let folder = folder::hold_new(path, run.is_private)?;
        let prepare = || -> Result<_, TrackingError> {
            let lock = folder::take_lock(&folder)?;
            folder::write_atomic(&folder, folder::CONFIG, run.config_toml.as_bytes())?;
            folder::write_json(&folder, folder::ENVIRONMENT, &run.environment)?;
            let metrics = MetricsFile::create(&folder)?;
            let log = folder::append(&folder, folder::LOG)?;
            let record = RunRecord {
                id: id.clone(),
                experiment: run.experiment,
                name: run.name,
                tags: normalized_tags(run.tags),
                note: run.note,
                status: Status::Running,
                reason: String::new(),
                started,
                ended: None,
                seed: run.seed,
                best_epoch: None,
                parent: run.parent,
                sweep: run.sweep,
                archived: false,
                trashed: None,
                data: run.data,
                params: run.params,
            };
            // Last, since a folder with `run.json` is a run.
            folder::write_record(&folder, &record)?;
            store.insert(&record, &run.environment)?;
            Ok((lock, metrics, log))
        };
        match prepare() {
            Ok((lock, metrics, log)) => {
                let known = HashMap::new();
                Ok(Self::new(store, id, folder, (metrics, log, lock), known, closed))
            }
            Err(error) => {
                // A run that never started leaves no trace; if removing it fails too, the first error is the one to report.
                folder::discard(&folder).ok();
                Err(error)
            }
        }
    }

    /// Resumes a run that ended before it was done: takes its lock, removes what a kill left half written, and sets it
    /// to running. Points that the run already has are not recorded twice; those measured after training (epoch 0) are
    /// removed, since they will be measured again.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`], [`TrackingError::Active`] for a run that is training,
    /// [`TrackingError::Elsewhere`] for one on another host, or a folder or store that cannot be read or written.
    pub fn resume_at(location: &Location, id: &RunId) -> Result<Self, TrackingError> {
        let mut store = Store::open_at(location)?;
        if let Some(home) = store.home_elsewhere(id)? {
            return Err(TrackingError::Elsewhere { id: id.clone(), home, action: "resume it" });
        }
        let folder = folder::hold(store.folder(&store.run(id)?.record.id))?;
        let lock = folder::take_lock(&folder).map_err(|error| match error {
            TrackingError::Lock { source, .. } if source.kind() == io::ErrorKind::WouldBlock => {
                TrackingError::Active { id: id.clone() }
            }
            error => error,
        })?;
        // Its results will be others.
        folder::remove(&folder, folder::SUMS)?;
        folder::remove_temporary(&folder)?;
        let mut known: HashMap<MetricKey, (u64, u64)> = HashMap::new();
        let mut has_results = false;
        folder::for_each_part(&folder, |points| {
            for point in points.drain(..) {
                if point.epoch == 0 {
                    // A result of the test part, which will be measured again.
                    has_results = true;
                    continue;
                }
                let last = known.entry(point.key).or_default();
                *last = (*last).max((point.epoch, point.step));
            }
            Ok::<_, TrackingError>(())
        })?;
        // Set to running before its points change, so that after a kill in between `Store::recover` indexes the file
        // again; and once more if points were removed.
        store.reopen(id)?;
        let metrics = MetricsFile::keep(&folder, |point| point.epoch > 0)?;
        if has_results {
            store.reopen(id)?;
        }
        let log = folder::append(&folder, folder::LOG)?;
        let writer = Self::new(store, id.clone(), folder, (metrics, log, lock), known, None);
        writer.forget_request()?;
        Ok(writer)
    }

    fn new(
        store: Store,
        id: RunId,
        folder: Held,
        (metrics, log, lock): (MetricsFile, File, File),
        known: HashMap<MetricKey, (u64, u64)>,
        closed: Option<Closed>,
    ) -> Self {
        let (behind, patience, tell) = (None, [PATIENCE, RETRY], Tell(Box::new(|_| {})));
        Self { store, id, folder, metrics, log, known, closed, behind, patience, tell, finished: false, _lock: lock }
    }

    /// In place of [`PATIENCE`] and [`RETRY`].
    #[cfg(test)]
    pub(super) fn set_patience(&mut self, patience: Duration, retry: Duration) {
        self.patience = [patience, retry];
    }

    /// Has the user told in a line where the store cannot be written, and when it is up to date again.
    pub fn tell_by(&mut self, tell: impl Fn(&str) + Send + 'static) {
        self.tell = Tell(Box::new(tell));
    }

    /// The run's id.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The run's folder, for files that training writes itself (checkpoints, plots).
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The store, if the start of this run has closed it to other users.
    pub fn has_closed(&self) -> Option<&Closed> {
        self.closed.as_ref()
    }

    /// What tells whether somebody has asked that the run end.
    ///
    /// # Errors
    /// No more files can be opened.
    pub fn stop_requests(&self) -> Result<StopRequests, TrackingError> {
        Ok(StopRequests(self.folder.again()?))
    }

    /// Records points. Call it once per epoch, with all metrics of the epoch.
    ///
    /// Once it has returned, a kill of the process loses none of them. On an error none is recorded.
    ///
    /// # Errors
    /// A point that the run already has (same key, epoch and step), a time that is negative or not finite, or a disk or
    /// store that cannot be written. One that is locked by others for more than 5 s, or a server that is away, is no error.
    pub fn log(&mut self, points: &[Point]) -> Result<(), TrackingError> {
        if let Some(point) = points.iter().find(|point| !(point.time.is_finite() && point.time >= 0.0)) {
            let (key, epoch, time) = (point.key.to_string(), point.epoch, point.time);
            return Err(TrackingError::InvalidTime { key, epoch, time });
        }
        self.folder.check()?;
        // Points are copied only in a resumed run.
        let mut points = Cow::Borrowed(points);
        if !self.known.is_empty() {
            let is_new =
                |point: &Point| self.known.get(&point.key).is_none_or(|last| (point.epoch, point.step) > *last);
            points.to_mut().retain(is_new);
        }
        if points.is_empty() {
            return Ok(());
        }
        let [patience, retry] = self.patience;
        let Some(tried) = self.behind else {
            self.store.set_patience(patience)?;
            return match self.store.append(&self.id, &points, &mut self.metrics) {
                Err(error) => {
                    let Some(problem) = error.of_others() else { return Err(error) };
                    self.metrics.append(&points)?;
                    self.behind = Some(Instant::now());
                    self.tell.0(&format!("{problem}: the training goes on, and is recorded in its folder"));
                    Ok(())
                }
                Ok(()) => Ok(()),
            };
        };
        self.metrics.append(&points)?;
        if tried.elapsed() < retry {
            return Ok(());
        }
        self.store.set_patience(Duration::ZERO)?;
        self.catch_up().map(drop)
    }

    /// Brings the store up to date with the folder; returns whether it is.
    fn catch_up(&mut self) -> Result<bool, TrackingError> {
        if self.behind.is_none() {
            return Ok(true);
        }
        match self.store.take_over(&self.id) {
            Ok(()) => {
                self.behind = None;
                self.tell.0("the store can be written again, and has all of the run");
                Ok(true)
            }
            Err(error) if error.of_others().is_some() => {
                self.behind = Some(Instant::now());
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes `SHA256SUMS` of the results in these files: what is changed later, by hand or by a failing disk, is not taken for what
    /// training wrote.
    ///
    /// # Errors
    /// A folder that cannot be read or written.
    pub fn write_sums(&self, names: &[&str]) -> Result<(), TrackingError> {
        self.folder.check()?;
        folder::write_sums(&self.folder, names)
    }

    /// Appends to `run.log`, each line prefixed by the UTC time.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn log_line(&mut self, line: &str) -> Result<(), TrackingError> {
        let now = UtcTime::now();
        // Names in it may hold commands to the terminal that shows the file.
        let text: String = without_escapes(line).lines().map(|line| format!("{now} {line}\n")).collect();
        Ok(self.log.write_all(text.as_bytes())?)
    }

    /// Writes a file of the run, replacing any of that name; readers see all of it or nothing.
    ///
    /// # Errors
    /// [`TrackingError::InvalidFileName`] for a name that is not a plain file name (letters, digits, `.`, `_`, `-`),
    /// optionally in `plots/`, or that tracking writes itself (`run.json`, `config.toml`, `environment.json`,
    /// `metrics.csv`, `run.log`, `lock`).
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), TrackingError> {
        self.write(name, bytes, |folder, name, bytes| folder::write_atomic(folder, name, bytes))
    }

    /// As [`RunWriter::write_file`], for a file that is written piece by piece, since it may be large.
    ///
    /// # Errors
    /// As [`RunWriter::write_file`].
    pub fn write_pieces(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), TrackingError> {
        self.write(name, &[], |folder, name, _| folder::write_pieces(folder, name, write))
    }

    /// As [`RunWriter::write_file`], for a file that can be derived again from the others, such as a picture: it does
    /// not wait for the disk, and the file may be missing after a power cut.
    ///
    /// # Errors
    /// As [`RunWriter::write_file`].
    pub fn write_derived(&self, name: &str, bytes: &[u8]) -> Result<(), TrackingError> {
        self.write(name, bytes, |folder, name, bytes| folder::write_renamed(folder, name, bytes))
    }

    /// Removes a file of the run, if there is one.
    ///
    /// # Errors
    /// As [`RunWriter::write_file`].
    pub fn remove_file(&self, name: &str) -> Result<(), TrackingError> {
        folder::check_file_name(name)?;
        self.folder.check()?;
        folder::remove(&self.folder, name)
    }

    fn write(
        &self,
        name: &str,
        bytes: &[u8],
        write: impl FnOnce(Place, &str, &[u8]) -> Result<(), TrackingError>,
    ) -> Result<(), TrackingError> {
        folder::check_file_name(name)?;
        self.folder.check()?;
        write((&self.folder).into(), name, bytes)
    }

    /// Ends the run.
    ///
    /// `reason` is for people ("early stopping: no better validation/loss for 10 epochs"); `best_epoch` is the 1-based
    /// epoch whose weights were kept.
    ///
    /// # Errors
    /// [`TrackingError::NotFinal`] for [`Status::Running`] (the run is then recorded as failed), or a disk or store that
    /// cannot be written.
    pub fn finish(mut self, status: Status, reason: &str, best_epoch: Option<u64>) -> Result<(), TrackingError> {
        if !status.is_final() {
            return Err(TrackingError::NotFinal { status });
        }
        self.end(status, reason, best_epoch)
    }

    fn forget_request(&self) -> Result<(), TrackingError> {
        if self.folder.has_file(folder::STOP) { folder::remove(&self.folder, folder::STOP) } else { Ok(()) }
    }

    fn end(&mut self, status: Status, reason: &str, best_epoch: Option<u64>) -> Result<(), TrackingError> {
        self.finished = true;
        self.folder.check()?;
        // A request that stays says less than the end of the run.
        self.forget_request().ok();
        let end = |record: &mut RunRecord| {
            record.status = status;
            reason.clone_into(&mut record.reason);
            record.best_epoch = best_epoch;
            record.ended = Some(UtcTime::now());
        };
        // Who has waited already does not wait as long again.
        let patience = if self.behind.is_some() { self.patience[0] } else { LAST_PATIENCE.min(6 * self.patience[0]) };
        self.store.set_patience(patience)?;
        if self.catch_up()? {
            // Tags and notes may have been edited since the start: change the stored record, do not overwrite it.
            match self.store.edit(&self.id, end) {
                Err(error) if error.of_others().is_some() => {}
                Ok(()) if self.store.is_removed() => {
                    let reindex = self.store.command(&["runs", "reindex"]);
                    self.tell.0(&format!(
                        "the store was removed while the run trained; the run is whole in its folder, and `{reindex}` makes a \
                         new store of all run folders"
                    ));
                    return Ok(());
                }
                ended => return ended,
            }
        }
        let mut record = folder::read_record(&self.folder)?;
        end(&mut record);
        folder::write_record(&self.folder, &record)?;
        let list = self.store.command(&["runs", "list"]);
        self.tell.0(&format!(
            "the run is whole in its folder, and the store, which cannot be written, lacks its end: `{list}` takes it over later"
        ));
        Ok(())
    }
}

/// Tells whether [`Store::ask_to_stop`] was called for a run; for another thread than the one that trains.
#[derive(Debug)]
pub struct StopRequests(Held);

impl StopRequests {
    pub fn is_asked(&self) -> bool {
        self.0.has_file(folder::STOP)
    }
}

impl Drop for RunWriter {
    fn drop(&mut self) {
        if !self.finished {
            // The first error is being reported; if this fails too, the free lock shows the run as crashed.
            self.end(Status::Failed, "ended without a result", None).ok();
        }
    }
}

/// Reserves a new id by creating its folder, which only one process can do.
fn create_folder(runs: &Path, experiment: &str, time: UtcTime) -> io::Result<(RunId, PathBuf)> {
    loop {
        let id = RunId::generate(experiment, time);
        let folder = runs.join(id.as_str());
        match folder_builder().create(&folder) {
            Ok(()) => return Ok((id, folder)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(folder::in_words("create directory", &folder, &error)),
        }
    }
}
