//! `burnlab predict RUN FILE`: predictions for new rows.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;

use super::drift;
use super::output::{is_stdout, refuse_other_tables, to_file, to_terminal};
use crate::backend::BackendName;
use crate::cli::PredictArgs;
use crate::data::Drift;
use crate::experiment::predict::{predict, predict_ensemble};
use crate::experiment::{Ensemble, RunFolder, SavedModel};

/// Writes a line per row of the input: its index from 0, the kept columns, the prediction, and a probability per class; of
/// an ensemble also how much its members agree.
/// Standard error says how the rows differ from those of training.
///
/// # Errors
/// No such run; an input that cannot be read or lacks columns; an output that cannot be written; with
/// `--strict`, rows that differ.
pub fn run(args: &PredictArgs) -> anyhow::Result<ExitCode> {
    refuse_other_tables(args.output.as_deref())?;
    let location = args.model.store.location();
    let backend = BackendName::chosen(args.model.backend);
    if args.ensemble {
        anyhow::ensure!(args.coverage.is_none(), "--coverage is of one model: leave out --ensemble");
        let ensemble = Ensemble::open(&location, &args.model.run)?;
        return write(args, |writer| predict_ensemble(&ensemble, &args.input, &args.keep, backend, writer));
    }
    let saved = SavedModel::open(&RunFolder::find(&location, &args.model.run)?)?;
    saved.refuse_text("it does not predict the rows of a file")?;
    write(args, |writer| predict(&saved, &args.input, &args.keep, args.coverage, backend, writer))
}

/// Writes what `predict` writes to the output of `args`, and tells how the rows differ from those of training.
fn write(args: &PredictArgs, predict: impl Fn(&mut dyn Write) -> anyhow::Result<Drift>) -> anyhow::Result<ExitCode> {
    let write = |writer: &mut dyn Write| {
        let drift = predict(&mut Unflushed(writer))?;
        drift::tell(&drift, args.strict)
    };
    match args.output.as_deref().filter(|file| !is_stdout(file)) {
        Some(file) => to_file(file, &[&args.input], write)?,
        None => {
            // What is printed cannot be taken back: a file is read twice, and other inputs say so too late.
            let can_be_read_twice = args.input.is_file();
            if args.strict && can_be_read_twice {
                write(&mut io::sink())?;
            }
            let printed = to_terminal(write);
            match args.strict && !can_be_read_twice {
                true => printed.context("predictions that were printed before this are not to be used")?,
                false => printed?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Keeps back what its writer keeps back, also at the end of the table: a mistake may yet be found.
struct Unflushed<'a>(&'a mut dyn Write);

impl Write for Unflushed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
