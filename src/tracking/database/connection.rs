//! One database behind one interface.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::access::{Access, Inserted};
use super::client::Server;
use super::failure::Failure;
use super::param::Param;
use super::row::Row;
use super::sqlite::Sqlite;

/// An open database.
pub(crate) enum Database {
    Sqlite(Sqlite),
    Postgres(Box<Server>),
}

impl Database {
    /// All rows of a query, each converted by `read`.
    pub(crate) fn query<T>(
        &self,
        sql: &str,
        parameters: &[Param],
        mut read: impl FnMut(&Row) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        match self {
            Self::Sqlite(file) => file.query(sql, parameters, read),
            Self::Postgres(server) => {
                server.query(sql, parameters)?.iter().map(|row| read(&Row::Postgres(row))).collect()
            }
        }
    }

    /// The first row of a query.
    pub(crate) fn query_first<T>(
        &self,
        sql: &str,
        parameters: &[Param],
        read: impl FnMut(&Row) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        Ok(self.query(sql, parameters, read)?.into_iter().next())
    }

    /// The number in the only row of a query.
    pub(crate) fn query_number(&self, sql: &str, parameters: &[Param]) -> Result<i64, Failure> {
        let number = self.query_first(sql, parameters, |row| row.get::<i64>(0))?;
        number.ok_or(Failure::Sqlite(rusqlite::Error::QueryReturnedNoRows))
    }

    /// Runs a statement; returns the number of rows it changed.
    pub(crate) fn execute(&self, sql: &str, parameters: &[Param]) -> Result<u64, Failure> {
        match self {
            Self::Sqlite(file) => file.execute(sql, parameters),
            Self::Postgres(server) => server.execute(sql, parameters),
        }
    }

    /// Inserts rows into `columns` of `table`; `ending` may say `ON CONFLICT`. One round trip on PostgreSQL.
    pub(crate) fn insert_many<'a, const N: usize>(
        &self,
        table: &str,
        columns: [&str; N],
        ending: &str,
        rows: impl IntoIterator<Item = [Param<'a>; N]>,
    ) -> Result<Inserted, Failure> {
        match self {
            Self::Sqlite(file) => file.insert_many(table, columns, ending, rows),
            Self::Postgres(server) => server.insert_many(table, columns, ending, rows),
        }
    }

    /// Runs statements without parameters and results.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), Failure> {
        match self {
            Self::Sqlite(file) => file.batch(sql),
            Self::Postgres(server) => server.batch(sql),
        }
    }

    /// How long a transaction waits for those of others, or for a server that is away.
    pub(crate) fn set_patience(&self, patience: Duration) -> Result<(), Failure> {
        match self {
            Self::Sqlite(file) => Ok(file.set_patience(patience)?),
            Self::Postgres(server) => {
                server.set_patience(patience);
                Ok(())
            }
        }
    }

    /// Runs `change` in a transaction, which an error rolls back.
    ///
    /// On PostgreSQL, `change` runs again from the start after a lost connection, but only if the earlier attempt is
    /// known to have changed nothing.
    pub(crate) fn transaction<T>(
        &self,
        access: Access,
        mut change: impl FnMut(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match self {
            Self::Sqlite(file) => file.transaction(access, || change(self)),
            Self::Postgres(server) => server.transaction(access, || change(self)),
        }
    }

    /// Seconds since 1970, by the clock that all processes using the database share.
    pub(crate) fn now(&self) -> Result<f64, Failure> {
        match self {
            Self::Sqlite(_) => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                Ok(since.unwrap_or_default().as_secs_f64())
            }
            Self::Postgres(_) => {
                let sql = "SELECT extract(epoch FROM clock_timestamp())::double precision";
                let now = self.query_first(sql, &[], |row| row.get::<f64>(0))?;
                Ok(now.unwrap_or_default())
            }
        }
    }

    /// Appended to a query whose rows are about to be changed, so that rows being changed by others are skipped. SQLite
    /// has one writer at a time anyway.
    pub(crate) fn skip_locked(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// Appended to a query whose row is about to be changed.
    pub(crate) fn for_update(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => "FOR UPDATE",
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "Sqlite",
            Self::Postgres(_) => "Postgres",
        })
    }
}
