//! The one way to open a file inside a run folder.
//!
//! A run folder may come from somebody else, and on a shared machine others may write into it. So a file is reached by
//! the handle of its folder, never through a link; it is a regular file, since a pipe would keep its reader for ever; it
//! is never truncated; and what is read of it is bounded by what burnlab writes under that name.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fs_err::File;

use super::held::{Held, Place};
use super::lines::Lines;
use crate::directory::{Directory, Kind, Purpose};
use crate::permissions::{is_own_number, kept_by_another};
use crate::tracking::TrackingError;

/// Bytes that a file has at most, by its name or by the end of it; far above what burnlab writes.
const MOST: [(&str, u64); 10] = [
    ("config.toml", 8 << 20),
    // These are in the store as well, and read as a whole into many times their bytes.
    ("run.json", 16 << 20),
    ("environment.json", 4 << 20),
    // With how often each of 1000 classes was taken for each other. The dashboard sends it as it is.
    ("evaluation.json", 24 << 20),
    // Enough for a million columns or categories.
    ("preprocessing.json", 256 << 20),
    // Test characters: 2 million.
    ("test.txt", 8 << 20),
    ("SHA256SUMS", 64 << 10),
    (".json", 64 << 20),
    (".svg", 64 << 20),
    // Test rows that are copied into the folder: 2 million cells at most.
    ("", 1 << 30),
];

/// Bytes of the longest line of a table: a probability for each of a million classes.
const MAX_LINE: usize = 32 << 20;

/// The bytes of a file, bounded by its name; `None` if there is none. `name` is a plain name, or one in a subfolder.
///
/// # Errors
/// [`TrackingError::Damaged`] for a link, a pipe or anything else but a file, and for one that is too large.
pub fn read<'a>(folder: impl Into<Place<'a>>, name: &str) -> Result<Option<Vec<u8>>, TrackingError> {
    read_within(folder, name, most(name))
}

/// As [`read`], with another limit, in bytes.
///
/// # Errors
/// As [`read`].
pub fn read_within<'a>(folder: impl Into<Place<'a>>, name: &str, most: u64) -> Result<Option<Vec<u8>>, TrackingError> {
    let folder = folder.into();
    let Some(file) = open(folder, name)? else { return Ok(None) };
    let too_large = || {
        let size = if most < 1 << 20 { format!("{most} bytes") } else { format!("{} MiB", most >> 20) };
        TrackingError::damaged(
            &folder.path.join(name),
            format!("it is larger than {size}, larger than what burnlab writes"),
        )
    };
    let size = file.metadata()?.len();
    if size > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(Some(bytes)) }
}

/// The text of a file, as [`read`].
///
/// # Errors
/// As [`read`]; text that is not UTF-8.
pub fn read_text(folder: &Path, name: &str) -> Result<Option<String>, TrackingError> {
    let text = read(folder, name)?.map(String::from_utf8).transpose();
    text.map_err(|_| TrackingError::damaged(&folder.join(name), "it is not UTF-8"))
}

/// A table, to be read row by row, however long it is; `None` if there is none.
///
/// # Errors
/// As [`read`]. Reading it fails at a line that is longer than any of burnlab's.
pub fn open_table(folder: &Path, name: &str) -> Result<Option<Lines<File>>, TrackingError> {
    open_table_within(folder, name, MAX_LINE)
}

/// As [`open_table`], with another limit of a line, in bytes.
///
/// # Errors
/// As [`open_table`].
pub fn open_table_within(folder: &Path, name: &str, most: usize) -> Result<Option<Lines<File>>, TrackingError> {
    Ok(open(folder, name)?.map(|file| Lines::new(file, most)))
}

