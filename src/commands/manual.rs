//! `burnlab man DIR`: the manual pages of all verbs.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::output::{say_path, to_own_file};
use crate::cli::Cli;

/// Writes a page for the program and one for each verb, such as `burnlab-runs-list.1`, and prints the folder.
///
/// # Errors
/// A folder that cannot be made, a page that cannot be written.
pub fn run(folder: &Path) -> anyhow::Result<ExitCode> {
    fs_err::create_dir_all(folder).context("cannot make the folder of the manual pages")?;
    // Otherwise each verb with verbs of its own would have pages of `help`.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    write(&command, folder)?;
    say_path(folder);
    Ok(ExitCode::SUCCESS)
}

fn write(command: &Command, folder: &Path) -> anyhow::Result<()> {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        write(verb, folder)?;
    }
    let page = Man::new(command.clone());
    to_own_file(&folder.join(page.get_filename()), |writer| Ok(page.render(writer)?))
}
