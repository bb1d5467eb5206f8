//! Computes the metrics of [`METRICS`] from the predictions of a network, in f64 on the CPU.
//!
//! Every metric weights each example (or character of a text) equally, however the examples were batched. Tests compare
//! the results with scikit-learn's.

use crate::cpu;
use crate::data::{Examples, Preprocessor, Task};
use crate::metric::{
    CharacterCounts, ClassPredictions, Confusion, Formula, LoopValue, METRICS, Metric, NumberPredictions, softmax,
};

/// Metrics by name, in the order in which they are shown.
pub type Scores = Vec<(&'static str, f64)>;

/// Metrics recorded for the validation and test parts: the loss, then the task's metrics.
pub fn validation_names(task: Task) -> Vec<&'static str> {
    names(|metric| is_of(metric, task) && !metric.formulas.iter().any(|formula| matches!(formula, Formula::Loop(_))))
}

/// Metrics recorded for the training part: those of [`validation_names`] without the ones too slow for every epoch,
/// plus the learning rate and the duration of the pass in seconds.
pub fn training_names(task: Task) -> Vec<&'static str> {
    names(|metric| is_of(metric, task) && !metric.is_costly)
}

fn names(is_recorded: impl Fn(&Metric) -> bool) -> Vec<&'static str> {
    METRICS.iter().filter(|metric| is_recorded(metric)).map(|metric| metric.name).collect()
}

fn is_of(metric: &Metric, task: Task) -> bool {
    metric.formulas.iter().any(|formula| match formula {
        Formula::Objective | Formula::Loop(_) => true,
        Formula::Classes(_) => task.is_classification(),
        Formula::Numbers(_) => task == Task::Regression,
        Formula::Characters(_) => task.is_language_model(),
    })
}

/// Values that the epoch loop adds to the scores of the training part, from `value`.
pub(super) fn of_loop(value: impl Fn(LoopValue) -> f64) -> Scores {
    scored(true, |formula| match formula {
        Formula::Loop(wanted) => Some(value(*wanted)),
        Formula::Objective | Formula::Classes(_) | Formula::Numbers(_) | Formula::Characters(_) => None,
    })
}

/// The metrics for which `compute` has a value, in the order of the table.
fn scored(with_costly_metrics: bool, compute: impl Fn(&Formula) -> Option<f64>) -> Scores {
    let value = |metric: &Metric| Some((metric.name, metric.formulas.iter().find_map(&compute)?));
    METRICS.iter().filter(|metric| with_costly_metrics || !metric.is_costly).filter_map(value).collect()
}

/// What predictions are compared with.
#[derive(Clone, Copy, Debug)]
pub struct Truths<'a> {
    /// Class indices, or standardized numbers.
    pub labels: &'a [f32],
    /// Number targets in their own units; empty for classes.
    pub numbers: &'a [f64],
    /// How much each counts; empty where all count the same.
    pub weights: &'a [f32],
}

impl<'a> From<&'a Examples> for Truths<'a> {
    fn from(Examples { targets, numbers, weights, .. }: &'a Examples) -> Self {
        Self { labels: targets, numbers, weights }
    }
}

/// Turns logits into predictions, in the target's units.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputDecoder {
    pub task: Task,
    /// Regression: mean and standard deviation of the training targets, to undo the standardization.
    pub target_mean: f64,
    pub target_scale: f64,
    /// Two classes: the logit above which the second one is predicted; 0 is a probability of one half.
    pub threshold: f32,
    /// Whether the output is the logarithm of a count in units of `target_scale`, its training mean.
    pub is_count: bool,
}

impl OutputDecoder {
    /// The decoder for targets prepared by `preprocessor`.
    pub fn new(preprocessor: &Preprocessor) -> Self {
        Self {
            task: preprocessor.task(),
            target_mean: preprocessor.to_target_units(0.0),
            target_scale: preprocessor.target_scale(),
            threshold: preprocessor.threshold.unwrap_or(0.0),
            is_count: preprocessor.is_count(),
        }
    }

    /// Metrics of `logits` (row-major `[rows, num_outputs]`) against `truths`.
    ///
    /// `with_costly_metrics` adds those that need a sort of all rows; `log_loss` is that of class targets where it is known
    /// already.
    pub fn scores(
        &self,
        logits: &[f32],
        truths: Truths<'_>,
        with_costly_metrics: bool,
        log_loss: Option<f64>,
    ) -> Scores {
        match self.task {
            Task::Regression => self.regression(logits, truths, with_costly_metrics),
            Task::Binary | Task::MultiClass { .. } => {
                self.classification(logits, truths, with_costly_metrics, log_loss)
            }
            Task::LanguageModel { .. } => {
                let mut characters = CharacterTally::default();
                characters.add(self, logits, truths.labels);
                characters.scores()
            }
        }
    }

