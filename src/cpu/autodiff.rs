//! Between tensors and what Burn's autodiff keeps of them.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::grads::Gradients;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};

/// A tensor around what its backend computes with.
pub(super) fn wrap<B: Backend, const D: usize>(primitive: B::FloatTensorPrimitive) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

/// What the backend of a tensor computes with; under autodiff, that of the inner backend and its node in the graph.
pub(super) fn unwrap<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> B::FloatTensorPrimitive {
    tensor.into_primitive().tensor()
}

/// Adds `gradient` to what other operations found for the node `parent`.
pub(super) fn register<B: Backend, const D: usize>(gradients: &mut Gradients, parent: NodeId, gradient: Tensor<B, D>) {
    gradients.register::<B>(parent, unwrap(gradient));
}
