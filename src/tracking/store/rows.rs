//! Rows of the database as values, and values as text.

use serde::Serialize;

use crate::tracking::database::{Database, Failure, Row, params};
use crate::tracking::{RunId, Sample, TrackingError};

/// Columns `epoch, step, time, value`.
pub(super) fn sample(row: &Row) -> Result<Sample, Failure> {
    Ok(Sample { epoch: number(row, 0)?, step: number(row, 1)?, time: row.get(2)?, value: float(row, 3)? })
}

pub(in crate::tracking) fn run_id(row: &Row, column: usize) -> Result<RunId, Failure> {
    Ok(row.text(column)?.parse().map_err(TrackingError::from)?)
}

/// The primary key of a run's row; `None` if it has no row.
pub(super) fn row_number(database: &Database, id: &RunId) -> Result<Option<i64>, Failure> {
    database.query_first("SELECT number FROM run WHERE id = ?1", params![id.as_str()], |row| row.get(0))
}

pub(super) fn number(row: &Row, column: usize) -> Result<u64, Failure> {
    row.get(column).map(i64::cast_unsigned)
}

/// NaN for NULL.
pub(super) fn float(row: &Row, column: usize) -> Result<f64, Failure> {
    Ok(row.get::<Option<f64>>(column)?.unwrap_or(f64::NAN))
}

pub(in crate::tracking) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("records and JSON values have string keys and serialize")
}
