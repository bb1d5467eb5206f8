//! What the metrics of a classifier are computed from, and those that ask for its probabilities: the areas under its ROC
//! and precision-recall curves, and the Brier score.

use std::cell::OnceCell;

use super::{Averages, Confusion};

/// Predictions of a classifier beside their targets.
#[derive(Clone, Debug)]
pub struct ClassPredictions<'a> {
    /// Row-major `[examples, num_outputs]`; a binary task has one output, whose sign decides.
    logits: &'a [f32],
    /// Class index of each example.
    labels: &'a [f32],
    /// How much each example counts; empty where all count 1.
    weights: &'a [f32],
    /// True against predicted classes.
    pub confusion: Confusion,
    /// Averages of `confusion`.
    pub averages: Averages,
    /// Mean -ln p of the true class, in nats.
    pub log_loss: f64,
    /// A probability per output and example, computed once for the metrics that ask for it.
    probabilities: OnceCell<Vec<f64>>,
    /// The examples in the order of their scores, for each class that is told from the rest.
    rankings: OnceCell<Vec<Ranking>>,
}

impl<'a> ClassPredictions<'a> {
    /// `logits` row-major `[examples, num_outputs]`, a class index per example in `labels`, how much each counts (empty: 1),
    /// and what is counted already.
    pub fn new(logits: &'a [f32], labels: &'a [f32], weights: &'a [f32], confusion: Confusion, log_loss: f64) -> Self {
        let averages = confusion.averages();
        let (probabilities, rankings) = (OnceCell::new(), OnceCell::new());
        Self { logits, labels, weights, confusion, averages, log_loss, probabilities, rankings }
    }

    fn weight(&self, i: usize) -> f64 {
        self.weights.get(i).map_or(1.0, |&weight| f64::from(weight))
    }

    fn total_weight(&self) -> f64 {
        (0..self.labels.len()).map(|i| self.weight(i)).sum()
    }

    fn num_outputs(&self) -> usize {
        self.logits.len() / self.labels.len()
    }

    fn probabilities(&self) -> &[f64] {
        self.probabilities.get_or_init(|| match self.num_outputs() {
            1 => self.logits.iter().map(|&z| sigmoid(z)).collect(),
            num_outputs => softmax(self.logits, num_outputs),
        })
    }

    /// Of two classes the second, by its logit, which tells apart what rounds to the same probability; otherwise each.
    fn rankings(&self) -> &[Ranking] {
        self.rankings.get_or_init(|| match self.num_outputs() {
            1 => vec![Ranking::new(self.logits.iter().map(|&z| f64::from(z)), self.labels, self.weights, 1)],
            num_outputs => {
                let of_class = |class| self.probabilities().iter().skip(class).step_by(num_outputs).copied();
                (0..num_outputs).map(|class| Ranking::new(of_class(class), self.labels, self.weights, class)).collect()
            }
        })
    }

    fn mean_over_rankings(&self, metric: impl Fn(&Ranking) -> f64) -> f64 {
        let rankings = self.rankings();
        rankings.iter().map(metric).sum::<f64>() / rankings.len() as f64
    }
}

/// Binary: area under the ROC curve; multi-class: the mean over classes, each against the rest.
/// NaN when a class has no examples, or all of them.
pub(super) fn roc_auc(of: &ClassPredictions) -> f64 {
    of.mean_over_rankings(Ranking::area_under_roc)
}

/// Binary: average precision of the second class; multi-class: the mean over classes, each against the rest.
/// NaN when a class has no examples, or all of them (where every prediction would have 1).
pub(super) fn average_precision(of: &ClassPredictions) -> f64 {
    of.mean_over_rankings(Ranking::average_precision)
}

/// Mean squared error of the probability of the second of two classes, or summed over more than two.
pub(super) fn brier(of: &ClassPredictions) -> f64 {
    let num_outputs = of.num_outputs();
    let first_class = usize::from(num_outputs == 1); // the one output of two classes is the second's
    let rows = of.probabilities().chunks_exact(num_outputs).zip(of.labels);
    let squared = |(i, (row, &label)): (usize, (&[f64], &f32))| -> f64 {
        let is_true = |output| f64::from(u8::from(label as usize == first_class + output));
        let of_output = |(output, probability): (usize, &f64)| (probability - is_true(output)).powi(2);
        of.weight(i) * row.iter().enumerate().map(of_output).sum::<f64>()
    };
    rows.enumerate().map(squared).sum::<f64>() / of.total_weight()
}

/// Bins of the calibration error, as Guo et al. have them.
const NUM_BINS: usize = 15;

/// The mean distance between the probability of the predicted class and how often it is the true one, over bins of equal
/// width, each as heavy as it has rows.
pub(super) fn calibration_error(of: &ClassPredictions) -> f64 {
    // Sum of probabilities minus right predictions of each bin.
    let mut gaps = [0.0; NUM_BINS];
    for (i, (row, &label)) in of.probabilities().chunks_exact(of.num_outputs()).zip(of.labels).enumerate() {
        let (predicted, confidence) = match *row {
            [second] => (usize::from(second > 0.5), second.max(1.0 - second)),
            _ => {
                let first_of_best =
                    |best: (usize, f64), (class, &p): (usize, &f64)| if p > best.1 { (class, p) } else { best };
                row.iter().enumerate().fold((0, f64::MIN), first_of_best)
            }
        };
        // A probability on the border of two bins is of the lower one.
        let bin = ((confidence * NUM_BINS as f64).ceil() as usize).clamp(1, NUM_BINS) - 1;
        gaps[bin] += of.weight(i) * (confidence - f64::from(u8::from(predicted == label as usize)));
    }
    gaps.iter().map(|gap| gap.abs()).sum::<f64>() / of.total_weight()
}

