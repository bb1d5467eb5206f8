//! Metrics of a set of predictions, computed in f64 on the host from logits and targets.
//!
//! Every metric weighs each example (of a text: each character) once, however the examples were batched. Definitions are
//! scikit-learn's (zero where a ratio has no denominator, averages over the classes that occur in
//! targets or predictions); tests hold them to its figures.

use crate::cpu;
use crate::data::{Preparation, Task};

/// Metrics by name, in the order they are shown.
pub type Scores = Vec<(&'static str, f64)>;

const CLASSIFICATION: [&str; 7] = ["accuracy", "balanced_accuracy", "precision", "recall", "f1", "log_loss", "roc_auc"];
const REGRESSION: [&str; 4] = ["mse", "rmse", "mae", "r2"];
const LANGUAGE: [&str; 3] = ["perplexity", "bits_per_character", "accuracy"];

/// What is recorded of the validation and test parts: the loss, then the task's metrics.
pub fn validation_names(task: Task) -> Vec<&'static str> {
    let metrics: &[&str] = match task {
        Task::Binary | Task::MultiClass { .. } => &CLASSIFICATION,
        Task::Regression => &REGRESSION,
        Task::LanguageModel { .. } => &LANGUAGE,
    };
    std::iter::once("loss").chain(metrics.iter().copied()).collect()
}

/// What is recorded of the training part: as [`validation_names`], less ROC AUC, which needs a
/// sort of all rows in every epoch, plus the learning rate and the seconds of the training pass.
pub fn training_names(task: Task) -> Vec<&'static str> {
    let mut names = validation_names(task);
    names.retain(|&name| name != "roc_auc");
    names.extend(["learning_rate", "seconds"]);
    names
}

/// How logits become predictions, and the units of the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Scorer {
    pub task: Task,
    /// Regression: mean and standard deviation of the training targets, to undo the standardization.
    pub target_mean: f64,
    pub target_scale: f64,
}

impl Scorer {
    /// The scorer of a network whose targets `preparation` made.
    pub fn new(preparation: &Preparation) -> Self {
        Self {
            task: preparation.task(),
            target_mean: preparation.to_target_units(0.0),
            target_scale: preparation.target_scale(),
        }
    }

    /// Metrics of `logits` (row-major `[rows, num_outputs]`) against `labels` (class index, or
    /// standardized number). `with_roc_auc` adds the ROC AUC of class targets; `log_loss` is theirs where it is known.
    pub fn scores(&self, logits: &[f32], labels: &[f32], with_roc_auc: bool, log_loss: Option<f64>) -> Scores {
        match self.task {
            Task::Regression => self.regression(logits, labels),
            Task::Binary | Task::MultiClass { .. } => self.classification(logits, labels, with_roc_auc, log_loss),
            Task::LanguageModel { .. } => {
                let mut characters = CharacterTally::default();
                characters.add(self, logits, labels);
                characters.scores()
            }
        }
    }

    /// The predicted number in the target's units (regression).
    pub fn number(&self, standardized: f32) -> f64 {
        f64::from(standardized) * self.target_scale + self.target_mean
    }

    /// The number of classes; 0 for regression.
    pub fn num_classes(&self) -> usize {
        self.task.num_classes()
    }

    /// A probability per class of one row of logits; they sum to 1.
    pub fn probabilities(&self, logits: &[f32]) -> Vec<f64> {
        match self.task {
            Task::Binary => {
                let positive = 1.0 / (1.0 + (-f64::from(logits[0])).exp());
                vec![1.0 - positive, positive]
            }
            _ => softmax(logits, logits.len()),
        }
    }

    /// The class that a row of logits predicts: probability above one half, or the largest logit
    /// (the first of equal ones).
    pub fn class(&self, logits: &[f32]) -> usize {
        match self.task {
            Task::Binary => usize::from(logits[0] > 0.0),
            _ => {
                let (mut best, mut most) = (0, logits[0]);
                for (class, &logit) in logits.iter().enumerate().skip(1) {
                    // Two selections in place of a branch that is often mispredicted.
                    best = if logit > most { class } else { best };
                    most = if logit > most { logit } else { most };
                }
                best
            }
        }
    }

