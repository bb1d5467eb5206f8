//! The database over all runs. All SQL is here.
//!
//! SQLite in WAL mode: one writer at a time, readers never wait. Each write takes the write lock
//! at its beginning (BEGIN IMMEDIATE), so that it waits for its turn and cannot fail half-way.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::folder;
use super::{Goal, MetricKey, Point, RunId, RunRecord, Sample, Shown, Status, TrackingError};

/// File name of the database in the artifacts folder.
const FILE: &str = "burnlab.db";
/// Marks a SQLite file as burnlab's: "BLAB".
const APPLICATION_ID: i64 = 0x424c_4142;
/// Each raises `user_version` by one.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/1.sql")];
/// How long a writer waits for its turn. An epoch's transaction takes under a millisecond, a
/// reindex of 2,000 runs seconds.
const BUSY: Duration = Duration::from_secs(30);

/// A connection to the store of one artifacts folder.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    root: PathBuf,
}

/// A run as the store knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub record: RunRecord,
    /// The status, seen from outside: a run whose process is gone has crashed.
    pub shown: Shown,
    /// By metric.
    pub metrics: BTreeMap<MetricKey, MetricSummary>,
}

/// What a list of runs shows of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricSummary {
    pub last: f64,
    pub last_epoch: u64,
    /// By [`Goal::of`] the metric; NaN only if no value was a number.
    pub best: f64,
    pub best_epoch: u64,
    pub num_points: u64,
}

/// What [`Store::reindex`] did.
#[derive(Debug, Default)]
pub struct Reindexed {
    pub num_runs: usize,
    /// Folders that could not be read, each with the reason.
    pub skipped: Vec<(PathBuf, TrackingError)>,
}

impl Store {
    /// Opens the store in `root`, which is created if absent.
    ///
    /// # Errors
    /// A folder that cannot be written; a file that is no store, or a newer burnlab's.
    pub fn open(root: &Path) -> Result<Self, TrackingError> {
        fs_err::create_dir_all(root)?;
        let path = root.join(FILE);
        let deadline = Instant::now() + BUSY;
        loop {
            match Self::try_open(root, &path) {
                // Switching a new file to WAL does not wait its turn (SQLite answers "busy" at once).
                Err(TrackingError::Busy { .. }) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                result => return result,
            }
        }
    }

    fn try_open(root: &Path, path: &Path) -> Result<Self, TrackingError> {
        let fail = |error| TrackingError::sql(path, BUSY.as_secs(), error);
        let connection = Connection::open(path).map_err(fail)?;
        connection.busy_timeout(BUSY).map_err(fail)?;
        let mut store = Self { connection, root: root.to_owned() };
        store.migrate()?;
        Ok(store)
    }

    fn path(&self) -> PathBuf {
        self.root.join(FILE)
    }

