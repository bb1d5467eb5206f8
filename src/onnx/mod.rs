//! A trained multilayer perceptron, with its preprocessing, as an ONNX model: raw cells in, predictions out.
//!
//! Several of them become one model that computes the mean of their probabilities, or of their numbers.
//!
//! Without categorical columns the model has one input, `inputs`, a float32 `[N, columns]`. Otherwise each column is a
//! separate input `[N, 1]`, named like the column: float32 or string. A missing number is NaN, a missing category the
//! empty string. Outputs: for classes `label`, string `[N]`, and `probabilities`, float32 `[N, classes]`; for a number
//! `prediction`, float64 `[N, 1]`, of several `[N, targets]`, and with its quantiles `quantiles`, float64 `[N, levels]`; for several labels `labels`, int64 `[N, labels]`, 1 where one is
//! predicted, and `probabilities`, float32 `[N, labels]`.

mod graph;
mod nodes;
pub mod protobuf;

use std::collections::HashSet;

use graph::Graph;
use serde_json::{Map, Value};

/// A column of raw cells, and how it becomes inputs of the first layer.
pub enum Column<'a> {
    /// One input: `(cell - center) / spread`, with `median` instead of NaN; all in the column's own units. With `edges`
    /// (ascending, at least two) one input per bin instead: the part of it that lies below the cell, 0 to 1.
    Numeric { name: &'a str, median: f64, center: f64, spread: f64, edges: &'a [f64] },
    /// One input per category, 1 for the cell's and 0 for the others. `has_unknown`: an additional one that is 1 for
    /// any other cell; without it all are 0 then.
    Categorical { name: &'a str, categories: &'a [String], has_unknown: bool },
}

/// The non-linearity after each layer but the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    Sigmoid,
    Tanh,
    Relu,
    /// x above zero, 0.01 x below
    LeakyRelu,
    /// x Phi(x), where Phi is the normal distribution function; not the tanh approximation
    Gelu,
    /// x sigmoid(x)
    Silu,
}

/// A dense layer: `inputs * weight + bias`.
pub struct Dense<'a> {
    /// Row-major `[num_inputs, num_outputs]`.
    pub weight: &'a [f32],
    /// `[num_outputs]`.
    pub bias: &'a [f32],
    pub num_inputs: usize,
    pub num_outputs: usize,
}

/// An ensemble that shares its hidden layers: each member scales the prepared columns, and has an output layer of its
/// own; the mean of their predictions is that of the network.
pub struct Members<'a> {
    /// Row-major `[members, inputs]`.
    pub scale: &'a [f32],
    /// Row-major `[members, units, outputs]`.
    pub weight: &'a [f32],
    /// Row-major `[members, outputs]`.
    pub bias: &'a [f32],
    pub count: usize,
}

