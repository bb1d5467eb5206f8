//! Raw cells to network inputs, and network outputs back to the target's units.

mod encode;

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::data::check::MAX_CELLS;
use crate::data::{ColumnKind, DataConfig, Dataset, InputColumn, Layout, PreparedText, Scale, Target, Task, text};
use crate::invalid::Invalid;
use encode::Encoder;

/// Raised when the meaning of a saved [`Preparation`] changes.
const VERSION: u32 = 2;
const UNKNOWN: &str = "unknown";
/// Columns gathered at a time: a cache line of each row is then read once, and memory stays small.
const COLUMNS_AT_A_TIME: usize = 16;

/// Everything learned from the training part that turns raw cells into network inputs.
///
/// Saved as `preprocessing.json` beside the model; reading another version fails.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    #[serde(deserialize_with = "this_version")]
    version: u32,
    /// Name of the target's column.
    pub target_name: String,
    /// What the outputs mean.
    pub target: PreparedTarget,
    /// Rows and columns of pixels, when the inputs are an image.
    pub image_shape: Option<[usize; 2]>,
    /// How the numeric columns were scaled.
    pub scale: Scale,
    /// In the order of the inputs; none where they are the characters of a text.
    pub columns: Vec<PreparedColumn>,
    /// Training targets of each class or character; none for a number target.
    pub class_counts: Vec<u64>,
    /// Present where the inputs are the characters of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<PreparedText>,
}

/// One column of raw cells and the inputs that it becomes.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct PreparedColumn {
    /// As in the data.
    pub name: String,
    /// What was learned about it.
    pub kind: PreparedKind,
}

/// What was learned about a column.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum PreparedKind {
    /// One input: `(cell - center) / spread`, with the median in place of a missing cell.
    Numeric {
        /// In the column's own units, like the other two.
        median: f64,
        /// Becomes 0.
        center: f64,
        /// Becomes 1; greater than 0.
        spread: f64,
    },
    /// One input per category, 1 for the cell's and 0 for the others.
    Categorical {
        /// Those kept, sorted.
        categories: Vec<String>,
        /// Whether a last input stands for missing, rare and unseen cells. Without it they are all zeros:
        /// an input that is 0 in every training row keeps its random initial weight, which would then be noise.
        has_unknown: bool,
    },
}

/// What the outputs mean.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum PreparedTarget {
    /// Names of the classes, in the order of their numbers.
    Classes(Vec<String>),
    /// Training mean and population standard deviation of a number, in its own units.
    Number {
        /// Becomes 0.
        mean: f64,
        /// Becomes 1; greater than 0.
        standard_deviation: f64,
    },
    /// The characters of a text, sorted, in the order of their numbers; one more number stands for all others.
    Characters(String),
}

/// Examples as the network takes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    /// Width of a row of `inputs`.
    pub num_inputs: usize,
    /// Row-major `[len(), num_inputs]`; finite. Empty where the inputs are those of `shared`.
    pub inputs: Vec<f32>,
    /// The data set whose cells are the inputs as they stand, found by `rows`: nothing is copied then.
    pub shared: Option<Arc<Dataset>>,
    /// Number of the class, or the standardized number; NaN for a class unknown to the [`Preparation`]. One per example,
    /// or as many as [`Examples::targets_of`] has.
    pub targets: Vec<f32>,
    /// Per example: its row number in the [`Dataset`].
    pub rows: Vec<usize>,
}

impl Examples {
    /// No examples.
    pub fn none(num_inputs: usize) -> Self {
        Self { num_inputs, inputs: Vec::new(), shared: None, targets: Vec::new(), rows: Vec::new() }
    }

    /// The inputs of the example at `position`.
    pub fn input(&self, position: usize) -> &[f32] {
        match &self.shared {
            Some(dataset) => dataset.row(self.rows[position]),
            None => &self.inputs[position * self.num_inputs..][..self.num_inputs],
        }
    }

    /// The inputs of the examples at `positions`, one after the other.
    pub fn gather(&self, positions: impl ExactSizeIterator<Item = usize>) -> Vec<f32> {
        let mut inputs = Vec::with_capacity(positions.len() * self.num_inputs);
        positions.for_each(|position| inputs.extend_from_slice(self.input(position)));
        inputs
    }

