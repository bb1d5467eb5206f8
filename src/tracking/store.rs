//! `burnlab.db`: the index over all run folders. All SQL of burnlab is in this file and in `migrations/`.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use fs_err as fs;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior, named_params, params,
};
use serde::Serialize;
use serde_json::Value;

use super::folder::{self, MetricsFile};
use super::point::json_float;
use super::run::tidy_tags;
use super::{FileEntry, Goal, MetricKey, Point, RunId, RunRecord, Sample, Shown, Status, TrackingError, UtcTime, slug};

/// Numbered schema steps; `user_version` counts those that were applied. Only ever append.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_initial.sql"), include_str!("migrations/0002_sweeps.sql")];
const SCHEMA: i64 = MIGRATIONS.len() as i64;

/// How long a writer waits for the others before it gives up.
const BUSY_SECONDS: u64 = 30;

/// A run whose process is alive is stalled after ten times its mean epoch, but not before this.
const SHORTEST_STALL: Duration = Duration::from_secs(60);
/// The same before the first epoch is logged, when nothing is known of its length.
const STALL_BEFORE_FIRST_EPOCH: Duration = Duration::from_secs(600);

/// A folder in `runs` without `run.json` is left over from a start that was killed, once it is this old.
const ABANDONED_START: Duration = Duration::from_secs(3600);

/// All runs of one artifacts folder.
///
/// Cheap to open (about 0.6 ms once the file exists); open one per thread or process that needs it.
///
/// Measured with 2,000 runs of 200 epochs and 4 metrics on 2 shared cores: [`Store::runs`] 20-35 ms, 100 series of 200
/// points 6 ms, [`Store::reindex`] 3.6 s.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    path: PathBuf,
    connection: Connection,
}

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub root: PathBuf,
    pub server: Option<String>,
}

impl From<&Path> for Location {
    fn from(root: &Path) -> Self {
        Self { root: root.to_path_buf(), server: None }
    }
}

impl Store {
    pub fn open_at(location: &Location) -> Result<Self, TrackingError> {
        Self::open(&location.root)
    }
    pub fn open_read_only_at(location: &Location) -> Result<Self, TrackingError> {
        Self::open_read_only(&location.root)
    }
}

/// A run as lists need it: its record and a summary per metric, without the points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// What `run.json` says.
    #[serde(flatten)]
    pub record: RunRecord,
    /// By metric key.
    pub metrics: BTreeMap<MetricKey, MetricSummary>,
    /// The store's revision when the run last changed; see [`Store::changes_since`].
    pub revision: u64,
}

/// One metric of one run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MetricSummary {
    /// How many points were logged.
    pub points: u64,
    /// The value logged last.
    #[serde(with = "json_float")]
    pub last: f64,
    /// Epoch of `last`; 0 for a value measured after training.
    pub last_epoch: u64,
    /// Step of `last`.
    pub last_step: u64,
    /// Time of `last`, in seconds since the run's start.
    pub last_time: f64,
    /// The best finite value by the metric's [`Goal`], the earliest of equals; `None` if no value was finite.
    pub best: Option<f64>,
    /// Epoch of `best`.
    pub best_epoch: Option<u64>,
}

/// What happened in a store after a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Ask with this one next time. If it is lower than the one asked with, the store was rebuilt: read all anew.
    pub revision: u64,
    /// Runs that are new or changed (points included), in the order of their change.
    pub changed: Vec<RunId>,
    /// Runs that were deleted.
    pub removed: Vec<RunId>,
}

/// The result of [`Store::reindex`].
#[derive(Debug, Default)]
pub struct Reindexed {
    /// Run folders that were read.
    pub runs: usize,
    /// Points that were read.
    pub points: usize,
    /// Rows dropped because their folder is gone.
    pub dropped: Vec<RunId>,
    /// Folders that could not be read, with the reason; their rows are left as they were.
    pub skipped: Vec<(PathBuf, TrackingError)>,
}

