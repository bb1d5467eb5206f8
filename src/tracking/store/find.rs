//! Ids by their unique beginning.

use crate::tracking::{RunId, TrackingError};

pub(super) fn no_such_run(query: &str) -> TrackingError {
    TrackingError::NoSuchRun { query: query.to_owned() }
}

/// The id that `query` refers to: a whole id, its unique beginning, or `latest`. `ids` are sorted newest first; `none`
/// and `several` (with the number of matches and up to five of them) make the errors.
pub(in crate::tracking) fn find_id(
    query: &str,
    ids: Vec<RunId>,
    none: impl Fn(&str) -> TrackingError,
    several: impl Fn(&str, usize, Vec<String>) -> TrackingError,
) -> Result<RunId, TrackingError> {
    let mut candidates: Vec<RunId> = match query {
        "latest" => ids.into_iter().take(1).collect(),
        "" => Vec::new(),
        _ => ids.into_iter().filter(|id| id.as_str().starts_with(query)).collect(),
    };
    match candidates.len() {
        0 => Err(none(query)),
        1 => Ok(candidates.remove(0)),
        count => Err(several(query, count, candidates.iter().take(5).map(RunId::to_string).collect())),
    }
}

/// As [`find_id`], with the errors for runs.
pub(super) fn find_run(query: &str, ids: Vec<RunId>) -> Result<RunId, TrackingError> {
    find_id(query, ids, no_such_run, |query, count, candidates| TrackingError::AmbiguousRun {
        query: query.to_owned(),
        count,
        candidates,
    })
}
