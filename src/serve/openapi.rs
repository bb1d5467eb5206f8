//! The interface as an OpenAPI 3.1 document.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::rows::columns;
use super::{Model, ServeState};

/// `GET /openapi.json`
pub async fn document(State(state): State<ServeState>) -> Json<Value> {
    let models = state.models.all();
    let names: Vec<&str> = models.iter().map(|model| &*model.name).collect();
    let error = || json!({ "$ref": "#/components/responses/Error" });
    let ok = |description: &str, schema: Value| {
        let content = json!({ "application/json": { "schema": schema } });
        json!({ "description": description, "content": content })
    };
    let with = |summary: &str, body: Value, answer: Value| {
        let mut responses = Map::from_iter([("200".to_owned(), answer)]);
        for status in ["400", "403", "404", "413", "503"] {
            responses.insert(status.to_owned(), error());
        }
        let mut operation = json!({ "summary": summary, "responses": responses });
        if !body.is_null() {
            operation["requestBody"] = json!({ "required": true, "content": body });
        }
        operation
    };
    let get = |summary: &str, answer: Value| json!({ "get": with(summary, Value::Null, answer) });
    let post = |summary: &str, body: Value, answer: Value| json!({ "post": with(summary, body, answer) });
    let row = models.first().map_or(json!({ "type": "object" }), |model| row(model));
    let rows = json!({ "oneOf": [row, { "type": "array", "items": row, "minItems": 1 }] });
    let table = json!({ "application/json": { "schema": rows }, "text/csv": { "schema": { "type": "string" } } });
    let predicted = json!({ "$ref": "#/components/schemas/Predicted" });
    let scoring = json!({
        "application/json": { "schema": { "type": "object", "oneOf": [
            { "required": ["dataframe_split"], "properties": { "dataframe_split": { "type": "object" } } },
            { "required": ["dataframe_records"], "properties": { "dataframe_records": { "type": "array" } } },
            { "required": ["instances"], "properties": { "instances": { "type": "array" } } },
            { "required": ["inputs"], "properties": { "inputs": { "type": ["array", "object"] } } },
        ] } },
        "text/csv": { "schema": { "type": "string" } },
    });
    let inference = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/InferRequest" } } });
    let of_model = |mut path: Value, names_version: bool| {
        let mut parameters = vec![json!({
            "name": "model", "in": "path", "required": true, "schema": { "type": "string", "enum": names }
        })];
        if names_version {
            let runs: Vec<&str> = models.iter().map(|model| &*model.run).collect();
            parameters.push(json!({
                "name": "version", "in": "path", "required": true, "schema": { "type": "string", "enum": runs }
            }));
        }
        path["parameters"] = json!(parameters);
        path
    };
    let object = || json!({ "type": "object" });
    let none = |description: &str| json!({ "description": description });
    let text = |description: &str| json!({ "description": description, "content": { "text/plain": { "schema": { "type": "string" } } } });
    let describe = || get("The inputs and outputs of a model", ok("The model", object()));
    let is_ready = || get("Whether a model is ready", none("It is"));
    let infer = || post("Predict tensors", inference.clone(), ok("The outputs", object()));
    Json(json!({
        "openapi": "3.1.0",
        "info": { "title": "burnlab serve", "version": env!("CARGO_PKG_VERSION") },
        "x-models": names,
        "paths": {
            "/predict": post("Predict rows with the first model", table.clone(), ok("The predictions", predicted.clone())),
            "/predict/{model}": of_model(post("Predict rows", table, ok("The predictions", predicted)), false),
            "/invocations": post("MLflow's scoring protocol, for the first model", scoring, ok("The predictions", json!({
                "type": "object", "required": ["predictions"], "properties": { "predictions": { "type": "array" } },
            }))),
            "/generate": post("Write a text with the first language model, as server-sent events", asked_text(), written()),
            "/ping": get("Whether the server is up", none("It is")),
            "/health": get("Whether the server is up", none("It is")),
            "/version": get("The version of burnlab", text("The version")),
            "/metrics": get("Metrics in the format of Prometheus", text("The metrics")),
            "/v2": get("The server", ok("Name, version and extensions", object())),
            "/v2/health/live": get("Whether the server is up", none("It is")),
            "/v2/health/ready": get("Whether all models are loaded", none("They are")),
            "/v2/models/{model}": of_model(describe(), false),
            "/v2/models/{model}/ready": of_model(is_ready(), false),
            "/v2/models/{model}/infer": of_model(infer(), false),
            "/v2/models/{model}/versions/{version}": of_model(describe(), true),
            "/v2/models/{model}/versions/{version}/ready": of_model(is_ready(), true),
            "/v2/models/{model}/versions/{version}/infer": of_model(infer(), true),
        },
        "components": {
            "responses": { "Error": {
                "description": "What is wrong, in one line",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
            } },
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
                                "probabilities": { "type": "object", "additionalProperties": { "type": "number" } },
                                "quantiles": { "type": "object", "additionalProperties": { "type": "number" } },
                            },
                        } },
                        "warnings": { "type": "array", "items": { "type": "string" } },
                    },
                },
                "InferRequest": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "id": { "type": "string" },
                        "inputs": { "type": "array", "minItems": 1, "items": {
                            "type": "object",
                            "required": ["name", "shape", "datatype", "data"],
                            "properties": {
                                "name": { "type": "string" },
                                "shape": { "type": "array", "items": { "type": "integer", "minimum": 0 } },
                                "datatype": { "type": "string", "enum": [
                                    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
                                    "FP32", "FP64", "BYTES",
                                ] },
                                "data": { "type": "array" },
                            },
                        } },
                        "outputs": { "type": "array", "items": {
                            "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } },
                        } },
                    },
                },
            },
        },
    }))
}

/// A row of a model.
fn row(model: &Model) -> Value {
    let saved = model.predictor.model();
    let categories = saved.preprocessor.categorical_columns();
    let cell = |name: &str| {
        let kind = if categories.contains(&name) { "string" } else { "number" };
        (name.to_owned(), json!({ "type": [kind, "null"] }))
    };
    let names = columns(saved);
    let cells: Map<String, Value> = names.iter().map(|name| cell(name)).collect();
    json!({ "type": "object", "required": names, "properties": cells })
}

/// What `/generate` takes.
fn asked_text() -> Value {
    json!({ "application/json": { "schema": { "type": "object", "additionalProperties": false, "properties": {
        "prompt": { "type": "string" },
        "length": { "type": "integer", "minimum": 1, "maximum": 10_000, "default": 300 },
        "temperature": { "type": "number", "minimum": 0, "default": 0.8 },
        "top_k": { "type": ["integer", "null"], "minimum": 1 },
        "seed": { "type": "integer", "minimum": 0, "default": 0 },
    } } } })
}

/// What it answers.
fn written() -> Value {
    json!({
        "description": "An event with a character each, and one named `end`",
        "content": { "text/event-stream": { "schema": { "type": "string" } } },
    })
}
