//! `burnlab evaluate RUN`: evaluates a run's model again, or an ensemble, on the test rows in its folder or on another file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use super::output::tell;
use super::{drift, output, summary};
use crate::backend::BackendName;
use crate::cli::EvaluateArgs;
use crate::data::{Drift, Examples};
use crate::experiment::evaluate::{Evaluation, Predictions, score, score_ensemble};
use crate::experiment::predictions::{self, AnswerFormat, inert};
use crate::experiment::{Ensemble, RunFolder, SavedModel};
use crate::figures::counted;
use crate::shown::escaped_json;

/// Prints the metrics; records nothing, since a run's test result is recorded only once.
///
/// # Errors
/// No such run; rows that cannot be read or do not fit the model; with `--strict`, rows that differ from those of
/// training. An ensemble whose members were trained with each other's test rows, unless `--data` names others.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<ExitCode> {
    output::refuse_other_tables(args.output.as_deref())?;
    if args.ensemble {
        return of_ensemble(args);
    }
    let saved = SavedModel::open(&RunFolder::find(&args.model.store.location(), &args.model.run)?)?;
    if args.output.is_some() {
        saved.refuse_text("the predictions of each character are not written to a file")?;
    }
    let examples = match &args.data {
        Some(file) => {
            let (examples, drift) = saved.examples(file)?;
            drift::tell(&drift, args.strict)?;
            warn_of_known_rows("the model", saved.num_known(&examples), &examples);
            examples
        }
        None => saved.test_examples()?,
    };
    let (evaluation, predictions) = score(&saved, examples, BackendName::chosen(args.model.backend))?;
    write_predictions(args, &saved, &predictions, None)?;
    print(args, &evaluation, |writer| write_evaluation(writer, &evaluation, &saved))
}

/// The same for an ensemble, with its members on the same rows beside it.
fn of_ensemble(args: &EvaluateArgs) -> anyhow::Result<ExitCode> {
    let ensemble = Ensemble::open(&args.model.store.location(), &args.model.run)?;
    let models = ensemble.members.iter().map(|member| &member.model);
    let examples = match &args.data {
        Some(file) => {
            anyhow::ensure!(file.is_file(), "{} is read once for each member: name a file", file.display());
            let read = models.clone().map(|model| model.examples(file)).collect::<anyhow::Result<Vec<_>>>()?;
            let (examples, drifts): (Vec<Examples>, Vec<Drift>) = read.into_iter().unzip();
            let most = drifts.iter().max_by_key(|drift| drift.lines().len());
            most.map_or(Ok(()), |drift| drift::tell(drift, args.strict))?;
            // One member that knows the rows makes the average flattering.
            let num_known = models.zip(&examples).map(|(model, examples)| model.num_known(examples)).max();
            warn_of_known_rows("a member", num_known.unwrap_or(0), &examples[0]);
            examples
        }
        None => {
            ensemble.check_same_test_rows()?;
            models.map(SavedModel::test_examples).collect::<anyhow::Result<Vec<_>>>()?
        }
    };
    let found = score_ensemble(&ensemble, examples, BackendName::chosen(args.model.backend))?;
    let spread = (ensemble.spread_column(), &found.spreads[..]);
    write_predictions(args, ensemble.first(), &found.predictions, Some(spread))?;
    print(args, &found, |writer| {
        write_evaluation(writer, &found.evaluation, ensemble.first())?;
        summary::write_members(&mut output::Clean::new(writer), &found, &ensemble.size())
    })
}

/// Some rows of a table may well be like others; most of them only where they are the same.
fn warn_of_known_rows(whose: &str, num_known: usize, examples: &Examples) {
    if 2 * num_known > examples.len() {
        tell!(
            "warning: {num_known} of the {} are among those that {whose} was trained with: the result says what it \
             remembers, not what it would make of new rows",
            counted(examples.len(), "row")
        );
    }
}

/// Writes the predictions of each row to the file that `args` name, if any.
fn write_predictions(
    args: &EvaluateArgs,
    saved: &SavedModel,
    found: &Predictions,
    last: Option<(&str, &[f64])>,
) -> anyhow::Result<()> {
    let Some(file) = &args.output else { return Ok(()) };
    let format = AnswerFormat::new(&saved.preprocessor).shown(inert);
    let inputs: Vec<&Path> = args.data.iter().map(PathBuf::as_path).collect();
    output::to_file(file, &inputs, |writer| Ok(predictions::write(writer, found, format.clone(), last)?))
}

fn write_evaluation(writer: &mut dyn Write, evaluation: &Evaluation, saved: &SavedModel) -> io::Result<()> {
    summary::write_evaluation(&mut output::Clean::new(writer), evaluation, &saved.preprocessor.target_name)
}

/// Prints `found` as JSON, or for people with `write`.
fn print(
    args: &EvaluateArgs,
    found: &impl Serialize,
    write: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<ExitCode> {
    let print = |writer: &mut dyn Write| {
        match args.json {
            true => writeln!(writer, "{}", escaped_json(&serde_json::to_string_pretty(found)?))?,
            false => write(writer)?,
        }
        Ok(())
    };
    match args.output.as_deref().is_some_and(output::is_stdout) {
        true => print(&mut io::stderr())?, // apart from the predictions
        false => output::to_terminal(print)?,
    }
    Ok(ExitCode::SUCCESS)
}