    fn classification(&self, logits: &[f32], labels: &[f32], with_roc_auc: bool, known: Option<f64>) -> Scores {
        let rows = logits.chunks_exact(self.task.num_outputs()).zip(labels.iter().map(|&label| label as usize));
        let mut confusion = Confusion::new(self.num_classes());
        for (row, label) in rows {
            confusion.add(label, self.class(row));
        }
        let log_loss = known.unwrap_or_else(|| match self.task {
            Task::Binary => binary_log_loss(logits, labels) / labels.len() as f64,
            _ => log_loss(logits, labels, self.task.num_outputs()) / labels.len() as f64,
        });
        let averages = confusion.averages();
        let mut scores = vec![
            ("accuracy", confusion.accuracy()),
            ("balanced_accuracy", averages.balanced_accuracy),
            ("precision", averages.precision),
            ("recall", averages.recall),
            ("f1", averages.f1),
            ("log_loss", log_loss),
        ];
        if with_roc_auc {
            scores.push(("roc_auc", self.roc_auc(logits, labels)));
        }
        scores
    }

    /// Binary: area under the ROC curve; multi-class: the mean over classes, each against the rest.
    /// NaN when a class has no rows, or all of them.
    fn roc_auc(&self, logits: &[f32], labels: &[f32]) -> f64 {
        match self.task {
            Task::Binary => area_under_roc(logits.iter().map(|&z| f64::from(z)), labels, 1),
            _ => {
                let num_classes = self.num_classes();
                let probabilities = softmax(logits, num_classes);
                let of = |class| probabilities.iter().skip(class).step_by(num_classes).copied();
                let total: f64 = (0..num_classes).map(|class| area_under_roc(of(class), labels, class)).sum();
                total / num_classes as f64
            }
        }
    }

    fn regression(&self, logits: &[f32], labels: &[f32]) -> Scores {
        let count = labels.len() as f64;
        let mean = labels.iter().map(|&label| f64::from(label)).sum::<f64>() / count;
        let (mut squared, mut absolute, mut spread) = (0.0, 0.0, 0.0);
        for (&predicted, &label) in logits.iter().zip(labels) {
            let error = f64::from(predicted) - f64::from(label);
            squared += error * error;
            absolute += error.abs();
            spread += (f64::from(label) - mean).powi(2);
        }
        let mse = squared / count * self.target_scale * self.target_scale;
        vec![
            ("mse", mse),
            ("rmse", mse.sqrt()),
            ("mae", absolute / count * self.target_scale),
            ("r2", 1.0 - squared / spread),
        ]
    }
}

/// What is left of the scored characters of a text: enough for its metrics, however long it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct CharacterTally {
    count: usize,
    num_right: usize,
    /// Sum of -ln p of the characters that came next.
    log_loss: f64,
}

impl CharacterTally {
    /// Counts rows of `logits` and the characters that came next.
    pub fn add(&mut self, scorer: &Scorer, logits: &[f32], labels: &[f32]) {
        let num_characters = scorer.task.num_outputs();
        let rows = logits.chunks_exact(num_characters).zip(labels);
        self.num_right += rows.filter(|&(row, &label)| scorer.class(row) == label as usize).count();
        self.log_loss += log_loss(logits, labels, num_characters);
        self.count += labels.len();
    }

    /// Perplexity is e to the mean cross-entropy in nats (Jelinek et al. 1977), bits per character the same to base 2.
    pub fn scores(&self) -> Scores {
        let count = self.count as f64;
        let nats = self.log_loss / count;
        vec![
            ("perplexity", nats.exp()),
            ("bits_per_character", nats / std::f64::consts::LN_2),
            ("accuracy", self.num_right as f64 / count),
        ]
    }
}

/// Sum over the rows of -log sigmoid(z), with z turned so that it is right for the label.
fn binary_log_loss(logits: &[f32], labels: &[f32]) -> f64 {
    let loss = |(&z, &label): (&f32, &f32)| {
        let z = if label == 1.0 { f64::from(z) } else { -f64::from(z) };
        (-z.abs()).exp().ln_1p() - z.min(0.0)
    };
    logits.iter().zip(labels).map(loss).sum()
}

