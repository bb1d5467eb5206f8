//! `burnlab serve RUN ...`: answers rows by HTTP until Ctrl-C.

use std::process::ExitCode;

use super::server::{asked_to_end, serve_until_asked};
use crate::backend::BackendName;
use crate::cli::ServeArgs;
use crate::commands::output::tell;
use crate::serve::{Models, ServeState, serve};

/// Serves the models of the runs until SIGINT or SIGTERM.
///
/// # Errors
/// No such run, or one without a model; an address that cannot be listened on, or is reachable from other
/// machines without `--allow-remote`.
pub fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    serve_until_asked(&args.listen, args.port, "/", || {
        let models = Models::open(args.store.location(), args.runs.clone(), BackendName::chosen(args.backend))?;
        for model in models.all() {
            tell!("serves `{}`, run {}", model.name, model.run);
        }
        for writer in models.writers() {
            tell!("serves `{}`, run {}, a language model", writer.name, writer.run);
        }
        Ok(move |listener, access| {
            serve(listener, ServeState::new(models, access, args.access_log), args.follow, asked_to_end())
        })
    })
}
