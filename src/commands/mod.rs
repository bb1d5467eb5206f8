//! One verb, one file: parses its arguments, calls [`experiment`](crate::experiment) or the store, and prints.

use crate::commands::output::{tell, without_escapes};
use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::experiment::explain as explain_error;
use crate::secrets::masked;

mod config;
mod dashboard;
mod doctor;
mod drift;
mod evaluate;
mod explain;
mod explain_step;
mod export;
mod generate;
mod hints;
mod init;
mod learn;
mod manual;
mod output;
mod pictures;
mod plot;
mod predict;
mod processes;
mod progress;
mod rare;
mod report;
mod resume;
mod runs;
mod seeds;
mod serve;
mod server;
mod signals;
mod summary;
mod sweep;
mod train;
mod tune;

/// Does what the command line asks for. An error is printed once, as one line that names the thing and the next step.
pub fn run(cli: Cli) -> ExitCode {
    signals::survive_large_files();
    tell_of_passwords();
    let code = dispatch(cli).unwrap_or_else(|error| {
        // What could not be found or written there does not say that the folder itself is the reason.
        let gone = std::env::current_dir().err().map_or_else(String::new, |gone| {
            format!("; the current folder is gone, or cannot be read ({gone}): change to another one")
        });
        tell!("error: {}{gone}", explain_error(&error));
        ExitCode::FAILURE
    });
    match output::lost() {
        None => code,
        Some(error) => {
            tell!("error: {}", explain_error(&error));
            // What was done is done; that a run was interrupted still says more.
            if code == ExitCode::SUCCESS { ExitCode::FAILURE } else { code }
        }
    }
}

/// Prints why the command line is not understood, or the help that was asked for.
pub fn refuse(error: &clap::Error) -> ExitCode {
    // A name that a pattern of the shell has put there, of a file that somebody sent, may hold commands to the terminal.
    let is_plain = |argument: &str| without_escapes(argument) == argument;
    if error.use_stderr() && !std::env::args_os().all(|argument| is_plain(&argument.to_string_lossy())) {
        tell!("{}", error.render().to_string().trim_end());
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let code = ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    let printed = error.print().and_then(|()| io::stdout().flush());
    match printed {
        Err(lost) if lost.kind() != io::ErrorKind::BrokenPipe && !error.use_stderr() => {
            tell!("error: {}: {lost}", output::CANNOT_WRITE);
            ExitCode::FAILURE
        }
        _ => code,
    }
}

/// Every user of the machine sees the arguments of all processes.
fn tell_of_passwords() {
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let after = arguments.array_windows().filter(|[option, _]| option == "--store").map(|[_, server]| server.as_str());
    let within = arguments.iter().filter_map(|argument| argument.strip_prefix("--store="));
    if after.chain(within).any(|server| masked(server) != server) {
        tell!(
            "note: every user of this machine can read the password after --store in the list of processes: leave it out and \
             set PGPASSWORD, or set BURNLAB_STORE instead of --store"
        );
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        None => train::run(&cli.train),
        Some(Command::Init(args)) => init::run(&args),
        Some(Command::Dashboard(args)) => dashboard::run(&args),
        Some(Command::Learn(args)) => learn::run(&args),
        Some(Command::Doctor(args)) => doctor::run(&args),
        Some(Command::Runs(args)) => runs::run(&args),
        Some(Command::Sweep(command)) => sweep::run(&command),
        Some(Command::Tune(args)) => tune::run(&args),
        Some(Command::Plot(args)) => plot::run(&args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::ExplainStep(args)) => explain_step::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Resume(args)) => resume::run(&args),
        Some(Command::Predict(args)) => predict::run(&args),
        Some(Command::Evaluate(args)) => evaluate::run(&args),
        Some(Command::Serve(args)) => serve::run(&args),
        Some(Command::Generate(args)) => generate::run(&args),
        Some(Command::Config(command)) => config::run(&command),
        Some(Command::Man { folder }) => manual::run(&folder),
        Some(Command::Completions { shell }) => {
            // Not to the terminal itself, whose closed pipe would be a panic.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "burnlab", &mut script);
            output::to_terminal(|writer| Ok(writer.write_all(&script)?))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
