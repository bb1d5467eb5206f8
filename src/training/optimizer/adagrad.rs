//! AdaGrad (Duchi et al. 2011).

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Knobs, State};

pub(super) const KNOBS: Knobs = Knobs { name: "adagrad", slots: &["sum_of_squares"], ..Knobs::NONE };

/// Divides by the root of the sum of all squared gradients so far.
#[derive(Clone, Copy)]
pub(super) struct Adagrad {
    pub epsilon: f32,
}

impl Adagrad {
    pub(super) fn step<B: Backend, const D: usize>(
        &self,
        learning_rate: f64,
        tensor: Tensor<B, D>,
        gradient: Tensor<B, D>,
        state: State<B, D>,
    ) -> (Tensor<B, D>, State<B, D>) {
        let num_steps = state.num_steps + 1;
        let square = gradient.clone().square();
        let sum = match state.slots.into_iter().next() {
            Some(sum) => sum + square,
            None => square,
        };
        let change = (gradient / sum.clone().sqrt().add_scalar(self.epsilon)).mul_scalar(learning_rate);
        (tensor - change, State { num_steps, slots: vec![sum] })
    }
}
