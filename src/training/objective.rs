//! What the network is trained for: the loss, as a tensor that autodiff can follow, and its gradient written out.

use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::config::{ClassWeights, Loss, TrainingConfig};
use crate::data::Task;
use crate::cpu;

/// The loss with everything that it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    task: Task,
    loss: Loss,
    label_smoothing: f64,
    huber_delta: f64,
    class_weights: Option<Vec<f32>>,
}

impl Objective {
    /// The objective of `config` for `task`; `class_counts` are the training rows of each class, which "balanced"
    /// class weights come from.
    pub fn new(config: &TrainingConfig, task: Task, class_counts: &[u64]) -> Self {
        let class_weights = config.class_weights.as_ref().map(|weights| match weights {
            ClassWeights::List(list) => list.clone(),
            ClassWeights::Named(_) => balanced_weights(class_counts),
        });
        Self {
            task,
            loss: config.loss.unwrap_or(Loss::default_for(task)),
            label_smoothing: config.label_smoothing,
            huber_delta: config.huber_delta,
            class_weights,
        }
    }

    /// Mean loss `[1]` of a batch, weighted by class where the config says so: the sum of
    /// weight x loss over the sum of weights.
    ///
    /// `logits` are `[batch, num_outputs]`, `labels` class indices or standardized numbers. Of a text each place of a window
    /// is an example here.
    pub fn loss<B: Backend>(&self, logits: Tensor<B, 2>, labels: &[f32]) -> Tensor<B, 1> {
        let device = logits.device();
        let targets = Tensor::from_data(self.targets(labels), &device);
        let losses = self.example_losses(logits, targets); // [batch, 1]
        match &self.class_weights {
            None => losses.mean(),
            Some(weights) => {
                let weights: Vec<f32> = labels.iter().map(|&label| weights[label as usize]).collect();
                let total = self.weight(labels).max(f64::MIN_POSITIVE);
                let weights = Tensor::from_data(TensorData::new(weights, [labels.len(), 1]), &device);
                (losses * weights).sum().div_scalar(total)
            }
        }
    }

    /// Whether the loss is the log loss of scikit-learn: cross-entropy, neither smoothed nor weighted.
    pub fn is_log_loss(&self) -> bool {
        self.loss == Loss::CrossEntropy && self.label_smoothing == 0.0 && self.class_weights.is_none()
    }

    /// Sum of the examples' weights: what a batch counts when losses of batches are averaged.
    pub fn weight(&self, labels: &[f32]) -> f64 {
        match &self.class_weights {
            None => labels.len() as f64,
            Some(weights) => labels.iter().map(|&label| f64::from(weights[label as usize])).sum(),
        }
    }

    /// Replaces `logits`, row-major `[batch, num_outputs]`, by the gradient of [`Objective::loss`] with respect to them;
    /// returns that loss.
    pub fn gradient(&self, logits: &mut [f32], labels: &[f32]) -> f64 {
        let total = self.weight(labels).max(f64::MIN_POSITIVE);
        let weight = |label: f32| self.class_weights.as_ref().map_or(1.0, |weights| weights[label as usize]);
        let loss = cpu::simd(|| match self.task {
            Task::MultiClass { .. } | Task::LanguageModel { .. } => {
                self.softmax_gradient(logits, labels, self.task.num_outputs(), total, weight)
            }
            Task::Binary | Task::Regression => {
                let mut loss = 0.0;
                for (value, &label) in logits.iter_mut().zip(labels) {
                    let (example_loss, gradient) = self.example_gradient(*value, label);
                    loss += f64::from(weight(label) * example_loss);
                    *value = (f64::from(weight(label)) / total) as f32 * gradient;
                }
                loss
            }
        });
        loss / total
    }

    /// Sum of weight x cross-entropy; replaces `logits` by the gradient of that sum divided by `total`. Whole passes
    /// over the batch, since a row is shorter than a SIMD register.
    #[inline(always)]
    fn softmax_gradient(
        &self,
        logits: &mut [f32],
        labels: &[f32],
        num_classes: usize,
        total: f64,
        weight: impl Fn(f32) -> f32,
    ) -> f64 {
        let smoothing = self.label_smoothing as f32;
        let (right, other) = (1.0 - smoothing, smoothing / num_classes as f32);
        let mut loss = 0.0;
        for (row, &label) in logits.chunks_exact_mut(num_classes).zip(labels) {
            // Keeps a value that is not a number, so that the loss shows it.
            let largest = row.iter().fold(f32::NEG_INFINITY, |most, &logit| if logit <= most { most } else { logit });
            row.iter_mut().for_each(|logit| *logit -= largest);
            let smoothed = if other > 0.0 { other * row.iter().sum::<f32>() } else { 0.0 };
            loss -= f64::from(weight(label) * (right * row[label as usize] + smoothed));
        }
        logits.iter_mut().for_each(|logit| *logit = cpu::exp(*logit));
        for (row, &label) in logits.chunks_exact_mut(num_classes).zip(labels) {
            let sum: f32 = row.iter().sum();
            loss += f64::from(weight(label) * sum.ln());
            let share = (f64::from(weight(label)) / total) as f32;
            let scale = share / sum;
            row.iter_mut().for_each(|power| *power = *power * scale - other * share);
            row[label as usize] -= right * share;
        }
        loss
    }

