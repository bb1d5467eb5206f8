//! Ids by their unique beginning, and by the names of experiments.

use std::collections::BTreeSet;

use crate::shell::program;
use crate::tracking::{RunId, TrackingError};

pub(super) fn no_such_run(query: &str) -> TrackingError {
    let hint = format!("`{} runs list` shows them", program());
    TrackingError::NoSuchRun { query: query.to_owned(), hint }
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

/// Those of `all`, each with the name of its experiment, that `query` names: by exactly this name, or else by the only one that is
/// alike but for capitals and signs.
///
/// # Errors
/// Several that are alike.
pub(in crate::tracking) fn of_experiment<T>(query: &str, all: Vec<(T, String)>) -> Result<Vec<T>, TrackingError> {
    let has_exact = all.iter().any(|(_, name)| name == query);
    let letters = |name: &str| -> String {
        name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let wanted = letters(query);
    let is_meant = |name: &str| match has_exact {
        true => name == query,
        false => !wanted.is_empty() && letters(name) == wanted,
    };
    let meant: Vec<(T, String)> = all.into_iter().filter(|(_, name)| is_meant(name)).collect();
    let names: BTreeSet<&str> = meant.iter().map(|(_, name)| name.as_str()).collect();
    if names.len() > 1 {
        let names = names.into_iter().take(5).map(str::to_owned).collect();
        return Err(TrackingError::AmbiguousExperiment { query: query.to_owned(), names });
    }
    Ok(meant.into_iter().map(|(found, _)| found).collect())
}

/// As [`find_id`], with the errors for runs.
pub(super) fn find_run(query: &str, ids: Vec<RunId>) -> Result<RunId, TrackingError> {
    find_id(query, ids, no_such_run, |query, count, candidates| TrackingError::AmbiguousRun {
        query: query.to_owned(),
        count,
        candidates,
    })
}
