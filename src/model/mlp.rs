//! The multilayer perceptron: linear layers with an activation between them.
//!
//! `hidden = []` builds one linear layer: a single-layer perceptron, which is logistic regression for two classes,
//! softmax regression for more, and linear regression for a number. `hidden = [16]` builds `inputs -> 16 -> outputs`;
//! each further entry adds a layer.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burnlab_cpu::{FusedBackend, Kernels};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dense::dense;
use super::members::{self, Members, average};
use super::parameters::{InitializedParams, ParameterSpecs};
use super::plain::Parts;
use super::{Activation, DropoutRng, Initializer, Kind, NamedWeights, in_range, kind_reads_no_text};
use crate::data::{Layout, Task};
use crate::invalid::Invalid;
use crate::network::Layer;
use crate::schema::without_default;

mod layers;

/// Far wider than burnlab's networks need; a typo must not exhaust the machine's memory.
const MAX_WIDTH: usize = 65_536;

/// `[model] kind = "mlp"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MlpConfig {
    /// Units of each hidden layer, in order; `[]` = single-layer perceptron. Each 1 to 65536. By default chosen for the
    /// number of training rows.
    #[schemars(transform = without_default)]
    pub hidden: Vec<usize>,
    /// Activation after each hidden layer.
    pub activation: Activation,
    /// Probability that a hidden unit is dropped in a training step; 0 <= p < 1, 0 = off.
    pub dropout: f64,
    /// Networks in one that share the hidden layers, 1 to 64; default 1. Their predictions are averaged.
    #[serde(skip_serializing_if = "is_one")]
    pub members: usize,
    /// Distribution of the initial weights; by default Kaiming for the ReLU family, else Glorot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initializer: Option<Initializer>,
}

fn is_one(number: &usize) -> bool {
    *number == 1
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self { hidden: vec![16], activation: Activation::Relu, dropout: 0.0, members: 1, initializer: None }
    }
}

impl Kind for MlpConfig {
    fn validate(&self) -> Result<(), Invalid> {
        Invalid::unless(self.hidden.iter().all(|width| (1..=MAX_WIDTH).contains(width)), "model.hidden", || {
            format!("every hidden layer needs 1 to {MAX_WIDTH} units, found {:?}", self.hidden)
        })?;
        Invalid::unless(self.hidden.len() <= 64, "model.hidden", || "at most 64 hidden layers".into())?;
        in_range("members", "networks in one", &[self.members], 1..=64)?;
        Invalid::unless(self.members == 1 || !self.hidden.is_empty(), "model.members", || {
            "without a hidden layer the average of several networks is one network: set members = 1".into()
        })?;
        DropoutRng::check(self.dropout)
    }

    fn check(&self, layout: &Layout, _task: Task) -> Result<(), Invalid> {
        kind_reads_no_text("mlp", layout)
    }

    fn parameter_specs(&self, layout: &Layout, num_outputs: usize) -> ParameterSpecs {
        let mut specs = ParameterSpecs::default();
        self.add_layers(&mut specs, "", layout.num_inputs(), num_outputs);
        specs
    }

    fn head(&self) -> String {
        if self.members > 1 { "members.".into() } else { format!("layers.{}.", self.hidden.len()) }
    }

    fn layers<'a>(&self, _layout: &Layout, task: Task, weights: &'a NamedWeights) -> Vec<Layer<'a>> {
        self.plain_layers(Parts::new(weights, ""), task)
    }

    fn describe(&self, layout: &Layout, num_outputs: usize) -> String {
        let widths: Vec<String> = self.widths(layout.num_inputs(), num_outputs).iter().map(usize::to_string).collect();
        let activation = if self.hidden.is_empty() { "perceptron".into() } else { self.activation.to_string() };
        let members = if self.members > 1 { format!(", {} members", self.members) } else { String::new() };
        format!("{} {activation}{members}", widths.join("-"))
    }

    fn larger(&self) -> (&'static str, String) {
        if self.hidden.is_empty() {
            return ("give it a hidden layer", "model.hidden=[16]".into());
        }
        let wider: Vec<String> = self.hidden.iter().map(|width| (width * 2).to_string()).collect();
        ("try a wider net", format!("model.hidden=[{}]", wider.join(",")))
    }

    fn resolved(self) -> Self {
        Self { initializer: Some(self.initializer()), ..self }
    }
}

impl MlpConfig {
    fn initializer(&self) -> Initializer {
        self.initializer.unwrap_or(Initializer::default_for(self.activation))
    }

    /// Adds the layers of such a network; their names begin with `prefix`.
    pub(super) fn add_layers(&self, specs: &mut ParameterSpecs, prefix: &str, num_inputs: usize, num_outputs: usize) {
        let widths = self.widths(num_inputs, num_outputs);
        let num_common = self.num_common_layers();
        for (layer, pair) in widths.windows(2).take(num_common).enumerate() {
            specs.linear(&format!("{prefix}layers.{layer}"), [pair[0], pair[1]], self.initializer(), self.activation);
        }
        if self.members > 1 {
            let ends = [num_inputs, self.hidden[self.hidden.len() - 1], num_outputs];
            let name = format!("{prefix}members");
            members::specify(specs, &name, self.members, ends, self.initializer(), self.activation);
        }
    }

