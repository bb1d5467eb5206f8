//! A summary of what is about to be trained, shown to the user and written at the top of the run's log.

use super::measurable;
use super::prepare::Prepared;
use crate::backend::BackendName;
use crate::data::{self, NumberTarget, PreparedTarget, Splits};
use crate::figures::{counted, measured};
use crate::invalid::one_line;
use crate::tracking::RunId;
use crate::training::TrainingConfig;

/// More targets are not listed one by one.
const MAX_TARGETS: usize = 6;

/// Run, data, network and optimizer.
pub(super) fn training(prepared: &Prepared, id: &RunId, backend: BackendName) -> String {
    let config = &prepared.config;
    let training = &config.training;
    let optimizer = serde_json::json!(training.optimizer);
    let optimizer = optimizer.as_str().unwrap_or_default();
    let begins = prepared.pretrained.as_ref().map_or_else(String::new, |pretrained| {
        let head = if pretrained.has_new_head { ", with a new output layer" } else { "" };
        let frozen = match &config.model.freeze[..] {
            [] => String::new(),
            names => format!(", {} frozen", names.join(", ")),
        };
        format!("\n       begins with the weights of {}{head}{frozen}", pretrained.reference)
    });
    [
        format!("run    {id}"),
        format!("data   {}", data(prepared).join("\n       ")),
        format!("model  {}{begins}", model(prepared)),
        format!(
            "train  {optimizer}, learning rate {}, batch {}, up to {}{}, seed {}, on {} ({} kernels)",
            training.learning_rate,
            training.batch_size(),
            counted(training.max_epochs, "epoch"),
            endings(training),
            config.seed,
            backend.as_str(),
            training.kernels.as_str()
        ),
    ]
    .join("\n")
}

/// What else decides how long the training takes.
fn endings(training: &TrainingConfig) -> String {
    let patience = training.early_stopping.as_ref().map(|stopping| format!(", patience {}", stopping.patience));
    let refit = (training.refit == Some(true)).then(|| " and a second training on all but the test rows".to_owned());
    patience.into_iter().chain(refit).collect()
}

/// The network and its size.
pub fn model(prepared: &Prepared) -> String {
    let Prepared { config, preprocessor, decoder, .. } = prepared;
    let (layout, num_outputs) = (preprocessor.layout(), decoder.task.num_outputs());
    let shapes = config.model.shapes(&layout, num_outputs);
    let num_params: usize = shapes.values().map(|shape| shape.iter().product::<usize>()).sum();
    format!("{}, {}", config.model.describe(&layout, num_outputs), counted(num_params, "parameter"))
}

/// What a useful network must be better than: a prediction that ignores the inputs, from the training part alone.
pub fn goal(prepared: &Prepared) -> String {
    let Prepared { preprocessor, validation, .. } = prepared;
    match &preprocessor.target {
        PreparedTarget::Classes(names) | PreparedTarget::Ordered(names) => {
            let counts = &preprocessor.class_counts;
            // The first of equally frequent ones.
            let most = (0..counts.len()).rev().max_by_key(|&class| counts[class]).unwrap_or(0);
            let share = counts[most] as f64 / counts.iter().sum::<u64>() as f64;
            format!(
                "better than always answering `{}`, the most frequent class: accuracy {share:.4} on the training rows",
                names[most]
            )
        }
        PreparedTarget::Number { mean, standard_deviation }
        | PreparedTarget::Count { mean, standard_deviation }
        | PreparedTarget::Quantiles { mean, standard_deviation, .. } => {
            format!(
                "better than always answering the mean, {}: rmse {} on the training rows",
                measured(*mean),
                measured(*standard_deviation)
            )
        }
        PreparedTarget::Numbers(targets) => {
            let of = |target: &NumberTarget| format!("{} {}", target.name, measured(target.standard_deviation));
            let each = targets.iter().take(MAX_TARGETS).map(of).collect::<Vec<_>>().join(", ");
            let more = if targets.len() > MAX_TARGETS { ", ..." } else { "" };
            format!(
                "better than always answering the means: r2 0, rmse on the training rows {}",
                one_line(&(each + more))
            )
        }
        PreparedTarget::Labels(labels) => {
            let wrong =
                labels.iter().map(|label| label.share.min(1.0 - label.share)).sum::<f64>() / labels.len() as f64;
            format!(
                "better than always answering what each label mostly is: hamming_loss {wrong:.4} on the training rows"
            )
        }
        PreparedTarget::Characters(_) => match preprocessor.ngram_losses(validation) {
            Some((unigram, bigram)) if !validation.is_empty() => format!(
                "better than the frequencies of character pairs: a loss of {bigram:.4} nats per character on the \
                 validation part (of single characters: {unigram:.4})"
            ),
            _ => "better than the frequencies of character pairs".to_owned(),
        },
    }
}

/// Lines that show the user how the data were interpreted.
pub fn data(prepared: &Prepared) -> Vec<String> {
    let mut lines = prepared.dataset.describe();
    let Splits { train, validation, test } = &prepared.splits;
    let [train, validation, test] = [train, validation, test].map(|rows| rows.len());
    let num_inputs = prepared.preprocessor.num_inputs();
    match prepared.preprocessor.characters() {
        None => {
            let (test, inputs) = (counted(test, "test row"), counted(num_inputs, "network input"));
            lines.push(format!("{train} training, {validation} validation, {test}; {inputs}"));
        }
        Some(known) => {
            let test = counted(test, "test window");
            lines.push(format!("{train} training, {validation} validation, {test} of {num_inputs} characters"));
            lines.extend(unknown_characters(prepared, known.chars().count()));
        }
    }
    lines
        .extend(data::describe_rare(&prepared.dataset, &prepared.preprocessor).into_iter().map(|line| one_line(&line)));
    let parts = data::describe_parts(&prepared.dataset, &prepared.splits, &prepared.config.data);
    lines.extend(parts.map(|parts| one_line(&parts)));
    let suspicions = data::suspicions(&prepared.dataset, &prepared.splits, &prepared.config.data);
    lines.extend(suspicions.into_iter().map(|suspicion| format!("note: {}", one_line(&suspicion))));
    let notes = measurable::notes(&prepared.config.training, &prepared.dataset, &prepared.splits);
    lines.extend(notes.into_iter().map(|note| format!("note: {note}")));
    lines
}

fn unknown_characters(prepared: &Prepared, num_known: usize) -> Option<String> {
    let is_unknown = |&&target: &&f32| target as usize == num_known;
    let parts = [&prepared.validation, &prepared.test];
    let num_unknown: usize = parts.iter().map(|part| part.targets().iter().filter(is_unknown).count()).sum();
    (num_unknown > 0).then(|| {
        format!(
            "note: {} of the validation and test parts {} not among the {num_known} of the \
             training part; one token stands for all of them",
            counted(num_unknown, "character"),
            if num_unknown == 1 { "is" } else { "are" }
        )
    })
}
