//! The nodes of several networks in one; a first dimension counts them.

use super::graph::{Attribute, Graph, Values};
use crate::network::{Array, Mean};

/// Smaller probabilities count as this one, so that their logarithm is finite.
const LEAST: f32 = 1e-30;
/// Smaller steps between quantiles count as this one, for the same reason.
const LEAST_STEP: f32 = 1e-6;

pub(super) fn scale(graph: &mut Graph, x: &str, scale: &Array) -> String {
    let scale = graph.constant("scale", &[scale.size(0), 1, scale.size(1)], Values::Floats(&scale.values));
    graph.node("Mul", &[x, &scale], &[])
}

pub(super) fn dense(graph: &mut Graph, x: &str, weight: &Array, bias: &Array) -> String {
    // Members share the scale of an output: they begin alike, and a node has scales along one dimension.
    let weight = graph.weights("weight", weight, 2);
    let bias = graph.constant("bias", &[bias.size(0), 1, bias.size(1)], Values::Floats(&bias.values));
    let sums = graph.node("MatMul", &[x, &weight], &[]);
    graph.node("Add", &[&sums, &bias], &[])
}

/// The mean of all members; `width` is that of the outputs.
pub(super) fn average(graph: &mut Graph, x: &str, of: Mean, width: usize) -> String {
    match of {
        Mean::Number => mean(graph, x),
        Mean::Quantiles => {
            let sums = quantiles(graph, x, width);
            let sums = mean(graph, &sums);
            steps(graph, &sums, width)
        }
        Mean::Softmax => {
            let probabilities = graph.node("Softmax", &[x], &[("axis", Attribute::Int(-1))]);
            log_of_mean(graph, &probabilities)
        }
        Mean::Sigmoid => {
            // The odds of both classes: 1 - p would round to 0 where p is near 1.
            let opposite = graph.node("Neg", &[x], &[]);
            let [second, first] = [x, &opposite].map(|logits| {
                let probabilities = graph.node("Sigmoid", &[logits], &[]);
                log_of_mean(graph, &probabilities)
            });
            graph.node("Sub", &[&second, &first], &[])
        }
    }
}

/// The standardized quantiles `[.., levels]` of the outputs: each is the sum of the parts up to its own.
pub(super) fn quantiles(graph: &mut Graph, outputs: &str, num_levels: usize) -> String {
    let [is_first, is_later] = masks(graph, num_levels);
    let parts = graph.node("Softplus", &[outputs], &[]);
    let parts = graph.node("Mul", &[&parts, &is_later], &[]);
    let lowest = graph.node("Mul", &[outputs, &is_first], &[]);
    let parts = graph.node("Add", &[&lowest, &parts], &[]);
    let sums = |(row, column)| f32::from(u8::from(row <= column));
    let sums = square(graph, "sums", num_levels, sums);
    graph.node("MatMul", &[&parts, &sums], &[])
}

/// The outputs that [`quantiles`] makes these of: of a step d it is d + ln(1 - e^-d).
fn steps(graph: &mut Graph, quantiles: &str, num_levels: usize) -> String {
    let [is_first, is_later] = masks(graph, num_levels);
    let differences = |(row, column)| f32::from(u8::from(row == column)) - f32::from(u8::from(row + 1 == column));
    let differences = square(graph, "differences", num_levels, differences);
    let steps = graph.node("MatMul", &[quantiles, &differences], &[]);
    let least = graph.number("least", LEAST_STEP);
    let steps = graph.node("Max", &[&steps, &least], &[]);
    let one = graph.number("one", 1.0);
    let opposite = graph.node("Neg", &[&steps], &[]);
    let decay = graph.node("Exp", &[&opposite], &[]);
    let rest = graph.node("Sub", &[&one, &decay], &[]);
    let logarithm = graph.node("Log", &[&rest], &[]);
    let outputs = graph.node("Add", &[&steps, &logarithm], &[]);
    let later = graph.node("Mul", &[&outputs, &is_later], &[]);
    let lowest = graph.node("Mul", &[quantiles, &is_first], &[]);
    graph.node("Add", &[&lowest, &later], &[])
}

/// 1 at the first level, and 1 at all others.
fn masks(graph: &mut Graph, num_levels: usize) -> [String; 2] {
    let is_first: Vec<f32> = (0..num_levels).map(|level| f32::from(u8::from(level == 0))).collect();
    let is_later: Vec<f32> = is_first.iter().map(|first| 1.0 - first).collect();
    [is_first, is_later].map(|mask| graph.constant("mask", &[num_levels], Values::Floats(&mask)))
}

fn square(graph: &mut Graph, name: &str, size: usize, value: impl Fn((usize, usize)) -> f32) -> String {
    let values: Vec<f32> = (0..size * size).map(|at| value((at / size, at % size))).collect();
    graph.constant(name, &[size, size], Values::Floats(&values))
}

fn log_of_mean(graph: &mut Graph, probabilities: &str) -> String {
    let mean = mean(graph, probabilities);
    let least = graph.number("least", LEAST);
    let mean = graph.node("Max", &[&mean, &least], &[]);
    graph.node("Log", &[&mean], &[])
}

fn mean(graph: &mut Graph, x: &str) -> String {
    graph.node("ReduceMean", &[x], &[("axes", Attribute::Ints(&[0])), ("keepdims", Attribute::Int(0))])
}
