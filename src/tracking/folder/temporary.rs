//! Folders for copies of a run's or a store's files.

use std::io;
use std::path::Path;

use tempfile::TempDir;

/// A new folder in the system's temporary one, removed when dropped, that no other user may enter: what is copied into it
/// may come from a folder that is closed to them.
///
/// # Errors
/// A temporary folder that cannot be written.
pub fn private_folder() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("burnlab-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o700));
    }
    builder.tempdir()
}

/// Bytes that are free on the disk of a folder; without a limit where the system does not say.
///
/// # Errors
/// A folder that cannot be looked at.
pub fn free_space(folder: &Path) -> io::Result<u64> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(folder)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        folder.metadata()?;
        Ok(u64::MAX)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn no_other_user_may_enter() {
        let folder = private_folder().unwrap();
        assert_eq!(folder.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
}
