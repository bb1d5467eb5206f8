//! Decides from the texts of a column how it is read: as numbers, dates or names.
//!
//! Nothing changes a column's type in silence: a column of numbers (or dates) in which a few cells are something else is
//! an error at the first of them.

use super::columns::{Forced, Input};
use super::date_syntax::{DateOrder, Moment, parse};
use super::dates::{self, Ambiguous};
use super::distinct::Distinct;
use super::labels::quote;
use super::missing::DASHES;
use super::number::{self, Hints, NumberSyntax};
use super::table::{Place, Table, shorten};
use crate::invalid::Invalid;

/// How a column is read.
pub(super) enum Decision {
    Names {
        /// Why a column of mostly numbers is one of names.
        note: Option<String>,
    },
    Numbers {
        syntax: NumberSyntax,
        /// Per distinct text; `None` where it means missing.
        numbers: Vec<Option<f64>>,
        missing: Vec<String>,
        /// What to say: how the numbers are written, and an example.
        how: Option<(String, String)>,
    },
    Dates {
        order: Option<DateOrder>,
        /// Per distinct text; `None` where it means missing.
        moments: Vec<Option<Moment>>,
        missing: Vec<String>,
    },
}

/// Distinct numbers with at most this many values may be the names of a category that has other names, too.
const MAX_NUMBERS_AMONG_NAMES: usize = 20;

/// The decision for a column.
///
/// # Errors
/// Cells that the kind in the config, or that of most cells, does not allow; dates that may be read in two ways.
pub(super) fn decide(
    input: &Input,
    texts: &[Distinct],
    table: &Table<'_>,
    hints: Hints,
    day_first: Option<bool>,
) -> Result<Decision, Invalid> {
    if input.forced == Some(Forced::Categorical) {
        return Ok(Decision::Names { note: None });
    }
    let column = Column { input, texts, table };
    let total: u64 = texts.iter().map(|text| text.count).sum();
    let is_dash = |text: &str| DASHES.contains(&text);
    let num_dashes = column.count(|i| is_dash(texts[i].text));
    let dashes: Vec<String> =
        texts.iter().map(|text| text.text).filter(|text| is_dash(text)).map(String::from).collect();

    let numbers = number::infer(texts, hints).filter(|_| input.forced != Some(Forced::Date));
    if let Some(found) = numbers {
        let num_read = column.count(|i| found.numbers[i].is_some());
        let is_odd = |i: usize| found.numbers[i].is_none() && !is_dash(texts[i].text);
        let num_odd = column.count(is_odd);
        if num_odd == 0 {
            if let Some((place, number, text)) = &input.first_typed
                && found.syntax.read(text) != Some(*number)
            {
                let message = format!(
                    "holds the number {text} beside texts that are numbers{}: write all cells as numbers, or all as text",
                    found.syntax.with()
                );
                return Err(table.error_in(*place, &message));
            }
            let how = column.how(&found, num_dashes);
            return Ok(Decision::Numbers { syntax: found.syntax, numbers: found.numbers, missing: dashes, how });
        }
        if input.forced == Some(Forced::Numeric) {
            return Err(column.not_numeric(is_odd));
        }
        let num_distinct = found.numbers.iter().flatten().count();
        let num_distinct_odd = (0..texts.len()).filter(|&i| is_odd(i)).count();
        let are_names = num_distinct <= MAX_NUMBERS_AMONG_NAMES && total >= 3 * num_distinct as u64;
        if found.has_other_units && !are_names {
            return Err(column.other_unit(is_odd, &found.syntax));
        }
        let is_slip = num_odd * 20 < total || !are_names && num_distinct_odd <= MAX_NUMBERS_AMONG_NAMES;
        if num_read * 2 > total && is_slip {
            return Err(column.odd(is_odd, num_read, total, &found.syntax));
        }
        let is_date = |i: usize| parse(texts[i].text, DateOrder::DayFirst, false).is_some();
        if column.count(is_date) == 0 {
            let is_of_note = num_read * 2 > total || num_distinct > MAX_NUMBERS_AMONG_NAMES;
            return Ok(Decision::Names { note: is_of_note.then(|| column.mixed(is_odd, num_read, total)) });
        }
    } else if input.forced == Some(Forced::Numeric) {
        return Err(column.not_numeric(|i| !is_dash(texts[i].text)));
    }
    column.dates(day_first, dashes, total)
}

