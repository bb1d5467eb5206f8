//! `burnlab evaluate RUN`: evaluates a run's model again, on the test rows in its folder or on another file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::output::tell;
use super::{drift, output, summary};
use crate::backend::BackendName;
use crate::cli::EvaluateArgs;
use crate::data::Examples;
use crate::experiment::evaluate::score;
use crate::experiment::predictions::{csv, inert};
use crate::experiment::{RunFolder, SavedModel};
use crate::figures::counted;

/// Some rows of a table may well be like others; most of them only where they are the same.
fn warn_of_known_rows(saved: &SavedModel, examples: &Examples) {
    let num_known = saved.num_known(examples);
    if 2 * num_known > examples.len() {
        tell!(
            "warning: {num_known} of the {} are among those that the model was trained with: the result says what it \
             remembers, not what it would make of new rows",
            counted(examples.len(), "row")
        );
    }
}

/// Prints the metrics; records nothing, since a run's test result is recorded only once.
///
/// # Errors
/// No such run; rows that cannot be read or do not fit the model; with `--strict`, rows that differ from those of
/// training.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<ExitCode> {
    let saved = SavedModel::open(&RunFolder::find(&args.model.store.location(), &args.model.run)?)?;
    if args.output.is_some() {
        saved.refuse_text("the predictions of each character are not written to a file")?;
    }
    let examples = match &args.data {
        Some(file) => {
            let (examples, drift) = saved.examples(file)?;
            drift::tell(&drift, args.strict)?;
            warn_of_known_rows(&saved, &examples);
            examples
        }
        None => saved.test_examples()?,
    };
    let (evaluation, predictions) = score(&saved, examples, BackendName::chosen(args.model.backend))?;
    if let Some(file) = &args.output {
        let csv = csv(&predictions, saved.preprocessor.class_names(), inert)?;
        let inputs: Vec<&Path> = args.data.iter().map(PathBuf::as_path).collect();
        output::to_file(file, &inputs, |writer| Ok(writer.write_all(&csv)?))?;
    }
    let print = |writer: &mut dyn Write| {
        if args.json {
            writeln!(writer, "{}", serde_json::to_string_pretty(&evaluation)?)?;
        } else {
            let target_name = &saved.preprocessor.target_name;
            summary::write_evaluation(&mut output::Clean::new(writer), &evaluation, target_name)?;
        }
        Ok(())
    };
    match args.output.as_deref().is_some_and(output::is_stdout) {
        true => print(&mut io::stderr())?, // apart from the predictions
        false => output::to_terminal(print)?,
    }
    Ok(ExitCode::SUCCESS)
}
