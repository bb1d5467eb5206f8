//! Reading: runs, curves, files, and what changed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use fs_err::File;
use serde::Serialize;
use serde_json::Value;

use super::find::{find_run, no_such_run};
use super::open::Store;
use super::rows::{number, run_id, sample};
use super::summary::{Run, SUMMARY, summary};
use crate::secrets;
use crate::tracking::database::{Access, Database, Failure, Param, Row, params};
use crate::tracking::{FileEntry, MetricKey, RunId, RunRecord, Sample, TrackingError, UtcTime, folder};

/// How many runs [`Store::for_each_run`] reads at once.
const AT_ONCE: usize = 250;

/// What happened in a store after a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Pass this one next time. If it is lower than the one passed, the store was rebuilt: read everything again.
    pub revision: u64,
    /// Runs that are new or changed (points included), in the order of their change.
    pub changed: Vec<RunId>,
    /// Runs that were deleted.
    pub removed: Vec<RunId>,
}

/// The order of runs. What is dated ahead was recorded on a machine whose clock is wrong, or is to be taken for the newest run for
/// ever by whoever sent it: it comes last.
fn newest_first() -> String {
    format!("ORDER BY started >= '{}', started DESC, id DESC", UtcTime::now().day_after_next())
}

impl Store {
    /// All runs, archived ones included, newest first, without those whose rows are damaged.
    pub fn runs(&self) -> Result<Vec<Run>, TrackingError> {
        Ok(self.runs_and_damaged()?.0)
    }

    /// The same, and how many runs have damaged rows; `reindex` writes them anew from the runs' folders.
    pub fn runs_and_damaged(&self) -> Result<(Vec<Run>, usize), TrackingError> {
        let all = self.select_runs("", &[])?;
        let num_all = all.len();
        let runs: Vec<Run> = all.into_iter().flatten().collect();
        let num_damaged = num_all - runs.len();
        Ok((runs, num_damaged))
    }

    /// Calls `take` with each run, in no particular order: of 20,000 runs, which fill 400 MB, only a few hundred are in
    /// memory at once. A run that another process adds or deletes meanwhile may be among them or not;
    /// [`Store::changes_since`] the revision before tells of it.
    pub fn for_each_run(&self, mut take: impl FnMut(Run)) -> Result<(), TrackingError> {
        let mut last = i64::MIN;
        loop {
            let sql = format!("SELECT number FROM run WHERE number > ?1 ORDER BY number LIMIT {AT_ONCE}");
            let numbers = self.query(&sql, params![last], |row| row.get::<i64>(0))?;
            let Some(&end) = numbers.last() else { return Ok(()) };
            let runs = self.select_runs("WHERE number > ?1 AND number <= ?2", params![last, end])?;
            runs.into_iter().flatten().for_each(&mut take);
            last = end;
        }
    }

    /// One run.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`], or [`TrackingError::DamagedRow`].
    pub fn run(&self, id: &RunId) -> Result<Run, TrackingError> {
        let runs = self.select_runs("WHERE id = ?1", params![id.as_str()])?;
        let run = runs.into_iter().next().ok_or_else(|| no_such_run(id.as_str()))?;
        run.ok_or_else(|| TrackingError::DamagedRow { path: self.path.clone(), id: id.clone() })
    }

    /// The run that `query` refers to: an id, the unique beginning of one, or `latest` for the newest.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`], or [`TrackingError::AmbiguousRun`] with up to five candidates.
    pub fn find(&self, query: &str) -> Result<Run, TrackingError> {
        match find_run(query, self.ids_newest_first()?) {
            Err(TrackingError::NoSuchRun { .. }) => Err(self.no_run_but(query)?),
            found => self.run(&found?),
        }
    }

