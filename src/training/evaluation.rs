//! Evaluates a trained network on rows that it was not trained on.

use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::tensor::{Tensor, TensorData};
use burn::train::InferenceStep;
use burnlab_cpu::FusedBackend;
use serde::{Deserialize, Serialize};

use super::inference_batch;
use super::metrics::{Known, OutputDecoder, Scores, Truths};
use super::objective::Objective;
use super::predictions::Predictions;
use super::task::{Outputs, Trainee};
use crate::data::{Examples, Loader, Order, Preprocessor, Task};
use crate::metric::{ClassReport, Confusion, QuantilePredictions, sigmoid};
use crate::model::Net;

pub use super::predictions::{Answer, Prediction};

/// The result on one part of the data (validation or test); saved as `evaluation.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Number of rows evaluated.
    pub num_examples: usize,
    /// Metrics by name, in the target's own units.
    pub metrics: Vec<NamedValue>,
    /// The score of a baseline that ignores the inputs: the accuracy of predicting the most frequent training class,
    /// the RMSE of predicting the training mean, the share of wrong labels where each has its more frequent value, or the loss
    /// of a unigram model on a text.
    pub baseline: NamedValue,
    /// Per class; `None` for a number or a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassEvaluation>,
    /// Results per target, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetEvaluation>,
    /// How the quantiles of `loss = "pinball"` hold; `None` without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<IntervalEvaluation>,
    /// Absolute errors in target units at quantiles (regression of one number).
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
    /// Where classes or labels are told apart; `None` without `training.threshold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<ThresholdEvaluation>,
}

/// The probability above which the second class is predicted, and what one half would score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdEvaluation {
    /// `None` of several labels, which have their own in [`TargetEvaluation`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
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

/// How often the truth lies between the lowest and the highest quantile, and below each of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntervalEvaluation {
    /// Share of rows in the interval; of one quantile, at or below it.
    pub coverage: f64,
    /// What the levels say of it.
    pub nominal: f64,
    /// Mean width of the interval, in target units.
    pub width: f64,
    pub levels: Vec<LevelEvaluation>,
}

/// How often the truth is at or below a quantile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelEvaluation {
    /// What its level says.
    pub level: f64,
    pub share_below: f64,
}

impl IntervalEvaluation {
    fn new(predictions: &Predictions, levels: &[f64]) -> Self {
        let quantiles = predictions.iter().flat_map(|row| row.answer.quantiles).collect();
        let targets: Vec<f64> = predictions.iter().map(|row| row.truth()).collect();
        let weights: Vec<f32> = predictions.iter().map(|row| row.weight as f32).collect();
        let of = QuantilePredictions::new(quantiles, &targets, &weights, levels);
        let level = |(i, &level)| LevelEvaluation { level, share_below: of.share_below(i) };
        Self {
            coverage: of.coverage(),
            nominal: of.nominal_coverage(),
            width: of.width(),
            levels: levels.iter().enumerate().map(level).collect(),
        }
    }
}

/// Results of one of several targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetEvaluation {
    /// Its column.
    pub target: String,
    /// Of it alone.
    pub metrics: Vec<NamedValue>,
    /// What ignores the inputs: the RMSE of the training mean, or the share of wrong rows where a label always has its more
    /// frequent value.
    pub baseline: NamedValue,
    /// Of a label: the rows in which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<u64>,
    /// Of a label with `training.threshold`: the probability above which it is predicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

impl TargetEvaluation {
    /// The value of the metric `name`; NaN where it was not measured.
    pub fn metric(&self, name: &str) -> f64 {
        value_of(&self.metrics, name)
    }
}

fn value_of(metrics: &[NamedValue], name: &str) -> f64 {
    metrics.iter().find(|metric| metric.name == name).map_or(f64::NAN, |metric| metric.value)
}

