//! Input columns of a CSV file: what each cell is, which kind a column has, which columns are refused.

use std::collections::HashMap;

use ::csv::ByteRecord;

use super::DataConfig;
use super::csv::CsvFile;
use super::labels::{self, Gathering, Labels};
use crate::invalid::{Invalid, nearest};

/// Below this many rows, distinct or counting values say nothing about being an identifier.
const MIN_ROWS_OF_IDENTIFIER: usize = 20;
/// Text columns with more distinct values are identifiers whatever their share; also exact in f32.
pub(super) const MAX_CATEGORIES: usize = 1_000_000;

/// What a cell holds.
#[derive(Clone, Copy)]
pub(super) enum Cell {
    /// Finite, also as f32.
    Number(f64),
    Missing,
    /// A number for Rust, but infinite, NaN or too large for f32.
    NotFinite,
    Text,
}

/// Tells what cells hold.
pub(super) struct CellReader {
    missing: Vec<Vec<u8>>,
    some_missing_is_a_number: bool,
}

impl CellReader {
    pub(super) fn new(missing: &[String]) -> Self {
        let missing: Vec<Vec<u8>> = missing.iter().map(|text| text.trim().as_bytes().to_vec()).collect();
        let some_missing_is_a_number = missing.iter().any(|text| matches!(parse(text), Cell::Number(_)));
        Self { missing, some_missing_is_a_number }
    }

    /// `cell` must be trimmed.
    pub(super) fn read(&self, cell: &[u8]) -> Cell {
        // Nearly every cell is a number, so the list of missing words is asked last if it can be.
        if self.some_missing_is_a_number && self.is_missing(cell) {
            return Cell::Missing;
        }
        match parse(cell) {
            Cell::Number(number) => Cell::Number(number),
            _ if self.is_missing(cell) => Cell::Missing,
            other => other,
        }
    }

    fn is_missing(&self, cell: &[u8]) -> bool {
        cell.is_empty() || self.missing.iter().any(|text| text == cell)
    }
}

fn parse(cell: &[u8]) -> Cell {
    // Pixels and counts: short whole numbers, several times faster than the general parser.
    if (1..=9).contains(&cell.len()) && cell.iter().all(u8::is_ascii_digit) {
        let digits = cell.iter().map(|digit| u32::from(digit - b'0'));
        return Cell::Number(f64::from(digits.fold(0, |sum, digit| sum * 10 + digit)));
    }
    let number = std::str::from_utf8(cell).ok().and_then(|text| text.parse::<f64>().ok());
    match number {
        Some(number) if (number as f32).is_finite() => Cell::Number(number),
        Some(_) => Cell::NotFinite,
        None => Cell::Text,
    }
}

/// An input column while its cells go by.
pub(super) struct Input {
    pub(super) name: String,
    /// Index of the cell in a row of the file.
    pub(super) position: usize,
    pub(super) forced: Option<Forced>,
    num_missing: usize,
    num_present: usize,
    num_texts: usize,
    low: f32,
    high: f32,
    first_text: Option<(u64, String)>,
    first_not_finite: Option<(u64, String)>,
    counts_up: bool,
    count_start: f64,
}

/// A kind that the config demands.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Forced {
    Numeric,
    Categorical,
}

impl Input {
    fn new(name: &str, position: usize, forced: Option<Forced>) -> Self {
        Self {
            name: name.to_owned(),
            position,
            forced,
            num_missing: 0,
            num_present: 0,
            num_texts: 0,
            low: f32::INFINITY,
            high: f32::NEG_INFINITY,
            first_text: None,
            first_not_finite: None,
            counts_up: true,
            count_start: 0.0,
        }
    }

    /// Notes a cell and returns its value; text becomes NaN until the second pass.
    #[inline]
    pub(super) fn observe(&mut self, cell: Cell, raw: &[u8], line: u64, row: usize) -> f32 {
        let Cell::Number(number) = cell else {
            return self.observe_other(cell, raw, line);
        };
        let value = number as f32;
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        if self.counts_up {
            // Measured from the row's number in the file, so that rows without a target leave no hole.
            let start = number - row as f64;
            if self.num_present == 0 {
                self.count_start = start;
            }
            self.counts_up = start == self.count_start && number.fract() == 0.0;
        }
        self.num_present += 1;
        value
    }

    #[cold]
    fn observe_other(&mut self, cell: Cell, raw: &[u8], line: u64) -> f32 {
        self.counts_up = false;
        let shown = || Some((line, shorten(&String::from_utf8_lossy(raw))));
        match cell {
            Cell::Missing => self.num_missing += 1,
            Cell::NotFinite if self.first_not_finite.is_none() => self.first_not_finite = shown(),
            Cell::Text if self.first_text.is_none() => self.first_text = shown(),
            Cell::NotFinite | Cell::Text | Cell::Number(_) => {}
        }
        self.num_present += usize::from(!matches!(cell, Cell::Missing));
        self.num_texts += usize::from(matches!(cell, Cell::Text));
        f32::NAN
    }

