//! Pictures of a run: which ones it has, and what they are drawn from.
//!
//! Here: [`Subject`], all that can be drawn of a run, and the pictures of its results; `inputs`: those of two-input
//! networks; `layers`: those of weights; `attention`: where a transformer looks; `importance`: what the inputs are worth; `recorded`: those that a
//! training leaves behind.

use crate::cli::Picture;
use crate::data::{Examples, Preparation, Task};
use crate::model::{ModelConfig, NamedWeights};
use crate::plots::{self, Curve, Sample};
use crate::tracking::Point;
use crate::training::Scorer;
use crate::training::evaluation::{Evaluation, Prediction};

mod attention;
mod importance;
mod inputs;
mod layers;
pub mod recorded;

pub use inputs::{boundary_history, is_planar};
pub use recorded::{activate, shares};

/// More images than this tell nothing new, and make the file large.
const MAX_IMAGES: usize = 40;

/// Shares of attention: how much each token looks at each other, for each head of a block.
pub struct Shares {
    pub num_heads: usize,
    pub num_tokens: usize,
    /// Row-major `[heads, tokens that look, tokens looked at]`.
    pub values: Vec<f32>,
}

/// Everything about a run that pictures are drawn from.
pub struct Subject<'a> {
    /// Names the run.
    pub title: &'a str,
    pub model: &'a ModelConfig,
    pub preparation: &'a Preparation,
    pub weights: &'a NamedWeights,
    /// What was recorded in the epochs.
    pub points: &'a [Point],
    /// Epoch of the weights that were kept.
    pub best_epoch: Option<u64>,
    /// `None` without test rows.
    pub evaluation: Option<&'a Evaluation>,
    /// Of the test rows, in the order of `test`.
    pub predictions: &'a [Prediction],
    pub test: &'a Examples,
    /// `None` where the training data are gone.
    pub train: Option<&'a Examples>,
    /// The network: logits of examples, row-major.
    pub logits: &'a dyn Fn(&Examples) -> Vec<f32>,
    /// Where the network looks in the first of some examples: for each block `[heads, tokens, tokens]`; `None` of networks
    /// without attention.
    pub attention: &'a dyn Fn(&Examples) -> Option<Vec<Shares>>,
    /// The activation function of the hidden layers.
    pub activate: &'a dyn Fn(Vec<f32>) -> Vec<f32>,
}

impl Picture {
    /// Those of one run.
    pub const OF_A_RUN: [Self; 14] = [
        Self::Curves,
        Self::Confusion,
        Self::Gallery,
        Self::Boundary,
        Self::Surface,
        Self::HiddenUnits,
        Self::Network,
        Self::UnitWeights,
        Self::Attention,
        Self::Roc,
        Self::Calibration,
        Self::PredictedVsTrue,
        Self::Residuals,
        Self::Importance,
    ];

    /// Its name, of the file `plots/NAME.svg` too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Curves => "curves",
            Self::Confusion => "confusion",
            Self::Gallery => "gallery",
            Self::Boundary => "boundary",
            Self::Surface => "surface",
            Self::HiddenUnits => "hidden_units",
            Self::Network => "network",
            Self::UnitWeights => "unit_weights",
            Self::Attention => "attention",
            Self::Roc => "roc",
            Self::Calibration => "calibration",
            Self::PredictedVsTrue => "predicted_vs_true",
            Self::Residuals => "residuals",
            Self::Importance => "importance",
            Self::Overfitting => "overfitting",
        }
    }

    /// What a run needs to have it.
    pub fn needs(self) -> &'static str {
        match self {
            Self::Curves => "any trained run has it",
            Self::Network => "it needs model.kind = \"mlp\"",
            Self::Confusion => "it needs classes, and test rows",
            Self::Gallery => "it needs images (data.image_shape), classes, and test rows",
            Self::Boundary => "it needs exactly two numeric inputs, and classes",
            Self::Surface => "it needs exactly two numeric inputs, and a number as target",
            Self::HiddenUnits => "it needs exactly two numeric inputs, classes, and an mlp with one hidden layer",
            Self::UnitWeights => "it needs images (data.image_shape), and model.kind = \"mlp\"",
            Self::Attention => "it needs model.kind = \"transformer\", and test rows",
            Self::Roc | Self::Calibration => "it needs two classes, and test rows",
            Self::PredictedVsTrue | Self::Residuals => "it needs a number as target, and test rows",
            Self::Importance => "it needs a table (no images, no text) with test rows",
            Self::Overfitting => "it needs runs of one experiment with different model.hidden",
        }
    }
}

