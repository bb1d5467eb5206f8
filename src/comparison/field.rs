//! What a filter, a sort key or a column can name: a run's fields, params and metrics.

use std::borrow::Cow;
use std::convert::Infallible;
use std::str::FromStr;

use serde_json::Value;

use crate::tracking::{MetricKey, MetricSummary, Run, RunRecord, Shown};

/// A run as filters and sort keys read it, in whatever form it is kept in memory.
pub trait Recorded {
    /// Everything but the params.
    fn record(&self) -> &RunRecord;
    /// One param.
    fn param(&self, key: &str) -> Option<&Value>;
    /// The summary of one metric.
    fn metric(&self, key: &MetricKey) -> Option<&MetricSummary>;
    /// The keys of all params.
    fn params(&self) -> impl Iterator<Item = &str>;
    /// The keys of all metrics.
    fn metrics(&self) -> impl Iterator<Item = &str>;
}

impl Recorded for Run {
    fn record(&self) -> &RunRecord {
        &self.record
    }

    fn param(&self, key: &str) -> Option<&Value> {
        self.record.params.get(key)
    }

    fn metric(&self, key: &MetricKey) -> Option<&MetricSummary> {
        self.metrics.get(key)
    }

    fn params(&self) -> impl Iterator<Item = &str> {
        self.record.params.keys().map(String::as_str)
    }

    fn metrics(&self) -> impl Iterator<Item = &str> {
        self.metrics.keys().map(MetricKey::as_str)
    }
}

/// Names one value of a run.
///
/// `id`, `name`, `experiment`, `tag`, `note`, `status`, `reason`, `started`, `ended`, `duration` (seconds), `seed`,
/// `best_epoch`, `parent` and `archived` are the record's (`name` is the label that the page gives a run; a filter
/// compares it with the experiment as well); `validation/loss` is the metric's best value (its last where neither direction
/// is better) and `last(validation/loss)` its last; everything else is a param, such as `training.learning_rate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// A field of the record.
    Record(String),
    /// The best value of a metric; the last one of a metric without a direction.
    Best(MetricKey),
    /// The last value of a metric.
    Last(MetricKey),
    /// A flattened key of the configuration.
    Param(String),
}

/// Names of the record's fields.
pub const RECORD_FIELDS: &[&str] = &[
    "id",
    "name",
    "experiment",
    "tag",
    "note",
    "status",
    "reason",
    "started",
    "ended",
    "duration",
    "seed",
    "best_epoch",
    "parent",
    "archived",
];

/// The value of a [`Field`] in one run.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue<'a> {
    /// A measured number, which may be NaN or infinite.
    Number(f64),
    /// Any JSON value.
    Json(Cow<'a, Value>),
    /// All tags of the run.
    Tags(&'a [String]),
}

impl Field {
    /// Whether the values are moments in time, which are compared as texts of fixed width.
    pub fn is_time(&self) -> bool {
        matches!(self, Self::Record(name) if name == "started" || name == "ended")
    }

    /// Whether it is the name, which a filter compares with both names that a run may have.
    pub fn is_name(&self) -> bool {
        matches!(self, Self::Record(name) if name == "name")
    }

    /// The value in `run`, whose status is `shown`; `None` if the run has none.
    pub fn of<'a>(&self, run: &'a impl Recorded, shown: Shown) -> Option<FieldValue<'a>> {
        let record = run.record();
        let text = |text: String| Some(FieldValue::Json(Cow::Owned(text.into())));
        match self {
            Self::Best(key) => {
                let metric = run.metric(key)?;
                let value = if key.goal().is_some() { metric.best? } else { metric.last };
                Some(FieldValue::Number(value))
            }
            Self::Last(key) => Some(FieldValue::Number(run.metric(key)?.last)),
            Self::Param(key) => run.param(key).map(|value| FieldValue::Json(Cow::Borrowed(value))),
            Self::Record(name) => match name.as_str() {
                "id" => text(record.id.to_string()),
                "name" => text(record.name.clone()?),
                "experiment" => text(record.experiment.clone()),
                "note" => text(record.note.clone()?),
                "status" => text(shown.to_string()),
                "reason" => text(record.reason.clone()),
                "started" => text(record.started.to_string()),
                "ended" => text(record.ended?.to_string()),
                "duration" => Some(FieldValue::Number(record.ended?.seconds_since(record.started))),
                "parent" => text(record.parent.as_ref()?.to_string()),
                "seed" => Some(FieldValue::Json(Cow::Owned(record.seed.into()))),
                "best_epoch" => Some(FieldValue::Json(Cow::Owned(record.best_epoch?.into()))),
                "archived" => Some(FieldValue::Json(Cow::Owned(record.archived.into()))),
                _ => Some(FieldValue::Tags(&record.tags)),
            },
        }
    }
}

impl FromStr for Field {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let last = text.strip_prefix("last(").and_then(|rest| rest.strip_suffix(')'));
        Ok(if RECORD_FIELDS.contains(&text) {
            Self::Record(text.to_owned())
        } else if text == "tags" {
            Self::Record("tag".to_owned())
        } else if let Some(Ok(key)) = last.map(str::parse) {
            Self::Last(key)
        } else if let Ok(key) = text.parse() {
            Self::Best(key)
        } else {
            Self::Param(text.to_owned())
        })
    }
}
