//! The network diagram: nodes in columns, and the weights between them.

use super::layer::Layer;
use super::legend::{Entry, legend};
use super::network_nodes::{Column, Names, columns};
use super::page::{MARGIN, Page, WIDTH, empty};
use super::svg::{Anchor, Element, group, line, text};
use super::words::{counted, signed};

/// A weight between two nodes, each given by its number and its y coordinate.
struct Edge {
    weight: f64,
    from: (usize, f64),
    to: (usize, f64),
}

/// Networks of up to so many edges show each weight and bias as a number.
const MOST_NUMBERED: usize = 30;

/// Nodes as circles, weights as lines: wider for larger ones, coloured by sign, with the number as a tooltip; a
/// network of few edges shows the numbers. A layer of more than 16 nodes shows the 12 with the largest weights, so at most 256 lines connect two layers.
/// `input_name`: that of an input, of which there may be millions.
pub fn network(
    title: &str,
    layers: &[Layer],
    input_name: &dyn Fn(usize) -> Option<String>,
    output_names: &[String],
) -> String {
    if layers.iter().all(|layer| layer.num_inputs * layer.num_outputs == 0) {
        return empty(title, "There is no layer with weights.");
    }
    let names = Names { num_layers: layers.len(), input: input_name, outputs: output_names };
    let page = Page::new(title, &summary(layers, &names));
    let entries =
        vec![Entry::new(key("edge-positive"), "positive weight"), Entry::new(key("edge-negative"), "negative weight")];
    let (legend, legend_height) = legend(entries, MARGIN, page.top, WIDTH - 2.0 * MARGIN);
    let is_numbered = layers.iter().map(|layer| layer.weights.len()).sum::<usize>() <= MOST_NUMBERED;
    let (columns, bottom) = columns(layers, &names, is_numbered, page.top + legend_height + 8.0);
    let limit = layers.iter().map(Layer::largest_weight).fold(0.0, f64::max);
    let mut body = group("network").with(legend);
    for (index, (layer, pair)) in layers.iter().zip(columns.windows(2)).enumerate() {
        let (mut edges, mut numbers) = (group("edges"), group("numbers"));
        let along = number_place(&pair[0], &pair[1]);
        for edge in strongest(layer, &pair[0], &pair[1]) {
            let (from, to) = (names.node(index, edge.from.0), names.node(index + 1, edge.to.0));
            let hint = format!("{from} to {to}: {}", signed(edge.weight));
            edges.add(drawn(&edge, pair[0].x, pair[1].x, limit).hint(&hint));
            let at = |from: f64, to: f64| from + along * (to - from);
            let place = (at(pair[0].x, pair[1].x), at(edge.from.1, edge.to.1) + 4.0);
            numbers.add(text("text number", place, Anchor::Middle, &signed(edge.weight)));
        }
        body.add(edges);
        if is_numbered {
            body.add(numbers);
        }
    }
    for (index, column) in columns.iter().enumerate() {
        let biases = index.checked_sub(1).map(|layer| &layers[layer].biases[..]);
        body.add(column.drawn(index, &names, biases, is_numbered, bottom));
    }
    page.finish(body, bottom)
}

/// "2 inputs, 2 hidden units, 1 output; 9 weights and biases. The strongest weight, +6.2, leads from x to unit 1."
fn summary(layers: &[Layer], names: &Names) -> String {
    let (first, last) = (&layers[0], &layers[layers.len() - 1]);
    let hidden: usize = layers[..layers.len() - 1].iter().map(|layer| layer.num_outputs).sum();
    let num_parameters: usize = layers.iter().map(|layer| layer.weights.len() + layer.biases.len()).sum();
    let nodes =
        [counted(first.num_inputs, "input"), counted(hidden, "hidden unit"), counted(last.num_outputs, "output")];
    let mut summary = format!("{}; {num_parameters} weights and biases.", nodes.join(", "));
    let of_layer = |(index, layer): (usize, &Layer)| {
        let ends = |place: usize| (place / layer.num_outputs.max(1), place % layer.num_outputs.max(1));
        let weight = |place: usize| layer.weight(ends(place).0, ends(place).1);
        let place = (0..layer.weights.len()).max_by(|&a, &b| weight(a).abs().total_cmp(&weight(b).abs()))?;
        Some((index, ends(place), weight(place)))
    };
    let strongest = layers.iter().enumerate().filter_map(of_layer).max_by(|a, b| a.2.abs().total_cmp(&b.2.abs()));
    if let Some((index, (from, to), weight)) = strongest {
        let (from, to) = (names.node(index, from), names.node(index + 1, to));
        summary += &format!(" The strongest weight, {}, leads from {from} to {to}.", signed(weight));
    }
    summary
}

/// The weights between shown nodes, the strongest last, so that they are drawn on top.
fn strongest(layer: &Layer, from: &Column, to: &Column) -> Vec<Edge> {
    let edge = |&from: &(usize, f64), &to: &(usize, f64)| Edge { weight: layer.weight(from.0, to.0), from, to };
    let mut edges: Vec<Edge> =
        from.shown.iter().flat_map(|from| to.shown.iter().map(move |to| edge(from, to))).collect();
    edges.retain(|edge| edge.weight != 0.0);
    edges.sort_by(|a, b| a.weight.abs().total_cmp(&b.weight.abs()));
    edges
}

/// Where on its edge the number of a weight stands, as a fraction of the way: where the numbers of all edges between two
/// columns, which lie at `(1 - t) x from + t x to`, are as far apart as can be.
fn number_place(from: &Column, to: &Column) -> f64 {
    let (from_gap, to_gap) = (from.gap(), to.gap());
    let (num_from, num_to) = (from.shown.len() as f64, to.shown.len() as f64);
    // Those of a node on the left side by side, or those of a node on the right.
    match from_gap + num_to * to_gap <= to_gap + num_from * from_gap {
        true => from_gap / (from_gap + num_to * to_gap),
        false => num_from * from_gap / (to_gap + num_from * from_gap),
    }
}

fn drawn(edge: &Edge, from_x: f64, to_x: f64, limit: f64) -> Element {
    let sign = if edge.weight > 0.0 { "edge-positive" } else { "edge-negative" };
    let line = line(&format!("edge {sign}"), (from_x, edge.from.1), (to_x, edge.to.1));
    line.number("stroke-width", 0.3 + 5.7 * edge.weight.abs() / limit)
}

fn key(sign: &str) -> Element {
    line(&format!("key {sign}"), (-11.0, 0.0), (11.0, 0.0)).number("stroke-width", 4.0)
}
