//! Evaluates a trained network on rows that it was not trained on.

use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::tensor::{Tensor, TensorData};
use burn::train::InferenceStep;
use serde::{Deserialize, Serialize};

use super::inference_batch;
use super::metrics::{OutputDecoder, Scores, Truths};
use super::objective::Objective;
use super::task::{Outputs, Trainee};
use crate::cpu::FusedBackend;
use crate::data::{Examples, Loader, Order, Preprocessor, Task};
use crate::metric::{ClassReport, Confusion};
use crate::model::Net;

/// The result on one part of the data (validation or test); saved as `evaluation.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Number of rows evaluated.
    pub num_examples: usize,
    /// Metrics by name, in the target's own units.
    pub metrics: Vec<NamedValue>,
    /// The score of a baseline that ignores the inputs: the accuracy of predicting the most frequent training class,
    /// the RMSE of predicting the training mean, or the loss of a unigram model on a text.
    pub baseline: NamedValue,
    /// Per class; `None` for a number or a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassEvaluation>,
    /// Absolute errors in target units at quantiles (regression).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_quantiles: Option<Vec<Quantile>>,
    /// What a text is held against; `None` for a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextEvaluation>,
    /// The second training that the network comes from, on the training and validation rows; `None` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refit: Option<RefitEvaluation>,
    /// The temperature of the probabilities; `None` without `training.calibrate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationEvaluation>,
    /// Where two classes are told apart; `None` without `training.threshold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<ThresholdEvaluation>,
}

/// The probability above which the second class is predicted, and what one half would score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdEvaluation {
    pub probability: f64,
    /// What it was chosen by, on the validation rows.
    pub metric: String,
    /// Metrics with a threshold of one half, on the same rows.
    pub before: Vec<NamedValue>,
}

/// The temperature that the validation rows gave the probabilities, and what they scored without it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationEvaluation {
    pub temperature: f64,
    /// Metrics without it, on the same rows.
    pub before: Vec<NamedValue>,
}

/// A second training on the training and validation rows, and what the network of the first one scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefitEvaluation {
    /// Rows that it was trained on.
    pub num_examples: usize,
    pub num_epochs: usize,
    /// Metrics of the network that was trained on the training part alone, on the same rows.
    pub before: Vec<NamedValue>,
}

/// Baseline losses on a text, in nats per character; see [`Preprocessor::ngram_losses`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextEvaluation {
    /// Number of characters evaluated.
    pub num_characters: usize,
    /// Loss of the unigram baseline, which predicts from character frequencies.
    pub unigram_loss: f64,
    /// Loss of the bigram baseline, which predicts from the frequencies of character pairs.
    pub bigram_loss: f64,
}

/// A number with its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedValue {
    pub name: String,
    /// In JSON, NaN and infinities are null.
    #[serde(deserialize_with = "null_as_nan")]
    pub value: f64,
}

fn null_as_nan<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// Results per class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassEvaluation {
    /// Rows: true class; columns: predicted class.
    pub confusion_matrix: Vec<Vec<u64>>,
    pub report: Vec<ClassReport>,
}

/// A quantile of the absolute errors: `share` of them are at most `error`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantile {
    pub share: f64,
    pub error: f64,
}

impl Evaluation {
    fn empty(num_examples: usize, scores: Scores) -> Self {
        Self {
            num_examples,
            metrics: scores.into_iter().map(|(name, value)| NamedValue { name: name.into(), value }).collect(),
            baseline: NamedValue { name: "loss".into(), value: f64::NAN },
            classes: None,
            error_quantiles: None,
            text: None,
            refit: None,
            calibration: None,
            threshold: None,
        }
    }

