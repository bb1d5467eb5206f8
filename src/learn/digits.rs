//! `GET /api/learn/digits`: the tutorial's network on the digits, and `POST /api/learn/predict`: what a network says of an input.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::LearnState;
use super::models::Kept;
use super::pool::{Client, Ticket};
use super::request::{Wanted, refused};
use super::shapes::{layers_of, scaling};
use crate::data::Examples;
use crate::experiment::look::outputs;
use crate::experiment::{Prepared, TrainedModel, Unobserved, Unrecorded, UnrecordedOptions, explain, train_unrecorded};
use crate::training::OutputDecoder;
use crate::training::Predictions;
use crate::training::evaluation::{Answer, Prediction};
use crate::web::session::Visitor;
use crate::web::{ApiError, JsonBody, QueryParams};

const MOST_UNITS: u16 = 512;
/// Examples of one request.
const MOST_ASKED: usize = 1000;
/// Rows of the gallery: those that are told wrong, and the first ones that are told right.
const SHOWN_WRONG: usize = 24;
const SHOWN_RIGHT: usize = 40;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigitsQuery {
    hidden: Option<u16>,
    seed: Option<u64>,
    #[serde(default)]
    page: String,
    #[serde(default)]
    slot: u8,
}

/// `GET /api/learn/digits?hidden=16&seed=42`
pub async fn digits(
    State(state): State<LearnState>,
    Extension(visitor): Extension<Visitor>,
    QueryParams(query): QueryParams<DigitsQuery>,
) -> Result<Json<Value>, ApiError> {
    let client = Client::new(&visitor, &query.page, query.slot)?;
    let hidden = query.hidden.unwrap_or(16);
    if hidden > MOST_UNITS {
        return Err(refused("hidden", format!("0 to {MOST_UNITS} units, found {hidden}")));
    }
    let units = if hidden == 0 { json!([]) } else { json!([hidden]) };
    let set = BTreeMap::from([("model.hidden".to_owned(), units)]);
    let wanted = Wanted { config: "digits-tutorial".to_owned(), set, seed: query.seed, ..Wanted::default() };
    let id = format!("digits-{hidden}-{}", wanted.config()?.seed);
    if let Some(kept) = state.models().find(&id) {
        return Ok(Json(kept.answer.clone()));
    }
    let shared = state.clone();
    let work = move |ticket: &Ticket| {
        let prepared = wanted.prepared(shared.location(), shared.datasets())?;
        let options = UnrecordedOptions {
            backend: shared.backend(),
            observer: Arc::new(Unobserved),
            interrupter: &ticket.interrupter,
            keep_history: false,
        };
        let trained = train_unrecorded(&prepared, options).map_err(|error| ApiError::internal(explain(&error)))?;
        let answer = answer(&id, &prepared, &trained, wanted.command());
        // One that is not finished is told, and not kept.
        match trained.is_interrupted {
            true => Ok(answer),
            false => Ok(shared.models().keep(id, Kept { model: trained.model, answer }).answer.clone()),
        }
    };
    state.pool().run(client, work).await.map(Json)
}

fn answer(id: &str, prepared: &Prepared, trained: &Unrecorded, command: Option<String>) -> Value {
    let test: serde_json::Map<String, Value> = trained
        .evaluation
        .iter()
        .flat_map(|evaluation| &evaluation.metrics)
        .map(|metric| (metric.name.clone(), metric.value.into()))
        .collect();
    let confusion = trained.evaluation.as_ref().and_then(|evaluation| evaluation.classes.as_ref());
    json!({
        "id": id,
        "epochs": trained.num_epochs,
        "seconds": trained.seconds,
        "reason": trained.reason,
        "time_is_up": trained.is_interrupted,
        "layers": layers_of(&trained.model, &trained.model.weights),
        "scaling": scaling(&trained.model.preprocessor),
        "classes": trained.model.preprocessor.class_names(),
        "rows": { "train": prepared.train.len(), "validation": prepared.validation.len(), "test": prepared.test.len() },
        "accuracy": test.get("accuracy"),
        "test": test,
        "gallery": gallery(prepared, &trained.predictions),
        "confusion": confusion.map(|classes| &classes.confusion_matrix),
        "command": command,
    })
}

