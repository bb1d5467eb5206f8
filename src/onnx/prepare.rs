//! The nodes that turn raw cells into inputs of the first layer, as training did.

use super::graph::{Attribute, DataType, Dimension, Graph, Values};
use super::texts;
use crate::network::Column;

const INPUTS: &str = "inputs";

/// Declares the graph's inputs: one of all columns if they are numbers, else one per column, called `names`. Returns what
/// they are called.
pub(super) fn inputs(graph: &mut Graph, columns: &[Column], names: &[String]) -> Vec<String> {
    if columns.iter().all(Column::is_numeric) {
        graph.input(INPUTS, DataType::Float, &[Dimension::ROWS, Dimension::Size(columns.len())]);
        return vec![INPUTS.to_owned()];
    }
    for (column, name) in columns.iter().zip(names) {
        let data_type = if column.is_numeric() { DataType::Float } else { DataType::Text };
        graph.input(name, data_type, &[Dimension::ROWS, Dimension::Size(1)]);
    }
    names.to_vec()
}

/// The raw cells in `inputs` to the float32 inputs of the first layer, `[N, num_inputs]`.
pub(super) fn prepare(graph: &mut Graph, columns: &[Column], inputs: &[String]) -> String {
    if columns.iter().all(Column::is_numeric) {
        return scale(graph, INPUTS, columns);
    }
    let mut parts = Vec::new();
    let mut names = texts(inputs);
    // Consecutive numeric columns are scaled together, with a few nodes instead of a few for each.
    for block in columns.chunk_by(|left, right| left.is_numeric() && right.is_numeric()) {
        let rest = names.split_off(block.len());
        match block[0] {
            Column::Numeric { .. } => {
                let cells = graph.concatenate(&names);
                parts.push(scale(graph, &cells, block));
            }
            Column::Categorical { categories, has_unknown, .. } => {
                parts.extend(one_hot(graph, names[0], categories, has_unknown));
            }
            // ONNX has no operators for it, nor for buckets of categories: whoever calls this refuses such a network.
            Column::Text { .. } => {}
        }
        names = rest;
    }
    graph.concatenate(&texts(&parts))
}

/// Numeric `cells`, float32 `[N, columns]`, scaled or divided into bins in float64 as in training: float32 would be too
/// coarse near a large center.
fn scale(graph: &mut Graph, cells: &str, columns: &[Column]) -> String {
    let (mut medians, mut places, mut bounds) = (Vec::new(), Vec::new(), Bounds::default());
    for (place, column) in (0i64..).zip(columns) {
        let Column::Numeric { median, center, spread, edges, .. } = column else { continue };
        medians.push(*median);
        bounds.add(*center, *spread, edges);
        places.resize(bounds.centers.len(), place);
    }
    let has_bins = places.len() > columns.len() || bounds.lowest.contains(&0.0);
    let shape = [columns.len()];
    let medians = graph.constant("medians", &shape, Values::Doubles(&medians));
    let is_missing = graph.node("IsNaN", &[cells], &[]);
    let cells = graph.cast(cells, DataType::Double);
    let mut cells = graph.node("Where", &[&is_missing, &medians, &cells], &[]);
    let shape = [places.len()];
    if has_bins {
        let places = graph.constant("columns", &shape, Values::Ints(&places));
        cells = graph.node("Gather", &[&cells, &places], &[("axis", Attribute::Int(1))]);
    }
    let centers = graph.constant("centers", &shape, Values::Doubles(&bounds.centers));
    let spreads = graph.constant("spreads", &shape, Values::Doubles(&bounds.spreads));
    let distances = graph.node("Sub", &[&cells, &centers], &[]);
    let scaled = graph.node("Div", &[&distances, &spreads], &[]);
    let scaled = if has_bins {
        let lowest = graph.constant("lowest", &shape, Values::Doubles(&bounds.lowest));
        let highest = graph.constant("highest", &shape, Values::Doubles(&bounds.highest));
        let scaled = graph.node("Max", &[&scaled, &lowest], &[]);
        graph.node("Min", &[&scaled, &highest], &[])
    } else {
        let lowest = graph.constant("lowest", &[], Values::Doubles(&[LOWEST]));
        let highest = graph.constant("highest", &[], Values::Doubles(&[HIGHEST]));
        graph.node("Clip", &[&scaled, &lowest, &highest], &[])
    };
    graph.cast(&scaled, DataType::Float)
}

/// With a tiny spread an outlier may exceed the range of float32; inputs must be finite.
const LOWEST: f64 = f32::MIN as f64;
const HIGHEST: f64 = f32::MAX as f64;

/// Of each input: `(cell - center) / spread`, then not below `lowest` and not above `highest`.
#[derive(Default)]
struct Bounds {
    centers: Vec<f64>,
    spreads: Vec<f64>,
    lowest: Vec<f64>,
    highest: Vec<f64>,
}

impl Bounds {
    /// The inputs of a column; an empty `edges` stands for a scaled one.
    fn add(&mut self, center: f64, spread: f64, edges: &[f64]) {
        if edges.is_empty() {
            self.push([center, spread, LOWEST, HIGHEST]);
        }
        edges.array_windows().for_each(|[low, high]| self.push([*low, high - low, 0.0, 1.0]));
    }

    fn push(&mut self, [center, spread, lowest, highest]: [f64; 4]) {
        self.centers.push(center);
        self.spreads.push(spread);
        self.lowest.push(lowest);
        self.highest.push(highest);
    }
}

/// Inputs of one categorical column, `[N, num_inputs]`; none if it has no category and no input for unknown ones.
fn one_hot(graph: &mut Graph, cells: &str, categories: &[String], has_unknown: bool) -> Vec<String> {
    if categories.is_empty() {
        // The encoder does not accept an empty list, and every cell is unknown.
        return if has_unknown { vec![ones(graph, cells)] } else { Vec::new() };
    }
    let categories = texts(categories);
    let attributes = [("cats_strings", Attribute::Texts(&categories)), ("zeros", Attribute::Int(1))];
    let known = graph.node("OneHotEncoder", &[cells], &attributes);
    let axis = graph.constant("axis", &[1], Values::Ints(&[1]));
    // The encoder adds a dimension to [N, 1].
    let known = graph.node("Squeeze", &[&known, &axis], &[]);
    if !has_unknown {
        return vec![known];
    }
    let one = graph.constant("one", &[], Values::Floats(&[1.0]));
    let is_known = graph.node("ReduceSum", &[&known, &axis], &[("keepdims", Attribute::Int(1))]);
    let unknown = graph.node("Sub", &[&one, &is_known], &[]);
    vec![known, unknown]
}

/// A 1 for each of `cells`.
fn ones(graph: &mut Graph, cells: &str) -> String {
    let shape = graph.node("Shape", &[cells], &[]);
    let one = Attribute::Tensor(&[1], Values::Floats(&[1.0]));
    graph.node("ConstantOfShape", &[&shape], &[("value", one)])
}
