//! The target column of a table: collected both as texts and as numbers, then interpreted as classes or numbers.

use super::date_syntax::{DateOrder, parse};
use super::distinct::Distinct;
use super::labels::{Interner, Labels};
use super::limits::MAX_CLASSES;
use super::notes::Notes;
use super::number::{Hints, Inferred, NumberSyntax, infer};
use super::reading::number_in;
use super::table::{Cell, Table, are_present, is_usable, shorten, unusable};
use super::{Target, TaskKind, label_cells};
use crate::invalid::Invalid;

/// Whole numbers with more distinct values are treated as a quantity.
const MAX_INFERRED_CLASSES: usize = 20;

/// Target cells collected while the file is read; missing ones are left out.
pub(super) struct TargetCells {
    name: String,
    numbers: Vec<f64>,
    texts: Interner,
    /// Index of each row's text; filled only while there are few enough texts to be classes.
    text_of_row: Vec<u32>,
    first_text: Option<(u64, String)>,
    first_not_finite: Option<(u64, String)>,
    is_whole: bool,
}

impl TargetCells {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            numbers: Vec::new(),
            texts: Interner::default(),
            text_of_row: Vec::new(),
            first_text: None,
            first_not_finite: None,
            is_whole: true,
        }
    }

    /// Makes room for `num_rows` numbers in all, if they are this column's so far.
    pub(super) fn reserve(&mut self, num_rows: usize) {
        // What is foreseen differs a little each time.
        const MARGIN: usize = 32;
        let has_room = self.numbers.capacity() >= num_rows - num_rows / MARGIN;
        if !has_room && self.first_text.is_none() {
            // No room is no fault yet.
            self.numbers.try_reserve_exact(num_rows.saturating_sub(self.numbers.len())).ok();
        }
    }

    pub(super) fn push(&mut self, cell: Cell, text: &str, line: u64) {
        if self.texts.len() <= MAX_CLASSES {
            self.text_of_row.push(self.texts.intern(text, line));
        }
        let first = match cell {
            Cell::Number(number) if is_usable(number) => {
                self.is_whole &= number.fract() == 0.0;
                self.numbers.push(number);
                return;
            }
            Cell::Number(_) => &mut self.first_not_finite,
            Cell::Text | Cell::Missing => &mut self.first_text,
        };
        first.get_or_insert_with(|| (line, shorten(text)));
    }

    /// The names that the cells would be as classes; none of too many.
    pub(super) fn names(&self) -> Vec<String> {
        if self.texts.len() > MAX_CLASSES { Vec::new() } else { self.texts.sorted().0.names }
    }

    /// What the column is, read as `task` says: the one `own` of the `targets`, positions in the table.
    ///
    /// # Errors
    /// A constant target, one that does not fit `task`, or one with a few cells unlike the others.
    pub(super) fn finish(
        self,
        table: &Table<'_>,
        (targets, own): (&[usize], usize),
        task: Option<TaskKind>,
        hints: Hints,
        notes: &mut Notes,
    ) -> Result<TargetFound, Invalid> {
        let name = self.name.clone();
        let found = match self.first_text.is_some() && task != Some(TaskKind::Classification) {
            true => self.written(table, task, hints)?,
            false => None,
        };
        let is_text = self.first_text.is_some() && found.is_none();
        let is_whole = match &found {
            Some(found) => found.numbers.iter().flatten().all(|number| number.fract() == 0.0),
            None => self.is_whole,
        };
        let has_slip = found.is_none() && self.first_not_finite.is_some();
        let num_rows = self.numbers.len().max(self.text_of_row.len());
        let syntax = found.map(|found| found.syntax);
        let is_number = |num_distinct: usize| {
            task == Some(TaskKind::Regression)
                || task.is_none() && !is_text && (!is_whole || !are_few(num_distinct, num_rows) || has_slip)
        };
        let is_too_many = self.texts.len() > MAX_CLASSES;
        // Counted after sorting, which merges `1` and `1.0` into one class.
        let sorted = (!is_too_many).then(|| self.texts.sorted());
        let num_distinct = sorted.as_ref().map_or(usize::MAX, |(labels, _)| labels.names.len());
        if is_number(num_distinct) {
            let is_of_note = task.is_none() && is_whole && (3..=MAX_CLASSES).contains(&num_distinct);
            if is_of_note && num_rows >= 2 * num_distinct {
                notes.say(format!(
                    "read the {num_distinct} whole numbers in `{name}` as a quantity to predict (data.task = \
                     \"classification\" if each is a class)"
                ));
            }
            let first = self.texts.distinct().first().map_or_else(String::new, |first| shorten(first.text));
            let numbers = match &syntax {
                Some(syntax) => read_again(table, targets, own, &name, syntax)?,
                None => self.into_numbers(table)?,
            };
            refuse_constant(&name, &numbers)?;
            if let Some(how) = syntax.as_ref().and_then(NumberSyntax::describe) {
                notes.say_of_column(&how, &name, &format!("`{first}` is {}", numbers[0]));
            }
            return Ok(TargetFound { target: Target::Numbers(numbers), labels: None, syntax, separator: None });
        }
        let Some((labels, order)) = sorted else {
            let message = format!(
                "target `{name}` has more than {MAX_CLASSES} classes: set data.task = \"regression\" if it is a number, or choose another target"
            );
            return Err(Invalid::at("data.target", message));
        };
        if let [only] = &labels.names[..] {
            let message = format!(
                "target `{name}` is `{only}` in all {num_rows} rows: there is nothing to learn, choose another target"
            );
            return Err(Invalid::at("data.target", message));
        }
        let separator = label_cells::probable_separator(&labels.names).filter(|_| task.is_none() && is_text);
        if task.is_none() && num_rows > MIN_ROWS_OF_TEXT && num_distinct * 2 > num_rows {
            let shown = self.texts.distinct().first().map_or_else(String::new, |text| shorten(text.text));
            let message = format!(
                "target `{name}` has {num_distinct} different texts in {num_rows} rows, such as `{shown}`: too many for classes, \
                 and no numbers; choose another target, or set data.task{}",
                separator.map_or_else(String::new, |separator| format!(
                    ", or data.target_separator = {separator:?} if a cell \
                 holds several labels"
                ))
            );
            return Err(Invalid::at("data.target", message));
        }
        if task.is_none() && !is_text && labels.names.len() > 2 {
            notes.say(format!(
                "read the {} whole numbers in `{name}` as classes (data.task = \"regression\" to predict the number)",
                labels.names.len()
            ));
        }
        let are_dates = |texts: &[Distinct]| {
            let is_date = |text: &Distinct| parse(text.text, DateOrder::DayFirst, false).is_some();
            texts.iter().all(is_date)
        };
        if task.is_none() && is_text && are_dates(&self.texts.distinct()) {
            notes.say(format!(
                "read the dates or times in `{name}` as {} classes: to predict when, write them as numbers, such as days",
                labels.names.len()
            ));
        }
        if let Some(separator) = separator {
            notes.say(format!(
                "read each different text in `{name}` as a class (data.target_separator = {separator:?} if a cell holds several \
                 labels)"
            ));
        }
        if let Some(alike) = labels.note(&self.texts.distinct()) {
            notes.say(format!("classes of `{name}`: {alike}"));
        }
        let rows = self.text_of_row.iter().map(|&text| order[text as usize]);
        let target = Target::Classes { names: labels.names.clone(), labels: rows.collect() };
        Ok(TargetFound { target, labels: Some(labels), syntax: None, separator: None })
    }

    /// The syntax of numbers that are not written plainly; `None` if the cells are names.
    ///
    /// # Errors
    /// A cell that is no number where the others, or `data.task`, say that it must be one.
    fn written(&self, table: &Table<'_>, task: Option<TaskKind>, hints: Hints) -> Result<Option<Inferred>, Invalid> {
        let texts = self.texts.distinct();
        let found = infer(&texts, hints);
        let is_regression = task == Some(TaskKind::Regression);
        let Some(found) = found else {
            let first = self.first_text.as_ref().filter(|_| is_regression);
            return first.map_or(Ok(None), |(line, cell)| Err(not_a_number(table, &self.name, *line, cell, None)));
        };
        self.refuse_mixture(table, &texts, &found)?;
        let odd = || texts.iter().zip(&found.numbers).filter(|(_, number)| number.is_none()).map(|(text, _)| text);
        let total: u64 = texts.iter().map(|text| text.count).sum();
        let num_odd: u64 = odd().map(|text| text.count).sum();
        let are_quantities = found.numbers.iter().flatten().count() > MAX_INFERRED_CLASSES;
        let is_slip =
            num_odd * 20 < total || num_odd * 2 < total && are_quantities && odd().count() <= MAX_INFERRED_CLASSES;
        match odd().min_by_key(|text| text.line) {
            None => Ok(Some(found)),
            Some(first) if is_regression || is_slip => {
                Err(not_a_number(table, &self.name, first.line, &shorten(first.text), Some(&found.syntax)))
            }
            Some(_) => Ok(None),
        }
    }

    /// # Errors
    /// Quantities that are written in several ways, or in several units: as texts they would be a class each.
    fn refuse_mixture(&self, table: &Table<'_>, texts: &[Distinct], found: &Inferred) -> Result<(), Invalid> {
        let is_number = |text: &Distinct| infer(std::slice::from_ref(text), Hints::default()).is_some();
        let with_numbers = || texts.iter().zip(&found.numbers);
        let Some((odd, _)) = with_numbers().filter(|(_, number)| number.is_none()).min_by_key(|(text, _)| text.line)
        else {
            return Ok(());
        };
        // Zero may be written in every way, and would show none.
        let shows_way = |&(_, number): &(&Distinct, &Option<f64>)| number.is_some_and(|number| number != 0.0);
        let Some((usual, _)) = with_numbers().find(shows_way) else { return Ok(()) };
        let are_quantities = texts.len() > MAX_INFERRED_CLASSES;
        let is_mixture = found.has_other_units
            || with_numbers().take(MAX_CLASSES).all(|(text, number)| number.is_some() || is_number(text));
        if !are_quantities || !is_mixture {
            return Ok(());
        }
        let how = if found.has_other_units { "in one unit" } else { "in one way" };
        let message = format!(
            "target `{}` holds `{}` beside `{}`: write all numbers {how}, or set data.task = \"classification\" if each is a class",
            self.name,
            shorten(odd.text),
            shorten(usual.text)
        );
        Err(table.error_at_with("data.target", odd.line, &message))
    }

    fn into_numbers(self, table: &Table<'_>) -> Result<Vec<f64>, Invalid> {
        let first = [&self.first_text, &self.first_not_finite];
        let first = first.into_iter().flatten().min_by_key(|(line, _)| *line);
        if let Some((line, cell)) = first {
            return Err(not_a_number(table, &self.name, *line, cell, None));
        }
        Ok(self.numbers)
    }
}

