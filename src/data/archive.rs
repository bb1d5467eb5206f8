//! Tells what is in a ZIP archive of several files: arrays of NumPy, or a spreadsheet, or files to unzip.

use std::io::Read;
use std::path::Path;

use super::origin::{Opened, Origin};
use super::table::Table;
use super::zip::{self, Shared};
use super::{DataConfig, labels, numpy};
#[cfg(feature = "excel")]
use super::{ods, sheet, xlsx, xlsx_parts};
use crate::invalid::Invalid;

/// The table in an archive. One with a single file was opened before, by its [`Origin`].
///
/// # Errors
/// An archive that cannot be read, or of files that are no one table.
pub(super) fn open<'a>(
    origin: &'a Origin,
    _: Opened,
    config: &DataConfig,
    _: Option<&str>,
) -> Result<Table<'a>, Invalid> {
    let Some(path) = origin.path() else {
        return Err(
            origin.error("is a ZIP archive, which is read from a file only: write it to one, or give its table as CSV")
        );
    };
    let file = Shared::open(path).map_err(|error| origin.unreadable(&error))?;
    let members = zip::members(&file).map_err(|error| origin.unreadable(&error))?;
    let has = |name: &str| members.iter().any(|member| member.name == name);
    if has("xl/workbook.xml") {
        return workbook(origin, path, config, Kind::Excel);
    }
    if let Some(kind) = members.iter().find(|member| member.name == "mimetype") {
        let mut of_file = String::new();
        let read = kind.read(&file).and_then(|reader| reader.take(100).read_to_string(&mut of_file));
        if read.is_ok() && of_file.trim_end() == "application/vnd.oasis.opendocument.spreadsheet" {
            return workbook(origin, path, config, Kind::OpenDocument);
        }
    }
    if has("[Content_Types].xml") || has("mimetype") {
        return Err(origin.error("is a document that is no sheet: save the table as CSV (UTF-8)"));
    }
    if !members.is_empty() && members.iter().all(|member| member.name.ends_with(".npy")) {
        let of_sheets = [("sheet", config.sheet.is_some()), ("skip_rows", config.skip_rows.is_some())];
        if let Some((key, _)) = of_sheets.iter().find(|(_, is_given)| *is_given && origin.key == "data.path") {
            let message = format!("data.{key} has no meaning for {}, which has arrays: remove it", origin.display);
            return Err(Invalid::at(&format!("data.{key}"), message));
        }
        return numpy::open_archive(origin, &file, &members, config);
    }
    let names: Vec<String> = members.into_iter().map(|member| member.name).collect();
    let what = if names.is_empty() { "no file".to_owned() } else { labels::list_columns(&names, 8) };
    Err(origin.error(&format!("is a ZIP archive of {what}: unzip it, and name one table")))
}

/// Kinds of spreadsheets.
enum Kind {
    Excel,
    OpenDocument,
}

#[cfg(feature = "excel")]
fn workbook<'a>(origin: &'a Origin, path: &'a Path, config: &DataConfig, kind: Kind) -> Result<Table<'a>, Invalid> {
    let open: sheet::Open = match kind {
        Kind::Excel => {
            xlsx_parts::check(origin, path)?;
            xlsx::open
        }
        Kind::OpenDocument => ods::open,
    };
    sheet::table(origin, path, open, config)
}

#[cfg(not(feature = "excel"))]
fn workbook<'a>(origin: &'a Origin, _: &'a Path, _: &DataConfig, kind: Kind) -> Result<Table<'a>, Invalid> {
    let what = match kind {
        Kind::Excel => "an Excel workbook",
        Kind::OpenDocument => "an OpenDocument spreadsheet",
    };
    Err(origin.error(&format!(
        "is {what}: save the sheet as CSV (UTF-8), or build burnlab with --features excel, which reads it"
    )))
}
