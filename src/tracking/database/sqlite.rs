//! SQLite: one file, one connection.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, ffi, params_from_iter};

use super::access::{Access, Inserted};
use super::failure::{BUSY_SECONDS, Failure};
use super::param::Param;
use super::row::Row;
use crate::sqlite_file::Unlocked;
use crate::tracking::TrackingError;

/// More than the different statements of a store.
const CACHED_STATEMENTS: usize = 64;

/// Bytes of a row: above what a run folder may have of a record and an environment.
const MAX_CELL: i32 = 40 << 20;

/// How many rows of a query are taken before it is looked whether there can be so many.
const ROWS_BEFORE_A_LOOK: usize = 4096;

/// A connection to a file, and what is known of one that is read without locks.
pub(crate) struct Sqlite(Connection, Option<Unlocked>);

impl Sqlite {
    /// Opens a file; `name` may be a URI where `flags` say so.
    pub(crate) fn open(name: &Path, flags: OpenFlags) -> Result<Self, rusqlite::Error> {
        // A `Connection` is used by one thread at a time: SQLite's own mutexes are not needed.
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(name, flags)?;
        distrust(&connection)?;
        connection.busy_timeout(Duration::from_secs(BUSY_SECONDS))?;
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        // NORMAL: a killed process loses nothing; a power cut may lose the last transactions, never the file.
        connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL;")?;
        if flags.contains(OpenFlags::SQLITE_OPEN_CREATE) {
            use_wal(&connection)?;
        } else {
            // Kibibytes. Readers ask once or go through everything; a dashboard has several of them.
            connection.execute_batch("PRAGMA cache_size = -512;")?;
        }
        Ok(Self(connection, None))
    }

    /// Has each query look whether the file has been changed meanwhile.
    pub(crate) fn without_locks(self, unlocked: Unlocked) -> Self {
        Self(self.0, Some(unlocked))
    }

    pub(crate) fn is_unlocked(&self) -> bool {
        self.1.is_some()
    }

    /// How long is waited for the locks of others.
    pub(super) fn set_patience(&self, patience: Duration) -> Result<(), rusqlite::Error> {
        self.0.busy_timeout(patience)
    }

    /// Changes nothing from now on. Of a connection that may write, so that the last one removes the files beside the database:
    /// in a shared folder, those of one user would keep the others from writing.
    pub(crate) fn only_read(&self) -> Result<(), rusqlite::Error> {
        self.0.execute_batch("PRAGMA query_only = ON")
    }

    /// Takes the log of the database at `path` over into its file, which is the whole then.
    pub(crate) fn leave_log(path: &Path) -> Result<(), rusqlite::Error> {
        Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?.leave_wal()
    }

    /// Takes the log over into the file, which is all that is needed from then on, to read alone.
    pub(crate) fn leave_wal(&self) -> Result<(), rusqlite::Error> {
        self.0.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
        self.only_read()
    }

