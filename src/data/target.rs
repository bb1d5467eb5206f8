//! The target column of a table: collected both as texts and as numbers, then interpreted as classes or numbers.

use super::labels::{Interner, Labels};
use super::limits::MAX_CLASSES;
use super::table::{Cell, Table, is_usable, shorten};
use super::{Target, TaskKind};
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

    pub(super) fn push(&mut self, cell: Cell, text: &str, line: u64) {
        if self.texts.len() <= MAX_CLASSES {
            self.text_of_row.push(self.texts.intern(text));
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

    /// The target, and the labels to look up a test file's classes in.
    ///
    /// # Errors
    /// A constant target, or one that does not fit `task`.
    pub(super) fn finish(
        mut self,
        table: &Table<'_>,
        task: Option<TaskKind>,
        notes: &mut Vec<String>,
    ) -> Result<(Target, Option<Labels>), Invalid> {
        let name = &self.name;
        let num_rows = self.numbers.len().max(self.text_of_row.len());
        let is_text = self.first_text.is_some();
        if task == Some(TaskKind::Regression) {
            return Ok((Target::Numbers(self.into_numbers(table)?), None));
        }
        if self.texts.len() > MAX_CLASSES {
            if task.is_none() && !is_text {
                return Ok((Target::Numbers(self.into_numbers(table)?), None));
            }
            let message = format!(
                "target `{name}` has more than {MAX_CLASSES} classes: set data.task = \"regression\" if it is a number, or choose another target"
            );
            return Err(Invalid::at("data.target", message));
        }
        // Counted after sorting, which merges `1` and `1.0` into one class.
        let (labels, order) = std::mem::take(&mut self.texts).sorted();
        let is_quantity = !self.is_whole || !are_few(labels.names.len(), num_rows);
        let has_slip = self.first_not_finite.is_some();
        if task.is_none() && !is_text && (is_quantity || has_slip) {
            return Ok((Target::Numbers(self.into_numbers(table)?), None));
        }
        if let [only] = &labels.names[..] {
            let message = format!(
                "target `{name}` is `{only}` in all {num_rows} rows: there is nothing to learn, choose another target"
            );
            return Err(Invalid::at("data.target", message));
        }
        if task.is_none() && !is_text && labels.names.len() > 2 {
            notes.push(format!(
                "read the {} whole numbers in `{name}` as classes (data.task = \"regression\" to predict the number)",
                labels.names.len()
            ));
        }
        let rows = self.text_of_row.iter().map(|&text| order[text as usize]);
        let target = Target::Classes { names: labels.names.clone(), labels: rows.collect() };
        Ok((target, Some(labels)))
    }

    fn into_numbers(self, table: &Table<'_>) -> Result<Vec<f64>, Invalid> {
        let first = [&self.first_text, &self.first_not_finite];
        let first = first.into_iter().flatten().min_by_key(|(line, _)| *line);
        if let Some((line, cell)) = first {
            return Err(not_a_number(table, &self.name, *line, cell));
        }
        if self.numbers.iter().all(|&number| number == self.numbers[0]) {
            let message = format!(
                "target `{}` is {} in all {} rows: there is nothing to learn, choose another target",
                self.name,
                self.numbers[0],
                self.numbers.len()
            );
            return Err(Invalid::at("data.target", message));
        }
        Ok(self.numbers)
    }
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

/// The error for a target cell that must be a number.
pub(super) fn not_a_number(table: &Table<'_>, name: &str, line: u64, cell: &str) -> Invalid {
    let message = format!(
        "target `{name}` is `{cell}`, not a finite number: correct it, add it to data.missing, or set data.task = \"classification\""
    );
    table.error_at_with("data.target", line, &message)
}

#[cfg(test)]
mod tests {
    use super::are_few;

    #[test]
    fn few_whole_numbers_with_repetition_are_classes() {
        for (num_distinct, num_rows, expected) in
            [(2, 2, true), (3, 12, true), (3, 3, false), (10, 1797, true), (10, 99, false), (21, 100_000, false)]
        {
            assert_eq!(are_few(num_distinct, num_rows), expected, "{num_distinct} in {num_rows}");
        }
    }
}
