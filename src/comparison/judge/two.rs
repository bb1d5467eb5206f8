//! One run against another.

use serde::Serialize;

use super::mistakes::{Mistakes, mistakes};
use super::more_seeds::next;
use super::sentences;
use crate::comparison::difference::{changes_the_test, config_changes};
use crate::comparison::headline::chosen;
use crate::comparison::repetition::{results, unit, with_repetitions};
use crate::comparison::verdict::{Claim, Group, Names, Unit, Verdict, sentence, verdict};
use crate::tracking::{MetricKey, Run, Store, TrackingError};

/// A comparison of two runs, A and B.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// The metric they are compared by.
    pub metric: MetricKey,
    /// What was changed, its effect, and its cost in training time.
    pub sentence: String,
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Mean training time of A and of B, in seconds.
    pub seconds: Option<(f64, f64)>,
    /// For single runs on the same test rows: the rows that only one of them got right.
    pub mistakes: Option<Mistakes>,
    /// Commands that train the seeds of A and of B that are missing for a claim.
    pub next: Vec<String>,
}

/// Compares A and B, each with its repetitions among the store's runs, by the test metric `asked` or the most meaningful
/// one; `None` if no metric is common to all.
///
/// # Errors
/// A store that cannot be read; a metric that they do not have in common.
pub fn judge(store: &Store, a: &Run, b: &Run, asked: Option<&str>) -> Result<Option<Judgement>, TrackingError> {
    let runs = store.runs()?;
    let (group_a, group_b) = (with_repetitions(&[a], &runs), with_repetitions(&[b], &runs));
    let Some(metric) = chosen(asked, &[&group_a, &group_b])? else { return Ok(None) };
    let changes = config_changes(a, b);
    let (name_a, name_b) = sentences::config_names(&changes);
    let other_rows = changes.iter().find(|difference| changes_the_test(&difference.key));
    let (results_a, results_b) = (results(&group_a, &metric), results(&group_b, &metric));
    let (results_a, results_b) =
        (Group { name: &name_a, results: &results_a }, Group { name: &name_b, results: &results_b });
    let unit = unit(a);
    let mut verdict = verdict(&results_a, &results_b, metric.required_goal()?, unit);
    if other_rows.is_some() {
        verdict.claim = Claim::NoClaim;
    }
    let seconds = mean_seconds(&group_a).zip(mean_seconds(&group_b));
    let is_single = group_a.len() == 1 && group_b.len() == 1;
    let mistakes = match is_single {
        true => mistakes(&store.folder(&a.record.id), &store.folder(&b.record.id)),
        false => None,
    };
    let mut text = Vec::new();
    match other_rows {
        Some(difference) => text.push(sentences::other_rows("A", "B", difference)),
        None => {
            let names = Names { a: &name_a, b: &name_b, metric: metric.as_str(), unit };
            text.extend(sentences::changes(&changes));
            text.push(sentence(&verdict, names));
        }
    }
    text.extend(sentences::unfinished(store, "A", &[a]));
    text.extend(sentences::unfinished(store, "B", &[b]));
    text.extend(seconds.and_then(sentences::training_time));
    text.extend(mistakes.map(sentences::mistakes));
    let next = match (other_rows, unit) {
        (None, Unit::Seeds) => next(store, &verdict, [(a, &group_a), (b, &group_b)]),
        (Some(_), _) | (None, Unit::Folds { .. }) => Vec::new(),
    };
    Ok(Some(Judgement { metric, sentence: text.join(" "), verdict, seconds, mistakes, next }))
}

/// Mean over a group of the seconds until the last epoch; `None` if no run has trained.
fn mean_seconds(group: &[&Run]) -> Option<f64> {
    let last = |run: &&Run| {
        let trained = run.metrics.iter().filter(|(key, _)| key.split() == "train");
        trained.map(|(_, metric)| metric.last_time).reduce(f64::max)
    };
    let seconds: Vec<f64> = group.iter().filter_map(last).collect();
    (!seconds.is_empty()).then(|| seconds.iter().sum::<f64>() / seconds.len() as f64)
}
