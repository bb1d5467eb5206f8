//! Where the servers listen, who may come in, and until when.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::bounded;
use crate::cli::ListenArgs;
use crate::commands::output::{say, tell};
use crate::shell::quoted_path;
use crate::threads;
use crate::web::{Access, bind};

/// How long pending work may delay the end of the process.
const LAST_WORK: Duration = Duration::from_secs(1);

/// Serves until SIGINT or SIGTERM, and prints the address of `page`. `prepare` is called when the port is there, and makes
/// what serves on it; it is outside of the runtime, as is whatever opens a store: the client of PostgreSQL has a runtime of
/// its own, and runs no request inside of another.
///
/// # Errors
/// Those of [`access`], [`listen`] and `prepare`; a listener that fails.
pub fn serve_until_asked<S, F>(
    args: &ListenArgs,
    port: u16,
    page: &str,
    prepare: impl FnOnce() -> anyhow::Result<S>,
) -> anyhow::Result<ExitCode>
where
    S: FnOnce(TcpListener, Access) -> F,
    F: Future<Output = io::Result<()>>,
{
    let access = match access(args, port)? {
        Ok(access) => access,
        Err(code) => return Ok(code),
    };
    let runtime = runtime()?;
    let listener = runtime.block_on(listen(args, port))?;
    let serve = prepare()?;
    print_address(&listener, page, &access)?;
    let served = runtime.block_on(serve(listener, access));
    runtime.shutdown_timeout(LAST_WORK);
    served.context("the server ended")?;
    Ok(ExitCode::SUCCESS)
}

/// Who may come in by these arguments; `Err` has the exit status where the command line itself is wrong, which is told.
///
/// # Errors
/// An address that other machines reach, without `--allow-remote`; a token that is too short, or in a file that others can
/// read.
fn access(args: &ListenArgs, port: u16) -> anyhow::Result<Result<Access, ExitCode>> {
    if args.token.is_some() {
        tell!(
            "error: there is no `--token`: every user of this machine can read it in the list of processes. Set {TOKEN}, or \
             name a file that only you can read with `--token-file FILE`, or leave both out: then a new token is printed. \
             Choose another token than the one you gave"
        );
        return Ok(Err(ExitCode::from(USAGE)));
    }
    access_with(args, port, std::env::var(TOKEN).ok()).map(Ok)
}

/// The exit status of a wrong command line, as clap's.
const USAGE: u8 = 2;

/// The environment variable with the token.
const TOKEN: &str = "BURNLAB_TOKEN";

fn access_with(args: &ListenArgs, port: u16, given: Option<String>) -> anyhow::Result<Access> {
    if !args.allow_remote {
        ensure!(
            args.host.is_loopback(),
            "`--host {}` lets other machines in: add `--allow-remote`, which asks them for a token, or leave it out and \
             use an SSH tunnel (ssh -L {1}:127.0.0.1:{1} MACHINE)",
            args.host,
            port
        );
        // To this machine, too, a token can be asked for, which keeps out its other users.
        if args.token_file.is_none() && given.as_ref().is_none_or(String::is_empty) {
            return Ok(Access::local());
        }
    }
    let token = match &args.token_file {
        Some(file) => Some(token_in(file)?),
        None => given.filter(|token| !token.is_empty()),
    };
    match token {
        Some(token) => Access::remote(&token).map_err(|why| match &args.token_file {
            Some(file) => anyhow::anyhow!("{}: {why}", quoted_path(file)),
            None => anyhow::anyhow!(why),
        }),
        None => Ok(Access::generated()),
    }
}

/// Whether who comes in must have a token.
pub fn asks_for_token(args: &ListenArgs) -> bool {
    args.allow_remote || args.token_file.is_some() || std::env::var(TOKEN).is_ok_and(|token| !token.is_empty())
}

/// The token in a file that nobody else may read.
fn token_in(file: &Path) -> anyhow::Result<String> {
    const MAX_TOKEN: u64 = 4096;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let found = std::fs::metadata(file);
        let mode =
            found.with_context(|| format!("cannot read the token in {}", quoted_path(file)))?.permissions().mode();
        ensure!(mode & 0o077 == 0, "{0} can be read by other users: chmod 600 {0}", quoted_path(file));
    }
    let text = String::from_utf8(bounded::read(file, MAX_TOKEN)?).ok();
    text.map(|text| text.trim().to_owned()).with_context(|| format!("{} holds no token", quoted_path(file)))
}

