//! The files of a run folder: atomic writes, the lock, `metrics.csv`.

use std::fs::{Metadata, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use fs_err as fs;
use fs_err::{File, OpenOptions};
use serde::Serialize;

use super::{Point, RunRecord, TrackingError};
use crate::bounded;
use crate::invalid::one_line;

pub(super) const RUN: &str = "run.json";
pub(super) const CONFIG: &str = "config.toml";
pub(super) const ENVIRONMENT: &str = "environment.json";
pub(super) const METRICS: &str = "metrics.csv";
pub(super) const LOG: &str = "run.log";
pub(super) const LOCK: &str = "lock";

/// Far above what burnlab writes into `run.json`, `environment.json` and `config.toml`.
const MAX_WHOLE: u64 = 64 << 20;
/// The longest line has two numbers of 309 digits and a key of 100.
const MAX_LINE: u64 = 4096;

const METRICS_HEADER: &str = "epoch,step,time,metric,value\n";

/// One file of a run, as it can be shown and downloaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileEntry {
    /// Path inside the run folder with `/`: `config.toml`, `plots/curves.svg`.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// Writes a file so that readers see the old content or the new, never a part, and that it survives a power cut.
pub(super) fn write_atomic(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    replace(folder, name, |file| {
        file.write_all(bytes)?;
        file.sync_all()
    })
}

/// As [`write_atomic`], but does not wait for the disk.
pub(super) fn write_renamed(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    replace(folder, name, |file| file.write_all(bytes))
}

/// Removes what a killed process was about to write. Only for who holds the run's lock.
pub(super) fn remove_temporary(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(".tmp") && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn replace(folder: &Path, name: &str, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    // The process id keeps two writers of one file apart.
    let temporary = folder.join(format!(".{}.{}.tmp", name.replace('/', "-"), std::process::id()));
    let result = File::create(&temporary)
        .and_then(|mut file| write(&mut file))
        .and_then(|()| fs::rename(&temporary, folder.join(name)));
    if result.is_err() {
        // The error that matters is on its way up; the leftover is only litter.
        fs::remove_file(&temporary).ok();
    }
    result
}

/// Whether `name` can be a file that training puts into a run folder: a plain name, or one in `plots/`.
pub(super) fn check_file_name(name: &str) -> Result<(), TrackingError> {
    let whole = name;
    let name = name.strip_prefix("plots/").unwrap_or(name);
    let is_plain = (1..=100).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    let is_ours = [RUN, CONFIG, ENVIRONMENT, METRICS, LOG, LOCK].contains(&name);
    if is_plain && !is_ours { Ok(()) } else { Err(TrackingError::InvalidFileName { name: whole.to_owned() }) }
}

/// The bytes of a file beside the points.
pub(super) fn read_whole(path: &Path) -> Result<Vec<u8>, TrackingError> {
    bounded::read(path, MAX_WHOLE).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            TrackingError::damaged(path, format!("it is larger than {} MiB, as burnlab writes none", MAX_WHOLE >> 20))
        }
        _ => error.into(),
    })
}

/// Reads `run.json`.
pub(super) fn read_record(folder: &Path) -> Result<RunRecord, TrackingError> {
    let path = folder.join(RUN);
    let record: RunRecord =
        serde_json::from_slice(&read_whole(&path)?).map_err(|error| TrackingError::damaged(&path, error))?;
    // A copied folder under another name would be indexed as the run that it was copied from.
    if folder.file_name().is_none_or(|name| name != record.id.as_str()) {
        return Err(TrackingError::damaged(&path, format!("the id is `{}`, unlike the folder's name", record.id)));
    }
    Ok(record)
}