/// Texts that are distinct in more than half of more rows than this are no classes.
const MIN_ROWS_OF_TEXT: usize = 20;

/// What the target column is.
pub(super) struct TargetFound {
    pub(super) target: Target,
    /// To look up a test file's classes in; `None` for a number.
    pub(super) labels: Option<Labels>,
    /// How the numbers are written, unless plainly.
    pub(super) syntax: Option<NumberSyntax>,
    /// What stands between the labels of a cell, where these are the classes.
    pub(super) separator: Option<String>,
}

/// Another pass, over numbers that are not written plainly.
fn read_again(
    table: &Table<'_>,
    targets: &[usize],
    own: usize,
    name: &str,
    syntax: &NumberSyntax,
) -> Result<Vec<f64>, Invalid> {
    let mut numbers = Vec::new();
    table.for_each_row(targets, |row| -> Result<(), Invalid> {
        if are_present(row.cells()) {
            let number = number_in(row, own, syntax)?;
            numbers.push(number.ok_or_else(|| not_a_number(table, name, row.line, &row.shown(own), Some(syntax)))?);
        }
        Ok(())
    })?;
    Ok(numbers)
}

fn refuse_constant(name: &str, numbers: &[f64]) -> Result<(), Invalid> {
    let is_constant = numbers.iter().all(|&number| number == numbers[0]);
    Invalid::unless(!is_constant, "data.target", || {
        format!(
            "target `{name}` is {} in all {} rows: there is nothing to learn, choose another target",
            shown(numbers[0]),
            numbers.len()
        )
    })
}

