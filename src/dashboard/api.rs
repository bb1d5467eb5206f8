//! Routes that read: the runs, one run, the filter.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::predictions::image_shape;
use super::request::{checked, run_id};
use super::{ApiError, AppState, blocking, listing};
use crate::comparison::Vocabulary;
use crate::comparison::filter::{Filter, FilterError};
use crate::tracking::{FileEntry, RunId, Store, folder};

/// `GET /api/runs`: all runs, newest first, archived ones included.
pub async fn runs(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let live = Arc::clone(state.live());
    let snapshot = blocking(move || Ok(live.refresh()?)).await?;
    Ok(listing::response(snapshot, &headers))
}

/// The longest filter, in bytes: more than anybody types. Matching costs time for every run and every comparison.
const MAX_FILTER: usize = 4096;

#[derive(Debug, Deserialize)]
pub struct FilterQuery {
    q: String,
}

/// `GET /api/filter?q=`: the ids of the runs that match.
pub async fn filter(
    State(state): State<AppState>,
    query: Result<Query<FilterQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let text = checked(query)?.q;
    if text.len() > MAX_FILTER {
        return Err(ApiError::bad_request(format!("a filter has {MAX_FILTER} bytes at most, not {}", text.len())));
    }
    let refused = |error: FilterError| ApiError { at: Some(error.at), ..ApiError::bad_request(error.to_string()) };
    let filter: Filter = text.parse().map_err(refused)?;
    let live = Arc::clone(state.live());
    blocking(move || {
        let snapshot = live.refresh()?;
        let filter =
            filter.resolved(&Vocabulary::new(snapshot.entries.iter().map(|entry| &entry.run))).map_err(refused)?;
        let passes = snapshot.entries.iter().filter(|entry| filter.matches(&entry.run, entry.shown));
        Ok(Json(json!({ "ids": passes.map(|entry| entry.run.record.id.as_str()).collect::<Vec<_>>() })))
    })
    .await
}

/// The response of `GET /api/runs/{id}`.
#[derive(Debug, Serialize)]
pub struct Detail {
    run: Box<RawValue>,
    config_toml: String,
    environment: Value,
    files: Vec<FileEntry>,
    evaluation: Option<Box<RawValue>>,
    /// Height and width of the images, if the inputs are pixels.
    image: Option<[usize; 2]>,
    /// Files of the run that could not be read, one line each.
    problems: Vec<String>,
}

/// `GET /api/runs/{id}`: one run with its config, environment and evaluation.
pub async fn run(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Detail>, ApiError> {
    let id = run_id(&id)?;
    let run = run_json(&state, &id).await?;
    state.read(move |store| detail(store, &id, run)).await.map(Json)
}

fn detail(store: &Store, id: &RunId, run: Box<RawValue>) -> Result<Detail, ApiError> {
    let mut problems = Vec::new();
    // A damaged or missing file must not hide the others.
    let mut note = |problem: String| problems.push(problem);
    let config_toml = store.config_toml(id).map_err(|error| note(error.to_string())).unwrap_or_default();
    let files = store.files(id).map_err(|error| note(error.to_string())).unwrap_or_default();
    let evaluation = evaluation(store, id).map_err(&mut note).unwrap_or_default();
    let environment = store.environment(id)?;
    let image = image_shape(store, id);
    Ok(Detail { run, config_toml, environment, files, evaluation, image, problems })
}

/// `evaluation.json` as the run wrote it, if it did.
pub fn evaluation(store: &Store, id: &RunId) -> Result<Option<Box<RawValue>>, String> {
    // A missing run folder is reported with the list of files.
    let Ok(Some(folder)) = store.local_folder(id) else { return Ok(None) };
    let text = folder::read_text(&folder, "evaluation.json").map_err(|error| error.to_string())?;
    let Some(text) = text else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| format!("`evaluation.json`: {error}"))
}

/// One run in the form of `/api/runs`.
pub async fn run_json(state: &AppState, id: &RunId) -> Result<Box<RawValue>, ApiError> {
    let (live, id) = (Arc::clone(state.live()), id.clone());
    blocking(move || {
        let snapshot = live.refresh()?;
        let entry = snapshot.find(&id).ok_or_else(|| ApiError::not_found(format!("no run `{id}`")))?;
        RawValue::from_string(entry.to_json()).map_err(ApiError::internal)
    })
    .await
}

/// The response to an unknown address.
pub async fn no_such_route() -> ApiError {
    ApiError::not_found("nothing is served under this address")
}

/// The response to a known address with the wrong method.
pub async fn no_such_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not support this method")
}
