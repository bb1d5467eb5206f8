//! The trait that extends Burn's backends, and its implementations: CPU backends, and Burn's autodiff over them.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::attention::{self, Heads};
use super::autodiff::{unwrap, wrap};
use super::convolution::{self, BlockOptions, NormalizedBlock};
use super::loss::{self, Labels, LossFunction};
use super::memory::{self, CpuBackend};
use super::periodic::{self, Waves};
use super::recurrence::{self, Recurrence};
use super::{Activation, AdamStep, adam, dense, embedding, layer_norm, members};

/// A Burn backend with fused operations. The defaults use Burn's operations.
pub trait FusedBackend: Backend {
    /// Whether the backend overrides them with burnlab's kernels.
    const HAS_FUSED_KERNELS: bool = false;

    /// Calls `read` with the elements of `tensor`, row-major; waits for the device.
    fn read<const D: usize, R>(tensor: Tensor<Self, D>, read: impl FnOnce(&[f32]) -> R) -> R {
        memory::read_copy(tensor, read)
    }

    /// A dense layer: `activation(inputs x weight + bias)` `[rows, outputs]` of inputs `[rows, inputs]`, weight
    /// `[inputs, outputs]` and bias `[outputs]`.
    fn dense(
        inputs: Tensor<Self, 2>,
        weight: Tensor<Self, 2>,
        bias: Tensor<Self, 1>,
        activation: Option<Activation>,
    ) -> Tensor<Self, 2> {
        dense::plain(inputs, weight, bias, activation)
    }

    /// `inputs` `[rows, width]` times each member's `scale` `[members, width]`, member by member: `[members x rows,
    /// width]`.
    fn member_inputs(inputs: Tensor<Self, 2>, scale: Tensor<Self, 2>) -> Tensor<Self, 2> {
        members::plain_scaled(inputs, scale)
    }

    /// A linear layer for each member: inputs `[members x rows, width]`, weight `[members, width, outputs]` and bias
    /// `[members, outputs]` to `[members x rows, outputs]`.
    fn member_layers(inputs: Tensor<Self, 2>, weight: Tensor<Self, 3>, bias: Tensor<Self, 2>) -> Tensor<Self, 2> {
        members::plain_dense(inputs, weight, bias)
    }

    /// A convolution that preserves the image size, an activation, and max pooling.
    ///
    /// Images are channels-last: `[batch, height, width, in_channels]` to `[batch, height / pool, width / pool,
    /// out_channels]`. The weight is `[out_channels, in_channels, kernel, kernel]` with an odd kernel, the bias
    /// `[out_channels]`.
    fn convolution_block(
        images: Tensor<Self, 4>,
        weight: Tensor<Self, 4>,
        bias: Tensor<Self, 1>,
        options: BlockOptions,
    ) -> Tensor<Self, 4> {
        convolution::plain(images, weight, bias, options)
    }

    /// Like [`FusedBackend::convolution_block`], but after the convolution each channel is normalised to mean 0 and
    /// variance 1 over the batch and its pixels, then multiplied by `scale` and shifted by `shift`, both
    /// `[out_channels]` (batch normalisation in training, Ioffe and Szegedy 2015).
    fn normalized_convolution_block(
        images: Tensor<Self, 4>,
        weight: Tensor<Self, 4>,
        scale: Tensor<Self, 1>,
        shift: Tensor<Self, 1>,
        options: BlockOptions,
    ) -> NormalizedBlock<Self> {
        convolution::plain_normalized(images, weight, scale, shift, options)
    }

    /// Multi-head attention of queries, keys and values that lie side by side: `[batch, tokens, 3 x width]` to `[batch,
    /// tokens, width]`.
    fn multi_head_attention(inputs: Tensor<Self, 3>, heads: Heads) -> Tensor<Self, 3> {
        attention::plain(inputs, heads)
    }

    /// Layer normalisation of each row of `inputs` `[rows, width]`, with scale and shift `[width]`, and the activation that may
    /// follow.
    fn layer_normalization(
        inputs: Tensor<Self, 2>,
        scale: Tensor<Self, 1>,
        shift: Tensor<Self, 1>,
        activation: Option<Activation>,
    ) -> Tensor<Self, 2> {
        layer_norm::plain(inputs, scale, shift, activation)
    }

    /// The rows of the table `rows` `[num_rows, width]` at `indices` `[count]`, whole numbers: `[count, width]`.
    fn lookup(indices: Tensor<Self, 1>, rows: Tensor<Self, 2>) -> Tensor<Self, 2> {
        embedding::plain_lookup(indices, rows)
    }

    /// `row` `[width]` added to each of `examples` `[batch, width]`.
    fn add_to_examples(examples: Tensor<Self, 2>, row: Tensor<Self, 1>) -> Tensor<Self, 2> {
        embedding::plain_add(examples, row)
    }

