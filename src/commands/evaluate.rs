//! `burnlab evaluate RUN`: the model of a run, scored again from its folder alone, or on another file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::saved_model::SavedModel;
use super::{output, predictions, run_folder, summary};
use crate::backend::{BackendName, Job, TrainingBackend, run_on};
use crate::cli::EvaluateArgs;
use crate::cpu::FusedBackend;
use crate::data::Examples;
use crate::model::Net;
use crate::training::Scorer;
use crate::training::evaluation::{Evaluation, Prediction, evaluate};
use crate::training::objective::Objective;

/// Prints the metrics; records nothing, since the test part of a run counts once.
///
/// # Errors
/// No such run; rows that cannot be read or do not fit the model.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<ExitCode> {
    let saved = SavedModel::open(&run_folder::find(&args.model.store.location(), &args.model.run)?)?;
    if args.output.is_some() {
        saved.refuse_text("the predictions of each character are not written to a file")?;
    }
    let examples = match &args.data {
        Some(file) => saved.examples(file)?,
        None => saved.test_examples()?,
    };
    let backend = BackendName::chosen(args.model.backend);
    let (evaluation, predictions) = score(&saved, examples, backend)?;
    if let Some(file) = &args.output {
        let csv = predictions::csv(&predictions, saved.preparation.class_names())?;
        let inputs: Vec<&Path> = args.data.iter().map(PathBuf::as_path).collect();
        output::to_file(file, &inputs, |writer| Ok(writer.write_all(&csv)?))?;
    }
    output::to_terminal(|writer| {
        if args.json {
            writeln!(writer, "{}", serde_json::to_string_pretty(&evaluation)?)?;
        } else {
            summary::write_evaluation(writer, &evaluation, &saved.preparation.target_name)?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

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

/// Scores `net`, the saved model's, on `examples`.
pub fn score_net<B: FusedBackend>(
    saved: &SavedModel,
    net: Net<B>,
    examples: &Arc<Examples>,
    device: &B::Device,
) -> (Evaluation, Vec<Prediction>) {
    let preparation = &saved.preparation;
    let objective = Arc::new(Objective::new(&saved.config.training, preparation.task(), &preparation.class_counts));
    let scorer = Arc::new(Scorer::new(preparation));
    evaluate(net, &objective, &scorer, examples, preparation, device)
}
