//! The nodes of each layer.

use super::graph::{Attribute, Graph, Values};
use super::{members, sequence};
use crate::network::{Activation, Array, Inputs, Layer, Network, output_shape};

/// Negative slope of [`Activation::LeakyRelu`].
const LEAKY_SLOPE: f32 = 0.01;

/// What a layer reads.
struct Given<'a> {
    name: &'a str,
    /// Without the dimension of the rows, and that of the members.
    shape: &'a [usize],
    /// Whether there may be fewer steps than the shape has.
    is_text: bool,
    /// Whether the first dimension counts members.
    has_members: bool,
}

/// Inputs of the first layer to the outputs of the last, all float32 but the numbers of characters.
pub(super) fn outputs(graph: &mut Graph, inputs: &str, network: &Network) -> String {
    let shape = network.inputs.shape();
    let is_text = matches!(network.inputs, Inputs::Text { .. });
    let given = Given { name: inputs, shape: &shape, is_text, has_members: false };
    several(graph, &given, &network.layers)
}

fn several(graph: &mut Graph, given: &Given, layers: &[Layer]) -> String {
    let (mut name, mut shape, mut has_members) = (given.name.to_owned(), given.shape.to_vec(), given.has_members);
    for layer in layers {
        name = nodes(graph, &Given { name: &name, shape: &shape, is_text: given.is_text, has_members }, layer);
        shape = output_shape(std::slice::from_ref(layer), shape);
        has_members = match layer {
            Layer::ScaleMembers { .. } => true,
            Layer::AverageMembers { .. } => false,
            _ => has_members,
        };
    }
    name
}

