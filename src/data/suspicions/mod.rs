//! What a colleague would ask about the data before believing a result: repeated rows, columns that give the answer away,
//! rows that belong together. Each suspicion is a function in [`SUSPICIONS`], and says at most one line: the number it
//! found, and the key that answers it.
//!
//! They look at bounded parts of large data: the first training rows, which are shuffled by the split's seed, or the
//! beginning of the file where the order of rows matters.

mod answers;
mod duplicates;
mod identifiers;
mod labels;
mod one_column;
mod order;
mod totals;

use super::matrix::WINDOW_BYTES;
use super::{ColumnKind, DataConfig, Dataset, Matrix, Nearness, Splits, Target};

/// Rows at the beginning of the file that are looked at in their order.
const MAX_ORDERED: usize = 20_000;
/// Columns that are looked at one by one.
const MAX_COLUMNS: usize = 500;
/// With fewer rows, anything may be chance.
const MIN_ROWS: usize = 40;

/// The suspicions, in the order in which they are told.
const SUSPICIONS: &[fn(&View<'_>) -> Option<String>] = &[
    labels::without_training_rows,
    duplicates::across_parts,
    identifiers::rising,
    answers::alone,
    order::entities,
    order::in_time,
    totals::last_row,
];

/// What is looked at.
struct View<'a> {
    dataset: &'a Dataset,
    splits: &'a Splits,
    config: &'a DataConfig,
    /// The beginning of the training file, read once where the cells are in a file; `None` where they are not, or it is large.
    beginning: Option<Matrix>,
}

/// A line for each suspicion about a table; none about a text, whose rows are windows of one series.
pub fn suspicions(dataset: &Dataset, splits: &Splits, config: &DataConfig) -> Vec<String> {
    let mut view = View { dataset, splits, config, beginning: None };
    if matches!(dataset.target, Target::Text(_)) || splits.train.len() < MIN_ROWS {
        return Vec::new();
    }
    view.read_beginning();
    SUSPICIONS.iter().filter_map(|suspicion| suspicion(&view)).collect()
}

impl View<'_> {
    /// The columns that are looked at one by one; those of an image are no single quantities.
    fn columns(&self) -> std::ops::Range<usize> {
        match self.dataset.image_shape {
            Some(_) => 0..0,
            None => 0..self.dataset.columns.len().min(MAX_COLUMNS),
        }
    }

    fn name(&self, column: usize) -> &str {
        &self.dataset.columns[column].name
    }

    /// The column of dates in the file from which a column is computed.
    fn date_of(&self, column: usize) -> Option<&str> {
        let name = self.name(column);
        Some(self.dataset.readings.source(name)).filter(|source| *source != name)
    }

    /// Whether a column holds dates, or is computed from one.
    fn is_date(&self, column: usize) -> bool {
        self.date_of(column).is_some() || self.dataset.readings.days(self.name(column)).is_some()
    }

    fn is_numeric(&self, column: usize) -> bool {
        self.dataset.columns[column].kind == ColumnKind::Numeric
    }

    fn cell(&self, row: usize, column: usize) -> f32 {
        self.dataset.cells.cell(row, column)
    }

    /// The beginning of the training file, in its order.
    fn ordered(&self) -> std::ops::Range<usize> {
        0..self.dataset.num_training_rows.unwrap_or_else(|| self.dataset.num_rows()).min(MAX_ORDERED)
    }

    /// The cells of a column at the beginning of the file.
    fn ordered_cells(&self, column: usize) -> Vec<f32> {
        let cells = self.beginning.as_ref().unwrap_or(&self.dataset.cells);
        self.ordered().map(|row| cells.cell(row, column)).collect()
    }

    fn read_beginning(&mut self) {
        let width = self.dataset.cells.width();
        if !self.dataset.cells.is_windowed() || self.ordered().len() * width * size_of::<f32>() > WINDOW_BYTES {
            return;
        }
        let mut reader = self.dataset.cells.reader(Nearness::InOrder);
        let mut values = Vec::with_capacity(self.ordered().len() * width);
        self.ordered().for_each(|row| values.extend_from_slice(reader.row(row)));
        self.beginning = Some(Matrix::of_floats(width, values));
    }

    /// The target of a row: the class index, or the number.
    fn target(&self, row: usize) -> f64 {
        match &self.dataset.target {
            Target::Classes { labels, .. } => labels[row].into(),
            Target::Numbers(numbers) => numbers[row],
            Target::Several(_) | Target::Text(_) => f64::NAN,
        }
    }

    fn has_classes(&self) -> bool {
        matches!(self.dataset.target, Target::Classes { .. })
    }
}

/// Number of different cells; a missing one counts as one more value.
fn num_distinct(cells: &[f32]) -> usize {
    let mut bits: Vec<u32> = cells.iter().map(|cell| (cell + 0.0).to_bits()).collect();
    bits.sort_unstable();
    bits.dedup();
    bits.len()
}

/// Whether a column's name says that it numbers rows, people or things: `id`, `customer_id`, `PatientNo`.
fn is_named_like_an_identifier(name: &str) -> bool {
    const WORDS: [&str; 16] = [
        "id",
        "ids",
        "uid",
        "uuid",
        "guid",
        "key",
        "index",
        "no",
        "nr",
        "number",
        "code",
        "phone",
        "telephone",
        "mobile",
        "isbn",
        "account",
    ];
    words(name).last().is_some_and(|last| WORDS.contains(&last.as_str()))
}

/// The words of a name: `signup_date`, `signupDate` and `Signup Date` have the same.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for character in name.chars() {
        if !character.is_alphanumeric() || (character.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if character.is_alphanumeric() {
            words.last_mut().expect("never empty").extend(character.to_lowercase());
        }
        before = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_words() {
        for name in ["id", "customer_id", "PatientNo", "Order Number", "userId", "row-index"] {
            assert!(is_named_like_an_identifier(name), "{name}");
        }
        for name in ["idle", "noise", "age", "valid", "id_of_age", "casino", ""] {
            assert!(!is_named_like_an_identifier(name), "{name}");
        }
    }
}
