//! The Open Inference Protocol, version 2: <https://github.com/kserve/open-inference-protocol>.
//!
//! A model has an input per column: text for categories, numbers for the others; or all of them are sent as one tensor of a
//! row per row. Its outputs are `predicted` and, for classes or labels, `probabilities`; of several targets both have a column for
//! each, and what is predicted are numbers.

use std::collections::HashSet;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Scored, score};
use super::rows::{self, columns, of_columns, of_lists, parsed};
use super::tensor::Tensor;
use super::{Model, ServeState};
use crate::experiment::predictions::AnswerFormat;
use crate::web::ApiError;

const PREDICTED: &str = "predicted";
const PROBABILITIES: &str = "probabilities";
const QUANTILES: &str = "quantiles";

/// Of a request with binary data: how many of its bytes are JSON.
const JSON_LENGTH: &str = "inference-header-content-length";

/// `GET /v2`
pub async fn server() -> Json<Value> {
    Json(json!({ "name": "burnlab", "version": env!("CARGO_PKG_VERSION"), "extensions": ["binary_tensor_data"] }))
}

/// `GET /v2/models/{model}`
pub async fn metadata(State(state): State<ServeState>, Path(name): Path<String>) -> Result<Json<Value>, ApiError> {
    Ok(Json(described(&*state.model(Some(&name))?)))
}

/// `GET /v2/models/{model}/versions/{version}`
pub async fn metadata_of_version(
    State(state): State<ServeState>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(described(&*of_version(&state, &name, &version)?)))
}

/// `GET /v2/models/{model}/ready`
pub async fn ready(State(state): State<ServeState>, Path(name): Path<String>) -> Result<Response, ApiError> {
    state.model(Some(&name)).map(|_| StatusCode::OK.into_response())
}

/// `GET /v2/models/{model}/versions/{version}/ready`
pub async fn ready_version(
    State(state): State<ServeState>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    of_version(&state, &name, &version).map(|_| StatusCode::OK.into_response())
}

/// `POST /v2/models/{model}/infer`
pub async fn infer(
    State(state): State<ServeState>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    inferred(&state, state.model(Some(&name))?, &headers, &body).await
}

/// `POST /v2/models/{model}/versions/{version}/infer`
pub async fn infer_version(
    State(state): State<ServeState>,
    Path((name, version)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    inferred(&state, of_version(&state, &name, &version)?, &headers, &body).await
}

fn of_version(state: &ServeState, name: &str, version: &str) -> Result<std::sync::Arc<Model>, ApiError> {
    let model = state.model(Some(name))?;
    match model.run == version {
        true => Ok(model),
        false => Err(ApiError::not_found(format!("model `{name}` is served from run `{}`", model.run))),
    }
}

#[derive(Debug, Deserialize)]
struct InferRequest {
    id: Option<String>,
    inputs: Vec<Tensor>,
    /// All outputs if it is left out.
    outputs: Option<Vec<Output>>,
}

#[derive(Debug, Deserialize)]
struct Output {
    name: String,
}

async fn inferred(
    state: &ServeState,
    model: std::sync::Arc<Model>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Json<Value>, ApiError> {
    let length = headers.get(JSON_LENGTH).map(|length| length.to_str().ok().and_then(|length| length.parse().ok()));
    let parts = match length {
        None => Some((body, &body[body.len()..])),
        Some(length) => length.and_then(|length| body.split_at_checked(length)),
    };
    let (head, binary) =
        parts.ok_or_else(|| ApiError::bad_request(format!("`{JSON_LENGTH}` is not the length of the JSON part")))?;
    let request: InferRequest = parsed(head, "the request is not one of the protocol")?;
    let wanted = request.outputs.iter().flatten().map(|output| &output.name);
    if let Some(name) = twice(wanted) {
        return Err(ApiError::bad_request(format!("output `{name}` is asked for twice")));
    }
    let rows = of_tensors(&model, &request.inputs, binary)?;
    let scored = score(state, model, rows).await?;
    let outputs = outputs(&scored);
    let outputs = match &request.outputs {
        None => outputs,
        Some(wanted) => {
            let found = wanted.iter().map(|wanted| {
                let output = outputs.iter().find(|output| output["name"] == wanted.name);
                output.cloned().ok_or_else(|| ApiError::bad_request(format!("there is no output `{}`", wanted.name)))
            });
            found.collect::<Result<_, _>>()?
        }
    };
    let mut answer = json!({ "model_name": scored.model.name, "model_version": scored.model.run, "outputs": outputs });
    if let Some(id) = request.id {
        answer["id"] = json!(id);
    }
    Ok(Json(answer))
}

/// The first name that stands there a second time.
fn twice<'n>(mut names: impl Iterator<Item = &'n String>) -> Option<&'n String> {
    let mut seen = HashSet::new();
    names.find(|name| !seen.insert(*name))
}

