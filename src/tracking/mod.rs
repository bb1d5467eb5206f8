//! Recording: what a run was, what it measured, and where that is kept.
//!
//! A **run** is one training. It owns a folder, `runs/<id>/`, and rows in `burnlab.db`. The folder is the truth:
//! the database is an index over all folders that answers quickly and can be rebuilt by [`Store::reindex`].
//! Runs of one **experiment** are meant to be compared. A **sweep** is a queue of trials that workers take; it lives in
//! the database alone.
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
//! Any number of processes may do both at once. Each change is one write transaction that also covers the change to
//! the folder, so that the database's write lock orders the edits of the folders as well.
//!
//! Instead of `burnlab.db`, a PostgreSQL server can hold the rows for many hosts ([`Location`]). Run folders stay on
//! the host that trained; others see the run's row, curves and environment, and their edits reach the row, which then
//! is ahead of `run.json` until the run's own host writes that file again.
//!
//! | file | concept |
//! |---|---|
//! | `id` | [`RunId`] |
//! | `point` | [`MetricKey`], [`Point`], [`Sample`] |
//! | `record` | [`RunRecord`], [`Status`], [`Shown`]: what `run.json` says |
//! | `run` | [`NewRun`], [`RunWriter`] |
//! | `folder` | files of a run: atomic writes, the lock, `metrics.csv` |
//! | `store` | [`Store`]: runs, their points and changes |
//! | `sweep`, `queue` | [`Sweep`], [`Trial`], [`Claim`]: trials that workers take from the store |
//! | `location` | [`Location`]: the folder and the server of a store |
//! | `database` | SQLite and PostgreSQL behind one interface, and their schema |
//! | `pairs` | the predictions of two runs, row by row |
//! | `judge`, `verdict` | what can honestly be said of runs: the statistics, and the sentence |
//! | `series`, `compare` | pure functions over samples and params |
//! | `field`, `filter` | what of a run can be named, and the filter language of the page and `runs list` |
//!
//! Nothing here knows what trains.

pub mod compare;
mod database;
mod error;
pub mod field;
pub mod filter;
mod folder;
mod id;
pub mod judge;
mod location;
mod mounts;
pub mod pairs;
#[cfg(test)]
mod place;
mod point;
mod queue;
mod record;
mod run;
pub mod series;
mod store;
mod sweep;
#[cfg(test)]
mod tests;
mod time;
pub mod verdict;

pub use error::TrackingError;
pub use folder::{FileEntry, read_points};
pub use id::{RunId, slug};
pub use location::{Location, host};
pub use mounts::network_file_system;
pub use point::{MetricKey, Point, Sample};
pub use queue::MAX_ATTEMPTS;
pub use record::{RunRecord, Shown, Status, flatten_config};
pub use run::{NewRun, RunWriter};
pub use store::{Changes, MetricSummary, Reindexed, Run, Store};
pub use sweep::{Claim, Counts, NewSweep, Outcome, Sweep, SweepTrial, Trial, TrialState};
pub use time::UtcTime;
