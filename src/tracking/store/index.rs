//! The rows of a run, written from its folder.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::open::Store;
use super::rows::to_json;
use super::summary::{MetricSummary, SUMMARY, summary};
use crate::tracking::database::{Database, Failure, Inserted, params};
use crate::tracking::{MetricKey, Point, RunId, RunRecord, TrackingError, flatten_config, folder};

impl Store {
    /// Makes the rows of a run equal to its folder and `record`; returns the number of points.
    pub(super) fn index_folder(
        &self,
        database: &Database,
        folder: &Path,
        record: RunRecord,
        revision: u64,
    ) -> Result<usize, Failure> {
        let record = with_params_of_config(folder, record)?;
        record.check_size().map_err(|error| TrackingError::damaged(&folder.join(folder::RUN), error))?;
        let environment: Value = match folder::read(folder, folder::ENVIRONMENT)? {
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| TrackingError::damaged(&folder.join(folder::ENVIRONMENT), error))?,
            None => Value::Null,
        };
        let run = self.upsert_run(database, &record, &environment, revision)?;
        database.execute("DELETE FROM metric WHERE run = ?1", params![run])?;
        database.execute("DELETE FROM removed WHERE id = ?1", params![record.id.as_str()])?;
        let mut num_points = 0;
        folder::for_each_part(folder, |points| {
            num_points += points.len();
            insert_points(database, run, &record.id, points).map_err(|failure| match failure {
                Failure::Other(TrackingError::DuplicatePoint { key, epoch, step, .. }) => {
                    let problem =
                        format!("it has `{key}` twice for epoch {epoch}, step {step}: remove one of the lines");
                    Failure::Other(TrackingError::Damaged { path: folder.join(folder::METRICS), line: None, problem })
                }
                failure => failure,
            })
        })?;
        folder::check_sum(folder, folder::METRICS)?;
        Ok(num_points)
    }

    /// Inserts or replaces the row of a run; returns its primary key.
    pub(super) fn upsert_run(
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

    /// Deletes the rows of a run, and notes the deletion for [`Store::changes_since`].
    pub(super) fn remove_rows(&self, database: &Database, id: &RunId, revision: u64) -> Result<(), Failure> {
        database.execute("DELETE FROM run WHERE id = ?1", params![id.as_str()])?;
        let sql = "INSERT INTO removed (id, revision, home) VALUES (?1, ?2, ?3)
                   ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, home = excluded.home";
        database.execute(sql, params![id.as_str(), revision, self.home.as_str()])?;
        Ok(())
    }
}

/// Fills in the params of a record without them (edited by hand, or by another tool) from `config.toml`.
fn with_params_of_config(folder: &Path, mut record: RunRecord) -> Result<RunRecord, TrackingError> {
    if record.params.is_empty()
        && let Some(text) = folder::read_text(folder, folder::CONFIG)?
    {
        let damaged = |error: toml::de::Error| TrackingError::damaged(&folder.join(folder::CONFIG), error.message());
        record.params = flatten_config(&text).map_err(damaged)?;
    }
    Ok(record)
}

/// Metrics of a run at most, far above what a training records: each list of runs holds a summary of each.
const MOST_METRICS: usize = 1000;

/// Inserts points into `run`, the primary key of `id`, and updates the summaries of their metrics.
pub(super) fn insert_points(database: &Database, run: i64, id: &RunId, points: &[Point]) -> Result<(), Failure> {
    // The primary keys are read in each call and not cached: `reindex` may have changed them.
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
    let num_new = totals.keys().filter(|key| !metrics.contains_key(**key)).count();
    if metrics.len() + num_new > MOST_METRICS {
        let path = Path::new(id.as_str()).join(folder::METRICS);
        return Err(TrackingError::damaged(&path, format!("it has more than {MOST_METRICS} metrics")).into());
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
