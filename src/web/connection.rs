//! One connection, and the time limits after which it is closed.
//!
//! The number of connections at once is limited; later clients wait in the system's queue. So an idle client must not
//! occupy a connection for long. A request in progress is bounded by the guard's time limit, and an event stream lasts
//! as long as its client listens. Everything else is waiting for the client (for its next request, for the rest of a
//! request head, for it to read more of a response). [`Limits`] bounds that, much more tightly while all places are
//! taken.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// How many connections are accepted, and how long each may wait for its client.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once. A browser opens six.
    pub places: usize,
    /// The longest wait between two requests, and for a client that does not read its response.
    pub quiet: Duration,
    /// The longest time for the whole head of a request, from its first byte.
    pub head: Duration,
    /// The longest for either of these while no place is free.
    pub crowded: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { places: 512, quiet: seconds(60), head: seconds(10), crowded: seconds(3) }
    }
}

impl Limits {
    /// How often a connection checks whether it is overdue.
    fn look(&self) -> Duration {
        self.crowded.min(self.head).min(self.quiet) / 4
    }
}

/// What a connection is doing; shared by its socket and the requests that come through it.
#[derive(Debug, Clone)]
pub struct Turn {
    peer: IpAddr,
    places: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
    /// Whether one of its requests was let in.
    is_known: Arc<AtomicBool>,
    /// Wakes the connection to make room for others.
    leave: Arc<Leave>,
}

/// How a connection is asked to end.
#[derive(Debug, Default)]
struct Leave {
    is_asked: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Leave {
    fn ask(&self) {
        self.is_asked.store(true, Ordering::Release);
        if let Some(waker) = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }

    /// Whether it was asked; otherwise the task is woken when it is.
    fn is_asked(&self, context: &Context<'_>) -> bool {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        self.is_asked.load(Ordering::Acquire)
    }
}

/// The connections that have yet to show that they may come in, the oldest first.
#[derive(Debug, Default)]
pub struct Strangers(VecDeque<Turn>);

impl Strangers {
    /// Adds a connection that is not known yet.
    pub fn add(&mut self, turn: &Turn) {
        self.0.push_back(turn.clone());
        // Those that are known by now, or gone.
        while self.0.len() > MOST_STRANGERS {
            self.0.pop_front();
        }
    }

    /// Asks the oldest one to end, if there is one.
    pub fn send_one_away(&mut self) {
        while let Some(turn) = self.0.pop_front() {
            // Its socket has the other one.
            if !turn.is_known() && Arc::strong_count(&turn.leave) > 1 {
                turn.leave.ask();
                return;
            }
        }
    }
}

/// Far more than there are places.
const MOST_STRANGERS: usize = 1 << 14;

#[derive(Debug)]
enum State {
    /// Waiting for a request. With `has_begun`, its first byte has arrived, at `since`.
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
    /// The address of the client.
    pub fn peer(&self) -> IpAddr {
        self.peer
    }

    /// Notes that a request was let in.
    pub fn let_in(&self) {
        self.is_known.store(true, Ordering::Relaxed);
    }

    fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_crowded(&self) -> bool {
        self.places.available_permits() == 0
    }
}

/// The middleware that keeps a connection's [`Turn`] up to date with its requests.
pub async fn take_turn(ConnectInfo(turn): ConnectInfo<Turn>, request: Request, next: Next) -> Response {
    *turn.state() = State::Answering;
    let mut response = next.run(request).await;
    let is_stream = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    *turn.state() = if is_stream { State::Streaming } else { State::waiting() };
    // Otherwise a client that sends one request after another would never give up its place, and one whose stream has come to
    // its end could be silent for ever.
    if is_stream || turn.is_crowded() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A socket that counts towards the limit, and closes when its client is overdue.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    turn: Turn,
    limits: Limits,
    look: Pin<Box<Sleep>>,
    /// Since when there has been data for the client that it does not read.
    stuck: Option<Instant>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// Of a client at `peer`, which `is_known` where nobody has to show anything.
    pub fn new(
        stream: TcpStream,
        peer: IpAddr,
        is_known: bool,
        places: Arc<Semaphore>,
        place: OwnedSemaphorePermit,
        limits: Limits,
    ) -> Self {
        let (state, is_known) = (Arc::new(Mutex::new(State::waiting())), Arc::new(AtomicBool::new(is_known)));
        let look = Box::pin(sleep(limits.look()));
        let turn = Turn { peer, places, state, is_known, leave: Arc::default() };
        Self { stream, turn, limits, look, stuck: None, _place: place }
    }

    /// What this connection is doing; its requests keep it up to date.
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

    /// Passes on the stream's own progress, or a time-out once the client is overdue.
    fn limited<T>(&mut self, context: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            return progress;
        }
        if !self.turn.is_known() && self.turn.leave.is_asked(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
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
            // The body of a response is still being sent after its request handler returned.
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
