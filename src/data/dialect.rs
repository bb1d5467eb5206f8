//! How a CSV file is written: what separates its cells, what quotes them, and which lines come before the table.

use csv::{ByteRecord, ReaderBuilder};

use super::DataConfig;
use super::blanks;
use super::distinct::Distinct;
use super::labels::quote;
use super::number::{Hints, infer};

/// Records looked at to tell.
const MAX_RECORDS: usize = 200;
/// Cells of them that are read as numbers: a record may have thousands.
const MAX_CELLS_READ: usize = 2000;
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How the lines of a file end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum LineEnd {
    Lf,
    CrLf,
    Cr,
}

/// How quoted cells are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Quoting {
    /// `"a ""b"" c"`, the standard.
    Double,
    /// `"a \"b\" c"`.
    Backslash,
    /// `'a, b'`.
    Single,
}

/// How a CSV file is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// Whether the delimiter is a run of spaces.
    pub(super) is_aligned: bool,
    pub(super) quoting: Quoting,
    pub(super) line_end: LineEnd,
    /// Lines above the header, or above the first row.
    pub(super) num_skipped: usize,
    /// Rows may have one cell more than the header, an empty one: their last delimiter ends a line.
    pub(super) has_trailing_delimiter: bool,
    /// Columns that are empty in the first rows.
    pub(super) empty_columns: Vec<usize>,
    pub(super) notes: Vec<String>,
}

impl Dialect {
    /// What quotes a cell.
    pub(super) fn quote(&self) -> u8 {
        if self.quoting == Quoting::Single { b'\'' } else { b'"' }
    }

    /// A builder of readers for it, except for the lines to skip.
    pub(super) fn builder(&self) -> ReaderBuilder {
        builder(self.delimiter, self.quoting)
    }
}

fn builder(delimiter: u8, quoting: Quoting) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    // The header and the number of cells are checked by the caller, for better messages.
    builder.delimiter(delimiter).has_headers(false).flexible(true);
    match quoting {
        Quoting::Double => &mut builder,
        Quoting::Backslash => builder.double_quote(false).escape(Some(b'\\')),
        Quoting::Single => builder.quote(b'\''),
    };
    builder
}

/// The dialect of a file that begins with `start`, in UTF-8 or nearly so.
pub(super) fn infer_dialect(start: &[u8], is_whole: bool, config: &DataConfig) -> Dialect {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let mut notes = Vec::new();
    let line_end = line_end(start);
    let mut lines = Lines { rest: start, line_end, num_taken: 0 };
    let mut delimiter = config.delimiter.map(|delimiter| delimiter as u8); // ASCII: checked with the section
    if config.skip_rows.is_none()
        && let Some(separator) = lines.peek().and_then(separator_line)
    {
        lines.next();
        notes.push(format!("the first line, `sep={}`, names the delimiter", char::from(separator)));
        delimiter = delimiter.or(Some(separator));
    }
    match config.skip_rows {
        Some(count) => {
            lines.by_ref().take(count).for_each(drop);
        }
        None => skip_comments(&mut lines, config, is_whole, delimiter, &mut notes),
    }
    let body = lines.rest;
    let most_frequent = most_frequent(body);
    let candidates: Vec<u8> = match delimiter {
        Some(given) => vec![given],
        None => std::iter::once(most_frequent)
            .chain(DELIMITERS.into_iter().filter(|&other| other != most_frequent))
            .collect(),
    };
    let sample = |delimiter, quoting| Sample::read(body, is_whole, delimiter, quoting, config);
    let mut best = sample(candidates[0], Quoting::Double);
    for &other in &candidates[1..] {
        let other = sample(other, Quoting::Double);
        let is_better = match (best.is_consistent(), other.is_consistent()) {
            (false, true) => true,
            (true, true) => other.share_of_numbers > best.share_of_numbers + 0.1,
            _ => false,
        };
        if is_better {
            best = other;
        }
    }
    if !best.is_consistent() {
        let other = |quoting| candidates.iter().map(move |&delimiter| sample(delimiter, quoting));
        let mut others = other(Quoting::Backslash).chain(other(Quoting::Single));
        if let Some(other) = others.find(Sample::is_consistent) {
            best = other;
            notes.push(match best.quoting {
                Quoting::Single => "cells are quoted with `'`".to_owned(),
                Quoting::Double | Quoting::Backslash => "quotes inside cells are written `\\\"`".to_owned(),
            });
        }
    }
    let mut is_aligned = false;
    if !best.is_consistent()
        && let Some(collapsed) = blanks::collapsed(body, delimiter, &DELIMITERS)
    {
        let aligned = Sample::read(&collapsed, is_whole, b' ', Quoting::Double, config);
        // Lines of words are a text, whatever their number.
        if aligned.is_consistent() && aligned.share_of_numbers > 0.2 {
            (best, is_aligned) = (aligned, true);
            notes.push("runs of spaces separate the cells".to_owned());
        }
    }
    if config.skip_rows.is_none() && best.num_titles > 0 {
        let mut titles = Vec::new();
        for _ in 0..best.num_titles {
            let title = String::from_utf8_lossy(lines.next().unwrap_or_default()).trim().to_owned();
            let is_blank = title.bytes().all(|byte| byte == best.delimiter || byte == b' ');
            titles.extend((!is_blank).then(|| quote(&title)));
        }
        notes.push(format!("skipped above the header: {} (data.skip_rows = 0 reads it)", titles.join(", ")));
    }
    Dialect {
        delimiter: best.delimiter,
        is_aligned,
        quoting: best.quoting,
        line_end,
        num_skipped: lines.num_taken,
        has_trailing_delimiter: best.has_trailing_delimiter,
        empty_columns: best.empty_columns,
        notes,
    }
}

