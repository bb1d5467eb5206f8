//! Network architectures: what a `[model]` section builds.
//!
//! [`Architecture`] and [`Net`] are closed enums with a variant per kind, so that the compiler
//! lists the places to touch when a kind is added: they are all in this file. A kind is a file of its own: its config
//! (a `Kind`), its Burn `Module`, its forward pass. Weights are drawn from burnlab's own seeded generator, never from
//! Burn's, so that a seed gives the same network on every backend.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};

use crate::data::{InputColumn, Layout, Task};
use crate::invalid::Invalid;

mod activation;
mod cnn;
mod dropout;
mod initializer;
mod mlp;
mod norm;
mod plan;
mod rnn;
mod sequence;
mod tabular;
mod transformer;
mod weights;

pub use activation::Activation;
pub use cnn::{Cnn, CnnConfig};
pub use dropout::Noise;
pub use initializer::Initializer;
pub use mlp::{Mlp, MlpConfig};
pub use rnn::{Cell, Rnn, RnnConfig};
pub use tabular::{Tabular, TabularConfig};
pub use transformer::{Pooling, Transformer, TransformerConfig};
pub use weights::{
    NamedWeights, Trained, Weight, WeightPath, WeightsError, check_frozen, check_shapes, freeze, load_weights,
    named_weights, transfer,
};

use plan::Plan;

/// 4 GiB; training holds four such.
const MAX_WEIGHTS: usize = 1 << 30;

/// The `[model]` section: an architecture, and where its weights begin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct ModelConfig {
    #[serde(flatten)]
    pub architecture: Architecture,
    /// Begin with the weights of this run (its id, or its experiment: then the newest), not with random ones. Layers are
    /// matched by name; the output layer is new where the classes differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_from: Option<String>,
    /// Weights that training leaves as they are, by the beginning of their names, such as `layers.0`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub freeze: Vec<String>,
}

/// What is built; `kind = "mlp"` unless the section says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Architecture {
    /// Multilayer perceptron: `hidden = []` is the simple perceptron.
    Mlp(MlpConfig),
    /// Convolutional network, for images.
    Cnn(CnnConfig),
    /// Recurrent network, for sequences: rows of an image, columns of a table, characters of a text.
    Rnn(RnnConfig),
    /// Transformer, for the same.
    Transformer(TransformerConfig),
    /// Residual perceptron for tables, whose numbers are embedded.
    Tabular(TabularConfig),
}

/// What the rest of burnlab asks of a kind's config.
trait Kind {
    /// Checks ranges.
    fn validate(&self) -> Result<(), Invalid>;
    /// Whether such a network can read these inputs and learn this task.
    fn check(&self, layout: &Layout, task: Task) -> Result<(), Invalid>;
    /// The weights of a network with these inputs and outputs.
    fn plan(&self, layout: &Layout, num_outputs: usize) -> Plan;
    /// Beginning of the names of the output layer's weights, such as `layers.2.`.
    fn head(&self) -> String;
    /// The network in a few words, such as `64-16-10 relu`.
    fn describe(&self, layout: &Layout, num_outputs: usize) -> String;
    /// A larger network to try next: what it is, and the `--set` that makes it.
    fn larger(&self) -> (&'static str, String);
}

/// Checks that each of `found` in `model.KEY` lies in `range`; `what` they count.
fn in_range(key: &str, what: &str, found: &[usize], range: RangeInclusive<usize>) -> Result<(), Invalid> {
    Invalid::unless(found.iter().all(|count| range.contains(count)), &format!("model.{key}"), || {
        let found: Vec<String> = found.iter().map(usize::to_string).collect();
        format!("{what} must be {} to {}, found {}", range.start(), range.end(), found.join(", "))
    })
}

/// For the kinds to which the number of a character would be a quantity.
fn kind_reads_no_text(kind: &str, layout: &Layout) -> Result<(), Invalid> {
    Invalid::unless(layout.num_characters.is_none(), "model.kind", || {
        format!("`{kind}` cannot read a text: choose kind = \"transformer\"")
    })
}

/// For the kinds to which the order of the inputs means something.
fn kind_reads_numbers(kind: &str, layout: &Layout) -> Result<(), Invalid> {
    let are_numbers = layout.columns.iter().all(|&column| column == InputColumn::Number);
    Invalid::unless(are_numbers, "model.kind", || {
        format!("`{kind}` reads numbers in order, and these data have categories: drop them, or choose another kind")
    })
}

impl Architecture {
    fn kind(&self) -> &dyn Kind {
        match self {
            Self::Mlp(config) => config,
            Self::Cnn(config) => config,
            Self::Rnn(config) => config,
            Self::Transformer(config) => config,
            Self::Tabular(config) => config,
        }
    }
}

impl<'de> Deserialize<'de> for ModelConfig {
    /// By hand, since serde knows neither a default kind nor unknown keys beside a flattened one.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fn take<T: DeserializeOwned, E: Error>(table: &mut toml::Table, key: &str) -> Result<Option<T>, E> {
            let value = table.remove(key).map(T::deserialize).transpose();
            value.map_err(|error| E::custom(error.message()))
        }
        let mut table = toml::Table::deserialize(deserializer)?;
        let init_from = take(&mut table, "init_from")?;
        let freeze = take(&mut table, "freeze")?.unwrap_or_default();
        table.entry("kind").or_insert("mlp".into());
        let architecture = Architecture::deserialize(table).map_err(|error| D::Error::custom(error.message()))?;
        Ok(Self { architecture, init_from, freeze })
    }
}