fn named(scores: Scores) -> Vec<NamedValue> {
    scores.into_iter().map(|(name, value)| NamedValue { name: name.into(), value }).collect()
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
            metrics: named(scores),
            baseline: NamedValue { name: "loss".into(), value: f64::NAN },
            classes: None,
            targets: Vec::new(),
            interval: None,
            error_quantiles: None,
            text: None,
            refit: None,
            calibration: None,
            threshold: None,
        }
    }

    /// Adds what is not a metric: the baseline, and the errors in detail; `of_each`: the metrics of each target, where there
    /// are several.
    fn describe(
        &mut self,
        predictions: &Predictions,
        decoder: &OutputDecoder,
        preprocessor: &Preprocessor,
        of_each: Vec<Scores>,
    ) {
        match decoder.task {
            Task::Binary | Task::MultiClass { .. } | Task::Ordered { .. } => {
                let mut confusion = Confusion::new(decoder.num_classes());
                for prediction in predictions.iter() {
                    confusion.add(prediction.truth() as usize, prediction.answer.first() as usize, 1.0);
                }
                let report = confusion.report(preprocessor.class_names());
                self.baseline = majority(&preprocessor.class_counts, predictions);
                self.classes = Some(ClassEvaluation { confusion_matrix: confusion.rows(), report });
            }
            Task::Regression | Task::Quantiles { .. } => {
                if let Task::Quantiles { .. } = decoder.task {
                    self.interval = Some(IntervalEvaluation::new(predictions, &decoder.levels));
                }
                self.baseline = rmse_of_mean(0, decoder.units[0].training_mean(), predictions);
                self.error_quantiles = Some(error_quantiles(predictions));
            }
            Task::Numbers { .. } => self.describe_each(predictions, preprocessor, of_each, |target| {
                rmse_of_mean(target, decoder.units[target].training_mean(), predictions)
            }),
            Task::Labels { .. } => self.describe_each(predictions, preprocessor, of_each, |target| {
                more_frequent(target, preprocessor.labels()[target].share, predictions)
            }),
            Task::LanguageModel { .. } => {}
        }
    }

    /// The same for several targets; the baseline of all is the mean of theirs.
    fn describe_each(
        &mut self,
        predictions: &Predictions,
        preprocessor: &Preprocessor,
        scores: Vec<Scores>,
        baseline: impl Fn(usize) -> NamedValue,
    ) {
        for (i, (name, scores)) in preprocessor.target_names().into_iter().zip(scores).enumerate() {
            let label = preprocessor.labels().get(i);
            let holds = |row: &Prediction| row.truths[i] == 1.0;
            self.targets.push(TargetEvaluation {
                target: name.to_owned(),
                metrics: named(scores),
                baseline: baseline(i),
                support: label.map(|_| predictions.iter().filter(holds).count() as u64),
                threshold: label.and_then(|label| Some(sigmoid(label.threshold?))),
            });
        }
        let mean = self.targets.iter().map(|target| target.baseline.value).sum::<f64>() / self.targets.len() as f64;
        self.baseline = NamedValue { value: mean, ..self.targets[0].baseline.clone() };
    }

    /// The value of the metric `name`; NaN where it was not measured.
    pub fn metric(&self, name: &str) -> f64 {
        value_of(&self.metrics, name)
    }
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
) -> (Evaluation, Predictions) {
    let batch_size = inference_batch(examples, &net);
    let trainee = Trainee { net, objective: objective.clone(), decoder: decoder.clone() };
    let loader = Loader::<B>::new(examples.clone(), batch_size, Order::Sequential, device.clone());
    let mut outputs = Outputs::empty(objective.clone(), decoder.clone(), true).with_room(examples.len());
    for batch in loader.iter() {
        outputs.append(trainee.step(batch));
        outputs.read_losses();
    }
    let scores = outputs.scores();
    let predictions = Predictions::of(decoder, examples, outputs.into_logits());
    let mut evaluation = Evaluation::empty(examples.len(), scores);
    if let Some((unigram_loss, bigram_loss)) = preprocessor.ngram_losses(examples) {
        let num_characters = examples.targets().len();
        evaluation.baseline.value = unigram_loss;
        evaluation.text = Some(TextEvaluation { num_characters, unigram_loss, bigram_loss });
        return (evaluation, predictions);
    }
    let of_each = match decoder.task.num_targets() {
        1 => Vec::new(),
        _ => decoder.scores_of_each(predictions.logits(), Known::of(examples).truths()),
    };
    evaluation.describe(&predictions, decoder, preprocessor, of_each);
    (evaluation, predictions)
}

