//! Nodes in the graph of Burn's autodiff, and conversions between tensors and its primitives.

use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::backend::{Backend, BackendTypes};
use burn::tensor::{Tensor, TensorPrimitive};

/// A tensor of any number of dimensions.
pub(super) type Primitive<B> = <B as BackendTypes>::FloatTensorPrimitive;

/// What the forward pass of an operation of `N` tensors leaves for its backward pass.
pub(super) trait Saved<B: Backend, const N: usize>: Clone + Debug + Send + 'static {
    /// The gradients with respect to the `N` tensors, given that of the output; `None` where not `wanted`.
    fn gradients(self, of_output: Primitive<B>, wanted: [bool; N]) -> [Option<Primitive<B>>; N];
}

/// The `output` of an operation of `inputs` as a node of the graph.
pub(super) fn track<B: Backend, C: CheckpointStrategy, S: Saved<B, N>, const N: usize>(
    inputs: [Primitive<Autodiff<B, C>>; N],
    output: Primitive<B>,
    saved: S,
) -> Primitive<Autodiff<B, C>> {
    let nodes = inputs.each_ref().map(|input| input.node.clone());
    let output = match Node::<S>(PhantomData).prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::UnTracked(preparation) => preparation.finish(output),
        OpsKind::Tracked(preparation) => preparation.finish(saved, output),
    };
    drop(inputs); // not before: another thread's backward pass frees what no tensor refers to
    output
}

#[derive(Debug)]
struct Node<S>(PhantomData<S>);

impl<B: Backend, S: Saved<B, N>, const N: usize> Backward<B, N> for Node<S> {
    type State = S;

    fn backward(self, ops: Ops<S, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let of_output = gradients.consume::<B>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = ops.state.gradients(of_output, wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let Some((parent, gradient)) = parent.zip(gradient) {
                gradients.register::<B>(parent.id, gradient);
            }
        }
    }
}

/// Wraps a backend's primitive in a tensor.
pub(super) fn wrap<B: Backend, const D: usize>(primitive: B::FloatTensorPrimitive) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

/// The backend's primitive of a tensor; under autodiff, that of the inner backend with its node in the graph.
pub(super) fn unwrap<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> B::FloatTensorPrimitive {
    tensor.into_primitive().tensor()
}
