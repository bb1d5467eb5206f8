//! One small interface to both databases, so that `store` and `queue` are written once.
//!
//! SQL is shared: parameters are written `?1`, and everything else keeps to what SQLite and PostgreSQL both take.

mod address;
mod param;
mod schema;
mod server;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, ffi};

pub(super) use address::Address;
pub(super) use param::{Param, params};
pub(super) use schema::Version;
pub(super) use server::{Server, is_lost, is_refused, problem_of};

use super::TrackingError;

/// How long a writer waits for the others, or for a server that went away, before it gives up.
pub(super) const BUSY_SECONDS: u64 = 30;

/// More than the statements that one store repeats.
const CACHED_STATEMENTS: usize = 64;

/// An open database.
pub(super) enum Database {
    Sqlite(Connection),
    Postgres(Box<Server>),
}

/// A row of a result.
pub(super) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a postgres::Row),
}

/// Inside a transaction: a database's error still without the store's name, or a finished error.
#[derive(Debug)]
pub(super) enum Failure {
    Sqlite(rusqlite::Error),
    Postgres(postgres::Error),
    Other(TrackingError),
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// One snapshot for all its queries.
    Read,
    Write,
}

/// The outcome of [`Database::insert_many`].
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inserted {
    All,
    /// The row of this index was there already; the transaction must be given up.
    Duplicate(usize),
}

impl Inserted {
    /// For rows that cannot be there yet.
    pub(super) fn all(self) -> Result<(), Failure> {
        match self {
            Self::All => Ok(()),
            Self::Duplicate(_) => Err(rusqlite::Error::StatementChangedRows(0).into()),
        }
    }
}

impl Database {
    /// Opens an SQLite file; `name` may be a URI where `flags` say so.
    pub(super) fn open_file(name: &Path, flags: OpenFlags) -> Result<Self, rusqlite::Error> {
        // A `Connection` is used by one thread at a time: SQLite's own mutexes are not needed.
        let connection = Connection::open_with_flags(name, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(Duration::from_secs(BUSY_SECONDS))?;
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        // NORMAL: a killed process loses nothing; a power cut may lose the last transactions, never the file.
        connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL;")?;
        if flags.contains(OpenFlags::SQLITE_OPEN_CREATE) {
            schema::use_wal(&connection)?;
        }
        Ok(Self::Sqlite(connection))
    }

    /// All rows of a query, as `read` makes them.
    pub(super) fn query<T>(
        &self,
        sql: &str,
        parameters: &[Param],
        mut read: impl FnMut(&Row) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
                let mut values = Vec::new();
                while let Some(row) = rows.next()? {
                    values.push(read(&Row::Sqlite(row))?);
                }
                Ok(values)
            }
            Self::Postgres(server) => {
                server.query(sql, parameters)?.iter().map(|row| read(&Row::Postgres(row))).collect()
            }
        }
    }

    /// The first row of a query.
    pub(super) fn query_first<T>(
        &self,
        sql: &str,
        parameters: &[Param],
        read: impl FnMut(&Row) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        Ok(self.query(sql, parameters, read)?.into_iter().next())
    }

    /// The one number that a query gives.
    pub(super) fn query_number(&self, sql: &str, parameters: &[Param]) -> Result<i64, Failure> {
        let number = self.query_first(sql, parameters, |row| row.get::<i64>(0))?;
        number.ok_or(Failure::Sqlite(rusqlite::Error::QueryReturnedNoRows))
    }

    /// Runs a statement; returns how many rows it changed.
    pub(super) fn execute(&self, sql: &str, parameters: &[Param]) -> Result<u64, Failure> {
        match self {
            Self::Sqlite(connection) => {
                let count = connection.prepare_cached(sql)?.execute(rusqlite::params_from_iter(parameters))?;
                Ok(count as u64)
            }
            Self::Postgres(server) => server.execute(sql, parameters),
        }
    }

    /// Inserts rows into `columns` of `table`; `ending` may say `ON CONFLICT`. One round trip on PostgreSQL.
    pub(super) fn insert_many<'a, const N: usize>(
        &self,
        table: &str,
        columns: [&str; N],
        ending: &str,
        rows: impl IntoIterator<Item = [Param<'a>; N]>,
    ) -> Result<Inserted, Failure> {
        match self {
            Self::Sqlite(connection) => {
                let places: Vec<String> = (1..=N).map(|place| format!("?{place}")).collect();
                let (names, places) = (columns.join(", "), places.join(", "));
                let sql = format!("INSERT INTO {table} ({names}) VALUES ({places}) {ending}");
                let mut statement = connection.prepare_cached(&sql)?;
                for (index, row) in rows.into_iter().enumerate() {
                    match statement.execute(rusqlite::params_from_iter(&row)) {
                        Ok(_) => {}
                        Err(error) if is_duplicate(&error) => {
                            return Ok(Inserted::Duplicate(index));
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                Ok(Inserted::All)
            }
            Self::Postgres(server) => server.insert_many(table, columns, ending, rows),
        }
    }

    /// Runs statements that have no parameters and no results.
    pub(super) fn batch(&self, sql: &str) -> Result<(), Failure> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Self::Postgres(server) => server.batch(sql),
        }
    }

    /// Runs `change` in a transaction, which an error takes back.
    ///
    /// On PostgreSQL `change` runs again after a lost connection, from the start and only if the earlier attempt is
    /// known to have left nothing.
    pub(super) fn transaction<T>(
        &self,
        access: Access,
        mut change: impl FnMut(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match self {
            Self::Sqlite(connection) => {
                // Write lock first: a transaction that began by reading could not wait for it later.
                let behavior = match access {
                    Access::Read => TransactionBehavior::Deferred,
                    Access::Write => TransactionBehavior::Immediate,
                };
                let transaction = Transaction::new_unchecked(connection, behavior)?;
                let value = change(self)?;
                transaction.commit()?;
                Ok(value)
            }
            Self::Postgres(server) => server.transaction(access, || change(self)),
        }
    }

    /// Seconds since 1970 by the clock that all users of the database share.
    pub(super) fn now(&self) -> Result<f64, Failure> {
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

    /// Ends a query whose rows are about to be changed: workers pass over rows that others are changing. SQLite has
    /// one writer at a time anyway.
    pub(super) fn skip_locked(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// Ends a query whose row is read in order to be changed.
    pub(super) fn for_update(&self) -> &'static str {
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

impl Row<'_> {
    /// An owned value: `i64`, `f64`, `String`, or an `Option` of one.
    pub(super) fn get<T>(&self, column: usize) -> Result<T, Failure>
    where
        T: rusqlite::types::FromSql + for<'b> postgres::types::FromSql<'b>,
    {
        match self {
            Self::Sqlite(row) => Ok(row.get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// A text, without a copy.
    pub(super) fn text(&self, column: usize) -> Result<&str, Failure> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }
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

fn is_duplicate(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE))
}
