//! A summary of what is about to be trained, shown to the user and written at the top of the run's log.

use super::measurable;
use super::prepare::Prepared;
use crate::backend::BackendName;
use crate::data::Splits;
use crate::tracking::RunId;

/// Run, data, network and optimizer.
pub(super) fn training(prepared: &Prepared, id: &RunId, num_params: usize, backend: BackendName) -> String {
    let config = &prepared.config;
    let network = config.model.describe(&prepared.preprocessor.layout(), prepared.decoder.task.num_outputs());
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
        format!("model  {network}, {num_params} parameters{begins}"),
        format!(
            "train  {optimizer}, learning rate {}, batch {}, up to {} epochs, seed {}, on {} ({} kernels)",
            training.learning_rate,
            training.batch_size,
            training.max_epochs,
            config.seed,
            backend.as_str(),
            training.kernels.as_str()
        ),
    ]
    .join("\n")
}

/// Lines that show the user how the data were interpreted.
pub fn data(prepared: &Prepared) -> Vec<String> {
    let mut lines = prepared.dataset.describe();
    let Splits { train, validation, test } = &prepared.splits;
    let [train, validation, test] = [train, validation, test].map(Vec::len);
    let num_inputs = prepared.preprocessor.num_inputs();
    match prepared.preprocessor.characters() {
        None => lines
            .push(format!("{train} training, {validation} validation, {test} test rows; {num_inputs} network inputs")),
        Some(known) => {
            lines.push(format!(
                "{train} training, {validation} validation, {test} test windows of {num_inputs} characters"
            ));
            lines.extend(unknown_characters(prepared, known.chars().count()));
        }
    }
    let notes = measurable::notes(&prepared.config.training, &prepared.dataset, &prepared.splits);
    lines.extend(notes.into_iter().map(|note| format!("note: {note}")));
    lines
}

fn unknown_characters(prepared: &Prepared, num_known: usize) -> Option<String> {
    let is_unknown = |&&target: &&f32| target as usize == num_known;
    let parts = [&prepared.validation, &prepared.test];
    let num_unknown: usize = parts.iter().map(|part| part.targets.iter().filter(is_unknown).count()).sum();
    (num_unknown > 0).then(|| {
        format!(
            "note: {num_unknown} characters of the validation and test parts are not among the {num_known} of the \
             training part; one token stands for all of them"
        )
    })
}