    /// Layers that all members share: the hidden ones, and of a network of one member the output layer.
    pub fn num_common_layers(&self) -> usize {
        self.hidden.len() + usize::from(self.members == 1)
    }

    fn widths(&self, num_inputs: usize, num_outputs: usize) -> Vec<usize> {
        std::iter::once(num_inputs).chain(self.hidden.iter().copied()).chain([num_outputs]).collect()
    }

    pub(super) fn build<B: Backend>(&self, _layout: &Layout, params: &mut InitializedParams<B>) -> Mlp<B> {
        self.build_layers(params, "")
    }

    pub(super) fn build_layers<B: Backend>(&self, params: &mut InitializedParams<B>, prefix: &str) -> Mlp<B> {
        let num_common = self.num_common_layers();
        let layers = (0..num_common).map(|layer| params.linear(&format!("{prefix}layers.{layer}"))).collect();
        let members = (self.members > 1).then(|| Members::build(params, &format!("{prefix}members")));
        Mlp {
            layers,
            members,
            task: Task::Regression,
            activation: self.activation,
            dropout: self.dropout,
            kernels: Kernels::default(),
        }
    }
}

/// A stack of linear layers.
#[derive(Module, Debug)]
pub struct Mlp<B: Backend> {
    /// Each computes `inputs [batch, in] x weight [in, out] + bias [out]`.
    layers: Vec<Linear<B>>,
    /// Instead of an output layer.
    members: Option<Members<B>>,
    /// What is averaged over the members.
    #[module(skip)]
    task: Task,
    #[module(skip)]
    activation: Activation,
    dropout: f64,
    #[module(skip)]
    kernels: Kernels,
}

impl<B: Backend> Mlp<B> {
    pub(super) fn with_kernels(self, kernels: Kernels) -> Self {
        Self { kernels, ..self }
    }

    pub(super) fn for_task(self, task: Task) -> Self {
        Self { task, ..self }
    }
}

impl<B: Backend> Mlp<B> {
    /// See [`Net::largest_tensor`](super::Net::largest_tensor).
    pub(super) fn largest_tensor(&self, _: usize) -> usize {
        let widest = self.layers.iter().flat_map(|layer| layer.weight.dims()).max().unwrap_or(0);
        widest * self.members.as_ref().map_or(1, Members::count)
    }
}

/// What a layer of a perceptron computes for some inputs.
pub struct LayerValues<B: Backend> {
    /// Weighted sums with the bias added, `[batch, units]`; of the output layer, these are the logits.
    pub sums: Tensor<B, 2>,
    /// The activation function of them; `None` for the output layer.
    pub activations: Option<Tensor<B, 2>>,
}

impl<B: FusedBackend> Mlp<B> {
    /// See [`Net::layers`](super::Net::layers).
    pub(super) fn layer_values(&self, inputs: Tensor<B, 2>) -> Option<Vec<LayerValues<B>>> {
        if self.members.is_some() {
            return None;
        }
        let mut values = inputs;
        let last = self.layers.len() - 1;
        let layer_values = |(i, layer)| {
            let sums = dense(layer, values.clone(), None, self.kernels);
            let activations = (i < last).then(|| self.activation.forward(sums.clone()));
            values = activations.clone().unwrap_or_else(|| values.clone());
            LayerValues { sums, activations }
        };
        Some(self.layers.iter().enumerate().map(layer_values).collect())
    }

    pub(super) fn forward(&self, inputs: Tensor<B, 2>, mut rng: Option<&mut DropoutRng>) -> Tensor<B, 2> {
        let [batch, _] = inputs.dims();
        let is_training = rng.is_some();
        let (output, hidden) = match self.members {
            Some(_) => (None, &self.layers[..]),
            None => {
                self.layers.split_last().map(|(output, hidden)| (Some(output), hidden)).expect("at least one layer")
            }
        };
        let mut values = match &self.members {
            Some(members) => members.inputs(inputs, self.kernels),
            None => inputs,
        }; // [members x batch, num_inputs]
        for layer in hidden {
            let units = dense(layer, values, Some(self.activation), self.kernels); // [batch, units]
            values = DropoutRng::drop(&mut rng, self.dropout, units);
        }
        let logits = match (output, &self.members) {
            (_, Some(members)) => members.outputs(values, self.kernels),
            (Some(output), None) => dense(output, values, None, self.kernels),
            (None, None) => values,
        }; // [members x batch, num_outputs]
        if is_training { logits } else { average(logits, batch, self.task) }
    }
}
