//! The interface between file formats and the code that reads rows.
//!
//! A format implements [`Reader`], which yields rows of [`Cell`]s of the requested columns. The code that reads a
//! [`Table`] (`infer`, `follow`, `new_rows`) sees a cell's value, its text, and the [`Place`] to name in an error, but
//! nothing of the format.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::encoding::examples;
use super::origin::Origin;
use crate::invalid::Invalid;

/// The longest row. One of CSV may span lines inside quotes; an unclosed quote would otherwise swallow the whole file.
pub(super) const MAX_RECORD_BYTES: usize = 16 << 20;

/// The value of a cell. Text is not stored here, since most cells are numbers whose text is never read; see
/// [`Row::text`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell {
    /// Any number, even one that a network cannot use: see [`is_usable`].
    Number(f64),
    Text,
    Missing,
}

/// Whether none of the cells is missing.
pub(super) fn are_present(cells: &[Cell]) -> bool {
    !cells.contains(&Cell::Missing)
}

/// Whether a network can use the number: finite, also as f32.
pub(super) fn is_usable(number: f64) -> bool {
    (number as f32).is_finite()
}

/// Why a network cannot use a number, by its text.
pub(super) fn unusable(cell: &str) -> &'static str {
    match cell.parse::<f64>() {
        Ok(number) if number.is_finite() => "beyond what 32 bits hold (3.4e38)",
        _ => "not a finite number",
    }
}

/// Where a cell is in its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// From 1, the header included.
    pub(super) line: u64,
    /// Index of the column.
    pub(super) column: usize,
}

/// Named columns whose rows can be read repeatedly.
pub(super) struct Table<'a> {
    origin: &'a Origin,
    /// Distinct and not empty.
    names: Vec<String>,
    about: About,
    reader: Box<dyn Reader + 'a>,
}

/// What the format knows of a table beside its cells.
#[derive(Default)]
pub(super) struct About {
    /// Whether a comma in a number is more likely a decimal comma.
    pub(super) is_comma_likely: bool,
    /// The encoding, unless it is UTF-8.
    pub(super) encoding: Option<String>,
    /// Columns without a name in the file, which are left out.
    pub(super) unnamed: Vec<usize>,
    /// The target, where the section names none.
    pub(super) target: Option<String>,
    /// The columns that are the pixels of image files, and then the only inputs.
    pub(super) pixels: Option<std::ops::Range<usize>>,
    /// Whether 26 % is the number 0.26 there, as in a workbook.
    pub(super) has_shares: bool,
    /// What to do where a column is not found, after the names of those that are there.
    pub(super) way_out: Option<String>,
    /// How the file was read, where that may surprise.
    pub(super) notes: Vec<String>,
}

/// Takes a row: its line, the cells of the requested columns, and the row itself for their texts.
pub(super) type RowVisitor<'a> = dyn FnMut(u64, &[Cell], &dyn CellTexts) -> ControlFlow<()> + 'a;

/// What a file format implements.
pub(super) trait Reader {
    /// Calls `visit` for every row until it breaks, with the cells of `columns` in this order. Returns the number of rows.
    ///
    /// # Errors
    /// A source that cannot be read or is malformed.
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid>;

    /// Which part of the source, above 0 and up to 1, the rows of the present pass so far were, where that is known.
    fn progress(&self) -> Option<f64> {
        None
    }
}

/// The texts of a row's cells.
pub(super) trait CellTexts {
    /// The cell of a column as it appears in the source; borrowed if it is text there.
    fn bytes(&self, column: usize) -> Cow<'_, [u8]>;

    /// Whether the format says that the cell of a column is a number: then it means the same, however other files write numbers.
    fn is_number(&self, _column: usize) -> bool {
        false
    }
}

/// A row while it is read. `i` counts the requested columns.
pub(super) struct Row<'a> {
    table: &'a Table<'a>,
    columns: &'a [usize],
    cells: &'a [Cell],
    texts: &'a dyn CellTexts,
    pub(super) line: u64,
}

impl<'a> Table<'a> {
    pub(super) fn new(origin: &'a Origin, names: Vec<String>, about: About, reader: Box<dyn Reader + 'a>) -> Self {
        Self { origin, names, about, reader }
    }

