//! Adam's update (Kingma and Ba 2015) in one pass over memory, where Burn's operations take twelve.

use burn::optim::{AdamConfig, AdamState, AdaptiveMomentumState, SimpleOptimizer};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::memory::{CpuBackend, in_place, read};
use super::parallel::for_blocks;
use crate::vectorized::vectorized;

/// The parameters of an update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// Number of updates of this tensor, including this one.
    pub time: usize,
    pub learning_rate: f64,
    /// Decay rate of the mean of gradients, 0 <= b < 1.
    pub beta_1: f32,
    /// Decay rate of the mean of squared gradients, 0 <= b < 1.
    pub beta_2: f32,
    /// Added to the root of the bias-corrected mean.
    pub epsilon: f32,
    /// Factor of the L2 penalty: l2 x weight is added to the gradient.
    pub l2: f64,
    /// Fraction of each weight that is subtracted in addition to the update, 0 <= d <= 1.
    pub decay: f64,
}

/// With Burn's operations; returns the new weights and both moments.
pub(super) fn plain<B: Backend, const D: usize>(
    step: AdamStep,
    mut weights: Tensor<B, D>,
    mut gradient: Tensor<B, D>,
    [moment_1, moment_2]: [Tensor<B, D>; 2],
) -> (Tensor<B, D>, [Tensor<B, D>; 2]) {
    if step.l2 > 0.0 {
        gradient = gradient + weights.clone().mul_scalar(step.l2);
    }
    if step.decay > 0.0 {
        weights = weights.mul_scalar(1.0 - step.decay);
    }
    let rule = AdamConfig::new().with_beta_1(step.beta_1).with_beta_2(step.beta_2).with_epsilon(step.epsilon).build();
    let state = AdamState::new(AdaptiveMomentumState::new(step.time - 1, moment_1, moment_2));
    let (weights, state) = rule.step(step.learning_rate, weights, gradient, Some(state));
    let moments = state.expect("Adam keeps a state").momentum;
    (weights, [moments.moment_1, moments.moment_2])
}

/// With burnlab's loop.
pub(super) fn fused<B: CpuBackend, const D: usize>(
    step: AdamStep,
    weights: Tensor<B, D>,
    gradient: Tensor<B, D>,
    [moment_1, moment_2]: [Tensor<B, D>; 2],
) -> (Tensor<B, D>, [Tensor<B, D>; 2]) {
    // The new weights overwrite the gradient, since the old ones are shared with the module. The closures nest because
    // each tensor's buffer is borrowed while the next is processed.
    let (weights, (moment_1, (moment_2, ()))) = in_place(gradient, |gradient| {
        in_place(moment_1, |moment_1| {
            in_place(moment_2, |moment_2| read(weights, |weights| update(step, weights, gradient, moment_1, moment_2)))
        })
    });
    (weights, [moment_1, moment_2])
}

vectorized! {
    /// Replaces `gradients` by the new weights.
    fn update(step: AdamStep, weights: &[f32], gradients: &mut [f32], moments_1: &mut [f32], moments_2: &mut [f32]) {
        let AdamStep { beta_1, beta_2, epsilon, .. } = step;
        let correction = |beta: f32| 1.0 - f64::from(beta).powf(step.time as f64);
        let rate = (step.learning_rate / correction(beta_1)) as f32;
        let root_scale = (1.0 / correction(beta_2).sqrt()) as f32;
        let (l2, kept) = (step.l2 as f32, (1.0 - step.decay) as f32);
        for_blocks(weights, [gradients, moments_1, moments_2], |weights, gradients, moments_1, moments_2| {
            let moments = moments_1.iter_mut().zip(moments_2);
            for ((weight, place), (moment_1, moment_2)) in weights.iter().zip(gradients).zip(moments) {
                let gradient = *place + l2 * *weight;
                *moment_1 = beta_1 * *moment_1 + (1.0 - beta_1) * gradient;
                *moment_2 = beta_2 * *moment_2 + (1.0 - beta_2) * gradient * gradient;
                *place = *weight * kept - rate * *moment_1 / (moment_2.sqrt() * root_scale + epsilon);
            }
        });
    }
}
