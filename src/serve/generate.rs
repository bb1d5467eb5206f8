//! `POST /generate`: a text that a language model writes, sent character by character (server-sent events).
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::{ServeState, Writer};
use crate::experiment::generate::{Sampler, TextGenerator, generate};
use crate::web::{ApiError, Received};

/// The longest text of a request.
const MAX_LENGTH: usize = 10_000;

/// As the options of `burnlab generate`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    prompt: String,
    length: usize,
    temperature: f64,
    top_k: Option<usize>,
    seed: u64,
}

impl Default for Asked {
    fn default() -> Self {
        Self { prompt: String::new(), length: 300, temperature: 0.8, top_k: None, seed: 0 }
    }
}

/// `POST /generate`: by the first language model.
pub async fn first(State(state): State<ServeState>, body: Bytes) -> Result<Response<Body>, ApiError> {
    start(&state, None, &body).await
}

/// `POST /generate/{model}`
pub async fn named(
    State(state): State<ServeState>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response<Body>, ApiError> {
    start(&state, Some(&name), &body).await
}

/// Each character is an event with `{"text": ...}`; the last event is named `end`, or `error`.
async fn start(state: &ServeState, name: Option<&str>, body: &[u8]) -> Result<Response<Body>, ApiError> {
    let writer = state.writer(name)?;
    let asked: Asked = serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("the body is no request for a text: {error}")))?;
    let generator = checked(&asked, &writer)?;
    // Held until the text is written, so that no more are written at once than there are places.
    let place = Arc::clone(&state.readers).acquire_owned().await.map_err(ApiError::internal)?;
    let (sender, receiver) = mpsc::channel(16);
    tokio::task::spawn_blocking(move || {
        let _place = place;
        write(&asked, generator, &writer, &sender);
    });
    let mut response = Response::new(Body::from_stream(Received(receiver)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// The beginning of the text.
fn checked(asked: &Asked, writer: &Writer) -> Result<TextGenerator, ApiError> {
    let refuse = |message: &str| Err(ApiError::bad_request(message));
    if !(1..=MAX_LENGTH).contains(&asked.length) {
        return refuse(&format!("`length` must be 1 to {MAX_LENGTH}, found {}", asked.length));
    }
    if !(asked.temperature.is_finite() && asked.temperature >= 0.0) {
        return refuse("`temperature` must be a number of 0 or more");
    }
    if asked.top_k == Some(0) {
        return refuse("`top_k` must be at least 1");
    }
    let generator = TextGenerator::new(&writer.saved, &asked.prompt);
    generator.map_err(|error| ApiError::bad_request(error.to_string().replace("--prompt", "`prompt`")))
}

/// Ends as well when the client is gone.
fn write(asked: &Asked, generator: TextGenerator, writer: &Writer, sender: &mpsc::Sender<Result<Bytes, Infallible>>) {
    let send = |event: String| sender.blocking_send(Ok(Bytes::from(event)));
    let sampler = Sampler::new(asked.temperature, asked.top_k, asked.seed);
    let mut print = |character: char| Ok(send(format!("data: {}\n\n", json!({ "text": character.to_string() })))?);
    let last = match generate(&writer.saved, generator, sampler, asked.length, writer.backend, &mut print) {
        Ok(()) => format!("event: end\ndata: {}\n\n", json!({ "model": writer.name, "run": writer.run })),
        Err(error) => format!("event: error\ndata: {}\n\n", json!({ "error": format!("{error:#}") })),
    };
    send(last).ok();
}
