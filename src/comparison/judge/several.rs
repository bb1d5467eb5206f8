//! Several runs: every other config against the first.

use std::collections::HashMap;
use std::iter;

use serde::Serialize;

use super::decide::Results;
use super::more_seeds::{SEEDS_TO_START_WITH, missing_seeds, next};
use super::sentences;
use super::sentences::unfinished;
use crate::comparison::headline::chosen;
use crate::comparison::repetition::{folds, repetition_key, results, with_repetitions};
use crate::comparison::tested::{other_rows, remarks};
use crate::comparison::verdict::{
    Adjusted, Group, Names, Unit, adjusted_sentence, against_baseline, best_of, luck, pooled_deviation,
};
use crate::metric::Goal;
use crate::tracking::{MetricKey, Run, RunId, Store, TrackingError};

/// With fewer configs, the best owes too little to chance to be worth mentioning.
const CONFIGS_WITH_A_WINNER: usize = 3;

/// Several configs, each compared with the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparisons {
    /// The metric they are compared by.
    pub metric: MetricKey,
    /// In the order of their runs.
    pub configs: Vec<Compared>,
    /// Number of p-values that the correction is for.
    pub num_tests: usize,
    /// A sentence on how much the best of three or more configs owes to chance.
    pub luck: Option<String>,
    /// Commands that train more seeds of each config that has too few for a claim.
    pub next: Vec<String>,
}

/// One of the configs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// The letters of its runs among the runs that were passed.
    pub name: String,
    /// The runs of those letters.
    pub runs: Vec<RunId>,
    /// Number of seeds with a result, and the mean over them.
    pub num_seeds: usize,
    pub mean: f64,
    /// `None` for the first config.
    pub comparison: Option<Comparison>,
}

/// A config compared with the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    #[serde(flatten)]
    pub adjusted: Adjusted,
    /// Why there is nothing to compare; null where there is.
    pub other_rows: Option<String>,
    /// The comparison in words.
    pub sentence: String,
    /// Commands that train the seeds of both configs that are missing for a claim.
    pub next: Vec<String>,
}

/// A config with all runs that count for it.
pub(super) struct Config<'a> {
    pub name: String,
    pub named: Vec<&'a Run>,
    pub group: Vec<&'a Run>,
    /// Why it cannot be compared with the first.
    other_rows: Option<String>,
}

/// Compares every other config among `runs` with that of the first run; `None` if there is only one config, or no metric
/// is common to all. `all` and `asked` as for [`judge`](super::judge).
///
/// # Errors
/// As [`judge`](super::judge).
pub fn judge_all(
    store: &Store,
    all: &[Run],
    runs: &[Run],
    asked: Option<&str>,
) -> Result<Option<Comparisons>, TrackingError> {
    let configs = configs(runs, all);
    let groups: Vec<&[&Run]> = configs.iter().map(|config| &config.group[..]).collect();
    let metric = chosen(asked, &groups)?;
    let Some(metric) = metric.filter(|_| configs.len() >= 2) else { return Ok(None) };
    judge_configs(store, configs, metric).map(Some)
}

/// The same for configs that are given by name and repetitions, by a metric that all of them have.
///
/// # Errors
/// A metric of which no direction is better.
pub fn judge_groups(
    store: &Store,
    groups: Vec<(String, Vec<&Run>)>,
    metric: MetricKey,
) -> Result<Comparisons, TrackingError> {
    let config = |(name, group): (String, Vec<_>)| Config { name, named: group.clone(), group, other_rows: None };
    let mut configs: Vec<Config> = groups.into_iter().map(config).collect();
    find_other_rows(&mut configs);
    judge_configs(store, configs, metric)
}

fn judge_configs(store: &Store, configs: Vec<Config>, metric: MetricKey) -> Result<Comparisons, TrackingError> {
    let goal = metric.required_goal()?;
    let results: Vec<Vec<(u64, f64)>> = configs.iter().map(|config| results(&config.group, &metric)).collect();
    let groups = configs.iter().zip(&results).map(|(config, results)| Group { name: &config.name, results });
    let groups: Vec<Group> = groups.collect();
    let comparisons = compare(store, &configs, &metric, goal);
    let verdicts = || comparisons.iter().map(|comparison| &comparison.adjusted.verdict);
    let first = verdicts().take(1).map(|verdict| (verdict.num_a, verdict.mean_a));
    let seeds: Vec<(usize, f64)> = first.chain(verdicts().map(|verdict| (verdict.num_b, verdict.mean_b))).collect();
    // Folds share rows: how much the best owes to chance is not known, and more folds would not help.
    let is_plain = |config: &Config| config.other_rows.is_none() && folds(config.named[0]).is_none();
    let has_winner = configs.len() >= CONFIGS_WITH_A_WINNER && configs.iter().all(is_plain);
    let luck = if has_winner { luck_sentence(&groups, &seeds, goal) } else { None };
    let open = configs.iter().zip(&seeds).filter(|(config, (num_seeds, _))| *num_seeds < 2 && is_plain(config));
    let next = open.filter_map(|(config, _)| missing_seeds(store, config.named[0], &config.group, SEEDS_TO_START_WITH));
    let next = next.collect();
    let num_tests = comparisons.iter().filter(|comparison| comparison.adjusted.adjusted_p.is_some()).count();
    let comparisons = iter::once(None).chain(comparisons.into_iter().map(Some));
    let compared = configs.into_iter().zip(seeds).zip(comparisons).map(|((config, (num_seeds, mean)), comparison)| {
        let runs = config.named.iter().map(|run| run.record.id.clone()).collect();
        Compared { name: config.name, runs, num_seeds, mean, comparison }
    });
    Ok(Comparisons { metric, configs: compared.collect(), num_tests, luck, next })
}

