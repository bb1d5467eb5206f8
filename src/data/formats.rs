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
    open: for<'a> fn(&'a Origin, Opened, &DataConfig) -> Result<Table<'a>, Invalid>,
}

/// The first that knows the beginning of a file reads it. Any text may be CSV, so that row is the last.
const FORMATS: &[Format] =
    &[Format { is_begun_by: is_idx, open: refuse_idx }, Format { is_begun_by: |_| true, open: csv::open }];

/// The table in `origin`, in the format that its first bytes tell.
///
/// # Errors
/// A file that cannot be read, or does not hold a table.
pub(super) fn open<'a>(origin: &'a Origin, config: &DataConfig) -> Result<Table<'a>, Invalid> {
    let mut opened = origin.open()?;
    let start = opened.reader.fill_buf().map_err(|error| origin.unreadable(&error))?;
    let format = FORMATS.iter().find(|format| (format.is_begun_by)(start)).expect("CSV is begun by anything");
    (format.open)(origin, opened, config)
}

fn is_idx(start: &[u8]) -> bool {
    start.starts_with(&[0, 0, 8]) || start.starts_with(&[0, 0, 0x0d])
}

/// Images are no table: `idx` reads them together with their labels.
fn refuse_idx<'a>(origin: &'a Origin, _: Opened, _: &DataConfig) -> Result<Table<'a>, Invalid> {
    Err(origin.error("looks like an IDX file: set data.labels to the file of its labels"))
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
