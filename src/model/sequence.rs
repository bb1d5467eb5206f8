//! What sequence models have in common.

use burn::tensor::Tensor;
use burnlab_cpu::{FusedBackend, Kernels};

/// Embedding lookup: the rows of `embedding` `[characters, width]` at the indices `[batch, steps]`, as `[batch, steps,
/// width]`.
pub(super) fn characters<B: FusedBackend>(
    numbers: Tensor<B, 2>,
    embedding: Tensor<B, 2>,
    kernels: Kernels,
) -> Tensor<B, 3> {
    let [batch, steps] = numbers.dims();
    let [_, width] = embedding.dims();
    kernels.lookup(numbers.reshape([batch * steps]), embedding).reshape([batch, steps, width])
}
