//! The Open Inference Protocol, version 2: <https://github.com/kserve/open-inference-protocol>.
//!
//! `table` has the tensors of models that predict rows, `text` those of language models.

mod table;
mod text;

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::score;
use super::rows::parsed;
use super::tensor::Tensor;
use super::{Model, ServeState, Writer};
use crate::web::ApiError;

pub(super) use table::outputs;
pub(super) use text::{PARAMETERS, TEXT_INPUT, TEXT_OUTPUT};

/// Of a request with binary data: how many of its bytes are JSON.
const JSON_LENGTH: &str = "inference-header-content-length";

/// What a name stands for.
enum Served {
    Rows(Arc<Model>),
    Text(Arc<Writer>),
}

impl Served {
    /// # Errors
    /// 404 for a model that is not served.
    fn find(state: &ServeState, name: &str) -> Result<Self, ApiError> {
        let writers = state.models.writers();
        let text = writers.iter().find(|writer| writer.name == name).map(|writer| Self::Text(Arc::clone(writer)));
        text.or_else(|| state.models.find(name).map(Self::Rows)).ok_or_else(|| {
            let all = state.models.all();
            let names = all.iter().map(|model| &model.name).chain(writers.iter().map(|writer| &writer.name));
            let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            ApiError::not_found(format!("no model `{name}`; served: {}", names.join(", ")))
        })
    }

    /// # Errors
    /// 404 for a model that is not served, or from another run.
    fn of_version(state: &ServeState, name: &str, version: &str) -> Result<Self, ApiError> {
        let served = Self::find(state, name)?;
        let run = match &served {
            Self::Rows(model) => &model.run,
            Self::Text(writer) => &writer.run,
        };
        if run != version {
            return Err(ApiError::not_found(format!("model `{name}` is served from run `{run}`")));
        }
        Ok(served)
    }

    fn described(&self) -> Json<Value> {
        let (name, run, inputs, outputs) = match self {
            Self::Rows(model) => (&model.name, &model.run, table::inputs(model), table::described_outputs(model)),
            Self::Text(writer) => (&writer.name, &writer.run, text::inputs(), text::outputs()),
        };
        Json(json!({ "name": name, "versions": [run], "platform": "burnlab", "inputs": inputs, "outputs": outputs }))
    }
}

/// `GET /v2`
pub async fn server() -> Json<Value> {
    Json(json!({ "name": "burnlab", "version": env!("CARGO_PKG_VERSION"), "extensions": ["binary_tensor_data"] }))
}

/// `GET /v2/models/{model}`
pub async fn metadata(State(state): State<ServeState>, Path(name): Path<String>) -> Result<Json<Value>, ApiError> {
    Ok(Served::find(&state, &name)?.described())
}

/// `GET /v2/models/{model}/versions/{version}`
pub async fn metadata_of_version(
    State(state): State<ServeState>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Served::of_version(&state, &name, &version)?.described())
}

/// `GET /v2/models/{model}/ready`
pub async fn ready(State(state): State<ServeState>, Path(name): Path<String>) -> Result<Response, ApiError> {
    Served::find(&state, &name).map(|_| StatusCode::OK.into_response())
}

/// `GET /v2/models/{model}/versions/{version}/ready`
pub async fn ready_version(
    State(state): State<ServeState>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Served::of_version(&state, &name, &version).map(|_| StatusCode::OK.into_response())
}

/// `POST /v2/models/{model}/infer`
pub async fn infer(
    State(state): State<ServeState>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    inferred(&state, Served::find(&state, &name)?, &headers, &body).await
}

/// `POST /v2/models/{model}/versions/{version}/infer`
pub async fn infer_version(
    State(state): State<ServeState>,
    Path((name, version)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    inferred(&state, Served::of_version(&state, &name, &version)?, &headers, &body).await
}

#[derive(Debug, Deserialize)]
struct InferRequest {
    id: Option<String>,
    inputs: Vec<Tensor>,
    /// All outputs if it is left out.
    outputs: Option<Vec<Wanted>>,
    /// Those of a language model; others have none.
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    name: String,
}

async fn inferred(
    state: &ServeState,
    served: Served,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Json<Value>, ApiError> {
    let (head, binary) = parts(headers, body)?;
    let request: InferRequest = parsed(head, "the request is not one of the protocol")?;
    let wanted = request.outputs.iter().flatten().map(|output| &output.name);
    if let Some(name) = twice(wanted) {
        return Err(ApiError::bad_request(format!("output `{name}` is asked for twice")));
    }
    let (name, run, outputs) = match served {
        Served::Rows(model) => {
            let rows = table::of_tensors(&model, &request.inputs, binary)?;
            let scored = score(state, model, rows).await?;
            (scored.model.name.clone(), scored.model.run.clone(), table::answered(&scored))
        }
        Served::Text(writer) => {
            let asked = text::asked(&request.inputs, request.parameters, binary)?;
            let written = asked.whole(state, Arc::clone(&writer)).await?;
            (writer.name.clone(), writer.run.clone(), text::answered(&written))
        }
    };
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
    let mut answer = json!({ "model_name": name, "model_version": run, "outputs": outputs });
    if let Some(id) = request.id {
        answer["id"] = json!(id);
    }
    Ok(Json(answer))
}

/// The JSON of a request, and the binary data behind it.
fn parts<'b>(headers: &HeaderMap, body: &'b [u8]) -> Result<(&'b [u8], &'b [u8]), ApiError> {
    let length = headers.get(JSON_LENGTH).map(|length| length.to_str().ok().and_then(|length| length.parse().ok()));
    let parts = match length {
        None => Some((body, &body[body.len()..])),
        Some(length) => length.and_then(|length| body.split_at_checked(length)),
    };
    parts.ok_or_else(|| ApiError::bad_request(format!("`{JSON_LENGTH}` is not the length of the JSON part")))
}

/// The first name that stands there a second time.
fn twice<'n>(mut names: impl Iterator<Item = &'n String>) -> Option<&'n String> {
    let mut seen = HashSet::new();
    names.find(|name| !seen.insert(*name))
}
