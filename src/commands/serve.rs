//! `burnlab serve RUN ...`: answers rows by HTTP until Ctrl-C.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Runtime;

use super::server::{access, asked_to_end, listen, print_address};
use crate::backend::BackendName;
use crate::cli::ServeArgs;
use crate::commands::output::tell;
use crate::serve::{Models, ServeState, serve};

/// How long pending work may delay the end of the process.
const LAST_WORK: Duration = Duration::from_secs(1);

/// Serves the models of the runs until SIGINT or SIGTERM.
///
/// # Errors
/// No such run, or one without a model; an address that cannot be listened on, or is reachable from other
/// machines without `--allow-remote`.
pub fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let access = match access(&args.listen, args.port)? {
        Ok(access) => access,
        Err(code) => return Ok(code),
    };
    let models = Models::open(args.store.location(), args.runs.clone(), BackendName::chosen(args.backend))?;
    let runtime = Runtime::new().context("cannot start the server's threads")?;
    let listener = runtime.block_on(listen(&args.listen, args.port))?;
    for model in models.all() {
        tell!("serves `{}`, run {}", model.name, model.run);
    }
    for writer in models.writers() {
        tell!("serves `{}`, run {}, a language model", writer.name, writer.run);
    }
    print_address(&listener, "/", &access)?;
    let state = ServeState::new(models, access, args.access_log);
    let served = runtime.block_on(serve(listener, state, args.follow, asked_to_end()));
    runtime.shutdown_timeout(LAST_WORK);
    served.context("the server ended")?;
    Ok(ExitCode::SUCCESS)
}
