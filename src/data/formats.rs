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
    read: Read,
}

/// What is done with files of a format.
enum Read {
    Table(for<'a> fn(&'a Origin, Opened, &DataConfig, Option<&str>) -> Result<Table<'a>, Invalid>),
    /// They are no tables that burnlab reads: what they are, and the next step.
    Refused(&'static str),
}

/// The first that knows the beginning of a file reads it. Any text may be CSV, so that row is the last.
const FORMATS: &[Format] = &[
    // Images are no table: `idx` reads them together with their labels.
    refused(
        |start| start.starts_with(&[0, 0, 8]) || start.starts_with(&[0, 0, 0x0d]),
        "looks like an IDX file: set data.labels to the file of its labels",
    ),
    refused(
        |start| start.starts_with(b"PK\x03\x04"),
        "is a ZIP archive or an Excel workbook: unzip it, or save the sheet as CSV (UTF-8)",
    ),
    refused(
        |start| start.starts_with(b"\xd0\xcf\x11\xe0"),
        "is an Excel workbook (xls): save the sheet as CSV (UTF-8)",
    ),
    refused(
        |start| start.starts_with(b"PAR1"),
        "is a Parquet file: convert it to CSV, as by python3 -c \"import pandas; \
         pandas.read_parquet('in.parquet').to_csv('out.csv', index=False)\"",
    ),
    refused(
        |start| start.starts_with(b"ARROW1"),
        "is a Feather file: convert it to CSV, as by python3 -c \"import pandas; \
         pandas.read_feather('in.feather').to_csv('out.csv', index=False)\"",
    ),
    refused(
        |start| start.starts_with(b"SQLite format 3\0"),
        "is an SQLite database: write a table of it as CSV (in the program sqlite3: .headers on, .mode csv, .once out.csv)",
    ),
    refused(
        |start| {
            [&b"\x93NUMPY"[..], b"\x89HDF", b"\x80\x04\x95", b"\x80\x05\x95"]
                .iter()
                .any(|magic| start.starts_with(magic))
        },
        "is a file of Python (NumPy, HDF5 or pickle): write it as CSV, as by pandas' to_csv('out.csv', index=False)",
    ),
    refused(
        |start| {
            [&b"BZh"[..], b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf"].iter().any(|magic| start.starts_with(magic))
        },
        "is compressed, and not by gzip: decompress it",
    ),
    refused(
        |start| start.starts_with(b"version https://git-lfs"),
        "is a Git LFS pointer, not the data: fetch them with git lfs pull",
    ),
    refused(is_page, "is a web page, not a table: download the file itself (does the site want you to sign in?)"),
    refused(
        is_json,
        "is JSON: convert it to CSV, as by python3 -c \"import pandas; \
         pandas.read_json('in.jsonl', lines=True).to_csv('out.csv', index=False)\"",
    ),
    refused(
        is_arff,
        "is an ARFF file of Weka: convert it to CSV, as by python3 -c \"import pandas; from scipy.io import arff; \
         pandas.DataFrame(arff.loadarff('in.arff')[0]).to_csv('out.csv', index=False)\"",
    ),
    refused(
        is_sparse,
        "is in the sparse format of LIBSVM: convert it to CSV, as with load_svmlight_file of sklearn.datasets",
    ),
    Format { is_begun_by: |_| true, read: Read::Table(csv::open) },
];

const fn refused(is_begun_by: fn(&[u8]) -> bool, message: &'static str) -> Format {
    Format { is_begun_by, read: Read::Refused(message) }
}

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
    match format.read {
        Read::Table(open) => open(origin, opened, config, encoding_before),
        Read::Refused(message) => Err(origin.error(message)),
    }
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

/// Comments, and then the name of the relation.
fn is_arff(start: &[u8]) -> bool {
    let mut lines = start.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"%"));
    first.is_some_and(|line| line.get(..9).is_some_and(|word| word.eq_ignore_ascii_case(b"@relation")))
}

/// A label, and then cells with their columns: `1 3:0.5 7:1`.
fn is_sparse(start: &[u8]) -> bool {
    let line = start.split(|&byte| byte == b'\n').next().and_then(|line| std::str::from_utf8(line).ok());
    let Some((label, cells)) = line.and_then(|line| line.trim().split_once(' ')) else { return false };
    let is_cell = |cell: &str| {
        let parts = cell.split_once(':');
        parts.is_some_and(|(column, value)| column.parse::<u32>().is_ok() && value.parse::<f64>().is_ok())
    };
    label.parse::<f64>().is_ok() && cells.split_whitespace().all(is_cell)
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
