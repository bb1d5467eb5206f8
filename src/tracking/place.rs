//! Where a test keeps its store. Tests are functions of a [`Place`]; [`on_each_backend`] runs them on all.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use fs_err as fs;
use tempfile::TempDir;

use super::{Location, NewRun, RunWriter, Store};

/// A store of one test's own, removed with it.
pub(super) struct Place {
    location: Location,
    /// The address without the test's schema, and the schema; for who has to clean up.
    schema: Option<(String, String)>,
    _folder: Option<TempDir>,
}

/// Tell a child process where its parent's store is.
const ROOT: &str = "BURNLAB_TEST_ROOT";
const SERVER: &str = "BURNLAB_TEST_SERVER";

impl Place {
    pub(super) fn sqlite() -> Self {
        Self::new(None, None)
    }

    /// A schema of its own on the server that `BURNLAB_POSTGRES` names; `None` where there is no server to test with.
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
        // The folder itself is still to be made.
        let location = Location { root: folder.path().join("new/artifacts"), server };
        Self { location, schema, _folder: Some(folder) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.location.root
    }

    pub(super) fn location(&self) -> &Location {
        &self.location
    }

    pub(super) fn store(&self) -> Store {
        Store::open_at(&self.location).unwrap()
    }

    pub(super) fn read_only(&self) -> Store {
        Store::open_read_only_at(&self.location).unwrap()
    }

    pub(super) fn start(&self, run: NewRun) -> RunWriter {
        RunWriter::start_at(&self.location, run).unwrap()
    }

    /// The same server as another host sees it; only on PostgreSQL.
    pub(super) fn other_host(&self) -> Self {
        Self::new(self.location.server.clone(), None)
    }

    /// The same place with the server behind another port of this host.
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

    /// Removes the database, not the folders.
    pub(super) fn lose_database(&self) {
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

    /// Lets a child process find the place by [`Place::passed`].
    pub(super) fn pass_to(&self, command: &mut Command) {
        command.env(ROOT, self.path());
        match &self.location.server {
            Some(server) => command.env(SERVER, server),
            None => command.env_remove(SERVER),
        };
    }

    pub(super) fn passed() -> Self {
        let root = PathBuf::from(env::var_os(ROOT).unwrap());
        Self { location: Location { root, server: env::var(SERVER).ok() }, schema: None, _folder: None }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.schema.is_some() {
            self.lose_database();
        }
    }
}

/// Makes a test of each function, per backend.
macro_rules! on_each_backend {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(&super::Place::sqlite()); })*
        }
        mod postgres {
            $(#[test] fn $name() {
                if let Some(place) = super::Place::postgres() {
                    super::$name(&place);
                }
            })*
        }
    };
}
pub(super) use on_each_backend;
