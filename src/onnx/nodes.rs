//! The nodes of a perceptron's graph: preprocessing, layers, and decoding of the outputs.

use super::graph::{Attribute, DataType, Graph, Values};
use super::{Activation, Column, Dense, Head, Members, Network, texts};

const INPUTS: &str = "inputs";
const LABEL: &str = "label";
const LABELS: &str = "labels";
const QUANTILES: &str = "quantiles";
const PROBABILITIES: &str = "probabilities";
const PREDICTION: &str = "prediction";
/// Negative slope of [`Activation::LeakyRelu`].
const LEAKY_SLOPE: f32 = 0.01;

/// Declares the graph's inputs: one of all columns if they are numbers, else one per column, called `names`. Returns what
/// they are called.
pub(super) fn inputs(graph: &mut Graph, columns: &[Column], names: &[String]) -> Vec<String> {
    if columns.iter().all(Column::is_numeric) {
        graph.input(INPUTS, DataType::Float, columns.len());
        return vec![INPUTS.to_owned()];
    }
    for (column, name) in columns.iter().zip(names) {
        graph.input(name, if column.is_numeric() { DataType::Float } else { DataType::Text }, 1);
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
                let cells = concatenate(graph, &names);
                parts.push(scale(graph, &cells, block));
            }
            Column::Categorical { categories, has_unknown, .. } => {
                parts.extend(one_hot(graph, names[0], categories, has_unknown));
            }
        }
        names = rest;
    }
    concatenate(graph, &texts(&parts))
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
    let cells = cast(graph, cells, DataType::Double);
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
    cast(graph, &scaled, DataType::Float)
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

/// Inputs `[N, num_inputs]` of the first layer to the outputs `[N, num_outputs]` of each member, all float32.
pub(super) fn network(graph: &mut Graph, inputs: String, network: &Network) -> Vec<String> {
    match &network.members {
        None => vec![layers(graph, inputs, &network.layers, network.activation, "Gemm")],
        Some(members) => ensemble(graph, &inputs, network, members),
    }
}

/// `product` is the operator of a layer: `Gemm` for a matrix; `MatMul`, to which the bias is added, for several.
fn layers(graph: &mut Graph, inputs: String, layers: &[Dense], activation: Activation, product: &str) -> String {
    let mut outputs = inputs;
    for (number, layer) in layers.iter().enumerate() {
        if number > 0 {
            outputs = activate(graph, &outputs, activation);
        }
        let shape = [layer.num_inputs, layer.num_outputs];
        let weight = graph.constant("weight", &shape, Values::Floats(layer.weight));
        let bias = graph.constant("bias", &shape[1..], Values::Floats(layer.bias));
        outputs = match product {
            "Gemm" => graph.node(product, &[&outputs, &weight, &bias], &[]),
            _ => {
                let sums = graph.node(product, &[&outputs, &weight], &[]);
                graph.node("Add", &[&sums, &bias], &[])
            }
        };
    }
    outputs
}

/// The outputs of each member; until the end a first dimension counts the members.
fn ensemble(graph: &mut Graph, inputs: &str, network: &Network, members: &Members) -> Vec<String> {
    let (count, num_inputs) = (members.count, members.scale.len() / members.count);
    let last = network.layers.last().map_or(num_inputs, |layer| layer.num_outputs);
    let num_outputs = members.bias.len() / count;
    let scale = graph.constant("scale", &[count, 1, num_inputs], Values::Floats(members.scale));
    let scaled = graph.node("Mul", &[inputs, &scale], &[]);
    let units = layers(graph, scaled, &network.layers, network.activation, "MatMul");
    let units = activate(graph, &units, network.activation);
    let weight = graph.constant("weight", &[count, last, num_outputs], Values::Floats(members.weight));
    let bias = graph.constant("bias", &[count, 1, num_outputs], Values::Floats(members.bias));
    let outputs = graph.node("MatMul", &[&units, &weight], &[]);
    let outputs = graph.node("Add", &[&outputs, &bias], &[]);
    let of_member = |member: usize| {
        let member = graph.constant("member", &[], Values::Ints(&[member as i64]));
        graph.node("Gather", &[&outputs, &member], &[("axis", Attribute::Int(0))])
    };
    (0..count).map(of_member).collect()
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
    let root = graph.constant("root_of_two", &[], Values::Floats(&[std::f32::consts::SQRT_2]));
    let one = graph.constant("one", &[], Values::Floats(&[1.0]));
    let half = graph.constant("half", &[], Values::Floats(&[0.5]));
    let ratio = graph.node("Div", &[x, &root], &[]);
    let erf = graph.node("Erf", &[&ratio], &[]);
    let twice_phi = graph.node("Add", &[&erf, &one], &[]);
    let product = graph.node("Mul", &[x, &twice_phi], &[]);
    graph.node("Mul", &[&product, &half], &[])
}

