//! Numbers that are read, but may mean something else.

use super::table::{Cell, Table, shorten};
use crate::invalid::Invalid;

/// Rows looked at, fewer of a wide table.
const MAX_ROWS: usize = 2000;
const MIN_ROWS: usize = 20;
const MAX_CELLS: usize = 100_000;

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
}

/// Whether dots of a column are likely between thousands: all numbers with a dot have three digits after it and up to
/// three before, and the others are whole and below 1000, some of them of three digits.
///
/// # Errors
/// Such a column.
pub(super) fn refuse_grouping_dots(table: &Table<'_>, columns: &[usize]) -> Result<(), Invalid> {
    let mut seen: Vec<Seen> = columns.iter().map(|_| Seen::default()).collect();
    let max_rows = (MAX_CELLS / columns.len().max(1)).clamp(MIN_ROWS, MAX_ROWS);
    let mut num_rows = 0;
    // Ends the pass; no error of the table has no key.
    let enough = Invalid { key: None, message: String::new() };
    let read = table.for_each_row(columns, |row| {
        for (i, seen) in seen.iter_mut().enumerate().filter(|(_, seen)| !seen.has_other) {
            if let Cell::Number(_) = row.cells()[i] {
                seen.note(row.line, &row.text(i)?);
            }
        }
        num_rows += 1;
        if num_rows < max_rows && seen.iter().any(|seen| !seen.has_other) { Ok(()) } else { Err(enough.clone()) }
    });
    match read {
        Err(error) if error == enough => {}
        read => drop(read?),
    }
    for (column, seen) in columns.iter().zip(seen) {
        if let (Some((line, cell)), Some(whole), false) = (&seen.grouped, &seen.whole, seen.has_other)
            && seen.num_grouped >= 2
        {
            let message = format!(
                "column `{}` holds `{}` beside `{whole}`: is the dot between thousands, or a decimal point? Set data.decimal \
                 = \",\" or \".\"",
                table.names()[*column],
                shorten(cell)
            );
            return Err(table.error_at(*line, &message));
        }
    }
    Ok(())
}

impl Seen {
    fn note(&mut self, line: u64, text: &str) {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
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
            None if is_digits(digits) && digits.len() <= 3 => {
                if digits.len() == 3 && !digits.starts_with('0') {
                    self.whole.get_or_insert_with(|| text.to_owned());
                }
            }
            _ => self.has_other = true,
        }
    }
}
