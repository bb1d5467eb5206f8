//! The end of the server: what is trained in the background ends first, as a training in the terminal does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::experiment::Interrupter;

/// The trainings that nobody waits for.
#[derive(Clone, Default)]
pub struct Ending(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    has_come: bool,
    next: u64,
    running: Vec<(u64, Interrupter)>,
}

impl Ending {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks all of them to end, and those that begin from now on.
    pub fn come(&self) {
        let mut known = self.known();
        known.has_come = true;
        known.running.iter().for_each(|(_, interrupter)| interrupter.stop("signal"));
    }

    /// Adds one, until what is returned is dropped.
    pub fn join(&self) -> Joined {
        let interrupter = Interrupter::new();
        let mut known = self.known();
        if known.has_come {
            interrupter.stop("signal");
        }
        known.next += 1;
        let number = known.next;
        known.running.push((number, interrupter.clone()));
        Joined { ending: self.clone(), number, interrupter }
    }
}

/// A training that ends with the server, or alone.
pub struct Joined {
    ending: Ending,
    number: u64,
    pub interrupter: Interrupter,
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.ending.known().running.retain(|(number, _)| *number != self.number);
    }
}

impl std::fmt::Debug for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ending").field(&self.known().has_come).finish()
    }
}
