//! The way back through a block: its nodes in the graph of `Autodiff`.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{BlockOptions, Channels, Normal, NormalizedBlock, Passed, forward};
use crate::autodiff::{Primitive, Saved, track, unwrap, wrap};
use crate::images::ImageSizes;
use crate::math::{column_products, column_sums, multiply};
use crate::memory::{CpuBackend, in_place, read, tensor};
use crate::parallel::{for_parts, total};
use crate::vectorized::vectorized;

/// By burnlab's loops, as one node of the graph.
pub(crate) fn tracked<B: CpuBackend, C: CheckpointStrategy>(
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
pub(crate) fn tracked_normalized<B: CpuBackend, C: CheckpointStrategy>(
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
        let (_, ([scale, shift], of_images, of_weight)) = in_place(gradient, |gradient| {
            let of_channels = back_to_channels(gradient, &passed);
            if !for_images && !for_weight {
                return (of_channels, Vec::new(), Vec::new());
            }
            let matrix = for_images.then(|| read(weight, |weight| window.matrix(weight)));
            let (of_images, of_weight) =
                read(images, |images| passed.back_through_windows(images, gradient, &of_channels, matrix.as_deref()));
            (of_channels, of_images, of_weight)
        });
        BlockGradients {
            images: for_images.then(|| tensor(of_images, from.shape(), &device)),
            weight: for_weight.then(|| tensor(of_weight, window.shape(), &device)),
            scale,
            shift,
        }
    }
}

impl Passed {
    /// Gradients with respect to the images (empty without `matrix`) and the weight, given those with respect to the activation's
    /// inputs that were kept, and of scale and shift. Some images at a time, so that each step finds in a cache what the one before
    /// has made.
    fn back_through_windows(
        &self,
        images: &[f32],
        gradient: &mut [f32],
        of_channels: &[Vec<f32>; 2],
        matrix: Option<&[f32]>,
    ) -> (Vec<f32>, Vec<f32>) {
        let (from, window, sizes) = (self.from, self.window, self.sums());
        let (of_input, of_sums, of_output) = (from.of_image(), sizes.of_image(), self.output().of_image());
        // Mean and deviation of the batch depend on every value of it (Ioffe and Szegedy 2015, section 3).
        let share = window.out_channels as f32 / (from.images * of_sums) as f32;
        let means = of_channels.each_ref().map(|sums| sums.iter().map(|sum| sum * share).collect::<Vec<f32>>());
        let mut below = vec![0.0; if matrix.is_some() { images.len() } else { 0 }];
        let slices = [(gradient, of_output), (&mut below[..], if matrix.is_some() { of_input } else { 0 })];
        let of_weight = for_parts(slices, self.part(), true, &|first, [gradient, below]| {
            let count = gradient.len() / of_output;
            let mut spread = Vec::new();
            let gradient = match self.side {
                1 => gradient,
                side => {
                    spread.resize(count * of_sums, 0.0);
                    let positions = &self.positions[first * of_output..(first + count) * of_output];
                    unpool(sizes, side, gradient, positions, &mut spread);
                    &mut spread[..]
                }
            };
            if let Some(Normal { values, factor }) = &self.norm {
                back_through_norm(gradient, &values[first * of_sums..], &means, factor);
            }
            window.gradients(from, images, first, gradient, matrix, below)
        });
        (below, window.weight(&total(&of_weight, window.rows() * window.out_channels)))
    }
}

/// Turns the gradient with respect to a block's output into that with respect to the activation's inputs that were kept; returns those of
/// scale (empty without normalisation) and shift, or bias.
fn back_to_channels(gradient: &mut [f32], passed: &Passed) -> [Vec<f32>; 2] {
    let of_output = passed.output().of_image();
    let sums = for_parts([(gradient, of_output)], passed.part(), true, &|first, [gradient]| {
        back_through_activation(gradient, passed, first)
    });
    let (of_scale, of_shift): (Vec<_>, Vec<_>) = sums.into_iter().flatten().unzip();
    let width = passed.window.out_channels;
    [if passed.norm.is_some() { total(&of_scale, width) } else { Vec::new() }, total(&of_shift, width)]
}

vectorized! {
    /// Multiplies the gradients of some images, from `first` on, by the slopes; returns the sums over each image that are part of the
    /// gradients of scale (empty without normalisation) and shift.
    fn back_through_activation(gradient: &mut [f32], passed: &Passed, first: usize) -> Vec<(Vec<f32>, Vec<f32>)> {
        let (width, sizes) = (passed.window.out_channels, passed.sums());
        let (of_sums, of_output) = (sizes.of_image(), passed.output().of_image());
        let mut kept = vec![0.0; of_output];
        let sums = gradient.chunks_exact_mut(of_output).enumerate().map(|(image, gradient)| {
            let start = (first + image) * of_output;
            multiply(gradient, &passed.slopes[start..start + of_output]);
            let of_scale = passed.norm.as_ref().map(|normal| {
                let normal = &normal.values[(first + image) * of_sums..(first + image + 1) * of_sums];
                if passed.side == 1 {
                    return column_products(gradient, normal, width);
                }
                let positions = &passed.positions[start..start + of_output];
                sizes.for_kept(positions, passed.side, |at, from| kept[at] = normal[from]);
                column_products(gradient, &kept, width)
            });
            (of_scale.unwrap_or_default(), column_sums(gradient, width))
        });
        sums.collect()
    }

    /// Spreads the gradients of some images' kept values to where those stood; `spread` are zeros.
    fn unpool(sizes: ImageSizes, side: usize, gradient: &[f32], positions: &[u8], spread: &mut [f32]) {
        let of_output = sizes.pooled(side).of_image();
        let kept = gradient.chunks_exact(of_output).zip(positions.chunks_exact(of_output));
        for (spread, (gradient, positions)) in spread.chunks_exact_mut(sizes.of_image()).zip(kept) {
            sizes.for_kept(positions, side, |at, from| spread[from] = gradient[at]);
        }
    }

    /// Turns the gradient after a normalisation into that before it, given the normalised values, and the means over all values of the
    /// gradients of scale and shift.
    fn back_through_norm(gradient: &mut [f32], normal: &[f32], means: &[Vec<f32>; 2], factor: &[f32]) {
        let width = factor.len();
        let [scale, shift] = means.each_ref().map(|means| &means[..width]);
        for (gradient, normal) in gradient.chunks_exact_mut(width).zip(normal.chunks_exact(width)) {
            for channel in 0..width {
                let rest = gradient[channel] - shift[channel] - normal[channel] * scale[channel];
                gradient[channel] = factor[channel] * rest;
            }
        }
    }
}
