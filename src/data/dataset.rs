//! A loaded data set: raw cells, a target per row, and notes on what was inferred.

use std::borrow::Cow;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::matrix::Nearness;
use super::table::shorten;
use super::{Division, ImageShape, Matrix, Readings, RowWeights, Several, Task, Text, labels, text};
use crate::figures::{counted, hexadecimal};
use crate::invalid::{Invalid, one_line};

/// Rows of raw cells with their targets, as loaded: neither scaled nor imputed.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// `digits`, or the file's name.
    pub name: String,
    /// The inputs, in the order of the file.
    pub columns: Vec<Column>,
    /// A row has a cell per column; missing = NaN. A categorical cell is the index of its category, or `categories.len()`
    /// for a category that occurs only in a separate test file.
    pub cells: Matrix,
    /// One per row.
    pub target: Target,
    /// Name of the target's column; of several, with commas between.
    pub target_name: String,
    /// The shape of the image, when a row is one.
    pub image_shape: Option<ImageShape>,
    /// `Some(n)`: rows `n..` came from a separate test file.
    pub num_training_rows: Option<usize>,
    /// Per row, the row of its file that it was read from: from 0, without the header and blank lines, each file by
    /// itself. Empty where no row of a file was left out.
    pub source_rows: Vec<u32>,
    /// What a column of the file says of the parts that rows go to.
    pub division: Division,
    /// How much each row counts; `None` where all count the same.
    pub weights: Option<RowWeights>,
    /// Inferences that may surprise the user, one line each.
    pub notes: Vec<String>,
    /// How the cells of the file were read.
    pub readings: Readings,
}

/// An input column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// As in the header.
    pub name: String,
    /// How its cells are read.
    pub kind: ColumnKind,
}

/// How the cells of a column are read.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnKind {
    /// A number.
    Numeric,
    /// One of a set of names.
    Categorical {
        /// Sorted: as numbers when all are numbers, else by alphabet. Where rare ones are hashed, those that only a separate test
        /// file has come after them.
        categories: Vec<String>,
    },
    /// A text.
    Text {
        /// Distinct, in the order in which they occur; the cells are their indices.
        texts: Arc<[String]>,
    },
}

/// What a column holds.
#[derive(Clone)]
struct Range {
    num_missing: usize,
    low: f32,
    high: f32,
}

impl Column {
    /// Its categories; none for numbers and texts.
    pub(super) fn categories(&self) -> &[String] {
        match &self.kind {
            ColumnKind::Numeric | ColumnKind::Text { .. } => &[],
            ColumnKind::Categorical { categories } => categories,
        }
    }
}

/// The values to predict, one per row.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A class per row.
    Classes {
        /// At least 2; sorted like categories.
        names: Vec<String>,
        /// Index into `names` per row.
        labels: Vec<u32>,
    },
    /// A finite number per row, in its own units.
    Numbers(Vec<f64>),
    /// Several numbers or labels per row.
    Several(Several),
    /// The next character at each position of a window; a row is a window, and there are no columns.
    Text(Text),
}

impl Target {
    /// Appends a value: of several targets, that of the next column.
    pub(super) fn push(&mut self, value: f64) {
        match self {
            Self::Classes { labels, .. } => labels.push(value as u32),
            Self::Numbers(numbers) => numbers.push(value),
            Self::Several(several) => several.values.push(value),
            Self::Text(_) => {} // not a table
        }
    }

    /// Removes all rows.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Classes { labels, .. } => labels.clear(),
            Self::Numbers(numbers) => numbers.clear(),
            Self::Several(several) => several.values.clear(),
            Self::Text(_) => {} // not a table
        }
    }
}

impl Dataset {
    /// Number of examples.
    pub fn num_rows(&self) -> usize {
        match &self.target {
            Target::Classes { labels, .. } => labels.len(),
            Target::Numbers(numbers) => numbers.len(),
            Target::Several(several) => several.num_rows(),
            Target::Text(text) => text.num_windows(),
        }
    }

