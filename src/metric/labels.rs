//! What the metrics of several labels are computed from, of which any may hold: each label told from its absence.

use super::classes::{Ranking, binary_log_loss, sigmoid};

/// Predictions of several labels beside what holds.
#[derive(Clone, Debug)]
pub struct LabelPredictions<'a> {
    labels: Vec<Label>,
    /// How much each row counts; empty where all count 1.
    weights: &'a [f32],
}

/// One label.
#[derive(Clone, Debug)]
struct Label {
    /// One per row.
    logits: Vec<f32>,
    /// 1 where it holds, else 0.
    truths: Vec<f32>,
    /// The logit above which it is predicted.
    threshold: f32,
    counts: Counts,
}

/// Rows, or the sums of their weights, in which a label holds or not and is predicted or not.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    hits: f64,
    /// Predicted, and does not hold.
    false_alarms: f64,
    misses: f64,
    total: f64,
}

impl Counts {
    fn precision(&self) -> f64 {
        ratio(self.hits, self.hits + self.false_alarms)
    }

    fn recall(&self) -> f64 {
        ratio(self.hits, self.hits + self.misses)
    }

    fn f1(&self) -> f64 {
        ratio(2.0 * self.hits, 2.0 * self.hits + self.false_alarms + self.misses)
    }
}

/// 0 where there is no denominator, as in scikit-learn.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

impl Label {
    fn new(logits: Vec<f32>, truths: Vec<f32>, threshold: f32, weights: &[f32]) -> Self {
        let mut counts = Counts::default();
        for (i, (&logit, &truth)) in logits.iter().zip(&truths).enumerate() {
            let weight = weights.get(i).map_or(1.0, |&weight| f64::from(weight));
            match (logit > threshold, truth == 1.0) {
                (true, true) => counts.hits += weight,
                (true, false) => counts.false_alarms += weight,
                (false, true) => counts.misses += weight,
                (false, false) => {}
            }
            counts.total += weight;
        }
        Self { logits, truths, threshold, counts }
    }

    fn is_right(&self, row: usize) -> bool {
        (self.logits[row] > self.threshold) == (self.truths[row] == 1.0)
    }

    fn ranking(&self, weights: &[f32]) -> Ranking {
        Ranking::new(self.logits.iter().map(|&logit| f64::from(logit)), &self.truths, weights, 1)
    }
}

impl<'a> LabelPredictions<'a> {
    /// `logits` and `truths` (1 where a label holds, else 0) row-major `[rows, labels]`, how much each row counts (empty: 1),
    /// and for each label the logit above which it is predicted.
    pub fn new(logits: &[f32], truths: &[f32], weights: &'a [f32], thresholds: &[f32]) -> Self {
        let count = thresholds.len();
        let of = |values: &[f32], label: usize| values.iter().skip(label).step_by(count).copied().collect();
        let label = |(i, &threshold)| Label::new(of(logits, i), of(truths, i), threshold, weights);
        Self { labels: thresholds.iter().enumerate().map(label).collect(), weights }
    }

    /// Those of each label by itself.
    pub fn each(self) -> impl Iterator<Item = Self> {
        self.labels.into_iter().map(move |label| Self { labels: vec![label], weights: self.weights })
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.get(row).map_or(1.0, |&weight| f64::from(weight))
    }

    fn mean(&self, of: impl Fn(&Label) -> f64) -> f64 {
        self.labels.iter().map(of).sum::<f64>() / self.labels.len() as f64
    }

    /// The mean over the rows of what `of` makes of the logit and truth of each.
    fn mean_over_rows(&self, of: impl Fn(f32, f32) -> f64) -> f64 {
        self.mean(|label| {
            let rows = label.logits.iter().zip(&label.truths).enumerate();
            rows.map(|(row, (&logit, &truth))| self.weight(row) * of(logit, truth)).sum::<f64>() / label.counts.total
        })
    }
}

pub(super) fn precision(of: &LabelPredictions) -> f64 {
    of.mean(|label| label.counts.precision())
}

pub(super) fn recall(of: &LabelPredictions) -> f64 {
    of.mean(|label| label.counts.recall())
}

pub(super) fn f1(of: &LabelPredictions) -> f64 {
    of.mean(|label| label.counts.f1())
}

/// F1 of all decisions together.
pub(super) fn micro_f1(of: &LabelPredictions) -> f64 {
    let mut all = Counts::default();
    for Label { counts, .. } in &of.labels {
        all.hits += counts.hits;
        all.false_alarms += counts.false_alarms;
        all.misses += counts.misses;
    }
    all.f1()
}

pub(super) fn subset_accuracy(of: &LabelPredictions) -> f64 {
    let num_rows = of.labels[0].logits.len();
    let right = (0..num_rows).filter(|&row| of.labels.iter().all(|label| label.is_right(row)));
    right.map(|row| of.weight(row)).sum::<f64>() / of.labels[0].counts.total
}

pub(super) fn hamming_loss(of: &LabelPredictions) -> f64 {
    of.mean(|label| (label.counts.false_alarms + label.counts.misses) / label.counts.total)
}

pub(super) fn log_loss(of: &LabelPredictions) -> f64 {
    of.mean_over_rows(|logit, truth| binary_log_loss(&[logit], &[truth]))
}

pub(super) fn brier(of: &LabelPredictions) -> f64 {
    of.mean_over_rows(|logit, truth| (sigmoid(logit) - f64::from(truth)).powi(2))
}

/// NaN where a label holds in no row, or in all.
pub(super) fn roc_auc(of: &LabelPredictions) -> f64 {
    of.mean(|label| label.ranking(of.weights).area_under_roc())
}

/// NaN where a label holds in no row, or in all.
pub(super) fn average_precision(of: &LabelPredictions) -> f64 {
    of.mean(|label| label.ranking(of.weights).average_precision())
}