    /// The same table, read by what `wrap` makes of its reader.
    pub(super) fn read_by(self, wrap: impl FnOnce(Box<dyn Reader + 'a>) -> Box<dyn Reader + 'a>) -> Self {
        Self { reader: wrap(self.reader), ..self }
    }

    /// The name of the source in errors.
    pub(super) fn display(&self) -> &str {
        &self.origin.display
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn about(&self) -> &About {
        &self.about
    }

    /// Calls `visit` with every row, restricted to the cells of `columns`; returns the number of rows.
    ///
    /// # Errors
    /// A source that cannot be read or is malformed; the first error of `visit`.
    pub(super) fn for_each_row<E: From<Invalid>>(
        &self,
        columns: &[usize],
        mut visit: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut refused = None;
        let num_rows = self.reader.read(columns, &mut |line, cells, texts| match visit(&Row {
            table: self,
            columns,
            cells,
            texts,
            line,
        }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                refused = Some(error);
                ControlFlow::Break(())
            }
        });
        match refused {
            Some(error) => Err(error),
            None => Ok(num_rows?),
        }
    }

    /// Calls `visit` for every row as the format does.
    ///
    /// # Errors
    /// A source that cannot be read or is malformed.
    pub(super) fn visit(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        self.reader.read(columns, visit)
    }

    /// See [`Reader::progress`].
    pub(super) fn progress(&self) -> Option<f64> {
        self.reader.progress()
    }

    /// How a line is told in a note: `line 7`, or `line 7 of b.csv` where there are several files.
    pub(super) fn shown_line(&self, line: u64) -> String {
        self.origin.shown_line(line)
    }

    /// An error about the source as a whole: `titanic.csv is empty`.
    pub(super) fn error(&self, message: &str) -> Invalid {
        self.origin.error(message)
    }

    /// An error in a line.
    pub(super) fn error_at(&self, line: u64, message: &str) -> Invalid {
        self.origin.error_at(line, message)
    }

    /// An error in a line, attributed to the config key `key` rather than the one that names the source.
    pub(super) fn error_at_with(&self, key: &str, line: u64, message: &str) -> Invalid {
        self.origin.error_at_with(key, line, message)
    }

    /// An error in a cell: `titanic.csv:7: column ``Age`` holds ...`, where `message` begins after the name.
    pub(super) fn error_in(&self, place: Place, message: &str) -> Invalid {
        self.error_in_with(self.origin.key, place, message)
    }

    /// The same, attributed to `key`.
    pub(super) fn error_in_with(&self, key: &str, place: Place, message: &str) -> Invalid {
        self.error_at_with(key, place.line, &format!("column `{}` {message}", self.names[place.column]))
    }
}

impl<'a> Row<'a> {
    /// In the order requested.
    pub(super) fn cells(&self) -> &'a [Cell] {
        self.cells
    }

    pub(super) fn place(&self, i: usize) -> Place {
        Place { line: self.line, column: self.columns[i] }
    }

    /// Cell `i` as it appears in the source.
    pub(super) fn bytes(&self, i: usize) -> Cow<'a, [u8]> {
        self.texts.bytes(self.columns[i])
    }

    /// Cell `i`, trimmed.
    ///
    /// # Errors
    /// Bytes that are not UTF-8.
    pub(super) fn text(&self, i: usize) -> Result<Cow<'a, str>, Invalid> {
        let text = match self.bytes(i) {
            Cow::Borrowed(bytes) => std::str::from_utf8(content(bytes)).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(content(&bytes).to_vec()).ok().map(Cow::Owned),
        };
        let text = text.ok_or_else(|| {
            let message = format!(
                "holds `{}`, which is not UTF-8: correct it, or, if the file has another encoding, name it in data.encoding ({})",
                self.shown(i),
                examples()
            );
            self.error(i, &message)
        })?;
        Ok(match text {
            Cow::Borrowed(text) if !text.is_ascii() => Cow::Borrowed(text.trim_matches(is_invisible)),
            Cow::Owned(text) if !text.is_ascii() => Cow::Owned(text.trim_matches(is_invisible).to_owned()),
            text => text,
        })
    }

    /// The number in cell `i`, if it is one by its format, and not by its text.
    #[inline]
    pub(super) fn typed(&self, i: usize) -> Option<f64> {
        match self.cells[i] {
            Cell::Number(number) if self.texts.is_number(self.columns[i]) => Some(number),
            _ => None,
        }
    }

    /// Cell `i`, whatever it holds, for an error message.
    pub(super) fn shown(&self, i: usize) -> String {
        shorten(&String::from_utf8_lossy(self.bytes(i).trim_ascii()))
    }

    /// An error in cell `i`; `message` begins after the column's name.
    pub(super) fn error(&self, i: usize, message: &str) -> Invalid {
        self.table.error_in(self.place(i), message)
    }

    /// An error in this line.
    pub(super) fn error_in_line(&self, message: &str) -> Invalid {
        self.table.error_at(self.line, message)
    }

    pub(super) fn table(&self) -> &'a Table<'a> {
        self.table
    }
}

/// A cell without blanks around it, without quotes after a blank (`a, "b"`), which are none for the standard, and without the
/// formula by which Excel keeps the zeros of `="007"`.
#[inline]
pub(super) fn content(cell: &[u8]) -> &[u8] {
    // Nearly every cell is a number.
    if let ([b'-' | b'.' | b'0'..=b'9', ..], [.., b'0'..=b'9']) = (cell, cell) {
        return cell;
    }
    let text = cell.trim_ascii();
    match text {
        [b'=', b'"', inner @ .., b'"'] if !inner.contains(&b'"') => inner,
        [b'"', inner @ .., b'"'] if cell[0] != b'"' && !inner.contains(&b'"') => inner.trim_ascii(),
        text => text,
    }
}

/// Whether a file begins with a mark of letters, and is none whose first column has that name.
pub(super) fn is_marked(start: &[u8], mark: &[u8]) -> bool {
    let is_text = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
    start.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || !rest.iter().take(4).all(is_text))
}

/// Unusual spaces, characters without width, and the byte order mark of a file that was appended to another one.
pub(super) fn is_invisible(char: char) -> bool {
    char.is_whitespace() || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// A cell for an error message.
pub(super) fn shorten(text: &str) -> String {
    const MAX_CHARS: usize = 40;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
