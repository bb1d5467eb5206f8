//! `GET /api/compare`: what differs between runs, side by side.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::api::evaluation;
use super::entry::Entry;
use super::request::run_ids;
use super::{ApiError, AppState};
use crate::comparison::judge::{Comparisons, Judgement, judge, judge_all, leaders};
use crate::comparison::{Difference, differences};
use crate::tracking::{MetricKey, MetricSummary, Run};
use crate::web::QueryParams;

/// The most runs in one table; nobody can read more columns.
const MAX_RUNS: usize = 100;

#[derive(Debug, Deserialize)]
pub struct CompareQuery {
    ids: String,
    /// The test metric to judge by.
    metric: Option<String>,
}

/// The response; all values in the order of the ids.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Only what differs.
    params: Vec<Difference>,
    metrics: Vec<MetricRow>,
    /// By metric, the index of the run to mark as the best; none where the runs cannot be compared or told apart.
    leaders: BTreeMap<MetricKey, usize>,
    /// Each run's `evaluation.json`, or null.
    evaluations: Vec<Option<Box<RawValue>>>,
    /// For two runs: the verdict on them, each with its repetitions.
    judgement: Option<Judgement>,
    /// For more than two: the verdict on each config against the first.
    comparisons: Option<Comparisons>,
}

#[derive(Debug, Serialize)]
struct MetricRow {
    key: MetricKey,
    /// Null where the run did not measure it.
    values: Vec<Option<MetricSummary>>,
}

/// `GET /api/compare?ids=&metric=`
pub async fn compare(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<CompareQuery>,
) -> Result<Json<Comparison>, ApiError> {
    let CompareQuery { ids, metric } = query;
    let ids = run_ids(&ids, MAX_RUNS)?;
    let snapshot = state.snapshot().await?;
    let find = |id| snapshot.find(id).ok_or_else(|| ApiError::not_found(format!("no run `{id}`")));
    let entries: Vec<&Arc<Entry>> = ids.iter().map(find).collect::<Result<_, _>>()?;
    let compared: Vec<Run> = entries.iter().map(|entry| entry.run()).collect();
    let runs: Vec<&Run> = compared.iter().collect();
    let params: Vec<&BTreeMap<String, Value>> = runs.iter().map(|run| &run.record.params).collect();
    let (params, metrics) = (differences(&params), metric_rows(&runs));
    // A damaged evaluation is reported on the run's own page.
    let read = move |store: &_| Ok(ids.iter().map(|id| evaluation(store, id).unwrap_or_default()).collect());
    let evaluations = if compared.is_empty() { Vec::new() } else { state.read(read).await? };
    if compared.len() < 2 {
        let leaders = BTreeMap::new();
        return Ok(Json(Comparison { params, metrics, leaders, evaluations, judgement: None, comparisons: None }));
    }
    let configs: HashSet<u64> = entries.iter().map(|entry| entry.repetition).collect();
    let repetitions = snapshot.iter().filter(|entry| configs.contains(&entry.repetition));
    let all: Vec<Run> = repetitions.map(|entry| entry.run()).collect();
    let judgements = move |store: &_| match &compared[..] {
        runs @ [a, b] => Ok((judge(store, &all, a, b, metric.as_deref())?, None, leaders(store, &all, runs))),
        runs => Ok((None, judge_all(store, &all, runs, metric.as_deref())?, leaders(store, &all, runs))),
    };
    let (judgement, comparisons, leaders) = state.scan(judgements).await?;
    Ok(Json(Comparison { params, metrics, leaders, evaluations, judgement, comparisons }))
}

fn metric_rows(runs: &[&Run]) -> Vec<MetricRow> {
    let keys: BTreeSet<&MetricKey> = runs.iter().flat_map(|run| run.metrics.keys()).collect();
    let row = |key: &MetricKey| MetricRow {
        key: key.clone(),
        values: runs.iter().map(|run| run.metrics.get(key).copied()).collect(),
    };
    keys.into_iter().map(row).collect()
}
