//! A search for a better config, judged on rows and seeds that took no part in it.
//!
//! Every run has the same parts of the data: trials are chosen by the validation part alone, and the test part, which no
//! trial has seen, judges the chosen config against the one that it was found around, both trained with new seeds.

mod spaces;

use std::path::Path;

use anyhow::ensure;

use super::prepare::{Prepared, prepare};
use super::sweep::check;
use crate::config::{Config, ConfigOrigin, LoadedConfig, Repetition};
use crate::invalid::Invalid;
use crate::sweep::{HalvingConfig, Method, Params, Space, SweepConfig};
use crate::tracking::Location;

/// The search sets aside so many validation rows, if the config sets aside fewer, as far as [`MOST_VALIDATION`] allows: the
/// best of many trials on few rows is the one that suits those rows.
const VALIDATION_ROWS: f64 = 300.0;
/// Largest share of the rows that are not test rows to set aside for that.
const MOST_VALIDATION: f64 = 0.35;

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
    /// Rows that choose among the trials.
    pub num_validation: usize,
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
        let is_searched = |own: &SweepConfig, key: &str| own.space.keys().any(|other| other == key);
        let search = match &base.config.sweep {
            Some(own) if is_searched(own, "training.refit") => base.clone(),
            Some(_) => base.with(&[refit])?,
            None => {
                let fraction = more_validation(&prepared);
                let rows = rows_left(&prepared, fraction);
                let sweep = search_config(spaces::of(&prepared, rows), prepared.config.training.max_epochs);
                // The trials vary the whole config, in which nothing is left open.
                let whole = Config { sweep: None, ..prepared.config.clone() };
                base = LoadedConfig::parse(&whole.to_toml(), base.shown(), &name, &[])?;
                let text = Config { sweep: Some(sweep), ..whole }.to_toml();
                // What fits the rows that the config trains on may be too large for those of the search.
                let batch = prepared.config.training.batch_size.filter(|&size| size > rows);
                let batch = batch.map(|_| format!("training.batch_size={rows}"));
                let fraction = fraction.map(|fraction| format!("data.validation_fraction={fraction:?}"));
                let overrides: Vec<String> = [refit].into_iter().chain(fraction).chain(batch).collect();
                LoadedConfig::parse(&text, base.shown(), &name, &overrides)?
            }
        };
        let origin = given.origin().cloned();
        let mut tuning = Self { name, base, origin, search, prepared, has_own_space, num_validation: 0, split_seed };
        let loaded = tuning.search(None, None)?;
        let sweep = loaded.config.sweep.as_ref().expect("a search has a sweep");
        let of_search =
            prepare(&tuning.search.varied(&Params::new())?, location).map_err(|invalid| loaded.locate(invalid))?;
        check(sweep, &loaded, &of_search, location).map_err(|invalid| loaded.locate(invalid))?;
        tuning.num_validation = of_search.splits.validation.len();
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
        self.named(self.base.varied(&Params::new())?, "default")
    }

    /// The config with the params of a trial, under the name `NAME-tuned`.
    ///
    /// # Errors
    /// Params that the config forbids, which no trial has.
    pub fn tuned_config(&self, params: &Params) -> anyhow::Result<Config> {
        self.named(self.base.varied(params)?, "tuned")
    }

    /// The config with the params of a trial, or none of them, as the search trains it, under the name `NAME-finals`.
    ///
    /// # Errors
    /// As [`Tuning::tuned_config`].
    pub fn final_config(&self, params: &Params) -> anyhow::Result<Config> {
        self.named(self.search.varied(params)?, "finals")
    }

    fn named(&self, config: Config, suffix: &str) -> anyhow::Result<Config> {
        Ok(Config { name: format!("{}-{suffix}", self.name), ..config })
    }

    /// Whether what is judged is trained a second time, with the validation rows.
    pub fn refits(&self) -> bool {
        self.prepared.config.training.refit == Some(true)
    }

    /// Where the config was read from.
    pub fn origin(&self) -> Option<ConfigOrigin> {
        self.origin.clone()
    }

    /// `count` seeds from number `first` on of those after that of the search, which is number 0.
    pub fn seeds(&self, first: u16, count: u16) -> Vec<Repetition> {
        let config = &self.prepared.config;
        Config { seed: config.seed.wrapping_add(first.into()), ..config.clone() }.repetitions(count)
    }
}

/// The fraction of validation rows for the search, where it is more than the config has.
fn more_validation(prepared: &Prepared) -> Option<f64> {
    let num_pool = prepared.splits.train.len() + prepared.splits.validation.len();
    let fraction = (VALIDATION_ROWS / num_pool as f64).min(MOST_VALIDATION);
    (!prepared.config.data.is_text() && fraction > prepared.config.data.validation_fraction).then_some(fraction)
}

/// The training rows that are left where that fraction is set aside for validation, or a row fewer.
fn rows_left(prepared: &Prepared, fraction: Option<f64>) -> usize {
    let (train, validation) = (prepared.splits.train.len(), prepared.splits.validation.len());
    let set_aside =
        fraction.map_or(validation, |fraction| ((train + validation) as f64 * fraction).ceil() as usize + 1);
    (train + validation).saturating_sub(set_aside).clamp(1, train.max(1))
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
