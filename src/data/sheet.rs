//! A sheet of a spreadsheet as a table, with the feature `excel`. Row by row: a sheet may be larger than memory, and one cell at
//! its far corner makes none of it.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use super::cell_parser::CellParser;
use super::origin::Origin;
use super::table::{About, CellTexts, Reader, RowVisitor, Table, content, is_invisible};
use super::{DataConfig, labels};
use crate::invalid::Invalid;

/// Columns that Excel and LibreOffice have, up to `XFD`.
const MAX_COLUMNS: u32 = 16_384;

/// An open file.
pub(super) trait Book {
    /// In their order.
    fn sheet_names(&self) -> Vec<String>;

    /// The cells of one of them.
    ///
    /// # Errors
    /// A damaged file.
    fn cells(&mut self, name: &str) -> Result<Box<dyn Cells + '_>, Invalid>;

    /// What a sheet has that a table has not.
    ///
    /// # Errors
    /// A damaged file.
    fn oddities(&mut self, name: &str) -> Result<Oddities, Invalid>;
}

/// What a sheet has that a table has not. Rows and columns count from 0.
#[derive(Default)]
pub(super) struct Oddities {
    pub(super) merged: Vec<Merged>,
    /// Per column, the cells with a formula whose result the file does not have.
    pub(super) uncomputed: BTreeMap<u32, u64>,
}

/// Cells that are shown as one, which has the value of the first.
#[derive(Clone, Copy)]
pub(super) struct Merged {
    /// The first and the last one.
    pub(super) rows: [u32; 2],
    /// The first and the last one.
    pub(super) columns: [u32; 2],
}

impl Oddities {
    /// A note for each kind, about the columns with these names below row `header`.
    fn notes(&self, names: &[String], header: u32) -> Vec<String> {
        const MAX_NAMED: usize = 6;
        let mut empty: BTreeMap<u32, u64> = BTreeMap::new();
        for Merged { rows: [first, last], columns: [left, right] } in &self.merged {
            let num_rows = u64::from(if *first > header { last - first } else { last.saturating_sub(header) });
            for column in *left..=(*right).min(names.len().saturating_sub(1) as u32) {
                // Beside the first column, the first row has no value, either.
                let num_empty = num_rows + u64::from(column > *left && *first > header);
                *empty.entry(column).or_default() += num_empty;
            }
        }
        let told = |cells: &BTreeMap<u32, u64>| -> Option<(String, u64)> {
            let cells = cells.iter().filter(|(column, count)| **count > 0 && (**column as usize) < names.len());
            let named: Vec<String> = cells.clone().map(|(column, _)| labels::quote(&names[*column as usize])).collect();
            (!named.is_empty()).then(|| (labels::list(&named, MAX_NAMED), cells.map(|(_, count)| count).sum()))
        };
        let merged = told(&empty).map(|(columns, count)| {
            format!(
                "merged cells in {columns}: {count} cells that belong to them are empty, and count as missing (unmerge the cells, and \
                 fill the value into all of them)"
            )
        });
        let uncomputed = told(&self.uncomputed).map(|(columns, count)| {
            format!(
                "{count} formulas in {columns} have no result in the file, and count as missing: open it in Excel or LibreOffice, \
                 and save it"
            )
        });
        merged.into_iter().chain(uncomputed).collect()
    }
}

/// The cells of a sheet, row after row.
pub(super) trait Cells {
    /// The next one, if there is any; it may be empty.
    ///
    /// # Errors
    /// A damaged file.
    fn next(&mut self) -> Result<Option<SheetCell>, Invalid>;
}

/// A cell as it would be written in a CSV file. Its row and column count from 0.
pub(super) struct SheetCell {
    pub(super) row: u32,
    pub(super) column: u32,
    pub(super) text: String,
    /// Whether it holds a number, and not a text that looks like one.
    pub(super) is_number: bool,
}

/// Opens a file of some kind.
pub(super) type Open = for<'o> fn(&'o Origin, &Path) -> Result<Box<dyn Book + 'o>, Invalid>;

