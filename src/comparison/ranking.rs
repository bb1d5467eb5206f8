//! The order of a sweep's trials.

use crate::metric::Goal;
use crate::tracking::{MetricKey, Trial, TrialState};

/// The finished trials with a finite value, and that value, best first; none where neither direction of `metric` is
/// better.
pub fn ranked<'a>(trials: &'a [Trial], metric: &MetricKey) -> Vec<(&'a Trial, f64)> {
    let Some(goal) = metric.goal() else { return Vec::new() };
    let value = |trial: &'a Trial| trial.value.filter(|value| value.is_finite()).map(|value| (trial, value));
    let finished = trials.iter().filter(|trial| trial.state == TrialState::Finished);
    let mut ranked: Vec<_> = finished.filter_map(value).collect();
    ranked.sort_by(|(_, a), (_, b)| match goal {
        Goal::Lower => a.total_cmp(b),
        Goal::Higher => b.total_cmp(a),
    });
    ranked
}