    /// The targets of the example at `position`: one, or of a window of text one for each of its characters.
    pub fn targets_of(&self, position: usize) -> &[f32] {
        let count = self.targets.len() / self.len();
        &self.targets[position * count..][..count]
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Preparation {
    /// Learns scaling, medians, categories and the target's scale from `train_rows` alone.
    ///
    /// # Errors
    /// No training rows, a number target that is the same in all of them, or more inputs than fit in memory.
    ///
    /// # Panics
    /// If a row number is not below `dataset.num_rows()`.
    pub fn fit(dataset: &Dataset, train_rows: &[usize], config: &DataConfig) -> Result<Self, Invalid> {
        if train_rows.is_empty() {
            return Err(Invalid::at("data.validation_fraction", "there is no training row to learn the scaling from"));
        }
        if let Target::Text(text) = &dataset.target {
            let (target, class_counts, text) = text::fit(text, train_rows);
            return Ok(Self {
                version: VERSION,
                target_name: dataset.target_name.clone(),
                target,
                image_shape: None,
                scale: config.scale,
                columns: Vec::new(),
                class_counts,
                text: Some(text),
            });
        }
        let mut columns = Vec::with_capacity(dataset.columns.len());
        let mut gathered = vec![Vec::with_capacity(train_rows.len()); COLUMNS_AT_A_TIME.min(dataset.columns.len())];
        for (block, chunk) in dataset.columns.chunks(COLUMNS_AT_A_TIME).enumerate() {
            let start = block * COLUMNS_AT_A_TIME;
            gathered.iter_mut().for_each(Vec::clear);
            for &row in train_rows {
                let cells = &dataset.row(row)[start..start + chunk.len()];
                let present = cells.iter().zip(&mut gathered).filter(|(cell, _)| !cell.is_nan());
                present.for_each(|(&cell, column)| column.push(cell));
            }
            for (column, cells) in chunk.iter().zip(&mut gathered) {
                let kind = match &column.kind {
                    ColumnKind::Numeric => fit_numeric(cells, config.scale),
                    ColumnKind::Categorical { categories } => {
                        let has_missing = cells.len() < train_rows.len();
                        fit_categorical(cells, categories, config.max_categories, has_missing)
                    }
                };
                columns.push(PreparedColumn { name: column.name.clone(), kind });
            }
        }
        let preparation = Self {
            version: VERSION,
            target_name: dataset.target_name.clone(),
            target: fit_target(dataset, train_rows)?,
            image_shape: dataset.image_shape,
            scale: config.scale,
            columns,
            class_counts: class_counts(dataset, train_rows),
            text: None,
        };
        let (num_inputs, num_rows) = (preparation.num_inputs(), dataset.num_rows());
        // The cells themselves are in memory already; only categories make more of them.
        let fits = num_inputs == dataset.columns.len() || num_inputs.saturating_mul(num_rows) <= MAX_CELLS;
        Invalid::unless(fits, "data.max_categories", || {
            format!(
                "{num_rows} rows of {num_inputs} inputs, one for each category, do not fit in memory: \
                 lower data.max_categories, or drop the columns with many"
            )
        })?;
        Ok(preparation)
    }

    /// Whether the values make sense, as they do unless the file was changed by hand.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<(), String> {
        let distinct = |names: &[String]| names.iter().collect::<std::collections::HashSet<_>>().len() == names.len();
        let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        // A table has columns, a text has none.
        if names.is_empty() != self.text.is_some() || !distinct(&names) {
            return Err("its columns are none, or not distinct".into());
        }
        for PreparedColumn { name, kind } in &self.columns {
            let holds = match kind {
                &PreparedKind::Numeric { median, center, spread } => {
                    let is_number = |number: f64| (number as f32).is_finite();
                    is_number(median) && is_number(center) && is_number(spread) && spread > 0.0
                }
                PreparedKind::Categorical { categories, .. } => distinct(categories),
            };
            if !holds {
                return Err(format!("the numbers or categories of column `{name}` make no sense"));
            }
        }
        let target_holds = match &self.target {
            PreparedTarget::Classes(names) => {
                names.len() >= 2 && distinct(names) && self.class_counts.len() == names.len()
            }
            &PreparedTarget::Number { mean, standard_deviation } => {
                mean.is_finite() && standard_deviation.is_finite() && standard_deviation > 0.0
            }
            PreparedTarget::Characters(known) => {
                self.text.as_ref().is_some_and(|text| text::holds(known, &self.class_counts, text))
            }
        };
        let target_holds = target_holds && self.text.is_some() == self.characters().is_some();
        let image_holds = self.image_shape.is_none_or(|[height, width]| {
            height.checked_mul(width) == Some(self.columns.len()) && self.num_inputs() == self.columns.len()
        });
        match (target_holds, image_holds) {
            (false, _) => Err(format!("the target `{}` makes no sense", self.target_name)),
            (_, false) => Err("image_shape does not fit the columns".into()),
            _ => Ok(()),
        }
    }

    /// This preparation for a network that goes on to learn `dataset`: the inputs stay as they are, since the first
    /// layer's weights fit them; so does the target if it is a number or has the same classes. Other classes replace it.
    ///
    /// # Errors
    /// A column that `dataset` lacks or holds as another kind; a number in place of classes, or the reverse; a character
    /// that the run does not know.
    ///
    /// # Panics
    /// If a row number is not below `dataset.num_rows()`.
    pub fn refit(&self, dataset: &Dataset, train_rows: &[usize]) -> Result<Self, Invalid> {
        let invalid = |message: String| Invalid::at("model.init_from", message);
        if let (PreparedTarget::Characters(known), Target::Text(text)) = (&self.target, &dataset.target) {
            let (class_counts, text) = text::refit(text, train_rows, known)?;
            return Ok(Self { class_counts, text: Some(text), ..self.clone() });
        }
        let kinds: HashMap<&str, &ColumnKind> =
            dataset.columns.iter().map(|column| (column.name.as_str(), &column.kind)).collect();
        for column in &self.columns {
            let found = kinds.get(column.name.as_str());
            let is_numeric = column.kind.is_numeric();
            if found.is_none_or(|&kind| (*kind == ColumnKind::Numeric) != is_numeric) {
                let kind = if is_numeric { "numeric" } else { "categorical" };
                return Err(invalid(format!(
                    "the run learned from a {kind} column `{}`, which these data lack",
                    column.name
                )));
            }
        }
        let target = match (&self.target, &dataset.target) {
            (PreparedTarget::Number { .. }, Target::Numbers(_)) => self.target.clone(),
            (PreparedTarget::Classes(known), Target::Classes { names, .. }) => {
                let is_same = known.len() == names.len() && names.iter().all(|name| known.contains(name));
                PreparedTarget::Classes(if is_same { known.clone() } else { names.clone() })
            }
            _ => {
                return Err(invalid(
                    "the run's target is of another kind (classes, number or text) than that of these data".into(),
                ));
            }
        };
        let mut refitted = Self { target, ..self.clone() };
        let labels = refitted.targets(dataset, train_rows);
        let mut counts = vec![0; refitted.class_names().len()];
        if !counts.is_empty() {
            labels.iter().for_each(|&label| counts[label as usize] += 1);
        }
        refitted.class_counts = counts;
        Ok(refitted)
    }

    /// What the network's inputs stand for.
    pub fn layout(&self) -> Layout {
        if let (Some(text), Task::LanguageModel { num_characters }) = (&self.text, self.task()) {
            return Layout { num_characters: Some(num_characters), ..Layout::of_numbers(text.context) };
        }
        let columns = self.columns.iter().map(|column| match column.kind {
            PreparedKind::Numeric { .. } => InputColumn::Number,
            PreparedKind::Categorical { .. } => InputColumn::Categories(column.kind.num_inputs()),
        });
        Layout { columns: columns.collect(), image_shape: self.image_shape, num_characters: None }
    }

    /// Width of the network's input.
    pub fn num_inputs(&self) -> usize {
        if let Some(text) = &self.text {
            return text.context;
        }
        self.columns.iter().map(|column| column.kind.num_inputs()).sum()
    }

    /// A name per input: `Age`, `Sex=female`, `Sex=unknown`; none of a text.
    pub fn input_names(&self) -> Vec<String> {
        let names_of = |PreparedColumn { name, kind }: &PreparedColumn| match kind {
            PreparedKind::Numeric { .. } => vec![name.clone()],
            PreparedKind::Categorical { categories, has_unknown } => {
                let unknown = has_unknown.then_some(UNKNOWN);
                let values = categories.iter().map(String::as_str).chain(unknown);
                values.map(|value| format!("{name}={value}")).collect()
            }
        };
        self.columns.iter().flat_map(names_of).collect()
    }

    /// Names of the classes by number; none for a number or the characters of a text.
    pub fn class_names(&self) -> &[String] {
        match &self.target {
            PreparedTarget::Classes(names) => names,
            PreparedTarget::Number { .. } | PreparedTarget::Characters(_) => &[],
        }
    }

    /// What is learned.
    pub fn task(&self) -> Task {
        match &self.target {
            PreparedTarget::Classes(names) => Task::of_classes(names.len()),
            PreparedTarget::Number { .. } => Task::Regression,
            PreparedTarget::Characters(known) => Task::of_characters(known.chars().count()),
        }
    }

    /// A network output in the target's own units; unchanged for classes.
    pub fn to_target_units(&self, standardized: f32) -> f64 {
        match self.target {
            PreparedTarget::Number { mean, standard_deviation } => mean + standard_deviation * f64::from(standardized),
            PreparedTarget::Classes(_) | PreparedTarget::Characters(_) => f64::from(standardized),
        }
    }

    /// Target units per unit of the network's output, to turn errors into target units; 1 for classes.
    pub fn target_scale(&self) -> f64 {
        match self.target {
            PreparedTarget::Number { standard_deviation, .. } => standard_deviation,
            PreparedTarget::Classes(_) | PreparedTarget::Characters(_) => 1.0,
        }
    }

    /// The numeric cells of an example in their own units: the reverse of the scaling (a missing one is the median).
    /// Categorical columns are left out.
    pub fn raw_numbers(&self, examples: &Examples, position: usize) -> Vec<f32> {
        let mut inputs = examples.input(position);
        let mut numbers = Vec::new();
        for column in &self.columns {
            if let PreparedKind::Numeric { center, spread, .. } = column.kind {
                numbers.push((f64::from(inputs[0]) * spread + center) as f32);
            }
            inputs = &inputs[column.kind.num_inputs()..];
        }
        numbers
    }

    /// Inputs and targets of the given rows, in their order.
    ///
    /// Columns, categories and classes are found by name, so the dataset may be another file than the one
    /// fitted on; a column that it lacks, or reads as another kind, counts as missing.
    ///
    /// # Panics
    /// If a row number is not below `dataset.num_rows()`.
    pub fn transform(&self, dataset: &Dataset, rows: &[usize]) -> Examples {
        if let Target::Text(text) = &dataset.target {
            return self.windows(text, rows);
        }
        let num_inputs = self.num_inputs();
        let columns = Encoder::all(&self.columns, dataset);
        let mut inputs = Vec::with_capacity(rows.len() * num_inputs);
        for &row in rows {
            let cells = dataset.row(row);
            columns.iter().for_each(|column| column.encode(cells, &mut inputs));
        }
        Examples { num_inputs, inputs, shared: None, targets: self.targets(dataset, rows), rows: rows.to_vec() }
    }

    /// As [`Preparation::transform`]; where the inputs are the cells as they stand, they are not copied.
    ///
    /// # Panics
    /// As [`Preparation::transform`].
    pub fn share(&self, dataset: &Arc<Dataset>, rows: &[usize]) -> Examples {
        let columns = Encoder::all(&self.columns, dataset);
        let is_copy = columns.iter().enumerate().all(|(position, column)| column.is_copy_of(position));
        let has_gaps = || rows.iter().any(|&row| dataset.row(row).iter().any(|cell| !cell.is_finite()));
        if columns.is_empty() || columns.len() != dataset.columns.len() || !is_copy || has_gaps() {
            return self.transform(dataset, rows);
        }
        let targets = self.targets(dataset, rows);
        let shared = Some(dataset.clone());
        Examples { num_inputs: self.num_inputs(), inputs: Vec::new(), shared, targets, rows: rows.to_vec() }
    }

    fn targets(&self, dataset: &Dataset, rows: &[usize]) -> Vec<f32> {
        match (&self.target, &dataset.target) {
            (PreparedTarget::Classes(known), Target::Classes { names, labels }) => {
                let number = |name| known.iter().position(|other| other == name);
                let number = |name| number(name).map_or(f32::NAN, |number| number as f32);
                let numbers: Vec<f32> = names.iter().map(number).collect();
                rows.iter().map(|&row| numbers[labels[row] as usize]).collect()
            }
            (PreparedTarget::Number { mean, standard_deviation }, Target::Numbers(numbers)) => {
                let standardize = |&row: &usize| ((numbers[row] - mean) / standard_deviation) as f32;
                rows.iter().map(standardize).collect()
            }
            _ => vec![f32::NAN; rows.len()],
        }
    }
}

impl PreparedKind {
    /// Whether the column holds numbers.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::Numeric { .. })
    }