/// A number in a few digits, however small or large it is.
fn shown(number: f64) -> String {
    let is_plain = number == 0.0 || (1e-4..1e15).contains(&number.abs());
    if is_plain { number.to_string() } else { format!("{number:e}") }
}

/// Whether this few distinct whole numbers in this many rows are class names: 0/1 always, more only if they repeat.
fn are_few(num_distinct: usize, num_rows: usize) -> bool {
    match num_distinct {
        0..=2 => true,
        3 => num_rows >= 9,
        4..=MAX_INFERRED_CLASSES => num_rows >= 10 * num_distinct,
        _ => false,
    }
}

/// The error for a target cell that must be a number, written as the others are.
pub(super) fn not_a_number(
    table: &Table<'_>,
    name: &str,
    line: u64,
    cell: &str,
    others: Option<&NumberSyntax>,
) -> Invalid {
    let is_number = infer(&[Distinct { text: cell, count: 1, line }], Hints::default()).is_some();
    let what = match others.filter(|_| is_number) {
        Some(others) => format!("another way to write a number than the other cells{}", others.with()),
        None => unusable(cell).to_owned(),
    };
    let message = format!(
        "target `{name}` is `{cell}`, {what}: correct it, add it to data.missing, or set data.task = \"classification\""
    );
    table.error_at_with("data.target", line, &message)
}

#[cfg(test)]
mod tests {
    use super::{are_few, shown};

    #[test]
    fn numbers_are_shown_in_a_few_digits() {
        for (number, text) in [(1e-300, "1e-300"), (0.0, "0"), (2.5, "2.5"), (-3.0, "-3"), (1e300, "1e300")] {
            assert_eq!(shown(number), text);
        }
    }

    #[test]
    fn few_whole_numbers_with_repetition_are_classes() {
        for (num_distinct, num_rows, expected) in
            [(2, 2, true), (3, 12, true), (3, 3, false), (10, 1797, true), (10, 99, false), (21, 100_000, false)]
        {
            assert_eq!(are_few(num_distinct, num_rows), expected, "{num_distinct} in {num_rows}");
        }
    }
}
