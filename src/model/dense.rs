//! Dense layers: Burn's `Linear`, fused with the activation that follows.

use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burnlab_cpu::{Activation, FusedBackend, Kernels};

/// `activation(inputs x weight + bias)`, `[rows, inputs]` to `[rows, outputs]`.
pub(super) fn dense<B: FusedBackend>(
    layer: &Linear<B>,
    inputs: Tensor<B, 2>,
    activation: Option<Activation>,
    kernels: Kernels,
) -> Tensor<B, 2> {
    let (weight, bias) = weight_and_bias(layer);
    kernels.dense(inputs, weight, bias, activation)
}

/// `[inputs, outputs]` and `[outputs]`.
pub(super) fn weight_and_bias<B: Backend>(layer: &Linear<B>) -> (Tensor<B, 2>, Tensor<B, 1>) {
    let bias = layer.bias.as_ref().expect("`InitializedParams::linear` gives every layer a bias");
    (layer.weight.val(), bias.val())
}

/// The same for each step of a sequence, `[batch, steps, inputs]` to `[batch, steps, outputs]`, in one matrix product.
pub(super) fn dense_steps<B: FusedBackend>(
    layer: &Linear<B>,
    inputs: Tensor<B, 3>,
    activation: Option<Activation>,
    kernels: Kernels,
) -> Tensor<B, 3> {
    let [batch, steps, width] = inputs.dims();
    let outputs = dense(layer, inputs.reshape([batch * steps, width]), activation, kernels);
    let [_, width] = outputs.dims();
    outputs.reshape([batch, steps, width])
}
