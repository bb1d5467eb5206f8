//! Threads that may not be had: where the system lets a user have few processes, starting one fails, and the standard library
//! would panic.

use std::error::Error;
use std::io;
use std::num::NonZero;
use std::sync::{Arc, OnceLock, RwLock};
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

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

/// A pool of threads for parallel loops.
///
/// # Errors
/// As [`spawn`].
pub fn pool() -> io::Result<ThreadPool> {
    pool_builder().build().map_err(|error| of_pool(&error))
}

/// Starts the pool that parallel loops of any thread use, unless this thread is in one of its own: rayon would panic in the first
/// loop where that cannot be.
///
/// # Errors
/// As [`spawn`].
pub fn start_common_pool() -> io::Result<()> {
    // Rayon tries once in a process.
    static TRIED: OnceLock<Option<(io::ErrorKind, String)>> = OnceLock::new();
    if rayon::current_thread_index().is_some() {
        return Ok(());
    }
    let failed = TRIED.get_or_init(|| match pool_builder().build_global() {
        // Without a cause it is there already.
        Err(error) if error.source().is_some() => {
            let error = of_pool(&error);
            Some((error.kind(), error.to_string()))
        }
        _ => None,
    });
    failed.as_ref().map_or(Ok(()), |(kind, message)| Err(io::Error::new(*kind, message.clone())))
}

/// As many threads as cores, or as `RAYON_NUM_THREADS` says, within reason: thousands would be busy with each other.
fn pool_builder() -> ThreadPoolBuilder {
    const MOST_A_CORE: usize = 8;
    let most = MOST_A_CORE * std::thread::available_parallelism().map_or(1, NonZero::get);
    let asked = std::env::var("RAYON_NUM_THREADS").ok().and_then(|text| text.parse::<usize>().ok());
    // 0: rayon decides.
    ThreadPoolBuilder::new().num_threads(asked.filter(|&asked| asked > most).map_or(0, |_| most))
}

fn of_pool(error: &ThreadPoolBuildError) -> io::Error {
    match error.source().and_then(|cause| cause.downcast_ref::<io::Error>()) {
        Some(cause) => in_words(cause),
        None => io::Error::other(error.to_string()),
    }
}

fn in_words(error: &io::Error) -> io::Error {
    not_started("another thread", error)
}

/// Why `what` cannot be started, with the way out where that is known.
pub fn not_started(what: &str, error: &io::Error) -> io::Error {
    let way_out = match error.kind() {
        io::ErrorKind::WouldBlock => "; end other programs of yours, or raise the limit on your processes (ulimit -u)",
        _ => "",
    };
    io::Error::new(error.kind(), format!("cannot start {what}: {error}{way_out}"))
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
