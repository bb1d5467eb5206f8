//! The trials of sweeps as a queue that any number of workers take from.
//!
//! A worker holds a trial by a lease that it renews. Once the lease has expired, another worker may take the trial over;
//! from then on, changes by the first one are ignored, since each change names the claim under which it is made.

mod rows;
mod sweeps;
#[cfg(test)]
mod tests;
mod work;

pub use work::{Held, MAX_ATTEMPTS};
