//! Back-propagation through the convolutional network, written out for CPU backends.
//!
//! The same gradients as Burn's autodiff, which the tests hold it to. Images lie with their channels last, so that a
//! pixel is a row of a matrix: a convolution is then a matrix product with the windows around each pixel, and
//! normalisation, activation and bias work on columns. By autodiff on burn-flex a step of configs/mnist-cnn.toml
//! took 7 times as long, most of it in copies of transposed and repeated tensors (`cargo bench --bench hot`).

use std::ops::Range;

use burn::module::{Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use super::{Cnn, Convolution};
use crate::cpu::{self, Matrix, add_to_rows, column_sums, multiply};
use crate::model::norm::EPSILON;
use crate::model::{Noise, Trained};

/// Numbers in the windows that one core works on at a time: 1 MiB, a second-level cache.
const WINDOWS: usize = 1 << 18;

/// Images of one size, row-major `[images, height, width, channels]`.
struct Images {
    values: Vec<f32>,
    height: usize,
    width: usize,
    channels: usize,
}

/// What a convolution leaves behind for the way back.
struct Passed {
    given: Images,
    /// Normalised values; empty without normalisation.
    normal: Vec<f32>,
    line: Line,
    /// Slopes of the activation.
    slopes: Vec<f32>,
    /// Where each pooled value came from; `None` without pooling.
    origins: Option<Vec<u32>>,
}

/// How a normalisation treated its values.
struct Line {
    /// What each channel's values were multiplied by.
    factor: Vec<f32>,
    /// Whether mean and deviation were those of this batch.
    by_batch: bool,
}

impl<B: AutodiffBackend> Cnn<B> {
    /// See [`Net::gradients`](crate::model::Net::gradients).
    pub(in crate::model) fn gradients(
        &self,
        inputs: Tensor<B::InnerBackend, 2>,
        trained: &Trained,
        noise: &mut Noise,
        loss: impl FnOnce(&mut [f32]),
    ) -> GradientsParams {
        let device = inputs.device();
        let [batch, _] = inputs.dims();
        let mut gradients = GradientsParams::new();

        // ---- forward
        let [height, width] = self.image_shape;
        let mut images = Images { values: cpu::read(inputs, <[f32]>::to_vec), height, width, channels: 1 };
        let mut passed = Vec::with_capacity(self.convolutions.len());
        for (index, convolution) in self.convolutions.iter().enumerate() {
            let (made, mut step) = self.convolve(convolution, images, trained, &device);
            images = made;
            if self.pools_after(index) {
                let (pooled, origins) = images.pool(self.pool);
                (images, step.origins) = (pooled, Some(origins));
            }
            passed.push(step);
        }
        let mut features = images.channels_first();
        let mask = noise.mask(self.dropout, features.len());
        if let Some(mask) = &mask {
            cpu::simd(|| multiply(&mut features, mask));
        }

        // ---- backward
        let is_trained = |convolution: &Convolution<B>| convolution.params().iter().any(|&id| trained.has(id));
        let first = self.convolutions.iter().position(is_trained).unwrap_or(self.convolutions.len());
        let goes_on = first < self.convolutions.len();
        let delta =
            self.linear.back_propagate(&features, batch, trained, noise, loss, goes_on, &mut gradients, &device);
        let Some(mut delta) = delta else { return gradients };
        if let Some(mask) = &mask {
            cpu::simd(|| multiply(&mut delta, mask));
        }
        let mut delta = images.channels_last(&delta);
        for (index, convolution) in self.convolutions.iter().enumerate().skip(first).rev() {
            let step = passed.pop().expect("one for each convolution");
            if let Some(origins) = &step.origins {
                delta = unpool(&delta, origins, step.slopes.len());
            }
            let goes_on = index > first;
            delta = convolution.back_propagate(step, delta, trained, goes_on, &mut gradients, &device);
        }
        gradients
    }

    /// Convolution, normalisation and activation.
    fn convolve(
        &self,
        convolution: &Convolution<B>,
        given: Images,
        trained: &Trained,
        device: &B::Device,
    ) -> (Images, Passed) {
        let (matrix, [inner, made]) = convolution.matrix();
        let kernel = convolution.weight.dims()[2];
        let parts = given.in_parts(kernel, |images| {
            let windows = given.windows(images, kernel);
            cpu::product(Matrix::new(&windows, windows.len() / inner, inner), Matrix::new(&matrix, inner, made))
        });
        let mut values = parts.concat(); // [pixels, made]
        let mut slopes = vec![0.0; values.len()];
        let mut normal = Vec::new();
        let mut line = Line { factor: vec![1.0; made], by_batch: false };
        let shift = match &convolution.norm {
            None => numbers(&convolution.bias.as_ref().expect("a convolution has a bias or a normalisation").val()),
            Some(norm) => {
                // Autodiff is told to follow no weight here: the list says what is frozen.
                line.by_batch = trained.has(norm.scale.id) || trained.has(norm.shift.id);
                let (mean, deviation) = match line.by_batch {
                    false => norm.statistics(),
                    true => {
                        let (mean, variance) = moments(&values, made);
                        let of_batch = [&mean, &variance].map(|statistic| vector::<B>(statistic.clone(), device));
                        norm.follow(of_batch, values.len() / made);
                        (mean, variance.iter().map(|variance| (variance + EPSILON).sqrt()).collect())
                    }
                };
                normal = vec![0.0; values.len()];
                line.factor = numbers(&norm.scale.val());
                cpu::for_rows(&mut values, &mut normal, made, |values, normal| {
                    normalise(values, normal, [&mean, &deviation, &line.factor])
                });
                line.factor.iter_mut().zip(&deviation).for_each(|(factor, deviation)| *factor /= deviation);
                numbers(&norm.shift.val())
            }
        };
        cpu::for_rows(&mut values, &mut slopes, made, |values, slopes| {
            add_to_rows(values, &shift);
            self.activation.apply(values, slopes);
        });
        let (height, width) = (given.height, given.width);
        (Images { values, height, width, channels: made }, Passed { given, normal, line, slopes, origins: None })
    }
}

impl<B: AutodiffBackend> Convolution<B> {
    fn params(&self) -> Vec<ParamId> {
        let norm = self.norm.iter().flat_map(|norm| [norm.scale.id, norm.shift.id]);
        std::iter::once(self.weight.id).chain(self.bias.iter().map(|bias| bias.id)).chain(norm).collect()
    }

    /// The weights as a matrix `[kernel x kernel x channels given, channels made]`, and its sizes.
    fn matrix(&self) -> (Vec<f32>, [usize; 2]) {
        let [made, given, kernel, _] = self.weight.dims();
        let in_matrix = self.place_in_matrix();
        let matrix = cpu::read(self.weight.val().inner(), |weight| {
            let mut matrix = vec![0.0; weight.len()];
            weight.iter().enumerate().for_each(|(at, &weight)| matrix[in_matrix(at)] = weight);
            matrix
        });
        (matrix, [kernel * kernel * given, made])
    }

    /// Where the matrix has the weight that stands at a place of the tensor.
    fn place_in_matrix(&self) -> impl Fn(usize) -> usize {
        let [made, given, kernel, _] = self.weight.dims();
        let window = kernel * kernel;
        move |at| (at % window * given + at / window % given) * made + at / (given * window)
    }

    /// Adds the gradients of this convolution to `gradients`; `delta` is that with respect to what it made. Returns that
    /// with respect to what it was given, or nothing where that is not asked for.
    fn back_propagate(
        &self,
        passed: Passed,
        mut delta: Vec<f32>,
        trained: &Trained,
        goes_on: bool,
        gradients: &mut GradientsParams,
        device: &B::Device,
    ) -> Vec<f32> {
        let Passed { given, mut normal, line, mut slopes, .. } = passed;
        let (matrix, [inner, made]) = self.matrix();
        let mut register = |param: &Param<Tensor<B, 1>>, gradient: &[f32]| {
            if trained.has(param.id) {
                gradients.register(param.id, vector::<B::InnerBackend>(gradient.to_vec(), device));
            }
        };

        // ---- activation and normalisation
        let sums = cpu::for_rows(&mut delta, &mut slopes, made, |delta, slopes| {
            multiply(delta, slopes);
            column_sums(delta, made)
        });
        let shift = total(&sums, made);
        if let Some(bias) = &self.bias {
            register(bias, &shift);
        }
        if let Some(norm) = &self.norm {
            let sums =
                cpu::for_rows(&mut delta, &mut normal, made, |delta, normal| column_products(delta, normal, made));
            let scale = total(&sums, made);
            register(&norm.scale, &scale);
            register(&norm.shift, &shift);
            // Mean and deviation of the batch depend on every value of it (Ioffe and Szegedy 2015, section 3).
            let share = if line.by_batch { made as f32 / delta.len() as f32 } else { 0.0 };
            let [shift, scale] = [shift, scale].map(|sums| sums.iter().map(|sum| sum * share).collect::<Vec<f32>>());
            cpu::for_rows(&mut delta, &mut normal, made, |delta, normal| {
                for (delta, normal) in delta.chunks_exact_mut(made).zip(normal.chunks_exact(made)) {
                    for channel in 0..made {
                        let rest = delta[channel] - shift[channel] - normal[channel] * scale[channel];
                        delta[channel] = line.factor[channel] * rest;
                    }
                }
            });
        }

        // ---- convolution
        let kernel = self.weight.dims()[2];
        let pixels = given.height * given.width;
        let parts = given.in_parts(kernel, |images| {
            let delta = &delta[images.start * pixels * made..images.end * pixels * made];
            let delta = Matrix::new(delta, delta.len() / made, made);
            let windows = given.windows(images.clone(), kernel);
            let windows = Matrix::new(&windows, windows.len() / inner, inner);
            let below = goes_on.then(|| {
                let windows = cpu::product(delta, Matrix::new(&matrix, inner, made).transposed());
                given.sum_windows(&windows, images.len(), kernel)
            });
            (cpu::product(windows.transposed(), delta), below.unwrap_or_default())
        });
        let (sums, below): (Vec<Vec<f32>>, Vec<Vec<f32>>) = parts.into_iter().unzip();
        if trained.has(self.weight.id) {
            let gradient = self.weights_of_matrix(&total(&sums, inner * made));
            gradients.register(self.weight.id, Tensor::<B::InnerBackend, 4>::from_data(gradient, device));
        }
        below.concat()
    }

    /// The reverse of [`Convolution::matrix`].
    fn weights_of_matrix(&self, matrix: &[f32]) -> TensorData {
        let in_matrix = self.place_in_matrix();
        let weight: Vec<f32> = (0..matrix.len()).map(|at| matrix[in_matrix(at)]).collect();
        TensorData::new(weight, self.weight.dims())
    }
}

impl Images {
    fn num_images(&self) -> usize {
        self.values.len() / (self.height * self.width * self.channels)
    }

    /// Calls `work` on parts of the images, whose windows fit into a cache, on all cores. The parts do not depend on the
    /// number of cores.
    fn in_parts<T: Send>(&self, kernel: usize, work: impl Fn(Range<usize>) -> T + Sync + Send) -> Vec<T> {
        let windows = self.height * self.width * self.channels * kernel * kernel;
        let (num_images, part) = (self.num_images(), (WINDOWS / windows).max(1));
        cpu::for_each(num_images.div_ceil(part), |index| work(index * part..num_images.min((index + 1) * part)))
    }

    /// Calls `visit` with each run of pixels that a window and an image have in common: where it begins in the windows
    /// `[images x height x width, kernel, kernel, channels]`, where in the images, and its length.
    fn for_runs(&self, num_images: usize, kernel: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let Self { height, width, channels, .. } = *self;
        let (margin, row) = (kernel / 2, kernel * channels);
        for image in 0..num_images {
            for y in 0..height {
                for x in 0..width {
                    let window = ((image * height + y) * width + x) * kernel * row;
                    let (first, end) = (margin.saturating_sub(x), kernel.min(width + margin - x));
                    for down in margin.saturating_sub(y)..kernel.min(height + margin - y) {
                        let pixel = (image * height + y + down - margin) * width + x + first - margin;
                        visit(window + down * row + first * channels, pixel * channels, (end - first) * channels);
                    }
                }
            }
        }
    }

    /// The windows around the pixels of some images: `[images x height x width, kernel x kernel x channels]`, with zeros
    /// beyond the edges.
    fn windows(&self, images: Range<usize>, kernel: usize) -> Vec<f32> {
        let size = self.height * self.width * self.channels;
        let given = &self.values[images.start * size..images.end * size];
        let mut windows = vec![0.0; given.len() * kernel * kernel];
        self.for_runs(images.len(), kernel, |to, from, length| {
            windows[to..to + length].copy_from_slice(&given[from..from + length]);
        });
        windows
    }

    /// The sum of all windows at each pixel, of as many images.
    fn sum_windows(&self, windows: &[f32], num_images: usize, kernel: usize) -> Vec<f32> {
        let mut sums = vec![0.0; num_images * self.height * self.width * self.channels];
        self.for_runs(num_images, kernel, |from, to, length| {
            let sums = &mut sums[to..to + length];
            sums.iter_mut().zip(&windows[from..from + length]).for_each(|(sum, value)| *sum += value);
        });
        sums
    }

    /// `[images, channels x height x width]`, as Burn has images.
    fn channels_first(&self) -> Vec<f32> {
        let (pixels, channels) = (self.height * self.width, self.channels);
        let of_image = |image: &[f32]| -> Vec<f32> {
            (0..image.len()).map(|at| image[at % pixels * channels + at / pixels]).collect()
        };
        self.values.chunks_exact(pixels * channels).flat_map(of_image).collect()
    }

    /// The reverse of [`Images::channels_first`], of images of this size.
    fn channels_last(&self, values: &[f32]) -> Vec<f32> {
        let (pixels, channels) = (self.height * self.width, self.channels);
        let of_image = |image: &[f32]| -> Vec<f32> {
            (0..image.len()).map(|at| image[at % channels * pixels + at / channels]).collect()
        };
        values.chunks_exact(pixels * channels).flat_map(of_image).collect()
    }

    /// The largest value of each square of `side` pixels, and where it was: the first of equal ones.
    fn pool(&self, side: usize) -> (Self, Vec<u32>) {
        let Self { height, width, channels, .. } = *self;
        let (rows, columns) = (height / side, width / side);
        let parts = cpu::for_each(self.num_images(), |image| {
            let (mut largest, mut origins) = (Vec::new(), Vec::new());
            for corner in 0..rows * columns {
                let (y, x) = (corner / columns * side, corner % columns * side);
                let start = ((image * height + y) * width + x) * channels;
                let begin = largest.len();
                largest.extend_from_slice(&self.values[start..start + channels]);
                origins.extend((start..start + channels).map(|at| at as u32));
                for step in 1..side * side {
                    let start = start + (step / side * width + step % side) * channels;
                    let values = self.values[start..start + channels].iter().enumerate();
                    let best = largest[begin..].iter_mut().zip(&mut origins[begin..]);
                    for ((largest, origin), (channel, &value)) in best.zip(values) {
                        // A value that is not a number must stay, so that the loss shows it.
                        if value > *largest || value.is_nan() {
                            (*largest, *origin) = (value, (start + channel) as u32);
                        }
                    }
                }
            }
            (largest, origins)
        });
        let (largest, origins): (Vec<Vec<f32>>, Vec<Vec<u32>>) = parts.into_iter().unzip();
        (Self { values: largest.concat(), height: rows, width: columns, channels }, origins.concat())
    }
}

/// Each gradient at the place that its value came from.
fn unpool(delta: &[f32], origins: &[u32], size: usize) -> Vec<f32> {
    let mut below = vec![0.0; size];
    delta.iter().zip(origins).for_each(|(delta, &origin)| below[origin as usize] += delta);
    below
}

/// Mean and variance of each column of `[rows, width]`.
fn moments(values: &[f32], width: usize) -> (Vec<f32>, Vec<f32>) {
    let share = width as f32 / values.len() as f32;
    let mean_of = |sums: &[Vec<f32>]| total(sums, width).into_iter().map(|sum| sum * share).collect::<Vec<f32>>();
    let mean = mean_of(&cpu::map_rows(values, width, |values| column_sums(values, width)));
    let squares = cpu::map_rows(values, width, |values| {
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

/// The sums of several blocks, added in their order.
fn total(blocks: &[Vec<f32>], width: usize) -> Vec<f32> {
    let mut total = vec![0.0f64; width];
    for block in blocks {
        total.iter_mut().zip(block).for_each(|(total, &sum)| *total += f64::from(sum));
    }
    total.into_iter().map(|total| total as f32).collect()
}

/// Puts the normalised values into `normal`, and them times `scale` into `values`; the three by channel.
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

/// The sum of each column of the products of two blocks of rows.
#[inline(always)]
fn column_products(a: &[f32], b: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0; width];
    for (a, b) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums
}

fn numbers<B: AutodiffBackend>(tensor: &Tensor<B, 1>) -> Vec<f32> {
    cpu::read(tensor.clone().inner(), <[f32]>::to_vec)
}

fn vector<B: Backend>(values: Vec<f32>, device: &B::Device) -> Tensor<B, 1> {
    let size = values.len();
    Tensor::from_data(TensorData::new(values, [size]), device)
}
