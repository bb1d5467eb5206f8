//! A run as lists show it, with a summary of each metric.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rows::{float, number};
use crate::tracking::database::{Failure, Row};
use crate::tracking::point::json_float;
use crate::tracking::{MetricKey, Point, RunRecord, TrackingError};

/// A run as lists show it: its record and a summary per metric, without the points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// What `run.json` says.
    #[serde(flatten)]
    pub record: RunRecord,
    /// By metric key.
    pub metrics: BTreeMap<MetricKey, MetricSummary>,
    /// The store's revision when the run last changed; see [`Store::changes_since`](crate::tracking::Store::changes_since).
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

impl Default for MetricSummary {
    fn default() -> Self {
        Self { points: 0, last: f64::NAN, last_epoch: 0, last_step: 0, last_time: 0.0, best: None, best_epoch: None }
    }
}

impl MetricSummary {
    /// Takes in one more point, the latest.
    pub(super) fn add(&mut self, point: &Point) {
        self.points += 1;
        (self.last, self.last_epoch, self.last_step, self.last_time) =
            (point.value, point.epoch, point.step, point.time);
        // An infinite score comes from a diverged training and is never the best epoch.
        let Some(goal) = point.key.goal() else { return };
        if point.value.is_finite() && self.best.is_none_or(|best| goal.is_better(point.value, best)) {
            (self.best, self.best_epoch) = (Some(point.value), Some(point.epoch));
        }
    }
}

/// The columns that [`summary`] reads, after a first column that the caller reads.
pub(super) const SUMMARY: &str = "key, points, last, last_epoch, last_step, last_time, best, best_epoch";

/// Reads [`SUMMARY`] from columns 1 and on.
pub(super) fn summary(row: &Row) -> Result<(MetricKey, MetricSummary), Failure> {
    let key: MetricKey = row.text(1)?.parse().map_err(TrackingError::from)?;
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