    /// Adds what is not a metric: the baseline, and the errors in detail.
    fn describe(&mut self, predictions: &[Prediction], decoder: &OutputDecoder, preprocessor: &Preprocessor) {
        self.baseline = baseline(decoder, &preprocessor.class_counts, predictions);
        if !decoder.task.is_classification() {
            self.error_quantiles = Some(error_quantiles(predictions));
            return;
        }
        let mut confusion = Confusion::new(decoder.num_classes());
        for prediction in predictions {
            confusion.add(prediction.truth as usize, prediction.answer.predicted as usize, 1.0);
        }
        let report = confusion.report(preprocessor.class_names());
        self.classes = Some(ClassEvaluation { confusion_matrix: confusion.rows(), report });
    }

    /// The value of the metric `name`; NaN where it was not measured.
    pub fn metric(&self, name: &str) -> f64 {
        self.metrics.iter().find(|metric| metric.name == name).map_or(f64::NAN, |metric| metric.value)
    }
}

/// The network's prediction for one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Class index, or number in target units.
    pub predicted: f64,
    /// A probability per class (empty for regression).
    pub probabilities: Vec<f64>,
}

impl Answer {
    /// Decodes one row of logits `[num_outputs]`.
    pub fn new(decoder: &OutputDecoder, logits: &[f32]) -> Self {
        if decoder.task.is_classification() {
            Self { predicted: decoder.class(logits) as f64, probabilities: decoder.probabilities(logits) }
        } else {
            Self { predicted: decoder.number(logits[0]), probabilities: Vec::new() }
        }
    }

    /// Logits `[num_outputs]` that [`Answer::new`] decodes to this answer, up to rounding.
    fn logits(&self, decoder: &OutputDecoder) -> Vec<f32> {
        // A probability may be 0 by rounding; the logarithm stays finite.
        let log = |probability: f64| probability.max(f64::MIN_POSITIVE).ln();
        match decoder.task {
            Task::Binary => vec![(log(self.probabilities[1]) - log(self.probabilities[0])) as f32],
            Task::Regression => vec![decoder.output(self.predicted)],
            Task::MultiClass { .. } | Task::LanguageModel { .. } => {
                self.probabilities.iter().map(|&probability| log(probability) as f32).collect()
            }
        }
    }
}

/// A prediction with its true value; a row of `predictions.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// As in [`Examples::rows`]; recorded as the row of the file, from 0.
    pub row: usize,
    /// Class index, or number in target units.
    pub truth: f64,
    /// How much the row counts.
    pub weight: f64,
    pub answer: Answer,
}

/// Logits of `examples`, row-major `[rows, num_outputs]`.
pub fn logits<B: FusedBackend>(net: &Net<B>, examples: &Examples, device: &B::Device) -> Vec<f32> {
    let width = examples.num_inputs;
    let mut logits = Vec::new();
    let batch_size = inference_batch(examples, net);
    for first in (0..examples.len()).step_by(batch_size) {
        let positions = first..examples.len().min(first + batch_size);
        let shape = [positions.len(), width];
        let inputs = Tensor::from_data(TensorData::new(examples.gather(positions), shape), device);
        logits.extend(net.forward(inputs, None).into_data().iter::<f32>());
    }
    logits
}

/// Evaluates `net` on `examples`, which come from `preprocessor`, as does the baseline. A language model has metrics
/// but no predictions.
pub fn evaluate<B: FusedBackend>(
    net: Net<B>,
    objective: &Arc<Objective>,
    decoder: &Arc<OutputDecoder>,
    examples: &Arc<Examples>,
    preprocessor: &Preprocessor,
    device: &B::Device,
) -> (Evaluation, Vec<Prediction>) {
    let batch_size = inference_batch(examples, &net);
    let trainee = Trainee { net, objective: objective.clone(), decoder: decoder.clone() };
    let loader = Loader::<B>::new(examples.clone(), batch_size, Order::Sequential, device.clone());
    let mut outputs = Outputs::empty(objective.clone(), decoder.clone(), true);
    for batch in loader.iter() {
        outputs.append(trainee.step(batch));
        if decoder.task.is_language_model() {
            outputs.read_losses();
        }
    }
    let (logits, labels) = outputs.to_host();
    let scores = outputs.scores();
    let predictions = predictions(decoder, &logits, &labels, examples);
    let mut evaluation = Evaluation::empty(examples.len(), scores);
    if let Some((unigram_loss, bigram_loss)) = preprocessor.ngram_losses(examples) {
        let num_characters = examples.targets.len();
        evaluation.baseline.value = unigram_loss;
        evaluation.text = Some(TextEvaluation { num_characters, unigram_loss, bigram_loss });
        return (evaluation, predictions);
    }
    evaluation.describe(&predictions, decoder, preprocessor);
    (evaluation, predictions)
}

