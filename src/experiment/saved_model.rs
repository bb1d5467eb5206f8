//! The model in a run folder, written after training and opened for inference.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::backend::{BackendName, Job, run_on};
use anyhow::Context;
use burn::tensor::Tensor;
use burnlab_cpu::{FusedBackend, TrainingBackend};

use super::calibration::Coverage;
use super::changes::refuse_changes;
use super::run_folder::{CALIBRATION, CONFIG, MAX_TEST_CELLS, MODEL, PREPROCESSING, RunFolder, TEST_ROWS, TEST_TEXT};
use super::weights_file::encode_with;
use crate::config::Config;
use crate::data::{self, Collected, DataConfig, Drift, Examples, Inputs, NewRows, Preprocessor};
use crate::invalid::Invalid;
use crate::model::{NamedWeights, Net, check_shapes, load_weights};
use crate::shell::command;
use crate::tracking::folder;
use crate::training::evaluation::Prediction;
use crate::waiting;

/// A run's config, preprocessor and weights, read only from its folder.
pub struct SavedModel {
    pub folder: RunFolder,
    pub config: Config,
    pub preprocessor: Preprocessor,
    pub weights: NamedWeights,
    /// Numbers that the test rows in the folder may become as inputs.
    most_test_inputs: usize,
}

struct Check<'a>(&'a SavedModel);

impl Job for Check<'_> {
    type Output = anyhow::Result<()>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> anyhow::Result<()> {
        self.0.net::<B::InnerBackend>(&device).map(drop)
    }
}

/// Bytes of the files of a model that is opened while somebody waits for a page.
const MOST_BYTES_FOR_PAGE: [(&str, u64); 3] = [(CONFIG, 256 << 10), (MODEL, 64 << 20), (PREPROCESSING, 128 << 20)];
/// Bytes in memory of what is read of the last: images of 224 by 224 coloured pixels need half as many.
const MOST_MEMORY_FOR_PAGE: usize = 384 << 20;
/// See [`SavedModel::most_test_inputs`]: 256 MiB.
const MOST_INPUTS_FOR_PAGE: usize = 64 << 20;

impl SavedModel {
    /// Opens the model of a run folder.
    ///
    /// # Errors
    /// A missing, damaged or changed file, with its path.
    pub fn open(folder: &RunFolder) -> anyhow::Result<Self> {
        let config = folder.config()?;
        let preprocessor = folder.preprocessor(&config.data)?;
        let unusable = |error: Invalid| anyhow::anyhow!("{}: {error}", folder.file("config.toml").display());
        data::check(&config.data).map_err(unusable)?;
        // The number of rows no longer matters.
        config.training.validate_for(preprocessor.task(), usize::MAX, usize::MAX).map_err(unusable)?;
        let layout = preprocessor.layout();
        config.model.check(&layout, preprocessor.task()).map_err(unusable)?;
        let shapes = config.model.shapes(&layout, preprocessor.task().num_outputs());
        let path = || folder.file(MODEL).display().to_string();
        let weights = folder.weights(MODEL, &shapes)?;
        let weights =
            weights.with_context(|| format!("{} is missing: restore the file that training wrote", path()))?;
        check_shapes(&weights, &shapes, None)
            .with_context(|| format!("{} does not fit the run's config and data", path()))?;
        // Without a record that can be read, the weights are all there is to go by.
        if let Ok(record) = folder.record() {
            refuse_changes(folder, &config, &record.params)?;
        }
        folder::check_sums(folder.path(), &[PREPROCESSING, CALIBRATION])?;
        Ok(Self { folder: folder.clone(), config, preprocessor, weights, most_test_inputs: usize::MAX })
    }

