//! Parses what requests name: run ids and query strings.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::Query;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use serde::de::DeserializeOwned;

use super::ApiError;
use crate::keyed;
use crate::tracking::{RunId, TrackingError};

/// Parses a run id from a path. A text that cannot be an id names no run.
///
/// # Errors
/// 404 for such a text.
pub fn run_id(text: &str) -> Result<RunId, ApiError> {
    Ok(RunId::from_str(text).map_err(TrackingError::from)?)
}

/// Parses a comma-separated list of at most `most` run ids.
///
/// # Errors
/// 404 for a text that cannot be an id, 400 for too many.
pub fn run_ids(list: &str, most: usize) -> Result<Vec<RunId>, ApiError> {
    let ids: Vec<RunId> = list.split(',').filter(|id| !id.is_empty()).map(run_id).collect::<Result<_, _>>()?;
    if ids.len() > most {
        return Err(ApiError::bad_request(format!("{} runs at once; ask for {most} at most", ids.len())));
    }
    Ok(ids)
}

/// The body of a request as a `T`.
///
/// # Errors
/// 400 with what is wrong with it, 413 for one that is too long.
pub fn parsed<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, ApiError> {
    let body = body.map_err(|error| ApiError::new(error.status(), error.body_text()))?;
    keyed::from_json(&body).map_err(ApiError::bad_request)
}

/// The query string as a `T`.
///
/// # Errors
/// 400 with a line that says what is wrong with it.
pub fn checked<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, ApiError> {
    query.map(|Query(query)| query).map_err(|error| ApiError::bad_request(error.body_text()))
}