/// Evaluates predictions of rows that `preprocessor` prepares, wherever they come from: the metrics of the answers, without
/// a loss, which is one network's.
pub fn evaluate_predictions(predictions: &Predictions, preprocessor: &Preprocessor) -> Evaluation {
    let decoder = OutputDecoder::new(preprocessor);
    let logits: Vec<f32> = predictions.iter().flat_map(|row| row.answer.logits(&decoder)).collect();
    let truths: Vec<f64> = predictions.iter().flat_map(|row| row.truths).collect();
    let labels: Vec<f32> = truths.iter().map(|&truth| truth as f32).collect();
    let weights: Vec<f32> = predictions.iter().map(|row| row.weight as f32).collect();
    let is_weighted = weights.iter().any(|&weight| weight != 1.0);
    let weights = if is_weighted { &weights[..] } else { &[] };
    let truths = Truths { labels: &labels, numbers: &truths, weights };
    let mut evaluation = Evaluation::empty(predictions.len(), decoder.scores(&logits, truths, true, None));
    let of_each = decoder.scores_of_each(&logits, truths);
    evaluation.describe(predictions, &decoder, preprocessor, of_each);
    evaluation
}

/// The weighted mean over the rows.
fn mean(predictions: &Predictions, value: impl Fn(&Prediction) -> f64) -> f64 {
    let total: f64 = predictions.iter().map(|row| row.weight).sum();
    predictions.iter().map(|row| row.weight * value(&row)).sum::<f64>() / total
}

/// The accuracy of always answering the most frequent training class, the first of equally frequent ones.
fn majority(class_counts: &[u64], predictions: &Predictions) -> NamedValue {
    let majority = (0..class_counts.len()).rev().max_by_key(|&class| class_counts[class]).unwrap_or(0);
    let value = mean(predictions, |row| f64::from(u8::from(row.truth() as usize == majority)));
    NamedValue { name: "accuracy".into(), value }
}

/// The RMSE of always answering the training mean of a target.
fn rmse_of_mean(target: usize, training_mean: f64, predictions: &Predictions) -> NamedValue {
    let squared = mean(predictions, |row| (row.truths[target] - training_mean).powi(2));
    NamedValue { name: "rmse".into(), value: squared.sqrt() }
}

/// How often a label is not what it is in most training rows, of which it holds in `share`.
fn more_frequent(target: usize, share: f64, predictions: &Predictions) -> NamedValue {
    let usual = f64::from(u8::from(share > 0.5));
    let value = mean(predictions, |row| f64::from(u8::from(row.truths[target] != usual)));
    NamedValue { name: "hamming_loss".into(), value }
}

fn error_quantiles(predictions: &Predictions) -> Vec<Quantile> {
    let mut errors = Vec::with_capacity(predictions.len());
    errors.extend(predictions.iter().map(|row| (row.answer.first() - row.truth()).abs()));
    errors.sort_unstable_by(f64::total_cmp);
    [0.1, 0.5, 0.9, 1.0]
        .into_iter()
        .map(|share| {
            // nearest rank: the smallest error that at least `share` of the rows do not exceed
            let rank = ((share * errors.len() as f64).ceil() as usize).max(1) - 1;
            Quantile { share, error: errors[rank] }
        })
        .collect()
}
