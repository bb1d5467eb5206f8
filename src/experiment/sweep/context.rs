//! A worker's view of its sweep.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::training::Interrupter;

use crate::backend::BackendName;
use crate::config::LoadedConfig;
use crate::data::{self, Author, DataConfig, Dataset};
use crate::experiment::environment::Environment;
use crate::experiment::fingerprint::Origin;
use crate::invalid::Invalid;
use crate::metric::Goal;
use crate::sweep::SweepConfig;
use crate::tracking::{Held, Location, Shown, Store, Sweep, UtcTime};

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
    pub data: LastData,
}

impl Context<'_> {
    /// How long the worker keeps a trial after its last heartbeat.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.search.lease_seconds.into())
    }

    /// What its trials are to be trained from; `None` in a sweep that an older burnlab created.
    pub fn origin(&self) -> Option<Origin> {
        self.sweep.data.as_deref().map(Origin::parse)
    }

    pub fn is_minimized(&self) -> bool {
        self.goal == Goal::Lower
    }
}

/// The data of the last trial, read once for all trials with the same `[data]`.
pub(super) struct LastData {
    author: Author,
    last: Mutex<Option<(DataConfig, Arc<Dataset>)>>,
}

impl LastData {
    /// `connects`: see [`Author::Record`].
    pub fn new(connects: bool) -> Self {
        Self { author: Author::Record { connects }, last: Mutex::default() }
    }

    /// The data of a trial's config.
    ///
    /// # Errors
    /// As [`data::load_of`].
    pub fn load(&self, config: &DataConfig) -> Result<Arc<Dataset>, Invalid> {
        let mut last = self.last.lock().expect("no panic while held");
        if let Some((_, dataset)) = last.as_ref().filter(|(of, _)| of == config) {
            return Ok(Arc::clone(dataset));
        }
        // Never two data sets at once.
        *last = None;
        let dataset = Arc::new(data::load_of(self.author, config)?);
        *last = Some((config.clone(), Arc::clone(&dataset)));
        Ok(dataset)
    }
}

/// Whether the trial's worker is a process of this host.
pub(super) fn is_here(held: &Held) -> bool {
    held.worker.rsplit_once(':').is_some_and(|(host, _)| host == crate::tracking::host())
}

/// Whether the worker is known to be gone: a process of this host that has ended, and holds the lock of no run.
///
/// Of a worker on another host only the end of its lease tells.
pub(super) fn is_dead(store: &Store, held: &Held) -> bool {
    let process = held.worker.rsplit_once(':').and_then(|(_, process)| process.parse::<u32>().ok());
    let Some(process) = process.filter(|_| is_here(held)) else { return false };
    let runs = held.runs.iter().filter_map(|run| store.run(run).ok());
    let mut shown = runs.map(|run| store.shown(&run));
    !shown.any(|shown| matches!(shown, Shown::Running | Shown::Stalled)) && !is_worker(process, held.since)
}

/// Whether a process of this number lives that may be the worker: one that began before the trial was taken.
fn is_worker(process: u32, since: Option<UtcTime>) -> bool {
    let id = sysinfo::Pid::from_u32(process);
    let mut system = sysinfo::System::new();
    system.refresh_processes(sysinfo::ProcessesToUpdate::Some(&[id]), true);
    let Some(process) = system.process(id) else { return false };
    let is_ended = matches!(process.status(), sysinfo::ProcessStatus::Zombie | sysinfo::ProcessStatus::Dead);
    // In whole seconds, from a clock of its own.
    let began = UtcTime::try_from(SystemTime::UNIX_EPOCH + Duration::from_secs(process.start_time())).ok();
    !is_ended && since.zip(began).is_none_or(|(since, began)| began.seconds_since(since) < 2.0)
}

/// `host:process`, the name of a trial's worker.
pub fn name_of(process: u32) -> String {
    format!("{}:{process}", crate::tracking::host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_read_again_only_for_another_config() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, "a,y\n".to_owned() + &"1,0\n2,1\n".repeat(20)).unwrap();
        let text = format!("path = {:?}\ntarget = \"y\"\n", path.display().to_string());
        let config: DataConfig = toml::from_str(&text).unwrap();
        let last = LastData::new(false);
        let first = last.load(&config).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(Arc::ptr_eq(&first, &last.load(&config).unwrap()));
        let other: DataConfig = toml::from_str(&format!("{text}test_fraction = 0.4\n")).unwrap();
        assert!(last.load(&other).is_err(), "the file is gone");
    }
}
