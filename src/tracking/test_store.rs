//! A store for one test, on SQLite or PostgreSQL. Tests are functions of a [`TestStore`]; [`on_each_backend`] runs them
//! on both.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use fs_err as fs;
use tempfile::TempDir;

use super::{Location, NewRun, RunWriter, Store};

/// A store for one test, removed with it.
pub(super) struct TestStore {
    location: Location,
    /// The address without the test's schema, and the schema; `None` if this is not the value that cleans up.
    schema: Option<(String, String)>,
    _folder: Option<TempDir>,
}

/// Environment variables that tell a child process where its parent's store is.
const ROOT: &str = "BURNLAB_TEST_ROOT";
const SERVER: &str = "BURNLAB_TEST_SERVER";

impl TestStore {
    pub(super) fn sqlite() -> Self {
        Self::new(None, None)
    }

    /// A new schema on the server that `BURNLAB_POSTGRES` names; `None` without a server to test with.
    pub(super) fn postgres() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = env::var("BURNLAB_POSTGRES") else {
            // `.ci/postgres start DIR PORT` starts one.
            crate::without_tools::skip("PostgreSQL server in BURNLAB_POSTGRES");
            return None;
        };
        let schema = format!("burnlab_test_{}_{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let separator = if server.contains('?') { '&' } else { '?' };
        let address = format!("{server}{separator}search_path={schema}");
        Some(Self::new(Some(address), Some((server, schema))))
    }

    fn new(server: Option<String>, schema: Option<(String, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A folder that does not exist yet.
        let location = Location { root: folder.path().join("new/artifacts"), server };
        Self { location, schema, _folder: Some(folder) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.location.root
    }

    pub(super) fn location(&self) -> &Location {
        &self.location
    }

    pub(super) fn open(&self) -> Store {
        Store::open_at(&self.location).unwrap()
    }

    pub(super) fn open_read_only(&self) -> Store {
        Store::open_read_only_at(&self.location).unwrap()
    }

    pub(super) fn start(&self, run: NewRun) -> RunWriter {
        RunWriter::start_at(&self.location, run).unwrap()
    }

    /// Another artifacts folder on the same server, as another host has it; only on PostgreSQL.
    pub(super) fn on_another_host(&self) -> Self {
        Self::new(self.location.server.clone(), None)
    }

    /// The same store with the server behind another port of this host.
    pub(super) fn through(&self, port: u16) -> Location {
        let (server, schema) = self.schema.as_ref().unwrap();
        let config: postgres::Config = server.parse().unwrap();
        let (user, database) = (config.get_user().unwrap(), config.get_dbname().unwrap());
        let password = config.get_password().map_or_else(|| "''".into(), String::from_utf8_lossy);
        let address = format!(
            "host=127.0.0.1 port={port} user={user} password={password} dbname={database} search_path={schema}"
        );
        Location { server: Some(address), ..self.location.clone() }
    }

    /// Host and port of the server.
    pub(super) fn server_address(&self) -> (String, u16) {
        let config: postgres::Config = self.schema.as_ref().unwrap().0.parse().unwrap();
        let postgres::config::Host::Tcp(host) = &config.get_hosts()[0] else { panic!("not over TCP") };
        (host.clone(), config.get_ports().first().copied().unwrap_or(5432))
    }

    /// Deletes the database, not the run folders.
    pub(super) fn delete_database(&self) {
        match &self.schema {
            Some((server, schema)) => {
                let mut client = postgres::Client::connect(server, postgres::NoTls).unwrap();
                client.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).unwrap();
            }
            None => {
                for name in ["burnlab.db", "burnlab.db-wal", "burnlab.db-shm"] {
                    fs::remove_file(self.path().join(name)).ok();
                }
            }
        }
    }

    /// Lets a child process open the store by [`TestStore::from_parent`].
    pub(super) fn describe_to(&self, command: &mut Command) {
        command.env(ROOT, self.path());
        match &self.location.server {
            Some(server) => command.env(SERVER, server),
            None => command.env_remove(SERVER),
        };
    }

    pub(super) fn from_parent() -> Self {
        let root = PathBuf::from(env::var_os(ROOT).unwrap());
        Self { location: Location { root, server: env::var(SERVER).ok() }, schema: None, _folder: None }
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        if self.schema.is_some() {
            self.delete_database();
        }
    }
}

/// Makes two tests of each function, one per database.
macro_rules! on_each_backend {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(&super::TestStore::sqlite()); })*
        }
        mod postgres {
            $(#[test] fn $name() {
                if let Some(test_store) = super::TestStore::postgres() {
                    super::$name(&test_store);
                }
            })*
        }
    };
}
pub(super) use on_each_backend;
