//! Conversions between tensors and the primitives of Burn's autodiff.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::grads::Gradients;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};

/// Wraps a backend's primitive in a tensor.
pub(super) fn wrap<B: Backend, const D: usize>(primitive: B::FloatTensorPrimitive) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

/// The backend's primitive of a tensor; under autodiff, that of the inner backend with its node in the graph.
pub(super) fn unwrap<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> B::FloatTensorPrimitive {
    tensor.into_primitive().tensor()
}

/// Adds `gradient` to the gradient of the node `parent` from other operations.
pub(super) fn register<B: Backend, const D: usize>(gradients: &mut Gradients, parent: NodeId, gradient: Tensor<B, D>) {
    gradients.register::<B>(parent, unwrap(gradient));
}