/// A test row with what the network says of it.
#[derive(Serialize)]
pub struct Shown {
    row: usize,
    /// In their own units, row by row from the top.
    pixels: Vec<f32>,
    label: usize,
    prediction: usize,
    probabilities: Vec<f64>,
}

/// Test rows whose prediction is wrong, and others whose is right.
fn gallery(prepared: &Prepared, predictions: &Predictions) -> Vec<Shown> {
    let shown = |(position, prediction): (usize, Prediction)| Shown {
        row: prediction.row,
        pixels: prepared.preprocessor.raw_numbers(&prepared.test, position),
        label: prediction.truth() as usize,
        prediction: prediction.answer.first() as usize,
        probabilities: prediction.answer.probabilities.clone(),
    };
    let is_right = |(_, prediction): &(usize, Prediction)| prediction.truth() == prediction.answer.first();
    let (right, wrong): (Vec<_>, Vec<_>) = predictions.iter().enumerate().partition(is_right);
    wrong.into_iter().take(SHOWN_WRONG).chain(right.into_iter().take(SHOWN_RIGHT)).map(shown).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictRequest {
    model: String,
    /// Of each example, in their own units.
    inputs: Vec<Vec<f64>>,
}

/// `POST /api/learn/predict`
pub async fn predict(
    State(state): State<LearnState>,
    JsonBody(request): JsonBody<PredictRequest>,
) -> Result<Json<Value>, ApiError> {
    let kept = kept(&state, &request.model)?;
    if request.inputs.len() > MOST_ASKED {
        return Err(refused("inputs", format!("{MOST_ASKED} examples at most, found {}", request.inputs.len())));
    }
    let examples = encoded(&kept.model, &request.inputs)?;
    let backend = state.backend();
    let work = move || {
        let model = &kept.model;
        let found = outputs(model, &[&model.weights], &examples, true, backend, &|| false);
        let found = found.map_err(|error| ApiError::internal(explain(&error)))?;
        let decoder = OutputDecoder::new(&model.preprocessor);
        let rows = found[0].logits.chunks_exact(decoder.task.num_outputs());
        let answers: Vec<Answer> = rows.map(|logits| Answer::new(&decoder, logits)).collect();
        let predictions: Vec<f64> = answers.iter().map(Answer::first).collect();
        let probabilities: Vec<&[f64]> = answers.iter().map(|answer| answer.probabilities.as_slice()).collect();
        Ok(Json(json!({ "predictions": predictions, "probabilities": probabilities, "units": found[0].units })))
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(ApiError::internal(error)))
}

/// A network that the page was told of.
///
/// # Errors
/// 400 for any other name: it was pushed out by newer ones, or the server was started anew.
pub fn kept(state: &LearnState, name: &str) -> Result<Arc<Kept>, ApiError> {
    let found = state.models().find(name);
    found.ok_or_else(|| refused("model", format!("there is no `{name}` in memory any more: ask for it again")))
}

/// Examples of these numbers.
///
/// # Errors
/// 400 for another number of inputs than the network has, or one that is not finite.
pub fn encoded(model: &TrainedModel, rows: &[Vec<f64>]) -> Result<Examples, ApiError> {
    let columns = model.preprocessor.columns();
    let mut inputs = Vec::new();
    for row in rows {
        if row.len() != columns.len() || !columns.iter().all(|column| column.kind.is_numeric()) {
            return Err(refused("inputs", format!("the network has {} inputs, found {}", columns.len(), row.len())));
        }
        for (column, &input) in columns.iter().zip(row) {
            if !input.is_finite() || input.abs() > 1e6 {
                return Err(refused("inputs", format!("a number from -1e6 to 1e6, found {input}")));
            }
            column.kind.encode_number(input, &mut inputs);
        }
    }
    let none = Examples::none(model.preprocessor.num_inputs());
    Ok(Examples { inputs, targets: vec![f32::NAN; rows.len()], rows: (0..rows.len() as u32).collect(), ..none })
}