fn nodes(graph: &mut Graph, given: &Given, layer: &Layer) -> String {
    let x = given.name;
    match layer {
        Layer::Dense { weight, bias } => {
            let is_matrix = given.shape.len() == 1 && !given.has_members;
            dense(graph, x, weight, bias, is_matrix)
        }
        Layer::Activation { function } => activate(graph, x, *function),
        Layer::Residual { layers } => {
            let change = several(graph, given, layers);
            graph.node("Add", &[x, &change], &[])
        }
        Layer::Branches { branches } => {
            let parts: Vec<String> = branches.iter().map(|layers| several(graph, given, layers)).collect();
            graph.concatenate(&super::texts(&parts))
        }
        Layer::Select { places } => {
            if places.iter().copied().eq(0..given.shape[0]) {
                return x.to_owned();
            }
            let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
            let places = graph.constant("places", &[places.len()], Values::Ints(&places));
            graph.node("Gather", &[x, &places], &[("axis", Attribute::Int(1))])
        }
        Layer::Reshape { shape } => {
            // 0 stands for the rows, however many there are.
            let shape: Vec<i64> = std::iter::once(0).chain(shape.iter().map(|&size| size as i64)).collect();
            let shape = graph.constant("shape", &[shape.len()], Values::Ints(&shape));
            graph.node("Reshape", &[x, &shape], &[])
        }
        Layer::Transpose { order } => {
            let order: Vec<i64> = std::iter::once(0).chain(order.iter().map(|&axis| axis as i64 + 1)).collect();
            graph.node("Transpose", &[x], &[("perm", Attribute::Ints(&order))])
        }
        Layer::Convolution { weight, bias } => {
            let kernel = weight.size(2) as i64;
            let (weight, bias) = (graph.weights("weight", weight, 0), graph.array("bias", bias));
            let attributes =
                [("kernel_shape", Attribute::Ints(&[kernel; 2])), ("pads", Attribute::Ints(&[kernel / 2; 4]))];
            graph.node("Conv", &[x, &weight, &bias], &attributes)
        }
        Layer::MaxPool { size } => {
            let size = Attribute::Ints(&[*size as i64; 2]);
            graph.node("MaxPool", &[x], &[("kernel_shape", size), ("strides", size)])
        }
        Layer::LayerNorm { scale, shift, epsilon } => {
            let [scale, shift] = [("scale", scale), ("shift", shift)].map(|(what, array)| graph.array(what, array));
            let attributes = [("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(*epsilon))];
            graph.node("LayerNormalization", &[x, &scale, &shift], &attributes)
        }
        Layer::SmoothClip { largest, limit } => smooth_clip(graph, x, *largest, *limit),
        Layer::Waves { frequency, phase, weight, bias } => waves(graph, x, [frequency, phase, weight, bias]),
        Layer::Lookup { table } => {
            let table = graph.weights("table", table, 0);
            graph.node("Gather", &[&table, x], &[])
        }
        Layer::Prepend { step } => sequence::prepend(graph, x, step),
        Layer::AddPositions { positions } => sequence::add_positions(graph, x, positions, given.is_text),
        Layer::Attention { heads, is_causal } => sequence::attention(graph, x, given.shape[1] / 3, *heads, *is_causal),
        Layer::Recurrent { .. } => sequence::recurrent(graph, x, layer),
        Layer::Step { is_last } => {
            let step = graph.constant("step", &[], Values::Ints(&[if *is_last { -1 } else { 0 }]));
            graph.node("Gather", &[x, &step], &[("axis", Attribute::Int(1))])
        }
        Layer::MeanStep => {
            graph.node("ReduceMean", &[x], &[("axes", Attribute::Ints(&[1])), ("keepdims", Attribute::Int(0))])
        }
        Layer::ScaleMembers { scale } => members::scale(graph, x, scale),
        Layer::MemberDense { weight, bias } => members::dense(graph, x, weight, bias),
        Layer::AverageMembers { mean } => members::average(graph, x, *mean, given.shape[0]),
    }
}

/// Of a matrix in one node; of more dimensions, the last is multiplied.
fn dense(graph: &mut Graph, x: &str, weight: &Array, bias: &Array, is_matrix: bool) -> String {
    let (weight, bias) = (graph.weights("weight", weight, 1), graph.array("bias", bias));
    if is_matrix {
        return graph.node("Gemm", &[x, &weight, &bias], &[]);
    }
    let sums = graph.node("MatMul", &[x, &weight], &[]);
    graph.node("Add", &[&sums, &bias], &[])
}

fn activate(graph: &mut Graph, x: &str, activation: Activation) -> String {
    match activation {
        Activation::Sigmoid => graph.node("Sigmoid", &[x], &[]),
        Activation::Tanh => graph.node("Tanh", &[x], &[]),
        Activation::Relu => graph.node("Relu", &[x], &[]),
        Activation::LeakyRelu => graph.node("LeakyRelu", &[x], &[("alpha", Attribute::Float(LEAKY_SLOPE))]),
        Activation::Gelu => gelu(graph, x),
        Activation::Silu => {
            let gate = graph.node("Sigmoid", &[x], &[]);
            graph.node("Mul", &[x, &gate], &[])
        }
    }
}

/// x (1 + erf(x / sqrt 2)) / 2; a Gelu operator was introduced only in opset 20.
fn gelu(graph: &mut Graph, x: &str) -> String {
    let root = graph.number("root_of_two", std::f32::consts::SQRT_2);
    let [one, half] = [("one", 1.0), ("half", 0.5)].map(|(what, value)| graph.number(what, value));
    let ratio = graph.node("Div", &[x, &root], &[]);
    let erf = graph.node("Erf", &[&ratio], &[]);
    let twice_phi = graph.node("Add", &[&erf, &one], &[]);
    let product = graph.node("Mul", &[x, &twice_phi], &[]);
    graph.node("Mul", &[&product, &half], &[])
}

/// See [`Layer::SmoothClip`].
fn smooth_clip(graph: &mut Graph, x: &str, largest: f32, limit: f32) -> String {
    let numbers = [("lowest", -largest), ("highest", largest), ("limit", limit), ("one", 1.0)];
    let [lowest, highest, limit, one] = numbers.map(|(what, value)| graph.number(what, value));
    let x = graph.node("Clip", &[x, &lowest, &highest], &[]);
    let part = graph.node("Div", &[&x, &limit], &[]);
    let square = graph.node("Mul", &[&part, &part], &[]);
    let sum = graph.node("Add", &[&square, &one], &[]);
    let root = graph.node("Sqrt", &[&sum], &[]);
    graph.node("Div", &[&x, &root], &[])
}

/// See [`Layer::Waves`]. The columns come first, so that each has a matrix product of its own.
fn waves(graph: &mut Graph, x: &str, arrays: [&Array; 4]) -> String {
    let [frequency, phase, weight, bias] = arrays;
    let weight = graph.weights("waves", weight, 0);
    let [frequency, phase, bias] = [frequency, phase, bias].map(|array| graph.array("waves", array));
    let last = graph.constant("axis", &[1], Values::Ints(&[2]));
    let columns = graph.node("Transpose", &[x], &[("perm", Attribute::Ints(&[1, 0]))]);
    let columns = graph.node("Unsqueeze", &[&columns, &last], &[]);
    let turns = graph.node("Mul", &[&columns, &frequency], &[]);
    let turns = graph.node("Add", &[&turns, &phase], &[]);
    // Whole turns are taken off before the product with 2 pi, which float32 rounds.
    let whole = graph.node("Round", &[&turns], &[]);
    let turns = graph.node("Sub", &[&turns, &whole], &[]);
    let tau = graph.number("tau", std::f32::consts::TAU);
    let angles = graph.node("Mul", &[&turns, &tau], &[]);
    let cosines = graph.node("Cos", &[&angles], &[]);
    let features = graph.node("MatMul", &[&cosines, &weight], &[]);
    let features = graph.node("Add", &[&features, &bias], &[]);
    graph.node("Transpose", &[&features], &[("perm", Attribute::Ints(&[1, 0, 2]))])
}