impl Default for Architecture {
    fn default() -> Self {
        Self::Mlp(MlpConfig::default())
    }
}

impl From<MlpConfig> for ModelConfig {
    fn from(config: MlpConfig) -> Self {
        Self { architecture: Architecture::Mlp(config), init_from: None, freeze: Vec::new() }
    }
}

impl ModelConfig {
    /// Checks ranges.
    ///
    /// # Errors
    /// The first key whose value is out of range.
    pub fn validate(&self) -> Result<(), Invalid> {
        Invalid::unless(self.freeze.is_empty() || self.init_from.is_some(), "model.freeze", || {
            "freeze without init_from would keep random weights: remove it, or say which run to begin with".into()
        })?;
        self.architecture.kind().validate()
    }

    /// Checks that the network can read these inputs and learn this task.
    ///
    /// # Errors
    /// The key that does not fit the data.
    pub fn check(&self, layout: &Layout, task: Task) -> Result<(), Invalid> {
        self.architecture.kind().check(layout, task)?;
        let shapes = self.shapes(layout, task.num_outputs());
        let count = |shape: &Vec<usize>| shape.iter().fold(1usize, |product, &size| product.saturating_mul(size));
        let num_weights = shapes.values().map(count).fold(0, usize::saturating_add);
        Invalid::unless(num_weights <= MAX_WEIGHTS, "model", || {
            format!("a network of {num_weights} weights does not fit in memory: make it smaller")
        })
    }

    /// This section with the defaults that depend on other keys written out.
    pub fn resolved(self) -> Self {
        let architecture = match self.architecture {
            Architecture::Mlp(config) => Architecture::Mlp(config.resolved()),
            Architecture::Transformer(config) => Architecture::Transformer(config.resolved()),
            other @ (Architecture::Cnn(_) | Architecture::Rnn(_) | Architecture::Tabular(_)) => other,
        };
        Self { architecture, ..self }
    }

    /// A network with freshly drawn weights that maps inputs like `layout` to `num_outputs` logits; nothing is frozen
    /// yet.
    pub fn init<B: Backend>(&self, layout: &Layout, num_outputs: usize, seed: u64, device: &B::Device) -> Net<B> {
        let mut drawn = self.architecture.kind().plan(layout, num_outputs).draw(seed, device);
        match &self.architecture {
            Architecture::Mlp(config) => Net::Mlp(config.build(&mut drawn, "")),
            Architecture::Cnn(config) => Net::Cnn(config.build(layout, &mut drawn)),
            Architecture::Rnn(config) => Net::Rnn(config.build(layout, &mut drawn)),
            Architecture::Transformer(config) => Net::Transformer(config.build(layout, &mut drawn)),
            Architecture::Tabular(config) => Net::Tabular(config.build(layout, &mut drawn)),
        }
    }

