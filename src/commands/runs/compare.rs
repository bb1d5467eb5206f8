//! `runs compare`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::comparison::differences;
use crate::comparison::judge::{judge, judge_all, leaders, letters};
use crate::tracking::folder::{check_sum, is_lost};
use crate::tracking::{MetricKey, MetricSummary, Run, Store};

use super::select::json;
use super::table;
use crate::experiment::run_folder::{PREDICTIONS, TEST_GROUPS, recorded};

/// What differs between runs, and which is better in `metric` (by default the most meaningful one), as text or JSON.
pub fn text(store: &Store, queries: &[String], metric: Option<&str>, as_json: bool) -> anyhow::Result<String> {
    let runs = queries.iter().map(|query| recorded(store, query)).collect::<Result<Vec<Run>, _>>()?;
    let all = store.runs()?;
    if as_json {
        let params: Vec<&BTreeMap<String, Value>> = runs.iter().map(|run| &run.record.params).collect();
        let params = differences(&params);
        let keys: BTreeSet<&MetricKey> = runs.iter().flat_map(|run| run.metrics.keys()).collect();
        let summaries = |key: &MetricKey| runs.iter().map(|run| run.metrics.get(key).copied()).collect::<Vec<_>>();
        let ids: Vec<&str> = runs.iter().map(|run| run.record.id.as_str()).collect();
        let metrics: Vec<Value> = keys.iter().map(|key| json!({ "key": key, "values": summaries(key) })).collect();
        let judgement = if let [a, b] = &runs[..] { judge(store, &all, a, b, metric)? } else { None };
        let comparisons = if runs.len() > 2 { judge_all(store, &all, &runs, metric)? } else { None };
        return json(&json!({
            "ids": ids, "params": params, "metrics": metrics, "leaders": leaders(store, &all, &runs), "judgement": judgement, "comparisons": comparisons,
            "problem": altered(store, &all, &runs),
        }));
    }
    let Comparison { names, params, metrics } = Comparison::new(store, &all, &runs);
    let legend = names
        .iter()
        .zip(&runs)
        .map(|(name, run)| vec![name.clone(), run.record.id.to_string(), store.shown(run).to_string()]);
    let mut text = table::render(&["".to_owned(), "run".to_owned(), "status".to_owned()], &legend.collect::<Vec<_>>());
    let said = said(store, &all, &runs, metric)?;
    text.extend(said.sentences.iter().take(1).map(|_| "\n"));
    text.extend(said.sentences.iter().map(|sentence| format!("{sentence}\n")));
    text.extend(said.next.iter().map(|command| format!("next   more seeds: {command}\n")));
    let header = |first: &str| std::iter::once(first.to_owned()).chain(names.clone()).collect::<Vec<String>>();
    if params.is_empty() {
        text.push_str("\nno param differs\n");
    } else {
        text.push('\n');
        let first = if params.len() == 1 { "param that differs" } else { "params that differ" };
        text.push_str(&table::render(&header(first), &params));
    }
    if !metrics.is_empty() {
        text.push('\n');
        if said.counts_repetitions {
            text.push_str("Each column is the one run named above, not the mean over its seeds.\n");
        }
        text.push_str(&table::render(&header("best value @ epoch (* of all)"), &metrics));
    }
    Ok(text)
}

/// What is to be said of some runs.
#[derive(Default)]
pub struct Said {
    /// The verdict, a line each: none where no metric is common to all.
    pub sentences: Vec<String>,
    /// Commands that train more seeds.
    pub next: Vec<String>,
    /// Whether the verdict also rests on runs that are not among those named.
    pub counts_repetitions: bool,
}

