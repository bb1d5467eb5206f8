//! Selects runs by a filter, and formats runs as JSON.

use anyhow::Context;
use serde::Serialize;

use crate::commands::output::tell;
use crate::comparison::Vocabulary;
use crate::comparison::filter::Filter;
use crate::figures::counted;
use crate::shown::escaped_json;
use crate::tracking::{Run, Shown, Store};

/// The runs that match, newest first, with the status to show; and the names that the store's runs have.
pub(super) fn select(store: &Store, filter: &str, archived: bool) -> anyhow::Result<(Vec<(Run, Shown)>, Vocabulary)> {
    let (runs, num_damaged) = store.runs_and_damaged()?;
    if num_damaged > 0 {
        let reindex = store.command(&["runs", "reindex"]);
        let left = counted(num_damaged, "run");
        tell!("{left} left out: the store's rows of them are damaged; `{reindex}` writes them anew from their folders");
    }
    let vocabulary = Vocabulary::new(runs.iter());
    let parsed = filter.parse().and_then(|filter: Filter| filter.resolved(&vocabulary));
    let filter = parsed.with_context(|| format!("--filter `{filter}`"))?;
    let runs = runs.into_iter().filter(|run| archived || !run.record.archived);
    let shown = runs.map(|run| (store.shown(&run), run)).map(|(shown, run)| (run, shown));
    Ok((shown.filter(|(run, shown)| filter.matches(run, *shown)).collect(), vocabulary))
}

/// A run as JSON: its record, metrics, and the status to show.
#[derive(Debug, Serialize)]
pub(super) struct JsonRun<'a> {
    #[serde(flatten)]
    pub run: &'a Run,
    pub shown: Shown,
}

/// Indented JSON, which terminals show as it is.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(escaped_json(&serde_json::to_string_pretty(value)?).into_owned() + "\n")
}
