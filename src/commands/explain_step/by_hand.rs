//! A step through a small perceptron, each number with the calculation that gives it.

use super::Shown;
use crate::commands::output::say;
use crate::data::{PreparedKind, Task};
use crate::experiment::step::LayerStep;
use crate::figures::short;
use crate::model::Weight;
use crate::training::config::Loss;

/// A layer's weights, `[inputs, units]`, and biases.
struct Layer<'a> {
    name: String,
    weight: &'a Weight,
    bias: &'a Weight,
    found: &'a LayerStep,
}

impl Layer<'_> {
    fn weight(&self, input: usize, unit: usize) -> f32 {
        self.weight.values[input * self.weight.shape[1] + unit]
    }

    fn num_units(&self) -> usize {
        self.weight.shape[1]
    }
}

pub(super) fn print(shown: &Shown) {
    let num_layers = shown.step.layers.len();
    let layer = |i: usize| Layer {
        name: if i + 1 == num_layers { "output".to_owned() } else { format!("layer {}", i + 1) },
        weight: &shown.saved.weights[&format!("layers.{i}.weight")],
        bias: &shown.saved.weights[&format!("layers.{i}.bias")],
        found: &shown.step.layers[i],
    };
    let layers: Vec<Layer> = (0..num_layers).map(layer).collect();
    let activation = shown.saved.config.model.mlp().map(|mlp| mlp.activation).unwrap_or_default();
    say!("\n1 forward pass: z = sum of weight x input + bias, a = {activation}(z)");
    scaled_inputs(shown);
    for (i, layer) in layers.iter().enumerate() {
        let inputs = values_before(shown, i);
        for unit in 0..layer.num_units() {
            let terms = inputs.iter().enumerate().map(|(input, &value)| product(layer.weight(input, unit), value));
            let bias = in_brackets(&number(layer.bias.values[unit]));
            let sum = number(layer.found.sums[unit]);
            say!("  {} z{} = {} + {bias} = {sum}", layer.name, unit + 1, terms.collect::<Vec<_>>().join(" + "));
            if let Some(activations) = &layer.found.activations {
                say!("  {} a{} = {activation}({sum}) = {}", layer.name, unit + 1, number(activations[unit]));
            }
        }
    }
    loss(shown);
    say!(
        "\n3 backward pass: slopes of the loss L; in brackets (L(w + h) - L(w - h)) / 2h, which only needs forward passes"
    );
    for i in (0..num_layers).rev() {
        backward(shown, &layers, i, activation.slope_rule());
    }
    say!("\n4 update: weight - {} x slope", shown.learning_rate);
    for (i, layer) in layers.iter().enumerate() {
        update(shown, layer, i);
    }
    say!("\n5 the loss of this row: {} before, {} after", short(shown.step.loss), short(shown.step.new_loss));
}

/// The inputs of layer `i`: those of the network, or the activations of the layer before.
fn values_before<'a>(shown: &'a Shown, i: usize) -> &'a [f32] {
    match i.checked_sub(1) {
        None => &shown.example.inputs,
        Some(before) => shown.step.layers[before].activations.as_deref().unwrap_or_default(),
    }
}

fn scaled_inputs(shown: &Shown) {
    let names = shown.saved.preprocessor.input_names();
    let columns = shown.saved.preprocessor.columns();
    let mut inputs = shown.example.inputs.iter().zip(&names);
    for column in columns {
        match &column.kind {
            PreparedKind::Numeric { center, spread, edges, .. } if edges.is_empty() => {
                let Some((&input, name)) = inputs.next() else { return };
                let raw = f64::from(input) * spread + center;
                say!("  {name}: ({} - {}) / {} = {}", short(raw), signed(*center), short(*spread), number(input));
            }
            other => {
                (&mut inputs).take(other.num_inputs()).for_each(|(&input, name)| say!("  {name} = {}", number(input)))
            }
        }
    }
}

fn loss(shown: &Shown) {
    let (task, step) = (shown.saved.preprocessor.task(), shown.step);
    let training = &shown.saved.config.training;
    let is_plain = training.label_smoothing == 0.0 && training.class_weights.is_none();
    let loss = short(step.loss);
    say!("\n2 loss: how wrong the answer is");
    let label = shown.example.labels[0];
    match (task, training.loss.unwrap_or(Loss::default_for(task))) {
        (Task::Binary, Loss::CrossEntropy) => {
            let p = 1.0 / (1.0 + (-f64::from(step.logits[0])).exp());
            say!(
                "  p = 1 / (1 + e^-z) = {}, the probability of `{}`",
                short(p),
                shown.saved.preprocessor.class_names()[1]
            );
            match (is_plain, label == 1.0) {
                (true, true) => say!("  L = -ln(p) = {loss}, since the row is of this class (y = 1)"),
                (true, false) => say!("  L = -ln(1 - p) = {loss}, since the row is not of this class (y = 0)"),
                (false, _) => say!("  L = {loss}, the cross-entropy with the run's label_smoothing and class_weights"),
            }
        }
        (Task::MultiClass { .. }, Loss::CrossEntropy) => {
            let sum: f64 = step.logits.iter().map(|&z| f64::from(z).exp()).sum();
            for (class, &z) in step.logits.iter().enumerate() {
                let name = &shown.saved.preprocessor.class_names()[class];
                say!(
                    "  p{} = e^z{0} / (sum of e^z) = {}, the probability of `{name}`",
                    class + 1,
                    short(f64::from(z).exp() / sum)
                );
            }
            match is_plain {
                true => say!("  L = -ln(p{}) = {loss}, since the row is of this class", label as usize + 1),
                false => say!("  L = {loss}, the cross-entropy with the run's label_smoothing and class_weights"),
            }
        }
        (_, Loss::Mse) => {
            say!(
                "  L = (z - y)^2 = ({} - {})^2 = {loss}; y is the target, scaled",
                number(step.logits[0]),
                signed(label.into())
            )
        }
        (_, other) => say!("  L = {loss} ({})", serde_json::json!(other).as_str().unwrap_or_default()),
    }
}

