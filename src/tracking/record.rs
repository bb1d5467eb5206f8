//! What `run.json` says of a run.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{RunId, UtcTime};

/// How a run stands, as recorded by its own process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Training, unless its process is gone: see [`Shown`].
    Running,
    /// Ended as planned, early stopping included.
    Finished,
    /// Ended by SIGINT or SIGTERM; the best weights are saved.
    Interrupted,
    /// Ended by an error.
    Failed,
}

/// How a run is shown: its status, unless its process is gone or silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    Running,
    Finished,
    Interrupted,
    Failed,
    /// Recorded as running, but nobody holds its lock.
    Crashed,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Running, Self::Finished, Self::Interrupted, Self::Failed].into_iter().find(|s| s.as_str() == text)
    }

    /// The status as shown, given whether the run's process holds its lock.
    pub fn shown(self, lock_is_held: bool) -> Shown {
        match self {
            Self::Running if lock_is_held => Shown::Running,
            Self::Running => Shown::Crashed,
            Self::Finished => Shown::Finished,
            Self::Interrupted => Shown::Interrupted,
            Self::Failed => Shown::Failed,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Everything about a run beside its points and files: the content of `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub id: RunId,
    /// As the user wrote it; the id carries its slug.
    pub experiment: String,
    /// A name for people; may repeat.
    pub name: Option<String>,
    pub tags: Vec<String>,
    pub note: Option<String>,
    pub status: Status,
    /// Why the run ended, in words.
    pub reason: Option<String>,
    pub seed: u64,
    /// The epoch with the best monitored metric, from 1.
    pub best_epoch: Option<u64>,
    /// The run that this one continues or was initialised from.
    pub parent: Option<RunId>,
    pub started: UtcTime,
    pub ended: Option<UtcTime>,
    pub archived: bool,
    /// The config's values by dotted key.
    pub params: BTreeMap<String, serde_json::Value>,
}
