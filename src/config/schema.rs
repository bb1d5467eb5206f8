//! The TOML file's keys, one type per section, and their JSON Schema.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::DataConfig;
use crate::keyed;
use crate::model::ModelConfig;
use crate::sweep::SweepConfig;
use crate::training::TrainingConfig;

/// A burnlab run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The experiment: runs of the same experiment are compared with each other. By default the file's name.
    #[serde(default)]
    pub name: String,
    /// Determines initial weights, shuffles, dropout and (unless `data.split_seed` is set) the split.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Train this many runs with consecutive seeds, starting with `seed`; 1 by default.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub seeds: u16,
    /// The rows, and how they are read, divided and prepared.
    #[serde(deserialize_with = "keyed::only")]
    pub data: DataConfig,
    /// The network.
    #[serde(default)]
    pub model: ModelConfig,
    /// How it is trained.
    #[serde(default, deserialize_with = "keyed::only")]
    pub training: TrainingConfig,
    /// What the file and the overrides say: burnlab chooses by the data what the sections `model` and `training` leave
    /// open. `None` = nothing is left open.
    #[serde(skip)]
    pub given: Option<toml::Table>,
    /// A search over variants of this config.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "keyed::maybe")]
    pub sweep: Option<SweepConfig>,
}

fn default_seed() -> u64 {
    42
}

fn one() -> u16 {
    1
}

fn is_one(seeds: &u16) -> bool {
    *seeds == 1
}

impl Config {
    /// A config of the experiment `name` on these data, with the default network and training, to be changed by its fields.
    pub fn new(name: impl Into<String>, data: DataConfig) -> Self {
        let (model, training) = (ModelConfig::default(), TrainingConfig::default());
        Self { name: name.into(), seed: default_seed(), seeds: one(), data, model, training, given: None, sweep: None }
    }

    /// The TOML of this config.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("every field of a config has a TOML form")
    }

    /// The JSON Schema of the TOML file, for editors.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Config).to_value()
    }
}
