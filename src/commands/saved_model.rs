//! The model in a run folder: written after training, opened to predict.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::tensor::backend::Backend;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::bounded;
use crate::config::{Config, LoadedConfig};
use crate::data::{self, DataConfig, Dataset, Examples, NewRows, Preparation, Splits};
use crate::invalid::{Invalid, one_line};
use crate::model::{NamedWeights, Net, Weight, check_shapes, load_weights};

/// The weights, f32, by name; each linear layer's `weight` is `[inputs, outputs]`.
pub const MODEL: &str = "model.safetensors";
/// What was learned from the training part to turn raw cells into inputs.
pub const PREPARATION: &str = "preprocessing.json";

/// The raw test rows, in the order of the predictions: the run's evaluation can be repeated from its folder alone.
pub const TEST_ROWS: &str = "test.csv";

/// Its counterpart of a run that learned a text.
pub const TEST_TEXT: &str = "test.txt";

/// The weights that a pre-trained run began with, in the format of the model: the run stays complete without its parent.
pub const INITIAL: &str = "initial.safetensors";

/// A million columns, or categories.
const MAX_PREPARATION: u64 = 256 << 20;
/// What a file of weights has beside them at most; `export` puts the preparation there.
const MAX_HEADER: u64 = 16 << 20;

/// Weights in the safetensors format.
///
/// # Errors
/// Only where the library refuses; the weights of a network always fit.
pub fn encode(weights: &NamedWeights) -> anyhow::Result<Vec<u8>> {
    encode_with(weights, HashMap::new())
}

/// A saved model in one file: the weights, and in the metadata its config and preparation.
///
/// # Errors
/// As [`encode`].
pub fn encode_whole(saved: &SavedModel) -> anyhow::Result<Vec<u8>> {
    let metadata = HashMap::from([
        ("config".to_owned(), saved.config.to_toml()),
        ("preprocessing".to_owned(), serde_json::to_string(&saved.preparation)?),
    ]);
    encode_with(&saved.weights, metadata)
}

