//! The recurrent network: LSTM or GRU layers that read a sequence step by step, and a linear output.
//!
//! A sequence is an image read row by row, the columns of a table read in order, or a text.

use crate::figures::counted;
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
pub use burnlab_cpu::Cell;
use burnlab_cpu::{FusedBackend, Kernels, Recurrence, concatenate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dense::{dense, dense_steps, weight_and_bias};
use super::parameters::{InitializedParams, ParameterSpecs, Start};
use super::sequence::characters;
use super::{Activation, DropoutRng, Initializer, Kind, NamedWeights, in_range, kind_reads_numbers};
use crate::data::{Layout, Task};
use crate::invalid::Invalid;
use crate::network::Layer;

mod layers;

/// `[model] kind = "rnn"`: for images, sequences of numbers, and texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RnnConfig {
    /// The recurrent cell.
    pub cell: Cell,
    /// Size of a layer's hidden state; 1 to 65536.
    pub units: usize,
    /// Stacked recurrent layers; 1 to 64.
    pub layers: usize,
    /// Read the sequence in both directions, with `units` for each; not for texts, whose next character must stay
    /// hidden.
    pub bidirectional: bool,
    /// Inputs per step; by default a row of an image, or one column of a table. Not for texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// Probability that a value between layers, or before the output, is dropped in a training step; 0 <= p < 1, 0 =
    /// off.
    pub dropout: f64,
}

impl Default for RnnConfig {
    fn default() -> Self {
        Self { cell: Cell::Lstm, units: 64, layers: 1, bidirectional: false, step: None, dropout: 0.0 }
    }
}

impl Kind for RnnConfig {
    fn validate(&self) -> Result<(), Invalid> {
        in_range("units", "units", &[self.units], 1..=65_536)?;
        in_range("layers", "layers", &[self.layers], 1..=64)?;
        in_range("step", "inputs a step", &[self.step.unwrap_or(1)], 1..=1 << 24)?;
        DropoutRng::check(self.dropout)
    }

    fn check(&self, layout: &Layout, _task: Task) -> Result<(), Invalid> {
        if layout.num_characters.is_some() {
            Invalid::unless(!self.bidirectional, "model.bidirectional", || {
                "a text read from its end would show the next character: set bidirectional = false".into()
            })?;
            return Invalid::unless(self.step.is_none(), "model.step", || {
                "a text is read character by character: remove step".into()
            });
        }
        kind_reads_numbers("rnn", layout)?;
        let (num_inputs, step) = (layout.num_inputs(), self.step_of(layout));
        Invalid::unless(num_inputs.is_multiple_of(step), "model.step", || {
            format!("{num_inputs} inputs cannot be read in steps of {step}: choose a divisor")
        })
    }

    fn parameter_specs(&self, layout: &Layout, num_outputs: usize) -> ParameterSpecs {
        let mut specs = ParameterSpecs::default();
        let bound = Start::Uniform(1.0 / (self.units as f64).sqrt()); // PyTorch's default
        let mut width = match layout.num_characters {
            None => self.step_of(layout),
            Some(count) => {
                specs.weight("embedding", &[count, self.units], Start::Normal(1.0));
                self.units
            }
        };
        let gates = self.cell.num_gates() * self.units;
        for name in self.layer_names() {
            if name.ends_with("forward") && !name.starts_with("layers.0.") {
                width = self.num_features();
            }
            specs.weight(format!("{name}.input.weight"), &[width, gates], bound);
            specs.weight(format!("{name}.input.bias"), &[gates], bound);
            specs.weight(format!("{name}.state.weight"), &[self.units, gates], bound);
            specs.weight(format!("{name}.state.bias"), &[gates], bound);
        }
        specs.linear("output", [self.num_features(), num_outputs], Initializer::Glorot, Activation::Tanh);
        specs
    }

    fn head(&self) -> String {
        "output.".into()
    }