    /// Whether a second pass must read this column's cells as text.
    ///
    /// # Errors
    /// A cell that is not a finite number in a column that can only be numeric.
    pub(super) fn is_text(&self, file: &CsvFile) -> Result<bool, Invalid> {
        if self.forced == Some(Forced::Categorical) {
            return Ok(true);
        }
        let is_numeric = self.forced == Some(Forced::Numeric);
        // `inf` among numbers is a slip, not a category; among texts it is a word.
        if let (Some((line, cell)), true) = (&self.first_not_finite, is_numeric || self.first_text.is_none()) {
            let message = format!(
                "column `{}` holds `{cell}`, not a finite number: correct it, or add it to data.missing",
                self.name
            );
            return Err(file.origin.error_at(*line, &message));
        }
        if let (Some((line, cell)), true) = (&self.first_text, is_numeric) {
            let message = format!(
                "column `{}` is in data.numeric and holds `{cell}`: correct it, or add it to data.missing",
                self.name
            );
            return Err(file.origin.error_at_with("data.numeric", *line, &message));
        }
        Ok(self.first_text.is_some())
    }

    pub(super) fn is_all_missing(&self) -> bool {
        self.num_present == 0
    }

    /// A category that is sometimes missing still tells two kinds of row apart; a number does not.
    pub(super) fn is_constant(&self, categories: Option<&Gathering>) -> bool {
        match categories {
            Some(categories) => categories.len() == 1 && self.num_missing == 0,
            None => self.low == self.high,
        }
    }

    /// Why this column is left out as an identifier, if it is.
    pub(super) fn identifier_note(&self, categories: Option<&Gathering>) -> Option<String> {
        if self.forced.is_some() || self.num_present <= MIN_ROWS_OF_IDENTIFIER {
            return None;
        }
        let Self { name, num_present, low, high, .. } = self;
        match categories.map(Gathering::len) {
            Some(n) if n * 2 > *num_present || n > MAX_CATEGORIES => Some(format!(
                "dropped `{name}`: {n} distinct values in {num_present} rows look like an identifier (keep it with data.categorical)"
            )),
            None if self.counts_up => {
                Some(format!("dropped `{name}`: it counts the rows from {low} to {high} (keep it with data.numeric)"))
            }
            _ => None,
        }
    }

