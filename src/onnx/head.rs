//! The nodes that turn the outputs of the last layer into the model's: labels and probabilities, or numbers.

use super::graph::{Attribute, DataType, Dimension, Graph, Values};
use super::members::quantiles;
use super::texts;
use crate::network::Head;

const LABEL: &str = "label";
const LOGITS: &str = "logits";
const PROBABILITIES: &str = "probabilities";
const PREDICTION: &str = "prediction";
const LABELS: &str = "labels";
const QUANTILES: &str = "quantiles";

/// The names of the model's outputs.
pub(super) fn output_names(head: &Head) -> &'static [&'static str] {
    match head {
        Head::Binary { .. } | Head::MultiClass { .. } | Head::Ordered { .. } => &[LABEL, PROBABILITIES],
        Head::Number { .. } | Head::Numbers { .. } | Head::Count { .. } => &[PREDICTION],
        Head::Labels { .. } => &[LABELS, PROBABILITIES],
        Head::Quantiles { .. } => &[PREDICTION, QUANTILES],
        Head::Characters { .. } => &[LOGITS, PROBABILITIES],
    }
}

/// Computes the model's outputs from those of the last layer.
pub(super) fn head(graph: &mut Graph, outputs: &str, head: &Head) {
    match head {
        Head::Binary { classes, threshold } => binary(graph, outputs, classes, *threshold),
        Head::MultiClass { classes } => multi_class(graph, outputs, &texts(classes)),
        Head::Ordered { classes } => {
            let probabilities = ordered_probabilities(graph, outputs, classes.len());
            graph.node_to(PROBABILITIES, "Identity", &[&probabilities], &[]);
            median(graph, PROBABILITIES, &texts(classes));
        }
        Head::Number { mean, deviation, .. } => number(graph, outputs, *mean, *deviation),
        Head::Numbers { means, deviations, .. } => {
            let (distance, mean) = unscale_all(graph, outputs, means, deviations);
            graph.node_to(PREDICTION, "Add", &[&distance, &mean], &[]);
            graph.output(PREDICTION, DataType::Double, &[Dimension::ROWS, Dimension::Size(means.len())]);
        }
        Head::Quantiles { mean, deviation, levels, middle, .. } => {
            let standardized = quantiles(graph, outputs, levels.len());
            let (distance, mean) = unscale(graph, &standardized, *mean, *deviation);
            graph.node_to(QUANTILES, "Add", &[&distance, &mean], &[]);
            middle_of(graph, *middle, levels.len());
        }
        Head::Labels { thresholds, .. } => {
            graph.node_to(PROBABILITIES, "Sigmoid", &[outputs], &[]);
            let limits = graph.constant("thresholds", &[thresholds.len()], Values::Floats(thresholds));
            labels(graph, outputs, &limits, thresholds.len());
        }
        Head::Count { mean, .. } => {
            let (rate, mean) = count(graph, outputs, *mean);
            graph.node_to(PREDICTION, "Mul", &[&rate, &mean], &[]);
            graph.output(PREDICTION, DataType::Double, &[Dimension::ROWS, Dimension::Size(1)]);
        }
        Head::Characters { count } => characters(graph, outputs, *count),
    }
}

/// Computes the mean of the predictions of several networks from the outputs of their last layers.
pub(super) fn mean_head(graph: &mut Graph, outputs: &[String], heads: &[&Head]) {
    let predictions = outputs.iter().zip(heads).map(|(outputs, head)| match head {
        Head::Binary { .. } => {
            let both = binary_probabilities(graph, outputs);
            graph.node("Concat", &texts(&both), &[("axis", Attribute::Int(1))])
        }
        Head::MultiClass { .. } => graph.node("Softmax", &[outputs], &[("axis", Attribute::Int(1))]),
        Head::Ordered { classes } => ordered_probabilities(graph, outputs, classes.len()),
        Head::Number { mean, deviation, .. } => {
            let (distance, mean) = unscale(graph, outputs, *mean, *deviation);
            graph.node("Add", &[&distance, &mean], &[])
        }
        Head::Numbers { means, deviations, .. } => {
            let (distance, mean) = unscale_all(graph, outputs, means, deviations);
            graph.node("Add", &[&distance, &mean], &[])
        }
        Head::Quantiles { mean, deviation, levels, .. } => {
            let standardized = quantiles(graph, outputs, levels.len());
            let (distance, mean) = unscale(graph, &standardized, *mean, *deviation);
            graph.node("Add", &[&distance, &mean], &[])
        }
        Head::Labels { .. } => graph.node("Sigmoid", &[outputs], &[]),
        Head::Count { mean, .. } => {
            let (rate, mean) = count(graph, outputs, *mean);
            graph.node("Mul", &[&rate, &mean], &[])
        }
        Head::Characters { .. } => unreachable!("a text model is no member of an ensemble"),
    });
    let predictions: Vec<String> = predictions.collect();
    let sum = graph.node("Sum", &texts(&predictions), &[]);
    let num = predictions.len();
    let classes = match heads[0] {
        Head::Binary { classes, .. } => classes.to_vec(),
        Head::MultiClass { classes } | Head::Ordered { classes } => texts(classes),
        Head::Labels { thresholds, .. } => {
            let num = graph.constant("members", &[], Values::Floats(&[num as f32]));
            graph.node_to(PROBABILITIES, "Div", &[&sum, &num], &[]);
            let limits: Vec<f32> = thresholds.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
            let limits = graph.constant("thresholds", &[limits.len()], Values::Floats(&limits));
            return labels(graph, PROBABILITIES, &limits, thresholds.len());
        }
        Head::Quantiles { levels, middle, .. } => {
            let num = graph.constant("members", &[], Values::Doubles(&[num as f64]));
            graph.node_to(QUANTILES, "Div", &[&sum, &num], &[]);
            return middle_of(graph, *middle, levels.len());
        }
        head @ (Head::Number { .. } | Head::Numbers { .. } | Head::Count { .. } | Head::Characters { .. }) => {
            let num = graph.constant("members", &[], Values::Doubles(&[num as f64]));
            graph.node_to(PREDICTION, "Div", &[&sum, &num], &[]);
            graph.output(PREDICTION, DataType::Double, &[Dimension::ROWS, Dimension::Size(head.num_outputs())]);
            return;
        }
    };
    let num = graph.constant("members", &[], Values::Floats(&[num as f32]));
    graph.node_to(PROBABILITIES, "Div", &[&sum, &num], &[]);
    match heads[0] {
        Head::Ordered { .. } => median(graph, PROBABILITIES, &classes),
        _ => largest(graph, PROBABILITIES, &classes),
    }
}