    /// Network inputs that the column becomes.
    pub fn num_inputs(&self) -> usize {
        match self {
            Self::Numeric { .. } => 1,
            Self::Categorical { categories, has_unknown } => categories.len() + usize::from(*has_unknown),
        }
    }
}

fn this_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        VERSION => Ok(VERSION),
        other => Err(serde::de::Error::custom(format!("unsupported version (got {other}, supports {VERSION})"))),
    }
}

/// `cells` without the missing ones, in any order.
fn fit_numeric(cells: &mut [f32], scale: Scale) -> PreparedKind {
    if cells.is_empty() {
        return PreparedKind::Numeric { median: 0.0, center: 0.0, spread: 1.0 };
    }
    let low = f64::from(cells.iter().copied().fold(f32::INFINITY, f32::min));
    let high = f64::from(cells.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let median = quantile(cells, 0.5);
    let (center, spread) = match scale {
        Scale::None => (0.0, 1.0),
        // Asked here and not of the deviation: rounding makes that of a constant tiny, but not 0.
        Scale::Standard if low == high => (low, 1.0),
        Scale::Standard => mean_and_deviation(cells.iter().map(|&cell| f64::from(cell))),
        Scale::MinMax => (low, high - low),
        Scale::Robust => (median, quantile(cells, 0.75) - quantile(cells, 0.25)),
    };
    // Every number of a preparation is one of f32, as an exported model has them.
    let spread = if spread > 0.0 { spread.min(f64::from(f32::MAX)) } else { 1.0 };
    PreparedKind::Numeric { median, center, spread }
}

fn mean_and_deviation(numbers: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, f64) {
    let count = numbers.len() as f64;
    // Summed around the first one: less rounding for numbers far from 0.
    let origin = numbers.clone().next().unwrap_or(0.0);
    let mean = origin + numbers.clone().map(|number| number - origin).sum::<f64>() / count;
    let variance = numbers.map(|number| (number - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// Linear between the two nearest ranks, as numpy's default. Reorders `cells`, which must not be empty or hold NaN.
fn quantile(cells: &mut [f32], fraction: f64) -> f64 {
    let rank = fraction * (cells.len() - 1) as f64;
    let (_, &mut below, above) = cells.select_nth_unstable_by(rank as usize, f32::total_cmp);
    let below = f64::from(below);
    let above = above.iter().copied().fold(f32::INFINITY, f32::min);
    match rank.fract() {
        0.0 => below,
        part => below + part * (f64::from(above) - below),
    }
}

fn fit_categorical(cells: &[f32], names: &[String], max_categories: usize, has_missing: bool) -> PreparedKind {
    // The last place is for categories that only a test file has.
    let mut counts = vec![0usize; names.len() + 1];
    cells.iter().for_each(|&cell| counts[cell as usize] += 1);
    let mut kept: Vec<usize> = (0..names.len()).filter(|&i| counts[i] > 0).collect();
    let has_rare = kept.len() > max_categories || counts[names.len()] > 0;
    kept.sort_by_key(|&i| std::cmp::Reverse(counts[i]));
    kept.truncate(max_categories);
    kept.sort_unstable();
    PreparedKind::Categorical {
        categories: kept.into_iter().map(|i| names[i].clone()).collect(),
        has_unknown: has_missing || has_rare,
    }
}

fn class_counts(dataset: &Dataset, train_rows: &[usize]) -> Vec<u64> {
    let Target::Classes { names, labels } = &dataset.target else { return Vec::new() };
    let mut counts = vec![0; names.len()];
    train_rows.iter().for_each(|&row| counts[labels[row] as usize] += 1);
    counts
}

fn fit_target(dataset: &Dataset, train_rows: &[usize]) -> Result<PreparedTarget, Invalid> {
    let numbers = match &dataset.target {
        Target::Classes { names, .. } => return Ok(PreparedTarget::Classes(names.clone())),
        Target::Numbers(numbers) => train_rows.iter().map(|&row| numbers[row]),
        Target::Text(text) => return Ok(text::fit(text, train_rows).0),
    };
    let (mean, standard_deviation) = mean_and_deviation(numbers.clone());
    let is_constant = numbers.clone().min_by(f64::total_cmp) == numbers.clone().max_by(f64::total_cmp);
    if is_constant || !(standard_deviation > 0.0 && standard_deviation.is_finite()) {
        let message =
            format!("constant target: `{}` is {mean} in all {} training rows", dataset.target_name, train_rows.len());
        return Err(Invalid::at("data.target", message));
    }
    Ok(PreparedTarget::Number { mean, standard_deviation })
}
