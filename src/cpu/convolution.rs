//! A block of a convolutional network: convolution, bias or batch normalisation, activation, max pooling.
//!
//! A convolution is a matrix product with the windows around each pixel (im2col); normalisation, activation and bias
//! work on its columns. With Burn's operations on burn-flex a step of configs/mnist-cnn.toml takes 7 times as long,
//! mostly for copies of transposed and repeated tensors (`cargo bench --bench hot`).

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::ConvOptions;

use self::window::Window;
use super::images::ImageSizes;
use super::math::add_to_rows;
use super::memory::{CpuBackend, read, tensor};
use super::parallel::{all_column_sums, for_parts, map_rows, total};
use super::{Activation, NORM_EPSILON};
use crate::vectorized::vectorized;

mod backward;
mod window;

pub(super) use backward::{tracked, tracked_normalized};

/// What follows the convolution in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockOptions {
    pub activation: Activation,
    /// Size and stride of the max pooling; 1 = no pooling.
    pub pool: usize,
}

/// The output of a block with batch normalisation.
#[derive(Clone, Debug)]
pub struct NormalizedBlock<B: Backend> {
    /// `[batch, height / pool, width / pool, out_channels]`
    pub images: Tensor<B, 4>,
    /// Mean of each channel over the batch and its pixels, `[out_channels]`, without a gradient.
    pub mean: Tensor<B, 1>,
    /// The (biased) variance, likewise.
    pub variance: Tensor<B, 1>,
}

/// With Burn's operations.
pub(super) fn plain<B: Backend>(
    images: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Tensor<B, 1>,
    options: BlockOptions,
) -> Tensor<B, 4> {
    options.finish(convolve(images, weight, Some(bias)))
}

/// With Burn's operations.
pub(super) fn plain_normalized<B: Backend>(
    images: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    scale: Tensor<B, 1>,
    shift: Tensor<B, 1>,
    options: BlockOptions,
) -> NormalizedBlock<B> {
    let images = convolve(images, weight, None);
    let [batch, channels, height, width] = images.dims();
    let images = images.reshape([batch, channels, height * width]);
    let mean = images.clone().mean_dim(2).mean_dim(0);
    let centered = images - mean.clone();
    let variance = (centered.clone() * centered.clone()).mean_dim(2).mean_dim(0);
    let normal = centered / (variance.clone() + NORM_EPSILON).sqrt();
    let per_channel = |tensor: Tensor<B, 1>| tensor.reshape([1, channels, 1]);
    let images = (normal * per_channel(scale) + per_channel(shift)).reshape([batch, channels, height, width]);
    let [mean, variance] = [mean, variance].map(|statistic| statistic.reshape([channels]).detach());
    NormalizedBlock { images: options.finish(images), mean, variance }
}

/// Channels last to channels first, `[batch, out_channels, height, width]`.
fn convolve<B: Backend>(images: Tensor<B, 4>, weight: Tensor<B, 4>, bias: Option<Tensor<B, 1>>) -> Tensor<B, 4> {
    let [_, _, kernel, _] = weight.dims();
    let options = ConvOptions::new([1, 1], [kernel / 2; 2], [1, 1], 1);
    conv2d(images.permute([0, 3, 1, 2]), weight, bias, options)
}

impl BlockOptions {
    /// Activation and pooling; channels first to channels last.
    fn finish<B: Backend>(self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let mut images = self.activation.forward(images);
        if self.pool > 1 {
            images = max_pool2d(images, [self.pool; 2], [self.pool; 2], [0, 0], [1, 1], false);
        }
        images.permute([0, 2, 3, 1])
    }
}

/// With burnlab's loops.
pub(super) fn fused<B: CpuBackend>(
    images: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    bias: Tensor<B, 1>,
    options: BlockOptions,
) -> Tensor<B, 4> {
    let device = images.device();
    forward(&images, &weight, Channels::Bias(bias), options).output(&device)
}

/// With burnlab's loops.
pub(super) fn fused_normalized<B: CpuBackend>(
    images: Tensor<B, 4>,
    weight: Tensor<B, 4>,
    scale: Tensor<B, 1>,
    shift: Tensor<B, 1>,
    options: BlockOptions,
) -> NormalizedBlock<B> {
    let device = images.device();
    let mut made = forward(&images, &weight, Channels::Norm { scale, shift }, options);
    let [mean, variance] = made.statistics(&device);
    NormalizedBlock { images: made.output(&device), mean, variance }
}