/// Inside a transaction: an SQLite error still without the store's path, or a finished error.
pub(super) enum Failure {
    Sql(rusqlite::Error),
    Other(TrackingError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<TrackingError> for Failure {
    fn from(error: TrackingError) -> Self {
        Self::Other(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Other(error.into())
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Opening

impl Store {
    /// Opens the store in `root` (the artifacts folder) for reading and writing; creates or upgrades it as needed.
    ///
    /// # Errors
    /// A folder that cannot be written, a file that is no store, or the store of a newer burnlab.
    pub fn open(root: &Path) -> Result<Self, TrackingError> {
        fs::create_dir_all(root.join("runs"))?;
        let store = Self::connect(root, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        store.use_wal()?;
        store.migrate()?;
        Ok(store)
    }

    /// Opens an existing store for reading. Changes fail with [`TrackingError::ReadOnly`].
    ///
    /// Works in a folder that cannot be written, too. The store of an older burnlab is upgraded first.
    ///
    /// # Errors
    /// [`TrackingError::NoStore`] if there is none, and as [`Store::open`].
    pub fn open_read_only(root: &Path) -> Result<Self, TrackingError> {
        if !root.join("burnlab.db").exists() {
            return Err(TrackingError::NoStore { root: root.to_path_buf() });
        }
        let store = Self::connect(root, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        match store.version() {
            Ok(version) if version > SCHEMA => Err(store.too_new(version)),
            // Older, or another process is creating it at this moment.
            Ok(version) if version < SCHEMA => Self::open(root),
            Ok(_) => Ok(store),
            // A WAL store needs its `-shm` file, which cannot be made in a folder without write permission; nobody
            // else writes there either, so that reading the file alone is safe.
            Err(TrackingError::ReadOnly { .. }) => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
                Self::connect_to(root, &immutable_uri(&store.path), flags)
            }
            Err(error) => Err(error),
        }
    }

    /// The artifacts folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where run folders are.
    pub fn runs_folder(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// The folder of a run (which may not exist).
    pub fn folder(&self, id: &RunId) -> PathBuf {
        self.runs_folder().join(id.as_str())
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn trash_folder(&self) -> PathBuf {
        self.root.join("trash")
    }

    fn connect(root: &Path, flags: OpenFlags) -> Result<Self, TrackingError> {
        Self::connect_to(root, &root.join("burnlab.db"), flags)
    }

    fn connect_to(root: &Path, name: &Path, flags: OpenFlags) -> Result<Self, TrackingError> {
        let path = root.join("burnlab.db");
        // A `Connection` is used by one thread at a time: SQLite's own mutexes are not needed.
        let open = || {
            let connection = Connection::open_with_flags(name, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            connection.busy_timeout(Duration::from_secs(BUSY_SECONDS))?;
            // NORMAL: a killed process loses nothing; a power cut may lose the last transactions, never the file.
            connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL;")?;
            Ok(connection)
        };
        let connection = open().map_err(|error| TrackingError::sql(&path, BUSY_SECONDS, error))?;
        Ok(Self { root: root.to_path_buf(), path, connection })
    }

    /// WAL: readers and the writer do not wait for each other.
    fn use_wal(&self) -> Result<(), TrackingError> {
        let deadline = Instant::now() + Duration::from_secs(BUSY_SECONDS);
        loop {
            let mode = self.connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
            match mode {
                // A file system without shared memory keeps another mode, which is slower but right.
                Ok(_) => return Ok(()),
                // SQLite does not use its busy time-out for this switch: processes that create a store together
                // have to wait here.
                Err(error) if is_busy(&error) && Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                Err(error) => return Err(self.sql(error)),
            }
        }
    }

    fn version(&self) -> Result<i64, TrackingError> {
        read_version(&self.connection).map_err(|error| self.sql(error))
    }

    fn too_new(&self, found: i64) -> TrackingError {
        TrackingError::SchemaTooNew { path: self.path.clone(), found, supported: SCHEMA }
    }

    fn migrate(&self) -> Result<(), TrackingError> {
        let is_current = |version| match version {
            SCHEMA => Ok(true),
            0..SCHEMA => Ok(false),
            _ => Err(self.too_new(version)),
        };
        if is_current(self.version()?)? {
            return Ok(());
        }
        self.transaction(|connection| {
            // Another process may have done it while this one waited for the lock.
            let version = read_version(connection)?;
            if is_current(version)? {
                return Ok(());
            }
            let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if version == 0 && tables > 0 {
                return Err(TrackingError::NotAStore { path: self.path.clone() }.into());
            }
            for migration in &MIGRATIONS[version as usize..] {
                connection.execute_batch(migration)?;
            }
            Ok(connection.pragma_update(None, "user_version", SCHEMA)?)
        })
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading

impl Store {
    /// All runs, archived ones included, newest first.
    pub fn runs(&self) -> Result<Vec<Run>, TrackingError> {
        self.select_runs("", [])
    }

    /// One run.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`].
    pub fn run(&self, id: &RunId) -> Result<Run, TrackingError> {
        let runs = self.select_runs("WHERE id = ?1", [id.as_str()])?;
        runs.into_iter().next().ok_or_else(|| no_such_run(id.as_str()))
    }

    /// The run that `query` means: an id, the unique beginning of one, or `latest` for the newest.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`], or [`TrackingError::AmbiguousRun`] with up to five candidates.
    pub fn find(&self, query: &str) -> Result<Run, TrackingError> {
        let id = pick(query, self.ids_newest_first()?)?;
        self.run(&id)
    }

    /// The runs of an experiment, the newest first; it is named as the user wrote it or as it stands in run ids.
    pub fn ids_of(&self, experiment: &str) -> Result<Vec<RunId>, TrackingError> {
        let slug = slug(experiment);
        let mut ids = self.ids_newest_first()?;
        ids.retain(|id| id.experiment() == slug);
        Ok(ids)
    }

    /// The points of one metric of a run, by epoch and step; empty if the run has no such metric.
    pub fn series(&self, id: &RunId, key: &MetricKey) -> Result<Vec<Sample>, TrackingError> {
        self.series_after(id, key, None)
    }

    /// As [`Store::series`], but only points later than `after` (epoch, step): what a live chart has not seen yet.
    /// Points measured after training (epoch 0) sort first and are therefore not later than anything.
    pub fn series_after(
        &self,
        id: &RunId,
        key: &MetricKey,
        after: Option<(u64, u64)>,
    ) -> Result<Vec<Sample>, TrackingError> {
        let (epoch, step) = after.map_or((-1, -1), |(epoch, step)| (bits(epoch), bits(step)));
        let select = || {
            let mut statement = self.connection.prepare(
                "SELECT epoch, step, time, value FROM point
                 WHERE metric = (SELECT metric.number FROM metric JOIN run ON run.number = metric.run
                                 WHERE run.id = :id AND metric.key = :key)
                   AND (epoch, step) > (:epoch, :step)
                 ORDER BY epoch, step",
            )?;
            let parameters = named_params! { ":id": id.as_str(), ":key": key.as_str(), ":epoch": epoch, ":step": step };
            statement.query_map(parameters, sample)?.collect::<rusqlite::Result<_>>()
        };
        select().map_err(|error| self.sql(error))
    }

    /// The resolved configuration of a run.
    pub fn config_toml(&self, id: &RunId) -> Result<String, TrackingError> {
        Ok(fs::read_to_string(self.folder(id).join(folder::CONFIG))?)
    }

    /// What was recorded of the machine, versions and command line.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`].
    pub fn environment(&self, id: &RunId) -> Result<Value, TrackingError> {
        let text: Option<String> = self
            .connection
            .query_row("SELECT environment FROM run WHERE id = ?1", [id.as_str()], |row| row.get(0))
            .optional()
            .map_err(|error| self.sql(error))?;
        let text = text.ok_or_else(|| no_such_run(id.as_str()))?;
        serde_json::from_str(&text).map_err(|error| TrackingError::damaged(&self.path, error))
    }

    /// The files of a run that can be shown, sorted by name; no links, no hidden files.
    pub fn files(&self, id: &RunId) -> Result<Vec<FileEntry>, TrackingError> {
        Ok(folder::list_files(&self.folder(id))?)
    }

    /// The path of a file that [`Store::files`] lists under exactly this name. `name` is compared, never joined to a
    /// path, so that it cannot lead out of the run's folder.
    pub fn file(&self, id: &RunId, name: &str) -> Result<Option<PathBuf>, TrackingError> {
        let known = self.files(id)?.into_iter().find(|file| file.name == name);
        Ok(known.map(|file| self.folder(id).join(file.name)))
    }

    /// The status to show: the stored one, and for a running run whether its process is alive and not silent.
    ///
    /// Costs one probe of a lock file for a running run, and nothing for all others.
    pub fn shown(&self, run: &Run) -> Shown {
        if run.record.status.is_final() {
            return run.record.status.into();
        }
        let folder = self.folder(&run.record.id);
        match folder::is_locked(&folder) {
            Ok(false) => {
                // The run may have ended between the reading of `run` and the probe; `run.json` was written before
                // the lock was given up.
                match folder::read_record(&folder) {
                    Ok(record) if record.status.is_final() => record.status.into(),
                    _ => Shown::Crashed,
                }
            }
            Ok(true) if silence(&folder) > stalled_after(run) => Shown::Stalled,
            // Where the lock cannot be probed, nothing speaks against the record.
            Ok(true) | Err(_) => Shown::Running,
        }
    }

    /// The store's revision: it grows with each change.
    pub fn revision(&self) -> Result<u64, TrackingError> {
        let revision = self.connection.query_row("SELECT revision FROM store", [], |row| row.get::<_, i64>(0));
        revision.map(number).map_err(|error| self.sql(error))
    }

    /// Which runs changed after `revision` (0 for all).
    pub fn changes_since(&self, revision: u64) -> Result<Changes, TrackingError> {
        // The store's revision first: a change in between is reported twice rather than lost.
        let current = self.revision()?;
        let ids = |sql: &str| -> rusqlite::Result<Vec<RunId>> {
            self.connection.prepare(sql)?.query_map([bits(revision)], run_id)?.collect()
        };
        let changed =
            ids("SELECT id FROM run WHERE revision > ?1 ORDER BY revision").map_err(|error| self.sql(error))?;
        let removed =
            ids("SELECT id FROM removed WHERE revision > ?1 ORDER BY revision").map_err(|error| self.sql(error))?;
        Ok(Changes { revision: current, changed, removed })
    }

    /// The deleted runs that can be restored, newest first.
    ///
    /// # Errors
    /// When the trash cannot be listed. Folders with a damaged `run.json` are left out.
    pub fn trashed(&self) -> Result<Vec<RunRecord>, TrackingError> {
        let folders = folder::list_run_folders(&self.trash_folder())?;
        let mut records: Vec<RunRecord> =
            folders.iter().filter_map(|folder| folder::read_record(folder).ok()).collect();
        records.sort_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
        Ok(records)
    }

    /// As [`Store::find`], among the deleted runs.
    pub fn find_trashed(&self, query: &str) -> Result<RunId, TrackingError> {
        pick(query, self.trashed()?.into_iter().map(|record| record.id).collect())
    }

    fn ids_newest_first(&self) -> Result<Vec<RunId>, TrackingError> {
        let select = || {
            let mut statement = self.connection.prepare("SELECT id FROM run ORDER BY started DESC, id DESC")?;
            statement.query_map([], run_id)?.collect::<rusqlite::Result<_>>()
        };
        select().map_err(|error| self.sql(error))
    }

    fn select_runs<P: rusqlite::Params + Clone>(
        &self,
        condition: &str,
        parameters: P,
    ) -> Result<Vec<Run>, TrackingError> {
        let select = || -> Result<Vec<Run>, Failure> {
            // One read transaction: the summaries belong to the records.
            let snapshot = Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred)?;
            let mut runs = Vec::new();
            let mut places = HashMap::new();
            let sql = format!("SELECT number, record, revision FROM run {condition} ORDER BY started DESC, id DESC");
            let mut statement = snapshot.prepare(&sql)?;
            let mut rows = statement.query(parameters.clone())?;
            while let Some(row) = rows.next()? {
                let record = serde_json::from_str(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)
                    .map_err(|error| TrackingError::damaged(&self.path, error))?;
                places.insert(row.get::<_, i64>(0)?, runs.len());
                runs.push(Run { record, metrics: BTreeMap::new(), revision: number(row.get(2)?) });
            }
            let sql = format!(
                "SELECT run, key, points, last, last_epoch, last_step, last_time, best, best_epoch FROM metric {}",
                if condition.is_empty() {
                    String::new()
                } else {
                    format!("WHERE run IN (SELECT number FROM run {condition})")
                }
            );
            let mut statement = snapshot.prepare(&sql)?;
            let mut rows = statement.query(parameters)?;
            while let Some(row) = rows.next()? {
                let place = places[&row.get::<_, i64>(0)?];
                let key: MetricKey = row.get::<_, String>(1)?.try_into()?;
                runs[place].metrics.insert(key, summary(row)?);
            }
            Ok(runs)
        };
        select().map_err(|failure| self.fail(failure))
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Changing

impl Store {
    /// Adds and removes tags.
    pub fn edit_tags(&mut self, id: &RunId, add: &[String], remove: &[String]) -> Result<(), TrackingError> {
        self.edit(id, |record| {
            record.tags.extend_from_slice(add);
            record.tags = tidy_tags(std::mem::take(&mut record.tags));
            record.tags.retain(|tag| !remove.contains(tag));
        })
    }

    /// Replaces all tags.
    pub fn set_tags(&mut self, id: &RunId, tags: Vec<String>) -> Result<(), TrackingError> {
        self.edit(id, |record| record.tags = tidy_tags(tags))
    }

    /// Sets the note; an empty one removes it.
    pub fn set_note(&mut self, id: &RunId, note: &str) -> Result<(), TrackingError> {
        self.edit(id, |record| record.note = Some(note.trim().to_owned()).filter(|note| !note.is_empty()))
    }

    /// Sets the name for people; an empty one removes it.
    pub fn set_name(&mut self, id: &RunId, name: &str) -> Result<(), TrackingError> {
        self.edit(id, |record| record.name = Some(name.trim().to_owned()).filter(|name| !name.is_empty()))
    }

    /// Archives a run, or brings it back.
    pub fn set_archived(&mut self, id: &RunId, archived: bool) -> Result<(), TrackingError> {
        self.edit(id, |record| record.archived = archived)
    }

    /// Moves a run to the trash folder, from where [`Store::restore`] brings it back.
    ///
    /// # Errors
    /// [`TrackingError::Active`] for a run that is still training, [`TrackingError::NoSuchRun`].
    pub fn delete(&mut self, id: &RunId) -> Result<(), TrackingError> {
        let (folder, trash) = (self.folder(id), self.trash_folder());
        self.write(|connection, revision| {
            if row_number(connection, id)?.is_none() {
                return Err(no_such_run(id.as_str()).into());
            }
            if folder::is_locked(&folder)? {
                return Err(TrackingError::Active { id: id.clone() }.into());
            }
            // A folder that somebody removed by hand leaves nothing to keep: only the row goes.
            if folder.exists() {
                // A damaged `run.json` goes to the trash as it is.
                if let Ok(mut record) = folder::read_record(&folder) {
                    record.trashed = Some(UtcTime::now());
                    folder::write_record(&folder, &record)?;
                }
                fs::create_dir_all(&trash)?;
                fs::rename(&folder, trash.join(id.as_str()))?;
            }
            remove_rows(connection, id, revision)
        })
    }

    /// Brings a deleted run back.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`] if it is not in the trash, [`TrackingError::Exists`] if it is in `runs` already.
    pub fn restore(&mut self, id: &RunId) -> Result<(), TrackingError> {
        let (folder, trashed) = (self.folder(id), self.trash_folder().join(id.as_str()));
        self.write(|connection, revision| {
            if !trashed.exists() {
                return Err(no_such_run(id.as_str()).into());
            }
            if folder.exists() {
                return Err(TrackingError::Exists { id: id.clone() }.into());
            }
            let mut record = folder::read_record(&trashed)?;
            record.trashed = None;
            folder::write_record(&trashed, &record)?;
            fs::rename(&trashed, &folder)?;
            if let Err(error) = index_folder(connection, &folder, revision) {
                // Not half restored: back to where the user can try again.
                fs::rename(&folder, &trashed)?;
                return Err(error);
            }
            connection.execute("DELETE FROM removed WHERE id = ?1", [id.as_str()])?;
            Ok(())
        })
    }

    /// Removes for good what was deleted at least `older_than` ago, and what killed starts left in `runs`.
    /// Returns the ids that are gone from the trash.
    pub fn gc(&mut self, older_than: Duration) -> Result<Vec<RunId>, TrackingError> {
        let now = UtcTime::now();
        let mut gone = Vec::new();
        for (id, folder) in named_folders(&self.trash_folder())? {
            // Without a time (damaged, or put there by hand) it counts as old.
            let trashed = folder::read_record(&folder).ok().and_then(|record| record.trashed);
            let age = trashed.map_or(f64::INFINITY, |trashed| now.seconds_since(trashed));
            if age >= older_than.as_secs_f64() {
                fs::remove_dir_all(&folder)?;
                gone.push(id);
            }
        }
        for (_, folder) in named_folders(&self.runs_folder())? {
            if is_abandoned(&folder)? {
                fs::remove_dir_all(&folder)?;
            }
        }
        Ok(gone)
    }

    /// Records as crashed each running run whose process is gone, with all points that reached its folder.
    /// Returns their ids.
    pub fn settle(&mut self) -> Result<Vec<RunId>, TrackingError> {
        let mut crashed = Vec::new();
        for run in self.runs()? {
            if self.shown(&run) != Shown::Crashed || run.record.status.is_final() {
                continue;
            }
            let id = run.record.id;
            let folder = self.folder(&id);
            if !folder.exists() {
                continue;
            }
            let settled = self.write(|connection, revision| {
                let mut record = folder::read_record(&folder)?;
                if record.status.is_final() {
                    return Ok(false);
                }
                record.status = Status::Crashed;
                "the process went away without a final status".clone_into(&mut record.reason);
                // File times come from a coarser clock than ours and may lie a few milliseconds before the start.
                let last_sign = folder::last_sign(&folder).and_then(|time| UtcTime::try_from(time).ok());
                record.ended = last_sign.map(|time| time.max(record.started));
                folder::write_record(&folder, &record)?;
                index_folder(connection, &folder, revision)?;
                Ok(true)
            });
            match settled {
                Ok(true) => crashed.push(id),
                // One damaged folder must not keep the others from being settled; `reindex` names it.
                Ok(false) | Err(TrackingError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(crashed)
    }

    /// Rebuilds all rows from the run folders; rows without a folder go.
    ///
    /// One transaction per run, so that trainings which are going on wait for one run at most.
    pub fn reindex(&mut self) -> Result<Reindexed, TrackingError> {
        let mut result = Reindexed::default();
        let folders = folder::list_run_folders(&self.runs_folder())?;
        for folder in folders {
            match self.write(|connection, revision| index_folder(connection, &folder, revision)) {
                Ok(points) => {
                    result.runs += 1;
                    result.points += points;
                }
                Err(
                    error @ (TrackingError::Damaged { .. }
                    | TrackingError::Io(_)
                    | TrackingError::DuplicatePoint { .. }),
                ) => {
                    result.skipped.push((folder, error));
                }
                Err(error) => return Err(error),
            }
        }
        for id in self.ids_newest_first()? {
            if !self.folder(&id).exists() {
                self.write(|connection, revision| remove_rows(connection, &id, revision))?;
                result.dropped.push(id);
            }
        }
        Ok(result)
    }

    /// Adds the row of a run whose folder was just written.
    pub(super) fn insert(&mut self, record: &RunRecord, environment: &Value) -> Result<(), TrackingError> {
        self.write(|connection, revision| upsert_run(connection, record, environment, revision).map(drop))
    }

    /// Changes `run.json` and the row together. The write lock keeps two editors from undoing each other.
    pub(super) fn edit(&mut self, id: &RunId, change: impl FnOnce(&mut RunRecord)) -> Result<(), TrackingError> {
        let folder = self.folder(id);
        self.write(|connection, revision| {
            if !folder.exists() {
                return Err(no_such_run(id.as_str()).into());
            }
            let mut record = folder::read_record(&folder)?;
            change(&mut record);
            folder::write_record(&folder, &record)?;
            if row_number(connection, id)?.is_none() {
                index_folder(connection, &folder, revision)?;
            }
            let sql = "UPDATE run SET record = ?2, revision = ?3 WHERE id = ?1";
            connection.execute(sql, params![id.as_str(), to_json(&record), bits(revision)])?;
            Ok(())
        })
    }

    /// Sets a run that ended back to running, with the points of its folder.
    pub(super) fn reopen(&mut self, id: &RunId) -> Result<(), TrackingError> {
        let folder = self.folder(id);
        self.write(|connection, revision| {
            let mut record = folder::read_record(&folder)?;
            record.status = Status::Running;
            record.reason.clear();
            record.ended = None;
            record.best_epoch = None;
            folder::write_record(&folder, &record)?;
            index_folder(connection, &folder, revision)?;
            Ok(())
        })
    }

    /// Appends points to `file` and the store: to both, or on an error to none.
    pub(super) fn append(&mut self, id: &RunId, points: &[Point], file: &mut MetricsFile) -> Result<(), TrackingError> {
        let length = file.length();
        let folder = self.folder(id);
        let result = self.write(|connection, revision| {
            // Somebody may have removed the row, or rebuilt the store, while the run goes on.
            if row_number(connection, id)?.is_none() {
                index_folder(connection, &folder, revision)?;
            }
            let run = row_number(connection, id)?.ok_or_else(|| no_such_run(id.as_str()))?;
            insert_points(connection, run, id, points)?;
            connection.execute("UPDATE run SET revision = ?2 WHERE number = ?1", [run, bits(revision)])?;
            // The file before the commit: a kill in between leaves an epoch that nobody was told of in the file,
            // never an acknowledged one out of it.
            Ok(file.append(points)?)
        });
        if result.is_err() {
            file.undo(length);
        }
        result
    }

    /// One write transaction, given the new revision.
    fn write<T>(&mut self, change: impl FnOnce(&Connection, u64) -> Result<T, Failure>) -> Result<T, TrackingError> {
        self.transaction(|connection| {
            let sql = "UPDATE store SET revision = revision + 1 RETURNING revision";
            let revision: i64 = connection.query_row(sql, [], |row| row.get(0))?;
            change(connection, number(revision))
        })
    }

    /// Takes the write lock first (IMMEDIATE): a transaction that began by reading could not wait for it later.
    pub(super) fn transaction<T>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, TrackingError> {
        let run = || -> Result<T, Failure> {
            let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
            let value = change(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        run().map_err(|failure| self.fail(failure))
    }

    pub(super) fn fail(&self, failure: Failure) -> TrackingError {
        match failure {
            Failure::Sql(error) => self.sql(error),
            Failure::Other(error) => error,
        }
    }

    fn sql(&self, error: rusqlite::Error) -> TrackingError {
        TrackingError::sql(&self.path, BUSY_SECONDS, error)
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Rows

/// Makes the rows of a run equal to its folder; returns the number of points.
fn index_folder(connection: &Connection, folder: &Path, revision: u64) -> Result<usize, Failure> {
    let record = folder::read_record(folder)?;
    let record = with_params_of_config(folder, record)?;
    let path = folder.join(folder::ENVIRONMENT);
    let environment: Value = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| TrackingError::damaged(&path, error))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Value::Null,
        Err(error) => return Err(error.into()),
    };
    let points = folder::read_points(folder)?;
    let run = upsert_run(connection, &record, &environment, revision)?;
    connection.execute("DELETE FROM metric WHERE run = ?1", [run])?;
    insert_points(connection, run, &record.id, &points)?;
    Ok(points.len())
}

/// A record without params (edited by hand, or by another tool) gets those of `config.toml`.
fn with_params_of_config(folder: &Path, mut record: RunRecord) -> Result<RunRecord, TrackingError> {
    let path = folder.join(folder::CONFIG);
    if record.params.is_empty() && path.exists() {
        record.params = super::flatten_config(&fs::read_to_string(&path)?)
            .map_err(|error| TrackingError::damaged(&path, error.message()))?;
    }
    Ok(record)
}

fn upsert_run(connection: &Connection, record: &RunRecord, environment: &Value, revision: u64) -> Result<i64, Failure> {
    let sql = "INSERT INTO run (id, started, revision, record, environment) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (id) DO UPDATE SET started = ?2, revision = ?3, record = ?4, environment = ?5
               RETURNING number";
    let values =
        params![record.id.as_str(), record.started.to_string(), bits(revision), to_json(record), to_json(environment)];
    Ok(connection.query_row(sql, values, |row| row.get(0))?)
}

fn remove_rows(connection: &Connection, id: &RunId, revision: u64) -> Result<(), Failure> {
    connection.execute("DELETE FROM run WHERE id = ?1", [id.as_str()])?;
    connection.execute("INSERT OR REPLACE INTO removed VALUES (?1, ?2)", params![id.as_str(), bits(revision)])?;
    Ok(())
}

fn insert_points(connection: &Connection, run: i64, id: &RunId, points: &[Point]) -> Result<(), Failure> {
    let mut by_key: BTreeMap<&MetricKey, Vec<&Point>> = BTreeMap::new();
    for point in points {
        by_key.entry(&point.key).or_default().push(point);
    }
    // The stored numbers are looked up in each call and not remembered: `reindex` may have changed them.
    let mut find = connection.prepare(
        "SELECT number, key, points, last, last_epoch, last_step, last_time, best, best_epoch
         FROM metric WHERE run = ?1 AND key = ?2",
    )?;
    let mut create = connection.prepare(
        "INSERT INTO metric (run, key, points, last_epoch, last_step, last_time) VALUES (?1, ?2, 0, 0, 0, 0.0)
         RETURNING number",
    )?;
    let mut insert = connection.prepare("INSERT INTO point VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut update = connection.prepare(
        "UPDATE metric SET points = ?2, last = ?3, last_epoch = ?4, last_step = ?5, last_time = ?6, best = ?7,
         best_epoch = ?8 WHERE number = ?1",
    )?;
    for (key, points) in by_key {
        let stored =
            find.query_row(params![run, key.as_str()], |row| Ok((row.get::<_, i64>(0)?, summary(row)?))).optional()?;
        let (metric, mut total) = match stored {
            Some(stored) => stored,
            None => (create.query_row(params![run, key.as_str()], |row| row.get(0))?, MetricSummary::default()),
        };
        for point in points {
            // NaN binds as NULL.
            let values = params![metric, bits(point.epoch), bits(point.step), point.time, point.value];
            insert.execute(values).map_err(|error| match error.sqlite_error_code() {
                Some(ErrorCode::ConstraintViolation) => Failure::Other(TrackingError::DuplicatePoint {
                    id: id.clone(),
                    key: key.to_string(),
                    epoch: point.epoch,
                    step: point.step,
                }),
                _ => error.into(),
            })?;
            total.add(point);
        }
        update.execute(params![
            metric,
            bits(total.points),
            total.last,
            bits(total.last_epoch),
            bits(total.last_step),
            total.last_time,
            total.best,
            total.best_epoch.map(bits)
        ])?;
    }
    Ok(())
}

impl Default for MetricSummary {
    fn default() -> Self {
        Self { points: 0, last: f64::NAN, last_epoch: 0, last_step: 0, last_time: 0.0, best: None, best_epoch: None }
    }
}

impl MetricSummary {
    fn add(&mut self, point: &Point) {
        self.points += 1;
        (self.last, self.last_epoch, self.last_step, self.last_time) =
            (point.value, point.epoch, point.step, point.time);
        // An infinite score is a fault of the training, not its best epoch.
        let goal = Goal::of(&point.key);
        if point.value.is_finite() && self.best.is_none_or(|best| goal.is_better(point.value, best)) {
            (self.best, self.best_epoch) = (Some(point.value), Some(point.epoch));
        }
    }
}

/// Reads columns 2.. of the two queries that select summaries.
fn summary(row: &Row<'_>) -> rusqlite::Result<MetricSummary> {
    Ok(MetricSummary {
        points: number(row.get(2)?),
        last: float(row.get(3)?),
        last_epoch: number(row.get(4)?),
        last_step: number(row.get(5)?),
        last_time: row.get(6)?,
        best: row.get(7)?,
        best_epoch: row.get::<_, Option<i64>>(8)?.map(number),
    })
}

fn sample(row: &Row<'_>) -> rusqlite::Result<Sample> {
    Ok(Sample { epoch: number(row.get(0)?), step: number(row.get(1)?), time: row.get(2)?, value: float(row.get(3)?) })
}

fn run_id(row: &Row<'_>) -> rusqlite::Result<RunId> {
    let text: String = row.get(0)?;
    text.parse().map_err(|error: TrackingError| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}

fn row_number(connection: &Connection, id: &RunId) -> rusqlite::Result<Option<i64>> {
    connection.query_row("SELECT number FROM run WHERE id = ?1", [id.as_str()], |row| row.get(0)).optional()
}

fn read_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// SQLite has signed integers only; the bits are kept. Epochs and steps sort rightly below 2^63.
fn bits(value: u64) -> i64 {
    value.cast_signed()
}

fn number(value: i64) -> u64 {
    value.cast_unsigned()
}

/// SQLite has no NaN; it is stored as NULL.
fn float(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("records and JSON values have string keys and serialize")
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// The name under which SQLite opens a file that nobody can change.
fn immutable_uri(path: &Path) -> PathBuf {
    let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}?immutable=1").into()
}

// ---------------------------------------------------------------------------------------------------------------------
// Rules

fn no_such_run(query: &str) -> TrackingError {
    TrackingError::NoSuchRun { query: query.to_owned() }
}

/// The id that `query` means among `ids`, which are sorted newest first.
fn pick(query: &str, ids: Vec<RunId>) -> Result<RunId, TrackingError> {
    if query == "latest" {
        return ids.into_iter().next().ok_or_else(|| no_such_run(query));
    }
    if query.is_empty() {
        return Err(no_such_run(query));
    }
    let mut candidates: Vec<RunId> = ids.into_iter().filter(|id| id.as_str().starts_with(query)).collect();
    match candidates.len() {
        0 => Err(no_such_run(query)),
        1 => Ok(candidates.remove(0)),
        count => Err(TrackingError::AmbiguousRun {
            query: query.to_owned(),
            count,
            candidates: candidates.iter().take(5).map(RunId::to_string).collect(),
        }),
    }
}

/// How long ago the run wrote something; zero if that cannot be told, or lies in the future.
fn silence(folder: &Path) -> Duration {
    folder::last_sign(folder).and_then(|sign| SystemTime::now().duration_since(sign).ok()).unwrap_or_default()
}

fn stalled_after(run: &Run) -> Duration {
    let trained = run.metrics.values().filter(|metric| metric.last_epoch > 0);
    let mean_epoch = trained.map(|metric| metric.last_time / metric.last_epoch as f64).reduce(f64::max);
    match mean_epoch {
        Some(seconds) => SHORTEST_STALL.max(Duration::try_from_secs_f64(10.0 * seconds).unwrap_or(Duration::MAX)),
        None => STALL_BEFORE_FIRST_EPOCH,
    }
}

/// The folders inside `folder` whose names are run ids; none if it does not exist.
fn named_folders(folder: &Path) -> io::Result<Vec<(RunId, PathBuf)>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        // The type is the entry's own: a link to a folder is none.
        if let Some(id) = id
            && entry.file_type()?.is_dir()
        {
            folders.push((id, entry.path()));
        }
    }
    folders.sort();
    Ok(folders)
}

fn is_abandoned(folder: &Path) -> io::Result<bool> {
    if folder.join(folder::RUN).exists() || folder::is_locked(folder)? {
        return Ok(false);
    }
    let modified = fs::metadata(folder)?.modified()?;
    Ok(SystemTime::now().duration_since(modified).is_ok_and(|age| age > ABANDONED_START))
}
