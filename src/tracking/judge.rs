//! What can honestly be said of two runs or more, with all runs that repeat them under other seeds.

mod all;

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use super::compare::{Difference, counts, differences, folds, headline, repetition_key, results, tells_configs_apart};
use super::pairs::Pairs;
use super::verdict::{Claim, Group, Verdict, mcnemar, over_folds, sentence, verdict};
use super::{MetricKey, Run, RunId, Status, Store, TrackingError, Trial, TrialState};
use crate::metric::Goal;
use crate::shell::{elsewhere, quoted_path};

pub use all::{Compared, Comparison, Comparisons, judge_all, letters};

/// Seeds to add where one alone cannot tell: enough for an interval that means something.
const SEEDS_TO_START_WITH: usize = 10;

/// A verdict on two runs, A and B.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// What they are judged by.
    pub metric: MetricKey,
    /// What changed, what it did, at what cost in time.
    pub sentence: String,
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Mean seconds of training of A and of B.
    pub seconds: Option<(f64, f64)>,
    /// Single runs on the same test rows: which of them each got right alone.
    pub mistakes: Option<Mistakes>,
    /// Commands that would settle what is open: more seeds of A, of B.
    pub next: Vec<String>,
}

/// Rows that one of two models got right and the other did not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mistakes {
    pub only_a_right: u64,
    pub only_b_right: u64,
    /// McNemar's exact test of both being equally good on rows like these.
    pub p_value: f64,
}

/// Judges A and B, each with its repetitions among the store's runs; `None` where no metric is common to all.
///
/// # Errors
/// A store that cannot be read.
pub fn judge(store: &Store, a: &Run, b: &Run) -> Result<Option<Judgement>, TrackingError> {
    let runs = store.runs()?;
    let (group_a, group_b) = (with_repetitions(&[a], &runs), with_repetitions(&[b], &runs));
    let Some(metric) = headline(group_a.iter().chain(&group_b).copied()) else { return Ok(None) };
    let goal = metric.required_goal()?;
    let changed = changed(a, b);
    let (name_a, name_b) = names(&changed);
    let other_data = changed.iter().find(|difference| changes_the_test(&difference.key));
    let (results_a, results_b) = (results(&group_a, &metric), results(&group_b, &metric));
    let verdict =
        verdict(&Group { name: &name_a, results: &results_a }, &Group { name: &name_b, results: &results_b }, goal);
    let verdict = match folds(a) {
        Some(folds) => over_folds(verdict, folds, goal),
        None => verdict,
    };
    let seconds = mean_seconds(&group_a).zip(mean_seconds(&group_b));
    let verdict = match other_data {
        Some(_) => Verdict { claim: Claim::NoClaim, ..verdict },
        None => verdict,
    };
    let is_single = group_a.len() == 1 && group_b.len() == 1;
    let mistakes = match is_single {
        true => mistakes(&store.folder(&a.record.id), &store.folder(&b.record.id)),
        false => None,
    };
    let mut text = changed_words(&changed);
    let told = sentence(&verdict, &name_a, &name_b, metric.as_str());
    let told = match told.strip_prefix("not distinguishable:") {
        Some(rest) => format!("Not distinguishable in {metric} ({name_b} less {name_a}):{rest}"),
        None => told,
    };
    let told = in_folds(a, told);
    match other_data {
        Some(difference) => {
            text = tested_apart("A", "B", difference);
        }
        None => text.push_str(&told),
    }
    text.push_str(&unfinished(store, "A", &[a]));
    text.push_str(&unfinished(store, "B", &[b]));
    if let Some((seconds_a, seconds_b)) = seconds.filter(|(seconds_a, _)| *seconds_a > 0.0) {
        let ratio = seconds_b / seconds_a;
        let ratio = if (0.1..10.0).contains(&ratio) { format!(", {ratio:.2} times as long") } else { String::new() };
        text.push_str(&format!(" Training took {seconds_b:.2} s against {seconds_a:.2} s{ratio}."));
    }
    if let Some(Mistakes { only_a_right, only_b_right, p_value }) = mistakes {
        text.push_str(&format!(
            " On the same test rows A alone is right in {only_a_right}, B alone in {only_b_right} \
             (McNemar's exact test: p = {p_value:.2})."
        ));
    }
    let next = match other_data.is_some() || folds(a).is_some() {
        true => Vec::new(),
        false => next(store, &verdict, [(a, &group_a), (b, &group_b)]),
    };
    Ok(Some(Judgement { metric, sentence: text, verdict, seconds, mistakes, next }))
}

/// A sentence on seeds, in the words of a cross-validation where `run` is of one.
fn in_folds(run: &Run, sentence: String) -> String {
    match folds(run) {
        Some(_) => sentence.replace(" seeds", " folds").replace("1000 folds", "more folds of these rows"),
        None => sentence,
    }
}

fn tested_apart(a: &str, b: &str, difference: &Difference) -> String {
    format!("{a} and {b} are tested on different rows ({} differs): no comparison.", difference.key)
}

/// A sentence for each run that is not done, with a space before it.
fn unfinished(store: &Store, name: &str, runs: &[&Run]) -> String {
    let open = runs.iter().filter(|run| run.record.status != Status::Finished);
    let told = open.map(|run| format!(" {name} is not done: it is {}.", store.shown(run)));
    // Several runs of one config may be in one state.
    let mut told: Vec<String> = told.collect();
    told.dedup();
    told.concat()
}

/// The runs with those that repeat them, themselves included whatever their status.
fn with_repetitions<'a>(named: &[&'a Run], runs: &'a [Run]) -> Vec<&'a Run> {
    let key = repetition_key(named[0]);
    let is_named = |other: &Run| named.iter().any(|run| run.record.id == other.record.id);
    let is_other = |other: &&Run| !is_named(other) && counts(other) && repetition_key(other) == key;
    named.iter().copied().chain(runs.iter().filter(is_other)).collect()
}

