//! Reads Excel workbooks (`.xlsx`, `.xlsm`), with the feature `excel`.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use calamine::{DataRef, Reader as _, Xlsx, XlsxCellReader, XlsxError};

use super::origin::Origin;
use super::sheet::{Book, Cells, Merged, Oddities, SheetCell, unreadable};
use crate::invalid::Invalid;
use crate::permissions::open_noted;

struct Workbook<'o> {
    origin: &'o Origin,
    book: Xlsx<BufReader<File>>,
}

/// The workbook in a file.
///
/// # Errors
/// A file that cannot be read, or is no workbook.
pub(super) fn open<'o>(origin: &'o Origin, path: &Path) -> Result<Box<dyn Book + 'o>, Invalid> {
    let file = open_noted(path).map_err(|error| origin.unreadable(&error))?;
    let book = Xlsx::new(BufReader::new(file)).map_err(|error| damaged(origin, &error))?;
    Ok(Box::new(Workbook { origin, book }))
}

fn damaged(origin: &Origin, error: &XlsxError) -> Invalid {
    unreadable(origin, &error.to_string())
}

impl Book for Workbook<'_> {
    fn sheet_names(&self) -> Vec<String> {
        self.book.sheet_names()
    }

    fn cells(&mut self, name: &str) -> Result<Box<dyn Cells + '_>, Invalid> {
        let cells = self.book.worksheet_cells_reader(name).map_err(|error| damaged(self.origin, &error))?;
        Ok(Box::new(SheetCells { origin: self.origin, cells }))
    }

    fn oddities(&mut self, name: &str) -> Result<Oddities, Invalid> {
        let origin = self.origin;
        let mut oddities = Oddities::default();
        let mut cells = self.book.worksheet_cells_reader(name).map_err(|error| damaged(origin, &error))?;
        while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(|error| damaged(origin, &error))? {
            // An empty text is a result, too.
            if cell.formula.is_some() && cell.value == DataRef::Empty {
                *oddities.uncomputed.entry(cell.pos.1).or_default() += 1;
            }
        }
        drop(cells);
        let merged = self.book.merge_cells_by_sheet_name(name).map_err(|error| damaged(origin, &error))?;
        oddities.merged.extend(
            merged.iter().map(|area| Merged { rows: [area.start.0, area.end.0], columns: [area.start.1, area.end.1] }),
        );
        Ok(oddities)
    }
}

struct SheetCells<'b> {
    origin: &'b Origin,
    cells: XlsxCellReader<'b, BufReader<File>>,
}

impl Cells for SheetCells<'_> {
    fn next(&mut self) -> Result<Option<SheetCell>, Invalid> {
        let cell = self.cells.next_cell().map_err(|error| damaged(self.origin, &error))?;
        Ok(cell.map(|cell| {
            let (row, column) = cell.get_position();
            let value = cell.get_value();
            SheetCell { row, column, text: text(value), is_number: is_number(value) }
        }))
    }
}

fn is_number(cell: &DataRef<'_>) -> bool {
    match cell {
        DataRef::Int(_) | DataRef::Float(_) => true,
        DataRef::DateTime(date) => date.is_duration(),
        _ => false,
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
