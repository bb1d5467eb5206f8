//! A search over configs: its trials, as the store keeps them. Workers on one or many machines take trials from it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{MetricKey, RunId, TrackingError, UtcTime};

/// What a sweep is before its first trial.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSweep {
    /// The experiment that its runs are recorded under.
    pub experiment: String,
    /// The whole config with its `[sweep]` section: this text alone lets a worker train any trial.
    pub config_toml: String,
    /// `grid`, `random`, `tpe`: for people.
    pub method: String,
    /// What trials are judged by.
    pub metric: MetricKey,
    /// Names of the params that the trials differ in, in the order of the config.
    pub params: Vec<String>,
    /// How many trials it may train, at least 1.
    pub num_trials: u32,
}

/// One search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sweep {
    /// Same form as a run's id, with the slug of the experiment.
    pub id: RunId,
    pub experiment: String,
    pub started: UtcTime,
    #[serde(skip)]
    pub config_toml: String,
    pub method: String,
    pub metric: MetricKey,
    pub params: Vec<String>,
    pub num_trials: u32,
    /// How many trials are in each state.
    pub counts: Counts,
}

/// Trials by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub waiting: u32,
    pub running: u32,
    pub finished: u32,
    pub stopped: u32,
    pub failed: u32,
}

/// How a trial stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrialState {
    /// Nobody has taken it, or its worker gave it back.
    Waiting,
    /// A worker has it; if its lease has run out, the next one that asks takes it.
    Running,
    /// Trained to its end; `value` is its result.
    Finished,
    /// Successive halving ended it early as hopeless; `value` is what it had reached.
    Stopped,
    /// Its training failed (a loss that is not finite), or its workers were lost too often.
    Failed,
}

impl TrialState {
    const ALL: [Self; 5] = [Self::Waiting, Self::Running, Self::Finished, Self::Stopped, Self::Failed];

    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for TrialState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for TrialState {
    type Err = TrackingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let state = Self::ALL.into_iter().find(|state| state.as_str() == text);
        state.ok_or_else(|| TrackingError::DamagedSweep { problem: format!("a trial cannot be `{text}`") })
    }
}

impl Counts {
    /// The count of one state.
    pub(super) fn of(&mut self, state: TrialState) -> &mut u32 {
        match state {
            TrialState::Waiting => &mut self.waiting,
            TrialState::Running => &mut self.running,
            TrialState::Finished => &mut self.finished,
            TrialState::Stopped => &mut self.stopped,
            TrialState::Failed => &mut self.failed,
        }
    }
}

/// One config of a sweep, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// 1-based.
    pub number: u32,
    pub state: TrialState,
    /// By dotted key, such as `training.learning_rate`; empty until a worker takes the trial.
    pub params: BTreeMap<String, Value>,
    /// How often it was taken; more than 1 after a worker was lost.
    pub attempts: u32,
    /// `host:process` of the worker that has or had it.
    pub worker: Option<String>,
    /// When it was taken last.
    pub started: Option<UtcTime>,
    /// When it got its result.
    pub ended: Option<UtcTime>,
    /// The runs of the last attempt: one, or one per seed and fold.
    pub runs: Vec<RunId>,
    /// The sweep's metric: of the run, or the mean of its runs.
    pub value: Option<f64>,
    /// Why it stopped or failed; empty otherwise.
    pub reason: String,
    /// Successive halving: the value at each rung that it reached, by epoch.
    pub rungs: BTreeMap<u64, f64>,
}

/// Which trial a run belongs to, as its `run.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepTrial {
    pub sweep: RunId,
    pub trial: u32,
}

/// A trial that a worker has taken. Whoever takes it later, after the lease has run out, gets a higher `attempt`: what
/// comes of the earlier one no longer counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    pub sweep: RunId,
    pub number: u32,
    pub attempt: u32,
    pub params: BTreeMap<String, Value>,
    /// Runs of an earlier attempt, whose worker was lost.
    pub abandoned: Vec<RunId>,
}

/// How a worker's trial ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `Finished`, `Stopped` or `Failed`.
    pub state: TrialState,
    pub value: Option<f64>,
    pub reason: String,
}