/// The SVG document of a picture of one run; `None` where the run has none of this kind.
pub fn draw(picture: Picture, subject: &Subject) -> Option<String> {
    match picture {
        Picture::Curves => Some(curves(subject)),
        Picture::Confusion => confusion(subject),
        Picture::Gallery => gallery(subject),
        Picture::Boundary => inputs::boundary(subject),
        Picture::Surface => inputs::surface(subject),
        Picture::HiddenUnits => inputs::hidden_units(subject),
        Picture::Network => layers::network(subject),
        Picture::UnitWeights => layers::unit_weights(subject),
        Picture::Attention => attention::attention(subject),
        Picture::Roc => {
            let (positive, truths, scores) = binary(subject)?;
            Some(plots::roc(&subject.titled("ROC curve"), positive, &truths, &scores))
        }
        Picture::Calibration => {
            let (positive, truths, scores) = binary(subject)?;
            Some(plots::calibration(&subject.titled("Calibration"), positive, &truths, &scores))
        }
        Picture::PredictedVsTrue => {
            let (unit, truths, predicted) = numbers(subject)?;
            Some(plots::predicted_vs_true(&subject.titled("Predicted and true"), unit, &truths, &predicted))
        }
        Picture::Residuals => {
            let (unit, truths, predicted) = numbers(subject)?;
            Some(plots::residuals(&subject.titled("Residuals"), unit, &truths, &predicted))
        }
        Picture::Importance => importance::importance(subject),
        Picture::Overfitting => None, // of several runs
    }
}

impl Subject<'_> {
    fn titled(&self, what: &str) -> String {
        format!("{what}: {}", self.title)
    }

    fn scorer(&self) -> Scorer {
        Scorer::new(self.preparation)
    }
}

fn curves(subject: &Subject) -> String {
    let metrics = match subject.preparation.task() {
        Task::Binary | Task::MultiClass { .. } => ["loss", "accuracy"],
        Task::Regression => ["loss", "r2"],
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
        })
        .collect();
    let last = subject.points.iter().map(|point| point.epoch).max();
    plots::curves(&subject.titled("Learning curves"), &curves, subject.best_epoch, last)
}

fn confusion(subject: &Subject) -> Option<String> {
    let classes = subject.evaluation?.classes.as_ref()?;
    let names = subject.preparation.class_names();
    Some(plots::confusion(&subject.titled("Confusion matrix"), names, &classes.confusion_matrix))
}

/// The tutorial's picture: wrong ones first, the surest of them leading; then the least sure of the right ones.
fn gallery(subject: &Subject) -> Option<String> {
    let [height, width] = subject.preparation.image_shape?;
    let names = subject.preparation.class_names();
    if names.is_empty() || subject.predictions.is_empty() {
        return None;
    }
    let confidence = |row: &Prediction| row.answer.probabilities.get(row.answer.predicted as usize).copied();
    let is_wrong = |row: &Prediction| row.answer.predicted != row.truth;
    let mut order: Vec<(usize, &Prediction)> = subject.predictions.iter().enumerate().collect();
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
                pixels: subject.preparation.raw_numbers(subject.test, position),
                label: name(row.truth),
                prediction: name(row.answer.predicted),
                probabilities,
            }
        })
        .collect();
    let num_wrong = subject.predictions.iter().filter(|row| is_wrong(row)).count();
    let title = format!("Label and prediction ({num_wrong} of {} test images wrong)", subject.predictions.len());
    Some(plots::gallery(&subject.titled(&title), height, width, &samples))
}

/// The second class, whether each test row is of it, and its probability.
fn binary<'a>(subject: &Subject<'a>) -> Option<(&'a str, Vec<bool>, Vec<f64>)> {
    let [_, positive] = subject.preparation.class_names() else { return None };
    if subject.predictions.is_empty() {
        return None;
    }
    let truths = subject.predictions.iter().map(|row| row.truth == 1.0).collect();
    let scores = subject.predictions.iter().map(|row| row.answer.probabilities[1]).collect();
    Some((positive, truths, scores))
}

/// The target's name, true and predicted numbers of the test rows.
fn numbers<'a>(subject: &Subject<'a>) -> Option<(&'a str, Vec<f64>, Vec<f64>)> {
    if subject.preparation.task() != Task::Regression || subject.predictions.is_empty() {
        return None;
    }
    let truths = subject.predictions.iter().map(|row| row.truth).collect();
    let predicted = subject.predictions.iter().map(|row| row.answer.predicted).collect();
    Some((&subject.preparation.target_name, truths, predicted))
}
