//! `GET /api/report`: some runs as one page to keep or to send, with the verdict on top.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use serde::Deserialize;

use super::files::SANDBOX;
use super::request::run_ids;
use super::{ApiError, AppState};
use crate::tracking::{Run, Store};
use crate::web::QueryParams;

/// The most runs of one report: each has pictures that are drawn from its model.
const MAX_RUNS: usize = 10;

/// Makes HTML without scripts of some runs.
type Write = dyn Fn(&Store, &[Run]) -> anyhow::Result<String> + Send + Sync;

/// Writes a report. What does knows the models, of which the dashboard knows nothing.
#[derive(Clone)]
pub struct Reporter(pub Arc<Write>);

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporter")
    }
}

#[derive(Debug, Deserialize)]
pub struct ReportQuery {
    runs: String,
}

/// `GET /api/report?runs=ID,ID`
pub async fn report(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<ReportQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let ids = run_ids(&query.runs, MAX_RUNS)?;
    if ids.is_empty() {
        return Err(ApiError::bad_request("name the runs of the report: ?runs=ID,ID"));
    }
    let Some(Reporter(write)) = state.shared.models.reporter.clone() else {
        return Err(ApiError::not_found("this dashboard writes no reports"));
    };
    let location = state.shared.location.clone();
    let html = state
        .compute(move || {
            let store = Store::open_read_only_at(&location)?;
            let runs = ids.iter().map(|id| store.run(id)).collect::<Result<Vec<Run>, _>>()?;
            write(&store, &runs).map_err(|error| ApiError::bad_request(format!("{error:#}")))
        })
        .await?;
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"report.html\""),
        (CONTENT_SECURITY_POLICY, SANDBOX),
    ];
    Ok((headers, html))
}
