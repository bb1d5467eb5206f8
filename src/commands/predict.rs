//! `burnlab predict RUN FILE`: predictions for new rows.

use std::io::Write;
use std::process::ExitCode;

use super::drift;
use super::output::{to_file, to_terminal};
use crate::backend::BackendName;
use crate::cli::PredictArgs;
use crate::experiment::predict::predict;
use crate::experiment::{RunFolder, SavedModel};

/// Writes a line per row of the input: its index from 0, the kept columns, the prediction, and a probability per class.
/// Standard error says how the rows differ from those of training.
///
/// # Errors
/// No such run; an input that cannot be read or lacks columns; an output that cannot be written; with
/// `--strict`, rows that differ.
pub fn run(args: &PredictArgs) -> anyhow::Result<ExitCode> {
    let saved = SavedModel::open(&RunFolder::find(&args.model.store.location(), &args.model.run)?)?;
    saved.refuse_text("it does not predict the rows of a file")?;
    let backend = BackendName::chosen(args.model.backend);
    let write = |writer: &mut dyn Write| {
        let drift = predict(&saved, &args.input, &args.keep, backend, writer)?;
        drift::tell(&drift, args.strict)
    };
    match &args.output {
        Some(file) => to_file(file, &[&args.input], write)?,
        None => to_terminal(write)?,
    }
    Ok(ExitCode::SUCCESS)
}
