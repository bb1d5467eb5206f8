//! `GET /api/events`: changes as they happen (server-sent events).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::change::Change;
use super::{ApiError, AppState, Listening};
use crate::web::QueryParams;
use crate::web::Received;
use crate::web::session::Visitor;

/// Pages that may listen at once. Each occupies a connection for as long as it is open, and half of the connections
/// (`connection.rs`) must stay free for requests. A page that is refused still shows the runs, and tries again every
/// few seconds.
pub const MAX_LISTENERS: usize = 256;

/// How often a comment is sent, to keep proxies from closing a stream without events.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize)]
pub struct EventsQuery {
    #[serde(default)]
    since: u64,
}

type Sender = mpsc::Sender<Result<Bytes, Infallible>>;

/// `GET /api/events?since=`: first what the client missed, then each change, as events named `change`.
pub async fn events(
    State(state): State<AppState>,
    Extension(visitor): Extension<Visitor>,
    QueryParams(query): QueryParams<EventsQuery>,
) -> Result<Response<Body>, ApiError> {
    let since = query.since;
    let listening = state.listen().ok_or_else(|| {
        let message = format!("{MAX_LISTENERS} pages listen already; close one");
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message)
    })?;
    // A client that reads slowly has one event waiting, and later catches up with what it missed in one.
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(follow(state, visitor, since, sender, listening));
    let mut response = Response::new(Body::from_stream(Received(receiver)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

/// Sends until the client disconnects or the server shuts down.
async fn follow(state: AppState, visitor: Visitor, since: u64, sender: Sender, _listening: Listening) {
    let mut ending = state.shared.ending.subscribe();
    let ends = async { ending.wait_for(|&ends| ends).await.map(drop) };
    tokio::select! {
        // Either way nobody is listening any more.
        _ = ends => {}
        () = sender.closed() => {}
        _ = forward(&state, &visitor, since, &sender) => {}
    }
}

/// `None` when nobody listens any more, or the session of who listens has ended.
async fn forward(state: &AppState, visitor: &Visitor, since: u64, sender: &Sender) -> Option<()> {
    let mut seen = since;
    loop {
        // Subscribe before catching up, so that no change in between is missed.
        let mut changes = state.live().subscribe();
        let live = Arc::clone(state.live());
        // The other routes report a store that cannot be read; here the page reconnects and tries again.
        let missed = state.work(move || Ok(live.catch_up(seen)?)).await.ok()?;
        let caught_up = missed.number;
        if !missed.is_empty() {
            send(sender, &missed, seen).await?;
        }
        seen = missed.revision;
        loop {
            let news = timeout(KEEP_ALIVE, changes.recv()).await;
            if visitor.session.as_ref().is_some_and(|visit| !state.access().is_open(visit)) {
                return None;
            }
            match news {
                // Older than what was sent while catching up: sending it would take the page back in time.
                Ok(Ok(change)) if change.number <= caught_up => {}
                Ok(Ok(change)) => {
                    send(sender, &change, seen).await?;
                    seen = change.revision;
                }
                // The client fell behind the channel: catch up from the last revision it saw.
                Ok(Err(RecvError::Lagged(_))) => break,
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => sender.send(Ok(Bytes::from_static(b":\n\n"))).await.ok()?,
            }
        }
    }
}

/// One event after the other, as the client takes them.
async fn send(sender: &Sender, change: &Change, since: u64) -> Option<()> {
    for event in change.events(since) {
        sender.send(Ok(event)).await.ok()?;
    }
    Some(())
}