    /// What made a column of mostly numbers be read as text.
    pub(super) fn mixed_note(&self) -> Option<String> {
        let (line, cell) = self.first_text.as_ref()?;
        let is_mostly_numbers = self.num_texts * 2 < self.num_present;
        (self.forced.is_none() && is_mostly_numbers).then(|| {
            format!(
                "read `{}` as text, since line {line} holds `{cell}` (if that means missing, add it to data.missing)",
                self.name
            )
        })
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

/// Where the target is.
///
/// # Errors
/// No `data.target`, or no column of this name; the message lists the columns.
pub(super) fn target_position(file: &CsvFile, target: Option<&str>) -> Result<usize, Invalid> {
    let Some(target) = target else {
        let names = labels::list(&file.names, 20);
        // A table of one column has nothing to predict from.
        let text = if file.names.len() == 1 { "; or, if it is a text, set data.task = \"language_model\"" } else { "" };
        let message = format!("data.target is missing: name the column to predict, one of {names}{text}");
        return Err(Invalid::at("data.path", message));
    };
    find(file, target, "data.target")
}

/// Every column except the target and the dropped ones.
///
/// # Errors
/// Names in `drop`, `numeric` or `categorical` that the file does not have or that name the target; no input left.
pub(super) fn inputs(file: &CsvFile, target: usize, config: &DataConfig) -> Result<Vec<Input>, Invalid> {
    // The list to drop may be as long as the header: an error offers it ready to paste.
    let places: HashMap<&str, usize> = file.names.iter().map(String::as_str).zip(0..).collect();
    let mut forced = vec![None; file.names.len()];
    let mut is_dropped = vec![false; file.names.len()];
    let lists = [
        ("data.drop", &config.drop, None),
        ("data.numeric", &config.numeric, Some(Forced::Numeric)),
        ("data.categorical", &config.categorical, Some(Forced::Categorical)),
    ];
    for (key, names, kind) in lists {
        for name in names {
            let position = places.get(name.as_str()).map_or_else(|| find(file, name, key), |&position| Ok(position))?;
            if position == target {
                let message =
                    format!("{key} names the target `{name}`: remove it there (data.task says how to read the target)");
                return Err(Invalid::at(key, message));
            }
            is_dropped[position] |= kind.is_none();
            forced[position] = kind;
        }
    }
    let kept = (0..file.names.len()).filter(|&i| i != target && !is_dropped[i]);
    let inputs: Vec<Input> = kept.map(|i| Input::new(&file.names[i], i, forced[i])).collect();
    if inputs.is_empty() {
        return Err(file.origin.error("has no input column beside the target and data.drop"));
    }
    Ok(inputs)
}

fn find(file: &CsvFile, name: &str, key: &str) -> Result<usize, Invalid> {
    if let Some(position) = file.names.iter().position(|other| other == name) {
        return Ok(position);
    }
    let nearest = nearest(name, file.names.iter().map(String::as_str)).map(|name| format!("; did you mean `{name}`?"));
    let message = format!(
        "{} has no column `{name}`{} It has {}",
        file.origin.display,
        nearest.unwrap_or_else(|| ".".to_owned()),
        labels::list(&file.names, 20)
    );
    Err(Invalid::at(key, message))
}

/// The error for columns of which nothing can be learned, ready to paste.
pub(super) fn refuse(file: &CsvFile, names: &[String], what: &str, way_out: &str) -> Result<(), Invalid> {
    if names.is_empty() {
        return Ok(());
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let columns = match names.len() {
        1 => "1 column".to_owned(),
        n => format!("{n} columns"),
    };
    let quoted = quoted.join(", ");
    let message = format!("has {columns} {what}: set data.drop = [{quoted}]{way_out}");
    Err(file.origin.error(&message))
}

/// Where the columns `names` are in a later file, in any order among others.
///
/// # Errors
/// The columns that it lacks.
pub(super) fn positions<'n>(file: &CsvFile, names: impl Iterator<Item = &'n str>) -> Result<Vec<usize>, Invalid> {
    let known: HashMap<&str, usize> = file.names.iter().map(String::as_str).zip(0..).collect();
    let mut positions = Vec::new();
    let mut lacking = Vec::new();
    for name in names {
        match known.get(name) {
            Some(&position) => positions.push(position),
            None => lacking.push(name.to_owned()),
        }
    }
    match lacking.is_empty() {
        true => Ok(positions),
        false => {
            let lacking = labels::list(&lacking, 20);
            Err(file.origin.error(&format!("lacks columns that the model was trained with: {lacking}")))
        }
    }
}

/// The value of a cell in a later file, by what training settled: a number, or the index of its category among
/// `labels`; one that training did not see is the unknown category, `labels.names.len()`.
///
/// # Errors
/// Text in a numeric column.
pub(super) fn known_value(
    file: &CsvFile,
    cells: &CellReader,
    labels: Option<&Labels>,
    record: &ByteRecord,
    position: usize,
    line: u64,
) -> Result<f32, Invalid> {
    let raw = record[position].trim_ascii();
    match (cells.read(raw), labels) {
        (Cell::Missing, _) => Ok(f32::NAN),
        (_, Some(labels)) => {
            let found = labels.find(utf8(file, raw, position, line)?);
            Ok(found.unwrap_or(labels.names.len() as u32) as f32)
        }
        (Cell::Number(number), None) => Ok(number as f32),
        (cell, None) => {
            let what = match cell {
                Cell::NotFinite => "not a finite number",
                _ => "and is numeric in the training file",
            };
            let message = format!(
                "column `{}` holds `{}`, {what}: correct it, or leave it empty if it is missing",
                file.names[position],
                shorten(&String::from_utf8_lossy(raw))
            );
            Err(file.origin.error_at(line, &message))
        }
    }
}

/// A cell as text.
///
/// # Errors
/// Bytes that are not UTF-8.
pub(super) fn utf8<'a>(file: &CsvFile, raw: &'a [u8], position: usize, line: u64) -> Result<&'a str, Invalid> {
    std::str::from_utf8(raw).map_err(|_| {
        let message = format!("column `{}` is not UTF-8: convert the file", file.names[position]);
        file.origin.error_at(line, &message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_numbers_missing_or_text() {
        let reader = CellReader::new(&["NA".into(), "-999".into()]);
        let read = |cell: &str| match reader.read(cell.as_bytes()) {
            Cell::Number(number) => number.to_string(),
            Cell::Missing => "missing".into(),
            Cell::NotFinite => "not finite".into(),
            Cell::Text => "text".into(),
        };
        for (cell, expected) in [
            ("0", "0"),
            ("007", "7"),
            ("-1.5e2", "-150"),
            ("999999999", "999999999"),
            ("12345678901", "12345678901"),
            ("", "missing"),
            ("NA", "missing"),
            ("-999", "missing"),
            ("inf", "not finite"),
            ("1e400", "not finite"),
            ("1e39", "not finite"),
            ("nan", "not finite"),
            ("1,5", "text"),
            ("0x10", "text"),
        ] {
            assert_eq!(read(cell), expected, "{cell}");
        }
    }
}