/// A file, open for reading; `None` if there is none. What is read of it is for the caller to bound.
///
/// # Errors
/// As [`read`].
pub fn open<'a>(folder: impl Into<Place<'a>>, name: &str) -> Result<Option<File>, TrackingError> {
    match open_for(Purpose::Read, folder, name) {
        Err(TrackingError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => file.map(Some),
    }
}

/// Whether anything stands under the name, even what [`open`] refuses.
///
/// # Errors
/// A folder that may not be looked into, or no file that can still be opened.
pub fn try_has<'a>(folder: impl Into<Place<'a>>, name: &str) -> Result<bool, TrackingError> {
    let folder = folder.into();
    let Some((parent, last)) = parts(name) else { return Ok(false) };
    match within(folder, parent) {
        Ok(directory) => {
            let entry = directory.entry(last).map_err(|error| in_words("look at", &folder.path.join(name), &error))?;
            Ok(entry.is_some())
        }
        Err(TrackingError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// As [`try_has`], for what is only shown: what cannot be looked at is not there.
pub fn has(folder: &Path, name: &str) -> bool {
    match try_has(folder, name) {
        Ok(has) => has,
        Err(error) => !matches!(error, TrackingError::Io(_)),
    }
}

/// A file, open for reading and of a size that burnlab writes; `None` if there is none.
///
/// # Errors
/// As [`read`].
pub fn open_sound(folder: &Path, name: &str) -> Result<Option<io::Take<File>>, TrackingError> {
    let Some(file) = open(folder, name)? else { return Ok(None) };
    match file.metadata()?.len() <= most(name) {
        // It may grow meanwhile.
        true => Ok(Some(file.take(most(name)))),
        false => Err(TrackingError::damaged(
            &folder.join(name),
            format!("it is larger than {} MiB, larger than what burnlab writes", most(name) >> 20),
        )),
    }
}

/// A file of the folder, open for a purpose.
pub(super) fn open_for<'a>(purpose: Purpose, folder: impl Into<Place<'a>>, name: &str) -> Result<File, TrackingError> {
    let folder = folder.into();
    let path = folder.path.join(name);
    let (parent, name) = parts(name).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no name of a file"))?;
    let directory = within(folder, parent)?;
    let foreign = || TrackingError::damaged(&path, "it is a link, a pipe or a folder, and burnlab writes files alone");
    match directory.entry(name)? {
        Some(entry) if entry.kind != Kind::File => return Err(foreign()),
        _ => {}
    }
    let file = directory.file(name, purpose).map_err(|error| in_words("open", &path, &error))?;
    // It may have been replaced since.
    if file.metadata()?.is_file() { Ok(File::from_parts(file, path)) } else { Err(foreign()) }
}

/// Holds the folder that is at `path` now.
///
/// # Errors
/// A link, or no folder.
pub(crate) fn hold(path: PathBuf) -> Result<Held, TrackingError> {
    let directory = within(&path, None)?;
    Ok(Held::new(path, directory))
}

/// As [`hold`], for a folder that this process has just made: it is empty, and that of a private run is this user's.
///
/// # Errors
/// [`TrackingError::Exchanged`] for another one, which somebody has put in its place.
pub(crate) fn hold_new(path: PathBuf, is_private: bool) -> Result<Held, TrackingError> {
    let held = hold(path)?;
    let directory = held.directory();
    let is_empty = directory.entries(true, 1)?.is_empty() && directory.entries(false, 1)?.is_empty();
    if !is_empty || is_private && !is_own_number(directory.owner()?) {
        return Err(TrackingError::Exchanged { path: held.path().to_owned() });
    }
    if is_private {
        directory.close().map_err(|error| in_words("close", held.path(), &error))?;
    }
    Ok(held)
}

/// The folder itself, or a subfolder of it.
pub(super) fn within<'a>(folder: impl Into<Place<'a>>, subfolder: Option<&str>) -> Result<Directory, TrackingError> {
    let folder = folder.into();
    let opened = |path: &Path, directory: io::Result<Directory>| {
        directory.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => in_words("open", path, &error).into(),
            // Where the handle could not be had because of what stands there.
            _ if std::fs::symlink_metadata(path).is_ok_and(|data| !data.is_dir()) => {
                TrackingError::damaged(path, "it is a link or a file, and burnlab makes folders")
            }
            io::ErrorKind::NotADirectory => {
                TrackingError::damaged(path, "the folder that it is in is a link or a file, and burnlab makes folders")
            }
            _ => in_words("open", path, &error).into(),
        })
    };
    let directory = opened(folder.path, folder.directory())?;
    match subfolder {
        Some(name) => opened(&folder.path.join(name), directory.below(name)),
        None => Ok(directory),
    }
}

/// The subfolder and the name of `plots/curves.svg`; `None` for what can name no file of a run.
pub(super) fn parts(name: &str) -> Option<(Option<&str>, &str)> {
    let is_plain = |part: &str| {
        let foreign: &[char] = if cfg!(windows) { &['/', '\\', ':', '\0'] } else { &['/', '\0'] };
        !part.is_empty() && part != "." && part != ".." && !part.contains(foreign)
    };
    let (parent, name) = name.split_once('/').map_or((None, name), |(parent, name)| (Some(parent), name));
    (is_plain(name) && parent.is_none_or(is_plain)).then_some((parent, name))
}

