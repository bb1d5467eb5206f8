//! One row of a result.

use super::client;
use super::failure::Failure;

/// A row of a result of either database.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a client::Row),
}

impl Row<'_> {
    /// An owned value: `i64`, `f64`, `String`, or an `Option` of one.
    pub(crate) fn get<T>(&self, column: usize) -> Result<T, Failure>
    where
        T: rusqlite::types::FromSql + for<'b> client::FromSql<'b>,
    {
        match self {
            Self::Sqlite(row) => Ok(row.get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// A text, borrowed.
    pub(crate) fn text(&self, column: usize) -> Result<&str, Failure> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }
}
