//! Whether a run whose status is running really runs: a lock that is held, and a sign of life in time.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::open::Store;
use super::summary::Run;
use crate::tracking::database::params;
use crate::tracking::{RunId, Shown, folder};

/// A run is stalled when it has been silent for ten times its mean epoch, and for at least this long.
const SHORTEST_STALL: Duration = Duration::from_secs(60);
/// The same before the first epoch is logged, when the length of an epoch is unknown.
const STALL_BEFORE_FIRST_EPOCH: Duration = Duration::from_secs(600);

impl Store {
    /// The status to show: the stored one and, for a running run, whether its process is alive and still writing.
    ///
    /// For a running run this probes a lock file and, on a server, makes a query; for all others it costs nothing. The
    /// lock of a run of another host cannot be probed: such a run is never shown as crashed, only as stalled.
    pub fn shown(&self, run: &Run) -> Shown {
        if run.record.status.is_final() {
            return run.record.status.into();
        }
        match self.home_elsewhere(&run.record.id) {
            Ok(None) => {}
            Ok(Some(_)) if self.silence_in_row(&run.record.id) > stalled_after(run) => return Shown::Stalled,
            Ok(Some(_)) | Err(_) => return Shown::Running,
        }
        let folder = self.folder(&run.record.id);
        match folder::is_locked(&folder) {
            Ok(false) => {
                // The run may have ended between the reading of `run` and the probe; `run.json` was written before
                // the lock was released.
                match folder::read_record(&folder) {
                    Ok(record) if record.status.is_final() => record.status.into(),
                    _ => Shown::Crashed,
                }
            }
            Ok(true) if silence(&folder) > stalled_after(run) => Shown::Stalled,
            // Where the lock cannot be probed, the record is believed.
            Ok(true) | Err(_) => Shown::Running,
        }
    }

    /// Time since the run last wrote to its row, by the server's clock; zero if unknown.
    fn silence_in_row(&self, id: &RunId) -> Duration {
        let sql = "SELECT heard FROM run WHERE id = ?1";
        let heard = self.database.query_first(sql, params![id.as_str()], |row| row.get::<f64>(0));
        match (heard, self.database.now()) {
            (Ok(Some(heard)), Ok(now)) => Duration::try_from_secs_f64(now - heard).unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }
}

/// Time since the run last wrote to its folder; zero if unknown or in the future.
fn silence(folder: &Path) -> Duration {
    folder::last_activity(folder).and_then(|time| SystemTime::now().duration_since(time).ok()).unwrap_or_default()
}

/// The silence after which a run counts as stalled.
fn stalled_after(run: &Run) -> Duration {
    let trained = run.metrics.values().filter(|metric| metric.last_epoch > 0);
    let mean_epoch = trained.map(|metric| metric.last_time / metric.last_epoch as f64).reduce(f64::max);
    match mean_epoch {
        Some(seconds) => SHORTEST_STALL.max(Duration::try_from_secs_f64(10.0 * seconds).unwrap_or(Duration::MAX)),
        None => STALL_BEFORE_FIRST_EPOCH,
    }
}
