//! The interface as an OpenAPI 3.1 document. Each model has paths of its own, since each takes other rows; `requests` has the
//! schemas of what is sent, `answers` of what comes back.

mod answers;
mod requests;

use std::fmt::Write;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::{Model, ServeState, Writer};
use answers::{nothing, of_json, text};

/// `GET /openapi.json`
pub async fn document(State(state): State<ServeState>) -> Json<Value> {
    let (models, writers) = (state.models.all(), state.models.writers());
    let mut paths = of_server();
    for (i, model) in models.iter().enumerate() {
        of_model(&mut paths, model, i == 0);
    }
    for (i, writer) in writers.iter().enumerate() {
        of_writer(&mut paths, writer, i == 0);
    }
    let names: Vec<&str> = models.iter().map(|model| &*model.name).collect();
    let writers: Vec<&str> = writers.iter().map(|writer| &*writer.name).collect();
    Json(json!({
        "openapi": "3.1.0",
        "info": { "title": "burnlab serve", "version": env!("CARGO_PKG_VERSION") },
        "x-models": names,
        "x-language-models": writers,
        "paths": paths,
        "components": answers::components(),
    }))
}

/// What does not ask a model.
fn of_server() -> Map<String, Value> {
    let object = || of_json("Name, version and extensions", json!({ "type": "object" }));
    let all = [
        ("/ping", "Whether the server is up", nothing("It is")),
        ("/health", "Whether the server is up", nothing("It is")),
        ("/version", "The version of burnlab", text("The version")),
        ("/metrics", "Metrics in the format of Prometheus", text("The metrics")),
        ("/v2", "The server", object()),
        ("/v2/health/live", "Whether the server is up", nothing("It is")),
        ("/v2/health/ready", "Whether all models are loaded", nothing("They are")),
    ];
    all.into_iter().map(|(path, summary, answer)| (path.to_owned(), get(summary, answer))).collect()
}

/// The paths of a model that predicts rows; the first one answers without its name, too.
fn of_model(paths: &mut Map<String, Value>, model: &Model, is_first: bool) {
    let predict = || {
        let rows = json!({ "application/json": { "schema": requests::rows(model) }, "text/csv": { "schema": requests::csv(model) } });
        post(&format!("Predict rows with `{}`", model.name), rows, answers::predicted())
    };
    if is_first {
        let scoring = json!({
            "application/json": { "schema": requests::scoring(model) }, "text/csv": { "schema": requests::csv(model) }
        });
        paths.insert("/predict".to_owned(), predict());
        let summary = format!("MLflow's scoring protocol, for `{}`", model.name);
        paths.insert("/invocations".to_owned(), post(&summary, scoring, answers::scored()));
    }
    paths.insert(format!("/predict/{}", segment(&model.name)), predict());
    protocol(paths, &model.name, &model.run, &requests::tensors(model));
}

/// The paths of a language model.
fn of_writer(paths: &mut Map<String, Value>, writer: &Writer, is_first: bool) {
    let generate = || {
        let asked = json!({ "application/json": { "schema": requests::text(writer) } });
        let summary = format!("Write a text with `{}`, as server-sent events", writer.name);
        post(&summary, asked, answers::written())
    };
    if is_first {
        paths.insert("/generate".to_owned(), generate());
    }
    paths.insert(format!("/generate/{}", segment(&writer.name)), generate());
    protocol(paths, &writer.name, &writer.run, &requests::text_tensors(writer));
}

/// The Open Inference Protocol's paths of a model.
fn protocol(paths: &mut Map<String, Value>, name: &str, run: &str, infer: &Value) {
    let model = format!("/v2/models/{}", segment(name));
    for path in [format!("{model}/versions/{}", segment(run)), model] {
        let object = |description: &str| of_json(description, json!({ "type": "object" }));
        let request = json!({ "application/json": { "schema": infer } });
        paths.insert(format!("{path}/infer"), post(&format!("Ask `{name}`"), request, object("The outputs")));
        let described = get(&format!("The inputs and outputs of `{name}`"), object("The model"));
        let ready = get(&format!("Whether `{name}` is ready"), nothing("It is"));
        paths.insert(format!("{path}/ready"), ready);
        paths.insert(path, described);
    }
}

fn get(summary: &str, answer: Value) -> Value {
    json!({ "get": { "summary": summary, "responses": answers::with_errors(answer) } })
}

fn post(summary: &str, content: Value, answer: Value) -> Value {
    let body = json!({ "required": true, "content": content });
    json!({ "post": { "summary": summary, "requestBody": body, "responses": answers::with_errors(answer) } })
}

/// A name as a part of a path (RFC 3986): a brace would begin a parameter.
fn segment(name: &str) -> String {
    let mut segment = String::new();
    for byte in name.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => segment.push(char::from(byte)),
            false => write!(segment, "%{byte:02X}").expect("strings grow"),
        }
    }
    segment
}