/// The finished trials that have a value, the best first; none where neither direction of `metric` is better.
pub fn ranked<'a>(trials: &'a [Trial], metric: &MetricKey) -> Vec<(&'a Trial, f64)> {
    let Some(goal) = metric.goal() else { return Vec::new() };
    let value = |trial: &'a Trial| trial.value.filter(|value| value.is_finite()).map(|value| (trial, value));
    let finished = trials.iter().filter(|trial| trial.state == TrialState::Finished);
    let mut ranked: Vec<_> = finished.filter_map(value).collect();
    ranked.sort_by(|(_, a), (_, b)| match goal {
        Goal::Lower => a.total_cmp(b),
        Goal::Higher => b.total_cmp(a),
    });
    ranked
}

/// Whether a param decides which rows a model is tested on, or what they are.
pub fn changes_the_test(key: &str) -> bool {
    const OF_INPUTS: [&str; 8] = [
        "data.scale",
        "data.validation_fraction",
        "data.train_per_class",
        "data.max_categories",
        "data.drop",
        "data.numeric",
        "data.categorical",
        "data.allow_constant",
    ];
    key.starts_with("data.") && !OF_INPUTS.contains(&key)
}

/// The params that differ, names and seeds aside.
fn changed(a: &Run, b: &Run) -> Vec<Difference> {
    let mut changed = differences(&[&a.record.params, &b.record.params]);
    changed.retain(|difference| tells_configs_apart(&difference.key));
    changed
}

/// What to call the two: by the one param that differs, else A and B.
fn names(changed: &[Difference]) -> (String, String) {
    match changed {
        [Difference { key, values }] => {
            let name = |value: &Option<serde_json::Value>| match value {
                Some(serde_json::Value::String(text)) => format!("{key} = {text}"),
                Some(value) => format!("{key} = {value}"),
                None => format!("{key} not set"),
            };
            (name(&values[0]), name(&values[1]))
        }
        _ => ("A".into(), "B".into()),
    }
}

fn changed_words(changed: &[Difference]) -> String {
    match changed {
        [] => "A and B have the same config. ".into(),
        [_] => String::new(),
        changed => {
            let keys: Vec<&str> = changed.iter().take(4).map(|difference| difference.key.as_str()).collect();
            let more = changed.len().saturating_sub(keys.len());
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("A and B differ in {}{more}. ", keys.join(", "))
        }
    }
}

/// Mean seconds until the last epoch.
fn mean_seconds(group: &[&Run]) -> Option<f64> {
    let last = |run: &&Run| {
        let trained = run.metrics.iter().filter(|(key, _)| key.split() == "train");
        trained.map(|(_, metric)| metric.last_time).reduce(f64::max)
    };
    let seconds: Vec<f64> = group.iter().filter_map(last).collect();
    (!seconds.is_empty()).then(|| seconds.iter().sum::<f64>() / seconds.len() as f64)
}

/// The seeds that are missing for a claim, as commands; none where the verdict is a claim, or no number would help.
fn next(store: &Store, verdict: &Verdict, groups: [(&Run, &Vec<&Run>); 2]) -> Vec<String> {
    let wanted = match verdict.claim {
        Claim::NoClaim => Some(SEEDS_TO_START_WITH),
        Claim::NotDistinguishable => verdict.seeds_needed,
        Claim::Better | Claim::Worse => None,
    };
    let Some(wanted) = wanted else { return Vec::new() };
    groups.into_iter().filter_map(|(run, group)| missing_seeds(store, run, group, wanted)).collect()
}

/// Trains `run`'s config under the seeds that its group lacks; `None` where it lacks none.
fn missing_seeds(store: &Store, run: &Run, group: &[&Run], wanted: usize) -> Option<String> {
    let missing = wanted.checked_sub(group.len()).filter(|&missing| missing > 0)?;
    let first = group.iter().map(|run| run.record.seed).max()?.wrapping_add(1);
    Some(retrain(store, &run.record.id, first, missing))
}

/// The command that trains the config of `run` anew, under `count` seeds from `first` on.
pub fn retrain(store: &Store, run: &RunId, first: u64, count: usize) -> String {
    let config = store.folder(run).join("config.toml");
    let (config, elsewhere) = (quoted_path(&config), elsewhere(store.root()));
    format!("burnlab --config {config} --set seed={first} --seeds {count}{elsewhere}")
}

/// Compares the classes that two runs predicted, if both left predictions of the same rows.
fn mistakes(folder_a: &Path, folder_b: &Path) -> Option<Mistakes> {
    let mut pairs = Pairs::open(folder_a, folder_b).ok().filter(|pairs| !pairs.is_numeric())?;
    let (mut only_a_right, mut only_b_right) = (0, 0);
    while let Some(pair) = pairs.read().ok()? {
        match (pair.a.is_right(), pair.b.is_right()) {
            (true, false) => only_a_right += 1,
            (false, true) => only_b_right += 1,
            _ => {}
        }
    }
    Some(Mistakes { only_a_right, only_b_right, p_value: mcnemar(only_a_right, only_b_right) })
}

/// Runs that repeat each other, together; in the order of the first of each. What did not finish stands alone.
pub fn groups<'a>(runs: impl Iterator<Item = &'a Run>) -> Vec<Vec<&'a Run>> {
    let mut groups: Vec<Vec<&Run>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for run in runs {
        if counts(run) {
            let place = *places.entry(repetition_key(run)).or_insert(groups.len());
            if place < groups.len() {
                groups[place].push(run);
                continue;
            }
        }
        groups.push(vec![run]);
    }
    groups
}
