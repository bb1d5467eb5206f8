//! Computes the metrics of [`METRICS`] from the predictions of a network, in f64 on the CPU.
//!
//! Every metric weights each example (or character of a text) equally, however the examples were batched. Tests compare
//! the results with scikit-learn's.

use std::borrow::Cow;

use burnlab_cpu::log_loss;

use super::ordered;
use super::quantiles::quantiles;
use crate::data::{Examples, Preprocessor, Task, Unit};
use crate::metric::{
    CharacterCounts, ClassPredictions, Confusion, Formula, LabelPredictions, LoopValue, METRICS, Metric,
    NumberPredictions, QuantilePredictions, binary_log_loss, sigmoid, softmax,
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
        Formula::Ranks(_) => matches!(task, Task::Ordered { .. }),
        Formula::Labels(_) => matches!(task, Task::Labels { .. }),
        Formula::Numbers(_) => task.is_regression(),
        Formula::Quantiles(_) => matches!(task, Task::Quantiles { .. }),
        Formula::Characters(_) => task.is_language_model(),
    })
}

/// Values that the epoch loop adds to the scores of the training part, from `value`.
pub(super) fn of_loop(value: impl Fn(LoopValue) -> f64) -> Scores {
    scored(true, |formula| match formula {
        Formula::Loop(wanted) => Some(value(*wanted)),
        _ => None,
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
    /// Class indices, standardized numbers, or 0 and 1 of labels; row-major where there are several.
    pub labels: &'a [f32],
    /// Number targets in their own units; empty for classes and labels.
    pub numbers: &'a [f64],
    /// How much each row counts; empty where all count the same.
    pub weights: &'a [f32],
}

/// What is known of examples: of large data their targets are computed here.
pub struct Known<'a> {
    labels: Cow<'a, [f32]>,
    numbers: Cow<'a, [f64]>,
    weights: &'a [f32],
}

impl<'a> Known<'a> {
    /// The targets of all `examples`.
    pub fn of(examples: &'a Examples) -> Self {
        Self { labels: examples.targets(), numbers: examples.numbers(), weights: &examples.weights }
    }

    /// What their predictions are compared with.
    pub fn truths(&self) -> Truths<'_> {
        Truths { labels: &self.labels, numbers: &self.numbers, weights: self.weights }
    }
}

/// Turns logits into predictions, in the target's units.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputDecoder {
    pub task: Task,
    /// Of each number that is predicted.
    pub units: Vec<Unit>,
    /// Two classes: the logit above which the second one is predicted; of several labels, one for each. 0 is a probability of
    /// one half.
    pub thresholds: Vec<f32>,
    /// Of the quantiles, where they are predicted.
    pub levels: Vec<f64>,
}

impl OutputDecoder {
    /// The decoder for targets prepared by `preprocessor`.
    pub fn new(preprocessor: &Preprocessor) -> Self {
        Self {
            task: preprocessor.task(),
            units: preprocessor.units(),
            thresholds: preprocessor.thresholds(),
            levels: preprocessor.levels().to_vec(),
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
            Task::Regression | Task::Numbers { .. } => self.regression(logits, truths, with_costly_metrics),
            Task::Quantiles { .. } => self.quantile_regression(logits, truths, with_costly_metrics),
            Task::Labels { .. } => self.labelling(logits, truths, with_costly_metrics),
            Task::Binary | Task::MultiClass { .. } | Task::Ordered { .. } => {
                self.classification(logits, truths, with_costly_metrics, log_loss)
            }
            Task::LanguageModel { .. } => {
                let mut characters = CharacterTally::default();
                characters.add(self, logits, truths.labels);
                characters.scores()
            }
        }
    }

    /// A decoder of `task`, whose numbers stay as they are and whose labels are told apart at one half.
    pub fn plain(task: Task) -> Self {
        let num_units = if task.is_regression() { task.num_targets() } else { 0 };
        let num_thresholds = if task.is_regression() { 0 } else { task.num_targets() };
        let levels = match task {
            Task::Quantiles { num_levels } => (1..=num_levels).map(|i| i as f64 / (num_levels + 1) as f64).collect(),
            _ => Vec::new(),
        };
        Self { task, units: vec![Unit::PLAIN; num_units], thresholds: vec![0.0; num_thresholds], levels }
    }

