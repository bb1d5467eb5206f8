//! `POST /generate`: a text that a language model writes, sent character by character (server-sent events).
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value, json};
use tokio::sync::mpsc;

use super::extract::{Named, Whole};
use super::{ServeState, Writer};
use crate::experiment::generate::{Sampler, TextGenerator, generate};
use crate::keyed;
use crate::web::{ApiError, Received};

/// The longest text of a request.
pub(super) const MAX_LENGTH: u64 = 10_000;

/// What is asked for, as by the options of `burnlab generate`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    pub prompt: String,
    #[serde(deserialize_with = "whole")]
    pub length: u64,
    pub temperature: f64,
    #[serde(deserialize_with = "whole_or_none")]
    pub top_k: Option<u64>,
    #[serde(deserialize_with = "whole")]
    pub seed: u64,
}

/// A whole number; 3.0 is one in JSON, too.
fn whole<'de, D: Deserializer<'de>>(given: D) -> Result<u64, D::Error> {
    let number = Number::deserialize(given)?;
    // 2^64 is the least number that is too large.
    let is_whole = |number: &f64| number.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(number);
    let found = number.as_u64().or_else(|| number.as_f64().filter(is_whole).map(|number| number as u64));
    found.ok_or_else(|| D::Error::custom(format!("{number} is no whole number of 0 or more")))
}

fn whole_or_none<'de, D: Deserializer<'de>>(given: D) -> Result<Option<u64>, D::Error> {
    match Value::deserialize(given)? {
        Value::Null => Ok(None),
        number => whole(number).map(Some).map_err(D::Error::custom),
    }
}

impl Default for Asked {
    fn default() -> Self {
        Self { prompt: String::new(), length: 300, temperature: 0.8, top_k: None, seed: 0 }
    }
}

impl Asked {
    /// The beginning of the text.
    ///
    /// # Errors
    /// 400 for numbers out of range, or characters that the model does not know.
    fn begin(&self, writer: &Writer) -> Result<TextGenerator, ApiError> {
        let refuse = |message: &str| Err(ApiError::bad_request(message));
        if !(1..=MAX_LENGTH).contains(&self.length) {
            return refuse(&format!("`length` must be 1 to {MAX_LENGTH}, found {}", self.length));
        }
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return refuse("`temperature` must be a number of 0 or more");
        }
        if self.top_k == Some(0) {
            return refuse("`top_k` must be at least 1");
        }
        let generator = TextGenerator::new(&writer.saved, &self.prompt);
        generator.map_err(|error| ApiError::bad_request(error.to_string().replace("--prompt", "`prompt`")))
    }

    /// Writes the text, and gives each character to `print`.
    fn write(
        &self,
        beginning: TextGenerator,
        writer: &Writer,
        print: &mut dyn FnMut(char) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let top_k = self.top_k.map(|k| usize::try_from(k).unwrap_or(usize::MAX));
        let sampler = Sampler::new(self.temperature, top_k, self.seed);
        generate(&writer.saved, beginning, sampler, self.length as usize, writer.backend, print)
    }

    /// The whole text at once, without the prompt.
    ///
    /// # Errors
    /// As of a stream.
    pub(super) async fn whole(self, state: &ServeState, writer: Arc<Writer>) -> Result<String, ApiError> {
        let beginning = self.begin(&writer)?;
        let work = move || {
            let mut text = String::new();
            let written = self.write(beginning, &writer, &mut |character| {
                text.push(character);
                Ok(())
            });
            written.map(|()| text).map_err(ApiError::internal)
        };
        state.work(&state.writers, work).await
    }
}

/// `POST /generate`: by the first language model.
pub async fn first(State(state): State<ServeState>, Whole(body): Whole) -> Result<Response<Body>, ApiError> {
    start(&state, None, &body).await
}

/// `POST /generate/{model}`
pub async fn named(
    State(state): State<ServeState>,
    Named(name): Named<String>,
    Whole(body): Whole,
) -> Result<Response<Body>, ApiError> {
    start(&state, Some(&name), &body).await
}

/// Each character is an event with `{"text": ...}`; the last event is named `end`, or `error`.
async fn start(state: &ServeState, name: Option<&str>, body: &[u8]) -> Result<Response<Body>, ApiError> {
    let writer = state.writer(name)?;
    let asked: Asked = keyed::from_json(body)
        .map_err(|error| ApiError::bad_request(format!("the body is no request for a text: {error}")))?;
    let beginning = asked.begin(&writer)?;
    // Held until the text is written, so that no more are written at once than there are places.
    let place = Arc::clone(&state.writers).acquire_owned().await.map_err(ApiError::internal)?;
    let (sender, receiver) = mpsc::channel(16);
    tokio::task::spawn_blocking(move || {
        let _place = place;
        write(&asked, beginning, &writer, &sender);
    });
    let mut response = Response::new(Body::from_stream(Received(receiver)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// Ends as well when the client is gone.
fn write(asked: &Asked, beginning: TextGenerator, writer: &Writer, sender: &mpsc::Sender<Result<Bytes, Infallible>>) {
    let send = |event: String| sender.blocking_send(Ok(Bytes::from(event)));
    let mut print = |character: char| Ok(send(format!("data: {}\n\n", json!({ "text": character.to_string() })))?);
    let last = match asked.write(beginning, writer, &mut print) {
        Ok(()) => format!("event: end\ndata: {}\n\n", json!({ "model": writer.name, "run": writer.run })),
        Err(error) => format!("event: error\ndata: {}\n\n", json!({ "error": format!("{error:#}") })),
    };
    send(last).ok();
}
