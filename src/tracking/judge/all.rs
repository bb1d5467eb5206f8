//! Three runs or more: every other config against the first.

use std::collections::HashMap;
use std::iter;

use serde::Serialize;

use super::{
    SEEDS_TO_START_WITH, changed, changes_the_test, in_folds, missing_seeds, tested_apart, unfinished, with_repetitions,
};
use crate::metric::Goal;
use crate::tracking::compare::{Difference, folds, headline, repetition_key, results};
use crate::tracking::verdict::{
    Adjusted, Claim, Group, Verdict, adjusted_sentence, against_baseline, best_of, luck, pooled_deviation, verdict,
};
use crate::tracking::{MetricKey, Run, RunId, Store, TrackingError};

/// Fewer configs have no winner whose luck is worth a word.
const CONFIGS_WITH_A_WINNER: usize = 3;

/// Configs, each compared with the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparisons {
    /// What they are judged by.
    pub metric: MetricKey,
    /// In the order of their runs.
    pub configs: Vec<Compared>,
    /// How many p-values the correction is for.
    pub num_tests: usize,
    /// What luck alone does to the best of three configs or more.
    pub luck: Option<String>,
    /// Commands that would settle what is open: more seeds of each config that has too few for a claim.
    pub next: Vec<String>,
}

/// One of the configs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// The letters of its runs among those that were named.
    pub name: String,
    /// These runs.
    pub runs: Vec<RunId>,
    /// Seeds with a result, and their mean.
    pub num_seeds: usize,
    pub mean: f64,
    /// `None` for the first itself.
    pub comparison: Option<Comparison>,
}

/// A config against the first one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    #[serde(flatten)]
    pub adjusted: Adjusted,
    /// The same in words.
    pub sentence: String,
}

/// A config with all runs that count for it.
struct Config<'a> {
    name: String,
    named: Vec<&'a Run>,
    group: Vec<&'a Run>,
    /// A param by which it is tested on other rows than the first.
    other_data: Option<Difference>,
}

/// Judges every other config among `runs` against that of the first; `None` where there is only one config, or no
/// metric is common to all.
///
/// # Errors
/// A store that cannot be read.
pub fn judge_all(store: &Store, runs: &[Run]) -> Result<Option<Comparisons>, TrackingError> {
    let all = store.runs()?;
    let configs = configs(runs, &all);
    let metric = headline(configs.iter().flat_map(|config| &config.group).copied());
    let Some(metric) = metric.filter(|_| configs.len() >= 2) else { return Ok(None) };
    let goal = metric.required_goal()?;
    let results: Vec<Vec<(u64, f64)>> = configs.iter().map(|config| results(&config.group, &metric)).collect();
    let groups = configs.iter().zip(&results).map(|(config, results)| Group { name: &config.name, results });
    let groups: Vec<Group> = groups.collect();
    let comparisons = compare(store, &configs, &groups, &metric, goal);
    let verdicts = || comparisons.iter().map(|comparison| &comparison.adjusted.verdict);
    let first = verdicts().take(1).map(|verdict| (verdict.num_a, verdict.mean_a));
    let seeds: Vec<(usize, f64)> = first.chain(verdicts().map(|verdict| (verdict.num_b, verdict.mean_b))).collect();
    // Of folds, which share rows, the luck is not known; neither would more of them help.
    let is_plain = |config: &Config| config.other_data.is_none() && folds(config.named[0]).is_none();
    let has_winner = configs.len() >= CONFIGS_WITH_A_WINNER && configs.iter().all(is_plain);
    let luck = if has_winner { told_luck(&groups, &seeds, goal) } else { None };
    let open = configs.iter().zip(&seeds).filter(|(config, (num_seeds, _))| *num_seeds < 2 && is_plain(config));
    let next = open.filter_map(|(config, _)| missing_seeds(store, config.named[0], &config.group, SEEDS_TO_START_WITH));
    let next = next.collect();
    let num_tests = comparisons.iter().filter(|comparison| comparison.adjusted.adjusted_p.is_some()).count();
    let comparisons = iter::once(None).chain(comparisons.into_iter().map(Some));
    let compared = configs.into_iter().zip(seeds).zip(comparisons).map(|((config, (num_seeds, mean)), comparison)| {
        let runs = config.named.iter().map(|run| run.record.id.clone()).collect();
        Compared { name: config.name, runs, num_seeds, mean, comparison }
    });
    Ok(Some(Comparisons { metric, configs: compared.collect(), num_tests, luck, next }))
}

/// The configs among `runs`, in the order of their first run, each with its repetitions among `all`.
fn configs<'a>(runs: &'a [Run], all: &'a [Run]) -> Vec<Config<'a>> {
    let mut configs: Vec<(String, Vec<&Run>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (index, run) in runs.iter().enumerate() {
        let place = *places.entry(repetition_key(run)).or_insert(configs.len());
        match configs.get_mut(place) {
            None => configs.push((letters(index), vec![run])),
            Some((name, named)) => {
                named.push(run);
                name.push_str(&format!(", {}", letters(index)));
            }
        }
    }
    let config = |(name, named): (String, Vec<&'a Run>)| {
        let group = with_repetitions(&named, all);
        let changed = changed(&runs[0], named[0]);
        let other_data = changed.into_iter().find(|difference| changes_the_test(&difference.key));
        Config { name, named, group, other_data }
    };
    configs.into_iter().map(config).collect()
}

/// All configs but the first against it. Those on other test rows are no comparison, and count for nothing in the
/// correction.
fn compare(store: &Store, configs: &[Config], groups: &[Group], metric: &MetricKey, goal: Goal) -> Vec<Comparison> {
    let others = || configs.iter().zip(groups).skip(1);
    let comparable = others().filter(|(config, _)| config.other_data.is_none());
    let comparable: Vec<Group> = comparable.map(|(_, group)| *group).collect();
    let mut adjusted = against_baseline(&groups[0], &comparable, goal, folds(configs[0].named[0])).into_iter();
    let comparison = |(config, group): (&Config, &Group)| {
        let (first, name) = (groups[0].name, group.name);
        let (adjusted, sentence) = match &config.other_data {
            Some(difference) => {
                let verdict = Verdict { claim: Claim::NoClaim, ..verdict(&groups[0], group, goal) };
                (Adjusted { verdict, adjusted_p: None }, tested_apart(first, name, difference))
            }
            None => {
                let adjusted = adjusted.next().expect("there is one of each that is comparable");
                let sentence = adjusted_sentence(&adjusted, first, name, metric.as_str());
                (adjusted, in_folds(configs[0].named[0], sentence))
            }
        };
        Comparison { adjusted, sentence: sentence + &unfinished(store, name, &config.named) }
    };
    others().map(comparison).collect()
}

fn told_luck(groups: &[Group], seeds: &[(usize, f64)], goal: Goal) -> Option<String> {
    let num_seeds = seeds.iter().map(|(count, _)| *count).min().filter(|&count| count > 0)?;
    let excess = pooled_deviation(groups).map(|deviation| best_of(groups.len(), num_seeds, deviation));
    excess.is_none_or(|excess| excess.expected > 0.0).then(|| luck(excess, groups.len(), num_seeds, goal))
}

/// A, B, ... Z, then AA, AB: short names for long ids.
pub fn letters(index: usize) -> String {
    let letter = char::from(b'A' + (index % 26) as u8);
    if index < 26 { letter.to_string() } else { letters(index / 26 - 1) + &letter.to_string() }
}
