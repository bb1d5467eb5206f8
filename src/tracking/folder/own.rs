//! What burnlab keeps beside the run folders is its own: an artifacts folder that somebody sent could hold a link to
//! another one in its place, or a pipe that keeps its reader for ever.

use std::io;
use std::path::Path;

use super::open::in_words;
use crate::tracking::TrackingError;

/// Whether there is a folder at `path`, itself and no link to one.
///
/// # Errors
/// [`TrackingError::NotOwn`] for a link or anything else; a path that cannot be looked at.
pub(crate) fn own_folder(path: &Path) -> Result<bool, TrackingError> {
    own(path, "folder", std::fs::Metadata::is_dir)
}

/// As [`own_folder`], for a file.
///
/// # Errors
/// As [`own_folder`].
pub(crate) fn own_file(path: &Path) -> Result<bool, TrackingError> {
    own(path, "file", std::fs::Metadata::is_file)
}

/// Whether there is anything at `path`.
///
/// # Errors
/// A path that cannot be looked at, which says nothing of what is there: on a disk that fails a run is not gone.
pub(crate) fn is_there(path: &Path) -> Result<bool, TrackingError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(in_words("look at", path, &error).into()),
    }
}

fn own(path: &Path, kind: &'static str, is_kind: impl Fn(&std::fs::Metadata) -> bool) -> Result<bool, TrackingError> {
    match std::fs::symlink_metadata(path) {
        Ok(data) if is_kind(&data) => Ok(true),
        Ok(_) => Err(TrackingError::NotOwn { path: path.to_owned(), kind }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(in_words("look at", path, &error).into()),
    }
}