    /// The raw cells of row `i`, one per column.
    ///
    /// # Panics
    /// If `i >= num_rows()`.
    pub fn row(&self, i: usize) -> Cow<'_, [f32]> {
        self.cells.row(i)
    }

    /// The cells of some columns in the given rows: calls `visit` with the place of each in `rows`, in the order in which
    /// they are stored.
    ///
    /// # Panics
    /// If a row number is not below `num_rows()`.
    pub fn for_each_of(&self, rows: &[u32], columns: std::ops::Range<usize>, mut visit: impl FnMut(usize, &[f32])) {
        let mut reader = self.cells.reader(Nearness::InOrder);
        if rows.is_sorted() {
            let rows = rows.iter().enumerate();
            return rows.for_each(|(place, &row)| visit(place, reader.columns(row as usize, columns.clone())));
        }
        // Where each row is in `rows`, of which no row is there twice in a part of a split.
        const NONE: u32 = u32::MAX;
        let mut place_of = vec![NONE; self.num_rows()];
        let is_new =
            |(place, &row): (usize, &u32)| std::mem::replace(&mut place_of[row as usize], place as u32) == NONE;
        if rows.iter().enumerate().all(is_new) {
            let places = place_of.into_iter().enumerate().filter(|(_, place)| *place != NONE);
            return places.for_each(|(row, place)| visit(place as usize, reader.columns(row, columns.clone())));
        }
        let mut places: Vec<u32> = (0..rows.len() as u32).collect();
        places.sort_unstable_by_key(|&place| rows[place as usize]);
        for place in places {
            visit(place as usize, reader.columns(rows[place as usize] as usize, columns.clone()));
        }
    }

    /// The cells of a column in the given rows.
    ///
    /// # Panics
    /// As [`Dataset::for_each_of`].
    pub fn column(&self, rows: &[u32], column: usize) -> Vec<f32> {
        let mut cells = vec![0.0; rows.len()];
        self.for_each_of(rows, column..column + 1, |place, cell| cells[place] = cell[0]);
        cells
    }

    /// Whether all cells that were asked for could be read.
    ///
    /// # Errors
    /// Why they could not, where they are in a file.
    pub fn check_read(&self) -> Result<(), Invalid> {
        self.cells.failure().map_or(Ok(()), |why| Err(Invalid::at("data.cache", why)))
    }

    /// A cell of numeric column `i` as its file has it, in digits.
    pub(super) fn in_file(&self, i: usize, cell: f32) -> String {
        match self.readings.origin(&self.columns[i].name) {
            0.0 => cell.to_string(),
            origin => (origin + f64::from(cell)).to_string(),
        }
    }

    /// The row of its file (the training or the test file) that row `i` was read from: from 0, without the header and
    /// blank lines. This is what `row` means wherever the user meets it.
    pub fn source_row(&self, i: usize) -> usize {
        match self.source_rows.get(i) {
            Some(&row) => row as usize,
            None => i - self.num_training_rows.filter(|&first| i >= first).unwrap_or(0),
        }
    }

    /// Names of the target's columns.
    pub fn target_names(&self) -> Vec<&str> {
        match &self.target {
            Target::Several(several) => several.names().collect(),
            _ => vec![&self.target_name],
        }
    }

    /// The columns of the file that hold the target: of labels in the cells of one column, that column.
    pub fn target_columns(&self) -> Vec<&str> {
        match self.readings.separator(&self.target_name) {
            Some(_) => vec![&self.target_name],
            None => self.target_names(),
        }
    }

    /// The task that this target sets. The characters of a text are those of the whole text here; the training part's
    /// are known only after the split.
    pub fn task(&self) -> Task {
        match &self.target {
            Target::Classes { names, .. } => Task::of_classes(names.len()),
            Target::Numbers(_) => Task::Regression,
            Target::Several(several) if several.are_labels() => Task::Labels { num_labels: several.columns.len() },
            Target::Several(several) => Task::Numbers { num_targets: several.columns.len() },
            Target::Text(text) => Task::of_characters(text::distinct(&text.characters).len()),
        }
    }

    /// SHA-256 in hex over columns, shapes, values and targets; not over the file's name or the notes.
    pub fn fingerprint(&self) -> String {
        match self.cells.file() {
            Some(file) => file.fingerprint.get_or_init(|| self.computed_fingerprint()).clone(),
            None => self.computed_fingerprint(),
        }
    }

    fn computed_fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        // Lengths are hashed before texts, so that moving a letter from one name to the next changes the hash.
        let text = |hash: &mut Sha256, text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        let number = |hash: &mut Sha256, number: usize| hash.update((number as u64).to_le_bytes());
        number(&mut hash, self.num_rows());
        number(&mut hash, self.columns.len());
        for column in &self.columns {
            text(&mut hash, &column.name);
            match &column.kind {
                ColumnKind::Numeric => number(&mut hash, usize::MAX),
                ColumnKind::Categorical { categories } => {
                    number(&mut hash, categories.len());
                    categories.iter().for_each(|name| text(&mut hash, name));
                }
                ColumnKind::Text { texts } => {
                    number(&mut hash, usize::MAX - 1);
                    number(&mut hash, texts.len());
                    texts.iter().for_each(|one| text(&mut hash, one));
                }
            }
        }
        let (height, width) = self.image_shape.map_or((0, 0), |shape| (shape.height, shape.width));
        for size in [height, width, self.num_training_rows.unwrap_or(usize::MAX)] {
            number(&mut hash, size);
        }
        const AT_ONCE: usize = 16 << 10;
        let mut bytes = Vec::with_capacity(2 * AT_ONCE);
        self.cells.for_each_row(|_, cells| {
            cells.iter().for_each(|cell| bytes.extend_from_slice(&cell.to_le_bytes()));
            if bytes.len() >= AT_ONCE {
                hash.update(&bytes);
                bytes.clear();
            }
        });
        hash.update(&bytes);
        text(&mut hash, &self.target_name);
        match &self.target {
            Target::Classes { names, labels } => {
                names.iter().for_each(|name| text(&mut hash, name));
                labels.iter().for_each(|label| hash.update(label.to_le_bytes()));
            }
            Target::Numbers(numbers) => numbers.iter().for_each(|number| hash.update(number.to_le_bytes())),
            Target::Several(several) => {
                number(&mut hash, several.columns.len());
                if self.readings.separator(&self.target_name).is_some() {
                    several.names().for_each(|name| text(&mut hash, name));
                }
                for word in several.columns.iter().flat_map(|column| column.words.iter().flatten()) {
                    text(&mut hash, word);
                }
                several.values.iter().for_each(|value| hash.update(value.to_le_bytes()));
            }
            Target::Text(Text { characters, context }) => {
                number(&mut hash, *context);
                characters.iter().for_each(|&character| hash.update(u32::from(character).to_le_bytes()));
            }
        }
        // Without them it is what it was before there were any.
        if let Some(channels) = self.image_shape.map(|shape| shape.channels).filter(|&channels| channels > 1) {
            number(&mut hash, channels);
        }
        hash.update(self.division.bytes());
        for weight in self.weights.iter().flat_map(|weights| &weights.values) {
            hash.update(weight.to_le_bytes());
        }
        hexadecimal(hash.finalize())
    }

    /// Lines for the terminal: size, the first 12 columns with kinds and missing counts, the target, notes.
    pub fn describe(&self) -> Vec<String> {
        const MAX_SHOWN: usize = 12;
        let notes = self.notes.iter().map(|note| format!("note: {note}"));
        if let Target::Text(text) = &self.target {
            return std::iter::once(self.describe_text(text)).chain(notes).collect();
        }
        let inputs = if self.columns.len() == 1 { "input" } else { "inputs" };
        let inputs = format!("{} {inputs}", self.columns.len());
        let num_rows = self.num_rows();
        let mut lines = vec![match self.num_training_rows {
            Some(n) => format!("{}: {n} rows, {} in the test file, {inputs}", self.name, num_rows - n),
            None => format!("{}: {num_rows} rows, {inputs}", self.name),
        }];
        if let Some(ImageShape { height, width, channels }) = self.image_shape {
            let colours = if channels == 1 { "" } else { ", each red, green and blue" };
            lines.push(format!("images of {height} x {width} pixels{colours}"));
        } else {
            let ranges = self.ranges(self.columns.len().min(MAX_SHOWN));
            lines.extend(ranges.iter().enumerate().map(|(i, range)| self.describe_column(i, range)));
            if self.columns.len() > MAX_SHOWN {
                lines.push(format!("... and {} more columns", self.columns.len() - MAX_SHOWN));
            }
        }
        lines.push(self.describe_target());
        lines.extend(notes);
        lines
    }

    fn describe_text(&self, text: &Text) -> String {
        format!(
            "{}: {} characters, {} distinct, in {} windows of {}",
            self.name,
            text.characters.len(),
            text::distinct(&text.characters).len(),
            text.num_windows(),
            text.context
        )
    }

    /// What the first `num_columns` columns hold, in one pass: a pass for each would read the whole memory again.
    fn ranges(&self, num_columns: usize) -> Vec<Range> {
        let mut ranges = vec![Range { num_missing: 0, low: f32::INFINITY, high: f32::NEG_INFINITY }; num_columns];
        self.cells.for_each_row(|_, cells| {
            for (range, &cell) in ranges.iter_mut().zip(cells) {
                range.num_missing += usize::from(cell.is_nan());
                (range.low, range.high) = (range.low.min(cell), range.high.max(cell));
            }
        });
        ranges
    }

    fn describe_column(&self, i: usize, range: &Range) -> String {
        let missing = match range.num_missing {
            0 => String::new(),
            n => format!(", {n} missing"),
        };
        let Column { name, kind } = &self.columns[i];
        let name = match name.contains(':') || name == "note" {
            true => labels::quote(&one_line(name)),
            false => labels::bounded(&one_line(name)).into_owned(),
        };
        match kind {
            ColumnKind::Numeric => {
                let (low, high) = (self.in_file(i, range.low), self.in_file(i, range.high));
                format!("{name}: numeric, {low} to {high}{missing}")
            }
            ColumnKind::Categorical { categories } => {
                let shown = one_line(&labels::list_columns(categories, 6));
                format!("{name}: {} ({shown}){missing}", counted(categories.len(), "category"))
            }
            ColumnKind::Text { texts } => {
                let shown = texts.first().map_or_else(String::new, |text| labels::quote(&one_line(&shorten(text))));
                format!("{name}: {} (such as {shown}){missing}", counted(texts.len(), "different text"))
            }
        }
    }

    fn describe_target(&self) -> String {
        match &self.target {
            Target::Classes { names, labels } => {
                let mut counts = vec![0usize; names.len()];
                labels.iter().for_each(|&label| counts[label as usize] += 1);
                let counts: Vec<String> =
                    names.iter().zip(counts).map(|(name, count)| format!("{name} {count}")).collect();
                format!("target `{}`: {} classes ({})", self.target_name, names.len(), labels::list(&counts, 12))
            }
            Target::Numbers(numbers) => {
                let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
                let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                format!("target `{}`: number, {low} to {high}", self.target_name)
            }
            Target::Several(several) => several.describe(),
            Target::Text(text) => self.describe_text(text),
        }
    }
}
