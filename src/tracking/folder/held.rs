//! The folder of a run, held open while it trains: where others may write beside it, its path may lead to another one by then.

use std::io;
use std::path::{Path, PathBuf};

use crate::directory::{Directory, Kind};
use crate::tracking::TrackingError;

/// A run folder that is open: what is written to it goes to this one, whatever its path leads to.
#[derive(Debug)]
pub(crate) struct Held {
    path: PathBuf,
    directory: Directory,
}

impl Held {
    /// The folder `directory`, which was found at `path`.
    pub(super) fn new(path: PathBuf, directory: Directory) -> Self {
        Self { path, directory }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Another handle of the same folder.
    ///
    /// # Errors
    /// No more files can be opened.
    pub(crate) fn again(&self) -> io::Result<Self> {
        Ok(Self { path: self.path.clone(), directory: self.directory.again()? })
    }

    /// Whether there is a file of this name in it: others may have made anything else.
    pub(crate) fn has_file(&self, name: &str) -> bool {
        self.directory.entry(name).is_ok_and(|entry| entry.is_some_and(|entry| entry.kind == Kind::File))
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// That its path leads to it still: what others read there would be none of the run's.
    ///
    /// # Errors
    /// [`TrackingError::Exchanged`].
    pub(crate) fn check(&self) -> Result<(), TrackingError> {
        match self.directory.is_at(&self.path) {
            true => Ok(()),
            false => Err(TrackingError::Exchanged { path: self.path.clone() }),
        }
    }
}

/// Where files of a run are: the folder at a path, or one that is held.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub(super) path: &'a Path,
    held: Option<&'a Directory>,
}

impl Place<'_> {
    pub(super) fn directory(&self) -> io::Result<Directory> {
        match self.held {
            Some(directory) => directory.again(),
            None => Directory::open(self.path),
        }
    }
}

impl<'a> From<&'a Path> for Place<'a> {
    fn from(path: &'a Path) -> Self {
        Self { path, held: None }
    }
}

impl<'a> From<&'a PathBuf> for Place<'a> {
    fn from(path: &'a PathBuf) -> Self {
        path.as_path().into()
    }
}

impl<'a> From<&'a Held> for Place<'a> {
    fn from(held: &'a Held) -> Self {
        Self { path: &held.path, held: Some(&held.directory) }
    }
}
