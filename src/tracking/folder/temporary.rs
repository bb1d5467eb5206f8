//! Folders for copies of a run's or a store's files.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

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

/// Something that is opened by its path as often as wanted. Where the system has paths of open files, it has no other name, so that
/// nothing is left of it however this process ends; else it is removed when dropped.
#[derive(Debug)]
pub struct Kept {
    path: PathBuf,
    _file: File,
    _folder: Option<TempDir>,
}

impl Kept {
    /// Keeps what `write` writes; `name` is that of the file where it has one.
    ///
    /// # Errors
    /// A temporary folder that cannot be written; the error of `write`.
    pub fn new(name: &str, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<Self> {
        let folder = private_folder()?;
        let path = folder.path().join(name);
        let mut file = File::options().read(true).write(true).create_new(true).open(&path)?;
        let (path, folder) = match path_of_open(&file) {
            Some(open) => {
                // Before what may take long.
                drop(folder);
                (open, None)
            }
            None => (path, Some(folder)),
        };
        write(&mut file)?;
        Ok(Self { path, _file: file, _folder: folder })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The path of an open file that leads to it even when it has no name any more.
fn path_of_open(file: &File) -> Option<PathBuf> {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        File::open(&path).is_ok().then_some(path)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        None
    }
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

    #[test]
    fn what_is_kept_is_read_again_and_again() {
        use std::io::Write;
        let kept = Kept::new("a.csv", |file| file.write_all(b"x")).unwrap();
        for _ in 0..2 {
            assert_eq!(std::fs::read(kept.path()).unwrap(), b"x");
        }
        assert!(Kept::new("a.csv", |_| Err(io::ErrorKind::Other.into())).is_err());
        if cfg!(target_os = "linux") {
            let name = std::fs::read_link(kept.path()).unwrap();
            assert!(!name.exists() && name.display().to_string().ends_with("/a.csv (deleted)"), "{}", name.display());
        }
    }
}
