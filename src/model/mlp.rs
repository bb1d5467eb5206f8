//! The multilayer perceptron: linear layers with an activation between them.
//!
//! `hidden = []` builds one linear layer: the simple perceptron, which is logistic regression
//! for two classes, softmax regression for more, linear regression for a number.
//! `hidden = [16]` builds `inputs -> 16 -> outputs`; each further entry adds a layer.

use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Activation, Initializer, Noise};
use crate::invalid::Invalid;

mod backward;

/// No layer of a net that burnlab is for is wider; a typo must not allocate the machine away.
const MAX_WIDTH: usize = 65_536;

/// `[model] kind = "mlp"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MlpConfig {
    /// Units of each hidden layer, from the inputs on; `[]` = simple perceptron. Each 1 to 65536.
    pub hidden: Vec<usize>,
    /// Activation after each hidden layer.
    pub activation: Activation,
    /// Probability that a hidden unit is dropped in a training step; 0 <= p < 1, 0 = off.
    pub dropout: f64,
    /// Distribution of the initial weights; by default the usual one for the activation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initializer: Option<Initializer>,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self { hidden: vec![16], activation: Activation::Relu, dropout: 0.0, initializer: None }
    }
}

impl MlpConfig {
    pub(super) fn validate(&self) -> Result<(), Invalid> {
        Invalid::unless(self.hidden.iter().all(|width| (1..=MAX_WIDTH).contains(width)), "model.hidden", || {
            format!("every hidden layer needs 1 to {MAX_WIDTH} units, found {:?}", self.hidden)
        })?;
        Invalid::unless(self.hidden.len() <= 64, "model.hidden", || "at most 64 hidden layers".into())?;
        Invalid::unless((0.0..1.0).contains(&self.dropout), "model.dropout", || {
            format!("dropout is a probability, 0 <= p < 1, found {}", self.dropout)
        })
    }

    fn initializer(&self) -> Initializer {
        self.initializer.unwrap_or(Initializer::default_for(self.activation))
    }

    pub(super) fn resolved(self) -> Self {
        Self { initializer: Some(self.initializer()), ..self }
    }

    pub(super) fn shapes(&self, num_inputs: usize, num_outputs: usize) -> BTreeMap<String, Vec<usize>> {
        let widths = self.widths(num_inputs, num_outputs);
        let of_layer = |(layer, pair): (usize, &[usize])| {
            let weight = (format!("layers.{layer}.weight"), pair.to_vec());
            [weight, (format!("layers.{layer}.bias"), vec![pair[1]])]
        };
        widths.windows(2).enumerate().flat_map(of_layer).collect()
    }

    fn widths(&self, num_inputs: usize, num_outputs: usize) -> Vec<usize> {
        std::iter::once(num_inputs).chain(self.hidden.iter().copied()).chain([num_outputs]).collect()
    }

    pub(super) fn head(&self) -> String {
        format!("layers.{}.", self.hidden.len())
    }

    pub(super) fn init<B: Backend>(
        &self,
        num_inputs: usize,
        num_outputs: usize,
        seed: u64,
        device: &B::Device,
    ) -> Mlp<B> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let initializer = self.initializer();
        let layers = self
            .widths(num_inputs, num_outputs)
            .windows(2)
            .map(|pair| {
                let (weights, biases) = initializer.draw(pair[0], pair[1], self.activation, &mut rng);
                Linear {
                    weight: Param::from_data(TensorData::new(weights, [pair[0], pair[1]]), device),
                    bias: Some(Param::from_data(TensorData::new(biases, [pair[1]]), device)),
                }
            })
            .collect();
        Mlp { layers, activation: self.activation, dropout: self.dropout }
    }
}

/// A stack of linear layers.
#[derive(Module, Debug)]
pub struct Mlp<B: Backend> {
    /// Each computes `inputs [batch, in] x weight [in, out] + bias [out]`.
    layers: Vec<Linear<B>>,
    #[module(skip)]
    activation: Activation,
    dropout: f64,
}

impl<B: Backend> Mlp<B> {
    pub(super) fn forward(&self, inputs: Tensor<B, 2>, mut noise: Option<&mut Noise>) -> Tensor<B, 2> {
        let (output, hidden) = self.layers.split_last().expect("init makes at least one layer");
        let mut values = inputs; // [batch, num_inputs]
        for layer in hidden {
            values = self.activation.forward(layer.forward(values)); // [batch, units]
            if let Some(noise) = noise.as_deref_mut() {
                values = noise.dropout(self.dropout, values);
            }
        }
        output.forward(values) // [batch, num_outputs]
    }
}
