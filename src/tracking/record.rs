//! The content of `run.json`, everything about a run except its curves, and the status that is shown for it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DataRecord, RunId, SweepTrial, UtcTime};

/// Status of a run, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Training, according to the last record; [`Shown`] says whether the process is still alive.
    Running,
    /// Ended normally, early stopping included.
    Finished,
    /// Stopped by the user (Ctrl-C, SIGTERM).
    Interrupted,
    /// Ended by an error.
    Failed,
    /// The process ended without recording a status; set by [`Store::recover`](super::Store::recover).
    Crashed,
}

impl Status {
    /// Whether the run has ended.
    pub fn is_final(self) -> bool {
        self != Self::Running
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
        })
    }
}

/// Status of a run, as shown: the stored [`Status`], checked against the process that trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// The process is alive and wrote something recently.
    Running,
    /// The process is alive, but has written nothing for much longer than an epoch takes.
    Stalled,
    /// See [`Status::Finished`].
    Finished,
    /// See [`Status::Interrupted`].
    Interrupted,
    /// See [`Status::Failed`].
    Failed,
    /// The process ended without a final status: nobody holds the run's lock.
    Crashed,
}

impl From<Status> for Shown {
    fn from(status: Status) -> Self {
        match status {
            Status::Running => Self::Running,
            Status::Finished => Self::Finished,
            Status::Interrupted => Self::Interrupted,
            Status::Failed => Self::Failed,
            Status::Crashed => Self::Crashed,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Stalled => "stalled",
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
        })
    }
}

/// The content of `run.json`. Fields that a newer burnlab adds are ignored, absent optional ones are empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The run's id, equal to its folder's name.
    pub id: RunId,
    /// The experiment as the user wrote it (the id has its slug).
    pub experiment: String,
    /// Display name; need not be unique.
    #[serde(default)]
    pub name: Option<String>,
    /// Sorted, without duplicates.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Free text.
    #[serde(default)]
    pub note: Option<String>,
    /// Status as stored; to show it, ask [`Store::shown`](super::Store::shown).
    pub status: Status,
    /// Why the run ended; empty while it runs.
    #[serde(default)]
    pub reason: String,
    /// When the run began.
    pub started: UtcTime,
    /// When it got its final status.
    #[serde(default)]
    pub ended: Option<UtcTime>,
    /// Seed of weights, shuffles and splits.
    pub seed: u64,
    /// 1-based epoch of the weights that were kept.
    #[serde(default)]
    pub best_epoch: Option<u64>,
    /// The run that this one starts from.
    #[serde(default)]
    pub parent: Option<RunId>,
    /// The trial of a sweep that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepTrial>,
    /// Hidden from lists unless asked for.
    #[serde(default)]
    pub archived: bool,
    /// When it was moved to the trash.
    #[serde(default)]
    pub trashed: Option<UtcTime>,
    /// Fingerprints of its data; `None` for a run of a burnlab that recorded none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataRecord>,
    /// The configuration, flattened: `training.learning_rate`.
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
}

/// Params or tags of a run at most, far above what a config has: each list of runs holds them all.
const MOST_ENTRIES: usize = 10_000;

impl RunRecord {
    /// The record in JSON that may be somebody else's.
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub(super) fn from_json(text: &[u8]) -> Result<Self, String> {
        let record: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        record.check_size().map(|()| record)
    }

    /// # Errors
    /// More params or tags than burnlab writes.
    pub(super) fn check_size(&self) -> Result<(), String> {
        for (what, count) in [("params", self.params.len()), ("tags", self.tags.len())] {
            if count > MOST_ENTRIES {
                return Err(format!("it has {count} {what}, more than burnlab writes"));
            }
        }
        Ok(())
    }
}

/// Trims and sorts tags, and removes empty and repeated ones.
pub(super) fn normalized_tags(tags: Vec<String>) -> Vec<String> {
    let mut tags: Vec<String> = tags.iter().map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
    tags.sort();
    tags.dedup();
    tags
}

/// Flattens a TOML document into dotted keys: `[training] learning_rate = 0.1` gives `training.learning_rate`.
/// Arrays stay whole; numbers that JSON cannot hold and dates become strings.
///
/// # Errors
/// The TOML parser's own message.
pub fn flatten_config(config_toml: &str) -> Result<BTreeMap<String, Value>, toml::de::Error> {
    let table: toml::Table = toml::from_str(config_toml)?;
    let mut params = BTreeMap::new();
    flatten_into("", table, &mut params);
    Ok(params)
}

fn flatten_into(prefix: &str, table: toml::Table, params: &mut BTreeMap<String, Value>) {
    for (key, value) in table {
        let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten_into(&key, inner, params),
            value => {
                params.insert(key, to_json(value));
            }
        }
    }
}

fn to_json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) if number.is_finite() => number.into(),
        toml::Value::Float(number) => number.to_string().into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(values) => values.into_iter().map(to_json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, to_json(value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_is_flattened_by_dots() {
        let params =
            flatten_config("seed = 1\n[model]\nhidden = [16, 8]\n[training.early_stopping]\nmin_delta = inf\n");
        assert_eq!(
            serde_json::to_string(&params.unwrap()).unwrap(),
            r#"{"model.hidden":[16,8],"seed":1,"training.early_stopping.min_delta":"inf"}"#
        );
        assert!(flatten_config("seed = ").is_err());
    }
}
