//! What pages are told while they listen.

use std::fs::File;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::{Duration, Instant};

use axum::body::BodyDataStream;
use futures_core::Stream;
use tokio::time::timeout;

use super::super::events::MAX_LISTENERS;
use super::*;
use crate::tracking::Store;
use crate::web::session::{change_token, session_name};

/// Longer than the watcher's period by far, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(20);

struct Events {
    stream: BodyDataStream,
    rest: String,
}

impl Events {
    async fn open(dashboard: &Dashboard, since: u64) -> Self {
        Self::open_with(dashboard, since, "").await
    }

    async fn open_with(dashboard: &Dashboard, since: u64, cookie: &str) -> Self {
        let page = cookie.split_once('=').map_or_else(|| "/".to_owned(), |(_, id)| session_name(id).path());
        let request = Request::builder().uri(format!("{page}api/events?since={since}")).header("host", "localhost");
        let request = request.header("cookie", cookie);
        let response = dashboard.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { stream: response.into_body().into_data_stream(), rest: String::new() }
    }

    /// The data of the next event, `None` at the end of the stream.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let data = event.strip_prefix("event: change\ndata: ").map(|data| serde_json::from_str(data).unwrap());
                self.rest = rest.to_owned();
                // Comments keep the stream alive and say nothing.
                if data.is_some() {
                    return data;
                }
                continue;
            }
            let next = poll_fn(|context| Pin::new(&mut self.stream).poll_next(context));
            let bytes = timeout(PATIENCE, next).await.expect("no event came")?;
            self.rest.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
        }
    }

    /// The next event whose run `id` passes.
    async fn wait_for(&mut self, id: &RunId, passes: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.next().await.expect("the stream ended");
            let runs = event["changed"].as_array().unwrap();
            if runs.iter().any(|run| run["id"] == json!(id) && passes(run)) {
                return event;
            }
        }
    }
}

