//! Evaluates a saved model, or an ensemble, on rows with known targets.

use std::sync::Arc;

use burnlab_cpu::{FusedBackend, TrainingBackend};
use serde::Serialize;

use super::ensemble::{Ensemble, average};
use super::saved_model::SavedModel;
use crate::backend::{BackendName, Job, run_on};
use crate::data::Examples;
use crate::model::Net;
use crate::tracking::RunId;
use crate::training::OutputDecoder;
use crate::training::evaluation::{Answer, evaluate, evaluate_predictions};
use crate::training::objective::Objective;

pub use crate::training::Predictions;
pub use crate::training::evaluation::{
    CalibrationEvaluation, ClassEvaluation, Evaluation, IntervalEvaluation, NamedValue, Prediction, RefitEvaluation,
    TargetEvaluation, ThresholdEvaluation,
};

/// Scores the saved model on `examples`.
///
/// # Errors
/// A backend that is not compiled in; weights that do not fit.
pub fn score(
    saved: &SavedModel,
    examples: Examples,
    backend: BackendName,
) -> anyhow::Result<(Evaluation, Predictions)> {
    run_on(backend, EvaluateJob { saved, examples: Arc::new(examples) }).map_err(anyhow::Error::msg)?
}

/// The evaluation of an ensemble, and those of its members on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnsembleEvaluation {
    #[serde(flatten)]
    pub evaluation: Evaluation,
    pub members: Vec<MemberEvaluation>,
    #[serde(skip)]
    pub predictions: Predictions,
    /// [`Averaged::spread`](super::ensemble::Averaged) of each prediction.
    #[serde(skip)]
    pub spreads: Vec<f64>,
}

/// The metrics of one member.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemberEvaluation {
    pub run: RunId,
    pub metrics: Vec<NamedValue>,
}

/// Scores the ensemble on the same rows as each member encodes them: an entry of `examples` per member.
///
/// # Errors
/// As [`score`]; members that read other rows.
pub fn score_ensemble(
    ensemble: &Ensemble,
    examples: Vec<Examples>,
    backend: BackendName,
) -> anyhow::Result<EnsembleEvaluation> {
    let mut members = Vec::new();
    let mut of_members: Vec<Vec<Prediction>> = Vec::new();
    for (member, examples) in ensemble.members.iter().zip(examples) {
        let (evaluation, predictions) = score(&member.model, examples, backend)?;
        let mut predictions: Vec<Prediction> = predictions.iter().collect();
        // The same test rows may stand in another order.
        predictions.sort_by_key(|prediction| prediction.row);
        members.push(MemberEvaluation { run: member.run.record.id.clone(), metrics: evaluation.metrics });
        of_members.push(predictions);
    }
    let (mut predictions, mut spreads) = (Vec::new(), Vec::new());
    let rows = |predictions: &[Prediction]| -> Vec<usize> { predictions.iter().map(|row| row.row).collect() };
    let first = rows(&of_members[0]);
    anyhow::ensure!(
        of_members.iter().all(|other| rows(other) == first),
        "the members do not read the same rows: train them on the same data"
    );
    anyhow::ensure!(
        of_members[1..].iter().all(|other| have_equal_truths(&of_members[0], other)),
        "the members have other truths for the same row numbers: restore their test.csv, or name a file with --data"
    );
    for (i, &row) in first.iter().enumerate() {
        let answers: Vec<&Answer> = of_members.iter().map(|predictions| &predictions[i].answer).collect();
        let averaged = average(&answers, ensemble.is_ordered());
        let Prediction { truths, weight, .. } = &of_members[0][i];
        predictions.push(Prediction { row, truths: truths.clone(), weight: *weight, answer: averaged.answer });
        spreads.push(averaged.spread);
    }
    let predictions = Predictions::from(predictions);
    let evaluation = evaluate_predictions(&predictions, &ensemble.first().preprocessor);
    Ok(EnsembleEvaluation { evaluation, members, predictions, spreads })
}

/// Whether two members read the same truths, but for how numbers are rounded that each has standardized by its own training rows.
fn have_equal_truths(a: &[Prediction], b: &[Prediction]) -> bool {
    const TOLERANCE: f64 = 1e-4;
    let num_targets = a.first().map_or(0, |row| row.truths.len());
    let of_target = |rows: &[Prediction], i: usize| -> Option<Vec<f64>> {
        rows.iter().map(|row| row.truths.get(i).copied()).collect()
    };
    (0..num_targets).all(|i| {
        let (Some(a), Some(b)) = (of_target(a, i), of_target(b, i)) else { return false };
        let (least, most) =
            a.iter().fold((f64::MAX, f64::MIN), |(least, most), &truth| (truth.min(least), truth.max(most)));
        a.len() == b.len()
            && a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= TOLERANCE * (most - least).max(a.abs() * TOLERANCE))
    })
}

struct EvaluateJob<'a> {
    saved: &'a SavedModel,
    examples: Arc<Examples>,
}

impl Job for EvaluateJob<'_> {
    type Output = anyhow::Result<(Evaluation, Predictions)>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        let net = self.saved.net::<B::InnerBackend>(&device)?;
        Ok(score_net(self.saved, net, &self.examples, &device))
    }
}

/// Scores `net`, the network of the saved model, on `examples`.
pub(super) fn score_net<B: FusedBackend>(
    saved: &SavedModel,
    net: Net<B>,
    examples: &Arc<Examples>,
    device: &B::Device,
) -> (Evaluation, Predictions) {
    let preprocessor = &saved.preprocessor;
    let objective = Arc::new(Objective::new(&saved.config.training, preprocessor.task(), &preprocessor.class_counts));
    let decoder = Arc::new(OutputDecoder::new(preprocessor));
    evaluate(net, &objective, &decoder, examples, preprocessor, device)
}
