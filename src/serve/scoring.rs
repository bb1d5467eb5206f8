//! MLflow's scoring protocol, for the first model: <https://mlflow.org/docs/latest/genai/serving/>, the requests of
//! `mlflow models serve`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::answer::{Scored, answer};
use super::extract::Whole;
use super::predict::{NO_JSON, is};
use super::rows::{self, columns, kind, of_columns, of_lists, of_records, parsed};
use super::{Model, ServeState};
use crate::web::ApiError;

/// The forms of rows.
const FORMS: [&str; 4] = ["dataframe_split", "dataframe_records", "instances", "inputs"];
const PARAMS: &str = "params";

/// `GET /version`
pub async fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// `POST /invocations`: CSV, or JSON with one of `dataframe_split`, `dataframe_records`, `instances` and `inputs`. Answers
/// `{"predictions": [...]}`: names of classes or numbers; with `"params": {"probabilities": true}` an object a row, with the
/// probability of each class.
pub async fn invocations(
    State(state): State<ServeState>,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, ApiError> {
    let model = state.model(None)?;
    let is_csv = is(&headers, "text/csv");
    let read = move |model: &Model| {
        if is_csv {
            return Ok((Arc::from(&body[..]), false));
        }
        let request: Value = parsed(&body, NO_JSON)?;
        Ok((of_request(model, &request)?, wants_probabilities(request.get(PARAMS))?))
    };
    let write = |scored: &Scored, wants_probabilities| {
        Ok(match wants_probabilities {
            true => Json(Scores { predictions: scored.rows() }).into_response(),
            false => Json(Scores { predictions: scored.labels() }).into_response(),
        })
    };
    answer(&state, model, read, write).await
}

#[derive(Serialize)]
struct Scores<P> {
    predictions: P,
}

/// MLflow's clients may send parameters of which the model knows nothing.
fn wants_probabilities(params: Option<&Value>) -> Result<bool, ApiError> {
    let refuse = |what: &str, value: &Value, wanted: &str| {
        Err(ApiError::bad_request(format!("`{what}` is {}, not {wanted}", kind(value))))
    };
    match params {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Object(params)) => match params.get("probabilities") {
            None => Ok(false),
            Some(Value::Bool(wants)) => Ok(*wants),
            Some(other) => refuse("params.probabilities", other, "a Boolean"),
        },
        Some(other) => refuse("params", other, "an object"),
    }
}

fn of_request(model: &Model, request: &Value) -> Result<rows::Bytes, ApiError> {
    let own = || columns(model.predictor.model());
    let given = request.as_object().into_iter().flatten();
    let (found, others): (Vec<_>, Vec<_>) = given.partition(|(key, _)| FORMS.contains(&key.as_str()));
    let [(key, value)] = found[..] else {
        let alone = if found.is_empty() { "" } else { " alone" };
        return Err(ApiError::bad_request(format!("the request needs one of `{}`{alone}", FORMS.join("`, `"))));
    };
    if let Some((other, _)) = others.iter().find(|(other, _)| *other != PARAMS) {
        let message = format!("there is no `{other}` in the protocol: beside `{key}` there may be `{PARAMS}`");
        return Err(ApiError::bad_request(message));
    }
    let key = key.as_str();
    match (key, value) {
        ("dataframe_split", Value::Object(split)) => {
            let names = split.get("columns").and_then(Value::as_array);
            let names: Option<Vec<&str>> = names.and_then(|names| names.iter().map(Value::as_str).collect());
            let data = split.get("data").and_then(Value::as_array);
            let (names, data) = names.zip(data).ok_or_else(|| {
                ApiError::bad_request("`dataframe_split` needs `columns`, a list of names, and `data`, a list of rows")
            })?;
            of_lists(&names, data)
        }
        ("dataframe_records", Value::Array(records)) => of_records(&own(), records),
        ("instances" | "inputs", Value::Array(rows)) if rows.first().is_some_and(Value::is_object) => {
            of_records(&own(), rows)
        }
        ("instances" | "inputs", Value::Array(rows)) => of_lists(&own(), rows),
        ("instances" | "inputs", Value::Object(columns)) => of_columns(columns),
        (key, value) => Err(ApiError::bad_request(format!("`{key}` is {}, which holds no rows", kind(value)))),
    }
}
