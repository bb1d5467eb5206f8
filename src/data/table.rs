//! The seam between file formats and everything that is made of rows.
//!
//! A format implements [`Reader`]: it hands over rows of [`Cell`]s, of the columns that are asked for. Whoever reads a
//! [`Table`] (`infer`, `follow`, `new_rows`) learns what a cell is, its text, and the [`Place`] to name in an error, and
//! nothing of the format.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::origin::Origin;
use crate::invalid::Invalid;

/// What a cell holds. The text of a cell is not in it: most cells are numbers, whose text nobody reads ([`Row::text`]).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell {
    /// Any number, also one that no network takes: see [`is_usable`].
    Number(f64),
    Text,
    Missing,
}

/// Whether a network can take the number: finite, also as f32.
pub(super) fn is_usable(number: f64) -> bool {
    (number as f32).is_finite()
}

/// Where a cell is in its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// From 1; the header is a line, too.
    pub(super) line: u64,
    /// Index of the column.
    pub(super) column: usize,
}

/// Named columns whose rows can be read any number of times.
pub(super) struct Table<'a> {
    origin: &'a Origin,
    /// Distinct and not empty.
    names: Vec<String>,
    /// Whether the names may be a first row of data that was taken for the header.
    has_numeric_header: bool,
    reader: Box<dyn Reader + 'a>,
}

/// What a format has to do.
pub(super) trait Reader {
    /// Calls `visit` for every row, with its line, the cells of `columns` in this order, and the row itself for their
    /// texts, until `visit` breaks. Returns the number of rows.
    ///
    /// # Errors
    /// A source that cannot be read or is malformed.
    fn read(
        &self,
        columns: &[usize],
        visit: &mut dyn FnMut(u64, &[Cell], &dyn CellTexts) -> ControlFlow<()>,
    ) -> Result<usize, Invalid>;
}

/// The texts of a row's cells.
pub(super) trait CellTexts {
    /// The cell of a column as it stands in the source; borrowed where it is text there.
    fn bytes(&self, column: usize) -> Cow<'_, [u8]>;
}

/// A row while it goes by. `i` counts the columns that were asked for.
pub(super) struct Row<'a> {
    table: &'a Table<'a>,
    columns: &'a [usize],
    cells: &'a [Cell],
    texts: &'a dyn CellTexts,
    pub(super) line: u64,
}

impl<'a> Table<'a> {
    /// `has_numeric_header`: the names were read from the source, and all of them are numbers.
    pub(super) fn new(
        origin: &'a Origin,
        names: Vec<String>,
        has_numeric_header: bool,
        reader: Box<dyn Reader + 'a>,
    ) -> Self {
        Self { origin, names, has_numeric_header, reader }
    }

    /// As errors name the source.
    pub(super) fn display(&self) -> &str {
        &self.origin.display
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn has_numeric_header(&self) -> bool {
        self.has_numeric_header
    }

    /// Calls `visit` with every row, of which it has the cells of `columns`; returns the number of rows.
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

    /// An error about the source as a whole: `titanic.csv is empty`.
    pub(super) fn error(&self, message: &str) -> Invalid {
        self.origin.error(message)
    }

    /// An error in a line.
    pub(super) fn error_at(&self, line: u64, message: &str) -> Invalid {
        self.origin.error_at(line, message)
    }

    /// An error in a line for which the config key `key` is to blame, rather than the one that names the source.
    pub(super) fn error_at_with(&self, key: &str, line: u64, message: &str) -> Invalid {
        self.origin.error_at_with(key, line, message)
    }

    /// An error in a cell: `titanic.csv:7: column ``Age`` holds ...`, where `message` begins after the name.
    pub(super) fn error_in(&self, place: Place, message: &str) -> Invalid {
        self.error_in_with(self.origin.key, place, message)
    }

    /// The same, with `key` to blame.
    pub(super) fn error_in_with(&self, key: &str, place: Place, message: &str) -> Invalid {
        self.error_at_with(key, place.line, &format!("column `{}` {message}", self.names[place.column]))
    }
}

impl<'a> Row<'a> {
    /// In the order that was asked for.
    pub(super) fn cells(&self) -> &'a [Cell] {
        self.cells
    }

    pub(super) fn place(&self, i: usize) -> Place {
        Place { line: self.line, column: self.columns[i] }
    }

    /// Cell `i` as it stands in the source.
    pub(super) fn bytes(&self, i: usize) -> Cow<'a, [u8]> {
        self.texts.bytes(self.columns[i])
    }

    /// Cell `i` without the blanks around it.
    ///
    /// # Errors
    /// Bytes that are not UTF-8.
    pub(super) fn text(&self, i: usize) -> Result<Cow<'a, str>, Invalid> {
        let text = match self.bytes(i) {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes.trim_ascii()).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes.trim_ascii().to_vec()).ok().map(Cow::Owned),
        };
        text.ok_or_else(|| self.error(i, "is not UTF-8: convert the file"))
    }

    /// Cell `i` as an error shows it, whatever it holds.
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

/// A cell as an error shows it.
pub(super) fn shorten(text: &str) -> String {
    const MAX_CHARS: usize = 40;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
