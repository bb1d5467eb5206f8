//! Reads a sheet of an Excel workbook (`.xlsx`, `.xlsm`), with the feature `excel`. Row by row: a sheet may be larger than
//! memory, and one cell at its far corner makes none of it.

use std::borrow::Cow;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use calamine::{DataRef, Reader as _, Xlsx, XlsxCellReader, XlsxError};

use super::DataConfig;
use super::cell_parser::CellParser;
use super::labels;
use super::origin::Origin;
use super::table::{About, Cell, CellTexts, Reader, RowVisitor, Table, content, is_invisible};
use crate::invalid::Invalid;

/// Columns that Excel has, up to `XFD`.
const MAX_COLUMNS: u32 = 16_384;

/// Reads the rows of a sheet.
struct Sheet<'a> {
    origin: &'a Origin,
    path: &'a Path,
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
pub(super) fn open<'a>(origin: &'a Origin, path: &'a Path, config: &DataConfig) -> Result<Table<'a>, Invalid> {
    let mut book = book(origin, path)?;
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
    let mut rows = Rows::new(origin, &mut book, &name)?;
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
    let cells = CellParser::new(&config.missing, false);
    let (index, num_columns) = (header.index, columns.len());
    let about = About { unnamed, notes, ..About::default() };
    Ok(Table::new(origin, columns, about, Box::new(Sheet { origin, path, name, header: index, num_columns, cells })))
}

fn book(origin: &Origin, path: &Path) -> Result<Xlsx<BufReader<File>>, Invalid> {
    let file = File::open(path).map_err(|error| origin.unreadable(&error))?;
    Xlsx::new(BufReader::new(file)).map_err(|error| unreadable(origin, &error))
}

fn unreadable(origin: &Origin, error: &XlsxError) -> Invalid {
    origin.error(&format!("is no workbook that can be read: {error}; save the sheet as CSV (UTF-8)"))
}

impl Reader for Sheet<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        let mut book = book(self.origin, self.path)?;
        let mut rows = Rows::new(self.origin, &mut book, &self.name)?;
        let (mut num_rows, mut cells) = (0, Vec::with_capacity(columns.len()));
        while let Some(mut row) = rows.next()? {
            if row.index <= self.header {
                continue;
            }
            let line = u64::from(row.index) + 1;
            if row.texts.len() > self.num_columns {
                let message = format!(
                    "{} cells, and the row of names has {}: name the columns, or remove what stands beside the table",
                    row.texts.len(),
                    self.num_columns
                );
                return Err(self.origin.error_at(line, &message));
            }
            row.texts.resize(self.num_columns, Vec::new());
            cells.clear();
            cells.extend(columns.iter().map(|&column| self.cells.read(content(&row.texts[column]))));
            num_rows += 1;
            if visit(line, &cells as &[Cell], &row).is_break() {
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
}

impl CellTexts for SheetRow {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.texts[column])
    }
}

/// The rows of a sheet that have a cell.
struct Rows<'b> {
    origin: &'b Origin,
    cells: XlsxCellReader<'b, BufReader<File>>,
    /// The first cell of the next row.
    next: Option<(u32, u32, Vec<u8>)>,
    /// Whether there are no more: the reader must not be asked again then.
    has_ended: bool,
}

impl<'b> Rows<'b> {
    fn new(origin: &'b Origin, book: &'b mut Xlsx<BufReader<File>>, name: &str) -> Result<Self, Invalid> {
        let cells = book.worksheet_cells_reader(name).map_err(|error| unreadable(origin, &error))?;
        Ok(Self { origin, cells, next: None, has_ended: false })
    }

    fn cell(&mut self) -> Result<Option<(u32, u32, Vec<u8>)>, Invalid> {
        while !self.has_ended {
            let Some(cell) = self.cells.next_cell().map_err(|error| unreadable(self.origin, &error))? else {
                self.has_ended = true;
                break;
            };
            let (row, column) = cell.get_position();
            let text = text(cell.get_value());
            if column >= MAX_COLUMNS {
                return Err(self.origin.error_at(u64::from(row) + 1, "more cells than Excel has columns"));
            }
            if !text.trim().is_empty() {
                return Ok(Some((row, column, text.into_bytes())));
            }
        }
        Ok(None)
    }

    fn next(&mut self) -> Result<Option<SheetRow>, Invalid> {
        let first = match self.next.take() {
            Some(first) => Some(first),
            None => self.cell()?,
        };
        let Some((index, column, text)) = first else { return Ok(None) };
        let mut texts = Vec::new();
        let mut put = |column: u32, text: Vec<u8>| {
            let column = column as usize;
            if texts.len() <= column {
                texts.resize(column + 1, Vec::new());
            }
            texts[column] = text;
        };
        put(column, text);
        while let Some((row, column, text)) = self.cell()? {
            if row != index {
                self.next = Some((row, column, text));
                break;
            }
            put(column, text);
        }
        Ok(Some(SheetRow { index, texts }))
    }
}

/// What a cell holds, as it would be written in a CSV file.
fn text(cell: &DataRef<'_>) -> String {
    match cell {
        DataRef::Empty => String::new(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(truth) => if *truth { "True" } else { "False" }.to_owned(),
        // A duration is a number of days.
        DataRef::DateTime(date) if date.is_duration() => date.as_f64().to_string(),
        DataRef::DateTime(date) => {
            let (year, month, day, hour, minute, second, millisecond) = date.to_ymd_hms_milli();
            let clock = format!("{hour:02}:{minute:02}:{second:02}");
            match (date.as_f64() < 1.0, date.as_f64().fract() == 0.0, millisecond) {
                (true, ..) => clock,
                (false, true, _) => format!("{year:04}-{month:02}-{day:02}"),
                (false, false, 0) => format!("{year:04}-{month:02}-{day:02} {clock}"),
                (false, false, _) => format!("{year:04}-{month:02}-{day:02} {clock}.{millisecond:03}"),
            }
        }
        DataRef::Error(error) => error.to_string(),
        // Kinds of later versions.
        #[allow(unreachable_patterns)]
        _ => String::new(),
    }
}