    /// The artifacts folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn fail(&self, error: rusqlite::Error) -> TrackingError {
        TrackingError::sql(&self.path(), BUSY.as_secs(), error)
    }

    fn migrate(&mut self) -> Result<(), TrackingError> {
        let version = |connection: &Connection| connection.query_row("PRAGMA user_version", [], |row| row.get(0));
        let found: i64 = version(&self.connection).map_err(|error| self.fail(error))?;
        let supported = MIGRATIONS.len() as i64;
        if found > supported {
            return Err(TrackingError::SchemaTooNew { path: self.path(), found, supported });
        }
        let id: i64 = self
            .connection
            .query_row("PRAGMA application_id", [], |row| row.get(0))
            .map_err(|error| self.fail(error))?;
        if found > 0 && id != APPLICATION_ID {
            return Err(TrackingError::NotAStore { path: self.path() });
        }
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;";
        self.connection.execute_batch(pragmas).map_err(|error| self.fail(error))?;
        if found == supported {
            return Ok(());
        }
        self.write(|transaction| {
            // Another process may have migrated while this one waited for the lock.
            let found: i64 = version(transaction)?;
            for migration in MIGRATIONS.iter().skip(found as usize) {
                transaction.execute_batch(migration)?;
            }
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", supported)
        })
    }

    /// Runs `act` in a write transaction.
    fn write<T>(&mut self, act: impl FnOnce(&Transaction) -> rusqlite::Result<T>) -> Result<T, TrackingError> {
        let path = self.path();
        let run = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = act(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(|error| TrackingError::sql(&path, BUSY.as_secs(), error))
    }

    // ---- writing a run (for RunWriter)

    pub(super) fn insert(&mut self, record: &RunRecord) -> Result<i64, TrackingError> {
        self.write(|transaction| insert(transaction, record))
    }

    pub(super) fn append(&mut self, id: &RunId, run: i64, points: &[Point]) -> Result<(), TrackingError> {
        let path = self.path();
        let duplicate = self.write(|transaction| append(transaction, run, points));
        duplicate.map_err(|error| match error {
            TrackingError::Sql { source, .. } if is_constraint(&source) => {
                let (key, epoch, step) = points
                    .first()
                    .map_or_else(|| (String::new(), 0, 0), |point| (point.key.to_string(), point.epoch, point.step));
                TrackingError::DuplicatePoint { id: id.clone(), key, epoch, step }
            }
            TrackingError::Sql { source, .. } => TrackingError::Sql { path, source },
            other => other,
        })
    }

    /// Changes a run's record, in its folder and here. The store's write lock orders the changes
    /// of several processes.
    pub(super) fn change(
        &mut self,
        folder: &Path,
        edit: impl FnOnce(&mut RunRecord),
    ) -> Result<RunRecord, TrackingError> {
        let path = self.path();
        let fail = |error| TrackingError::sql(&path, BUSY.as_secs(), error);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        let mut record = folder::read_record(folder)?;
        edit(&mut record);
        folder::write_record(folder, &record)?;
        let row = find(&transaction, &record.id).map_err(fail)?;
        match row {
            Some(row) => update(&transaction, row, &record).map_err(fail)?,
            None => drop(insert(&transaction, &record).map_err(fail)?),
        }
        transaction.commit().map_err(fail)?;
        Ok(record)
    }

    // ---- reading

    /// All runs, the newest first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn runs(&self) -> Result<Vec<Run>, TrackingError> {
        let read = || -> rusqlite::Result<Vec<(i64, RunRecord)>> {
            let mut statement = self.connection.prepare_cached("SELECT * FROM runs ORDER BY started DESC, id")?;
            statement.query_map([], record)?.collect()
        };
        let mut runs = read().map_err(|error| self.fail(error))?;
        let mut metrics = self.summaries().map_err(|error| self.fail(error))?;
        let mut params = self.all_params().map_err(|error| self.fail(error))?;
        let mut tags = self.all_tags().map_err(|error| self.fail(error))?;
        for (row, record) in &mut runs {
            record.params = params.remove(row).unwrap_or_default();
            record.tags = tags.remove(row).unwrap_or_default();
        }
        let shown = |record: &RunRecord| {
            let running = record.status == Status::Running;
            record.status.shown(running && folder::is_locked(&self.folder(&record.id)))
        };
        Ok(runs
            .into_iter()
            .map(|(row, record)| {
                let metrics = metrics.remove(&row).unwrap_or_default();
                Run { shown: shown(&record), record, metrics }
            })
            .collect())
    }

    /// The run whose id is or begins with `query`, or the newest for `latest`.
    ///
    /// # Errors
    /// No run, or several.
    pub fn run(&self, query: &str) -> Result<Run, TrackingError> {
        let mut runs = self.runs()?;
        if query == "latest" && !runs.is_empty() {
            return Ok(runs.swap_remove(0));
        }
        runs.retain(|run| !query.is_empty() && run.record.id.as_str().starts_with(query));
        if let Some(exact) = runs.iter().position(|run| run.record.id.as_str() == query) {
            return Ok(runs.swap_remove(exact));
        }
        match runs.len() {
            1 => Ok(runs.swap_remove(0)),
            0 => Err(TrackingError::NoSuchRun { query: query.to_owned() }),
            count => {
                let candidates = runs.iter().take(3).map(|run| run.record.id.to_string()).collect();
                Err(TrackingError::AmbiguousRun { query: query.to_owned(), count, candidates })
            }
        }
    }

    /// The points of one metric of a run, by epoch.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn series(&self, id: &RunId, key: &MetricKey) -> Result<Vec<Sample>, TrackingError> {
        let read = || -> rusqlite::Result<Vec<Sample>> {
            let mut statement = self.connection.prepare_cached(
                "SELECT epoch, step, time, points.value FROM points
                 JOIN metrics ON metrics.row = points.metric JOIN runs ON runs.row = metrics.run
                 WHERE runs.id = ?1 AND metrics.key = ?2 ORDER BY epoch, step",
            )?;
            let sample = |row: &Row| {
                Ok(Sample {
                    epoch: row.get::<_, i64>(0)? as u64,
                    step: row.get::<_, i64>(1)? as u64,
                    time: row.get(2)?,
                    value: nan(row.get(3)?),
                })
            };
            statement.query_map(params![id.as_str(), key.as_str()], sample)?.collect()
        };
        read().map_err(|error| self.fail(error))
    }

    /// The folder of a run.
    pub fn folder(&self, id: &RunId) -> PathBuf {
        folder::runs_folder(&self.root).join(id.as_str())
    }

    /// SQLite's own check of the whole file; `ok` when nothing is wrong.
    ///
    /// # Errors
    /// A store that cannot be read at all.
    pub fn integrity(&self) -> Result<String, TrackingError> {
        let check = self.connection.query_row("PRAGMA integrity_check", [], |row| row.get(0));
        check.map_err(|error| self.fail(error))
    }

    fn summaries(&self) -> rusqlite::Result<HashMap<i64, BTreeMap<MetricKey, MetricSummary>>> {
        let sql = "SELECT run, key, last, last_epoch, best, best_epoch, num_points FROM metrics";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found: HashMap<i64, BTreeMap<MetricKey, MetricSummary>> = HashMap::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Ok(key) = row.get::<_, String>(1)?.parse::<MetricKey>() else { continue };
            let summary = MetricSummary {
                last: nan(row.get(2)?),
                last_epoch: row.get::<_, i64>(3)? as u64,
                best: nan(row.get(4)?),
                best_epoch: row.get::<_, i64>(5)? as u64,
                num_points: row.get::<_, i64>(6)? as u64,
            };
            found.entry(row.get(0)?).or_default().insert(key, summary);
        }
        Ok(found)
    }

    fn all_params(&self) -> rusqlite::Result<HashMap<i64, BTreeMap<String, serde_json::Value>>> {
        let mut statement = self.connection.prepare_cached("SELECT run, key, value FROM params")?;
        let mut found: HashMap<i64, BTreeMap<String, serde_json::Value>> = HashMap::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text: String = row.get(2)?;
            let value = serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text));
            found.entry(row.get(0)?).or_default().insert(row.get(1)?, value);
        }
        Ok(found)
    }

    fn all_tags(&self) -> rusqlite::Result<HashMap<i64, Vec<String>>> {
        let mut statement = self.connection.prepare_cached("SELECT run, tag FROM tags ORDER BY run, tag")?;
        let mut found: HashMap<i64, Vec<String>> = HashMap::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            found.entry(row.get(0)?).or_default().push(row.get(1)?);
        }
        Ok(found)
    }

    // ---- upkeep

    /// Rebuilds every row from the run folders alone.
    ///
    /// # Errors
    /// A store that cannot be written. Folders that cannot be read are skipped and reported.
    pub fn reindex(&mut self) -> Result<Reindexed, TrackingError> {
        let mut result = Reindexed::default();
        let mut found = Vec::new();
        let runs = folder::runs_folder(&self.root);
        let entries = if runs.exists() { Some(fs_err::read_dir(&runs)?) } else { None };
        for entry in entries.into_iter().flatten() {
            let path = entry?.path();
            match folder::read_record(&path).and_then(|record| Ok((record, folder::read_metrics(&path)?))) {
                Ok(run) => found.push(run),
                Err(error) => result.skipped.push((path, error)),
            }
        }
        result.num_runs = found.len();
        self.write(|transaction| {
            transaction.execute("DELETE FROM runs", [])?; // and what refers to them
            for (record, points) in &found {
                let row = insert(transaction, record)?;
                append(transaction, row, points)?;
            }
            Ok(())
        })?;
        Ok(result)
    }
}

