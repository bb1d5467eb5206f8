//! Recording: what a run was, what it measured, and where that is kept.
//!
//! A **run** is one training. It owns a folder, `runs/<id>/`, and rows in `burnlab.db`. The folder
//! is the truth; the database answers quickly and can be rebuilt from the folders by
//! [`Store::reindex`]. Runs of one **experiment** are meant to be compared.
//!
//! ```text
//! artifacts/burnlab.db             index of all runs (SQLite)
//! artifacts/runs/<id>/run.json     id, experiment, tags, note, status, reason, seed, params ... (RunRecord)
//!                     config.toml  resolved configuration
//!                     environment.json, metrics.csv, run.log
//!                     lock         held by the process that trains
//! artifacts/trash/<id>/            deleted runs, until Store::gc
//! ```
//!
//! Writing goes through [`RunWriter`], one per training process; everything else through
//! [`Store`]. Any number of processes may do both at once. Nothing here knows what trains.
//!
//! - `id`: [`RunId`]; `time`: [`UtcTime`]; `point`: [`MetricKey`], [`Point`], [`Goal`]
//! - `record`: [`RunRecord`], [`Status`], [`Shown`]: what `run.json` says
//! - `folder`: a run's files: atomic writes, the lock, `metrics.csv`
//! - `run`: [`NewRun`], [`RunWriter`]; `store`: [`Store`], all SQL

mod error;
mod folder;
mod id;
mod point;
mod record;
mod run;
mod store;
mod time;

pub use error::TrackingError;
pub use id::{RunId, slug};
pub use point::{Goal, MetricKey, Point, Sample};
pub use record::{RunRecord, Shown, Status};
pub use run::{NewRun, RunWriter};
pub use store::{MetricSummary, Reindexed, Run, Store};
pub use time::UtcTime;