/// The names of the model's outputs.
pub(super) fn output_names(head: &Head) -> &'static [&'static str] {
    match head {
        Head::Binary { .. } | Head::MultiClass { .. } => &[LABEL, PROBABILITIES],
        Head::Labels { .. } => &[LABELS, PROBABILITIES],
        Head::Quantiles { .. } => &[PREDICTION, QUANTILES],
        Head::Number { .. } | Head::Numbers { .. } | Head::Count { .. } => &[PREDICTION],
    }
}

/// Computes the model's outputs from those of the last layer.
pub(super) fn head(graph: &mut Graph, outputs: &str, head: &Head) {
    match head {
        Head::Binary { classes, threshold } => binary(graph, outputs, classes, *threshold),
        Head::MultiClass { classes } => multi_class(graph, outputs, &texts(classes)),
        Head::Number { mean, deviation, .. } => {
            let (distance, mean) = unscale(graph, outputs, *mean, *deviation);
            graph.node_to(PREDICTION, "Add", &[&distance, &mean], &[]);
            graph.output(PREDICTION, DataType::Double, Some(1));
        }
        Head::Numbers { means, deviations, .. } => {
            let (distance, mean) = unscale_all(graph, outputs, means, deviations);
            graph.node_to(PREDICTION, "Add", &[&distance, &mean], &[]);
            graph.output(PREDICTION, DataType::Double, Some(means.len()));
        }
        Head::Quantiles { mean, deviation, levels, middle, .. } => {
            let (distance, mean) = quantiles(graph, outputs, *mean, *deviation, levels.len());
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
            graph.output(PREDICTION, DataType::Double, Some(1));
        }
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
        Head::Number { mean, deviation, .. } => {
            let (distance, mean) = unscale(graph, outputs, *mean, *deviation);
            graph.node("Add", &[&distance, &mean], &[])
        }
        Head::Numbers { means, deviations, .. } => {
            let (distance, mean) = unscale_all(graph, outputs, means, deviations);
            graph.node("Add", &[&distance, &mean], &[])
        }
        Head::Quantiles { mean, deviation, levels, .. } => {
            let (distance, mean) = quantiles(graph, outputs, *mean, *deviation, levels.len());
            graph.node("Add", &[&distance, &mean], &[])
        }
        Head::Labels { .. } => graph.node("Sigmoid", &[outputs], &[]),
        Head::Count { mean, .. } => {
            let (rate, mean) = count(graph, outputs, *mean);
            graph.node("Mul", &[&rate, &mean], &[])
        }
    });
    let predictions: Vec<String> = predictions.collect();
    let sum = graph.node("Sum", &texts(&predictions), &[]);
    let num = predictions.len();
    let classes = match heads[0] {
        Head::Binary { classes, .. } => classes.to_vec(),
        Head::MultiClass { classes } => texts(classes),
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
        Head::Number { .. } | Head::Numbers { .. } | Head::Count { .. } => {
            let num_targets = if let Head::Numbers { names, .. } = heads[0] { names.len() } else { 1 };
            let num = graph.constant("members", &[], Values::Doubles(&[num as f64]));
            graph.node_to(PREDICTION, "Div", &[&sum, &num], &[]);
            graph.output(PREDICTION, DataType::Double, Some(num_targets));
            return;
        }
    };
    let num = graph.constant("members", &[], Values::Floats(&[num as f32]));
    graph.node_to(PROBABILITIES, "Div", &[&sum, &num], &[]);
    largest(graph, PROBABILITIES, &classes);
}

