//! Reaching files below a folder by its handle, so that no link leads out of it, whoever made the folder and whatever
//! happens to its path meanwhile.

use std::fs::File;
use std::io;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    /// At the place that the file was written up to.
    Write,
    /// Created if absent.
    Append,
    /// Created if absent; its content is of no interest.
    Lock,
    /// It must not exist.
    Create,
}

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A link, a pipe, a socket or a device.
    Other,
}

/// One name in a folder.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub name: String,
    pub kind: Kind,
    /// Size in bytes.
    pub bytes: u64,
}

#[cfg(not(unix))]
pub(super) use by_path::Directory;
#[cfg(unix)]
pub(super) use handle::Directory;

#[cfg(unix)]
mod handle {
    use std::ffi::{CStr, CString};
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use rustix::fs::{
        AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, fsync, mkdirat, openat, renameat, statat, unlinkat,
    };
    use rustix::io::Errno;

    use super::{Entry, File, Kind, Purpose, io};

    /// A folder, open.
    #[derive(Debug)]
    pub struct Directory(OwnedFd);

    const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);
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

        /// This folder, with a handle of its own.
        pub fn again(&self) -> io::Result<Self> {
            Ok(Self(self.0.try_clone()?))
        }

        /// Whether it is the folder at a path.
        pub fn is_at(&self, path: &Path) -> bool {
            let number = |stat: Stat| (stat.st_dev, stat.st_ino);
            let own = fstat(&self.0).map(number);
            statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| own == Ok(number(stat)))
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
        pub fn file(&self, name: &str, purpose: Purpose) -> io::Result<File> {
            let flags = match purpose {
                Purpose::Read => OFlags::RDONLY,
                Purpose::Write => OFlags::WRONLY,
                Purpose::Append => OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE,
                Purpose::Lock => OFlags::RDWR | OFlags::CREATE,
                Purpose::Create => OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL,
            };
            Ok(openat(&self.0, name, FILE | flags, Mode::from_raw_mode(0o666))?.into())
        }

        /// What stands under a name, without following it; `None` for nothing.
        pub fn entry(&self, name: &str) -> io::Result<Option<Entry>> {
            match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => Ok(Some(entry(name, &stat))),
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
            match mkdirat(&self.0, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }

        /// Moves a file of this folder to `name` in `to`, over what is there.
        pub fn rename(&self, from: &str, to: &Self, name: &str) -> io::Result<()> {
            Ok(renameat(&self.0, from, &to.0, name)?)
        }

        /// Removes a name, not what it may point to.
        pub fn remove(&self, name: &str) -> io::Result<()> {
            Ok(unlinkat(&self.0, name, AtFlags::empty())?)
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
        for found in Dir::read_from(&folder)? {
            let found = found?;
            if matches!(found.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            match above {
                Some((root, depth))
                    if depth >= DEEPEST
                        && statat(&folder, found.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory) =>
                {
                    *deep += 1;
                    renameat(&folder, found.file_name(), root, format!(".deep-{deep}-{}", std::process::id()))?;
                }
                _ => {
                    let (root, depth) = above.unwrap_or((&folder, 0));
                    remove_level(&folder, found.file_name(), Some((root, depth + 1)), deep)?;
                }
            }
        }
        unlinkat(parent, name, AtFlags::REMOVEDIR)
    }

    fn entry(name: &str, stat: &Stat) -> Entry {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            _ => Kind::Other,
        };
        Entry { name: name.to_owned(), kind, bytes: u64::try_from(stat.st_size).unwrap_or(0) }
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
        }
    }
}

/// Where the standard library gives no handle of a folder: by path, each part looked at before it is used.
#[cfg(not(unix))]
mod by_path {
    use std::fs::{self, Metadata, OpenOptions};
    use std::path::{Path, PathBuf};

    use super::{Entry, File, Kind, Purpose, io};

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

        pub fn again(&self) -> io::Result<Self> {
            Ok(Self(self.0.clone()))
        }

        pub fn is_at(&self, _: &Path) -> bool {
            true
        }

        /// Folders cannot be opened.
        pub fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        pub fn below(&self, name: &str) -> io::Result<Self> {
            Self::open(&self.0.join(name))
        }

        pub fn file(&self, name: &str, purpose: Purpose) -> io::Result<File> {
            if self.entry(name)?.is_some_and(|entry| entry.kind == Kind::Other) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let mut options = OpenOptions::new();
            match purpose {
                Purpose::Read => options.read(true),
                Purpose::Write => options.write(true),
                Purpose::Append => options.append(true).create(true),
                Purpose::Lock => options.read(true).write(true).create(true).truncate(false),
                Purpose::Create => options.write(true).create_new(true),
            };
            options.open(self.0.join(name))
        }

        pub fn entry(&self, name: &str) -> io::Result<Option<Entry>> {
            match fs::symlink_metadata(self.0.join(name)) {
                Ok(data) => Ok(Some(entry(name, &data))),
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

        pub fn rename(&self, from: &str, to: &Self, name: &str) -> io::Result<()> {
            fs::rename(self.0.join(from), to.0.join(name))
        }

        pub fn remove(&self, name: &str) -> io::Result<()> {
            fs::remove_file(self.0.join(name))
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
        Entry { name: name.to_owned(), kind, bytes: data.len() }
    }
}
