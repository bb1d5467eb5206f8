//! A block of a convolutional network: convolution, bias or batch normalisation, activation, max pooling.
//!
//! A convolution is a matrix product with the windows around each pixel (im2col); normalisation, activation and bias
//! work on its columns. With Burn's operations on burn-flex a step of configs/mnist-cnn.toml takes 7 times as long,
//! mostly for copies of transposed and repeated tensors (`cargo bench --bench hot`).

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::ConvOptions;

use super::autodiff::{register, unwrap, wrap};
use super::images::{ImageSizes, unpool};
use super::math::{add_to_rows, column_products, column_sums, multiply};
use super::memory::{CpuBackend, in_place, read, tensor};
use super::parallel::{for_rows, map_rows, total};
use super::product::{Matrix, product};
use super::{Activation, NORM_EPSILON};

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

/// With burnlab's loops, as one node of the autodiff graph.
pub(super) fn tracked<B: CpuBackend, C: CheckpointStrategy>(
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

/// With burnlab's loops, as one node of the autodiff graph.
pub(super) fn tracked_normalized<B: CpuBackend, C: CheckpointStrategy>(
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

/// The operation between a convolution and its activation.
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
            for_rows(&mut values, &mut normal, width, |values, normal| {
                normalise(values, normal, [&mean, &deviation, &scale])
            });
            statistics = [mean, variance];
            let factor = scale.iter().zip(&deviation).map(|(scale, deviation)| scale / deviation).collect();
            Normal { values: normal, factor }
        });
        for_rows(&mut values, &mut slopes, width, |values, slopes| {
            add_to_rows(values, shift);
            options.activation.apply(values, slopes);
        });
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

/// Gradients with respect to a block's inputs.
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

/// Turns the gradient at the activation's output into that at the convolution's; returns the gradients of scale (empty
/// without normalisation) and of shift or bias.
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
    // The batch's mean and deviation depend on all of its values (Ioffe and Szegedy 2015, section 3).
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

/// The sizes of a convolution's weights.
#[derive(Clone, Copy, Debug)]
struct Window {
    kernel: usize,
    in_channels: usize,
    out_channels: usize,
}

impl Window {
    fn shape(self) -> [usize; 4] {
        [self.out_channels, self.in_channels, self.kernel, self.kernel]
    }

    /// Number of elements in a window, which are the rows of the matrix.
    fn rows(self) -> usize {
        self.kernel * self.kernel * self.in_channels
    }

    /// The weights as a matrix `[kernel x kernel x in_channels, out_channels]`.
    fn matrix(self, weight: &[f32]) -> Vec<f32> {
        let mut matrix = vec![0.0; weight.len()];
        weight.iter().enumerate().for_each(|(at, &weight)| matrix[self.place_in_matrix(at)] = weight);
        matrix
    }

    /// The inverse of [`Window::matrix`].
    fn weight(self, matrix: &[f32]) -> Vec<f32> {
        (0..matrix.len()).map(|at| matrix[self.place_in_matrix(at)]).collect()
    }

    /// The index in the matrix of the weight at index `at` of the tensor.
    fn place_in_matrix(self, at: usize) -> usize {
        let Self { kernel, in_channels, out_channels } = self;
        let window = kernel * kernel;
        (at % window * in_channels + at / window % in_channels) * out_channels + at / (in_channels * window)
    }

    /// The convolution's output `[images x height x width, out_channels]`.
    fn convolve(self, from: ImageSizes, images: &[f32], matrix: &[f32]) -> Vec<f32> {
        let rows = self.rows();
        let parts = from.in_parts(self.kernel, |part| {
            let windows = from.windows(images, part, self.kernel);
            product(Matrix::new(&windows, windows.len() / rows, rows), Matrix::new(matrix, rows, self.out_channels))
        });
        parts.concat()
    }

    /// Gradients with respect to the images (empty without `matrix`) and the weight.
    fn gradients(
        self,
        from: ImageSizes,
        images: &[f32],
        gradient: &[f32],
        matrix: Option<&[f32]>,
    ) -> (Vec<f32>, Vec<f32>) {
        let (rows, width) = (self.rows(), self.out_channels);
        let pixels = from.height * from.width;
        let parts = from.in_parts(self.kernel, |part| {
            let gradient = &gradient[part.start * pixels * width..part.end * pixels * width];
            let gradient = Matrix::new(gradient, gradient.len() / width, width);
            let num_images = part.len();
            let windows = from.windows(images, part, self.kernel);
            let windows = Matrix::new(&windows, windows.len() / rows, rows);
            let below = matrix.map(|matrix| {
                let windows = product(gradient, Matrix::new(matrix, rows, width).transposed());
                from.sum_windows(&windows, num_images, self.kernel)
            });
            (product(windows.transposed(), gradient), below.unwrap_or_default())
        });
        let (sums, below): (Vec<Vec<f32>>, Vec<Vec<f32>>) = parts.into_iter().unzip();
        (below.concat(), self.weight(&total(&sums, rows * width)))
    }
}

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
#[inline(always)]
fn normalise(values: &mut [f32], normal: &mut [f32], [mean, deviation, scale]: [&[f32]; 3]) {
    let rows = values.chunks_exact_mut(mean.len()).zip(normal.chunks_exact_mut(mean.len()));
    for (values, normal) in rows {
        for channel in 0..mean.len() {
            normal[channel] = (values[channel] - mean[channel]) / deviation[channel];
            values[channel] = normal[channel] * scale[channel];
        }
    }
}
