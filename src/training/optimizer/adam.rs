//! Adam (Kingma and Ba 2015); with decay, AdamW (Loshchilov and Hutter 2019).

use burn::tensor::Tensor;
use burnlab_cpu::{AdamStep, FusedBackend, Kernels};

use super::{Knob, OptimizerOptions, Update, UpdateRule};

#[derive(Clone, Debug)]
pub(super) struct Adam {
    beta_1: f32,
    beta_2: f32,
    epsilon: f64,
    /// Whether epsilon is added before the bias correction (the paper's epsilon hat), as scikit-learn does.
    epsilon_hat: bool,
    kernels: Kernels,
}

impl Adam {
    /// The epsilon to add to the bias-corrected root in step `time`, from 1.
    fn epsilon_at(&self, time: usize) -> f32 {
        let correction = if self.epsilon_hat { (1.0 - f64::from(self.beta_2).powf(time as f64)).sqrt() } else { 1.0 };
        (self.epsilon / correction) as f32
    }
}

impl UpdateRule for Adam {
    const KNOBS: &'static [(Knob, f64)] = &[(Knob::Beta1, 0.9), (Knob::Beta2, 0.999), (Knob::EpsilonHat, 0.0)];
    const SLOTS: &'static [&'static str] = &["moment_1", "moment_2"];

    fn new(options: &OptimizerOptions) -> Self {
        Self {
            beta_1: options.knob(Knob::Beta1) as f32,
            beta_2: options.knob(Knob::Beta2) as f32,
            epsilon: options.epsilon,
            epsilon_hat: options.is_on(Knob::EpsilonHat),
            kernels: options.kernels,
        }
    }

    fn step<B: FusedBackend, const D: usize>(
        &self,
        update: Update,
        weights: Tensor<B, D>,
        gradient: Tensor<B, D>,
        slots: Vec<Tensor<B, D>>,
    ) -> (Tensor<B, D>, Vec<Tensor<B, D>>) {
        let moments = slots.try_into().unwrap_or_else(|_| {
            let zeros = Tensor::zeros(weights.shape(), &weights.device());
            [zeros.clone(), zeros]
        });
        let step = AdamStep {
            time: update.time,
            learning_rate: update.learning_rate,
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            epsilon: self.epsilon_at(update.time),
            l2: update.l2,
            decay: update.decay,
        };
        let (weights, moments) = self.kernels.adam(step, weights, gradient, moments);
        (weights, moments.into())
    }
}
