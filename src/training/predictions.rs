//! The predictions of many rows, each computed when it is asked for.

use std::sync::Arc;

use super::evaluation::{Answer, Prediction};
use super::metrics::OutputDecoder;
use crate::data::Examples;

/// The predictions of some rows, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions(Of);

#[derive(Clone, Debug, PartialEq)]
enum Of {
    /// A list, which takes some 150 bytes a row.
    List(Vec<Prediction>),
    /// The outputs of a network, from which they are computed: a few bytes a row.
    Outputs {
        decoder: OutputDecoder,
        examples: Arc<Examples>,
        /// Row-major `[rows, num_outputs]`.
        logits: Vec<f32>,
        /// The number of each row, as told.
        rows: Arc<[u32]>,
    },
}

impl Default for Predictions {
    fn default() -> Self {
        Self(Of::List(Vec::new()))
    }
}

impl From<Vec<Prediction>> for Predictions {
    fn from(list: Vec<Prediction>) -> Self {
        Self(Of::List(list))
    }
}

impl Predictions {
    /// Those that `logits`, row-major `[rows, num_outputs]`, are for `examples`.
    pub fn of(decoder: &OutputDecoder, examples: &Arc<Examples>, logits: Vec<f32>) -> Self {
        let (decoder, rows) = (decoder.clone(), examples.rows.clone());
        Self(Of::Outputs { decoder, examples: examples.clone(), logits, rows })
    }

    /// The logits that they are computed from; none of a list.
    pub(super) fn logits(&self) -> &[f32] {
        if let Of::Outputs { logits, .. } = &self.0 { logits } else { &[] }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match &self.0 {
            Of::List(list) => list.len(),
            Of::Outputs { decoder, logits, .. } => logits.len() / decoder.task.num_outputs(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// That of the row at `position`, if there are as many.
    pub fn get(&self, position: usize) -> Option<Prediction> {
        (position < self.len()).then(|| match &self.0 {
            Of::List(list) => list[position].clone(),
            Of::Outputs { decoder, examples, logits, rows } => {
                let num_outputs = decoder.task.num_outputs();
                Prediction {
                    row: rows[position] as usize,
                    truths: match examples.numbers_of(position) {
                        [] => examples.targets_of(position).iter().map(|&label| label.into()).collect(),
                        numbers => numbers.to_vec(),
                    },
                    weight: examples.weights.get(position).map_or(1.0, |&weight| weight.into()),
                    answer: Answer::new(decoder, &logits[position * num_outputs..][..num_outputs]),
                }
            }
        })
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Prediction> + Clone {
        (0..self.len()).filter_map(|position| self.get(position))
    }

    /// The same for rows that are numbered otherwise.
    pub fn renumbered(mut self, number: impl Fn(usize) -> usize) -> Self {
        match &mut self.0 {
            Of::List(list) => list.iter_mut().for_each(|prediction| prediction.row = number(prediction.row)),
            Of::Outputs { rows, .. } => *rows = rows.iter().map(|&row| number(row as usize) as u32).collect(),
        }
        self
    }
}
