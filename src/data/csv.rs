//! Reads CSV files: small ones and streams here, row by row; large ones in blocks (`csv_blocks`).
//!
//! Every error names the file, and no input makes the reader buffer without bound.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use csv::ByteRecord;
use encoding_rs::Encoding;

use super::DataConfig;
use super::blanks::Collapsed;
use super::cell_parser::CellParser;
use super::dialect::{Dialect, LineEnd, infer_dialect};
use super::encoding;
use super::headerless::{self, Doubt};
use super::origin::{BUFFER_BYTES, Opened, Origin};
use super::record_ends::RecordEnds;
use super::table::{About, CellTexts, MAX_RECORD_BYTES, Reader, RowVisitor, Table, content, is_invisible};
use crate::figures::counted;
use crate::invalid::Invalid;

/// What a reader takes away at the start of what it reads.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// From this size on, a file is read in blocks of that size.
const BLOCK_BYTES: usize = 512 << 10;

/// Reads the rows of a CSV file.
pub(super) struct CsvReader<'a> {
    pub(super) origin: &'a Origin,
    encoding: &'static Encoding,
    /// In other files a NUL is the sign of another kind of file.
    may_have_nul: bool,
    pub(super) dialect: Dialect,
    pub(super) comment: Option<u8>,
    pub(super) has_header: bool,
    pub(super) num_columns: usize,
    /// The first record.
    first: ByteRecord,
    /// On the disk.
    num_bytes: u64,
    /// Whether these are the bytes of the text.
    is_plain: bool,
    /// Of the present pass, in whole blocks.
    pub(super) num_bytes_read: AtomicU64,
    /// Columns without a name and, in the first rows, without a cell: none may follow.
    pub(super) blank_columns: Vec<usize>,
    pub(super) cells: CellParser,
}

/// The table in a CSV file: its header is read now, its rows on demand. `encoding_before` is that of the training file,
/// if this is a later one.
///
/// # Errors
/// A file that cannot be read or is not CSV; columns without a unique name.
pub(super) fn open<'a>(
    origin: &'a Origin,
    opened: Opened,
    config: &DataConfig,
    encoding_before: Option<&str>,
) -> Result<Table<'a>, Invalid> {
    let (file, names, about) = open_reader(origin, opened, config, encoding_before)?;
    Ok(Table::new(origin, names, about, Box::new(file)))
}

/// The same, before it is a table.
pub(super) fn open_reader<'a>(
    origin: &'a Origin,
    opened: Opened,
    config: &DataConfig,
    encoding_before: Option<&str>,
) -> Result<(CsvReader<'a>, Vec<String>, About), Invalid> {
    let is_plain = !opened.is_gzipped && opened.is_whole_file;
    let num_bytes = opened.num_bytes_on_disk;
    let mut start = Vec::new();
    let mut seen = opened.reader.take(encoding::NUM_BYTES_SEEN);
    seen.read_to_end(&mut start).map_err(|error| origin.unreadable(&error))?;
    let is_whole = (start.len() as u64) < encoding::NUM_BYTES_SEEN;
    let named = |name: &str| encoding::named(name);
    let given = config.encoding.as_deref().and_then(named);
    let known = encoding::recognise(&start, is_whole, given, encoding_before.and_then(named));
    let mut notes = Vec::new();
    if known.is_guess {
        notes.push(format!("the file is not UTF-8: read as {} (data.encoding)", known.name()));
    }
    if !known.is_utf_8() {
        let (text, _) = known.encoding.decode_with_bom_removal(&start);
        start = text.into_owned().into_bytes();
    }
    let dialect = infer_dialect(&start, is_whole, config);
    notes.extend(dialect.notes.iter().cloned());
    let mut file = CsvReader {
        origin,
        encoding: known.encoding,
        may_have_nul: config.is_written,
        comment: config.comment.map(|comment| comment as u8), // ASCII: checked with the section
        has_header: config.header,
        num_columns: 0,
        first: ByteRecord::new(),
        num_bytes,
        is_plain: is_plain && known.is_utf_8(),
        num_bytes_read: AtomicU64::new(0),
        blank_columns: Vec::new(),
        cells: CellParser::new(config),
        dialect,
    };
    let mut record = ByteRecord::new();
    let mut reader = file.reader()?;
    if !file.next(&mut reader, &mut record)? {
        return Err(origin.error("is empty"));
    }
    file.num_columns = record.len();
    // Of a later file the first line is what it was in that of training; one that comes bit by bit is not waited for.
    if config.header && origin.key == "data.path" {
        file.doubt_header(reader, &record, config, &mut notes)?;
    }
    let (names, unnamed) = match config.header {
        true => file.header_names(&record, config, &mut notes)?,
        false => ((1..=record.len()).map(|i| format!("column_{i}")).collect(), Vec::new()),
    };
    let way_out = (names.len() == 1).then(|| "if another character separates the cells, set data.delimiter".to_owned());
    let about = About {
        way_out,
        is_comma_likely: file.dialect.delimiter == b';',
        encoding: (!known.is_utf_8()).then(|| known.name()),
        unnamed,
        notes,
        ..About::default()
    };
    file.first = record;
    Ok((file, names, about))
}

