//! Builds ONNX models as Protocol Buffers messages: a graph of operators, node by node.

use super::protobuf::Message;
use crate::network::Array;

/// The version of the file format; 8 was introduced with opset 17.
const IR_VERSION: i64 = 8;
/// The version of the operators; 17 predates 2023, so that old runtimes support it.
const OPSET: i64 = 17;
/// The domain of operators on text, and its version.
const ML_DOMAIN: &str = "ai.onnx.ml";
const ML_OPSET: i64 = 3;
/// The operators of [`ML_DOMAIN`] used here.
const ML_OPERATORS: [&str; 2] = ["LabelEncoder", "OneHotEncoder"];

/// A dimension of an input or output.
#[derive(Clone, Copy)]
pub(super) enum Dimension {
    Size(usize),
    /// Any size, the same wherever the name is.
    Any(&'static str),
}

impl Dimension {
    pub const ROWS: Self = Self::Any("N");
    /// Characters of a text.
    pub const STEPS: Self = Self::Any("T");
}

/// Field numbers of onnx.proto3, a module per message.
mod field {
    pub mod model {
        pub const IR_VERSION: u32 = 1;
        pub const PRODUCER_NAME: u32 = 2;
        pub const PRODUCER_VERSION: u32 = 3;
        pub const DOC_STRING: u32 = 6;
        pub const GRAPH: u32 = 7;
        pub const OPSET_IMPORT: u32 = 8;
        pub const METADATA_PROPS: u32 = 14;
    }
    pub mod operator_set_id {
        pub const DOMAIN: u32 = 1;
        pub const VERSION: u32 = 2;
    }
    pub mod string_string_entry {
        pub const KEY: u32 = 1;
        pub const VALUE: u32 = 2;
    }
    pub mod graph {
        pub const NODE: u32 = 1;
        pub const NAME: u32 = 2;
        pub const INITIALIZER: u32 = 5;
        pub const INPUT: u32 = 11;
        pub const OUTPUT: u32 = 12;
    }
    pub mod node {
        pub const INPUT: u32 = 1;
        pub const OUTPUT: u32 = 2;
        pub const NAME: u32 = 3;
        pub const OP_TYPE: u32 = 4;
        pub const ATTRIBUTE: u32 = 5;
        pub const DOMAIN: u32 = 7;
    }
    pub mod attribute {
        pub const NAME: u32 = 1;
        pub const F: u32 = 2;
        pub const I: u32 = 3;
        pub const S: u32 = 4;
        pub const T: u32 = 5;
        pub const INTS: u32 = 8;
        pub const STRINGS: u32 = 9;
        pub const TYPE: u32 = 20;
    }
    pub mod tensor {
        pub const DIMS: u32 = 1;
        pub const DATA_TYPE: u32 = 2;
        pub const FLOAT_DATA: u32 = 4;
        pub const INT64_DATA: u32 = 7;
        pub const NAME: u32 = 8;
        pub const RAW_DATA: u32 = 9;
        pub const DOUBLE_DATA: u32 = 10;
    }
    pub mod value_info {
        pub const NAME: u32 = 1;
        pub const TYPE: u32 = 2;
    }
    pub mod type_proto {
        pub const TENSOR_TYPE: u32 = 1;
        pub const ELEM_TYPE: u32 = 1;
        pub const SHAPE: u32 = 2;
        pub const DIM: u32 = 1;
        pub const DIM_VALUE: u32 = 1;
        pub const DIM_PARAM: u32 = 2;
    }
}

/// Element types: TensorProto.DataType of onnx.proto3.
#[derive(Clone, Copy)]
pub(super) enum DataType {
    Float = 1,
    Int8 = 3,
    Int64 = 7,
    Text = 8,
    Double = 11,
}

/// The elements of a constant, row-major.
#[derive(Clone, Copy)]
pub(super) enum Values<'a> {
    Floats(&'a [f32]),
    Doubles(&'a [f64]),
    Ints(&'a [i64]),
    Bytes(&'a [i8]),
}

/// An attribute of an operator.
#[derive(Clone, Copy)]
pub(super) enum Attribute<'a> {
    Float(f32),
    Int(i64),
    Text(&'a str),
    /// The shape, then the elements.
    Tensor(&'a [usize], Values<'a>),
    Ints(&'a [i64]),
    Texts(&'a [&'a str]),
}

/// How the weights of a model's layers are kept in its file. All else, as biases, is float32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    #[default]
    Float32,
    /// Whole numbers from -127 to 127, times a scale that each output (of a table, each row) has: its largest weight over 127. They
    /// take a quarter of the space; what is computed is float32.
    Int8,
}

/// About what a node of [`Graph::weights`] takes in the file.
const NODE_BYTES: usize = 200;

/// The scale of each place along `axis`, and what its weights are in it: rounded, ties to even.
fn quantized(array: &Array, axis: usize) -> (Vec<f32>, Vec<i8>) {
    let inner: usize = array.shape[axis + 1..].iter().product();
    let num_scales = array.size(axis);
    let place = |at: usize| at / inner % num_scales;
    let mut scales = vec![0.0f32; num_scales];
    for (at, value) in array.values.iter().enumerate() {
        scales[place(at)] = scales[place(at)].max(value.abs());
    }
    // Of weights that are all 0 any scale is right.
    scales.iter_mut().for_each(|scale| *scale = if *scale > 0.0 { *scale / 127.0 } else { 1.0 });
    let values = array.values.iter().enumerate();
    let values = values.map(|(at, value)| (value / scales[place(at)]).round_ties_even().clamp(-127.0, 127.0) as i8);
    (scales.clone(), values.collect())
}

/// A graph under construction. Tensors are referred to by name; generated names never clash with others.
#[derive(Default)]
pub(super) struct Graph {
    prefix: String,
    weights: Weights,
    num_named: usize,
    uses_ml: bool,
    nodes: Vec<Message>,
    initializers: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
}

impl Graph {
    /// An empty graph whose inputs and outputs will be named `names`, and whose weights are kept as `weights`.
    pub fn new(names: &[String], weights: Weights) -> Self {
        let mut prefix = String::from("burnlab/");
        while names.iter().any(|name| name.starts_with(&prefix)) {
            prefix.push('/');
        }
        Self { prefix, weights, ..Self::default() }
    }

    /// An input of this shape.
    pub fn input(&mut self, name: &str, data_type: DataType, shape: &[Dimension]) {
        self.inputs.push(value_info(name, data_type, shape));
    }

    /// An output of this shape, which a node must write.
    pub fn output(&mut self, name: &str, data_type: DataType, shape: &[Dimension]) {
        self.outputs.push(value_info(name, data_type, shape));
    }

    /// A constant tensor; `[]` is the shape of a scalar. Returns its name.
    pub fn constant(&mut self, what: &str, shape: &[usize], values: Values) -> String {
        let name = self.new_name(what);
        self.initializers.push(tensor(shape, values).text(field::tensor::NAME, &name));
        name
    }

    /// Weights as a constant, or as one that is made of whole numbers when the model is run: see [`Weights::Int8`]. Each place
    /// along `axis` has a scale of its own.
    pub fn weights(&mut self, what: &str, array: &Array, axis: usize) -> String {
        if self.weights == Weights::Float32 {
            return self.array(what, array);
        }
        let (num_scales, num_values) = (array.size(axis), array.values.len());
        // Of few weights the scales and the node would take more than is saved.
        if 3 * num_values < size_of::<f32>() * num_scales + NODE_BYTES {
            return self.array(what, array);
        }
        let (scales, values) = quantized(array, axis);
        let values = self.constant(what, &array.shape, Values::Bytes(&values));
        let scales = self.constant("scales", &[num_scales], Values::Floats(&scales));
        self.node("DequantizeLinear", &[&values, &scales], &[("axis", Attribute::Int(axis as i64))])
    }

    /// Numbers of a layer as a constant.
    pub fn array(&mut self, what: &str, array: &Array) -> String {
        self.constant(what, &array.shape, Values::Floats(&array.values))
    }

    /// A node with one output, whose name is returned.
    pub fn node(&mut self, operator: &str, inputs: &[&str], attributes: &[(&str, Attribute)]) -> String {
        let output = self.new_name(operator);
        self.node_to(&output, operator, inputs, attributes);
        output
    }

    /// A node with one output named `output`, which is also the node's name.
    pub fn node_to(&mut self, output: &str, operator: &str, inputs: &[&str], attributes: &[(&str, Attribute)]) {
        let mut node = Message::new()
            .texts(field::node::INPUT, inputs.iter().copied())
            .text(field::node::OUTPUT, output)
            .text(field::node::NAME, output)
            .text(field::node::OP_TYPE, operator);
        for (name, attribute) in attributes {
            node = node.message(field::node::ATTRIBUTE, &attribute.message(name));
        }
        if ML_OPERATORS.contains(&operator) {
            self.uses_ml = true;
            node = node.text(field::node::DOMAIN, ML_DOMAIN);
        }
        self.nodes.push(node);
    }

    pub fn cast(&mut self, tensor: &str, data_type: DataType) -> String {
        self.node("Cast", &[tensor], &[("to", Attribute::Int(data_type as i64))])
    }

    /// Concatenates columns; a single tensor is returned unchanged.
    pub fn concatenate(&mut self, tensors: &[&str]) -> String {
        match tensors {
            [single] => (*single).to_owned(),
            _ => self.node("Concat", tensors, &[("axis", Attribute::Int(-1))]),
        }
    }

    /// A number as a constant.
    pub fn number(&mut self, what: &str, value: f32) -> String {
        self.constant(what, &[], Values::Floats(&[value]))
    }

    /// The bytes of a model with this graph. The keys of `metadata` must differ.
    pub fn into_model(self, producer_version: &str, doc: &str, metadata: &[(String, String)]) -> Vec<u8> {
        let graph = Message::new()
            .messages(field::graph::NODE, &self.nodes)
            .text(field::graph::NAME, "burnlab")
            .messages(field::graph::INITIALIZER, &self.initializers)
            .messages(field::graph::INPUT, &self.inputs)
            .messages(field::graph::OUTPUT, &self.outputs);
        let mut model = Message::new()
            .int(field::model::IR_VERSION, IR_VERSION)
            .text(field::model::PRODUCER_NAME, "burnlab")
            .text(field::model::PRODUCER_VERSION, producer_version)
            .text(field::model::DOC_STRING, doc)
            .message(field::model::GRAPH, &graph)
            .message(field::model::OPSET_IMPORT, &operator_set("", OPSET));
        if self.uses_ml {
            model = model.message(field::model::OPSET_IMPORT, &operator_set(ML_DOMAIN, ML_OPSET));
        }
        for (key, value) in metadata {
            let entry = Message::new()
                .text(field::string_string_entry::KEY, key)
                .text(field::string_string_entry::VALUE, value);
            model = model.message(field::model::METADATA_PROPS, &entry);
        }
        model.into_bytes()
    }

    fn new_name(&mut self, what: &str) -> String {
        self.num_named += 1;
        format!("{}{}_{what}", self.prefix, self.num_named)
    }
}

impl Attribute<'_> {
    fn message(&self, name: &str) -> Message {
        let message = Message::new().text(field::attribute::NAME, name);
        // The type numbers are those of AttributeProto.AttributeType in onnx.proto3.
        let (message, attribute_type) = match *self {
            Self::Float(value) => (message.float(field::attribute::F, value), 1),
            Self::Int(value) => (message.int(field::attribute::I, value), 2),
            Self::Text(text) => (message.text(field::attribute::S, text), 3),
            Self::Tensor(shape, values) => (message.message(field::attribute::T, &tensor(shape, values)), 4),
            Self::Ints(values) => (message.ints(field::attribute::INTS, values), 7),
            Self::Texts(texts) => (message.texts(field::attribute::STRINGS, texts.iter().copied()), 8),
        };
        message.int(field::attribute::TYPE, attribute_type)
    }
}

fn tensor(shape: &[usize], values: Values) -> Message {
    let dimensions: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
    let message = |data_type| {
        Message::new().ints(field::tensor::DIMS, &dimensions).int(field::tensor::DATA_TYPE, data_type as i64)
    };
    match values {
        Values::Floats(values) => message(DataType::Float).floats(field::tensor::FLOAT_DATA, values),
        Values::Doubles(values) => message(DataType::Double).doubles(field::tensor::DOUBLE_DATA, values),
        Values::Ints(values) => message(DataType::Int64).ints(field::tensor::INT64_DATA, values),
        Values::Bytes(values) => message(DataType::Int8).signed_bytes(field::tensor::RAW_DATA, values),
    }
}

fn value_info(name: &str, data_type: DataType, shape: &[Dimension]) -> Message {
    let dimension = |dimension: &Dimension| match *dimension {
        Dimension::Size(size) => Message::new().int(field::type_proto::DIM_VALUE, size as i64),
        Dimension::Any(name) => Message::new().text(field::type_proto::DIM_PARAM, name),
    };
    let dimensions: Vec<Message> = shape.iter().map(dimension).collect();
    let shape = Message::new().messages(field::type_proto::DIM, &dimensions);
    let tensor_type =
        Message::new().int(field::type_proto::ELEM_TYPE, data_type as i64).message(field::type_proto::SHAPE, &shape);
    let value_type = Message::new().message(field::type_proto::TENSOR_TYPE, &tensor_type);
    Message::new().text(field::value_info::NAME, name).message(field::value_info::TYPE, &value_type)
}

fn operator_set(domain: &str, version: i64) -> Message {
    Message::new().text(field::operator_set_id::DOMAIN, domain).int(field::operator_set_id::VERSION, version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_the_nearest_multiple_of_its_output_s_scale() {
        // By hand: the columns' largest are 1.27 and 254.
        let array = Array::new(&[3, 3], vec![1.27, -254.0, 0.0, 0.014, 3.1, 0.0, -0.996, 127.0, 0.0]);
        let (scales, values) = quantized(&array, 1);
        assert_eq!((scales[1], scales[2]), (2.0, 1.0));
        assert!((scales[0] - 0.01).abs() < 1e-9);
        assert_eq!(values, [127, -127, 0, 1, 2, 0, -100, 64, 0]);
        // The rows': 254, 3.1 and 127.
        let (scales, values) = quantized(&array, 0);
        assert_eq!((scales[0], scales[2]), (2.0, 1.0));
        assert_eq!(values, [1, -127, 0, 1, 127, 0, -1, 127, 0]);
        // Of the middle of three dimensions.
        let array = Array::new(&[2, 2, 2], vec![127.0, 1.0, 0.5, 0.25, -2.0, 3.0, 1.0, -12.7]);
        let (scales, values) = quantized(&array, 1);
        assert_eq!(scales[0], 1.0);
        assert_eq!(values, [127, 1, 5, 2, -2, 3, 10, -127]);
    }
}
