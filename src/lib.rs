//! # burnlab
//!
//! A TOML file goes in; a trained, recorded, honestly comparable network comes out.
//!
//! ```text
//! config.toml -> data (load, split, prepare) -> model (Module<B>) -> training (Learner) -> tracking (store) -> dashboard
//! ```
//!
//! The program's pages begin with [the first run](guide::first_run). For Rust code there are [`Training`], [`load`] and
//! [`Store`], which do what `burnlab --config`, `predict` and `runs` do; `examples/` has programs. The types on this page are
//! what semantic versioning holds for. The modules are public for the program, its tests and benches alone: they are hidden,
//! and change in any version; `RUSTDOCFLAGS="--cfg internal" cargo doc` shows them.
//!
//! ## Where is the thing that ...
//! - defines the command line: [`cli`]; runs its verbs: [`commands`], one file each
//! - does their work, without printing: [`experiment`]; is the main path, from the initial network to the evaluation:
//!   `experiment/train.rs`
//! - reads, overrides and checks the TOML file: [`config`]; chooses by the data what it leaves open:
//!   `experiment/recipe.rs`; its JSON Schema: `schema`, [`config::Config::schema`]
//! - maps cargo features to Burn backends: [`backend`]
//! - trains, loads and predicts for Rust code: [`Training`], [`Model`], in `library.rs`
//! - loads, splits and prepares data: [`data`]; gathers batches: [`data::Loader`]
//! - holds the architectures: [`model`]; their weights by name: [`model::named_weights`]
//! - computes layers, losses and Adam on the CPU with fused kernels, as a Burn backend extension: `src/cpu`, a crate of its own
//! - fits a network: [`training::fit`]; evaluates: [`training::evaluation`]
//! - knows what can be predicted: [`data::Task`], a variant for each kind of answer; writes answers of each kind:
//!   [`experiment::predictions::AnswerFormat`]
//! - lists the metrics, their formulas and directions: [`metric`]; computes them: [`training::metrics`]
//! - follows a training (progress, a sweep's worker): [`training::TrainingObserver`]
//! - trains several seeds and folds: [`experiment::repeat`]; many configs: [`experiment::sweep`], over the search
//!   methods of [`sweep`] and the queue in `tracking/queue`
//! - reads a run folder's files: [`experiment::RunFolder`]; uses a trained model again:
//!   `experiment/{predict,evaluate,generate,resume,export}.rs`, over [`experiment::SavedModel`], or several of them as an
//!   [`experiment::Ensemble`]
//! - explains predictions by the columns of a row: `experiment/attribution`
//! - searches around a config and judges what it finds: `experiment/tune`, whose `spaces.rs` has a row for each kind
//! - draws: [`plots`] (plain data to SVG), [`experiment::pictures`] (a run to plain data)
//! - describes a trained network to other programs: [`network`], by the `layers.rs` of each kind; writes it as ONNX: [`onnx`];
//!   as a web page: [`page`]
//! - keeps strangers away from its HTTP servers, and limits their clients: [`web`]
//! - answers the rows of programs by HTTP: [`serve`], over [`experiment::Predictor`]
//! - serves the web page that compares runs: [`dashboard`]; does the same in the terminal: `commands/runs`
//! - serves the lessons, whose networks are trained while the reader moves their sliders: [`learn`]
//! - contains the shipped configs and their data: [`shipped`]; says where a missing file was looked for: [`missing`]
//! - formats the shell commands shown to the user: [`shell`], and numbers: [`figures`]; masks passwords in what is recorded and shown: [`secrets`]
//! - completes what killed processes left unfinished: [`tracking::Store::recover`]; reads whole files that may be
//!   damaged or endless: [`bounded`]
//! - reads addresses of PostgreSQL servers and connects to them, for the store and for data: `postgresql`
//! - keeps commands to a terminal out of texts that are shown: `shown`
//! - fills in the places of a text, in one pass: `template`; reads sections and bodies by the names of their values
//!   alone, and no lists for them: `keyed`
//! - checks what stands beside an SQLite database: `sqlite_file`; says who may read a file: `permissions`; reaches files by
//!   the handle of their folder: `directory`; starts threads: `threads`; ends work that nobody waits for any more: `waiting`
//! - compares runs, selects them by a filter: [`comparison`]; says which of two configs is better:
//!   [`comparison::judge`], with the statistics of [`comparison::verdict`]
//! - records runs: [`tracking`]; connects Burn's training to it: [`training::recorder`]
//!
//! ## Invariants
//! 1. [`tracking`] never names Burn; [`comparison`] depends only on [`tracking`], which does not depend on it;
//!    [`dashboard`] depends only on these two and [`sweep`]; [`plots`], [`network`], [`onnx`], [`page`] and [`sweep`] know nothing of the
//!    rest but [`network`]; each may use the small modules at the bottom ([`bounded`], [`metric`], [`shell`], ...). SQL is confined to
//!    `tracking/{store,queue,database}` and the readers of databases in [`data`], backends and their cfgs to [`backend`] and
//!    `cpu/backends.rs`, those of PostgreSQL to `postgresql`, `tracking/database` and its reader in [`data`]. The table is in
//!    `tests/burnlab/layers.rs`.
//! 2. [`commands`] parses, calls and prints, and never names Burn; nothing below it imports from it, and [`experiment`]
//!    prints nothing. Everything below [`experiment`] is generic over `B: Backend`; enums are closed; no plugins.
//! 3. Nobody below [`experiment`] sees the whole [`config::Config`]; a module owns and receives its section.
//! 4. No globals: the artifacts folder, the store and random generators are arguments. `async` begins at [`dashboard`].
//! 5. A run's row and resolved config exist before its first step; every run ends in a final
//!    status; the model kept is the best epoch's.
//! 6. The test part is used once, after training (again if an interrupted run is resumed). Scalers and category maps
//!    are fitted on the training part only; with `model.init_from`, on that of the run it names.
//! 7. A seed gives the same initial weights, shuffles, dropout and splits on every backend, and the same numbers
//!    whatever the number of cores.
//! 8. Unsafe code is in `cpu/product.rs`, in `cpu/vectorized.rs`, which calls what is compiled for the CPU's own instructions, and
//!    in `main.rs`, which sets an option of the allocator.

