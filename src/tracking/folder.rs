//! The files of a run: atomic writes, the lock, `metrics.csv`.

use std::fs::{File, TryLockError};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use super::{Point, RunId, RunRecord, TrackingError, UtcTime};

pub(super) const RECORD: &str = "run.json";
pub(super) const CONFIG: &str = "config.toml";
pub(super) const ENVIRONMENT: &str = "environment.json";
pub(super) const METRICS: &str = "metrics.csv";
pub(super) const LOG: &str = "run.log";
pub(super) const LOCK: &str = "lock";

const METRICS_HEADER: &str = "key,epoch,step,time,value\n";
/// Ids are random within a second; this many collisions mean something else is wrong.
const ID_ATTEMPTS: usize = 100;

/// `artifacts/runs`.
pub(super) fn runs_folder(root: &Path) -> PathBuf {
    root.join("runs")
}

/// `artifacts/trash`.
pub(super) fn trash_folder(root: &Path) -> PathBuf {
    root.join("trash")
}

/// Makes a new run's folder and takes its lock; the lock is held until the file is dropped.
pub(super) fn create(root: &Path, experiment: &str, now: UtcTime) -> Result<(RunId, PathBuf, File), TrackingError> {
    let runs = runs_folder(root);
    fs_err::create_dir_all(&runs)?;
    for _ in 0..ID_ATTEMPTS {
        let id = RunId::generate(experiment, now);
        let folder = runs.join(id.as_str());
        match fs_err::create_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
            made => made?,
        }
        let path = folder.join(LOCK);
        let lock = fs_err::File::create(&path)?.into_parts().0;
        lock.lock().map_err(|source| TrackingError::Lock { path, source })?;
        return Ok((id, folder, lock));
    }
    Err(TrackingError::damaged(&runs, "no free run id"))
}

/// Whether a process is training in `folder`. A folder without a lock file is nobody's.
pub(super) fn is_locked(folder: &Path) -> bool {
    // A shared lock: two who look at the same time do not mistake each other for the trainer.
    let Ok(file) = File::open(folder.join(LOCK)) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Writes `folder/name` so that a reader or a crash finds the old or the new content, never a part.
pub(super) fn write_atomically(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), TrackingError> {
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = (|| {
        let mut file = fs_err::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs_err::rename(&temporary, folder.join(name))
    })();
    if written.is_err() {
        fs_err::remove_file(&temporary).ok();
    }
    Ok(written?)
}

/// Reads a run's record.
pub(super) fn read_record(folder: &Path) -> Result<RunRecord, TrackingError> {
    let path = folder.join(RECORD);
    serde_json::from_slice(&fs_err::read(&path)?).map_err(|error| TrackingError::damaged(&path, error))
}

/// Writes a run's record.
pub(super) fn write_record(folder: &Path, record: &RunRecord) -> Result<(), TrackingError> {
    let bytes = serde_json::to_vec_pretty(record).expect("a record has a JSON form");
    write_atomically(folder, RECORD, &bytes)
}

/// Whether a run may have a file of this name: no path, nothing hidden, nothing of burnlab's own.
pub(super) fn is_file_name(name: &str) -> bool {
    let own = [RECORD, CONFIG, ENVIRONMENT, METRICS, LOG, LOCK];
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(allowed) && !own.contains(&name)
}

/// An open `metrics.csv` with its header.
pub(super) fn create_metrics(folder: &Path) -> Result<File, TrackingError> {
    let mut file = fs_err::File::create_new(folder.join(METRICS))?;
    file.write_all(METRICS_HEADER.as_bytes())?;
    Ok(file.into_parts().0)
}

/// `points` as lines of `metrics.csv`. Keys have no character that CSV would quote.
pub(super) fn metrics_lines(points: &[Point]) -> String {
    use std::fmt::Write;
    let mut lines = String::with_capacity(points.len() * 48);
    for Point { key, epoch, step, time, value } in points {
        writeln!(lines, "{key},{epoch},{step},{time:.6},{value}").expect("a String takes everything");
    }
    lines
}

/// All points of `metrics.csv`; a last line without its end is what a crash left, and is ignored.
pub(super) fn read_metrics(folder: &Path) -> Result<Vec<Point>, TrackingError> {
    let path = folder.join(METRICS);
    let mut reader = BufReader::new(fs_err::File::open(&path)?);
    let mut points = Vec::new();
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        if reader.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            break;
        }
        if number == 1 {
            continue;
        }
        let point = parse_point(line.trim_end()).ok_or_else(|| TrackingError::Damaged {
            path: path.clone(),
            line: Some(number),
            problem: format!("`{}` is not key,epoch,step,time,value", line.trim_end()),
        })?;
        points.push(point);
    }
    Ok(points)
}

fn parse_point(line: &str) -> Option<Point> {
    let mut cells = line.split(',');
    let point = Point {
        key: cells.next()?.parse().ok()?,
        epoch: cells.next()?.parse().ok()?,
        step: cells.next()?.parse().ok()?,
        time: cells.next()?.parse().ok()?,
        value: cells.next()?.parse().ok()?,
    };
    cells.next().is_none().then_some(point)
}
