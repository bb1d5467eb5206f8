//! How the cells of each column are read: inferred from the training file, saved with the model, and followed afterwards.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::date_syntax::{DateOrder, parse, parse_sure};
use super::dates::{self, DatePart};
use super::labels::{Interner, Labels, Spelling};
use super::limits::MAX_CATEGORIES;
use super::number::NumberSyntax;
use super::table::{Cell, Row, is_usable, unusable};
use crate::invalid::Invalid;

/// How the cells of a file are read, where it differs from plain numbers and exact names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Readings {
    /// The encoding of the training file, unless it is UTF-8. A later file that is not UTF-8 is taken to have it, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Whether the inputs are the pixels of image files, from 0 to 1.
    #[serde(skip_serializing_if = "is_false")]
    pub image_files: bool,
    /// By the name of the input column, or of the target.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Reading>,
}

/// How the cells of a column are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reading {
    /// As numbers in a syntax of their own.
    Numbers {
        /// The syntax.
        syntax: NumberSyntax,
        /// Texts that mean missing here.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missing: Vec<String>,
        /// What is subtracted, so that large numbers that differ by little keep their differences in f32.
        #[serde(default, skip_serializing_if = "is_zero")]
        origin: f64,
    },
    /// As dates, one number of each.
    Date {
        /// The column of the file.
        source: String,
        /// Whether the day or the month comes first, where it matters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<DateOrder>,
        /// The number that the column holds.
        part: DatePart,
        /// The first date of the training file, in seconds since 1970.
        origin: f64,
        /// Texts that mean missing here.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missing: Vec<String>,
    },
    /// As names, some of which have several spellings.
    Names(Spelling),
    /// A target whose cells hold several labels.
    Labels {
        /// Between them.
        separator: String,
        /// Which spellings are the same label.
        spelling: Spelling,
    },
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

impl Readings {
    /// What is subtracted from the numbers of a column, in the units of the file.
    pub fn origin(&self, column: &str) -> f64 {
        match self.columns.get(column) {
            Some(&Reading::Numbers { origin, .. }) => origin,
            _ => 0.0,
        }
    }

    /// Of a column that counts the days to a date: the column of the file, and the first date in seconds since 1970.
    pub(super) fn days(&self, column: &str) -> Option<(&str, f64)> {
        match self.columns.get(column) {
            Some(Reading::Date { source, part: DatePart::Days, origin, .. }) => Some((source, *origin)),
            _ => None,
        }
    }

    /// For whoever must make the inputs without burnlab: a line for each column of dates, and for others that are not read
    /// as they are written; none for the `targets`.
    pub fn for_others(&self, targets: &[&str]) -> Vec<String> {
        let has_days = |source: &str| self.columns.contains_key(&DatePart::Days.column_name(source));
        let note = |(name, reading): (&String, &Reading)| match reading {
            Reading::Date { source, part: DatePart::HourSine, .. } if !has_days(source) => Some(format!(
                "sine and cosine of `{source}`, a time of day, are of the angle 2 pi hour / 24, minutes and seconds counted in"
            )),
            Reading::Date { source, part: DatePart::Days, origin, .. } => Some(format!(
                "`{name}` is the days from {} to the date in `{source}`; sine and cosine are of the angles 2 pi (month - 1 + \
                 (day - 1) / days of the month) / 12, 2 pi weekday / 7 (Monday is 0) and 2 pi hour / 24",
                dates::shown(*origin)
            )),
            Reading::Date { .. } => None,
            Reading::Numbers { syntax, .. } => {
                let how = syntax.describe()?;
                Some(format!("`{name}` is a plain number here (in the training file: {how})"))
            }
            Reading::Labels { .. } => None,
            Reading::Names(_) => Some(format!(
                "`{name}` is known only as training spelled it most, where burnlab takes other spellings, too"
            )),
        };
        self.columns.iter().filter(|(name, _)| !targets.contains(&name.as_str())).filter_map(note).collect()
    }

    /// What must be added to a cell read so, for one read as in `other`.
    pub(super) fn shift_to(&self, other: &Self, column: &str) -> f64 {
        match (self.columns.get(column), other.columns.get(column)) {
            (Some(Reading::Date { part: DatePart::Days, origin, .. }), Some(Reading::Date { origin: other, .. })) => {
                (origin - other) / dates::DAY
            }
            _ => self.origin(column) - other.origin(column),
        }
    }

