//! Reaching files below a folder by its handle, so that no link leads out of it, whoever made the folder and whatever
//! happens to its path meanwhile.

mod temporary;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Read,
    /// At the place that the file was written up to.
    Write,
    /// Created if absent.
    Append,
    /// Created if absent; its content is of no interest.
    Lock,
    /// As by [`Directory::create`]: it must not exist.
    Create,
    /// What is no file, to write to: a device, or a pipe, whose reader is waited for.
    Device,
}

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
    /// A link, a pipe, a socket or a device.
    Other,
}

/// One name in a folder.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: String,
    pub kind: Kind,
    /// Size in bytes.
    pub bytes: u64,
    /// The number of the user whose it is; 0 where there are no such numbers.
    pub owner: u32,
    /// The number of its group; 0 where there are no such numbers.
    pub group: u32,
    /// Its permissions, as bits; none where there are no such bits.
    pub mode: u32,
    pub is_pipe: bool,
    pub is_link: bool,
}

/// What a path leads to.
#[derive(Debug)]
pub enum Found {
    /// A name in a folder, whether there is anything under it or not.
    Name(Directory, OsString),
    /// An open file that has no name of its own: what `/dev/stdout` and `/dev/fd/3` are when they lead to a pipe.
    Open(File),
}

/// Why a path is not followed.
#[derive(Debug)]
pub enum Unresolved {
    Io(io::Error),
    /// The link that another user has left where he could.
    LinkOfAnother(PathBuf),
}

impl<E: Into<io::Error>> From<E> for Unresolved {
    fn from(error: E) -> Self {
        Self::Io(error.into())
    }
}

impl Unresolved {
    /// The same, in words.
    pub fn into_io(self) -> io::Error {
        match self {
            Self::Io(error) => error,
            Self::LinkOfAnother(link) => {
                io::Error::other(format!("{} is a link that another user has left", link.display()))
            }
        }
    }
}

#[cfg(not(unix))]
pub use by_path::Directory;
#[cfg(unix)]
pub use handle::Directory;
pub use temporary::Temporary;

#[cfg(unix)]
mod handle {
    use std::ffi::{CStr, CString, OsString};
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStringExt;
    use std::path::{Component, Path, PathBuf};

    use rustix::fs::{
        AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, fsync, linkat, mkdirat, openat, readlinkat, renameat,
        statat, unlinkat,
    };
    use rustix::io::Errno;

    use super::{Entry, File, Found, Kind, Purpose, Unresolved, io};
    use crate::permissions::{is_own_number, may_others_write, mode_of_new};

    /// A folder, open.
    #[derive(Debug)]
    pub struct Directory(OwnedFd);