#[cfg_attr(not(internal), doc(hidden))]
pub mod backend;
#[cfg_attr(not(internal), doc(hidden))]
pub mod bounded;
#[cfg_attr(not(internal), doc(hidden))]
pub mod cli;
#[cfg_attr(not(internal), doc(hidden))]
pub mod commands;
#[cfg_attr(not(internal), doc(hidden))]
pub mod comparison;
#[cfg_attr(not(internal), doc(hidden))]
pub mod config;
#[cfg_attr(not(internal), doc(hidden))]
pub mod dashboard;
#[cfg_attr(not(internal), doc(hidden))]
pub mod data;
mod directory;
#[cfg_attr(not(internal), doc(hidden))]
pub mod experiment;
#[cfg_attr(not(internal), doc(hidden))]
pub mod figures;
pub mod guide;
#[cfg_attr(not(internal), doc(hidden))]
pub mod invalid;
mod keyed;
pub mod learn;
mod library;
#[cfg_attr(not(internal), doc(hidden))]
pub mod metric;
#[cfg_attr(not(internal), doc(hidden))]
pub mod missing;
#[cfg_attr(not(internal), doc(hidden))]
pub mod model;
#[cfg_attr(not(internal), doc(hidden))]
pub mod network;
#[cfg_attr(not(internal), doc(hidden))]
pub mod onnx;
#[cfg_attr(not(internal), doc(hidden))]
pub mod page;
mod permissions;
#[cfg_attr(not(internal), doc(hidden))]
pub mod plots;
mod postgresql;
mod schema;
#[cfg_attr(not(internal), doc(hidden))]
pub mod secrets;
#[cfg_attr(not(internal), doc(hidden))]
pub mod serve;
#[cfg_attr(not(internal), doc(hidden))]
pub mod shell;
#[cfg_attr(not(internal), doc(hidden))]
pub mod shipped;
mod shown;
mod sqlite_file;
#[cfg_attr(not(internal), doc(hidden))]
pub mod sweep;
mod template;
mod threads;
#[cfg_attr(not(internal), doc(hidden))]
pub mod tracking;
#[cfg_attr(not(internal), doc(hidden))]
pub mod training;
mod waiting;
#[cfg_attr(not(internal), doc(hidden))]
pub mod web;

pub use backend::BackendName;
pub use burnlab_cpu::Kernels;
pub use config::{Config, ConfigError};
pub use data::{AugmentConfig, DataConfig, ImageShape, Scale, Source, TaskKind};
pub use experiment::{EpochReport, Interrupter, RunOutcome, TrainingObserver, TrainingStart};
pub use library::{Model, Prediction, Training, load};
pub use model::{
    Activation, Architecture, Cell, CnnConfig, Initializer, MlpConfig, ModelConfig, Pooling, RnnConfig, TabularConfig,
    TransformerConfig,
};
pub use tracking::{
    DataRecord, Location, MetricKey, MetricSummary, Run, RunId, RunRecord, Sample, Status, Store, TrackingError,
    UtcTime,
};
pub use training::TrainingConfig;
pub use training::config::{Balanced, ClassWeights, EarlyStoppingConfig, Loss, OptimizerKind};
pub use training::evaluation::Evaluation;
pub use training::schedule::{ScheduleConfig, ScheduleKind};
pub use training::threshold::ThresholdMetric;

#[cfg(test)]
#[path = "../tests/burnlab/without_tools.rs"]
mod without_tools;
