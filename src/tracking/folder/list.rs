//! Listing the files of a run, and the folders of runs.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;

use super::names::{LOCK, RUN};
use super::open::within;
use crate::directory::Kind;
use crate::tracking::{RunId, TrackingError};

/// One file of a run, as it can be shown and downloaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileEntry {
    /// Path inside the run folder with `/`: `config.toml`, `plots/curves.svg`.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// Files that are listed at most, far more than a run has.
const MOST_FILES: usize = 10_000;

/// The files of a run folder and its direct subfolders, sorted by name. Links and hidden files are left out, so that
/// nothing outside the folder can be named; so is the lock.
pub(crate) fn list_files(folder: &Path) -> Result<Vec<FileEntry>, TrackingError> {
    let mut files = Vec::new();
    for entry in within(folder, None)?.entries(false, MOST_FILES)? {
        match entry.kind {
            Kind::Folder => {
                let inner = match within(folder, Some(&entry.name)) {
                    Ok(subfolder) => subfolder.entries(false, MOST_FILES.saturating_sub(files.len()))?,
                    // A training removes and replaces files and folders while others list them.
                    Err(TrackingError::Damaged { .. }) => continue,
                    Err(TrackingError::Io(error)) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                let inner = inner.into_iter().filter(|inner| inner.kind == Kind::File);
                files.extend(
                    inner.map(|inner| FileEntry { name: format!("{}/{}", entry.name, inner.name), bytes: inner.bytes }),
                );
            }
            Kind::File if entry.name != LOCK => files.push(FileEntry { name: entry.name, bytes: entry.bytes }),
            Kind::File | Kind::Other => {}
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files.truncate(MOST_FILES);
    Ok(files)
}

fn visible_entries(folder: &Path) -> io::Result<Vec<(String, fs::DirEntry)>> {
    let mut entries = Vec::new();
    // A folder that may not be read is not one without runs.
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(entries),
        listed => listed?,
    };
    for entry in listed {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            entries.push((name, entry));
        }
    }
    Ok(entries)
}

/// The run folders inside `folder` (`runs` or `trash`), sorted; none if it does not exist.
pub(crate) fn list_run_folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for (_, entry) in visible_entries(folder)? {
        // `run.json` is written last: without it the run never started. Of another user's folder that may not be tried.
        if entry.file_type()?.is_dir() && entry.path().join(RUN).try_exists().unwrap_or(true) {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

/// The folders inside `folder` whose names are run ids, sorted; none if it does not exist.
pub(crate) fn named_folders(folder: &Path) -> io::Result<Vec<(RunId, PathBuf)>> {
    let mut folders = Vec::new();
    for (name, entry) in visible_entries(folder)? {
        // The type is the entry's own: a link to a folder is not a folder.
        if let Ok(id) = name.parse()
            && entry.file_type()?.is_dir()
        {
            folders.push((id, entry.path()));
        }
    }
    folders.sort();
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn only_so_many_files_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("plots")).unwrap();
        for i in 0..MOST_FILES / 2 + 100 {
            std::fs::write(folder.path().join(format!("a{i}")), "").unwrap();
            std::fs::write(folder.path().join(format!("plots/b{i}")), "").unwrap();
        }
        let files = list_files(folder.path()).unwrap();
        assert!((MOST_FILES / 2..=MOST_FILES).contains(&files.len()), "{}", files.len());
    }

    #[test]
    fn files_that_vanish_while_they_are_listed_are_left_out() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.txt"), "x").unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let (file, plots) = (folder.path().join("b.txt"), folder.path().join("plots"));
                while !done.load(Ordering::Relaxed) {
                    fs::write(&file, "x").unwrap();
                    fs::create_dir(&plots).unwrap();
                    fs::write(plots.join("c.svg"), "x").unwrap();
                    fs::remove_dir_all(&plots).unwrap();
                    fs::remove_file(&file).unwrap();
                }
            });
            let listed: Result<Vec<_>, _> = (0..2000).map(|_| list_files(folder.path())).collect();
            done.store(true, Ordering::Relaxed);
            assert!(listed.unwrap().iter().all(|files| files.iter().any(|file| file.name == "a.txt")));
        });
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("plots")).unwrap();
        fs::write(folder.path().join("plots/a.svg"), "x").unwrap();
        fs::write(folder.path().join("b.txt"), "xy").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("c")).unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("d")).unwrap();
        let names: Vec<_> =
            list_files(folder.path()).unwrap().into_iter().map(|file| (file.name, file.bytes)).collect();
        assert_eq!(names, [("b.txt".to_owned(), 2), ("plots/a.svg".to_owned(), 1)]);
    }
}
