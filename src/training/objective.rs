//! The training objective: the configured loss, with what it needs to know about the data.

use burn::tensor::{Tensor, TensorData};
use burnlab_cpu::{FusedBackend, Kernels, Labels, LossFunction};

use super::config::{ClassWeights, Loss, TrainingConfig};
use super::ordered::decisions;
use super::quantiles::pinball;
use crate::data::Task;

/// What is computed of each example.
#[derive(Clone, Debug, PartialEq)]
enum Function {
    /// By the kernels.
    Kernel(LossFunction),
    /// Half the Poisson deviance (McCullagh and Nelder 1989, table 2.1) of a target y, a count in units of the training
    /// mean, from the mean e^z: e^z - y + y (ln y - z).
    Poisson,
    /// The decisions between what is above a class and what is not: of classes in an order, as many.
    Ordered(usize),
    /// See [`pinball`]: the levels of the quantiles.
    Pinball(Vec<f64>),
}

/// The loss with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    function: Function,
    class_weights: Option<Vec<f32>>,
    kernels: Kernels,
}

impl Objective {
    /// The objective of `config` for `task`; `class_counts` are the numbers of training rows per class, from which
    /// "balanced" class weights are computed.
    pub fn new(config: &TrainingConfig, task: Task, class_counts: &[u64]) -> Self {
        let class_weights = config.class_weights.as_ref().map(|weights| match weights {
            ClassWeights::List(list) => list.clone(),
            ClassWeights::Named(_) => balanced_weights(class_counts),
        });
        let smoothing = config.label_smoothing;
        let function = Function::Kernel(match config.loss.unwrap_or(Loss::default_for(task)) {
            Loss::Poisson => return Self { function: Function::Poisson, class_weights, kernels: config.kernels },
            Loss::Pinball => {
                let function = Function::Pinball(config.levels());
                return Self { function, class_weights, kernels: config.kernels };
            }
            Loss::CrossEntropy => match task {
                Task::Ordered { num_classes } => {
                    return Self { function: Function::Ordered(num_classes), class_weights, kernels: config.kernels };
                }
                Task::MultiClass { .. } | Task::LanguageModel { .. } => {
                    LossFunction::SoftmaxCrossEntropy { num_classes: task.num_outputs(), smoothing }
                }
                _ => LossFunction::BinaryCrossEntropy { smoothing },
            },
            Loss::Mse => LossFunction::Squared,
            Loss::Mae => LossFunction::Absolute,
            Loss::Huber => LossFunction::Huber { delta: config.huber_delta },
        });
        Self { function, class_weights, kernels: config.kernels }
    }

    /// Mean loss `[1]` of a batch: the sum of weight x loss over the sum of weights. The weight of an example is that of
    /// its class, if configured, times its own in `weights`, which is empty where all count the same.
    ///
    /// `logits` are `[batch, num_outputs]`, `labels` class indices, standardized numbers, or 0 and 1. Each of several targets
    /// counts as an example, row by row, and so does each position of a window of text.
    pub fn loss<B: FusedBackend>(&self, logits: Tensor<B, 2>, labels: &[f32], weights: &[f32]) -> Tensor<B, 1> {
        let weights = self.weights(labels, weights);
        let [rows, outputs] = logits.dims();
        let logits = match rows == labels.len() {
            true => logits,
            false => logits.reshape([labels.len(), rows * outputs / labels.len()]),
        };
        match &self.function {
            Function::Kernel(function) => self.kernels.loss(*function, logits, &Labels { values: labels, weights }),
            Function::Poisson => poisson(logits, labels, weights),
            Function::Ordered(num_classes) => {
                let (is_above, counts) = decisions(labels, weights.as_deref(), *num_classes);
                let logits = logits.reshape([is_above.len(), 1]);
                let sum = |weights: &[f32]| weights.iter().map(|&weight| f64::from(weight)).sum::<f64>();
                // The mean over decisions, made one over rows.
                let rows = weights.as_deref().map_or(labels.len() as f64, sum);
                let share = sum(&counts) / rows;
                let function = LossFunction::BinaryCrossEntropy { smoothing: 0.0 };
                self.kernels.loss(function, logits, &Labels { values: &is_above, weights: Some(counts) }) * share
            }
            Function::Pinball(levels) => pinball(logits, levels, labels, weights),
        }
    }

    /// The weight of each of `labels`; `None` where all count 1. `weights` are of rows, each with as many labels.
    fn weights(&self, labels: &[f32], weights: &[f32]) -> Option<Vec<f32>> {
        match (&self.class_weights, weights) {
            (None, []) => None,
            (None, weights) => {
                let num_targets = labels.len() / weights.len();
                Some(weights.iter().flat_map(|&weight| std::iter::repeat_n(weight, num_targets)).collect())
            }
            (Some(of_class), weights) => {
                let weight = |(i, &label): (usize, &f32)| of_class[label as usize] * weights.get(i).unwrap_or(&1.0);
                Some(labels.iter().enumerate().map(weight).collect())
            }
        }
    }

    /// Whether the loss equals scikit-learn's log loss: cross-entropy, neither smoothed nor weighted.
    pub fn is_log_loss(&self) -> bool {
        let Function::Kernel(function) = &self.function else { return false };
        let smoothing = match function {
            LossFunction::SoftmaxCrossEntropy { smoothing, .. } => Some(*smoothing),
            LossFunction::BinaryCrossEntropy { smoothing } => Some(*smoothing),
            LossFunction::Squared | LossFunction::Absolute | LossFunction::Huber { .. } => None,
        };
        smoothing == Some(0.0) && self.class_weights.is_none()
    }

    /// Sum of the examples' weights: the weight of a batch when batch losses are averaged.
    pub fn weight(&self, labels: &[f32], weights: &[f32]) -> f64 {
        match self.weights(labels, weights) {
            None => labels.len() as f64,
            Some(weights) => weights.into_iter().map(f64::from).sum(),
        }
    }
}

/// The mean of [`Function::Poisson`], `[1]`.
fn poisson<B: FusedBackend>(logits: Tensor<B, 2>, labels: &[f32], weights: Option<Vec<f32>>) -> Tensor<B, 1> {
    let device = logits.device();
    let column = |values: Vec<f32>| Tensor::<B, 2>::from_data(TensorData::new(values, [labels.len(), 1]), &device);
    // y ln y is 0 where y is.
    let rest = |&label: &f32| if label > 0.0 { label * label.ln() - label } else { 0.0 };
    let rest = column(labels.iter().map(rest).collect());
    let losses = logits.clone().exp() - column(labels.to_vec()) * logits + rest;
    match weights {
        None => losses.mean(),
        Some(weights) => {
            let total: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
            (losses * column(weights)).sum().div_scalar(total)
        }
    }
}

/// num_rows / (num_classes x rows of the class); a class without rows weighs 0.
fn balanced_weights(class_counts: &[u64]) -> Vec<f32> {
    let share = class_counts.iter().sum::<u64>() as f32 / class_counts.len() as f32;
    class_counts.iter().map(|&count| if count == 0 { 0.0 } else { share / count as f32 }).collect()
}
