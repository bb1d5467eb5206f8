//! `burnlab resume RUN`: resumes training as if it had never stopped, or trains a finished run for more epochs.

use std::process::ExitCode;
use std::sync::Arc;

use super::output::tell;
use super::progress::{Progress, Style};
use super::signals::interrupter;
use super::summary;
use crate::cli::ResumeArgs;
use crate::config::ConfigOrigin;
use crate::experiment::resume::{Plan, plan};
use crate::experiment::{Environment, TrainOptions, train_from};

/// Resumes training from the run's checkpoint, records and evaluates.
///
/// # Errors
/// A run that is training, or has finished (without `--epochs`); data or a checkpoint that is missing or changed;
/// errors of training.
pub fn run(args: &ResumeArgs) -> anyhow::Result<ExitCode> {
    let location = args.store.location();
    let Plan { folder, start, prepared, tags, backend, closed } =
        plan(&location, &args.run, args.epochs, args.connect)?;
    if let Some(closed) = closed {
        tell!("note: {closed}");
    }
    let config = folder.file("config.toml");
    let origin = std::path::absolute(&config).map(ConfigOrigin::File).ok();
    let options = TrainOptions {
        location: &location,
        tags: &tags,
        backend,
        environment: &Environment::gather(backend).with_config(origin),
        observer: Arc::new(Progress::new(Style::chosen(args.quiet))),
        interrupter: interrupter(),
        tui: false,
        sweep: None,
    };
    let outcome = train_from(start, &prepared, &options)?;
    let again = summary::again_from(&config, &location);
    Ok(summary::print_outcome(&outcome, &prepared, &again, &location, args.quiet))
}
