//! Runs of data that are closed to other users.

use std::path::Path;

use crate::permissions::{is_own, is_shared};
use crate::sqlite_file::beside;
use crate::tracking::TrackingError;

/// From now on, what this process creates is for its user alone: files of a run as well as a store that is made for it.
///
/// By the process's mask, not by the mode of each file, so that nothing is missed, and so that a folder of another user that
/// was put in the place of the run's holds nothing that he can read.
pub fn create_for_this_user_alone() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Closes a run folder to other users before rows of such data are written to it; see [`create_for_this_user_alone`], too.
///
/// # Errors
/// [`TrackingError::OthersFolder`] for one that another user can open again.
pub fn close(folder: &Path) -> Result<(), TrackingError> {
    create_for_this_user_alone();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let data = fs_err::symlink_metadata(folder)?;
        if !is_own(&data) {
            return Err(TrackingError::OthersFolder { path: folder.to_owned() });
        }
        if data.permissions().mode() & 0o077 != 0 {
            fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
        }
    }
    Ok(())
}

/// Closes the store in `file` to other users, as [`close`] does a run folder: it has the names of columns and classes, and
/// notes about cells. Returns whether it was open to them.
///
/// # Errors
/// [`TrackingError::OthersFolder`] for one that belongs to another user.
pub fn close_store(file: &Path) -> Result<bool, TrackingError> {
    if !file.exists() || !is_shared(file) {
        return Ok(false);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if !is_own(&fs_err::symlink_metadata(file)?) {
            return Err(TrackingError::OthersFolder { path: file.to_owned() });
        }
        for file in beside(file).map(|(_, path)| path).filter(|path| path.exists()).chain([file.to_owned()]) {
            fs_err::set_permissions(file, std::fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(true)
}

/// Whether somebody else has put a link at `path`: one of root's or of this user's own may be followed.
pub fn is_link_of_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        std::fs::symlink_metadata(path).is_ok_and(|data| data.is_symlink() && data.uid() != 0 && !is_own(&data))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}