    fn layers<'a>(&self, layout: &Layout, _task: Task, weights: &'a NamedWeights) -> Vec<Layer<'a>> {
        self.plain_layers(layout, weights)
    }

    fn describe(&self, layout: &Layout, num_outputs: usize) -> String {
        let cell = match self.cell {
            Cell::Lstm => "lstm",
            Cell::Gru => "gru",
        };
        let both = if self.bidirectional { "bidirectional " } else { "" };
        let layers = if self.layers == 1 { "1 layer".into() } else { format!("{} layers", self.layers) };
        let (units, num_inputs) = (self.units, layout.num_inputs());
        let read = match layout.num_characters {
            Some(_) => counted(num_inputs, "character"),
            None => format!("{} steps of {}", num_inputs / self.step_of(layout), self.step_of(layout)),
        };
        format!("{both}{cell}, {layers} of {units} units over {read}, {}", counted(num_outputs, "output"))
    }

    fn larger(&self) -> (&'static str, String) {
        ("try more units", format!("model.units={}", self.units * 2))
    }
}

impl RnnConfig {
    fn step_of(&self, layout: &Layout) -> usize {
        self.step.or(layout.image_shape.map(|[_, width]| width)).unwrap_or(1)
    }

    /// Number of output features of a layer per step.
    fn num_features(&self) -> usize {
        if self.bidirectional { 2 * self.units } else { self.units }
    }

    fn directions(&self) -> &'static [&'static str] {
        if self.bidirectional { &["forward", "backward"] } else { &["forward"] }
    }

    fn layer_names(&self) -> Vec<String> {
        let of_layer = |layer| self.directions().iter().map(move |direction| format!("layers.{layer}.{direction}"));
        (0..self.layers).flat_map(of_layer).collect()
    }

    pub(super) fn build<B: Backend>(&self, layout: &Layout, params: &mut InitializedParams<B>) -> Rnn<B> {
        let cell = |name: &str, params: &mut InitializedParams<B>| Direction {
            input: params.linear(&format!("{name}.input")),
            state: params.linear(&format!("{name}.state")),
            cell: self.cell,
        };
        let layer = |layer: usize, params: &mut InitializedParams<B>| RnnLayer {
            forward: cell(&format!("layers.{layer}.forward"), params),
            backward: self.bidirectional.then(|| cell(&format!("layers.{layer}.backward"), params)),
        };
        Rnn {
            embedding: layout.num_characters.map(|_| params.take("embedding")),
            layers: (0..self.layers).map(|index| layer(index, params)).collect(),
            output: params.linear("output"),
            step: self.step_of(layout),
            dropout: self.dropout,
            kernels: Kernels::default(),
        }
    }
}

/// Recurrent layers and a linear output.
#[derive(Module, Debug)]
pub struct Rnn<B: Backend> {
    /// For a text: `[characters, units]`.
    embedding: Option<Param<Tensor<B, 2>>>,
    layers: Vec<RnnLayer<B>>,
    output: Linear<B>,
    step: usize,
    dropout: f64,
    #[module(skip)]
    kernels: Kernels,
}

/// What a recurrent network has read by each step.
pub struct States<B: Backend> {
    /// Of the last layer, `[batch, steps, units]`.
    pub states: Tensor<B, 3>,
    /// What it would answer if the sequence ended there, `[batch, steps, num_outputs]`.
    pub logits: Tensor<B, 3>,
}

/// A recurrent layer, in one direction or both.
#[derive(Module, Debug)]
struct RnnLayer<B: Backend> {
    forward: Direction<B>,
    backward: Option<Direction<B>>,
}

/// The weights of a layer's cell that reads in one direction.
#[derive(Module, Debug)]
struct Direction<B: Backend> {
    /// `[inputs, gates x units]`
    input: Linear<B>,
    /// `[units, gates x units]`
    state: Linear<B>,
    #[module(skip)]
    cell: Cell,
}

impl<B: Backend> Rnn<B> {
    pub(super) fn with_kernels(self, kernels: Kernels) -> Self {
        Self { kernels, ..self }
    }
}

