//! Networks in the form in which the page has them.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data::{PreparedKind, Preprocessor, Task};
use crate::experiment::TrainedModel;
use crate::model::{Activation, NamedWeights, Weight};

/// A layer of a perceptron.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// By unit, then by input: `[units][inputs]`.
    pub weights: Vec<Vec<f32>>,
    /// By unit.
    pub bias: Vec<f32>,
    /// What is applied to the sums.
    pub activation: Applied,
}

/// The function after a layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected the function after a layer, such as `tanh`, `sigmoid` or `softmax`")]
pub enum Applied {
    /// After a hidden layer; sigmoid also after an output that tells two classes apart.
    Units(Activation),
    Outputs(OutputFunction),
}

/// The function after the output layer: what the loss makes of the logits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFunction {
    Softmax,
    /// A number is the sum itself.
    None,
}

impl Applied {
    /// After the output layer of a network for `task`.
    pub fn after_outputs(task: Task) -> Self {
        match task {
            Task::Binary | Task::Labels { .. } => Self::Units(Activation::Sigmoid),
            Task::MultiClass { .. } | Task::LanguageModel { .. } => Self::Outputs(OutputFunction::Softmax),
            // Those of classes in an order are compared with each other.
            Task::Regression | Task::Numbers { .. } | Task::Quantiles { .. } | Task::Ordered { .. } => {
                Self::Outputs(OutputFunction::None)
            }
        }
    }
}

/// How raw inputs become those of the network: `(x - mean) / std`, for each input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scaling {
    pub mean: Vec<f64>,
    pub std: Vec<f64>,
}

/// The layers of a perceptron; none of other kinds and of several networks in one.
fn layers(config: &Config, task: Task, weights: &NamedWeights) -> Vec<Layer> {
    let Some(mlp) = config.model.mlp().filter(|mlp| mlp.members == 1) else { return Vec::new() };
    let layer = |i: usize| {
        let Weight { shape, values } = &weights[&format!("layers.{i}.weight")];
        let of_unit = |unit: usize| values.iter().skip(unit).step_by(shape[1]).copied().collect();
        Layer {
            weights: (0..shape[1]).map(of_unit).collect(),
            bias: weights[&format!("layers.{i}.bias")].values.clone(),
            activation: match i < mlp.hidden.len() {
                true => Applied::Units(mlp.activation),
                false => Applied::after_outputs(task),
            },
        }
    };
    (0..=mlp.hidden.len()).map(layer).collect()
}

/// The layers of a trained model with these weights.
pub fn layers_of(model: &TrainedModel, weights: &NamedWeights) -> Vec<Layer> {
    layers(&model.config, model.preprocessor.task(), weights)
}

/// The weights of such layers by name.
pub fn named(layers: &[Layer]) -> NamedWeights {
    let of_layer = |(i, layer): (usize, &Layer)| {
        let (num_units, num_inputs) = (layer.weights.len(), layer.weights[0].len());
        let values = (0..num_inputs).flat_map(|input| layer.weights.iter().map(move |unit| unit[input])).collect();
        let weight = Weight { shape: vec![num_inputs, num_units], values };
        let bias = Weight { shape: vec![num_units], values: layer.bias.clone() };
        [(format!("layers.{i}.weight"), weight), (format!("layers.{i}.bias"), bias)]
    };
    layers.iter().enumerate().flat_map(of_layer).collect()
}

/// `None` unless every input is a scaled number.
pub fn scaling(preprocessor: &Preprocessor) -> Option<Scaling> {
    let of_column = |kind: &PreparedKind| match kind {
        PreparedKind::Numeric { center, spread, edges, .. } if edges.is_empty() => Some((*center, *spread)),
        _ => None,
    };
    let columns = preprocessor.columns();
    let all: Option<Vec<_>> = columns.iter().map(|column| of_column(&column.kind)).collect();
    let (mean, std) = all.filter(|all| !all.is_empty())?.into_iter().unzip();
    Some(Scaling { mean, std })
}
