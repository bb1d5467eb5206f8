//! Whose a file on this machine is, and who may read it.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

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

/// Gives a new file the rights of the one whose place it takes, as far as this process gives others any: in a shared folder, those who
/// could read or write the old one can read or write the new one.
///
/// # Errors
/// What the system reports.
pub fn give_rights(file: &File, mode: u32, group: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, fchown};
        // Of a group that this user may not give it to, nobody else is given what was that one's.
        let is_of_group = fchown(file, None, Some(group)).is_ok();
        let mode = mode_of_new(mode & if is_of_group { 0o666 } else { 0o606 });
        file.set_permissions(std::fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let _ = (file, mode, group);
        Ok(())
    }
}

/// Of a file or folder that may not be reached, whose it is, or that of the nearest folder above it that can be looked at; `None`
/// where that is this user.
pub fn kept_by_another(path: &Path) -> Option<String> {
    let data = path.ancestors().find_map(|path| path.symlink_metadata().ok())?;
    (!is_own(&data)).then(|| user_name(owner(&data)))
}

/// Whether a file's own mode lets others than the owner read it.
pub fn may_others_read_by_mode(file: &Metadata) -> bool {
    #[cfg(unix)]
    {
        std::os::unix::fs::MetadataExt::mode(file) & 0o044 != 0
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

/// Whether processes of other users have locks on some of these files, and none of this user. Where the system does not tell whose
/// a lock is, it counts as this user's.
pub fn are_locked_by_others_alone(files: impl IntoIterator<Item = PathBuf>) -> bool {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt;
        let files: Vec<u64> = files.into_iter().filter_map(|file| Some(file.symlink_metadata().ok()?.ino())).collect();
        let Ok(locks) = std::fs::read_to_string("/proc/locks") else { return false };
        // `1: POSIX  ADVISORY  READ 1234 08:01:5678 0 EOF`, and `->` before the type of one that is waited for: proc_locks(5).
        let holders = locks.lines().filter_map(|line| {
            let mut words = line.split_whitespace().filter(|word| *word != "->").skip(4);
            let (process, file) = (words.next()?, words.next()?);
            let inode: u64 = file.rsplit(':').next()?.parse().ok()?;
            files.contains(&inode).then_some(process)
        });
        let holders: Vec<&str> = holders.collect();
        let is_of_another =
            |process: &&str| std::fs::metadata(format!("/proc/{process}")).is_ok_and(|data| !is_own(&data));
        !holders.is_empty() && holders.iter().all(is_of_another)
    }
    #[cfg(not(target_os = "linux"))]
    {
        files.into_iter().for_each(drop);
        false
    }
}

/// The folder that a file is in: the current one for a name alone.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a mode lets others than the owner write.
pub fn may_others_write(mode: u32) -> bool {
    mode & 0o022 != 0
}

/// The name of the other user, not root, whose a file is, or a folder below the current one on the way to it, that stands in a folder
/// where not only its owner may write.
pub fn left_by_another(file: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let named = file.ancestors().filter(|path| !path.as_os_str().is_empty());
        let way = named.take_while(|path| *path == file || path.is_relative());
        let is_left = |path: &Path| -> Option<String> {
            let data = path.symlink_metadata().ok()?;
            let is_left =
                !is_own(&data) && data.uid() != 0 && may_others_write(folder_of(path).metadata().ok()?.mode());
            is_left.then(|| user_name(data.uid()))
        };
        way.into_iter().find_map(is_left)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        None
    }
}

/// As [`left_by_another`], of the open file whose metadata these are: by the time that its name is asked, another file may have it, or
/// none.
pub fn is_of_another(opened: &Metadata, file: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // A folder that cannot be looked at any more is no better than one of everybody.
        let is_left = !is_own(opened)
            && opened.uid() != 0
            && folder_of(file).metadata().map_or(true, |folder| may_others_write(folder.mode()));
        is_left.then(|| user_name(opened.uid())).or_else(|| left_by_another(file))
    }
    #[cfg(not(unix))]
    {
        let _ = (opened, file);
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
/// By the process's mask, so that nothing is missed; and by [`mode_of_new`], since in a folder with a default ACL the mask does not
/// count (acl(5)).
pub fn create_for_this_user_alone() {
    FOR_THIS_USER_ALONE.store(true, Ordering::Relaxed);
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Whether [`create_for_this_user_alone`] was called.
pub fn creates_for_this_user_alone() -> bool {
    FOR_THIS_USER_ALONE.load(Ordering::Relaxed)
}

/// The mode to make a file or folder with that is to have `mode` before the process's mask: without what is for others after
/// [`create_for_this_user_alone`]. An ACL that is inherited grants no more than the mode with which a file is made.
pub fn mode_of_new(mode: u32) -> u32 {
    if creates_for_this_user_alone() { mode & 0o700 } else { mode }
}

/// What makes folders, of [`mode_of_new`].
pub fn folder_builder() -> DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode_of_new(0o777));
    builder
}

