//! From a `[data]` section to rows of numbers: load, split, prepare.
//!
//! - here: [`DataConfig`], what a loaded [`Dataset`] is, and [`load`]
//! - [`builtin`]: the five sets shipped inside the binary; [`synthetic`]: the generated 2-D sets
//! - [`csv`]: text cells to columns; [`columns`]: which kind a column has and which ones are refused;
//!   [`labels`]: names of classes and categories
//! - [`idx`]: MNIST files; [`check`]: conflicts inside the section
//! - [`split`]: which rows are for what; [`prepare`]: raw cells to network inputs
//!
//! Nothing is learned from the data before [`split`]: a [`Dataset`] holds raw cells, and only
//! [`Preparation::fit`] computes statistics, from training rows alone.

mod batch;
mod builtin;
mod check;
mod columns;
mod csv;
mod idx;
mod labels;
mod prepare;
mod rows;
mod split;
mod synthetic;
mod target;

use std::path::PathBuf;

use crate::invalid::Invalid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use batch::{Batch, Loader, Order, mix};
pub use prepare::{Examples, Preparation, PreparedColumn, PreparedKind, PreparedTarget};
pub use split::{Splits, split};

/// The `[data]` section: where the examples come from, how they are split and scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// A shipped or generated set; give either this or `path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Generated sets: number of points, 1 to 10000000; default 400.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_examples: Option<usize>,
    /// Generated sets: standard deviation of the gaussian noise on the coordinates, at least 0; default differs by set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
    /// `blobs` and `spirals`: number of classes, 2 to 1000; default 3 blobs, 2 spirals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_classes: Option<usize>,
    /// Generated sets: seed of the points; default 0, apart from the run's seed so that every run sees the same points.
    pub generator_seed: u64,
    /// A CSV file (gzipped or not), or with `labels` an IDX file of images; give either this or `source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// IDX file of labels; its presence means that `path` is an IDX file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// A separate test file like `path`; `test_fraction` is then not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_path: Option<PathBuf>,
    /// IDX labels of `test_path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_labels: Option<PathBuf>,
    /// CSV: name of the column to predict; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What to learn; inferred from the target's cells when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskKind>,
    /// CSV: one ASCII character between cells; inferred from the first line among `,` `;` tab `|` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// CSV: whether the first line names the columns; default true. Without, they are `column_1`, `column_2`, ...
    pub header: bool,
    /// CSV: cells that mean missing, beside the empty one; compared as text.
    pub missing: Vec<String>,
    /// CSV: columns to leave out.
    pub drop: Vec<String>,
    /// CSV: columns to read as numbers; other text in them is an error.
    pub numeric: Vec<String>,
    /// CSV: columns to read as categories, also when they hold numbers.
    pub categorical: Vec<String>,
    /// CSV: accept columns that hold the same value in every row; default false.
    pub allow_constant: bool,
    /// Categories kept per column, at least 1; default 64. Rarer ones become the unknown category.
    pub max_categories: usize,
    /// Rows and columns of the image that a row of pixels is; known for digits and IDX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_shape: Option<[usize; 2]>,
    /// Part of all rows kept for the test, 0 (none) up to below 1; default 0.3.
    pub test_fraction: f64,
    /// Part of the training rows kept for validation, 0 (none) up to below 1; default 0.15.
    pub validation_fraction: f64,
    /// Keep the share of every class equal in all parts; default true; no effect on number targets.
    pub stratify: bool,
    /// Seed of the split; the run's seed when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_seed: Option<u64>,
    /// Scaling of numeric columns, fitted on the training part; default `standard`.
    pub scale: Scale,
}

impl Default for DataConfig {
    fn default() -> Self {
        let missing = ["NA", "N/A", "NaN", "nan", "null", "NULL", "?"];
        Self {
            source: None,
            num_examples: None,
            noise: None,
            num_classes: None,
            generator_seed: 0,
            path: None,
            labels: None,
            test_path: None,
            test_labels: None,
            target: None,
            task: None,
            delimiter: None,
            header: true,
            missing: missing.map(String::from).to_vec(),
            drop: Vec::new(),
            numeric: Vec::new(),
            categorical: Vec::new(),
            allow_constant: false,
            max_categories: 64,
            image_shape: None,
            test_fraction: 0.3,
            validation_fraction: 0.15,
            stratify: true,
            split_seed: None,
            scale: Scale::Standard,
        }
    }
}

