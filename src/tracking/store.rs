//! The index over all run folders: `burnlab.db`, or a PostgreSQL server's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fs_err as fs;
use rusqlite::OpenFlags;
use serde::Serialize;
use serde_json::Value;

use super::database::{
    Access, Address, BUSY_SECONDS, Database, Failure, Inserted, Param, Row, Server, Version, params,
};
use super::folder::{self, MetricsFile};
use super::point::json_float;
use super::run::tidy_tags;
use super::{
    FileEntry, Location, MetricKey, Point, RunId, RunRecord, Sample, Shown, Status, TrackingError, UtcTime, slug,
};

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
    location: Location,
    /// The file, or `host:port/database`: for messages.
    path: PathBuf,
    /// What the rows of runs carry whose folders are here; empty in a file, where all are.
    home: String,
    pub(super) database: Database,
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
    /// The best finite value, the earliest of equals; `None` if no value was finite, or neither direction is better
    /// ([`MetricKey::goal`]).
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

// ---------------------------------------------------------------------------------------------------------------------
// Opening

impl Store {
    /// As [`Store::open_at`], for the file `burnlab.db` in `root` (the artifacts folder).
    pub fn open(root: &Path) -> Result<Self, TrackingError> {
        Self::open_at(&Location::local(root))
    }

    /// As [`Store::open_read_only_at`], for the file `burnlab.db` in `root` (the artifacts folder).
    pub fn open_read_only(root: &Path) -> Result<Self, TrackingError> {
        Self::open_read_only_at(&Location::local(root))
    }

