//! Chooses the reader for a table. To add a format, write its reader, and add a case here.

use std::io::BufRead;

use super::origin::Origin;
use super::table::Table;
use super::{DataConfig, csv};
use crate::invalid::Invalid;

/// Opens the table in `origin`; CSV is the only format so far.
///
/// # Errors
/// A file that cannot be read, or does not hold a table.
pub(super) fn open<'a>(origin: &'a Origin, config: &DataConfig) -> Result<Table<'a>, Invalid> {
    let mut opened = origin.open()?;
    let start = opened.reader.fill_buf().map_err(|error| origin.unreadable(&error))?;
    if start.starts_with(&[0, 0, 8]) || start.starts_with(&[0, 0, 0x0d]) {
        return Err(origin.error("looks like an IDX file: set data.labels to the file of its labels"));
    }
    csv::open(origin, opened, config)
}