/// The threads of a server.
///
/// # Errors
/// Fewer threads for this user than it needs: where one cannot be started later, the server would panic or wait for ever.
fn runtime() -> anyhow::Result<Runtime> {
    /// For what blocks, at the start.
    const MORE: usize = 4;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    threads::check(cores + MORE)?;
    check_files()?;
    Runtime::new().context("cannot start the server's threads")
}

/// That the few files can be opened without which the runtime panics.
///
/// # Errors
/// No more files for this process.
fn check_files() -> anyhow::Result<()> {
    const COUNT: usize = 16;
    /// Too many open files: <https://man7.org/linux/man-pages/man3/errno.3.html>.
    const MOST_OPEN: i32 = 24;
    let files: io::Result<Vec<_>> = (0..COUNT).map(|_| std::fs::File::open("/dev/null")).collect();
    let is_full = files.is_err_and(|error| error.raw_os_error() == Some(MOST_OPEN));
    ensure!(!is_full, "this process may have no more files open; raise the limit (ulimit -n)");
    Ok(())
}

/// Listens where `args` say, on `port` or the next one that is free, which is told.
///
/// # Errors
/// No free port, or an address that is not this machine's.
async fn listen(args: &ListenArgs, port: u16) -> anyhow::Result<TcpListener> {
    let host = args.host;
    let listener = bind(host, port).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", SocketAddr::new(host, port)))?;
    let found = listener.local_addr()?.port();
    if port != 0 && found != port {
        tell!("port {port} is taken, using {found}");
    }
    Ok(listener)
}

/// Prints the address of `page` for a browser, with a token that was made here: one that the user has is not printed, since logs and
/// terminals keep their output.
///
/// # Errors
/// A listener without an address.
fn print_address(listener: &TcpListener, page: &str, access: &Access) -> anyhow::Result<()> {
    let hint = match (access.is_remote(), access.is_generated()) {
        (false, _) => page.trim_end_matches('/').to_owned(),
        (true, false) => format!("{page}?token=TOKEN"),
        (true, true) => format!("{page}?token={}", access.token()),
    };
    say!("{}{hint}", url(listener.local_addr()?));
    Ok(())
}

/// The URL for a browser on this machine, with the address of the protocol that is listened on: `localhost` may resolve to
/// another user's server on `[::1]` first, which would be sent the token.
fn url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

/// Ready with SIGINT or SIGTERM.
pub async fn asked_to_end() {
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

    fn args(host: &str, allow_remote: bool) -> ListenArgs {
        ListenArgs { host: host.parse().unwrap(), allow_remote, token_file: None, token: None }
    }

    fn access(args: &ListenArgs, given: Option<String>) -> anyhow::Result<Access> {
        access_with(args, 0, given)
    }

    #[test]
    fn the_printed_address_is_the_one_that_is_listened_on() {
        for (listened, printed) in [
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("127.0.0.1:7", "http://127.0.0.1:7"),
            ("192.168.1.5:7", "http://192.168.1.5:7"),
        ] {
            assert_eq!(url(listened.parse().unwrap()), printed);
        }
    }

    #[test]
    fn other_machines_need_a_token() {
        assert!(!access(&args("::1", false), None).unwrap().is_remote());
        assert!(!access(&args("::1", false), Some(String::new())).unwrap().is_remote());
        // This machine's other users, where there is a token.
        assert!(access(&args("127.0.0.1", false), Some("short".to_owned())).is_err());
        let given = access(&args("127.0.0.1", false), Some("0123456789abcdef".to_owned())).unwrap();
        assert!(given.is_remote() && given.token() == "0123456789abcdef");
        for host in ["0.0.0.0", "::", "192.168.1.5"] {
            let error = access(&args(host, false), None).unwrap_err().to_string();
            assert!(error.contains("--allow-remote"), "{error}");
            assert!(access(&args(host, true), Some("short".to_owned())).is_err());
            let given = access(&args(host, true), Some("0123456789abcdef".to_owned())).unwrap();
            assert_eq!((given.token(), given.is_generated()), ("0123456789abcdef", false));
            let made = access(&args(host, true), None).unwrap();
            assert!(made.token().len() == 32 && made.is_generated() && made.is_remote());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_token_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0123456789abcdef\n").unwrap();
        let args = ListenArgs { token_file: Some(file.path().to_owned()), ..args("0.0.0.0", true) };
        let set = |mode| std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        set(0o600);
        assert_eq!(access(&args, Some("not this one, too".to_owned())).unwrap().token(), "0123456789abcdef");
        set(0o640);
        assert!(access(&args, None).unwrap_err().to_string().contains("chmod 600"));
    }
}
