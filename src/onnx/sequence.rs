//! The nodes of layers that read several steps: attention, recurrent cells.

use super::graph::{Attribute, Graph, Values};
use crate::network::{Array, Cell, Layer};

/// Added to the scores of steps that are not seen: their weight is then 0 in float32.
const UNSEEN: f32 = -1e9;

/// Some dimensions of `x`, as a list of integers.
fn sizes(graph: &mut Graph, x: &str, start: i64, end: i64) -> String {
    graph.node("Shape", &[x], &[("start", Attribute::Int(start)), ("end", Attribute::Int(end))])
}

/// One more step before `x` `[N, steps, width]`.
pub(super) fn prepend(graph: &mut Graph, x: &str, step: &Array) -> String {
    let width = step.size(1);
    let one = graph.constant("step", &[1, 1, width], Values::Floats(&step.values));
    let rows = sizes(graph, x, 0, 1);
    let rest = graph.constant("shape", &[2], Values::Ints(&[1, width as i64]));
    let shape = graph.node("Concat", &[&rows, &rest], &[("axis", Attribute::Int(0))]);
    let steps = graph.node("Expand", &[&one, &shape], &[]);
    graph.node("Concat", &[&steps, x], &[("axis", Attribute::Int(1))])
}

/// `is_text`: there may be fewer steps than positions.
pub(super) fn add_positions(graph: &mut Graph, x: &str, positions: &Array, is_text: bool) -> String {
    let mut positions = graph.array("positions", positions);
    if is_text {
        let steps = sizes(graph, x, 1, 2);
        let start = graph.constant("start", &[1], Values::Ints(&[0]));
        positions = graph.node("Slice", &[&positions, &start, &steps, &start], &[]);
    }
    graph.node("Add", &[x, &positions], &[])
}

/// See [`Layer::Attention`]; `x` is `[N, steps, 3 x width]`.
pub(super) fn attention(graph: &mut Graph, x: &str, width: usize, heads: usize, is_causal: bool) -> String {
    let of_head = width / heads;
    // 0 stands for the size that x has.
    let shape = graph.constant("shape", &[5], Values::Ints(&[0, 0, 3, heads as i64, of_head as i64]));
    let parts = graph.node("Reshape", &[x, &shape], &[]);
    let mut part = |index: i64, order: [i64; 4]| {
        let index = graph.constant("part", &[], Values::Ints(&[index]));
        let part = graph.node("Gather", &[&parts, &index], &[("axis", Attribute::Int(2))]);
        graph.node("Transpose", &[&part], &[("perm", Attribute::Ints(&order))])
    };
    let queries = part(0, [0, 2, 1, 3]);
    let keys = part(1, [0, 2, 3, 1]);
    let values = part(2, [0, 2, 1, 3]);
    let products = graph.node("MatMul", &[&queries, &keys], &[]);
    let root = graph.number("root", (of_head as f32).sqrt());
    let mut scores = graph.node("Div", &[&products, &root], &[]);
    if is_causal {
        let steps = sizes(graph, &scores, 2, 4);
        let unseen = Attribute::Tensor(&[1], Values::Floats(&[UNSEEN]));
        let unseen = graph.node("ConstantOfShape", &[&steps], &[("value", unseen)]);
        let diagonal = graph.constant("diagonal", &[], Values::Ints(&[1]));
        let unseen = graph.node("Trilu", &[&unseen, &diagonal], &[("upper", Attribute::Int(1))]);
        scores = graph.node("Add", &[&scores, &unseen], &[]);
    }
    let weights = graph.node("Softmax", &[&scores], &[("axis", Attribute::Int(3))]);
    let seen = graph.node("MatMul", &[&weights, &values], &[]);
    let seen = graph.node("Transpose", &[&seen], &[("perm", Attribute::Ints(&[0, 2, 1, 3]))]);
    let shape = graph.constant("shape", &[3], Values::Ints(&[0, 0, width as i64]));
    graph.node("Reshape", &[&seen, &shape], &[])
}

/// See [`Layer::Recurrent`]; `x` is `[N, steps, inputs]`. ONNX counts the steps first, and has the weights transposed, with
/// the gates in another order.
pub(super) fn recurrent(graph: &mut Graph, x: &str, layer: &Layer) -> String {
    let Layer::Recurrent { cell, is_reversed, input_weight, input_bias, state_weight, state_bias } = layer else {
        unreachable!("called for recurrent layers alone")
    };
    let (operator, order): (_, &[usize]) = match cell {
        Cell::Lstm => ("LSTM", &[0, 2, 1, 3]),
        Cell::Gru => ("GRU", &[1, 0, 2]),
    };
    let units = state_weight.size(0);
    let mut weight = |what: &str, array: &Array| {
        let (rows, gates) = (array.size(0), array.size(1));
        let columns = order.iter().flat_map(|gate| gate * units..(gate + 1) * units);
        let values: Vec<f32> =
            columns.flat_map(|column| (0..rows).map(move |row| array.values[row * gates + column])).collect();
        graph.weights(what, &Array::new(&[1, gates, rows], values), 1)
    };
    let inputs = weight("input_weight", input_weight);
    let states = weight("state_weight", state_weight);
    let biases = [input_bias, state_bias].into_iter().flat_map(|bias| {
        order.iter().flat_map(move |gate| bias.values[gate * units..(gate + 1) * units].iter().copied())
    });
    let biases: Vec<f32> = biases.collect();
    let biases = graph.constant("bias", &[1, biases.len()], Values::Floats(&biases));
    let steps_first = [("perm", Attribute::Ints(&[1, 0, 2]))];
    let steps = graph.node("Transpose", &[x], &steps_first);
    let direction = Attribute::Text(if *is_reversed { "reverse" } else { "forward" });
    let mut attributes = vec![("hidden_size", Attribute::Int(units as i64)), ("direction", direction)];
    if *cell == Cell::Gru {
        attributes.push(("linear_before_reset", Attribute::Int(1)));
    }
    let states = graph.node(operator, &[&steps, &inputs, &states, &biases], &attributes);
    let axis = graph.constant("axis", &[1], Values::Ints(&[1]));
    let states = graph.node("Squeeze", &[&states, &axis], &[]);
    graph.node("Transpose", &[&states], &steps_first)
}
