//! AdaGrad (Duchi et al. 2011).

use burn::tensor::Tensor;
use burnlab_cpu::FusedBackend;

use super::{Knob, OptimizerOptions, Update, UpdateRule};

#[derive(Clone, Debug)]
pub(super) struct AdaGrad {
    epsilon: f32,
}

impl UpdateRule for AdaGrad {
    const KNOBS: &'static [(Knob, f64)] = &[];
    const SLOTS: &'static [&'static str] = &["sum_of_squares"];

    fn new(options: &OptimizerOptions) -> Self {
        Self { epsilon: options.epsilon as f32 }
    }

    fn step<B: FusedBackend, const D: usize>(
        &self,
        update: Update,
        weights: Tensor<B, D>,
        gradient: Tensor<B, D>,
        slots: Vec<Tensor<B, D>>,
    ) -> (Tensor<B, D>, Vec<Tensor<B, D>>) {
        let (weights, gradient) = update.decayed(weights, gradient);
        let square = gradient.clone().square();
        let sum = match slots.into_iter().next() {
            Some(sum) => sum + square,
            None => square,
        };
        let direction = gradient / sum.clone().sqrt().add_scalar(self.epsilon);
        (weights - direction.mul_scalar(update.learning_rate), vec![sum])
    }
}
