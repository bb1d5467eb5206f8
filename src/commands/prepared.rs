//! Data as a training needs them: loaded, split, turned into network inputs; and the weights to begin with.

use std::path::Path;
use std::sync::Arc;

use super::run_folder;
use super::saved_model::SavedModel;
use crate::config::Config;
use crate::data::{self, Dataset, Examples, Preparation, Splits};
use crate::invalid::Invalid;
use crate::model::NamedWeights;
use crate::tracking::RunId;
use crate::training::Scorer;

/// Data, loaded, split and turned into network inputs.
pub struct Prepared {
    pub dataset: Dataset,
    pub splits: Splits,
    pub preparation: Preparation,
    pub train: Arc<Examples>,
    pub validation: Arc<Examples>,
    pub test: Arc<Examples>,
    pub scorer: Scorer,
    /// The run of `model.init_from`.
    pub pretrained: Option<Pretrained>,
}

/// What a run begins with instead of random weights.
pub struct Pretrained {
    pub run: RunId,
    pub weights: NamedWeights,
    /// Whether the classes are others, so that the output layer begins anew.
    pub has_new_head: bool,
}

/// Loads and prepares the data of `config`, and checks the training section against them. `model.init_from` is looked
/// up among the runs in `artifacts`.
///
/// # Errors
/// The key that cannot be used.
pub fn prepare(config: &Config, artifacts: &Path) -> Result<Prepared, Invalid> {
    let dataset = data::load(&config.data)?;
    let splits = data::split(&dataset, &config.data, config.seed)?;
    config.training.validate_for(dataset.task(), splits.train.len(), splits.validation.len())?;
    let Some(run) = &config.model.init_from else {
        let preparation = Preparation::fit(&dataset, &splits.train, &config.data)?;
        return Ok(Prepared::new(dataset, splits, preparation));
    };
    let invalid = |error: anyhow::Error| Invalid::at("model.init_from", format!("{error:#}"));
    let folder = run_folder::find(artifacts, run).map_err(invalid)?;
    let saved = SavedModel::open(&folder).map_err(invalid)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let run = name.parse().map_err(|_| Invalid::at("model.init_from", format!("`{name}` is not the id of a run")))?;
    let preparation = saved.preparation.refit(&dataset, &splits.train)?;
    let has_new_head = preparation.target != saved.preparation.target;
    let pretrained = Some(Pretrained { run, weights: saved.weights, has_new_head });
    Ok(Prepared { pretrained, ..Prepared::new(dataset, splits, preparation) })
}

impl Prepared {
    /// The parts of `dataset` as `preparation` makes them.
    pub fn new(dataset: Dataset, splits: Splits, preparation: Preparation) -> Self {
        let part = |rows: &[usize]| Arc::new(preparation.transform(&dataset, rows));
        let (train, validation, test) = (part(&splits.train), part(&splits.validation), part(&splits.test));
        let scorer = Scorer::new(&preparation);
        Self { dataset, splits, preparation, train, validation, test, scorer, pretrained: None }
    }

    /// Lines that tell the user what was understood.
    pub fn describe(&self) -> Vec<String> {
        let mut lines = self.dataset.describe();
        lines.push(format!(
            "{} training, {} validation, {} test rows; {} network inputs",
            self.splits.train.len(),
            self.splits.validation.len(),
            self.splits.test.len(),
            self.preparation.num_inputs()
        ));
        lines
    }
}
