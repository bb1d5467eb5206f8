//! A search for a better config, judged on rows and seeds that took no part in it.
//!
//! Every run has the same parts of the data: trials are chosen by the validation part alone, and the test part, which no
//! trial has seen, judges the chosen config against the one that it was found around, both trained with new seeds.

mod spaces;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::ensure;

use super::prepare::{Prepared, prepare};
use super::sweep::check;
use crate::config::{Config, ConfigOrigin, LoadedConfig, Repetition};
use crate::invalid::Invalid;
use crate::sweep::{HalvingConfig, Method, Params, Space, SweepConfig};
use crate::tracking::Location;

/// The first decision of successive halving is after this share of the epochs.
const FIRST_RUNG: usize = 9;
/// Of three trials one goes on.
const FACTOR: usize = 3;

/// A config to tune, and the search around it.
pub struct Tuning {
    /// The experiment; those of the runs are `NAME-default`, `NAME-search` and `NAME-tuned`.
    pub name: String,
    /// The config as it is, on the split of all runs.
    base: LoadedConfig,
    origin: Option<ConfigOrigin>,
    /// The same with a `[sweep]`, but for the limits.
    search: LoadedConfig,
    /// The default config with its data.
    pub prepared: Prepared,
    /// Whether the config has a `[sweep]` of its own.
    pub has_own_space: bool,
    /// The seed of the split, if rows are drawn at all.
    pub split_seed: Option<u64>,
}

impl Tuning {
    /// Plans the tuning of the config at `path` with `overrides`, and checks that every trial can be trained.
    ///
    /// # Errors
    /// As [`LoadedConfig::load`] and [`prepare`]; a config without test or validation rows, or of several folds.
    pub fn new(path: &Path, overrides: &[String], name: Option<&str>, location: &Location) -> anyhow::Result<Self> {
        let given = LoadedConfig::load(path, overrides)?;
        let name = name.unwrap_or(&given.config.name).to_owned();
        let data = &given.config.data;
        let refuse = |key: &str, message: &str| given.locate(Invalid::at(key, message.to_owned()));
        // Test rows of one fold are training rows of another.
        let folds = "every row is a test row of some fold, and none is left to judge a search: leave out data.folds, or name \
                     one fold with data.fold";
        ensure!(data.folds.is_none() || data.fold.is_some(), refuse("data.folds", folds));
        // A text is split in order.
        let split_seed = (!data.is_text()).then(|| data.split_seed.unwrap_or(given.config.seed));
        let pin = split_seed.map(|seed| format!("data.split_seed={seed}"));
        let pinned: Vec<String> = overrides.iter().cloned().chain(pin).chain(["seeds=1".to_owned()]).collect();
        let mut base = LoadedConfig::load(path, &pinned)?;
        base.config.name.clone_from(&name);
        let prepared = prepare(&base.varied(&Params::new())?, location).map_err(|invalid| base.locate(invalid))?;
        let no_test = "there are no test rows to judge the result on: raise data.test_fraction";
        ensure!(!prepared.splits.test.is_empty(), refuse("data.test_fraction", no_test));
        // A trial is judged by its validation rows: a second training on them would only take time.
        let refit = "training.refit=false".to_owned();
        let has_own_space = base.config.sweep.is_some();
        let search = match &base.config.sweep {
            Some(own) if own.space.keys().any(|key| key == "training.refit") => base.clone(),
            Some(_) => base.with(&[refit])?,
            None => {
                let sweep = search_config(spaces::of(&prepared), prepared.config.training.max_epochs);
                // The trials vary the whole config, in which nothing is left open.
                let whole = Config { sweep: None, ..prepared.config.clone() };
                base = LoadedConfig::parse(&whole.to_toml(), base.shown(), &name, &[])?;
                let text = Config { sweep: Some(sweep), ..whole }.to_toml();
                LoadedConfig::parse(&text, base.shown(), &name, &[refit])?
            }
        };
        let origin = given.origin().cloned();
        let tuning = Self { name, base, origin, search, prepared, has_own_space, split_seed };
        let loaded = tuning.search(None, None)?;
        let sweep = loaded.config.sweep.as_ref().expect("a search has a sweep");
        check(sweep, &loaded, &tuning.prepared, location).map_err(|invalid| loaded.locate(invalid))?;
        Ok(tuning)
    }

    /// The config of the search, with no more trials than `trials` and none that starts later than after `minutes`.
    ///
    /// # Errors
    /// As [`LoadedConfig::load`].
    pub fn search(&self, trials: Option<u32>, minutes: Option<f64>) -> anyhow::Result<LoadedConfig> {
        let own = self.search.config.sweep.as_ref();
        let fewest = trials.into_iter().chain(own.and_then(|own| own.trials)).min();
        // The minutes of a search that is made here are a stand-in.
        let own_minutes = own.filter(|_| self.has_own_space).and_then(|own| own.minutes);
        let shortest = minutes.into_iter().chain(own_minutes).reduce(f64::min);
        let trials = fewest.map(|trials| format!("sweep.trials={trials}"));
        let minutes = shortest.map(|minutes| format!("sweep.minutes={minutes:?}"));
        let mut loaded = self.search.with(&trials.into_iter().chain(minutes).collect::<Vec<_>>())?;
        loaded.config.name = format!("{}-search", self.name);
        Ok(loaded)
    }

    /// The config as it is, under the name `NAME-default`.
    ///
    /// # Errors
    /// None for a config that was planned with.
    pub fn default_config(&self) -> anyhow::Result<Config> {
        self.with(&BTreeMap::new(), "default")
    }

    /// The config with the params of a trial, under the name `NAME-tuned`.
    ///
    /// # Errors
    /// Params that the config forbids, which no trial has.
    pub fn tuned_config(&self, params: &Params) -> anyhow::Result<Config> {
        self.with(params, "tuned")
    }

    fn with(&self, params: &Params, suffix: &str) -> anyhow::Result<Config> {
        let config = self.base.varied(params)?;
        Ok(Config { name: format!("{}-{suffix}", self.name), ..config })
    }

    /// Where the config was read from.
    pub fn origin(&self) -> Option<ConfigOrigin> {
        self.origin.clone()
    }

    /// `count` seeds other than that of the search.
    pub fn new_seeds(&self, count: u16) -> Vec<Repetition> {
        let config = Config { seed: self.prepared.config.seed.wrapping_add(1), ..self.prepared.config.clone() };
        config.repetitions(count)
    }
}

/// A search over `space` of trainings of at most `max_epochs`.
fn search_config(space: Space, max_epochs: usize) -> SweepConfig {
    let halving = HalvingConfig { min_epochs: max_epochs.div_ceil(FIRST_RUNG), factor: FACTOR };
    SweepConfig {
        method: Method::Tpe,
        trials: None,
        // Replaced by what the seeds leave of the budget.
        minutes: Some(1.0),
        metric: None,
        lease_seconds: 60,
        halving: (max_epochs >= FACTOR).then_some(halving),
        space,
    }
}