fn binary(graph: &mut Graph, logits: &str, classes: &[&str], threshold: f32) {
    let both = binary_probabilities(graph, logits);
    graph.node_to(PROBABILITIES, "Concat", &texts(&both), &[("axis", Attribute::Int(1))]);
    let threshold = graph.constant("threshold", &[], Values::Floats(&[threshold]));
    let is_second = graph.node("Greater", &[logits, &threshold], &[]);
    let number = cast(graph, &is_second, DataType::Int64);
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

/// Maps class indices `[N]` to class names, and declares the outputs.
fn label(graph: &mut Graph, numbers: &str, classes: &[&str]) {
    let keys: Vec<i64> = (0..classes.len() as i64).collect();
    let attributes = [("keys_int64s", Attribute::Ints(&keys)), ("values_strings", Attribute::Texts(classes))];
    graph.node_to(LABEL, "LabelEncoder", &[numbers], &attributes);
    graph.output(LABEL, DataType::Text, None);
    graph.output(PROBABILITIES, DataType::Float, Some(classes.len()));
}

/// The two terms of the quantiles `[N, levels]` in units of the target, float64.
fn quantiles(graph: &mut Graph, outputs: &str, mean: f64, deviation: f64, num_levels: usize) -> (String, String) {
    let is_first: Vec<f32> = (0..num_levels).map(|level| f32::from(u8::from(level == 0))).collect();
    let is_later: Vec<f32> = is_first.iter().map(|first| 1.0 - first).collect();
    let [is_first, is_later] =
        [is_first, is_later].map(|mask| graph.constant("mask", &[num_levels], Values::Floats(&mask)));
    let steps = graph.node("Softplus", &[outputs], &[]);
    let steps = graph.node("Mul", &[&steps, &is_later], &[]);
    let lowest = graph.node("Mul", &[outputs, &is_first], &[]);
    let parts = graph.node("Add", &[&lowest, &steps], &[]);
    // Each quantile is the sum of the parts up to its own.
    let sums: Vec<f32> =
        (0..num_levels * num_levels).map(|at| f32::from(u8::from(at / num_levels <= at % num_levels))).collect();
    let sums = graph.constant("sums", &[num_levels, num_levels], Values::Floats(&sums));
    let standardized = graph.node("MatMul", &[&parts, &sums], &[]);
    unscale(graph, &standardized, mean, deviation)
}

/// The quantile that stands for all, and declares the outputs.
fn middle_of(graph: &mut Graph, middle: usize, num_levels: usize) {
    let place = graph.constant("middle", &[1], Values::Ints(&[middle as i64]));
    graph.node_to(PREDICTION, "Gather", &[QUANTILES, &place], &[("axis", Attribute::Int(1))]);
    graph.output(PREDICTION, DataType::Double, Some(1));
    graph.output(QUANTILES, DataType::Double, Some(num_levels));
}

/// Which of `scores` `[N, labels]` are above their `limits`, and declares the outputs.
fn labels(graph: &mut Graph, scores: &str, limits: &str, num_labels: usize) {
    let holds = graph.node("Greater", &[scores, limits], &[]);
    graph.node_to(LABELS, "Cast", &[&holds], &[("to", Attribute::Int(DataType::Int64 as i64))]);
    graph.output(LABELS, DataType::Int64, Some(num_labels));
    graph.output(PROBABILITIES, DataType::Float, Some(num_labels));
}

/// The two terms of several numbers `[N, targets]` in their own units, float64.
fn unscale_all(graph: &mut Graph, standardized: &str, means: &[f64], deviations: &[f64]) -> (String, String) {
    let mean = graph.constant("mean", &[means.len()], Values::Doubles(means));
    let deviation = graph.constant("deviation", &[deviations.len()], Values::Doubles(deviations));
    let standardized = cast(graph, standardized, DataType::Double);
    (graph.node("Mul", &[&standardized, &deviation], &[]), mean)
}

/// The two terms of a number in its own units, float64.
fn unscale(graph: &mut Graph, standardized: &str, mean: f64, deviation: f64) -> (String, String) {
    let mean = graph.constant("mean", &[], Values::Doubles(&[mean]));
    let deviation = graph.constant("deviation", &[], Values::Doubles(&[deviation]));
    let standardized = cast(graph, standardized, DataType::Double);
    (graph.node("Mul", &[&standardized, &deviation], &[]), mean)
}

/// The two factors of a count, float64. The exponential is taken in float32, which all runtimes have.
fn count(graph: &mut Graph, logarithm: &str, mean: f64) -> (String, String) {
    let mean = graph.constant("mean", &[], Values::Doubles(&[mean]));
    let rate = graph.node("Exp", &[logarithm], &[]);
    (cast(graph, &rate, DataType::Double), mean)
}

fn cast(graph: &mut Graph, tensor: &str, data_type: DataType) -> String {
    graph.node("Cast", &[tensor], &[("to", Attribute::Int(data_type as i64))])
}

/// Concatenates columns; a single tensor is returned unchanged.
fn concatenate(graph: &mut Graph, tensors: &[&str]) -> String {
    match tensors {
        [single] => (*single).to_owned(),
        _ => graph.node("Concat", tensors, &[("axis", Attribute::Int(1))]),
    }
}
