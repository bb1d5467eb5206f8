//! `GET /api/experiments`, `GET /api/leaderboard`: the experiments of the store, and which config of one is best.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::snapshot::Snapshot;
use super::{ApiError, AppState};
use crate::comparison::field::Recorded;
use crate::comparison::{Leaderboard, Summary, leaderboard, summary};
use crate::tracking::{MetricKey, Run};
use crate::web::QueryParams;

/// The most experiments, or configs, of one answer.
const MAX_LIMIT: usize = 200;
/// How many summaries and leaderboards are kept for as long as their runs do not change.
const REMEMBERED: usize = 256;

/// What was answered last, so that only experiments with news cost time.
#[derive(Debug, Default)]
pub struct Boards {
    summaries: Mutex<Recent<Experiment>>,
    leaderboards: Mutex<Recent<Leaderboard>>,
}

/// The newest first: its name, a fingerprint of its runs, and what was found.
type Recent<T> = VecDeque<(String, u64, Arc<T>)>;

fn known<T>(recent: &Mutex<Recent<T>>, name: &str, fingerprint: u64) -> Option<Arc<T>> {
    let recent = lock(recent);
    let found = recent.iter().find(|(other, of, _)| other == name && *of == fingerprint);
    found.map(|(_, _, answer)| Arc::clone(answer))
}

fn remember<T>(recent: &Mutex<Recent<T>>, name: &str, fingerprint: u64, answer: T) -> Arc<T> {
    let answer = Arc::new(answer);
    let mut recent = lock(recent);
    recent.retain(|(other, _, _)| other != name);
    recent.truncate(REMEMBERED - 1);
    recent.push_front((name.to_owned(), fingerprint, Arc::clone(&answer)));
    answer
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Clone, Serialize)]
pub struct Experiment {
    #[serde(flatten)]
    summary: Summary,
    /// Numbers of runs by status, as shown.
    statuses: BTreeMap<String, usize>,
}

#[derive(Debug, Deserialize)]
pub struct PageQuery {
    #[serde(default)]
    offset: usize,
    #[serde(default = "default_limit")]
    limit: usize,
}

#[derive(Debug, Deserialize)]
pub struct BoardQuery {
    experiment: String,
    metric: Option<String>,
    #[serde(default)]
    offset: usize,
    #[serde(default = "default_limit")]
    limit: usize,
}

fn default_limit() -> usize {
    50
}

#[derive(Debug, Serialize)]
pub struct Experiments {
    /// Of all experiments, archived runs not counted.
    total: usize,
    /// The one with the latest activity first.
    experiments: Vec<Experiment>,
}

/// A page of the rows of a [`Leaderboard`].
#[derive(Debug, Serialize)]
pub struct Board {
    experiment: String,
    metric: Option<MetricKey>,
    metrics: Vec<MetricKey>,
    total: usize,
    rows: Vec<crate::comparison::Row>,
    baseline: Option<f64>,
    num_tests: usize,
    luck: Option<String>,
}

/// `GET /api/experiments?offset=&limit=`
pub async fn experiments(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<PageQuery>,
) -> Result<Json<Experiments>, ApiError> {
    let PageQuery { offset, limit } = query;
    let snapshot = state.snapshot().await?;
    let shared = Arc::clone(&state.shared);
    let found = state.work(move || Ok(summaries(&shared.boards, &snapshot))).await?;
    let total = found.len();
    let experiments = found.iter().skip(offset).take(limit.min(MAX_LIMIT)).map(|one| Experiment::clone(one)).collect();
    Ok(Json(Experiments { total, experiments }))
}

/// `GET /api/leaderboard?experiment=&metric=&offset=&limit=`
pub async fn board(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<BoardQuery>,
) -> Result<Json<Board>, ApiError> {
    let BoardQuery { experiment, metric, offset, limit } = query;
    let snapshot = state.snapshot().await?;
    let entries: Vec<Arc<Entry>> =
        snapshot.iter().filter(|entry| entry.record().experiment == experiment).cloned().collect();
    if entries.is_empty() {
        return Err(ApiError::not_found("no such experiment"));
    }
    let fingerprint = fingerprint(&entries);
    let key = format!("{experiment}\n{}", metric.as_deref().unwrap_or_default());
    let shared = Arc::clone(&state.shared);
    let found = match known(&shared.boards.leaderboards, &key, fingerprint) {
        Some(found) => found,
        None => {
            let judge = move |store: &_| {
                let runs: Vec<Run> = entries.iter().map(|entry| entry.run()).collect();
                Ok(leaderboard(store, &runs, metric.as_deref())?)
            };
            let found = state.scan(judge).await?;
            remember(&shared.boards.leaderboards, &key, fingerprint, found)
        }
    };
    let rows = found.rows.iter().skip(offset).take(limit.min(MAX_LIMIT)).cloned().collect();
    let Leaderboard { metric, metrics, baseline, num_tests, luck, .. } = found.as_ref().clone();
    Ok(Json(Board { experiment, metric, metrics, total: found.rows.len(), rows, baseline, num_tests, luck }))
}

/// All experiments, the one with the latest activity first.
fn summaries(boards: &Boards, snapshot: &Snapshot) -> Vec<Arc<Experiment>> {
    let mut by_name: HashMap<&str, Vec<Arc<Entry>>> = HashMap::new();
    for entry in snapshot.iter() {
        by_name.entry(&entry.record().experiment).or_default().push(Arc::clone(entry));
    }
    let mut found: Vec<Arc<Experiment>> = Vec::with_capacity(by_name.len());
    for (name, entries) in by_name {
        let fingerprint = fingerprint(&entries);
        let answer = known(&boards.summaries, name, fingerprint).or_else(|| {
            let answer = experiment(name, &entries)?;
            Some(remember(&boards.summaries, name, fingerprint, answer))
        });
        found.extend(answer);
    }
    found.sort_by(|a, b| (b.summary.last, &a.summary.name).cmp(&(a.summary.last, &b.summary.name)));
    found
}

fn experiment(name: &str, entries: &[Arc<Entry>]) -> Option<Experiment> {
    let mut groups: BTreeMap<u64, Vec<&Entry>> = BTreeMap::new();
    let mut statuses = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !entry.record().archived) {
        groups.entry(entry.repetition).or_default().push(entry);
        *statuses.entry(entry.shown.to_string()).or_default() += 1;
    }
    let groups: Vec<Vec<&Entry>> = groups.into_values().collect();
    Some(Experiment { summary: summary(name, &groups)?, statuses })
}

/// Changes whenever a run of these changes, comes or goes.
fn fingerprint(entries: &[Arc<Entry>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for entry in entries {
        (entry.id(), entry.revision, entry.shown, entry.record().archived).hash(&mut hasher);
    }
    hasher.finish()
}