    /// The state of a recurrent layer after each step `[batch, steps, units]`, from what the inputs contribute to its gates
    /// `[batch, steps, gates x units]`, and the weight `[units, gates x units]` and bias `[gates x units]` of the state. The state
    /// starts at 0.
    fn recurrent_layer(
        from_inputs: Tensor<Self, 3>,
        weight: Tensor<Self, 2>,
        bias: Tensor<Self, 1>,
        recurrence: Recurrence,
    ) -> Tensor<Self, 3> {
        recurrence::plain(from_inputs, weight, bias, recurrence)
    }

    /// Periodic embeddings: of each number x of `[rows, columns]`, the features `activation(cos(2 pi (frequency x + phase)) x
    /// weight + bias)`: `[rows, columns x features]`.
    fn periodic(numbers: Tensor<Self, 2>, waves: Waves<Self>, activation: Activation) -> Tensor<Self, 2> {
        periodic::plain(numbers, waves, activation)
    }

    /// Mean loss `[1]` of logits `[rows, outputs]`, weighted if the labels have weights.
    fn loss(function: LossFunction, logits: Tensor<Self, 2>, labels: &Labels) -> Tensor<Self, 1> {
        loss::plain(function, logits, labels)
    }

    /// The weights after an Adam update, and both moments; all have the same shape.
    fn adam<const D: usize>(
        step: AdamStep,
        weights: Tensor<Self, D>,
        gradient: Tensor<Self, D>,
        moments: [Tensor<Self, D>; 2],
    ) -> (Tensor<Self, D>, [Tensor<Self, D>; 2]) {
        adam::plain(step, weights, gradient, moments)
    }
}

/// A backend for training: autodiff over a [`FusedBackend`], and itself one.
pub trait TrainingBackend: AutodiffBackend<InnerBackend: FusedBackend> + FusedBackend {
    /// The tracked parameter `leaf` with new `values` of its shape.
    fn with_values<const D: usize>(_leaf: Tensor<Self, D>, values: Tensor<Self::InnerBackend, D>) -> Tensor<Self, D> {
        Tensor::from_inner(values).require_grad()
    }
}

impl<B: CpuBackend, C: CheckpointStrategy> TrainingBackend for Autodiff<B, C> {
    /// The leaf keeps its node: a new one in every step, and joining its graph with the others', is a good part of a small
    /// network's time. After the first step no graph refers to the leaf, so that operations must hold their inputs until
    /// their output is in a graph: the clean-up after another thread's backward pass frees what no tensor refers to.
    fn with_values<const D: usize>(leaf: Tensor<Self, D>, values: Tensor<B, D>) -> Tensor<Self, D> {
        let mut leaf = unwrap(leaf);
        leaf.primitive = unwrap(values);
        wrap(leaf)
    }
}

impl<B: CpuBackend> FusedBackend for B {
    const HAS_FUSED_KERNELS: bool = true;

    fn read<const D: usize, R>(tensor: Tensor<B, D>, read: impl FnOnce(&[f32]) -> R) -> R {
        memory::read(tensor, read)
    }

    fn dense(
        inputs: Tensor<B, 2>,
        weight: Tensor<B, 2>,
        bias: Tensor<B, 1>,
        activation: Option<Activation>,
    ) -> Tensor<B, 2> {
        dense::fused(inputs, weight, bias, activation)
    }

    fn member_inputs(inputs: Tensor<B, 2>, scale: Tensor<B, 2>) -> Tensor<B, 2> {
        members::fused_scaled(inputs, scale)
    }

    fn member_layers(inputs: Tensor<B, 2>, weight: Tensor<B, 3>, bias: Tensor<B, 2>) -> Tensor<B, 2> {
        members::fused_dense(inputs, weight, bias)
    }

    fn convolution_block(
        images: Tensor<B, 4>,
        weight: Tensor<B, 4>,
        bias: Tensor<B, 1>,
        options: BlockOptions,
    ) -> Tensor<B, 4> {
        convolution::fused(images, weight, bias, options)
    }

    fn normalized_convolution_block(
        images: Tensor<B, 4>,
        weight: Tensor<B, 4>,
        scale: Tensor<B, 1>,
        shift: Tensor<B, 1>,
        options: BlockOptions,
    ) -> NormalizedBlock<B> {
        convolution::fused_normalized(images, weight, scale, shift, options)
    }

    fn multi_head_attention(inputs: Tensor<B, 3>, heads: Heads) -> Tensor<B, 3> {
        attention::fused(inputs, heads)
    }

    fn layer_normalization(
        inputs: Tensor<B, 2>,
        scale: Tensor<B, 1>,
        shift: Tensor<B, 1>,
        activation: Option<Activation>,
    ) -> Tensor<B, 2> {
        layer_norm::fused(inputs, scale, shift, activation)
    }

