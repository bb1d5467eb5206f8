//! A worker's view of its sweep.

use std::time::Duration;

use crate::training::Interrupter;

use crate::backend::BackendName;
use crate::config::LoadedConfig;
use crate::experiment::environment::Environment;
use crate::metric::Goal;
use crate::sweep::SweepConfig;
use crate::tracking::{Location, Sweep};

/// A sweep and the worker on it.
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
    /// Stops the worker and the run that it trains.
    pub interrupter: Interrupter,
    pub environment: Environment,
}

impl Context<'_> {
    /// How long the worker keeps a trial after its last heartbeat.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.search.lease_seconds.into())
    }

    pub fn is_minimized(&self) -> bool {
        self.goal == Goal::Lower
    }
}

/// `host:process`, the name of a trial's worker.
pub fn name_of(process: u32) -> String {
    format!("{}:{process}", crate::tracking::host())
}
