//! Examples as the network takes them.

use std::sync::Arc;

use super::Dataset;

/// Examples as the network takes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    /// Width of a row of `inputs`.
    pub num_inputs: usize,
    /// Row-major `[len(), num_inputs]`; finite. Empty where the inputs are those of `shared`.
    pub inputs: Vec<f32>,
    /// The data set whose cells are the inputs unchanged, indexed by `rows`: nothing is copied then.
    pub shared: Option<Arc<Dataset>>,
    /// Class index or standardized number; NaN for a class unknown to the [`Preprocessor`](super::Preprocessor). One per
    /// example, or for a text one per character (see [`Examples::targets_of`]).
    pub targets: Vec<f32>,
    /// Number targets in their own units, as the data have them; empty for classes and texts. The metrics are computed
    /// from these, since `targets` are rounded.
    pub numbers: Vec<f64>,
    /// Per example: its row number in the [`Dataset`].
    pub rows: Vec<usize>,
}

impl Examples {
    /// No examples.
    pub fn none(num_inputs: usize) -> Self {
        Self {
            num_inputs,
            inputs: Vec::new(),
            shared: None,
            targets: Vec::new(),
            numbers: Vec::new(),
            rows: Vec::new(),
        }
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

    /// The targets of the example at `position`: one, or for a window of text one per character.
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
