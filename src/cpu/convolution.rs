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
use super::math::{add_to_rows, column_sums};
use super::memory::{CpuBackend, read, tensor};
use super::parallel::{for_rows, map_rows, total};
use super::vectorized::vectorized;
use super::{Activation, NORM_EPSILON};

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
    let values = read(images.clone(), |images| {
        read(weight.clone(), |weight| window.convolve(from, images, &window.matrix(weight)))
    });
    read(shift, |shift| Made::of(values, from, window, scale, shift, options))
}

/// A block's output images, and what the backward pass needs in addition to the block's inputs.
struct Made {
    values: Vec<f32>,
    sizes: ImageSizes,
    /// Mean and variance of each channel; empty without normalisation.
    statistics: [Vec<f32>; 2],
    passed: Passed,
}

#[derive(Clone, Debug)]
struct Passed {
    from: ImageSizes,
    window: Window,
    /// With normalisation only.
    norm: Option<Normal>,
    /// Derivatives of the activation.
    slopes: Vec<f32>,
    /// Where each pooled value came from; `None` without pooling.
    origins: Option<Vec<u32>>,
}

#[derive(Clone, Debug)]
struct Normal {
    /// The normalised values.
    values: Vec<f32>,
    /// The factor by which each channel's centred values were multiplied.
    factor: Vec<f32>,
}

impl Made {
    /// Normalises (given a `scale`) and activates the output of a convolution.
    fn of(
        mut values: Vec<f32>,
        from: ImageSizes,
        window: Window,
        scale: Option<Vec<f32>>,
        shift: &[f32],
        options: BlockOptions,
    ) -> Self {
        let width = window.out_channels;
        let mut sizes = ImageSizes { channels: width, ..from };
        let mut slopes = vec![0.0; values.len()];
        let mut statistics = [Vec::new(), Vec::new()];
        let norm = scale.map(|scale| {
            let (mean, variance) = moments(&values, width);
            let deviation: Vec<f32> = variance.iter().map(|variance| (variance + NORM_EPSILON).sqrt()).collect();
            let mut normal = vec![0.0; values.len()];
            normalise(&mut values, &mut normal, &mean, &deviation, &scale);
            statistics = [mean, variance];
            let factor = scale.iter().zip(&deviation).map(|(scale, deviation)| scale / deviation).collect();
            Normal { values: normal, factor }
        });
        activate(&mut values, &mut slopes, shift, options.activation);
        let origins = (options.pool > 1).then(|| {
            let (largest, origins) = sizes.pool(&values, options.pool);
            values = largest;
            origins
        });
        sizes = if options.pool > 1 { sizes.pooled(options.pool) } else { sizes };
        Self { values, sizes, statistics, passed: Passed { from, window, norm, slopes, origins } }
    }

    fn output<B: Backend>(&mut self, device: &B::Device) -> Tensor<B, 4> {
        tensor(std::mem::take(&mut self.values), self.sizes.shape(), device)
    }

    fn statistics<B: Backend>(&mut self, device: &B::Device) -> [Tensor<B, 1>; 2] {
        let channels = self.passed.window.out_channels;
        std::mem::take(&mut self.statistics).map(|statistic| tensor(statistic, [channels], device))
    }
}

vectorized! {
    /// Mean and variance of each column of `[rows, width]`.
    fn moments(values: &[f32], width: usize) -> (Vec<f32>, Vec<f32>) {
        let share = width as f32 / values.len() as f32;
        let mean_of = |sums: &[Vec<f32>]| total(sums, width).into_iter().map(|sum| sum * share).collect::<Vec<f32>>();
        let mean = mean_of(&map_rows(values, width, |values| column_sums(values, width)));
        let squares = map_rows(values, width, |values| {
            let mut sums = vec![0.0; width];
            for row in values.chunks_exact(width) {
                for ((sum, value), mean) in sums.iter_mut().zip(row).zip(&mean) {
                    *sum += (value - mean) * (value - mean);
                }
            }
            sums
        });
        let variance = mean_of(&squares);
        (mean, variance)
    }

    /// Stores the normalised values in `normal`, and their product with `scale` in `values`; mean, deviation and scale are
    /// per channel.
    fn normalise(values: &mut [f32], normal: &mut [f32], mean: &[f32], deviation: &[f32], scale: &[f32]) {
        let width = mean.len();
        for_rows(values, normal, width, |values, normal| {
            for (values, normal) in values.chunks_exact_mut(width).zip(normal.chunks_exact_mut(width)) {
                for channel in 0..width {
                    normal[channel] = (values[channel] - mean[channel]) / deviation[channel];
                    values[channel] = normal[channel] * scale[channel];
                }
            }
        });
    }

    /// Adds `shift` to each row and applies the activation; `slopes` become its derivatives.
    fn activate(values: &mut [f32], slopes: &mut [f32], shift: &[f32], activation: Activation) {
        for_rows(values, slopes, shift.len(), |values, slopes| {
            add_to_rows(values, shift);
            activation.apply(values, slopes);
        });
    }
}
