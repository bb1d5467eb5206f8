//! Routes that change runs: tags, notes, names, the archive and the trash.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::api::run_json;
use super::request::run_id;
use super::{ApiError, AppState};
use crate::tracking::RunRecord;
use crate::web::JsonBody;

/// The body of `PATCH`; absent fields stay as they are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    tags: Option<Vec<String>>,
    note: Option<String>,
    name: Option<String>,
    archived: Option<bool>,
}

/// `PATCH /api/runs/{id}`
pub async fn edit(
    State(state): State<AppState>,
    Path(id): Path<String>,
    JsonBody(edit): JsonBody<Edit>,
) -> Result<Json<Box<RawValue>>, ApiError> {
    let id = run_id(&id)?;
    let edited = id.clone();
    state
        .write(move |store| {
            // Only listed runs can be changed, not those in the trash.
            store.run(&edited)?;
            if let Some(tags) = edit.tags {
                store.set_tags(&edited, tags)?;
            }
            if let Some(note) = edit.note {
                store.set_note(&edited, &note)?;
            }
            if let Some(name) = edit.name {
                store.set_name(&edited, &name)?;
            }
            if let Some(archived) = edit.archived {
                store.set_archived(&edited, archived)?;
            }
            Ok(())
        })
        .await?;
    run_json(&state, &id).await.map(Json)
}

/// The body of `POST /api/experiments/rename`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    from: String,
    to: String,
}

/// `POST /api/experiments/rename`: answers the number of its runs. Undone by the opposite: nothing is put together.
pub async fn rename(
    State(state): State<AppState>,
    JsonBody(Rename { from, to }): JsonBody<Rename>,
) -> Result<Json<Value>, ApiError> {
    let runs = state.write(move |store| store.rename_experiment(&from, &to, false)).await?;
    Ok(Json(json!({ "runs": runs.len() })))
}

/// `DELETE /api/runs/{id}`: to the trash.
pub async fn delete(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let id = run_id(&id)?;
    state.write(move |store| store.delete(&id)).await?;
    Ok(Json(json!({})))
}

/// `POST /api/runs/{id}/stop`: ends its training as Ctrl-C does.
pub async fn stop(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let id = run_id(&id)?;
    state.read(move |store| Ok(store.ask_to_stop(&id)?)).await?;
    Ok(Json(json!({})))
}

/// `GET /api/trash`: the deleted runs, newest first.
pub async fn trash(State(state): State<AppState>) -> Result<Json<Vec<RunRecord>>, ApiError> {
    match state.read(|store| Ok(store.trashed()?)).await {
        Ok(records) => Ok(Json(records)),
        // Without a store, nothing has been deleted.
        Err(error) if error.status == StatusCode::NOT_FOUND => Ok(Json(Vec::new())),
        Err(error) => Err(error),
    }
}

/// `POST /api/trash/{id}/restore`
pub async fn restore(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Box<RawValue>>, ApiError> {
    let id = run_id(&id)?;
    let restored = id.clone();
    let result = state.write(move |store| store.restore(&restored)).await;
    result.map_err(|error| match error.status {
        StatusCode::NOT_FOUND => ApiError::not_found(format!("no run `{id}` in the trash")),
        _ => error,
    })?;
    run_json(&state, &id).await.map(Json)
}
