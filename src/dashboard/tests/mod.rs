//! The dashboard from outside: requests go through the whole router, without a socket where possible.

mod attacks;
mod edits;
mod events;
mod examples;
mod experiments;
mod numbers;
mod reads;
mod sockets;
mod sweeps;

use std::collections::BTreeMap;
use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::{Access, AppState, app};
use crate::tracking::{NewRun, NewSweep, Point, RunId, RunWriter, Status, Store};

/// A dashboard over a folder of its own.
struct Dashboard {
    folder: TempDir,
    state: AppState,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Dashboard {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = AppState::new(folder.path(), Access::local());
        Self { folder, state }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn router(&self) -> Router {
        app(self.state.clone())
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    /// As the page does it: with the right host and the token.
    async fn send(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder().method(method).uri(path).header("host", "localhost:6007");
        let request = request.header("x-burnlab-token", self.state.token());
        self.ask(request.body(body.into()).unwrap()).await
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 64 << 20).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A run of three epochs that is still going on.
    fn start(&self, experiment: &str) -> RunWriter {
        let mut writer = RunWriter::start(self.root(), new_run(experiment, 1)).unwrap();
        for epoch in 1..=3 {
            writer.log(&[point("validation/loss", epoch, 1.0 / epoch as f64)]).unwrap();
        }
        writer
    }

    /// A search for the least loss on the validation split, with all its trials waiting.
    fn sweep(&self, num_trials: u32) -> RunId {
        let sweep = NewSweep {
            experiment: "digits".to_owned(),
            config_toml: String::new(),
            method: "random".to_owned(),
            metric: "validation/loss".parse().unwrap(),
            params: vec!["training.learning_rate".to_owned()],
            num_trials,
            data: "rows".to_owned(),
        };
        Store::open(self.root()).unwrap().create_sweep(sweep).unwrap()
    }

    /// The same, finished.
    fn finished(&self, experiment: &str) -> RunId {
        let writer = self.start(experiment);
        let id = writer.id().clone();
        writer.finish(Status::Finished, "all epochs done", Some(3)).unwrap();
        id
    }
}

fn new_run(experiment: &str, seed: u64) -> NewRun {
    NewRun {
        experiment: experiment.to_owned(),
        name: None,
        tags: vec!["new".to_owned()],
        note: None,
        config_toml: format!("name = \"{experiment}\"\nseed = {seed}\n"),
        params: BTreeMap::from([("name".to_owned(), json!(experiment)), ("seed".to_owned(), json!(seed))]),
        environment: json!({ "os": "test" }),
        seed,
        parent: None,
        sweep: None,
        data: None,
        is_private: false,
    }
}

fn point(key: &str, epoch: u64, value: f64) -> Point {
    Point { key: key.parse().unwrap(), epoch, step: epoch * 10, time: epoch as f64 * 0.5, value }
}