    const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);
    /// A folder that need not be read to reach what is in it.
    #[cfg(target_os = "linux")]
    const REACHED: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);
    #[cfg(not(target_os = "linux"))]
    const REACHED: OFlags = FOLDER;
    /// Links that a path may lead through.
    const MOST_LINKS: usize = 40;
    /// Nothing to wait for: without `NONBLOCK`, opening a pipe waits for its other end.
    const FILE: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

    impl Directory {
        /// Opens a folder; the last part of its path is no link, nor is the folder of all runs that it is in.
        pub fn open(path: &Path) -> io::Result<Self> {
            let (of_all, name) = (path.parent(), path.file_name());
            if let (Some(of_all), Some(name)) = (of_all, name)
                && of_all.file_name().is_some_and(|of_all| of_all == "runs" || of_all == "trash")
            {
                let of_all = openat(CWD, of_all, FOLDER, Mode::empty())?;
                return Ok(Self(openat(of_all, name, FOLDER, Mode::empty())?));
            }
            Ok(Self(openat(CWD, path, FOLDER, Mode::empty())?))
        }

        /// The folder that the last name of a path is in, and that name. Links are followed, the last name too if it
        /// `follows`, and none that another user has left where he could: as the last name, or in a folder that not only
        /// its owner may write. Each is looked at and followed once, by the handle of the folder that it is in.
        ///
        /// # Errors
        /// A folder that is not there or may not be entered; a path without a last name.
        pub fn resolve(path: &Path, follows: bool) -> Result<Found, Unresolved> {
            let mut folder = openat(CWD, ".", REACHED, Mode::empty())?;
            let mut todo = steps(path);
            let (mut walked, mut num_links) = (PathBuf::new(), 0);
            while let Some(step) = todo.pop() {
                walked.push(&step);
                let is_last = todo.is_empty();
                if step == "/" || step == ".." {
                    folder = openat(&folder, step.as_os_str(), REACHED, Mode::empty())?;
                    continue;
                }
                let found = match statat(&folder, step.as_os_str(), AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(found) => found,
                    Err(Errno::NOENT) if is_last => return Ok(Found::Name(Self(folder), step)),
                    Err(error) => return Err(error.into()),
                };
                match FileType::from_raw_mode(found.st_mode) {
                    FileType::Symlink if is_last && !follows => return Ok(Found::Name(Self(folder), step)),
                    FileType::Symlink => {
                        let stat = fstat(&folder)?;
                        let is_foreign = !is_own_number(found.st_uid) && found.st_uid != 0;
                        if is_foreign && (is_last || may_others_write(stat.st_mode)) {
                            return Err(Unresolved::LinkOfAnother(walked));
                        }
                        num_links += 1;
                        if num_links > MOST_LINKS {
                            return Err(Errno::LOOP.into());
                        }
                        if is_last && is_of_processes(&folder) {
                            let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
                            return Ok(Found::Open(openat(&folder, step.as_os_str(), flags, Mode::empty())?.into()));
                        }
                        let to = readlinkat(&folder, step.as_os_str(), Vec::new())?;
                        walked.pop();
                        todo.extend(steps(Path::new(&OsString::from_vec(to.into_bytes()))));
                    }
                    _ if is_last => return Ok(Found::Name(Self(folder), step)),
                    _ => folder = openat(&folder, step.as_os_str(), REACHED, Mode::empty())?,
                }
            }
            // `/` and `..`, which are folders.
            Ok(Found::Name(Self(folder), ".".into()))
        }

        /// The number of its owner.
        pub fn owner(&self) -> io::Result<u32> {
            Ok(fstat(&self.0)?.st_uid)
        }

        /// When it was last changed, or moved, in seconds since 1970: the later of both.
        pub fn last_changed(&self) -> io::Result<u64> {
            let stat = fstat(&self.0)?;
            Ok(u64::try_from(stat.st_mtime.max(stat.st_ctime)).unwrap_or(0))
        }

        /// When something in it was last made or removed, in seconds since 1970.
        pub fn modified(&self) -> io::Result<u64> {
            Ok(u64::try_from(fstat(&self.0)?.st_mtime).unwrap_or(0))
        }

        /// Closes it to other users, whatever it has inherited.
        ///
        /// # Errors
        /// A folder of another user.
        pub fn close(&self) -> io::Result<()> {
            Ok(rustix::fs::fchmod(&self.0, Mode::RWXU)?)
        }

        /// This folder, with a handle of its own.
        pub fn again(&self) -> io::Result<Self> {
            Ok(Self(self.0.try_clone()?))
        }

        /// Whether it is the folder at a path.
        pub fn is_at(&self, path: &Path) -> bool {
            let own = fstat(&self.0).map(number);
            statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| own == Ok(number(stat)))
        }

        /// Whether it is what stands under a name in `parent`.
        pub fn is_in(&self, parent: &Self, name: &str) -> bool {
            let own = fstat(&self.0).map(number);
            statat(&parent.0, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| own == Ok(number(stat)))
        }

        /// Waits until the names in it are on the disk.
        pub fn sync(&self) -> io::Result<()> {
            Ok(fsync(&self.0)?)
        }

        /// A folder in this one.
        pub fn below(&self, name: &str) -> io::Result<Self> {
            Ok(Self(openat(&self.0, name, FOLDER, Mode::empty())?))
        }

        /// A file in this folder, which is no link; what else it may be shows the metadata.
        pub fn file(&self, name: impl AsRef<Path>, purpose: Purpose) -> io::Result<File> {
            let flags = match purpose {
                Purpose::Read => OFlags::RDONLY,
                Purpose::Write => OFlags::WRONLY,
                Purpose::Append => OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE,
                Purpose::Lock => OFlags::RDWR | OFlags::CREATE,
                Purpose::Create => return self.create(name, 0o666),
                Purpose::Device => OFlags::WRONLY,
            };
            let flags = if purpose == Purpose::Device { FILE.difference(OFlags::NONBLOCK) } else { FILE } | flags;
            Ok(openat(&self.0, name.as_ref(), flags, Mode::from_raw_mode(mode_of_new(0o666)))?.into())
        }

        /// A new file, to be read and written, of this mode as far as the process's mask allows. There must be nothing under its
        /// name.
        pub fn create(&self, name: impl AsRef<Path>, mode: u32) -> io::Result<File> {
            let flags = FILE | OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
            Ok(openat(&self.0, name.as_ref(), flags, Mode::from_raw_mode(mode_of_new(mode)))?.into())
        }

        /// A new file that has no name, so that nothing is left of it however the process ends; `None` where the system has
        /// none. [`Directory::link`] gives it one.
        pub fn unnamed(&self, mode: u32) -> Option<File> {
            #[cfg(target_os = "linux")]
            {
                if !Path::new("/proc/self/fd").exists() {
                    return None;
                }
                let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
                openat(&self.0, ".", flags, Mode::from_raw_mode(mode_of_new(mode))).ok().map(File::from)
            }
            #[cfg(not(target_os = "linux"))]
            {
                let _ = mode;
                None
            }
        }

        /// Gives a file of [`Directory::unnamed`] a name that nothing has yet.
        pub fn link(&self, file: &File, name: impl AsRef<Path>) -> io::Result<()> {
            let file = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
            Ok(linkat(CWD, file, &self.0, name.as_ref(), AtFlags::SYMLINK_FOLLOW)?)
        }

        /// Gives a file of this user's own another mode, and nothing that a link leads to.
        ///
        /// # Errors
        /// What is no file of this user's own.
        pub fn set_mode(&self, name: impl AsRef<Path>, mode: u32) -> io::Result<()> {
            let is_own_file = |stat: &Stat| {
                FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && is_own_number(stat.st_uid)
            };
            #[cfg(target_os = "linux")]
            {
                // Not open for reading: closing that would end SQLite's locks on it.
                let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = openat(&self.0, name.as_ref(), flags, Mode::empty())?;
                if !is_own_file(&fstat(&file)?) {
                    return Err(io::ErrorKind::PermissionDenied.into());
                }
                let file = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
                Ok(rustix::fs::chmod(file, Mode::from_raw_mode(mode))?)
            }
            #[cfg(not(target_os = "linux"))]
            {
                if !is_own_file(&statat(&self.0, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW)?) {
                    return Err(io::ErrorKind::PermissionDenied.into());
                }
                let mode = Mode::from_raw_mode(mode as rustix::fs::RawMode);
                Ok(rustix::fs::chmodat(&self.0, name.as_ref(), mode, AtFlags::SYMLINK_NOFOLLOW)?)
            }
        }

        /// What stands under a name, without following it; `None` for nothing.
        pub fn entry(&self, name: impl AsRef<Path>) -> io::Result<Option<Entry>> {
            let name = name.as_ref();
            match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => Ok(Some(entry(&name.to_string_lossy(), &stat))),
                Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
                Err(error) => Err(error.into()),
            }
        }

        /// The entries that are hidden, or all others, without those whose names are not UTF-8 or that vanish meanwhile;
        /// `most` of them.
        pub fn entries(&self, hidden: bool, most: usize) -> io::Result<Vec<Entry>> {
            let mut entries = Vec::new();
            for found in Dir::read_from(&self.0)? {
                if entries.len() == most {
                    break;
                }
                let found = found?;
                let Ok(name) = found.file_name().to_str() else { continue };
                if !matches!(name, "." | "..") && name.starts_with('.') == hidden {
                    entries.extend(self.entry(name)?);
                }
            }
            Ok(entries)
        }

        /// Makes a folder in this one, unless there is one.
        pub fn make_folder(&self, name: &str) -> io::Result<()> {
            match mkdirat(&self.0, name, Mode::from_raw_mode(mode_of_new(0o777))) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }

        /// Moves a file of this folder to `name` in `to`, over what is there.
        pub fn rename(&self, from: impl AsRef<Path>, to: &Self, name: impl AsRef<Path>) -> io::Result<()> {
            Ok(renameat(&self.0, from.as_ref(), &to.0, name.as_ref())?)
        }

        /// Moves a file or folder of this folder to another name in it, under which there must be nothing.
        pub fn rename_new(&self, from: impl AsRef<Path>, name: impl AsRef<Path>) -> io::Result<()> {
            let (from, name) = (from.as_ref(), name.as_ref());
            #[cfg(target_os = "linux")]
            {
                use rustix::fs::{RenameFlags, renameat_with};
                match renameat_with(&self.0, from, &self.0, name, RenameFlags::NOREPLACE) {
                    Err(Errno::INVAL | Errno::NOSYS) => {} // a file system without it
                    renamed => return Ok(renamed?),
                }
            }
            match linkat(&self.0, from, &self.0, name, AtFlags::empty()) {
                Ok(()) => self.remove(from),
                Err(Errno::EXIST) => Err(Errno::EXIST.into()),
                // A folder, or a file system without a second name of a file.
                Err(_) if self.entry(name)?.is_none() => self.rename(from, self, name),
                Err(_) => Err(Errno::EXIST.into()),
            }
        }

        /// Removes a name, not what it may point to.
        pub fn remove(&self, name: impl AsRef<Path>) -> io::Result<()> {
            Ok(unlinkat(&self.0, name.as_ref(), AtFlags::empty())?)
        }

        /// Removes all that is in it, not what links there may point to, and then the folder `name` of `parent` if that is
        /// empty, as this one is where nobody has exchanged it.
        pub fn empty_and_remove(&self, parent: &Self, name: &str) -> io::Result<()> {
            let mut deep = 0;
            loop {
                let before = deep;
                remove_content(&self.0, None, &mut deep)?;
                // What was moved up stands in this folder now.
                if deep == before {
                    break;
                }
            }
            Ok(unlinkat(&parent.0, name, AtFlags::REMOVEDIR)?)
        }

        /// Removes a name, and if it is a folder all that is in it, not what a link may point to.
        pub fn remove_tree(&self, name: &str) -> io::Result<()> {
            Ok(remove_tree(&self.0, &CString::new(name)?)?)
        }
    }

    /// Folders below this depth are moved up before they are emptied: each level is an open folder.
    const DEEPEST: usize = 100;

    fn remove_tree(parent: &OwnedFd, name: &CStr) -> Result<(), Errno> {
        let mut deep = 0;
        loop {
            let before = deep;
            match remove_level(parent, name, None, &mut deep) {
                // What was moved up stands in the tree's own folder now.
                Err(Errno::NOTEMPTY | Errno::EXIST) if deep > before => {}
                removed => return removed,
            }
        }
    }

    /// `above`: the tree's own folder, and how deep below it `parent` is. `deep` counts what was moved up.
    fn remove_level(
        parent: &OwnedFd,
        name: &CStr,
        above: Option<(&OwnedFd, usize)>,
        deep: &mut usize,
    ) -> Result<(), Errno> {
        let folder = match unlinkat(parent, name, AtFlags::empty()) {
            // Of a folder, Linux says the one and POSIX the other, which is said of a file that may not be removed, too.
            Err(error @ (Errno::ISDIR | Errno::PERM)) => match openat(parent, name, FOLDER, Mode::empty()) {
                Err(Errno::NOTDIR) => return Err(error),
                folder => folder?,
            },
            Err(Errno::NOENT) => return Ok(()),
            removed => return removed,
        };
        remove_content(&folder, above, deep)?;
        unlinkat(parent, name, AtFlags::REMOVEDIR)
    }

    /// Removes what is in a folder; `above` and `deep` as those of [`remove_level`].
    fn remove_content(folder: &OwnedFd, above: Option<(&OwnedFd, usize)>, deep: &mut usize) -> Result<(), Errno> {
        for found in Dir::read_from(folder)? {
            let found = found?;
            if matches!(found.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            match above {
                Some((root, depth))
                    if depth >= DEEPEST
                        && statat(folder, found.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory) =>
                {
                    loop {
                        *deep += 1;
                        let name = format!(".deep-{deep}-{}", std::process::id());
                        match renameat(folder, found.file_name(), root, name) {
                            // Left by a removal that failed midway.
                            Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                            renamed => break renamed?,
                        }
                    }
                }
                _ => {
                    let (root, depth) = above.unwrap_or((folder, 0));
                    remove_level(folder, found.file_name(), Some((root, depth + 1)), deep)?;
                }
            }
        }
        Ok(())
    }

    /// What tells a file or folder from all others, whatever they are called.
    #[allow(clippy::unnecessary_cast)] // it is an i32 on macOS
    fn number(stat: Stat) -> (u64, u64) {
        (stat.st_dev as u64, stat.st_ino)
    }

    /// The names of a path, the last one first.
    fn steps(path: &Path) -> Vec<OsString> {
        let names = path.components().rev().filter(|part| !matches!(part, Component::CurDir | Component::Prefix(_)));
        names.map(|part| part.as_os_str().to_owned()).collect()
    }

    /// Whether links in a folder lead to what a process has open, which the text of the link may not name.
    fn is_of_processes(folder: &OwnedFd) -> bool {
        #[cfg(target_os = "linux")]
        {
            const PROC: u64 = 0x9fa0;
            rustix::fs::fstatfs(folder).is_ok_and(|system| system.f_type as u64 == PROC)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = folder;
            false
        }
    }

    #[allow(clippy::useless_conversion)] // the mode is a u16 on macOS
    fn entry(name: &str, stat: &Stat) -> Entry {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            _ => Kind::Other,
        };
        Entry {
            name: name.to_owned(),
            kind,
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            owner: stat.st_uid,
            group: stat.st_gid,
            mode: u32::from(stat.st_mode) & 0o7777,
            is_pipe: FileType::from_raw_mode(stat.st_mode) == FileType::Fifo,
            is_link: FileType::from_raw_mode(stat.st_mode) == FileType::Symlink,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// Deeper than a process may have files open.
        #[test]
        fn a_tree_is_removed_however_deep_it_is() {
            let folder = tempfile::tempdir().unwrap();
            let mut parent = Directory::open(folder.path()).unwrap();
            for _ in 0..5000 {
                parent.make_folder("a").unwrap();
                parent = parent.below("a").unwrap();
            }
            drop(parent.file("last", Purpose::Create).unwrap());
            let top = Directory::open(folder.path()).unwrap();
            top.remove_tree("a").unwrap();
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
            // By the handle of the folder itself, with what a removal has left that failed midway.
            top.make_folder("b").unwrap();
            let held = top.below("b").unwrap();
            held.make_folder(&format!(".deep-1-{}", std::process::id())).unwrap();
            let mut parent = held.below(&format!(".deep-1-{}", std::process::id())).unwrap();
            for _ in 0..1000 {
                parent.make_folder("a").unwrap();
                parent = parent.below("a").unwrap();
            }
            held.empty_and_remove(&top, "b").unwrap();
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}

/// Where the standard library gives no handle of a folder: by path, each part looked at before it is used.
#[cfg(not(unix))]
mod by_path {
    use std::fs::{self, Metadata, OpenOptions};
    use std::path::{Path, PathBuf};
    use std::time::SystemTime;

    use super::{Entry, File, Found, Kind, Purpose, Unresolved, io};

    /// A folder.
    #[derive(Debug)]
    pub struct Directory(PathBuf);

    impl Directory {
        pub fn open(path: &Path) -> io::Result<Self> {
            match fs::symlink_metadata(path)?.is_dir() {
                true => Ok(Self(path.to_owned())),
                false => Err(io::ErrorKind::NotADirectory.into()),
            }
        }

        pub fn resolve(path: &Path, follows: bool) -> Result<Found, Unresolved> {
            let path =
                if follows { fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() };
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let folder = Self(fs::canonicalize(folder)?);
            Ok(Found::Name(folder, path.file_name().unwrap_or(".".as_ref()).to_owned()))
        }

        pub fn owner(&self) -> io::Result<u32> {
            Ok(0)
        }

        pub fn last_changed(&self) -> io::Result<u64> {
            self.modified()
        }

        pub fn modified(&self) -> io::Result<u64> {
            let since = fs::metadata(&self.0)?.modified()?.duration_since(SystemTime::UNIX_EPOCH);
            Ok(since.map_or(0, |since| since.as_secs()))
        }

        pub fn close(&self) -> io::Result<()> {
            Ok(())
        }

        pub fn again(&self) -> io::Result<Self> {
            Ok(Self(self.0.clone()))
        }

        pub fn is_at(&self, _: &Path) -> bool {
            true
        }

        pub fn is_in(&self, _: &Self, _: &str) -> bool {
            true
        }

        /// Folders cannot be opened.
        pub fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        pub fn below(&self, name: &str) -> io::Result<Self> {
            Self::open(&self.0.join(name))
        }

        pub fn file(&self, name: impl AsRef<Path>, purpose: Purpose) -> io::Result<File> {
            let name = name.as_ref();
            if self.entry(name)?.is_some_and(|entry| entry.kind == Kind::Other) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let mut options = OpenOptions::new();
            match purpose {
                Purpose::Read => options.read(true),
                Purpose::Write => options.write(true),
                Purpose::Append => options.append(true).create(true),
                Purpose::Lock => options.read(true).write(true).create(true).truncate(false),
                Purpose::Create => return self.create(name, 0o666),
                Purpose::Device => options.write(true),
            };
            options.open(self.0.join(name))
        }

        pub fn create(&self, name: impl AsRef<Path>, _: u32) -> io::Result<File> {
            OpenOptions::new().read(true).write(true).create_new(true).open(self.0.join(name))
        }

        pub fn unnamed(&self, _: u32) -> Option<File> {
            None
        }

        pub fn link(&self, _: &File, _: impl AsRef<Path>) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub fn set_mode(&self, _: impl AsRef<Path>, _: u32) -> io::Result<()> {
            Ok(())
        }

        pub fn entry(&self, name: impl AsRef<Path>) -> io::Result<Option<Entry>> {
            let name = name.as_ref();
            match fs::symlink_metadata(self.0.join(name)) {
                Ok(data) => Ok(Some(entry(&name.to_string_lossy(), &data))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        }

        pub fn entries(&self, hidden: bool, most: usize) -> io::Result<Vec<Entry>> {
            let mut entries = Vec::new();
            for found in fs::read_dir(&self.0)? {
                if entries.len() == most {
                    break;
                }
                if let Ok(name) = found?.file_name().into_string()
                    && name.starts_with('.') == hidden
                {
                    entries.extend(self.entry(&name)?);
                }
            }
            Ok(entries)
        }

        pub fn make_folder(&self, name: &str) -> io::Result<()> {
            match fs::create_dir(self.0.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => Ok(()),
            }
        }

        pub fn rename(&self, from: impl AsRef<Path>, to: &Self, name: impl AsRef<Path>) -> io::Result<()> {
            fs::rename(self.0.join(from), to.0.join(name))
        }

        pub fn rename_new(&self, from: impl AsRef<Path>, name: impl AsRef<Path>) -> io::Result<()> {
            match self.entry(&name)? {
                Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
                None => self.rename(from, self, name),
            }
        }

        pub fn remove(&self, name: impl AsRef<Path>) -> io::Result<()> {
            fs::remove_file(self.0.join(name))
        }

        pub fn empty_and_remove(&self, parent: &Self, name: &str) -> io::Result<()> {
            parent.remove_tree(name)
        }

        pub fn remove_tree(&self, name: &str) -> io::Result<()> {
            let path = self.0.join(name);
            if fs::symlink_metadata(&path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
        }
    }

    fn entry(name: &str, data: &Metadata) -> Entry {
        let kind = match data {
            data if data.is_file() => Kind::File,
            data if data.is_dir() => Kind::Folder,
            _ => Kind::Other,
        };
        Entry {
            name: name.to_owned(),
            kind,
            bytes: data.len(),
            owner: 0,
            group: 0,
            mode: 0,
            is_pipe: false,
            is_link: data.is_symlink(),
        }
    }
}