/// What the outputs of the last layer mean.
pub enum Head<'a> {
    /// One logit z: the probabilities are `[1 - sigmoid(z), sigmoid(z)]`, and the second class is predicted if z is above
    /// the threshold (0 is a probability of one half). Of a common mean it is that of the largest.
    Binary { classes: [&'a str; 2], threshold: f32 },
    /// A logit per class: the probabilities are their softmax, and the class of the largest (the first of equal ones)
    /// is predicted.
    MultiClass { classes: &'a [String] },
    /// One standardized number: `output * deviation + mean`, in float64, is the number in its own units.
    Number { name: &'a str, mean: f64, deviation: f64 },
    /// Several standardized numbers.
    Numbers { names: Vec<&'a str>, means: Vec<f64>, deviations: Vec<f64> },
    /// A logit per label: its probability is the sigmoid, and it is predicted above its threshold, in logits.
    Labels { names: Vec<&'a str>, thresholds: Vec<f32> },
    /// Quantiles of a number: the first output is the lowest one, and the softplus of each further one how far it lies above
    /// the one before, both standardized. The one at `middle` stands for all.
    Quantiles { name: &'a str, mean: f64, deviation: f64, levels: &'a [f64], middle: usize },
    /// The logarithm of a count: `e^output * mean`, in float64, is the count.
    Count { name: &'a str, mean: f64 },
}

/// Keys of the metadata that say what the columns are.
pub const OWN_KEYS: [&str; 7] =
    ["column_names", "categories", "class_names", "target_name", "target_names", "label_names", "levels"];

/// Everything that the ONNX model contains.
pub struct Network<'a> {
    /// In the order of the first layer's inputs.
    pub columns: Vec<Column<'a>>,
    /// The first one takes the prepared columns; without hidden layers it is also the last.
    pub layers: Vec<Dense<'a>>,
    /// Instead of the last layer.
    pub members: Option<Members<'a>>,
    pub activation: Activation,
    pub head: Head<'a>,
    /// Keys and values. The keys of [`OWN_KEYS`] are reserved: entries with these keys, and duplicate keys after the first, are left out.
    pub metadata: Vec<(String, String)>,
    pub producer_version: &'a str,
    /// A description of the model for humans.
    pub doc: &'a str,
}

/// The bytes of an ONNX model; the same network gives the same bytes.
///
/// A column whose name is empty, or that of an output or an earlier column, has `_input` appended to the name of its
/// input; the order of the inputs is always that of the columns.
///
/// # Panics
/// If the sizes of columns, layers and head do not match.
pub fn encode(network: &Network) -> Vec<u8> {
    encode_mean(std::slice::from_ref(network))
}

/// As [`encode`], of the mean of several networks, each with its own preprocessing: of their probabilities, the class of the
/// largest mean being the label, or of their numbers in their own units. Names, metadata and description are those of the
/// first one; categories are those that any of them knows.
///
/// # Panics
/// As [`encode`]; without a network; if columns or classes differ in name or kind.
pub fn encode_mean(networks: &[Network]) -> Vec<u8> {
    let first = &networks[0];
    for network in networks {
        check_sizes(network);
        check_alike(first, network);
    }
    let names = input_names(&first.columns, nodes::output_names(&first.head));
    let mut graph = Graph::new(&names);
    let cells = nodes::inputs(&mut graph, &first.columns, &names);
    let (mut outputs, mut heads) = (Vec::new(), Vec::new());
    for network in networks {
        let inputs = nodes::prepare(&mut graph, &network.columns, &cells);
        outputs.extend(nodes::network(&mut graph, inputs, network));
        heads.resize(outputs.len(), &network.head);
    }
    match &outputs[..] {
        [outputs] => nodes::head(&mut graph, outputs, &first.head),
        _ => nodes::mean_head(&mut graph, &outputs, &heads),
    }
    graph.into_model(first.producer_version, first.doc, &metadata(networks))
}

impl<'a> Column<'a> {
    fn name(&self) -> &'a str {
        match self {
            Self::Numeric { name, .. } | Self::Categorical { name, .. } => name,
        }
    }

    fn is_numeric(&self) -> bool {
        matches!(self, Self::Numeric { .. })
    }

    fn num_inputs(&self) -> usize {
        match self {
            Self::Numeric { edges, .. } => edges.len().saturating_sub(1).max(1),
            Self::Categorical { categories, has_unknown, .. } => categories.len() + usize::from(*has_unknown),
        }
    }
}

fn check_sizes(network: &Network) {
    let mut width = network.columns.iter().map(Column::num_inputs).sum();
    assert!(width > 0, "no column has an input");
    assert!(!network.layers.is_empty(), "no layers");
    let num_inputs = width;
    for (number, layer) in network.layers.iter().enumerate() {
        assert_eq!(layer.num_inputs, width, "inputs of layer {number}");
        assert_eq!(layer.weight.len(), layer.num_inputs * layer.num_outputs, "weights of layer {number}");
        assert_eq!(layer.bias.len(), layer.num_outputs, "biases of layer {number}");
        width = layer.num_outputs;
    }
    let num_outputs = match &network.head {
        Head::MultiClass { classes } => classes.len(),
        Head::Numbers { names, .. } | Head::Labels { names, .. } => names.len(),
        Head::Quantiles { levels, .. } => levels.len(),
        Head::Binary { .. } | Head::Number { .. } | Head::Count { .. } => 1,
    };
    let Some(members) = &network.members else {
        assert_eq!(width, num_outputs, "outputs of the last layer");
        return;
    };
    assert_eq!(members.scale.len(), members.count * num_inputs, "scale of the members");
    assert_eq!(members.weight.len(), members.count * width * num_outputs, "weights of the members");
    assert_eq!(members.bias.len(), members.count * num_outputs, "biases of the members");
}

/// Networks with a common mean read the same columns, and predict the same.
fn check_alike(a: &Network, b: &Network) {
    let columns = |network: &Network| -> Vec<(String, bool)> {
        network.columns.iter().map(|column| (column.name().to_owned(), column.is_numeric())).collect()
    };
    assert_eq!(columns(a), columns(b), "columns");
    let classes = |network: &Network| match &network.head {
        Head::Binary { classes, .. } => classes.map(str::to_owned).to_vec(),
        Head::MultiClass { classes } => classes.to_vec(),
        Head::Numbers { names, .. } | Head::Labels { names, .. } => names.iter().map(ToString::to_string).collect(),
        Head::Quantiles { levels, .. } => levels.iter().map(ToString::to_string).collect(),
        Head::Number { .. } | Head::Count { .. } => Vec::new(),
    };
    assert_eq!(classes(a), classes(b), "classes");
}

/// The names of the graph's inputs for the columns: inputs and outputs share a namespace, and an empty name means
/// "absent".
fn input_names(columns: &[Column], outputs: &[&str]) -> Vec<String> {
    let wanted: HashSet<&str> = columns.iter().map(Column::name).collect();
    let mut taken: HashSet<String> = outputs.iter().map(|&name| name.to_owned()).collect();
    let mut names = Vec::with_capacity(columns.len());
    for column in columns {
        let mut name = column.name().to_owned();
        if name.is_empty() || taken.contains(&name) {
            while taken.contains(&name) || wanted.contains(&name[..]) {
                name.push_str("_input");
            }
        }
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

/// What the graph cannot express, with several names as JSON lists; then the user's entries.
fn metadata(networks: &[Network]) -> Vec<(String, String)> {
    let network = &networks[0];
    let columns: Vec<&str> = network.columns.iter().map(Column::name).collect();
    let target = match &network.head {
        Head::Binary { classes, .. } => ("class_names", json(classes)),
        Head::MultiClass { classes } => ("class_names", json(&texts(classes))),
        Head::Number { name, .. } | Head::Quantiles { name, .. } | Head::Count { name, .. } => {
            ("target_name", (*name).to_owned())
        }
        Head::Numbers { names, .. } => ("target_names", json(names)),
        Head::Labels { names, .. } => ("label_names", json(names)),
    };
    let own = [("column_names", json(&columns)), ("categories", categories(networks)), target];
    let mut entries: Vec<(String, String)> = own.map(|(key, value)| (key.to_owned(), value)).into();
    if let Head::Quantiles { levels, .. } = &network.head {
        entries.push(("levels".to_owned(), Value::from(levels.to_vec()).to_string()));
    }
    let mut keys = HashSet::from(OWN_KEYS);
    entries.extend(network.metadata.iter().filter(|(key, _)| keys.insert(key)).cloned());
    entries
}

/// The texts that each categorical column knows, spelled as in its training data; any other is unknown to the network.
fn categories(networks: &[Network]) -> String {
    let mut known: Map<String, Value> = Map::new();
    for column in networks.iter().flat_map(|network| &network.columns) {
        let Column::Categorical { name, categories, .. } = column else { continue };
        let found = known.entry(*name).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(found) = found {
            let new: Vec<Value> = categories.iter().map(|text| Value::from(text.as_str())).collect();
            found.extend(new.into_iter().filter(|text| !found.contains(text)).collect::<Vec<_>>());
        }
    }
    Value::Object(known).to_string()
}

fn json(names: &[&str]) -> String {
    serde_json::Value::from(names).to_string()
}

fn texts(strings: &[String]) -> Vec<&str> {
    strings.iter().map(String::as_str).collect()
}
