//! Sweeps: searches over configs, and their trials, which workers on one or many machines take.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{MetricKey, RunId, UtcTime};

/// What is needed to create a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSweep {
    /// The experiment of its runs.
    pub experiment: String,
    /// The whole config with its `[sweep]` section: all that a worker needs to train any trial.
    pub config_toml: String,
    /// `grid`, `random` or `tpe`; only for display.
    pub method: String,
    /// The metric that trials are ranked by.
    pub metric: MetricKey,
    /// Names of the params that the trials differ in, in the order of the config.
    pub params: Vec<String>,
    /// Number of trials, at least 1.
    pub num_trials: u32,
    /// Fingerprint of the rows that its trials are trained and judged on.
    pub data: String,
}

/// One sweep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sweep {
    /// In the form of a run id, with the slug of the experiment.
    pub id: RunId,
    pub experiment: String,
    pub started: UtcTime,
    #[serde(skip)]
    pub config_toml: String,
    pub method: String,
    pub metric: MetricKey,
    pub params: Vec<String>,
    pub num_trials: u32,
    /// Fingerprint of the rows that its trials are trained and judged on; `None` where an older burnlab created it.
    #[serde(skip)]
    pub data: Option<String>,
    /// Number of trials in each state.
    pub counts: Counts,
}

/// Number of trials by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub waiting: u32,
    pub running: u32,
    pub finished: u32,
    pub stopped: u32,
    pub failed: u32,
    pub refused: u32,
}

/// State of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrialState {
    /// No worker has taken it, or its worker gave it back.
    Waiting,
    /// A worker has it. Once its lease has expired, the next worker that asks takes it over.
    Running,
    /// Trained to the end; `value` is its result.
    Finished,
    /// Stopped early by successive halving; `value` is the last it reached.
    Stopped,
    /// Its training failed (a loss that is not finite), or its workers were lost too often.
    Failed,
    /// Never trained, since its config forbids the combination of its params.
    Refused,
}

impl TrialState {
    const ALL: [Self; 6] = [Self::Waiting, Self::Running, Self::Finished, Self::Stopped, Self::Failed, Self::Refused];

    /// The name, as in the store and on the page.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }

    /// The state of that name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl fmt::Display for TrialState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Counts {
    /// How many have ended.
    pub fn done(&self) -> u32 {
        self.finished + self.stopped + self.failed + self.refused
    }

    /// How many have not ended.
    pub fn left(&self) -> u32 {
        self.waiting + self.running
    }

    /// The count of one state.
    pub(super) fn of(&mut self, state: TrialState) -> &mut u32 {
        match state {
            TrialState::Waiting => &mut self.waiting,
            TrialState::Running => &mut self.running,
            TrialState::Finished => &mut self.finished,
            TrialState::Stopped => &mut self.stopped,
            TrialState::Failed => &mut self.failed,
            TrialState::Refused => &mut self.refused,
        }
    }
}

/// One config of a sweep, and its result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// 1-based.
    pub number: u32,
    pub state: TrialState,
    /// By dotted key, such as `training.learning_rate`; empty until a worker takes the trial.
    pub params: BTreeMap<String, Value>,
    /// How often it was taken; more than 1 if a worker was lost.
    pub attempts: u32,
    /// `host:process` of the worker that has or had it.
    pub worker: Option<String>,
    /// When it was last taken.
    pub started: Option<UtcTime>,
    /// When it got its result.
    pub ended: Option<UtcTime>,
    /// The runs of the last attempt: one, or one per seed and fold.
    pub runs: Vec<RunId>,
    /// The sweep's metric: of its run, or the mean over its runs.
    pub value: Option<f64>,
    /// Why it stopped or failed; empty otherwise.
    pub reason: String,
    /// With successive halving: the value at each rung it reached, by epoch.
    pub rungs: BTreeMap<u64, f64>,
}

/// The trial that a run belongs to, as recorded in its `run.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepTrial {
    pub sweep: RunId,
    pub trial: u32,
}

/// A trial that a worker has taken. A worker that takes it over after the lease has expired gets a higher `attempt`;
/// results of earlier attempts no longer count.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    pub sweep: RunId,
    pub number: u32,
    pub attempt: u32,
    pub params: BTreeMap<String, Value>,
    /// Runs of earlier attempts, whose workers were lost.
    pub abandoned: Vec<RunId>,
}

/// The result of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `Finished`, `Stopped`, `Failed` or `Refused`.
    pub state: TrialState,
    pub value: Option<f64>,
    pub reason: String,
}
