//! Sweeps: a queue of trials of many configs, and the workers that train them, on one machine or several.
//!
//! The trials are a queue in the store ([`create()`]). A [`Worker`] takes one, trains it (`trial`) and takes the next.

mod context;
mod create;
mod reserve;
mod trial;
mod worker;

pub use context::name_of;
pub use create::{check, create};
pub use worker::{Progress, Worker};
