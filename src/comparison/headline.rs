//! The metric that runs are compared by.

use crate::tracking::{MetricKey, Run};

/// The most meaningful metric of the quality of runs, among those that all of them have.
pub fn headline<'a>(runs: impl Iterator<Item = &'a Run> + Clone) -> Option<MetricKey> {
    // Only language models have bits per character, which are preferred: unlike perplexity they are on a logarithmic
    // scale, and unlike the loss they contain no label smoothing.
    let metrics = ["bits_per_character", "accuracy", "r2", "loss"];
    let keys = ["test", "validation"].into_iter().flat_map(|split| metrics.map(|metric| format!("{split}/{metric}")));
    let mut keys = keys.filter_map(|key| key.parse::<MetricKey>().ok());
    keys.find(|key| runs.clone().next().is_some() && runs.clone().all(|run| run.metrics.contains_key(key)))
}
