//! `GET /api/sweeps`, `GET /api/sweeps/{id}`: hyperparameter searches and the results of their trials.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::request::run_id;
use super::snapshot::Snapshot;
use super::{ApiError, AppState};
use crate::comparison::judge::retrain;
use crate::comparison::{headline, ranked};
use crate::sweep::{Importance, importance};
use crate::tracking::{MetricKey, Run, RunId, Store, Sweep, Trial, TrialState};

/// How many new seeds are suggested to measure the best trial without selection bias.
const NEW_SEEDS: usize = 10;

/// The response of `GET /api/sweeps/{id}`.
#[derive(Debug, Serialize)]
pub struct Detail {
    sweep: Sweep,
    trials: Vec<TrialResults>,
    /// The test metric of `results`; null where no run has one.
    test_metric: Option<MetricKey>,
    best: Option<Best>,
    /// Importance of each param over the trials with a value; empty while there are too few.
    importance: Vec<Importance>,
}

#[derive(Debug, Serialize)]
struct TrialResults {
    #[serde(flatten)]
    trial: Trial,
    /// One for each of its runs that still exists.
    results: Vec<RunResult>,
}

#[derive(Debug, Serialize)]
struct RunResult {
    run: RunId,
    /// Epochs trained.
    epochs: u64,
    /// Null where the run lacks the metric, its value is not finite, or its trial is not the best one.
    test: Option<f64>,
}

/// The finished trial with the best value.
#[derive(Debug, Serialize)]
struct Best {
    number: u32,
    /// The command that trains it under new seeds; null where its runs are deleted.
    retrain: Option<String>,
}

/// `GET /api/sweeps`: all of them that can be read, newest first.
pub async fn sweeps(State(state): State<AppState>) -> Result<Json<Vec<Sweep>>, ApiError> {
    match state.read(|store| Ok(store.sweeps()?.0)).await {
        // Without a store there are no sweeps.
        Err(error) if error.status == StatusCode::NOT_FOUND => Ok(Json(Vec::new())),
        sweeps => sweeps.map(Json),
    }
}

/// `GET /api/sweeps/{id}`
pub async fn sweep(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Detail>, ApiError> {
    let id = run_id(&id)?;
    let snapshot = state.snapshot().await?;
    state.read(move |store| detail(store, &id, &snapshot)).await.map(Json)
}

fn detail(store: &Store, id: &RunId, snapshot: &Snapshot) -> Result<Detail, ApiError> {
    let sweep = store.find_sweep(id.as_str())?;
    let trials = store.trials(&sweep.id)?;
    let ids = trials.iter().flat_map(|trial| &trial.runs);
    let found = ids.filter_map(|id| snapshot.find(id));
    let all: HashMap<&RunId, Run> = found.map(|entry| (entry.id(), entry.run())).collect();
    let runs = || trials.iter().flat_map(|trial| &trial.runs).filter_map(|id| all.get(id));
    let is_tested = |run: &&Run| run.metrics.keys().any(|key| key.split() == "test");
    let test_metric = headline(runs().filter(is_tested)).filter(|key| key.split() == "test");
    let new_seed = runs().map(|run| run.record.seed).max().unwrap_or_default().wrapping_add(1);
    let best = ranked(&trials, &sweep.metric).first().map(|(trial, _)| Best {
        number: trial.number,
        retrain: trial
            .runs
            .iter()
            .find(|run| all.contains_key(run))
            .map(|run| retrain(store, run, new_seed, NEW_SEEDS)),
    });
    // Stopped ones, too, with what they had reached: only their ranks count, and where halving stops most trials, those
    // that finished differ too little to tell anything.
    let tried = trials.iter().filter(|trial| matches!(trial.state, TrialState::Finished | TrialState::Stopped));
    let told: Vec<_> = tried.filter_map(|trial| Some((trial.params.clone(), trial.value?))).collect();
    let importance = importance(&told);
    let result = |id: &RunId, is_chosen: bool| {
        let run = all.get(id)?;
        let epochs = run.metrics.values().map(|metric| metric.last_epoch).max().unwrap_or_default();
        // A column of test results would invite to choose by them.
        let test_metric = test_metric.as_ref().filter(|_| is_chosen);
        let test = test_metric.and_then(|key| run.metrics.get(key)).map(|metric| metric.last);
        Some(RunResult { run: id.clone(), epochs, test: test.filter(|test| test.is_finite()) })
    };
    let results = |trial: &Trial| {
        let is_chosen = best.as_ref().is_some_and(|best| best.number == trial.number);
        trial.runs.iter().filter_map(|id| result(id, is_chosen)).collect()
    };
    let results: Vec<Vec<RunResult>> = trials.iter().map(results).collect();
    let trials = trials.into_iter().zip(results).map(|(trial, results)| TrialResults { trial, results }).collect();
    Ok(Detail { sweep, trials, test_metric, best, importance })
}
