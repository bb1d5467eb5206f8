//! Periodic embeddings of numbers (Gorishniy et al. 2022): waves of each column, and a linear layer of its own for each.
//!
//! With Burn's operations on burn-flex they and their gradients took half of a tabular network's step, mostly for copies of
//! broadcast and transposed tensors (`perf`).

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::Activation;
use super::autodiff::{Primitive, Saved, track, unwrap, wrap};
use super::math::{add_to_rows, column_sums, cos_turns, dot, multiply};
use super::memory::{CpuBackend, read, tensor};
use super::parallel::{for_parts, pays_off, total};
use super::product::{Matrix, MatrixMut, product_into};
use crate::vectorized::vectorized;

/// Rows that are processed together, whose sums are then joined.
const ROWS: usize = 64;

/// The weights of the embeddings of each column.
#[derive(Clone, Debug)]
pub struct Waves<B: Backend> {
    /// `[columns, 1, waves]`, in waves per unit of the column.
    pub frequency: Tensor<B, 3>,
    /// `[columns, 1, waves]`, in waves.
    pub phase: Tensor<B, 3>,
    /// `[columns, waves, features]`.
    pub weight: Tensor<B, 3>,
    /// `[columns, 1, features]`.
    pub bias: Tensor<B, 3>,
}

/// With Burn's operations.
pub(super) fn plain<B: Backend>(numbers: Tensor<B, 2>, waves: Waves<B>, activation: Activation) -> Tensor<B, 2> {
    let [rows, columns] = numbers.dims();
    let [_, _, features] = waves.weight.dims();
    let numbers = numbers.transpose().reshape([columns, rows, 1]);
    let cosines = (numbers * waves.frequency + waves.phase).mul_scalar(std::f64::consts::TAU).cos();
    let values = activation.forward(cosines.matmul(waves.weight) + waves.bias);
    values.swap_dims(0, 1).reshape([rows, columns * features])
}

/// With burnlab's loops.
pub(super) fn fused<B: CpuBackend>(numbers: Tensor<B, 2>, waves: Waves<B>, activation: Activation) -> Tensor<B, 2> {
    let (sizes, device) = (Sizes::of(&numbers, &waves), numbers.device());
    let (values, _) = forward(sizes, &Given::of(numbers, &waves), &read(waves.bias, <[f32]>::to_vec), activation);
    tensor(values, [sizes.rows, sizes.columns * sizes.features], &device)
}

/// With burnlab's loops, as one node of the autodiff graph.
pub(super) fn tracked<B: CpuBackend, C: CheckpointStrategy>(
    numbers: Tensor<Autodiff<B, C>, 2>,
    waves: Waves<Autodiff<B, C>>,
    activation: Activation,
) -> Tensor<Autodiff<B, C>, 2> {
    let Waves { frequency, phase, weight, bias } = waves;
    let tracked = [unwrap(numbers), unwrap(frequency), unwrap(phase), unwrap(weight), unwrap(bias)];
    let [numbers, frequency, phase, weight, bias] = tracked.each_ref().map(|input| input.primitive.clone());
    let numbers = wrap::<B, 2>(numbers);
    let waves = Waves::<B> { frequency: wrap(frequency), phase: wrap(phase), weight: wrap(weight), bias: wrap(bias) };
    let (sizes, device) = (Sizes::of(&numbers, &waves), numbers.device());
    let given = Given::of(numbers, &waves);
    let (values, slopes) = forward(sizes, &given, &read(waves.bias, <[f32]>::to_vec), activation);
    let output = tensor::<B, 2>(values, [sizes.rows, sizes.columns * sizes.features], &device);
    wrap(track::<B, C, _, 5>(tracked, unwrap(output), Embedded { given, slopes, sizes, device }))
}

/// What both passes read: small beside the values, and so copied.
#[derive(Clone, Debug)]
struct Given {
    numbers: Vec<f32>,
    frequency: Vec<f32>,
    phase: Vec<f32>,
    weight: Vec<f32>,
}

impl Given {
    fn of<B: CpuBackend>(numbers: Tensor<B, 2>, waves: &Waves<B>) -> Self {
        let [frequency, phase, weight] =
            [&waves.frequency, &waves.phase, &waves.weight].map(|tensor| read(tensor.clone(), <[f32]>::to_vec));
        Self { numbers: read(numbers, <[f32]>::to_vec), frequency, phase, weight }
    }
}

#[derive(Clone, Debug)]
struct Embedded<D> {
    given: Given,
    /// Derivatives of the activation, `[rows, columns x features]`.
    slopes: Vec<f32>,
    sizes: Sizes,
    device: D,
}

impl<B: CpuBackend> Saved<B, 5> for Embedded<B::Device> {
    fn gradients(self, of_output: Primitive<B>, wanted: [bool; 5]) -> [Option<Primitive<B>>; 5] {
        let Self { given, slopes, sizes, device } = self;
        let Sizes { rows, columns, waves, features } = sizes;
        let (of_numbers, sums) =
            read(wrap::<B, 2>(of_output), |gradient| backward(sizes, &given, slopes, gradient, wanted[0]));
        let [of_frequency, of_phase, of_weight, of_bias] =
            sizes.weights().map(|[start, count]| &sums[start..][..count]);
        let of = |values: &[f32], shape| unwrap(tensor::<B, 3>(values.to_vec(), shape, &device));
        [
            wanted[0].then(|| unwrap(tensor::<B, 2>(of_numbers, [rows, columns], &device))),
            wanted[1].then(|| of(of_frequency, [columns, 1, waves])),
            wanted[2].then(|| of(of_phase, [columns, 1, waves])),
            wanted[3].then(|| of(of_weight, [columns, waves, features])),
            wanted[4].then(|| of(of_bias, [columns, 1, features])),
        ]
    }
}

