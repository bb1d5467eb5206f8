//! Numbers of the lessons, computed again by what they are said to be of.
//!
//! | measure | |
//! |---|---|
//! | `CONFIG:WHAT` | of one run of the shipped config |
//! | `CONFIG:WHAT:10` | the mean of ten seeds, as `--seeds 10` trains them |
//! | `CONFIG<CONFIG:WHAT:10` | with how many of ten seeds it is less with the first config |
//!
//! A config may be followed by changes, `,KEY=VALUE`. `WHAT` is `test/METRIC`, `epochs`, `kept` (the epoch of the weights),
//! `parameters`, `rows/PART`, `inputs/count`, `inputs/largest`, `classes`, a config key such as `training.max_epochs`, or the
//! first or last value of a sweep's key.

use std::collections::BTreeMap;
use std::sync::Mutex;

use burnlab::config::LoadedConfig;
use burnlab::experiment::{Prepared, RunFolder, RunOutcome, prepare};
use serde_json::Value;

use crate::lab::{Lab, config_file};

/// What a number is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Two where they are compared.
    pub configs: Vec<Changed>,
    pub what: String,
    pub num_seeds: u64,
}

/// A shipped config with changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    pub name: String,
    pub set: Vec<String>,
}

impl Measure {
    pub fn parse(key: &str) -> Self {
        let parts: Vec<&str> = key.split(':').collect();
        let [configs, what, ref seeds @ ..] = parts[..] else { panic!("measure:{key} is no CONFIG:WHAT") };
        let changed = |config: &str| {
            let mut parts = config.split(',').map(str::to_owned);
            Changed { name: parts.next().unwrap(), set: parts.collect() }
        };
        let num_seeds = seeds.first().map_or(1, |seeds| seeds.parse().unwrap());
        Self { configs: configs.split('<').map(changed).collect(), what: what.to_owned(), num_seeds }
    }

    pub fn value(&self, bench: &Bench) -> f64 {
        let values = |config: &Changed| -> Vec<f64> {
            (0..self.num_seeds).map(|seed| bench.value(config, seed, &self.what)).collect()
        };
        match &self.configs[..] {
            [config] => values(config).iter().sum::<f64>() / self.num_seeds as f64,
            [first, second] => {
                let pairs = values(first).into_iter().zip(values(second));
                pairs.filter(|(first, second)| first < second).count() as f64
            }
            more => panic!("{more:?}"),
        }
    }
}

/// Trains what is needed, once.
pub struct Bench {
    lab: Lab,
    runs: Mutex<BTreeMap<(Changed, u64), BTreeMap<String, f64>>>,
}

impl Bench {
    pub fn new() -> Self {
        Self { lab: Lab::new(), runs: Mutex::default() }
    }

    fn loaded(config: &Changed) -> LoadedConfig {
        LoadedConfig::load(&config_file(&config.name), &config.set).unwrap()
    }

    /// Of the run with the config's own seed, or a later one.
    fn value(&self, config: &Changed, seed: u64, what: &str) -> f64 {
        let loaded = Self::loaded(config);
        let prepared = || -> Prepared { prepare(&loaded.config, &self.lab.artifacts().into()).unwrap() };
        let number = |value: &Value| match value {
            Value::Array(list) if list.len() == 1 => list[0].as_f64(),
            other => other.as_f64(),
        };
        match what.split_once('/').unwrap_or((what, "")) {
            ("rows", part) => {
                let Prepared { train, validation, test, .. } = prepared();
                let rows = [("train", train.len()), ("validation", validation.len()), ("test", test.len())];
                rows.iter().filter(|(name, _)| [*name, "all"].contains(&part)).map(|(_, rows)| rows).sum::<usize>()
                    as f64
            }
            ("inputs", "count") => prepared().preprocessor.num_inputs() as f64,
            ("inputs", "largest") => {
                let Prepared { preprocessor, train, .. } = prepared();
                let rows = (0..train.len()).flat_map(|row| preprocessor.raw_numbers(&train, row));
                f64::from(rows.fold(f32::MIN, f32::max))
            }
            ("classes", "") => prepared().preprocessor.class_names().len() as f64,
            ("seeds", "") => key(&config.name, &["seeds"]).and_then(|value| number(&value)).unwrap(),
            ("space", rest) => {
                let (name, which) = rest.split_once('/').unwrap();
                let values = key(&config.name, &["sweep", "space", name, "values"]).unwrap();
                let values = values.as_array().unwrap();
                number(if which == "first" { &values[0] } else { values.last().unwrap() }).unwrap()
            }
            (path, "") if path.contains('.') => {
                let config = serde_json::to_value(&loaded.config).unwrap();
                let found = path.split('.').fold(&config, |value, part| &value[part]);
                number(found).unwrap_or_else(|| panic!("{path} is {found}"))
            }
            _ => self.of_run(config, &loaded, seed, what),
        }
    }

    fn of_run(&self, config: &Changed, loaded: &LoadedConfig, seed: u64, what: &str) -> f64 {
        let key = (config.clone(), seed);
        let known = self.runs.lock().unwrap().get(&key).cloned();
        let values = known.unwrap_or_else(|| {
            // The run that it starts from, by the config that trains it.
            if let Some(before) = loaded.config.model.init_from.as_ref().filter(|_| seed == 0) {
                self.lab.train(before, &[]);
            }
            let seed = format!("seed={}", loaded.config.seed + seed);
            let set: Vec<&str> = config.set.iter().map(String::as_str).chain([seed.as_str()]).collect();
            let found = values_of(&self.lab.train(&config.name, &set));
            self.runs.lock().unwrap().insert(key, found.clone());
            found
        });
        *values.get(what).unwrap_or_else(|| panic!("{what} is none of {:?}", values.keys()))
    }
}

fn values_of(run: &RunOutcome) -> BTreeMap<String, f64> {
    let metrics = run.evaluation.iter().flat_map(|evaluation| &evaluation.metrics);
    let mut values: BTreeMap<String, f64> =
        metrics.map(|metric| (format!("test/{}", metric.name), metric.value)).collect();
    let saved = burnlab::experiment::SavedModel::open(&RunFolder::at(&run.folder)).unwrap();
    let parameters: usize = saved.weights.values().map(|weight| weight.values.len()).sum();
    values.insert("parameters".to_owned(), parameters as f64);
    values.insert("epochs".to_owned(), run.num_epochs as f64);
    values.insert("kept".to_owned(), run.kept_epoch.unwrap_or(run.num_epochs) as f64);
    values
}

/// A value of the config file itself.
fn key(config: &str, path: &[&str]) -> Option<Value> {
    let text = std::fs::read_to_string(config_file(config)).unwrap();
    let table: Value = toml::from_str(&text).unwrap();
    path.iter().try_fold(table, |value, part| value.get(part).cloned())
}
