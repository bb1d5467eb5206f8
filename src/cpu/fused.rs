//! The trait that extends Burn's backends, and who implements it: CPU backends, and Burn's autodiff over one.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::autodiff::{unwrap, wrap};
use super::convolution::{self, BlockOptions, NormalizedBlock};
use super::loss::{self, Labels, LossFunction};
use super::memory::{self, CpuBackend};
use super::{Activation, AdamStep, adam, dense};

/// A Burn backend with the operations that burnlab fuses. The defaults are Burn's operations.
pub trait FusedBackend: Backend {
    /// Whether the operations are burnlab's own.
    const HAS_FUSED_KERNELS: bool = false;

    /// Calls `read` with the numbers of `tensor`, row-major; waits for the device.
    fn read<const D: usize, R>(tensor: Tensor<Self, D>, read: impl FnOnce(&[f32]) -> R) -> R {
        memory::read_copy(tensor, read)
    }

    /// A dense layer: `activation(inputs x weight + bias)` of inputs `[rows, inputs]`, weight `[inputs, outputs]` and
    /// bias `[outputs]`, `[rows, outputs]`.
    fn dense(
        inputs: Tensor<Self, 2>,
        weight: Tensor<Self, 2>,
        bias: Tensor<Self, 1>,
        activation: Option<Activation>,
    ) -> Tensor<Self, 2> {
        dense::plain(inputs, weight, bias, activation)
    }

    /// A convolution that keeps the size of its images, activation, and max pooling.
    ///
    /// Images have their channels last: `[batch, height, width, in_channels]` to `[batch, height / pool, width / pool,
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

    /// As [`FusedBackend::convolution_block`], with each channel brought to mean 0 and variance 1 over the batch and its
    /// pixels after the convolution, then multiplied by `scale` and moved by `shift`, both `[out_channels]` (batch
    /// normalisation while training, Ioffe and Szegedy 2015).
    fn normalized_convolution_block(
        images: Tensor<Self, 4>,
        weight: Tensor<Self, 4>,
        scale: Tensor<Self, 1>,
        shift: Tensor<Self, 1>,
        options: BlockOptions,
    ) -> NormalizedBlock<Self> {
        convolution::plain_normalized(images, weight, scale, shift, options)
    }

    /// Mean loss `[1]` of logits `[rows, outputs]`, weighted where the labels say so.
    fn loss(function: LossFunction, logits: Tensor<Self, 2>, labels: &Labels) -> Tensor<Self, 1> {
        loss::plain(function, logits, labels)
    }

    /// The weights after an update by Adam, and both moments; all of one shape.
    fn adam<const D: usize>(
        step: AdamStep,
        weights: Tensor<Self, D>,
        gradient: Tensor<Self, D>,
        moments: [Tensor<Self, D>; 2],
    ) -> (Tensor<Self, D>, [Tensor<Self, D>; 2]) {
        adam::plain(step, weights, gradient, moments)
    }
}

/// A backend that networks are trained on: autodiff over one with burnlab's operations, and with them itself.
pub trait TrainingBackend: AutodiffBackend<InnerBackend: FusedBackend> + FusedBackend {
    /// The parameter `leaf`, whose gradient is followed, with new `values` of its shape.
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

/// With a backward node for each operation; an optimizer's update has none, since it works on the inner backend.
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

    fn loss(function: LossFunction, logits: Tensor<Self, 2>, labels: &Labels) -> Tensor<Self, 1> {
        loss::tracked(function, logits, labels)
    }
}