fn binary(graph: &mut Graph, logits: &str, classes: &[&str], threshold: f32) {
    let both = binary_probabilities(graph, logits);
    graph.node_to(PROBABILITIES, "Concat", &texts(&both), &[("axis", Attribute::Int(1))]);
    let threshold = graph.constant("threshold", &[], Values::Floats(&[threshold]));
    let is_second = graph.node("Greater", &[logits, &threshold], &[]);
    let number = graph.cast(&is_second, DataType::Int64);
    let axis = graph.constant("axis", &[1], Values::Ints(&[1]));
    let number = graph.node("Squeeze", &[&number, &axis], &[]);
    label(graph, &number, classes);
}

/// The probabilities `[N, 1]` of both classes.
fn binary_probabilities(graph: &mut Graph, logits: &str) -> [String; 2] {
    let one = graph.constant("one", &[], Values::Floats(&[1.0]));
    let second = graph.node("Sigmoid", &[logits], &[]);
    let first = graph.node("Sub", &[&one, &second], &[]);
    [first, second]
}

fn multi_class(graph: &mut Graph, logits: &str, classes: &[&str]) {
    graph.node_to(PROBABILITIES, "Softmax", &[logits], &[("axis", Attribute::Int(1))]);
    largest(graph, logits, classes);
}

/// The label of the largest of `scores` `[N, classes]`, the first of equal ones.
fn largest(graph: &mut Graph, scores: &str, classes: &[&str]) {
    let attributes = [("axis", Attribute::Int(1)), ("keepdims", Attribute::Int(0))];
    let number = graph.node("ArgMax", &[scores], &attributes);
    label(graph, &number, classes);
}

/// The probabilities `[N, classes]` of classes in an order: that of not going on from a class, times those of going on from each
/// below it. As logarithms, so that none rounds to 0 halfway.
fn ordered_probabilities(graph: &mut Graph, logits: &str, num_classes: usize) -> String {
    let opposite = graph.node("Neg", &[logits], &[]);
    let [stops, goes_on] = [logits, &opposite].map(|logits| {
        let softplus = graph.node("Softplus", &[logits], &[]);
        graph.node("Neg", &[&softplus], &[])
    });
    let below = |graph: &mut Graph, counts: fn(usize, usize) -> bool| {
        let values: Vec<f32> = (0..(num_classes - 1) * num_classes)
            .map(|at| f32::from(u8::from(counts(at / num_classes, at % num_classes))))
            .collect();
        graph.constant("below", &[num_classes - 1, num_classes], Values::Floats(&values))
    };
    let own = below(graph, |step, class| step == class);
    let lower = below(graph, |step, class| step < class);
    let stops = graph.node("MatMul", &[&stops, &own], &[]);
    let goes_on = graph.node("MatMul", &[&goes_on, &lower], &[]);
    let logarithm = graph.node("Add", &[&stops, &goes_on], &[]);
    graph.node("Exp", &[&logarithm], &[])
}

