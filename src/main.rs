//! Parse, run, print the error once.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match burnlab::commands::run(burnlab::cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
