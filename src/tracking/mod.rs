//! Recording runs: their configuration, what they measured, and where both are stored.
//!
//! A **run** is one training. It owns a folder, `runs/<id>/`, and rows in `burnlab.db`. The folder is authoritative: the
//! database is an index over all folders that can be rebuilt by [`Store::reindex`]. Runs of one **experiment** are meant
//! to be compared. A **sweep** is a queue of trials that workers take; it is stored only in the database.
//!
//! ```text
//! artifacts/burnlab.db             index of all runs (SQLite)
//! artifacts/runs/<id>/run.json     id, name, tags, note, status, reason, seed, params ... (RunRecord)
//!                     config.toml  resolved configuration
//!                     environment.json, metrics.csv, run.log
//!                     lock         held by the process that trains
//! artifacts/trash/<id>/            deleted runs, until Store::gc
//! ```
//!
//! Writing goes through [`RunWriter`] (one per training process), everything else through [`Store`].
//! Any number of processes may do both at the same time. Each change is one write transaction that includes the change
//! to the folder, so that the database's write lock serializes edits of the folders as well.
//!
//! Instead of `burnlab.db`, a PostgreSQL server can hold the rows of many hosts ([`Location`]). Run folders stay on the
//! host that trained. Other hosts see the run's row, curves and environment; their edits change the row, which is then
//! newer than `run.json` until the run's own host writes that file again.
//!
//! | file | concept |
//! |---|---|
//! | `id` | [`RunId`] |
//! | `point` | [`MetricKey`], [`Point`], [`Sample`] |
//! | `record` | [`RunRecord`], [`Status`], [`Shown`]: the content of `run.json` |
//! | `data_record` | [`DataRecord`]: fingerprints of the data of a run |
//! | `run` | [`NewRun`], [`RunWriter`] |
//! | `folder` | files of a run: atomic writes, the lock, `metrics.csv` |
//! | `store` | [`Store`]: reading, editing, deleting and recovering runs |
//! | `sweep`, `queue` | [`Sweep`], [`Trial`], [`Claim`]: trials that workers take from the store |
//! | `closing` | [`Closed`]: a store that was open to other users |
//! | `location`, `mounts` | [`Location`]: the artifacts folder and the server of a store; network file systems |
//! | `database` | SQLite and PostgreSQL behind one interface, and their schema |
//! | `error`, `time` | [`TrackingError`], [`UtcTime`] |
//!
//! Nothing here knows what trains. What compares runs is in [`comparison`](crate::comparison).

mod closing;
mod data_record;
mod database;
mod error;
pub mod folder;
mod id;
mod location;
mod mounts;
mod point;
mod queue;
mod record;
mod run;
mod store;
mod sweep;
#[cfg(test)]
mod test_store;
#[cfg(test)]
mod tests;
mod time;

pub use closing::Closed;
pub use data_record::DataRecord;
pub use error::TrackingError;
pub use folder::{FileEntry, read_points, read_points_thinned};
pub use id::{InvalidRunId, RunId, slug};
pub use location::{Location, host, is_store_file};
pub use mounts::network_file_system;
pub use point::{InvalidMetricKey, MetricKey, Point, Sample};
pub use queue::{Held, MAX_ATTEMPTS};
pub use record::{RunRecord, Shown, Status, flatten_config};
pub use run::{NewRun, RunWriter, StopRequests};
pub use store::{Changes, Collected, MetricSummary, Reindexed, Run, Store};
pub use sweep::{Claim, Counts, NewSweep, Outcome, Sweep, SweepTrial, Trial, TrialState};
pub use time::UtcTime;
