//! Errors of either database, and the messages for the user.

use std::io;
use std::path::Path;

use postgres::error::SqlState;

use crate::tracking::TrackingError;

/// How long a writer waits for other writers, or for a server that is away, before it gives up.
pub(crate) const BUSY_SECONDS: u64 = 30;

/// An error inside a transaction: of a database, still without the name of the store, or any other.
#[derive(Debug)]
pub(crate) enum Failure {
    Sqlite(rusqlite::Error),
    Postgres(postgres::Error),
    Other(TrackingError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<postgres::Error> for Failure {
    fn from(error: postgres::Error) -> Self {
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

/// The message for an SQLite error in the store at `path`.
pub(crate) fn sqlite_error(path: &Path, source: rusqlite::Error) -> TrackingError {
    use rusqlite::ErrorCode as Code;
    let path = path.to_path_buf();
    match source.sqlite_error_code() {
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => TrackingError::Busy { path, seconds: BUSY_SECONDS },
        Some(Code::ReadOnly | Code::CannotOpen | Code::PermissionDenied) => TrackingError::ReadOnly { path },
        Some(Code::NotADatabase) => TrackingError::NotAStore { path },
        Some(Code::DiskFull) => TrackingError::Disk { path, problem: "the disk is full" },
        Some(Code::SystemIoFailure) => TrackingError::Disk { path, problem: "the disk could not be read or written" },
        _ => TrackingError::Sql { path, source: Box::new(source) },
    }
}

/// The message for a PostgreSQL error of the server `name`, `host:port/database`.
pub(crate) fn server_error(name: &Path, source: postgres::Error) -> TrackingError {
    let (server, problem) = (name.display().to_string(), problem_of(&source));
    let code = source.code().map(SqlState::code).unwrap_or_default();
    match code {
        "25006" => TrackingError::ReadOnly { path: name.to_path_buf() },
        "55P03" => TrackingError::Busy { path: name.to_path_buf(), seconds: BUSY_SECONDS },
        "42501" => TrackingError::Denied { server, problem },
        _ if is_refused(&source) => TrackingError::Refused { server, problem },
        _ if is_lost(&source) => TrackingError::Unreachable { server, problem },
        _ => TrackingError::Statement { server, problem },
    }
}

/// The server's message; the error's own text is only "db error".
pub(crate) fn problem_of(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        None => std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string),
    }
}

/// Whether the connection is lost, also because the server is stopping or starting.
pub(crate) fn is_lost(error: &postgres::Error) -> bool {
    let is_io = std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>());
    let is_leaving = error.code().is_some_and(|code| {
        let code = code.code();
        code.starts_with("57P") || code.starts_with("08") || code == "25P03"
    });
    error.is_closed() || is_io || is_leaving
}

/// Whether the server refuses this user or has no such database: retrying would not help.
pub(crate) fn is_refused(error: &postgres::Error) -> bool {
    error.code().is_some_and(|code| code.code().starts_with("28") || *code == SqlState::INVALID_CATALOG_NAME)
}