    /// The predicted quantiles of a row of outputs, ascending, in the target's units.
    pub fn quantiles(&self, outputs: &[f32]) -> impl Iterator<Item = f64> {
        let unit = self.units[0];
        quantiles(outputs).map(move |quantile| quantile * unit.scale + unit.mean)
    }

    /// The index of the level that stands for all, the nearest one to the median.
    pub fn middle_level(&self) -> usize {
        let distance = |&i: &usize| (self.levels[i] - 0.5).abs();
        (0..self.levels.len()).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
    }

    /// The predicted numbers of a row of outputs, in the targets' units (regression).
    pub fn numbers(&self, outputs: &[f32]) -> impl Iterator<Item = f64> {
        outputs.iter().zip(&self.units).map(|(&output, unit)| unit.number(output))
    }

    /// Whether each label is predicted, by a row of logits.
    pub fn labels(&self, logits: &[f32]) -> impl Iterator<Item = bool> {
        logits.iter().zip(&self.thresholds).map(|(logit, threshold)| logit > threshold)
    }

    /// The number of classes; 0 for regression.
    pub fn num_classes(&self) -> usize {
        self.task.num_classes()
    }

    /// A probability per class of one row of logits, which sum to 1; or one per label.
    pub fn probabilities(&self, logits: &[f32]) -> Vec<f64> {
        match self.task {
            Task::Binary => {
                let positive = sigmoid(logits[0]);
                vec![1.0 - positive, positive]
            }
            Task::Labels { .. } => logits.iter().map(|&logit| sigmoid(logit)).collect(),
            Task::Ordered { .. } => {
                ordered::log_probabilities(logits).iter().map(|&log| f64::from(log).exp()).collect()
            }
            _ => softmax(logits, logits.len()),
        }
    }

