//! `burnlab dashboard`: serves the web page, and the lessons of `burnlab learn`, until Ctrl-C.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::server::{asked_to_end, asks_for_token, serve_until_asked};
use crate::cli::DashboardArgs;
use crate::commands::explain::picture_of_row;
use crate::commands::output::tell;
use crate::commands::report::html_for_page;
use crate::dashboard::{AppState, Explainer, Models, Reporter, serve};
use crate::learn::{self, LearnState};
use crate::tracking::{Location, Store, TrackingError};

/// How long the trainings of readers may delay the end of the process, which they are asked for.
const LAST_TRAINING: Duration = Duration::from_secs(30);

/// Serves the dashboard until SIGINT or SIGTERM.
///
/// # Errors
/// An address that is not this machine's or has no free port, or one reachable from other machines without
/// `--allow-remote`; a token that is too short, or in a file that others can read.
pub fn run(args: &DashboardArgs) -> anyhow::Result<ExitCode> {
    serve_from(args, "/")
}

/// As [`run`], with the address of this page printed.
///
/// # Errors
/// As [`run`].
pub fn serve_from(args: &DashboardArgs, page: &str) -> anyhow::Result<ExitCode> {
    serve_until_asked(&args.listen, port(args), page, || {
        if args.store.server.is_none() && !args.store.artifacts.join("burnlab.db").exists() {
            tell!("no runs in `{}` yet; the page shows them as they come", args.store.artifacts.display());
        }
        recover(&args.store.location())?;
        Ok(|listener, access| {
            let learn = LearnState::new(args.store.location());
            let lessons = learn::router(learn.clone());
            let models = Models {
                reporter: Some(Reporter(Arc::new(html_for_page))),
                explainer: Some(Explainer(Arc::new(picture_of_row))),
            };
            let state = AppState::with_models(args.store.location(), access, models).with_routes(lessons);
            let ends = learn.clone();
            let asked = async move {
                asked_to_end().await;
                ends.end();
            };
            let serving = serve(listener, state, asked);
            async move {
                let served = serving.await;
                // A run that is being kept is recorded as interrupted, unless somebody asks again.
                tokio::select! {
                    () = learn.ended() => {}
                    () = asked_to_end() => {}
                    () = sleep(LAST_TRAINING) => {}
                }
                served
            }
        })
    })
}

/// A page that another user served from a port earlier may still act in the browser for whatever is served there later (a
/// service worker), and would see the token: so there is no port to expect where there is a token.
fn port(args: &DashboardArgs) -> u16 {
    const USUAL: u16 = 6007;
    args.port.unwrap_or(if asks_for_token(&args.listen) { 0 } else { USUAL })
}

/// Completes what killed processes left unfinished. The page reports a read-only folder or a failing store.
///
/// # Errors
/// A store that needs another build of burnlab, or that this user may not read.
fn recover(location: &Location) -> Result<(), TrackingError> {
    match Store::open_read_only_at(location) {
        Ok(_) => {
            Store::open_at(location).and_then(|mut store| store.recover()).ok();
            Ok(())
        }
        Err(error @ (TrackingError::NoPostgres { .. } | TrackingError::Unreadable { .. })) => Err(error),
        Err(_) => Ok(()),
    }
}
