//! Stochastic gradient descent.

use burn::tensor::Tensor;
use burnlab_cpu::FusedBackend;

use super::{Knob, OptimizerOptions, Update, UpdateRule};

/// The velocity is momentum x velocity + gradient, and in the first step the gradient (PyTorch's rule without
/// dampening).
#[derive(Clone, Debug)]
pub(super) struct Sgd {
    momentum: f64,
    nesterov: bool,
}

impl UpdateRule for Sgd {
    const KNOBS: &'static [(Knob, f64)] = &[(Knob::Momentum, 0.0), (Knob::Nesterov, 0.0)];
    const SLOTS: &'static [&'static str] = &["velocity"];

    fn new(options: &OptimizerOptions) -> Self {
        Self { momentum: options.knob(Knob::Momentum), nesterov: options.is_on(Knob::Nesterov) }
    }

    fn step<B: FusedBackend, const D: usize>(
        &self,
        update: Update,
        weights: Tensor<B, D>,
        gradient: Tensor<B, D>,
        slots: Vec<Tensor<B, D>>,
    ) -> (Tensor<B, D>, Vec<Tensor<B, D>>) {
        let (weights, gradient) = update.decayed(weights, gradient);
        if self.momentum == 0.0 {
            return (weights - gradient.mul_scalar(update.learning_rate), Vec::new());
        }
        let velocity = match slots.into_iter().next() {
            Some(velocity) => velocity.mul_scalar(self.momentum) + gradient.clone(),
            None => gradient.clone(),
        };
        let direction = match self.nesterov {
            true => gradient + velocity.clone().mul_scalar(self.momentum),
            false => velocity.clone(),
        };
        (weights - direction.mul_scalar(update.learning_rate), vec![velocity])
    }
}