fn find(connection: &Connection, id: &RunId) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT row FROM runs WHERE id = ?1")?;
    statement.query_row([id.as_str()], |row| row.get(0)).optional()
}

fn insert(transaction: &Transaction, record: &RunRecord) -> rusqlite::Result<i64> {
    transaction.execute(
        "INSERT INTO runs (id, experiment, status, seed, started, archived) VALUES (?1, '', '', 0, '', 0)",
        [record.id.as_str()],
    )?;
    let row = transaction.last_insert_rowid();
    update(transaction, row, record)?;
    Ok(row)
}

fn update(transaction: &Transaction, row: i64, record: &RunRecord) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE runs SET experiment = ?2, name = ?3, note = ?4, status = ?5, reason = ?6, seed = ?7, best_epoch = ?8,
         parent = ?9, started = ?10, ended = ?11, archived = ?12 WHERE row = ?1",
        params![
            row,
            record.experiment,
            record.name,
            record.note,
            record.status.as_str(),
            record.reason,
            record.seed as i64,
            record.best_epoch.map(|epoch| epoch as i64),
            record.parent.as_ref().map(RunId::as_str),
            record.started.to_string(),
            record.ended.map(|ended| ended.to_string()),
            record.archived,
        ],
    )?;
    transaction.execute("DELETE FROM params WHERE run = ?1", [row])?;
    let mut statement = transaction.prepare_cached("INSERT INTO params VALUES (?1, ?2, ?3)")?;
    for (key, value) in &record.params {
        statement.execute(params![row, key, value.to_string()])?;
    }
    transaction.execute("DELETE FROM tags WHERE run = ?1", [row])?;
    let mut statement = transaction.prepare_cached("INSERT OR IGNORE INTO tags VALUES (?1, ?2)")?;
    for tag in &record.tags {
        statement.execute(params![row, tag])?;
    }
    Ok(())
}

