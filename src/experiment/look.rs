//! What a trained network makes of inputs: its outputs, and the values inside of it.

use anyhow::Context;
use burn::tensor::{Tensor, TensorData};
use burnlab_cpu::TrainingBackend;

use super::pictures::{DeviceNetwork, Network};
use super::unrecorded::TrainedModel;
use crate::backend::{BackendName, Job, run_on};
use crate::data::Examples;
use crate::model::{Activation, NamedWeights};
use crate::training::evaluation::logits;

pub use super::pictures::{FeatureMaps, Shares};

/// The outputs for some inputs.
pub struct Outputs {
    /// Row-major `[inputs, num_outputs]`.
    pub logits: Vec<f32>,
    /// Of a perceptron with a hidden layer, if asked for: the activations of its first layer, row-major `[inputs, units]`.
    pub units: Option<Vec<f32>>,
}

/// The outputs for `examples` of the network with each of these weights, until `is_enough`.
///
/// # Errors
/// A backend that is not compiled in; weights that do not fit the model.
pub fn outputs(
    model: &TrainedModel,
    weights: &[&NamedWeights],
    examples: &Examples,
    with_units: bool,
    backend: BackendName,
    is_enough: &dyn Fn() -> bool,
) -> anyhow::Result<Vec<Outputs>> {
    run_on(backend, OutputsJob { model, weights, examples, with_units, is_enough }).map_err(anyhow::Error::msg)?
}

struct OutputsJob<'a> {
    model: &'a TrainedModel,
    weights: &'a [&'a NamedWeights],
    examples: &'a Examples,
    with_units: bool,
    is_enough: &'a dyn Fn() -> bool,
}

impl Job for OutputsJob<'_> {
    type Output = anyhow::Result<Vec<Outputs>>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        let Self { model, weights, examples, with_units, is_enough } = self;
        let mut all = Vec::with_capacity(weights.len());
        for weights in weights {
            let net = model.net_with::<B::InnerBackend>(weights, &device)?;
            let units = with_units.then(|| {
                let inputs = examples.gather(0..examples.len());
                let shape = [examples.len(), examples.num_inputs];
                let layers = net.layers(Tensor::from_data(TensorData::new(inputs, shape), &device))?;
                let activations = layers.into_iter().next()?.activations?;
                Some(activations.into_data().iter::<f32>().collect())
            });
            all.push(Outputs { logits: logits(&net, examples, &device), units: units.flatten() });
            if is_enough() {
                break;
            }
        }
        Ok(all)
    }
}

/// What happens inside of a network for one example; empty where a kind has no such thing.
pub struct Inside {
    pub logits: Vec<f32>,
    /// Of a convolutional network, after each convolution.
    pub maps: Vec<FeatureMaps>,
    /// Of a recurrent network in one direction, by step: the state, and the logits if the sequence ended there.
    pub states: Vec<(Vec<f32>, Vec<f32>)>,
    /// Of a transformer, by block.
    pub attention: Vec<Shares>,
}

/// Looks into the network for the first of `examples`. Of a text, the logits are those after its last character.
///
/// # Errors
/// A backend that is not compiled in; weights that do not fit the model.
pub fn inside(model: &TrainedModel, examples: &Examples, backend: BackendName) -> anyhow::Result<Inside> {
    run_on(backend, InsideJob { model, examples }).map_err(anyhow::Error::msg)?
}

struct InsideJob<'a> {
    model: &'a TrainedModel,
    examples: &'a Examples,
}

impl Job for InsideJob<'_> {
    type Output = anyhow::Result<Inside>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        let Self { model, examples } = self;
        let net = model.net_with::<B::InnerBackend>(&model.weights, &device)?;
        let input = examples.input(0).to_vec();
        let shape = [1, input.len()];
        let inputs = || Tensor::<B::InnerBackend, 2>::from_data(TensorData::new(input.clone(), shape), &device);
        let numbers = |data: TensorData| data.iter::<f32>().collect::<Vec<f32>>();
        let states = net.states(inputs()).map(|found| {
            let ([_, _, units], [_, _, outputs]) = (found.states.dims(), found.logits.dims());
            let (states, logits) = (numbers(found.states.into_data()), numbers(found.logits.into_data()));
            let pairs = states.chunks_exact(units).zip(logits.chunks_exact(outputs));
            pairs.map(|(state, logits)| (state.to_vec(), logits.to_vec())).collect()
        });
        let network = DeviceNetwork { net: &net, model: &model.config.model, device: &device };
        let logits = numbers(net.forward(inputs(), None).into_data());
        let num_outputs = model.preprocessor.task().num_outputs();
        Ok(Inside {
            logits: logits[logits.len() - num_outputs..].to_vec(),
            maps: network.feature_maps(examples, 0).unwrap_or_default(),
            states: states.unwrap_or_default(),
            attention: network.attention(examples, 0).unwrap_or_default(),
        })
    }
}

/// The values of an activation function at `x`, and its slopes there, by its own backward pass.
///
/// # Errors
/// A backend that is not compiled in.
pub fn activation_curve(
    activation: Activation,
    x: &[f32],
    backend: BackendName,
) -> anyhow::Result<(Vec<f32>, Vec<f32>)> {
    run_on(backend, CurveJob { activation, x }).map_err(anyhow::Error::msg)?
}

struct CurveJob<'a> {
    activation: Activation,
    x: &'a [f32],
}

impl Job for CurveJob<'_> {
    type Output = anyhow::Result<(Vec<f32>, Vec<f32>)>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        let x = Tensor::<B, 1>::from_data(TensorData::new(self.x.to_vec(), [self.x.len()]), &device).require_grad();
        let values = self.activation.forward(x.clone());
        let gradients = values.clone().sum().backward();
        let slopes = x.grad(&gradients).context("the function's graph has its argument")?;
        let numbers = |data: TensorData| data.iter::<f32>().collect();
        Ok((numbers(values.into_data()), numbers(slopes.into_data())))
    }
}
