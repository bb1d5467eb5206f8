//! The inner loop of [`Preprocessor::transform`](super::Preprocessor::transform): encodes one column's cell as its
//! inputs.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::bins::scaled;
use super::{PreparedColumn, PreparedKind};
use crate::data::bag::{Bag, bag, hashed};
use crate::data::labels::Labels;
use crate::data::{ColumnKind, Dataset, Readings, Spelling};

/// A prepared column matched with a column of a data set.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Encoder {
    Numeric {
        position: Option<usize>,
        median: f64,
        kind: PreparedKind,
        /// Added to a cell, where the data set's are counted from another origin than those of training.
        shift: f64,
    },
    /// For each of the data set's categories, the index of its input, if it has one, and what it is there: 1, or -1 of some that
    /// are hashed.
    OneHot { position: Option<usize>, inputs: Vec<Option<(usize, f32)>>, num_inputs: usize, unknown: Option<usize> },
    /// The texts that the cells of the data set index.
    /// Each becomes a bag when it is first asked for: only those of some rows may be.
    Text { position: Option<usize>, texts: Arc<[String]>, bags: Vec<OnceLock<Bag>>, buckets: usize },
}

/// How a number becomes an input without bins. What [`Encoder::encode`] does, for a loop over many columns without branches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scaling {
    median: f64,
    center: f64,
    spread: f64,
    shift: f64,
}

impl Scaling {
    #[inline]
    pub(super) fn input(&self, cell: f32) -> f32 {
        let number = if cell.is_nan() { self.median } else { f64::from(cell) + self.shift };
        scaled(number, self.center, self.spread)
    }
}

impl Encoder {
    /// An encoder for each of `columns`.
    pub(super) fn all(columns: &[PreparedColumn], readings: &Readings, dataset: &Dataset) -> Vec<Self> {
        let places: HashMap<&str, usize> = dataset.columns.iter().map(|column| column.name.as_str()).zip(0..).collect();
        let encoder = |column: &PreparedColumn| {
            let position = places.get(column.name.as_str()).copied();
            let shift = dataset.readings.shift_to(readings, &column.name);
            Self::new(column, readings.spelling(&column.name), shift, dataset, position)
        };
        columns.iter().map(encoder).collect()
    }

    fn new(
        column: &PreparedColumn,
        spelling: Spelling,
        shift: f64,
        dataset: &Dataset,
        position: Option<usize>,
    ) -> Self {
        let kind = position.map(|position| &dataset.columns[position].kind);
        match (&column.kind, kind) {
            (&PreparedKind::Numeric { median, .. }, kind) => {
                let position = position.filter(|_| kind == Some(&ColumnKind::Numeric));
                Self::Numeric { position, median, kind: column.kind.clone(), shift }
            }
            (PreparedKind::Categorical { categories, has_unknown, buckets }, kind) => {
                let (position, names) = match kind {
                    Some(ColumnKind::Categorical { categories }) => (position, &categories[..]),
                    Some(ColumnKind::Numeric | ColumnKind::Text { .. }) | None => (None, &[][..]),
                };
                let known = Labels::known(categories, spelling);
                let num_inputs = column.kind.num_inputs();
                let place = |name: &String| match known.find(name) {
                    Some(index) => Some((index as usize, 1.0)),
                    None if *buckets > 0 => {
                        let (bucket, sign) = hashed(&spelling.key(name), *buckets);
                        Some((num_inputs - buckets + bucket, sign))
                    }
                    None => None,
                };
                Self::OneHot {
                    position,
                    inputs: names.iter().map(place).collect(),
                    num_inputs,
                    unknown: has_unknown.then_some(categories.len()),
                }
            }
            (&PreparedKind::Text { buckets }, kind) => {
                let (position, texts) = match kind {
                    Some(ColumnKind::Text { texts }) => (position, texts.clone()),
                    _ => (None, Arc::default()),
                };
                Self::Text { position, bags: vec![OnceLock::new(); texts.len()], texts, buckets }
            }
        }
    }

    /// Whether the cell at `position`, unless missing, becomes the input unchanged.
    pub(super) fn is_copy_of(&self, position: usize) -> bool {
        let Self::Numeric { position: own, kind, shift, .. } = self else { return false };
        let is_unscaled =
            matches!(kind, PreparedKind::Numeric { center: 0.0, spread: 1.0, edges, .. } if edges.is_empty());
        *own == Some(position) && is_unscaled && *shift == 0.0
    }

    /// How the cell at `position` becomes the only input, if it does so by scaling alone.
    pub(super) fn scaling(&self, position: usize) -> Option<Scaling> {
        match self {
            Self::Numeric {
                position: own,
                median,
                kind: PreparedKind::Numeric { center, spread, edges, .. },
                shift,
            } if *own == Some(position) && edges.is_empty() => {
                Some(Scaling { median: *median, center: *center, spread: *spread, shift: *shift })
            }
            _ => None,
        }
    }

    /// Appends the inputs of one row's cells.
    pub(super) fn encode(&self, cells: &[f32], inputs: &mut Vec<f32>) {
        match self {
            Self::Numeric { position, median, kind, shift } => {
                let cell = position.map_or(f32::NAN, |position| cells[position]);
                let cell = if cell.is_nan() { *median } else { f64::from(cell) + shift };
                kind.encode_number(cell, inputs);
            }
            Self::OneHot { position, inputs: input_of, num_inputs, unknown } => {
                let cell = position.map(|position| cells[position]).filter(|cell| !cell.is_nan());
                let known = cell.and_then(|cell| *input_of.get(cell as usize)?);
                let start = inputs.len();
                inputs.resize(start + num_inputs, 0.0);
                if let Some((input, value)) = known.or(unknown.map(|input| (input, 1.0))) {
                    inputs[start + input] = value;
                }
            }
            Self::Text { position, texts, bags, buckets } => {
                let start = inputs.len();
                inputs.resize(start + buckets, 0.0);
                let cell = position.map(|position| cells[position]).filter(|cell| !cell.is_nan());
                if let Some(place) = cell.map(|cell| cell as usize).filter(|&place| place < texts.len()) {
                    let bag = bags[place].get_or_init(|| bag(&texts[place], *buckets));
                    bag.iter().for_each(|&(bucket, number)| inputs[start + bucket as usize] = number);
                }
            }
        }
    }
}
