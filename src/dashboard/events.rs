//! `GET /api/events`: changes as they happen (server-sent events).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Sse};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::files::Received;
use super::live::Change;
use super::request::checked;
use super::{ApiError, AppState, Listening, blocking};

/// Pages that may listen at once. Each occupies a connection for as long as it is open, and most of the connections
/// (`connection.rs`) must stay free for requests. A page that is refused still shows the runs, and tries again every
/// few seconds.
pub const MAX_LISTENERS: usize = 32;

/// How often a comment is sent, to keep proxies from closing a stream without events.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize)]
pub struct EventsQuery {
    #[serde(default)]
    since: u64,
}

type Sender = mpsc::Sender<Result<Event, Infallible>>;

/// `GET /api/events?since=`: first what the client missed, then each change, as events named `change`.
pub async fn events(
    State(state): State<AppState>,
    query: Result<Query<EventsQuery>, QueryRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let since = checked(query)?.since;
    let listening = state.listen().ok_or_else(|| {
        let message = format!("{MAX_LISTENERS} pages listen already; close one");
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message)
    })?;
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(follow(state, since, sender, listening));
    Ok(Sse::new(Received(receiver)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Sends until the client disconnects or the server shuts down.
async fn follow(state: AppState, since: u64, sender: Sender, _listening: Listening) {
    let mut ending = state.shared.ending.subscribe();
    let ends = async { ending.wait_for(|&ends| ends).await.map(drop) };
    tokio::select! {
        // Either way nobody is listening any more.
        _ = ends => {}
        () = sender.closed() => {}
        _ = forward(&state, since, &sender) => {}
    }
}

/// `None` when nobody listens any more.
async fn forward(state: &AppState, since: u64, sender: &Sender) -> Option<()> {
    let mut seen = since;
    loop {
        // Subscribe before catching up, so that no change in between is missed.
        let mut changes = state.live().subscribe();
        let live = Arc::clone(state.live());
        // The other routes report a store that cannot be read; here the page reconnects and tries again.
        let missed = blocking(move || Ok(live.catch_up(seen)?)).await.ok()?;
        let caught_up = missed.number;
        if !missed.is_empty() {
            send(sender, &missed, seen).await?;
        }
        seen = missed.revision;
        loop {
            match changes.recv().await {
                // Older than what was sent while catching up: sending it would take the page back in time.
                Ok(change) if change.number <= caught_up => {}
                Ok(change) => {
                    send(sender, &change, seen).await?;
                    seen = change.revision;
                }
                // The client fell behind the channel: catch up from the last revision it saw.
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// One part after the other, as the client takes them.
async fn send(sender: &Sender, change: &Change, since: u64) -> Option<()> {
    for part in change.parts(since) {
        sender.send(Ok(Event::default().event("change").data(part.to_json()))).await.ok()?;
    }
    Some(())
}
