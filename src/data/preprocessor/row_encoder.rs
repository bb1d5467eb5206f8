//! Encodes rows of a data set whenever they are asked for, so that no second copy of large data is in memory.

use std::borrow::Cow;
use std::sync::Arc;

use super::Preprocessor;
use super::encode::{Encoder, Scaling};
use super::target::TargetEncoder;
use crate::data::{Dataset, Matrix};

/// Computes the inputs and targets of rows of a data set as [`Preprocessor::transform`] does, one row at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct RowEncoder {
    dataset: Arc<Dataset>,
    columns: Vec<Encoder>,
    /// Whether the inputs are the cells unchanged, except for missing ones.
    is_copy: bool,
    /// Of every cell, where nothing else is done to any.
    scalings: Option<Vec<Scaling>>,
    num_inputs: usize,
    targets: TargetEncoder,
}

impl RowEncoder {
    /// An encoder of the rows of a table.
    pub(super) fn new(preprocessor: &Preprocessor, dataset: &Arc<Dataset>) -> Self {
        let columns = Encoder::all(preprocessor.columns(), &preprocessor.readings, dataset);
        let are_copies = columns.iter().enumerate().all(|(position, column)| column.is_copy_of(position));
        let is_whole = columns.len() == dataset.columns.len();
        let scalings = || columns.iter().enumerate().map(|(position, column)| column.scaling(position)).collect();
        Self {
            is_copy: are_copies && is_whole,
            scalings: if is_whole { scalings() } else { None },
            columns,
            num_inputs: preprocessor.num_inputs(),
            targets: preprocessor.target_encoder(dataset),
            dataset: dataset.clone(),
        }
    }

    /// Whether the inputs of `rows` are the cells in the memory of the data set.
    pub(super) fn copies(&self, rows: &[u32]) -> bool {
        let is_whole = |row: &u32| self.dataset.row(*row as usize).iter().all(|cell| cell.is_finite());
        self.is_copy && rows.iter().all(is_whole)
    }

    /// The inputs of a row, `[num_inputs]`.
    pub fn input(&self, row: usize) -> Cow<'_, [f32]> {
        let cells = self.dataset.row(row);
        if self.is_copy && cells.iter().all(|cell| cell.is_finite()) {
            return cells;
        }
        let mut inputs = Vec::with_capacity(self.num_inputs);
        self.append_input(&cells, &mut inputs);
        Cow::Owned(inputs)
    }

    /// The cells of all rows.
    pub fn cells(&self) -> &Matrix {
        &self.dataset.cells
    }

    /// Appends the inputs of a row with these cells.
    pub fn append_input(&self, cells: &[f32], inputs: &mut Vec<f32>) {
        match &self.scalings {
            _ if self.is_copy && cells.iter().all(|cell| cell.is_finite()) => inputs.extend_from_slice(cells),
            Some(scalings) => {
                inputs.extend(cells.iter().zip(scalings).map(|(&cell, scaling)| scaling.input(cell)));
            }
            None => self.columns.iter().for_each(|column| column.encode(cells, inputs)),
        }
    }

    /// Appends the targets of a row.
    pub fn append_targets(&self, row: usize, targets: &mut Vec<f32>) {
        self.targets.append(&self.dataset.target, row, targets);
    }

    /// The number targets of a row in their own units; none for classes and labels.
    pub fn numbers(&self, row: usize) -> &[f64] {
        self.targets.numbers(&self.dataset.target, row)
    }
}
