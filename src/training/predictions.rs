//! The predictions of many rows, each computed when it is asked for.

use std::sync::Arc;

use super::metrics::OutputDecoder;
use super::ordered;
use super::quantiles::outputs;
use crate::data::{Examples, Task};

/// The network's prediction for one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// One per target: class index, number in target units, or 1 for a label that is predicted and 0 for one that is not.
    pub predicted: Vec<f64>,
    /// A probability per class, or per label; empty for numbers.
    pub probabilities: Vec<f64>,
    /// A number in target units per level, ascending, where quantiles are predicted.
    pub quantiles: Vec<f64>,
}

impl Answer {
    /// Decodes one row of logits `[num_outputs]`.
    pub fn new(decoder: &OutputDecoder, logits: &[f32]) -> Self {
        let probabilities = if decoder.task.has_probabilities() { decoder.probabilities(logits) } else { Vec::new() };
        let quantiles: Vec<f64> = match decoder.task {
            Task::Quantiles { .. } => decoder.quantiles(logits).collect(),
            _ => Vec::new(),
        };
        let predicted = match decoder.task {
            Task::Quantiles { .. } => vec![quantiles[decoder.middle_level()]],
            Task::Regression | Task::Numbers { .. } => decoder.numbers(logits).collect(),
            Task::Labels { .. } => decoder.labels(logits).map(|holds| f64::from(u8::from(holds))).collect(),
            _ => vec![decoder.class(logits) as f64],
        };
        Self { predicted, probabilities, quantiles }
    }

    /// What is predicted of the first target, which mostly is the only one.
    pub fn first(&self) -> f64 {
        self.predicted[0]
    }

    /// Logits `[num_outputs]` that [`Answer::new`] decodes to this answer, up to rounding.
    pub(super) fn logits(&self, decoder: &OutputDecoder) -> Vec<f32> {
        // A probability may be 0 by rounding; the logarithm stays finite.
        let log = |probability: f64| probability.max(f64::MIN_POSITIVE).ln();
        match decoder.task {
            Task::Binary => vec![(log(self.probabilities[1]) - log(self.probabilities[0])) as f32],
            Task::Ordered { .. } => ordered::outputs(&self.probabilities),
            Task::Labels { .. } => self.probabilities.iter().map(|&p| (log(p) - log(1.0 - p)) as f32).collect(),
            Task::Regression | Task::Numbers { .. } => {
                self.predicted.iter().zip(&decoder.units).map(|(&number, unit)| unit.output(number)).collect()
            }
            Task::Quantiles { .. } => {
                let unit = decoder.units[0];
                let prepared: Vec<f64> =
                    self.quantiles.iter().map(|number| (number - unit.mean) / unit.scale).collect();
                outputs(&prepared)
            }
            Task::MultiClass { .. } | Task::LanguageModel { .. } => {
                self.probabilities.iter().map(|&probability| log(probability) as f32).collect()
            }
        }
    }
}

/// A prediction with its true values; a row of `predictions.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// As in [`Examples::rows`]; recorded as the row of the file, from 0.
    pub row: usize,
    /// One per target, as [`Answer::predicted`].
    pub truths: Vec<f64>,
    /// How much the row counts.
    pub weight: f64,
    pub answer: Answer,
}

impl Prediction {
    /// What is true of the first target, which mostly is the only one.
    pub fn truth(&self) -> f64 {
        self.truths[0]
    }
}

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
