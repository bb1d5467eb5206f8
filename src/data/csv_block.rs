//! A block of a large CSV file: whole records, and the rows that they are.

use std::borrow::Cow;

use csv::ByteRecord;

use super::csv::{BYTE_ORDER_MARK, CsvReader, Rules};
use super::dialect::LineEnd;
use super::origin::BUFFER_BYTES;
use super::table::{Cell, CellTexts, content};
use crate::invalid::Invalid;

/// Whole records. Its memory is used again for the next ones.
#[derive(Default)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// Line feeds of the file before it.
    pub(super) num_lines_before: u64,
    /// Of each row.
    lines: Vec<u64>,
    /// Of the requested columns, row by row.
    cells: Vec<Cell>,
    /// Whether the cells are in `bytes` as they are, between delimiters.
    is_plain: bool,
    /// Else, the cells of all columns without quotes, one after the other.
    texts: Vec<u8>,
    /// Where the first cell of each row begins, and where each cell ends.
    starts: Vec<u32>,
    ends: Vec<u32>,
    /// Why the rows after these cannot be read.
    pub(super) failed: Option<Invalid>,
}

/// The texts of a row.
pub(super) struct RowTexts<'a> {
    texts: &'a [u8],
    ends: &'a [u32],
    start: u32,
    /// Bytes between two cells.
    gap: u32,
}

impl CellTexts for RowTexts<'_> {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        let start = column.checked_sub(1).map_or(self.start, |before| self.ends[before] + self.gap);
        Cow::Borrowed(&self.texts[start as usize..self.ends[column] as usize])
    }
}

impl Block {
    /// The line of each row, its cells of the `width` requested columns, and the texts of all `num_columns`.
    pub(super) fn rows(&self, width: usize, num_columns: usize) -> impl Iterator<Item = (u64, &[Cell], RowTexts<'_>)> {
        let (texts, gap) = if self.is_plain { (&self.bytes, 1) } else { (&self.texts, 0) };
        self.lines.iter().zip(&self.starts).enumerate().map(move |(row, (&line, &start))| {
            let ends = &self.ends[row * num_columns..][..num_columns];
            (line, &self.cells[row * width..][..width], RowTexts { texts, ends, start, gap })
        })
    }

    fn clear(&mut self) {
        self.lines.clear();
        self.cells.clear();
        self.texts.clear();
        self.starts.clear();
        self.ends.clear();
        self.failed = None;
    }
}

impl CsvReader<'_> {
    /// Parses `block`; `has_header`: its first record is none of data.
    pub(super) fn parse(&self, block: &mut Block, has_header: bool, columns: &[usize], rules: &Rules) {
        block.clear();
        let has = |byte: u8| memchr::memchr(byte, &block.bytes).is_some();
        let is_plain = self.dialect.line_end == LineEnd::Lf
            && !has(self.dialect.quote())
            && !has(b'\r')
            && !self.comment.is_some_and(has)
            && !block.bytes.starts_with(BYTE_ORDER_MARK);
        block.is_plain = is_plain;
        let parsed = match is_plain {
            true => self.parse_plain(block, has_header, columns, rules),
            false => self.parse_any(block, has_header, columns, rules),
        };
        block.failed = parsed.err();
    }

    fn parse_any(&self, block: &mut Block, has_header: bool, columns: &[usize], rules: &Rules) -> Result<(), Invalid> {
        let Block { bytes, num_lines_before, lines, cells, texts, starts, ends, .. } = block;
        let mut builder = self.dialect.builder();
        let mut reader = builder.comment(self.comment).buffer_capacity(BUFFER_BYTES).from_reader(&**bytes);
        let mut record = ByteRecord::new();
        let mut is_header = has_header;
        // Reading from memory does not fail.
        while reader.read_byte_record(&mut record).map_err(|_| self.origin.error("is not a CSV file"))? {
            if std::mem::take(&mut is_header) {
                continue;
            }
            let line = self.line_of(&record) + *num_lines_before;
            let num_lines = reader.position().line().saturating_sub(self.line_of(&record) - self.num_skipped());
            if !self.check(&record, line, num_lines > 1, rules)? {
                continue;
            }
            lines.push(line);
            cells.extend(columns.iter().map(|&column| self.cells.read(content(&record[column]))));
            let start = texts.len() as u32;
            let end = record.range(self.num_columns - 1).map_or(0, |range| range.end);
            texts.extend_from_slice(&record.as_slice()[..end]);
            starts.push(start);
            let ranges = (0..self.num_columns).filter_map(|column| record.range(column));
            ends.extend(ranges.map(|range| start + range.end as u32));
        }
        Ok(())
    }

    /// The same for bytes without quotes, comments and CR: several times faster.
    fn parse_plain(
        &self,
        block: &mut Block,
        has_header: bool,
        columns: &[usize],
        rules: &Rules,
    ) -> Result<(), Invalid> {
        let Block { bytes, num_lines_before, lines, cells, starts, ends, .. } = block;
        let mut is_header = has_header;
        let mut num_lines = 0;
        // The line of a record after blank lines is that of the first of them, as the crate `csv` has it.
        let mut line = self.num_skipped() + *num_lines_before + 1;
        let (mut row_start, mut row) = (0, ends.len());
        let is_unended = bytes.last().is_some_and(|&last| last != b'\n');
        for place in memchr::memchr2_iter(self.dialect.delimiter, b'\n', bytes).chain(is_unended.then_some(bytes.len()))
        {
            ends.push(place as u32);
            if bytes.get(place).is_some_and(|&byte| byte != b'\n') {
                continue;
            }
            num_lines += 1;
            let (start, own) = (std::mem::replace(&mut row_start, place + 1), std::mem::replace(&mut row, ends.len()));
            let of_row = &ends[own..];
            let is_row = match of_row {
                [end] if *end as usize == start => false,
                _ => {
                    let begun = std::mem::replace(&mut line, self.num_skipped() + *num_lines_before + num_lines + 1);
                    let is_row =
                        !std::mem::take(&mut is_header) && self.check_plain(bytes, start, of_row, begun, rules)?;
                    if is_row {
                        lines.push(begun);
                    }
                    is_row
                }
            };
            if !is_row {
                ends.truncate(own);
                row = own;
                continue;
            }
            ends.truncate(own + self.num_columns);
            row = ends.len();
            let of_row = &ends[own..];
            let text = |column: usize| {
                let start = column.checked_sub(1).map_or(start, |before| of_row[before] as usize + 1);
                &bytes[start..of_row[column] as usize]
            };
            starts.push(start as u32);
            cells.extend(columns.iter().map(|&column| self.cells.read(content(text(column)))));
        }
        Ok(())
    }

    /// As [`CsvReader::check`], of the record from `start` with cells up to `ends`.
    fn check_plain(&self, bytes: &[u8], start: usize, ends: &[u32], line: u64, rules: &Rules) -> Result<bool, Invalid> {
        // Nearly every row has as many cells as it should, and another first cell than the header.
        let first = &bytes[start..ends[0] as usize];
        let is_like_header = rules.header.is_some_and(|header| first.ends_with(&header[0]));
        if ends.len() == self.num_columns && !is_like_header && self.blank_columns.is_empty() {
            return Ok(true);
        }
        let starts = std::iter::once(start).chain(ends.iter().map(|&end| end as usize + 1));
        let cells = starts.zip(ends).map(|(start, &end)| &bytes[start..end as usize]);
        self.check(&cells.collect(), line, false, rules)
    }
}
