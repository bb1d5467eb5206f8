//! The tables of both databases, and their migrations.

use super::access::Access;
use super::connection::Database;
use super::failure::Failure;
use super::param::params;
use crate::tracking::TrackingError;

/// Numbered schema steps; `user_version` counts those that were applied. Only ever append.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_sweeps.sql"),
    include_str!("../migrations/0003_tested_rows.sql"),
    include_str!("../migrations/0004_data_of_sweeps.sql"),
];

const SERVER_MIGRATIONS: &[&str] = &[
    include_str!("../migrations/postgres_0001_initial.sql"),
    include_str!("../migrations/postgres_0002_tested_rows.sql"),
    include_str!("../migrations/postgres_0003_data_of_sweeps.sql"),
];

/// The advisory lock that migrations take: an arbitrary number that nothing else on the server uses.
const MIGRATION_LOCK: i64 = 0x6275_726e_6c61_6201;

/// The version of a schema, compared with the one that this burnlab supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Current,
    /// Absent (0), older, or just being created by another process.
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
    /// The version of the schema in the database.
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
    /// `foreign()` for a file with tables of another program, `newer(found, supported)` for a schema that is too new.
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
            // On a server, writers of different rows do not wait for each other.
            if let Self::Postgres(_) = database {
                database.batch(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))?;
            }
            // Another process may have migrated while this one waited for the lock.
            let Some(found) = older()? else { return Ok(()) };
            match database {
                Self::Sqlite(_) => {
                    if found == 0 && database.query_number("SELECT count(*) FROM sqlite_schema", &[])? > 0 {
                        return Err(foreign().into());
                    }
                    database.apply(MIGRATIONS, found, "PRAGMA user_version =")
                }
                Self::Postgres(server) => {
                    // IF NOT EXISTS would require the right to create a schema even where it exists.
                    let sql = "SELECT count(*) FROM pg_namespace WHERE nspname = ?1";
                    if let Some(schema) = &server.address().schema
                        && database.query_number(sql, params![schema.as_str()])? == 0
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
