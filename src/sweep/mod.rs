//! The `[sweep]` section of the TOML file, and the search methods: which values the trials get, and which trials
//! continue. These are pure functions: the same section, seed and history give the same trial on any machine.

mod dimension;
mod draw;
mod grid;
mod halving;
mod importance;
mod range;
mod space;
#[cfg(test)]
mod tests;
mod tpe;
mod validate;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use dimension::{Dimension, Element};
pub use halving::{goes_on, rungs};
pub use importance::{Importance, importance};
pub use range::{Number, Range, Scale};
pub use space::Space;

/// Combinations of two dimensions that are checked before the first trial: each takes a fraction of a millisecond.
const MAX_PAIRS: usize = 2000;

/// A value per dotted config key.
pub type Params = BTreeMap<String, Value>;

/// The `[sweep]` section: a search for the best values of some config keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepConfig {
    /// How the values of a trial are chosen.
    pub method: Method,
    /// Maximum number of trials, 1 to 10000 (`grid`: to 100000). `random` and `tpe`: required unless `minutes` is set;
    /// `grid`: by default all combinations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trials: Option<u32>,
    /// No trial starts later than this many minutes after the first one started; > 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<f64>,
    /// The metric to choose by, such as "validation/loss"; never one of the training or test part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Seconds without a heartbeat after which a worker loses its trial; 1 to 86400.
    #[serde(default = "default_lease_seconds")]
    pub lease_seconds: u32,
    /// Stops the worse trials early; off by default.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::keyed::maybe")]
    pub halving: Option<HalvingConfig>,
    /// The values that each dotted config key, in quotes, may take: a dimension, a list of dimensions with different
    /// `when`, or a table with a space for each choice, such as `[sweep.space."model.kind".mlp]`.
    pub space: Space,
}

/// How the values of a trial are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Every combination, the last key of the space varying fastest
    Grid,
    /// Independent draws (Bergstra and Bengio 2012)
    Random,
    /// Tree-structured Parzen estimator: more draws where results were good (Bergstra et al. 2011)
    Tpe,
}

/// `[sweep.halving]`: asynchronous successive halving (Li et al. 2020).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HalvingConfig {
    /// Epochs before the first decision; >= 1.
    pub min_epochs: usize,
    /// The best 1/factor of the trials continue to `factor` times the epochs; >= 2, by default 3.
    #[serde(default = "default_factor")]
    pub factor: usize,
}

fn default_lease_seconds() -> u32 {
    60
}

fn default_factor() -> usize {
    3
}

/// What a search method knows about an earlier trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub number: u32,
    pub params: Params,
    /// Its result; if `None` or not finite, the trial is running or has failed.
    pub value: Option<f64>,
    pub is_running: bool,
}

impl SweepConfig {
    /// Maximum number of trials: all combinations of a grid; 10000 if only `minutes` limits them.
    pub fn num_trials(&self) -> u32 {
        let limit = self.trials.unwrap_or(match self.method {
            Method::Grid => u32::MAX,
            Method::Random | Method::Tpe => validate::MAX_TRIALS,
        });
        match self.method {
            Method::Grid => grid::num_combinations(&self.space)
                .and_then(|count| u32::try_from(count).ok())
                .map_or(limit, |count| limit.min(count)),
            Method::Random | Method::Tpe => limit,
        }
    }

    /// The extremes of each dimension by itself: at most 1000 of its choices, or its smallest and largest number; for
    /// lists each of these in the shortest and in the longest one; with the key, and with what its `when` needs. A config
    /// that is valid with all of them rarely fails later.
    pub fn extremes(&self) -> Vec<(String, Params)> {
        self.space.iter().flat_map(|(key, dimension)| self.extremes_of(key, dimension)).collect()
    }

    /// The extremes of one dimension, each with what it needs of others.
    fn extremes_of(&self, key: &str, dimension: &Dimension) -> Vec<(String, Params)> {
        let others = self.space.circumstances(dimension).unwrap_or_default();
        let with = |value| {
            let mut params = others.clone();
            params.insert(key.to_owned(), value);
            (key.to_owned(), params)
        };
        dimension.extremes().into_iter().map(with).collect()
    }

    /// The extremes of each dimension together with each choice of another one, where both exist: at most 2000. What is
    /// valid by itself may not be valid under another `model.kind` or `training.optimizer`.
    pub fn pairs(&self) -> Vec<(String, Params)> {
        let mut pairs = Vec::new();
        for (decides, choice) in self.space.iter().flat_map(|(key, dimension)| {
            dimension.choices().iter().filter(|value| value.is_string()).map(move |value| (key, (dimension, value)))
        }) {
            let (parent, value) = choice;
            let Some(mut given) = self.space.circumstances(parent) else { continue };
            given.insert(decides.clone(), value.clone());
            for (key, dimension) in self.space.iter().filter(|(key, _)| *key != decides) {
                for (_, params) in self.extremes_of(key, dimension) {
                    // Both exist only if neither needs what the other excludes.
                    if given.iter().all(|(key, value)| params.get(key).is_none_or(|other| other == value)) {
                        pairs.push((key.clone(), given.clone().into_iter().chain(params).collect()));
                    }
                }
            }
        }
        pairs.truncate(MAX_PAIRS);
        pairs
    }

    /// The values of trial `number`, from 1, for a section that [`SweepConfig::validate`] accepts.
    ///
    /// They depend only on the arguments, and only `tpe` uses `history`, whose order does not matter. After its last
    /// combination a grid starts again.
    pub fn sample(&self, seed: u64, number: u32, history: &[Told], minimize: bool) -> Params {
        self.sample_allowed(seed, number, history, minimize, &|_| true)
    }

    /// The same, of the values for which `is_allowed`, if some of a hundred draws are; a grid has every combination.
    pub fn sample_allowed(
        &self,
        seed: u64,
        number: u32,
        history: &[Told],
        minimize: bool,
        is_allowed: &dyn Fn(&Params) -> bool,
    ) -> Params {
        match self.method {
            Method::Grid => grid::combination(&self.space, number),
            Method::Random => draw::allowed(&self.space, &mut draw::generator(seed, number), is_allowed),
            Method::Tpe => {
                let mut others: Vec<_> = history.iter().filter(|told| told.number != number).collect();
                others.sort_by_key(|told| told.number);
                let num_random = (10.max(2 * self.space.len())).min(self.num_trials() as usize / 3);
                let random = &mut draw::generator(seed, number);
                tpe::sample(&self.space, random, &others, minimize, num_random, is_allowed)
            }
        }
    }
}
