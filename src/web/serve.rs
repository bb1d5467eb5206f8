//! The socket: where to listen, how many clients may connect, when to shut down.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::middleware;
use axum::serve::{IncomingStream, Listener};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

use super::Access;
use super::connection::{Connection, Limits, Strangers, Turn, take_turn};

/// How many ports after the one asked for are tried.
const PORTS: u16 = 20;
/// The backlog: connections that wait to be accepted. The system drops any beyond it, and those clients retry after
/// ever longer times: the usual 128 starved a tenth of a thousand readers.
const QUEUE: u32 = 1024;
/// How long requests may continue after shutdown was requested.
const GRACE: Duration = Duration::from_secs(2);

/// Listens on `host`, on `port` or the next one that is free (0 for any).
///
/// # Errors
/// When none of 20 ports is free, or the address does not belong to this machine.
pub async fn bind(host: IpAddr, port: u16) -> io::Result<TcpListener> {
    let mut next = port;
    loop {
        match listen(SocketAddr::new(host, next)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && next - port + 1 < PORTS && next < u16::MAX => {
                next += 1;
            }
            result => return result,
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Allows a port whose last connections are still closing. On Windows this option would let any process take it.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)
}

/// Serves `routes` until `shutdown` is ready, then calls `ends`, which is to end open streams, and waits up to two seconds
/// for the rest.
///
/// # Errors
/// When the listener fails.
pub async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    routes: Router,
    access: &Access,
    ends: impl FnOnce() + Send + 'static,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (begin, begun) = oneshot::channel();
    let places = Arc::new(Semaphore::new(limits.places));
    let strangers = Strangers::default();
    let listener = Gate { listener, places, limits, is_open: !access.is_remote(), strangers };
    let service = routes.layer(middleware::from_fn(take_turn)).into_make_service_with_connect_info::<Turn>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move {
        shutdown.await;
        ends();
        begin.send(()).ok();
    });
    tokio::select! {
        result = server => result,
        () = async {
            begun.await.ok();
            sleep(GRACE).await;
        } => Ok(()),
    }
}

/// A listener that accepts a connection only while fewer than the limit are open.
pub struct Gate {
    listener: TcpListener,
    places: Arc<Semaphore>,
    limits: Limits,
    /// Whether nobody has to show a token.
    is_open: bool,
    /// Of those that have to and have not yet.
    strangers: Strangers,
}

impl Listener for Gate {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let place = match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) => place,
                Err(_) => {
                    // The queue must not fill up either: from a full one the system drops whoever comes, the user too.
                    self.strangers.send_one_away();
                    Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed")
                }
            };
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Sends small responses and events at once.
                    stream.set_nodelay(true).ok();
                    let (peer, places) = (address.ip().to_canonical(), Arc::clone(&self.places));
                    let connection = Connection::new(stream, peer, self.is_open, places, place, self.limits);
                    if !self.is_open {
                        self.strangers.add(connection.turn());
                    }
                    return (connection, address);
                }
                // Out of file descriptors, or the client is gone already: wait for other connections to close.
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Gate>> for Turn {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Self {
        stream.io().turn().clone()
    }
}
