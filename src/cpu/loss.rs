//! Loss functions: the mean over a batch, and its gradient with respect to the logits in the same pass.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::autodiff::{Primitive, Saved, track, unwrap, wrap};
use super::math;
use super::memory::{CpuBackend, in_place, read, tensor};
use crate::vectorized::vectorized;

/// The loss function of an example.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LossFunction {
    /// Cross-entropy of the softmax of `num_classes` logits; labels are class indices. `smoothing` (0 <= s < 1) is the
    /// fraction of the target probability spread over all classes.
    SoftmaxCrossEntropy { num_classes: usize, smoothing: f64 },
    /// Cross-entropy of the sigmoid of one logit; labels are 0 or 1.
    BinaryCrossEntropy { smoothing: f64 },
    /// e^2, where e is the error.
    Squared,
    /// |e|
    Absolute,
    /// e^2 / 2 up to `delta` (> 0), delta (|e| - delta / 2) beyond.
    Huber { delta: f64 },
}

/// The targets of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels<'a> {
    /// A class index or a number for each row of logits.
    pub values: &'a [f32],
    /// The weight of each in the mean; `None` = equal weights.
    pub weights: Option<Vec<f32>>,
}

impl Labels<'_> {
    /// The divisor of the sum of weighted losses.
    fn total_weight(&self) -> f64 {
        let total = match &self.weights {
            None => self.values.len() as f64,
            Some(weights) => weights.iter().copied().map(f64::from).sum(),
        };
        total.max(f64::MIN_POSITIVE)
    }

    #[inline(always)]
    fn weight(&self, row: usize) -> f32 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }
}

/// With Burn's operations.
pub(super) fn plain<B: Backend>(function: LossFunction, logits: Tensor<B, 2>, labels: &Labels) -> Tensor<B, 1> {
    let device = logits.device();
    let targets = Tensor::from_data(function.targets(labels.values), &device);
    let losses = function.losses(logits, targets); // [rows, 1]
    match &labels.weights {
        None => losses.mean(),
        Some(weights) => {
            let weights = Tensor::from_data(TensorData::new(weights.clone(), [weights.len(), 1]), &device);
            (losses * weights).sum().div_scalar(labels.total_weight())
        }
    }
}

/// With burnlab's loops.
pub(super) fn fused<B: CpuBackend>(function: LossFunction, logits: Tensor<B, 2>, labels: &Labels) -> Tensor<B, 1> {
    let device = logits.device();
    let loss = replace_by_gradient(function, &mut read(logits, <[f32]>::to_vec), labels);
    tensor(vec![loss as f32], [1], &device)
}

/// With burnlab's loops, as one node of the graph, which computes the gradient together with the loss.
pub(super) fn tracked<B: CpuBackend, C: CheckpointStrategy>(
    function: LossFunction,
    logits: Tensor<Autodiff<B, C>, 2>,
    labels: &Labels,
) -> Tensor<Autodiff<B, C>, 1> {
    let tracked = unwrap(logits);
    let logits: Tensor<B, 2> = wrap(tracked.primitive.clone());
    let (device, shape) = (logits.device(), logits.dims());
    let mut gradient = read(logits, <[f32]>::to_vec);
    let loss = replace_by_gradient(function, &mut gradient, labels);
    let output = tensor::<B, 1>(vec![loss as f32], [1], &device);
    wrap(track::<B, C, _, 1>([tracked], unwrap(output), Slope(tensor::<B, 2>(gradient, shape, &device))))
}

/// The gradient of the loss.
#[derive(Clone, Debug)]
struct Slope<B: Backend>(Tensor<B, 2>);

impl<B: CpuBackend> Saved<B, 1> for Slope<B> {
    fn gradients(self, of_output: Primitive<B>, _: [bool; 1]) -> [Option<Primitive<B>>; 1] {
        let factor = read(wrap::<B, 1>(of_output), |factor| factor[0]);
        let gradient = match factor {
            1.0 => self.0,
            _ => in_place(self.0, |gradient| gradient.iter_mut().for_each(|value| *value *= factor)).0,
        };
        [Some(unwrap(gradient))]
    }
}

impl LossFunction {
    /// Targets `[rows, logits]`: the labels, or one-hot.
    fn targets(self, labels: &[f32]) -> TensorData {
        match self {
            Self::SoftmaxCrossEntropy { num_classes, .. } => {
                let mut one_hot = vec![0.0; labels.len() * num_classes];
                for (row, &label) in labels.iter().enumerate() {
                    one_hot[row * num_classes + label as usize] = 1.0;
                }
                TensorData::new(one_hot, [labels.len(), num_classes])
            }
            Self::BinaryCrossEntropy { .. } | Self::Squared | Self::Absolute | Self::Huber { .. } => {
                TensorData::new(labels.to_vec(), [labels.len(), 1])
            }
        }
    }

