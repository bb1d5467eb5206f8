//! `POST /api/learn/step`: one step of gradient descent on one example through a small net, with every number.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::LearnState;
use super::request::refused;
use super::shapes::{Applied, Layer, named};
use crate::data::{Layout, Task};
use crate::experiment::explain;
use crate::experiment::step::{LayerStep, Step, Stepped, step};
use crate::model::{Activation, MlpConfig, ModelConfig, NamedWeights, Weight};
use crate::training::config::Loss;
use crate::training::{OutputDecoder, TrainingConfig};
use crate::web::{ApiError, JsonBody};

const MOST_WEIGHTS: usize = 64;
const MOST_LAYERS: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRequest {
    layers: Vec<Layer>,
    inputs: Vec<f32>,
    /// A class index, or a number.
    target: f32,
    loss: StepLoss,
    learning_rate: f64,
}

/// What makes probabilities or a number of the outputs, and a loss of them.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StepLoss {
    /// One output, the logit of class 1.
    BinaryCrossEntropy,
    /// A logit for each of at least three classes.
    CrossEntropy,
    /// One output, a number.
    MeanSquaredError,
}

/// A step, by layer; slopes are those of the loss.
#[derive(Serialize)]
pub struct StepAnswer {
    forward: Vec<Forward>,
    loss: f64,
    gradients: Vec<Gradients>,
    /// The same by central differences.
    numeric: Vec<Parameters<f64>>,
    updated: Vec<Layer>,
    new_loss: f64,
}

/// What the units of a layer compute.
#[derive(Serialize)]
struct Forward {
    sums: Vec<f32>,
    /// After the activation; of the last layer the probabilities, or the number.
    outputs: Vec<f64>,
}

#[derive(Serialize)]
struct Gradients {
    #[serde(flatten)]
    parameters: Parameters<f32>,
    /// By the sums, and by the outputs of the units.
    units: Vec<f32>,
    outputs: Vec<f64>,
}

/// `weights` are `[units][inputs]`.
#[derive(Serialize)]
struct Parameters<T> {
    weights: Vec<Vec<T>>,
    bias: Vec<T>,
}

/// `POST /api/learn/step`
pub async fn step_once(
    State(state): State<LearnState>,
    JsonBody(request): JsonBody<StepRequest>,
) -> Result<Json<StepAnswer>, ApiError> {
    let (model, task) = request.check()?;
    let backend = state.backend();
    let work = move || {
        let weights = named(&request.layers);
        let training = TrainingConfig { loss: Some(request.loss.of_config()), ..TrainingConfig::default() };
        let layout = Layout::of_numbers(request.inputs.len());
        let network =
            Stepped { model: &model, layout, task, training: &training, class_counts: &[], weights: &weights };
        let done = step(&network, &request.inputs, &[request.target], request.learning_rate, MOST_WEIGHTS, backend);
        done.map(|done| answer(&request, task, done)).map_err(|error| ApiError::internal(explain(&error)))
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(ApiError::internal(error))).map(Json)
}

impl StepLoss {
    fn of_config(self) -> Loss {
        if self == Self::MeanSquaredError { Loss::Mse } else { Loss::CrossEntropy }
    }
}

