//! Moving and removing whole run folders, by the handles of the folders that they are in: where others may write as well,
//! a folder can be exchanged for a link to another one at any moment, after it was looked at too.

use std::io;
use std::path::{Path, PathBuf};

use super::held::Held;
use super::lock::is_locked;
use super::names::RUN;
use super::open::{hold, in_words, try_has, within};
use crate::directory::{Directory, Kind};
use crate::tracking::TrackingError;

/// Prefix of a folder that is being removed.
const DISCARDED: &str = ".gone-";

/// Moves a folder to another place on the same disk.
///
/// # Errors
/// [`TrackingError::Damaged`] if one of the two is in a link to a folder; a disk that cannot be written.
pub(crate) fn move_folder(from: &Path, to: &Path) -> Result<(), TrackingError> {
    let ((old, name), (new, other)) = (parent_of(from)?, parent_of(to)?);
    Ok(old.rename(name, &new, other).map_err(|error| moved(from, to, &error))?)
}

/// Removes a run's folder, the one that is held whatever has its name by now. First it ceases to be a run, and is renamed, so
/// that a kill midway leaves no run with half of its files.
///
/// # Errors
/// As [`move_folder`]; [`TrackingError::Exchanged`] if another folder has its name.
pub(crate) fn discard(folder: &Held) -> Result<(), TrackingError> {
    let path = folder.path();
    let (parent, name) = parent_of(path)?;
    folder.check()?;
    let failed = |error: io::Error| in_words("remove", path, &error);
    match folder.directory().remove_tree(RUN) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error).into()),
        _ => {}
    }
    let hidden = discarded(Path::new(name));
    let hidden = hidden.to_str().unwrap_or(name);
    parent.rename_new(name, hidden).map_err(failed)?;
    if !folder.directory().is_in(&parent, hidden) {
        parent.rename_new(hidden, name).map_err(failed)?;
        return Err(TrackingError::Exchanged { path: path.to_owned() });
    }
    let removed = folder.directory().empty_and_remove(&parent, hidden);
    Ok(removed.map_err(|error| partly(&path.with_file_name(hidden), &error))?)
}

/// Where a folder is from the moment on that [`discard`] removes it.
pub(crate) fn discarded(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!("{DISCARDED}{name}"))
}

fn partly(rest: &Path, error: &io::Error) -> io::Error {
    in_words("remove all of", rest, error)
}

/// Completes every [`discard`] in `folder` that was killed. Before the next one, which needs the name. Returns what could
/// not be removed, with the reason.
///
/// # Errors
/// As [`move_folder`].
pub(crate) fn remove_discarded(folder: &Path) -> Result<Vec<(PathBuf, TrackingError)>, TrackingError> {
    let directory = match within(folder, None) {
        Err(TrackingError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        directory => directory?,
    };
    let discarded = directory.entries(true, usize::MAX)?.into_iter().filter(|entry| entry.name.starts_with(DISCARDED));
    let kept = discarded.filter_map(|entry| {
        let path = folder.join(&entry.name);
        let removed = match entry.kind {
            Kind::Folder => complete(&path, &directory, &entry.name),
            _ => directory.remove(&entry.name).map_err(|error| in_words("remove", &path, &error).into()),
        };
        Some((path, removed.err()?))
    });
    Ok(kept.collect())
}

/// Removes a folder that [`discard`] has renamed, and none that somebody else gave such a name: that is a run still.
fn complete(path: &Path, parent: &Directory, name: &str) -> Result<(), TrackingError> {
    let held = hold(path.to_owned())?;
    if try_has(&held, RUN)? || is_locked(&held)? {
        return Err(TrackingError::damaged(path, "its name says that it is being removed, and it holds a run"));
    }
    Ok(held.directory().empty_and_remove(parent, name).map_err(|error| partly(path, &error))?)
}

fn parent_of(folder: &Path) -> Result<(Directory, &str), TrackingError> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let (Some(parent), Some(name)) = (folder.parent(), name) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
    };
    Ok((within(parent, None)?, name))
}

fn moved(from: &Path, to: &Path, error: &io::Error) -> io::Error {
    let hint = match error.kind() {
        io::ErrorKind::CrossesDevices => ": mount the artifacts folder as a whole, not the folders in it",
        _ => "",
    };
    in_words("move", from, &io::Error::new(error.kind(), format!("to `{}`: {error}{hint}", to.display())))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_folder_that_became_a_link_meanwhile_has_nothing_moved_or_removed() {
        use std::os::unix::fs::symlink;
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        // Ours, and a shared folder with a run of the same name, whose `trash` another user has just exchanged.
        for folder in ["ours/run/plots", "shared/trash/run"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("ours/run/plots/a.svg"), "precious").unwrap();
        fs::rename(at("shared/trash"), at("shared/away")).unwrap();
        symlink(at("ours"), at("shared/trash")).unwrap();
        for error in [
            hold(at("shared/trash/run")).unwrap_err(),
            move_folder(&at("shared/trash/run"), &at("shared/away/other")).unwrap_err(),
            move_folder(&at("shared/away/run"), &at("shared/trash/other")).unwrap_err(),
            remove_discarded(&at("shared/trash")).unwrap_err(),
        ] {
            assert!(matches!(error, TrackingError::Damaged { .. }), "{error}");
        }
        assert_eq!(fs::read(at("ours/run/plots/a.svg")).unwrap(), b"precious");
        assert_eq!(fs::read_dir(at("ours")).unwrap().count(), 1);
        // What a run folder links to stays, too.
        symlink(at("ours"), at("shared/away/run/link")).unwrap();
        fs::create_dir_all(at("shared/away/run/a/.b/c")).unwrap();
        fs::write(at("shared/away/run/a/.b/c/file"), "x").unwrap();
        discard(&hold(at("shared/away/run")).unwrap()).unwrap();
        assert_eq!(fs::read_dir(at("shared/away")).unwrap().count(), 0);
        assert_eq!(fs::read(at("ours/run/plots/a.svg")).unwrap(), b"precious");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_has_taken_the_name_of_another_one_is_not_removed() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for name in ["old", "precious"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("run.json"), name).unwrap();
        }
        let held = hold(at("old")).unwrap();
        fs::rename(at("old"), at("away")).unwrap();
        fs::rename(at("precious"), at("old")).unwrap();
        assert!(matches!(discard(&held).unwrap_err(), TrackingError::Exchanged { .. }));
        assert_eq!(fs::read(at("old/run.json")).unwrap(), b"precious");
        // Nor one that somebody has called as what is being removed, but what was being removed is.
        fs::rename(at("old"), at(".gone-old")).unwrap();
        fs::create_dir(at(".gone-half")).unwrap();
        let kept = remove_discarded(place.path()).unwrap();
        assert_eq!(kept.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>(), [at(".gone-old")]);
        assert_eq!(fs::read(at(".gone-old/run.json")).unwrap(), b"precious");
        assert!(!at(".gone-half").exists());
    }

    #[test]
    fn a_removal_that_was_killed_is_completed() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join(".gone-run/plots")).unwrap();
        fs::write(place.path().join(".gone-file"), "x").unwrap();
        fs::create_dir(place.path().join(".other")).unwrap();
        assert!(remove_discarded(place.path()).unwrap().is_empty());
        let left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [".other"]);
        assert!(remove_discarded(&place.path().join("none")).unwrap().is_empty());
    }
}
