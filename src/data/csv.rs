//! Reads CSV files row by row.
//!
//! Every error names the file, and no input makes the reader buffer without bound.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};

use csv::ByteRecord;

use super::DataConfig;
use super::cell_parser::CellParser;
use super::origin::{BUFFER_BYTES, Opened, Origin};
use super::table::{CellTexts, Reader, RowVisitor, Table};
use crate::invalid::Invalid;

/// A record may span lines inside quotes; an unclosed quote would otherwise swallow the whole file.
const MAX_RECORD_BYTES: usize = 16 << 20;

/// Reads the rows of a CSV file.
struct CsvReader<'a> {
    origin: &'a Origin,
    delimiter: u8,
    line_end: LineEnd,
    has_header: bool,
    num_columns: usize,
    cells: CellParser,
}

/// The table in a CSV file: its header is read now, its rows on demand.
///
/// # Errors
/// A file that cannot be read or is not CSV in UTF-8; columns without a unique name.
pub(super) fn open<'a>(origin: &'a Origin, opened: Opened, config: &DataConfig) -> Result<Table<'a>, Invalid> {
    let mut opened = opened;
    let start = opened.reader.fill_buf().map_err(|error| origin.unreadable(&error))?;
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Err(origin.error("is UTF-16: convert it to UTF-8"));
    }
    let (inferred, line_end) = match sniff(start) {
        (inferred, Some(line_end)) => (inferred, line_end),
        // A first line that is longer than the buffer.
        (_, None) => {
            let mut start = Vec::new();
            let read = opened.reader.take(MAX_RECORD_BYTES as u64).read_to_end(&mut start);
            read.map_err(|error| origin.unreadable(&error))?;
            let (inferred, line_end) = sniff(&start);
            (inferred, line_end.unwrap_or(LineEnd::Lf))
        }
    };
    let delimiter = match config.delimiter {
        Some(delimiter) => delimiter as u8, // ASCII: checked with the section
        None => inferred,
    };
    let has_header = config.header;
    let cells = CellParser::new(&config.missing);
    let mut file = CsvReader { origin, delimiter, line_end, has_header, num_columns: 0, cells };
    let mut record = ByteRecord::new();
    if !file.next(&mut file.reader()?, &mut record)? {
        return Err(origin.error("is empty"));
    }
    file.num_columns = record.len();
    let names = match has_header {
        true => file.header_names(&record)?,
        false => (1..=record.len()).map(|i| format!("column_{i}")).collect(),
    };
    let has_numeric_header = has_header && names.iter().all(|name| is_number(name.as_bytes()));
    Ok(Table::new(origin, names, has_numeric_header, Box::new(file)))
}

impl Reader for CsvReader<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        let mut reader = self.reader()?;
        let mut record = ByteRecord::new();
        let mut cells = Vec::with_capacity(columns.len());
        let mut num_rows = 0;
        if self.has_header {
            self.next(&mut reader, &mut record)?;
        }
        while self.next(&mut reader, &mut record)? {
            let line = self.line_of(&record);
            if record.len() != self.num_columns {
                // A line of only whitespace counts as blank.
                if record.len() == 1 && record[0].trim_ascii().is_empty() {
                    continue;
                }
                let message = format!(
                    "{} cells, and the first line has {}: correct the line, or its quotes or data.delimiter",
                    record.len(),
                    self.num_columns
                );
                return Err(self.origin.error_at(line, &message));
            }
            cells.clear();
            cells.extend(columns.iter().map(|&column| self.cells.read(record[column].trim_ascii())));
            num_rows += 1;
            if visit(line, &cells, &record).is_break() {
                break;
            }
        }
        Ok(num_rows)
    }
}

impl CellTexts for ByteRecord {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self[column])
    }
}