/// An error that names the file, as those of `fs_err` do.
pub(crate) fn in_words(doing: &str, path: &Path, error: &io::Error) -> io::Error {
    let owner = (error.kind() == io::ErrorKind::PermissionDenied).then(|| kept_by_another(path)).flatten();
    let whose = owner.map_or_else(String::new, |owner| format!(", which belongs to {owner}"));
    io::Error::new(error.kind(), format!("failed to {doing} `{}`{whose}: {error}", path.display()))
}

fn most(name: &str) -> u64 {
    MOST.into_iter().find(|(end, _)| name.ends_with(end)).map_or(0, |(_, most)| most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for bad in ["", ".", "..", "../a", "a/..", "/a", "a/b/c", "a/", "/", "a\0"] {
            assert_eq!(parts(bad), None, "{bad}");
        }
        assert_eq!(parts("a"), Some((None, "a")));
        assert_eq!(parts("plots/a.svg"), Some((Some("plots"), "a.svg")));
    }

    #[test]
    fn what_is_read_is_bounded_by_the_kind_of_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::write(path.join("a"), [7; 100]).unwrap();
        assert_eq!(read_within(path, "a", 100).unwrap().unwrap(), [7; 100]);
        assert!(read_within(path, "a", 99).unwrap_err().to_string().contains("larger than 99 bytes"));
        assert_eq!(read(path, "b").unwrap(), None);
        assert_eq!(read(path, "no/b").unwrap(), None);
        assert_eq!(read(&path.join("no"), "b").unwrap(), None);
        for (name, most) in [
            ("config.toml", 8 << 20),
            ("run.json", 16 << 20),
            ("evaluation.json", 24 << 20),
            ("preprocessing.json", 256 << 20),
        ] {
            File::create(path.join(name)).unwrap().set_len(most + 1).unwrap();
            let error = read(path, name).unwrap_err().to_string();
            assert!(error.contains(&format!("{name}`: it is larger than {} MiB", most >> 20)), "{error}");
            assert!(open_sound(path, name).is_err());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_new_folder_is_empty_and_that_of_a_private_run_is_its_users() {
        use std::os::unix::fs::chown;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        std::fs::create_dir(&path).unwrap();
        for is_private in [false, true] {
            hold_new(path.clone(), is_private).unwrap();
        }
        if chown(&path, Some(65534), None).is_ok() {
            assert!(matches!(hold_new(path.clone(), true), Err(TrackingError::Exchanged { .. })));
            chown(&path, Some(0), None).unwrap();
        }
        // An older run of the same user, or one that others have prepared.
        for name in ["run.json", ".hidden"] {
            std::fs::write(path.join(name), "").unwrap();
            assert!(matches!(hold_new(path.clone(), false), Err(TrackingError::Exchanged { .. })), "{name}");
            std::fs::remove_file(path.join(name)).unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_folders_are_refused_for_every_purpose() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let victim = path.join("victim");
        std::fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, path.join("link")).unwrap();
        std::fs::create_dir(path.join("folder")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path.join("pipe"), rustix::fs::Mode::RWXU).unwrap();
        std::os::unix::fs::symlink(path.join("folder"), path.join("plots")).unwrap();
        std::fs::write(path.join("folder/inner"), "precious").unwrap();
        for purpose in [Purpose::Read, Purpose::Write, Purpose::Append, Purpose::Lock] {
            for name in ["link", "folder", "pipe", "plots/inner"] {
                let error = open_for(purpose, path, name).unwrap_err();
                assert!(matches!(error, TrackingError::Damaged { .. }), "{purpose:?} {name}: {error}");
                assert!(has(path, name));
            }
        }
        // A run folder that is a link itself.
        std::os::unix::fs::symlink(path.join("folder"), path.join("run")).unwrap();
        assert!(matches!(open(&path.join("run"), "inner"), Err(TrackingError::Damaged { .. })));
        assert_eq!(read(&path.join("folder"), "inner").unwrap().unwrap(), b"precious");
        assert_eq!(std::fs::read(victim).unwrap(), b"precious");
    }
}
