//! Opening a store, its folders, and its transactions.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use rusqlite::OpenFlags;
use tempfile::TempDir;

use crate::permissions::{
    creates_for_this_user_alone, folder_builder, is_public, is_readable_here, is_shared, is_writable, owner, user_name,
};
use crate::postgresql::Address;
use crate::sqlite_file::{
    Opened, Reading, Unlocked, Writers, check_beside, check_opened, is_replaced, read_only, reading, without_index,
    without_links,
};
use crate::tracking::closing::create_closed;
use crate::tracking::database::{
    Access, Database, Failure, Param, Row, Server, Sqlite, Version, params, server_error, sqlite_error,
};
use crate::tracking::location::FILE;
use crate::tracking::{Closed, Location, RunId, TrackingError, folder};

/// All runs of one artifacts folder.
///
/// Cheap to open (about 0.6 ms once the file exists); open one per thread or process that needs it.
///
/// Measured with 2,000 runs of 200 epochs and 4 metrics on 2 shared cores: [`Store::runs`] 20-35 ms, 100 series of 200
/// points 6 ms, [`Store::reindex`] 3.6 s.
#[derive(Debug)]
pub struct Store {
    pub(super) location: Location,
    /// The file, or `host:port/database`; for messages.
    pub(super) path: PathBuf,
    /// The `home` column of runs whose folders are here. Empty in a file, where all of them are.
    pub(super) home: String,
    pub(in crate::tracking) database: Database,
    /// Dropped after the connection to what is in it.
    _copy: Option<TempDir>,
}

impl Store {
    /// As [`Store::open_at`], for the file `burnlab.db` in `root` (the artifacts folder).
    pub fn open(root: &Path) -> Result<Self, TrackingError> {
        Self::open_at(&Location::local(root))
    }

    /// As [`Store::open_read_only_at`], for the file `burnlab.db` in `root` (the artifacts folder).
    pub fn open_read_only(root: &Path) -> Result<Self, TrackingError> {
        Self::open_read_only_at(&Location::local(root))
    }

    /// Opens a store for reading and writing; creates or upgrades it as needed.
    ///
    /// # Errors
    /// A folder that cannot be written, a server that cannot be reached, a file that is not a store, or the store of a
    /// newer burnlab.
    pub fn open_at(location: &Location) -> Result<Self, TrackingError> {
        refuse_links_of_folders(&location.root)?;
        let runs = location.root.join("runs");
        folder_builder()
            .recursive(true)
            .create(&runs)
            .map_err(|error| folder::in_words("create directory", &runs, &error))?;
        let store = match location.address()? {
            Some(address) => Self::on_server(location, &address, false)?,
            None => return Self::in_file_to_write(location),
        };
        store.migrated()
    }

