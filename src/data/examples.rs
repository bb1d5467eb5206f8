//! Examples as the network takes them.

use std::borrow::Cow;
use std::sync::Arc;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::memory::check_free;
use super::{Nearness, RowEncoder, RowReader};

/// Examples as the network takes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    /// Width of a row of `inputs`.
    pub num_inputs: usize,
    /// Row-major `[len(), num_inputs]`; finite. Empty with an `encoder`.
    pub inputs: Vec<f32>,
    /// Class index, standardized number, or 0 and 1 of a label; NaN for a class unknown to the
    /// [`Preprocessor`](super::Preprocessor). As many per example as there are targets, or for a text one per character.
    /// Empty with an `encoder`: see [`Examples::targets`].
    pub targets: Vec<f32>,
    /// Number targets in their own units, as the data have them, as many per example; empty for classes, labels and texts. The metrics are computed
    /// from these, since `targets` are rounded. Empty with an `encoder`: see [`Examples::numbers`].
    pub numbers: Vec<f64>,
    /// How much each example counts, above 0; empty where all count the same.
    pub weights: Vec<f32>,
    /// Per example: its row number in the [`Dataset`](super::Dataset).
    pub rows: Arc<[u32]>,
    /// Computes inputs and targets of `rows` whenever they are asked for: of large data they are not kept.
    pub encoder: Option<Arc<RowEncoder>>,
}

/// Examples that are read block by block.
pub struct Collected {
    examples: Examples,
    rows: Vec<u32>,
}

impl Collected {
    /// None so far.
    pub fn new(num_inputs: usize) -> Self {
        Self { examples: Examples::none(num_inputs), rows: Vec::new() }
    }

    /// Adds the examples of `block`, none of them with an encoder, which gives its own away, if there is memory for them and for `more` bytes for each
    /// of all examples later on. Room is made for a quarter more than there are.
    ///
    /// # Errors
    /// How much is needed and how much is free, in words.
    pub fn append(&mut self, block: &mut Examples, more: usize) -> Result<(), String> {
        let Self { examples, rows } = self;
        let num_rows = rows.len() + block.len();
        if num_rows > rows.capacity() {
            let room = num_rows + num_rows / 4;
            let added = room - rows.len();
            let num_targets = block.targets.len() / block.len().max(1);
            let of_targets = num_targets * (size_of::<f32>() + size_of::<f64>());
            let a_row = examples.num_inputs * size_of::<f32>() + of_targets + 2 * size_of::<f32>();
            let needed = added.saturating_mul(a_row).saturating_add(room.saturating_mul(more));
            check_free(needed).map_err(|why| format!("{room} rows of it {why}"))?;
            let has_room = examples.inputs.try_reserve_exact(added * examples.num_inputs).is_ok()
                && examples.targets.try_reserve_exact(added * num_targets).is_ok()
                && (block.numbers.is_empty() || examples.numbers.try_reserve_exact(added * num_targets).is_ok())
                && (block.weights.is_empty() || examples.weights.try_reserve_exact(added).is_ok())
                && rows.try_reserve_exact(added).is_ok();
            if !has_room {
                return Err(format!("{room} rows of it are more than the system gives"));
            }
        }
        examples.inputs.append(&mut block.inputs);
        examples.targets.append(&mut block.targets);
        examples.numbers.append(&mut block.numbers);
        examples.weights.append(&mut block.weights);
        rows.extend_from_slice(&block.rows);
        Ok(())
    }

    /// All of them.
    pub fn into_examples(self) -> Examples {
        Examples { rows: self.rows.into(), ..self.examples }
    }
}

impl Examples {
    /// No examples.
    pub fn none(num_inputs: usize) -> Self {
        Self {
            num_inputs,
            inputs: Vec::new(),
            targets: Vec::new(),
            numbers: Vec::new(),
            weights: Vec::new(),
            rows: Arc::default(),
            encoder: None,
        }
    }

    /// The row number in the data set of the example at `position`.
    pub fn row(&self, position: usize) -> usize {
        self.rows[position] as usize
    }

