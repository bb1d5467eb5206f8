//! Pictures of the curves, and of the predictions of the test part.

use super::subject::Subject;
use crate::data::Task;
use crate::plots::{self, Curve, Sample};
use crate::tracking::Point;
use crate::training::Phase;
use crate::training::evaluation::Prediction;

/// More images would add little, and make the file large.
const MAX_IMAGES: usize = 40;

/// Learning curves of the training and validation parts, and of a second training.
pub(super) fn curves(subject: &Subject) -> Option<String> {
    let metrics = match subject.preprocessor.task() {
        Task::Binary | Task::MultiClass { .. } => ["loss", "accuracy"],
        Task::Ordered { .. } => ["loss", "quadratic_kappa"],
        Task::Labels { .. } => ["loss", "micro_f1"],
        Task::Regression | Task::Quantiles { .. } | Task::Numbers { .. } => ["loss", "r2"],
        Task::LanguageModel { .. } => ["loss", "perplexity"],
    };
    let series = |split: &str, metric: &str| {
        let of_series = |point: &&Point| point.key.split() == split && point.key.metric() == metric && point.epoch > 0;
        subject.points.iter().filter(of_series).map(|point| (point.epoch as f64, point.value)).collect()
    };
    let curves: Vec<Curve> = metrics
        .into_iter()
        .map(|metric| Curve {
            metric: metric.to_owned(),
            train: series("train", metric),
            validation: series("validation", metric),
            refit: series(Phase::REFIT, metric),
        })
        .collect();
    let last = subject.points.iter().map(|point| point.epoch).max();
    Some(plots::curves(&subject.titled("Learning curves"), &curves, subject.best_epoch, last))
}

/// The confusion matrix.
pub(super) fn confusion(subject: &Subject) -> Option<String> {
    let classes = subject.evaluation?.classes.as_ref()?;
    let names = subject.preprocessor.class_names();
    Some(plots::confusion(&subject.titled("Confusion matrix"), names, &classes.confusion_matrix))
}

/// Test images: misclassified ones first, the most confident leading; then the least confident of the correct ones.
pub(super) fn gallery(subject: &Subject) -> Option<String> {
    let shape = subject.preprocessor.image_shape()?;
    let names = subject.preprocessor.class_names();
    if names.is_empty() || subject.predictions.is_empty() {
        return None;
    }
    let confidence = |row: &Prediction| row.answer.probabilities.get(row.answer.first() as usize).copied();
    let is_wrong = |row: &Prediction| row.answer.first() != row.truth();
    let mut order: Vec<(usize, Prediction)> = subject.predictions.iter().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| {
        let by_confidence = confidence(a).partial_cmp(&confidence(b)).unwrap_or(std::cmp::Ordering::Equal);
        let by_confidence = if is_wrong(a) { by_confidence.reverse() } else { by_confidence };
        is_wrong(b).cmp(&is_wrong(a)).then(by_confidence)
    });
    let name = |class: f64| names.get(class as usize).cloned().unwrap_or_default();
    let samples: Vec<Sample> = order
        .into_iter()
        .take(MAX_IMAGES)
        .map(|(position, row)| {
            let mut probabilities: Vec<(String, f64)> =
                names.iter().cloned().zip(row.answer.probabilities.iter().copied()).collect();
            probabilities.sort_by(|a, b| b.1.total_cmp(&a.1));
            probabilities.truncate(3);
            Sample {
                row: row.row,
                pixels: shape.grey(&subject.preprocessor.raw_numbers(subject.test, position)),
                label: name(row.truth()),
                prediction: name(row.answer.first()),
                probabilities,
            }
        })
        .collect();
    let num_wrong = subject.predictions.iter().filter(is_wrong).count();
    let title = format!("Label and prediction ({num_wrong} of {} test images wrong)", subject.predictions.len());
    Some(plots::gallery(&subject.titled(&title), shape.height, shape.width, &samples))
}

/// The ROC curve.
pub(super) fn roc(subject: &Subject) -> Option<String> {
    let (positive, truths, scores) = binary(subject)?;
    Some(plots::roc(&subject.titled("ROC curve"), positive, &truths, &scores))
}

/// The calibration curve.
pub(super) fn calibration(subject: &Subject) -> Option<String> {
    let (positive, truths, scores) = binary(subject)?;
    Some(plots::calibration(&subject.titled("Calibration"), positive, &truths, &scores))
}

/// Predicted against true values.
pub(super) fn predicted_vs_true(subject: &Subject) -> Option<String> {
    let (unit, rows) = numbers(subject)?;
    Some(plots::predicted_vs_true(&subject.titled("Predicted and true"), unit, rows))
}

/// Errors against predicted values.
pub(super) fn residuals(subject: &Subject) -> Option<String> {
    let (unit, rows) = numbers(subject)?;
    Some(plots::residuals(&subject.titled("Residuals"), unit, rows))
}

/// The name of the second class, whether each test row belongs to it, and its predicted probability.
fn binary<'a>(subject: &Subject<'a>) -> Option<(&'a str, Vec<bool>, Vec<f64>)> {
    let [_, positive] = subject.preprocessor.class_names() else { return None };
    if subject.predictions.is_empty() {
        return None;
    }
    let truths = subject.predictions.iter().map(|row| row.truth() == 1.0).collect();
    let scores = subject.predictions.iter().map(|row| row.answer.probabilities[1]).collect();
    Some((positive, truths, scores))
}

/// The target's name, and the true and the predicted value of each test row.
fn numbers<'a>(subject: &Subject<'a>) -> Option<(&'a str, Vec<(f64, f64)>)> {
    let is_number = matches!(subject.preprocessor.task(), Task::Regression | Task::Quantiles { .. });
    if !is_number || subject.predictions.is_empty() {
        return None;
    }
    let mut rows = Vec::with_capacity(subject.predictions.len());
    rows.extend(subject.predictions.iter().map(|row| (row.truth(), row.answer.first())));
    Some((&subject.preprocessor.target_name, rows))
}