    /// Loss of each row, `[rows, 1]`.
    fn losses<B: Backend>(self, logits: Tensor<B, 2>, targets: Tensor<B, 2>) -> Tensor<B, 2> {
        let smoothed = |targets: Tensor<B, 2>, smoothing: f64, num_classes: f64| match smoothing {
            0.0 => targets,
            share => targets.mul_scalar(1.0 - share).add_scalar(share / num_classes),
        };
        match self {
            Self::SoftmaxCrossEntropy { num_classes, smoothing } => {
                let targets = smoothed(targets, smoothing, num_classes as f64);
                // Logits too far apart for f32 give a log of -inf, and 0 x -inf would be NaN.
                -(targets * log_softmax(logits, 1).clamp_min(f32::MIN)).sum_dim(1)
            }
            // -(t log s(z) + (1 - t) log(1 - s(z))), and log(1 - s(z)) = log s(z) - z
            Self::BinaryCrossEntropy { smoothing } => {
                let targets = smoothed(targets, smoothing, 2.0);
                logits.clone() * (-targets).add_scalar(1.0) - log_sigmoid(logits)
            }
            Self::Squared => (logits - targets).powi_scalar(2),
            Self::Absolute => (logits - targets).abs(),
            // With c = min(|e|, delta), c (|e| - c / 2) is e^2 / 2 up to delta, and delta (|e| - delta / 2) beyond.
            Self::Huber { delta } => {
                let error = (logits - targets).abs();
                let clamped = error.clone().clamp_max(delta);
                clamped.clone() * (error - clamped.mul_scalar(0.5))
            }
        }
    }
}

vectorized! {
    /// Replaces `logits`, row-major, by the gradient of the mean loss with respect to them; returns that loss.
    fn replace_by_gradient(function: LossFunction, logits: &mut [f32], labels: &Labels<'_>) -> f64 {
        let total = labels.total_weight();
        let loss = match function {
            LossFunction::SoftmaxCrossEntropy { num_classes, smoothing } => {
                softmax_gradient(logits, labels, num_classes, smoothing as f32, total)
            }
            LossFunction::BinaryCrossEntropy { smoothing } => {
                let smoothing = smoothing as f32;
                example_gradients(logits, labels, total, |logit, label| {
                    let target = label * (1.0 - smoothing) + smoothing / 2.0;
                    // log(1 + exp(z)) - t z
                    let loss = logit.max(0.0) - target * logit + (-logit.abs()).exp().ln_1p();
                    (loss, math::sigmoid(logit) - target)
                })
            }
            LossFunction::Squared => example_gradients(logits, labels, total, |logit, label| {
                let error = logit - label;
                (error * error, 2.0 * error)
            }),
            LossFunction::Absolute => example_gradients(logits, labels, total, |logit, label| {
                let error = logit - label;
                // signum(0) is 1, but the gradient there is 0
                (error.abs(), if error == 0.0 { 0.0 } else { error.signum() })
            }),
            LossFunction::Huber { delta } => {
                let delta = delta as f32;
                example_gradients(logits, labels, total, |logit, label| {
                    let error = logit - label;
                    let clamped = error.clamp(-delta, delta);
                    (clamped * (error - 0.5 * clamped), clamped)
                })
            }
        };
        loss / total
    }
}

/// Sum of weight x loss of rows with one logit; `function` returns loss and derivative for a logit and its label.
#[inline(always)]
fn example_gradients(
    logits: &mut [f32],
    labels: &Labels,
    total: f64,
    function: impl Fn(f32, f32) -> (f32, f32),
) -> f64 {
    let mut loss = 0.0;
    for (row, (value, &label)) in logits.iter_mut().zip(labels.values).enumerate() {
        let weight = labels.weight(row);
        let (example_loss, gradient) = function(*value, label);
        loss += f64::from(weight * example_loss);
        *value = (f64::from(weight) / total) as f32 * gradient;
    }
    loss
}

/// Sum of weight x cross-entropy; replaces `logits` by the gradient of that sum divided by `total`. Works in passes
/// over the whole batch, since a row may be shorter than a SIMD register.
#[inline(always)]
fn softmax_gradient(logits: &mut [f32], labels: &Labels, num_classes: usize, smoothing: f32, total: f64) -> f64 {
    let (right, other) = (1.0 - smoothing, smoothing / num_classes as f32);
    let mut loss = 0.0;
    for (at, (row, &label)) in logits.chunks_exact_mut(num_classes).zip(labels.values).enumerate() {
        // NaN must propagate to the loss.
        let largest = row.iter().fold(f32::NEG_INFINITY, |most, &logit| if logit <= most { most } else { logit });
        row.iter_mut().for_each(|logit| *logit -= largest);
        let smoothed = if other > 0.0 { other * row.iter().sum::<f32>() } else { 0.0 };
        loss -= f64::from(labels.weight(at) * (right * row[label as usize] + smoothed));
    }
    logits.iter_mut().for_each(|logit| *logit = math::exp(*logit));
    for (at, (row, &label)) in logits.chunks_exact_mut(num_classes).zip(labels.values).enumerate() {
        let weight = labels.weight(at);
        let sum: f32 = row.iter().sum();
        loss += f64::from(weight * sum.ln());
        let share = (f64::from(weight) / total) as f32;
        let scale = share / sum;
        row.iter_mut().for_each(|power| *power = *power * scale - other * share);
        row[label as usize] -= right * share;
    }
    loss
}

vectorized! {
    /// Sum over the rows of `logits` `[rows, num_classes]` of -ln softmax at the label, a class index. Exponentials are computed in
    /// f32, the precision of the logits.
    pub fn log_loss(logits: &[f32], labels: &[f32], num_classes: usize) -> f64 {
        let mut powers = logits.to_vec();
        let mut total = 0.0;
        for (row, &label) in powers.chunks_exact_mut(num_classes).zip(labels) {
            let max = row.iter().fold(f32::NEG_INFINITY, |max, &z| if z <= max { max } else { z });
            row.iter_mut().for_each(|z| *z -= max);
            total -= f64::from(row[label as usize]);
        }
        powers.iter_mut().for_each(|z| *z = math::exp(*z));
        let log_sum = |row: &[f32]| row.iter().map(|&power| f64::from(power)).sum::<f64>().ln();
        total + powers.chunks_exact(num_classes).map(log_sum).sum::<f64>()
    }
}