    fn in_file_to_write(location: &Location) -> Result<Self, TrackingError> {
        const MOST_TRIES: usize = 10;
        let path = location.file();
        // SQLite would open it to be read, and leave files beside it that its owner cannot write.
        match folder::own_file(&path)? {
            true if !is_writable(&path) => return Err(TrackingError::ReadOnly { path }),
            false if creates_for_this_user_alone() => create_closed(&path)?,
            _ => {}
        }
        for _ in 0..MOST_TRIES {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            let before = fs::metadata(&path).ok();
            let store = match Self::in_file(location, flags).and_then(Self::migrated) {
                Ok(store) => store,
                // Of a file that has been moved SQLite says that it cannot be written or read.
                Err(TrackingError::ReadOnly { .. } | TrackingError::Disk { .. })
                    if is_replaced(&path, before.as_ref()) =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
            let writers = if creates_for_this_user_alone() { Writers::ThisUser } else { Writers::OfDatabase };
            match check_opened(&without_links(&path), writers) {
                Opened::Sound => return Ok(store),
                // Another process closes it to other users at this moment.
                Opened::Replaced => {}
                Opened::Unsound(unsound) => return Err(unsound.into()),
            }
        }
        Err(TrackingError::Held { path })
    }

    fn migrated(self) -> Result<Self, TrackingError> {
        let foreign = || TrackingError::NotAStore { path: self.path.clone() };
        let migrated = self.database.migrate(foreign, |found, supported| self.too_new(found, supported));
        migrated.map_err(|failure| self.to_error(failure))?;
        Ok(self)
    }

    /// Opens an existing store for reading. Changes fail with [`TrackingError::ReadOnly`].
    ///
    /// Works in a folder that cannot be written, too. The store of an older burnlab is upgraded first.
    ///
    /// # Errors
    /// [`TrackingError::NoStore`] or [`TrackingError::NoServerStore`] if there is none, and as [`Store::open_at`].
    pub fn open_read_only_at(location: &Location) -> Result<Self, TrackingError> {
        let address = location.address()?;
        refuse_links_of_folders(&location.root)?;
        if address.is_none() {
            let path = location.file();
            if !folder::own_file(&path)? {
                return Err(TrackingError::NoStore { root: location.root.clone() });
            }
            if !is_readable_here(&path) {
                return Err(TrackingError::Unreadable { owner: user_name(owner(&fs::symlink_metadata(&path)?)), path });
            }
        }
        let opened = match &address {
            Some(address) => Self::on_server(location, address, true),
            None => Self::in_file_to_read(location, reading(&without_links(&location.file()))),
        };
        let opened = opened.and_then(|store| match store.database.version() {
            Ok(version) => Ok((store, version)),
            Err(failure) => Err(store.to_error(failure)),
        });
        let (store, version) = match opened {
            // A WAL store needs its `-shm` file, which cannot be made where nothing can be written, or no more.
            Err(
                TrackingError::ReadOnly { .. }
                | TrackingError::Full { .. }
                | TrackingError::Disk { .. }
                | TrackingError::FilesLimited { .. },
            ) if address.is_none() => {
                let path = without_links(&location.file());
                let open = |reading| -> Result<(Self, Version), TrackingError> {
                    let store = Self::in_file_to_read(location, reading)?;
                    let version = store.database.version().map_err(|failure| store.to_error(failure))?;
                    Ok((store, version))
                };
                open(read_only(&path)).or_else(|error| without_index(&path).map_or(Err(error), open))?
            }
            opened => opened?,
        };
        match version {
            Version::Newer { found, supported } => Err(store.too_new(found, supported)),
            Version::Foreign => Err(TrackingError::NotAStore { path: store.path }),
            Version::Older(0) if address.is_some() => {
                Err(TrackingError::NoServerStore { server: store.path.display().to_string() })
            }
            Version::Older(0) if !folder::list_run_folders(&store.runs_folder())?.is_empty() => {
                Err(TrackingError::EmptyStore { path: store.path })
            }
            // Older, or another process is creating it at this moment.
            Version::Older(_) => Self::open_at(location),
            Version::Current => Ok(store),
        }
    }

    /// Opens the file as it can be read by this user; where a killed process has left a log with what the file lacks, a copy of
    /// both.
    fn in_file_to_read(location: &Location, reading: Reading) -> Result<Self, TrackingError> {
        let path = location.file();
        refuse_links(&path)?;
        match reading {
            Reading::AsUsual => {
                let store = Self::in_file_as(location, &without_links(&path), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
                let Database::Sqlite(database) = &store.database else { return Ok(store) };
                database.only_read().map_err(|error| sqlite_error(&path, error))?;
                Ok(store)
            }
            Reading::Shared(uri) => Self::in_file_as(location, &uri, BY_URI),
            Reading::Alone(uri) => {
                let unlocked = Unlocked::new(&path)?;
                let store = Self::in_file_as(location, &uri, BY_URI)?;
                let database = match store.database {
                    Database::Sqlite(database) => Database::Sqlite(database.without_locks(unlocked)),
                    other => other,
                };
                Ok(Self { database, ..store })
            }
            Reading::Copied => Self::in_copy(location),
        }
    }

    fn in_copy(location: &Location) -> Result<Self, TrackingError> {
        let path = location.file();
        let log = location.root.join("burnlab.db-wal");
        let size = |path: &Path| fs::metadata(path).map_or(0, |data| data.len());
        let copy = folder::private_folder().map_err(TrackingError::Temporary)?;
        let bytes = size(&path).saturating_add(size(&log));
        // The copy grows by the log's pages when these are taken over.
        if bytes > MOST_COPIED || 2 * bytes > folder::free_space(copy.path())? {
            let problem = "it has a log that cannot be read without the right to write, and there is no room in the \
                           temporary folder for a copy";
            return Err(TrackingError::Disk { path, problem });
        }
        let copied = copy.path().join(FILE);
        let copying = fs::copy(&path, &copied).and_then(|_| fs::copy(&log, copy.path().join("burnlab.db-wal")));
        copying.map_err(TrackingError::Temporary)?;
        // A copy has the permissions of what it was made of.
        for name in [FILE, "burnlab.db-wal"] {
            let mut permissions = fs::metadata(copy.path().join(name))?.permissions();
            set_writable(&mut permissions);
            fs::set_permissions(copy.path().join(name), permissions)?;
        }
        let store = Self::in_file_as(location, &without_links(&copied), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let Database::Sqlite(database) = &store.database else { return Ok(store) };
        database.leave_wal().map_err(|error| sqlite_error(&path, error))?;
        // The connection has the only file open that it still needs: nothing is left of it, however this process ends.
        let _copy = if cfg!(unix) { None } else { Some(copy) };
        Ok(Self { _copy, ..store })
    }

    fn in_file(location: &Location, flags: OpenFlags) -> Result<Self, TrackingError> {
        let path = location.file();
        refuse_links(&path)?;
        Self::in_file_as(location, &without_links(&path), flags)
    }

    fn in_file_as(location: &Location, name: &Path, flags: OpenFlags) -> Result<Self, TrackingError> {
        let path = location.file();
        let database = Sqlite::open(name, flags).map_err(|error| sqlite_error(&path, error))?;
        let database = Database::Sqlite(database);
        Ok(Self { location: location.clone(), path, home: String::new(), database, _copy: None })
    }

    fn on_server(location: &Location, address: &Address, read_only: bool) -> Result<Self, TrackingError> {
        let path = PathBuf::from(address.to_string());
        let server = Server::connect(address, read_only)?;
        let database = Database::Postgres(Box::new(server));
        Ok(Self { location: location.clone(), path, home: location.home(), database, _copy: None })
    }

    fn too_new(&self, found: i64, supported: i64) -> TrackingError {
        let path = self.path.clone();
        match self.location.server {
            Some(_) => TrackingError::ServerTooNew { server: path.display().to_string(), found, supported },
            None => TrackingError::SchemaTooNew { path, found, supported },
        }
    }

    /// Whether the file is read without locks, which sees no change of it: for a further look it is opened anew.
    pub fn is_unlocked(&self) -> bool {
        matches!(&self.database, Database::Sqlite(database) if database.is_unlocked())
    }

    /// The artifacts folder, and the server if there is one.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The artifacts folder.
    pub fn root(&self) -> &Path {
        &self.location.root
    }

    /// As [`Location::command`].
    pub fn command(&self, arguments: &[&str]) -> String {
        self.location.command(arguments)
    }

    /// The version of its tables, which is this burnlab's own.
    pub fn schema(&self) -> usize {
        self.database.supported()
    }

    /// The folder of the run folders, `runs`.
    pub fn runs_folder(&self) -> PathBuf {
        self.location.root.join("runs")
    }

    /// Whether its file is gone, which a process that has it open does not notice.
    pub(crate) fn is_removed(&self) -> bool {
        self.location.server.is_none() && !self.location.file().exists()
    }

    /// The folder of a run (which may not exist).
    pub fn folder(&self, id: &RunId) -> PathBuf {
        self.runs_folder().join(id.as_str())
    }

    pub(super) fn trash_folder(&self) -> PathBuf {
        self.location.root.join("trash")
    }

    /// `host:/artifacts/folder` of a run that was trained on another host or in another artifacts folder; `None` for a
    /// run whose folder is here.
    pub fn home_elsewhere(&self, id: &RunId) -> Result<Option<String>, TrackingError> {
        self.remote_home(&self.database, id).map_err(|failure| self.to_error(failure))
    }

    /// As [`Store::home_elsewhere`], inside a transaction.
    pub(super) fn remote_home(&self, database: &Database, id: &RunId) -> Result<Option<String>, Failure> {
        if self.location.server.is_none() {
            return Ok(None);
        }
        let home =
            database.query_first("SELECT home FROM run WHERE id = ?1", params![id.as_str()], |row| row.get(0))?;
        Ok(home.filter(|home| *home != self.home))
    }

    /// Fails for a run whose folder is on another host; `action` completes "... there".
    pub(super) fn require_local(&self, database: &Database, id: &RunId, action: &'static str) -> Result<(), Failure> {
        match self.remote_home(database, id)? {
            Some(home) => Err(TrackingError::Elsewhere { id: id.clone(), home, action }.into()),
            None => Ok(()),
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Who may read it

impl Store {
    /// Whether it is a file that other users may not read.
    pub fn is_closed(&self) -> bool {
        self.location.server.is_none() && !is_shared(&self.location.file())
    }

    /// Whether others may read the store, and not this run folder, which this user may.
    pub(super) fn is_more_open_than(&self, folder: &Path) -> bool {
        // Of a folder that this user may not read nothing is written.
        let is_closed = |folder: &Path| is_readable_here(folder) && !is_public(folder);
        self.location.server.is_none() && is_shared(&self.location.file()) && is_closed(folder)
    }

    /// Closes the store to other users before what is in these run folders is written to it, if one of them is closed to them.
    ///
    /// # Errors
    /// As [`Location::close`].
    pub(super) fn close_for<P: AsRef<Path>>(
        &mut self,
        folders: impl IntoIterator<Item = P>,
    ) -> Result<Option<Closed>, TrackingError> {
        if !folders.into_iter().any(|folder| self.is_more_open_than(folder.as_ref())) {
            return Ok(None);
        }
        // A new file takes its place where nobody has it open, nor this process.
        let none = Sqlite::open(Path::new(":memory:"), OpenFlags::SQLITE_OPEN_READ_WRITE);
        self.database = Database::Sqlite(none.map_err(|error| sqlite_error(&self.path, error))?);
        let closed = self.location.close();
        *self = Self::open_at(&self.location)?;
        closed
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Queries and transactions

impl Store {
    /// All rows of one query outside of a transaction.
    pub(in crate::tracking) fn query<T>(
        &self,
        sql: &str,
        parameters: &[Param],
        read: impl FnMut(&Row) -> Result<T, Failure>,
    ) -> Result<Vec<T>, TrackingError> {
        self.database.query(sql, parameters, read).map_err(|failure| self.to_error(failure))
    }

    /// One write transaction, given the new revision. It may run more than once; see [`Database::transaction`].
    pub(super) fn write<T>(
        &self,
        mut change: impl FnMut(&Database, u64) -> Result<T, Failure>,
    ) -> Result<T, TrackingError> {
        self.transaction(|database| {
            // On a server, this row's lock keeps writers apart until the commit, as SQLite's write lock does.
            let sql = "UPDATE store SET revision = revision + 1 RETURNING revision";
            change(database, database.query_number(sql, &[])?.cast_unsigned())
        })
    }

    /// How long the next transactions wait for those of others, or for a server that is away; 30 s where it was never said.
    pub(in crate::tracking) fn set_patience(&self, patience: Duration) -> Result<(), TrackingError> {
        self.database.set_patience(patience).map_err(|failure| self.to_error(failure))
    }

    /// One write transaction that leaves the revision alone.
    pub(in crate::tracking) fn transaction<T>(
        &self,
        change: impl FnMut(&Database) -> Result<T, Failure>,
    ) -> Result<T, TrackingError> {
        self.database.transaction(Access::Write, change).map_err(|failure| self.to_error(failure))
    }

    /// The error to report, with the name of the store.
    pub(in crate::tracking) fn to_error(&self, failure: Failure) -> TrackingError {
        match failure {
            Failure::Sqlite(error) => sqlite_error(&self.path, error),
            Failure::Postgres(error) => server_error(&self.path, error),
            Failure::Other(error) => error,
        }
    }
}

const BY_URI: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_URI);

/// Bytes of a store and its log that are copied to be read: three times those of 10 million points.
const MOST_COPIED: u64 = 1 << 30;

/// The folder of all runs is one, not a link that would have other runs shown and written; and where the artifacts folder
/// is a link, it is none that another user has left.
fn refuse_links_of_folders(root: &Path) -> Result<(), TrackingError> {
    if folder::is_link_of_others(root) {
        return Err(TrackingError::NotOwn { path: root.to_owned(), kind: "folder" });
    }
    folder::own_folder(&root.join("runs")).map(drop)
}

/// The store and what SQLite keeps beside it are files: a pipe would keep its reader for ever.
fn refuse_links(path: &Path) -> Result<(), TrackingError> {
    folder::own_file(path)?;
    Ok(check_beside(path, Writers::OfDatabase)??)
}

#[cfg(unix)]
fn set_writable(permissions: &mut std::fs::Permissions) {
    use std::os::unix::fs::PermissionsExt;
    permissions.set_mode(0o600);
}

#[cfg(not(unix))]
fn set_writable(permissions: &mut std::fs::Permissions) {
    permissions.set_readonly(false);
}
