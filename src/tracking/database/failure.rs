//! Errors of either database, and the messages for the user about SQLite.

use std::io;
use std::path::Path;

use super::client;
use crate::permissions::is_writable;
use crate::sqlite_file::beside;
use crate::tracking::TrackingError;
use crate::tracking::folder::free_space;

/// How long a writer waits for other writers, or for a server that is away, before it gives up.
pub(crate) const BUSY_SECONDS: u64 = 30;

/// An error inside a transaction: of a database, still without the name of the store, or any other.
#[derive(Debug)]
pub(crate) enum Failure {
    Sqlite(rusqlite::Error),
    Postgres(client::Error),
    Other(TrackingError),
}

impl Failure {
    /// Whether a cell has another type than its column: in SQLite it may have any.
    pub(crate) fn is_of_type(&self) -> bool {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
        matches!(
            self,
            Self::Sqlite(
                InvalidColumnType(..) | FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | Utf8Error(..)
            )
        )
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<TrackingError> for Failure {
    fn from(error: TrackingError) -> Self {
        Self::Other(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Other(error.into())
    }
}

/// Bytes of the longest path that SQLite opens, less those of the ends of the files beside it.
const MAX_PATH: usize = 512 - "-journal".len();

/// Whether this process may not have as many more files open as SQLite needs for a database.
fn has_too_many_open() -> bool {
    let more: Vec<_> = (0..4).map(|_| std::fs::File::open(std::path::Component::RootDir.as_os_str())).collect();
    cfg!(unix) && more.iter().any(Result::is_err)
}

/// What a store may need more than it has: its log, and the index of that.
const GROWTH: u64 = 16 << 20;

/// Bytes that a file of this process may have, where that may be too few for the store at `path`.
fn limit_on_files(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let most = rustix::process::getrlimit(rustix::process::Resource::Fsize).current?;
        let bytes = std::fs::metadata(path).map_or(0, |data| data.len());
        (most < bytes + GROWTH).then_some(most)
    }
    #[cfg(not(unix))]
    {
        let _ = (path, GROWTH);
        None
    }
}

/// Whether there is no room for the files that SQLite makes beside the store at `path`.
fn is_full(path: &Path) -> bool {
    const LEAST: u64 = 256 << 10;
    path.parent().is_some_and(|folder| free_space(folder).is_ok_and(|free| free < LEAST))
}

/// The message for an SQLite error in the store at `path`.
pub(crate) fn sqlite_error(path: &Path, source: rusqlite::Error) -> TrackingError {
    use rusqlite::ErrorCode as Code;
    let path = path.to_path_buf();
    if source.sqlite_error_code() == Some(Code::CannotOpen) {
        // SQLite does not tell why.
        let length = std::path::absolute(&path).map_or(0, |path| path.as_os_str().len());
        if length > MAX_PATH {
            return TrackingError::PathTooLong { path, length };
        }
        if has_too_many_open() {
            return TrackingError::TooManyOpen { path };
        }
    }
    if let (Some(Code::DiskFull | Code::SystemIoFailure), Some(most)) =
        (source.sqlite_error_code(), limit_on_files(&path))
    {
        return TrackingError::FilesLimited { path, most };
    }
    match source.sqlite_error_code() {
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => TrackingError::Busy { path, seconds: BUSY_SECONDS },
        // Whoever may read the file can take its locks.
        Some(Code::FileLockingProtocolFailed) => TrackingError::Held { path },
        Some(Code::ReadOnly | Code::CannotOpen | Code::PermissionDenied) => {
            // SQLite writes to the files beside it, too.
            let denied = beside(&path).map(|(_, path)| path).find(|path| path.exists() && !is_writable(path));
            TrackingError::ReadOnly { path: denied.filter(|_| is_writable(&path)).unwrap_or(path) }
        }
        Some(Code::NotADatabase) => TrackingError::NotAStore { path },
        Some(Code::DiskFull) => TrackingError::Full { path },
        // The index of the log is a mapped file: SQLite does not tell why it cannot grow.
        Some(Code::SystemIoFailure) if is_full(&path) => TrackingError::Full { path },
        Some(Code::SystemIoFailure) => TrackingError::Disk { path, problem: "the disk could not be read or written" },
        _ => TrackingError::Sql { path, source: Box::new(source) },
    }
}
