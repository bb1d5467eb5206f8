//! `burnlab dashboard`: serves the web page until Ctrl-C.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::runtime::Runtime;

use crate::cli::DashboardArgs;
use crate::dashboard::{Access, AppState, bind, serve};
use crate::tracking::{Location, Store, TrackingError};

/// How long pending requests to the store may delay the end of the process.
const LAST_WORK: Duration = Duration::from_secs(1);

/// Serves the dashboard until SIGINT or SIGTERM.
///
/// # Errors
/// An address that is not this machine's or has no free port, or one reachable from other machines without
/// `--allow-remote`.
pub fn run(args: &DashboardArgs) -> anyhow::Result<ExitCode> {
    let access = access(args)?;
    let runtime = Runtime::new().context("cannot start the dashboard's threads")?;
    let result = listen(args, access, &runtime);
    runtime.shutdown_timeout(LAST_WORK);
    result.map(|()| ExitCode::SUCCESS)
}

fn access(args: &DashboardArgs) -> anyhow::Result<Access> {
    match &args.token {
        Some(token) => Access::remote(token).map_err(anyhow::Error::msg),
        None if args.host.is_loopback() => Ok(Access::local()),
        None => bail!(
            "`--host {}` lets other machines in: add `--allow-remote --token TOKEN`, or leave it out and use an SSH \
             tunnel (ssh -L {1}:localhost:{1} MACHINE)",
            args.host,
            args.port
        ),
    }
}

/// Whatever opens the store is outside of the runtime: the client of PostgreSQL has one of its own, and runs no request
/// inside of another.
fn listen(args: &DashboardArgs, access: Access, runtime: &Runtime) -> anyhow::Result<()> {
    let (host, port) = (args.host, args.port);
    let listener = runtime.block_on(bind(host, port));
    let listener = listener.with_context(|| format!("cannot listen on {}", SocketAddr::new(host, port)))?;
    let address = listener.local_addr()?;
    if port != 0 && address.port() != port {
        eprintln!("port {port} is taken, using {}", address.port());
    }
    if args.store.server.is_none() && !args.store.artifacts.join("burnlab.db").exists() {
        eprintln!("no runs in `{}` yet; the page shows them as they come", args.store.artifacts.display());
    }
    recover(&args.store.location())?;
    // The token is not printed, since logs and terminals keep their output.
    let hint = if args.allow_remote { "/?token=TOKEN" } else { "" };
    let mut stdout = std::io::stdout();
    // Failing to print it, for example to a closed pipe, is no reason not to serve.
    writeln!(stdout, "{}{hint}", url(address)).and_then(|()| stdout.flush()).ok();
    let state = AppState::new(args.store.location(), access);
    runtime.block_on(serve(listener, state, asked_to_end())).context("the dashboard ended")
}

/// Completes what killed processes left unfinished. The page reports a read-only folder or a failing store.
///
/// # Errors
/// A store that needs another build of burnlab.
fn recover(location: &Location) -> Result<(), TrackingError> {
    match Store::open_read_only_at(location) {
        Ok(_) => {
            Store::open_at(location).and_then(|mut store| store.recover()).ok();
            Ok(())
        }
        Err(error @ TrackingError::NoPostgres { .. }) => Err(error),
        Err(_) => Ok(()),
    }
}

/// The URL for a browser on this machine. `127.0.0.1` is printed unchanged, since `localhost` may resolve to another
/// server on `[::1]` first.
fn url(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

async fn asked_to_end() {
    let interrupt = async {
        // Without a handler the signal ends the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::StoreArgs;

    fn args(host: &str, token: Option<&str>) -> DashboardArgs {
        DashboardArgs {
            store: StoreArgs { artifacts: "artifacts".into(), server: None },
            port: 0,
            host: host.parse().unwrap(),
            allow_remote: token.is_some(),
            token: token.map(str::to_owned),
        }
    }

    #[test]
    fn other_machines_need_a_token() {
        assert!(access(&args("127.0.0.1", None)).is_ok());
        assert!(access(&args("::1", None)).is_ok());
        for host in ["0.0.0.0", "::", "192.168.1.5"] {
            let error = access(&args(host, None)).unwrap_err().to_string();
            assert!(error.contains("--allow-remote"), "{error}");
            assert!(access(&args(host, Some("short"))).is_err());
            assert!(access(&args(host, Some("0123456789abcdef"))).is_ok());
        }
    }
}
