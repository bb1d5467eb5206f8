//! Whose a file on this machine is, and who may read it.

use std::fs::Metadata;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a file is this user's.
pub fn is_own(file: &Metadata) -> bool {
    is_own_number(owner(file))
}

/// The number of the user whose a file is; 0 where there are no such numbers.
#[cfg(unix)]
pub fn owner(file: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::uid(file)
}

#[cfg(not(unix))]
pub fn owner(_: &Metadata) -> u32 {
    0
}

/// Whether a user's number is this one's.
pub fn is_own_number(owner: u32) -> bool {
    #[cfg(unix)]
    {
        owner == rustix::process::geteuid().as_raw()
    }
    #[cfg(not(unix))]
    {
        let _ = owner;
        true
    }
}

/// The name of a user, or `the user with number 1003` where the system's list has none.
pub fn user_name(owner: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == owner.to_string()).then(|| format!("`{name}`"))
    });
    name.unwrap_or_else(|| format!("the user with number {owner}"))
}

/// Whether a mode lets others than the owner write.
pub fn may_others_write(mode: u32) -> bool {
    mode & 0o022 != 0
}

/// The name of the other user, not root, whose a file is that stands in a folder where not only its owner may write.
pub fn left_by_another(file: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let data = file.symlink_metadata().ok()?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let is_left = !is_own(&data) && data.uid() != 0 && may_others_write(folder.metadata().ok()?.mode());
        is_left.then(|| user_name(data.uid()))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        None
    }
}

/// Whether this process may write a file, or in a folder.
pub fn is_writable(path: &Path) -> bool {
    #[cfg(unix)]
    {
        may(path, rustix::fs::Access::WRITE_OK)
    }
    #[cfg(not(unix))]
    {
        path.metadata().is_ok_and(|data| !data.permissions().readonly())
    }
}

/// Whether this process may read a file.
pub fn is_readable_here(path: &Path) -> bool {
    #[cfg(unix)]
    {
        may(path, rustix::fs::Access::READ_OK)
    }
    #[cfg(not(unix))]
    {
        path.exists()
    }
}

#[cfg(unix)]
fn may(path: &Path, access: rustix::fs::Access) -> bool {
    use rustix::fs::{AtFlags, CWD, accessat};
    accessat(CWD, path, access, AtFlags::EACCESS).is_ok()
}

static FOR_THIS_USER_ALONE: AtomicBool = AtomicBool::new(false);

/// From now on, what this process creates is for its user alone: files of a run as well as a store that is made for it.
///
/// By the process's mask, not by the mode of each file, so that nothing is missed.
pub fn create_for_this_user_alone() {
    FOR_THIS_USER_ALONE.store(true, Ordering::Relaxed);
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Whether [`create_for_this_user_alone`] was called.
pub fn creates_for_this_user_alone() -> bool {
    FOR_THIS_USER_ALONE.load(Ordering::Relaxed)
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
