//! Several runs: every other config against the first.

use std::collections::HashMap;
use std::iter;

use serde::Serialize;

use super::more_seeds::{SEEDS_TO_START_WITH, missing_seeds};
use super::sentences::{other_rows, unfinished};
use crate::comparison::difference::{Difference, changes_the_test, config_changes};
use crate::comparison::headline::chosen;
use crate::comparison::repetition::{repetition_key, results, unit, with_repetitions};
use crate::comparison::verdict::{
    Adjusted, Claim, Group, Names, Unit, Verdict, adjusted_sentence, against_baseline, best_of, luck, pooled_deviation,
    verdict,
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
    /// The comparison in words.
    pub sentence: String,
}

/// A config with all runs that count for it.
struct Config<'a> {
    name: String,
    named: Vec<&'a Run>,
    group: Vec<&'a Run>,
    /// A param that makes its test rows differ from those of the first.
    other_rows: Option<Difference>,
}

/// Compares every other config among `runs` with that of the first run; `None` if there is only one config, or no metric
/// is common to all. `asked` as for [`judge`](super::judge).
///
/// # Errors
/// As [`judge`](super::judge).
pub fn judge_all(store: &Store, runs: &[Run], asked: Option<&str>) -> Result<Option<Comparisons>, TrackingError> {
    let all = store.runs()?;
    let configs = configs(runs, &all);
    let groups: Vec<&[&Run]> = configs.iter().map(|config| &config.group[..]).collect();
    let metric = chosen(asked, &groups)?;
    let Some(metric) = metric.filter(|_| configs.len() >= 2) else { return Ok(None) };
    let goal = metric.required_goal()?;
    let results: Vec<Vec<(u64, f64)>> = configs.iter().map(|config| results(&config.group, &metric)).collect();
    let groups = configs.iter().zip(&results).map(|(config, results)| Group { name: &config.name, results });
    let groups: Vec<Group> = groups.collect();
    let comparisons = compare(store, &configs, &groups, &metric, goal);
    let verdicts = || comparisons.iter().map(|comparison| &comparison.adjusted.verdict);
    let first = verdicts().take(1).map(|verdict| (verdict.num_a, verdict.mean_a));
    let seeds: Vec<(usize, f64)> = first.chain(verdicts().map(|verdict| (verdict.num_b, verdict.mean_b))).collect();
    // Folds share rows: how much the best owes to chance is not known, and more folds would not help.
    let is_plain = |config: &Config| config.other_rows.is_none() && unit(config.named[0]) == Unit::Seeds;
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
    Ok(Some(Comparisons { metric, configs: compared.collect(), num_tests, luck, next }))
}

/// The configs among `runs`, in the order of their first run, each with its repetitions among `all`.
fn configs<'a>(runs: &'a [Run], all: &'a [Run]) -> Vec<Config<'a>> {
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
        let changes = config_changes(&runs[0], named[0]);
        let other_rows = changes.into_iter().find(|difference| changes_the_test(&difference.key));
        Config { name, named, group, other_rows }
    };
    configs.into_iter().map(config).collect()
}

/// Compares all other configs with the first. Those with other test rows are not compared, and not counted in the
/// correction.
fn compare(store: &Store, configs: &[Config], groups: &[Group], metric: &MetricKey, goal: Goal) -> Vec<Comparison> {
    let unit = unit(configs[0].named[0]);
    let others = || configs.iter().zip(groups).skip(1);
    let comparable = others().filter(|(config, _)| config.other_rows.is_none());
    let comparable: Vec<Group> = comparable.map(|(_, group)| *group).collect();
    let mut adjusted = against_baseline(&groups[0], &comparable, goal, unit).into_iter();
    let comparison = |(config, group): (&Config, &Group)| {
        let (first, name) = (groups[0].name, group.name);
        let (adjusted, sentence) = match &config.other_rows {
            Some(difference) => {
                let verdict = Verdict { claim: Claim::NoClaim, ..verdict(&groups[0], group, goal, unit) };
                (Adjusted { verdict, adjusted_p: None }, other_rows(first, name, difference))
            }
            None => {
                let adjusted = adjusted.next().expect("one verdict per comparable config");
                let sentence = adjusted_sentence(&adjusted, Names { a: first, b: name, metric: metric.as_str(), unit });
                (adjusted, sentence)
            }
        };
        let mut text = vec![sentence];
        text.extend(unfinished(store, name, &config.named));
        Comparison { adjusted, sentence: text.join(" ") }
    };
    others().map(comparison).collect()
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
