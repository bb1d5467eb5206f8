//! A trained network as plain data: the columns that it reads, its layers, and what its outputs mean.
//!
//! It is what other programs compute a prediction from. Each kind of `model` describes itself by these layers, once; [`onnx`](crate::onnx)
//! turns them into operators, and [`page`](crate::page) hands them to a web page. A new layer is a row of [`Layer`], which the
//! compiler then asks of each.

mod array;
mod shape;

pub use array::Array;
pub use shape::output_shape;

use serde::Serialize;

/// A column of raw cells, and how it becomes inputs of the first layer.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Column<'a> {
    /// One input: `(cell - center) / spread`, with `median` instead of NaN; all in the column's own units. With `edges`
    /// (ascending, at least two) one input per bin instead: the part of it that lies below the cell, 0 to 1.
    Numeric { name: &'a str, median: f64, center: f64, spread: f64, edges: &'a [f64] },
    /// One input per category, 1 for the cell's and 0 for the others. `has_unknown`: an additional one that is 1 for
    /// any other cell; without it all are 0 then. `buckets`: so many more, one of which is 1 or -1 for a cell that is no category and
    /// not missing, by its hash (see `src/data/bag.rs`).
    Categorical { name: &'a str, categories: &'a [String], has_unknown: bool, buckets: usize },
    /// This many inputs, made of a text by the hashes of its terms: see `src/data/bag.rs`.
    Text { name: &'a str, buckets: usize },
}

/// A non-linearity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
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

/// A recurrent cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Gates in the order input, forget, output, candidate.
    Lstm,
    /// Gates in the order reset, update, candidate; the reset gate is applied after the product with the state.
    Gru,
}

/// What the mean of several members is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mean {
    /// Of the probabilities of the second class; of which the logit follows.
    Sigmoid,
    /// Of the probabilities of all classes; of which the logarithms follow.
    Softmax,
    /// Of the outputs themselves.
    Number,
    /// Of the quantiles that the outputs stand for, as [`Head::Quantiles`] says; of which outputs follow.
    Quantiles,
}

