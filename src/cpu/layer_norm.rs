//! Layer normalisation (Ba et al. 2016) with the activation that may follow.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::autodiff::{Primitive, Saved, track, unwrap, wrap};
use super::math::{column_products, column_sums, dot, multiply, sum, sum_of};
use super::memory::{CpuBackend, read, tensor};
use super::parallel::{for_parts, pays_off, total};
use super::{Activation, NORM_EPSILON};
use crate::vectorized::vectorized;

/// Rows that are processed together, whose sums are then joined.
const ROWS: usize = 64;

/// With Burn's operations.
pub(super) fn plain<B: Backend>(
    inputs: Tensor<B, 2>,
    scale: Tensor<B, 1>,
    shift: Tensor<B, 1>,
    activation: Option<Activation>,
) -> Tensor<B, 2> {
    let centered = inputs.clone() - inputs.mean_dim(1);
    let variance = (centered.clone() * centered.clone()).mean_dim(1);
    let normal = centered / (variance + NORM_EPSILON).sqrt();
    let values = normal * scale.unsqueeze() + shift.unsqueeze();
    match activation {
        Some(activation) => activation.forward(values),
        None => values,
    }
}

/// With burnlab's loops.
pub(super) fn fused<B: CpuBackend>(
    inputs: Tensor<B, 2>,
    scale: Tensor<B, 1>,
    shift: Tensor<B, 1>,
    activation: Option<Activation>,
) -> Tensor<B, 2> {
    let (shape, device) = (inputs.dims(), inputs.device());
    let (values, _) =
        read(inputs, |inputs| read(scale, |scale| read(shift, |shift| forward(inputs, scale, shift, activation))));
    tensor(values, shape, &device)
}

/// With burnlab's loops, as one node of the autodiff graph.
pub(super) fn tracked<B: CpuBackend, C: CheckpointStrategy>(
    inputs: Tensor<Autodiff<B, C>, 2>,
    scale: Tensor<Autodiff<B, C>, 1>,
    shift: Tensor<Autodiff<B, C>, 1>,
    activation: Option<Activation>,
) -> Tensor<Autodiff<B, C>, 2> {
    let tracked = [unwrap(inputs), unwrap(scale), unwrap(shift)];
    let [inputs, scale, shift] = tracked.each_ref().map(|input| input.primitive.clone());
    let (inputs, scale, shift) = (wrap::<B, 2>(inputs), wrap::<B, 1>(scale), wrap::<B, 1>(shift));
    let (shape, device) = (inputs.dims(), inputs.device());
    let (values, rows) = read(inputs.clone(), |inputs| {
        read(scale.clone(), |scale| read(shift, |shift| forward(inputs, scale, shift, activation)))
    });
    let output = unwrap(tensor::<B, 2>(values, shape, &device));
    wrap(track::<B, C, _, 3>(tracked, output, Normalised { inputs, scale, rows }))
}

/// What the forward pass knows of the rows.
#[derive(Clone, Debug)]
struct Rows {
    /// Mean of each row, and 1 / its deviation.
    statistics: Vec<f32>,
    /// Derivatives of the activation; empty without one.
    slopes: Vec<f32>,
}

vectorized! {
    fn forward(inputs: &[f32], scale: &[f32], shift: &[f32], activation: Option<Activation>) -> (Vec<f32>, Rows) {
        let width = scale.len();
        let mut values = vec![0.0; inputs.len()];
        let mut statistics = vec![0.0; inputs.len() / width * 2];
        let mut slopes = vec![0.0; if activation.is_some() { inputs.len() } else { 0 }];
        let slices = [(&mut values[..], width), (&mut statistics, 2), (&mut slopes, width)];
        for_parts(slices, ROWS, pays_off(inputs.len()), &|first, [values, statistics, slopes]| {
            let inputs = inputs[first * width..].chunks_exact(width);
            for ((values, inputs), statistics) in
                values.chunks_exact_mut(width).zip(inputs).zip(statistics.as_chunks_mut().0)
            {
                *statistics = mean_and_inverse(inputs);
                let [mean, inverse] = *statistics;
                for (((value, input), scale), shift) in values.iter_mut().zip(inputs).zip(scale).zip(shift) {
                    *value = (input - mean) * inverse * scale + shift;
                }
            }
            if let Some(activation) = activation {
                activation.apply(values, slopes);
            }
        });
        (values, Rows { statistics, slopes })
    }

    /// Gradients with respect to inputs, scale and shift.
    fn backward(rows: Rows, inputs: &[f32], scale: &[f32], gradient: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let width = scale.len();
        let Rows { statistics, slopes } = rows;
        let mut below = gradient.to_vec();
        let sums = for_parts([(&mut below, width)], ROWS, pays_off(inputs.len()), &|first, [below]| {
            let start = first * width;
            if !slopes.is_empty() {
                multiply(below, &slopes[start..]);
            }
            let of_shift = column_sums(below, width);
            let mut normal = inputs[start..][..below.len()].to_vec();
            let statistics = statistics[2 * first..].as_chunks().0;
            for (normal, &[mean, inverse]) in normal.chunks_exact_mut(width).zip(statistics) {
                normal.iter_mut().for_each(|value| *value = (*value - mean) * inverse);
            }
            let of_scale = column_products(below, &normal, width);
            let rows = below.chunks_exact_mut(width).zip(normal.chunks_exact(width));
            for ((below, normal), &[_, inverse]) in rows.zip(statistics) {
                multiply(below, scale);
                // Mean and deviation depend on every value of the row.
                let share = 1.0 / width as f32;
                let (mean, slope) = (sum(below) * share, dot(below, normal) * share);
                for (below, normal) in below.iter_mut().zip(normal) {
                    *below = inverse * (*below - mean - normal * slope);
                }
            }
            (of_scale, of_shift)
        });
        let (of_scale, of_shift): (Vec<Vec<f32>>, Vec<Vec<f32>>) = sums.into_iter().unzip();
        (below, total(&of_scale, width), total(&of_shift, width))
    }
}

/// The mean of a row, and 1 / its deviation.
#[inline(always)]
fn mean_and_inverse(row: &[f32]) -> [f32; 2] {
    let share = 1.0 / row.len() as f32;
    let mean = sum(row) * share;
    let squares = sum_of(row.len(), |at| (row[at] - mean) * (row[at] - mean));
    [mean, 1.0 / (squares * share + NORM_EPSILON).sqrt()]
}

#[derive(Clone, Debug)]
struct Normalised<B: Backend> {
    inputs: Tensor<B, 2>,
    scale: Tensor<B, 1>,
    rows: Rows,
}

impl<B: CpuBackend> Saved<B, 3> for Normalised<B> {
    fn gradients(self, of_output: Primitive<B>, wanted: [bool; 3]) -> [Option<Primitive<B>>; 3] {
        let Self { inputs, scale, rows } = self;
        let (shape, width, device) = (inputs.dims(), scale.dims(), inputs.device());
        let (of_inputs, of_scale, of_shift) = read(wrap::<B, 2>(of_output), |gradient| {
            read(inputs, |inputs| read(scale, |scale| backward(rows, inputs, scale, gradient)))
        });
        [
            wanted[0].then(|| unwrap(tensor::<B, 2>(of_inputs, shape, &device))),
            wanted[1].then(|| unwrap(tensor::<B, 1>(of_scale, width, &device))),
            wanted[2].then(|| unwrap(tensor::<B, 1>(of_shift, width, &device))),
        ]
    }
}
