//! Runs of data that are closed to other users.

use std::path::Path;

use crate::permissions::{create_for_this_user_alone, is_own};
use crate::tracking::TrackingError;

/// Closes a run folder to other users before rows of such data are written to it; see `create_for_this_user_alone`, too.
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
