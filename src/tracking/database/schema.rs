//! The tables of both databases, and their migrations.

use sha2::{Digest, Sha256};

use super::access::Access;
use super::connection::Database;
use super::failure::Failure;
use super::param::params;
use crate::figures::hexadecimal;
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

/// The SHA-256 of what `sqlite_schema` says after each migration. A store that somebody sent may have other tables under
/// these names, whose checks, columns and foreign keys run for ever or remove rows.
const SCHEMAS: [&str; MIGRATIONS.len()] = [
    "101ddcf88919efe2acd258bf861b926c495c02d026a6160ea886d44a86f61785",
    "33c0d7fd75898023106d6f763a8780f7943bb8e239cfb6660469638513c247f6",
    "2cbc4c804f05b3112a89f80eac8e32f9cfee9b3b15e4c069a3ec8f30988e6c4d",
    "a9895d51f32411f4fedbb6c25588d8575023976f92ead49fc336416cbba68e26",
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
    /// The tables are not those of this version.
    Foreign,
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
            Self::Sqlite(_) => loop {
                let ask = || self.query_number("PRAGMA user_version", &[]);
                let found = ask()?;
                let expected = usize::try_from(found - 1).ok().and_then(|step| SCHEMAS.get(step));
                let is_foreign = match expected {
                    Some(expected) => self.schema_digest()? != *expected,
                    None => false,
                };
                // Another process may have upgraded it in between.
                if ask()? == found {
                    return Ok(if is_foreign { Version::Foreign } else { Version::of(found, MIGRATIONS) });
                }
            },
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

    /// The version that this burnlab writes.
    pub(crate) fn supported(&self) -> usize {
        match self {
            Self::Sqlite(_) => MIGRATIONS.len(),
            Self::Postgres(_) => SERVER_MIGRATIONS.len(),
        }
    }

    /// The digest of all tables, indexes, triggers and views in a file, but for SQLite's own.
    fn schema_digest(&self) -> Result<String, Failure> {
        let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
                   ORDER BY type, name";
        let mut hash = Sha256::new();
        self.query(sql, &[], |row| {
            for column in 0..4 {
                hash.update(row.get::<Option<String>>(column)?.unwrap_or_default());
                hash.update([0]);
            }
            Ok(())
        })?;
        Ok(hexadecimal(hash.finalize()))
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
            Version::Foreign => Err(Failure::Other(foreign())),
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

#[cfg(test)]
mod tests {
    use rusqlite::OpenFlags;

    use super::*;
    use crate::tracking::database::Sqlite;

    #[test]
    fn each_version_is_known_by_its_tables() {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let database = Database::Sqlite(Sqlite::open(":memory:".as_ref(), flags).unwrap());
        let mut digests = Vec::new();
        for migration in MIGRATIONS {
            database.batch(migration).unwrap();
            digests.push(database.schema_digest().unwrap());
        }
        assert_eq!(digests, SCHEMAS);
    }
}
