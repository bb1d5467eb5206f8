//! Which runs repeat one config under other seeds and folds, and their results.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::verdict::Unit;
use crate::tracking::{MetricKey, Run, Status};

/// The params in which repetitions of a run may differ.
const SEEDS: [&str; 3] = ["seed", "data.split_seed", FOLD];

/// The fold that a run of a cross-validation tests on.
const FOLD: &str = "data.fold";

/// Equal for repetitions of one config: all params except the seeds.
pub fn repetition_key(run: &Run) -> String {
    let params = run.record.params.iter().filter(|(key, _)| !SEEDS.contains(&key.as_str()));
    serde_json::to_string(&params.collect::<BTreeMap<_, _>>()).expect("params have string keys and serialize")
}

/// Whether a param belongs to the config, rather than to the repetition or the name.
pub fn tells_configs_apart(key: &str) -> bool {
    key != "name" && !SEEDS.contains(&key)
}

/// The number of folds of the cross-validation that a run belongs to; `None` outside of a cross-validation.
pub fn folds(run: &Run) -> Option<u64> {
    run.record.params.get("data.folds")?.as_u64()
}

/// What distinguishes the repetitions of a run's config.
pub(super) fn unit(run: &Run) -> Unit {
    folds(run).map_or(Unit::Seeds, |num_folds| Unit::Folds { num_folds })
}

/// A number for the repetition (seed and fold) and the last value of a metric, for each run that has the metric.
pub fn results(runs: &[&Run], key: &MetricKey) -> Vec<(u64, f64)> {
    let repetition = |run: &Run| match run.record.params.get(FOLD).and_then(Value::as_u64) {
        Some(fold) => run.record.seed.wrapping_mul(1024).wrapping_add(fold),
        None => run.record.seed,
    };
    runs.iter().filter_map(|run| Some((repetition(run), run.metrics.get(key)?.last))).collect()
}

/// Whether a run counts as a repetition: it is finished and not archived.
pub fn counts(run: &Run) -> bool {
    run.record.status == Status::Finished && !run.record.archived
}

/// The runs `named`, whatever their status, and those among `runs` that count as their repetitions. All of `named` have
/// one config.
pub(super) fn with_repetitions<'a>(named: &[&'a Run], runs: &'a [Run]) -> Vec<&'a Run> {
    let key = repetition_key(named[0]);
    let is_named = |other: &Run| named.iter().any(|run| run.record.id == other.record.id);
    let is_other = |other: &&Run| !is_named(other) && counts(other) && repetition_key(other) == key;
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
