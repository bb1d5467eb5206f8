//! The way back through a block: its nodes in the graph of `Autodiff`.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{BlockOptions, Channels, Normal, NormalizedBlock, Passed, forward};
use crate::cpu::autodiff::{Primitive, Saved, track, unwrap, wrap};
use crate::cpu::images::unpool;
use crate::cpu::math::{column_products, column_sums, multiply};
use crate::cpu::memory::{CpuBackend, in_place, read, tensor};
use crate::cpu::parallel::{for_rows, total};
use crate::cpu::vectorized::vectorized;

/// By burnlab's loops, as one node of the graph.
pub(in crate::cpu) fn tracked<B: CpuBackend, C: CheckpointStrategy>(
    images: Tensor<Autodiff<B, C>, 4>,
    weight: Tensor<Autodiff<B, C>, 4>,
    bias: Tensor<Autodiff<B, C>, 1>,
    options: BlockOptions,
) -> Tensor<Autodiff<B, C>, 4> {
    let tracked = [unwrap(images), unwrap(weight), unwrap(bias)];
    let [images, weight, bias] = tracked.each_ref().map(|input| input.primitive.clone());
    let (images, weight): (Tensor<B, 4>, Tensor<B, 4>) = (wrap(images), wrap(weight));
    let device = images.device();
    let mut made = forward(&images, &weight, Channels::Bias(wrap(bias)), options);
    let output = unwrap(made.output::<B>(&device));
    wrap(track::<B, C, _, 3>(tracked, output, Block { images, weight, passed: made.passed }))
}

/// By burnlab's loops, as one node of the graph.
pub(in crate::cpu) fn tracked_normalized<B: CpuBackend, C: CheckpointStrategy>(
    images: Tensor<Autodiff<B, C>, 4>,
    weight: Tensor<Autodiff<B, C>, 4>,
    scale: Tensor<Autodiff<B, C>, 1>,
    shift: Tensor<Autodiff<B, C>, 1>,
    options: BlockOptions,
) -> NormalizedBlock<Autodiff<B, C>> {
    let tracked = [unwrap(images), unwrap(weight), unwrap(scale), unwrap(shift)];
    let [images, weight, scale, shift] = tracked.each_ref().map(|input| input.primitive.clone());
    let (images, weight): (Tensor<B, 4>, Tensor<B, 4>) = (wrap(images), wrap(weight));
    let device = images.device();
    let channels = Channels::Norm { scale: wrap(scale), shift: wrap(shift) };
    let mut made = forward(&images, &weight, channels, options);
    let [mean, variance] = made.statistics(&device).map(Tensor::from_inner);
    let output = unwrap(made.output::<B>(&device));
    let images = track::<B, C, _, 4>(tracked, output, Block { images, weight, passed: made.passed });
    NormalizedBlock { images: wrap(images), mean, variance }
}

#[derive(Clone, Debug)]
struct Block<B: Backend> {
    images: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    passed: Passed,
}

/// With a bias.
impl<B: CpuBackend> Saved<B, 3> for Block<B> {
    fn gradients(self, of_output: Primitive<B>, wanted: [bool; 3]) -> [Option<Primitive<B>>; 3] {
        let (channels, device) = (self.passed.window.out_channels, self.images.device());
        let found = self.block_gradients(wrap::<B, 4>(of_output), wanted[0], wanted[1]);
        let of_bias = wanted[2].then(|| unwrap(tensor::<B, 1>(found.shift, [channels], &device)));
        [found.images.map(unwrap), found.weight.map(unwrap), of_bias]
    }
}

/// With a normalisation.
impl<B: CpuBackend> Saved<B, 4> for Block<B> {
    fn gradients(self, of_output: Primitive<B>, wanted: [bool; 4]) -> [Option<Primitive<B>>; 4] {
        let (channels, device) = (self.passed.window.out_channels, self.images.device());
        let found = self.block_gradients(wrap::<B, 4>(of_output), wanted[0], wanted[1]);
        let of = |values| unwrap(tensor::<B, 1>(values, [channels], &device));
        let (of_scale, of_shift) = (wanted[2].then(|| of(found.scale)), wanted[3].then(|| of(found.shift)));
        [found.images.map(unwrap), found.weight.map(unwrap), of_scale, of_shift]
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

impl<B: CpuBackend> Block<B> {
    fn block_gradients(self, gradient: Tensor<B, 4>, for_images: bool, for_weight: bool) -> BlockGradients<B> {
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

vectorized! {
    /// Turns the gradient after the activation into that after the convolution; returns those of scale (empty without
    /// normalisation) and shift, or bias.
    fn back_to_convolution(
        gradient: &mut [f32],
        slopes: Vec<f32>,
        norm: Option<Normal>,
        width: usize,
    ) -> [Vec<f32>; 2] {
        let mut slopes = slopes;
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
}