/// A column with its texts.
struct Column<'a> {
    input: &'a Input,
    texts: &'a [Distinct<'a>],
    table: &'a Table<'a>,
}

impl Column<'_> {
    fn count(&self, holds: impl Fn(usize) -> bool) -> u64 {
        (0..self.texts.len()).filter(|&i| holds(i)).map(|i| self.texts[i].count).sum()
    }

    /// The first cell, in the order of the file, for which `holds` is true.
    fn first(&self, holds: impl Fn(usize) -> bool) -> &Distinct<'_> {
        let found = (0..self.texts.len()).filter(|&i| holds(i)).map(|i| &self.texts[i]).min_by_key(|text| text.line);
        found.unwrap_or(&self.texts[0])
    }

    fn place(&self, text: &Distinct) -> Place {
        Place { line: text.line, column: self.input.position }
    }

    fn not_numeric(&self, is_odd: impl Fn(usize) -> bool) -> Invalid {
        let cell = self.first(is_odd);
        let message =
            format!("is in data.numeric and holds `{}`: correct it, or add it to data.missing", shorten(cell.text));
        self.table.error_in_with("data.numeric", self.place(cell), &message)
    }

    fn odd(&self, is_odd: impl Fn(usize) -> bool, num_read: u64, total: u64, syntax: &NumberSyntax) -> Invalid {
        let cell = self.first(is_odd);
        let how = syntax.describe().map_or_else(String::new, |how| format!(" ({how})"));
        let is_number = number::infer(&[*cell], Hints::default()).is_some();
        let what = match is_number {
            true => "another way to write a number",
            false => "no number",
        };
        let is_first_row = self.texts.iter().all(|text| text.line >= cell.line) && cell.count == 1;
        let header = if is_first_row { ", remove the line if it belongs to the header" } else { "" };
        let message = format!(
            "holds `{}`, {what}, and {num_read} of its {total} cells are numbers{how}: correct it{header}, add it to data.missing \
             if it means missing, or name the column in data.categorical",
            shorten(cell.text)
        );
        self.table.error_in(self.place(cell), &message)
    }

    fn other_unit(&self, is_odd: impl Fn(usize) -> bool, syntax: &NumberSyntax) -> Invalid {
        let cell = self.first(is_odd);
        let message = format!(
            "holds `{}`, and most of its cells are in `{}`: write all in one unit, or name the column in data.categorical",
            shorten(cell.text),
            syntax.unit.as_deref().unwrap_or_default()
        );
        self.table.error_in(self.place(cell), &message)
    }

    /// Why a column of numbers and texts is read as names.
    fn mixed(&self, is_odd: impl Fn(usize) -> bool, num_read: u64, total: u64) -> String {
        let cell = self.first(is_odd);
        format!(
            "read `{}` as text, since {} holds `{}`, though {num_read} of its {total} cells are numbers (if that means \
             missing, add it to data.missing)",
            self.input.name,
            self.table.shown_line(cell.line),
            shorten(cell.text)
        )
    }

    /// How the numbers are written, where it is unusual.
    fn how(&self, found: &number::Inferred, num_dashes: u64) -> Option<(String, String)> {
        let mut parts = Vec::new();
        parts.extend(found.syntax.describe());
        let is_unusual = |i: usize| found.numbers[i].is_some() && self.texts[i].text.parse::<f64>().is_err();
        let has_unusual = self.count(is_unusual) > 0;
        if parts.is_empty() && has_unusual {
            parts.push("unusual signs or digits".to_owned());
        }
        if num_dashes > 0 {
            let dash = self.first(|i| DASHES.contains(&self.texts[i].text));
            parts.push(format!("`{}` means missing, {num_dashes} times", dash.text));
        }
        let example = match has_unusual {
            true => {
                let text = self.first(is_unusual).text;
                let question = match (found.is_ambiguous, found.syntax.decimal) {
                    (false, _) => "",
                    (true, ',') => " (if it is a comma between thousands, set data.decimal = \".\")",
                    (true, _) => " (if it is a decimal comma, set data.decimal = \",\")",
                };
                format!("`{}` is {}{question}", shorten(text), found.syntax.read(text).unwrap_or(f64::NAN))
            }
            false => String::new(),
        };
        (!parts.is_empty()).then(|| (parts.join(", "), example))
    }

    fn dates(&self, day_first: Option<bool>, dashes: Vec<String>, total: u64) -> Result<Decision, Invalid> {
        let name = &self.input.name;
        let is_forced = self.input.forced == Some(Forced::Date);
        // Dates that are read either way are counted first: text that holds few of them is none of our business.
        let is_date = |i: usize| {
            [DateOrder::DayFirst, DateOrder::MonthFirst]
                .iter()
                .any(|&order| parse(self.texts[i].text, order, is_forced).is_some())
        };
        let num_dates = self.count(is_date);
        let is_clock = |i: usize| {
            let moment = parse(self.texts[i].text, DateOrder::DayFirst, is_forced);
            moment.is_some_and(|moment| moment.is_clock)
        };
        let num_clocks = self.count(is_clock);
        let is_odd = |i: usize| !is_date(i) && !DASHES.contains(&self.texts[i].text);
        let num_odd = self.count(is_odd);
        let refuse = |text: &Distinct, what: &str| {
            let message = format!(
                "holds `{}`, {what}: correct it, add it to data.missing if it means missing, or name the column in \
                 data.categorical",
                shorten(text.text)
            );
            let key = if is_forced { "data.date" } else { "data.path" };
            match is_forced {
                true => self.table.error_in_with(key, self.place(text), &message),
                false => self.table.error_in(self.place(text), &message),
            }
        };
        if num_odd > 0 && (is_forced || num_dates * 2 > total) {
            let cell = self.first(is_odd);
            let (one, many) =
                if num_clocks * 2 > num_dates { ("time of day", "times of day") } else { ("date", "dates") };
            return Err(refuse(cell, &format!("no {one}, and {num_dates} of its {total} cells are {many}")));
        }
        if num_dates == 0 || num_odd > 0 {
            return Ok(Decision::Names { note: None });
        }
        if num_clocks > 0 && num_clocks < num_dates {
            return Err(match num_clocks * 2 < num_dates {
                true => refuse(self.first(is_clock), "a time without a date, and most of its cells have one"),
                false => {
                    refuse(self.first(|i| is_date(i) && !is_clock(i)), "a date, and most of its cells are times of day")
                }
            });
        }
        let found = dates::infer(self.texts, day_first, is_forced).map_err(|Ambiguous::DayOrMonth(i)| {
            let cell = &self.texts[i];
            let message = format!(
                "holds `{}`, which may be the day or the month first, and no cell tells: set data.day_first = true or false, \
                 or name the column in data.categorical or data.drop",
                shorten(cell.text)
            );
            self.table.error_in(self.place(cell), &message)
        })?;
        let is_unread = |i: usize| found.moments[i].is_none() && !DASHES.contains(&self.texts[i].text);
        if self.count(is_unread) > 0 {
            let order = match found.order {
                Some(DateOrder::MonthFirst) => "the month first",
                Some(DateOrder::DayFirst) | None => "the day first",
            };
            return Err(refuse(
                self.first(is_unread),
                &format!("no date with {order}, as the others in {}", quote(name)),
            ));
        }
        Ok(Decision::Dates { order: found.order, moments: found.moments, missing: dashes })
    }
}
