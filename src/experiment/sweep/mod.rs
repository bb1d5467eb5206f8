//! A sweep's queue, and what a worker makes of it: many configs tried out, on this machine or on several.
//!
//! The trials are a queue in the store ([`create()`]). A [`Worker`] takes one, trains it (`trial`) and takes the next.

mod context;
mod create;
mod trial;
mod worker;

pub use context::name_of;
pub use create::{check, create};
pub use worker::{Progress, Worker};