/// A step of the computation. The first dimension of a tensor counts the rows, N; the shapes here leave it out. `..` is any
/// number of dimensions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub enum Layer<'a> {
    /// `[.., inputs]` x weight `[inputs, outputs]` + bias `[outputs]`.
    Dense { weight: Array<'a>, bias: Array<'a> },
    /// Of each element.
    Activation { function: Activation },
    /// The input, plus what the layers make of it.
    Residual { layers: Vec<Layer<'a>> },
    /// What each list of layers makes of the input, side by side: `[.., sum of their widths]`.
    Branches { branches: Vec<Vec<Layer<'a>>> },
    /// These of the values: `[values]` to `[places]`.
    Select { places: Vec<usize> },
    /// The same values in another shape.
    Reshape { shape: Vec<usize> },
    /// The dimensions in another order, counted from 0 without that of the rows.
    Transpose { order: Vec<usize> },
    /// `[in_channels, height, width]` by weight `[out_channels, in_channels, kernel, kernel]`, with zeros around, plus bias
    /// `[out_channels]`: `[out_channels, height, width]`.
    Convolution { weight: Array<'a>, bias: Array<'a> },
    /// The largest of each square of `size` pixels, what is left over being dropped: `[channels, height / size, width / size]`.
    MaxPool { size: usize },
    /// The last dimension to mean 0 and variance 1 (to which `epsilon` is added), times scale, plus shift.
    LayerNorm { scale: Array<'a>, shift: Array<'a>, epsilon: f32 },
    /// x, cut off at +-`largest`, over sqrt(1 + (x / limit)^2).
    SmoothClip { largest: f32, limit: f32 },
    /// Of each x of `[columns]`: cos(2 pi (frequency x + phase)) x weight + bias, where frequency and phase are `[columns, 1,
    /// waves]`, weight `[columns, waves, features]` and bias `[columns, 1, features]`: `[columns, features]`.
    Waves { frequency: Array<'a>, phase: Array<'a>, weight: Array<'a>, bias: Array<'a> },
    /// The rows of the table `[characters, width]` at the numbers `[steps]`: `[steps, width]`.
    Lookup { table: Array<'a> },
    /// Before the others one more step `[1, width]`.
    Prepend { step: Array<'a> },
    /// To each of `[steps, width]` the row of this array, which may have more.
    AddPositions { positions: Array<'a> },
    /// Queries, keys and values, `[steps, 3 x width]` side by side and each split among the heads: softmax of queries x keys /
    /// sqrt(width of a head), times the values; `is_causal`: of the steps up to its own alone. `[steps, width]`.
    Attention { heads: usize, is_causal: bool },
    /// The state of a recurrent layer after each step, `[steps, inputs]` to `[steps, units]`, starting with zeros at the first, or
    /// last, step. The weights are `[inputs, gates x units]` and `[units, gates x units]`, the biases `[gates x units]`.
    Recurrent {
        cell: Cell,
        is_reversed: bool,
        input_weight: Array<'a>,
        input_bias: Array<'a>,
        state_weight: Array<'a>,
        state_bias: Array<'a>,
    },
    /// One of the steps, the first or the last: `[steps, width]` to `[width]`.
    Step { is_last: bool },
    /// The mean of the steps: `[steps, width]` to `[width]`.
    MeanStep,
    /// The input times each row of scale `[members, inputs]`: `[inputs]` to members x `[inputs]`. Until
    /// [`Layer::AverageMembers`] the dimension of the members comes before that of the rows.
    ScaleMembers { scale: Array<'a> },
    /// A dense layer for each member: weight `[members, units, outputs]`, bias `[members, outputs]`.
    MemberDense { weight: Array<'a>, bias: Array<'a> },
    /// The logits, or the number, of all members together.
    AverageMembers { mean: Mean },
}

/// What a network reads.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Inputs<'a> {
    /// In the order of the first layer's inputs.
    Table { columns: Vec<Column<'a>> },
    /// The numbers of up to `context` characters among `characters`; another one is the number after the last.
    Text { characters: &'a str, context: usize },
}

/// What the outputs of the last layer mean.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Head<'a> {
    /// One logit z: the probabilities are `[1 - sigmoid(z), sigmoid(z)]`, and the second class is predicted if z is above
    /// the threshold (0 is a probability of one half). Of a common mean it is that of the largest.
    Binary { classes: [&'a str; 2], threshold: f32 },
    /// A logit per class: the probabilities are their softmax, and the class of the largest (the first of equal ones)
    /// is predicted.
    MultiClass { classes: &'a [String] },
    /// Classes in an order: output k is the logit of being above class k, of what is not below it. The class predicted is the
    /// median: the lowest one that is as likely as not to be reached no further.
    Ordered { classes: &'a [String] },
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
    /// For each of the characters that are read, a logit for each that may follow it.
    Characters { count: usize },
}

/// All that a prediction is computed from.
#[derive(Serialize)]
pub struct Network<'a> {
    pub inputs: Inputs<'a>,
    /// From the prepared columns, or numbers of characters, to the outputs.
    pub layers: Vec<Layer<'a>>,
    pub head: Head<'a>,
}

impl<'a> Column<'a> {
    pub fn name(&self) -> &'a str {
        match self {
            Self::Numeric { name, .. } | Self::Categorical { name, .. } | Self::Text { name, .. } => name,
        }
    }

    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::Numeric { .. })
    }

    pub fn num_inputs(&self) -> usize {
        match self {
            Self::Numeric { edges, .. } => edges.len().saturating_sub(1).max(1),
            Self::Categorical { categories, has_unknown, buckets, .. } => {
                categories.len() + usize::from(*has_unknown) + buckets
            }
            Self::Text { buckets, .. } => *buckets,
        }
    }
}

impl<'a> Inputs<'a> {
    /// The columns of a table; none of a text.
    pub fn columns(&self) -> &[Column<'a>] {
        match self {
            Self::Table { columns } => columns,
            Self::Text { .. } => &[],
        }
    }

    /// The shape of what the first layer reads, for each row.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Table { columns } => vec![columns.iter().map(Column::num_inputs).sum()],
            Self::Text { context, .. } => vec![*context],
        }
    }
}

impl Head<'_> {
    /// Outputs of the last layer.
    pub fn num_outputs(&self) -> usize {
        match self {
            Self::MultiClass { classes } => classes.len(),
            Self::Ordered { classes } => classes.len() - 1,
            Self::Characters { count } => *count,
            Self::Numbers { names, .. } | Self::Labels { names, .. } => names.len(),
            Self::Quantiles { levels, .. } => levels.len(),
            Self::Binary { .. } | Self::Number { .. } | Self::Count { .. } => 1,
        }
    }
}

impl Network<'_> {
    /// Checks that columns, layers and outputs fit together.
    ///
    /// # Panics
    /// If they do not, which is a defect.
    pub fn check(&self) {
        let shape = self.inputs.shape();
        assert!(shape[0] > 0, "no column has an input");
        let outputs = output_shape(&self.layers, shape);
        assert_eq!(outputs.last(), Some(&self.head.num_outputs()), "outputs of the last layer");
    }
}
