//! What comes back.

use serde_json::{Map, Value, json};

/// An answer in JSON.
pub(super) fn of_json(description: &str, schema: Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

/// An answer without a body.
pub(super) fn nothing(description: &str) -> Value {
    json!({ "description": description })
}

/// An answer of plain text.
pub(super) fn text(description: &str) -> Value {
    json!({ "description": description, "content": { "text/plain": { "schema": { "type": "string" } } } })
}

/// All answers of an operation: that of its success, and what is wrong otherwise.
pub(super) fn with_errors(answer: Value) -> Value {
    let errors = ["400", "403", "404", "405", "413", "503"];
    let errors = errors.map(|status| (status.to_owned(), json!({ "$ref": "#/components/responses/Error" })));
    Value::Object(Map::from_iter([("200".to_owned(), answer)].into_iter().chain(errors)))
}

pub(super) fn predicted() -> Value {
    let mut answer = of_json("The predictions", json!({ "$ref": "#/components/schemas/Predicted" }));
    // Where the client accepts it.
    answer["content"]["text/csv"] = json!({ "schema": { "type": "string" } });
    answer
}

pub(super) fn scored() -> Value {
    let schema =
        json!({ "type": "object", "required": ["predictions"], "properties": { "predictions": { "type": "array" } } });
    of_json("The predictions", schema)
}

pub(super) fn written() -> Value {
    json!({
        "description": "An event with a character each, and one named `end`",
        "content": { "text/event-stream": {} },
    })
}

pub(super) fn components() -> Value {
    let numbers = || json!({ "type": "object", "additionalProperties": { "type": "number" } });
    json!({
        "responses": { "Error": of_json("What is wrong, in one line", json!({ "$ref": "#/components/schemas/Error" })) },
        "schemas": {
            "Error": { "type": "object", "required": ["error"], "properties": { "error": { "type": "string" } } },
            "Predicted": {
                "type": "object",
                "required": ["model", "run", "rows", "warnings"],
                "properties": {
                    "model": { "type": "string" },
                    "run": { "type": "string" },
                    "rows": { "type": "array", "items": {
                        "type": "object",
                        "required": ["predicted"],
                        "properties": {
                            "predicted": {
                                "type": ["string", "number", "object"],
                                "description": "Of several targets, an object with each by its name",
                            },
                            "probabilities": numbers(),
                            "quantiles": numbers(),
                        },
                    } },
                    "warnings": { "type": "array", "items": { "type": "string" } },
                },
            },
        },
    })
}