/// The configs among `runs`, in the order of their first run, each with its repetitions among `all`.
pub(super) fn configs<'a>(runs: &'a [Run], all: &'a [Run]) -> Vec<Config<'a>> {
    let mut configs: Vec<(String, Vec<&Run>)> = Vec::new();
    let mut indices: HashMap<String, usize> = HashMap::new();
    for (index, run) in runs.iter().enumerate() {
        let config = *indices.entry(repetition_key(run)).or_insert(configs.len());
        match configs.get_mut(config) {
            None => configs.push((letters(index), vec![run])),
            Some((name, named)) => {
                named.push(run);
                name.push_str(&format!(", {}", letters(index)));
            }
        }
    }
    let config = |(name, named): (String, Vec<&'a Run>)| {
        let group = with_repetitions(&named, all);
        Config { name, named, group, other_rows: None }
    };
    let mut configs: Vec<Config> = configs.into_iter().map(config).collect();
    find_other_rows(&mut configs);
    configs
}

fn find_other_rows(configs: &mut [Config]) {
    if let Some((first, others)) = configs.split_first_mut() {
        others.iter_mut().for_each(|other| other.other_rows = other_rows(&first.group, &other.group));
    }
}

/// Compares all other configs with the first. Those with other test rows are not compared, and not counted in the
/// correction.
fn compare(store: &Store, configs: &[Config], metric: &MetricKey, goal: Goal) -> Vec<Comparison> {
    let Some((first, others)) = configs.split_first() else { return Vec::new() };
    let results: Vec<Results> =
        others.iter().map(|other| Results::new(store, &first.group, &other.group, metric)).collect();
    let comparable = results.iter().zip(others).filter(|(_, other)| other.other_rows.is_none());
    let pairs: Vec<(Group, Group, Unit)> = comparable
        .map(|(results, other)| {
            let (a, b) = results.groups(&first.name, &other.name);
            (a, b, results.unit)
        })
        .collect();
    let mut adjusted = against_baseline(&pairs, goal).into_iter();
    let comparison = |(results, other): (&Results, &Config)| {
        let (a, b) = (first.name.as_str(), other.name.as_str());
        let mut text = Vec::new();
        let adjusted = match &other.other_rows {
            Some(reason) => {
                text.push(sentences::other_rows(a, b, reason));
                Adjusted { verdict: results.verdict(goal, Some(reason)), adjusted_p: None }
            }
            None => {
                let adjusted = adjusted.next().expect("one verdict per comparable config");
                let names = Names { a, b, metric: metric.as_str(), unit: results.unit };
                text.push(adjusted_sentence(&adjusted, names));
                text.extend(remarks(&first.group, &other.group));
                adjusted
            }
        };
        text.extend(unfinished(store, b, &other.named));
        let next = match (&other.other_rows, results.unit) {
            (Some(_), _) | (None, Unit::Folds { .. }) => Vec::new(),
            (None, _) => {
                next(store, &adjusted.verdict, [(first.named[0], &first.group), (other.named[0], &other.group)])
            }
        };
        Comparison { adjusted, other_rows: other.other_rows.clone(), sentence: text.join(" "), next }
    };
    results.iter().zip(others).map(comparison).collect()
}

/// `seeds`: number of seeds and mean of each config.
fn luck_sentence(groups: &[Group], seeds: &[(usize, f64)], goal: Goal) -> Option<String> {
    let num_seeds = seeds.iter().map(|(count, _)| *count).min().filter(|&count| count > 0)?;
    let excess = pooled_deviation(groups).map(|deviation| best_of(groups.len(), num_seeds, deviation));
    excess.is_none_or(|excess| excess.expected > 0.0).then(|| luck(excess, groups.len(), num_seeds, goal))
}

/// Short names for runs by index: A, B, ... Z, AA, AB, ...
pub fn letters(index: usize) -> String {
    let letter = char::from(b'A' + (index % 26) as u8);
    if index < 26 { letter.to_string() } else { letters(index / 26 - 1) + &letter.to_string() }
}
