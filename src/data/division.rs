//! What a column of the file says of the parts that rows go to: whom a row is of, when it was, or its part itself.

use super::columns::{Forced, Input};
use super::date_syntax::{DateOrder, parse};
use super::dates::DAY;
use super::decide::{Decision, decide};
use super::distinct::Distinct;
use super::labels::Interner;
use super::notes::Notes;
use super::number::{Hints, NumberSyntax};
use super::origin::Origin;
use super::part::Part;
use super::table::{Cell, Row, Table, are_present, is_usable};
use super::{DataConfig, column_names, formats};
use crate::invalid::Invalid;

/// What a column of the file says of the parts that rows go to. One item for each row of the data set.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Division {
    /// Nothing.
    #[default]
    Free,
    /// The entity of each row, from 0 (`data.group`).
    Groups(Vec<u32>),
    /// When each row was (`data.order`): days since 1970 of dates, else the numbers of the column.
    Order {
        /// Finite.
        times: Vec<f64>,
        /// Whether they are days since 1970.
        are_dates: bool,
    },
    /// The part of each row (`data.split_column`).
    Given(Vec<Part>),
}

impl Division {
    /// Keeps the rows for which `keeps` is true.
    pub(super) fn retain(&mut self, mut keeps: impl FnMut(usize) -> bool) {
        let mut row = 0;
        let mut next = || {
            row += 1;
            keeps(row - 1)
        };
        match self {
            Self::Free => {}
            Self::Groups(entities) => entities.retain(|_| next()),
            Self::Order { times, .. } => times.retain(|_| next()),
            Self::Given(parts) => parts.retain(|_| next()),
        }
    }

    /// What distinguishes this division from others of the same rows, for a fingerprint.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Free => Vec::new(),
            Self::Groups(entities) => entities.iter().flat_map(|entity| entity.to_le_bytes()).collect(),
            Self::Order { times, .. } => times.iter().flat_map(|time| time.to_le_bytes()).collect(),
            Self::Given(parts) => parts.iter().map(|&part| part as u8).collect(),
        }
    }
}

/// Reads the column that divides the rows which have a target, if the section names one: another pass over the file, and
/// over the separate test file.
///
/// # Errors
/// No such column; a row without a value; a cell that is no part, or cannot be ordered; an entity or a time that is in the
/// training file and the test file alike.
pub(super) fn read(
    table: &Table<'_>,
    targets: &[String],
    config: &DataConfig,
    notes: &mut Notes,
) -> Result<Division, Invalid> {
    let Some((key, name)) = config.divided_by() else { return Ok(Division::Free) };
    let is_target = targets.iter().any(|target| target == name);
    Invalid::unless(!is_target, key, || format!("{key} names the target `{name}`: name another column"))?;
    let cells = Column::read(table, name, targets, key)?;
    let origin = config.test_path.as_ref().map(|path| Origin::file(path, "data.test_path"));
    let test_table = origin.as_ref().map(|origin| formats::open(origin, config, None)).transpose()?;
    let test = test_table.as_ref().map(|table| Column::read(table, name, targets, key)).transpose()?;
    if config.split_column.is_some() {
        return Ok(Division::Given(cells.parts()?));
    }
    if config.group.is_some() {
        return groups(&cells, test.as_ref(), notes);
    }
    let clock = cells.clock(config)?;
    let mut times = cells.times(&clock)?;
    if let Some(test) = test {
        let later = test.times(&clock)?;
        let last = times.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if let Some(row) = later.iter().position(|&time| time < last) {
            let cell = &test.interned.distinct()[test.text_of_row[row] as usize];
            let message = format!(
                "`{name}` is `{}`, earlier than the last row of the training file: a test file must hold later rows, or leave \
                 out data.order",
                cell.text
            );
            return Err(test.table.error_at(cell.line, &message));
        }
        times.extend(later);
    }
    Ok(Division::Order { times, are_dates: matches!(clock, Clock::Dates { .. }) })
}

/// Numbers the entities of both files.
fn groups(train: &Column<'_>, test: Option<&Column<'_>>, notes: &mut Notes) -> Result<Division, Invalid> {
    // Spellings of one number, such as `7` and `7.0`, are one entity.
    let (labels, order) = train.interned.sorted();
    if let Some(alike) = labels.note(&train.interned.distinct()) {
        let name = train.name;
        notes.say(format!(
            "data.group, column `{name}`: {alike} (one that is written in several ways may be in several parts)"
        ));
    }
    let mut entities: Vec<u32> = train.text_of_row.iter().map(|&text| order[text as usize]).collect();
    if let Some(test) = test {
        if let Some(shared) = test.interned.distinct().iter().find(|text| labels.find(text.text).is_some()) {
            let message = format!(
                "`{}` is `{}` here and in the training file, and data.group allows it in one part only",
                test.name, shared.text
            );
            return Err(test.table.error_at(shared.line, &message));
        }
        let (_, order) = test.interned.sorted();
        let num_before = labels.names.len() as u32;
        entities.extend(test.text_of_row.iter().map(|&text| num_before + order[text as usize]));
    }
    Ok(Division::Groups(entities))
}

