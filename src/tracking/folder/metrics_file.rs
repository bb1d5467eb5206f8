//! `metrics.csv`: all points of a run, in the order they were logged.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs_err::File;

use super::atomic::replace;
use super::held::Place;
use super::names::METRICS;
use super::open::{open, open_for};
use crate::directory::Purpose;
use crate::invalid::one_line;
use crate::tracking::{Point, TrackingError};

/// Bytes; the longest line has two numbers of 309 digits and a key of 100.
const MAX_LINE: u64 = 4096;

/// Points of a picture: more than it has pixels.
const MOST_DRAWN: usize = 100_000;
/// Points that are read at a time.
const PART: usize = 10_000;

const METRICS_HEADER: &str = "epoch,step,time,metric,value\n";

/// Appends to `metrics.csv`; a call that fails leaves the file unchanged.
#[derive(Debug)]
pub(crate) struct MetricsFile {
    file: File,
    length: u64,
}

impl MetricsFile {
    pub(crate) fn create<'a>(folder: impl Into<Place<'a>>) -> Result<Self, TrackingError> {
        let mut file = open_for(Purpose::Create, folder, METRICS)?;
        file.write_all(METRICS_HEADER.as_bytes())?;
        Ok(Self { file, length: METRICS_HEADER.len() as u64 })
    }

    /// Replaces the file by one with those of its points that `stay`, for which no more than a part of them is in memory.
    pub(crate) fn keep<'a>(
        folder: impl Into<Place<'a>>,
        stays: impl Fn(&Point) -> bool,
    ) -> Result<Self, TrackingError> {
        let folder = folder.into();
        replace(folder, METRICS, |file| {
            let mut file = BufWriter::new(file);
            file.write_all(METRICS_HEADER.as_bytes())?;
            for_each_part(folder, |points| {
                points.retain(&stays);
                Ok::<_, TrackingError>(file.write_all(lines(points).as_bytes())?)
            })?;
            file.flush()?;
            Ok::<_, TrackingError>(file.get_ref().sync_all()?)
        })?;
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
    let mut all = Vec::new();
    for_each_part(folder, |points| {
        all.append(points);
        Ok::<_, TrackingError>(())
    })?;
    Ok(all)
}

/// As [`read_points`], for pictures: of a long run every second epoch, or every fourth, ..., and epoch `keep`.
///
/// # Errors
/// As [`read_points`].
pub fn read_points_thinned(folder: &Path, keep: Option<u64>) -> Result<Vec<Point>, TrackingError> {
    thinned(folder, keep, MOST_DRAWN)
}

fn thinned(folder: &Path, keep: Option<u64>, most: usize) -> Result<Vec<Point>, TrackingError> {
    let mut all: Vec<Point> = Vec::new();
    let mut stride = 1;
    for_each_part(folder, |points| {
        let stays = |point: &Point, stride: u64| point.epoch.is_multiple_of(stride) || Some(point.epoch) == keep;
        all.extend(points.drain(..).filter(|point| stays(point, stride)));
        while all.len() > most && stride < 1 << 40 {
            stride *= 2;
            all.retain(|point| stays(point, stride));
        }
        Ok::<_, TrackingError>(())
    })?;
    Ok(all)
}

/// Reads `metrics.csv` as [`read_points`] does, some thousand points at a time: a run of 200,000 epochs has a million.
///
/// # Errors
/// As [`read_points`], and those of `take`.
pub(crate) fn for_each_part<'a, E: From<TrackingError>>(
    folder: impl Into<Place<'a>>,
    mut take: impl FnMut(&mut Vec<Point>) -> Result<(), E>,
) -> Result<(), E> {
    let folder = folder.into();
    let Some(file) = open(folder, METRICS)? else { return Ok(()) };
    let mut lines =
        PointLines { path: folder.path.join(METRICS), reader: BufReader::with_capacity(1 << 16, file), number: 0 };
    let mut points = Vec::new();
    loop {
        points.clear();
        lines.read(&mut points)?;
        if points.is_empty() {
            return Ok(());
        }
        take(&mut points)?;
    }
}

/// `metrics.csv` while it is read.
struct PointLines {
    path: PathBuf,
    reader: BufReader<File>,
    /// Of the last line read, from 1.
    number: usize,
}

impl PointLines {
    /// Reads up to [`PART`] more points into `points`.
    fn read(&mut self, points: &mut Vec<Point>) -> Result<(), TrackingError> {
        let Self { path, reader, .. } = self;
        let mut line = Vec::new();
        while points.len() < PART {
            self.number += 1;
            let number = self.number;
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
                point.ok_or_else(|| {
                    damaged(format!("`{}` is not a point", one_line(&String::from_utf8_lossy(whole))))
                })?,
            );
        }
        Ok(())
    }
}

fn parse_line(line: &str) -> Option<Point> {
    let mut fields = line.split(',');
    // As large as the store can hold.
    let counted = |text: &str| text.parse().ok().filter(|count| i64::try_from(*count).is_ok());
    let epoch: u64 = counted(fields.next()?)?;
    let step: u64 = counted(fields.next()?)?;
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
    fn counts_are_as_large_as_the_store_holds() {
        let line = |epoch: u64| parse_line(&format!("{epoch},1,0.5,a/b,1"));
        assert!(line(i64::MAX as u64).is_some() && line(i64::MAX as u64 + 1).is_none());
        assert!(parse_line("1,18446744073709551615,0.5,a/b,1").is_none());
    }

    #[test]
    fn of_many_points_every_so_manieth_epoch_is_drawn_and_the_one_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let lines: String = (1..=40_000).map(|epoch| format!("{epoch},{epoch},0.5,a/b,1\n")).collect();
        fs::write(folder.path().join(METRICS), format!("{METRICS_HEADER}{lines}0,0,1,test/b,2\n")).unwrap();
        let all = read_points(folder.path()).unwrap();
        assert_eq!(all.len(), 40_001, "over several parts");
        assert_eq!(thinned(folder.path(), None, 40_001).unwrap(), all);
        let epochs: Vec<u64> =
            thinned(folder.path(), Some(777), 15_000).unwrap().iter().map(|point| point.epoch).collect();
        assert_eq!(epochs.len(), 10_002);
        assert!(epochs.iter().all(|epoch| epoch % 4 == 0 || *epoch == 777) && epochs.contains(&777));
        assert_eq!(epochs.last(), Some(&0));
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
}