    /// A cell of the file as text, from the cells of the input `columns` that are computed from it, as
    /// [`write_rows`](super::Dataset::write_rows) writes them, and its place in the order of numbers or times; `None` where it
    /// is missing.
    pub fn told(&self, columns: &[String], cell: impl Fn(&str) -> String) -> Option<(String, Option<f64>)> {
        let is_date = |column: &String| matches!(self.columns.get(column), Some(Reading::Date { .. }));
        let Some(first) = columns.first().filter(|first| is_date(first)) else {
            let text = cell(columns.first()?);
            let place = text.parse().ok();
            return Some((text, place)).filter(|(text, _)| !text.is_empty());
        };
        if let Some((_, origin)) = self.days(first) {
            let days: f64 = cell(first).parse().ok()?;
            return Some((dates::shown((origin + days * dates::DAY).round()), Some(days)));
        }
        // A time of day, by the angle of its hour hand.
        let number = |column: &String| -> Option<f64> { cell(column).parse().ok() };
        let turns = number(first)?.atan2(number(columns.get(1)?)?) / std::f64::consts::TAU;
        let minutes = (turns.rem_euclid(1.0) * 1440.0).round() % 1440.0;
        Some((format!("{:02}:{:02}", (minutes / 60.0) as u32, minutes as u32 % 60), Some(minutes)))
    }

    /// Whether every column is read as plain numbers or exact names, in UTF-8.
    pub fn are_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Which spellings are the same in a column of names.
    pub(super) fn spelling(&self, column: &str) -> Spelling {
        match self.columns.get(column) {
            Some(&Reading::Names(spelling) | &Reading::Labels { spelling, .. }) => spelling,
            _ => Spelling::Exact,
        }
    }

    /// What stands between the labels in a cell of the target `column`; `None` where a cell is one value.
    pub fn separator(&self, column: &str) -> Option<&str> {
        match self.columns.get(column) {
            Some(Reading::Labels { separator, .. }) => Some(separator),
            _ => None,
        }
    }

    /// The column of the file from which an input column is computed.
    pub(super) fn source<'a>(&'a self, column: &'a str) -> &'a str {
        match self.columns.get(column) {
            Some(Reading::Date { source, .. }) => source,
            _ => column,
        }
    }

    /// The same for files that burnlab wrote: plain numbers, whatever the original has.
    pub(super) fn of_written_rows(&self) -> Self {
        let written = |reading: &Reading| match reading {
            Reading::Names(_) | Reading::Labels { .. } => Some(reading.clone()),
            &Reading::Numbers { origin, .. } if origin != 0.0 => Some(Reading::of_large_numbers(origin)),
            Reading::Numbers { .. } | Reading::Date { .. } => None,
        };
        let columns = self.columns.iter().filter_map(|(name, reading)| Some((name.clone(), written(reading)?)));
        Self { columns: columns.collect(), ..Self::default() }
    }
}

impl Reading {
    /// That of plain numbers from which `origin` is subtracted.
    pub(super) fn of_large_numbers(origin: f64) -> Self {
        Self::Numbers { syntax: NumberSyntax::default(), missing: Vec::new(), origin }
    }

    /// That of a column of names, unless each is one of its own.
    pub(super) fn of_names(labels: &Labels) -> Option<Self> {
        (labels.spelling != Spelling::Exact).then_some(Self::Names(labels.spelling))
    }
}

/// Reads the cells of one input column as training did.
pub(super) enum ColumnReader {
    /// Plain numbers; also in other scripts and with other minus signs, which cannot mean anything else.
    Numbers,
    /// Other numbers.
    Written { syntax: NumberSyntax, missing: Vec<String>, origin: f64 },
    /// A number of a date.
    /// Without an order, the dates of training can be read in one way only, and so must later ones.
    Date { order: Option<DateOrder>, part: DatePart, origin: f64, missing: Vec<String> },
    /// Names, as their index; the index after the last is the unknown one.
    Names(Labels),
    /// Names, as their index; after the last, those that it has met since, each by a spelling.
    OpenNames { known: Labels, met: RefCell<Interner> },
    /// Texts, as their index among all that it has met.
    Texts(RefCell<Interner>),
}

impl ColumnReader {
    /// For a column of texts, of which these are known.
    pub(super) fn texts(known: &[String]) -> Self {
        Self::Texts(RefCell::new(Interner::of_names(known)))
    }

    /// For a column of names whose later ones matter, too.
    pub(super) fn open_names(known: Labels) -> Self {
        Self::OpenNames { known, met: RefCell::default() }
    }

    /// All names that it has met since it was made, or since it was asked, and that are not among the known ones; `None` for
    /// other columns.
    pub(super) fn take_names(&self) -> Option<Vec<String>> {
        match self {
            Self::OpenNames { met, .. } => Some(met.take().into_names()),
            _ => None,
        }
    }

    /// All texts that it has met since it was made, or since it was asked; `None` for other columns.
    pub(super) fn take_texts(&self) -> Option<Vec<String>> {
        match self {
            Self::Texts(met) => Some(met.take().into_names()),
            _ => None,
        }
    }

    /// For a column of numbers.
    pub(super) fn of_numbers(reading: Option<&Reading>) -> Self {
        match reading {
            Some(Reading::Numbers { syntax, missing, origin }) => {
                Self::Written { syntax: syntax.clone(), missing: missing.clone(), origin: *origin }
            }
            Some(Reading::Date { order, part, origin, missing, .. }) => {
                Self::Date { order: *order, part: *part, origin: *origin, missing: missing.clone() }
            }
            Some(Reading::Names(_) | Reading::Labels { .. }) | None => Self::Numbers,
        }
    }

