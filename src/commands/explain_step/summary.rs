//! A step through a network of any kind and size: its outputs, and for each weight how large gradient and update are.

use super::Shown;
use crate::commands::output::say;
use crate::figures::short;
use crate::model::Weight;
use crate::training::OutputDecoder;

/// The most probable classes that are shown.
const MOST_CLASSES: usize = 5;

pub(super) fn print(shown: &Shown) {
    let Shown { saved, example, step, learning_rate } = shown;
    let decoder = OutputDecoder::new(&saved.preprocessor);
    let num_outputs = decoder.task.num_outputs();
    say!("\n1 forward pass");
    for (i, layer) in step.layers.iter().enumerate() {
        let Some(activations) = &layer.activations else { continue };
        let num_active = activations.iter().filter(|&&value| value != 0.0).count();
        say!(
            "  layer {}: {num_active} of {} units are not 0, the largest is {}",
            i + 1,
            activations.len(),
            most(activations)
        );
    }
    if let Some(last) = step.logits.chunks_exact(num_outputs).last().filter(|_| !decoder.task.is_regression()) {
        let place = if decoder.task.is_language_model() { " after the last character" } else { "" };
        let mut classes: Vec<(usize, f64)> = decoder.probabilities(last).into_iter().enumerate().collect();
        classes.sort_by(|a, b| b.1.total_cmp(&a.1));
        let told: Vec<String> = classes
            .iter()
            .take(MOST_CLASSES)
            .map(|&(class, probability)| format!("{} {probability:.4}", example.name_of(saved, class)))
            .collect();
        say!("  most probable{place}: {}", told.join(", "));
    } else {
        let numbers: Vec<f64> = match decoder.levels[..] {
            [] => decoder.numbers(&step.logits).collect(),
            _ => decoder.quantiles(&step.logits).collect(),
        };
        let told: Vec<String> = numbers.into_iter().map(short).collect();
        say!("  output {}", told.join(", "));
    }
    say!("\n2 loss\n  {}", short(step.loss));
    say!("\n3 backward pass and update: |w| is the square root of the sum of squares of all numbers in w");
    let width = step.gradients.keys().map(String::len).max().unwrap_or(0).max("weight".len());
    say!("  {:width$}  {:>12}  {:>10}  {:>10}  {:>10}", "weight", "shape", "|w|", "|slope|", "|change|/|w|");
    for (name, gradient) in &step.gradients {
        let (weights, slopes) = (norm(&saved.weights[name]), norm(gradient));
        let shape: Vec<String> = gradient.shape.iter().map(usize::to_string).collect();
        let change = learning_rate * slopes / weights;
        say!(
            "  {name:width$}  {:>12}  {:>10}  {:>10}  {:>10}",
            shape.join("x"),
            short(weights),
            short(slopes),
            short(change)
        );
    }
    let frozen: Vec<&str> =
        saved.weights.keys().filter(|name| !step.gradients.contains_key(*name)).map(String::as_str).collect();
    if !frozen.is_empty() {
        say!("  without a slope, since they are frozen or no weights: {}", frozen.join(", "));
    }
    say!("\n  the steepest: w - {} x slope; in brackets (L(w + h) - L(w - h)) / 2h", learning_rate);
    for (name, places) in &step.differences {
        for &(at, difference) in places {
            let before = f64::from(saved.weights[name].values[at]);
            let gradient = f64::from(step.gradients[name].values[at]);
            let after = f64::from(step.updated[name].values[at]);
            let place = place(&step.gradients[name].shape, at);
            say!("  {name}[{place}]  slope {}  ({})  {before:.6} -> {after:.6}", short(gradient), short(difference));
        }
    }
    say!("\n4 the loss of this row: {} before, {} after", short(step.loss), short(step.new_loss));
}

fn most(values: &[f32]) -> String {
    short(values.iter().copied().fold(f32::NEG_INFINITY, f32::max).into())
}

fn norm(weight: &Weight) -> f64 {
    weight.values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

/// The indices of a position in a row-major array.
fn place(shape: &[usize], at: usize) -> String {
    let mut rest = at;
    let mut indices: Vec<String> = shape
        .iter()
        .rev()
        .map(|&size| {
            let index = rest % size;
            rest /= size;
            index.to_string()
        })
        .collect();
    indices.reverse();
    indices.join(", ")
}
