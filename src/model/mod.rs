//! Network architectures: what a `[model]` section builds.
//!
//! [`ModelConfig`] and [`Net`] are closed enums with a variant per kind, so that the compiler
//! lists the places to touch when a kind is added. A kind is one file: its config, its Burn
//! `Module`, its forward pass. Weights are drawn from burnlab's own seeded generator, never from
//! Burn's, so that a seed gives the same network on every backend.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::invalid::Invalid;

mod activation;
mod dropout;
mod initializer;
mod mlp;
mod weights;

pub use activation::Activation;
pub use dropout::Noise;
pub use initializer::Initializer;
pub use mlp::{Mlp, MlpConfig};
pub use weights::{NamedWeights, Weight, WeightsError, load_weights, named_weights};

/// The `[model]` section; `kind = "mlp"` unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self", tag = "kind", rename_all = "snake_case")]
pub enum ModelConfig {
    /// Multilayer perceptron: `hidden = []` is the simple perceptron.
    Mlp(MlpConfig),
}

impl Serialize for ModelConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer) // the derived one
    }
}

impl<'de> Deserialize<'de> for ModelConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde's tagged enums know no default kind.
        let mut table = toml::Table::deserialize(deserializer)?;
        table.entry("kind").or_insert("mlp".into());
        Self::deserialize(table).map_err(|error| D::Error::custom(error.message())) // the derived one
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self::Mlp(MlpConfig::default())
    }
}

impl ModelConfig {
    /// Checks ranges.
    ///
    /// # Errors
    /// The first key whose value is out of range.
    pub fn validate(&self) -> Result<(), Invalid> {
        match self {
            Self::Mlp(config) => config.validate(),
        }
    }

    /// This section with the defaults that depend on other keys written out.
    pub fn resolved(self) -> Self {
        match self {
            Self::Mlp(config) => Self::Mlp(config.resolved()),
        }
    }

    /// A network with freshly drawn weights that maps `[batch, num_inputs]` to
    /// `[batch, num_outputs]`.
    pub fn init<B: Backend>(&self, num_inputs: usize, num_outputs: usize, seed: u64, device: &B::Device) -> Net<B> {
        match self {
            Self::Mlp(config) => Net::Mlp(config.init(num_inputs, num_outputs, seed, device)),
        }
    }
}

/// A network of any kind.
#[derive(Module, Debug)]
pub enum Net<B: Backend> {
    Mlp(Mlp<B>),
}

impl<B: Backend> Net<B> {
    /// Logits `[batch, num_outputs]` of `inputs` `[batch, num_inputs]`. `noise` drives dropout:
    /// `Some` while training, `None` at inference.
    pub fn forward(&self, inputs: Tensor<B, 2>, noise: Option<&mut Noise>) -> Tensor<B, 2> {
        match self {
            Self::Mlp(mlp) => mlp.forward(inputs, noise),
        }
    }
}
