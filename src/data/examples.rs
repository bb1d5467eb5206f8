//! Examples as the network takes them.

use std::sync::Arc;

use super::Dataset;
use super::memory::check_free;

/// Examples as the network takes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    /// Width of a row of `inputs`.
    pub num_inputs: usize,
    /// Row-major `[len(), num_inputs]`; finite. Empty where the inputs are those of `shared`.
    pub inputs: Vec<f32>,
    /// The data set whose cells are the inputs unchanged, indexed by `rows`: nothing is copied then.
    pub shared: Option<Arc<Dataset>>,
    /// Class index, standardized number, or 0 and 1 of a label; NaN for a class unknown to the
    /// [`Preprocessor`](super::Preprocessor). As many per example as there are targets, or for a text one per character (see
    /// [`Examples::targets_of`]).
    pub targets: Vec<f32>,
    /// Number targets in their own units, as the data have them, as many per example; empty for classes, labels and texts. The metrics are computed
    /// from these, since `targets` are rounded.
    pub numbers: Vec<f64>,
    /// How much each example counts, above 0; empty where all count the same.
    pub weights: Vec<f32>,
    /// Per example: its row number in the [`Dataset`].
    pub rows: Vec<usize>,
}

impl Examples {
    /// Adds the examples of `block`, which gives its own away, if there is memory for them and for `more` bytes for each
    /// of all examples later on. Room is made for a quarter more than there are.
    ///
    /// # Errors
    /// How much is needed and how much is free, in words.
    pub fn append(&mut self, block: &mut Self, more: usize) -> Result<(), String> {
        let num_rows = self.len() + block.len();
        if num_rows > self.rows.capacity() {
            let room = num_rows + num_rows / 4;
            let added = room - self.len();
            let num_targets = block.targets.len() / block.len().max(1);
            let of_targets = num_targets * (size_of::<f32>() + size_of::<f64>());
            let a_row = self.num_inputs * size_of::<f32>() + of_targets + size_of::<f32>() + size_of::<usize>();
            let needed = added.saturating_mul(a_row).saturating_add(room.saturating_mul(more));
            check_free(needed).map_err(|why| format!("{room} rows of it {why}"))?;
            let has_room = self.inputs.try_reserve_exact(added * self.num_inputs).is_ok()
                && self.targets.try_reserve_exact(added * num_targets).is_ok()
                && (block.numbers.is_empty() || self.numbers.try_reserve_exact(added * num_targets).is_ok())
                && (block.weights.is_empty() || self.weights.try_reserve_exact(added).is_ok())
                && self.rows.try_reserve_exact(added).is_ok();
            if !has_room {
                return Err(format!("{room} rows of it are more than the system gives"));
            }
        }
        self.inputs.append(&mut block.inputs);
        self.targets.append(&mut block.targets);
        self.numbers.append(&mut block.numbers);
        self.weights.append(&mut block.weights);
        self.rows.append(&mut block.rows);
        Ok(())
    }

    /// No examples.
    pub fn none(num_inputs: usize) -> Self {
        Self {
            num_inputs,
            inputs: Vec::new(),
            shared: None,
            targets: Vec::new(),
            numbers: Vec::new(),
            weights: Vec::new(),
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

    /// The targets of the example at `position`: one, several, or for a window of text one per character.
    pub fn targets_of(&self, position: usize) -> &[f32] {
        self.of(&self.targets, position)
    }

    /// The number targets of the example at `position` in their own units; none for classes, labels and texts.
    pub fn numbers_of(&self, position: usize) -> &[f64] {
        self.of(&self.numbers, position)
    }

    /// What the example at `position` has of `values`, in which all have as many.
    fn of<'a, T>(&self, values: &'a [T], position: usize) -> &'a [T] {
        let count = values.len() / self.len();
        &values[position * count..][..count]
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
