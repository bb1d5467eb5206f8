//! `burnlab explain-step RUN`: one step of gradient descent on one example of the run's data, number by number.

mod by_hand;
mod summary;

use std::process::ExitCode;

use super::output::say;
use crate::backend::BackendName;
use crate::cli::ExplainStepArgs;
use crate::experiment::step::{Step, Stepped, step};
use crate::experiment::{RunFolder, SavedModel, StepExample};

/// A perceptron of up to so many weights is shown number by number.
const MOST_BY_HAND: usize = 64;
/// Of each larger weight, the gradients that are shown.
const SHOWN_OF_EACH: usize = 3;

/// What both forms show.
struct Shown<'a> {
    saved: &'a SavedModel,
    example: &'a StepExample,
    step: &'a Step,
    learning_rate: f64,
}

/// Prints the forward pass, the loss, the gradients and an update.
///
/// # Errors
/// No such run, or a row that its data do not have.
pub fn run(args: &ExplainStepArgs) -> anyhow::Result<ExitCode> {
    let saved = SavedModel::open(&RunFolder::find(&args.model.store.location(), &args.model.run)?)?;
    let backend = BackendName::chosen(args.model.backend);
    saved.check_answers(backend)?;
    let example = saved.step_example(args.row)?;
    let learning_rate = args.learning_rate.unwrap_or(saved.config.training.learning_rate);
    let layout = saved.preprocessor.layout();
    let num_weights: usize = saved.weights.values().map(|weight| weight.values.len()).sum();
    let is_small = num_weights <= MOST_BY_HAND && saved.config.model.mlp().is_some_and(|mlp| mlp.members == 1);
    let network = Stepped {
        model: &saved.config.model,
        layout,
        task: saved.preprocessor.task(),
        training: &saved.config.training,
        class_counts: &saved.preprocessor.class_counts,
        weights: &saved.weights,
    };
    let differences = if is_small { MOST_BY_HAND } else { SHOWN_OF_EACH };
    let step = step(&network, &example.inputs, &example.labels, learning_rate, differences, backend)?;
    let shown = Shown { saved: &saved, example: &example, step: &step, learning_rate };
    head(&shown, num_weights);
    if is_small {
        by_hand::print(&shown)
    } else {
        summary::print(&shown)
    }
    Ok(ExitCode::SUCCESS)
}

fn head(shown: &Shown, num_weights: usize) {
    let Shown { saved, example, learning_rate, .. } = shown;
    let network = saved.config.model.describe(&saved.preprocessor.layout(), saved.preprocessor.task().num_outputs());
    say!("run    {}, row {}: {}", saved.name(), example.row, example.told);
    say!("net    {network}, {num_weights} weights and biases, as the run kept them");
    say!("step   gradient descent on this row alone, learning rate {learning_rate}");
}
