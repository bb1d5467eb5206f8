//! Turns raw cells into network inputs, and back.

use std::sync::Arc;

use super::Preprocessor;
use super::encode::Encoder;
use crate::data::{Dataset, Examples, RowWeights, Target};

/// See [`Examples::weights`].
fn weights(dataset: &Dataset, rows: &[usize]) -> Vec<f32> {
    let of = |weights: &RowWeights| rows.iter().map(|&row| weights.values[row]).collect();
    dataset.weights.as_ref().map_or_else(Vec::new, of)
}

impl Preprocessor {
    /// The numeric cells of an example in their own units: the inverse of the scaling (a missing one is the median).
    /// Categorical columns are left out.
    pub fn raw_numbers(&self, examples: &Examples, position: usize) -> Vec<f32> {
        let mut inputs = examples.input(position);
        let mut numbers = Vec::new();
        for column in self.columns() {
            if let Some(number) = column.kind.decode_number(inputs) {
                numbers.push((number + self.readings.origin(&column.name)) as f32);
            }
            inputs = &inputs[column.kind.num_inputs()..];
        }
        numbers
    }

    /// Inputs and targets of the given rows, in their order.
    ///
    /// Columns, categories and classes are found by name, so the data set may come from another file than the one
    /// fitted on; a column that it lacks, or has as another kind, counts as missing.
    ///
    /// # Panics
    /// If a row number is not below `dataset.num_rows()`.
    pub fn transform(&self, dataset: &Dataset, rows: &[usize]) -> Examples {
        if let Target::Text(text) = &dataset.target {
            return self.windows(text, rows);
        }
        let num_inputs = self.num_inputs();
        let columns = Encoder::all(self.columns(), &self.readings, dataset);
        let mut inputs = Vec::with_capacity(rows.len() * num_inputs);
        for &row in rows {
            let cells = dataset.row(row);
            columns.iter().for_each(|column| column.encode(cells, &mut inputs));
        }
        let (targets, numbers) = (self.targets(dataset, rows), self.numbers(dataset, rows));
        let weights = weights(dataset, rows);
        Examples { num_inputs, inputs, shared: None, targets, numbers, weights, rows: rows.to_vec() }
    }

    /// Like [`Preprocessor::transform`], but where the inputs are the unchanged cells, they are not copied.
    ///
    /// # Panics
    /// As [`Preprocessor::transform`].
    pub fn share(&self, dataset: &Arc<Dataset>, rows: &[usize]) -> Examples {
        let columns = Encoder::all(self.columns(), &self.readings, dataset);
        let is_copy = columns.iter().enumerate().all(|(position, column)| column.is_copy_of(position));
        let has_gaps = || rows.iter().any(|&row| dataset.row(row).iter().any(|cell| !cell.is_finite()));
        if columns.is_empty() || columns.len() != dataset.columns.len() || !is_copy || has_gaps() {
            return self.transform(dataset, rows);
        }
        let (targets, numbers) = (self.targets(dataset, rows), self.numbers(dataset, rows));
        let (num_inputs, shared) = (self.num_inputs(), Some(dataset.clone()));
        let weights = weights(dataset, rows);
        Examples { num_inputs, inputs: Vec::new(), shared, targets, numbers, weights, rows: rows.to_vec() }
    }
}