    /// The same for a server of pages, whose memory is bounded whoever made the run; `instead` is the command that does without
    /// these bounds what is done with the model.
    ///
    /// # Errors
    /// As [`SavedModel::open`]; a large model.
    pub fn open_for_page(folder: &RunFolder, instead: &[&str]) -> anyhow::Result<Self> {
        let refused = |name: &str, bytes: u64| {
            let (run, command) = (folder.name(), command(instead));
            let size = if bytes < 1 << 20 { format!("{} KiB", bytes >> 10) } else { format!("{} MiB", bytes >> 20) };
            anyhow::anyhow!("{name} of run `{run}` takes {size}, too many to read while you wait: `{command}` does it")
        };
        for (name, most) in MOST_BYTES_FOR_PAGE {
            let bytes = folder.size_of(name)?;
            anyhow::ensure!(bytes <= most, refused(name, bytes));
        }
        let needed = folder.memory_of(PREPROCESSING)?;
        anyhow::ensure!(needed <= MOST_MEMORY_FOR_PAGE, refused(PREPROCESSING, needed as u64));
        Ok(Self { most_test_inputs: MOST_INPUTS_FOR_PAGE, ..Self::open(folder)? })
    }

    /// The run's id: its folder's name.
    pub fn name(&self) -> String {
        self.folder.name()
    }

    /// The network with the saved weights.
    ///
    /// # Errors
    /// Weights that do not fit the config's network.
    pub fn net<B: FusedBackend>(&self, device: &B::Device) -> anyhow::Result<Net<B>> {
        let net = self.config.model.init::<B>(&self.preprocessor.layout(), self.preprocessor.task(), 0, device);
        let net = load_weights(net, &self.weights)?.with_kernels(self.config.training.kernels);
        let num_inputs = self.preprocessor.num_inputs();
        net.check_memory(1, num_inputs)
            .map_err(|why| anyhow::anyhow!("the network of run `{}` is too large: a row of it {why}", self.name()))?;
        // Weights that are finite may be too large all the same.
        let outputs = net.forward(Tensor::<B, 2>::zeros([1, num_inputs], device), None).into_data();
        anyhow::ensure!(
            outputs.iter::<f32>().all(f32::is_finite),
            "{}: the network gives no number even for an average row: restore the file that training wrote",
            self.folder.file(MODEL).display()
        );
        Ok(net)
    }

    /// That the network gives numbers, before it goes to other programs or is explained.
    ///
    /// # Errors
    /// As [`SavedModel::net`]; a backend that is not compiled in.
    pub fn check_answers(&self, backend: BackendName) -> anyhow::Result<()> {
        run_on(backend, Check(self)).map_err(anyhow::Error::msg)?
    }

    /// The first of the rows of `logits`, `[rows, outputs]`, whose output is infinite or not a number.
    pub(super) fn first_without_answer(&self, logits: &[f32]) -> Option<usize> {
        let at = logits.iter().position(|logit| !logit.is_finite())?;
        Some(at / self.preprocessor.task().num_outputs())
    }

    /// That the network's output for a row, by its index, is none that can be told: infinite, or not a number.
    pub(super) fn no_answer(&self, row: usize) -> String {
        format!(
            "row {row} has no prediction: run `{}` gives no number for it, whose cells are too far from those of training",
            self.name()
        )
    }

    /// The model as one file: the weights, with config and preprocessor in the metadata.
    ///
    /// # Errors
    /// Only if the library rejects the weights, which does not happen for those of a network.
    pub fn encode(&self) -> anyhow::Result<Vec<u8>> {
        let metadata = HashMap::from([
            ("config".to_owned(), self.config.to_toml()),
            ("preprocessing".to_owned(), serde_json::to_string(&self.preprocessor)?),
        ]);
        encode_with(&self.weights, metadata)
    }

    /// Returns an error for a language model, which cannot do what only applies to tables; `what` says why.
    ///
    /// # Errors
    /// A language model.
    pub fn refuse_text(&self, what: &str) -> anyhow::Result<()> {
        let name = self.name();
        anyhow::ensure!(
            matches!(self.preprocessor.inputs, Inputs::Table { .. }),
            "run `{name}` is a language model, and {what}: `{}` continues a text with it",
            command(&["generate", &name])
        );
        Ok(())
    }

