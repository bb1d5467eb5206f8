//! The formats of tables, a row for each. To add one: its reader, and a row here.

use std::io::BufRead;
use std::path::Path;

use super::origin::{MAX_FILES, Opened, Origin};
use super::table::{Table, is_marked};
use super::{
    DataConfig, archive, csv, empty_cells, image_file, images, json_lines, numpy, numpy_header, several, sqlite, zip,
};
#[cfg(feature = "parquet")]
use super::{arrow, parquet};
use crate::invalid::Invalid;
use crate::postgresql::Address;

/// A format of files.
struct Format {
    /// Whether a file that begins with these bytes has this format.
    is_begun_by: fn(&[u8]) -> bool,
    read: Read,
}

/// What is done with files of a format.
enum Read {
    Table(Options, for<'a> fn(&'a Origin, Opened, &DataConfig, Option<&str>) -> Result<Table<'a>, Invalid>),
    /// They are no tables that burnlab reads: what they are, and the next step.
    Refused(&'static str),
}

/// The keys of the section that have a meaning for a format.
#[derive(Clone, Copy, PartialEq)]
enum Options {
    /// How text is divided into cells.
    Dialect,
    /// `data.query`, of a database of the kind named here.
    Query(&'static str),
    /// `data.sheet`, and `data.skip_rows`.
    Sheet,
    /// None: the file, of the kind named here, says all itself.
    Nothing(&'static str),
}

/// The first that knows the beginning of a file reads it. Any text may be CSV, so that row is the last.
const FORMATS: &[Format] = &[
    // Images are no table: `idx` reads them together with their labels.
    refused(
        |start| start.starts_with(&[0, 0, 8]) || start.starts_with(&[0, 0, 0x0d]),
        "looks like an IDX file: set data.labels to the file of its labels",
    ),
    table(image_file::is_image, Options::Nothing("an image"), images::of_file),
    table(|start| start.starts_with(zip::MAGIC), Options::Sheet, archive::open),
    refused(
        |start| start.starts_with(b"\xd0\xcf\x11\xe0"),
        "is an Excel workbook (xls): save the sheet as CSV (UTF-8)",
    ),
    #[cfg(feature = "parquet")]
    table(|start| is_marked(start, parquet::MAGIC), Options::Nothing("a Parquet file"), parquet::open),
    #[cfg(feature = "parquet")]
    table(arrow::is_begun_by, Options::Nothing("an Arrow file"), arrow::open),
    #[cfg(not(feature = "parquet"))]
    refused(
        |start| is_marked(start, b"PAR1"),
        "is a Parquet file: build burnlab with --features parquet, which reads it, or convert it to CSV, as by python3 -c \
         \"import pandas; pandas.read_parquet('in.parquet').to_csv('out.csv', index=False)\"",
    ),
    #[cfg(not(feature = "parquet"))]
    refused(
        |start| is_marked(start, b"ARROW1") || start.starts_with(&[0xff; 4]),
        "is an Arrow file: build burnlab with --features parquet, which reads it, or convert it to CSV, as by python3 -c \
         \"import pandas; pandas.read_feather('in.feather').to_csv('out.csv', index=False)\"",
    ),
    refused(
        |start| is_marked(start, b"FEA1"),
        "is a Feather file of the first version: convert it to CSV, as by python3 -c \"import pandas; \
         pandas.read_feather('in.feather').to_csv('out.csv', index=False)\"",
    ),
    refused(|start| is_marked(start, b"PARE"), "is an encrypted Parquet file: write it without encryption"),
    table(|start| start.starts_with(sqlite::MAGIC), Options::Query("an SQLite database"), sqlite::open),
    table(|start| start.starts_with(numpy_header::MAGIC), Options::Nothing("a NumPy array"), numpy::open),
    refused(
        |start| [&b"\x89HDF"[..], b"\x80\x04\x95", b"\x80\x05\x95"].iter().any(|magic| start.starts_with(magic)),
        "is a file of Python (HDF5 or pickle): write it as CSV, as by pandas' to_csv('out.csv', index=False)",
    ),
    refused(
        |start| {
            let magics = [&b"\xfd7zXZ"[..], b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf"];
            (start.starts_with(b"BZh") && start.get(4..10) == Some(b"1AY&SY"))
                || magics.iter().any(|magic| start.starts_with(magic))
        },
        "is compressed, and not by gzip: decompress it",
    ),
    refused(
        |start| start.starts_with(b"version https://git-lfs"),
        "is a Git LFS pointer, not the data: fetch them with git lfs pull",
    ),
    refused(is_page, "is a web page, not a table: download the file itself (does the site want you to sign in?)"),
    table(is_json_lines, Options::Nothing("JSON Lines"), json_lines::open),
    refused(
        is_json,
        "is a JSON list: write an object a line (JSON Lines), as by python3 -c \"import pandas; \
         pandas.read_json('in.json').to_json('out.jsonl', orient='records', lines=True)\"",
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
    refused(
        is_markdown,
        "is a Markdown table: remove its second line, that of dashes, and it is read, or save it as CSV",
    ),
    CSV,
];
const CSV: Format = table(|_| true, Options::Dialect, csv::open);

const fn table(
    is_begun_by: fn(&[u8]) -> bool,
    options: Options,
    open: for<'a> fn(&'a Origin, Opened, &DataConfig, Option<&str>) -> Result<Table<'a>, Invalid>,
) -> Format {
    Format { is_begun_by, read: Read::Table(options, open) }
}

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
    if origin.parts().len() > MAX_FILES {
        // Some of them would be read, and which ones would be left to the file system.
        return Err(origin.error(&format!("is more than {MAX_FILES} files, too many to be read as one: join them")));
    }
    let table = match origin.parts() {
        [] => open_one(origin, config, encoding_before)?,
        parts => {
            let tables = parts.iter().map(|part| open_one(part, config, encoding_before));
            several::open(origin, tables.collect::<Result<_, _>>()?)?
        }
    };
    Ok(empty_cells::with_empty_cells(table, config))
}

fn open_one<'a>(origin: &'a Origin, config: &DataConfig, encoding_before: Option<&str>) -> Result<Table<'a>, Invalid> {
    if let Some(address) = origin.server()? {
        if origin.key == "data.path" {
            check_options(origin, config, Options::Query("a PostgreSQL server"))?;
        }
        return images::of_table(server(origin, address, config)?, origin, config);
    }
    if let Some(folder) = origin.path().filter(|path| path.is_dir()) {
        if origin.key == "data.path" {
            check_options(origin, config, Options::Nothing("a folder of images"))?;
        }
        return images::of_folder(origin, folder, config);
    }
    let mut opened = origin.open()?;
    let start = opened.reader.fill_buf().map_err(|error| origin.unreadable(&error))?;
    let begun = || FORMATS.iter().find(|format| (format.is_begun_by)(start)).expect("CSV is begun by anything");
    let format = if config.is_written { &CSV } else { begun() };
    match format.read {
        Read::Table(options, open) => {
            // Of a later file the keys are those of the training file.
            if origin.key == "data.path" {
                check_options(origin, config, options)?;
            }
            images::of_table(open(origin, opened, config, encoding_before)?, origin, config)
        }
        Read::Refused(message) => Err(origin.error(message)),
    }
}

#[cfg(feature = "postgres")]
fn server<'a>(origin: &'a Origin, address: &Address, config: &DataConfig) -> Result<Table<'a>, Invalid> {
    super::server::open(origin, address, config)
}

