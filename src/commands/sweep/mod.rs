//! `[sweep]` and `burnlab sweep`: many configs tried out, on this machine or on several.
//!
//! `start` makes the queue and keeps as many workers (`work`) on this machine as it has cores.

mod show;
mod slurm;
mod start;
mod work;

use std::process::ExitCode;

pub use start::from_config;

use crate::cli::SweepCommand;

/// Does what the verb says.
///
/// # Errors
/// One line that names the thing and the next step.
pub fn run(command: &SweepCommand) -> anyhow::Result<ExitCode> {
    match command {
        SweepCommand::List(args) => show::list(args),
        SweepCommand::Show(args) => show::show(args),
        SweepCommand::Resume(args) => start::resume(args),
        SweepCommand::Work(args) => work::run(args),
        SweepCommand::Emit(args) => slurm::emit(args),
    }
}
