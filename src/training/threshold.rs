//! Where two classes, or a label and its absence, are told apart: not at a probability of one half, but where a metric of the
//! validation rows is best.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metrics::Truths;
use crate::metric::Confusion;

/// What is to be best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdMetric {
    /// The share of right predictions.
    Accuracy,
    /// The mean of both classes' recalls.
    BalancedAccuracy,
    /// The mean of both classes' F1; of labels, their own.
    F1,
}

impl ThresholdMetric {
    /// Its name among the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced_accuracy",
            Self::F1 => "f1",
        }
    }

    fn of(self, confusion: &Confusion, are_labels: bool) -> f64 {
        match self {
            Self::Accuracy => confusion.accuracy(),
            Self::BalancedAccuracy => confusion.averages().balanced_accuracy,
            Self::F1 if are_labels => confusion.f1(1),
            Self::F1 => confusion.averages().f1,
        }
    }
}

/// A threshold for the second of two classes, or for each of `num_labels` labels; see `threshold`. `logits` and labels are
/// row-major.
pub fn thresholds(metric: ThresholdMetric, logits: &[f32], truths: Truths<'_>, num_labels: Option<usize>) -> Vec<f32> {
    let count = num_labels.unwrap_or(1);
    let of = |values: &[f32], label: usize| -> Vec<f32> { values.iter().skip(label).step_by(count).copied().collect() };
    let one = |label| {
        let truths_of = Truths { labels: &of(truths.labels, label), ..truths };
        threshold(metric, &of(logits, label), truths_of, num_labels.is_some())
    };
    (0..count).map(one).collect()
}

/// The logit above which the second of two classes is to be predicted, so that `metric` is best: between two that occur, the
/// one nearest to 0 among equally good ones; 0, a probability of one half, where none is better.
fn threshold(metric: ThresholdMetric, logits: &[f32], truths: Truths<'_>, are_labels: bool) -> f32 {
    let mut rows: Vec<(f32, usize, f64)> = Vec::with_capacity(logits.len());
    for (i, (&logit, &label)) in logits.iter().zip(truths.labels).enumerate() {
        rows.push((logit, label as usize, truths.weights.get(i).map_or(1.0, |&weight| weight.into())));
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let confusion_at = |limit: f32| {
        let mut confusion = Confusion::new(2);
        rows.iter().for_each(|&(logit, label, weight)| confusion.add(label, usize::from(logit > limit), weight));
        confusion
    };
    let mut best = (metric.of(&confusion_at(0.0), are_labels), 0.0f32);
    // Row by row from the second class to the first.
    let mut confusion = confusion_at(f32::NEG_INFINITY);
    for [(logit, label, weight), (next, ..)] in rows.array_windows() {
        confusion.add(*label, 0, *weight);
        confusion.add(*label, 1, -weight);
        if logit == next {
            continue;
        }
        let middle = logit + (next - logit) / 2.0;
        // Of neighbouring numbers there is none.
        let limit = if middle < *next { middle } else { *logit };
        let value = metric.of(&confusion, are_labels);
        let gain = value - best.0;
        // Sums of weights are rounded.
        if gain > 1e-9 || best.1 != 0.0 && gain > -1e-9 && limit.abs() < best.1.abs() {
            best = (value.max(best.0), limit);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(metric: ThresholdMetric, logits: &[f32], labels: &[f32], weights: &[f32]) -> f32 {
        threshold(metric, logits, Truths { labels, numbers: &[], weights }, false)
    }

    #[test]
    fn the_threshold_is_where_the_metric_is_best() {
        use ThresholdMetric::{Accuracy, BalancedAccuracy, F1};
        // A rare class that no logit above 0 tells: two of its three rows are above -1.5, as one other row is.
        let logits = [-4.0, -3.5, -3.0, -2.5, -2.0, -1.75, -1.25, -1.0, -0.5];
        let labels = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0];
        // Above -1.5: recalls 5/6 and 2/3, mean 0.75; above -2.75, with one more of each class: 1/2 and 2/3, above -3.25: 1/2 and 1.
        assert_eq!(found(BalancedAccuracy, &logits, &labels, &[]), -1.5);
        // Above -0.75: 7 of 9 right, as above -1.5; the nearer one to 0.
        assert_eq!(found(Accuracy, &logits, &labels, &[]), -0.75);
        // F1 of the classes: above -1.5 10/12 and 4/6, above -0.75 12/14 and 2/4.
        assert_eq!(found(F1, &logits, &labels, &[]), -1.5);
        // The row at -3 counts as 20 others: recalls above -3.25 are 22/22 and 2/6.
        let weights = [1.0, 1.0, 20.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        assert_eq!(found(BalancedAccuracy, &logits, &labels, &weights), -3.25);
        // Nothing is better than one half.
        assert_eq!(found(Accuracy, &[-1.0, -0.5, 0.5, 1.0], &[0.0, 0.0, 1.0, 1.0], &[]), 0.0);
    }

    #[test]
    fn it_is_between_neighbouring_numbers() {
        let (low, high) = (1.0f32, 1.0f32.next_up());
        let limit = found(ThresholdMetric::Accuracy, &[low, high], &[0.0, 1.0], &[]);
        assert!(low <= limit && limit < high);
    }
}