fn backward(shown: &Shown, layers: &[Layer], i: usize, slope_rule: &str) {
    let layer = &layers[i];
    let name = &layer.name;
    let inputs = values_before(shown, i);
    let input_name = |input: usize| match i {
        0 => shown.saved.preprocessor.input_name(input).unwrap_or_default(),
        _ => format!("a{}", input + 1),
    };
    for unit in 0..layer.num_units() {
        let slope = layer.found.slopes[unit];
        let shown_slope = number(slope);
        match layers.get(i + 1) {
            None => say!("  {name} dL/dz{} = {}", unit + 1, output_slope(shown, unit, &shown_slope)),
            Some(next) => {
                let passed = |to: usize| product(next.weight(unit, to), next.found.slopes[to]);
                let terms: Vec<String> = (0..next.num_units()).map(passed).collect();
                let by_activation: f64 = (0..next.num_units())
                    .map(|to| f64::from(next.weight(unit, to)) * f64::from(next.found.slopes[to]))
                    .sum();
                say!("  {name} dL/da{} = {} = {}", unit + 1, terms.join(" + "), short(by_activation));
                let derivative = layer.found.derivatives.as_ref().map_or(f32::NAN, |found| found[unit]);
                let derivative = format!("[{slope_rule}] {}", number(derivative));
                say!("  {name} dL/dz{} = {} x {derivative} = {shown_slope}", unit + 1, short(by_activation));
            }
        }
        for (input, &value) in inputs.iter().enumerate() {
            let at = input * layer.num_units() + unit;
            let (gradient, difference) = found(shown, &format!("layers.{i}.weight"), at);
            let calculation = product(value, slope);
            say!("    by the weight of {}: {calculation} = {gradient}  ({difference})", input_name(input));
        }
        let (gradient, difference) = found(shown, &format!("layers.{i}.bias"), unit);
        say!("    by the bias: {gradient}  ({difference})");
    }
}

/// How the slope at an output comes about.
fn output_slope(shown: &Shown, unit: usize, slope: &str) -> String {
    let (task, training) = (shown.saved.preprocessor.task(), &shown.saved.config.training);
    let is_plain = training.label_smoothing == 0.0 && training.class_weights.is_none();
    let label = shown.example.labels[0];
    match (task, training.loss.unwrap_or(Loss::default_for(task))) {
        (Task::Binary, Loss::CrossEntropy) if is_plain => format!("p - y = {slope}"),
        (Task::MultiClass { .. }, Loss::CrossEntropy) if is_plain => {
            format!("p{} - {} = {slope}", unit + 1, u8::from(label as usize == unit))
        }
        (_, Loss::Mse) => format!("2 x (z - y) = {slope}"),
        _ => slope.to_owned(),
    }
}

/// A gradient, and its central difference.
fn found(shown: &Shown, name: &str, at: usize) -> (String, String) {
    let step = shown.step;
    let gradient = step.gradients.get(name).map_or_else(|| "frozen".to_owned(), |found| number(found.values[at]));
    let of =
        |differences: &Vec<(usize, f64)>| differences.iter().find(|(place, _)| *place == at).map(|(_, found)| *found);
    let difference = step.differences.get(name).and_then(of).map_or_else(|| "-".to_owned(), short);
    (gradient, difference)
}

fn update(shown: &Shown, layer: &Layer, i: usize) {
    let rate = shown.learning_rate;
    let line = |what: String, name: &str, at: usize, before: f32| {
        let (gradient, _) = found(shown, name, at);
        let after = shown.step.updated[name].values[at];
        // With decimals enough to see a small step.
        say!("  {} {what}: {before:.6} - {rate} x {} = {after:.6}", layer.name, in_brackets(&gradient));
    };
    for unit in 0..layer.num_units() {
        for input in 0..layer.weight.shape[0] {
            let name = format!("layers.{i}.weight");
            let what = format!("w{}{}", unit + 1, input + 1);
            line(what, &name, input * layer.num_units() + unit, layer.weight(input, unit));
        }
        line(format!("b{}", unit + 1), &format!("layers.{i}.bias"), unit, layer.bias.values[unit]);
    }
}

fn product(a: f32, b: f32) -> String {
    format!("{} x {}", in_brackets(&number(a)), in_brackets(&number(b)))
}

fn number(value: f32) -> String {
    short(value.into())
}

fn signed(value: f64) -> String {
    in_brackets(&short(value))
}

/// Negative numbers after an operator.
fn in_brackets(number: &str) -> String {
    if number.starts_with('-') { format!("({number})") } else { number.to_owned() }
}