    /// The predicted number in the target's units (regression).
    pub fn number(&self, output: f32) -> f64 {
        match self.is_count {
            true => f64::from(output).exp() * self.target_scale,
            false => f64::from(output) * self.target_scale + self.target_mean,
        }
    }

    /// The output that [`number`](Self::number) turns into this number, up to rounding.
    pub fn output(&self, number: f64) -> f32 {
        match self.is_count {
            true => (number.max(f64::MIN_POSITIVE) / self.target_scale).ln() as f32,
            false => ((number - self.target_mean) / self.target_scale) as f32,
        }
    }

    /// The mean of the training targets (regression).
    pub fn mean(&self) -> f64 {
        if self.is_count { self.target_scale } else { self.target_mean }
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
            Task::MultiClass { .. } | Task::Regression | Task::LanguageModel { .. } => softmax(logits, logits.len()),
        }
    }

    /// The class predicted by a row of logits: for two classes the positive one above the threshold,
    /// otherwise that of the largest logit (the first of equal ones).
    pub fn class(&self, logits: &[f32]) -> usize {
        match self.task {
            Task::Binary => usize::from(logits[0] > self.threshold),
            Task::MultiClass { .. } | Task::Regression | Task::LanguageModel { .. } => {
                let (mut best, mut most) = (0, logits[0]);
                for (class, &logit) in logits.iter().enumerate().skip(1) {
                    // Two conditional moves instead of a branch that is often mispredicted.
                    best = if logit > most { class } else { best };
                    most = if logit > most { logit } else { most };
                }
                best
            }
        }
    }

    fn classification(
        &self,
        logits: &[f32],
        truths: Truths<'_>,
        with_costly_metrics: bool,
        known: Option<f64>,
    ) -> Scores {
        let Truths { labels, weights, .. } = truths;
        let num_outputs = self.task.num_outputs();
        let rows = logits.chunks_exact(num_outputs).zip(labels.iter().map(|&label| label as usize));
        let mut confusion = Confusion::new(self.num_classes());
        for (i, (row, label)) in rows.enumerate() {
            confusion.add(label, self.class(row), weights.get(i).map_or(1.0, |&weight| weight.into()));
        }
        let sum = |logits: &[f32], labels: &[f32]| match self.task {
            Task::Binary => binary_log_loss(logits, labels),
            Task::MultiClass { .. } | Task::Regression | Task::LanguageModel { .. } => {
                log_loss(logits, labels, num_outputs)
            }
        };
        let mean = || match weights {
            [] => sum(logits, labels) / labels.len() as f64,
            _ => {
                let rows = logits.chunks_exact(num_outputs).zip(labels.chunks_exact(1)).zip(weights);
                let total: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
                rows.map(|((logits, label), &weight)| f64::from(weight) * sum(logits, label)).sum::<f64>() / total
            }
        };
        let predictions = ClassPredictions::new(logits, labels, weights, confusion, known.unwrap_or_else(mean));
        scored(with_costly_metrics, |formula| match formula {
            Formula::Classes(compute) => Some(compute(&predictions)),
            Formula::Objective | Formula::Loop(_) | Formula::Numbers(_) | Formula::Characters(_) => None,
        })
    }

    fn regression(&self, logits: &[f32], truths: Truths<'_>, with_costly_metrics: bool) -> Scores {
        let predicted = logits.iter().map(|&standardized| self.number(standardized));
        let predictions = NumberPredictions::new(predicted, truths.numbers, truths.weights);
        scored(with_costly_metrics, |formula| match formula {
            Formula::Numbers(compute) => Some(compute(&predictions)),
            Formula::Objective | Formula::Loop(_) | Formula::Classes(_) | Formula::Characters(_) => None,
        })
    }
}

/// Scores the characters of a text batch by batch, so that the logits need not be kept in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct CharacterTally(CharacterCounts);

