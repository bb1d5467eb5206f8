//! The `[data]` section of the TOML file.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{AugmentConfig, Cache, ImageShape, Source, TargetColumns, TaskKind, bag, missing};

/// The `[data]` section: where the examples come from, how they are split and scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Whether [`Dataset::write_rows`](super::Dataset::write_rows) wrote the file: it is CSV, whatever its first column's name looks
    /// like, and NULs are characters. No key.
    #[serde(skip)]
    pub is_written: bool,
    /// A built-in data set, shipped or generated; set either this or `path`.
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
    /// A table (CSV, JSON Lines, NumPy, SQLite, workbooks, Parquet or Arrow, which is recognised; gzipped, or alone in a ZIP
    /// archive), or several, as a pattern such as `part-*.csv`; the address of a PostgreSQL server; a folder of PNG, JPEG and
    /// WebP images with a folder for each class; with `labels` an IDX file of images, with `task = "language_model"` a UTF-8
    /// text. Set either this or `source`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "one_path")]
    pub path: Option<PathBuf>,
    /// Tables: further files with the columns of `path`, whose rows follow its rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_paths: Vec<PathBuf>,
    /// Tables: a file in which the table is kept once it has been read, so that its cells need not fit in memory and later runs
    /// need not read it again: `true` for one beside `path`, with `.cache` after its name, or the path of one, whose
    /// name ends in `.cache`. Of a table of more than 64 MiB, 4 bytes a cell, the rows are then shuffled window by window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// SQLite, PostgreSQL: a SELECT that gives the table; needed where a database has several tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Workbooks, with the feature `excel`: the sheet; the first one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// IDX file of labels; its presence means that `path` is an IDX file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// Tables: the column that names an image file in each row, from the table's folder on. Its pixels are the inputs; other
    /// columns are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<String>,
    /// A separate test file in the format of `path`; `test_fraction` is then not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_path: Option<PathBuf>,
    /// IDX labels of `test_path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_labels: Option<PathBuf>,
    /// Tables: name of the column to predict, required; or a list of columns: several numbers at once, or labels of 0 and 1 of
    /// which any may hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetColumns>,
    /// Tables: what stands between the labels in a cell of the target, such as "|" in `red|large`: several labels, of which any
    /// may hold, are then read from one column. An empty cell has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_separator: Option<String>,
    /// What to learn; inferred from the target's cells when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskKind>,
    /// CSV: the delimiter, one ASCII character; inferred from the first lines among `,` `;` tab `|` and runs of spaces when
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// CSV and texts: the encoding, such as "windows-1252" or "gbk"; recognised when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Tables: the decimal separator of all numbers, "." or ","; inferred for each column when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
    /// CSV, workbooks: lines above the header to skip; inferred when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_rows: Option<usize>,
    /// CSV: lines that begin with this ASCII character are skipped; by default only `#` above the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<char>,
    /// CSV: whether the first line names the columns; default true. Without, they are `column_1`, `column_2`, ...
    pub header: bool,
    /// Tables: cells that mean missing, in addition to the empty one; compared as text. By default the words that pandas
    /// takes for missing (`NA`, `NaN`, `None`, `null`, ...) and `?`; a list replaces them, `[]` has none.
    pub missing: Vec<String>,
    /// Tables: columns to leave out.
    pub drop: Vec<String>,
    /// Tables: columns to read as numbers; other text in them is an error.
    pub numeric: Vec<String>,
    /// Tables: columns to read as categories even if they hold numbers.
    pub categorical: Vec<String>,
    /// Tables: columns to read as dates, which are otherwise recognised.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub date: Vec<String>,
    /// Tables: columns of free texts, such as comments, whose words and pieces of words become `text_buckets` inputs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<String>,
    /// Inputs of each column of texts, 16 to 65536; default 1024. Terms that share one are told apart less well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_buckets: Option<usize>,
    /// Tables: whether `03/04/2024` is 3 April (true) or March 4 (false), where no cell of a column tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_first: Option<bool>,
    /// Tables: keep columns that hold the same value in every row, which are otherwise left out; default false.
    pub allow_constant: bool,
    /// Categories with an input of their own per column, at least 1; default 64. Rarer ones share those of `hash_buckets`.
    pub max_categories: usize,
    /// Inputs that a column has for the categories beyond `max_categories`, each of which goes to one by its hash, 16 to 65536; 0:
    /// all of them are the unknown category. By default as many as have 8 training rows each, up to 1024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_buckets: Option<usize>,
    /// Classes to keep, by name; all when empty. Rows of other classes are left out of every part.
    pub classes: Vec<String>,
    /// Classes in their order, the lowest first, where they have one: all classes by name, at least 3. The network then learns
    /// how high a row is, and mistakes between neighbours count less.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ordered: Vec<String>,
    /// Labelled rows per class available to training and validation, to simulate scarce labels; the test part is
    /// unaffected. At least 1; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_per_class: Option<usize>,
    /// Rows and columns of pixels of each image, with a third number 3 for colours (red, green, blue side by side), which are
    /// grey otherwise. Image files are brought to this size; known for digits and IDX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_shape: Option<ImageShape>,
    /// Texts: characters per example, 1 to 4096; default 64. The target of each is the next character.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<usize>,
    /// Column that tells whom a row is of, such as a patient: all rows of one are in one part (or fold). It is no input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Column of dates or numbers that tells when a row was: training rows come before those of validation, and these
    /// before the test rows. It stays an input unless `drop` names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// With `order`: how far apart the parts are at least, in days for dates, else in the numbers of the column; 0 or more,
    /// default 0. Rows in between are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<f64>,
    /// Column that names the part of each row, train, validation or test (other words for these are understood); it is no
    /// input. If it names no row of validation, `validation_fraction` of the training rows are drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_column: Option<String>,
    /// Column that tells how much each row counts in the loss and in every metric, a number above 0; it is no input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// Fraction of all rows held out for the test, 0 (none) or more and below 1; default 0.3. For a text, its end.
    pub test_fraction: f64,
    /// k-fold cross-validation, 2 to 1000: the rows are divided into this many folds of equal size (and equal class
    /// shares), and each run tests on one of them instead of `test_fraction`. One run per fold is trained unless `fold`
    /// names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// The fold to test on, 1 to `folds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<usize>,
    /// Repeated cross-validation, 1 to 100 times, each with other folds of the same rows; default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats: Option<usize>,
    /// The repeat that the folds are of, 1 to `repeats`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat: Option<usize>,
    /// Fraction of the remaining rows held out for validation, 0 (none) or more and below 1; default 0.15. For a text,
    /// the end of what the test part leaves.
    pub validation_fraction: f64,
    /// Keep class proportions equal in all parts; default true; no effect on number targets.
    pub stratify: bool,
    /// Number targets: keep the proportions of this many quantile bins equal in all parts, 2 to 100; by default they are
    /// drawn without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stratify_bins: Option<usize>,
    /// Seed of the split; the run's seed when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_seed: Option<u64>,
    /// Scaling of numeric columns, fitted on the training part; default `standard`.
    pub scale: Scale,
    /// Bins of each numeric column, 2 to 256: it then becomes that many inputs, between quantiles of the training part, on
    /// which a layer is a piecewise linear function; default 0, one scaled input. Chosen by the data where the network is.
    #[serde(skip_serializing_if = "is_zero")]
    pub bins: usize,
    /// Changes of training images.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::keyed::maybe")]
    pub augment: Option<AugmentConfig>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            is_written: false,
            source: None,
            num_examples: None,
            noise: None,
            num_classes: None,
            generator_seed: 0,
            path: None,
            more_paths: Vec::new(),
            cache: None,
            query: None,
            sheet: None,
            labels: None,
            images: None,
            test_path: None,
            test_labels: None,
            target: None,
            target_separator: None,
            task: None,
            delimiter: None,
            encoding: None,
            decimal: None,
            skip_rows: None,
            comment: None,
            header: true,
            missing: missing::WORDS.map(String::from).to_vec(),
            drop: Vec::new(),
            numeric: Vec::new(),
            categorical: Vec::new(),
            date: Vec::new(),
            text: Vec::new(),
            text_buckets: None,
            day_first: None,
            allow_constant: false,
            max_categories: 64,
            hash_buckets: None,
            classes: Vec::new(),
            ordered: Vec::new(),
            train_per_class: None,
            image_shape: None,
            context: None,
            group: None,
            order: None,
            gap: None,
            split_column: None,
            weight: None,
            test_fraction: 0.3,
            folds: None,
            fold: None,
            repeats: None,
            repeat: None,
            validation_fraction: 0.15,
            stratify: true,
            stratify_bins: None,
            split_seed: None,
            scale: Scale::Standard,
            bins: 0,
            augment: None,
        }
    }
}