    /// The weights of the network that [`ModelConfig::init`] makes: shapes by name.
    pub fn shapes(&self, layout: &Layout, num_outputs: usize) -> BTreeMap<String, Vec<usize>> {
        self.architecture.kind().plan(layout, num_outputs).shapes()
    }

    /// Beginning of the names of the output layer's weights, such as `layers.2.`.
    pub fn head(&self) -> String {
        self.architecture.kind().head()
    }

    /// The network in a few words, such as `64-16-10 relu`.
    pub fn describe(&self, layout: &Layout, num_outputs: usize) -> String {
        self.architecture.kind().describe(layout, num_outputs)
    }

    /// A larger network to try next: what it is, and the `--set` that makes it.
    pub fn larger(&self) -> (&'static str, String) {
        self.architecture.kind().larger()
    }

    /// The transformer that this is, if it is one.
    pub fn transformer(&self) -> Option<&TransformerConfig> {
        match &self.architecture {
            Architecture::Transformer(config) => Some(config),
            _ => None,
        }
    }

    /// The multilayer perceptron that this is, if it is one: what draws units and weights knows no other kind.
    pub fn mlp(&self) -> Option<&MlpConfig> {
        match &self.architecture {
            Architecture::Mlp(config) => Some(config),
            _ => None,
        }
    }
}

/// A network of any kind.
#[derive(Module, Debug)]
pub enum Net<B: Backend> {
    Mlp(Mlp<B>),
    Cnn(Cnn<B>),
    Rnn(Rnn<B>),
    Transformer(Transformer<B>),
    Tabular(Tabular<B>),
}

impl<B: Backend> Net<B> {
    /// Logits `[batch, num_outputs]` of `inputs` `[batch, num_inputs]`. `noise` drives dropout:
    /// `Some` while training, `None` at inference.
    pub fn forward(&self, inputs: Tensor<B, 2>, noise: Option<&mut Noise>) -> Tensor<B, 2> {
        match self {
            Self::Mlp(mlp) => mlp.forward(inputs, noise),
            Self::Cnn(cnn) => cnn.forward(inputs, noise),
            Self::Rnn(rnn) => rnn.forward(inputs, noise),
            Self::Transformer(transformer) => transformer.forward(inputs, noise),
            Self::Tabular(tabular) => tabular.forward(inputs, noise),
        }
    }

    /// How much each token of `inputs` `[batch, num_inputs]` looks at each other, in each block of a transformer:
    /// `[batch, heads, tokens, tokens]`, whose rows sum to 1. `None` of other kinds.
    pub fn attention(&self, inputs: Tensor<B, 2>) -> Option<Vec<Tensor<B, 4>>> {
        match self {
            Self::Transformer(transformer) => Some(transformer.attention(inputs)),
            _ => None,
        }
    }

    /// Whether [`Net::gradients`] knows this kind.
    pub fn has_gradients(&self) -> bool {
        matches!(self, Self::Mlp(_) | Self::Cnn(_))
    }
}

impl<B: AutodiffBackend> Net<B> {
    /// The gradient of a loss with respect to every weight of `trained`, without autodiff: for backends whose tensors
    /// lie in this process's memory, and the kinds that [`Net::has_gradients`] names.
    ///
    /// `inputs` are `[batch, num_inputs]`; `loss` gets the logits `[batch, num_outputs]`, row-major, and puts its
    /// gradient with respect to them in their place.
    pub fn gradients(
        &self,
        inputs: Tensor<B::InnerBackend, 2>,
        trained: &Trained,
        noise: &mut Noise,
        loss: impl FnOnce(&mut [f32]),
    ) -> GradientsParams {
        match self {
            Self::Mlp(mlp) => mlp.gradients(inputs, trained, noise, loss),
            Self::Cnn(cnn) => cnn.gradients(inputs, trained, noise, loss),
            _ => unreachable!("asked of kinds that `has_gradients` names"),
        }
    }
}