    /// The class predicted by a row of logits: for two classes the positive one above the threshold,
    /// of classes in an order the median,
    /// otherwise that of the largest logit (the first of equal ones).
    pub fn class(&self, logits: &[f32]) -> usize {
        match self.task {
            Task::Binary => return usize::from(logits[0] > self.thresholds[0]),
            Task::Ordered { .. } => return ordered::median(&self.probabilities(logits)),
            _ => {}
        }
        let (mut best, mut most) = (0, logits[0]);
        for (class, &logit) in logits.iter().enumerate().skip(1) {
            // Two conditional moves instead of a branch that is often mispredicted.
            best = if logit > most { class } else { best };
            most = if logit > most { logit } else { most };
        }
        best
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
        // What the softmax makes the probabilities of.
        let (logits, num_outputs) = match self.task {
            Task::Ordered { num_classes } => {
                let rows = logits.chunks_exact(num_outputs).flat_map(ordered::log_probabilities);
                (Cow::Owned(rows.collect::<Vec<f32>>()), num_classes)
            }
            _ => (Cow::Borrowed(logits), num_outputs),
        };
        let logits = &*logits;
        let sum = |logits: &[f32], labels: &[f32]| match self.task {
            Task::Binary => binary_log_loss(logits, labels),
            _ => log_loss(logits, labels, num_outputs),
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
            Formula::Ranks(compute) if matches!(self.task, Task::Ordered { .. }) => {
                Some(compute(&predictions.confusion))
            }
            _ => None,
        })
    }

    /// Of several numbers, the mean of each metric over them.
    fn regression(&self, logits: &[f32], truths: Truths<'_>, with_costly_metrics: bool) -> Scores {
        let predictions: Vec<NumberPredictions> =
            (0..self.units.len()).map(|target| self.number_predictions(target, logits, truths)).collect();
        let mean = |compute: &fn(&NumberPredictions) -> f64| match &predictions[..] {
            [one] => compute(one),
            all => all.iter().map(compute).sum::<f64>() / all.len() as f64,
        };
        scored(with_costly_metrics, |formula| match formula {
            Formula::Numbers(compute) => Some(mean(compute)),
            _ => None,
        })
    }

    fn number_predictions(&self, target: usize, logits: &[f32], truths: Truths<'_>) -> NumberPredictions {
        let (count, unit) = (self.units.len(), self.units[target]);
        let predicted = logits.iter().skip(target).step_by(count).map(|&output| unit.number(output));
        match count {
            1 => NumberPredictions::new(predicted, truths.numbers, truths.weights),
            _ => {
                let numbers: Vec<f64> = truths.numbers.iter().skip(target).step_by(count).copied().collect();
                NumberPredictions::new(predicted, &numbers, truths.weights)
            }
        }
    }

    /// The errors of the middle quantile as of a number, and the metrics of all of them.
    fn quantile_regression(&self, logits: &[f32], truths: Truths<'_>, with_costly_metrics: bool) -> Scores {
        let quantiles: Vec<f64> = logits.chunks_exact(self.levels.len()).flat_map(|row| self.quantiles(row)).collect();
        let middle = quantiles.iter().skip(self.middle_level()).step_by(self.levels.len()).copied();
        let numbers = NumberPredictions::new(middle, truths.numbers, truths.weights);
        let predictions = QuantilePredictions::new(quantiles, truths.numbers, truths.weights, &self.levels);
        scored(with_costly_metrics, |formula| match formula {
            Formula::Numbers(compute) => Some(compute(&numbers)),
            Formula::Quantiles(compute) => Some(compute(&predictions)),
            _ => None,
        })
    }

    fn labelling(&self, logits: &[f32], truths: Truths<'_>, with_costly_metrics: bool) -> Scores {
        let predictions = LabelPredictions::new(logits, truths.labels, truths.weights, &self.thresholds);
        scored(with_costly_metrics, |formula| match formula {
            Formula::Labels(compute) => Some(compute(&predictions)),
            _ => None,
        })
    }

    /// The metrics of each of several numbers or labels by itself; none where there is one target.
    pub fn scores_of_each(&self, logits: &[f32], truths: Truths<'_>) -> Vec<Scores> {
        if self.task.num_targets() == 1 {
            return Vec::new();
        }
        if let Task::Labels { .. } = self.task {
            let predictions = LabelPredictions::new(logits, truths.labels, truths.weights, &self.thresholds);
            let scores = |one: LabelPredictions| {
                scored(true, |formula| match formula {
                    Formula::Labels(compute) => Some(compute(&one)),
                    _ => None,
                })
            };
            return predictions.each().map(scores).collect();
        }
        let scores = |target| {
            let one = self.number_predictions(target, logits, truths);
            scored(true, |formula| match formula {
                Formula::Numbers(compute) => Some(compute(&one)),
                _ => None,
            })
        };
        (0..self.units.len()).map(scores).collect()
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
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Goal;
    use crate::tracking::MetricKey;

    const TASKS: [Task; 8] = [
        Task::Binary,
        Task::Ordered { num_classes: 3 },
        Task::MultiClass { num_classes: 3 },
        Task::Labels { num_labels: 3 },
        Task::Regression,
        Task::Quantiles { num_levels: 3 },
        Task::Numbers { num_targets: 3 },
        Task::LanguageModel { num_characters: 4 },
    ];

    /// Logits and labels of nine rows, some of them predicted wrongly.
    fn predictions(task: Task) -> (Vec<f32>, Vec<f32>) {
        let num_outputs = task.num_outputs();
        let logits = (0..9 * num_outputs).map(|place| ((place * 7) % 11) as f32 / 5.0 - 1.0).collect();
        let label = |place: usize| match task {
            Task::Regression | Task::Quantiles { .. } | Task::Numbers { .. } => (place as f32 - 4.0) / 3.0,
            Task::Binary | Task::Labels { .. } => (place % 2) as f32,
            Task::Ordered { num_classes } => (place % num_classes) as f32,
            Task::MultiClass { .. } | Task::LanguageModel { .. } => (place % num_outputs) as f32,
        };
        (logits, (0..9 * task.num_targets()).map(label).collect())
    }

    #[test]
    fn every_metric_of_every_task_is_computed_within_its_bounds() {
        let mut computed = of_loop(|_| 0.5);
        for task in TASKS {
            let decoder = OutputDecoder::plain(task);
            let (logits, labels) = predictions(task);
            let numbers: Vec<f64> = labels.iter().map(|&label| label.into()).collect();
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
