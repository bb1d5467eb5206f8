//! Network architectures, built from a `[model]` section.
//!
//! [`Architecture`] and [`Net`] are closed enums with a variant per kind, generated from one list in this file. To add
//! a kind, write its file (its config, an implementation of `Kind`, its Burn `Module` with one `forward`), and add a
//! row to the list. Weights are drawn from burnlab's own seeded generator, never from Burn's, so that a seed gives the
//! same network on every backend.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
pub use burnlab_cpu::Activation;
use burnlab_cpu::{FusedBackend, Kernels};
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};

use crate::data::{InputColumn, Layout, Task};
use crate::invalid::Invalid;
use crate::network::Layer;

mod cnn;
mod dense;
mod dropout;
mod initializer;
mod members;
mod mlp;
mod norm;
mod parameters;
mod plain;
mod rnn;
mod sequence;
mod tabular;
mod transformer;
mod weights;

pub use cnn::{Cnn, CnnConfig};
pub use dropout::DropoutRng;
pub use initializer::Initializer;
pub use members::average;
pub use mlp::{LayerValues, Mlp, MlpConfig};
pub use rnn::{Cell, Rnn, RnnConfig, States};
pub use tabular::{Tabular, TabularConfig};
pub use transformer::{Pooling, TextMemory, Transformer, TransformerConfig};
pub(crate) use weights::ParameterPath;
pub use weights::{
    NamedWeights, Weight, WeightsError, check_frozen, check_shapes, freeze, load_weights, named_gradients,
    named_weights, transfer,
};

use parameters::{InitializedParams, ParameterSpecs};

/// 4 GiB; training holds four times as much.
const MAX_WEIGHTS: usize = 1 << 30;

/// The `[model]` section: an architecture, and where its initial weights come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct ModelConfig {
    /// Its kind, and the settings of that.
    #[serde(flatten)]
    pub architecture: Architecture,
    /// Start from the weights of this run (its id, or an experiment for its newest run) instead of random ones. Layers
    /// are matched by name; the output layer is new if the classes differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_from: Option<String>,
    /// Weights to freeze, by name prefix, such as `layers.0`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub freeze: Vec<String>,
}

/// Generates [`Architecture`] and [`Net`] from the list of kinds.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:literal => $kind:ident($config:ty, $net:ident),)+) => {
        /// The architecture to build; without any key of it chosen by the data, otherwise `kind = "mlp"` by default.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "kind")]
        pub enum Architecture {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $kind($config),)+
        }

        impl Architecture {
            /// An architecture of each kind with default settings, by name.
            pub fn all() -> Vec<(&'static str, Self)> {
                vec![$(($name, Self::$kind(<$config>::default())),)+]
            }

            fn kind(&self) -> &dyn Kind {
                match self { $(Self::$kind(config) => config,)+ }
            }

            fn resolved(self) -> Self {
                match self { $(Self::$kind(config) => Self::$kind(config.resolved()),)+ }
            }

            fn build<B: Backend>(&self, layout: &Layout, params: &mut InitializedParams<B>) -> Net<B> {
                match self { $(Self::$kind(config) => Net::$kind(config.build(layout, params)),)+ }
            }
        }

        $(impl From<$config> for ModelConfig {
            fn from(config: $config) -> Self {
                Self { architecture: Architecture::$kind(config), init_from: None, freeze: Vec::new() }
            }
        })+

        /// A network of any kind.
        #[derive(Module, Debug)]
        pub enum Net<B: Backend> {
            $($kind($net<B>),)+
        }

        impl<B: Backend> Net<B> {
            /// The network with its operations computed by `kernels`.
            pub fn with_kernels(self, kernels: Kernels) -> Self {
                match self { $(Self::$kind(net) => Self::$kind(net.with_kernels(kernels)),)+ }
            }
        }

        impl<B: Backend> Net<B> {
            /// Values in the largest tensor of a forward pass, per example of `num_inputs` inputs: for bounding the
            /// memory of a batch.
            pub fn largest_tensor(&self, num_inputs: usize) -> usize {
                match self { $(Self::$kind(net) => net.largest_tensor(num_inputs),)+ }.max(num_inputs).max(1)
            }
        }

        impl<B: Backend> Net<B> {
            /// As [`Net::largest_tensor`], of what the kernels that were chosen store.
            fn largest_stored(&self, num_inputs: usize) -> usize {
                match self {
                    Self::Transformer(net) => net.largest_stored(num_inputs).max(num_inputs),
                    net => net.largest_tensor(num_inputs),
                }
            }

            /// Whether there is memory for a forward pass of `num_examples` examples, as far as its largest tensor tells.
            ///
            /// # Errors
            /// How much is needed and how much is free, in words.
            pub fn check_memory(&self, num_examples: usize, num_inputs: usize) -> Result<(), String> {
                let values = self.largest_stored(num_inputs).saturating_mul(num_examples);
                crate::data::check_free(values.saturating_mul(size_of::<f32>()))
            }
        }

        impl<B: FusedBackend> Net<B> {
            /// Logits `[batch, num_outputs]` of `inputs` `[batch, num_inputs]`. `rng` drives dropout: `Some` while
            /// training, `None` at inference.
            pub fn forward(&self, inputs: Tensor<B, 2>, rng: Option<&mut DropoutRng>) -> Tensor<B, 2> {
                match self { $(Self::$kind(net) => net.forward(inputs, rng),)+ }
            }
        }
    };
}