impl<B: Backend> Rnn<B> {
    /// See [`Net::largest_tensor`](super::Net::largest_tensor).
    pub(super) fn largest_tensor(&self, num_inputs: usize) -> usize {
        let of_step = self.layers.iter().map(|layer| layer.forward.input.weight.dims()[1]);
        let of_step = of_step.max().unwrap_or(0).max(self.output.weight.dims()[1]);
        let num_steps = if self.embedding.is_some() { num_inputs } else { num_inputs / self.step };
        of_step * num_steps
    }
}

impl<B: FusedBackend> Rnn<B> {
    /// `[batch, num_inputs]` to `[batch, steps, inputs of a step]`.
    fn steps(&self, inputs: Tensor<B, 2>) -> Tensor<B, 3> {
        let [batch, width] = inputs.dims();
        match &self.embedding {
            Some(embedding) => characters(inputs, embedding.val(), self.kernels),
            None => inputs.reshape([batch, width / self.step, self.step]),
        }
    }

    /// See [`Net::states`](super::Net::states).
    pub(super) fn states(&self, inputs: Tensor<B, 2>) -> Option<States<B>> {
        let is_bidirectional = self.layers.iter().any(|layer| layer.backward.is_some());
        if is_bidirectional {
            return None;
        }
        let states = self.layers.iter().fold(self.steps(inputs), |values, layer| layer.forward(values, self.kernels));
        let logits = dense_steps(&self.output, states.clone(), None, self.kernels);
        Some(States { states, logits })
    }

    pub(super) fn forward(&self, inputs: Tensor<B, 2>, mut rng: Option<&mut DropoutRng>) -> Tensor<B, 2> {
        let [batch, _] = inputs.dims();
        let mut drop = |values| DropoutRng::drop(&mut rng, self.dropout, values);
        let mut values = self.steps(inputs);
        for (index, layer) in self.layers.iter().enumerate() {
            if index > 0 {
                values = drop(values);
            }
            values = layer.forward(values, self.kernels); // [batch, steps, features]
        }
        let [_, steps, features] = values.dims();
        let read = match (&self.embedding, self.layers.last().and_then(|layer| layer.backward.as_ref())) {
            (Some(_), _) => drop(values).reshape([batch * steps, features]),
            (None, None) => drop(values.narrow(1, steps - 1, 1)).reshape([batch, features]),
            // Each direction has read the whole sequence at its own end.
            (None, Some(_)) => {
                let units = features / 2;
                let forward = values.clone().narrow(1, steps - 1, 1).narrow(2, 0, units);
                let backward = values.narrow(1, 0, 1).narrow(2, units, units);
                drop(concatenate(vec![forward, backward], 2)).reshape([batch, features])
            }
        };
        dense(&self.output, read, None, self.kernels) // [batch, num_outputs], of a text [batch x steps, num_outputs]
    }
}

impl<B: FusedBackend> RnnLayer<B> {
    /// `[batch, steps, inputs]` to `[batch, steps, features]`.
    fn forward(&self, inputs: Tensor<B, 3>, kernels: Kernels) -> Tensor<B, 3> {
        let Some(backward) = &self.backward else { return self.forward.read(inputs, false, kernels) };
        let from_the_end = backward.read(inputs.clone(), true, kernels);
        concatenate(vec![self.forward.read(inputs, false, kernels), from_the_end], 2)
    }
}

impl<B: FusedBackend> Direction<B> {
    /// The state after each step: `[batch, steps, inputs]` to `[batch, steps, units]`; starting at the last step if
    /// `is_reversed`.
    fn read(&self, inputs: Tensor<B, 3>, is_reversed: bool, kernels: Kernels) -> Tensor<B, 3> {
        // [batch, steps, gates x units], all steps in one product
        let from_inputs = dense_steps(&self.input, inputs, None, kernels);
        let (weight, bias) = weight_and_bias(&self.state);
        kernels.recurrent_layer(from_inputs, weight, bias, Recurrence { cell: self.cell, is_reversed })
    }
}
