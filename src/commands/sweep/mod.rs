//! `[sweep]` and `burnlab sweep`: many configs tried out, on this machine or on several.
//!
//! The trials are a queue in the store. A worker ([`work`]) takes one, trains it ([`trial`]) and takes the next;
//! [`start`] makes the queue and keeps as many workers on this machine as it has cores.

mod show;
mod slurm;
mod start;
mod trial;
mod work;

use std::process::ExitCode;

pub use start::{check, from_config};

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
