//! One run against another.

use serde::Serialize;

use super::decide::Results;
use super::mistakes::{Mistakes, mistakes};
use super::more_seeds::next;
use super::sentences;
use crate::comparison::difference::config_changes;
use crate::comparison::headline::chosen;
use crate::comparison::repetition::{mean_seconds, with_repetitions};
use crate::comparison::tested::{are_other_rows, other_rows, remarks};
use crate::comparison::verdict::{Names, Unit, Verdict, sentence};
use crate::tracking::{MetricKey, Run, Store, TrackingError};

/// A comparison of two runs, A and B.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// The metric they are compared by.
    pub metric: MetricKey,
    /// What was changed, its effect, and its cost in training time.
    pub sentence: String,
    /// Why there is nothing to compare; null where there is.
    pub other_rows: Option<String>,
    /// Whether A and B themselves are tested on the same rows, as far as is known, so that they can be compared row by row.
    pub same_rows: bool,
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Mean training time of A and of B, in seconds.
    pub seconds: Option<(f64, f64)>,
    /// For single runs on the same test rows: the rows that only one of them got right.
    pub mistakes: Option<Mistakes>,
    /// Commands that train the seeds of A and of B that are missing for a claim.
    pub next: Vec<String>,
}

/// Compares A and B, each with its repetitions among `all` (runs of the store), by the test metric `asked` or the most meaningful
/// one; `None` if no metric is common to all.
///
/// # Errors
/// A metric that they do not have in common.
pub fn judge(
    store: &Store,
    all: &[Run],
    a: &Run,
    b: &Run,
    asked: Option<&str>,
) -> Result<Option<Judgement>, TrackingError> {
    let (group_a, group_b) = (with_repetitions(&[a], all), with_repetitions(&[b], all));
    let Some(metric) = chosen(asked, &[&group_a, &group_b])? else { return Ok(None) };
    let changes = config_changes(a, b);
    let (name_a, name_b) = sentences::config_names(&changes);
    let other_rows = other_rows(&group_a, &group_b);
    let results = Results::new(store, &group_a, &group_b, &metric);
    let verdict = results.verdict(metric.required_goal()?, other_rows.as_deref());
    let seconds = mean_seconds(&group_a).zip(mean_seconds(&group_b));
    let is_single = group_a.len() == 1 && group_b.len() == 1;
    let same_rows = !are_other_rows(a, b);
    let mistakes = match is_single && other_rows.is_none() && !are_other_rows(a, b) {
        true => mistakes(&store.folder(&a.record.id), &store.folder(&b.record.id)),
        false => None,
    };
    let mut text = Vec::new();
    let is_same_run = a.record.id == b.record.id;
    match &other_rows {
        _ if is_same_run => text.push(sentences::same_run(&a.record.id)),
        Some(reason) => text.push(sentences::other_rows("A", "B", reason)),
        None => {
            let names = Names { a: &name_a, b: &name_b, metric: metric.as_str(), unit: results.unit };
            text.extend(sentences::changes(&changes));
            text.push(sentence(&verdict, names));
            text.extend(remarks(&group_a, &group_b));
        }
    }
    text.extend(sentences::unfinished(store, "A", &[a]));
    if !is_same_run {
        text.extend(sentences::unfinished(store, "B", &[b]));
        text.extend(seconds.filter(|_| other_rows.is_none()).and_then(sentences::training_time));
        text.extend(mistakes.map(sentences::mistakes));
    }
    let next = match (&other_rows, results.unit) {
        _ if is_same_run => Vec::new(),
        (None, Unit::Seeds | Unit::TestRows { .. } | Unit::Splits { .. }) => {
            next(store, &verdict, [(a, &group_a), (b, &group_b)])
        }
        (Some(_), _) | (None, Unit::Folds { .. }) => Vec::new(),
    };
    Ok(Some(Judgement { metric, sentence: text.join(" "), other_rows, same_rows, verdict, seconds, mistakes, next }))
}
