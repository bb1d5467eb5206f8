//! What the server's errors mean.

use std::error::Error;
use std::io;

use postgres::error::SqlState;

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
