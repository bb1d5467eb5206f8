//! Numbers that are read, but may mean something else: how the first rows write them.

use super::date_syntax::{DateOrder, parse};
use super::notes::Notes;
use super::table::{Cell, Table, shorten};
use crate::invalid::Invalid;

/// Rows looked at, fewer of a wide table.
const MAX_ROWS: usize = 2000;
const MIN_ROWS: usize = 20;
const MAX_CELLS: usize = 100_000;
/// Often written for a missing number, where all others are smaller.
const NINES: [f64; 9] = [-99.0, -999.0, -9999.0, -99_999.0, -999_999.0, 999.0, 9999.0, 99_999.0, 999_999.0];
/// What columns of codes are called that are written in digits.
const CODES: [&str; 4] = ["zip", "postcode", "postal", "plz"];
/// With fewer cells, eight digits are a date by chance.
const MIN_DATES: usize = 3;

/// What the first rows have in a column of plain numbers.
#[derive(Default)]
struct Seen {
    /// The first number like `1.234`, and how many there are.
    grouped: Option<(u64, String)>,
    num_grouped: usize,
    /// The first whole number from 100 to 999.
    whole: Option<String>,
    /// Any other number.
    has_other: bool,
    /// The first number with a zero before it: `007`.
    padded: Option<String>,
    /// The first number like `20240131`, if there is no other.
    date: Option<String>,
    num_cells: usize,
    /// A number has a fraction that tells it from codes, dates and thousands.
    is_measured: bool,
    /// The first number like -999, and how often it is there.
    nines: Option<(f64, usize)>,
    /// The least and the greatest of the others.
    range: Option<[f64; 2]>,
}

/// What the numbers of a column are for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Role {
    Input,
    /// To be predicted, or how much rows count: neither a code nor a date, whatever it looks like.
    Quantity,
}

/// Looks at the first rows of `columns`, which have nothing but plain numbers, and says what else they may be: codes,
/// dates, words for missing. `has_decimal`: whether `data.decimal` tells what a dot is.
///
/// # Errors
/// A column whose dots are likely between thousands: all numbers with a dot have three digits after it and up to three
/// before, and the others are whole and below 1000, some of them of three digits.
pub(super) fn look(
    table: &Table<'_>,
    columns: &[usize],
    role: Role,
    has_decimal: bool,
    notes: &mut Notes,
) -> Result<(), Invalid> {
    if columns.is_empty() {
        return Ok(());
    }
    let mut seen: Vec<Seen> = columns.iter().map(|_| Seen::default()).collect();
    let max_rows = (MAX_CELLS / columns.len().max(1)).clamp(MIN_ROWS, MAX_ROWS);
    let mut num_rows = 0;
    // Ends the pass; no error of the table has no key.
    let enough = Invalid { key: None, message: String::new() };
    let read = table.for_each_row(columns, |row| {
        for (i, seen) in seen.iter_mut().enumerate() {
            if let Cell::Number(number) = row.cells()[i] {
                seen.note_nines(number);
                match row.typed(i) {
                    _ if seen.is_measured => {}
                    // Its dot is no matter of how it is written.
                    Some(number) if number.fract() != 0.0 => seen.note_measured(),
                    _ => seen.note(row.line, &row.text(i)?),
                }
            }
        }
        num_rows += 1;
        if num_rows < max_rows { Ok(()) } else { Err(enough.clone()) }
    });
    match read {
        Err(error) if error == enough => {}
        read => drop(read?),
    }
    for (column, seen) in columns.iter().zip(seen) {
        let name = &table.names()[*column];
        if let (Some((line, cell)), Some(whole), false) = (&seen.grouped, &seen.whole, seen.has_other || has_decimal)
            && seen.num_grouped >= 2
        {
            let message = format!(
                "column `{name}` holds `{}` beside `{whole}`: is the dot between thousands, or a decimal point? Set data.decimal \
                 = \",\" or \".\"",
                shorten(cell)
            );
            return Err(table.error_at(*line, &message));
        }
        if let Some((nines, count, [low, high])) = seen.far_nines() {
            let what = format!("{nines} is far from the others; if it means missing, add \"{nines}\" to data.missing");
            let example = format!("in {count} of the first {} cells, and {low} to {high} otherwise", seen.num_cells);
            notes.say_of_column(&what, name, &example);
        }
        if role == Role::Quantity {
            continue;
        }
        let is_code = CODES.iter().any(|word| name.to_lowercase().contains(word));
        if is_code && seen.padded.is_none() && !seen.is_measured {
            let what = "named like codes, and read as numbers (data.categorical reads them as names)";
            notes.say_of_column(what, name, "");
        }
        if let Some(cell) = &seen.padded {
            let number: f64 = cell.parse().unwrap_or_default();
            let what = "some begin with 0, as codes do (data.categorical reads them as names)";
            notes.say_of_column(what, name, &format!("`{}` is {number}", shorten(cell)));
        }
        if let Some(cell) = seen.date.filter(|_| seen.num_cells >= MIN_DATES) {
            notes.say_of_column("they look like dates (data.date reads them as dates)", name, &format!("`{cell}`"));
        }
    }
    Ok(())
}

impl Seen {
    fn note_nines(&mut self, number: f64) {
        self.num_cells += 1;
        match &mut self.nines {
            Some((nines, count)) if *nines == number => *count += 1,
            nines @ None if NINES.contains(&number) => *nines = Some((number, 1)),
            _ => {
                let [low, high] = self.range.unwrap_or([number; 2]);
                self.range = Some([low.min(number), high.max(number)]);
            }
        }
    }

    /// A repeated number of nines that is further from the others than they are from each other.
    fn far_nines(&self) -> Option<(f64, usize, [f64; 2])> {
        let ((nines, count), [low, high]) = (self.nines.filter(|(_, count)| *count >= 2)?, self.range?);
        let distance = if nines < low { low - nines } else { nines - high };
        (distance > 2.0 * (high - low) && high > low).then_some((nines, count, [low, high]))
    }

    fn note(&mut self, line: u64, text: &str) {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        self.note_date(text);
        match digits.split_once('.') {
            Some((whole, fraction))
                if is_digits(whole)
                    && is_digits(fraction)
                    && whole.len() <= 3
                    && fraction.len() == 3
                    && !whole.starts_with('0') =>
            {
                self.num_grouped += 1;
                self.grouped.get_or_insert_with(|| (line, text.to_owned()));
            }
            None if is_digits(digits) => {
                if digits.len() > 1 && digits.starts_with('0') {
                    self.padded.get_or_insert_with(|| text.to_owned());
                } else if digits.len() == 3 {
                    self.whole.get_or_insert_with(|| text.to_owned());
                }
                self.has_other |= digits.len() > 3;
            }
            // A number with any other fraction is no code and no date.
            _ => self.note_measured(),
        }
    }

    fn note_measured(&mut self) {
        (self.has_other, self.is_measured, self.padded, self.date) = (true, true, None, None);
    }

    fn note_date(&mut self, text: &str) {
        let may_be = self.num_cells == 1 || self.date.is_some();
        let is_date = may_be && text.len() == 8 && parse(text, DateOrder::DayFirst, true).is_some();
        match is_date {
            true => drop(self.date.get_or_insert_with(|| text.to_owned())),
            false => self.date = None,
        }
    }
}
