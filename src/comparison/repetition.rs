//! Which runs repeat one config under other seeds and folds, and their results.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::field::Recorded;
use super::params::{FOLD, PLACES, REPEAT, SEEDS};
use super::tested::{numbered, repeated_data};
use super::verdict::averaged;
use crate::tracking::{MetricKey, Run, Status};

/// Equal for repetitions of one config on the same data: all params except the seeds. Where the data are does not count
/// if their fingerprints are known.
pub fn repetition_key(run: &Run) -> String {
    let data = repeated_data(run);
    let counts = |key: &str| !SEEDS.contains(&key) && (data.is_none() || !PLACES.contains(&key));
    let params = run.record.params.iter().filter(|(key, _)| counts(key));
    let params = params.collect::<BTreeMap<_, _>>();
    serde_json::to_string(&(params, data)).expect("params have string keys and serialize")
}

/// The number of folds of the cross-validation that a run belongs to; `None` outside of a cross-validation.
pub fn folds(run: &impl Recorded) -> Option<u64> {
    run.param("data.folds")?.as_u64()
}

/// The last value of a metric, for each run that has it.
pub fn values(runs: &[&Run], key: &MetricKey) -> Vec<f64> {
    runs.iter().filter_map(|run| Some(run.metrics.get(key)?.last)).collect()
}

/// The result of each repetition, as the verdict takes them: of several runs of one seed, the mean.
pub fn per_repetition<R: Recorded>(runs: &[&R], key: &MetricKey) -> Vec<f64> {
    averaged(&results(runs, key)).into_values().collect()
}

/// How many repetitions (seeds, folds, repeats) the runs are of; several runs of one seed are one.
pub fn num_repetitions<R: Recorded>(runs: &[&R]) -> usize {
    runs.iter().map(|run| repetition(*run)).collect::<BTreeSet<_>>().len()
}

/// A number for the repetition (seed, repeat and fold) and the last value of a metric, for each run that has the metric.
pub fn results<R: Recorded>(runs: &[&R], key: &MetricKey) -> Vec<(u64, f64)> {
    runs.iter().filter_map(|run| Some((repetition(*run), run.metric(key)?.last))).collect()
}

fn repetition(run: &impl Recorded) -> u64 {
    let number = |key: &str| run.param(key).and_then(Value::as_u64);
    match number(FOLD) {
        // Larger than any fold and any repeat.
        Some(fold) => {
            let repeat = number(REPEAT).unwrap_or(1);
            run.record().seed.wrapping_mul(1 << 17).wrapping_add(repeat << 10).wrapping_add(fold)
        }
        None => run.record().seed,
    }
}

/// The results of two configs, numbered so that those that make a pair have the same number: results on the same test
/// rows, of the same seed where several have the same rows.
pub(super) fn pairs(a: &[&Run], b: &[&Run], key: &MetricKey) -> [Vec<(u64, f64)>; 2] {
    let measured = |runs: &[&Run]| -> Vec<(u64, f64)> { results(runs, key) };
    let has = |run: &&&Run| run.metrics.contains_key(key);
    let runs: Vec<&Run> = a.iter().chain(b).filter(has).copied().collect();
    let rows = numbered(&runs);
    let (results_a, results_b) = (measured(a), measured(b));
    let repeated: Vec<(u64, usize)> = results_a.iter().chain(&results_b).map(|result| result.0).zip(rows).collect();
    let (of_a, of_b) = repeated.split_at(results_a.len());
    let sets = |of: &[(u64, usize)]| -> (BTreeSet<(u64, usize)>, BTreeSet<usize>) {
        (of.iter().copied().collect(), of.iter().map(|(_, rows)| *rows).collect())
    };
    let ((exact_a, rows_a), (exact_b, rows_b)) = (sets(of_a), sets(of_b));
    // Several test parts that both have: what differs between the seeds is the rows.
    let by_rows_alone = exact_a != exact_b && rows_a == rows_b && rows_a.len() > 1;
    let order: BTreeSet<(u64, usize)> = exact_a.union(&exact_b).copied().collect();
    let order: HashMap<(u64, usize), u64> = order.into_iter().zip(0..).collect();
    let number = |of: &(u64, usize)| if by_rows_alone { of.1 as u64 } else { order[of] };
    let numbered = |of: &[(u64, usize)], results: Vec<(u64, f64)>| {
        of.iter().map(number).zip(results.into_iter().map(|result| result.1)).collect()
    };
    [numbered(of_a, results_a), numbered(of_b, results_b)]
}

/// Whether a run counts as a repetition: it is finished and not archived.
pub fn counts(run: &impl Recorded) -> bool {
    run.record().status == Status::Finished && !run.record().archived
}

/// Mean over the runs of the seconds until the last epoch; `None` if none has trained.
pub fn mean_seconds(runs: &[&Run]) -> Option<f64> {
    let last = |run: &&Run| {
        let trained = run.metrics.iter().filter(|(key, _)| key.split() == "train");
        trained.map(|(_, metric)| metric.last_time).reduce(f64::max)
    };
    let seconds: Vec<f64> = runs.iter().filter_map(last).collect();
    (!seconds.is_empty()).then(|| seconds.iter().sum::<f64>() / seconds.len() as f64)
}

/// The runs `named`, whatever their status, and those among `runs` that count as their repetitions. All of `named` have
/// one config.
pub(super) fn with_repetitions<'a>(named: &[&'a Run], runs: &'a [Run]) -> Vec<&'a Run> {
    let key = repetition_key(named[0]);
    let is_named = |other: &Run| named.iter().any(|run| run.record.id == other.record.id);
    let is_other = |other: &&Run| !is_named(other) && counts(*other) && repetition_key(other) == key;
    named.iter().copied().chain(runs.iter().filter(is_other)).collect()
}

/// Groups repetitions of one config, in the order of the first run of each group. A run that does not count as a
/// repetition is a group of its own.
pub fn groups<'a>(runs: impl Iterator<Item = &'a Run>) -> Vec<Vec<&'a Run>> {
    let mut groups: Vec<Vec<&Run>> = Vec::new();
    let mut indices: HashMap<String, usize> = HashMap::new();
    for run in runs {
        if counts(run) {
            let index = *indices.entry(repetition_key(run)).or_insert(groups.len());
            if index < groups.len() {
                groups[index].push(run);
                continue;
            }
        }
        groups.push(vec![run]);
    }
    groups
}
