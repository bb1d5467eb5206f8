//! Rows and errors of a server: there are none without a connection.

use std::path::Path;

use crate::tracking::TrackingError;

/// In place of `postgres::Error`.
#[derive(Debug)]
pub(crate) enum Error {}

/// In place of the message for an error of the server `name`.
pub(crate) fn server_error(_name: &Path, error: Error) -> TrackingError {
    match error {}
}

/// In place of `postgres::types::FromSql`.
pub(crate) trait FromSql<'a> {}

impl<T> FromSql<'_> for T {}

/// In place of `postgres::Row`.
pub(crate) enum Row {}

impl Row {
    pub(crate) fn try_get<'a, T: FromSql<'a>>(&'a self, _column: usize) -> Result<T, Error> {
        match *self {}
    }
}