/// The lines of a text that are not part of its table.
#[derive(Clone)]
struct Lines<'a> {
    rest: &'a [u8],
    line_end: LineEnd,
    num_taken: usize,
}

impl<'a> Lines<'a> {
    fn peek(&self) -> Option<&'a [u8]> {
        self.clone().next()
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = if self.line_end == LineEnd::Cr { b'\r' } else { b'\n' };
        let length = self.rest.iter().position(|&byte| byte == end).map_or(self.rest.len(), |at| at + 1);
        let (line, rest) = self.rest.split_at(length);
        (self.rest, self.num_taken) = (rest, self.num_taken + 1);
        Some(line.trim_ascii())
    }
}

/// Takes the lines that begin with the comment character, unless the first of them is the header: `#id,name`.
fn skip_comments(
    lines: &mut Lines<'_>,
    config: &DataConfig,
    is_whole: bool,
    delimiter: Option<u8>,
    notes: &mut Vec<String>,
) {
    let is_comment = |line: &[u8]| line.starts_with(b"#");
    // A character that the config names is skipped anywhere, by the reader.
    if config.comment.is_some() || !lines.peek().is_some_and(is_comment) {
        return;
    }
    let mut after = lines.clone();
    let mut last = after.peek().unwrap_or_default();
    while let Some(line) = after.peek().filter(|line| is_comment(line)) {
        last = line;
        after.next();
    }
    let delimiter = delimiter.unwrap_or_else(|| most_frequent(after.rest));
    let width = Sample::read(after.rest, is_whole, delimiter, Quoting::Double, config).width;
    let cells = last.iter().filter(|&&byte| byte == delimiter).count() + 1;
    if width >= 2 && cells == width {
        return;
    }
    let count = after.num_taken - lines.num_taken;
    notes.push(match count {
        1 => "skipped a comment line above the header, which begins with `#`".to_owned(),
        count => format!("skipped {count} comment lines above the header, which begin with `#`"),
    });
    *lines = after;
}

/// The delimiter in a line that only names it, as Excel reads: `sep=;`.
fn separator_line(line: &[u8]) -> Option<u8> {
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let is_it = line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"sep="));
    match line.get(4..) {
        Some(&[separator]) if is_it && separator.is_ascii() => Some(separator),
        // A tab at the end of the line is trimmed.
        Some([]) if is_it => Some(b'\t'),
        _ => None,
    }
}

/// The first records of a file, read with one delimiter.
struct Sample {
    delimiter: u8,
    quoting: Quoting,
    /// Cells of most records.
    width: usize,
    /// Lines above the header that are no part of the table.
    num_titles: usize,
    has_trailing_delimiter: bool,
    empty_columns: Vec<usize>,
    share_of_numbers: f64,
    /// Whether all records have the width.
    is_even: bool,
}

