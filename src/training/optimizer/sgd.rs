//! Stochastic gradient descent.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Knobs, State};

pub(super) const KNOBS: Knobs =
    Knobs { name: "sgd", momentum: Some(0.0), nesterov: true, slots: &["velocity"], ..Knobs::NONE };

/// The velocity is momentum x velocity + gradient, in the first step the gradient (PyTorch's rule, without dampening).
#[derive(Clone, Copy)]
pub(super) struct Sgd {
    pub momentum: f64,
    pub nesterov: bool,
}

impl Sgd {
    pub(super) fn step<B: Backend, const D: usize>(
        &self,
        learning_rate: f64,
        tensor: Tensor<B, D>,
        gradient: Tensor<B, D>,
        state: State<B, D>,
    ) -> (Tensor<B, D>, State<B, D>) {
        let num_steps = state.num_steps + 1;
        if self.momentum == 0.0 {
            return (tensor - gradient.mul_scalar(learning_rate), State { num_steps, slots: Vec::new() });
        }
        let velocity = match state.slots.into_iter().next() {
            Some(velocity) => velocity.mul_scalar(self.momentum) + gradient.clone(),
            None => gradient.clone(),
        };
        let direction =
            if self.nesterov { gradient + velocity.clone().mul_scalar(self.momentum) } else { velocity.clone() };
        (tensor - direction.mul_scalar(learning_rate), State { num_steps, slots: vec![velocity] })
    }
}