/// Sum over the rows of -log softmax at the label. Exponentials in f32, since the logits are no better.
fn log_loss(logits: &[f32], labels: &[f32], num_classes: usize) -> f64 {
    let mut powers = logits.to_vec();
    cpu::simd(|| {
        let mut total = 0.0;
        for (row, &label) in powers.chunks_exact_mut(num_classes).zip(labels) {
            let max = row.iter().fold(f32::NEG_INFINITY, |max, &z| if z <= max { max } else { z });
            row.iter_mut().for_each(|z| *z -= max);
            total -= f64::from(row[label as usize]);
        }
        powers.iter_mut().for_each(|z| *z = cpu::exp(*z));
        let log_sum = |row: &[f32]| row.iter().map(|&power| f64::from(power)).sum::<f64>().ln();
        total + powers.chunks_exact(num_classes).map(log_sum).sum::<f64>()
    })
}

/// Probabilities of rows of logits, all in one vector. The maximum is taken off first, so that no exponential overflows.
fn softmax(logits: &[f32], num_classes: usize) -> Vec<f64> {
    let mut probabilities: Vec<f64> = logits.iter().map(|&logit| logit.into()).collect();
    for row in probabilities.chunks_exact_mut(num_classes) {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.iter_mut().for_each(|logit| *logit = (*logit - max).exp());
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|power| *power /= sum);
    }
    probabilities
}

/// The chance that a row of `class` scores above a row of another class, ties counted half
/// (Mann-Whitney U, Hanley and McNeil 1982).
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

/// Counts of (true class, predicted class).
#[derive(Clone, Debug, PartialEq)]
pub struct Confusion {
    num_classes: usize,
    counts: Vec<u64>,
}

/// Macro averages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Averages {
    pub balanced_accuracy: f64,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// How one class fared.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ClassReport {
    pub class: String,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// Rows of this class.
    pub support: u64,
}

impl Confusion {
    pub fn new(num_classes: usize) -> Self {
        Self { num_classes, counts: vec![0; num_classes * num_classes] }
    }

    pub fn add(&mut self, label: usize, predicted: usize) {
        self.counts[label * self.num_classes + predicted] += 1;
    }

    /// Rows: true class; columns: predicted class.
    pub fn rows(&self) -> Vec<Vec<u64>> {
        self.counts.chunks_exact(self.num_classes).map(<[u64]>::to_vec).collect()
    }

    pub fn accuracy(&self) -> f64 {
        let correct: u64 = (0..self.num_classes).map(|class| self.hits(class)).sum();
        correct as f64 / self.counts.iter().sum::<u64>() as f64
    }

    fn hits(&self, class: usize) -> u64 {
        self.counts[class * self.num_classes + class]
    }

    fn support(&self, class: usize) -> u64 {
        self.counts[class * self.num_classes..][..self.num_classes].iter().sum()
    }

    fn predicted(&self, class: usize) -> u64 {
        self.counts.iter().skip(class).step_by(self.num_classes).sum()
    }

    /// Precision, recall and F1 of `class`; 0 where the denominator is 0.
    fn rates(&self, class: usize) -> (f64, f64, f64) {
        let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let hits = self.hits(class);
        let (support, predicted) = (self.support(class), self.predicted(class));
        (ratio(hits, predicted), ratio(hits, support), ratio(2 * hits, support + predicted))
    }

    pub fn averages(&self) -> Averages {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let seen: Vec<usize> =
            (0..self.num_classes).filter(|&class| self.support(class) + self.predicted(class) > 0).collect();
        let rates: Vec<_> = seen.iter().map(|&class| self.rates(class)).collect();
        let true_recalls: Vec<f64> =
            seen.iter().zip(&rates).filter(|&(&class, _)| self.support(class) > 0).map(|(_, rate)| rate.1).collect();
        Averages {
            balanced_accuracy: mean(&true_recalls),
            precision: mean(&rates.iter().map(|rate| rate.0).collect::<Vec<_>>()),
            recall: mean(&rates.iter().map(|rate| rate.1).collect::<Vec<_>>()),
            f1: mean(&rates.iter().map(|rate| rate.2).collect::<Vec<_>>()),
        }
    }

    pub fn report(&self, class_names: &[String]) -> Vec<ClassReport> {
        class_names
            .iter()
            .enumerate()
            .map(|(class, name)| {
                let (precision, recall, f1) = self.rates(class);
                ClassReport { class: name.clone(), precision, recall, f1, support: self.support(class) }
            })
            .collect()
    }
}
