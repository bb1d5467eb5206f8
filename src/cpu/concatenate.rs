//! Concatenation that is safe while other threads train.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// `Tensor::cat`, which holds on to its `parts` until the result is in the graph of autodiff.
///
/// Burn 0.21 lets go of them before, and the backward pass of any other thread frees graphs that no tensor refers to: the
/// gradients of a training beside another one then lacked the parts, now and then.
pub fn concatenate<B: Backend, const D: usize>(parts: Vec<Tensor<B, D>>, dim: usize) -> Tensor<B, D> {
    let held = parts.clone();
    let whole = Tensor::cat(parts, dim);
    drop(held);
    whole
}
