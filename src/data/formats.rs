//! The formats of tables, a row for each. To add one: its reader, and a row here.

use std::io::BufRead;

use super::origin::{Opened, Origin};
use super::table::Table;
use super::{DataConfig, csv};
use crate::invalid::Invalid;

/// A format of files.
struct Format {
    /// Whether a file that begins with these bytes has this format.
    is_begun_by: fn(&[u8]) -> bool,
    open: for<'a> fn(&'a Origin, Opened, &DataConfig, Option<&str>) -> Result<Table<'a>, Invalid>,
}

/// The first that knows the beginning of a file reads it. Any text may be CSV, so that row is the last.
const FORMATS: &[Format] = &[
    Format { is_begun_by: is_idx, open: refuse_idx },
    Format { is_begun_by: |start| start.starts_with(b"PK\x03\x04"), open: refuse_zip },
    Format { is_begun_by: |start| start.starts_with(b"PAR1"), open: refuse_parquet },
    Format { is_begun_by: |start| start.starts_with(b"version https://git-lfs"), open: refuse_lfs },
    Format { is_begun_by: is_page, open: refuse_page },
    Format { is_begun_by: is_json, open: refuse_json },
    Format { is_begun_by: |_| true, open: csv::open },
];

/// The table in `origin`, in the format that its first bytes tell. `encoding_before` is that of the training file, if this
/// is a later one.
///
/// # Errors
/// A file that cannot be read, or does not hold a table.
pub(super) fn open<'a>(
    origin: &'a Origin,
    config: &DataConfig,
    encoding_before: Option<&str>,
) -> Result<Table<'a>, Invalid> {
    let mut opened = origin.open()?;
    let start = opened.reader.fill_buf().map_err(|error| origin.unreadable(&error))?;
    let format = FORMATS.iter().find(|format| (format.is_begun_by)(start)).expect("CSV is begun by anything");
    (format.open)(origin, opened, config, encoding_before)
}

fn is_idx(start: &[u8]) -> bool {
    start.starts_with(&[0, 0, 8]) || start.starts_with(&[0, 0, 0x0d])
}

/// Images are no table: `idx` reads them together with their labels.
fn refuse_idx<'a>(origin: &'a Origin, _: Opened, _: &DataConfig, _: Option<&str>) -> Result<Table<'a>, Invalid> {
    Err(origin.error("looks like an IDX file: set data.labels to the file of its labels"))
}

fn refuse_zip<'a>(origin: &'a Origin, _: Opened, _: &DataConfig, _: Option<&str>) -> Result<Table<'a>, Invalid> {
    Err(origin.error("is a ZIP archive or an Excel workbook: unzip it, or save the sheet as CSV (UTF-8)"))
}

fn refuse_parquet<'a>(origin: &'a Origin, _: Opened, _: &DataConfig, _: Option<&str>) -> Result<Table<'a>, Invalid> {
    Err(origin.error(
        "is a Parquet file: convert it to CSV, as by python3 -c \"import pandas; pandas.read_parquet('in.parquet').to_csv('out.csv', index=False)\"",
    ))
}

fn refuse_lfs<'a>(origin: &'a Origin, _: Opened, _: &DataConfig, _: Option<&str>) -> Result<Table<'a>, Invalid> {
    Err(origin.error("is a Git LFS pointer, not the data: fetch them with git lfs pull"))
}

fn refuse_page<'a>(origin: &'a Origin, _: Opened, _: &DataConfig, _: Option<&str>) -> Result<Table<'a>, Invalid> {
    Err(origin.error("is a web page, not a table: download the file itself (does the site want you to sign in?)"))
}

fn refuse_json<'a>(origin: &'a Origin, _: Opened, _: &DataConfig, _: Option<&str>) -> Result<Table<'a>, Invalid> {
    Err(origin.error(
        "is JSON: convert it to CSV, as by python3 -c \"import pandas; pandas.read_json('in.jsonl', lines=True).to_csv('out.csv', index=False)\"",
    ))
}

fn is_page(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    [&b"<!doctype html"[..], b"<html"]
        .iter()
        .any(|tag| start.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag)))
}

/// An object, or a list of objects, with a quoted key.
fn is_json(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    let start = start.strip_prefix(b"[").unwrap_or(start).trim_ascii_start();
    start.strip_prefix(b"{").is_some_and(|object| object.trim_ascii_start().starts_with(b"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_row_takes_any_file() {
        let takes_any =
            |format: &Format| ["", "x,y\n1,2\n", "\u{1}"].iter().all(|&start| (format.is_begun_by)(start.as_bytes()));
        let (last, others) = FORMATS.split_last().unwrap();
        assert!(takes_any(last) && !others.iter().any(takes_any), "a row after CSV would never be asked");
    }
}