/// The probability that a logit stands for.
pub fn sigmoid(logit: f32) -> f64 {
    1.0 / (1.0 + (-f64::from(logit)).exp())
}

/// The logarithm of the probability that a logit stands for, which neither overflows nor is rounded to 0.
pub fn log_sigmoid(z: f64) -> f64 {
    z.min(0.0) - (-z.abs()).exp().ln_1p()
}

/// Sum over the rows of -ln sigmoid(z), where z is the logit of label 1, and its negative for label 0.
pub fn binary_log_loss(logits: &[f32], labels: &[f32]) -> f64 {
    let loss = |(&z, &label): (&f32, &f32)| -log_sigmoid(if label == 1.0 { f64::from(z) } else { -f64::from(z) });
    logits.iter().zip(labels).map(loss).sum()
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

/// The scores of examples in ascending order, each with a last bit that says whether it is of the class in question.
#[derive(Clone, Debug)]
pub(super) struct Ranking {
    ascending: Vec<u64>,
    /// How much each of `ascending` counts; empty where all count 1.
    weights: Vec<f64>,
    positives: f64,
    negatives: f64,
}

/// Examples with equal scores: what they count together, of the class and of the others.
struct Tied {
    positives: f64,
    negatives: f64,
}

impl Ranking {
    /// Whole numbers in the order of the scores sort twice as fast; the last bit of a score makes room for the label.
    pub(super) fn new(scores: impl Iterator<Item = f64>, labels: &[f32], weights: &[f32], class: usize) -> Self {
        let ranked = |(score, &label): (f64, &f32)| {
            let bits = (score + 0.0).to_bits(); // -0.0 ties with 0.0
            let ordered = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
            (ordered & !1) | u64::from(label as usize == class)
        };
        let mut ascending: Vec<u64> = scores.zip(labels).map(ranked).collect();
        let mut sorted_weights = Vec::new();
        if weights.is_empty() {
            ascending.sort_unstable();
        } else {
            let mut weighted: Vec<(u64, f32)> = ascending.iter().copied().zip(weights.iter().copied()).collect();
            weighted.sort_unstable_by_key(|(rank, _)| *rank);
            sorted_weights = weighted.iter().map(|(_, weight)| f64::from(*weight)).collect();
            ascending = weighted.into_iter().map(|(rank, _)| rank).collect();
        }
        let mut ranking = Self { ascending, weights: sorted_weights, positives: 0.0, negatives: 0.0 };
        let Tied { positives, negatives } = ranking.counts(0, ranking.ascending.len());
        (ranking.positives, ranking.negatives) = (positives, negatives);
        ranking
    }

    /// What the examples from `start` to `end` count.
    fn counts(&self, start: usize, end: usize) -> Tied {
        let is_positive = |rank: u64| rank & 1 == 1;
        let ranks = &self.ascending[start..end];
        if self.weights.is_empty() {
            let positives = ranks.iter().filter(|&&rank| is_positive(rank)).count() as f64;
            return Tied { positives, negatives: ranks.len() as f64 - positives };
        }
        let (mut positives, mut negatives) = (0.0, 0.0);
        for (&rank, weight) in ranks.iter().zip(&self.weights[start..end]) {
            *if is_positive(rank) { &mut positives } else { &mut negatives } += weight;
        }
        Tied { positives, negatives }
    }

    /// Examples with equal scores, in ascending order.
    fn tied(&self) -> impl DoubleEndedIterator<Item = Tied> {
        let mut groups = Vec::new();
        let mut start = 0;
        for group in self.ascending.chunk_by(|a, b| a >> 1 == b >> 1) {
            groups.push(self.counts(start, start + group.len()));
            start += group.len();
        }
        groups.into_iter()
    }

    /// The probability that an example of the class scores above one of another class, ties counted half (Mann-Whitney
    /// U; Hanley and McNeil 1982). NaN where all examples are of one side.
    pub(super) fn area_under_roc(&self) -> f64 {
        let (mut above, mut below) = (0.0, 0.0);
        for Tied { positives, negatives } in self.tied() {
            above += positives * (below + negatives / 2.0);
            below += negatives;
        }
        above / (self.positives * self.negatives)
    }

    /// The sum over thresholds of the precision there, weighted by the gain in recall. NaN where all examples are of one
    /// side.
    pub(super) fn average_precision(&self) -> f64 {
        let (mut predicted, mut hits, mut sum) = (0.0, 0.0, 0.0);
        for Tied { positives, negatives } in self.tied().rev() {
            predicted += positives + negatives;
            hits += positives;
            sum += positives * hits / predicted;
        }
        if self.negatives > 0.0 { sum / self.positives } else { f64::NAN }
    }
}
