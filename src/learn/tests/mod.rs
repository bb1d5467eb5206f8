//! The lessons' routes from outside: requests go through the router and its guard, without a socket.

mod attacks;
mod keeping;
mod looking;
mod steps;
mod training;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use super::{LearnState, router};
use crate::web::guard::TIME_LIMIT;
use crate::web::{Access, Guarded, guarded};

/// The lessons over a folder of their own.
struct Lessons {
    folder: TempDir,
    state: LearnState,
    access: Access,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The error of a refused request.
    #[track_caller]
    fn refusal(&self) -> String {
        assert_eq!(self.status, StatusCode::BAD_REQUEST, "{}", self.text());
        self.json()["error"].as_str().unwrap().to_owned()
    }
}

impl Lessons {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = LearnState::new(folder.path().join("artifacts").as_path());
        Self { folder, state, access: Access::local() }
    }

    fn router(&self) -> Router {
        let access = self.access.clone();
        let pages = &["/", "/learn"];
        guarded(router(self.state.clone()), Guarded { access, time_limit: TIME_LIMIT, pages, has_changes: true })
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, body.to_string()).await
    }

    /// As the page does it: with the right host and the token.
    async fn send(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder().method(method).uri(path).header("host", "localhost:6007");
        let request = request.header("x-burnlab-token", self.access.token());
        self.ask(request.body(body.into()).unwrap()).await
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 64 << 20).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

#[tokio::test]
async fn the_page_and_its_lessons_are_served_in_both_languages() {
    let lessons = Lessons::new();
    let page = lessons.get("/learn").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains(lessons.access.token()) && !page.text().contains("{{"), "{}", page.text());
    assert_eq!(lessons.get("/learn/learn.js").await.headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(lessons.get("/learn/other.js").await.status, StatusCode::NOT_FOUND);
    let ids = async |language: &str| -> Vec<Value> {
        let all = lessons.get(&format!("/api/learn/lessons?lang={language}")).await.json();
        all.as_array().unwrap().iter().map(|lesson| lesson["id"].clone()).collect()
    };
    assert_eq!(ids("zh").await, ids("en").await);
    assert_eq!(ids("en").await[0], "neuron");
    assert!(lessons.get("/api/learn/lessons?lang=fr").await.refusal().contains("zh and en"));
}
