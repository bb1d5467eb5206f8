//! The nodes of several networks in one; a first dimension counts them.

use super::graph::{Attribute, Graph, Values};
use crate::network::{Array, Mean};

/// Smaller probabilities count as this one, so that their logarithm is finite.
const LEAST: f32 = 1e-30;

pub(super) fn scale(graph: &mut Graph, x: &str, scale: &Array) -> String {
    let scale = graph.constant("scale", &[scale.size(0), 1, scale.size(1)], Values::Floats(&scale.values));
    graph.node("Mul", &[x, &scale], &[])
}

pub(super) fn dense(graph: &mut Graph, x: &str, weight: &Array, bias: &Array) -> String {
    let weight = graph.array("weight", weight);
    let bias = graph.constant("bias", &[bias.size(0), 1, bias.size(1)], Values::Floats(&bias.values));
    let sums = graph.node("MatMul", &[x, &weight], &[]);
    graph.node("Add", &[&sums, &bias], &[])
}

pub(super) fn average(graph: &mut Graph, x: &str, of: Mean) -> String {
    match of {
        Mean::Number => mean(graph, x),
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

fn log_of_mean(graph: &mut Graph, probabilities: &str) -> String {
    let mean = mean(graph, probabilities);
    let least = graph.number("least", LEAST);
    let mean = graph.node("Max", &[&mean, &least], &[]);
    graph.node("Log", &[&mean], &[])
}

fn mean(graph: &mut Graph, x: &str) -> String {
    graph.node("ReduceMean", &[x], &[("axes", Attribute::Ints(&[0])), ("keepdims", Attribute::Int(0))])
}
