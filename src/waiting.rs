//! Work for somebody who may stop waiting for it, such as the browser of a dashboard.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// Whether nobody waits any more for what this thread does.
    static LEFT: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Somebody who waits, until this is dropped.
#[derive(Debug, Default)]
pub struct Waiting(Arc<AtomicBool>);

/// What the work knows of who waits for it.
#[derive(Debug, Clone)]
pub struct Awaited(Arc<AtomicBool>);

impl Waiting {
    /// For the thread that does the work.
    pub fn awaited(&self) -> Awaited {
        Awaited(Arc::clone(&self.0))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Awaited {
    /// Does `work`, in which [`check`] fails from when nobody waits any more: before each piece of a table, which may have a
    /// gigabyte, and of a long computation.
    pub fn during<T>(self, work: impl FnOnce() -> T) -> T {
        /// Puts back what was there, also after a panic.
        struct Before(Option<Arc<AtomicBool>>);
        impl Drop for Before {
            fn drop(&mut self) {
                LEFT.set(self.0.take());
            }
        }
        let _before = Before(LEFT.replace(Some(self.0)));
        work()
    }
}

/// # Errors
/// If nobody waits any more for what this thread does.
pub fn check() -> io::Result<()> {
    let has_left = LEFT.with_borrow(|left| left.as_ref().is_some_and(|left| left.load(Ordering::Relaxed)));
    // Not `Interrupted`, which readers try again.
    if has_left { Err(io::Error::new(io::ErrorKind::TimedOut, "nobody waits for it any more")) } else { Ok(()) }
}
