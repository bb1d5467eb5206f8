//! The way back through a block: its nodes in the graph of `Autodiff`.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{BlockOptions, Channels, Normal, NormalizedBlock, Passed, forward};
use crate::cpu::autodiff::{register, unwrap, wrap};
use crate::cpu::images::unpool;
use crate::cpu::math::{column_products, column_sums, multiply};
use crate::cpu::memory::{CpuBackend, in_place, read, tensor};
use crate::cpu::parallel::{for_rows, total};

/// By burnlab's loops, as one node of the graph.
pub(in crate::cpu) fn tracked<B: CpuBackend, C: CheckpointStrategy>(
    images: Tensor<Autodiff<B, C>, 4>,
    weight: Tensor<Autodiff<B, C>, 4>,
    bias: Tensor<Autodiff<B, C>, 1>,
    options: BlockOptions,
) -> Tensor<Autodiff<B, C>, 4> {
    let (images, weight, bias) = (unwrap(images), unwrap(weight), unwrap(bias));
    let parents = [images.node, weight.node, bias.node];
    let (images, weight): (Tensor<B, 4>, Tensor<B, 4>) = (wrap(images.primitive), wrap(weight.primitive));
    let device = images.device();
    let mut made = forward(&images, &weight, Channels::Bias(wrap(bias.primitive)), options);
    let output = unwrap(made.output::<B>(&device));
    wrap(match BlockBackward.prepare::<C>(parents).compute_bound().stateful() {
        OpsKind::UnTracked(preparation) => preparation.finish(output),
        OpsKind::Tracked(preparation) => preparation.finish(Saved { images, weight, passed: made.passed }, output),
    })
}

/// By burnlab's loops, as one node of the graph.
pub(in crate::cpu) fn tracked_normalized<B: CpuBackend, C: CheckpointStrategy>(
    images: Tensor<Autodiff<B, C>, 4>,
    weight: Tensor<Autodiff<B, C>, 4>,
    scale: Tensor<Autodiff<B, C>, 1>,
    shift: Tensor<Autodiff<B, C>, 1>,
    options: BlockOptions,
) -> NormalizedBlock<Autodiff<B, C>> {
    let (images, weight, scale, shift) = (unwrap(images), unwrap(weight), unwrap(scale), unwrap(shift));
    let parents = [images.node, weight.node, scale.node, shift.node];
    let (images, weight): (Tensor<B, 4>, Tensor<B, 4>) = (wrap(images.primitive), wrap(weight.primitive));
    let device = images.device();
    let channels = Channels::Norm { scale: wrap(scale.primitive), shift: wrap(shift.primitive) };
    let mut made = forward(&images, &weight, channels, options);
    let [mean, variance] = made.statistics(&device).map(Tensor::from_inner);
    let output = unwrap(made.output::<B>(&device));
    let images = match NormalizedBlockBackward.prepare::<C>(parents).compute_bound().stateful() {
        OpsKind::UnTracked(preparation) => preparation.finish(output),
        OpsKind::Tracked(preparation) => preparation.finish(Saved { images, weight, passed: made.passed }, output),
    };
    NormalizedBlock { images: wrap(images), mean, variance }
}

#[derive(Debug)]
struct BlockBackward;

#[derive(Debug)]
struct NormalizedBlockBackward;

#[derive(Clone, Debug)]
struct Saved<B: Backend> {
    images: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    passed: Passed,
}

impl<B: CpuBackend> Backward<B, 3> for BlockBackward {
    type State = Saved<B>;

    fn backward(self, ops: Ops<Saved<B>, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [to_images, to_weight, to_bias] = ops.parents;
        let (channels, device) = (ops.state.passed.window.out_channels, ops.state.images.device());
        let gradient = wrap::<B, 4>(gradients.consume::<B>(&ops.node));
        let found = ops.state.gradients(gradient, to_images.is_some(), to_weight.is_some());
        if let Some((node, images)) = to_images.zip(found.images) {
            register(gradients, node.id, images);
        }
        if let Some((node, weight)) = to_weight.zip(found.weight) {
            register(gradients, node.id, weight);
        }
        if let Some(node) = to_bias {
            register(gradients, node.id, tensor::<B, 1>(found.shift, [channels], &device));
        }
    }
}

