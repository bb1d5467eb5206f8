//! RMSprop (Hinton 2012), with momentum as in PyTorch.

use burn::tensor::Tensor;
use burnlab_cpu::FusedBackend;

use super::{Knob, OptimizerOptions, Update, UpdateRule};

#[derive(Clone, Debug)]
pub(super) struct RmsProp {
    /// Decay rate of the mean of squared gradients.
    beta_2: f32,
    momentum: f32,
    epsilon: f32,
}

impl UpdateRule for RmsProp {
    const KNOBS: &'static [(Knob, f64)] = &[(Knob::Momentum, 0.0), (Knob::Beta2, 0.99)];
    const SLOTS: &'static [&'static str] = &["mean_square", "velocity"];

    fn new(options: &OptimizerOptions) -> Self {
        let (beta_2, momentum) = (options.knob(Knob::Beta2) as f32, options.knob(Knob::Momentum) as f32);
        Self { beta_2, momentum, epsilon: options.epsilon as f32 }
    }

    fn step<B: FusedBackend, const D: usize>(
        &self,
        update: Update,
        weights: Tensor<B, D>,
        gradient: Tensor<B, D>,
        slots: Vec<Tensor<B, D>>,
    ) -> (Tensor<B, D>, Vec<Tensor<B, D>>) {
        let (weights, gradient) = update.decayed(weights, gradient);
        let mut slots = slots.into_iter();
        let square = gradient.clone().square().mul_scalar(1.0 - self.beta_2);
        let mean_square = match slots.next() {
            Some(mean_square) => mean_square.mul_scalar(self.beta_2) + square,
            None => square,
        };
        let direction = gradient / mean_square.clone().sqrt().add_scalar(self.epsilon);
        if self.momentum == 0.0 {
            return (weights - direction.mul_scalar(update.learning_rate), vec![mean_square]);
        }
        let velocity = match slots.next() {
            Some(velocity) => velocity.mul_scalar(self.momentum) + direction,
            None => direction,
        };
        (weights - velocity.clone().mul_scalar(update.learning_rate), vec![mean_square, velocity])
    }
}
