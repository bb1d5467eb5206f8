//! Networks in the form in which the page has them.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data::{PreparedKind, Preprocessor};
use crate::model::{Activation, NamedWeights, Weight};

/// A layer of a perceptron.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// By unit, then by input: `[units][inputs]`.
    pub weights: Vec<Vec<f32>>,
    /// By unit.
    pub bias: Vec<f32>,
    /// What is applied to the sums; null for an output layer, whose sums are logits.
    pub activation: Option<Activation>,
}

/// How raw inputs become those of the network: `(x - mean) / std`, for each input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scaling {
    pub mean: Vec<f64>,
    pub std: Vec<f64>,
}

/// The layers of a perceptron; none of other kinds and of several networks in one.
pub fn layers(config: &Config, weights: &NamedWeights) -> Vec<Layer> {
    let Some(mlp) = config.model.mlp().filter(|mlp| mlp.members == 1) else { return Vec::new() };
    let layer = |i: usize| {
        let Weight { shape, values } = &weights[&format!("layers.{i}.weight")];
        let of_unit = |unit: usize| values.iter().skip(unit).step_by(shape[1]).copied().collect();
        Layer {
            weights: (0..shape[1]).map(of_unit).collect(),
            bias: weights[&format!("layers.{i}.bias")].values.clone(),
            activation: (i < mlp.hidden.len()).then_some(mlp.activation),
        }
    };
    (0..=mlp.hidden.len()).map(layer).collect()
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