/// Evaluates predictions of rows that `preprocessor` prepares, wherever they come from: the metrics of the answers, without
/// a loss, which is one network's.
pub fn evaluate_predictions(predictions: &[Prediction], preprocessor: &Preprocessor) -> Evaluation {
    let decoder = OutputDecoder::new(preprocessor);
    let logits: Vec<f32> = predictions.iter().flat_map(|row| row.answer.logits(&decoder)).collect();
    let truths: Vec<f64> = predictions.iter().map(|row| row.truth).collect();
    let labels: Vec<f32> = truths.iter().map(|&truth| truth as f32).collect();
    let weights: Vec<f32> = predictions.iter().map(|row| row.weight as f32).collect();
    let is_weighted = weights.iter().any(|&weight| weight != 1.0);
    let weights = if is_weighted { &weights[..] } else { &[] };
    let truths = Truths { labels: &labels, numbers: &truths, weights };
    let mut evaluation = Evaluation::empty(predictions.len(), decoder.scores(&logits, truths, true, None));
    evaluation.describe(predictions, &decoder, preprocessor);
    evaluation
}

fn predictions(decoder: &OutputDecoder, logits: &[f32], labels: &[f32], examples: &Examples) -> Vec<Prediction> {
    let truth = |i: usize, label: f32| examples.numbers.get(i).copied().unwrap_or(f64::from(label));
    let per_row = logits.chunks_exact(decoder.task.num_outputs()).zip(labels).zip(&examples.rows).enumerate();
    per_row
        .map(|(i, ((logits, &label), &row))| Prediction {
            row,
            truth: truth(i, label),
            weight: examples.weights.get(i).map_or(1.0, |&weight| weight.into()),
            answer: Answer::new(decoder, logits),
        })
        .collect()
}

fn baseline(decoder: &OutputDecoder, class_counts: &[u64], predictions: &[Prediction]) -> NamedValue {
    let total: f64 = predictions.iter().map(|row| row.weight).sum();
    if decoder.task.is_classification() {
        // The first of equally frequent ones.
        let majority = (0..class_counts.len()).rev().max_by_key(|&class| class_counts[class]).unwrap_or(0);
        let hits = predictions.iter().filter(|row| row.truth as usize == majority).map(|row| row.weight);
        NamedValue { name: "accuracy".into(), value: hits.sum::<f64>() / total }
    } else {
        let squared: f64 = predictions.iter().map(|row| row.weight * (row.truth - decoder.mean()).powi(2)).sum();
        NamedValue { name: "rmse".into(), value: (squared / total).sqrt() }
    }
}

fn error_quantiles(predictions: &[Prediction]) -> Vec<Quantile> {
    let mut errors: Vec<f64> = predictions.iter().map(|row| (row.answer.predicted - row.truth).abs()).collect();
    errors.sort_by(f64::total_cmp);
    [0.1, 0.5, 0.9, 1.0]
        .into_iter()
        .map(|share| {
            // nearest rank: the smallest error that at least `share` of the rows do not exceed
            let rank = ((share * errors.len() as f64).ceil() as usize).max(1) - 1;
            Quantile { share, error: errors[rank] }
        })
        .collect()
}
