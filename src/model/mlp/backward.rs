//! Back-propagation through the multilayer perceptron, written out for CPU backends.
//!
//! The same gradients as Burn's autodiff, which the tests hold it to, with Burn's matrix products and one pass over
//! memory for everything between two of them.

use burn::nn::Linear;
use burn::optim::GradientsParams;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use super::Mlp;
use crate::host;
use crate::model::Noise;

impl<B: AutodiffBackend> Mlp<B> {
    /// The gradient of a loss with respect to every weight that is not frozen.
    ///
    /// `inputs` are `[batch, num_inputs]`; `loss` gets the logits `[batch, num_outputs]` and answers with its gradient
    /// with respect to them.
    pub(in crate::model) fn gradients(
        &self,
        inputs: Tensor<B::InnerBackend, 2>,
        noise: &mut Noise,
        loss: impl FnOnce(Tensor<B::InnerBackend, 2>) -> Tensor<B::InnerBackend, 2>,
    ) -> GradientsParams {
        let (output, hidden) = self.layers.split_last().expect("init makes at least one layer");

        // ---- forward: what each layer is given, and the slope of its activation
        let mut given = vec![inputs]; // [batch, units of the layer below]
        let mut slopes = Vec::with_capacity(hidden.len()); // [batch, units]
        for layer in hidden {
            let sums = given[given.len() - 1].clone().matmul(layer.weight.val().inner());
            let bias = bias(layer);
            let (values, slope) = host::in_place(sums, |values| {
                let mut slope = vec![0.0; values.len()];
                host::for_rows(values, &mut slope, bias.len(), |values, slope| {
                    add_to_rows(values, &bias);
                    self.activation.apply(values, slope);
                });
                if let Some(mask) = noise.mask(self.dropout, values.len()) {
                    host::simd(|| scale(values, &mask));
                    host::simd(|| scale(&mut slope, &mask));
                }
                slope
            });
            given.push(values);
            slopes.push(slope);
        }
        let sums = given[hidden.len()].clone().matmul(output.weight.val().inner());
        let bias = bias(output);
        let (logits, ()) = host::in_place(sums, |values| host::simd(|| add_to_rows(values, &bias)));

        // ---- backward: the gradient with respect to the sums of each layer, from the last layer to the first trained
        let mut gradients = GradientsParams::new();
        let is_trained = |layer: &Linear<B>| layer.weight.is_require_grad() || trained_bias(layer).is_some();
        let first = self.layers.iter().position(is_trained).unwrap_or(self.layers.len());
        let mut delta = loss(logits); // [batch, units]
        for (index, layer) in self.layers.iter().enumerate().skip(first).rev() {
            let [_, units] = layer.weight.shape().dims();
            let bias_gradient;
            (delta, bias_gradient) = host::in_place(delta, |delta| match slopes.get_mut(index) {
                Some(slope) => scaled_column_sums(delta, slope, units),
                None => host::simd(|| column_sums(delta, units)), // the output layer has no activation
            });
            if layer.weight.is_require_grad() {
                let gradient = given[index].clone().transpose().matmul(delta.clone());
                gradients.register(layer.weight.id, gradient);
            }
            if let Some(bias) = trained_bias(layer) {
                let data = TensorData::new(bias_gradient, [units]);
                gradients.register(bias.id, Tensor::<B::InnerBackend, 1>::from_data(data, &delta.device()));
            }
            if index > first {
                delta = delta.matmul(layer.weight.val().inner().transpose());
            }
        }
        gradients
    }
}

fn bias<B: Backend>(layer: &Linear<B>) -> Vec<f32> {
    let bias = layer.bias.as_ref().expect("init gives every layer a bias");
    bias.val().into_data().into_vec().expect("burnlab's CPU backends compute in f32")
}

fn trained_bias<B: Backend>(layer: &Linear<B>) -> Option<&burn::module::Param<Tensor<B, 1>>> {
    layer.bias.as_ref().filter(|bias| bias.is_require_grad())
}

#[inline(always)]
fn add_to_rows(values: &mut [f32], bias: &[f32]) {
    for row in values.chunks_exact_mut(bias.len()) {
        for (value, bias) in row.iter_mut().zip(bias) {
            *value += bias;
        }
    }
}

#[inline(always)]
fn scale(values: &mut [f32], factors: &[f32]) {
    for (value, factor) in values.iter_mut().zip(factors) {
        *value *= factor;
    }
}

/// The sum of each of the `units` columns of `values`, row-major.
#[inline(always)]
fn column_sums(values: &[f32], units: usize) -> Vec<f32> {
    let mut sums = vec![0.0; units];
    for row in values.chunks_exact(units) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sums
}

/// Multiplies `delta` by `slope`, and sums its columns.
fn scaled_column_sums(delta: &mut [f32], slope: &mut [f32], units: usize) -> Vec<f32> {
    let blocks = host::for_rows(delta, slope, units, |delta, slope| {
        scale(delta, slope);
        column_sums(delta, units)
    });
    let mut blocks = blocks.into_iter();
    let mut total = blocks.next().unwrap_or_else(|| vec![0.0; units]);
    for block in blocks {
        for (total, sum) in total.iter_mut().zip(block) {
            *total += sum;
        }
    }
    total
}
