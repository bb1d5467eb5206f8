//! What the server's errors mean, and the messages for the user.

use std::error::Error;
use std::io;
use std::path::Path;

use postgres::error::SqlState;

use crate::tracking::TrackingError;
use crate::tracking::database::failure::BUSY_SECONDS;

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
        None => error.source().map_or_else(|| error.to_string(), ToString::to_string),
    }
}

/// Whether the connection is lost, also because the server is stopping or starting.
pub(crate) fn is_lost(error: &postgres::Error) -> bool {
    let is_io = error.source().is_some_and(|source| source.is::<io::Error>());
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