/// One tensor of all columns, or one for each.
fn of_tensors(model: &Model, inputs: &[Tensor], mut binary: &[u8]) -> Result<rows::Bytes, ApiError> {
    let names = columns(model.predictor.model());
    if let [only] = inputs
        && !(names.len() == 1 && names[0] == only.name)
    {
        let values = only.values(&mut binary)?;
        if only.num_rows() == 0 || Some(values.len() as u64) != only.num_rows().checked_mul(names.len() as u64) {
            let message = format!(
                "input `{}` of shape {:?} is no table of {} columns: send `[rows, {}]`, or an input for each column",
                only.name,
                only.shape,
                names.len(),
                names.len()
            );
            return Err(ApiError::bad_request(message));
        }
        let rows: Vec<Value> = values.chunks_exact(names.len()).map(|row| json!(row)).collect();
        return of_lists(&names, &rows);
    }
    let mut all = Map::new();
    for input in inputs {
        let values = input.values(&mut binary)?;
        if values.len() as u64 != input.num_rows() {
            let message = format!("input `{}` of shape {:?} has more than a value a row", input.name, input.shape);
            return Err(ApiError::bad_request(message));
        }
        if all.insert(input.name.clone(), Value::Array(values)).is_some() {
            return Err(ApiError::bad_request(format!("two inputs are named `{}`", input.name)));
        }
    }
    of_columns(&all)
}

fn outputs(scored: &Scored) -> Vec<Value> {
    let (answers, format) = (&scored.answered.answers, scored.format());
    let (num_rows, num_targets, num_outcomes) = (answers.len(), format.target_names().len(), format.outcomes().len());
    let shape = if num_targets > 0 { json!([num_rows, num_targets]) } else { json!([num_rows]) };
    let predicted: Vec<Value> = match num_targets {
        0 => answers.iter().map(|answer| scored.predicted(&format, answer)).collect(),
        _ => answers.iter().flat_map(|answer| &answer.predicted).map(|value| json!(value)).collect(),
    };
    let datatype = datatype(&format);
    let mut outputs = vec![json!({ "name": PREDICTED, "datatype": datatype, "shape": shape, "data": predicted })];
    if num_outcomes > 0 {
        let all: Vec<f64> = answers.iter().flat_map(|answer| answer.probabilities.iter().copied()).collect();
        let shape = [num_rows, num_outcomes];
        outputs.push(json!({ "name": PROBABILITIES, "datatype": "FP64", "shape": shape, "data": all }));
    }
    if !format.levels().is_empty() {
        let all: Vec<f64> = answers.iter().flat_map(|answer| answer.quantiles.iter().copied()).collect();
        let shape = [num_rows, format.levels().len()];
        outputs.push(json!({ "name": QUANTILES, "datatype": "FP64", "shape": shape, "data": all }));
    }
    outputs
}

/// Of what is predicted: names of classes, or numbers.
fn datatype(format: &AnswerFormat) -> &'static str {
    let are_classes = format.target_names().is_empty() && !format.names(0).is_empty();
    if are_classes { "BYTES" } else { "FP64" }
}

fn described(model: &Model) -> Value {
    let saved = model.predictor.model();
    let categories = saved.preprocessor.categorical_columns();
    let input = |name: &str| {
        let datatype = if categories.contains(&name) { "BYTES" } else { "FP64" };
        json!({ "name": name, "datatype": datatype, "shape": [-1] })
    };
    let inputs: Vec<Value> = columns(saved).into_iter().map(input).collect();
    let format = AnswerFormat::new(&saved.preprocessor);
    let (num_targets, num_outcomes) = (format.target_names().len() as i64, format.outcomes().len());
    let shape = if num_targets > 0 { json!([-1, num_targets]) } else { json!([-1]) };
    let mut outputs = vec![json!({ "name": PREDICTED, "datatype": datatype(&format), "shape": shape })];
    if num_outcomes > 0 {
        outputs.push(json!({ "name": PROBABILITIES, "datatype": "FP64", "shape": [-1, num_outcomes] }));
    }
    if !format.levels().is_empty() {
        outputs.push(json!({ "name": QUANTILES, "datatype": "FP64", "shape": [-1, format.levels().len()] }));
    }
    json!({ "name": model.name, "versions": [model.run], "platform": "burnlab", "inputs": inputs, "outputs": outputs })
}
