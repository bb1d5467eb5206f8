//! Whose a file on this machine is, and who may read it.

use std::fs::Metadata;
use std::path::Path;

/// Whether a file is this user's.
#[cfg(unix)]
pub fn is_own(file: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
pub fn is_own(_: &Metadata) -> bool {
    true
}

/// Whether everybody may read a file, or enter a folder: by its own permissions, and by those of the folders above it.
///
/// Groups do not count: the one that may read the data need not be that of a folder that is made later.
#[cfg(unix)]
pub fn is_public(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    const READ: u32 = 0o004;
    const ENTER: u32 = 0o001;
    let has = |path: &Path, bits: u32| path.metadata().is_ok_and(|data| data.mode() & bits == bits);
    let Ok(path) = path.canonicalize() else { return false };
    let own = if path.is_dir() { READ | ENTER } else { READ };
    has(&path, own) && path.ancestors().skip(1).all(|folder| has(folder, ENTER))
}

#[cfg(not(unix))]
pub fn is_public(_: &Path) -> bool {
    true
}

/// Whether anybody but its owner, root aside, may read or change a file: another user, or one of its group.
#[cfg(unix)]
pub fn is_shared(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let has = |path: &Path, bits: u32| path.metadata().is_ok_and(|data| data.mode() & bits != 0);
    let Ok(path) = path.canonicalize() else { return true };
    has(&path, 0o066) && path.ancestors().skip(1).all(|folder| has(folder, 0o011))
}

#[cfg(not(unix))]
pub fn is_shared(_: &Path) -> bool {
    false
}

/// Whether everybody may read a file that is in a folder that everybody may enter.
#[cfg(unix)]
pub fn is_readable(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    path.metadata().is_ok_and(|data| data.mode() & 0o004 != 0)
}

#[cfg(not(unix))]
pub fn is_readable(_: &Path) -> bool {
    true
}
