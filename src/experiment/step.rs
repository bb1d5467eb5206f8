//! One step of gradient descent on one example, with every number on the way: forward pass, loss, gradients, update.
//!
//! The numbers are those of the network's own forward and backward passes, at inference (no dropout); beside the gradients
//! stand central differences of the loss, `(L(w + h) - L(w - h)) / 2h`, which know nothing of the backward pass.

use std::collections::BTreeMap;

use burn::optim::{GradientsParams, Optimizer};
use burn::tensor::{Tensor, TensorData};
use burnlab_cpu::{FusedBackend, TrainingBackend};

use crate::backend::{BackendName, Job, run_on};
use crate::data::{Layout, Task};
use crate::model::{LayerValues, ModelConfig, NamedWeights, Net, load_weights, named_gradients, named_weights};
use crate::training::objective::Objective;
use crate::training::{ChosenOptimizer, OptimizerKind, OptimizerOptions, TrainingConfig};

/// How far a weight is moved for a difference, in either direction: the error of the formula, of the order h^2, is then
/// about that of rounding, eps / h.
const DIFFERENCE: f32 = 5e-3;
/// The same where a corner of a ReLU or of a maximum is nearer than that: the two differences disagree there.
const SMALL_DIFFERENCE: f32 = 5e-4;

/// A network with its weights and what it is trained for.
#[derive(Clone, Debug)]
pub struct Stepped<'a> {
    pub model: &'a ModelConfig,
    pub layout: Layout,
    pub task: Task,
    pub training: &'a TrainingConfig,
    /// Number of training rows of each class, for balanced class weights.
    pub class_counts: &'a [u64],
    pub weights: &'a NamedWeights,
}

/// What a layer of a perceptron computes for the example.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerStep {
    /// Weighted sums with the bias, one per unit.
    pub sums: Vec<f32>,
    /// The activation function of them, and its slopes there; none of the output layer.
    pub activations: Option<Vec<f32>>,
    pub derivatives: Option<Vec<f32>>,
    /// The slopes of the loss by the sums, which are those by the biases.
    pub slopes: Vec<f32>,
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Of a perceptron, the first layer first; empty for other kinds.
    pub layers: Vec<LayerStep>,
    /// The network's outputs; for a text one row per position.
    pub logits: Vec<f32>,
    pub loss: f64,
    /// By weight; those that are frozen are absent.
    pub gradients: NamedWeights,
    /// By weight: positions in it, and the central difference there.
    pub differences: BTreeMap<String, Vec<(usize, f64)>>,
    /// The weights after `w - learning_rate x gradient`.
    pub updated: NamedWeights,
    /// The loss of the example after the update.
    pub new_loss: f64,
}

/// Computes a step on the example `inputs` with `labels`: a class index or a standardized number, for a text one per position.
/// Central differences are computed of the `most_differences` largest gradients of each weight.
///
/// # Errors
/// A backend that is not compiled in; weights that do not fit the network.
pub fn step(
    network: &Stepped,
    inputs: &[f32],
    labels: &[f32],
    learning_rate: f64,
    most_differences: usize,
    backend: BackendName,
) -> anyhow::Result<Step> {
    run_on(backend, StepJob { network, inputs, labels, learning_rate, most_differences }).map_err(anyhow::Error::msg)?
}

struct StepJob<'a> {
    network: &'a Stepped<'a>,
    inputs: &'a [f32],
    labels: &'a [f32],
    learning_rate: f64,
    most_differences: usize,
}