kinds! {
    /// Multilayer perceptron; `hidden = []` is the single-layer perceptron.
    "mlp" => Mlp(MlpConfig, Mlp),
    /// Convolutional network, for images.
    "cnn" => Cnn(CnnConfig, Cnn),
    /// Recurrent network, for sequences: rows of an image, columns of a table, characters of a text.
    "rnn" => Rnn(RnnConfig, Rnn),
    /// Transformer, for the same inputs.
    "transformer" => Transformer(TransformerConfig, Transformer),
    /// Residual network for tables, with embedded numbers.
    "tabular" => Tabular(TabularConfig, Tabular),
}

/// What burnlab needs from a kind's config.
trait Kind {
    /// Checks ranges.
    fn validate(&self) -> Result<(), Invalid>;
    /// Checks that such a network can read these inputs and learn this task.
    fn check(&self, layout: &Layout, task: Task) -> Result<(), Invalid>;
    /// The weights of a network with these inputs and outputs.
    fn parameter_specs(&self, layout: &Layout, num_outputs: usize) -> ParameterSpecs;
    /// Name prefix of the output layer's weights, such as `layers.2.`.
    fn head(&self) -> String;
    /// The network in a few words, such as `64-16-10 relu`.
    fn describe(&self, layout: &Layout, num_outputs: usize) -> String;
    /// A larger network to try next: a description, and the `--set` that selects it.
    fn larger(&self) -> (&'static str, String);
    /// The network with these weights as plain layers, from the inputs to the logits of `task`.
    fn layers<'a>(&self, layout: &Layout, task: Task, weights: &'a NamedWeights) -> Vec<Layer<'a>>;
    /// This config with the defaults that depend on other keys written out.
    fn resolved(self) -> Self
    where
        Self: Sized,
    {
        self
    }
}

/// Checks that each of `found` in `model.KEY` is in `range`; `what` names what they count.
fn in_range(key: &str, what: &str, found: &[usize], range: RangeInclusive<usize>) -> Result<(), Invalid> {
    Invalid::unless(found.iter().all(|count| range.contains(count)), &format!("model.{key}"), || {
        let found: Vec<String> = found.iter().map(usize::to_string).collect();
        format!("{what} must be {} to {}, found {}", range.start(), range.end(), found.join(", "))
    })
}

/// For the kinds that would mistake a character's index for a quantity.
fn kind_reads_no_text(kind: &str, layout: &Layout) -> Result<(), Invalid> {
    Invalid::unless(layout.num_characters.is_none(), "model.kind", || {
        format!("`{kind}` cannot read a text: choose kind = \"transformer\"")
    })
}

/// For the kinds to which the order of the inputs matters.
fn kind_reads_numbers(kind: &str, layout: &Layout) -> Result<(), Invalid> {
    let are_numbers = layout.columns.iter().all(|&column| column == InputColumn::Number);
    Invalid::unless(are_numbers, "model.kind", || {
        let is_binned = layout.columns.iter().any(|column| matches!(column, InputColumn::Bins(_)));
        let has_terms = layout.columns.iter().any(|column| matches!(column, InputColumn::Terms(_)));
        let (what, remedy) = match (is_binned, has_terms) {
            (true, _) => ("bins", "set data.bins = 0"),
            (_, true) => ("texts", "drop them"),
            _ => ("categories", "drop them"),
        };
        format!("`{kind}` reads numbers in order, and these data have {what}: {remedy}, or choose another kind")
    })
}

