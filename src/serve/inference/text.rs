//! Texts as tensors: the input `text_input` holds the beginning of a text, the output `text_output` what a language model
//! writes after it, under the names that Triton's language models have. What else `/generate` takes are parameters of the
//! request.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::generate::Asked;
use super::super::tensor::{Tensor, rest_is_empty};
use crate::web::ApiError;

pub(in crate::serve) const TEXT_INPUT: &str = "text_input";
pub(in crate::serve) const TEXT_OUTPUT: &str = "text_output";
/// The parameters of a request that tell how to write.
pub(in crate::serve) const PARAMETERS: [&str; 4] = ["length", "temperature", "top_k", "seed"];
/// Parameters of the protocol's extensions: how the client would have the outputs, which come as JSON.
const IGNORED: [&str; 1] = ["binary_data_output"];

pub(super) fn inputs() -> Vec<Value> {
    vec![json!({ "name": TEXT_INPUT, "datatype": "BYTES", "shape": [1] })]
}

pub(super) fn outputs() -> Vec<Value> {
    vec![json!({ "name": TEXT_OUTPUT, "datatype": "BYTES", "shape": [1] })]
}

/// What a request asks for.
///
/// # Errors
/// 400 for other inputs than one text, or a parameter that is none.
pub(super) fn asked(
    mut inputs: Vec<Tensor>,
    parameters: Option<Map<String, Value>>,
    mut binary: &[u8],
) -> Result<Asked, ApiError> {
    let [input] = &mut inputs[..] else {
        return Err(ApiError::bad_request(format!("a language model has one input, `{TEXT_INPUT}`")));
    };
    if input.name != TEXT_INPUT || input.datatype != "BYTES" {
        let message = format!(
            "input `{}` of type {}: a language model has the input `{TEXT_INPUT}` of type BYTES",
            input.name, input.datatype
        );
        return Err(ApiError::bad_request(message));
    }
    let values = input.values(&mut binary)?;
    rest_is_empty(binary)?;
    let [Value::String(prompt)] = &values[..] else {
        let message = format!("input `{TEXT_INPUT}` of shape {:?} is not one text: send [1]", input.shape);
        return Err(ApiError::bad_request(message));
    };
    let mut parameters = parameters.unwrap_or_default();
    parameters.retain(|name, _| !IGNORED.contains(&name.as_str()));
    if let Some(name) = parameters.keys().find(|name| !PARAMETERS.contains(&name.as_str())) {
        let message = format!("there is no parameter `{name}`; a language model has {}", PARAMETERS.join(", "));
        return Err(ApiError::bad_request(message));
    }
    parameters.insert("prompt".to_owned(), json!(prompt));
    Asked::deserialize(Value::Object(parameters))
        .map_err(|error| ApiError::bad_request(format!("the parameters are none of a language model: {error}")))
}

pub(super) fn answered(written: &str) -> Vec<Value> {
    let mut tensor = outputs();
    tensor[0]["data"] = json!([written]);
    tensor
}