/// A set that needs no file: five shipped ones, then six generated ones with inputs `x1`, `x2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// 1797 images of 8x8 pixels (0 to 16), 10 classes.
    Digits,
    /// 150 flowers, 4 numbers, 3 classes.
    Iris,
    /// 178 wines, 13 numbers, 3 classes.
    Wine,
    /// 569 tumours, 30 numbers, malignant (class 0) or benign (class 1).
    BreastCancer,
    /// 442 patients, 10 numbers; the target is a number from 25 to 346.
    Diabetes,
    /// Uniform in [-1, 1]^2; class 1 where x1 and x2 have the same sign.
    Xor,
    /// Uniform in [0, 1]^2; class 1 along the diagonal 0.7 < x1 + x2 < 1.3, with a gap on both sides.
    Band,
    /// Two half circles that reach into each other.
    Moons,
    /// A circle inside a circle of twice its radius.
    Circles,
    /// Arms of 1.5 turns.
    Spirals,
    /// Round clouds, centres on a circle, neighbours 5 apart.
    Blobs,
}

impl Source {
    /// The word that the config file uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::Iris => "iris",
            Self::Wine => "wine",
            Self::BreastCancer => "breast_cancer",
            Self::Diabetes => "diabetes",
            Self::Xor => "xor",
            Self::Band => "band",
            Self::Moons => "moons",
            Self::Circles => "circles",
            Self::Spirals => "spirals",
            Self::Blobs => "blobs",
        }
    }

    /// Whether the points are computed rather than shipped.
    pub fn is_generated(self) -> bool {
        !matches!(self, Self::Digits | Self::Iris | Self::Wine | Self::BreastCancer | Self::Diabetes)
    }
}

/// What the target is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// A class name.
    Classification,
    /// A number.
    Regression,
}

/// How numeric columns are scaled; a spread of 0 counts as 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// As they are.
    None,
    /// Minus the mean, divided by the population standard deviation.
    Standard,
    /// Training minimum to 0, maximum to 1.
    MinMax,
    /// Minus the median, divided by the distance of the quartiles.
    Robust,
}

/// Rows of raw cells with their targets, as loaded: nothing scaled, nothing imputed.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// `digits`, or the file's name.
    pub name: String,
    /// The inputs, in the order of the file.
    pub columns: Vec<Column>,
    /// Row-major `[num_rows, columns.len()]`; missing = NaN. A categorical cell is the index of its
    /// category, or `categories.len()` for one that only a separate test file has.
    pub values: Vec<f32>,
    /// One per row.
    pub target: Target,
    /// Name of the target's column.
    pub target_name: String,
    /// Rows and columns of pixels, when a row is an image.
    pub image_shape: Option<[usize; 2]>,
    /// `Some(n)`: rows `n..` came from a separate test file.
    pub num_training_rows: Option<usize>,
    /// What was inferred and may surprise, a line each.
    pub notes: Vec<String>,
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
    /// A name out of a few.
    Categorical {
        /// Sorted: as numbers when all are numbers, else by alphabet.
        categories: Vec<String>,
    },
}

/// What is to be predicted, a value per row.
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
}

/// What is learned, and so how many outputs the network has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Two classes: one logit, for the second class name.
    Binary,
    /// A logit per class.
    MultiClass {
        /// At least 3.
        num_classes: usize,
    },
    /// One number, standardized.
    Regression,
}

impl Task {
    /// Width of the network's last layer.
    pub fn num_outputs(self) -> usize {
        match self {
            Self::Binary | Self::Regression => 1,
            Self::MultiClass { num_classes } => num_classes,
        }
    }

    /// Whether the target is a class.
    pub fn is_classification(self) -> bool {
        self != Self::Regression
    }

    fn of_classes(num_classes: usize) -> Self {
        match num_classes {
            2 => Self::Binary,
            num_classes => Self::MultiClass { num_classes },
        }
    }
}

