//! The model in a run folder: written after training, opened to predict.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::tensor::backend::Backend;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::config::{Config, LoadedConfig};
use crate::data::{self, DataConfig, Dataset, Examples, NewRows, Preparation, Splits};
use crate::invalid::Invalid;
use crate::model::{NamedWeights, Net, Weight, load_weights, named_weights};

/// The weights, f32, by name; each linear layer's `weight` is `[inputs, outputs]`.
pub const MODEL: &str = "model.safetensors";
/// What was learned from the training part to turn raw cells into inputs.
pub const PREPARATION: &str = "preprocessing.json";

/// The raw test rows, in the order of the predictions: the run's evaluation can be repeated from its folder alone.
pub const TEST_ROWS: &str = "test.csv";

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
    pub folder: PathBuf,
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
        Ok(Self { folder: folder.to_owned(), config, preparation, weights })
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

    /// The rows of a file that has the target, as the network takes them.
    ///
    /// # Errors
    /// A file that cannot be read or does not fit the model; no row with a target.
    pub fn examples(&self, file: &Path) -> anyhow::Result<Examples> {
        read_examples(file, &self.preparation, &self.config.data)
    }

    /// The run's own test rows: from its folder, or where they were too many to be kept there, from the data.
    ///
    /// # Errors
    /// No test part; data that are gone, or are no longer those of the run.
    pub fn test_examples(&self) -> anyhow::Result<Examples> {
        let kept = self.folder.join(TEST_ROWS);
        if kept.exists() {
            // Written by us, with a header and commas, whatever the training file had.
            let config = DataConfig { delimiter: Some(','), header: true, ..self.config.data.clone() };
            return read_examples(&kept, &self.preparation, &config);
        }
        let (dataset, splits) = self.load_data()?;
        anyhow::ensure!(!splits.test.is_empty(), "the run has no test rows: name a file with --data");
        Ok(self.preparation.transform(&dataset, &splits.test))
    }

    /// The data that the run was trained on, and its split.
    ///
    /// # Errors
    /// Data that are gone, or have another fingerprint than the run recorded.
    pub fn load_data(&self) -> anyhow::Result<(Dataset, Splits)> {
        let Config { data, seed, .. } = &self.config;
        let dataset = data::load(data).context("the run's data cannot be loaded again")?;
        let environment: serde_json::Value =
            serde_json::from_slice(&fs_err::read(self.folder.join("environment.json"))?)?;
        anyhow::ensure!(
            environment["dataset"]["fingerprint"] == dataset.fingerprint(),
            "the data of `{}` have changed since the run was trained: bring back the old file, or train anew",
            dataset.name
        );
        let splits = data::split(&dataset, data, *seed)?;
        Ok((dataset, splits))
    }
}

fn read_examples(file: &Path, preparation: &Preparation, config: &DataConfig) -> anyhow::Result<Examples> {
    let mut all = Examples { num_inputs: preparation.num_inputs(), inputs: vec![], targets: vec![], rows: vec![] };
    NewRows::new(file, preparation, config, true, &[]).for_each_block(|mut block| {
        all.inputs.append(&mut block.examples.inputs);
        all.targets.append(&mut block.examples.targets);
        all.rows.append(&mut block.examples.rows);
        Ok::<_, Invalid>(())
    })?;
    anyhow::ensure!(!all.is_empty(), "{} has no row with a value of `{}`", file.display(), preparation.target_name);
    Ok(all)
}
