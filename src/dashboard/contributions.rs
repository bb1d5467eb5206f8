//! `GET /api/runs/{id}/contributions`: a picture of what each column of a test row adds to its prediction.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Path as UrlPath, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use serde::Deserialize;

use super::files::SANDBOX;
use super::request::run_id;
use super::{ApiError, AppState};
use crate::tracking::Store;
use crate::web::QueryParams;

/// Makes an SVG picture of a test row, numbered as in `predictions.csv`, from the run folder alone.
type Explain = dyn Fn(&Path, usize) -> anyhow::Result<String> + Send + Sync;

/// Explains predictions. What does knows the models, of which the dashboard knows nothing.
#[derive(Clone)]
pub struct Explainer(pub Arc<Explain>);

impl fmt::Debug for Explainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Explainer")
    }
}

#[derive(Debug, Deserialize)]
pub struct ContributionsQuery {
    row: usize,
}

/// `GET /api/runs/{id}/contributions?row=N`.
pub async fn contributions(
    State(state): State<AppState>,
    UrlPath(id): UrlPath<String>,
    QueryParams(query): QueryParams<ContributionsQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let id = run_id(&id)?;
    let row = query.row;
    let Some(Explainer(explain)) = state.shared.models.explainer.clone() else {
        return Err(ApiError::not_found("this dashboard explains no predictions"));
    };
    let find = move |store: &Store| {
        let id = store.run(&id)?.record.id;
        store.local_folder(&id)?.ok_or_else(|| ApiError::not_found(format!("run `{id}` has no folder here")))
    };
    let folder = state.read(find).await?;
    let explain = move || explain(&folder, row).map_err(|error| ApiError::bad_request(format!("{error:#}")));
    let picture = state.compute(explain).await?;
    Ok(([(CONTENT_TYPE, "image/svg+xml"), (CONTENT_SECURITY_POLICY, SANDBOX)], picture))
}
