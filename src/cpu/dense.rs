//! A dense layer with its activation: `activation(inputs x weight + bias)`, as a matrix product and one pass over its
//! result.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::Activation;
use super::autodiff::{Primitive, Saved, track, unwrap, wrap};
use super::math::{add_to_rows, column_sums, multiply};
use super::memory::{CpuBackend, in_place, read, tensor};
use super::parallel::{change_rows, for_rows};
use super::product::{Matrix, product};
use crate::vectorized::vectorized;

/// With Burn's operations.
pub(super) fn plain<B: Backend>(
    inputs: Tensor<B, 2>,
    weight: Tensor<B, 2>,
    bias: Tensor<B, 1>,
    activation: Option<Activation>,
) -> Tensor<B, 2> {
    let sums = inputs.matmul(weight) + bias.unsqueeze();
    match activation {
        Some(activation) => activation.forward(sums),
        None => sums,
    }
}

/// With burnlab's loops.
pub(super) fn fused<B: CpuBackend>(
    inputs: Tensor<B, 2>,
    weight: Tensor<B, 2>,
    bias: Tensor<B, 1>,
    activation: Option<Activation>,
) -> Tensor<B, 2> {
    let (sizes, device) = (Sizes::of(&inputs, &weight), inputs.device());
    let values = on_slices(inputs, weight, bias, |inputs, weight, bias| {
        let mut values = sizes.product(inputs, weight);
        activate(&mut values, bias, activation);
        values
    });
    tensor(values, [sizes.rows, sizes.outputs], &device)
}

/// With burnlab's loops, as one node of the autodiff graph.
pub(super) fn tracked<B: CpuBackend, C: CheckpointStrategy>(
    inputs: Tensor<Autodiff<B, C>, 2>,
    weight: Tensor<Autodiff<B, C>, 2>,
    bias: Tensor<Autodiff<B, C>, 1>,
    activation: Option<Activation>,
) -> Tensor<Autodiff<B, C>, 2> {
    let tracked = [unwrap(inputs), unwrap(weight), unwrap(bias)];
    let [inputs, weight, bias] = tracked.each_ref().map(|input| input.primitive.clone());
    let (inputs, weight) = (wrap::<B, 2>(inputs), wrap::<B, 2>(weight));
    let (sizes, device) = (Sizes::of(&inputs, &weight), inputs.device());
    let (values, slopes) = on_slices(inputs.clone(), weight.clone(), wrap(bias), |inputs, weight, bias| {
        let mut values = sizes.product(inputs, weight);
        let slopes = activate_with_slopes(&mut values, bias, activation);
        (values, slopes)
    });
    let output = tensor::<B, 2>(values, [sizes.rows, sizes.outputs], &device);
    wrap(track::<B, C, _, 3>(tracked, unwrap(output), Layer { inputs, weight, slopes, sizes }))
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
struct Layer<B: Backend> {
    inputs: Tensor<B, 2>,
    weight: Tensor<B, 2>,
    /// Derivatives of the activation `[rows, outputs]`, row-major; `None` without one.
    slopes: Option<Vec<f32>>,
    sizes: Sizes,
}

impl<B: CpuBackend> Saved<B, 3> for Layer<B> {
    fn gradients(self, of_output: Primitive<B>, wanted: [bool; 3]) -> [Option<Primitive<B>>; 3] {
        let Self { inputs, weight, slopes, sizes } = self;
        let Sizes { rows, inputs: width, outputs } = sizes;
        let device = inputs.device();
        let (_, (of_inputs, of_weight, of_bias)) = in_place(wrap::<B, 2>(of_output), |gradient| {
            let of_bias = gradient_of_sums(outputs, gradient, slopes);
            let of_weight = wanted[1].then(|| read(inputs, |inputs| sizes.weight_gradient(inputs, gradient)));
            let of_inputs = wanted[0].then(|| read(weight, |weight| sizes.input_gradient(gradient, weight)));
            (of_inputs, of_weight, of_bias)
        });
        [
            of_inputs.map(|values| unwrap(tensor::<B, 2>(values, [rows, width], &device))),
            of_weight.map(|values| unwrap(tensor::<B, 2>(values, [width, outputs], &device))),
            wanted[2].then(|| unwrap(tensor::<B, 1>(of_bias, [outputs], &device))),
        ]
    }
}

fn on_slices<B: CpuBackend, R>(
    inputs: Tensor<B, 2>,
    weight: Tensor<B, 2>,
    bias: Tensor<B, 1>,
    work: impl FnOnce(&[f32], &[f32], &[f32]) -> R,
) -> R {
    read(inputs, |inputs| read(weight, |weight| read(bias, |bias| work(inputs, weight, bias))))
}

/// Inputs `[rows, inputs]`, weight `[inputs, outputs]`, values `[rows, outputs]`.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    rows: usize,
    inputs: usize,
    outputs: usize,
}

impl Sizes {
    fn of<B: Backend>(inputs: &Tensor<B, 2>, weight: &Tensor<B, 2>) -> Self {
        let ([rows, _], [inputs, outputs]) = (inputs.dims(), weight.dims());
        Self { rows, inputs, outputs }
    }

    fn product(self, inputs: &[f32], weight: &[f32]) -> Vec<f32> {
        product(Matrix::new(inputs, self.rows, self.inputs), Matrix::new(weight, self.inputs, self.outputs))
    }

    fn weight_gradient(self, inputs: &[f32], gradient: &[f32]) -> Vec<f32> {
        let inputs = Matrix::new(inputs, self.rows, self.inputs).transposed();
        product(inputs, Matrix::new(gradient, self.rows, self.outputs))
    }

    fn input_gradient(self, gradient: &[f32], weight: &[f32]) -> Vec<f32> {
        let weight = Matrix::new(weight, self.inputs, self.outputs).transposed();
        product(Matrix::new(gradient, self.rows, self.outputs), weight)
    }
}

vectorized! {
    /// Turns the gradient with respect to the outputs into that with respect to the pre-activations; returns the
    /// gradient of the bias.
    fn gradient_of_sums(outputs: usize, gradient: &mut [f32], slopes: Option<Vec<f32>>) -> Vec<f32> {
        let Some(mut slopes) = slopes else { return column_sums(gradient, outputs) };
        let mut blocks = for_rows(gradient, &mut slopes, outputs, &|gradient, slopes| {
            multiply(gradient, slopes);
            column_sums(gradient, outputs)
        })
        .into_iter();
        let mut total = blocks.next().unwrap_or_else(|| vec![0.0; outputs]);
        for block in blocks {
            total.iter_mut().zip(block).for_each(|(total, sum)| *total += sum);
        }
        total
    }

    fn activate(values: &mut [f32], bias: &[f32], activation: Option<Activation>) {
        change_rows(values, bias.len(), &|values| {
            add_to_rows(values, bias);
            if let Some(activation) = activation {
                activation.apply(values, &mut vec![0.0; values.len()]);
            }
        });
    }

    fn activate_with_slopes(values: &mut [f32], bias: &[f32], activation: Option<Activation>) -> Option<Vec<f32>> {
        let Some(activation) = activation else {
            change_rows(values, bias.len(), &|values| add_to_rows(values, bias));
            return None;
        };
        let mut slopes = vec![0.0; values.len()];
        for_rows(values, &mut slopes, bias.len(), &|values, slopes| {
            add_to_rows(values, bias);
            activation.apply(values, slopes);
        });
        Some(slopes)
    }
}
