//! # burnlab
//!
//! A TOML file goes in; a trained, recorded, honestly comparable network comes out.
//!
//! ```text
//! config.toml -> data (load, split, prepare) -> model (Module<B>) -> training (Learner) -> tracking (store) -> dashboard
//! ```
//!
//! ## Where is the thing that ...
//! - says what the command line accepts: [`cli`]; does it: [`commands`], one verb a file
//! - is the main path, from config to summary: [`commands::train`]
//! - reads, overrides and checks the TOML file: [`config`]
//! - maps cargo features to Burn backends: [`backend`]
//! - loads, splits and prepares data: [`data`]; gathers batches: [`data::Loader`]
//! - holds the architectures: [`model`]; their weights by name: [`model::named_weights`]
//! - computes layers, losses and Adam on the CPU in few passes, as a Burn backend extension: [`cpu`]
//! - fits a network: [`training::fit`]; computes metrics: [`training::metrics`]; evaluates: [`training::evaluation`]
//! - trains several seeds and folds: `commands/seeds.rs`; many configs: `commands/sweep`, over the search methods of
//!   [`sweep`] and the queue in `tracking/queue.rs`
//! - uses a trained model again: `commands/{predict,evaluate,generate,resume,export}.rs`, over [`commands::saved_model`]
//! - draws: [`plots`] (plain data to SVG), `commands/pictures` (a run to plain data); writes ONNX: [`onnx`]
//! - serves the page that compares runs: [`dashboard`]; answers the same in the terminal: `commands/runs`
//! - words the commands that the user is told: [`shell`]
//! - finishes what killed processes left half done: [`tracking::Store::settle`]; reads files whole that may be damaged or
//!   endless: [`bounded`]
//! - tells which of two configs is better: [`tracking::judge`], over the statistics of [`tracking::verdict`]
//! - records runs: [`tracking`]; connects Burn's training to it: [`training::recorder`]
//!
//! ## Invariants
//! 1. [`tracking`] never names Burn; [`dashboard`] knows only [`tracking`] and [`sweep`]; [`plots`], [`onnx`] and
//!    [`sweep`] know nothing of the rest; SQL is in `tracking/{store,queue,database}` alone; backend cfgs in [`backend`] alone.
//! 2. Everything below [`commands`] is generic over `B: Backend`; enums are closed; no plugins.
//! 3. Nobody below [`commands`] sees the whole [`config::Config`]; a module owns and receives its section.
//! 4. No globals: the artifacts folder, the store and random generators are arguments. `async` begins at [`dashboard`].
//! 5. A run's row and resolved config exist before its first step; every run ends in a final
//!    status; the model kept is the best epoch's.
//! 6. The test part is touched once, after training (again if an interrupted run is resumed). Scalers and category maps
//!    see the training part only; with `model.init_from` that of the run they come from.
//! 7. A seed gives the same initial weights, shuffles, dropout and splits on every backend, and the same numbers
//!    whatever the number of cores.
//! 8. Unsafe code is in `cpu/product.rs` alone.

pub mod backend;
pub mod bounded;
pub mod cli;
pub mod commands;
pub mod config;
pub mod cpu;
pub mod dashboard;
pub mod data;
pub mod invalid;
pub mod model;
pub mod onnx;
pub mod plots;
pub mod shell;
pub mod sweep;
pub mod tracking;
pub mod training;