impl StepRequest {
    /// The network and its task.
    fn check(&self) -> Result<(ModelConfig, Task), ApiError> {
        let Self { layers, inputs, target, loss, learning_rate } = self;
        let (Some((output, hidden)), false) = (layers.split_last(), layers.len() > MOST_LAYERS) else {
            return Err(refused("layers", format!("1 to {MOST_LAYERS}, found {}", layers.len())));
        };
        let mut width = inputs.len();
        let mut num_weights = 0;
        for (i, Layer { weights, bias, .. }) in layers.iter().enumerate() {
            let field = format!("layers[{i}]");
            if weights.is_empty() || weights.len() != bias.len() || weights.iter().any(|row| row.len() != width) {
                return Err(refused(&field, format!("needs {width} weights for each unit, and a bias for each")));
            }
            if weights.iter().flatten().chain(bias).any(|value| !value.is_finite()) {
                return Err(refused(&field, "every weight is a finite number"));
            }
            num_weights += weights.len() * (width + 1);
            width = weights.len();
        }
        if inputs.is_empty() || num_weights > MOST_WEIGHTS {
            return Err(refused("layers", format!("{MOST_WEIGHTS} weights and biases at most, found {num_weights}")));
        }
        if inputs.iter().any(|input| !input.is_finite()) {
            return Err(refused("inputs", "every input is a finite number"));
        }
        if !(learning_rate.is_finite() && *learning_rate >= 0.0) {
            return Err(refused("learning_rate", "a number from 0 on"));
        }
        let task = match (loss, width) {
            (StepLoss::BinaryCrossEntropy, 1) => Task::Binary,
            // Two outputs would be one.
            (StepLoss::CrossEntropy, 3..) => Task::MultiClass { num_classes: width },
            (StepLoss::MeanSquaredError, 1) => Task::Regression,
            _ => {
                let takes =
                    "binary_cross_entropy and mean_squared_error are of one output, cross_entropy of at least 3";
                return Err(refused("loss", format!("{takes}, found {width}")));
            }
        };
        let is_class = target.fract() == 0.0 && (0.0..width.max(2) as f32).contains(target);
        if !target.is_finite() || (task != Task::Regression && !is_class) {
            return Err(refused(
                "target",
                format!("a class, 0 to {}, or a finite number, found {target}", width.max(2) - 1),
            ));
        }
        let expected = Applied::after_outputs(task);
        if output.activation != expected {
            let last = layers.len() - 1;
            return Err(refused(
                &format!("layers[{last}]"),
                format!("its activation is {} with this loss", json!(expected)),
            ));
        }
        let mut activations = hidden.iter().map(|layer| layer.activation);
        let activation = match activations.next() {
            None => Activation::Tanh, // of no layer
            Some(Applied::Units(first)) if activations.all(|other| other == Applied::Units(first)) => first,
            _ => return Err(refused("layers", "the hidden layers have the same activation")),
        };
        let hidden: Vec<usize> = hidden.iter().map(|layer| layer.bias.len()).collect();
        Ok((ModelConfig::from(MlpConfig { hidden, activation, ..MlpConfig::default() }), task))
    }
}

fn answer(request: &StepRequest, task: Task, done: Step) -> StepAnswer {
    let decoder = OutputDecoder::plain(task);
    let of_outputs = match task {
        Task::Binary => decoder.probabilities(&done.logits)[1..].to_vec(),
        task if task.is_regression() => decoder.numbers(&done.logits).collect(),
        _ => decoder.probabilities(&done.logits),
    };
    let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    let forward = |found: &LayerStep| Forward {
        sums: found.sums.clone(),
        outputs: found.activations.as_deref().map_or_else(|| of_outputs.clone(), wide),
    };
    let gradients = |i: usize| {
        let slopes = &done.layers[i].slopes;
        let outputs = match done.layers.get(i + 1) {
            // Each unit of the next layer passes its slope on, times the weight of the connection.
            Some(next) => {
                (0..slopes.len()).map(|unit| passed_back(&request.layers[i + 1], &next.slopes, unit)).collect()
            }
            None => wide(slopes),
        };
        Gradients { parameters: of_layer(&done.gradients, i), units: slopes.clone(), outputs }
    };
    let updated = |i: usize| {
        let Parameters { weights, bias } = of_layer(&done.updated, i);
        Layer { weights, bias, activation: request.layers[i].activation }
    };
    let layers = 0..done.layers.len();
    StepAnswer {
        forward: done.layers.iter().map(forward).collect(),
        loss: done.loss,
        gradients: layers.clone().map(gradients).collect(),
        numeric: layers.clone().map(|i| differences(&done.differences, &done.gradients, i)).collect(),
        updated: layers.map(updated).collect(),
        new_loss: done.new_loss,
    }
}

fn passed_back(next: &Layer, slopes: &[f32], unit: usize) -> f64 {
    next.weights.iter().zip(slopes).map(|(weights, &slope)| f64::from(weights[unit]) * f64::from(slope)).sum()
}

/// By unit of a weight `[inputs, units]`.
fn by_unit<T: Copy>(values: &[T], num_units: usize) -> Vec<Vec<T>> {
    (0..num_units).map(|unit| values.iter().skip(unit).step_by(num_units).copied().collect()).collect()
}

fn of_layer(weights: &NamedWeights, i: usize) -> Parameters<f32> {
    let Weight { shape, values } = &weights[&format!("layers.{i}.weight")];
    Parameters { weights: by_unit(values, shape[1]), bias: weights[&format!("layers.{i}.bias")].values.clone() }
}

fn differences(found: &BTreeMap<String, Vec<(usize, f64)>>, like: &NamedWeights, i: usize) -> Parameters<f64> {
    let values = |name: &str| {
        let mut values = vec![0.0; like[name].values.len()];
        found[name].iter().for_each(|&(at, difference)| values[at] = difference);
        values
    };
    let (weight, bias) = (format!("layers.{i}.weight"), format!("layers.{i}.bias"));
    Parameters { weights: by_unit(&values(&weight), like[&weight].shape[1]), bias: values(&bias) }
}