fn encode_with(weights: &NamedWeights, mut metadata: HashMap<String, String>) -> anyhow::Result<Vec<u8>> {
    let bytes: BTreeMap<&String, Vec<u8>> = weights
        .iter()
        .map(|(name, weight)| (name, weight.values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let views = weights
        .iter()
        .map(|(name, weight)| Ok((name, TensorView::new(Dtype::F32, weight.shape.clone(), &bytes[name])?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    metadata.insert("format".to_owned(), "burnlab".to_owned());
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
        let values: Vec<f32> =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        anyhow::ensure!(values.iter().all(|value| value.is_finite()), "weight `{name}` holds NaN or infinity");
        weights.insert(name, Weight { shape: view.shape().to_vec(), values });
    }
    Ok(weights)
}

/// The weights in the file `path`, of a network with these shapes.
///
/// # Errors
/// A file that cannot be read, is much larger than such a network, or is damaged.
pub fn read_weights(path: &Path, shapes: &BTreeMap<String, Vec<usize>>) -> anyhow::Result<NamedWeights> {
    let cells =
        shapes.values().map(|shape| shape.iter().fold(4, |product: u64, &size| product.saturating_mul(size as u64)));
    let bytes = bounded::read(path, cells.fold(MAX_HEADER, u64::saturating_add))?;
    decode(&bytes).with_context(|| format!("{} is damaged", path.display()))
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
        let preparation = read_preparation(folder, &config.data)?;
        let unusable = |error: Invalid| anyhow::anyhow!("{}: {error}", folder.join("config.toml").display());
        data::check(&config.data).map_err(unusable)?;
        // How many rows there were does not matter any more.
        config.training.validate_for(preparation.task(), usize::MAX, usize::MAX).map_err(unusable)?;
        let layout = preparation.layout();
        config.model.check(&layout, preparation.task()).map_err(unusable)?;
        let shapes = config.model.shapes(&layout, preparation.task().num_outputs());
        let weights = read_weights(&folder.join(MODEL), &shapes)?;
        check_shapes(&weights, &shapes, None)
            .with_context(|| format!("{} does not fit the run's config and data", folder.join(MODEL).display()))?;
        Ok(Self { folder: folder.to_owned(), config, preparation, weights })
    }

    /// The run's id: its folder's name.
    pub fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The network with the saved weights.
    ///
    /// # Errors
    /// Weights that do not fit the config's network.
    pub fn net<B: Backend>(&self, device: &B::Device) -> anyhow::Result<Net<B>> {
        let num_outputs = self.preparation.task().num_outputs();
        let net = self.config.model.init::<B>(&self.preparation.layout(), num_outputs, 0, device);
        Ok(load_weights(net, &self.weights)?.with_kernels(self.config.training.kernels))
    }

    /// Refuses a run that learned a text what only tables have; `what` is asked of it.
    ///
    /// # Errors
    /// A language model.
    pub fn refuse_text(&self, what: &str) -> anyhow::Result<()> {
        let name = self.name();
        anyhow::ensure!(
            self.preparation.text.is_none(),
            "run `{name}` is a language model, and {what}: `burnlab generate {name}` continues a text with it"
        );
        Ok(())
    }

    /// The rows of a file that has the target, or the windows of a text, as the network takes them.
    ///
    /// # Errors
    /// A file that cannot be read or does not fit the model; no row with a target.
    pub fn examples(&self, file: &Path) -> anyhow::Result<Examples> {
        if let Some(text) = &self.preparation.text {
            let dataset = data::text_of_file(file, "the file", text.context)?;
            let rows: Vec<usize> = (0..dataset.num_rows()).collect();
            return Ok(self.preparation.transform(&dataset, &rows));
        }
        read_examples(file, &self.preparation, &self.config.data)
    }

    /// The run's own test rows: from its folder, or where they were too many to be kept there, from the data.
    ///
    /// # Errors
    /// No test part; data that are gone, or are no longer those of the run.
    pub fn test_examples(&self) -> anyhow::Result<Examples> {
        let text = self.folder.join(TEST_TEXT);
        if self.preparation.text.is_some() && text.exists() {
            return self.examples(&text);
        }
        let kept = self.folder.join(TEST_ROWS);
        if self.preparation.text.is_none() && kept.exists() {
            return read_examples(&kept, &self.preparation, &DataConfig::of_written_rows());
        }
        let (dataset, splits) = load_data(&self.folder, &self.config)?;
        anyhow::ensure!(!splits.test.is_empty(), "the run has no test rows: name a file with --data");
        Ok(self.preparation.transform(&dataset, &splits.test))
    }
}

/// The data that the run in `folder` was trained on, and its split.
///
/// # Errors
/// Data that are gone, or have another fingerprint than the run recorded.
pub fn load_data(folder: &Path, config: &Config) -> anyhow::Result<(Dataset, Splits)> {
    let dataset = data::load(&config.data).context("the run's data cannot be loaded again")?;
    let environment: serde_json::Value = serde_json::from_slice(&fs_err::read(folder.join("environment.json"))?)?;
    anyhow::ensure!(
        environment["dataset"]["fingerprint"] == dataset.fingerprint(),
        "the data of `{}` have changed since the run was trained: bring back the old file, or train anew",
        dataset.name
    );
    let splits = data::split(&dataset, &config.data, config.seed)?;
    Ok((dataset, splits))
}

/// What the run in `folder` learned to turn cells into inputs of the data that `config` names.
///
/// # Errors
/// A file that is missing, damaged, or of another burnlab.
pub fn read_preparation(folder: &Path, config: &DataConfig) -> anyhow::Result<Preparation> {
    let path = folder.join(PREPARATION);
    let damaged = || format!("{} is damaged: bring back the file that the training wrote", path.display());
    let preparation = serde_json::from_slice(&bounded::read(&path, MAX_PREPARATION)?);
    let preparation: Preparation =
        preparation.map_err(|error| anyhow::anyhow!(one_line(&error.to_string()))).with_context(damaged)?;
    preparation.check().map_err(anyhow::Error::msg).with_context(damaged)?;
    let context = preparation.text.as_ref().map(|text| text.context);
    let fits = context == config.is_text().then(|| config.context());
    anyhow::ensure!(
        fits,
        "{} does not fit the [data] section beside it: bring back the files that the training wrote",
        path.display()
    );
    Ok(preparation)
}

fn read_examples(file: &Path, preparation: &Preparation, config: &DataConfig) -> anyhow::Result<Examples> {
    let mut all = Examples::none(preparation.num_inputs());
    NewRows::new(file, preparation, config, true, &[]).open()?.for_each_block(|mut block| {
        all.inputs.append(&mut block.examples.inputs);
        all.targets.append(&mut block.examples.targets);
        all.rows.append(&mut block.examples.rows);
        Ok::<_, Invalid>(())
    })?;
    anyhow::ensure!(!all.is_empty(), "{} has no row with a value of `{}`", file.display(), preparation.target_name);
    Ok(all)
}