    /// Returns an error for a model of several targets, which lacks `what`.
    ///
    /// # Errors
    /// Such a model.
    pub fn refuse_several(&self, what: &str) -> anyhow::Result<()> {
        let num_targets = self.preprocessor.task().num_targets();
        anyhow::ensure!(
            num_targets == 1,
            "run `{}` predicts {num_targets} columns at once, and {what} is for one class or number: train a run for one of them",
            self.name()
        );
        Ok(())
    }

    /// Sets or intervals that hold the truth with the probability `share`.
    ///
    /// # Errors
    /// No validation rows, or too few; a damaged `calibration.json`.
    pub fn coverage(&self, share: f64) -> anyhow::Result<Coverage> {
        self.refuse_several("--coverage")?;
        let calibration = self.folder.calibration()?.with_context(|| {
            format!(
                "run `{}` keeps nothing of validation rows, by which --coverage is measured: train it with some",
                self.name()
            )
        })?;
        calibration.check(&self.preprocessor.target).map_err(|what| {
            let file = self.folder.file(CALIBRATION);
            anyhow::anyhow!("{} is damaged: {what}: restore the file that training wrote", file.display())
        })?;
        Coverage::new(&calibration, &self.preprocessor.target, share)
    }

    /// The rows of a file with the target, or the windows of a text, as network inputs; and how they differ from those of
    /// training.
    ///
    /// # Errors
    /// A file that cannot be read or does not fit the model; no row with a target that training had.
    pub fn examples(&self, file: &Path) -> anyhow::Result<(Examples, Drift)> {
        match &self.preprocessor.inputs {
            Inputs::Table { .. } => read_examples(file, &self.preprocessor, &self.config.data, Most::default()),
            Inputs::Text(text) => {
                let dataset = {
                    let before = self.preprocessor.readings.encoding.as_deref();
                    data::text_of_file(file, "the file", text.context, self.config.data.encoding.as_deref(), before)?
                };
                let rows: Vec<u32> = (0..dataset.num_rows() as u32).collect();
                let examples = self.preprocessor.transform(&dataset, &rows);
                let drift = Drift::of_text(&self.preprocessor, &examples);
                Ok((examples, drift))
            }
        }
    }

    /// How many of the examples are rows that the model was fitted on, or chosen by: training and validation rows with the
    /// same inputs and target. 0 where the run's data are gone or have changed, which no longer tell, and for a text.
    pub fn num_known(&self, examples: &Examples) -> usize {
        if matches!(self.preprocessor.inputs, Inputs::Text(_)) {
            return 0;
        }
        let Ok((dataset, splits)) = self.folder.data(&self.config) else { return 0 };
        let content = |examples: &Examples, row: usize| -> Vec<u32> {
            let (inputs, targets) = (examples.input(row), examples.targets_of(row));
            inputs.iter().chain(&targets).map(|value| value.to_bits()).collect()
        };
        let mut wanted: HashMap<Vec<u32>, bool> =
            (0..examples.len()).map(|row| (content(examples, row), false)).collect();
        let mut rows = [splits.train, splits.validation].concat();
        // The run's rows may be more than fit in memory: they are looked at in the order in which they are stored.
        rows.sort_unstable();
        let known = self.preprocessor.share(&Arc::new(dataset), rows);
        for row in 0..known.len() {
            if let Some(is_known) = wanted.get_mut(&content(&known, row)) {
                *is_known = true;
            }
        }
        (0..examples.len()).filter(|&row| wanted[&content(examples, row)]).count()
    }

    /// The rows that the copy of the test rows in the folder has at most.
    pub fn most_test_rows(&self) -> usize {
        MAX_TEST_CELLS / self.preprocessor.columns().len().max(1)
    }

