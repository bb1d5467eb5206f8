//! Threads that may not be had: where the system lets a user have few processes, starting one fails, and the standard library
//! would panic.

use std::io;
use std::sync::{Arc, RwLock};
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

/// Starts a thread.
///
/// # Errors
/// No more threads for this user.
pub fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    Builder::new().spawn(work).map_err(|error| in_words(&error))
}

/// As [`spawn`], for a thread that ends with the scope.
///
/// # Errors
/// As [`spawn`].
pub fn spawn_in<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    work: impl FnOnce() -> T + Send + 's,
) -> io::Result<ScopedJoinHandle<'s, T>> {
    Builder::new().spawn_scoped(scope, work).map_err(|error| in_words(&error))
}

/// That this many threads can be had at once, for what panics where they cannot.
///
/// # Errors
/// As [`spawn`].
pub fn check(count: usize) -> io::Result<()> {
    let gate = Arc::new(RwLock::new(()));
    let closed = gate.write();
    let threads: io::Result<Vec<_>> = (0..count)
        .map(|_| {
            let gate = Arc::clone(&gate);
            spawn(move || drop(gate.read()))
        })
        .collect();
    drop(closed);
    threads?.into_iter().for_each(|thread| _ = thread.join());
    Ok(())
}

fn in_words(error: &io::Error) -> io::Error {
    let way_out = "end other programs of yours, or raise the limit on your processes (ulimit -u)";
    io::Error::new(error.kind(), format!("cannot start another thread: {error}; {way_out}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_threads_as_asked_for_are_tried_and_end() {
        check(0).unwrap();
        check(20).unwrap();
        assert_eq!(spawn(|| 7).unwrap().join().unwrap(), 7);
    }
}
