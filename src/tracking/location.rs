//! Where a store is: the artifacts folder, and the PostgreSQL server that may keep the rows for many hosts.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;

use super::TrackingError;
use super::closing::{Closed, close_store};
use crate::permissions::create_for_this_user_alone;
use crate::postgresql::Address;
use crate::secrets::masked;
use crate::shell::{command_in, quoted};
use crate::sqlite_file::beside;

/// The name of the database in the artifacts folder.
pub(super) const FILE: &str = "burnlab.db";

/// Whether a file of that name is a store's, or one that SQLite keeps beside it.
pub fn is_store_file(name: &OsStr) -> bool {
    name == FILE || beside(Path::new(FILE)).any(|(_, file)| file == name)
}

/// The folder of the run folders, and the database of their rows.
///
/// A server requires a build with the feature `postgres`, and PostgreSQL 13 or newer.
/// The connection is encrypted if the address asks for it (`sslmode=require`, or `sslmode=verify-full`, which also checks
/// who the server is); else use a private network or an SSH tunnel. `Debug` and `Display` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    /// The artifacts folder of this host.
    pub root: PathBuf,
    /// `postgres://user@host/database` or libpq's `host=... dbname=...`; `None` for `burnlab.db` in `root`. The option
    /// `search_path=NAME` keeps the tables in that schema of the database. A password that is not in the address is
    /// read from the environment variable `PGPASSWORD`.
    pub server: Option<String>,
}

impl Location {
    /// A store in a file.
    pub fn local(root: &Path) -> Self {
        Self { root: root.to_path_buf(), server: None }
    }

    /// A command of this program for this store, to be pasted into a shell. A password is left out: `PGPASSWORD` has it then.
    pub fn command(&self, arguments: &[&str]) -> String {
        command_in(&self.root, arguments) + &self.server_option()
    }

    /// ` --store ...`, unless the environment says it.
    fn server_option(&self) -> String {
        let Some(server) = &self.server else { return String::new() };
        if env::var("BURNLAB_STORE").is_ok_and(|everywhere| everywhere == *server) {
            return String::new();
        }
        format!(" --store {}", quoted(&masked(server).replace(":***@", "@")))
    }

    /// The database, where there is no server.
    pub(super) fn file(&self) -> PathBuf {
        self.root.join(FILE)
    }

    /// Closes the store to other users, before names of columns and classes of data that are closed to them are written to it.
    /// What this process makes from then on is for its user alone. A server has its own users. Tells if the store was open to
    /// others.
    ///
    /// # Errors
    /// [`TrackingError::OthersFolder`] for one of another user, [`TrackingError::Unsound`] for a file of another user beside it.
    pub fn close(&self) -> Result<Option<Closed>, TrackingError> {
        create_for_this_user_alone();
        if self.server.is_some() { Ok(None) } else { close_store(&self.file()) }
    }

    pub(super) fn address(&self) -> Result<Option<Address>, TrackingError> {
        let address = self.server.as_deref().map(Address::parse).transpose();
        address.map_err(|problem| TrackingError::InvalidServer { problem })
    }

    /// Marks the runs whose folders are here: `host:/absolute/artifacts`.
    pub(super) fn home(&self) -> String {
        let root = fs::canonicalize(&self.root).or_else(|_| std::path::absolute(&self.root));
        format!("{}:{}", host(), root.unwrap_or_else(|_| self.root.clone()).display())
    }
}

impl From<&Path> for Location {
    fn from(root: &Path) -> Self {
        Self::local(root)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Ok(None) => write!(f, "{}", self.root.display()),
            Ok(Some(address)) => write!(f, "{address}"),
            Err(_) => f.write_str("an address that is not valid"),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({}, {self})", self.root.display())
    }
}

/// This host's name; `BURNLAB_HOST` overrides it where several hosts share one (containers).
pub fn host() -> String {
    let is_name = |name: &String| !name.is_empty();
    let from_system = || fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let from_command =
        || Command::new("hostname").output().ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let name = env::var("BURNLAB_HOST").ok().filter(is_name).or_else(from_system).or_else(from_command);
    name.map(|name| name.trim().to_owned()).filter(is_name).unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(server: &str) -> Location {
        Location { root: "artifacts".into(), server: Some(server.to_owned()) }
    }

    #[test]
    fn passwords_are_never_shown() {
        for server in [
            "postgres://me:s3cret@db.lan:5433/runs",
            "postgres://me:s3cret@db.lan:5433/runs?search_path=mine",
            "host=db.lan port=5433 user=me password=s3cret dbname=runs",
        ] {
            let location = at(server);
            let address = location.address().unwrap();
            let text = format!("{location} {location:?} {address:?}");
            assert!(text.contains("db.lan:5433/runs") && !text.contains("s3cret"), "{text}");
        }
        for server in [
            "postgres://me:s3cret@x@db.lan/runs",
            "host=db.lan password=a s3cret",
            "host=db.lan password='s3cret",
            "postgres://me:s3cret@db.lan/runs?no_such=1",
            "postgres://me:s3cret@db.lan:port/runs",
            "postgres://me:s3cret@db.lan/runs?sslmode=verify-ca",
            "user=me password=s3cret",
            "s3cret",
        ] {
            let error = at(server).address().unwrap_err();
            let text = format!("{error} {error:?} {} {:?}", at(server), at(server));
            assert!(!text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn the_schema_is_taken_out_of_the_address() {
        for (server, schema) in [
            ("postgres://a@b/c?search_path=mine", Some("mine")),
            ("postgres://a@b/c?search_path=mine&connect_timeout=3", Some("mine")),
            ("postgres://a@b/c?connect_timeout=3&search_path=mine", Some("mine")),
            ("host=b dbname=c search_path=mine user=a", Some("mine")),
            ("postgres://a@b/c", None),
        ] {
            let address = at(server).address().unwrap().unwrap();
            assert_eq!((address.schema.as_deref(), address.to_string()), (schema, "b:5432/c".to_owned()), "{server}");
        }
        assert!(at("postgres://a@b/c?search_path=x;drop").address().is_err());
    }
}