    /// The loss of an example with one output, and its derivative.
    #[inline(always)]
    fn example_gradient(&self, logit: f32, label: f32) -> (f32, f32) {
        let error = logit - label;
        match self.loss {
            Loss::CrossEntropy => {
                let smoothing = self.label_smoothing as f32;
                let target = label * (1.0 - smoothing) + smoothing / 2.0;
                // log(1 + exp(z)) - t z
                let loss = logit.max(0.0) - target * logit + (-logit.abs()).exp().ln_1p();
                (loss, cpu::sigmoid(logit) - target)
            }
            Loss::Mse => (error * error, 2.0 * error),
            // signum is 1 at 0, where the gradient is 0
            Loss::Mae => (error.abs(), if error == 0.0 { 0.0 } else { error.signum() }),
            Loss::Huber => {
                let delta = self.huber_delta as f32;
                let clamped = error.clamp(-delta, delta);
                (clamped * (error - 0.5 * clamped), clamped)
            }
        }
    }

    /// Targets `[rows, num_outputs]` of class indices or numbers: 0 or 1 (binary), one-hot (multi-class), the number.
    fn targets(&self, labels: &[f32]) -> TensorData {
        let num_outputs = self.task.num_outputs();
        let values = match self.task {
            Task::Binary | Task::Regression => labels.to_vec(),
            Task::MultiClass { .. } | Task::LanguageModel { .. } => {
                let mut one_hot = vec![0.0; labels.len() * num_outputs];
                for (row, &label) in labels.iter().enumerate() {
                    one_hot[row * num_outputs + label as usize] = 1.0;
                }
                one_hot
            }
        };
        TensorData::new(values, [labels.len(), num_outputs])
    }

    /// Loss of each example `[batch, 1]`.
    fn example_losses<B: Backend>(&self, logits: Tensor<B, 2>, targets: Tensor<B, 2>) -> Tensor<B, 2> {
        let smoothed = |targets: Tensor<B, 2>, num_classes: f64| match self.label_smoothing {
            0.0 => targets,
            share => targets.mul_scalar(1.0 - share).add_scalar(share / num_classes),
        };
        match (self.loss, self.task) {
            (Loss::CrossEntropy, Task::MultiClass { .. } | Task::LanguageModel { .. }) => {
                let targets = smoothed(targets, self.task.num_classes() as f64);
                // Logits further apart than f32 reaches have a log of -inf, and 0 x -inf would be NaN.
                -(targets * log_softmax(logits, 1).clamp_min(f32::MIN)).sum_dim(1)
            }
            // -(t log s(z) + (1 - t) log(1 - s(z))), and log(1 - s(z)) = log s(z) - z
            (Loss::CrossEntropy, _) => {
                let targets = smoothed(targets, 2.0);
                logits.clone() * (-targets).add_scalar(1.0) - log_sigmoid(logits)
            }
            (Loss::Mse, _) => (logits - targets).powi_scalar(2),
            (Loss::Mae, _) => (logits - targets).abs(),
            // With c = |e| clamped to delta: c (|e| - c / 2) is e^2 / 2 within, delta (|e| - delta / 2) beyond.
            (Loss::Huber, _) => {
                let error = (logits - targets).abs();
                let clamped = error.clone().clamp_max(self.huber_delta);
                clamped.clone() * (error - clamped.mul_scalar(0.5))
            }
        }
    }
}

/// num_rows / (num_classes x rows of the class); a class without rows weighs 0.
fn balanced_weights(class_counts: &[u64]) -> Vec<f32> {
    let share = class_counts.iter().sum::<u64>() as f32 / class_counts.len() as f32;
    class_counts.iter().map(|&count| if count == 0 { 0.0 } else { share / count as f32 }).collect()
}
