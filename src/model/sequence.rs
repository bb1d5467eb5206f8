//! What networks of sequences have in common.

use burn::nn::Linear;
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};

/// `layer` at each step: `[batch, steps, in]` to `[batch, steps, out]`, in one matrix product.
pub(super) fn linear<B: Backend>(layer: &Linear<B>, inputs: Tensor<B, 3>) -> Tensor<B, 3> {
    let [batch, steps, given] = inputs.dims();
    let made = layer.forward(inputs.reshape([batch * steps, given]));
    let [_, width] = made.dims();
    made.reshape([batch, steps, width])
}

/// The rows of `embedding` `[characters, width]` that the numbers `[batch, steps]` name: `[batch, steps, width]`.
pub(super) fn characters<B: Backend>(numbers: Tensor<B, 2>, embedding: Tensor<B, 2>) -> Tensor<B, 3> {
    let [batch, steps] = numbers.dims();
    let [_, width] = embedding.dims();
    let numbers: Tensor<B, 1, Int> = numbers.reshape([batch * steps]).int();
    embedding.select(0, numbers).reshape([batch, steps, width])
}
