//! A trained network, or the mean of several, with its preprocessing as an ONNX model: raw cells in, predictions out.
//!
//! Without categorical columns the model has one input, `inputs`, a float32 `[N, columns]`. Otherwise each column is a
//! separate input `[N, 1]`, named like the column: float32 or string. A missing number is NaN, a missing category the
//! empty string. Outputs: for classes `label`, string `[N]`, and `probabilities`, float32 `[N, classes]`; for a number
//! `prediction`, float64 `[N, 1]`, of several `[N, targets]`, and with its quantiles `quantiles`, float64 `[N, levels]`; for
//! several labels `labels`, int64 `[N, labels]`, 1 where one is predicted, and `probabilities`, float32 `[N, labels]`.
//!
//! A language model has the input `characters`, int64 `[N, T]`, and the outputs `logits`, float32 `[N, T, characters]`, and
//! `probabilities`, float32 `[N, characters]`, of the character after the last.

mod graph;
mod head;
mod layers;
mod members;
mod prepare;
pub mod protobuf;
mod sequence;

use std::collections::HashSet;

use graph::{DataType, Dimension, Graph};
use serde_json::{Map, Value};

pub use graph::Weights;

use crate::network::{Column, Head, Inputs, Network};

/// Everything that the ONNX model contains.
pub struct Model<'a> {
    /// At least one. Of several the model computes the mean of their probabilities, the class of the largest being the label, or
    /// of their numbers in their own units; each has its own preprocessing. Names are those of the first; categories are those
    /// that any of them knows.
    pub networks: Vec<Network<'a>>,
    /// Keys and values. The keys that the model has by itself are reserved: entries with these, and duplicate keys after the first,
    /// are left out.
    pub metadata: Vec<(String, String)>,
    pub producer_version: &'a str,
    /// A description of the model for humans.
    pub doc: &'a str,
    pub weights: Weights,
}

/// The bytes of an ONNX model; the same network gives the same bytes.
///
/// A column whose name is empty, or that of an output or an earlier column, has `_input` appended to the name of its
/// input; the order of the inputs is always that of the columns.
///
/// # Panics
/// If the sizes of columns, layers and head do not match; without a network; if the columns or classes of several differ in name
/// or kind, or they read a text.
pub fn encode(model: &Model) -> Vec<u8> {
    let Model { networks, producer_version, doc, .. } = model;
    let first = &networks[0];
    for network in networks {
        network.check();
        check_alike(first, network);
    }
    let names = input_names(first.inputs.columns(), head::output_names(&first.head));
    let mut graph = Graph::new(&names, model.weights);
    let outputs: Vec<String> = match &first.inputs {
        Inputs::Text { .. } => {
            graph.input("characters", DataType::Int64, &[Dimension::ROWS, Dimension::STEPS]);
            vec![layers::outputs(&mut graph, "characters", first)]
        }
        Inputs::Table { columns } => {
            let cells = prepare::inputs(&mut graph, columns, &names);
            let network = |network: &Network| {
                let inputs = prepare::prepare(&mut graph, network.inputs.columns(), &cells);
                layers::outputs(&mut graph, &inputs, network)
            };
            networks.iter().map(network).collect()
        }
    };
    match &outputs[..] {
        [outputs] => head::head(&mut graph, outputs, &first.head),
        _ => {
            let heads: Vec<&Head> = networks.iter().map(|network| &network.head).collect();
            head::mean_head(&mut graph, &outputs, &heads);
        }
    }
    graph.into_model(producer_version, doc, &metadata(model))
}

/// Networks with a common mean read the same columns, and predict the same.
fn check_alike(a: &Network, b: &Network) {
    let columns = |network: &Network| -> Vec<(String, bool)> {
        let columns = network.inputs.columns().iter();
        columns.map(|column| (column.name().to_owned(), column.is_numeric())).collect()
    };
    assert_eq!(columns(a), columns(b), "columns");
    let classes = |network: &Network| match &network.head {
        Head::Binary { classes, .. } => classes.map(str::to_owned).to_vec(),
        Head::MultiClass { classes } | Head::Ordered { classes } => classes.to_vec(),
        Head::Labels { names, .. } | Head::Numbers { names, .. } => {
            names.iter().map(|name| (*name).to_owned()).collect()
        }
        Head::Number { .. } | Head::Quantiles { .. } | Head::Count { .. } | Head::Characters { .. } => Vec::new(),
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
fn metadata(model: &Model) -> Vec<(String, String)> {
    let network = &model.networks[0];
    let target = match &network.head {
        Head::Binary { classes, .. } => Some(("class_names", json(classes))),
        Head::MultiClass { classes } | Head::Ordered { classes } => Some(("class_names", json(&texts(classes)))),
        Head::Number { name, .. } | Head::Quantiles { name, .. } | Head::Count { name, .. } => {
            Some(("target_name", (*name).to_owned()))
        }
        Head::Numbers { names, .. } => Some(("target_names", json(names))),
        Head::Labels { names, .. } => Some(("label_names", json(names))),
        Head::Characters { .. } => None,
    };
    let inputs = match &network.inputs {
        Inputs::Table { columns } => {
            let names: Vec<&str> = columns.iter().map(Column::name).collect();
            [("column_names", json(&names)), ("categories", categories(&model.networks))]
        }
        Inputs::Text { characters, context } => {
            [("known_characters", (*characters).to_owned()), ("context", context.to_string())]
        }
    };
    let levels = match &network.head {
        Head::Quantiles { levels, .. } => Some(("levels", Value::from(levels.to_vec()).to_string())),
        _ => None,
    };
    let own = inputs.into_iter().chain(target).chain(levels);
    let mut entries: Vec<(String, String)> = own.map(|(key, value)| (key.to_owned(), value)).collect();
    let mut keys = HashSet::from(RESERVED);
    entries.extend(model.metadata.iter().filter(|(key, _)| keys.insert(key)).cloned());
    entries
}

/// Keys that a model has by itself.
const RESERVED: [&str; 9] = [
    "column_names",
    "categories",
    "class_names",
    "target_name",
    "target_names",
    "label_names",
    "levels",
    "known_characters",
    "context",
];

/// The texts that each categorical column knows, spelled as in its training data; any other is unknown to the network.
fn categories(networks: &[Network]) -> String {
    let mut known: Map<String, Value> = Map::new();
    for column in networks.iter().flat_map(|network| network.inputs.columns()) {
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
