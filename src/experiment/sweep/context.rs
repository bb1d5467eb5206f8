//! What a worker knows of its sweep.

use std::time::Duration;

use crate::training::Interrupter;

use crate::backend::BackendName;
use crate::config::LoadedConfig;
use crate::experiment::environment::Environment;
use crate::metric::Goal;
use crate::sweep::SweepConfig;
use crate::tracking::{Location, Sweep};

/// A sweep and who works on it.
pub(super) struct Context<'a> {
    pub location: &'a Location,
    pub sweep: Sweep,
    /// Which direction of the sweep's metric is better.
    pub goal: Goal,
    pub loaded: LoadedConfig,
    pub search: SweepConfig,
    pub tags: &'a [String],
    pub backend: BackendName,
    /// [`name_of`] this process.
    pub name: String,
    /// Ends the worker, and the run that it trains.
    pub interrupter: Interrupter,
    pub environment: Environment,
}

impl Context<'_> {
    /// How long a trial is the worker's after its last heartbeat.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.search.lease_seconds.into())
    }

    pub fn is_minimized(&self) -> bool {
        self.goal == Goal::Lower
    }
}

/// `host:process`, as a trial names its worker.
pub fn name_of(process: u32) -> String {
    format!("{}:{process}", crate::tracking::host())
}
