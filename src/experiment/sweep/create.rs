//! Creates the queue of a sweep, after checking that every trial can be trained.

use anyhow::Context;

use crate::comparison::changes_the_test;
use crate::config::LoadedConfig;
use crate::experiment::fingerprint;
use crate::experiment::measurable::check_repetitions;
use crate::experiment::prepare::{Prepared, prepare};
use crate::invalid::Invalid;
use crate::sweep::{Params, SweepConfig};
use crate::tracking::{Location, MetricKey, NewSweep, RunId, Store};
use crate::training::metrics::validation_names;

/// Checks that every trial can be trained, and writes the queue, which has names of columns and values of the data: if these are
/// closed to other users, so is the store from now on. What there is to tell of that is passed to `told`.
///
/// # Errors
/// The key that cannot be used.
pub fn create(location: &Location, loaded: &LoadedConfig, told: impl FnOnce(&str)) -> anyhow::Result<RunId> {
    let mut config = loaded.config.clone();
    let search = loaded.config.sweep.as_ref().context("the config has no [sweep]")?;
    let prepared = prepare(&loaded.config, location).map_err(|invalid| loaded.locate(invalid))?;
    let metric = check(search, loaded, &prepared, location).map_err(|invalid| loaded.locate(invalid))?;
    config.model.init_from = prepared.pretrained.as_ref().map(|pretrained| pretrained.reference.clone());
    let new = NewSweep {
        experiment: config.name.clone(),
        method: serde_json::json!(search.method).as_str().unwrap_or_default().to_owned(),
        metric,
        params: search.space.keys().cloned().collect(),
        num_trials: search.num_trials(),
        data: fingerprint::Origin::new(&prepared)?.to_string(),
        config_toml: loaded.written(&config.resolved_whole()),
    };
    if let Some(closed) = prepared.close_store(location)? {
        told(&closed.to_string());
    }
    Ok(Store::open_at(location)?.create_sweep(new)?)
}

const WAY_OUT: &str = "; if only some trials are to have this key, let its `when` name their choices";

/// Checks the config with the extremes of every dimension, and returns the metric to choose by.
///
/// # Errors
/// The key that cannot be used.
pub fn check(
    search: &SweepConfig,
    loaded: &LoadedConfig,
    prepared: &Prepared,
    location: &Location,
) -> Result<MetricKey, Invalid> {
    search.validate()?;
    Invalid::unless(!prepared.validation.is_empty(), "data.validation_fraction", || {
        "a sweep chooses by the validation part, and this config has none: raise data.validation_fraction".into()
    })?;
    let key = search.metric.clone().unwrap_or_else(|| loaded.config.training.monitor().to_owned());
    let known: Vec<String> =
        validation_names(prepared.decoder.task).iter().map(|name| format!("validation/{name}")).collect();
    Invalid::unless(known.contains(&key), "sweep.metric", || {
        format!("`{key}` is not recorded for this config; choose by one of {}", known.join(", "))
    })?;
    Invalid::unless(
        search.halving.is_none() || loaded.config.repetitions(loaded.config.seeds).len() == 1,
        "sweep.halving",
        || "successive halving compares single runs: leave out sweep.halving, or seeds and folds".into(),
    )?;
    let repetitions = loaded.config.repetitions(loaded.config.seeds);
    check_repetitions(&loaded.config, &prepared.dataset, &repetitions, Some((&key, "sweep.metric")))?;
    if let Some(key) = search.space.keys().find(|key| changes_the_test(key)) {
        let message = format!("{key} decides which rows are predicted: trials that differ in it cannot be compared");
        return Err(Invalid::at(&format!("sweep.space.{key}"), message));
    }
    Invalid::unless(search.space.keys().all(|key| key != "data.cache"), "sweep.space.data.cache", || {
        "data.cache is where the table is kept, and no choice for trials: set it in [data]".into()
    })?;
    for (name, params) in search.extremes() {
        let blame = |message: String| {
            let message = message.strip_prefix(&format!("{name}: ")).unwrap_or(&message);
            // The config's own choice of another key may be one with which this key has no meaning.
            let is_fine = |(key, params): &(String, Params)| *key == name && loaded.varied(params).is_ok();
            let way_out = if search.pairs().iter().any(is_fine) { WAY_OUT } else { "" };
            Invalid::at(&format!("sweep.space.{name}"), format!("{message}{way_out}"))
        };
        let trial = loaded.varied(&params).map_err(|error| blame(error.message))?;
        let checked = match name.starts_with("data.") {
            true => prepare(&trial, location).map(drop),
            false => {
                trial.training.validate_for(prepared.dataset.task(), prepared.train.len(), prepared.validation.len())
            }
        };
        checked.map_err(|invalid| blame(invalid.message))?;
    }
    for (name, params) in search.pairs() {
        loaded.varied(&params).map_err(|error| {
            let others = params.iter().filter(|(key, _)| **key != name);
            let others = others.map(|(key, value)| format!("\"{key}\" = {value}")).collect::<Vec<_>>().join(", ");
            let message = error.message.strip_prefix(&format!("{name}: ")).unwrap_or(&error.message).to_owned();
            Invalid::at(&format!("sweep.space.{name}"), format!("with {others}: {message}{WAY_OUT}"))
        })?;
    }
    key.parse().map_err(|_| Invalid::at("sweep.metric", format!("`{key}` is not a metric")))
}
