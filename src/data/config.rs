//! The `[data]` section of the TOML file.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Source, TaskKind};

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
    /// A CSV file (gzipped or not), with `labels` an IDX file of images, with `task = "language_model"` a text in UTF-8
    /// (gzipped or not); give either this or `source`.
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
    /// Classes to keep, by name; all when empty. The rows of others are left out of every part.
    pub classes: Vec<String>,
    /// Labelled rows of each class that training may see, validation part included: to learn from few; the test part
    /// stays whole. At least 1; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_per_class: Option<usize>,
    /// Rows and columns of the image that a row of pixels is; known for digits and IDX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_shape: Option<[usize; 2]>,
    /// Texts: characters that an example shows, 1 to 4096; default 64. Each has the next character as its target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<usize>,
    /// Part of all rows kept for the test, 0 (none) up to below 1; default 0.3. Of a text it is the end.
    pub test_fraction: f64,
    /// k-fold cross-validation, 2 to 1000: the rows are dealt into so many folds of equal size (and equal shares of the
    /// classes), and a run tests on one of them, in place of `test_fraction`. All are trained unless `fold` names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// The fold that is the test part, 1 to `folds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<usize>,
    /// Part of the training rows kept for validation, 0 (none) up to below 1; default 0.15. Of a text it is the end of
    /// what the test leaves.
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
            classes: Vec::new(),
            train_per_class: None,
            image_shape: None,
            context: None,
            test_fraction: 0.3,
            folds: None,
            fold: None,
            validation_fraction: 0.15,
            stratify: true,
            split_seed: None,
            scale: Scale::Standard,
        }
    }
}

impl DataConfig {
    /// How the file of [`Dataset::write_rows`](super::Dataset::write_rows) is read, whatever the training file was like:
    /// a header, commas, and only the empty cell is missing. (`-999` may mean missing, where `-999.0` is a number that
    /// is written as `-999`.)
    pub fn of_written_rows() -> Self {
        Self { delimiter: Some(','), missing: Vec::new(), ..Self::default() }
    }

    /// Whether the data are a text, to learn the next character of.
    pub fn is_text(&self) -> bool {
        let task = self.source.map(Source::task).or(self.task);
        task == Some(TaskKind::LanguageModel)
    }

    /// Characters that an example of a text shows.
    pub fn context(&self) -> usize {
        self.context.unwrap_or(64)
    }

    /// This section with the defaults that depend on other keys written out.
    pub fn resolved(self) -> Self {
        let context = self.is_text().then(|| self.context());
        Self { context, ..self }
    }
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