impl CsvReader<'_> {
    fn reader(&self) -> Result<csv::Reader<Guarded>, Invalid> {
        let inner = self.origin.open()?.reader;
        let guarded = Guarded { inner, display: self.origin.display.clone(), line: 1, num_pending: 0 };
        let mut builder = csv::ReaderBuilder::new();
        builder.delimiter(self.delimiter).buffer_capacity(BUFFER_BYTES);
        // The header and the number of cells are checked here, for better messages.
        Ok(builder.has_headers(false).flexible(true).from_reader(guarded))
    }

    /// The csv crate leaves the LF of a CR LF to the next record, and counts only LF.
    fn line_of(&self, record: &ByteRecord) -> u64 {
        let position = record.position();
        position.map_or(0, |position| match self.line_end {
            LineEnd::Lf => position.line(),
            LineEnd::CrLf => position.line() + u64::from(position.record() > 0),
            LineEnd::Cr => position.record() + 1,
        })
    }

    fn next(&self, reader: &mut csv::Reader<Guarded>, record: &mut ByteRecord) -> Result<bool, Invalid> {
        let more = reader.read_byte_record(record).map_err(|error| {
            let csv::ErrorKind::Io(error) = error.into_kind() else {
                return self.origin.error("is not a CSV file");
            };
            match error.kind() {
                io::ErrorKind::FileTooLarge => {
                    let line = self.line_of(record);
                    self.origin.error_at(line, &error.to_string())
                }
                _ => Invalid::at(self.origin.key, error.to_string()),
            }
        });
        reader.get_mut().num_pending = 0;
        more
    }

    fn header_names(&self, record: &ByteRecord) -> Result<Vec<String>, Invalid> {
        let mut names: Vec<String> = Vec::with_capacity(record.len());
        let mut seen = std::collections::HashMap::with_capacity(record.len());
        let hint = match record.iter().all(|cell| cell.trim_ascii().is_empty() || is_number(cell)) {
            true => ": if the file has no header line, set data.header = false",
            false => ": name every column, each name once",
        };
        for (i, cell) in record.iter().enumerate() {
            let Ok(name) = std::str::from_utf8(cell.trim_ascii()) else {
                let message = format!("the name of column {} is not UTF-8: convert the file", i + 1);
                return Err(self.origin.error_at(1, &message));
            };
            if name.is_empty() {
                let message = format!("column {} has no name{hint}", i + 1);
                return Err(self.origin.error_at(1, &message));
            }
            if let Some(first) = seen.insert(name.to_owned(), i) {
                let message = format!("columns {} and {} are both named `{name}`{hint}", first + 1, i + 1);
                return Err(self.origin.error_at(1, &message));
            }
            names.push(name.to_owned());
        }
        Ok(names)
    }
}

fn is_number(cell: &[u8]) -> bool {
    let text = std::str::from_utf8(cell.trim_ascii()).ok();
    text.is_some_and(|text| text.parse::<f64>().is_ok())
}

/// How the lines of a file end.
#[derive(Clone, Copy)]
enum LineEnd {
    Lf,
    CrLf,
    Cr,
}

/// The most frequent delimiter outside quotes in the first line (a comma when there is none), and how that line ends,
/// if it ends within `start`.
fn sniff(start: &[u8]) -> (u8, Option<LineEnd>) {
    const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];
    let mut counts = [0usize; CANDIDATES.len()];
    let mut is_quoted = false;
    let mut line_end = None;
    let end_of_blank = start.iter().position(|byte| !b"\r\n".contains(byte));
    let start = &start[end_of_blank.unwrap_or(0)..];
    for (i, &byte) in start.iter().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            b'\n' => {
                line_end = Some(LineEnd::Lf);
                break;
            }
            b'\r' => {
                line_end = start.get(i + 1).map(|&next| if next == b'\n' { LineEnd::CrLf } else { LineEnd::Cr });
                break;
            }
            _ => CANDIDATES
                .iter()
                .zip(&mut counts)
                .for_each(|(&candidate, count)| *count += usize::from(candidate == byte)),
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    let first = counts.iter().position(|&count| count == most);
    (CANDIDATES[first.unwrap_or(0)], line_end)
}

/// Rejects NUL bytes and endless records before the CSV reader buffers them.
struct Guarded {
    inner: BufReader<Box<dyn Read>>,
    display: String,
    line: u64,
    num_pending: usize,
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let num_read = self
            .inner
            .read(buffer)
            .map_err(|error| io::Error::other(format!("{} cannot be read: {error}", self.display)))?;
        let bytes = &buffer[..num_read];
        if let Some(nul) = bytes.iter().position(|&byte| byte == 0) {
            let line = self.line + count_lines(&bytes[..nul]);
            let message = "a NUL byte: this is not a CSV file in UTF-8";
            return Err(io::Error::other(format!("{}:{line}: {message}", self.display)));
        }
        self.num_pending += num_read;
        if self.num_pending > MAX_RECORD_BYTES + BUFFER_BYTES {
            let message = "a row of more than 16 MiB: is a quote left open, or is it not a CSV file?";
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        self.line += count_lines(bytes);
        Ok(num_read)
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}
