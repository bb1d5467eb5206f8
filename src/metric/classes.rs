//! What the metrics of a classifier are computed from, and the area under its ROC curve.

use super::{Averages, Confusion};

/// Predictions of a classifier beside their targets.
#[derive(Clone, Debug)]
pub struct ClassPredictions<'a> {
    /// Row-major `[examples, num_outputs]`; a binary task has one output, whose sign decides.
    pub logits: &'a [f32],
    /// Class index of each example.
    pub labels: &'a [f32],
    /// True against predicted classes.
    pub confusion: Confusion,
    /// Averages of `confusion`.
    pub averages: Averages,
    /// Mean -ln p of the true class, in nats.
    pub log_loss: f64,
}

/// Binary: area under the ROC curve; multi-class: the mean over classes, each against the rest.
/// NaN when a class has no examples, or all of them.
pub(super) fn roc_auc(of: &ClassPredictions) -> f64 {
    let num_outputs = of.logits.len() / of.labels.len();
    if num_outputs == 1 {
        return area_under_roc(of.logits.iter().map(|&z| f64::from(z)), of.labels, 1);
    }
    let probabilities = softmax(of.logits, num_outputs);
    let of_class = |class| probabilities.iter().skip(class).step_by(num_outputs).copied();
    let total: f64 = (0..num_outputs).map(|class| area_under_roc(of_class(class), of.labels, class)).sum();
    total / num_outputs as f64
}

/// Probabilities of rows of `num_classes` logits, all in one vector. The maximum is subtracted first, so that no
/// exponential overflows.
pub fn softmax(logits: &[f32], num_classes: usize) -> Vec<f64> {
    let mut probabilities: Vec<f64> = logits.iter().map(|&logit| logit.into()).collect();
    for row in probabilities.chunks_exact_mut(num_classes) {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.iter_mut().for_each(|logit| *logit = (*logit - max).exp());
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|power| *power /= sum);
    }
    probabilities
}

/// The probability that an example of `class` scores above one of another class, ties counted half (Mann-Whitney U;
/// Hanley and McNeil 1982). NaN where all examples are of one side.
fn area_under_roc(scores: impl Iterator<Item = f64>, labels: &[f32], class: usize) -> f64 {
    /// Whole numbers in the order of the scores sort twice as fast; the last bit of a score makes room for the label.
    fn ranked(score: f64, is_positive: bool) -> u64 {
        let bits = (score + 0.0).to_bits(); // -0.0 ties with 0.0
        let ordered = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
        (ordered & !1) | u64::from(is_positive)
    }
    let is_positive = labels.iter().map(|&label| label as usize == class);
    let mut ranks: Vec<u64> = scores.zip(is_positive).map(|(score, is_positive)| ranked(score, is_positive)).collect();
    ranks.sort_unstable();
    let positives = ranks.iter().filter(|&rank| rank & 1 == 1).count() as f64;
    let negatives = ranks.len() as f64 - positives;
    let mut rank_sum = 0.0;
    let mut start = 0.0;
    for tied in ranks.chunk_by(|a, b| a >> 1 == b >> 1) {
        let mean_rank = start + (tied.len() as f64 + 1.0) / 2.0;
        rank_sum += mean_rank * tied.iter().filter(|&rank| rank & 1 == 1).count() as f64;
        start += tied.len() as f64;
    }
    (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}