/// The verdict on two runs; of more, that of every other config against the first, and the selection bias of the best.
///
/// # Errors
/// A store that cannot be read; a metric that they do not have in common.
pub fn said(store: &Store, all: &[Run], runs: &[Run], metric: Option<&str>) -> anyhow::Result<Said> {
    if let [a, b] = runs {
        let Some(judgement) = judge(store, all, a, b, metric)? else { return Ok(Said::default()) };
        let counts_repetitions = judgement.verdict.num_a.max(judgement.verdict.num_b) > 1;
        let sentences = [judgement.sentence].into_iter().chain(altered(store, all, runs)).collect();
        return Ok(Said { sentences, next: judgement.next, counts_repetitions });
    }
    let Some(comparisons) = (if runs.len() > 2 { judge_all(store, all, runs, metric)? } else { None }) else {
        return Ok(Said::default());
    };
    let counts_repetitions = comparisons.configs.iter().any(|config| config.num_seeds > config.runs.len());
    let compared = comparisons.configs.into_iter().filter_map(|config| config.comparison);
    let mut sentences: Vec<String> = compared.map(|comparison| comparison.sentence).collect();
    if comparisons.num_tests > 1 {
        sentences.push(format!("The p-values are corrected for {} comparisons (Holm).", comparisons.num_tests));
    }
    sentences.extend(comparisons.luck);
    sentences.extend(altered(store, all, runs));
    Ok(Said { sentences, next: comparisons.next, counts_repetitions })
}

/// That the predictions of a run are not those of its training, which are left out of a verdict.
fn altered(store: &Store, all: &[Run], runs: &[Run]) -> Option<String> {
    let is_compared = |run: &&Run| runs.iter().any(|named| named.record.experiment == run.record.experiment);
    let folders = all.iter().filter(is_compared).map(|run| store.folder(&run.record.id));
    let problem = |folder: PathBuf| {
        let of_file = |name: &str| match is_lost(&folder, name) {
            Ok(true) => Some(format!("`{}` is gone", folder.join(name).display())),
            Ok(false) => check_sum(&folder, name).err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        [PREDICTIONS, TEST_GROUPS].into_iter().find_map(of_file)
    };
    let problem = { folders }.find_map(problem)?;
    Some(format!("How much the difference owes to the choice of test rows is not known: {problem}."))
}

/// Runs side by side, as text cells.
pub struct Comparison {
    /// A, B, C ...
    pub names: Vec<String>,
    /// For each param that differs: its key, then its value in each run.
    pub params: Vec<Vec<String>>,
    /// For each metric: its key, then each run's best value with its epoch; a star marks the best of all, where they can be
    /// compared and told apart.
    pub metrics: Vec<Vec<String>>,
}

impl Comparison {
    /// Compares `runs`, each with its repetitions among `all`.
    pub fn new(store: &Store, all: &[Run], runs: &[Run]) -> Self {
        let leaders = leaders(store, all, runs);
        let params: Vec<&BTreeMap<String, Value>> = runs.iter().map(|run| &run.record.params).collect();
        let cell = |value: &Option<Value>| value.as_ref().map(table::json_cell).unwrap_or_default();
        let params = differences(&params)
            .into_iter()
            .map(|difference| [difference.key].into_iter().chain(difference.values.iter().map(cell)).collect());
        let keys: BTreeSet<&MetricKey> = runs.iter().flat_map(|run| run.metrics.keys()).collect();
        let metrics = keys.into_iter().map(|key| {
            let summaries: Vec<_> = runs.iter().map(|run| run.metrics.get(key).copied()).collect();
            [key.to_string()].into_iter().chain(marked(&summaries, leaders.get(key).copied())).collect()
        });
        Self { names: (0..runs.len()).map(letters).collect(), params: params.collect(), metrics: metrics.collect() }
    }
}

/// Each run's best value with its epoch; a star marks the `leader`. A metric without a direction has no best value, so its
/// last one is shown.
fn marked(values: &[Option<MetricSummary>], leader: Option<usize>) -> Vec<String> {
    let cell = |(index, value): (usize, &Option<MetricSummary>)| {
        let Some(value) = value else { return String::new() };
        // Never finite, or without a direction.
        let Some(number) = value.best else { return table::short(value.last) };
        let star = if leader == Some(index) { "*" } else { "" };
        let epoch = value.best_epoch.filter(|&epoch| epoch > 0).map(|epoch| format!(" @ {epoch}")).unwrap_or_default();
        format!("{}{epoch}{star}", table::short(number))
    };
    values.iter().enumerate().map(cell).collect()
}
