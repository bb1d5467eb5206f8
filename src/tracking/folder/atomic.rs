//! Writing a file so that readers see all of it or nothing.

use std::io::{self, Write};
use std::path::Path;

use fs_err::File;

use super::held::Place;
use super::open::{in_words, open, open_for, parts, within};
use crate::directory::{Directory, Kind, Purpose};
use crate::permissions::{creates_for_this_user_alone, give_rights, is_own, is_own_number, may_others_read_by_mode};
use crate::tracking::TrackingError;

/// Writes a file so that readers see the old content or the new, never a part of it, and the new content survives a
/// power cut. A subfolder that the name begins with is made if absent.
pub fn write_atomic<'a>(folder: impl Into<Place<'a>>, name: &str, bytes: &[u8]) -> Result<(), TrackingError> {
    replace(folder, name, |file| {
        file.write_all(bytes)?;
        file.sync_all()
    })
}

/// As [`write_atomic`], for a file that is written piece by piece.
pub fn write_pieces<'a>(
    folder: impl Into<Place<'a>>,
    name: &str,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), TrackingError> {
    replace(folder, name, |file| {
        write(file)?;
        file.sync_all()
    })
}

/// As [`write_atomic`], but does not wait for the disk.
pub fn write_renamed<'a>(folder: impl Into<Place<'a>>, name: &str, bytes: &[u8]) -> Result<(), TrackingError> {
    replace(folder, name, |file| file.write_all(bytes))
}

/// Opens a file to append to it; created if absent.
///
/// One that has another name as well (a hard link) is replaced by a copy first, what stands under the other name is none of the
/// run's; and so is one of another user, who could read what is written there, or one that others may have opened before the run
/// was closed to them.
pub(crate) fn append<'a>(folder: impl Into<Place<'a>>, name: &str) -> Result<File, TrackingError> {
    let folder = folder.into();
    let file = open_for(Purpose::Append, folder, name)?;
    let data = file.metadata()?;
    let is_closed_now = creates_for_this_user_alone() && may_others_read_by_mode(&data);
    if num_names(&file)? == 1 && is_own(&data) && !is_closed_now {
        return Ok(file);
    }
    if let Some(mut old) = open(folder, name)? {
        replace(folder, name, |new| io::copy(&mut old, new).map(drop))?;
    }
    open_for(Purpose::Append, folder, name)
}

#[cfg(unix)]
fn num_names(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.nlink())
}

#[cfg(not(unix))]
fn num_names(_: &File) -> io::Result<u64> {
    Ok(1)
}

/// Removes a file, if there is one.
pub(crate) fn remove<'a>(folder: impl Into<Place<'a>>, name: &str) -> Result<(), TrackingError> {
    let folder = folder.into();
    let (parent, last) = parts(name).ok_or_else(|| TrackingError::InvalidFileName { name: name.to_owned() })?;
    match within(folder, parent)?.remove(last) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(in_words("remove", &folder.path.join(name), &error).into())
        }
        _ => Ok(()),
    }
}

/// Removes the temporary files of a killed process. Only for the holder of the run's lock.
pub(crate) fn remove_temporary<'a>(folder: impl Into<Place<'a>>) -> Result<(), TrackingError> {
    let directory = within(folder, None)?;
    for entry in directory.entries(true, usize::MAX)? {
        if entry.name.ends_with(".tmp") && entry.kind == Kind::File {
            directory.remove(&entry.name)?;
        }
    }
    Ok(())
}

