//! `[sweep]` and `burnlab sweep`: trials of many configs, on this machine or on several.
//!
//! `start` creates the queue, and runs one worker (`work`) per core of this machine.

mod show;
mod slurm;
mod start;
mod work;

use std::process::ExitCode;

pub use show::{best_trials, params};
pub use start::{Workers, from_config, run_workers};

use crate::cli::SweepCommand;

/// Runs the verb.
///
/// # Errors
/// One line that says what is wrong and what to do about it.
pub fn run(command: &SweepCommand) -> anyhow::Result<ExitCode> {
    match command {
        SweepCommand::List(args) => show::list(args),
        SweepCommand::Show(args) => show::show(args),
        SweepCommand::Resume(args) => start::resume(args),
        SweepCommand::Work(args) => work::run(args),
        SweepCommand::Emit(args) => slurm::emit(args),
    }
}
