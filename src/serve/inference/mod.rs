//! The Open Inference Protocol, version 2: <https://github.com/kserve/open-inference-protocol>.
//!
//! `table` has the tensors of models that predict rows, `text` those of language models.

mod table;
mod text;

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{Scored, answer};
use super::extract::{Named, Whole};
use super::rows::parsed_as;
use super::tensor::Tensor;
use super::{Model, ServeState, Writer};
use crate::keyed::{self, Keyed};
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
pub async fn metadata(State(state): State<ServeState>, Named(name): Named<String>) -> Result<Json<Value>, ApiError> {
    Ok(Served::find(&state, &name)?.described())
}

/// `GET /v2/models/{model}/versions/{version}`
pub async fn metadata_of_version(
    State(state): State<ServeState>,
    Named((name, version)): Named<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Served::of_version(&state, &name, &version)?.described())
}

/// `GET /v2/models/{model}/ready`
pub async fn ready(State(state): State<ServeState>, Named(name): Named<String>) -> Result<Response, ApiError> {
    Served::find(&state, &name).map(|_| StatusCode::OK.into_response())
}

/// `GET /v2/models/{model}/versions/{version}/ready`
pub async fn ready_version(
    State(state): State<ServeState>,
    Named((name, version)): Named<(String, String)>,
) -> Result<Response, ApiError> {
    Served::of_version(&state, &name, &version).map(|_| StatusCode::OK.into_response())
}

/// `POST /v2/models/{model}/infer`
pub async fn infer(
    State(state): State<ServeState>,
    Named(name): Named<String>,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, ApiError> {
    inferred(&state, Served::find(&state, &name)?, &headers, body).await
}

/// `POST /v2/models/{model}/versions/{version}/infer`
pub async fn infer_version(
    State(state): State<ServeState>,
    Named((name, version)): Named<(String, String)>,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, ApiError> {
    inferred(&state, Served::of_version(&state, &name, &version)?, &headers, body).await
}

#[derive(Debug, Deserialize)]
struct InferRequest {
    id: Option<String>,
    #[serde(deserialize_with = "keyed::all")]
    inputs: Vec<Tensor>,
    /// All outputs if it is left out.
    outputs: Option<Vec<Keyed<Wanted>>>,
    /// Those of a language model; others have none.
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    name: String,
}

/// What the answer to a request has beside the outputs.
struct Wish {
    id: Option<String>,
    /// Names of outputs, each once; `None` for all.
    outputs: Option<Vec<String>>,
}

impl Wish {
    /// # Errors
    /// 400 for an output that is asked for twice: the answer could be of any size.
    fn of(id: Option<String>, outputs: Option<Vec<Keyed<Wanted>>>) -> Result<Self, ApiError> {
        let outputs: Option<Vec<String>> =
            outputs.map(|outputs| outputs.into_iter().map(|Keyed(output)| output.name).collect());
        match twice(outputs.iter().flatten()) {
            Some(name) => Err(ApiError::bad_request(format!("output `{name}` is asked for twice"))),
            None => Ok(Self { id, outputs }),
        }
    }

    /// Writes those of `outputs` that are wanted, in that order; `name` gives the name of each.
    fn answer<O: Serialize>(
        self,
        [model_name, model_version]: [&str; 2],
        outputs: Vec<O>,
        name: fn(&O) -> &str,
    ) -> Result<Response, ApiError> {
        #[derive(Serialize)]
        struct Inferred<'s, O> {
            model_name: &'s str,
            model_version: &'s str,
            outputs: Vec<&'s O>,
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<String>,
        }
        let Self { id, outputs: wanted } = self;
        let outputs = match &wanted {
            None => outputs.iter().collect(),
            Some(wanted) => {
                let found = wanted.iter().map(|wanted| {
                    let output = outputs.iter().find(|output| name(output) == wanted);
                    output.ok_or_else(|| ApiError::bad_request(format!("there is no output `{wanted}`")))
                });
                found.collect::<Result<_, _>>()?
            }
        };
        Ok(Json(Inferred { model_name, model_version, outputs, id }).into_response())
    }
}

async fn inferred(state: &ServeState, served: Served, headers: &HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let length = json_length(headers, &body)?;
    let request = move |body: &[u8]| -> Result<InferRequest, ApiError> {
        parsed_as(&body[..length], "the request is not one of the protocol")
    };
    match served {
        Served::Rows(model) => {
            let read = move |model: &Model| {
                let InferRequest { id, inputs, outputs, .. } = request(&body)?;
                let wish = Wish::of(id, outputs)?;
                Ok((table::of_tensors(model, inputs, &body[length..])?, wish))
            };
            let write = |scored: &Scored, wish: Wish| {
                let model = [&*scored.model.name, &scored.model.run];
                wish.answer(model, table::answered(scored), |output| output.name())
            };
            answer(state, model, read, write).await
        }
        Served::Text(writer) => {
            let InferRequest { id, inputs, outputs, parameters } = request(&body)?;
            let wish = Wish::of(id, outputs)?;
            let asked = text::asked(inputs, parameters, &body[length..])?;
            let written = asked.whole(state, Arc::clone(&writer)).await?;
            wish.answer([&writer.name, &writer.run], text::answered(&written), |output| {
                output["name"].as_str().unwrap_or_default()
            })
        }
    }
}

/// How many bytes of a request are JSON; binary data may stand behind it.
fn json_length(headers: &HeaderMap, body: &[u8]) -> Result<usize, ApiError> {
    let Some(length) = headers.get(JSON_LENGTH) else { return Ok(body.len()) };
    let length = length.to_str().ok().and_then(|length| length.parse().ok());
    let length = length.filter(|&length: &usize| length <= body.len());
    length.ok_or_else(|| ApiError::bad_request(format!("`{JSON_LENGTH}` is not the length of the JSON part")))
}

/// The first name that stands there a second time.
fn twice<'n>(mut names: impl Iterator<Item = &'n String>) -> Option<&'n String> {
    let mut seen = HashSet::new();
    names.find(|name| !seen.insert(*name))
}
