//! The metrics that burnlab records, one row each in [`METRICS`]: the name, which direction is better, the bounds, and
//! how it is computed for which tasks.
//!
//! Training computes from this table, the store and the comparison of runs ask it for directions and bounds, and the
//! dashboard sends it with its page. To add a metric, add its row.
//!
//! A name that is not in the table, such as one of another version of burnlab, has no direction: its values are shown
//! and can be filtered and sorted, but none of them is called the best.

mod classes;
mod confusion;
mod labels;
mod numbers;
mod quantiles;
mod text;

use serde::{Deserialize, Serialize};

pub use classes::{ClassPredictions, binary_log_loss, log_sigmoid, sigmoid, softmax};
pub use confusion::{Averages, ClassReport, Confusion};
pub use labels::LabelPredictions;
pub use numbers::NumberPredictions;
pub use quantiles::QuantilePredictions;
pub use text::CharacterCounts;

use Formula::{Characters, Classes, Labels, Loop, Numbers, Objective, Quantiles, Ranks};
use Goal::{Higher, Lower};

/// Which direction of a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// Losses, errors and durations.
    Lower,
    /// Scores.
    Higher,
}

impl Goal {
    /// Whether `value` is strictly better than `than`. Comparisons with NaN are false.
    pub fn is_better(self, value: f64, than: f64) -> bool {
        match self {
            Lower => value < than,
            Higher => value > than,
        }
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct Metric {
    /// The part of a key after the slash: `accuracy` in `test/accuracy`.
    pub name: &'static str,
    /// `None` where neither direction is better, as of the learning rate.
    pub goal: Option<Goal>,
    /// The least and the largest finite value; infinite where there is no bound.
    pub bounds: (f64, f64),
    /// How it is computed: one formula for each kind of task that has this metric.
    pub formulas: &'static [Formula],
    /// What the targets of a part must hold: without it the metric has no value there, whatever is predicted.
    pub needs: Needs,
    /// Whether it takes too long for the training part, which is scored in every epoch. Not for [`Characters`], which
    /// are counted anyway.
    pub is_costly: bool,
    /// What it is, with the source of its formula.
    pub meaning: &'static str,
}

/// What the targets of a part must hold for a metric to have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// At least one row.
    Rows,
    /// A row of every class.
    EveryClass,
    /// Two numbers that differ.
    TwoValues,
}

/// How a metric is computed, and by that for which tasks and parts of the data.
#[derive(Clone, Copy, Debug)]
pub enum Formula {
    /// The objective that training minimizes: of every task and part.
    Objective,
    /// A value of the epoch loop: of every task, of the training part alone.
    Loop(LoopValue),
    /// From the predictions of a classifier.
    Classes(fn(&ClassPredictions) -> f64),
    /// From the counts of classes that have an order.
    Ranks(fn(&Confusion) -> f64),
    /// From the predictions of several labels.
    Labels(fn(&LabelPredictions) -> f64),
    /// From the predictions of a regression; of several numbers, the mean over them.
    Numbers(fn(&NumberPredictions) -> f64),
    /// From predicted quantiles.
    Quantiles(fn(&QuantilePredictions) -> f64),
    /// From the characters that a language model predicted.
    Characters(fn(&CharacterCounts) -> f64),
}

/// What the epoch loop knows of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopValue {
    /// The learning rate of the epoch's last step.
    LearningRate,
    /// Seconds of the pass over the training part.
    Seconds,
}

const ANY: f64 = f64::INFINITY;

