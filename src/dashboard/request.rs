//! Parses the run ids that requests name.

use std::str::FromStr;

use super::ApiError;
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