#[cfg(not(feature = "postgres"))]
fn server<'a>(origin: &'a Origin, _: &Address, _: &DataConfig) -> Result<Table<'a>, Invalid> {
    Err(origin.error(crate::postgresql::GET_CLIENT))
}

/// Refuses keys that have no meaning for a file.
fn check_options(origin: &Origin, config: &DataConfig, options: Options) -> Result<(), Invalid> {
    let (what, meaningful): (&str, &[&str]) = match options {
        Options::Dialect => ("text", &["delimiter", "encoding", "skip_rows", "comment", "header"]),
        Options::Query(what) => (what, &["query"]),
        Options::Sheet => ("a ZIP archive", &["sheet", "skip_rows"]),
        Options::Nothing(what) => (what, &[]),
    };
    let given = [
        ("delimiter", config.delimiter.is_some()),
        ("encoding", config.encoding.is_some()),
        ("skip_rows", config.skip_rows.is_some()),
        ("comment", config.comment.is_some()),
        ("header", !config.header),
        ("query", config.query.is_some()),
        ("sheet", config.sheet.is_some()),
        ("images", config.images.is_some() && origin.path().is_some_and(Path::is_dir)),
    ];
    match given.iter().find(|(key, is_given)| *is_given && !meaningful.contains(key)) {
        Some((key, _)) => {
            let key = format!("data.{key}");
            let message = format!("{key} has no meaning for {}, which is {what}: remove it", origin.display);
            Err(Invalid::at(&key, message))
        }
        None => Ok(()),
    }
}

fn is_page(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    [&b"<!doctype html"[..], b"<html"]
        .iter()
        .any(|tag| start.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag)))
}

/// An object with a quoted key, or without any.
fn is_json_lines(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    start.strip_prefix(b"{").is_some_and(|object| {
        let object = object.trim_ascii_start();
        object.starts_with(b"\"") || object.starts_with(b"}")
    })
}

/// A list of objects.
fn is_json(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    start.strip_prefix(b"[").is_some_and(|list| list.trim_ascii_start().starts_with(b"{"))
}

/// Comments, and then the name of the relation.
fn is_arff(start: &[u8]) -> bool {
    let mut lines = start.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"%"));
    first.is_some_and(|line| line.get(..9).is_some_and(|word| word.eq_ignore_ascii_case(b"@relation")))
}

/// Names between bars, and then dashes between bars: `|---|:--:|`.
fn is_markdown(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let mut lines = start.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let (Some(names), Some(dashes)) = (lines.next(), lines.next()) else { return false };
    let has = |line: &[u8], byte: u8| line.contains(&byte);
    has(names, b'|') && has(dashes, b'|') && has(dashes, b'-') && dashes.iter().all(|byte| b"|-: \t".contains(byte))
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
    fn markdown_is_told_by_its_line_of_dashes() {
        for text in ["| a | b |\n|---|:-:|\n| 1 | 2 |\n", "a | b\r\n--|--\r\n1 | 2\r\n"] {
            assert!(is_markdown(text.as_bytes()), "{text}");
        }
        for text in ["a|b\n1|2\n", "a|b\n-1|-2\n", "a-b\n---\n", "| a | b |\n| 1 | - |\n"] {
            assert!(!is_markdown(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn only_the_last_row_takes_any_file() {
        let takes_any =
            |format: &Format| ["", "x,y\n1,2\n", "\u{1}"].iter().all(|&start| (format.is_begun_by)(start.as_bytes()));
        let (last, others) = FORMATS.split_last().unwrap();
        assert!(takes_any(last) && !others.iter().any(takes_any), "a row after CSV would never be asked");
    }
}