impl DataConfig {
    /// How to read the file that [`Dataset::write_rows`](super::Dataset::write_rows) writes, whatever the training file
    /// was like: a header, commas, and only the empty cell is missing. (Where `-999` means missing, `-999.0` is still a
    /// number, and is written as `-999`.)
    pub fn of_written_rows() -> Self {
        Self {
            is_written: true,
            delimiter: Some(','),
            encoding: Some("utf-8".into()),
            decimal: Some('.'),
            skip_rows: Some(0),
            missing: Vec::new(),
            ..Self::default()
        }
    }

    /// Inputs of each column of texts.
    pub fn text_buckets(&self) -> usize {
        self.text_buckets.unwrap_or(bag::BUCKETS)
    }

    /// The file of `cache`; `None` without one.
    pub(super) fn cache_path(&self) -> Option<PathBuf> {
        self.cache.as_ref()?.path(self.path.as_ref()?)
    }

    /// Whether the data are a text, for next-character prediction.
    pub fn is_text(&self) -> bool {
        let task = self.source.map(Source::task).or(self.task);
        task == Some(TaskKind::LanguageModel)
    }

    /// The key that names a column by which rows are divided, and the column.
    pub(super) fn divided_by(&self) -> Option<(&'static str, &str)> {
        let keys =
            [("data.group", &self.group), ("data.order", &self.order), ("data.split_column", &self.split_column)];
        keys.into_iter().find_map(|(key, name)| Some((key, name.as_deref()?)))
    }

