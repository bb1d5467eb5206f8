//! What the server's errors mean, and the messages for the user.

use std::path::Path;

use postgres::error::SqlState;

use crate::postgresql::{is_lost, is_refused, problem_of};
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