/// Adds points and brings their metrics' summaries up to date.
fn append(transaction: &Transaction, run: i64, points: &[Point]) -> rusqlite::Result<()> {
    let mut metrics: BTreeMap<&MetricKey, (i64, Option<MetricSummary>)> = BTreeMap::new();
    let mut insert = transaction.prepare_cached("INSERT INTO points VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for Point { key, epoch, step, time, value } in points {
        if !metrics.contains_key(key) {
            metrics.insert(key, metric(transaction, run, key)?);
        }
        let (row, summary) = metrics.get_mut(key).expect("inserted above");
        insert.execute(params![*row, *epoch as i64, *step as i64, time, not_nan(*value)])?;
        let fresh = MetricSummary { last: *value, last_epoch: *epoch, best: *value, best_epoch: *epoch, num_points: 1 };
        *summary = Some(match *summary {
            None => fresh,
            Some(old) => {
                let better = Goal::of(key).is_better(*value, old.best) || (old.best.is_nan() && !value.is_nan());
                let (best, best_epoch) = if better { (*value, *epoch) } else { (old.best, old.best_epoch) };
                MetricSummary { best, best_epoch, num_points: old.num_points + 1, ..fresh }
            }
        });
    }
    let mut update = transaction.prepare_cached(
        "UPDATE metrics SET last = ?2, last_epoch = ?3, best = ?4, best_epoch = ?5, num_points = ?6 WHERE row = ?1",
    )?;
    for (row, summary) in metrics.into_values() {
        let Some(summary) = summary else { continue };
        update.execute(params![
            row,
            not_nan(summary.last),
            summary.last_epoch as i64,
            not_nan(summary.best),
            summary.best_epoch as i64,
            summary.num_points as i64
        ])?;
    }
    Ok(())
}

/// The row of a run's metric, made if absent, and its summary.
fn metric(transaction: &Transaction, run: i64, key: &MetricKey) -> rusqlite::Result<(i64, Option<MetricSummary>)> {
    let mut select = transaction.prepare_cached(
        "SELECT row, last, last_epoch, best, best_epoch, num_points FROM metrics WHERE run = ?1 AND key = ?2",
    )?;
    let found = select.query_row(params![run, key.as_str()], |row| {
        let num_points: i64 = row.get(5)?;
        let summary = MetricSummary {
            last: nan(row.get(1)?),
            last_epoch: row.get::<_, i64>(2)? as u64,
            best: nan(row.get(3)?),
            best_epoch: row.get::<_, i64>(4)? as u64,
            num_points: num_points as u64,
        };
        Ok((row.get(0)?, (num_points > 0).then_some(summary)))
    });
    if let Some(found) = found.optional()? {
        return Ok(found);
    }
    transaction
        .prepare_cached("INSERT INTO metrics (run, key, last_epoch, best_epoch, num_points) VALUES (?1, ?2, 0, 0, 0)")?
        .execute(params![run, key.as_str()])?;
    Ok((transaction.last_insert_rowid(), None))
}

/// A row of `runs`, without params and tags.
fn record(row: &Row) -> rusqlite::Result<(i64, RunRecord)> {
    let bad = |column: &str| rusqlite::Error::InvalidColumnName(column.to_owned());
    let text = |column: &str| row.get::<_, String>(column);
    let optional = |column: &str| row.get::<_, Option<String>>(column);
    let record = RunRecord {
        id: text("id")?.parse().map_err(|_| bad("id"))?,
        experiment: text("experiment")?,
        name: optional("name")?,
        tags: Vec::new(),
        note: optional("note")?,
        status: Status::parse(&text("status")?).ok_or_else(|| bad("status"))?,
        reason: optional("reason")?,
        seed: row.get::<_, i64>("seed")? as u64,
        best_epoch: row.get::<_, Option<i64>>("best_epoch")?.map(|epoch| epoch as u64),
        parent: optional("parent")?.map(|parent| parent.parse().map_err(|_| bad("parent"))).transpose()?,
        started: text("started")?.parse().map_err(|_| bad("started"))?,
        ended: optional("ended")?.map(|ended| ended.parse().map_err(|_| bad("ended"))).transpose()?,
        archived: row.get("archived")?,
        params: BTreeMap::new(),
    };
    Ok((row.get("row")?, record))
}

fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}

/// SQLite holds no NaN: NULL stands for it.
fn not_nan(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}

fn nan(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}
