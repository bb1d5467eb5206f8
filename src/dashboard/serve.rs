//! The socket: where to listen, how many may connect, when to end.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, Sleep, sleep};

use super::{AppState, app};

/// Connections at once. A browser opens six; the rest wait in the system's queue.
const MAX_CONNECTIONS: usize = 256;
/// A connection on which nothing moves for this long is closed. Event streams send something every 15 s.
const IDLE_LIMIT: Duration = Duration::from_secs(60);
/// How many ports after the one asked for are tried.
const PORTS: u16 = 20;
/// How long requests may go on after the end was asked for.
const GRACE: Duration = Duration::from_secs(2);

/// Listens on `host`, on `port` or the next one that is free (0 for any).
///
/// # Errors
/// When none of 20 ports is free, or the address is not this machine's.
pub async fn bind(host: IpAddr, port: u16) -> io::Result<TcpListener> {
    let mut next = port;
    loop {
        match TcpListener::bind(SocketAddr::new(host, next)).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && next - port + 1 < PORTS && next < u16::MAX => {
                next += 1;
            }
            result => return result,
        }
    }
}

/// Serves until `shutdown` is ready, then ends open streams and waits up to two seconds for the rest.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (begin, begun) = oneshot::channel();
    let listener = Gate { listener, places: Arc::new(Semaphore::new(MAX_CONNECTIONS)) };
    state.watch();
    let server = axum::serve(listener, app(state.clone())).with_graceful_shutdown(async move {
        shutdown.await;
        state.end();
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

/// A listener that accepts a connection only when there is a place for it.
struct Gate {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Listener for Gate {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let place = Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed");
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Small answers and events go out at once.
                    stream.set_nodelay(true).ok();
                    return (Connection { stream, idle: Box::pin(sleep(IDLE_LIMIT)), _place: place }, address);
                }
                // Out of file descriptors, or the client went already: other connections may end meanwhile.
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that holds its place and ends when it is idle for too long.
struct Connection {
    stream: TcpStream,
    idle: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// Passes on what the stream says; any progress postpones the end.
    fn limited<T>(&mut self, context: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.idle.as_mut().reset(Instant::now() + IDLE_LIMIT);
            return progress;
        }
        ready!(self.idle.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.limited(context, progress)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.limited(context, progress)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.limited(context, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
