//! The lock of a run: held by the process that trains it, and free once that process is gone.

use std::fs::TryLockError;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use fs_err::File;

use super::atomic::remove;
use super::held::Place;
use super::names::{LOCK, LOG, METRICS};
use super::open::open_for;
use crate::directory::Purpose;
use crate::permissions::{are_locked_by_others_alone, is_own};
use crate::tracking::TrackingError;

/// Creates the lock file and locks it until the file is closed, at the latest by the end of the process.
pub(crate) fn take_lock<'a>(folder: impl Into<Place<'a>>) -> Result<File, TrackingError> {
    let folder = folder.into();
    let path = folder.path.join(LOCK);
    let mut file = open_for(Purpose::Lock, folder, LOCK)?;
    let mut tries = 0;
    loop {
        match file.try_lock() {
            // Perhaps only a reader that checks whether the run is alive, which takes a moment.
            Err(TryLockError::WouldBlock) if tries < 20 => {
                tries += 1;
                thread::sleep(Duration::from_millis(5));
            }
            // Somebody who may read the file, and trains nothing.
            Err(TryLockError::WouldBlock) if tries < 30 && is_held_by_strangers(&path) => {
                tries += 10;
                remove(folder, LOCK)?;
                file = open_for(Purpose::Lock, folder, LOCK)?;
            }
            Err(error) => return Err(TrackingError::Lock { path, source: error.into() }),
            Ok(()) => return Ok(file),
        }
    }
}

/// Whether the lock of a folder of this user is held by others alone: whoever may read a file can lock it.
fn is_held_by_strangers(lock: &Path) -> bool {
    lock.metadata().is_ok_and(|data| is_own(&data)) && are_locked_by_others_alone([lock.to_owned()])
}

/// Whether a process holds the run's lock; one of another user does not count, where the run is this user's.
///
/// # Errors
/// If that cannot be determined. A folder without a lock file is no error: nobody holds it; nor one where something
/// else stands in its place, which burnlab would not hold.
pub(crate) fn is_locked<'a>(folder: impl Into<Place<'a>>) -> io::Result<bool> {
    let folder = folder.into();
    let file = match open_for(Purpose::Read, folder, LOCK) {
        Ok(file) => file,
        Err(TrackingError::Io(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) => return Ok(false),
    };
    // A shared lock, so that two readers at the same moment do not take each other for the training process.
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(!is_held_by_strangers(&folder.path.join(LOCK))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// When the run last wrote a point or a log line.
pub(crate) fn last_activity(folder: &Path) -> Option<SystemTime> {
    let modified = |name: &str| open_for(Purpose::Read, folder, name).ok()?.metadata().ok()?.modified().ok();
    [METRICS, LOG].into_iter().filter_map(modified).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_at_a_lock_keeps_nobody_from_taking_it() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let folder = tempfile::tempdir().unwrap();
        drop(take_lock(folder.path()).unwrap());
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    is_locked(folder.path()).unwrap();
                }
            });
            let taken: Result<Vec<()>, _> = (0..2000).map(|_| take_lock(folder.path()).map(drop)).collect();
            done.store(true, Ordering::Relaxed);
            taken.unwrap();
        });
    }
}
