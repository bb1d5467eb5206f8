//! All integration tests in one binary: Burn's generics are compiled once.
//!
//! Something new about ... goes into ...
//! - loading, splitting, preparing data: `data`
//! - gradients, losses, update rules, metrics against independent figures: `numbers`
//! - what a training reaches, stops at and repeats: `training`
//! - the command line, its errors and its files: `cli`
//! - every shipped config, the README's commands: `configs`
//! - the layering in `src/lib.rs`: `layering`

#[path = "burnlab/data.rs"]
mod data;
#[path = "burnlab/numbers.rs"]
mod numbers;