impl<'de> Deserialize<'de> for ModelConfig {
    /// Written by hand, since serde supports neither a default tag nor `deny_unknown_fields` next to `flatten`.
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

impl ModelConfig {
    /// Checks ranges.
    ///
    /// # Errors
    /// The first key whose value is out of range.
    pub fn validate(&self) -> Result<(), Invalid> {
        Invalid::unless(self.freeze.is_empty() || self.init_from.is_some(), "model.freeze", || {
            "freeze without init_from would keep random weights: remove it, or set init_from to the run to start from"
                .into()
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
        Self { architecture: self.architecture.resolved(), ..self }
    }

    /// A network with freshly drawn weights that maps inputs like `layout` to the logits of `task`; nothing is frozen
    /// yet.
    pub fn init<B: Backend>(&self, layout: &Layout, task: Task, seed: u64, device: &B::Device) -> Net<B> {
        let specs = self.architecture.kind().parameter_specs(layout, task.num_outputs());
        match self.architecture.build(layout, &mut specs.draw(seed, device)) {
            Net::Mlp(mlp) => Net::Mlp(mlp.for_task(task)),
            other => other,
        }
    }

    /// The weights of the network that [`ModelConfig::init`] builds: shapes by name.
    pub fn shapes(&self, layout: &Layout, num_outputs: usize) -> BTreeMap<String, Vec<usize>> {
        self.architecture.kind().parameter_specs(layout, num_outputs).shapes()
    }

    /// The network with these weights as plain layers, for programs other than burnlab.
    ///
    /// # Panics
    /// If they are not the weights of such a network, which [`check_shapes`] tells.
    pub fn layers<'a>(&self, layout: &Layout, task: Task, weights: &'a NamedWeights) -> Vec<Layer<'a>> {
        self.architecture.kind().layers(layout, task, weights)
    }

    /// Name prefix of the output layer's weights, such as `layers.2.`.
    pub fn head(&self) -> String {
        self.architecture.kind().head()
    }

    /// The network in a few words, such as `64-16-10 relu`.
    pub fn describe(&self, layout: &Layout, num_outputs: usize) -> String {
        self.architecture.kind().describe(layout, num_outputs)
    }

    /// A larger network to try next: a description, and the `--set` that selects it.
    pub fn larger(&self) -> (&'static str, String) {
        self.architecture.kind().larger()
    }

    /// The transformer's config, if this is one.
    pub fn transformer(&self) -> Option<&TransformerConfig> {
        if let Architecture::Transformer(config) = &self.architecture { Some(config) } else { None }
    }

    /// The recurrent network's config, if this is one.
    pub fn rnn(&self) -> Option<&RnnConfig> {
        if let Architecture::Rnn(config) = &self.architecture { Some(config) } else { None }
    }

    /// The multilayer perceptron's config, if this is one: plots of units and weights support no other kind.
    pub fn mlp(&self) -> Option<&MlpConfig> {
        if let Architecture::Mlp(config) = &self.architecture { Some(config) } else { None }
    }
}

impl<B: FusedBackend> Net<B> {
    /// What each layer of a multilayer perceptron computes at inference for `inputs` `[batch, num_inputs]`, the first layer
    /// first; `None` for other kinds, and for several networks in one.
    pub fn layers(&self, inputs: Tensor<B, 2>) -> Option<Vec<LayerValues<B>>> {
        if let Self::Mlp(mlp) = self { mlp.layer_values(inputs) } else { None }
    }

    /// The maps of a convolutional network after each convolution, for `inputs` `[batch, num_inputs]`: `[batch, height, width,
    /// channels]`, pooled where pooling follows. `None` for other kinds.
    pub fn feature_maps(&self, inputs: Tensor<B, 2>) -> Option<Vec<Tensor<B, 4>>> {
        if let Self::Cnn(cnn) = self { Some(cnn.feature_maps(inputs)) } else { None }
    }

    /// The states of a recurrent network that reads in one direction, step by step; `None` for other networks.
    pub fn states(&self, inputs: Tensor<B, 2>) -> Option<States<B>> {
        if let Self::Rnn(rnn) = self { rnn.states(inputs) } else { None }
    }

    /// Attention weights of each block of a transformer for `inputs` `[batch, num_inputs]`: `[batch, heads, tokens,
    /// tokens]`, whose rows sum to 1. `None` for other kinds.
    pub fn attention(&self, inputs: Tensor<B, 2>) -> Option<Vec<Tensor<B, 4>>> {
        if let Self::Transformer(transformer) = self { Some(transformer.attention(inputs)) } else { None }
    }

    /// Logits `[num_outputs]` of the character that follows `text`, the last characters of it that a language model sees: from
    /// 1 to its context. What a transformer has read before, it keeps in `memory`; other kinds read all of `text` again.
    pub fn next_character(&self, text: &[usize], memory: &mut TextMemory<B>, device: &B::Device) -> Vec<f32> {
        let logits = match self {
            Self::Transformer(transformer) => transformer.next_character(text, memory),
            other => {
                let inputs: Vec<f32> = text.iter().map(|&number| number as f32).collect();
                let logits = other.forward(Tensor::from_data(TensorData::new(inputs, [1, text.len()]), device), None);
                logits.narrow(0, text.len() - 1, 1)
            }
        };
        logits.into_data().iter::<f32>().collect()
    }
}