impl Job for StepJob<'_> {
    type Output = anyhow::Result<Step>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> anyhow::Result<Step> {
        let Stepped { model, layout, task, training, class_counts, weights } = self.network;
        let training = &(*training).clone().resolved_on::<B>();
        let objective = Objective::new(training, *task, class_counts);
        let net = model.init::<B>(layout, *task, 0, &device).with_kernels(training.kernels);
        let net = load_weights(net, weights)?;

        // ---- forward and backward
        let logits = net.forward(self.example::<B>(&device), None);
        let loss = objective.loss(logits.clone(), self.labels, &[]);
        let first = |values: TensorData| f64::from(values.iter::<f32>().next().unwrap_or(f32::NAN));
        let loss_value = first(loss.to_data());
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        let named = named_gradients(&net, &gradients);
        let layers = net.layers(self.example::<B>(&device)).unwrap_or_default();
        let numbers = |tensor: Tensor<B, 2>| tensor.into_data().iter::<f32>().collect::<Vec<f32>>();
        let activation = model.mlp().map(|mlp| mlp.activation);
        let derivatives = |sums: &Tensor<B, 2>| {
            let sums = sums.clone().detach().require_grad();
            let gradients = activation?.forward(sums.clone()).sum().backward();
            Some(sums.grad(&gradients)?.into_data().iter::<f32>().collect())
        };
        let layer = |(i, layer): (usize, LayerValues<B>)| LayerStep {
            derivatives: layer.activations.as_ref().and_then(|_| derivatives(&layer.sums)),
            sums: numbers(layer.sums),
            activations: layer.activations.map(numbers),
            slopes: named.get(&format!("layers.{i}.bias")).map_or_else(Vec::new, |bias| bias.values.clone()),
        };
        let layers = layers.into_iter().enumerate().map(layer).collect();

        // ---- the loss, without a graph
        let plain = model.init::<B::InnerBackend>(layout, *task, 0, &device).with_kernels(training.kernels);
        let loss_of = |weights: &NamedWeights| -> anyhow::Result<f64> {
            let net: Net<B::InnerBackend> = load_weights(plain.clone(), weights)?;
            let logits = net.forward(self.example::<B::InnerBackend>(&device), None);
            Ok(first(objective.loss(logits, self.labels, &[]).into_data()))
        };
        let mut moved = (*weights).clone();
        let mut differences = BTreeMap::new();
        for (name, gradient) in &named {
            let largest = largest(&gradient.values, self.most_differences);
            let found: anyhow::Result<Vec<_>> =
                largest.into_iter().map(|at| Ok((at, difference(&mut moved, name, at, &loss_of)?))).collect();
            differences.insert(name.clone(), found?);
        }

        // ---- update
        let sgd = OptimizerOptions {
            kind: OptimizerKind::Sgd,
            knobs: BTreeMap::new(),
            epsilon: 0.0,
            l2: 0.0,
            weight_decay: 0.0,
            clip_norm: None,
            kernels: training.kernels,
        };
        let updated = named_weights(&ChosenOptimizer::<B, Net<B>>::new(sgd).step(self.learning_rate, net, gradients));
        let new_loss = loss_of(&updated)?;
        let logits = numbers(logits);
        Ok(Step { layers, logits, loss: loss_value, gradients: named, differences, updated, new_loss })
    }
}

impl StepJob<'_> {
    fn example<B: FusedBackend>(&self, device: &B::Device) -> Tensor<B, 2> {
        Tensor::from_data(TensorData::new(self.inputs.to_vec(), [1, self.inputs.len()]), device)
    }
}

/// Positions of the values farthest from 0, the farthest first.
pub fn largest(values: &[f32], most: usize) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..values.len()).collect();
    positions.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()));
    positions.truncate(most);
    positions
}

/// The central difference of the loss by one weight, which is put back.
fn difference(
    weights: &mut NamedWeights,
    name: &str,
    at: usize,
    loss: &impl Fn(&NamedWeights) -> anyhow::Result<f64>,
) -> anyhow::Result<f64> {
    let value = weights[name].values[at];
    let put = |weights: &mut NamedWeights, value: f32| {
        weights.get_mut(name).expect("a gradient is of a weight").values[at] = value;
    };
    let mut loss_at = |moved: f32| {
        put(weights, moved);
        let found = loss(weights);
        put(weights, value);
        found
    };
    let mut by = |step: f32| -> anyhow::Result<f64> {
        let (above, below) = (value + step, value - step);
        // The distance as it was rounded.
        Ok((loss_at(above)? - loss_at(below)?) / f64::from(above - below))
    };
    let (wide, narrow) = (by(DIFFERENCE)?, by(SMALL_DIFFERENCE)?);
    let agree = (wide - narrow).abs() <= 1e-3 + 0.01 * wide.abs();
    Ok(if agree { wide } else { narrow })
}