/// An error about a file of either kind.
pub(super) fn unreadable(origin: &Origin, why: &str) -> Invalid {
    let why: Vec<&str> = why.split_whitespace().collect();
    origin.error(&format!("is no workbook that can be read: {}; save the sheet as CSV (UTF-8)", why.join(" ")))
}

/// Reads the rows of a sheet.
struct Sheet<'a> {
    origin: &'a Origin,
    path: &'a Path,
    open: Open,
    name: String,
    /// Index of the row of names.
    header: u32,
    num_columns: usize,
    cells: CellParser,
}

/// The table in the sheet that `data.sheet` names, or the first one: its first row that is not empty has the names of the
/// columns, or the one after `data.skip_rows` rows.
///
/// # Errors
/// A workbook that cannot be read, a sheet that it does not have, columns without a unique name.
pub(super) fn table<'a>(
    origin: &'a Origin,
    path: &'a Path,
    open: Open,
    config: &DataConfig,
) -> Result<Table<'a>, Invalid> {
    let mut book = open(origin, path)?;
    let names = book.sheet_names();
    let name = match &config.sheet {
        Some(name) => names.iter().find(|other| *other == name).ok_or_else(|| {
            let has = labels::list_columns(&names, 20);
            Invalid::at("data.sheet", format!("{} has no sheet `{name}`. It has {has}", origin.display))
        })?,
        None => names.first().ok_or_else(|| origin.error("is a workbook without a sheet"))?,
    };
    let name = name.clone();
    let mut notes = Vec::new();
    if config.sheet.is_none() && names.len() > 1 {
        notes.push(format!("read the sheet `{name}`; there are {} (data.sheet)", labels::list_columns(&names, 8)));
    }
    let first = config.skip_rows.unwrap_or(0) as u32;
    let mut rows = Rows::new(origin, book.cells(&name)?);
    let header = loop {
        match rows.next()? {
            None => return Err(origin.error(&format!("has no cell in the sheet `{name}`"))),
            Some(row) if row.index >= first => break row,
            Some(_) => {}
        }
    };
    let (mut columns, mut unnamed) = (Vec::new(), Vec::new());
    for i in 0..header.texts.len() {
        let text = String::from_utf8_lossy(&header.texts[i]).trim_matches(is_invisible).to_owned();
        let line = u64::from(header.index) + 1;
        if let Some(first) = columns.iter().position(|other| *other == text && !text.is_empty()) {
            let message = format!("columns {} and {} are both named `{text}`: name each column once", first + 1, i + 1);
            return Err(origin.error_at(line, &message));
        }
        if text.is_empty() {
            notes.push(format!("dropped column {}, which has no name", i + 1));
            unnamed.push(i);
            columns.push(format!("Unnamed: {i}"));
        } else {
            columns.push(text);
        }
    }
    drop(rows);
    // A later file is read as it is; what is odd in it shows as missing cells.
    if origin.key == "data.path" {
        notes.extend(book.oddities(&name)?.notes(&columns, header.index));
    }
    let cells = CellParser::new(config);
    let (index, num_columns) = (header.index, columns.len());
    let others: Vec<String> = names.iter().filter(|other| **other != name).cloned().collect();
    let other = match others.is_empty() {
        true => String::new(),
        false => format!(", or name another sheet in data.sheet: {}", labels::list_columns(&others, 8)),
    };
    let way_out = Some(format!(
        "these are the cells of line {} of the sheet `{name}`; if the names stand further down, set data.skip_rows to the lines above \
         them{other}",
        index + 1
    ));
    let about = About { unnamed, has_shares: true, way_out, notes, ..About::default() };
    let sheet = Sheet { origin, path, open, name, header: index, num_columns, cells };
    Ok(Table::new(origin, columns, about, Box::new(sheet)))
}