    /// The run's own test rows, numbered as in the data: from its folder, or from the data if they were too many to be
    /// copied there.
    ///
    /// # Errors
    /// No test part; data that are gone, or have changed since the run; a copy of more rows than training keeps.
    pub fn test_examples(&self) -> anyhow::Result<Examples> {
        match &self.preprocessor.inputs {
            Inputs::Table { .. } => {
                if let Some(file) = self.folder.copy(TEST_ROWS)? {
                    let preprocessor = self.preprocessor.for_written_rows();
                    let DataConfig { weight, target, target_separator, .. } = self.config.data.clone();
                    let config = DataConfig { weight, target, target_separator, ..DataConfig::of_written_rows() };
                    let most = Most { rows: self.most_test_rows(), inputs: self.most_test_inputs };
                    let read = read_examples(file.path(), &preprocessor, &config, most);
                    let mut examples = read.map_err(|error| file.named(error))?.0;
                    // The file holds the test rows alone: their numbers in the data are beside the predictions.
                    if let Some(rows) = self.folder.tested_rows(examples.len()) {
                        examples.rows = rows.into();
                    }
                    return Ok(examples);
                }
            }
            Inputs::Text(_) => {
                if let Some(file) = self.folder.copy(TEST_TEXT)? {
                    return Ok(self.examples(file.path()).map_err(|error| file.named(error))?.0);
                }
            }
        }
        let (dataset, splits) = self.folder.data(&self.config)?;
        anyhow::ensure!(!splits.test.is_empty(), "the run has no test rows: name a file with --data");
        let needed = splits.test.len().saturating_mul(self.preprocessor.num_inputs() * size_of::<f32>());
        data::check_free(needed).map_err(|why| {
            let count = splits.test.len();
            anyhow::anyhow!(
                "the run's {count} test rows do not fit in memory: they {why}; name a file with fewer, by --data"
            )
        })?;
        let mut examples = self.preprocessor.transform(&dataset, &splits.test);
        examples.rows = examples.rows.iter().map(|&row| dataset.source_row(row as usize) as u32).collect();
        Ok(examples)
    }
}

/// What the system adds to each piece of memory that it gives.
const BYTES_OF_AN_ALLOCATION: usize = 16;

/// What may be read of a file.
#[derive(Clone, Copy)]
struct Most {
    rows: usize,
    /// Numbers of all its rows.
    inputs: usize,
}

impl Default for Most {
    fn default() -> Self {
        Self { rows: usize::MAX, inputs: usize::MAX }
    }
}

fn read_examples(
    file: &Path,
    preprocessor: &Preprocessor,
    config: &DataConfig,
    most: Most,
) -> anyhow::Result<(Examples, Drift)> {
    let mut all = Collected::new(preprocessor.num_inputs());
    let rows = NewRows::new(file, preprocessor, config, true, &[]);
    // What an evaluation then has of each row, some of it in vectors that are growing.
    let task = preprocessor.task();
    let later = size_of::<Prediction>()
        + 3 * BYTES_OF_AN_ALLOCATION
        + 2 * task.num_targets() * size_of::<f64>()
        + task.num_outputs() * 5 * size_of::<f32>();
    let mut num_inputs = 0;
    let drift = rows.open()?.for_each_block(|mut block| {
        waiting::check()?;
        anyhow::ensure!(
            block.rows.last().is_none_or(|last| *last < most.rows),
            "{} has more than {} rows, more than burnlab keeps of these columns",
            file.display(),
            most.rows
        );
        num_inputs += block.examples.inputs.len();
        anyhow::ensure!(
            num_inputs <= most.inputs,
            "{} becomes more than {} million inputs of the network, too many to read while you wait",
            file.display(),
            most.inputs >> 20
        );
        all.append(&mut block.examples, later).map_err(|why| {
            anyhow::anyhow!(
                "{} does not fit in memory: {why}; name a file with fewer rows, or use a machine with more memory",
                file.display()
            )
        })
    })?;
    let all = all.into_examples();
    if all.is_empty() {
        let why: String = drift.lines().iter().map(|line| format!(": {line}")).collect();
        let (file, target) = (file.display(), preprocessor.target_columns().join("` and `"));
        anyhow::bail!("{file} has no row with a value of `{target}` that training had{why}");
    }
    Ok((all, drift))
}