    /// That there is no such run, and where else it is: in the trash, or in a folder that the store does not know, as where an older
    /// store was put back.
    fn no_run_but(&self, query: &str) -> Result<TrackingError, TrackingError> {
        if query.is_empty() {
            return Ok(no_such_run(query));
        }
        let hint = |hint: String| TrackingError::NoSuchRun { query: query.to_owned(), hint };
        if let Ok(id) = self.find_trashed(query)
            && query != "latest"
        {
            let command = self.command(&["runs", "restore", id.as_str()]);
            return Ok(hint(format!("it is in the trash: `{command}` brings it back")));
        }
        let known: HashSet<RunId> = self.ids_newest_first()?.into_iter().collect();
        let is_meant = |folder: &PathBuf| {
            let id = folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<RunId>().ok());
            id.is_some_and(|id| {
                let is_its = || folder::read_record(folder).is_ok_and(|record| record.experiment == query);
                !known.contains(&id) && (query == "latest" || id.as_str().starts_with(query) || is_its())
            })
        };
        let unknown = folder::list_run_folders(&self.runs_folder()).unwrap_or_default().into_iter().find(is_meant);
        Ok(unknown.map_or_else(
            || no_such_run(query),
            |folder| {
                let command = self.command(&["runs", "reindex"]);
                hint(format!("`{}` has one that the store does not know: `{command}` takes it in", folder.display()))
            },
        ))
    }

    /// The runs whose test part has this fingerprint ([`DataRecord::test`](crate::tracking::DataRecord)), newest first.
    pub fn tested_on(&self, test: &str) -> Result<Vec<RunId>, TrackingError> {
        self.ids(&format!("SELECT id FROM run WHERE tested = ?1 {}", newest_first()), params![test])
    }

    /// The points of one metric of a run, by epoch and step; empty if the run has no such metric.
    pub fn series(&self, id: &RunId, key: &MetricKey) -> Result<Vec<Sample>, TrackingError> {
        self.series_after(id, key, None)
    }

    /// As [`Store::series`], but only points later than `after` (epoch, step): what a live chart has not seen yet.
    /// Points measured after training (epoch 0) sort first and so are never later.
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
        self.require_local(&self.database, id, "read its config.toml").map_err(|failure| self.to_error(failure))?;
        let folder = self.folder(id);
        let missing = || TrackingError::damaged(&folder.join(folder::CONFIG), "it is missing");
        folder::read_text(&folder, folder::CONFIG)?.ok_or_else(missing)
    }

    /// `environment.json`: machine, versions and command line; passwords that an older burnlab recorded are masked.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`].
    pub fn environment(&self, id: &RunId) -> Result<Value, TrackingError> {
        let sql = "SELECT environment FROM run WHERE id = ?1";
        let text = self.query(sql, params![id.as_str()], |row| row.get::<String>(0))?.into_iter().next();
        let text = text.ok_or_else(|| no_such_run(id.as_str()))?;
        let environment = serde_json::from_str(&text).map_err(|error| TrackingError::damaged(&self.path, error))?;
        Ok(without_secrets(environment))
    }

    /// `environment.json` of the run's folder as it may be given away: byte for byte, unless an older burnlab recorded
    /// passwords in it, which are masked. `None` if there is none here.
    pub fn environment_file(&self, id: &RunId) -> Result<Option<Vec<u8>>, TrackingError> {
        let Some(folder) = self.local_folder(id)? else { return Ok(None) };
        let Some(bytes) = folder::read(&folder, folder::ENVIRONMENT)? else { return Ok(None) };
        Ok(Some(match serde_json::from_slice::<Value>(&bytes) {
            Ok(environment) => {
                let shown = without_secrets(environment.clone());
                if shown == environment { bytes } else { format!("{shown:#}\n").into_bytes() }
            }
            // Damaged, but perhaps not where the password is.
            Err(_) => {
                let text = String::from_utf8_lossy(&bytes);
                text.lines().map(|line| secrets::masked(line) + "\n").collect::<String>().into_bytes()
            }
        }))
    }

    /// The files of a run that can be shown, sorted by name, without links and hidden files. Empty for a run of another
    /// host.
    pub fn files(&self, id: &RunId) -> Result<Vec<FileEntry>, TrackingError> {
        match self.local_folder(id)? {
            Some(folder) => folder::list_files(&folder),
            None => Ok(Vec::new()),
        }
    }

    /// A file that [`Store::files`] lists under exactly this name. `name` cannot lead out of the run's folder.
    pub fn open_file(&self, id: &RunId, name: &str) -> Result<Option<File>, TrackingError> {
        if name == folder::LOCK || name.split('/').any(|part| part.starts_with('.')) {
            return Ok(None);
        }
        let Some(folder) = self.local_folder(id)? else { return Ok(None) };
        match folder::open(&folder, name) {
            // A link, which is not listed either.
            Err(TrackingError::Damaged { .. }) => Ok(None),
            file => file,
        }
    }

    /// The folder of a run, which may not exist; `None` for a run of another host.
    pub fn local_folder(&self, id: &RunId) -> Result<Option<PathBuf>, TrackingError> {
        Ok(self.home_elsewhere(id)?.is_none().then(|| self.folder(id)))
    }

    /// The revision of the store, which grows with each change.
    pub fn revision(&self) -> Result<u64, TrackingError> {
        let revision = self.database.query_number("SELECT revision FROM store", &[]);
        revision.map(i64::cast_unsigned).map_err(|failure| self.to_error(failure))
    }

    /// Which runs changed after `revision` (0 for all).
    pub fn changes_since(&self, revision: u64) -> Result<Changes, TrackingError> {
        // The store's revision first: a change in between is reported twice rather than lost.
        let current = self.revision()?;
        let ids = |sql: &str| self.ids(sql, params![revision]);
        let changed = ids("SELECT id FROM run WHERE revision > ?1 ORDER BY revision")?;
        let removed = ids("SELECT id FROM removed WHERE revision > ?1 ORDER BY revision")?;
        Ok(Changes { revision: current, changed, removed })
    }

    pub(super) fn ids_newest_first(&self) -> Result<Vec<RunId>, TrackingError> {
        self.ids(&format!("SELECT id FROM run {}", newest_first()), &[])
    }

    /// The ids that a query gives in its first column, without what is none: one damaged row hides no other.
    fn ids(&self, sql: &str, parameters: &[Param]) -> Result<Vec<RunId>, TrackingError> {
        let ids = self.query(sql, parameters, |row| Ok(run_id(row, 0).ok()))?;
        Ok(ids.into_iter().flatten().collect())
    }

    /// `None` stands for a run whose row is damaged.
    fn select_runs(&self, condition: &str, parameters: &[Param]) -> Result<Vec<Option<Run>>, TrackingError> {
        // One read transaction: the summaries belong to the records.
        let select = |database: &Database| -> Result<Vec<Option<Run>>, Failure> {
            let mut indices = HashMap::new();
            let sql = format!("SELECT number, record, revision, id FROM run {condition} {}", newest_first());
            let mut runs = database.query(&sql, parameters, |row| {
                indices.insert(row.get::<i64>(0)?, indices.len());
                Ok(self.run_of(row).ok())
            })?;
            let condition = match condition {
                "" => String::new(),
                condition => format!("WHERE run IN (SELECT number FROM run {condition})"),
            };
            let sql = format!("SELECT run, {SUMMARY} FROM metric {condition}");
            database.query(&sql, parameters, |row| {
                // A row of no run: left by who changed the file without its foreign keys.
                if let Some(run) = indices.get(&row.get::<i64>(0)?).and_then(|&index| runs.get_mut(index)) {
                    match (summary(row), run.as_mut()) {
                        (Ok((key, summary)), Some(run)) => _ = run.metrics.insert(key, summary),
                        _ => *run = None,
                    }
                }
                Ok(())
            })?;
            Ok(runs)
        };
        self.database.transaction(Access::Read, select).map_err(|failure| self.to_error(failure))
    }

    /// The run of a row with its number, record, revision and id.
    fn run_of(&self, row: &Row) -> Result<Run, Failure> {
        let record = self.record(row, 1)?;
        if row.text(3)? != record.id.as_str() {
            return Err(TrackingError::damaged(&self.path, "a row of a run has the record of another").into());
        }
        Ok(Run { record, metrics: BTreeMap::new(), revision: number(row, 2)? })
    }

    /// The record in a column of a row.
    pub(super) fn record(&self, row: &Row, column: usize) -> Result<RunRecord, Failure> {
        let record = RunRecord::from_json(row.text(column)?.as_bytes());
        Ok(record.map_err(|error| TrackingError::damaged(&self.path, error))?)
    }
}

/// All texts in it with their passwords masked.
fn without_secrets(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(secrets::masked(&text)),
        Value::Array(values) => values.into_iter().map(without_secrets).collect(),
        Value::Object(values) => values.into_iter().map(|(key, value)| (key, without_secrets(value))).collect(),
        other => other,
    }
}
