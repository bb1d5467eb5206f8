//! `burnlab learn`: the dashboard's server, beginning with the lessons.

use std::process::ExitCode;

use super::dashboard::serve_from;
use crate::cli::DashboardArgs;

/// Serves the lessons until SIGINT or SIGTERM.
///
/// # Errors
/// As [`super::dashboard::run`].
pub fn run(args: &DashboardArgs) -> anyhow::Result<ExitCode> {
    serve_from(args, "/learn")
}
