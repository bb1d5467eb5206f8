//! Pictures of the weights.

use super::subject::Subject;
use crate::data::Task;
use crate::plots::{self, Layer};

/// Units and connections, with their weights.
pub(super) fn network(subject: &Subject) -> Option<String> {
    let mlp = subject.perceptron()?;
    let layers: Vec<Layer> = (0..=mlp.hidden.len())
        .map(|layer| {
            let weight = &subject.weights[&format!("layers.{layer}.weight")];
            Layer {
                weights: weight.values.clone(),
                biases: subject.weights[&format!("layers.{layer}.bias")].values.clone(),
                num_inputs: weight.shape[0],
                num_outputs: weight.shape[1],
            }
        })
        .collect();
    let preprocessor = subject.preprocessor;
    let outputs = match preprocessor.class_names() {
        [] if !preprocessor.levels().is_empty() => {
            // All but the first are steps up to the next one.
            preprocessor.levels().iter().map(|level| format!("quantile {level}")).collect()
        }
        [] => preprocessor.target_names().into_iter().map(str::to_owned).collect(),
        [_, positive] => vec![positive.clone()],
        [_, above @ ..] if matches!(preprocessor.task(), Task::Ordered { .. }) => {
            above.iter().map(|name| format!("at least {name}")).collect()
        }
        names => names.to_vec(),
    };
    Some(plots::network(&subject.titled("Network"), &layers, &preprocessor.input_names(), &outputs))
}

/// The weights of each first-layer unit as an image.
pub(super) fn unit_weights(subject: &Subject) -> Option<String> {
    // The colours of a pixel side by side.
    let [height, width] = subject.preprocessor.layout().image_shape?;
    subject.perceptron()?;
    let weight = &subject.weights["layers.0.weight"];
    let title = subject.titled("Weights of the first layer's units");
    Some(plots::unit_weights(&title, height, width, &weight.values, weight.shape[1]))
}
