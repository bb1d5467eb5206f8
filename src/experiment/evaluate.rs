//! Evaluates a saved model on rows with known targets.

use std::sync::Arc;

use crate::cpu::{FusedBackend, TrainingBackend};

use super::saved_model::SavedModel;
use crate::backend::{BackendName, Job, run_on};
use crate::data::Examples;
use crate::model::Net;
use crate::training::OutputDecoder;
use crate::training::evaluation::evaluate;
use crate::training::objective::Objective;

pub use crate::training::evaluation::{ClassEvaluation, Evaluation, Prediction, RefitEvaluation};

/// Scores the saved model on `examples`.
///
/// # Errors
/// A backend that is not compiled in; weights that do not fit.
pub fn score(
    saved: &SavedModel,
    examples: Examples,
    backend: BackendName,
) -> anyhow::Result<(Evaluation, Vec<Prediction>)> {
    run_on(backend, EvaluateJob { saved, examples: Arc::new(examples) }).map_err(anyhow::Error::msg)?
}

struct EvaluateJob<'a> {
    saved: &'a SavedModel,
    examples: Arc<Examples>,
}

impl Job for EvaluateJob<'_> {
    type Output = anyhow::Result<(Evaluation, Vec<Prediction>)>;

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
) -> (Evaluation, Vec<Prediction>) {
    let preprocessor = &saved.preprocessor;
    let objective = Arc::new(Objective::new(&saved.config.training, preprocessor.task(), &preprocessor.class_counts));
    let decoder = Arc::new(OutputDecoder::new(preprocessor));
    evaluate(net, &objective, &decoder, examples, preprocessor, device)
}
