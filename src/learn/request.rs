//! What a page may ask to be trained: a shipped config, with some keys changed, or on the reader's own points.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::config::{Config, LoadedConfig};
use crate::data::{self, DataConfig, Dataset, TaskKind};
use crate::experiment::{Prepared, prepare_from};
use crate::invalid::{Invalid, one_line};
use crate::shell::command;
use crate::shipped;
use crate::tracking::Location;
use crate::web::ApiError;

/// The keys that a page may set: none names a file or a run.
const KEYS: [&str; 28] = [
    "model.hidden",
    "model.activation",
    "model.dropout",
    "model.initializer",
    "training.max_epochs",
    "training.batch_size",
    "training.learning_rate",
    "training.optimizer",
    "training.momentum",
    "training.nesterov",
    "training.l2",
    "training.weight_decay",
    "training.clip_norm",
    "training.label_smoothing",
    "training.shuffle",
    "training.restore_best",
    "training.kernels",
    "training.early_stopping.monitor",
    "training.early_stopping.patience",
    "training.early_stopping.min_delta",
    "training.early_stopping.warm_up_epochs",
    "data.num_examples",
    "data.noise",
    "data.generator_seed",
    "data.split_seed",
    "data.test_fraction",
    "data.validation_fraction",
    "data.scale",
];

const MOST_LAYERS: usize = 4;
const MOST_UNITS: usize = 512;
const MOST_EPOCHS: usize = 2000;
const MOST_EXAMPLES: usize = 2000;
const MOST_POINTS: usize = 1000;
const MOST_CLASSES: f64 = 10.0;
const FARTHEST: f64 = 1e6;

/// What is trained.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The name of a shipped config.
    pub config: String,
    /// Values by dotted config key.
    #[serde(default)]
    pub set: BTreeMap<String, Value>,
    /// `[x1, x2, class]` each, instead of the config's data.
    #[serde(default)]
    pub points: Option<Vec<[f64; 3]>>,
    #[serde(default)]
    pub seed: Option<u64>,
    /// Whether the program itself asks for it: then any key may be set, to any size.
    #[serde(skip)]
    pub is_of_program: bool,
}

/// 400 that names the field.
pub fn refused(field: &str, message: impl std::fmt::Display) -> ApiError {
    ApiError::bad_request(one_line(&format!("{field}: {message}")))
}

/// Data that were read before, by their config.
#[derive(Debug, Default)]
pub struct Datasets(std::sync::Mutex<Vec<(DataConfig, Arc<Dataset>)>>);

impl Datasets {
    /// The data of a section, from memory if it was loaded lately.
    fn load(&self, config: &DataConfig) -> Result<Arc<Dataset>, Invalid> {
        const MOST: usize = 8;
        let known = || self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, found)) = known().iter().find(|(other, _)| other == config) {
            return Ok(Arc::clone(found));
        }
        let dataset = Arc::new(data::load(config)?);
        let mut known = known();
        if known.len() >= MOST {
            known.remove(0);
        }
        known.push((config.clone(), Arc::clone(&dataset)));
        Ok(dataset)
    }
}

