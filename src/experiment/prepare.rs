//! Prepares training: loads and splits the data, encodes them as network inputs, and finds pre-trained weights.

use std::sync::Arc;

use burnlab_cpu::FusedBackend;

use super::error::explain;
use super::measurable::check_monitor;
use super::recipe;
use super::run_folder::RunFolder;
use super::saved_model::SavedModel;
use crate::config::Config;
use crate::data::{self, Augment, Dataset, Examples, PreparedTarget, Preprocessor, Splits, Task};
use crate::invalid::Invalid;
use crate::model::{NamedWeights, check_frozen, check_shapes};
use crate::tracking::{Closed, Location, RunId, TrackingError};
use crate::training::OutputDecoder;
use crate::training::config::Loss;

/// Data, loaded, split and encoded as network inputs, with the resolved config.
#[derive(Clone)]
pub struct Prepared {
    /// The config of one run, with every default written out, as it is recorded and trained.
    pub config: Config,
    pub dataset: Arc<Dataset>,
    pub splits: Splits,
    pub preprocessor: Preprocessor,
    pub train: Arc<Examples>,
    pub validation: Arc<Examples>,
    pub test: Arc<Examples>,
    pub decoder: OutputDecoder,
    /// The run of `model.init_from`.
    pub pretrained: Option<Pretrained>,
}

/// The pre-trained model that a run starts from.
#[derive(Clone)]
pub struct Pretrained {
    /// `None` if the folder was renamed.
    pub run: Option<RunId>,
    /// How to find it again: its id, or its path if it is in another artifacts folder.
    pub reference: String,
    pub weights: NamedWeights,
    /// Whether the classes differ, so that the output layer is initialised randomly.
    pub has_new_head: bool,
    /// Whether other users may not read it.
    pub is_private: bool,
}

/// Loads and prepares the data of `config`, and checks the training section against them. Looks up `model.init_from` in
/// the store.
///
/// # Errors
/// The key that cannot be used.
pub fn prepare(config: &Config, location: &Location) -> Result<Prepared, Invalid> {
    prepare_from(Arc::new(data::load(&config.data)?), config, location)
}

/// As [`Prepared::close_store`], for a config whose data are not loaded here.
///
/// # Errors
/// As [`Location::close`].
pub fn close_store(config: &Config, location: &Location) -> Result<Option<Closed>, TrackingError> {
    // A run that is not there is told of where the data are loaded.
    let run = config.model.init_from.as_ref().and_then(|run| RunFolder::find(location, run).ok());
    close_for(config, run.is_some_and(|folder| !folder.is_public()), location)
}

fn close_for(
    config: &Config,
    is_pretrained_private: bool,
    location: &Location,
) -> Result<Option<Closed>, TrackingError> {
    if is_private(config, is_pretrained_private) { location.close() } else { Ok(None) }
}

/// Whether other users may not read rows of the data, or what was learned of those of another run.
fn is_private(config: &Config, is_pretrained_private: bool) -> bool {
    is_pretrained_private || !data::are_public(&config.data)
}

/// `config` with what it leaves open chosen by its data, which are loaded only if it leaves something open.
///
/// # Errors
/// Data that cannot be loaded or split.
pub fn completed(config: &Config) -> Result<Config, Invalid> {
    if !recipe::leaves_open(config) {
        return Ok(config.clone());
    }
    let dataset = data::load(&config.data)?;
    let splits = data::split(&dataset, &config.data, config.seed)?;
    Ok(recipe::complete(config, &dataset, &splits))
}

