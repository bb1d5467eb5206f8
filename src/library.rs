//! The program's verbs for Rust code: train, load, predict; see the [crate's page](crate).

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::backend::BackendName;
use crate::config::{Config, LoadedConfig};
use crate::experiment::{
    Environment, Interrupter, Predictor, RunFolder, RunOutcome, SavedModel, TrainOptions, TrainingObserver, Unobserved,
    prepare, train,
};
use crate::tracking::Location;

/// The store of the command line, where it is not told another.
const ARTIFACTS: &str = "artifacts";

/// A training of one run, which is recorded like those of the command line.
///
/// ```no_run
/// use burnlab::{Config, DataConfig, MlpConfig, Source, Training};
///
/// let mut config = Config::new("iris", DataConfig { source: Some(Source::Iris), ..Default::default() });
/// config.model = MlpConfig { hidden: vec![8], ..Default::default() }.into();
/// let run = Training::new(config).run()?;
/// println!("{}: {:?}", run.id, run.evaluation);
/// # anyhow::Ok(())
/// ```
pub struct Training {
    config: Config,
    location: Location,
    backend: BackendName,
    tags: Vec<String>,
    observer: Arc<dyn TrainingObserver>,
    interrupter: Interrupter,
}

impl Training {
    /// In the store `artifacts` of the current folder, on the default backend, silently.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            location: Location::local(Path::new(ARTIFACTS)),
            backend: BackendName::chosen(None),
            tags: Vec::new(),
            observer: Arc::new(Unobserved),
            interrupter: Interrupter::new(),
        }
    }

    /// Records the run in another store: an artifacts folder, or a [`Location`] with a server.
    pub fn store(self, location: impl Into<Location>) -> Self {
        Self { location: location.into(), ..self }
    }

    /// Trains on another backend.
    pub fn backend(self, backend: BackendName) -> Self {
        Self { backend, ..self }
    }

    /// Gives the run a tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Tells `observer` of each epoch.
    pub fn observer(self, observer: Arc<dyn TrainingObserver>) -> Self {
        Self { observer, ..self }
    }

    /// Lets a clone of `interrupter` end the training at the next step.
    pub fn interrupter(self, interrupter: Interrupter) -> Self {
        Self { interrupter, ..self }
    }

    /// Trains until the end, and evaluates once on the test part.
    ///
    /// # Errors
    /// A config with a value out of range, for several runs (`seeds`, a sweep), or that does not fit its data; data that cannot be
    /// read; a store that cannot be written; a training that diverges or is interrupted before its first epoch.
    pub fn run(self) -> anyhow::Result<RunOutcome> {
        let Self { config, location, backend, tags, observer, interrupter } = self;
        ensure!(
            config.seeds == 1 && config.sweep.is_none(),
            "the config is for several runs, and `Training` is of one"
        );
        let config = checked(config)?;
        let prepared = prepare(&config, &location)?;
        let options = TrainOptions {
            location: &location,
            tags: &tags,
            backend,
            environment: &Environment::gather(backend),
            observer,
            interrupter,
            tui: false,
            sweep: None,
        };
        train(&prepared, &options)
    }
}

/// The config as if it came from a file, which is checked.
fn checked(config: Config) -> anyhow::Result<Config> {
    if config.given.is_some() {
        return Ok(config);
    }
    let loaded = LoadedConfig::parse(&config.to_toml(), "the config", &config.name, &[])?;
    ensure!(!loaded.config.name.is_empty(), "the config has no name");
    // What it leaves out are the defaults of its types, not choices by the data.
    Ok(Config { given: None, ..loaded.config })
}

/// A trained model that predicts rows. Its network has a thread of its own, which ends when this is dropped; it may be shared by
/// others.
pub struct Model {
    predictor: Predictor,
}

