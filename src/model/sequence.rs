//! What sequence models have in common.

use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};

/// Embedding lookup: the rows of `embedding` `[characters, width]` at the indices `[batch, steps]`, as `[batch, steps,
/// width]`.
pub(super) fn characters<B: Backend>(numbers: Tensor<B, 2>, embedding: Tensor<B, 2>) -> Tensor<B, 3> {
    let [batch, steps] = numbers.dims();
    let [_, width] = embedding.dims();
    let numbers: Tensor<B, 1, Int> = numbers.reshape([batch * steps]).int();
    embedding.select(0, numbers).reshape([batch, steps, width])
}