    /// The names of a column of names.
    pub(super) fn names(&self) -> Option<&[String]> {
        match self {
            Self::Names(labels) | Self::OpenNames { known: labels, .. } => Some(&labels.names),
            _ => None,
        }
    }

    /// Cell `i` of a row; NaN where it is missing.
    ///
    /// # Errors
    /// A cell that is no number or date where training has them.
    #[inline]
    pub(super) fn read(&self, row: &Row<'_>, i: usize) -> Result<f32, Invalid> {
        match (row.cells()[i], self) {
            (Cell::Missing, _) => Ok(f32::NAN),
            (Cell::Number(number), Self::Numbers) if is_usable(number) => Ok(number as f32),
            (Cell::Number(_), Self::Written { syntax, origin, .. }) if row.typed(i).is_some() => {
                let number = number_in(row, i, syntax)?.ok_or_else(|| refusal(row, i, &no_number(row, i, syntax)))?;
                Ok((number - origin) as f32)
            }
            _ => self.read_text(row, i),
        }
    }

    fn read_text(&self, row: &Row<'_>, i: usize) -> Result<f32, Invalid> {
        let text = row.text(i)?;
        let is_missing = |missing: &[String]| missing.iter().any(|word| *word == *text);
        let (number, expected) = match self {
            Self::Texts(met) if met.borrow().len() <= MAX_CATEGORIES => {
                return Ok(met.borrow_mut().intern(&text, row.line) as f32);
            }
            Self::OpenNames { known, met } if met.borrow().len() <= MAX_CATEGORIES => {
                return Ok(known.find(&text).unwrap_or_else(|| {
                    let name = known.spelling.key(&text);
                    known.names.len() as u32 + met.borrow_mut().intern(&name, row.line)
                }) as f32);
            }
            Self::OpenNames { .. } => (None, "has names, a million different ones at most,".to_owned()),
            Self::Texts(_) => (None, "has texts, a million different ones at most,".to_owned()),
            Self::Names(labels) => return Ok(labels.find(&text).unwrap_or(labels.names.len() as u32) as f32),
            Self::Written { missing, .. } | Self::Date { missing, .. } if is_missing(missing) => return Ok(f32::NAN),
            Self::Numbers => (NumberSyntax::default().read(&text), "is numeric".to_owned()),
            Self::Written { syntax, origin, .. } => {
                let number = number_in(row, i, syntax)?.map(|number| number - origin);
                return number.map(|number| number as f32).ok_or_else(|| refusal(row, i, &no_number(row, i, syntax)));
            }
            Self::Date { order, part, origin, .. } => {
                let moment = match order {
                    Some(order) => parse(&text, *order, true),
                    None => parse_sure(&text),
                };
                let moment = moment.filter(|moment| !moment.is_clock || part.is_of_clock());
                let what = match (part.is_of_clock(), order) {
                    (true, _) => "has times",
                    (false, Some(DateOrder::DayFirst)) => "has dates with the day first",
                    (false, Some(DateOrder::MonthFirst)) => "has dates with the month first",
                    (false, None) => "has dates that can be read in one way only, such as 2024-01-31,",
                };
                (moment.map(|moment| part.of(&moment, *origin)), what.to_owned())
            }
        };
        number.map(|number| number as f32).ok_or_else(|| {
            let message = match row.cells()[i] {
                Cell::Number(_) if matches!(self, Self::Numbers) => "not a finite number".to_owned(),
                _ => format!("and {expected} in the training file"),
            };
            refusal(row, i, &message)
        })
    }
}

fn refusal(row: &Row<'_>, i: usize, why: &str) -> Invalid {
    row.error(i, &format!("holds `{}`, {why}: correct it, or leave it empty if it is missing", row.shown(i)))
}

/// The number in cell `i` of a column whose texts are numbers in `syntax`: where the format has numbers it is itself, else what
/// its text says; `None` if that is none.
///
/// # Errors
/// Bytes that are not UTF-8.
pub(super) fn number_in(row: &Row<'_>, i: usize, syntax: &NumberSyntax) -> Result<Option<f64>, Invalid> {
    Ok(match row.typed(i) {
        Some(number) => Some(number).filter(|&number| is_usable(number) && !is_share(row, number, syntax)),
        None => syntax.read(&row.text(i)?),
    })
}

/// Why [`number_in`] finds none, as a clause for an error.
pub(super) fn no_number(row: &Row<'_>, i: usize, syntax: &NumberSyntax) -> String {
    match row.typed(i) {
        Some(number) if is_share(row, number, syntax) => {
            "and in the training file 26% is the number 26, where a workbook may hold 0.26: write it as text, with the `%`"
                .to_owned()
        }
        Some(_) => unusable(&row.shown(i)).to_owned(),
        None => format!("and has numbers{} in the training file", syntax.with()),
    }
}

/// Whether the number may be a hundredth of what training has.
fn is_share(row: &Row<'_>, number: f64, syntax: &NumberSyntax) -> bool {
    syntax.is_percent && number != 0.0 && row.table().about().has_shares
}
