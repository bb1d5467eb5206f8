//! Parse, run, print the error once.

use std::process::ExitCode;

use clap::Parser;

/// Training allocates and frees tensors of the same sizes all the time, on two threads: a third faster than the
/// system's allocator on the digits net (measured).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match burnlab::commands::run(burnlab::cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
