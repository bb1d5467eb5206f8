//! Final losses against the size of the network.

use std::collections::BTreeSet;

use crate::comparison::{counts, differences, tells_configs_apart};
use crate::figures::counted;
use crate::plots::{self, Capacity};
use crate::tracking::Run;

/// The param that the picture is about.
const WIDTH: &str = "model.hidden";
/// Params that are named of those that differ.
const MAX_NAMED: usize = 4;

/// Losses against the number of hidden units, over the runs among `all` that differ from `run` in nothing else but the
/// seed; what is left out is said in the picture.
///
/// # Errors
/// If all of these have the same number; the message completes "it needs ..." with what else differs.
pub(super) fn overfitting(run: &Run, all: &[Run]) -> Result<String, String> {
    let mut points = Vec::new();
    let mut left_out = LeftOut::default();
    for other in all {
        let Some(point) = point(other) else { continue };
        let changes = other_changes(run, other);
        if !changes.is_empty() {
            left_out.num_others += 1;
            left_out.changes.extend(changes);
        } else if !counts(other) || ended_by_a_sweep(other) {
            left_out.num_unfinished += 1;
        } else {
            points.push(point);
        }
    }
    let is_one_size = points.iter().all(|point| point.units == points[0].units);
    if is_one_size {
        return Err(left_out.sentence().map(|sentence| format!("; not drawn: {sentence}")).unwrap_or_default());
    }
    let note = left_out.sentence().map(|sentence| format!(" Not drawn: {sentence}.")).unwrap_or_default();
    Ok(plots::overfitting(&format!("Overfitting: {}", run.record.experiment), &points, &note))
}

/// `None` for a run without hidden units, or without these losses.
fn point(run: &Run) -> Option<Capacity> {
    let loss = |part| Some(run.metrics.iter().find(|(key, _)| key.as_str() == part)?.1.last);
    let hidden = run.record.params.get(WIDTH)?.as_array()?;
    let units = hidden.iter().filter_map(serde_json::Value::as_u64).fold(0, u64::saturating_add) as usize;
    Some(Capacity { units, train_loss: loss("train/loss")?, validation_loss: loss("validation/loss")? })
}

/// The params of the two configs that differ, in addition to the width.
fn other_changes(run: &Run, other: &Run) -> Vec<String> {
    let changes = differences(&[&run.record.params, &other.record.params]).into_iter();
    changes.map(|change| change.key).filter(|key| key != WIDTH && tells_configs_apart(key)).collect()
}

/// Whether the run ended before its last epoch without stopping of its own: successive halving ended it.
fn ended_by_a_sweep(run: &Run) -> bool {
    let params = &run.record.params;
    let stops_early = params.contains_key("training.early_stopping.patience");
    let last = run.metrics.iter().find(|(key, _)| key.as_str() == "train/loss").map(|(_, loss)| loss.last_epoch);
    !stops_early && params.get("training.max_epochs").and_then(serde_json::Value::as_u64) > last
}

/// The runs of the experiment that are not drawn.
#[derive(Default)]
struct LeftOut {
    num_others: usize,
    /// What they differ in.
    changes: BTreeSet<String>,
    num_unfinished: usize,
}

impl LeftOut {
    /// Such as `3 runs with other values of training.l2`; `None` if nothing is left out.
    fn sentence(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.num_others > 0 {
            let named: Vec<&str> = self.changes.iter().take(MAX_NAMED).map(String::as_str).collect();
            let more = self.changes.len() - named.len();
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            parts.push(format!("{} with other values of {}{more}", counted(self.num_others, "run"), named.join(", ")));
        }
        if self.num_unfinished > 0 {
            parts.push(format!("{} that did not reach the last epoch", counted(self.num_unfinished, "run")));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