/// What stands between a convolution and its activation.
enum Channels<B: Backend> {
    Bias(Tensor<B, 1>),
    Norm { scale: Tensor<B, 1>, shift: Tensor<B, 1> },
}

fn forward<B: CpuBackend>(
    images: &Tensor<B, 4>,
    weight: &Tensor<B, 4>,
    channels: Channels<B>,
    options: BlockOptions,
) -> Made {
    let [count, height, width, in_channels] = images.dims();
    let [out_channels, _, kernel, _] = weight.dims();
    let from = ImageSizes { images: count, height, width, channels: in_channels };
    let window = Window { kernel, in_channels, out_channels };
    let (scale, shift) = match channels {
        Channels::Bias(bias) => (None, bias),
        Channels::Norm { scale, shift } => (Some(read(scale, <[f32]>::to_vec)), shift),
    };
    let matrix = read(weight.clone(), |weight| window.matrix(weight));
    read(images.clone(), |images| {
        read(shift, |shift| Made::of(images, &matrix, Passed::new(from, window, options.pool), scale, shift, options))
    })
}

/// A block's output images, and what the backward pass needs in addition to the block's inputs.
struct Made {
    values: Vec<f32>,
    /// Mean and variance of each channel; empty without normalisation.
    statistics: [Vec<f32>; 2],
    passed: Passed,
}

#[derive(Clone, Debug)]
struct Passed {
    from: ImageSizes,
    window: Window,
    /// Size and stride of the pooling; 1 = none.
    side: usize,
    /// With normalisation only.
    norm: Option<Normal>,
    /// Derivatives of the activation, of each output.
    slopes: Vec<f32>,
    /// Where each output stood in its pooled square; empty without pooling.
    positions: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Normal {
    /// The normalised values.
    values: Vec<f32>,
    /// The factor by which each channel's centred values were multiplied.
    factor: Vec<f32>,
}

impl Passed {
    fn new(from: ImageSizes, window: Window, side: usize) -> Self {
        Self { from, window, side, norm: None, slopes: Vec::new(), positions: Vec::new() }
    }

    /// Images worked on at a time.
    fn part(&self) -> usize {
        self.from.part(self.window.kernel)
    }

    /// Of the convolution's sums.
    fn sums(&self) -> ImageSizes {
        ImageSizes { channels: self.window.out_channels, ..self.from }
    }

    /// Of the block's output.
    fn output(&self) -> ImageSizes {
        self.sums().pooled(self.side)
    }
}

impl Made {
    /// Some images at a time, so that what follows a convolution finds its sums in a cache.
    fn of(
        images: &[f32],
        matrix: &[f32],
        mut passed: Passed,
        scale: Option<Vec<f32>>,
        shift: &[f32],
        options: BlockOptions,
    ) -> Self {
        let (from, window, part) = (passed.from, passed.window, passed.part());
        let (of_sums, of_output) = (passed.sums().of_image(), passed.output().of_image());
        let convolve = |first, sums: &mut [f32]| window.convolve(from, images, first, matrix, sums);
        let mut values = vec![0.0; from.images * of_output];
        let mut slopes = vec![0.0; values.len()];
        let mut statistics = [Vec::new(), Vec::new()];
        let sizes = passed.sums();
        let positions = match scale {
            None => for_parts(
                [(&mut values, of_output), (&mut slopes, of_output)],
                part,
                true,
                &|first, [values, slopes]| {
                    let finish = Finish { sizes, norm: None, shift, options };
                    if options.pool == 1 {
                        convolve(first, values);
                        return finish_images(&finish, &mut [], values, slopes);
                    }
                    let mut sums = vec![0.0; values.len() / of_output * of_sums];
                    convolve(first, &mut sums);
                    finish_images(&finish, &mut sums, values, slopes)
                },
            ),
            Some(scale) => {
                let mut normal = vec![0.0; from.images * of_sums];
                for_parts([(&mut normal, of_sums)], part, true, &|first, [sums]| convolve(first, sums));
                let (mean, variance) = moments(&normal, window.out_channels);
                let deviation: Vec<f32> = variance.iter().map(|variance| (variance + NORM_EPSILON).sqrt()).collect();
                let norm = Some([&mean[..], &deviation, &scale]);
                let slices = [(&mut normal[..], of_sums), (&mut values, of_output), (&mut slopes, of_output)];
                let positions = for_parts(slices, part, true, &|_, [normal, values, slopes]| {
                    finish_images(&Finish { sizes, norm, shift, options }, normal, values, slopes)
                });
                let factor = scale.iter().zip(&deviation).map(|(scale, deviation)| scale / deviation).collect();
                passed.norm = Some(Normal { values: normal, factor });
                statistics = [mean, variance];
                positions
            }
        };
        passed.slopes = slopes;
        passed.positions = positions.concat();
        Self { values, statistics, passed }
    }