#[cfg(unix)]
const READ: u32 = 0o4;
#[cfg(unix)]
const ENTER: u32 = 0o1;

/// Whether everybody may read a file, or enter a folder: by its own permissions, and by those of the folders above it.
///
/// Groups do not count, the one that may read the data need not be that of a folder that is made later, but for those to which
/// the mode or an ACL denies it.
#[cfg(unix)]
pub fn is_public(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    let own = if path.is_dir() { READ | ENTER } else { READ };
    may_all(&path, own) && path.ancestors().skip(1).all(|folder| may_all(folder, ENTER))
}

/// Whether all users have these rights to a file or folder: those of its group, too, of whom only the group's are asked.
#[cfg(unix)]
fn may_all(path: &Path, rights: u32) -> bool {
    use std::os::unix::fs::MetadataExt;
    let rights_of_all = rights | rights << 3;
    let has_all = path.metadata().is_ok_and(|data| data.mode() & rights_of_all == rights_of_all);
    has_all && acl::denies_nobody(path, rights)
}

/// What was opened and is not for everybody, by the absolute paths under which it was opened.
static OPENED_CLOSED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// As many are remembered by name; there may be an image for each row.
const MAX_NAMED: usize = 10_000;

/// Opens a file, and [notes](note_opened) whether everybody may read it.
///
/// # Errors
/// As [`File::open`].
pub fn open_noted(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    note_opened(path, &file);
    Ok(file)
}

/// Notes whether everybody may read a file that was opened under `path`: by the time that [`was_opened_closed`] is asked, a link of
/// somebody else's on the way may lead to another one.
pub fn note_opened(path: &Path, file: &File) {
    #[cfg(unix)]
    {
        use std::os::fd::AsRawFd;
        use std::os::unix::fs::MetadataExt;
        let by_handle = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let is_open = match std::fs::read_link(&by_handle) {
            // What it is now called may be another file; its mode and its list are asked of the handle.
            Ok(real) => may_all(&by_handle, READ) && real.ancestors().skip(1).all(|folder| may_all(folder, ENTER)),
            // No such names on this system.
            Err(_) => file.metadata().is_ok_and(|data| data.mode() & 0o044 == 0o044),
        };
        if !is_open {
            note_closed(path);
        }
    }
    #[cfg(not(unix))]
    let _ = (path, file);
}

/// Notes that what was opened under `path` is not for everybody.
pub fn note_closed(path: &Path) {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut noted = OPENED_CLOSED.lock().unwrap_or_else(PoisonError::into_inner);
    let path = match noted.len() < MAX_NAMED {
        true => path,
        // All beside it count as closed, too.
        false => path.parent().map(Path::to_owned).unwrap_or(path),
    };
    noted.insert(path);
}

/// Whether what this process has opened under `path`, or below it, is not for everybody.
pub fn was_opened_closed(path: &Path) -> bool {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let noted = OPENED_CLOSED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_below = noted.range(path.clone()..).next().is_some_and(|closed| closed.starts_with(&path));
    is_below || noted.len() >= MAX_NAMED && path.ancestors().any(|folder| noted.contains(folder))
}

/// Access control lists, which deny users and groups what all others may.
#[cfg(target_os = "linux")]
mod acl {
    use std::path::Path;

    use rustix::io::Errno;

    /// Bytes of the longest list that a file system keeps (XATTR_SIZE_MAX).
    const MOST_BYTES: usize = 1 << 16;

    /// Whether no entry of a file's list lacks `rights`; a list that cannot be read may have one.
    pub fn denies_nobody(path: &Path, rights: u32) -> bool {
        const NAME: &str = "system.posix_acl_access";
        // Most files have none, which takes no memory to find out.
        match rustix::fs::getxattr(path, NAME, &mut [0_u8; 0][..]) {
            Err(Errno::NODATA | Errno::NOTSUP | Errno::NOSYS) => return true,
            Err(_) => return false,
            Ok(_) => {}
        }
        let mut bytes = vec![0; MOST_BYTES];
        let read = rustix::fs::getxattr(path, NAME, &mut bytes[..]);
        read.is_ok_and(|len| entries(&bytes[..len]).is_some_and(|entries| allow_all(&entries, rights)))
    }

