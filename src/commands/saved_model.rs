//! The model in a run folder: written after training, opened to predict.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::Context;
use burn::tensor::backend::Backend;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::config::{Config, LoadedConfig};
use crate::data::Preparation;
use crate::model::{NamedWeights, Net, Weight, load_weights, named_weights};

/// The weights, f32, by name; each linear layer's `weight` is `[inputs, outputs]`.
pub const MODEL: &str = "model.safetensors";
/// What was learned from the training part to turn raw cells into inputs.
pub const PREPARATION: &str = "preprocessing.json";

/// The weights of `net` in the safetensors format.
///
/// # Errors
/// Only where the library refuses; the weights of a network always fit.
pub fn encode<B: Backend>(net: &Net<B>) -> anyhow::Result<Vec<u8>> {
    let weights = named_weights(net);
    let bytes: BTreeMap<&String, Vec<u8>> = weights
        .iter()
        .map(|(name, weight)| (name, weight.values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let views = weights
        .iter()
        .map(|(name, weight)| Ok((name, TensorView::new(Dtype::F32, weight.shape.clone(), &bytes[name])?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    let metadata = HashMap::from([("format".to_owned(), "burnlab".to_owned())]);
    Ok(safetensors::serialize(views, Some(metadata))?)
}

/// The weights in a safetensors file.
///
/// # Errors
/// No safetensors file, or one with numbers other than f32.
pub fn decode(bytes: &[u8]) -> anyhow::Result<NamedWeights> {
    let file = SafeTensors::deserialize(bytes).context("not a safetensors file")?;
    let mut weights = NamedWeights::new();
    for (name, view) in file.tensors() {
        anyhow::ensure!(view.dtype() == Dtype::F32, "weight `{name}` is {:?}; burnlab saves F32", view.dtype());
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        weights.insert(name, Weight { shape: view.shape().to_vec(), values });
    }
    Ok(weights)
}

/// A run's config, preparation and weights, read from its folder alone.
pub struct SavedModel {
    pub config: Config,
    pub preparation: Preparation,
    pub weights: NamedWeights,
}

impl SavedModel {
    /// Opens a run folder.
    ///
    /// # Errors
    /// A file that is missing or damaged, by path.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let config = LoadedConfig::load(&folder.join("config.toml"), &[])?.config;
        let preparation = serde_json::from_slice(&fs_err::read(folder.join(PREPARATION))?)
            .with_context(|| format!("{} is damaged", folder.join(PREPARATION).display()))?;
        let model = folder.join(MODEL);
        let weights = decode(&fs_err::read(&model)?).with_context(|| format!("{} is damaged", model.display()))?;
        Ok(Self { config, preparation, weights })
    }

    /// The network with the saved weights.
    ///
    /// # Errors
    /// Weights that do not fit the config's network.
    pub fn net<B: Backend>(&self, device: &B::Device) -> anyhow::Result<Net<B>> {
        let num_outputs = self.preparation.task().num_outputs();
        let net = self.config.model.init::<B>(self.preparation.num_inputs(), num_outputs, 0, device);
        Ok(load_weights(net, &self.weights)?)
    }
}
