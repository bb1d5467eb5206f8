//! Turns raw cells into network inputs, and back.

use std::sync::Arc;

use super::encode::Encoder;
use super::{Preprocessor, RowEncoder};
use crate::data::{Dataset, Examples, RowWeights, Target};

/// If the inputs of all rows take more memory than this, they are encoded batch by batch.
const MAX_KEPT_BYTES: usize = 16 << 20;

/// See [`Examples::weights`].
fn weights(dataset: &Dataset, rows: &[u32]) -> Vec<f32> {
    let of = |weights: &RowWeights| rows.iter().map(|&row| weights.values[row as usize]).collect();
    dataset.weights.as_ref().map_or_else(Vec::new, of)
}

impl Preprocessor {
    /// The numeric cells of an example in their own units: the inverse of the scaling (a missing one is the median).
    /// Categorical columns are left out.
    pub fn raw_numbers(&self, examples: &Examples, position: usize) -> Vec<f32> {
        let inputs = examples.input(position);
        let mut inputs = &*inputs;
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
    pub fn transform(&self, dataset: &Dataset, rows: &[u32]) -> Examples {
        if let Target::Text(text) = &dataset.target {
            return self.windows(text, rows);
        }
        let num_inputs = self.num_inputs();
        let columns = Encoder::all(self.columns(), &self.readings, dataset);
        let mut inputs = Vec::with_capacity(rows.len() * num_inputs);
        for &row in rows {
            let cells = dataset.row(row as usize);
            columns.iter().for_each(|column| column.encode(&cells, &mut inputs));
        }
        let (targets, numbers) = (self.targets(dataset, rows), self.numbers(dataset, rows));
        let weights = weights(dataset, rows);
        Examples { num_inputs, inputs, targets, numbers, weights, rows: rows.into(), encoder: None }
    }

    /// Like [`Preprocessor::transform`], but where the inputs are the unchanged cells, or many, they are not kept beside the
    /// data set.
    ///
    /// # Panics
    /// As [`Preprocessor::transform`].
    pub fn share(&self, dataset: &Arc<Dataset>, rows: impl Into<Arc<[u32]>>) -> Examples {
        self.share_above(MAX_KEPT_BYTES, dataset, rows.into())
    }

    /// The same, with another limit.
    fn share_above(&self, max_kept_bytes: usize, dataset: &Arc<Dataset>, rows: Arc<[u32]>) -> Examples {
        let num_inputs = self.num_inputs();
        let is_large =
            dataset.cells.is_windowed() || dataset.num_rows() * num_inputs * size_of::<f32>() > max_kept_bytes;
        if matches!(dataset.target, Target::Text(_)) {
            return self.transform(dataset, &rows);
        }
        let encoder = RowEncoder::new(self, dataset);
        match is_large || encoder.copies(&rows) {
            true => {
                let weights = weights(dataset, &rows);
                Examples { weights, rows, encoder: Some(Arc::new(encoder)), ..Examples::none(num_inputs) }
            }
            false => self.transform(dataset, &rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataConfig, Scale, load_given};

    #[test]
    fn rows_encoded_when_they_are_asked_for_are_those_that_are_kept() {
        let texts = [
            ("x,c,y\n1.5,a,0.25\n,b,1.75\n-3,,2.5\n1e9,a,-7\n2,c,1\n0,b,3\n", "y"),
            ("x,z,y\n1,2,yes\n2,,no\n5,1,yes\n4,0,no\n7,7,no\n9,8,yes\n", "y"),
        ];
        for (text, target) in texts {
            let config = DataConfig { path: Some("t".into()), target: Some(target.into()), ..Default::default() };
            let dataset = Arc::new(load_given("t", text.as_bytes().into(), &config).unwrap());
            for scale in [Scale::Standard, Scale::None] {
                let config = DataConfig { scale, ..config.clone() };
                let preprocessor = Preprocessor::fit(&dataset, &[0, 1, 2, 3], &config).unwrap();
                let rows: Arc<[u32]> = [5, 1, 0, 2].into();
                let kept = preprocessor.transform(&dataset, &rows);
                let encoded = preprocessor.share_above(0, &dataset, rows);
                assert!(encoded.encoder.is_some() && encoded.inputs.is_empty());
                let bits = |numbers: &[f32]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&encoded.gather(0..4)), bits(&kept.inputs));
                assert_eq!(bits(&encoded.input(2)), bits(&kept.input(2)));
                assert_eq!(bits(&encoded.targets()), bits(&kept.targets));
                assert_eq!((encoded.numbers(), encoded.num_targets()), (kept.numbers(), kept.num_targets()));
                assert_eq!(encoded.numbers_of(1), kept.numbers_of(1));
            }
        }
    }
}