impl Reader for Sheet<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        let mut book = (self.open)(self.origin, self.path)?;
        let mut rows = Rows::new(self.origin, book.cells(&self.name)?);
        let (mut num_rows, mut cells) = (0, Vec::with_capacity(columns.len()));
        while let Some(mut row) = rows.next()? {
            if row.index <= self.header {
                continue;
            }
            let line = u64::from(row.index) + 1;
            if row.texts.len() > self.num_columns {
                let message = format!(
                    "{} cells, and the row of names, line {}, has {}: name the columns, remove what stands beside the table, or set \
                     data.skip_rows = {} if the names stand here",
                    row.texts.len(),
                    self.header + 1,
                    self.num_columns,
                    row.index
                );
                return Err(self.origin.error_at(line, &message));
            }
            row.texts.resize(self.num_columns, Vec::new());
            row.are_numbers.resize(self.num_columns, false);
            cells.clear();
            cells.extend(columns.iter().map(|&column| match row.are_numbers[column] {
                true => self.cells.read_plain(&row.texts[column]),
                false => self.cells.read(content(&row.texts[column])),
            }));
            num_rows += 1;
            if visit(line, &cells, &row).is_break() {
                break;
            }
        }
        Ok(num_rows)
    }
}

/// A row as its cells are written.
struct SheetRow {
    /// From 0.
    index: u32,
    texts: Vec<Vec<u8>>,
    /// Whether each is a number by its type.
    are_numbers: Vec<bool>,
}

impl CellTexts for SheetRow {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.texts[column])
    }

    fn is_number(&self, column: usize) -> bool {
        self.are_numbers[column]
    }
}

/// The rows of a sheet that have a cell.
struct Rows<'b> {
    origin: &'b Origin,
    cells: Box<dyn Cells + 'b>,
    /// The first cell of the next row.
    next: Option<SheetCell>,
    /// Whether there are no more: the reader must not be asked again then.
    has_ended: bool,
}

impl<'b> Rows<'b> {
    fn new(origin: &'b Origin, cells: Box<dyn Cells + 'b>) -> Self {
        Self { origin, cells, next: None, has_ended: false }
    }

    /// The next cell that is not empty.
    fn cell(&mut self) -> Result<Option<SheetCell>, Invalid> {
        while !self.has_ended {
            let Some(cell) = self.cells.next()? else {
                self.has_ended = true;
                break;
            };
            if cell.text.trim().is_empty() {
                continue;
            }
            if cell.column >= MAX_COLUMNS {
                return Err(self.origin.error_at(u64::from(cell.row) + 1, "more cells than a sheet has columns"));
            }
            return Ok(Some(cell));
        }
        Ok(None)
    }

    fn next(&mut self) -> Result<Option<SheetRow>, Invalid> {
        let first = match self.next.take() {
            Some(first) => Some(first),
            None => self.cell()?,
        };
        let Some(first) = first else { return Ok(None) };
        let index = first.row;
        let (mut texts, mut are_numbers) = (Vec::new(), Vec::new());
        let mut put = |cell: SheetCell| {
            let column = cell.column as usize;
            if texts.len() <= column {
                texts.resize(column + 1, Vec::new());
                are_numbers.resize(column + 1, false);
            }
            texts[column] = cell.text.into_bytes();
            are_numbers[column] = cell.is_number;
        };
        put(first);
        while let Some(cell) = self.cell()? {
            if cell.row != index {
                self.next = Some(cell);
                break;
            }
            put(cell);
        }
        Ok(Some(SheetRow { index, texts, are_numbers }))
    }
}

/// Reads `left` bytes at most: of a damaged file one element or text could be larger than memory.
pub(super) struct Bounded<R> {
    inner: BufReader<R>,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Bounded<R> {
    /// The bytes of `inner`, and how many of them it may still read: none at first.
    pub(super) fn new(inner: R) -> (Self, Rc<Cell<usize>>) {
        let left = Rc::new(Cell::new(0));
        (Self { inner: BufReader::with_capacity(1 << 16, inner), left: Rc::clone(&left) }, left)
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left.get() == 0 {
            return Err(io::Error::other("a text or an element of more than 16 MiB"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.left.set(self.left.get().saturating_sub(count));
        self.inner.consume(count);
    }
}
