//! `POST /predict`: rows as CSV or JSON, the answers as JSON or CSV.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::answer::{Rows, Scored, answer};
use super::extract::{Named, Whole};
use super::rows::{columns, kind, of_lists, of_records, parsed};
use super::{Model, ServeState};
use crate::experiment::predictions::{Lines, inert};
use crate::web::ApiError;

/// Of a body that is none.
pub(super) const NO_JSON: &str = "the body is not JSON";

/// `POST /predict`: of the first model.
pub async fn first(
    State(state): State<ServeState>,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, ApiError> {
    predict(&state, None, &headers, body).await
}

/// `POST /predict/{model}`
pub async fn named(
    State(state): State<ServeState>,
    Named(name): Named<String>,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, ApiError> {
    predict(&state, Some(&name), &headers, body).await
}

async fn predict(
    state: &ServeState,
    name: Option<&str>,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let model = state.model(name)?;
    let is_json = is(headers, "application/json") || !is(headers, "text/csv") && is_one_value(&body);
    let wants_csv =
        headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/csv"));
    let read = move |model: &Model| {
        let rows = if is_json { of_json(model, &body)? } else { Arc::from(&body[..]) };
        Ok((rows, ()))
    };
    let write = move |scored: &Scored, ()| if wants_csv { csv(scored) } else { Ok(json(scored)) };
    answer(state, model, read, write).await
}

/// Whether a body of no kind that is known, such as what `curl -d` sends, is a JSON list, or one object and not one a line.
fn is_one_value(body: &[u8]) -> bool {
    match body.trim_ascii_start().first() {
        Some(b'[') => true,
        Some(b'{') => serde_json::from_slice::<IgnoredAny>(body).is_ok(),
        _ => false,
    }
}

/// Whether the body is of that kind.
pub(super) fn is(headers: &HeaderMap, kind: &str) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|given| given.to_str().ok()).unwrap_or_default();
    given.split(';').next().is_some_and(|given| given.trim().eq_ignore_ascii_case(kind))
}

/// One row as an object, or several in a list, each an object or the list of its cells.
fn of_json(model: &Model, body: &[u8]) -> Result<super::rows::Bytes, ApiError> {
    match parsed(body, NO_JSON)? {
        Value::Array(rows) if rows.first().is_some_and(Value::is_array) => {
            of_lists(&columns(model.predictor.model()), &rows)
        }
        Value::Array(rows) => of_records(&columns(model.predictor.model()), &rows),
        row @ Value::Object(_) => of_records(&columns(model.predictor.model()), &[row]),
        other => Err(ApiError::bad_request(format!("the body is {}: send rows as objects", kind(&other)))),
    }
}

fn json(scored: &Scored) -> Response {
    #[derive(Serialize)]
    struct Predicted<'s> {
        model: &'s str,
        run: &'s str,
        rows: Rows<'s>,
        warnings: Vec<String>,
    }
    let Scored { model, answered } = scored;
    let (rows, warnings) = (scored.rows(), answered.drift.lines());
    Json(Predicted { model: &model.name, run: &model.run, rows, warnings }).into_response()
}

/// What `burnlab predict` writes.
fn csv(scored: &Scored) -> Result<Response, ApiError> {
    let mut bytes = Vec::new();
    let (format, first) = (scored.format().shown(inert), ["row".to_owned()]);
    let mut lines = Lines::begin(&mut bytes, format, &first, &[]).map_err(ApiError::internal)?;
    for (row, answer) in scored.answered.answers.iter().enumerate() {
        lines.write([row.to_string()], answer, [""; 0]).map_err(ApiError::internal)?;
    }
    lines.end().map_err(ApiError::internal)?;
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8")], bytes).into_response())
}
