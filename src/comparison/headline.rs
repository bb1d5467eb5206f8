//! The metric that runs are compared by.

use std::collections::BTreeSet;

use super::field::Recorded;
use crate::tracking::{MetricKey, Run, TrackingError};

/// The metrics that tell the quality of runs, the most meaningful first.
pub fn headlines() -> impl Iterator<Item = String> {
    // Only language models have bits per character, which are preferred: unlike perplexity they are on a logarithmic
    // scale, and unlike the loss they contain no label smoothing.
    let metrics = ["bits_per_character", "accuracy", "r2", "micro_f1", "loss"];
    ["test", "validation"].into_iter().flat_map(move |split| metrics.map(|metric| format!("{split}/{metric}")))
}

/// The most meaningful metric of the quality of runs, among those that all of them have.
pub fn headline<'a>(runs: impl Iterator<Item = &'a Run> + Clone) -> Option<MetricKey> {
    let mut keys = headlines().filter_map(|key| key.parse::<MetricKey>().ok());
    keys.find(|key| runs.clone().next().is_some() && runs.clone().all(|run| run.metrics.contains_key(key)))
}

/// The metric of the task of runs of one experiment: the most meaningful one that at least half of those have that have any.
pub fn task_metric<'a, R: Recorded + 'a>(runs: impl Iterator<Item = &'a R> + Clone) -> Option<MetricKey> {
    let mut counted = headlines().filter_map(|key| key.parse::<MetricKey>().ok()).map(|key| {
        let num_runs = runs.clone().filter(|run| run.metric(&key).is_some()).count();
        (key, num_runs)
    });
    let all = runs.clone().filter(|run| run.metrics().next().is_some()).count();
    counted.find(|(_, num_runs)| *num_runs > 0 && 2 * num_runs >= all).map(|(key, _)| key)
}

/// The metric to compare groups of runs by: `asked`, a test metric with or without `test/`, or the [`headline`].
///
/// # Errors
/// A name that is not a test metric which every group has and of which one direction is better.
pub(super) fn chosen(asked: Option<&str>, groups: &[&[&Run]]) -> Result<Option<MetricKey>, TrackingError> {
    let Some(asked) = asked else { return Ok(headline(groups.iter().copied().flatten().copied())) };
    // The last values of other parts are of the last epoch, whose weights may not be the ones that were kept.
    let of_test = |group: &&[&Run]| -> BTreeSet<MetricKey> {
        let keys = group.iter().flat_map(|run| run.metrics.keys());
        keys.filter(|key| key.split() == "test" && key.goal().is_some()).cloned().collect()
    };
    let common = groups.iter().map(of_test).reduce(|all, some| &all & &some).unwrap_or_default();
    let name = asked.strip_prefix("test/").unwrap_or(asked);
    let found = common.iter().find(|key| key.metric() == name).cloned();
    let unknown = || TrackingError::NotCompared {
        asked: asked.to_owned(),
        known: common.iter().map(ToString::to_string).collect::<Vec<_>>(),
    };
    found.map(Some).ok_or_else(unknown)
}