impl Sample {
    fn read(body: &[u8], is_whole: bool, delimiter: u8, quoting: Quoting, config: &DataConfig) -> Self {
        let mut builder = builder(delimiter, quoting);
        let mut reader = builder.comment(config.comment.map(|comment| comment as u8)).from_reader(body);
        let mut records: Vec<ByteRecord> = reader.byte_records().take(MAX_RECORDS).map_while(Result::ok).collect();
        // The last one may be cut.
        if !is_whole && records.len() < MAX_RECORDS {
            records.pop();
        }
        records.retain(|record| record.len() > 1 || !record[0].trim_ascii().is_empty());
        let width = most_common(records.iter().map(ByteRecord::len));
        // Programs that write whole sheets fill a title up with delimiters: `Name: Test;;`.
        let is_filled_up = |record: &ByteRecord| {
            config.header && record.len() == width && record.iter().skip(1).all(|cell| cell.trim_ascii().is_empty())
        };
        let is_above = |record: &ByteRecord| record.len() != width || is_filled_up(record);
        let first = records.iter().position(|record| !is_above(record)).unwrap_or(0);
        // Words over numbers are names. Over words they may be a first row, below a header that lacks names.
        let is_over_numbers = || {
            let is_of_numbers = |column: usize| {
                let cells = records[first + 1..].iter().filter_map(|record| record.get(column));
                let (numbers, others): (Vec<&[u8]>, Vec<&[u8]>) = cells.partition(|cell| is_number(cell));
                numbers.len() > others.len()
            };
            (0..width).any(is_of_numbers)
        };
        let is_title = first > 0
            && width >= 2
            && records[..first].iter().all(|record| record.len() < width || is_filled_up(record) && is_over_numbers())
            && records.len() >= first + 2
            && (!config.header || is_header(&records[first]));
        // Lines, since a title is no record: its quotes mean nothing.
        let num_titles = match is_title {
            true => records[first].position().map_or(0, |position| position.line() as usize - 1),
            false => 0,
        };
        let table = if is_title { &records[first..] } else { &records[..] };
        let is_blank =
            |record: &ByteRecord, column: usize| record.get(column).is_some_and(|cell| cell.trim_ascii().is_empty());
        let (header, rows) = match table {
            [header, rows @ ..] if config.header => (Some(header), rows),
            rows => (None, rows),
        };
        let has_trailing_delimiter = header.is_some_and(|header| {
            header.len() + 1 == width && rows.iter().all(|row| row.len() < width || is_blank(row, width - 1))
        });
        let is_even =
            table.iter().all(|record| record.len() == width || has_trailing_delimiter && record.len() + 1 == width);
        let is_empty = |column: &usize| !rows.is_empty() && rows.iter().all(|row| is_blank(row, *column));
        Self {
            delimiter,
            quoting,
            width,
            num_titles,
            has_trailing_delimiter,
            empty_columns: (0..width).filter(is_empty).collect(),
            share_of_numbers: share_of_numbers(rows),
            is_even,
        }
    }

    fn is_consistent(&self) -> bool {
        self.width >= 2 && self.is_even
    }
}

/// Whether the cells of a record may be names of columns: no numbers.
fn is_header(record: &ByteRecord) -> bool {
    record.iter().all(|cell| !cell.trim_ascii().is_empty() && !is_number(cell))
}

fn is_number(cell: &[u8]) -> bool {
    String::from_utf8_lossy(cell.trim_ascii()).parse::<f64>().is_ok()
}

/// The share of cells that are numbers, in any syntax.
fn share_of_numbers(rows: &[ByteRecord]) -> f64 {
    let cells = rows.iter().flatten().take(MAX_CELLS_READ);
    let cells: Vec<_> = cells.map(|cell| String::from_utf8_lossy(cell.trim_ascii())).collect();
    let is_number = |text: &str| infer(&[Distinct { text, count: 1, line: 0 }], Hints::default()).is_some();
    let count = cells.iter().filter(|cell| is_number(cell)).count();
    count as f64 / cells.len().max(1) as f64
}

