//! Which run a table may mark as the best by a metric.

use std::collections::BTreeMap;

use super::decide::is_undecided;
use super::several::configs;
use crate::comparison::tested::same_rows;
use crate::tracking::{MetricKey, Run, Store};

/// For each metric of which one of `runs` is the best, its index. None is where the runs are not tested on the same rows,
/// and where the verdict on the configs is that they cannot be told apart: a star would say otherwise. `all` as for
/// [`judge`](super::judge).
pub fn leaders(store: &Store, all: &[Run], runs: &[Run]) -> BTreeMap<MetricKey, usize> {
    let configs = configs(runs, all);
    let config_of =
        |run: &Run| configs.iter().find(|config| config.named.iter().any(|other| other.record.id == run.record.id));
    let leader = |key: &MetricKey| -> Option<usize> {
        let goal = key.goal()?;
        let best = |run: &Run| run.metrics.get(key)?.best;
        let measured: Vec<(usize, f64)> =
            runs.iter().enumerate().filter_map(|(i, run)| Some((i, best(run)?))).collect();
        let &(first, top) =
            measured.iter().reduce(|best, other| if goal.is_better(other.1, best.1) { other } else { best })?;
        let mut others: Vec<(usize, f64)> = measured.into_iter().filter(|(_, value)| *value != top).collect();
        // The nearest first: if any cannot be told apart, it is soon found.
        others.sort_by(|(_, a), (_, b)| (a - top).abs().total_cmp(&(b - top).abs()));
        let config = config_of(&runs[first])?;
        let is_above = |&(other, _): &(usize, f64)| {
            config_of(&runs[other]).is_some_and(|of_other| match of_other.name == config.name {
                // Repetitions of one config: the same rows, or luck with them.
                true => same_rows(&runs[first], &runs[other]),
                false => !is_undecided(store, &config.group, &of_other.group, key),
            })
        };
        (!others.is_empty() && others.iter().all(is_above)).then_some(first)
    };
    let mut keys: Vec<&MetricKey> = runs.iter().flat_map(|run| run.metrics.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter().filter_map(|key| Some((key.clone(), leader(key)?))).collect()
}
