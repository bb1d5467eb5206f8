//! A store for one test, on SQLite or PostgreSQL. Tests are functions of a [`TestStore`]; [`on_each_backend`] runs them
//! on both.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;
use tempfile::TempDir;

use super::database::TestServer;
use super::{Location, NewRun, RunWriter, Store};

/// A store for one test, removed with it.
pub(super) struct TestStore {
    location: Location,
    /// `None` on SQLite, and if this is not the value that cleans up.
    server: Option<TestServer>,
    _folder: Option<TempDir>,
}

/// Environment variables that tell a child process where its parent's store is.
const ROOT: &str = "BURNLAB_TEST_ROOT";
const SERVER: &str = "BURNLAB_TEST_SERVER";

impl TestStore {
    pub(super) fn sqlite() -> Self {
        Self::new(None, None)
    }

    /// A new schema on the server to test with; `None` without one.
    pub(super) fn postgres() -> Option<Self> {
        let server = TestServer::create()?;
        Some(Self::new(Some(server.address()), Some(server)))
    }

    /// A store in an artifacts folder of its own; `server` is what it cleans up.
    pub(super) fn new(address: Option<String>, server: Option<TestServer>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A folder that does not exist yet.
        let location = Location { root: folder.path().join("new/artifacts"), server: address };
        Self { location, server, _folder: Some(folder) }
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

    /// Deletes the database, not the run folders.
    pub(super) fn delete_database(&self) {
        match &self.server {
            Some(server) => server.drop_schema(),
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
        Self { location: Location { root, server: env::var(SERVER).ok() }, server: None, _folder: None }
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        if self.server.is_some() {
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
