//! Closing the store to other users, before names of columns and classes of data that are closed to them are written to it.

use std::io;
use std::path::{Path, PathBuf};

use super::database::Sqlite;
use super::folder::in_words;
use super::{TrackingError, folder};
use crate::directory::{Directory, Found, Kind, Purpose, Temporary, Unresolved};
use crate::permissions::{
    folder_of, is_own, is_shared, is_writable, may_others_read, may_others_read_by_mode, may_others_write, owner,
};
use crate::sqlite_file::{Writers, beside, check_beside, is_held_by_others_alone, without_links};

/// A store that was open to other users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    pub file: PathBuf,
    /// Whether a new file has taken its place. Where another process has the store open that is not possible: who has opened
    /// the file before can then go on reading it.
    pub is_new: bool,
    /// Why not, unless it is in use.
    pub problem: Option<String>,
}

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let file = self.file.display();
        write!(f, "`{file}` is closed to other users from now on, as the data are")?;
        if !self.is_new {
            let way = "a user who has opened it before can read on";
            let again = format!("close it again (cp {file} NEW; mv NEW {file})");
            match &self.problem {
                None => write!(f, ". It is in use, so that {way}: end the processes that use it, and {again}")?,
                Some(problem) => write!(f, ". No new file could take its place ({problem}), so that {way}: {again}")?,
            }
        }
        Ok(())
    }
}

/// Closes the store in `file`, or what will be made there: it has the names of columns and classes, and notes about cells.
/// `None` if it was not open to others.
///
/// # Errors
/// [`TrackingError::OthersFolder`] for one that belongs to another user, [`TrackingError::Unsound`] for a file beside it that
/// does.
pub(super) fn close_store(file: &Path) -> Result<Option<Closed>, TrackingError> {
    let is_there = folder::own_file(file)?;
    check_beside(file, Writers::ThisUser)??;
    refuse_of_another(folder_of(file))?;
    refuse_of_another(&folder_of(file).join("runs"))?;
    if !is_there {
        return Ok(None);
    }
    // Whatever the folders above it are now, they may be opened later.
    let is_open = may_others_read(file);
    let was_shared = is_open && is_shared(file);
    refuse_of_another(file)?;
    let (directory, name) = place_of(file)?;
    // What is beside a closed store may be a file that others have opened, or put there.
    let is_exposed = |(_, path): (_, PathBuf)| path.symlink_metadata().is_ok_and(|data| may_others_read_by_mode(&data));
    let has_open_files = beside(file).any(is_exposed);
    let was_exposed = has_open_files || has_others_in(&directory)? && beside(file).any(|(_, path)| path.exists());
    if !is_open && !was_exposed {
        return Ok(None);
    }
    if !is_writable(folder_of(file)) {
        return Err(TrackingError::ReadOnly { path: folder_of(file).to_owned() });
    }
    let is_written_by_others = directory.entry(&name)?.is_none_or(|entry| may_others_write(entry.mode));
    let of_store = beside(file).map(|(_, path)| path).chain([file.to_owned()]);
    for path in of_store {
        let Some(name) = path.file_name() else { continue };
        if directory.entry(name)?.is_some_and(|entry| entry.kind == Kind::File) {
            directory.set_mode(name, 0o600).map_err(|error| in_words("close", &path, &error))?;
        }
    }
    if !was_shared && !was_exposed {
        return Ok(None);
    }
    let replaced = replace(&directory, &name, file).and_then(|is_new| {
        // Whoever may only read it could keep it as it is for as long as they like.
        let is_theirs = !is_new && !is_written_by_others && is_held_by_others_alone(file);
        if is_theirs { replace_held(&directory, &name, file) } else { Ok(is_new) }
    });
    let problem = replaced.as_ref().err().map(ToString::to_string);
    let closed = Closed { file: file.to_owned(), is_new: replaced.unwrap_or(false), problem };
    Ok((was_shared || has_open_files && !closed.is_new).then_some(closed))
}

/// What stands in a folder of another user is theirs to move away, and to put something else in its place; and a file of theirs they
/// may have open, whatever the folders above it are by now.
fn refuse_of_another(path: &Path) -> Result<(), TrackingError> {
    match path.metadata() {
        Ok(data) if !is_own(&data) && owner(&data) != 0 => Err(TrackingError::OthersFolder { path: path.to_owned() }),
        _ => Ok(()),
    }
}

/// Whether others may make and rename files in a folder.
fn has_others_in(directory: &Directory) -> io::Result<bool> {
    Ok(directory.entry(".")?.is_some_and(|folder| may_others_write(folder.mode)))
}

/// Makes the empty file of a store that is closed from its beginning: SQLite makes one of the mask's mode, which does not count
/// in a folder with a default ACL; and gives those beside it the mode of the store.
///
/// # Errors
/// A folder that cannot be written.
pub(super) fn create_closed(file: &Path) -> Result<(), TrackingError> {
    let (directory, name) = place_of(file)?;
    match directory.create(name, 0o600) {
        // Another process has made it meanwhile.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => Ok(made.map(drop).map_err(|error| in_words("create", file, &error))?),
    }
}

fn place_of(file: &Path) -> Result<(Directory, std::ffi::OsString), TrackingError> {
    match Directory::resolve(file, false) {
        Ok(Found::Name(directory, name)) => Ok((directory, name)),
        Ok(Found::Open(_)) => Err(TrackingError::NotOwn { path: file.to_owned(), kind: "file" }),
        Err(Unresolved::LinkOfAnother(path)) => Err(TrackingError::NotOwn { path, kind: "folder" }),
        Err(Unresolved::Io(error)) => Err(in_words("open", file, &error).into()),
    }
}

/// The same where others alone have it open, and may not write it: what it is, with what its log has, changes no more.
fn replace_held(directory: &Directory, name: &std::ffi::OsStr, file: &Path) -> io::Result<bool> {
    let private = folder::private_folder()?;
    let copy = private.path().join(name);
    fs_err::copy(file, &copy)?;
    // The log; its index is made anew.
    if let (Some((_, log)), Some((_, to))) = (beside(file).next(), beside(&copy).next())
        && log.exists()
    {
        fs_err::copy(log, to)?;
    }
    Sqlite::leave_log(&copy).map_err(io::Error::other)?;
    let new = directory.again().and_then(|folder| Temporary::beside(folder, name, 0o600))?;
    io::copy(&mut fs_err::File::open(&copy)?, &mut new.file())?;
    new.file().sync_all()?;
    // What they say belongs to the old file.
    for path in beside(file).map(|(_, path)| path) {
        match path.file_name().map(|name| directory.remove(name)) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    new.keep(|folder, temporary| folder.rename(temporary, directory, name))?;
    Ok(true)
}

/// Puts a copy in the place of the store, where no process has it open: who has opened the file before reads on in the old
/// one.
fn replace(directory: &Directory, name: &std::ffi::OsStr, file: &Path) -> io::Result<bool> {
    let Some(database) = Sqlite::hold_alone(&without_links(file)) else { return Ok(false) };
    // Opened after SQLite has its locks, and closed after it has given them up: a process has none any more on a file that it
    // closes.
    let mut old = directory.file(name, Purpose::Read)?;
    // Of a name that nobody can have taken before.
    let copied = directory.again().and_then(|folder| Temporary::beside(folder, name, 0o600)).and_then(|new| {
        io::copy(&mut old, &mut new.file())?;
        new.file().sync_all()?;
        new.keep(|folder, temporary| folder.rename(temporary, directory, name))
    });
    drop(database);
    drop(old);
    copied.map(|()| true)
}