impl Reader for CsvReader<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        // A stream is followed as it comes. Of lines that end in CR alone, the number is that of the record.
        let is_large = self.num_bytes >= BLOCK_BYTES as u64;
        match is_large && !self.origin.is_stream() && self.dialect.line_end != LineEnd::Cr {
            true => self.read_blocks(BLOCK_BYTES, columns, visit),
            false => self.read_rows(columns, visit),
        }
    }

    fn progress(&self) -> Option<f64> {
        let num_read = self.num_bytes_read.load(Ordering::Relaxed);
        (self.is_plain && num_read > 0).then(|| (num_read as f64 / self.num_bytes as f64).min(1.0))
    }
}

impl CellTexts for ByteRecord {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self[column])
    }
}

/// What a record must not be, beside what its file says.
#[derive(Default)]
pub(super) struct Rules<'a> {
    /// A record that is the same as this one.
    pub(super) header: Option<&'a ByteRecord>,
}

impl CsvReader<'_> {
    /// Row by row.
    pub(super) fn read_rows(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        let mut reader = self.reader()?;
        let mut record = ByteRecord::new();
        let mut cells = Vec::with_capacity(columns.len());
        let mut num_rows = 0;
        let rules = Rules { header: self.header() };
        if self.has_header {
            self.next(&mut reader, &mut record)?;
        }
        while self.next(&mut reader, &mut record)? {
            let line = self.line_of(&record);
            let num_lines = reader.position().line().saturating_sub(line - self.num_skipped());
            if !self.check(&record, line, num_lines > 1, &rules)? {
                continue;
            }
            cells.clear();
            cells.extend(columns.iter().map(|&column| self.cells.read(content(&record[column]))));
            num_rows += 1;
            if visit(line, &cells, &record).is_break() {
                break;
            }
        }
        Ok(num_rows)
    }

    /// The record of the names, if there is one.
    pub(super) fn header(&self) -> Option<&ByteRecord> {
        self.has_header.then_some(&self.first)
    }

    /// Lines above the first record.
    pub(super) fn num_skipped(&self) -> u64 {
        self.dialect.num_skipped as u64
    }

    /// Whether a record is a row: a line of only whitespace counts as blank. `spans_lines`: it is longer than two lines.
    ///
    /// # Errors
    /// A record that is no row of this table.
    pub(super) fn check(
        &self,
        record: &ByteRecord,
        line: u64,
        spans_lines: bool,
        rules: &Rules<'_>,
    ) -> Result<bool, Invalid> {
        if record.len() != self.num_columns {
            if record.len() == 1 && record[0].trim_ascii().is_empty() {
                return Ok(false);
            }
            self.check_length(record, line)?;
        }
        if rules.header.is_some_and(|header| is_same(record, header)) {
            let message = "the header again: is another file appended here? Remove the line";
            return Err(self.origin.error_at(line, message));
        }
        if spans_lines {
            self.check_quotes(record, line)?;
        }
        for &column in &self.blank_columns {
            if !record[column].trim_ascii().is_empty() {
                let cell = String::from_utf8_lossy(&record[column]).trim().to_owned();
                let message =
                    format!("column {} has no name and holds `{cell}`: name it, or set data.drop = [\"\"]", column + 1);
                return Err(self.origin.error_at(line, &message));
            }
        }
        Ok(true)
    }

    fn reader(&self) -> Result<csv::Reader<Guarded>, Invalid> {
        let mut builder = self.dialect.builder();
        let source = Guarded { quotes: Some(RecordEnds::new(&self.dialect, self.comment)), ..self.source()? };
        Ok(builder.comment(self.comment).buffer_capacity(BUFFER_BYTES).from_reader(source))
    }

    /// The text from its first record on.
    pub(super) fn source(&self) -> Result<Guarded, Invalid> {
        let opened = self.origin.open()?.reader;
        let decoded: Box<dyn Read> = match self.encoding == encoding_rs::UTF_8 {
            true => Box::new(opened),
            false => encoding::decoded(Box::new(opened), self.encoding),
        };
        let separated: Box<dyn Read> = match self.dialect.is_aligned {
            true => Box::new(Collapsed::new(decoded)),
            false => decoded,
        };
        let mut inner = BufReader::with_capacity(BUFFER_BYTES, separated);
        let end = if self.dialect.line_end == LineEnd::Cr { b'\r' } else { b'\n' };
        let mut line = Vec::new();
        for _ in 0..self.dialect.num_skipped {
            line.clear();
            // Bounded, as a record is.
            let mut bounded = (&mut inner).take(MAX_RECORD_BYTES as u64);
            bounded.read_until(end, &mut line).map_err(|error| self.origin.unreadable(&error))?;
        }
        let line = 1 + self.dialect.num_skipped as u64;
        Ok(Guarded {
            inner,
            display: self.origin.display.clone(),
            line,
            num_pending: 0,
            quotes: None,
            is_at_start: true,
            may_have_nul: self.may_have_nul,
        })
    }

    /// The csv crate leaves the LF of a CR LF to the next record, and counts only LF.
    pub(super) fn line_of(&self, record: &ByteRecord) -> u64 {
        let position = record.position();
        let line = position.map_or(0, |position| match self.dialect.line_end {
            LineEnd::Lf => position.line(),
            LineEnd::CrLf => position.line() + u64::from(position.record() > 0),
            LineEnd::Cr => position.record() + 1,
        });
        line + self.dialect.num_skipped as u64
    }

    /// A row may have more cells than the header only where all rows end in a delimiter.
    fn check_length(&self, record: &ByteRecord, line: u64) -> Result<(), Invalid> {
        let is_longer = record.len() == self.num_columns + 1;
        if self.dialect.has_trailing_delimiter && is_longer && record[self.num_columns].trim_ascii().is_empty() {
            return Ok(());
        }
        self.check_quotes(record, line)?;
        let first = if self.dialect.num_skipped > 0 { "header" } else { "first line" };
        let hint = match record.len() {
            1 => ": is it a title or a footer? Remove it, correct the line, or set data.skip_rows or data.delimiter",
            _ => ": correct the line, or its quotes or data.delimiter",
        };
        let message = format!("{}, and the {first} has {}{hint}", counted(record.len(), "cell"), self.num_columns);
        Err(self.origin.error_at(line, &message))
    }

    /// A quote that is never closed, or only in a later row, makes the rows between part of one cell.
    fn check_quotes(&self, record: &ByteRecord, line: u64) -> Result<(), Invalid> {
        for (i, cell) in record.iter().enumerate() {
            let lines: Vec<&[u8]> = cell.split(|&byte| byte == b'\n').collect();
            let [first, inner @ .., _] = &lines[..] else { continue };
            let num_cells = |line: &[u8]| line.iter().filter(|&&byte| byte == self.dialect.delimiter).count() + 1;
            let rows = inner.iter().filter(|line| num_cells(line) == self.num_columns).count();
            // Free text has lines with as many commas here and there, but not all of them.
            if self.num_columns >= 2 && rows >= 2 && rows == inner.len() {
                let start = String::from_utf8_lossy(&first[..first.len().min(30)]).trim().to_owned();
                let message = format!(
                    "column {} begins with a quote (`\"{start}`) that is closed only {} lines later, so that rows are swallowed: \
                     close it, or remove it",
                    i + 1,
                    lines.len() - 1
                );
                return Err(self.origin.error_at(line, &message));
            }
        }
        Ok(())
    }

    fn next(&self, reader: &mut csv::Reader<Guarded>, record: &mut ByteRecord) -> Result<bool, Invalid> {
        let more = reader.read_byte_record(record).map_err(|error| {
            let csv::ErrorKind::Io(error) = error.into_kind() else {
                return self.origin.error("is not a CSV file");
            };
            self.unreadable(&error, self.line_of(record))
        });
        reader.get_mut().num_pending = 0;
        more
    }

    /// What [`Guarded`] reports while it reads the record that begins in `line`.
    pub(super) fn unreadable(&self, error: &io::Error, line: u64) -> Invalid {
        match error.kind() {
            io::ErrorKind::FileTooLarge | io::ErrorKind::UnexpectedEof => {
                self.origin.error_at(line, &error.to_string())
            }
            _ => Invalid::at(self.origin.key, error.to_string()),
        }
    }

    /// Refuses a first line that is a row for sure, and notes one that may be one.
    fn doubt_header(
        &self,
        mut reader: csv::Reader<Guarded>,
        header: &ByteRecord,
        config: &DataConfig,
        notes: &mut Vec<String>,
    ) -> Result<(), Invalid> {
        let Some(names) = header.iter().map(|cell| std::str::from_utf8(content(cell)).ok()).collect::<Option<Vec<_>>>()
        else {
            return Ok(());
        };
        let (mut rows, mut row, mut num_bytes) = (Vec::new(), ByteRecord::new(), 0);
        // What cannot be read is told by whoever reads all of it.
        while rows.len() < headerless::MAX_ROWS
            && num_bytes < headerless::MAX_BYTES
            && self.next(&mut reader, &mut row).is_ok_and(|more| more)
        {
            num_bytes += row.as_slice().len() + row.len();
            rows.push(row.clone());
        }
        let is_missing = |name: &str| config.missing.iter().any(|word| word == name);
        match headerless::doubt(&names, &rows, is_missing) {
            Some(Doubt::Sure(why)) => Err(self.origin.error_at(1 + self.num_skipped(), &why)),
            Some(Doubt::Likely(why)) => {
                notes.push(why);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The names, and the columns without one: empty ones, and row numbers as pandas writes them.
    fn header_names(
        &mut self,
        record: &ByteRecord,
        config: &DataConfig,
        notes: &mut Vec<String>,
    ) -> Result<(Vec<String>, Vec<usize>), Invalid> {
        let header_line = 1 + self.dialect.num_skipped as u64;
        let mut names: Vec<String> = Vec::with_capacity(record.len());
        let mut unnamed = Vec::new();
        let mut seen = std::collections::HashMap::with_capacity(record.len());
        let is_blank = |cell: &[u8]| cell.trim_ascii().is_empty();
        let (are_numbers, has_number) =
            (record.iter().all(|cell| is_blank(cell) || is_number(cell)), record.iter().any(is_number));
        let hint = match (are_numbers, has_number) {
            (true, _) => ": if the file has no header line, set data.header = false",
            (false, true) => {
                ": name every column, each name once; if the file has no header line, set data.header = false"
            }
            (false, false) => ": name every column, each name once",
        };
        for (i, cell) in record.iter().enumerate() {
            let Ok(name) = std::str::from_utf8(content(cell)) else {
                let message = format!(
                    "the name of column {} is not UTF-8: name the file's encoding in data.encoding ({})",
                    i + 1,
                    encoding::examples()
                );
                return Err(self.origin.error_at(header_line, &message));
            };
            let mut name = name.trim_matches(is_invisible).to_owned();
            if name.is_empty() {
                let is_dropped = config.drop.iter().any(String::is_empty);
                if self.dialect.empty_columns.contains(&i) {
                    self.blank_columns.extend((!is_dropped).then_some(i));
                    notes.push(format!("dropped column {}, which has neither a name nor a cell", i + 1));
                } else if i == 0 && record.len() > 1 {
                    let why = "an index, as pandas writes it; name it to use it";
                    notes.push(format!("dropped the first column, which has no name: {why}"));
                } else if !is_dropped {
                    let message = format!("column {} has no name{hint}, or set data.drop = [\"\"]", i + 1);
                    return Err(self.origin.error_at(header_line, &message));
                }
                unnamed.push(i);
                name = format!("Unnamed: {i}"); // as pandas calls it
            }
            if let Some(first) = seen.insert(name.clone(), i) {
                let message = format!("columns {} and {} are both named `{name}`{hint}", first + 1, i + 1);
                return Err(self.origin.error_at(header_line, &message));
            }
            names.push(name);
        }
        Ok((names, unnamed))
    }
}

/// Whether a row is the header once more, perhaps after a byte order mark. Nearly every row differs in its first cell.
#[inline]
fn is_same(record: &ByteRecord, header: &ByteRecord) -> bool {
    let unmarked = |cell: &'_ [u8]| cell.strip_prefix(b"\xef\xbb\xbf").unwrap_or(cell).to_vec();
    let is_alike = |cell: &[u8], name: &[u8]| cell.len() >= name.len() && cell.ends_with(name);
    record.len() >= 2
        && is_alike(&record[0], &header[0])
        && unmarked(&record[0]) == unmarked(&header[0])
        && record.iter().zip(header).skip(1).all(|(cell, name)| cell == name)
}

fn is_number(cell: &[u8]) -> bool {
    let text = std::str::from_utf8(cell.trim_ascii()).ok();
    text.is_some_and(|text| text.parse::<f64>().is_ok())
}

/// The end of a file in a quoted cell, whose reader would take all rows after the quote for a part of the cell.
pub(super) fn left_open() -> io::Error {
    let message = "a quote that opens in this row is never closed, so that what follows would be a part of one cell: close it, \
                   or remove it";
    io::Error::new(io::ErrorKind::UnexpectedEof, message)
}

/// Rejects NUL bytes and endless records before the CSV reader buffers them, and an end in a quoted cell.
pub(super) struct Guarded {
    inner: BufReader<Box<dyn Read>>,
    display: String,
    line: u64,
    /// Bytes since the last record that has ended.
    pub(super) num_pending: usize,
    /// Follows the bytes, unless whoever reads them does.
    quotes: Option<RecordEnds>,
    is_at_start: bool,
    may_have_nul: bool,
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let num_read = self
            .inner
            .read(buffer)
            .map_err(|error| io::Error::other(format!("{} cannot be read: {error}", self.display)))?;
        let bytes = &buffer[..num_read];
        if let (false, Some(nul)) = (self.may_have_nul, memchr::memchr(0, bytes)) {
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
        if let Some(quotes) = &mut self.quotes {
            // A reader takes a byte order mark at its start for no cell's.
            let is_at_start = std::mem::take(&mut self.is_at_start);
            quotes.last_in(bytes.strip_prefix(BYTE_ORDER_MARK).filter(|_| is_at_start).unwrap_or(bytes));
            if num_read == 0 && !buffer.is_empty() && quotes.is_in_quotes() {
                return Err(left_open());
            }
        }
        Ok(num_read)
    }
}

pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
