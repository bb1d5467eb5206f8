//! Pictures of the weights.

use super::subject::Subject;
use crate::data::Task;
use crate::plots::{self, ForwardPass, Layer};

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
    Some(plots::network(&subject.titled("Network"), &layers, &|input| preprocessor.input_name(input), &outputs))
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

/// One test image: its pixels, the units of the first hidden layer with their weights, the probabilities.
pub(super) fn forward_pass(subject: &Subject) -> Option<String> {
    let shape = subject.preprocessor.image_shape()?;
    let [height, width] = subject.preprocessor.layout().image_shape?;
    let mlp = subject.perceptron()?;
    let names = subject.preprocessor.class_names();
    let row = subject.predictions.get(subject.example)?;
    let (weight, biases) = (&subject.weights["layers.0.weight"], &subject.weights["layers.0.bias"].values);
    if mlp.hidden.is_empty() || names.is_empty() {
        return None;
    }
    let num_units = weight.shape[1];
    let of_unit = |unit: usize| weight.values.iter().skip(unit).step_by(num_units).copied().collect::<Vec<f32>>();
    let input = subject.test.input(subject.example);
    let sum = |unit: usize| of_unit(unit).iter().zip(input.iter()).map(|(w, x)| w * x).sum::<f32>() + biases[unit];
    let activations = subject.network.activate((0..num_units).map(sum).collect());
    let name = |class: f64| names.get(class as usize).cloned().unwrap_or_default();
    let pass = ForwardPass {
        about: format!(
            "From the pixels to an answer: what the network makes of the image{}. Each unit of the first hidden layer is \
             shown by its weights; the bar is its {} activation.",
            subject.example_told(),
            mlp.activation
        ),
        image: (
            shape.height,
            shape.width,
            shape.grey(&subject.preprocessor.raw_numbers(subject.test, subject.example)),
        ),
        shape: (height, width),
        sizes: [input.len()].into_iter().chain(mlp.hidden.iter().copied()).chain([names.len()]).collect(),
        units: (0..num_units).map(|unit| (of_unit(unit), f64::from(activations[unit]))).collect(),
        outputs: names.iter().cloned().zip(row.answer.probabilities.iter().copied()).collect(),
        label: name(row.truth()),
        prediction: name(row.answer.first()),
    };
    Some(plots::forward_pass(&subject.titled("Forward pass"), &pass))
}