fn most_common(widths: impl Iterator<Item = usize>) -> usize {
    let mut counts: Vec<(usize, usize)> = Vec::new();
    for width in widths {
        match counts.iter_mut().find(|(other, _)| *other == width) {
            Some((_, count)) => *count += 1,
            None => counts.push((width, 1)),
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or(0, |(width, _)| width)
}

/// The most frequent delimiter outside quotes in the first line, a comma when there is none.
fn most_frequent(start: &[u8]) -> u8 {
    let mut counts = [0usize; DELIMITERS.len()];
    let mut is_quoted = false;
    let blank = start.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(0);
    for &byte in &start[blank..] {
        match byte {
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            b'\r' | b'\n' => break,
            _ => DELIMITERS.iter().zip(&mut counts).for_each(|(&one, count)| *count += usize::from(one == byte)),
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    DELIMITERS[counts.iter().position(|&count| count == most).unwrap_or(0)]
}

/// How the first line ends that has an end outside quotes.
fn line_end(start: &[u8]) -> LineEnd {
    let mut is_quoted = false;
    let blank = start.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(0);
    for (i, &byte) in start[blank..].iter().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            b'\n' => return LineEnd::Lf,
            b'\r' => {
                return if start.get(blank + i + 1) == Some(&b'\n') { LineEnd::CrLf } else { LineEnd::Cr };
            }
            _ => {}
        }
    }
    LineEnd::Lf
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(text: &str) -> Dialect {
        infer_dialect(text.as_bytes(), true, &DataConfig::default())
    }

    #[test]
    fn the_first_lines_tell_the_dialect() {
        for (text, delimiter, num_skipped) in [
            ("a,b\n1,2\n", b',', 0),
            ("a;b\n1,5;2,5\n2,5;1\n", b';', 0),
            ("sep=;\r\na;b\r\n1;2\r\n", b';', 1),
            ("\"sep=|\"\na|b\n1|2\n", b'|', 1),
            ("# made by a tool\n# 1, 2\na,b,c\n1,2,3\n", b',', 2),
            ("#id,b\n1,2\n3,4\n", b',', 0),
            // Blank lines are skipped by the reader.
            ("Export of May\n\na,b\n1,2\n3,4\n", b',', 1),
            ("Größe, cm;Preis, EUR\n61,2;4,05\n49,7;3,50\n", b';', 0),
            ("year\n1\n2\n", b',', 0),
            ("a      b     y\n -1.22   0.38 no\n  0.99  -0.51 yes\n", b' ', 0),
            ("a b y\n-1,22 0,38 no\n0,99 -0,51 yes\n", b' ', 0),
            ("a text\nof one column\n\nand some more\n", b',', 0),
            ("a,b\n1,2\n1\n", b',', 0),
            // Filled up with delimiters, which a first column without a name is not.
            ("Name: Test;;\n;;\na;b;c\n1;2;3\n4;5;6\n", b';', 2),
            (";x\na;1\nb;2\n", b';', 0),
            ("city;\nUlm;a\nBonn;b\n", b';', 0),
            ("x;\n1;2\n3;4\n", b';', 0),
        ] {
            let found = dialect(text);
            assert_eq!((found.delimiter, found.num_skipped), (delimiter, num_skipped), "{text}");
        }
        assert_eq!(dialect("a,b\r1,2\r").line_end, LineEnd::Cr);
        assert!(dialect("a,b,y\n1,2,0,\n2,3,1,\n").has_trailing_delimiter);
        assert_eq!(dialect("a,b,\n1,2,\n2,3,\n").empty_columns, [2]);
    }

    #[test]
    fn quotes_are_those_with_which_the_rows_fit() {
        assert_eq!(dialect("a,b\n\"he said \\\"hi, 0\\\" ok\",1\n\"x\",2\n").quoting, Quoting::Backslash);
        assert_eq!(dialect("a,b\n'X, 0',1\n'X, 1',2\n").quoting, Quoting::Single);
        assert_eq!(dialect("a,b\n\"X, 0\",1\n0\" pipe,2\n").quoting, Quoting::Double);
        assert_eq!(dialect("a,b\no'Neill,1\nx,2\n").quoting, Quoting::Double);
    }
}
