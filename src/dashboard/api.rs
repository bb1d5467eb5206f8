//! Routes that read: the runs, one run, the filter.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::listing::{ListQuery, parsed};
use super::predictions::image_shape;
use super::request::run_id;
use super::{ApiError, AppState};
use crate::tracking::{FileEntry, RunId, Store, folder};
use crate::web::QueryParams;

/// `GET /api/runs?q=&sort=&reverse=1&offset=&limit=`: a page of the runs that match the filter, newest first or sorted as
/// by `runs list --sort`, archived ones included.
pub async fn runs(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<ListQuery>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let snapshot = state.snapshot().await?;
    let page = state.shared.pages.page(&state, snapshot, query).await?;
    page.response(&state, &headers).await
}

#[derive(Debug, Deserialize)]
pub struct FilterQuery {
    q: String,
}

/// `GET /api/filter?q=`: the ids of the runs that match.
pub async fn filter(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<FilterQuery>,
) -> Result<Json<Value>, ApiError> {
    let text = query.q;
    let snapshot = state.snapshot().await?;
    state
        .work(move || {
            let filter = parsed(&text, &snapshot)?;
            let passes = snapshot.iter().filter(|entry| filter.matches(entry.as_ref(), entry.shown));
            Ok(Json(json!({ "ids": passes.map(|entry| entry.id().as_str()).collect::<Vec<_>>() })))
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
    altered(store, id, &files).into_iter().for_each(&mut note);
    let environment = store.environment(id)?;
    let image = image_shape(store, id);
    Ok(Detail { run, config_toml, environment, files, evaluation, image, problems })
}

/// Results that are shown and are not what training wrote, a line each; of large files it is not looked for while somebody waits.
fn altered(store: &Store, id: &RunId, files: &[FileEntry]) -> Vec<String> {
    const MOST_BYTES: u64 = 16 << 20;
    let Ok(Some(folder)) = store.local_folder(id) else { return Vec::new() };
    let shown = ["evaluation.json", "predictions.csv", "preprocessing.json", "test.csv"];
    let small = files.iter().filter(|file| shown.contains(&file.name.as_str()) && file.bytes <= MOST_BYTES);
    small.filter_map(|file| folder::check_sum(&folder, &file.name).err().map(|error| error.to_string())).collect()
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
    let snapshot = state.snapshot().await?;
    let entry = snapshot.find(id).ok_or_else(|| ApiError::not_found(format!("no run `{id}`")))?;
    RawValue::from_string(entry.to_json()).map_err(ApiError::internal)
}

/// The response to an unknown address.
pub async fn no_such_route() -> ApiError {
    ApiError::not_found("nothing is served under this address")
}

/// The response to a known address with the wrong method.
pub async fn no_such_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not support this method")
}
