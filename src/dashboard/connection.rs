//! One connection: how long it may keep its place.
//!
//! There are places for so many connections at once, and whoever comes later waits in the system's queue. So no client
//! may keep a place for nothing. A request that is being answered keeps it for the guard's time limit at most, an event
//! stream for as long as it is listened to. All else is waiting for the client (its next request, the rest of a head,
//! room for more of an answer), for which [`Limits`] sets a time, and a much shorter one while all places are taken.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// How many connections there may be, and how long each may wait for its client.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once. A browser opens six.
    pub places: usize,
    /// Between two requests, and for a client that does not take its answer.
    pub quiet: Duration,
    /// For the whole head of a request, from its first byte.
    pub head: Duration,
    /// The longest for any of these while no place is free.
    pub crowded: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { places: 256, quiet: seconds(60), head: seconds(10), crowded: seconds(3) }
    }
}

impl Limits {
    /// How often a connection looks whether it is overdue.
    fn look(&self) -> Duration {
        self.crowded.min(self.head).min(self.quiet) / 4
    }
}

/// What a connection does at the moment; known to its socket and to the requests that come through it.
#[derive(Debug, Clone)]
pub struct Turn {
    places: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
enum State {
    /// For a request. With `has_begun`, some bytes of it came, and `since` is when the first did.
    Waiting {
        since: Instant,
        has_begun: bool,
    },
    Answering,
    /// Event streams end with their connection.
    Streaming,
}

impl State {
    fn waiting() -> Self {
        Self::Waiting { since: Instant::now(), has_begun: false }
    }
}

impl Turn {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_crowded(&self) -> bool {
        self.places.available_permits() == 0
    }
}

/// The middleware that tells a connection what its requests do.
pub async fn take_turn(ConnectInfo(turn): ConnectInfo<Turn>, request: Request, next: Next) -> Response {
    *turn.state() = State::Answering;
    let mut response = next.run(request).await;
    if response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
        *turn.state() = State::Streaming;
        return response;
    }
    *turn.state() = State::waiting();
    if turn.is_crowded() {
        // Each its turn: a client that asks again and again would keep its place for ever.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A socket that holds its place, and gives it up when its client is overdue.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    turn: Turn,
    limits: Limits,
    look: Pin<Box<Sleep>>,
    /// Since when the client could take more of an answer and takes nothing.
    stuck: Option<Instant>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    pub fn new(stream: TcpStream, places: Arc<Semaphore>, place: OwnedSemaphorePermit, limits: Limits) -> Self {
        let turn = Turn { places, state: Arc::new(Mutex::new(State::waiting())) };
        Self { stream, turn, limits, look: Box::pin(sleep(limits.look())), stuck: None, _place: place }
    }

    /// What this connection does at the moment, for its requests to keep up to date.
    pub fn turn(&self) -> &Turn {
        &self.turn
    }

    fn is_overdue(&self) -> bool {
        let is_late = |since: Instant, most: Duration| {
            since.elapsed() > if self.turn.is_crowded() { most.min(self.limits.crowded) } else { most }
        };
        if self.stuck.is_some_and(|since| is_late(since, self.limits.quiet)) {
            return true;
        }
        match *self.turn.state() {
            State::Waiting { since, has_begun } => {
                is_late(since, if has_begun { self.limits.head } else { self.limits.quiet })
            }
            State::Answering | State::Streaming => false,
        }
    }

    /// Passes on what the stream says; ends the waiting of one that is overdue.
    fn limited<T>(&mut self, context: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            return progress;
        }
        while self.look.as_mut().poll(context).is_ready() {
            if self.is_overdue() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.look.as_mut().reset(Instant::now() + self.limits.look());
        }
        Poll::Pending
    }

    fn wrote(&mut self, context: &mut Context<'_>, progress: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if progress.is_pending() {
            self.stuck.get_or_insert_with(Instant::now);
        } else {
            self.stuck = None;
            // The body of an answer goes on after its request is done with.
            let state = &mut *self.turn.state();
            if let State::Waiting { .. } = state {
                *state = State::waiting();
            }
        }
        self.limited(context, progress)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let progress = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before
            && let State::Waiting { since, has_begun: has_begun @ false } = &mut *self.turn.state()
        {
            (*since, *has_begun) = (Instant::now(), true);
        }
        self.limited(context, progress)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(context, progress)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(context, progress)
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
