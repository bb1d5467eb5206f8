//! What an ensemble in one network needs: inputs scaled by each member, and a layer of weights of its own for each.
//!
//! Burn's broadcast product and batched `matmul` took 40 % of such a network's step (measured).

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::autodiff::{Primitive, Saved, track, unwrap, wrap};
use super::math::{add_to_rows, column_sums, multiply};
use super::memory::{CpuBackend, read, tensor};
use super::product::{Matrix, product};
use crate::vectorized::vectorized;

/// `inputs x scale` for each member, with Burn's operations.
pub(super) fn plain_scaled<B: Backend>(inputs: Tensor<B, 2>, scale: Tensor<B, 2>) -> Tensor<B, 2> {
    let ([rows, width], [members, _]) = (inputs.dims(), scale.dims());
    let scaled = inputs.reshape([1, rows, width]) * scale.reshape([members, 1, width]);
    scaled.reshape([members * rows, width])
}

/// Each member's `inputs x weight + bias`, with Burn's operations.
pub(super) fn plain_dense<B: Backend>(inputs: Tensor<B, 2>, weight: Tensor<B, 3>, bias: Tensor<B, 2>) -> Tensor<B, 2> {
    let ([rows, _], [members, width, outputs]) = (inputs.dims(), weight.dims());
    let inputs = inputs.reshape([members, rows / members, width]);
    (inputs.matmul(weight) + bias.reshape([members, 1, outputs])).reshape([rows, outputs])
}

/// With burnlab's loops.
pub(super) fn fused_scaled<B: CpuBackend>(inputs: Tensor<B, 2>, scale: Tensor<B, 2>) -> Tensor<B, 2> {
    let (sizes, device) = (Scaling::of(&inputs, &scale), inputs.device());
    let values = read(inputs, |inputs| read(scale, |scale| scaled(sizes, inputs, scale)));
    tensor(values, [sizes.members * sizes.rows, sizes.width], &device)
}

/// With burnlab's loops.
pub(super) fn fused_dense<B: CpuBackend>(
    inputs: Tensor<B, 2>,
    weight: Tensor<B, 3>,
    bias: Tensor<B, 2>,
) -> Tensor<B, 2> {
    let (sizes, device) = (Layers::of(&inputs, &weight), inputs.device());
    let values = read(inputs, |inputs| read(weight, |weight| read(bias, |bias| sizes.outputs(inputs, weight, bias))));
    tensor(values, [sizes.members * sizes.rows, sizes.outputs], &device)
}

/// With burnlab's loops, as one node of the autodiff graph.
pub(super) fn tracked_scaled<B: CpuBackend, C: CheckpointStrategy>(
    inputs: Tensor<Autodiff<B, C>, 2>,
    scale: Tensor<Autodiff<B, C>, 2>,
) -> Tensor<Autodiff<B, C>, 2> {
    let tracked = [unwrap(inputs), unwrap(scale)];
    let [inputs, scale] = tracked.each_ref().map(|input| wrap::<B, 2>(input.primitive.clone()));
    let output = fused_scaled::<B>(inputs.clone(), scale.clone());
    wrap(track::<B, C, _, 2>(tracked, unwrap(output), Scaled { inputs, scale }))
}

/// With burnlab's loops, as one node of the autodiff graph.
pub(super) fn tracked_dense<B: CpuBackend, C: CheckpointStrategy>(
    inputs: Tensor<Autodiff<B, C>, 2>,
    weight: Tensor<Autodiff<B, C>, 3>,
    bias: Tensor<Autodiff<B, C>, 2>,
) -> Tensor<Autodiff<B, C>, 2> {
    let tracked = [unwrap(inputs), unwrap(weight), unwrap(bias)];
    let [inputs, weight, bias] = tracked.each_ref().map(|input| input.primitive.clone());
    let (inputs, weight) = (wrap::<B, 2>(inputs), wrap::<B, 3>(weight));
    let output = fused_dense::<B>(inputs.clone(), weight.clone(), wrap(bias));
    wrap(track::<B, C, _, 3>(tracked, unwrap(output), MemberLayers { inputs, weight }))
}

#[derive(Clone, Debug)]
struct Scaled<B: Backend> {
    /// `[rows, width]`
    inputs: Tensor<B, 2>,
    /// `[members, width]`
    scale: Tensor<B, 2>,
}

impl<B: CpuBackend> Saved<B, 2> for Scaled<B> {
    fn gradients(self, of_output: Primitive<B>, wanted: [bool; 2]) -> [Option<Primitive<B>>; 2] {
        let Self { inputs, scale } = self;
        let (sizes, device) = (Scaling::of(&inputs, &scale), inputs.device());
        let (of_inputs, of_scale) = read(wrap::<B, 2>(of_output), |gradient| {
            let of_inputs = wanted[0].then(|| read(scale, |scale| scaled_input_gradient(sizes, gradient, scale)));
            let of_scale = wanted[1].then(|| read(inputs, |inputs| scale_gradient(sizes, gradient, inputs)));
            (of_inputs, of_scale)
        });
        [
            of_inputs.map(|values| unwrap(tensor::<B, 2>(values, [sizes.rows, sizes.width], &device))),
            of_scale.map(|values| unwrap(tensor::<B, 2>(values, [sizes.members, sizes.width], &device))),
        ]
    }
}

#[derive(Clone, Debug)]
struct MemberLayers<B: Backend> {
    /// `[members x rows, width]`
    inputs: Tensor<B, 2>,
    /// `[members, width, outputs]`
    weight: Tensor<B, 3>,
}