/// Writes a file anew by `write`.
pub(super) fn replace<'a, E: From<io::Error> + Into<TrackingError>>(
    folder: impl Into<Place<'a>>,
    name: &str,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), TrackingError> {
    let folder = folder.into();
    let path = folder.path.join(name);
    let (parent, last) = parts(name).ok_or_else(|| TrackingError::InvalidFileName { name: name.to_owned() })?;
    let directory = within(folder, None)?;
    let inner = parent.map(|parent| {
        directory.make_folder(parent).map_err(|error| in_words("create", &folder.path.join(parent), &error))?;
        within(folder, Some(parent))
    });
    let inner = inner.transpose()?;
    // The process id keeps two writers of one file apart.
    let temporary = format!(".{}.{}.tmp", name.replace('/', "-"), std::process::id());
    let target = inner.as_ref().unwrap_or(&directory);
    // Of the owner of the folder, or this user: others could have made it to have rights to the new one.
    let owner = directory.owner()?;
    let old =
        target.entry(last)?.filter(|old| old.kind == Kind::File && (old.owner == owner || is_own_number(old.owner)));
    let result = create(&directory, folder.path, &temporary)
        .and_then(|file| match &old {
            Some(old) => give_rights(file.file(), old.mode, old.group).map(|()| file),
            None => Ok(file),
        })
        .map_err(E::from)
        .and_then(|mut file| write(&mut file))
        .and_then(|()| {
            let renamed = directory.rename(&temporary, target, last);
            renamed.map_err(|error| in_words("write", &path, &error).into())
        });
    if result.is_err() {
        // The first error is the one to report; a temporary file that stays does no harm.
        directory.remove(&temporary).ok();
    }
    result.map_err(Into::into)
}

/// A new file; what stands under its name, which only a killed process of the same number can have left, is removed.
fn create(directory: &Directory, folder: &Path, name: &str) -> io::Result<File> {
    let path = folder.join(name);
    let created = match directory.file(name, Purpose::Create) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            directory.remove(name).and_then(|()| directory.file(name, Purpose::Create))
        }
        created => created,
    };
    let file = created.map_err(|error| in_words("create", &path, &error))?;
    Ok(File::from_parts(file, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_that_replaces_another_keeps_its_rights() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        for mode in [0o664, 0o600, 0o644] {
            std::fs::write(&path, "old").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            write_atomic(folder.path(), "run.json", b"new").unwrap();
            assert_eq!(path.metadata().unwrap().mode() & 0o777, mode);
        }
        // Root alone can try it: of the folder's owner it keeps the group, of anybody else nothing.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        if chown(&path, Some(65534), Some(65534)).is_err() {
            return;
        }
        write_atomic(folder.path(), "run.json", b"new").unwrap();
        assert!(path.metadata().unwrap().gid() != 65534);
        chown(folder.path(), Some(65534), None).unwrap();
        chown(&path, Some(65534), Some(65534)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o664)).unwrap();
        write_atomic(folder.path(), "run.json", b"new").unwrap();
        let found = path.metadata().unwrap();
        assert_eq!((found.gid(), found.mode() & 0o777), (65534, 0o664));
    }

    /// Root alone can try it.
    #[cfg(unix)]
    #[test]
    fn nothing_is_appended_to_a_file_of_another_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.log");
        std::fs::write(&path, "first\n").unwrap();
        if std::os::unix::fs::chown(&path, Some(65534), None).is_err() {
            return;
        }
        let theirs = std::fs::File::open(&path).unwrap();
        append(folder.path(), "run.log").unwrap().write_all(b"second\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"first\nsecond\n");
        assert_eq!(theirs.metadata().unwrap().len(), 6);
        assert!(is_own(&path.metadata().unwrap()));
    }

    #[cfg(unix)]
    #[test]
    fn writing_follows_no_link() {
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let link = |name: &str| std::os::unix::fs::symlink(&victim, path.join(name)).unwrap();
        link("model");
        link(&format!(".model.{}.tmp", std::process::id()));
        write_atomic(path, "model", b"new").unwrap();
        assert_eq!(std::fs::read(path.join("model")).unwrap(), b"new");
        std::os::unix::fs::symlink(outside.path(), path.join("plots")).unwrap();
        let error = write_renamed(path, "plots/victim", b"new").unwrap_err();
        assert!(error.to_string().contains("plots`: it is a link"), "{error}");
        link("run.log");
        assert!(append(path, "run.log").is_err());
        // The same file under two names.
        std::fs::hard_link(&victim, path.join("two.log")).unwrap();
        append(path, "two.log").unwrap().write_all(b" more").unwrap();
        assert_eq!(std::fs::read(path.join("two.log")).unwrap(), b"precious more");
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
        // Nothing temporary is left.
        assert!(
            std::fs::read_dir(path).unwrap().all(|entry| !entry
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with('.'))
        );
    }
}
