//! Final losses against the size of the network.

use crate::plots::{self, Capacity};
use crate::tracking::Run;

/// Losses against the number of hidden units, over all runs of an experiment; `None` if all have the same number.
pub(super) fn overfitting(experiment: &str, runs: &[Run]) -> Option<String> {
    let loss = |run: &Run, part| Some(run.metrics.iter().find(|(key, _)| key.as_str() == part)?.1.last);
    let mut points = Vec::new();
    for run in runs {
        let hidden = run.record.params.get("model.hidden").and_then(|hidden| hidden.as_array());
        let losses = loss(run, "train/loss").zip(loss(run, "validation/loss"));
        if let (Some(hidden), Some((train_loss, validation_loss))) = (hidden, losses) {
            let units = hidden.iter().filter_map(serde_json::Value::as_u64).sum::<u64>() as usize;
            points.push(Capacity { units, train_loss, validation_loss });
        }
    }
    let first = points.first()?.units;
    let differ = points.iter().any(|point| point.units != first);
    differ.then(|| plots::overfitting(&format!("Overfitting: {experiment}"), &points))
}