    /// The inputs of the example at `position`.
    pub fn input(&self, position: usize) -> Cow<'_, [f32]> {
        match &self.encoder {
            Some(encoder) => encoder.input(self.row(position)),
            None => Cow::Borrowed(&self.inputs[position * self.num_inputs..][..self.num_inputs]),
        }
    }

    /// The inputs of the examples at `positions`, one after the other.
    pub fn gather(&self, positions: impl ExactSizeIterator<Item = usize>) -> Vec<f32> {
        let mut inputs = Vec::with_capacity(positions.len() * self.num_inputs);
        match &self.encoder {
            Some(encoder) => positions.for_each(|position| {
                encoder.append_input(&encoder.cells().row(self.row(position)), &mut inputs);
            }),
            None => positions.for_each(|position| inputs.extend_from_slice(&self.input(position))),
        }
        inputs
    }

    /// The same by a `reader`, if there is one, of [`Examples::reader`].
    pub fn gather_by(
        &self,
        reader: Option<&mut RowReader<'_>>,
        positions: impl ExactSizeIterator<Item = usize>,
    ) -> Vec<f32> {
        let (Some(encoder), Some(reader)) = (&self.encoder, reader) else { return self.gather(positions) };
        let mut inputs = Vec::with_capacity(positions.len() * self.num_inputs);
        positions.for_each(|position| encoder.append_input(reader.row(self.row(position)), &mut inputs));
        inputs
    }

    /// Reads the rows of examples that are asked for one after the other, as far as they are in a file.
    pub fn reader(&self, nearness: Nearness) -> Option<RowReader<'_>> {
        Some(self.encoder.as_ref()?.cells().reader(nearness))
    }

    /// Shuffles positions of examples: all together, or where the cells are in a file as [`Matrix::shuffle`](super::Matrix::shuffle) says.
    pub fn shuffle(&self, positions: &mut Vec<u32>, random: &mut ChaCha8Rng) {
        match &self.encoder {
            Some(encoder) => encoder.cells().shuffle(positions, |position| self.row(position as usize), random),
            None => positions.shuffle(random),
        }
    }

    /// Why some of the cells could not be read; they were then taken as missing.
    pub fn failure(&self) -> Option<&str> {
        self.encoder.as_ref()?.cells().failure()
    }

    /// The targets of the examples at `positions`, one after the other: of each one, several, or for a window of text one
    /// per character.
    pub fn gather_targets(&self, positions: impl Iterator<Item = usize>) -> Vec<f32> {
        let mut targets = Vec::new();
        match &self.encoder {
            Some(encoder) => positions.for_each(|position| encoder.append_targets(self.row(position), &mut targets)),
            None => positions.for_each(|position| targets.extend_from_slice(self.of(&self.targets, position))),
        }
        targets
    }

    /// The targets of all examples.
    pub fn targets(&self) -> Cow<'_, [f32]> {
        match self.encoder {
            Some(_) => Cow::Owned(self.gather_targets(0..self.len())),
            None => Cow::Borrowed(&self.targets),
        }
    }

    /// The targets of the example at `position`.
    pub fn targets_of(&self, position: usize) -> Vec<f32> {
        self.gather_targets(position..position + 1)
    }

    /// Number of targets of each example; 0 where there is none.
    pub fn num_targets(&self) -> usize {
        if self.is_empty() { 0 } else { self.targets_of(0).len() }
    }

    /// The number targets of the example at `position` in their own units; none for classes, labels and texts.
    pub fn numbers_of(&self, position: usize) -> &[f64] {
        match &self.encoder {
            Some(encoder) => encoder.numbers(self.row(position)),
            None => self.of(&self.numbers, position),
        }
    }

    /// The number targets of all examples in their own units.
    pub fn numbers(&self) -> Cow<'_, [f64]> {
        match self.encoder {
            Some(_) => (0..self.len()).flat_map(|position| self.numbers_of(position)).copied().collect(),
            None => Cow::Borrowed(&self.numbers),
        }
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
