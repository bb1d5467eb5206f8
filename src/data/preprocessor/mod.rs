//! Raw cells to network inputs, and network outputs back to the target's units.
//!
//! This file defines what is fitted on the training part; `fit` fits it, `transform` applies it (cell by cell with
//! `encode`, of large data row by row with `row_encoder`), `text` does both for the characters of a text, `saved` and `validate` write
//! it and read it back; `target` has the targets, `sources` the columns of the file behind the inputs.

mod bins;
mod encode;
mod fit;
mod row_encoder;
mod saved;
mod seen;
mod sources;
mod target;
mod text;
mod transform;
mod validate;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

pub use row_encoder::RowEncoder;
pub use seen::Seen;
pub use sources::SourceColumn;
pub use target::{LabelTarget, NumberTarget, PreparedTarget, Unit};

use super::{ImageShape, InputColumn, Layout, Readings, Scale};

/// The versions of the format of `preprocessing.json` that can be read.
pub const PREPROCESSING_VERSIONS: RangeInclusive<u32> = saved::VERSIONS;

const UNKNOWN: &str = "unknown";

/// Turns raw cells into network inputs, with everything that was fitted on the training part.
///
/// Saved as `preprocessing.json` with the model; reading another version fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocessor {
    /// Name of the target's column; of several, with commas between.
    pub target_name: String,
    /// What the network's outputs mean.
    pub target: PreparedTarget,
    /// What the inputs are computed from.
    pub inputs: Inputs,
    /// How the numeric columns were scaled.
    pub scale: Scale,
    /// Number of training targets of each class or character; empty for a number target.
    pub class_counts: Vec<u64>,
    /// How the cells of the training file were read, and those of later files are.
    pub readings: Readings,
    /// Of two classes, the logit above which the second one is predicted, where it was chosen; `None` is 0. Chosen after
    /// training, on the validation part.
    pub threshold: Option<f32>,
}

/// What the inputs are computed from.
#[derive(Clone, Debug, PartialEq)]
pub enum Inputs {
    /// The cells of a row.
    Table {
        /// In the order of the inputs; at least one.
        columns: Vec<PreparedColumn>,
        /// The shape of the image, when the inputs are one.
        image_shape: Option<ImageShape>,
    },
    /// The characters of a window.
    Text(PreparedText),
}

/// What was fitted on a text, in addition to its characters.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct PreparedText {
    /// Characters that an example shows; at least 1.
    pub context: usize,
    /// How often each pair of characters occurs in the training part with the second one as a target.
    pub pairs: BTreeMap<String, u64>,
}

/// A column of raw cells, and how it becomes inputs.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct PreparedColumn {
    /// Its name in the data.
    pub name: String,
    /// What was fitted on it.
    pub kind: PreparedKind,
    /// What training saw of it; `None` for a model of an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

/// What was fitted on a column.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum PreparedKind {
    /// One input: `(cell - center) / spread`, with the median instead of a missing cell; with `edges`, one per bin.
    Numeric {
        /// In the column's own units, like the other two.
        median: f64,
        /// Becomes 0.
        center: f64,
        /// Becomes 1; greater than 0.
        spread: f64,
        /// Limits of the bins, ascending and distinct: none, or at least two. They are described at `data.bins`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        edges: Vec<f64>,
    },
    /// One input per category, 1 for the cell's and 0 for the others.
    Categorical {
        /// The kept categories, sorted.
        categories: Vec<String>,
        /// Whether a last input stands for missing, rare and unseen cells. Where training has none, they are all zeros
        /// instead: an input that is 0 in every training row would keep its random initial weight, and add noise.
        has_unknown: bool,
        /// Inputs after these, one of which a category that is not kept goes to by its hash, as 1 or -1 (see `data.hash_buckets`);
        /// 0: it is unknown.
        #[serde(default, skip_serializing_if = "is_zero")]
        buckets: usize,
    },
    /// This many inputs, the terms of the text by their hashes, as `bag` says; all 0 where it is missing.
    Text {
        /// See `data.text_buckets`.
        buckets: usize,
    },
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What the cells of a column of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    Number,
    /// The name of a category, or a text.
    Name,
    /// A date or a time of day, of which the inputs are several numbers.
    Date,
}

impl Preprocessor {
    /// The columns of a table, in the order of the inputs; none for a text.
    pub fn columns(&self) -> &[PreparedColumn] {
        match &self.inputs {
            Inputs::Table { columns, .. } => columns,
            Inputs::Text(_) => &[],
        }
    }

    /// The first column of texts.
    pub fn text_column(&self) -> Option<&str> {
        let column = self.columns().iter().find(|column| matches!(column.kind, PreparedKind::Text { .. }))?;
        Some(&column.name)
    }

    /// The first column of categories of which some are hashed.
    pub fn hashed_column(&self) -> Option<&str> {
        let column = self.columns().iter().find(|column| column.kind.num_buckets() > 0)?;
        Some(&column.name)
    }

