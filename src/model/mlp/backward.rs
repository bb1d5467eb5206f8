//! Back-propagation through the multilayer perceptron, written out for CPU backends.
//!
//! The same gradients as Burn's autodiff, which the tests hold it to: matrix products, and one pass over memory for
//! everything between two of them.

use burn::nn::Linear;
use burn::optim::GradientsParams;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use super::Mlp;
use crate::cpu::{self, Matrix, add_to_rows, column_sums, multiply};
use crate::model::{Noise, Trained};

impl<B: AutodiffBackend> Mlp<B> {
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
        cpu::read(inputs, |inputs| {
            self.back_propagate(inputs, batch, trained, noise, loss, false, &mut gradients, &device);
        });
        gradients
    }

    /// Adds the gradients of these layers to `gradients`. Returns that with respect to `inputs` `[batch, in]`, where it is
    /// asked for.
    #[allow(clippy::too_many_arguments)] // of one thing each; only the two networks that end in these layers call it
    pub(in crate::model) fn back_propagate(
        &self,
        inputs: &[f32],
        batch: usize,
        trained: &Trained,
        noise: &mut Noise,
        loss: impl FnOnce(&mut [f32]),
        goes_on: bool,
        gradients: &mut GradientsParams,
        device: &B::Device,
    ) -> Option<Vec<f32>> {
        // ---- forward: the values after each hidden layer, and the slope of its activation, both [batch, units]
        let (output, hidden) = self.layers.split_last().expect("init makes at least one layer");
        let mut values: Vec<Vec<f32>> = Vec::with_capacity(hidden.len());
        let mut slopes: Vec<Vec<f32>> = Vec::with_capacity(hidden.len());
        for layer in hidden {
            let given = values.last().map_or(inputs, Vec::as_slice);
            let (mut value, bias) = (times_weight(given, batch, layer), bias(layer));
            let mut slope = vec![0.0; value.len()];
            cpu::for_rows(&mut value, &mut slope, bias.len(), |value, slope| {
                add_to_rows(value, &bias);
                self.activation.apply(value, slope);
            });
            if let Some(mask) = noise.mask(self.dropout, value.len()) {
                cpu::simd(|| multiply(&mut value, &mask));
                cpu::simd(|| multiply(&mut slope, &mask));
            }
            values.push(value);
            slopes.push(slope);
        }
        let given = values.last().map_or(inputs, Vec::as_slice);
        let (mut logits, bias) = (times_weight(given, batch, output), bias(output));
        cpu::simd(|| add_to_rows(&mut logits, &bias));

        // ---- backward: the gradient with respect to each layer's sums, from the last layer to the first trained
        let trained_bias = |layer: &Linear<B>| layer.bias.as_ref().map(|bias| bias.id).filter(|&id| trained.has(id));
        let is_trained = |layer: &Linear<B>| trained.has(layer.weight.id) || trained_bias(layer).is_some();
        let first = self.layers.iter().position(is_trained).unwrap_or(self.layers.len());
        let first = if goes_on { 0 } else { first };
        loss(&mut logits);
        let mut delta = logits; // [batch, units]
        for (index, layer) in self.layers.iter().enumerate().skip(first).rev() {
            let [inner, units] = layer.weight.shape().dims();
            let bias_gradient = match slopes.get_mut(index) {
                Some(slope) => scaled_column_sums(&mut delta, slope, units),
                None => cpu::simd(|| column_sums(&delta, units)), // the output layer has no activation
            };
            if trained.has(layer.weight.id) {
                let given = index.checked_sub(1).map_or(inputs, |below| values[below].as_slice());
                let given = Matrix::new(given, batch, inner).transposed();
                let gradient = cpu::product(given, Matrix::new(&delta, batch, units));
                let gradient = TensorData::new(gradient, [inner, units]);
                gradients.register(layer.weight.id, tensor::<B::InnerBackend, 2>(gradient, device));
            }
            if let Some(id) = trained_bias(layer) {
                let gradient = TensorData::new(bias_gradient, [units]);
                gradients.register(id, tensor::<B::InnerBackend, 1>(gradient, device));
            }
            if index > first || goes_on {
                delta = cpu::read(layer.weight.val().inner(), |weight| {
                    let weight = Matrix::new(weight, inner, units).transposed();
                    cpu::product(Matrix::new(&delta, batch, units), weight)
                });
            }
        }
        goes_on.then_some(delta)
    }
}

/// `[batch, in]` x the layer's weight `[in, units]`.
fn times_weight<B: AutodiffBackend>(given: &[f32], batch: usize, layer: &Linear<B>) -> Vec<f32> {
    let [inner, units] = layer.weight.shape().dims();
    cpu::read(layer.weight.val().inner(), |weight| {
        cpu::product(Matrix::new(given, batch, inner), Matrix::new(weight, inner, units))
    })
}

fn bias<B: AutodiffBackend>(layer: &Linear<B>) -> Vec<f32> {
    let bias = layer.bias.as_ref().expect("init gives every layer a bias");
    cpu::read(bias.val().inner(), <[f32]>::to_vec)
}

fn tensor<B: Backend, const D: usize>(data: TensorData, device: &B::Device) -> Tensor<B, D> {
    Tensor::from_data(data, device)
}

/// Multiplies `delta` by `slope`, and sums its columns.
fn scaled_column_sums(delta: &mut [f32], slope: &mut [f32], units: usize) -> Vec<f32> {
    let blocks = cpu::for_rows(delta, slope, units, |delta, slope| {
        multiply(delta, slope);
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