/// The label of the median class: as many classes lie below it as have, with those below them, less than half of the probability.
fn median(graph: &mut Graph, probabilities: &str, classes: &[&str]) {
    let num_steps = classes.len() - 1;
    let values: Vec<f32> =
        (0..classes.len() * num_steps).map(|at| f32::from(u8::from(at / num_steps <= at % num_steps))).collect();
    let sums = graph.constant("sums", &[classes.len(), num_steps], Values::Floats(&values));
    let reached = graph.node("MatMul", &[probabilities, &sums], &[]);
    let half = graph.constant("half", &[], Values::Floats(&[0.5]));
    let is_below = graph.node("Less", &[&reached, &half], &[]);
    let is_below = graph.cast(&is_below, DataType::Int64);
    let axis = graph.constant("axis", &[1], Values::Ints(&[1]));
    let number = graph.node("ReduceSum", &[&is_below, &axis], &[("keepdims", Attribute::Int(0))]);
    label(graph, &number, classes);
}

/// Maps class indices `[N]` to class names, and declares the outputs.
fn label(graph: &mut Graph, numbers: &str, classes: &[&str]) {
    let keys: Vec<i64> = (0..classes.len() as i64).collect();
    let attributes = [("keys_int64s", Attribute::Ints(&keys)), ("values_strings", Attribute::Texts(classes))];
    graph.node_to(LABEL, "LabelEncoder", &[numbers], &attributes);
    graph.output(LABEL, DataType::Text, &[Dimension::ROWS]);
    graph.output(PROBABILITIES, DataType::Float, &[Dimension::ROWS, Dimension::Size(classes.len())]);
}

fn number(graph: &mut Graph, standardized: &str, mean: f64, deviation: f64) {
    let (distance, mean) = unscale(graph, standardized, mean, deviation);
    graph.node_to(PREDICTION, "Add", &[&distance, &mean], &[]);
    graph.output(PREDICTION, DataType::Double, &[Dimension::ROWS, Dimension::Size(1)]);
}

/// The quantile that stands for all, and declares the outputs.
fn middle_of(graph: &mut Graph, middle: usize, num_levels: usize) {
    let place = graph.constant("middle", &[1], Values::Ints(&[middle as i64]));
    graph.node_to(PREDICTION, "Gather", &[QUANTILES, &place], &[("axis", Attribute::Int(1))]);
    graph.output(PREDICTION, DataType::Double, &[Dimension::ROWS, Dimension::Size(1)]);
    graph.output(QUANTILES, DataType::Double, &[Dimension::ROWS, Dimension::Size(num_levels)]);
}

/// Which of `scores` `[N, labels]` are above their `limits`, and declares the outputs.
fn labels(graph: &mut Graph, scores: &str, limits: &str, num_labels: usize) {
    let holds = graph.node("Greater", &[scores, limits], &[]);
    graph.node_to(LABELS, "Cast", &[&holds], &[("to", Attribute::Int(DataType::Int64 as i64))]);
    graph.output(LABELS, DataType::Int64, &[Dimension::ROWS, Dimension::Size(num_labels)]);
    graph.output(PROBABILITIES, DataType::Float, &[Dimension::ROWS, Dimension::Size(num_labels)]);
}

/// The two terms of several numbers `[N, targets]` in their own units, float64.
fn unscale_all(graph: &mut Graph, standardized: &str, means: &[f64], deviations: &[f64]) -> (String, String) {
    let mean = graph.constant("mean", &[means.len()], Values::Doubles(means));
    let deviation = graph.constant("deviation", &[deviations.len()], Values::Doubles(deviations));
    let standardized = graph.cast(standardized, DataType::Double);
    (graph.node("Mul", &[&standardized, &deviation], &[]), mean)
}

/// The two terms of a number in its own units, float64.
fn unscale(graph: &mut Graph, standardized: &str, mean: f64, deviation: f64) -> (String, String) {
    let mean = graph.constant("mean", &[], Values::Doubles(&[mean]));
    let deviation = graph.constant("deviation", &[], Values::Doubles(&[deviation]));
    let standardized = graph.cast(standardized, DataType::Double);
    (graph.node("Mul", &[&standardized, &deviation], &[]), mean)
}

/// The two factors of a count, float64. The exponential is taken in float32, which all runtimes have.
fn count(graph: &mut Graph, logarithm: &str, mean: f64) -> (String, String) {
    let mean = graph.constant("mean", &[], Values::Doubles(&[mean]));
    let rate = graph.node("Exp", &[logarithm], &[]);
    (graph.cast(&rate, DataType::Double), mean)
}

/// The logits `[N, T, characters]` of what follows each character, and the probabilities of what follows the last.
fn characters(graph: &mut Graph, outputs: &str, count: usize) {
    graph.node_to(LOGITS, "Identity", &[outputs], &[]);
    graph.output(LOGITS, DataType::Float, &[Dimension::ROWS, Dimension::STEPS, Dimension::Size(count)]);
    let last = graph.constant("last", &[], Values::Ints(&[-1]));
    let last = graph.node("Gather", &[outputs, &last], &[("axis", Attribute::Int(1))]);
    graph.node_to(PROBABILITIES, "Softmax", &[&last], &[("axis", Attribute::Int(1))]);
    graph.output(PROBABILITIES, DataType::Float, &[Dimension::ROWS, Dimension::Size(count)]);
}