impl CharacterTally {
    /// Counts rows of `logits` (row-major `[rows, num_characters]`) and the characters that came next.
    pub fn add(&mut self, decoder: &OutputDecoder, logits: &[f32], labels: &[f32]) {
        let num_characters = decoder.task.num_outputs();
        let rows = logits.chunks_exact(num_characters).zip(labels);
        self.0.num_correct += rows.filter(|&(row, &label)| decoder.class(row) == label as usize).count();
        self.0.log_loss += log_loss(logits, labels, num_characters);
        self.0.count += labels.len();
    }

    /// The metrics of all characters counted so far. All of them are cheap to compute from counts.
    pub fn scores(&self) -> Scores {
        scored(true, |formula| match formula {
            Formula::Characters(compute) => Some(compute(&self.0)),
            Formula::Objective | Formula::Loop(_) | Formula::Classes(_) | Formula::Numbers(_) => None,
        })
    }
}

/// Sum over the rows of -ln sigmoid(z), where z is the logit of label 1, and its negative for label 0.
fn binary_log_loss(logits: &[f32], labels: &[f32]) -> f64 {
    let loss = |(&z, &label): (&f32, &f32)| {
        let z = if label == 1.0 { f64::from(z) } else { -f64::from(z) };
        (-z.abs()).exp().ln_1p() - z.min(0.0)
    };
    logits.iter().zip(labels).map(loss).sum()
}

/// Sum over the rows of -ln softmax at the label. Exponentials are computed in f32, the precision of the logits.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Goal;
    use crate::tracking::MetricKey;

    const TASKS: [Task; 4] = [
        Task::Binary,
        Task::MultiClass { num_classes: 3 },
        Task::Regression,
        Task::LanguageModel { num_characters: 4 },
    ];

    /// Logits and labels of nine rows, some of them predicted wrongly.
    fn predictions(task: Task) -> (Vec<f32>, Vec<f32>) {
        let num_outputs = task.num_outputs();
        let logits = (0..9 * num_outputs).map(|place| ((place * 7) % 11) as f32 / 5.0 - 1.0).collect();
        let label = |row: usize| match task {
            Task::Regression => (row as f32 - 4.0) / 3.0,
            Task::Binary => (row % 2) as f32,
            Task::MultiClass { .. } | Task::LanguageModel { .. } => (row % num_outputs) as f32,
        };
        (logits, (0..9).map(label).collect())
    }

    #[test]
    fn every_metric_of_every_task_is_computed_within_its_bounds() {
        let mut computed = of_loop(|_| 0.5);
        for task in TASKS {
            let decoder = OutputDecoder { task, target_mean: 2.0, target_scale: 3.0, threshold: 0.0, is_count: false };
            let (logits, labels) = predictions(task);
            let numbers: Vec<f64> = labels.iter().map(|&label| decoder.number(label)).collect();
            let truths = Truths { labels: &labels, numbers: &numbers, weights: &[] };
            let scores = decoder.scores(&logits, truths, true, None);
            let names: Vec<&str> = std::iter::once("loss").chain(scores.iter().map(|score| score.0)).collect();
            assert_eq!(names, validation_names(task), "{task:?}");
            let of_training = decoder.scores(&logits, truths, false, None).into_iter().chain(of_loop(|_| 0.5));
            let names: Vec<&str> = std::iter::once("loss").chain(of_training.map(|score| score.0)).collect();
            assert_eq!(names, training_names(task), "{task:?}");
            computed.extend(scores);
        }
        for metric in METRICS.iter().filter(|metric| !matches!(metric.formulas, [Formula::Objective])) {
            let values: Vec<f64> =
                computed.iter().filter(|score| score.0 == metric.name).map(|score| score.1).collect();
            assert!(!values.is_empty(), "no task computes {}", metric.name);
            let (least, most) = metric.bounds;
            assert!(values.iter().all(|value| (least..=most).contains(value)), "{}: {values:?}", metric.name);
        }
    }

    #[test]
    fn every_metric_has_its_direction_in_the_store_and_can_be_monitored() {
        for metric in METRICS {
            let key = MetricKey::new("validation", metric.name).unwrap();
            assert_eq!((key.goal(), key.bounds()), (metric.goal, metric.bounds), "{key}");
        }
        // The best epoch is chosen by a metric recorded for the validation part.
        for name in TASKS.into_iter().flat_map(validation_names) {
            assert!(MetricKey::new("validation", name).unwrap().required_goal().is_ok(), "{name}");
        }
        assert_eq!(MetricKey::new("validation", "accuracy").unwrap().goal(), Some(Goal::Higher));
    }
}
