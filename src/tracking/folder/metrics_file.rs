//! `metrics.csv`: all points of a run, in the order they were logged.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use fs_err::File;

use super::atomic::write_atomic;
use super::directory::Purpose;
use super::names::METRICS;
use super::open::{open, open_for};
use crate::invalid::one_line;
use crate::tracking::{Point, TrackingError};

/// Bytes; the longest line has two numbers of 309 digits and a key of 100.
const MAX_LINE: u64 = 4096;

const METRICS_HEADER: &str = "epoch,step,time,metric,value\n";

/// Appends to `metrics.csv`; a call that fails leaves the file unchanged.
#[derive(Debug)]
pub(crate) struct MetricsFile {
    file: File,
    length: u64,
}

impl MetricsFile {
    pub(crate) fn create(folder: &Path) -> Result<Self, TrackingError> {
        let mut file = open_for(Purpose::Create, folder, METRICS)?;
        file.write_all(METRICS_HEADER.as_bytes())?;
        Ok(Self { file, length: METRICS_HEADER.len() as u64 })
    }

    /// Replaces the file by one with these points.
    pub(crate) fn rewrite(folder: &Path, points: &[Point]) -> Result<Self, TrackingError> {
        write_atomic(folder, METRICS, format!("{METRICS_HEADER}{}", lines(points)).as_bytes())?;
        let mut file = open_for(Purpose::Write, folder, METRICS)?;
        let length = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, length })
    }

    /// One write for all points: a kill leaves at most one torn line, at the end.
    pub(crate) fn append(&mut self, points: &[Point]) -> io::Result<()> {
        let text = lines(points);
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            self.undo(self.length);
            return Err(error);
        }
        self.length += text.len() as u64;
        Ok(())
    }

    /// Bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Truncates the file to `length` bytes: what was appended did not reach the store.
    pub(crate) fn undo(&mut self, length: u64) {
        // If this fails as well (a full or removed disk), nothing better can be done; the caller reports the cause.
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
/// A last line without a line end is ignored: the process was killed while writing it.
///
/// # Errors
/// [`TrackingError::Damaged`], with the line number, for any other line that is not a point.
pub fn read_points(folder: &Path) -> Result<Vec<Point>, TrackingError> {
    let path = folder.join(METRICS);
    let Some(file) = open(folder, METRICS)? else { return Ok(Vec::new()) };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut points = Vec::new();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        let damaged = |problem| TrackingError::Damaged { path: path.clone(), line: Some(number), problem };
        let Some(whole) = line.strip_suffix(b"\n") else {
            let is_long = line.len() as u64 == MAX_LINE;
            let problem = || damaged(format!("the line is longer than {MAX_LINE} bytes, longer than any point"));
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

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

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
}