/// What a model predicts for one row.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Prediction {
    /// One of the classes.
    Class {
        /// The predicted one.
        name: String,
        /// Of each class, in the order of [`Model::classes`]; their sum is 1.
        probabilities: Vec<f64>,
    },
    /// A number, in the target's units.
    Number(f64),
    /// Several numbers, in their units: of several targets, or the quantiles of one.
    Numbers(Vec<f64>),
    /// Several labels, of which any may be predicted.
    Labels {
        /// Whether each is predicted.
        predicted: Vec<bool>,
        /// Of each label.
        probabilities: Vec<f64>,
    },
}

/// The model of a run in the store `artifacts` of the current folder: by its id, the unique beginning of one, `latest`, an
/// experiment (its newest run), or the path of a run's folder.
///
/// ```no_run
/// let model = burnlab::load("iris")?;
/// let flower = [("sepal_length_(cm)", 6.1), ("sepal_width_(cm)", 2.9), ("petal_length_(cm)", 4.7), ("petal_width_(cm)", 1.4)];
/// let flower = std::collections::BTreeMap::from(flower);
/// println!("{:?}", model.predict([flower])?);
/// # anyhow::Ok(())
/// ```
///
/// # Errors
/// As [`Model::load`].
pub fn load(run: &str) -> anyhow::Result<Model> {
    Model::load(Path::new(ARTIFACTS), run)
}

impl Model {
    /// The model of a run in another store.
    ///
    /// # Errors
    /// No such run; one without a model, or whose files are damaged; a language model, which has no rows to predict.
    pub fn load(location: impl Into<Location>, run: &str) -> anyhow::Result<Self> {
        let saved = SavedModel::open(&RunFolder::find(&location.into(), run)?)?;
        Ok(Self { predictor: Predictor::start(saved, BackendName::chosen(None))? })
    }

    /// The run's id, or the name of its folder.
    pub fn run(&self) -> String {
        self.predictor.model().name()
    }

    /// The columns that a row has, in the order of the network's inputs.
    pub fn columns(&self) -> Vec<&str> {
        self.predictor.model().preprocessor.source_columns()
    }

    /// Names of the classes; none where a number is predicted.
    pub fn classes(&self) -> &[String] {
        self.predictor.model().preprocessor.class_names()
    }

    /// Predictions for rows, in their order. A row is anything that serde writes as an object with a value per column: a struct, a
    /// map. Null, or an absent value in some of the rows, is a missing cell.
    ///
    /// # Errors
    /// A row that is no object; a column that all of them lack; a cell that is no number or date where training has them.
    pub fn predict<R: Serialize>(&self, rows: impl IntoIterator<Item = R>) -> anyhow::Result<Vec<Prediction>> {
        let mut lines = Vec::new();
        for (i, row) in rows.into_iter().enumerate() {
            let row = serde_json::to_value(row).with_context(|| format!("row {i} has no form in JSON"))?;
            let has_values = row.as_object().is_some_and(|row| !row.is_empty());
            ensure!(has_values, "row {i} is {row}, not an object with a value per column");
            serde_json::to_writer(&mut lines, &row)?;
            lines.push(b'\n');
        }
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.predictor.answer(lines.into(), usize::MAX)?.answers;
        let classes = self.classes();
        let prediction = |answer: crate::training::evaluation::Answer| match classes.get(answer.first() as usize) {
            Some(name) => Prediction::Class { name: name.clone(), probabilities: answer.probabilities },
            None if !answer.probabilities.is_empty() => Prediction::Labels {
                predicted: answer.predicted.iter().map(|&holds| holds == 1.0).collect(),
                probabilities: answer.probabilities,
            },
            None if !answer.quantiles.is_empty() => Prediction::Numbers(answer.quantiles),
            None if answer.predicted.len() > 1 => Prediction::Numbers(answer.predicted),
            None => Prediction::Number(answer.first()),
        };
        Ok(answers.into_iter().map(prediction).collect())
    }
}

impl Prediction {
    /// The predicted class; `None` for a number.
    pub fn class(&self) -> Option<&str> {
        if let Self::Class { name, .. } = self { Some(name) } else { None }
    }

    /// The predicted number; `None` for a class.
    pub fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }
}