impl Wanted {
    /// The config to train; of what a reader asks for, checked against the page's limits.
    ///
    /// # Errors
    /// 400 that names the field or the config key.
    pub fn config(&self) -> Result<Config, ApiError> {
        if self.is_of_program {
            return self.loaded();
        }
        for (key, value) in &self.set {
            let is_plain = |value: &Value| value.is_number() || value.is_boolean() || value.is_string();
            let is_list = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_number));
            if !KEYS.contains(&key.as_str()) {
                return Err(refused("set", format!("`{key}` cannot be set here; these can: {}", KEYS.join(", "))));
            }
            if !(is_plain(value) || is_list(value)) {
                return Err(refused("set", format!("{key} = {value} is no number, word or list of numbers")));
            }
        }
        let config = self.loaded()?;
        check_sizes(&config)?;
        Ok(config)
    }

    /// The config with the keys set, whichever they are.
    fn loaded(&self) -> Result<Config, ApiError> {
        let name = &self.config;
        let shipped = shipped::configs().find(|config| config.name == name);
        let shipped = shipped.ok_or_else(|| refused("config", format!("there is no shipped config `{name}`")))?;
        let loaded = LoadedConfig::parse(shipped.text, name, name, &[]).map_err(ApiError::internal)?;
        let mut params = self.set.clone();
        params.extend(self.seed.map(|seed| ("seed".to_owned(), Value::from(seed))));
        let wrong = |error| ApiError::bad_request(one_line(&format!("set: {error}")));
        let mut config = loaded.varied(&params).map_err(wrong)?;
        if config.data.source.is_none() || config.model.init_from.is_some() {
            return Err(refused("config", format!("`{name}` needs a file or a run: choose one with built-in data")));
        }
        if let Some(points) = &self.points {
            check_points(points)?;
            self.read_points(&mut config);
        }
        Ok(config)
    }

    /// Replaces the config's data by the points.
    fn read_points(&self, config: &mut Config) {
        config.data = DataConfig {
            source: None,
            num_examples: None,
            noise: None,
            num_classes: None,
            path: Some(PathBuf::from("points.csv")),
            target: Some("class".into()),
            task: Some(TaskKind::Classification),
            numeric: ["x1", "x2"].map(str::to_owned).to_vec(),
            ..config.data.clone()
        };
        if !self.set.contains_key("training.batch_size") {
            // As many as there are, if they are few.
            config.training.batch_size = None;
        }
    }

    /// The points as a file.
    pub fn points_csv(&self) -> Option<String> {
        let points = self.points.as_ref()?;
        let rows = points.iter().map(|[x, y, class]| format!("{x},{y},{class}\n"));
        Some(std::iter::once("x1,x2,class\n".to_owned()).chain(rows).collect())
    }

    /// The data, loaded, split and encoded.
    ///
    /// # Errors
    /// As [`Wanted::config`]; data that the config cannot be trained on.
    pub fn prepared(&self, location: &Location, datasets: &Datasets) -> Result<Prepared, ApiError> {
        let config = self.config()?;
        let invalid = |Invalid { key, message }: Invalid| match &key {
            Some(key) if !message.starts_with(key.as_str()) => refused(key, message),
            _ => ApiError::bad_request(one_line(&message)),
        };
        let dataset = match self.points_csv() {
            Some(csv) => Arc::new(
                data::load_given("points", Arc::from(csv.into_bytes()), &config.data)
                    .map_err(|error| refused("points", error))?,
            ),
            None => datasets.load(&config.data).map_err(invalid)?,
        };
        prepare_from(dataset, &config, location).map_err(invalid)
    }

    /// The same training in a terminal; `None` for the reader's own points.
    pub fn command(&self) -> Option<String> {
        if self.points.is_some() {
            return None;
        }
        let mut words = vec!["--config".to_owned(), self.config.clone()];
        let seed = self.seed.map(|seed| format!("seed={seed}"));
        for set in self.set.iter().map(|(key, value)| format!("{key}={}", toml_of(value))).chain(seed) {
            words.extend(["--set".to_owned(), set]);
        }
        Some(command(&words.iter().map(String::as_str).collect::<Vec<_>>()))
    }
}

/// Words without quotes, which a shell would take away.
fn toml_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn check_points(points: &[[f64; 3]]) -> Result<(), ApiError> {
    if points.len() > MOST_POINTS {
        return Err(refused("points", format!("{MOST_POINTS} at most, found {}", points.len())));
    }
    for (i, [x, y, class]) in points.iter().enumerate() {
        let is_near = |value: &f64| value.abs() <= FARTHEST;
        if !(is_near(x) && is_near(y)) {
            return Err(refused(&format!("points[{i}]"), format!("a coordinate is -1e6 to 1e6, found {x} and {y}")));
        }
        if !(class.fract() == 0.0 && (0.0..MOST_CLASSES).contains(class)) {
            return Err(refused(
                &format!("points[{i}]"),
                format!("a class is a whole number from 0 to 9, found {class}"),
            ));
        }
    }
    let classes: std::collections::BTreeSet<u8> = points.iter().map(|point| point[2] as u8).collect();
    match classes.len() {
        0 | 1 => Err(refused("points", "there must be points of two classes")),
        _ => Ok(()),
    }
}

fn check_sizes(config: &Config) -> Result<(), ApiError> {
    let at_most = |key: &str, found: usize, most: usize| match found <= most {
        true => Ok(()),
        false => Err(refused(key, format!("{most} at most on this page, found {found}"))),
    };
    // Several kinds have such layers.
    let model = serde_json::to_value(&config.model).map_err(ApiError::internal)?;
    let hidden = model["hidden"].as_array().cloned().unwrap_or_default();
    let units = |layer: &Value| layer.as_u64().unwrap_or(0) as usize;
    at_most("model.hidden", hidden.len(), MOST_LAYERS)?;
    hidden.iter().map(units).try_for_each(|units| at_most("model.hidden", units, MOST_UNITS))?;
    at_most("training.max_epochs", config.training.max_epochs, MOST_EPOCHS)?;
    at_most("data.num_examples", config.data.num_examples.unwrap_or(0), MOST_EXAMPLES)
}