    /// A connection beside which no other one is or can be made, with the whole database in its file; `None` where another
    /// process has it open, or something keeps it from being opened.
    pub(crate) fn hold_alone(path: &Path) -> Option<Self> {
        let database = Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).ok()?;
        database.0.busy_timeout(Duration::from_millis(200)).ok()?;
        let mode = database.0.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0)).ok()?;
        if mode != "delete" {
            return None;
        }
        database.0.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;").ok()?;
        Some(database)
    }

    pub(super) fn query<T>(
        &self,
        sql: &str,
        parameters: &[Param],
        read: impl FnMut(&Row) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let rows = self.rows(sql, parameters, read);
        // What seems to be damage may be half of a change.
        match self.1.as_ref().filter(|unlocked| unlocked.is_changed()) {
            Some(unlocked) => Err(TrackingError::Changed { path: unlocked.path().to_owned() }.into()),
            None => rows,
        }
    }

    fn rows<T>(
        &self,
        sql: &str,
        parameters: &[Param],
        mut read: impl FnMut(&Row) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(parameters))?;
        let mut values = Vec::new();
        while let Some(row) = rows.next()? {
            values.push(read(&Row::Sqlite(row))?);
            if values.len().is_multiple_of(ROWS_BEFORE_A_LOOK) && values.len() > self.num_bytes()? {
                let damaged = ffi::Error::new(ffi::SQLITE_CORRUPT);
                return Err(rusqlite::Error::SqliteFailure(damaged, Some("it has more rows than bytes".into())).into());
            }
        }
        Ok(values)
    }

    /// The size of the database: more rows than that come only from pages that lead to each other again and again.
    fn num_bytes(&self) -> Result<usize, rusqlite::Error> {
        let ask = |sql: &str| self.0.query_row(sql, [], |row| row.get::<_, i64>(0));
        let (pages, bytes) = (ask("PRAGMA page_count")?, ask("PRAGMA page_size")?);
        Ok(usize::try_from(pages.saturating_mul(bytes)).unwrap_or(usize::MAX))
    }

    pub(super) fn execute(&self, sql: &str, parameters: &[Param]) -> Result<u64, Failure> {
        let count = self.0.prepare_cached(sql)?.execute(params_from_iter(parameters))?;
        Ok(count as u64)
    }

    pub(super) fn batch(&self, sql: &str) -> Result<(), Failure> {
        Ok(self.0.execute_batch(sql)?)
    }

    pub(super) fn insert_many<'a, const N: usize>(
        &self,
        table: &str,
        columns: [&str; N],
        ending: &str,
        rows: impl IntoIterator<Item = [Param<'a>; N]>,
    ) -> Result<Inserted, Failure> {
        let placeholders: Vec<String> = (1..=N).map(|index| format!("?{index}")).collect();
        let (names, placeholders) = (columns.join(", "), placeholders.join(", "));
        let sql = format!("INSERT INTO {table} ({names}) VALUES ({placeholders}) {ending}");
        let mut statement = self.0.prepare_cached(&sql)?;
        for (index, row) in rows.into_iter().enumerate() {
            match statement.execute(params_from_iter(&row)) {
                Ok(_) => {}
                Err(error) if is_duplicate(&error) => return Ok(Inserted::Duplicate(index)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Inserted::All)
    }

    /// As `Database::transaction`.
    pub(super) fn transaction<T>(
        &self,
        access: Access,
        change: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        // Write lock first: a transaction that began by reading could not wait for it later.
        let behavior = match access {
            Access::Read => TransactionBehavior::Deferred,
            Access::Write => TransactionBehavior::Immediate,
        };
        let transaction = Transaction::new_unchecked(&self.0, behavior)?;
        let value = change()?;
        transaction.commit()?;
        Ok(value)
    }
}

/// A store that somebody sent is data, not a program: what it says besides its tables, of which burnlab uses nothing, is
/// not done, and no cell of it takes all memory.
fn distrust(connection: &Connection) -> Result<(), rusqlite::Error> {
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(setting, value)?;
    }
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_CELL)?;
    Ok(())
}

/// WAL: readers and the writer do not wait for each other.
fn use_wal(connection: &Connection) -> Result<(), rusqlite::Error> {
    let deadline = Instant::now() + Duration::from_secs(BUSY_SECONDS);
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match mode {
            // A file system without shared memory keeps another mode, which is slower but correct.
            Ok(_) => return Ok(()),
            // SQLite's busy time-out does not apply to this switch: processes that create a store at the same time
            // wait here.
            Err(error) if is_busy(&error) && Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn is_duplicate(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_rows_than_bytes() {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let database = Sqlite::open(":memory:".as_ref(), flags).unwrap();
        let rows = |most: u32| {
            let sql =
                format!("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT {most}) SELECT x FROM c");
            database.query(&sql, &[], |_| Ok(())).map(|rows| rows.len())
        };
        database.batch("CREATE TABLE t (x)").unwrap();
        assert_eq!(rows(4000).unwrap(), 4000);
        assert!(rows(100_000).is_err());
    }

    #[test]
    fn what_is_read_without_locks_is_not_half_of_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let owner = Sqlite::open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).unwrap();
        owner.batch("CREATE TABLE t (x); INSERT INTO t VALUES (1); PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let uri = format!("file:{}?immutable=1", path.display());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let open = || {
            let unlocked = Unlocked::new(&path).unwrap();
            Sqlite::open(Path::new(&uri), flags).unwrap().without_locks(unlocked)
        };
        let rows = |reader: &Sqlite| reader.query("SELECT x FROM t", &[], |row| row.get::<i64>(0));
        let reader = open();
        assert_eq!(rows(&reader).unwrap(), [1]);
        // Into the log alone: the file is what it was.
        owner.batch("INSERT INTO t VALUES (2)").unwrap();
        assert_eq!(rows(&reader).unwrap(), [1]);
        owner.batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let changed = rows(&reader).unwrap_err();
        assert!(matches!(changed, Failure::Other(TrackingError::Changed { .. })), "{changed:?}");
        assert_eq!(rows(&open()).unwrap(), [1, 2]);
    }
}