/// How times are written.
enum Clock {
    Plain,
    Numbers(NumberSyntax),
    Dates { order: Option<DateOrder>, is_forced: bool },
}

impl Clock {
    fn read(&self, text: &str) -> Option<f64> {
        match self {
            Self::Plain => text.parse().ok().filter(|number| is_usable(*number)),
            Self::Numbers(syntax) => syntax.read(text),
            Self::Dates { order, is_forced } => {
                let moment = parse(text, order.unwrap_or(DateOrder::DayFirst), *is_forced)?;
                (!moment.is_clock).then_some(moment.seconds / DAY)
            }
        }
    }
}

/// The cells of the column, of rows with a target.
pub(super) struct Column<'a> {
    table: &'a Table<'a>,
    name: &'a str,
    position: usize,
    key: &'static str,
    interned: Interner,
    text_of_row: Vec<u32>,
    are_numbers: bool,
}

impl<'a> Column<'a> {
    pub(super) fn read(
        table: &'a Table<'a>,
        name: &'a str,
        targets: &[String],
        key: &'static str,
    ) -> Result<Self, Invalid> {
        let position = column_names::find(table, name, key)?;
        let mut columns = vec![position];
        for target in targets {
            columns.push(column_names::find(table, target, "data.target")?);
        }
        let (interned, text_of_row) = (Interner::default(), Vec::new());
        let mut column = Self { table, name, position, key, interned, text_of_row, are_numbers: true };
        table.for_each_row(&columns, |row: &Row<'_>| -> Result<(), Invalid> {
            let cell = row.cells()[0];
            if !are_present(&row.cells()[1..]) {
                return Ok(());
            }
            if cell == Cell::Missing {
                let message = format!("is missing, and {key} needs it in every row: fill it in, or leave out the row");
                return Err(table.error_in_with(key, row.place(0), &message));
            }
            column.are_numbers &= matches!(cell, Cell::Number(number) if is_usable(number));
            let text = column.interned.intern(&row.text(0)?, row.line);
            column.text_of_row.push(text);
            Ok(())
        })?;
        Ok(column)
    }

    /// An error in the first cell with a text.
    pub(super) fn error(&self, text: &Distinct<'_>, what: &str) -> Invalid {
        let place = super::table::Place { line: text.line, column: self.position };
        let shown = super::table::shorten(text.text);
        self.table.error_in_with(self.key, place, &format!("holds `{shown}`, {what}"))
    }

    /// What `read` makes of each row's text.
    pub(super) fn each<T: Copy>(&self, read: impl Fn(&Distinct<'_>) -> Result<T, Invalid>) -> Result<Vec<T>, Invalid> {
        let values = self.interned.distinct().iter().map(read).collect::<Result<Vec<T>, Invalid>>()?;
        Ok(self.text_of_row.iter().map(|&text| values[text as usize]).collect())
    }

    fn parts(&self) -> Result<Vec<Part>, Invalid> {
        self.each(|text| {
            let no_part = || self.error(text, "and a row is of the part train, validation or test: write one of these");
            Part::named(text.text).ok_or_else(no_part)
        })
    }

    fn clock(&self, config: &DataConfig) -> Result<Clock, Invalid> {
        let is_forced = config.date.iter().any(|name| name == self.name);
        if self.are_numbers && !is_forced {
            return Ok(Clock::Plain);
        }
        let input = Input::new(self.name, self.position, is_forced.then_some(Forced::Date));
        let hints = Hints { decimal: config.decimal, is_comma_likely: self.table.about().is_comma_likely };
        let texts = self.interned.distinct();
        match decide(&input, &texts, self.table, hints, config.day_first)? {
            Decision::Numbers { syntax, .. } => Ok(Clock::Numbers(syntax)),
            Decision::Dates { order, .. } => Ok(Clock::Dates { order, is_forced }),
            Decision::Names { .. } => Err(self.error(
                &texts[0],
                "neither a date nor a number, and rows are put in order by it: name a column of dates or numbers",
            )),
        }
    }

    fn times(&self, clock: &Clock) -> Result<Vec<f64>, Invalid> {
        self.each(|text| {
            let what = match clock {
                Clock::Dates { .. } => "no date, and rows are put in order by it: correct it, or leave out the row",
                _ => "not a finite number, and rows are put in order by it: correct it, or leave out the row",
            };
            clock.read(text.text).ok_or_else(|| self.error(text, what))
        })
    }
}