/// Writes `run.json`. It is a run's last word, at its beginning and at its end: with it, what was written into the folder
/// before survives a power cut (0.2 ms on a local SSD, measured).
pub(super) fn write_record(folder: &Path, record: &RunRecord) -> Result<(), TrackingError> {
    write_json(folder, RUN, record)?;
    Ok(sync_folder(folder)?)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Only Unix opens folders.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Writes `value` as indented JSON.
pub(super) fn write_json(folder: &Path, name: &str, value: &impl Serialize) -> Result<(), TrackingError> {
    let mut text =
        serde_json::to_string_pretty(value).map_err(|error| TrackingError::damaged(&folder.join(name), error))?;
    text.push('\n');
    Ok(write_atomic(folder, name, text.as_bytes())?)
}

/// Creates the lock file and holds its lock until the file is closed, be it by the end of the process.
pub(super) fn take_lock(folder: &Path) -> Result<File, TrackingError> {
    let path = folder.join(LOCK);
    let file = File::create(&path)?;
    let mut tries = 0;
    loop {
        match file.try_lock() {
            // Perhaps only somebody who looks whether the run is alive, which takes a moment.
            Err(TryLockError::WouldBlock) if tries < 20 => {
                tries += 1;
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(TrackingError::Lock { path, source: error.into() }),
            Ok(()) => return Ok(file),
        }
    }
}

/// Whether a process holds the run's lock.
///
/// # Errors
/// When that cannot be told. A folder without a lock file is no error: nobody holds it.
pub(super) fn is_locked(folder: &Path) -> io::Result<bool> {
    let file = match File::open(folder.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    // A shared lock, so that two who look at the same moment do not take each other for the trainer.
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// When the run last wrote a point or a log line.
pub(super) fn last_sign(folder: &Path) -> Option<SystemTime> {
    let modified = |name: &str| fs::metadata(folder.join(name)).and_then(|data| data.modified()).ok();
    [METRICS, LOG].into_iter().filter_map(modified).max()
}

/// Appends to `metrics.csv` in whole calls: a call that fails leaves the file as it was.
#[derive(Debug)]
pub(super) struct MetricsFile {
    file: File,
    length: u64,
}

impl MetricsFile {
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create_new(true).write(true).open(folder.join(METRICS))?;
        file.write_all(METRICS_HEADER.as_bytes())?;
        Ok(Self { file, length: METRICS_HEADER.len() as u64 })
    }

    /// Replaces the file by one with these points.
    pub(super) fn rewrite(folder: &Path, points: &[Point]) -> io::Result<Self> {
        write_atomic(folder, METRICS, format!("{METRICS_HEADER}{}", lines(points)).as_bytes())?;
        let mut file = OpenOptions::new().write(true).open(folder.join(METRICS))?;
        let length = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, length })
    }

    /// One write for all points: a kill leaves at most one torn line, at the end.
    pub(super) fn append(&mut self, points: &[Point]) -> io::Result<()> {
        let text = lines(points);
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            self.undo(self.length);
            return Err(error);
        }
        self.length += text.len() as u64;
        Ok(())
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Cuts the file back to `length`: what was appended did not reach the store.
    pub(super) fn undo(&mut self, length: u64) {
        // Nothing better can be done if this fails as well (a full or vanished disk); the caller reports the cause.
        self.file.set_len(length).and_then(|()| self.file.seek(SeekFrom::Start(length))).ok();
        self.length = length;
    }
}

fn lines(points: &[Point]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(points.len() * 56);
    for Point { key, epoch, step, time, value } in points {
        writeln!(text, "{epoch},{step},{time},{key},{value}").expect("strings grow");
    }
    text
}

/// Reads `metrics.csv`; a missing file has no points.
///
/// The last line is ignored if no line end follows it: the process was killed while writing it.
///
/// # Errors
/// [`TrackingError::Damaged`] with the line for anything else that is no point.
pub fn read_points(folder: &Path) -> Result<Vec<Point>, TrackingError> {
    let path = folder.join(METRICS);
    let mut reader = match File::open(&path) {
        Ok(file) => BufReader::with_capacity(1 << 16, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut points = Vec::new();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        let damaged = |problem| TrackingError::Damaged { path: path.clone(), line: Some(number), problem };
        let Some(whole) = line.strip_suffix(b"\n") else {
            let is_long = line.len() as u64 == MAX_LINE;
            let problem = || damaged(format!("the line is longer than {MAX_LINE} bytes, as no point is"));
            if is_long { return Err(problem()) } else { break }
        };
        if number == 1 {
            continue;
        }
        let point = std::str::from_utf8(whole).ok().and_then(|text| parse_line(text.trim_end_matches('\r')));
        points.push(
            point.ok_or_else(|| damaged(format!("`{}` is not a point", one_line(&String::from_utf8_lossy(whole)))))?,
        );
    }
    Ok(points)
}

fn parse_line(line: &str) -> Option<Point> {
    let mut fields = line.split(',');
    let epoch = fields.next()?.parse().ok()?;
    let step = fields.next()?.parse().ok()?;
    let time: f64 = fields.next()?.parse().ok()?;
    let key = fields.next()?.parse().ok()?;
    let value = fields.next()?.parse().ok()?;
    let is_whole = fields.next().is_none() && time.is_finite();
    is_whole.then_some(Point { key, epoch, step, time, value })
}

/// The files of a run folder and its direct subfolders, sorted by name. Links and hidden files are left out, so that
/// nothing outside the folder can be named; so is the lock.
pub(super) fn list_files(folder: &Path) -> io::Result<Vec<FileEntry>> {
    let mut files = Vec::new();
    for (name, entry) in visible_entries(folder)? {
        let Some(data) = present(entry.metadata())? else { continue };
        if data.is_dir() {
            for (inner_name, inner) in present(visible_entries(&entry.path()))?.unwrap_or_default() {
                if let Some(data) = present(inner.metadata())?.filter(Metadata::is_file) {
                    files.push(FileEntry { name: format!("{name}/{inner_name}"), bytes: data.len() });
                }
            }
        } else if data.is_file() && name != LOCK {
            files.push(FileEntry { name, bytes: data.len() });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// `None` for what was there a moment ago: a training replaces and removes files while others look.
fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn visible_entries(folder: &Path) -> io::Result<Vec<(String, fs::DirEntry)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
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
pub(super) fn list_run_folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    for (_, entry) in visible_entries(folder)? {
        // `run.json` is written last: without it the run never began.
        if entry.file_type()?.is_dir() && entry.path().join(RUN).exists() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_of_others_files() {
        for good in ["model.safetensors", "a", "Confusion_2.svg"] {
            assert!(check_file_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "a\\b", "/etc/passwd", "run.json", "lock", "metrics.csv", "a b"] {
            assert!(check_file_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_torn_last_line_is_ignored_and_a_bad_one_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(METRICS);
        fs::write(&path, format!("{METRICS_HEADER}1,2,0.5,a/b,inf\n2,4,1,a/b,NaN\n3,6,1.5,a/b,0.")).unwrap();
        let points = read_points(folder.path()).unwrap();
        assert_eq!(points.len(), 2);
        assert_eq!(points[0].value, f64::INFINITY);
        assert!(points[1].value.is_nan());

        fs::write(&path, format!("{METRICS_HEADER}1,2,0.5,a/b\n2,4,1,a/b,1\n")).unwrap();
        let error = read_points(folder.path()).unwrap_err().to_string();
        assert!(error.contains("metrics.csv`, line 2: `1,2,0.5,a/b` is not a point"), "{error}");
    }

    #[test]
    fn who_looks_at_a_lock_keeps_nobody_from_taking_it() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let folder = tempfile::tempdir().unwrap();
        drop(take_lock(folder.path()).unwrap());
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    is_locked(folder.path()).unwrap();
                }
            });
            let taken: Result<Vec<()>, _> = (0..2000).map(|_| take_lock(folder.path()).map(drop)).collect();
            done.store(true, Ordering::Relaxed);
            taken.unwrap();
        });
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
