//! Input columns while the file is read: infers the kind of each, and whether it is of use.

use super::labels::Labels;
use super::limits::MAX_CATEGORIES;
use super::table::{Cell, Place, Row, Table, is_usable, shorten, unusable};
use crate::invalid::Invalid;

/// With fewer rows than this, distinct or consecutive values do not make a column an identifier.
const MIN_ROWS_OF_IDENTIFIER: usize = 20;

/// What has been observed of an input column so far.
pub(super) struct Input {
    pub(super) name: String,
    /// Index of the cell in a row of the file.
    pub(super) position: usize,
    pub(super) forced: Option<Forced>,
    num_missing: usize,
    num_present: usize,
    has_text: bool,
    low: f64,
    high: f64,
    first_not_finite: Option<(Place, String)>,
    /// In a column of texts, the first number with a fraction that is one by its format, and its text.
    pub(super) first_typed: Option<(Place, f64, String)>,
    counts_up: bool,
    count_start: f64,
}

/// A kind that the config sets.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Forced {
    Numeric,
    Categorical,
    Date,
    Text,
}

impl Input {
    pub(super) fn new(name: &str, position: usize, forced: Option<Forced>) -> Self {
        Self {
            name: name.to_owned(),
            position,
            forced,
            num_missing: 0,
            num_present: 0,
            has_text: false,
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            first_not_finite: None,
            first_typed: None,
            counts_up: true,
            count_start: 0.0,
        }
    }

    /// Notes `cell`, number `i` of `row`, which is row `row_number` of the file. Returns its value; text becomes NaN
    /// until the second pass.
    #[inline]
    pub(super) fn observe(&mut self, cell: Cell, row: &Row<'_>, i: usize, row_number: usize) -> f32 {
        let Cell::Number(number) = cell else {
            return self.observe_other(cell, row, i);
        };
        if !is_usable(number) {
            return self.observe_other(cell, row, i);
        }
        self.low = self.low.min(number);
        self.high = self.high.max(number);
        if self.counts_up {
            // Relative to the row's number in the file, so that skipped rows without a target leave no gap.
            let start = number - row_number as f64;
            if self.num_present == 0 {
                self.count_start = start;
            }
            self.counts_up = start == self.count_start && number.fract() == 0.0;
        }
        self.num_present += 1;
        number as f32
    }

    /// Notes a cell that is not a number usable as an input.
    #[cold]
    fn observe_other(&mut self, cell: Cell, row: &Row<'_>, i: usize) -> f32 {
        self.counts_up = false;
        match cell {
            Cell::Missing => {
                self.num_missing += 1;
                return f32::NAN;
            }
            Cell::Number(_) => {
                self.first_not_finite.get_or_insert_with(|| (row.place(i), row.shown(i)));
            }
            Cell::Text => self.has_text = true,
        }
        self.num_present += 1;
        f32::NAN
    }

    /// Whether a second pass must read this column as text.
    ///
    /// # Errors
    /// A cell that is not a finite number in a column that can only be numeric.
    pub(super) fn is_text(&self, table: &Table<'_>) -> Result<bool, Invalid> {
        if matches!(self.forced, Some(Forced::Categorical | Forced::Date | Forced::Text)) {
            return Ok(true);
        }
        let is_numeric = self.forced == Some(Forced::Numeric);
        // `inf` among numbers is a mistake, not a category; among texts it is a word.
        if let (Some((place, cell)), true) = (&self.first_not_finite, is_numeric || !self.has_text) {
            let message = format!("holds `{cell}`, {}: correct it, or add it to data.missing", unusable(cell));
            return Err(table.error_in(*place, &message));
        }
        Ok(self.has_text)
    }

    /// Whether it has nothing but plain numbers, and nobody has said what it is.
    pub(super) fn is_plain(&self) -> bool {
        self.forced.is_none() && !self.has_text && self.low < self.high && !self.counts_up
    }

    /// Whether some cells are neither numbers nor missing.
    pub(super) fn has_text(&self) -> bool {
        self.has_text
    }

    pub(super) fn is_all_missing(&self) -> bool {
        self.num_present == 0
    }

    /// Replaces what the first pass took for numbers by the numbers that the texts are.
    pub(super) fn observe_numbers(&mut self, numbers: impl Iterator<Item = f32>) {
        (self.low, self.high) = (f64::INFINITY, f64::NEG_INFINITY);
        for number in numbers.filter(|number| !number.is_nan()).map(f64::from) {
            self.low = self.low.min(number);
            self.high = self.high.max(number);
        }
    }

    /// A single category that is sometimes missing still distinguishes two kinds of rows; a number does not.
    pub(super) fn is_constant(&self, categories: Option<&Labels>) -> bool {
        match categories {
            Some(categories) => categories.names.len() == 1 && self.num_missing == 0,
            // Numbers that differ by less than f32 can tell are all the same to the network, unless they are shifted.
            None => self.low == self.high || self.origin() == 0.0 && self.low as f32 == self.high as f32,
        }
    }

    /// What to subtract from the numbers, so that f32 tells them apart: 0 unless they are larger than f32 counts, and
    /// their range is a small part of that.
    pub(super) fn origin(&self) -> f64 {
        const MOST_COUNTED: f64 = 16_777_216.0; // 2^24
        let largest = self.low.abs().max(self.high.abs());
        let is_needed = largest >= MOST_COUNTED && self.high - self.low < largest / 16.0;
        if is_needed && !self.has_text && !matches!(self.forced, Some(Forced::Categorical | Forced::Text)) {
            self.low
        } else {
            0.0
        }
    }

    /// Why this column is left out as an identifier, if it is.
    pub(super) fn identifier_note(&self, num_names: Option<usize>, names: Option<&Labels>) -> Option<String> {
        if self.forced.is_some() || self.num_present <= MIN_ROWS_OF_IDENTIFIER {
            return None;
        }
        let Self { name, num_present, low, high, .. } = self;
        match num_names {
            Some(n) if n * 2 > *num_present || n > MAX_CATEGORIES => {
                let is_prose = names.is_some_and(|names| are_prose(&names.names));
                let texts = if is_prose { ", or as texts, by their words, with data.text" } else { "" };
                let example = names.and_then(|names| names.names.first());
                let example = example.map_or_else(String::new, |text| format!(" (such as `{}`)", shorten(text)));
                Some(format!(
                    "dropped `{name}`: {n} distinct values{example} in {num_present} rows look like an identifier (keep it with \
                     data.categorical{texts})"
                ))
            }
            None if self.counts_up && !self.has_text => {
                Some(format!("dropped `{name}`: it counts the rows from {low} to {high} (keep it with data.numeric)"))
            }
            _ => None,
        }
    }
}

/// Whether most of these are of several words, as comments are and codes are not.
pub(super) fn are_prose(names: &[String]) -> bool {
    const LEAST_WORDS: usize = 4;
    let num_prose = names.iter().filter(|name| name.split_whitespace().nth(LEAST_WORDS - 1).is_some()).count();
    num_prose * 2 > names.len()
}