impl<B: CpuBackend> Backward<B, 4> for NormalizedBlockBackward {
    type State = Saved<B>;

    fn backward(self, ops: Ops<Saved<B>, 4>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let [to_images, to_weight, to_scale, to_shift] = ops.parents;
        let (channels, device) = (ops.state.passed.window.out_channels, ops.state.images.device());
        let gradient = wrap::<B, 4>(gradients.consume::<B>(&ops.node));
        let found = ops.state.gradients(gradient, to_images.is_some(), to_weight.is_some());
        if let Some((node, images)) = to_images.zip(found.images) {
            register(gradients, node.id, images);
        }
        if let Some((node, weight)) = to_weight.zip(found.weight) {
            register(gradients, node.id, weight);
        }
        for (node, values) in [(to_scale, found.scale), (to_shift, found.shift)] {
            if let Some(node) = node {
                register(gradients, node.id, tensor::<B, 1>(values, [channels], &device));
            }
        }
    }
}

/// Gradients with respect to what a block was given.
struct BlockGradients<B: Backend> {
    images: Option<Tensor<B, 4>>,
    weight: Option<Tensor<B, 4>>,
    /// Empty without normalisation.
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl<B: CpuBackend> Saved<B> {
    fn gradients(self, gradient: Tensor<B, 4>, for_images: bool, for_weight: bool) -> BlockGradients<B> {
        let Self { images, weight, passed } = self;
        let device = images.device();
        let (from, window) = (passed.from, passed.window);
        let (_, (of_channels, of_images, of_weight)) = in_place(gradient, |gradient| {
            let mut unpooled;
            let gradient = match &passed.origins {
                None => gradient,
                Some(origins) => {
                    unpooled = unpool(gradient, origins, passed.slopes.len());
                    &mut unpooled[..]
                }
            };
            let of_channels = back_to_convolution(gradient, passed.slopes, passed.norm, window.out_channels);
            if !for_images && !for_weight {
                return (of_channels, Vec::new(), Vec::new());
            }
            let (of_images, of_weight) = read(images, |images| {
                let matrix = for_images.then(|| read(weight, |weight| window.matrix(weight)));
                window.gradients(from, images, gradient, matrix.as_deref())
            });
            (of_channels, of_images, of_weight)
        });
        let [scale, shift] = of_channels;
        BlockGradients {
            images: for_images.then(|| tensor(of_images, from.shape(), &device)),
            weight: for_weight.then(|| tensor(of_weight, window.shape(), &device)),
            scale,
            shift,
        }
    }
}

/// Turns the gradient after the activation into that after the convolution; returns those of scale (empty without
/// normalisation) and shift, or bias.
fn back_to_convolution(
    gradient: &mut [f32],
    mut slopes: Vec<f32>,
    norm: Option<Normal>,
    width: usize,
) -> [Vec<f32>; 2] {
    let sums = for_rows(gradient, &mut slopes, width, |gradient, slopes| {
        multiply(gradient, slopes);
        column_sums(gradient, width)
    });
    let of_shift = total(&sums, width);
    let Some(Normal { values: mut normal, factor }) = norm else { return [Vec::new(), of_shift] };
    let sums = for_rows(gradient, &mut normal, width, |gradient, normal| column_products(gradient, normal, width));
    let of_scale = total(&sums, width);
    // Mean and deviation of the batch depend on every value of it (Ioffe and Szegedy 2015, section 3).
    let share = width as f32 / gradient.len() as f32;
    let [shift, scale] = [&of_shift, &of_scale].map(|sums| sums.iter().map(|sum| sum * share).collect::<Vec<f32>>());
    for_rows(gradient, &mut normal, width, |gradient, normal| {
        for (gradient, normal) in gradient.chunks_exact_mut(width).zip(normal.chunks_exact(width)) {
            for channel in 0..width {
                let rest = gradient[channel] - shift[channel] - normal[channel] * scale[channel];
                gradient[channel] = factor[channel] * rest;
            }
        }
    });
    [of_scale, of_shift]
}
