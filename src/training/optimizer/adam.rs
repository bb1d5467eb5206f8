//! Adam (Kingma and Ba 2015), with decoupled weight decay AdamW (Loshchilov and Hutter 2019).

use burn::optim::{AdamConfig, AdamState, AdaptiveMomentumState, SimpleOptimizer};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Knobs, State};
use crate::host;

pub(super) const KNOBS: Knobs = Knobs {
    name: "adam",
    beta_1: Some(0.9),
    beta_2: Some(0.999),
    epsilon_hat: true,
    slots: &["moment_1", "moment_2"],
    ..Knobs::NONE
};

/// Adam whose decay is on by default.
pub(super) const DECOUPLED: Knobs = Knobs { name: "adamw", weight_decay: 0.01, ..KNOBS };

#[derive(Clone, Copy)]
pub(super) struct Adam {
    pub beta_1: f32,
    pub beta_2: f32,
    pub epsilon: f64,
    /// Whether epsilon is added before the bias correction (the paper's epsilon hat), as scikit-learn does.
    pub epsilon_hat: bool,
}

impl Adam {
    /// The epsilon that is added to the corrected root in the `time`-th step, from 1.
    fn epsilon_at(&self, time: usize) -> f32 {
        let correction = if self.epsilon_hat { (1.0 - f64::from(self.beta_2).powf(time as f64)).sqrt() } else { 1.0 };
        (self.epsilon / correction) as f32
    }

    /// A step by Burn's own rule.
    pub(super) fn step<B: Backend, const D: usize>(
        &self,
        learning_rate: f64,
        tensor: Tensor<B, D>,
        gradient: Tensor<B, D>,
        state: State<B, D>,
    ) -> (Tensor<B, D>, State<B, D>) {
        let time = state.num_steps + 1;
        let rule =
            AdamConfig::new().with_beta_1(self.beta_1).with_beta_2(self.beta_2).with_epsilon(self.epsilon_at(time));
        let moments = <[Tensor<B, D>; 2]>::try_from(state.slots).ok(); // none before the first step
        let moments = moments.map(|[moment_1, moment_2]| {
            AdamState::new(AdaptiveMomentumState::new(state.num_steps, moment_1, moment_2))
        });
        let (tensor, moments) = rule.build().step(learning_rate, tensor, gradient, moments);
        let slots = moments.map_or_else(Vec::new, |moments| vec![moments.momentum.moment_1, moments.momentum.moment_2]);
        (tensor, State { num_steps: time, slots })
    }

    /// The same in one pass over memory, where Burn's operations take twelve. `l2` is the penalty's factor, `kept` what
    /// decay leaves of a weight.
    pub(super) fn step_in_one_pass<B: Backend, const D: usize>(
        &self,
        learning_rate: f64,
        (l2, kept): (f32, f32),
        tensor: Tensor<B, D>,
        gradient: Tensor<B, D>,
        state: State<B, D>,
    ) -> (Tensor<B, D>, State<B, D>) {
        let [moment_1, moment_2] = state.slots.try_into().unwrap_or_else(|_| {
            let zeros = Tensor::zeros(tensor.shape(), &tensor.device());
            [zeros.clone(), zeros]
        });
        let time = state.num_steps + 1;
        let Self { beta_1, beta_2, .. } = *self;
        let epsilon = self.epsilon_at(time);
        let correction = |beta: f32| 1.0 - f64::from(beta).powf(time as f64);
        let step = (learning_rate / correction(beta_1)) as f32;
        let root_scale = (1.0 / correction(beta_2).sqrt()) as f32;
        // The new weights take the gradients' place: the old ones are shared with the module.
        let update = |weights: &[f32], gradients: &mut [f32], moments_1: &mut [f32], moments_2: &mut [f32]| {
            let moments = moments_1.iter_mut().zip(moments_2);
            for ((weight, place), (moment_1, moment_2)) in weights.iter().zip(gradients).zip(moments) {
                let gradient = *place + l2 * *weight;
                *moment_1 = beta_1 * *moment_1 + (1.0 - beta_1) * gradient;
                *moment_2 = beta_2 * *moment_2 + (1.0 - beta_2) * gradient * gradient;
                *place = *weight * kept - step * *moment_1 / (moment_2.sqrt() * root_scale + epsilon);
            }
        };
        // Outermost first: each tensor lends its numbers to the next one in.
        let (tensor, (moment_1, moment_2)) = host::in_place(gradient, |gradients| {
            let (moment_1, (moment_2, ())) = host::in_place(moment_1, |moments_1| {
                host::in_place(moment_2, |moments_2| {
                    host::read(tensor, |weights| {
                        host::for_blocks(weights, [gradients, moments_1, moments_2], update);
                    });
                })
            });
            (moment_1, moment_2)
        });
        (tensor, State { num_steps: time, slots: vec![moment_1, moment_2] })
    }
}