    /// Characters per example of a text.
    pub fn context(&self) -> usize {
        self.context.unwrap_or(64)
    }

    /// This section with the defaults that depend on other keys written out.
    pub fn resolved(self) -> Self {
        let context = self.is_text().then(|| self.context());
        Self { context, ..self }
    }
}

/// Reads a path; of a list it says what to do instead.
fn one_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let path = deserializer.deserialize_any(One {
        expected: "a path, a string",
        instead: |first, others| {
            let first = first.unwrap_or("part-1.csv");
            format!(
                "data.path is one file, or a pattern such as \"part-*.csv\": set data.path = {first:?}, and data.more_paths = \
                 {others:?}"
            )
        },
    })?;
    Ok(path.map(PathBuf::from))
}

/// A text, where a list is what others would write.
struct One {
    expected: &'static str,
    /// What to say of a list, by its first item and the others.
    instead: fn(Option<&str>, &[String]) -> String,
}

impl<'de> Visitor<'de> for One {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Some(name.to_owned()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Self::Value, A::Error> {
        let first: Option<String> = names.next_element()?;
        let mut others = Vec::new();
        while let Some(other) = names.next_element::<String>()? {
            others.push(other);
        }
        Err(de::Error::custom((self.instead)(first.as_deref(), &others)))
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
    /// Minus the median, divided by the interquartile range, or by half the range where that is 0.
    Robust,
}
