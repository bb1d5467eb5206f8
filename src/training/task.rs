//! What the network is trained for: the objective, and Burn's train and inference steps.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use burn::train::metric::Adaptor;
use burn::train::{InferenceStep, ItemLazy, TrainOutput, TrainStep};

use super::config::{ClassWeights, Loss, TrainingConfig};
use super::metrics::{Scorer, Scores};
use crate::data::{Batch, Task};
use crate::model::{Net, Noise};

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
    /// `logits` and `targets` are `[batch, num_outputs]` (see [`Batch::targets`]).
    pub fn loss<B: Backend>(&self, logits: Tensor<B, 2>, targets: Tensor<B, 2>, labels: &[f32]) -> Tensor<B, 1> {
        let device = logits.device();
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

    /// Sum of the examples' weights: what a batch counts when losses of batches are averaged.
    pub fn weight(&self, labels: &[f32]) -> f64 {
        match &self.class_weights {
            None => labels.len() as f64,
            Some(weights) => labels.iter().map(|&label| f64::from(weights[label as usize])).sum(),
        }
    }

    /// Loss of each example `[batch, 1]`.
    fn example_losses<B: Backend>(&self, logits: Tensor<B, 2>, targets: Tensor<B, 2>) -> Tensor<B, 2> {
        let smoothed = |targets: Tensor<B, 2>, num_classes: f64| match self.label_smoothing {
            0.0 => targets,
            share => targets.mul_scalar(1.0 - share).add_scalar(share / num_classes),
        };
        match (self.loss, self.task) {
            (Loss::CrossEntropy, Task::MultiClass { num_classes }) => {
                let targets = smoothed(targets, num_classes as f64);
                -(targets * log_softmax(logits, 1)).sum_dim(1)
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

/// A network together with its objective: the module that Burn's Learner trains.
#[derive(Module, Debug)]
pub struct Trainee<B: Backend> {
    pub net: Net<B>,
    #[module(skip)]
    pub objective: Arc<Objective>,
    #[module(skip)]
    pub scorer: Arc<Scorer>,
}

impl<B: AutodiffBackend> TrainStep for Trainee<B> {
    type Input = Batch<B>;
    type Output = Outputs<B::InnerBackend>;

    fn step(&self, batch: Batch<B>) -> TrainOutput<Self::Output> {
        let mut noise = Noise::new(batch.noise_seed);
        let logits = self.net.forward(batch.inputs, Some(&mut noise));
        let loss = self.objective.loss(logits.clone(), batch.targets, &batch.labels);
        let outputs = Outputs {
            losses: vec![(loss.clone().inner(), self.objective.weight(&batch.labels))],
            logits: vec![logits.inner()],
            labels: batch.labels,
            ..Outputs::empty(self.scorer.clone(), false)
        };
        let gradients = loss.backward();
        TrainOutput::new(self, gradients, outputs)
    }
}

impl<B: Backend> InferenceStep for Trainee<B> {
    type Input = Batch<B>;
    type Output = Outputs<B>;

    fn step(&self, batch: Batch<B>) -> Outputs<B> {
        let logits = self.net.forward(batch.inputs, None);
        let loss = self.objective.loss(logits.clone(), batch.targets, &batch.labels);
        Outputs {
            losses: vec![(loss, self.objective.weight(&batch.labels))],
            logits: vec![logits],
            labels: batch.labels,
            ..Outputs::empty(self.scorer.clone(), true)
        }
    }
}

/// What steps leave behind for the metrics: one step's, or a whole epoch's after [`Outputs::append`].
///
/// One event an epoch, in place of Burn's one a batch, was 12 to 30 % faster on the digits net (measured, burn-0.21.md).
pub struct Outputs<B: Backend> {
    /// Mean loss `[1]` and weight of each batch that is not yet summed.
    losses: Vec<(Tensor<B, 1>, f64)>,
    /// Sum of weight x loss, and of weights.
    summed: (f64, f64),
    /// `[batch, num_outputs]` of each batch.
    logits: Vec<Tensor<B, 2>>,
    labels: Vec<f32>,
    scorer: Arc<Scorer>,
    with_roc_auc: bool,
    /// Values that the epoch loop adds, such as the learning rate.
    pub extras: Scores,
}

impl<B: Backend> Outputs<B> {
    pub fn empty(scorer: Arc<Scorer>, with_roc_auc: bool) -> Self {
        Self {
            losses: Vec::new(),
            summed: (0.0, 0.0),
            logits: Vec::new(),
            labels: Vec::new(),
            scorer,
            with_roc_auc,
            extras: Vec::new(),
        }
    }

    pub fn append(&mut self, mut other: Self) {
        self.losses.append(&mut other.losses);
        self.summed.0 += other.summed.0;
        self.summed.1 += other.summed.1;
        self.logits.append(&mut other.logits);
        self.labels.append(&mut other.labels);
    }

    /// Batches whose loss has not been read yet.
    pub fn num_unread(&self) -> usize {
        self.losses.len()
    }

    /// Reads the losses from the device and sums them. Returns the position, among those read
    /// now, of the first that is not finite.
    pub fn read_losses(&mut self) -> Option<usize> {
        let mut first = None;
        for (position, (loss, weight)) in self.losses.drain(..).enumerate() {
            let loss: f64 = loss.into_data().iter::<f64>().next().unwrap_or(f64::NAN);
            if !loss.is_finite() {
                first.get_or_insert(position);
            }
            self.summed.0 += loss * weight;
            self.summed.1 += weight;
        }
        first
    }

    /// Logits, row-major, and labels, copied to the host.
    pub fn to_host(&self) -> (Vec<f32>, Vec<f32>) {
        let mut logits = Vec::new();
        for batch in &self.logits {
            logits.extend(batch.to_data().iter::<f32>());
        }
        (logits, self.labels.clone())
    }
}

impl<B: Backend> ItemLazy for Outputs<B> {
    type ItemSync = EpochScores;

    /// Runs on Burn's metric thread, beside the next epoch's first batches.
    fn sync(mut self) -> EpochScores {
        self.read_losses();
        let loss = self.summed.0 / self.summed.1;
        let (logits, labels) = self.to_host();
        let mut scores = vec![("loss", loss)];
        scores.extend(self.scorer.scores(&logits, &labels, self.with_roc_auc));
        scores.extend(self.extras);
        EpochScores(Arc::new(scores))
    }
}

/// An epoch's metrics on their way through Burn's event processor.
#[derive(Clone)]
pub struct EpochScores(pub Arc<Scores>);

impl Adaptor<EpochScores> for EpochScores {
    fn adapt(&self) -> EpochScores {
        self.clone()
    }
}