async fn revision(dashboard: &Dashboard) -> u64 {
    dashboard.get("/api/runs").await.json()["revision"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_told_only_what_changed() {
    let dashboard = Dashboard::new();
    let quiet = dashboard.finished("quiet");
    let gone = dashboard.finished("gone");
    let seen = revision(&dashboard).await;
    dashboard.state.watch();
    let mut events = Events::open(&dashboard, seen).await;
    let mut writer = dashboard.start("live");
    let id = writer.id().clone();
    let event = events.wait_for(&id, |run| run["metrics"]["validation/loss"]["points"] == 3).await;
    assert!(!event.to_string().contains(quiet.as_str()));
    assert!(event["revision"].as_u64().unwrap() > seen);
    writer.log(&[point("validation/loss", 4, 0.1)]).unwrap();
    let event = events.wait_for(&id, |run| run["metrics"]["validation/loss"]["last"] == 0.1).await;
    assert_eq!((event["changed"].as_array().unwrap().len(), &event["removed"]), (1, &json!([])));
    // What a change looks like is what the list says.
    assert_eq!(event["changed"][0], dashboard.get("/api/runs").await.json()["runs"][0]);
    dashboard.send("DELETE", &format!("/api/runs/{gone}"), "").await;
    let event = events.next().await.unwrap();
    assert_eq!((&event["removed"], &event["changed"]), (&json!([gone]), &json!([])));
    writer.finish(Status::Finished, "done", Some(4)).unwrap();
    events.wait_for(&id, |run| run["shown"] == "finished").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_catches_up() {
    let dashboard = Dashboard::new();
    let gone = dashboard.finished("gone");
    let old = dashboard.finished("old");
    let seen = revision(&dashboard).await;
    let new = dashboard.finished("new");
    dashboard.send("DELETE", &format!("/api/runs/{gone}"), "").await;
    let event = Events::open(&dashboard, seen).await.next().await.unwrap();
    assert_eq!(event["revision"].as_u64().unwrap(), revision(&dashboard).await);
    assert_eq!((&event["changed"][0]["id"], &event["removed"]), (&json!(new), &json!([gone])));
    assert_eq!(event["changed"].as_array().unwrap().len(), 1);
    // A revision that the store never had: it was rebuilt, all are told.
    let event = Events::open(&dashboard, 1_000_000).await.next().await.unwrap();
    assert_eq!((event["changed"].as_array().unwrap().len(), &event["complete"]), (2, &json!(true)));
    assert!(event.to_string().contains(old.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_seen_though_nothing_is_written() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits");
    // As a killed process leaves it: running by its record, with a lock that nobody holds. Here the test holds it.
    let folder = dashboard.root().join("runs").join(id.as_str());
    let record = std::fs::read_to_string(folder.join("run.json")).unwrap();
    std::fs::write(folder.join("run.json"), record.replace("\"finished\"", "\"running\"")).unwrap();
    Store::open(dashboard.root()).unwrap().reindex().unwrap();
    let lock = File::options().read(true).write(true).open(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let runs = dashboard.get("/api/runs").await.json();
    assert_eq!(runs["runs"][0]["shown"], "running");
    dashboard.state.watch();
    let mut events = Events::open(&dashboard, runs["revision"].as_u64().unwrap()).await;
    events.wait_for(&id, |run| run["shown"] == "running").await;
    drop(lock);
    // The next thing that the page is told.
    let event = events.next().await.unwrap();
    assert_eq!((&event["changed"][0]["id"], &event["changed"][0]["shown"]), (&json!(id), &json!("crashed")));
    assert_eq!(event["revision"], runs["revision"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_and_a_rebuilt_store_are_noticed() {
    let dashboard = Dashboard::new();
    assert_eq!(dashboard.get("/api/runs").await.json(), json!({ "revision": 0, "total": 0, "all": 0, "runs": [] }));
    dashboard.state.watch();
    let mut events = Events::open(&dashboard, 0).await;
    let id = dashboard.finished("first");
    events.wait_for(&id, |run| run["shown"] == "finished").await;
    // Somebody moves the database away, and another folder's in.
    let other = Dashboard::new();
    let others = other.finished("second");
    for name in ["burnlab.db", "burnlab.db-wal", "burnlab.db-shm"] {
        std::fs::remove_file(dashboard.root().join(name)).ok();
    }
    std::fs::rename(
        other.root().join("runs").join(others.as_str()),
        dashboard.root().join("runs").join(others.as_str()),
    )
    .unwrap();
    std::fs::rename(dashboard.root().join("runs").join(id.as_str()), other.root().join("away")).unwrap();
    Store::open(dashboard.root()).unwrap().reindex().unwrap();
    let event = events.wait_for(&others, |_| true).await;
    let removed = if event["removed"] == json!([]) { events.next().await.unwrap() } else { event };
    assert_eq!(removed["removed"], json!([id]));
    assert_eq!(dashboard.get("/api/runs").await.json()["runs"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_session() {
    let mut dashboard = Dashboard::new();
    dashboard.state = AppState::new(dashboard.root(), Access::remote("0123456789abcdef").unwrap());
    dashboard.state.watch();
    let log_in = async || {
        let request = Request::builder().uri("/?token=0123456789abcdef").header("host", "localhost");
        let answer = dashboard.ask(request.body(Body::empty()).unwrap()).await;
        answer.header("set-cookie").split(';').next().unwrap().to_owned()
    };
    let (ours, others) = (log_in().await, log_in().await);
    let mut stays = Events::open_with(&dashboard, 0, &ours).await;
    let mut ends = Events::open_with(&dashboard, 0, &others).await;
    let first = dashboard.finished("first");
    ends.wait_for(&first, |_| true).await;
    let id = others.split_once('=').unwrap().1;
    let end = session_name(id).path() + "api/session";
    let request = Request::builder().method("DELETE").uri(end).header("host", "localhost");
    let request = request.header("cookie", &others).header("x-burnlab-token", change_token(id));
    assert_eq!(dashboard.ask(request.body(Body::empty()).unwrap()).await.status, StatusCode::NO_CONTENT);
    let second = dashboard.finished("second");
    while let Some(event) = ends.next().await {
        assert!(!event.to_string().contains(second.as_str()), "told after its end");
    }
    stays.wait_for(&second, |_| true).await;
}

#[tokio::test]
async fn only_so_many_pages_listen() {
    let dashboard = Dashboard::new();
    let mut open = Vec::new();
    for _ in 0..MAX_LISTENERS {
        open.push(Events::open(&dashboard, 0).await);
    }
    let refused = dashboard.get("/api/events").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.text().contains(&format!("{MAX_LISTENERS} pages")), "{}", refused.text());
    open.truncate(10);
    let deadline = Instant::now() + PATIENCE;
    // A place is free once the task of the closed stream has noticed.
    while dashboard.state.shared.listeners.load(std::sync::atomic::Ordering::Relaxed) > 10 {
        assert!(Instant::now() < deadline, "closed streams keep their places");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Events::open(&dashboard, 0).await;
    // The end of the server ends the streams.
    dashboard.state.end();
    assert!(open[0].next().await.is_none());
}
