//! Moving and removing whole run folders, by the handles of the folders that they are in: where others may write as well,
//! a folder can be exchanged for a link to another one at any moment, after it was looked at too.

use std::io;
use std::path::{Path, PathBuf};

use super::directory::Directory;
use super::open::{in_words, within};
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

/// Removes a run's folder. It is renamed first, so that a kill midway leaves no run with half of its files.
///
/// # Errors
/// As [`move_folder`].
pub(crate) fn discard(folder: &Path) -> Result<(), TrackingError> {
    let (parent, name) = parent_of(folder)?;
    // One that nobody may look into stays as it is.
    parent.below(name).map_err(|error| in_words("remove", folder, &error))?;
    let hidden = format!("{DISCARDED}{name}");
    parent.rename(name, &parent, &hidden).map_err(|error| in_words("remove", folder, &error))?;
    Ok(parent.remove_tree(&hidden).map_err(|error| in_words("remove", &folder.with_file_name(&hidden), &error))?)
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
        let error = directory.remove_tree(&entry.name).err()?;
        let error = in_words("remove", &path, &error).into();
        Some((path, error))
    });
    Ok(kept.collect())
}

fn parent_of(folder: &Path) -> Result<(Directory, &str), TrackingError> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let (Some(parent), Some(name)) = (folder.parent(), name) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
    };
    Ok((within(parent, None)?, name))
}

fn moved(from: &Path, to: &Path, error: &io::Error) -> io::Error {
    in_words("move", from, &io::Error::new(error.kind(), format!("to `{}`: {error}", to.display())))
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
            discard(&at("shared/trash/run")).unwrap_err(),
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
        discard(&at("shared/away/run")).unwrap();
        assert_eq!(fs::read_dir(at("shared/away")).unwrap().count(), 0);
        assert_eq!(fs::read(at("ours/run/plots/a.svg")).unwrap(), b"precious");
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