/// All metrics, in the order in which they are shown.
pub static METRICS: &[Metric] = &[
    Metric {
        name: "loss",
        goal: Some(Lower),
        bounds: (0.0, ANY),
        formulas: &[Objective],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Mean of the loss that training minimizes, with its class weights and label smoothing",
    },
    Metric {
        name: "perplexity",
        goal: Some(Lower),
        bounds: (1.0, ANY),
        formulas: &[Characters(|of| of.mean_log_loss().exp())],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "e to the mean cross-entropy per character in nats (Jelinek et al. 1977)",
    },
    Metric {
        name: "bits_per_character",
        goal: Some(Lower),
        bounds: (0.0, ANY),
        formulas: &[Characters(|of| of.mean_log_loss() / std::f64::consts::LN_2)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Mean cross-entropy per character to base 2: the logarithm of the perplexity (Shannon 1951)",
    },
    Metric {
        name: "accuracy",
        goal: Some(Higher),
        bounds: (0.0, 1.0),
        formulas: &[Classes(|of| of.confusion.accuracy()), Characters(|of| of.num_correct as f64 / of.count as f64)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Share of correct predictions (scikit-learn's accuracy_score)",
    },
    Metric {
        name: "balanced_accuracy",
        goal: Some(Higher),
        bounds: (0.0, 1.0),
        formulas: &[Classes(|of| of.averages.balanced_accuracy)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Mean recall over the classes that occur among the targets (Brodersen et al. 2010; scikit-learn's \
                  balanced_accuracy_score)",
    },
    Metric {
        name: "precision",
        goal: Some(Higher),
        bounds: (0.0, 1.0),
        formulas: &[Classes(|of| of.averages.precision), Labels(labels::precision)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "True positives among the predicted positives, averaged over classes or labels (scikit-learn's \
                  precision_score, macro)",
    },
    Metric {
        name: "recall",
        goal: Some(Higher),
        bounds: (0.0, 1.0),
        formulas: &[Classes(|of| of.averages.recall), Labels(labels::recall)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "True positives among the actual positives, averaged over classes or labels (scikit-learn's \
                  recall_score, macro)",
    },
    Metric {
        name: "f1",
        goal: Some(Higher),
        bounds: (0.0, 1.0),
        formulas: &[Classes(|of| of.averages.f1), Labels(labels::f1)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Harmonic mean of precision and recall, averaged over classes or labels (van Rijsbergen 1979; \
                  scikit-learn's f1_score, macro)",
    },
    Metric {
        name: "micro_f1",
        goal: Some(Higher),
        bounds: (0.0, 1.0),
        formulas: &[Labels(labels::micro_f1)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "F1 of all labels together, each row and label counting the same (scikit-learn's f1_score, micro)",
    },
    Metric {
        name: "subset_accuracy",
        goal: Some(Higher),
        bounds: (0.0, 1.0),
        formulas: &[Labels(labels::subset_accuracy)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Share of rows in which every label is right (scikit-learn's accuracy_score of several labels)",
    },
    Metric {
        name: "hamming_loss",
        goal: Some(Lower),
        bounds: (0.0, 1.0),
        formulas: &[Labels(labels::hamming_loss)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Share of labels that are wrong, over all rows (scikit-learn's hamming_loss)",
    },
    Metric {
        name: "log_loss",
        goal: Some(Lower),
        bounds: (0.0, ANY),
        formulas: &[Classes(|of| of.log_loss), Labels(labels::log_loss)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Mean of -ln p of the true class, or of what is true of each label (Good 1952; scikit-learn's log_loss)",
    },
    Metric {
        name: "roc_auc",
        goal: Some(Higher),
        bounds: (0.0, 1.0),
        formulas: &[Classes(classes::roc_auc), Labels(labels::roc_auc)],
        needs: Needs::EveryClass,
        is_costly: true,
        meaning: "Area under the ROC curve (Hanley and McNeil 1982); of more than two classes, the mean over each \
                  class against the rest, and of labels over each (scikit-learn's roc_auc_score, ovr, macro)",
    },
    Metric {
        name: "average_precision",
        goal: Some(Higher),
        bounds: (0.0, 1.0),
        formulas: &[Classes(classes::average_precision), Labels(labels::average_precision)],
        needs: Needs::EveryClass,
        is_costly: true,
        meaning: "Precision averaged over the recall that each threshold gains, a better guide than ROC AUC where the \
                  second of two classes is rare (Davis and Goadrich 2006); of more than two classes, the mean over each \
                  class against the rest, and of labels over each (scikit-learn's average_precision_score, macro)",
    },
    Metric {
        name: "brier",
        goal: Some(Lower),
        bounds: (0.0, 2.0),
        formulas: &[Classes(classes::brier), Labels(labels::brier)],
        needs: Needs::Rows,
        is_costly: true,
        meaning: "Mean squared error of the probabilities (Brier 1950): of two classes that of the second one, of more \
                  the sum over the classes, of labels the mean over them (scikit-learn's brier_score_loss)",
    },
    Metric {
        name: "ece",
        goal: Some(Lower),
        bounds: (0.0, 1.0),
        formulas: &[Classes(classes::calibration_error)],
        needs: Needs::Rows,
        is_costly: true,
        meaning: "Expected calibration error: how far the probability of the predicted class is from the share of rows \
                  where it is right, on average over 15 bins of equal width (Naeini et al. 2015; Guo et al. 2017)",
    },
    Metric {
        name: "rank_mae",
        goal: Some(Lower),
        bounds: (0.0, ANY),
        formulas: &[Ranks(Confusion::mean_rank_error)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Classes in an order: how many classes a prediction is off, on average (scikit-learn's \
                  mean_absolute_error of their numbers)",
    },
    Metric {
        name: "quadratic_kappa",
        goal: Some(Higher),
        bounds: (-1.0, 1.0),
        formulas: &[Ranks(Confusion::quadratic_kappa)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Classes in an order: agreement beyond chance, in which mistakes count by the square of their distance \
                  (Cohen 1968; scikit-learn's cohen_kappa_score, quadratic)",
    },
    Metric {
        name: "mse",
        goal: Some(Lower),
        bounds: (0.0, ANY),
        formulas: &[Numbers(|of| of.mean_squared_error())],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Mean squared error, in squared units of the target (scikit-learn's mean_squared_error)",
    },
    Metric {
        name: "rmse",
        goal: Some(Lower),
        bounds: (0.0, ANY),
        formulas: &[Numbers(|of| of.mean_squared_error().sqrt())],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Root of the mean squared error, in units of the target (scikit-learn's root_mean_squared_error)",
    },
    Metric {
        name: "mae",
        goal: Some(Lower),
        bounds: (0.0, ANY),
        formulas: &[Numbers(|of| of.mean_absolute_error())],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Mean absolute error, in units of the target (scikit-learn's mean_absolute_error)",
    },
    Metric {
        name: "r2",
        goal: Some(Higher),
        bounds: (-ANY, 1.0),
        formulas: &[Numbers(|of| 1.0 - of.squared / of.spread)],
        needs: Needs::TwoValues,
        is_costly: false,
        meaning: "Coefficient of determination: 1 less the squared error relative to always predicting the mean \
                  (scikit-learn's r2_score)",
    },
    Metric {
        name: "pinball",
        goal: Some(Lower),
        bounds: (0.0, ANY),
        formulas: &[Quantiles(|of| of.pinball())],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Pinball loss of the quantiles, the mean over them, in units of the target (Koenker and Bassett 1978; \
                  scikit-learn's mean_pinball_loss)",
    },
    Metric {
        name: "coverage_error",
        goal: Some(Lower),
        bounds: (0.0, 1.0),
        formulas: &[Quantiles(|of| (of.coverage() - of.nominal_coverage()).abs())],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "How far the share of rows between the lowest and the highest quantile is from what their levels say; of \
                  one quantile, the share of rows at or below it",
    },
    Metric {
        name: "interval_width",
        goal: Some(Lower),
        bounds: (0.0, ANY),
        formulas: &[Quantiles(|of| of.width())],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Mean distance of the highest and the lowest quantile, in units of the target; of equal coverage the \
                  smaller is the better (Gneiting and Raftery 2007)",
    },
    Metric {
        name: "learning_rate",
        goal: None,
        bounds: (0.0, ANY),
        formulas: &[Loop(LoopValue::LearningRate)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Learning rate of the epoch's last step",
    },
    Metric {
        name: "seconds",
        goal: Some(Lower),
        bounds: (0.0, ANY),
        formulas: &[Loop(LoopValue::Seconds)],
        needs: Needs::Rows,
        is_costly: false,
        meaning: "Seconds of the epoch's pass over the training part",
    },
];

/// The row of the metric `name`; `None` for a name that is not in the table.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_whole() {
        let names: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len(), "a name is there twice");
        for metric in METRICS {
            let Metric { name, goal, bounds: (least, most), formulas, needs: _, is_costly, meaning } = metric;
            assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')), "{name}");
            assert!(least < most, "{name}");
            assert!(!meaning.is_empty() && !meaning.ends_with('.'), "{name}");
            assert!(!formulas.is_empty(), "{name}");
            assert!(
                !is_costly || formulas.iter().all(|formula| matches!(formula, Classes(_) | Labels(_) | Numbers(_))),
                "{name}"
            );
            // Runs are compared by scores and errors; only the epoch loop records what is neither good nor bad.
            assert!(goal.is_some() || formulas.iter().all(|formula| matches!(formula, Loop(_))), "{name}");
            assert!(std::ptr::eq(find(name).unwrap(), metric), "{name}");
        }
    }

    /// The row that the guide shows has the fields that a row has: a field that is added must be explained there.
    #[test]
    fn the_row_in_the_guide_has_every_field() {
        macro_rules! fields {
            ($($field:ident),*) => {{
                let Metric { $($field: _),* } = &METRICS[0];
                [$(stringify!($field)),*]
            }};
        }
        let page = include_str!("guide/extending.md");
        let (row, after) = page.split_once("\nMetric {\n").unwrap().1.split_once("\n},\n```").unwrap();
        let shown: Vec<&str> = row.lines().map(|line| line.trim().split(':').next().unwrap()).collect();
        let fields = fields!(name, goal, bounds, formulas, needs, is_costly, meaning);
        assert_eq!(shown, fields);
        let section = after.split("\n## ").next().unwrap();
        for field in ["goal", "bounds", "formulas", "needs", "is_costly"] {
            assert!(section.contains(&format!("\n- `{field}` ")), "{field} is not explained");
        }
    }

    #[test]
    fn an_unknown_name_has_no_row() {
        assert!(find("hinge_loss_of_tomorrow").is_none());
    }

    #[test]
    fn nan_is_never_better() {
        assert!(Lower.is_better(1.0, 2.0) && Higher.is_better(2.0, 1.0));
        for goal in [Lower, Higher] {
            assert!(!goal.is_better(f64::NAN, 1.0) && !goal.is_better(1.0, f64::NAN) && !goal.is_better(1.0, 1.0));
        }
    }
}
