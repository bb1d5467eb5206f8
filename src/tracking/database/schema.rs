//! The tables of both databases, and how old stores get them.

use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::{Access, BUSY_SECONDS, Database, Failure, params};
use crate::tracking::TrackingError;

/// Numbered schema steps; `user_version` counts those that were applied. Only ever append.
const MIGRATIONS: &[&str] =
    &[include_str!("../migrations/0001_initial.sql"), include_str!("../migrations/0002_sweeps.sql")];

const SERVER_MIGRATIONS: &[&str] = &[include_str!("../migrations/postgres_0001_initial.sql")];

/// Any number that nothing else on the server locks.
const MIGRATION_LOCK: i64 = 0x6275_726e_6c61_6201;

/// How a schema's version relates to the one that this burnlab has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Current,
    /// Absent, older, or being made by another process at this moment.
    Older(i64),
    Newer {
        found: i64,
        supported: i64,
    },
}

impl Version {
    fn of(found: i64, migrations: &[&str]) -> Self {
        let supported = migrations.len() as i64;
        match found {
            _ if found == supported => Self::Current,
            _ if (0..supported).contains(&found) => Self::Older(found),
            _ => Self::Newer { found, supported },
        }
    }
}

impl Database {
    /// The version of the schema that the database has.
    pub(crate) fn version(&self) -> Result<Version, Failure> {
        match self {
            Self::Sqlite(_) => Ok(Version::of(self.query_number("PRAGMA user_version", &[])?, MIGRATIONS)),
            Self::Postgres(_) => {
                let sql = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('burnlab_schema')";
                let found = match self.query_number(sql, &[])? {
                    0 => 0,
                    _ => self.query_number("SELECT version FROM burnlab_schema", &[])?,
                };
                Ok(Version::of(found, SERVER_MIGRATIONS))
            }
        }
    }

    /// Creates or upgrades the tables.
    ///
    /// # Errors
    /// `foreign` for a file with tables of somebody else's; `newer` of a schema that is too new.
    pub(crate) fn migrate(
        &self,
        foreign: impl Fn() -> TrackingError,
        newer: impl Fn(i64, i64) -> TrackingError,
    ) -> Result<(), Failure> {
        let older = || match self.version()? {
            Version::Current => Ok(None),
            Version::Older(found) => Ok(Some(found)),
            Version::Newer { found, supported } => Err(Failure::Other(newer(found, supported))),
        };
        if older()?.is_none() {
            return Ok(());
        }
        self.transaction(Access::Write, |database| {
            // On a server, writers of different rows do not wait for each other by themselves.
            if let Self::Postgres(_) = database {
                database.batch(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))?;
            }
            // Another process may have done it while this one waited for the lock.
            let Some(found) = older()? else { return Ok(()) };
            match database {
                Self::Sqlite(_) => {
                    if found == 0 && database.query_number("SELECT count(*) FROM sqlite_schema", &[])? > 0 {
                        return Err(foreign().into());
                    }
                    database.apply(MIGRATIONS, found, "PRAGMA user_version =")
                }
                Self::Postgres(server) => {
                    // IF NOT EXISTS would ask for the right to create one that is there already.
                    let sql = "SELECT count(*) FROM pg_namespace WHERE nspname = ?1";
                    if let Some(schema) = server.schema()
                        && database.query_number(sql, params![schema])? == 0
                    {
                        database.batch(&format!("CREATE SCHEMA {schema}"))?;
                    }
                    database.apply(SERVER_MIGRATIONS, found, "UPDATE burnlab_schema SET version =")
                }
            }
        })
    }

    fn apply(&self, migrations: &[&str], found: i64, set_version: &str) -> Result<(), Failure> {
        for migration in &migrations[found as usize..] {
            self.batch(migration)?;
        }
        self.batch(&format!("{set_version} {}", migrations.len()))
    }
}

/// WAL: readers and the writer do not wait for each other.
pub(super) fn use_wal(connection: &Connection) -> Result<(), rusqlite::Error> {
    let deadline = Instant::now() + Duration::from_secs(BUSY_SECONDS);
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match mode {
            // A file system without shared memory keeps another mode, which is slower but right.
            Ok(_) => return Ok(()),
            // SQLite does not use its busy time-out for this switch: processes that create a store together have to
            // wait here.
            Err(error) if is_busy(&error) && Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
