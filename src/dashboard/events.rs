//! `GET /api/events`: what changed, as it happens (server-sent events).

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

/// Pages that may listen at once. Each keeps one of the places of `connection.rs` to its end, so that these are few: the
/// rest stay for requests. A page that is turned away shows the list all the same, and asks again every few seconds.
pub const MAX_LISTENERS: usize = 32;

/// A comment this often keeps proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize)]
pub struct EventsQuery {
    #[serde(default)]
    since: u64,
}

type Sender = mpsc::Sender<Result<Event, Infallible>>;

/// `GET /api/events?since=`: first what the client has missed, then each change, as events named `change`.
pub async fn events(
    State(state): State<AppState>,
    query: Result<Query<EventsQuery>, QueryRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let since = checked(query)?.since;
    let listening = state.listen().ok_or_else(|| {
        let message = format!("{MAX_LISTENERS} pages listen already; close one");
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message)
    })?;
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(follow(state, since, sender, listening));
    Ok(Sse::new(Received(receiver)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Sends until the client or the server goes.
async fn follow(state: AppState, since: u64, sender: Sender, _listening: Listening) {
    let mut ending = state.shared.ending.subscribe();
    let ends = async { ending.wait_for(|&ends| ends).await.map(drop) };
    tokio::select! {
        // Either way there is nobody left to tell.
        _ = ends => {}
        () = sender.closed() => {}
        _ = forward(&state, since, &sender) => {}
    }
}

/// `None` when nobody listens any more.
async fn forward(state: &AppState, since: u64, sender: &Sender) -> Option<()> {
    let mut seen = since;
    loop {
        // Subscribed before the catching up, so that no change in between is missed.
        let mut changes = state.live().subscribe();
        let live = Arc::clone(state.live());
        // A store that cannot be read is reported by the routes; here it is only tried again, by the reconnecting page.
        let missed = blocking(move || Ok(live.catch_up(seen)?)).await.ok()?;
        let caught_up = missed.number;
        seen = missed.revision;
        if !missed.is_empty() {
            send(sender, &missed).await?;
        }
        loop {
            match changes.recv().await {
                // From before the catching up: told again it would take the page back to what was.
                Ok(change) if change.number <= caught_up => {}
                Ok(change) => {
                    seen = change.revision;
                    send(sender, &change).await?;
                }
                // Too slow for the channel: catch up from what was seen.
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

async fn send(sender: &Sender, change: &Change) -> Option<()> {
    sender.send(Ok(Event::default().event("change").data(change.to_json()))).await.ok()
}