    /// Whether a numeric column is divided into bins.
    pub fn has_bins(&self) -> bool {
        self.columns()
            .iter()
            .any(|column| matches!(&column.kind, PreparedKind::Numeric { edges, .. } if !edges.is_empty()))
    }

    /// The shape of the image, when the inputs are one.
    pub fn image_shape(&self) -> Option<ImageShape> {
        match self.inputs {
            Inputs::Table { image_shape, .. } => image_shape,
            Inputs::Text(_) => None,
        }
    }

    /// The meaning of the network's inputs.
    pub fn layout(&self) -> Layout {
        match &self.inputs {
            Inputs::Table { columns, image_shape } => {
                let columns = columns.iter().map(|column| match column.kind {
                    PreparedKind::Numeric { ref edges, .. } if edges.is_empty() => InputColumn::Number,
                    PreparedKind::Numeric { .. } => InputColumn::Bins(column.kind.num_inputs()),
                    PreparedKind::Categorical { .. } => InputColumn::Categories(column.kind.num_inputs()),
                    PreparedKind::Text { buckets } => InputColumn::Terms(buckets),
                });
                Layout {
                    columns: columns.collect(),
                    image_shape: image_shape.map(|shape| [shape.height, shape.width * shape.channels]),
                    num_channels: image_shape.map_or(1, |shape| shape.channels),
                    num_characters: None,
                }
            }
            Inputs::Text(text) => {
                let num_characters = Some(self.task().num_classes());
                Layout { num_characters, ..Layout::of_numbers(text.context) }
            }
        }
    }

    /// The names of [`Preprocessor::sources`].
    pub fn source_columns(&self) -> Vec<&str> {
        self.source_cells().into_iter().map(|(name, _)| name).collect()
    }

    /// The same, with what their cells are.
    pub fn source_cells(&self) -> Vec<(&str, CellKind)> {
        let mut found: Vec<(&str, CellKind)> = Vec::new();
        for column in self.columns() {
            let name = self.readings.source(&column.name);
            let kind = match column.kind {
                PreparedKind::Categorical { .. } | PreparedKind::Text { .. } => CellKind::Name,
                PreparedKind::Numeric { .. } if name != column.name => CellKind::Date,
                PreparedKind::Numeric { .. } => CellKind::Number,
            };
            if found.iter().all(|(other, _)| *other != name) {
                found.push((name, kind));
            }
        }
        found
    }

    /// Width of the network's input.
    pub fn num_inputs(&self) -> usize {
        match &self.inputs {
            Inputs::Table { columns, .. } => columns.iter().map(|column| column.kind.num_inputs()).sum(),
            Inputs::Text(text) => text.context,
        }
    }

    /// A name per input: `Age`, `Sex=female`, `Sex=unknown`; none for a text.
    pub fn input_names(&self) -> Vec<String> {
        self.columns().iter().flat_map(|column| (0..column.kind.num_inputs()).map(|at| column.input_name(at))).collect()
    }

    /// One of [`Preprocessor::input_names`], of which columns of texts have a million.
    pub fn input_name(&self, input: usize) -> Option<String> {
        let mut at = input;
        for column in self.columns() {
            match at.checked_sub(column.kind.num_inputs()) {
                Some(rest) => at = rest,
                None => return Some(column.input_name(at)),
            }
        }
        None
    }

    /// The same preprocessor for the rows of a file that burnlab wrote, whose numbers are plain.
    pub fn for_written_rows(&self) -> Self {
        Self { readings: self.readings.of_written_rows(), ..self.clone() }
    }
}

impl PreparedColumn {
    /// The name of the column's input `at`, below [`PreparedKind::num_inputs`].
    fn input_name(&self, at: usize) -> String {
        let name = &self.name;
        let bucket = |before: usize| format!("{name} [{}]", at - before + 1);
        match &self.kind {
            PreparedKind::Numeric { edges, .. } if edges.is_empty() => name.clone(),
            PreparedKind::Numeric { edges, .. } => format!("{name}={}..{}", edges[at], edges[at + 1]),
            PreparedKind::Categorical { categories, has_unknown, .. } => match categories.get(at) {
                Some(category) => format!("{name}={category}"),
                None if *has_unknown && at == categories.len() => format!("{name}={UNKNOWN}"),
                None => bucket(categories.len() + usize::from(*has_unknown)),
            },
            PreparedKind::Text { .. } => bucket(0),
        }
    }
}

impl PreparedKind {
    /// Whether the column holds numbers.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::Numeric { .. })
    }

    /// Number of network inputs that the column becomes.
    pub fn num_inputs(&self) -> usize {
        match self {
            Self::Numeric { edges, .. } => edges.len().saturating_sub(1).max(1),
            Self::Categorical { categories, has_unknown, buckets } => {
                categories.len() + usize::from(*has_unknown) + buckets
            }
            Self::Text { buckets } => *buckets,
        }
    }

    /// Inputs for hashed categories.
    pub fn num_buckets(&self) -> usize {
        if let Self::Categorical { buckets, .. } = self { *buckets } else { 0 }
    }
}
