//! Several networks in one that share most weights: the "mini" ensemble of Gorishniy et al. 2025, "TabM: advancing
//! tabular deep learning with parameter-efficient ensembling".
//!
//! Each member scales the inputs by factors of its own, and has an output layer of its own; the hidden layers are common
//! to all, so that their matrix products are one product of `members` times as many rows. In training each member
//! learns from every row by itself; a prediction is the average of theirs.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, sigmoid, softmax};
use burn::tensor::backend::Backend;
use burnlab_cpu::{FusedBackend, Kernels};

use super::parameters::{InitializedParams, ParameterSpecs, Start};
use super::{Activation, Initializer};
use crate::data::Task;

/// Smaller probabilities count as this one, so that their logarithm is finite.
const LEAST: f32 = 1e-30;
/// Smaller steps between quantiles, in standard deviations of the target, count as this one, for the same reason.
const LEAST_STEP: f32 = 1e-6;

/// What each member has of its own.
#[derive(Module, Debug)]
pub(super) struct Members<B: Backend> {
    /// Factors of the inputs, `[members, inputs]`; at first 1 or -1.
    scale: Param<Tensor<B, 2>>,
    /// The output layers, `[members, units, outputs]`.
    weight: Param<Tensor<B, 3>>,
    /// `[members, outputs]`.
    bias: Param<Tensor<B, 2>>,
}

/// Specifies the parameters of `count` members, `[inputs, units, outputs]` wide; their names begin with `name`.
pub(super) fn specify(
    specs: &mut ParameterSpecs,
    name: &str,
    count: usize,
    [inputs, units, outputs]: [usize; 3],
    initializer: Initializer,
    activation: Activation,
) {
    let bound = initializer.bound(units, outputs, activation);
    specs.weight(format!("{name}.scale"), &[count, inputs], Start::Sign);
    specs.weight(format!("{name}.weight"), &[count, units, outputs], Start::Uniform(bound));
    specs.weight(format!("{name}.bias"), &[count, outputs], Start::Constant(0.0));
}

impl<B: Backend> Members<B> {
    pub(super) fn build(params: &mut InitializedParams<B>, name: &str) -> Self {
        Self {
            scale: params.take(&format!("{name}.scale")),
            weight: params.take(&format!("{name}.weight")),
            bias: params.take(&format!("{name}.bias")),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.weight.dims()[0]
    }

    /// `inputs` `[batch, inputs]` as each member sees them, member by member: `[members x batch, inputs]`.
    pub(super) fn inputs(&self, inputs: Tensor<B, 2>, kernels: Kernels) -> Tensor<B, 2>
    where
        B: FusedBackend,
    {
        kernels.member_inputs(inputs, self.scale.val())
    }

    /// Logits `[members x batch, outputs]` of the last hidden layer's `units` `[members x batch, units]`.
    pub(super) fn outputs(&self, units: Tensor<B, 2>, kernels: Kernels) -> Tensor<B, 2>
    where
        B: FusedBackend,
    {
        kernels.member_layers(units, self.weight.val(), self.bias.val())
    }
}

/// The answer of all members together, `[members x batch, outputs]` to `[batch, outputs]`: for classes and labels, logits
/// of the mean of their probabilities; for numbers, the mean of theirs.
pub fn average<B: Backend>(logits: Tensor<B, 2>, batch: usize, task: Task) -> Tensor<B, 2> {
    let [rows, outputs] = logits.dims();
    if rows <= batch {
        return logits;
    }
    let mean =
        |values: Tensor<B, 2>| values.reshape([rows / batch, batch, outputs]).mean_dim(0).reshape([batch, outputs]);
    let log_of_mean = |probabilities| mean(probabilities).clamp_min(LEAST).log();
    match task {
        // The odds of both classes: 1 - p would round to 0 where p is near 1.
        Task::Binary | Task::Labels { .. } | Task::Ordered { .. } => {
            log_of_mean(sigmoid(logits.clone())) - log_of_mean(sigmoid(logits.neg()))
        }
        Task::MultiClass { .. } | Task::LanguageModel { .. } => log_of_mean(softmax(logits, 1)),
        Task::Quantiles { .. } => steps(mean(quantiles(logits))),
        Task::Regression | Task::Numbers { .. } => mean(logits),
    }
}

/// Quantiles `[rows, levels]` of the outputs: the first one, and the softplus of each further one above the one before.
fn quantiles<B: Backend>(outputs: Tensor<B, 2>) -> Tensor<B, 2> {
    let column = |level: usize| outputs.clone().narrow(1, level, 1);
    let mut columns = vec![column(0)];
    for level in 1..outputs.dims()[1] {
        let step = log_sigmoid(column(level).neg()).neg();
        columns.push(columns[level - 1].clone() + step);
    }
    Tensor::cat(columns, 1)
}

/// The outputs that [`quantiles`] makes these of: of a step d it is ln(e^d - 1).
fn steps<B: Backend>(quantiles: Tensor<B, 2>) -> Tensor<B, 2> {
    let count = quantiles.dims()[1];
    if count == 1 {
        return quantiles;
    }
    let above = quantiles.clone().narrow(1, 1, count - 1) - quantiles.clone().narrow(1, 0, count - 1);
    let above = above.clamp_min(LEAST_STEP);
    let steps = above.clone() + above.neg().exp().neg().log1p();
    Tensor::cat(vec![quantiles.narrow(1, 0, 1), steps], 1)
}
