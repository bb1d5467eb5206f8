//! Runs of data that are closed to other users.

use std::path::Path;

use super::open::{hold, in_words};
#[cfg(unix)]
use crate::permissions::is_own;
use crate::permissions::{create_for_this_user_alone, is_own_number};
use crate::tracking::TrackingError;

/// Closes a run folder to other users before rows of such data are written to it; see `create_for_this_user_alone`, too.
///
/// # Errors
/// [`TrackingError::OthersFolder`] for one that another user can open again.
pub fn close(folder: &Path) -> Result<(), TrackingError> {
    create_for_this_user_alone();
    // By its handle: somebody may put a link in its place meanwhile.
    let held = hold(folder.to_owned())?;
    if !is_own_number(held.directory().owner()?) {
        return Err(TrackingError::OthersFolder { path: folder.to_owned() });
    }
    Ok(held.directory().close().map_err(|error| in_words("close", folder, &error))?)
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