    /// What an entry is for, and its rights.
    type Entry = (u16, u32);
    const USER: u16 = 0x02;
    const GROUP_OF_FILE: u16 = 0x04;
    const GROUP: u16 = 0x08;
    const MASK: u16 = 0x10;

    /// The entries of a list as the attribute has it (`linux/posix_acl_xattr.h`): a version, and for each two numbers of 16 bits,
    /// and the user or group.
    pub(super) fn entries(bytes: &[u8]) -> Option<Vec<Entry>> {
        const VERSION: u32 = 2;
        let (version, entries) = bytes.split_first_chunk::<4>()?;
        let (entries, rest) = entries.as_chunks::<8>();
        let is_known = u32::from_le_bytes(*version) == VERSION && rest.is_empty();
        let number = |low: u8, high: u8| u16::from_le_bytes([low, high]);
        let entry = |entry: &[u8; 8]| (number(entry[0], entry[1]), u32::from(number(entry[2], entry[3])));
        is_known.then(|| entries.iter().map(entry).collect())
    }

    /// Whether all users and groups that are named, and the group of the file where there are any, have the rights that the mask
    /// leaves them.
    pub(super) fn allow_all(entries: &[Entry], rights: u32) -> bool {
        let mask = entries.iter().find(|(tag, _)| *tag == MASK).map_or(u32::MAX, |(_, rights)| *rights);
        let has_names = entries.iter().any(|(tag, _)| matches!(*tag, USER | GROUP));
        let mut limited = entries.iter().filter(|(tag, _)| matches!(*tag, USER | GROUP_OF_FILE | GROUP));
        !has_names || limited.all(|(_, own)| own & mask & rights == rights)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// As `setfacl -m u:1000:RIGHTS,m::MASK` makes it of a file of mode 0644.
        fn list(of_user: u16, mask: u16) -> Vec<u8> {
            let mut bytes = vec![2, 0, 0, 0];
            for (tag, rights, id) in [
                (0x01, 6, u32::MAX),
                (0x02, of_user, 1000),
                (0x04, 4, u32::MAX),
                (0x10, mask, u32::MAX),
                (0x20, 4, u32::MAX),
            ] {
                bytes.extend([u16::to_le_bytes(tag), u16::to_le_bytes(rights)].concat());
                bytes.extend(id.to_le_bytes());
            }
            bytes
        }

        #[test]
        fn a_user_or_a_mask_without_the_right_denies() {
            for (of_user, mask, expected) in [(4, 4, true), (6, 7, true), (0, 7, false), (2, 7, false), (6, 2, false)] {
                let entries = entries(&list(of_user, mask)).unwrap();
                assert_eq!(allow_all(&entries, 4), expected, "{of_user} {mask}");
            }
            assert_eq!(entries(&[]), None);
            assert_eq!(entries(&[1, 0, 0, 0]), None, "another version");
            assert_eq!(entries(&list(4, 4)[..22]), None, "half of an entry");
        }
    }
}

/// Elsewhere the standard tools know no such lists, or other ones.
#[cfg(all(unix, not(target_os = "linux")))]
mod acl {
    pub fn denies_nobody(_: &std::path::Path, _: u32) -> bool {
        true
    }
}

#[cfg(not(unix))]
pub fn is_public(_: &Path) -> bool {
    true
}

/// Whether a file's own mode lets others than the owner read or change it, where they may enter the folders above it.
pub fn may_others_read(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        path.metadata().is_ok_and(|data| data.mode() & 0o066 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Whether anybody but its owner, root aside, may read or change a file: another user, or one of its group.
#[cfg(unix)]
pub fn is_shared(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let has = |path: &Path, bits: u32| path.metadata().is_ok_and(|data| data.mode() & bits != 0);
    let Ok(path) = path.canonicalize() else { return true };
    may_others_read(&path) && path.ancestors().skip(1).all(|folder| has(folder, 0o011))
}

#[cfg(not(unix))]
pub fn is_shared(_: &Path) -> bool {
    false
}

/// Whether everybody may read a file that is in a folder that everybody may enter.
#[cfg(unix)]
pub fn is_readable(path: &Path) -> bool {
    may_all(path, READ)
}

#[cfg(not(unix))]
pub fn is_readable(_: &Path) -> bool {
    true
}