/// Like [`prepare`], for data that are already loaded.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_from(dataset: Arc<Dataset>, config: &Config, location: &Location) -> Result<Prepared, Invalid> {
    let splits = data::split(&dataset, &config.data, config.seed)?;
    let config = &recipe::complete(config, &dataset, &splits);
    let task = match dataset.task() {
        Task::MultiClass { num_classes } if !config.data.ordered.is_empty() => Task::Ordered { num_classes },
        task => task,
    };
    config.training.validate_for(task, splits.train.len(), splits.validation.len())?;
    let training = config.training.clone().fitting(splits.train.len());
    let config = &Config { training, ..config.clone() };
    check_monitor(config, &dataset, &splits)?;
    let Some(run) = &config.model.init_from else {
        let fitted = Preprocessor::fit(&dataset, &splits.train, &config.data)?;
        dataset.check_read()?;
        let is_count = config.training.loss == Some(Loss::Poisson);
        let preprocessor = match config.training.loss {
            _ if is_count => fitted.counting(&dataset)?,
            _ if !config.data.ordered.is_empty() => fitted.in_order(),
            Some(Loss::Pinball) => fitted.with_levels(&config.training.levels())?,
            _ => fitted,
        };
        config.model.check(&preprocessor.layout(), preprocessor.task())?;
        return Ok(Prepared::new(config, dataset, splits, preprocessor));
    };
    let invalid = |error: anyhow::Error| Invalid::at("model.init_from", explain(&error));
    let folder = RunFolder::find(location, run).map_err(invalid)?;
    let saved = SavedModel::open(&folder).map_err(invalid)?;
    let scale = saved.preprocessor.scale;
    Invalid::unless(config.data.scale == scale, "data.scale", || {
        let scale = serde_json::json!(scale);
        format!("the inputs stay scaled as `{}` learned them: set scale = {scale}", saved.name())
    })?;
    let bins = saved.config.data.bins;
    Invalid::unless(config.data.bins == bins, "data.bins", || {
        format!("the inputs stay as `{}` learned them: set bins = {bins}", saved.name())
    })?;
    let preprocessor = saved.preprocessor.refit(&dataset, &splits.train)?;
    dataset.check_read()?;
    Invalid::unless(preprocessor.is_count() == (config.training.loss == Some(Loss::Poisson)), "training.loss", || {
        format!("`{}` has another kind of loss: loss = \"poisson\" goes on from that loss alone", saved.name())
    })?;
    let levels = if config.training.loss == Some(Loss::Pinball) { config.training.levels() } else { Vec::new() };
    Invalid::unless(preprocessor.levels() == levels, "training.loss", || {
        format!("`{}` has other quantiles: loss = \"pinball\" goes on from the same ones alone", saved.name())
    })?;
    let is_ordered = matches!(preprocessor.target, PreparedTarget::Ordered(_));
    Invalid::unless(is_ordered != config.data.ordered.is_empty(), "data.ordered", || match is_ordered {
        true => format!("`{}` learned classes in an order: list those of these data in data.ordered", saved.name()),
        false => format!("`{}` learned classes without an order: remove data.ordered", saved.name()),
    })?;
    let has_new_head = preprocessor.target != saved.preprocessor.target;
    let head = config.model.head();
    let new_head = has_new_head.then_some(head.as_str());
    let layout = preprocessor.layout();
    config.model.check(&layout, preprocessor.task())?;
    let shapes = config.model.shapes(&layout, preprocessor.task().num_outputs());
    check_shapes(&saved.weights, &shapes, new_head).map_err(|error| {
        Invalid::at("model.init_from", format!("{}: {error}; use its [model], or choose another run", saved.name()))
    })?;
    check_frozen(shapes.keys(), &config.model.freeze, new_head)
        .map_err(|error| Invalid::at("model.freeze", error.to_string()))?;
    let is_private = !folder.is_public();
    let run = saved.name().parse().ok();
    let folder = folder.path();
    let is_here = folder.parent().is_some_and(|runs| runs == location.root.join("runs"));
    let reference = match is_here && run.is_some() {
        true => saved.name(),
        false => std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()).display().to_string(),
    };
    let mut prepared = Prepared::new(config, dataset, splits, preprocessor);
    prepared.config.model.init_from = Some(reference.clone());
    prepared.pretrained = Some(Pretrained { run, reference, weights: saved.weights, has_new_head, is_private });
    Ok(prepared)
}

impl Prepared {
    /// Whether other users may not read what the run will have in its folder: rows of its data, and what was learned of
    /// those of another run.
    pub(super) fn is_private(&self) -> bool {
        is_private(&self.config, self.is_pretrained_private())
    }

    fn is_pretrained_private(&self) -> bool {
        self.pretrained.as_ref().is_some_and(|pretrained| pretrained.is_private)
    }

    /// Closes the store to other users where they may not read what the run will have, before processes or threads of this one work
    /// with it: a new file takes its place. `None` if it was not open to them.
    ///
    /// # Errors
    /// As [`Location::close`].
    pub fn close_store(&self, location: &Location) -> Result<Option<Closed>, TrackingError> {
        close_for(&self.config, self.is_pretrained_private(), location)
    }

    /// The same, with the kernels that the backend `B` actually has instead of those requested.
    pub(super) fn on<B: FusedBackend>(&self) -> Self {
        let mut prepared = self.clone();
        prepared.config.training = prepared.config.training.resolved_on::<B>();
        prepared
    }

    /// The same, with the second of two classes, or each of several labels, predicted above these logits.
    pub(super) fn deciding_at(&self, thresholds: &[f32]) -> Self {
        let mut prepared = self.clone();
        prepared.preprocessor = prepared.preprocessor.deciding_at(Some(thresholds));
        prepared.decoder = OutputDecoder::new(&prepared.preprocessor);
        prepared
    }

    /// What changes the training images, if the config says so.
    pub(super) fn augment(&self) -> Option<Arc<Augment>> {
        Augment::new(self.config.data.augment?, &self.preprocessor).map(Arc::new)
    }

    /// The rows of both parts, encoded as those of the training part alone.
    pub(super) fn train_and_validation(&self) -> Examples {
        let rows = [&self.splits.train[..], &self.splits.validation[..]].concat();
        self.preprocessor.share(&self.dataset, rows)
    }

    /// Encodes the parts of `dataset` with `preprocessor`.
    pub fn new(config: &Config, dataset: Arc<Dataset>, splits: Splits, preprocessor: Preprocessor) -> Self {
        // Of the training that is to come it is not known yet.
        let preprocessor = preprocessor.deciding_at(None);
        let part = |rows: &Arc<[u32]>| Arc::new(preprocessor.share(&dataset, rows.clone()));
        let (train, validation, test) = (part(&splits.train), part(&splits.validation), part(&splits.test));
        let decoder = OutputDecoder::new(&preprocessor);
        let config = config.clone().resolved_for(decoder.task);
        Self { config, dataset, splits, preprocessor, train, validation, test, decoder, pretrained: None }
    }
}