    fn output<B: Backend>(&mut self, device: &B::Device) -> Tensor<B, 4> {
        tensor(std::mem::take(&mut self.values), self.passed.output().shape(), device)
    }

    fn statistics<B: Backend>(&mut self, device: &B::Device) -> [Tensor<B, 1>; 2] {
        let channels = self.passed.window.out_channels;
        std::mem::take(&mut self.statistics).map(|statistic| tensor(statistic, [channels], device))
    }
}

/// What is done with a convolution's sums.
struct Finish<'a> {
    /// Of the sums.
    sizes: ImageSizes,
    /// Mean, deviation and scale of each channel.
    norm: Option<[&'a [f32]; 3]>,
    shift: &'a [f32],
    options: BlockOptions,
}

vectorized! {
    /// Mean and variance of each column of `[rows, width]`.
    fn moments(values: &[f32], width: usize) -> (Vec<f32>, Vec<f32>) {
        let share = width as f32 / values.len() as f32;
        let mean_of = |sums: Vec<f32>| sums.into_iter().map(|sum| sum * share).collect::<Vec<f32>>();
        let mean = mean_of(all_column_sums(values, width));
        let squares = map_rows(values, width, &|values| {
            let mut sums = vec![0.0; width];
            for row in values.chunks_exact(width) {
                for ((sum, value), mean) in sums.iter_mut().zip(row).zip(&mean) {
                    *sum += (value - mean) * (value - mean);
                }
            }
            sums
        });
        let variance = mean_of(total(&squares, width));
        (mean, variance)
    }

    /// Normalises, activates and pools the sums of some images. With normalisation, `sums` become the normalised values; with
    /// neither it nor pooling the sums are in `values`. `slopes` become the derivatives at the values that are kept. Returns
    /// where those stood in the squares that were pooled.
    fn finish_images(how: &Finish<'_>, sums: &mut [f32], values: &mut [f32], slopes: &mut [f32]) -> Vec<u8> {
        let Finish { sizes, norm, shift, options: BlockOptions { activation, pool } } = *how;
        if pool == 1 {
            if let Some(norm) = norm {
                normalise(sums, values, norm);
            }
            add_to_rows(values, shift);
            activation.apply(values, slopes);
            return Vec::new();
        }
        let (of_sums, of_output) = (sizes.of_image(), sizes.pooled(pool).of_image());
        let mut positions = vec![0; values.len()];
        let mut scaled = vec![0.0; if norm.is_some() { of_sums } else { 0 }];
        let mut all_slopes = vec![0.0; of_sums];
        for (image, sums) in sums.chunks_exact_mut(of_sums).enumerate() {
            let all = match norm {
                None => sums,
                Some(norm) => {
                    normalise(sums, &mut scaled, norm);
                    &mut scaled
                }
            };
            add_to_rows(all, shift);
            activation.apply(all, &mut all_slopes);
            let at = image * of_output..(image + 1) * of_output;
            let kept = [&mut values[at.clone()], &mut slopes[at.clone()]];
            sizes.pool([all, &all_slopes], pool, kept, &mut positions[at]);
        }
        positions
    }
}

/// Normalises `values`, and stores their product with the scale in `scaled`.
#[inline(always)]
fn normalise(values: &mut [f32], scaled: &mut [f32], [mean, deviation, scale]: [&[f32]; 3]) {
    let width = mean.len();
    let (deviation, scale) = (&deviation[..width], &scale[..width]);
    for (values, scaled) in values.chunks_exact_mut(width).zip(scaled.chunks_exact_mut(width)) {
        for channel in 0..width {
            values[channel] = (values[channel] - mean[channel]) / deviation[channel];
            scaled[channel] = values[channel] * scale[channel];
        }
    }
}