/// Loads what the section names, after checking the section itself.
///
/// # Errors
/// Conflicting or out-of-range keys, unreadable or malformed files, columns or targets that cannot be learned from.
pub fn load(config: &DataConfig) -> Result<Dataset, Invalid> {
    check::check(config)?;
    let dataset = match (config.source, &config.path) {
        (Some(source), _) if source.is_generated() => synthetic::generate(source, config),
        (Some(source), _) => builtin::load(source, config)?,
        (None, Some(path)) if config.labels.is_some() => idx::load(path, config)?,
        (None, Some(path)) => csv::load(path, config)?,
        (None, None) => return Err(check::no_source()),
    };
    check::check_image_shape(&dataset)?;
    Ok(dataset)
}

impl Dataset {
    /// Number of examples.
    pub fn num_rows(&self) -> usize {
        match &self.target {
            Target::Classes { labels, .. } => labels.len(),
            Target::Numbers(numbers) => numbers.len(),
        }
    }

    /// The raw cells of row `i`, one per column.
    ///
    /// # Panics
    /// If `i >= num_rows()`.
    pub fn row(&self, i: usize) -> &[f32] {
        let width = self.columns.len();
        &self.values[i * width..(i + 1) * width]
    }

    /// What is learned from this target.
    pub fn task(&self) -> Task {
        match &self.target {
            Target::Classes { names, .. } => Task::of_classes(names.len()),
            Target::Numbers(_) => Task::Regression,
        }
    }

    /// SHA-256 in hex over columns, shapes, values and targets; not over the file's name or the notes.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        // Lengths go in before texts, so that moving a letter between two names changes the hash.
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
            }
        }
        let [height, width] = self.image_shape.unwrap_or([0, 0]);
        for size in [height, width, self.num_training_rows.unwrap_or(usize::MAX)] {
            number(&mut hash, size);
        }
        let mut bytes = Vec::with_capacity(4 * 4096);
        for chunk in self.values.chunks(4096) {
            bytes.clear();
            chunk.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
            hash.update(&bytes);
        }
        text(&mut hash, &self.target_name);
        match &self.target {
            Target::Classes { names, labels } => {
                names.iter().for_each(|name| text(&mut hash, name));
                labels.iter().for_each(|label| hash.update(label.to_le_bytes()));
            }
            Target::Numbers(numbers) => numbers.iter().for_each(|number| hash.update(number.to_le_bytes())),
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Lines for the terminal: size, the first 12 columns with kinds and missing counts, the target, notes.
    pub fn describe(&self) -> Vec<String> {
        const MAX_SHOWN: usize = 12;
        let mut lines = vec![match self.num_training_rows {
            Some(n) => format!(
                "{}: {n} rows, {} in the test file, {} inputs",
                self.name,
                self.num_rows() - n,
                self.columns.len()
            ),
            None => format!("{}: {} rows, {} inputs", self.name, self.num_rows(), self.columns.len()),
        }];
        if let Some([height, width]) = self.image_shape {
            lines.push(format!("images of {height} x {width} pixels"));
        } else {
            lines.extend((0..self.columns.len().min(MAX_SHOWN)).map(|i| self.describe_column(i)));
            if self.columns.len() > MAX_SHOWN {
                lines.push(format!("... and {} more columns", self.columns.len() - MAX_SHOWN));
            }
        }
        lines.push(self.describe_target());
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines
    }

    fn describe_column(&self, i: usize) -> String {
        let cells = self.values.iter().skip(i).step_by(self.columns.len());
        let num_missing = cells.clone().filter(|cell| cell.is_nan()).count();
        let missing = match num_missing {
            0 => String::new(),
            n => format!(", {n} missing"),
        };
        let Column { name, kind } = &self.columns[i];
        match kind {
            ColumnKind::Numeric => {
                let low = cells.clone().copied().fold(f32::INFINITY, f32::min);
                let high = cells.copied().fold(f32::NEG_INFINITY, f32::max);
                format!("{name}: numeric, {low} to {high}{missing}")
            }
            ColumnKind::Categorical { categories } => {
                let shown = labels::list(categories, 6);
                format!("{name}: {} categories ({shown}){missing}", categories.len())
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
                format!("target {}: {} classes ({})", self.target_name, names.len(), labels::list(&counts, 12))
            }
            Target::Numbers(numbers) => {
                let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
                let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                format!("target {}: number, {low} to {high}", self.target_name)
            }
        }
    }
}