    fn lookup(indices: Tensor<B, 1>, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        embedding::fused_lookup(indices, rows)
    }

    fn add_to_examples(examples: Tensor<B, 2>, row: Tensor<B, 1>) -> Tensor<B, 2> {
        embedding::fused_add(examples, row)
    }

    fn recurrent_layer(
        from_inputs: Tensor<B, 3>,
        weight: Tensor<B, 2>,
        bias: Tensor<B, 1>,
        recurrence: Recurrence,
    ) -> Tensor<B, 3> {
        recurrence::fused(from_inputs, weight, bias, recurrence)
    }

    fn periodic(numbers: Tensor<B, 2>, waves: Waves<B>, activation: Activation) -> Tensor<B, 2> {
        periodic::fused(numbers, waves, activation)
    }

    fn loss(function: LossFunction, logits: Tensor<B, 2>, labels: &Labels) -> Tensor<B, 1> {
        loss::fused(function, logits, labels)
    }

    fn adam<const D: usize>(
        step: AdamStep,
        weights: Tensor<B, D>,
        gradient: Tensor<B, D>,
        moments: [Tensor<B, D>; 2],
    ) -> (Tensor<B, D>, [Tensor<B, D>; 2]) {
        adam::fused(step, weights, gradient, moments)
    }
}

/// Adds a backward node for each operation; an optimizer's update needs none, since it runs on the inner backend.
impl<B: CpuBackend, C: CheckpointStrategy> FusedBackend for Autodiff<B, C> {
    const HAS_FUSED_KERNELS: bool = true;

    fn read<const D: usize, R>(tensor: Tensor<Self, D>, read: impl FnOnce(&[f32]) -> R) -> R {
        memory::read(tensor.inner(), read)
    }

    fn dense(
        inputs: Tensor<Self, 2>,
        weight: Tensor<Self, 2>,
        bias: Tensor<Self, 1>,
        activation: Option<Activation>,
    ) -> Tensor<Self, 2> {
        dense::tracked(inputs, weight, bias, activation)
    }

    fn member_inputs(inputs: Tensor<Self, 2>, scale: Tensor<Self, 2>) -> Tensor<Self, 2> {
        members::tracked_scaled(inputs, scale)
    }

    fn member_layers(inputs: Tensor<Self, 2>, weight: Tensor<Self, 3>, bias: Tensor<Self, 2>) -> Tensor<Self, 2> {
        members::tracked_dense(inputs, weight, bias)
    }

    fn convolution_block(
        images: Tensor<Self, 4>,
        weight: Tensor<Self, 4>,
        bias: Tensor<Self, 1>,
        options: BlockOptions,
    ) -> Tensor<Self, 4> {
        convolution::tracked(images, weight, bias, options)
    }

    fn normalized_convolution_block(
        images: Tensor<Self, 4>,
        weight: Tensor<Self, 4>,
        scale: Tensor<Self, 1>,
        shift: Tensor<Self, 1>,
        options: BlockOptions,
    ) -> NormalizedBlock<Self> {
        convolution::tracked_normalized(images, weight, scale, shift, options)
    }

    fn multi_head_attention(inputs: Tensor<Self, 3>, heads: Heads) -> Tensor<Self, 3> {
        attention::tracked(inputs, heads)
    }

    fn layer_normalization(
        inputs: Tensor<Self, 2>,
        scale: Tensor<Self, 1>,
        shift: Tensor<Self, 1>,
        activation: Option<Activation>,
    ) -> Tensor<Self, 2> {
        layer_norm::tracked(inputs, scale, shift, activation)
    }

    fn lookup(indices: Tensor<Self, 1>, rows: Tensor<Self, 2>) -> Tensor<Self, 2> {
        embedding::tracked_lookup(indices, rows)
    }

    fn add_to_examples(examples: Tensor<Self, 2>, row: Tensor<Self, 1>) -> Tensor<Self, 2> {
        embedding::tracked_add(examples, row)
    }

    fn recurrent_layer(
        from_inputs: Tensor<Self, 3>,
        weight: Tensor<Self, 2>,
        bias: Tensor<Self, 1>,
        recurrence: Recurrence,
    ) -> Tensor<Self, 3> {
        recurrence::tracked(from_inputs, weight, bias, recurrence)
    }

    fn periodic(numbers: Tensor<Self, 2>, waves: Waves<Self>, activation: Activation) -> Tensor<Self, 2> {
        periodic::tracked(numbers, waves, activation)
    }

    fn loss(function: LossFunction, logits: Tensor<Self, 2>, labels: &Labels) -> Tensor<Self, 1> {
        loss::tracked(function, logits, labels)
    }
}