impl<B: CpuBackend> Saved<B, 3> for MemberLayers<B> {
    fn gradients(self, of_output: Primitive<B>, wanted: [bool; 3]) -> [Option<Primitive<B>>; 3] {
        let Self { inputs, weight } = self;
        let (sizes, device) = (Layers::of(&inputs, &weight), inputs.device());
        let Layers { members, rows, width, outputs } = sizes;
        let (of_inputs, of_weight, of_bias) = read(wrap::<B, 2>(of_output), |gradient| {
            let of_inputs = wanted[0].then(|| read(weight, |weight| sizes.input_gradient(gradient, weight)));
            let of_weight = wanted[1].then(|| read(inputs, |inputs| sizes.weight_gradient(inputs, gradient)));
            (of_inputs, of_weight, sizes.bias_gradient(gradient))
        });
        [
            of_inputs.map(|values| unwrap(tensor::<B, 2>(values, [members * rows, width], &device))),
            of_weight.map(|values| unwrap(tensor::<B, 3>(values, [members, width, outputs], &device))),
            wanted[2].then(|| unwrap(tensor::<B, 2>(of_bias, [members, outputs], &device))),
        ]
    }
}

/// Inputs `[rows, width]`, scale `[members, width]`, values `[members x rows, width]`.
#[derive(Clone, Copy, Debug)]
struct Scaling {
    members: usize,
    rows: usize,
    width: usize,
}

impl Scaling {
    fn of<B: Backend>(inputs: &Tensor<B, 2>, scale: &Tensor<B, 2>) -> Self {
        let ([rows, width], [members, _]) = (inputs.dims(), scale.dims());
        Self { members, rows, width }
    }
}

vectorized! {
    fn scaled(sizes: Scaling, inputs: &[f32], scale: &[f32]) -> Vec<f32> {
        let mut values = Vec::with_capacity(sizes.members * inputs.len());
        for scale in scale.chunks_exact(sizes.width) {
            let start = values.len();
            values.extend_from_slice(inputs);
            let values = &mut values[start..];
            values.chunks_exact_mut(sizes.width).for_each(|row| multiply(row, scale));
        }
        values
    }

    fn scaled_input_gradient(sizes: Scaling, gradient: &[f32], scale: &[f32]) -> Vec<f32> {
        let mut sums = vec![0.0; sizes.rows * sizes.width];
        for (gradient, scale) in gradient.chunks_exact(sums.len()).zip(scale.chunks_exact(sizes.width)) {
            for (sums, row) in sums.chunks_exact_mut(sizes.width).zip(gradient.chunks_exact(sizes.width)) {
                add_products(sums, row, scale);
            }
        }
        sums
    }

    fn scale_gradient(sizes: Scaling, gradient: &[f32], inputs: &[f32]) -> Vec<f32> {
        let mut sums = vec![0.0; sizes.members * sizes.width];
        for (gradient, sums) in gradient.chunks_exact(inputs.len()).zip(sums.chunks_exact_mut(sizes.width)) {
            for (row, inputs) in gradient.chunks_exact(sizes.width).zip(inputs.chunks_exact(sizes.width)) {
                add_products(sums, row, inputs);
            }
        }
        sums
    }
}

/// Adds the products of `a` and `b` to `sums`, elementwise.
#[inline(always)]
fn add_products(sums: &mut [f32], a: &[f32], b: &[f32]) {
    for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
        *sum += a * b;
    }
}

/// Inputs `[members x rows, width]`, weight `[members, width, outputs]`, values `[members x rows, outputs]`.
#[derive(Clone, Copy, Debug)]
struct Layers {
    members: usize,
    rows: usize,
    width: usize,
    outputs: usize,
}

impl Layers {
    fn of<B: Backend>(inputs: &Tensor<B, 2>, weight: &Tensor<B, 3>) -> Self {
        let ([rows, _], [members, width, outputs]) = (inputs.dims(), weight.dims());
        Self { members, rows: rows / members, width, outputs }
    }

    fn inputs_of(self, inputs: &[f32], member: usize) -> Matrix<'_> {
        let size = self.rows * self.width;
        Matrix::new(&inputs[member * size..][..size], self.rows, self.width)
    }

    fn weight_of(self, weight: &[f32], member: usize) -> Matrix<'_> {
        let size = self.width * self.outputs;
        Matrix::new(&weight[member * size..][..size], self.width, self.outputs)
    }

    fn gradient_of(self, gradient: &[f32], member: usize) -> Matrix<'_> {
        let size = self.rows * self.outputs;
        Matrix::new(&gradient[member * size..][..size], self.rows, self.outputs)
    }

    fn outputs(self, inputs: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
        self.joined(|member| {
            let mut values = product(self.inputs_of(inputs, member), self.weight_of(weight, member));
            add_to_rows(&mut values, &bias[member * self.outputs..][..self.outputs]);
            values
        })
    }

    fn input_gradient(self, gradient: &[f32], weight: &[f32]) -> Vec<f32> {
        self.joined(|member| product(self.gradient_of(gradient, member), self.weight_of(weight, member).transposed()))
    }

    fn weight_gradient(self, inputs: &[f32], gradient: &[f32]) -> Vec<f32> {
        self.joined(|member| product(self.inputs_of(inputs, member).transposed(), self.gradient_of(gradient, member)))
    }

    fn bias_gradient(self, gradient: &[f32]) -> Vec<f32> {
        let size = self.rows * self.outputs;
        self.joined(|member| column_sums(&gradient[member * size..][..size], self.outputs))
    }

    /// What `of` gives for each member, one after the other. As slices: an iterator over all elements took a tenth of a
    /// step (measured).
    fn joined(self, of: impl Fn(usize) -> Vec<f32>) -> Vec<f32> {
        (0..self.members).map(of).collect::<Vec<_>>().concat()
    }
}
