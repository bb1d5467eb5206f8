//! Network architectures: what a `[model]` section builds.
//!
//! [`Architecture`] and [`Net`] are closed enums with a variant per kind, made from one list in this file. To add a kind,
//! write its file (its config, a `Kind`, its Burn `Module` and one `forward`), and a row in the list. Weights are drawn
//! from burnlab's own seeded generator, never from Burn's, so that a seed gives the same network on every backend.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};

use crate::cpu::{FusedBackend, Kernels};
use crate::data::{InputColumn, Layout, Task};
use crate::invalid::Invalid;

mod cnn;
mod concatenate;
mod dense;
mod dropout;
mod initializer;
mod mlp;
mod norm;
mod parameters;
mod rnn;
mod sequence;
mod tabular;
mod transformer;
mod weights;

pub use crate::cpu::Activation;
pub use cnn::{Cnn, CnnConfig};
pub use dropout::DropoutRng;
pub use initializer::Initializer;
pub use mlp::{Mlp, MlpConfig};
pub use rnn::{Cell, Rnn, RnnConfig};
pub use tabular::{Tabular, TabularConfig};
pub use transformer::{Pooling, Transformer, TransformerConfig};
pub(crate) use weights::ParameterPath;
pub use weights::{
    NamedWeights, Weight, WeightsError, check_frozen, check_shapes, freeze, load_weights, named_weights, transfer,
};

use parameters::{InitializedParams, ParameterSpecs};

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

/// Makes [`Architecture`] and [`Net`] of the list of kinds.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:literal => $kind:ident($config:ty, $net:ident),)+) => {
        /// What is built; `kind = "mlp"` unless the section says otherwise.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "kind")]
        pub enum Architecture {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $kind($config),)+
        }

        impl Architecture {
            /// An architecture of each kind, with its defaults, by the kind's name.
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

        /// A network of any kind.
        #[derive(Module, Debug)]
        pub enum Net<B: Backend> {
            $($kind($net<B>),)+
        }

        impl<B: Backend> Net<B> {
            /// The network with its operations in the form that `kernels` says.
            pub fn with_kernels(self, kernels: Kernels) -> Self {
                match self { $(Self::$kind(net) => Self::$kind(net.with_kernels(kernels)),)+ }
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
    /// Multilayer perceptron: `hidden = []` is the simple perceptron.
    "mlp" => Mlp(MlpConfig, Mlp),
    /// Convolutional network, for images.
    "cnn" => Cnn(CnnConfig, Cnn),
    /// Recurrent network, for sequences: rows of an image, columns of a table, characters of a text.
    "rnn" => Rnn(RnnConfig, Rnn),
    /// Transformer, for the same.
    "transformer" => Transformer(TransformerConfig, Transformer),
    /// Residual perceptron for tables, whose numbers are embedded.
    "tabular" => Tabular(TabularConfig, Tabular),
}

/// What the rest of burnlab asks of a kind's config.
trait Kind {
    /// Checks ranges.
    fn validate(&self) -> Result<(), Invalid>;
    /// Whether such a network can read these inputs and learn this task.
    fn check(&self, layout: &Layout, task: Task) -> Result<(), Invalid>;
    /// The weights of a network with these inputs and outputs.
    fn parameter_specs(&self, layout: &Layout, num_outputs: usize) -> ParameterSpecs;
    /// Beginning of the names of the output layer's weights, such as `layers.2.`.
    fn head(&self) -> String;
    /// The network in a few words, such as `64-16-10 relu`.
    fn describe(&self, layout: &Layout, num_outputs: usize) -> String;
    /// A larger network to try next: what it is, and the `--set` that makes it.
    fn larger(&self) -> (&'static str, String);
    /// This config with the defaults that depend on other keys written out.
    fn resolved(self) -> Self
    where
        Self: Sized,
    {
        self
    }
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
        Self { architecture: self.architecture.resolved(), ..self }
    }

    /// A network with freshly drawn weights that maps inputs like `layout` to `num_outputs` logits; nothing is frozen
    /// yet.
    pub fn init<B: Backend>(&self, layout: &Layout, num_outputs: usize, seed: u64, device: &B::Device) -> Net<B> {
        let specs = self.architecture.kind().parameter_specs(layout, num_outputs);
        self.architecture.build(layout, &mut specs.draw(seed, device))
    }

    /// The weights of the network that [`ModelConfig::init`] makes: shapes by name.
    pub fn shapes(&self, layout: &Layout, num_outputs: usize) -> BTreeMap<String, Vec<usize>> {
        self.architecture.kind().parameter_specs(layout, num_outputs).shapes()
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
        if let Architecture::Transformer(config) = &self.architecture { Some(config) } else { None }
    }

    /// The multilayer perceptron that this is, if it is one: what draws units and weights knows no other kind.
    pub fn mlp(&self) -> Option<&MlpConfig> {
        if let Architecture::Mlp(config) = &self.architecture { Some(config) } else { None }
    }
}

impl<B: FusedBackend> Net<B> {
    /// How much each token of `inputs` `[batch, num_inputs]` looks at each other, in each block of a transformer:
    /// `[batch, heads, tokens, tokens]`, whose rows sum to 1. `None` of other kinds.
    pub fn attention(&self, inputs: Tensor<B, 2>) -> Option<Vec<Tensor<B, 4>>> {
        if let Self::Transformer(transformer) = self { Some(transformer.attention(inputs)) } else { None }
    }
}
