//! RMSprop (Hinton 2012).

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Knobs, State};

pub(super) const KNOBS: Knobs = Knobs {
    name: "rmsprop",
    momentum: Some(0.0),
    beta_2: Some(0.99),
    slots: &["square_average", "velocity"],
    ..Knobs::NONE
};

/// Divides by the root of the decayed mean of squared gradients; with momentum, the quotients are gathered as sgd's
/// gradients are (PyTorch's rule).
#[derive(Clone, Copy)]
pub(super) struct Rmsprop {
    pub beta_2: f32,
    pub momentum: f32,
    pub epsilon: f32,
}

impl Rmsprop {
    pub(super) fn step<B: Backend, const D: usize>(
        &self,
        learning_rate: f64,
        tensor: Tensor<B, D>,
        gradient: Tensor<B, D>,
        state: State<B, D>,
    ) -> (Tensor<B, D>, State<B, D>) {
        let num_steps = state.num_steps + 1;
        let mut slots = state.slots.into_iter();
        let square = gradient.clone().square().mul_scalar(1.0 - self.beta_2);
        let average = match slots.next() {
            Some(average) => average.mul_scalar(self.beta_2) + square,
            None => square,
        };
        let quotient = gradient / average.clone().sqrt().add_scalar(self.epsilon);
        if self.momentum == 0.0 {
            return (tensor - quotient.mul_scalar(learning_rate), State { num_steps, slots: vec![average] });
        }
        let velocity = match slots.next() {
            Some(velocity) => velocity.mul_scalar(self.momentum) + quotient,
            None => quotient,
        };
        let change = velocity.clone().mul_scalar(learning_rate);
        (tensor - change, State { num_steps, slots: vec![average, velocity] })
    }
}
