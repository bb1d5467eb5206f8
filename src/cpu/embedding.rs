//! Embedding lookup, and rows added to every example, such as the positions of tokens.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};

use super::autodiff::{Primitive, Saved, track, unwrap, wrap};
use super::math::add_to_rows;
use super::memory::{CpuBackend, in_place, read, tensor};
use super::parallel::{all_column_sums, change_rows};
use crate::vectorized::vectorized;

/// With Burn's operations.
pub(super) fn plain_lookup<B: Backend>(indices: Tensor<B, 1>, rows: Tensor<B, 2>) -> Tensor<B, 2> {
    let indices: Tensor<B, 1, Int> = indices.int();
    rows.select(0, indices)
}

/// With Burn's operations.
pub(super) fn plain_add<B: Backend>(examples: Tensor<B, 2>, row: Tensor<B, 1>) -> Tensor<B, 2> {
    examples + row.unsqueeze()
}

/// With burnlab's loops.
pub(super) fn fused_lookup<B: CpuBackend>(indices: Tensor<B, 1>, rows: Tensor<B, 2>) -> Tensor<B, 2> {
    looked_up(indices, rows).0
}

/// With burnlab's loops.
pub(super) fn fused_add<B: CpuBackend>(examples: Tensor<B, 2>, row: Tensor<B, 1>) -> Tensor<B, 2> {
    read(row, |row| in_place(examples, |examples| add_row(examples, row)).0)
}

/// With burnlab's loops, as one node of the autodiff graph; the indices have no gradient.
pub(super) fn tracked_lookup<B: CpuBackend, C: CheckpointStrategy>(
    indices: Tensor<Autodiff<B, C>, 1>,
    rows: Tensor<Autodiff<B, C>, 2>,
) -> Tensor<Autodiff<B, C>, 2> {
    let tracked = unwrap(rows);
    let rows: Tensor<B, 2> = wrap(tracked.primitive.clone());
    let shape = rows.dims();
    let (output, indices) = looked_up(indices.inner(), rows);
    wrap(track::<B, C, _, 1>([tracked], unwrap(output), LookedUp { indices, shape }))
}

/// With burnlab's loops, as one node of the autodiff graph.
pub(super) fn tracked_add<B: CpuBackend, C: CheckpointStrategy>(
    examples: Tensor<Autodiff<B, C>, 2>,
    row: Tensor<Autodiff<B, C>, 1>,
) -> Tensor<Autodiff<B, C>, 2> {
    let tracked = [unwrap(examples), unwrap(row)];
    let [examples, row] = tracked.each_ref().map(|input| input.primitive.clone());
    let output = fused_add::<B>(wrap(examples), wrap(row));
    wrap(track::<B, C, _, 2>(tracked, unwrap(output), Added))
}

/// The rows at the indices, and these.
fn looked_up<B: CpuBackend>(indices: Tensor<B, 1>, rows: Tensor<B, 2>) -> (Tensor<B, 2>, Vec<usize>) {
    let ([_, width], device) = (rows.dims(), rows.device());
    let indices: Vec<usize> = read(indices, |indices| indices.iter().map(|&index| index as usize).collect());
    let mut values = Vec::with_capacity(indices.len() * width);
    read(rows, |rows| indices.iter().for_each(|index| values.extend_from_slice(&rows[index * width..][..width])));
    (tensor(values, [indices.len(), width], &device), indices)
}

#[derive(Clone, Debug)]
struct LookedUp {
    indices: Vec<usize>,
    /// Of the table of rows.
    shape: [usize; 2],
}

impl<B: CpuBackend> Saved<B, 1> for LookedUp {
    fn gradients(self, of_output: Primitive<B>, _: [bool; 1]) -> [Option<Primitive<B>>; 1] {
        let Self { indices, shape } = self;
        let [count, width] = shape;
        let gradient = wrap::<B, 2>(of_output);
        let device = gradient.device();
        let mut sums = vec![0.0; count * width];
        read(gradient, |gradient| add_to_each(&mut sums, &indices, gradient, width));
        [Some(unwrap(tensor::<B, 2>(sums, shape, &device)))]
    }
}

#[derive(Clone, Debug)]
struct Added;

impl<B: CpuBackend> Saved<B, 2> for Added {
    fn gradients(self, of_output: Primitive<B>, [to_examples, to_row]: [bool; 2]) -> [Option<Primitive<B>>; 2] {
        let gradient = wrap::<B, 2>(of_output);
        let ([_, width], device) = (gradient.dims(), gradient.device());
        let of_row = to_row.then(|| {
            let sums = read(gradient.clone(), |gradient| all_column_sums(gradient, width));
            unwrap(tensor::<B, 1>(sums, [width], &device))
        });
        [to_examples.then(|| unwrap(gradient)), of_row]
    }
}

vectorized! {
    /// Adds `row` to each row of `rows`.
    fn add_row(rows: &mut [f32], row: &[f32]) {
        change_rows(rows, row.len(), &|rows| add_to_rows(rows, row));
    }

    /// Adds each row of `gradient` to the row of `sums` that it belongs to; in order, on one core, since the data say which rows meet.
    fn add_to_each(sums: &mut [f32], indices: &[usize], gradient: &[f32], width: usize) {
        for (index, gradient) in indices.iter().zip(gradient.chunks_exact(width)) {
            add_to_rows(&mut sums[index * width..][..width], gradient);
        }
    }
}