    /// Opens a store for reading and writing; creates or upgrades it as needed.
    ///
    /// # Errors
    /// A folder that cannot be written, a server that cannot be reached, a file that is no store, or the store of a
    /// newer burnlab.
    pub fn open_at(location: &Location) -> Result<Self, TrackingError> {
        fs::create_dir_all(location.root.join("runs"))?;
        let store = match location.address()? {
            Some(address) => Self::on_server(location, &address, false)?,
            None => Self::in_file(location, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?,
        };
        let foreign = || TrackingError::NotAStore { path: store.path.clone() };
        let migrated = store.database.migrate(foreign, |found, supported| store.too_new(found, supported));
        migrated.map_err(|failure| store.fail(failure))?;
        Ok(store)
    }

    /// Opens an existing store for reading. Changes fail with [`TrackingError::ReadOnly`].
    ///
    /// Works in a folder that cannot be written, too. The store of an older burnlab is upgraded first.
    ///
    /// # Errors
    /// [`TrackingError::NoStore`] or [`TrackingError::NoServerStore`] if there is none, and as [`Store::open_at`].
    pub fn open_read_only_at(location: &Location) -> Result<Self, TrackingError> {
        let address = location.address()?;
        if address.is_none() && !location.root.join("burnlab.db").exists() {
            return Err(TrackingError::NoStore { root: location.root.clone() });
        }
        let store = match &address {
            Some(address) => Self::on_server(location, address, true)?,
            None => Self::in_file(location, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        match store.database.version().map_err(|failure| store.fail(failure)) {
            Ok(Version::Newer { found, supported }) => Err(store.too_new(found, supported)),
            Ok(Version::Older(0)) if address.is_some() => {
                Err(TrackingError::NoServerStore { server: store.path.display().to_string() })
            }
            // Older, or another process is creating it at this moment.
            Ok(Version::Older(_)) => Self::open_at(location),
            Ok(Version::Current) => Ok(store),
            // A WAL store needs its `-shm` file, which cannot be made in a folder without write permission; nobody
            // else writes there either, so that reading the file alone is safe.
            Err(TrackingError::ReadOnly { .. }) if address.is_none() => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
                Self::in_file_as(location, &immutable_uri(&store.path), flags)
            }
            Err(error) => Err(error),
        }
    }

    fn in_file(location: &Location, flags: OpenFlags) -> Result<Self, TrackingError> {
        Self::in_file_as(location, &location.root.join("burnlab.db"), flags)
    }

    fn in_file_as(location: &Location, name: &Path, flags: OpenFlags) -> Result<Self, TrackingError> {
        let path = location.root.join("burnlab.db");
        let database =
            Database::open_file(name, flags).map_err(|error| TrackingError::sql(&path, BUSY_SECONDS, error))?;
        Ok(Self { location: location.clone(), path, home: String::new(), database })
    }

    fn on_server(location: &Location, address: &Address, read_only: bool) -> Result<Self, TrackingError> {
        let path = PathBuf::from(address.to_string());
        let server = Server::connect(address, read_only).map_err(|error| TrackingError::server(&path, error))?;
        let database = Database::Postgres(Box::new(server));
        Ok(Self { location: location.clone(), path, home: location.home(), database })
    }

    fn too_new(&self, found: i64, supported: i64) -> TrackingError {
        let path = self.path.clone();
        match self.location.server {
            Some(_) => TrackingError::ServerTooNew { server: path.display().to_string(), found, supported },
            None => TrackingError::SchemaTooNew { path, found, supported },
        }
    }

    /// Where the store is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The artifacts folder.
    pub fn root(&self) -> &Path {
        &self.location.root
    }

    /// Where run folders are.
    pub fn runs_folder(&self) -> PathBuf {
        self.location.root.join("runs")
    }

    /// The folder of a run (which may not exist).
    pub fn folder(&self, id: &RunId) -> PathBuf {
        self.runs_folder().join(id.as_str())
    }

    fn trash_folder(&self) -> PathBuf {
        self.location.root.join("trash")
    }

    /// The home of a run whose folder is on another host (or in another artifacts folder); `None` if it is here.
    pub fn home_elsewhere(&self, id: &RunId) -> Result<Option<String>, TrackingError> {
        self.elsewhere(&self.database, id).map_err(|failure| self.fail(failure))
    }

    fn elsewhere(&self, database: &Database, id: &RunId) -> Result<Option<String>, Failure> {
        if self.location.server.is_none() {
            return Ok(None);
        }
        let home =
            database.query_first("SELECT home FROM run WHERE id = ?1", params![id.as_str()], |row| row.get(0))?;
        Ok(home.filter(|home| *home != self.home))
    }

    /// An error for what can only be done where the run's folder is.
    fn must_be_here(&self, database: &Database, id: &RunId, action: &'static str) -> Result<(), Failure> {
        match self.elsewhere(database, id)? {
            Some(home) => Err(TrackingError::Elsewhere { id: id.clone(), home, action }.into()),
            None => Ok(()),
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading

impl Store {
    /// All runs, archived ones included, newest first.
    pub fn runs(&self) -> Result<Vec<Run>, TrackingError> {
        self.select_runs("", &[])
    }

    /// One run.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`].
    pub fn run(&self, id: &RunId) -> Result<Run, TrackingError> {
        let runs = self.select_runs("WHERE id = ?1", params![id.as_str()])?;
        runs.into_iter().next().ok_or_else(|| no_such_run(id.as_str()))
    }

    /// The run that `query` means: an id, the unique beginning of one, or `latest` for the newest.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`], or [`TrackingError::AmbiguousRun`] with up to five candidates.
    pub fn find(&self, query: &str) -> Result<Run, TrackingError> {
        let id = pick_run(query, self.ids_newest_first()?)?;
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
        let (epoch, step) = after.map_or((-1, -1), |(epoch, step)| (epoch.cast_signed(), step.cast_signed()));
        let sql = "SELECT epoch, step, time, value FROM point
                   WHERE metric = (SELECT metric.number FROM metric JOIN run ON run.number = metric.run
                                   WHERE run.id = ?1 AND metric.key = ?2)
                     AND (epoch, step) > (?3, ?4)
                   ORDER BY epoch, step";
        self.query(sql, params![id.as_str(), key.as_str(), epoch, step], sample)
    }

    /// The resolved configuration of a run.
    ///
    /// # Errors
    /// [`TrackingError::Elsewhere`] for a run of another host.
    pub fn config_toml(&self, id: &RunId) -> Result<String, TrackingError> {
        self.must_be_here(&self.database, id, "read its config.toml").map_err(|failure| self.fail(failure))?;
        Ok(fs::read_to_string(self.folder(id).join(folder::CONFIG))?)
    }

    /// What was recorded of the machine, versions and command line.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`].
    pub fn environment(&self, id: &RunId) -> Result<Value, TrackingError> {
        let sql = "SELECT environment FROM run WHERE id = ?1";
        let text = self.query(sql, params![id.as_str()], |row| row.get::<String>(0))?.into_iter().next();
        let text = text.ok_or_else(|| no_such_run(id.as_str()))?;
        serde_json::from_str(&text).map_err(|error| TrackingError::damaged(&self.path, error))
    }

    /// The files of a run that can be shown, sorted by name; no links, no hidden files. None of a run
    /// of another host.
    pub fn files(&self, id: &RunId) -> Result<Vec<FileEntry>, TrackingError> {
        if self.home_elsewhere(id)?.is_some() {
            return Ok(Vec::new());
        }
        Ok(folder::list_files(&self.folder(id))?)
    }

    /// The path of a file that [`Store::files`] lists under exactly this name. `name` is compared, never joined to a
    /// path, so that it cannot lead out of the run's folder.
    pub fn file(&self, id: &RunId, name: &str) -> Result<Option<PathBuf>, TrackingError> {
        let files = match self.files(id) {
            // A run that was deleted a moment ago, or whose folder somebody removed, has no file.
            Err(TrackingError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            files => files?,
        };
        let known = files.into_iter().find(|file| file.name == name);
        Ok(known.map(|file| self.folder(id).join(file.name)))
    }

    /// The status to show: the stored one, and for a running run whether its process is alive and not silent.
    ///
    /// Costs one probe of a lock file for a running run (on a server, a query as well), and nothing for all others. A
    /// run of another host has no lock that could be probed: it is never shown as crashed, only as stalled.
    pub fn shown(&self, run: &Run) -> Shown {
        if run.record.status.is_final() {
            return run.record.status.into();
        }
        match self.home_elsewhere(&run.record.id) {
            Ok(None) => {}
            Ok(Some(_)) if self.silence_in_row(&run.record.id) > stalled_after(run) => return Shown::Stalled,
            Ok(Some(_)) | Err(_) => return Shown::Running,
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

    /// How long ago the run's row had a sign of life, by the server's clock; zero if that cannot be told.
    fn silence_in_row(&self, id: &RunId) -> Duration {
        let sql = "SELECT heard FROM run WHERE id = ?1";
        let heard = self.database.query_first(sql, params![id.as_str()], |row| row.get::<f64>(0));
        match (heard, self.database.now()) {
            (Ok(Some(heard)), Ok(now)) => Duration::try_from_secs_f64(now - heard).unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }

    /// The store's revision: it grows with each change.
    pub fn revision(&self) -> Result<u64, TrackingError> {
        let revision = self.database.query_number("SELECT revision FROM store", &[]);
        revision.map(i64::cast_unsigned).map_err(|failure| self.fail(failure))
    }

    /// Which runs changed after `revision` (0 for all).
    pub fn changes_since(&self, revision: u64) -> Result<Changes, TrackingError> {
        // The store's revision first: a change in between is reported twice rather than lost.
        let current = self.revision()?;
        let ids = |sql: &str| self.query(sql, params![revision], |row| run_id(row, 0));
        let changed = ids("SELECT id FROM run WHERE revision > ?1 ORDER BY revision")?;
        let removed = ids("SELECT id FROM removed WHERE revision > ?1 ORDER BY revision")?;
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
        pick_run(query, self.trashed()?.into_iter().map(|record| record.id).collect())
    }

    fn ids_newest_first(&self) -> Result<Vec<RunId>, TrackingError> {
        self.query("SELECT id FROM run ORDER BY started DESC, id DESC", &[], |row| run_id(row, 0))
    }

    fn select_runs(&self, condition: &str, parameters: &[Param]) -> Result<Vec<Run>, TrackingError> {
        // One read transaction: the summaries belong to the records.
        let select = |database: &Database| -> Result<Vec<Run>, Failure> {
            let mut places = HashMap::new();
            let sql = format!("SELECT number, record, revision FROM run {condition} ORDER BY started DESC, id DESC");
            let mut runs = database.query(&sql, parameters, |row| {
                places.insert(row.get::<i64>(0)?, places.len());
                Ok(Run { record: self.record(row, 1)?, metrics: BTreeMap::new(), revision: number(row, 2)? })
            })?;
            let condition = match condition {
                "" => String::new(),
                condition => format!("WHERE run IN (SELECT number FROM run {condition})"),
            };
            let sql = format!("SELECT run, {SUMMARY} FROM metric {condition}");
            database.query(&sql, parameters, |row| {
                let (key, summary) = summary(row)?;
                runs[places[&row.get::<i64>(0)?]].metrics.insert(key, summary);
                Ok(())
            })?;
            Ok(runs)
        };
        self.database.transaction(Access::Read, select).map_err(|failure| self.fail(failure))
    }

    pub(super) fn query<T>(
        &self,
        sql: &str,
        parameters: &[Param],
        read: impl FnMut(&Row) -> Result<T, Failure>,
    ) -> Result<Vec<T>, TrackingError> {
        self.database.query(sql, parameters, read).map_err(|failure| self.fail(failure))
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
        let tags = tidy_tags(tags);
        self.edit(id, |record| record.tags.clone_from(&tags))
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
        self.write(|database, revision| {
            if row_number(database, id)?.is_none() {
                return Err(no_such_run(id.as_str()).into());
            }
            self.must_be_here(database, id, "delete it")?;
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
            self.remove_rows(database, id, revision)
        })
    }

    /// Brings a deleted run back.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`] if it is not in the trash, [`TrackingError::Exists`] if it is in `runs` already.
    pub fn restore(&mut self, id: &RunId) -> Result<(), TrackingError> {
        let (folder, trashed) = (self.folder(id), self.trash_folder().join(id.as_str()));
        // A transaction that runs again finds the folder where it moved it.
        let mut is_moved = false;
        self.write(|database, revision| {
            if !is_moved {
                if !trashed.exists() {
                    let sql = "SELECT home FROM removed WHERE id = ?1";
                    let home: Option<String> = database.query_first(sql, params![id.as_str()], |row| row.get(0))?;
                    return Err(match home.filter(|home| *home != self.home) {
                        Some(home) => TrackingError::Elsewhere { id: id.clone(), home, action: "restore it" },
                        None => no_such_run(id.as_str()),
                    }
                    .into());
                }
                if folder.exists() {
                    return Err(TrackingError::Exists { id: id.clone() }.into());
                }
                let mut record = folder::read_record(&trashed)?;
                record.trashed = None;
                folder::write_record(&trashed, &record)?;
                fs::rename(&trashed, &folder)?;
                is_moved = true;
            }
            let indexed = folder::read_record(&folder)
                .map_err(Failure::from)
                .and_then(|record| self.index_folder(database, &folder, record, revision));
            match indexed {
                Ok(_) => {}
                // It runs again, on a new connection.
                Err(error @ Failure::Postgres(_)) => return Err(error),
                Err(error) => {
                    // Not half restored: back to where the user can try again.
                    fs::rename(&folder, &trashed)?;
                    return Err(error);
                }
            }
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
                discard(&folder)?;
                gone.push(id);
            }
        }
        for (_, folder) in named_folders(&self.runs_folder())? {
            if is_abandoned(&folder)? {
                discard(&folder)?;
            }
        }
        for folder in [self.trash_folder(), self.runs_folder()] {
            remove_discarded(&folder)?;
        }
        Ok(gone)
    }

    /// Brings to an end what killed processes left half done here: a run's start, restoring or deletion, and each
    /// running run whose process is gone. That gets the end which the process still wrote into the folder, or else is
    /// recorded as crashed, with all points that reached the folder. Returns the ids of the crashed ones.
    pub fn settle(&mut self) -> Result<Vec<RunId>, TrackingError> {
        let known: BTreeSet<RunId> = self.ids_newest_first()?.into_iter().collect();
        for (id, folder) in named_folders(&self.runs_folder())? {
            // The lock is older than `run.json`: one that is held means a run that is just beginning.
            if known.contains(&id) || !folder.join(folder::RUN).exists() || folder::is_locked(&folder)? {
                continue;
            }
            let indexed = self.write(|database, revision| {
                // It may have been all of a short run since the ids were read.
                if row_number(database, &id)?.is_some() {
                    return Ok(());
                }
                let mut record = folder::read_record(&folder)?;
                if record.sweep.is_some() && !record.archived {
                    // Its trial never knew of it, and went on with another run.
                    record.archived = true;
                    folder::write_record(&folder, &record)?;
                }
                self.index_folder(database, &folder, record, revision).map(drop)
            });
            match indexed {
                // The damaged ones are `reindex`'s to name.
                Ok(()) | Err(TrackingError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let mut crashed = Vec::new();
        for run in self.runs()? {
            let id = run.record.id.clone();
            let folder = self.folder(&id);
            if !folder.exists() {
                if self.trash_folder().join(id.as_str()).exists() && self.home_elsewhere(&id)?.is_none() {
                    self.write(|database, revision| self.remove_rows(database, &id, revision))?;
                }
                continue;
            }
            if run.record.status.is_final() || matches!(self.shown(&run), Shown::Running | Shown::Stalled) {
                continue;
            }
            let settled = self.write(|database, revision| {
                let mut record = self.current_record(database, &id)?;
                let written = folder::read_record(&folder)?;
                let is_crashed = !written.status.is_final();
                if is_crashed {
                    record.status = Status::Crashed;
                    "the process went away without a final status".clone_into(&mut record.reason);
                    // File times come from a coarser clock than ours and may lie a few milliseconds before the start.
                    let last_sign = folder::last_sign(&folder).and_then(|time| UtcTime::try_from(time).ok());
                    record.ended = last_sign.map(|time| time.max(record.started));
                    folder::write_record(&folder, &record)?;
                } else {
                    let RunRecord { status, reason, ended, best_epoch, .. } = written;
                    record = RunRecord { status, reason, ended, best_epoch, ..record };
                }
                self.index_folder(database, &folder, record, revision)?;
                Ok(is_crashed)
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

    /// Rebuilds all rows from the run folders; rows without a folder go. Runs of other hosts are left alone.
    ///
    /// One transaction per run, so that trainings which are going on wait for one run at most.
    pub fn reindex(&mut self) -> Result<Reindexed, TrackingError> {
        let mut result = Reindexed::default();
        let folders = folder::list_run_folders(&self.runs_folder())?;
        for folder in folders {
            let indexed = self.write(|database, revision| {
                let record = folder::read_record(&folder)?;
                if self.elsewhere(database, &record.id)?.is_some() {
                    return Ok(None);
                }
                let current = self.current_record(database, &record.id)?;
                if current != record {
                    folder::write_record(&folder, &current)?;
                }
                self.index_folder(database, &folder, current, revision).map(Some)
            });
            match indexed {
                Ok(None) => {}
                Ok(Some(points)) => {
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
            if !self.folder(&id).exists() && self.home_elsewhere(&id)?.is_none() {
                self.write(|database, revision| self.remove_rows(database, &id, revision))?;
                result.dropped.push(id);
            }
        }
        Ok(result)
    }

    /// Adds the row of a run whose folder was just written.
    pub(super) fn insert(&mut self, record: &RunRecord, environment: &Value) -> Result<(), TrackingError> {
        self.write(|database, revision| self.upsert_run(database, record, environment, revision).map(drop))
    }

    /// Changes `run.json` and the row together. The write lock keeps two editors from undoing each other.
    pub(super) fn edit(&mut self, id: &RunId, mut change: impl FnMut(&mut RunRecord)) -> Result<(), TrackingError> {
        let folder = self.folder(id);
        let mut before = None;
        let result = self.write(|database, revision| {
            let is_here = self.elsewhere(database, id)?.is_none();
            if is_here && !folder.exists() {
                return Err(no_such_run(id.as_str()).into());
            }
            let mut record = self.current_record(database, id)?;
            before.get_or_insert_with(|| record.clone());
            change(&mut record);
            if is_here {
                folder::write_record(&folder, &record)?;
                if row_number(database, id)?.is_none() {
                    self.index_folder(database, &folder, record.clone(), revision)?;
                }
            }
            let sql = "UPDATE run SET record = ?2, revision = ?3 WHERE id = ?1";
            database.execute(sql, params![id.as_str(), to_json(&record), revision])?;
            Ok(())
        });
        if let (Err(_), Some(before), None) = (&result, before, &self.location.server) {
            // An edit that failed must not come true with the next one. (A server's row is what counts there.)
            folder::write_record(&folder, &before).ok();
        }
        result
    }

    /// The record to change. On a server the row knows of edits made on other hosts, which the folder does not.
    fn current_record(&self, database: &Database, id: &RunId) -> Result<RunRecord, Failure> {
        if self.location.server.is_some() {
            let sql = "SELECT record FROM run WHERE id = ?1";
            let record = database.query_first(sql, params![id.as_str()], |row| self.record(row, 0))?;
            if let Some(record) = record {
                return Ok(record);
            }
        }
        Ok(folder::read_record(&self.folder(id))?)
    }

    fn record(&self, row: &Row, column: usize) -> Result<RunRecord, Failure> {
        Ok(serde_json::from_str(row.text(column)?).map_err(|error| TrackingError::damaged(&self.path, error))?)
    }

    /// Sets a run that ended back to running, with the points of its folder.
    pub(super) fn reopen(&mut self, id: &RunId) -> Result<(), TrackingError> {
        let folder = self.folder(id);
        self.write(|database, revision| {
            self.must_be_here(database, id, "resume it")?;
            let mut record = self.current_record(database, id)?;
            record.status = Status::Running;
            record.reason.clear();
            record.ended = None;
            record.best_epoch = None;
            folder::write_record(&folder, &record)?;
            self.index_folder(database, &folder, record, revision)?;
            Ok(())
        })
    }

    /// Appends points to `file` and the store: to both, or on an error to none.
    pub(super) fn append(&mut self, id: &RunId, points: &[Point], file: &mut MetricsFile) -> Result<(), TrackingError> {
        let length = file.length();
        let folder = self.folder(id);
        let result = self.write(|database, revision| {
            if file.length() != length {
                file.undo(length);
            }
            // Somebody may have removed the row, or rebuilt the store, while the run goes on.
            if row_number(database, id)?.is_none() {
                self.index_folder(database, &folder, folder::read_record(&folder)?, revision)?;
            }
            let run = row_number(database, id)?.ok_or_else(|| no_such_run(id.as_str()))?;
            insert_points(database, run, id, points)?;
            let sql = "UPDATE run SET revision = ?2, heard = ?3 WHERE number = ?1";
            database.execute(sql, params![run, revision, database.now()?])?;
            // The file before the commit: a kill in between leaves an epoch that nobody was told of in the file,
            // never an acknowledged one out of it.
            Ok(file.append(points)?)
        });
        if result.is_err() {
            file.undo(length);
        }
        result
    }

    /// One write transaction, given the new revision. It may run more than once; see [`Database::transaction`].
    fn write<T>(&self, mut change: impl FnMut(&Database, u64) -> Result<T, Failure>) -> Result<T, TrackingError> {
        self.transaction(|database| {
            // On a server, this row's lock keeps writers apart until the commit, as SQLite's write lock does.
            let sql = "UPDATE store SET revision = revision + 1 RETURNING revision";
            change(database, database.query_number(sql, &[])?.cast_unsigned())
        })
    }

    /// One write transaction that leaves the revision alone.
    pub(super) fn transaction<T>(
        &self,
        change: impl FnMut(&Database) -> Result<T, Failure>,
    ) -> Result<T, TrackingError> {
        self.database.transaction(Access::Write, change).map_err(|failure| self.fail(failure))
    }

    pub(super) fn fail(&self, failure: Failure) -> TrackingError {
        match failure {
            Failure::Sqlite(error) => TrackingError::sql(&self.path, BUSY_SECONDS, error),
            Failure::Postgres(error) => TrackingError::server(&self.path, error),
            Failure::Other(error) => error,
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Rows

impl Store {
    /// Makes the rows of a run equal to its folder and `record`; returns the number of points.
    fn index_folder(
        &self,
        database: &Database,
        folder: &Path,
        record: RunRecord,
        revision: u64,
    ) -> Result<usize, Failure> {
        let record = with_params_of_config(folder, record)?;
        let path = folder.join(folder::ENVIRONMENT);
        let environment: Value = match folder::read_whole(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| TrackingError::damaged(&path, error))?,
            Err(TrackingError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Value::Null,
            Err(error) => return Err(error.into()),
        };
        let points = folder::read_points(folder)?;
        let run = self.upsert_run(database, &record, &environment, revision)?;
        database.execute("DELETE FROM metric WHERE run = ?1", params![run])?;
        database.execute("DELETE FROM removed WHERE id = ?1", params![record.id.as_str()])?;
        insert_points(database, run, &record.id, &points)?;
        Ok(points.len())
    }

    fn upsert_run(
        &self,
        database: &Database,
        record: &RunRecord,
        environment: &Value,
        revision: u64,
    ) -> Result<i64, Failure> {
        let sql = "INSERT INTO run (id, started, revision, record, environment, home, heard)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT (id) DO UPDATE SET started = excluded.started, revision = excluded.revision,
                   record = excluded.record, environment = excluded.environment, home = excluded.home,
                   heard = excluded.heard RETURNING number";
        let values = params![
            record.id.as_str(),
            record.started.to_string(),
            revision,
            to_json(record),
            to_json(environment),
            self.home.as_str(),
            database.now()?,
        ];
        database.query_number(sql, values)
    }

    fn remove_rows(&self, database: &Database, id: &RunId, revision: u64) -> Result<(), Failure> {
        database.execute("DELETE FROM run WHERE id = ?1", params![id.as_str()])?;
        let sql = "INSERT INTO removed (id, revision, home) VALUES (?1, ?2, ?3)
                   ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, home = excluded.home";
        database.execute(sql, params![id.as_str(), revision, self.home.as_str()])?;
        Ok(())
    }
}

/// A record without params (edited by hand, or by another tool) gets those of `config.toml`.
fn with_params_of_config(folder: &Path, mut record: RunRecord) -> Result<RunRecord, TrackingError> {
    let path = folder.join(folder::CONFIG);
    if record.params.is_empty() && path.exists() {
        let text = String::from_utf8(folder::read_whole(&path)?);
        let text = text.map_err(|_| TrackingError::damaged(&path, "it is not UTF-8"))?;
        record.params = super::flatten_config(&text).map_err(|error| TrackingError::damaged(&path, error.message()))?;
    }
    Ok(record)
}

fn insert_points(database: &Database, run: i64, id: &RunId, points: &[Point]) -> Result<(), Failure> {
    // The stored numbers are looked up in each call and not remembered: `reindex` may have changed them.
    let stored = || -> Result<BTreeMap<MetricKey, (i64, MetricSummary)>, Failure> {
        let sql = format!("SELECT number, {SUMMARY} FROM metric WHERE run = ?1");
        let rows = database.query(&sql, params![run], |row| Ok((row.get::<i64>(0)?, summary(row)?)))?;
        Ok(rows.into_iter().map(|(number, (key, summary))| (key, (number, summary))).collect())
    };
    let mut metrics = stored()?;
    let mut totals: BTreeMap<&MetricKey, MetricSummary> = BTreeMap::new();
    for point in points {
        let known = || metrics.get(&point.key).map_or_else(MetricSummary::default, |(_, summary)| *summary);
        totals.entry(&point.key).or_insert_with(known).add(point);
    }
    let columns = ["run", "key", "points", "last", "last_epoch", "last_step", "last_time", "best", "best_epoch"];
    let ending = "ON CONFLICT (run, key) DO UPDATE SET points = excluded.points, last = excluded.last,
                  last_epoch = excluded.last_epoch, last_step = excluded.last_step, last_time = excluded.last_time,
                  best = excluded.best, best_epoch = excluded.best_epoch";
    let rows = totals.iter().map(|(key, total)| {
        [
            run.into(),
            key.as_str().into(),
            total.points.into(),
            total.last.into(),
            total.last_epoch.into(),
            total.last_step.into(),
            total.last_time.into(),
            total.best.into(),
            total.best_epoch.into(),
        ]
    });
    database.insert_many("metric", columns, ending, rows)?.all()?;
    if totals.keys().any(|key| !metrics.contains_key(key)) {
        metrics = stored()?;
    }
    let rows = points.iter().map(|point| {
        let (metric, _) = metrics[&point.key];
        [metric.into(), point.epoch.into(), point.step.into(), point.time.into(), point.value.into()]
    });
    match database.insert_many("point", ["metric", "epoch", "step", "time", "value"], "", rows)? {
        Inserted::All => Ok(()),
        Inserted::Duplicate(index) => {
            let Point { key, epoch, step, .. } = &points[index];
            let (id, key) = (id.clone(), key.to_string());
            Err(TrackingError::DuplicatePoint { id, key, epoch: *epoch, step: *step }.into())
        }
    }
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
        let Some(goal) = point.key.goal() else { return };
        if point.value.is_finite() && self.best.is_none_or(|best| goal.is_better(point.value, best)) {
            (self.best, self.best_epoch) = (Some(point.value), Some(point.epoch));
        }
    }
}

/// Columns 1.. of the two queries that [`summary`] reads.
const SUMMARY: &str = "key, points, last, last_epoch, last_step, last_time, best, best_epoch";

fn summary(row: &Row) -> Result<(MetricKey, MetricSummary), Failure> {
    let key: MetricKey = row.get::<String>(1)?.try_into()?;
    // An older burnlab took the largest value for the best of every metric that it did not know.
    let has_best = key.goal().is_some();
    let summary = MetricSummary {
        points: number(row, 2)?,
        last: float(row, 3)?,
        last_epoch: number(row, 4)?,
        last_step: number(row, 5)?,
        last_time: row.get(6)?,
        best: row.get::<Option<f64>>(7)?.filter(|_| has_best),
        best_epoch: row.get::<Option<i64>>(8)?.filter(|_| has_best).map(i64::cast_unsigned),
    };
    Ok((key, summary))
}

fn sample(row: &Row) -> Result<Sample, Failure> {
    Ok(Sample { epoch: number(row, 0)?, step: number(row, 1)?, time: row.get(2)?, value: float(row, 3)? })
}

pub(super) fn run_id(row: &Row, column: usize) -> Result<RunId, Failure> {
    Ok(row.text(column)?.parse()?)
}

fn row_number(database: &Database, id: &RunId) -> Result<Option<i64>, Failure> {
    database.query_first("SELECT number FROM run WHERE id = ?1", params![id.as_str()], |row| row.get(0))
}

fn number(row: &Row, column: usize) -> Result<u64, Failure> {
    row.get(column).map(i64::cast_unsigned)
}

fn float(row: &Row, column: usize) -> Result<f64, Failure> {
    Ok(row.get::<Option<f64>>(column)?.unwrap_or(f64::NAN))
}

pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("records and JSON values have string keys and serialize")
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

/// The id that `query` means among `ids`, which are sorted newest first; `none` and `several` make the errors.
pub(super) fn pick(
    query: &str,
    ids: Vec<RunId>,
    none: impl Fn(&str) -> TrackingError,
    several: impl Fn(&str, usize, Vec<String>) -> TrackingError,
) -> Result<RunId, TrackingError> {
    let mut candidates: Vec<RunId> = match query {
        "latest" => ids.into_iter().take(1).collect(),
        "" => Vec::new(),
        _ => ids.into_iter().filter(|id| id.as_str().starts_with(query)).collect(),
    };
    match candidates.len() {
        0 => Err(none(query)),
        1 => Ok(candidates.remove(0)),
        count => Err(several(query, count, candidates.iter().take(5).map(RunId::to_string).collect())),
    }
}

fn pick_run(query: &str, ids: Vec<RunId>) -> Result<RunId, TrackingError> {
    pick(query, ids, no_such_run, |query, count, candidates| TrackingError::AmbiguousRun {
        query: query.to_owned(),
        count,
        candidates,
    })
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

/// What the name of a folder begins with that is being removed.
const DISCARDED: &str = ".gone-";

/// Removes a run's folder. It loses its name first, so that a kill on the way leaves no run with half of its files.
fn discard(folder: &Path) -> io::Result<()> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let hidden = folder.with_file_name(format!("{DISCARDED}{name}"));
    fs::rename(folder, &hidden)?;
    fs::remove_dir_all(hidden)
}

/// Goes on with what a killed [`discard`] began.
fn remove_discarded(folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(DISCARDED) && entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn is_abandoned(folder: &Path) -> io::Result<bool> {
    if folder.join(folder::RUN).exists() || folder::is_locked(folder)? {
        return Ok(false);
    }
    let modified = fs::metadata(folder)?.modified()?;
    Ok(SystemTime::now().duration_since(modified).is_ok_and(|age| age > ABANDONED_START))
}