#[derive(Clone, Copy, Debug)]
struct Sizes {
    rows: usize,
    columns: usize,
    waves: usize,
    features: usize,
}

impl Sizes {
    fn of<B: Backend>(numbers: &Tensor<B, 2>, waves: &Waves<B>) -> Self {
        let ([rows, columns], [_, waves, features]) = (numbers.dims(), waves.weight.dims());
        Self { rows, columns, waves, features }
    }

    /// Start and number of the weights of each kind, one after the other: frequency, phase, weight, bias.
    fn weights(self) -> [[usize; 2]; 4] {
        let Self { columns, waves, features, .. } = self;
        let counts = [waves, waves, waves * features, features].map(|of_column| columns * of_column);
        std::array::from_fn(|kind| [counts[..kind].iter().sum(), counts[kind]])
    }

    fn is_large(self) -> bool {
        pays_off(self.rows * self.columns * (2 * self.waves + self.features))
    }

    /// The angle of each wave of a column at some rows, in turns: `[rows, waves]`.
    #[inline(always)]
    fn angles(self, given: &Given, column: usize, first: usize, angles: &mut [f32]) {
        let [frequency, phase] = [&given.frequency, &given.phase].map(|of| &of[column * self.waves..][..self.waves]);
        for (row, angles) in angles.chunks_exact_mut(self.waves).enumerate() {
            let number = given.numbers[(first + row) * self.columns + column];
            for ((angle, frequency), phase) in angles.iter_mut().zip(frequency).zip(phase) {
                *angle = number * frequency + phase;
            }
        }
    }

    fn weight_of(self, given: &Given, column: usize) -> Matrix<'_> {
        let size = self.waves * self.features;
        Matrix::new(&given.weight[column * size..][..size], self.waves, self.features)
    }
}

vectorized! {
    /// Values, and derivatives of the activation; both `[rows, columns x features]`.
    fn forward(sizes: Sizes, given: &Given, bias: &[f32], activation: Activation) -> (Vec<f32>, Vec<f32>) {
        let Sizes { rows, columns, waves, features } = sizes;
        let width = columns * features;
        let [mut values, mut slopes] = [(); 2].map(|()| vec![0.0; rows * width]);
        let slices = [(&mut values[..], width), (&mut slopes[..], width)];
        for_parts(slices, ROWS, sizes.is_large(), &|first, [values, slopes]| {
            let count = values.len() / width;
            let mut cosines = vec![0.0; count * waves];
            for column in 0..columns {
                sizes.angles(given, column, first, &mut cosines);
                cosines.iter_mut().for_each(|angle| *angle = cos_turns(*angle));
                let target = MatrixMut::new(values, count, width).band(column * features, features);
                product_into(Matrix::new(&cosines, count, waves), sizes.weight_of(given, column), 1.0, target);
            }
            add_to_rows(values, bias);
            activation.apply(values, slopes);
        });
        (values, slopes)
    }

    /// Gradients with respect to the numbers (zero unless `for_numbers`), and to all weights, in the order of
    /// [`Sizes::weights`].
    fn backward(sizes: Sizes,
        given: &Given,
        slopes: Vec<f32>,
        gradient: &[f32],
        for_numbers: bool,
    ) -> (Vec<f32>, Vec<f32>) {
        let Sizes { rows, columns, waves, features } = sizes;
        let (width, mut slopes) = (columns * features, slopes);
        let mut of_numbers = vec![0.0; rows * columns];
        let [_, _, _, [start, count]] = sizes.weights();
        let num_weights = start + count;
        // The slopes become the gradient before the activation.
        let slices = [(&mut slopes[..], width), (&mut of_numbers, columns)];
        let sums = for_parts(slices, ROWS, sizes.is_large(), &|first, [below, of_numbers]| {
            let count = below.len() / width;
            multiply(below, &gradient[first * width..]);
            let mut sums = vec![0.0; num_weights];
            let [frequency, phase, weight, bias] = sizes.weights();
            sums[bias[0]..].copy_from_slice(&column_sums(below, width));
            let below = Matrix::new(below, count, width);
            let [mut angles, mut cosines, mut of_angles] = [(); 3].map(|()| vec![0.0; count * waves]);
            for column in 0..columns {
                let below = below.band(column * features, features);
                sizes.angles(given, column, first, &mut angles);
                cosines.iter_mut().zip(&angles).for_each(|(cosine, angle)| *cosine = cos_turns(*angle));
                let size = waves * features;
                let target = MatrixMut::new(&mut sums[weight[0] + column * size..][..size], waves, features);
                product_into(Matrix::new(&cosines, count, waves).transposed(), below, 1.0, target);
                let target = MatrixMut::new(&mut of_angles, count, waves);
                product_into(below, sizes.weight_of(given, column).transposed(), -std::f32::consts::TAU, target);
                // cos' = -sin, and sin is cos a quarter of a turn before
                of_angles.iter_mut().zip(&angles).for_each(|(gradient, angle)| *gradient *= cos_turns(*angle - 0.25));
                sums[phase[0] + column * waves..][..waves].copy_from_slice(&column_sums(&of_angles, waves));
                let of_frequency = &mut sums[frequency[0] + column * waves..][..waves];
                for (row, of_angles) in of_angles.chunks_exact(waves).enumerate() {
                    let number = given.numbers[(first + row) * columns + column];
                    of_frequency.iter_mut().zip(of_angles).for_each(|(sum, gradient)| *sum += number * gradient);
                    if for_numbers {
                        let frequency = &given.frequency[column * waves..][..waves];
                        of_numbers[row * columns + column] = dot(frequency, of_angles);
                    }
                }
            }
            sums
        });
        (of_numbers, total(&sums, num_weights))
    }
}
