//! Changes: they reach the store and its files, and mistakes change nothing.

use std::io::Read;
use std::sync::Arc;

use super::*;
use crate::dashboard::{ApiError, Explainer, MAX_SCANNING, Models, Reporter};
use crate::tracking::{Run, folder};

#[tokio::test]
async fn edits_reach_the_folder() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits");
    let path = format!("/api/runs/{id}");
    let body = r#"{"tags": [" b ", "a", "a"], "note": "why\nnot", "name": "First", "archived": true}"#;
    let answer = dashboard.send("PATCH", &path, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let run = answer.json();
    assert_eq!((&run["tags"], &run["note"], &run["name"]), (&json!(["a", "b"]), &json!("why\nnot"), &json!("First")));
    assert_eq!((&run["archived"], &run["shown"]), (&json!(true), &json!("finished")));
    let file = std::fs::read(dashboard.root().join(format!("runs/{id}/run.json"))).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&file).unwrap()["tags"], json!(["a", "b"]));
    // What is absent stays.
    let run = dashboard.send("PATCH", &path, r#"{"archived": false}"#).await.json();
    assert_eq!((&run["tags"], &run["archived"]), (&json!(["a", "b"]), &json!(false)));
    assert_eq!(dashboard.get("/api/runs").await.json()["runs"][0], run);
}

#[tokio::test]
async fn an_experiment_is_renamed_and_back() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits");
    dashboard.finished("wine");
    let rename = async |from: &str, to: &str| {
        dashboard.send("POST", "/api/experiments/rename", json!({ "from": from, "to": to }).to_string()).await
    };
    for (from, to, status) in [
        ("none", "new", StatusCode::NOT_FOUND),
        ("digits", "", StatusCode::BAD_REQUEST),
        ("digits", "wine", StatusCode::CONFLICT),
    ] {
        let answer = rename(from, to).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let names = async || {
        let found = dashboard.get("/api/experiments").await.json();
        let names: Vec<String> = found["experiments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect();
        names
    };
    assert_eq!(rename("digits", "numerals <b>").await.json(), json!({ "runs": 1 }));
    assert_eq!(names().await, ["wine", "numerals <b>"]);
    let file = std::fs::read(dashboard.root().join(format!("runs/{id}/run.json"))).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&file).unwrap()["experiment"], "numerals <b>");
    let board = dashboard.get("/api/leaderboard?experiment=numerals%20%3Cb%3E").await;
    assert_eq!(board.status, StatusCode::OK, "{}", board.text());
    assert_eq!(rename("numerals <b>", "digits").await.status, StatusCode::OK);
    assert_eq!(names().await, ["wine", "digits"]);
}

#[tokio::test]
async fn mistakes_are_named_and_change_nothing() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits");
    let path = format!("/api/runs/{id}");
    let before = dashboard.get("/api/runs").await.json();
    for (body, status) in [
        ("", StatusCode::BAD_REQUEST),
        ("[]", StatusCode::BAD_REQUEST),
        (r#"{"tags": "a"}"#, StatusCode::BAD_REQUEST),
        (r#"{"status": "finished"}"#, StatusCode::BAD_REQUEST),
        (&format!(r#"{{"note": "{}"}}"#, "x".repeat(70_000)), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = dashboard.send("PATCH", &path, body.to_owned()).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.json()["error"].is_string());
    }
    for (method, path) in [
        ("PATCH", "/api/runs/none-20261124-235039-a3f1"),
        ("DELETE", "/api/runs/none-20261124-235039-a3f1"),
        ("POST", "/api/trash/none-20261124-235039-a3f1/restore"),
        ("GET", "/api/runs/none-20261124-235039-a3f1"),
        ("GET", "/api/nothing"),
    ] {
        let answer = dashboard.send(method, path, "{}").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}: {}", answer.text());
        assert!(answer.json()["error"].is_string());
    }
    assert_eq!(dashboard.send("PUT", &path, "{}").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(dashboard.get("/api/runs").await.json(), before);
}

#[tokio::test]
async fn the_trash_gives_back() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits");
    let before = dashboard.get(&format!("/api/runs/{id}")).await.json();
    let answer = dashboard.send("DELETE", &format!("/api/runs/{id}"), "").await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({})));
    assert_eq!(dashboard.get("/api/runs").await.json()["runs"], json!([]));
    assert_eq!(dashboard.get(&format!("/api/runs/{id}")).await.status, StatusCode::NOT_FOUND);
    let trash = dashboard.get("/api/trash").await.json();
    assert_eq!(trash[0]["id"], json!(id));
    assert!(trash[0]["trashed"].is_string());
    let run = dashboard.send("POST", &format!("/api/trash/{id}/restore"), "").await.json();
    // Only the revision tells that anything happened.
    let without_revision = |run: &Value| {
        json!({ "run": run, "revision": 0 }).to_string().replacen(&format!("\"revision\":{}", run["revision"]), "", 1)
    };
    assert_eq!(without_revision(&run), without_revision(&before["run"]));
    assert_eq!(dashboard.get("/api/trash").await.json(), json!([]));
    assert_eq!(dashboard.get(&format!("/api/runs/{id}")).await.json()["files"], before["files"]);
    let again = dashboard.send("POST", &format!("/api/trash/{id}/restore"), "").await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_run_that_trains_is_not_deleted() {
    let dashboard = Dashboard::new();
    let writer = dashboard.start("digits");
    let answer = dashboard.send("DELETE", &format!("/api/runs/{}", writer.id()), "").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.text().contains("still training"), "{}", answer.text());
}

#[tokio::test]
async fn a_run_that_trains_is_asked_to_stop_and_no_other() {
    let dashboard = Dashboard::new();
    let writer = dashboard.start("digits");
    let requests = writer.stop_requests().unwrap();
    let path = format!("/api/runs/{}/stop", writer.id());
    assert!(!requests.is_asked());
    assert_eq!(dashboard.send("POST", &path, "").await.status, StatusCode::OK);
    assert!(requests.is_asked());
    let folder = writer.folder().to_owned();
    writer.finish(Status::Interrupted, "asked", None).unwrap();
    assert!(!folder.join("stop").exists());
    let answer = dashboard.send("POST", &path, "").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.text().contains("is not being trained, it is interrupted"), "{}", answer.text());
}

#[tokio::test]
async fn a_report_is_a_file_for_whoever_has_a_writer_of_reports() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits");
    let path = format!("/api/report?runs={id}");
    assert_eq!(dashboard.get(&path).await.status, StatusCode::NOT_FOUND);
    let write = |_: &Store, runs: &[Run]| Ok(format!("<p>{}", runs[0].record.id));
    let models = Models { reporter: Some(Reporter(Arc::new(write))), ..Models::default() };
    let state = AppState::with_models(dashboard.root(), Access::local(), models);
    let other = Dashboard { folder: tempfile::tempdir().unwrap(), state };
    let answer = other.get(&path).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, format!("<p>{id}")));
    assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"report.html\"");
    assert!(answer.headers["content-security-policy"].to_str().unwrap().starts_with("sandbox"));
    for (query, status) in [
        ("runs=", StatusCode::BAD_REQUEST),
        ("", StatusCode::BAD_REQUEST),
        ("runs=a-20260101-000000-abcd", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(other.get(&format!("/api/report?{query}")).await.status, status, "{query}");
    }
}

#[tokio::test]
async fn a_prediction_is_explained_by_whoever_knows_the_models() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits");
    let path = format!("/api/runs/{id}/contributions?row=3");
    assert_eq!(dashboard.get(&path).await.status, StatusCode::NOT_FOUND);
    let explain = |folder: &std::path::Path, row: usize| {
        anyhow::ensure!(row < 5, "--row {row} is no test row");
        Ok(format!("<svg>{} {row}</svg>", folder.file_name().unwrap().display()))
    };
    let models = Models { explainer: Some(Explainer(Arc::new(explain))), ..Models::default() };
    let state = AppState::with_models(dashboard.root(), Access::local(), models);
    let other = Dashboard { folder: tempfile::tempdir().unwrap(), state };
    let answer = other.get(&path).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, format!("<svg>{id} 3</svg>")));
    assert_eq!(answer.header("content-type"), "image/svg+xml");
    assert!(answer.header("content-security-policy").starts_with("sandbox"));
    let refused = other.get(&path.replace("row=3", "row=7")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.text().contains("is no test row"), "{}", refused.text());
    for (path, status) in [
        (format!("/api/runs/{id}/contributions"), StatusCode::BAD_REQUEST),
        (format!("/api/runs/{id}/contributions?row=-1"), StatusCode::BAD_REQUEST),
        ("/api/runs/a-20260101-000000-abcd/contributions?row=1".to_owned(), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(other.get(&path).await.status, status, "{path}");
    }
}

/// A model that somebody sent may take long to explain, even when nobody waits any more.
#[tokio::test]
async fn explanations_and_reports_take_no_place_of_readers_and_come_one_at_a_time() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits");
    let (end, is_ended) = std::sync::mpsc::channel::<()>();
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let is_ended = std::sync::Mutex::new(is_ended);
    let compute = Arc::new(move || {
        begun.send(()).unwrap();
        is_ended.lock().unwrap().recv()?;
        Ok("<svg></svg>".to_owned())
    });
    let explain = Arc::clone(&compute);
    let models = Models {
        reporter: Some(Reporter(Arc::new(move |_: &Store, _: &[Run]| compute()))),
        explainer: Some(Explainer(Arc::new(move |_: &std::path::Path, _| explain()))),
    };
    let state = AppState::with_models(dashboard.root(), Access::local(), models);
    let ask = |path: String| {
        let other = Dashboard { folder: tempfile::tempdir().unwrap(), state: state.clone() };
        tokio::spawn(async move { other.get(&path).await.status })
    };
    let explained = (0..10).map(|row| format!("/api/runs/{id}/contributions?row={row}"));
    let reported = (0..10).map(|_| format!("/api/report?runs={id}"));
    let waiting: Vec<_> = explained.chain(reported).map(ask).collect();
    begins.recv().await.unwrap();
    // Everything else is answered meanwhile.
    for path in [format!("/api/runs/{id}"), "/api/runs".to_owned(), format!("/api/runs/{id}/files/run.json")] {
        assert_eq!(ask(path.clone()).await.unwrap(), StatusCode::OK, "{path}");
    }
    assert!(begins.try_recv().is_err(), "two at once");
    (0..waiting.len()).for_each(|_| end.send(()).unwrap());
    for answer in waiting {
        assert_eq!(answer.await.unwrap(), StatusCode::OK);
    }
}

/// A table of a run that somebody sent may have a gigabyte.
#[tokio::test]
async fn tables_take_no_place_of_readers_and_are_read_no_further_when_the_client_leaves() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits");
    std::fs::write(dashboard.root().join("runs").join(id.as_str()).join("predictions.csv"), "a,b\n1,2\n").unwrap();
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let read = || {
        let (state, begun, ended) = (dashboard.state.clone(), begun.clone(), ended.clone());
        let folder = dashboard.root().join("runs").join(id.as_str());
        tokio::spawn(async move {
            let endless = move |_: &Store| loop {
                let mut table = folder::open_table(&folder, "predictions.csv")?.expect("it is there");
                if let Err(error) = table.read_to_end(&mut Vec::new()) {
                    ended.send(error.kind()).unwrap();
                    return Err::<(), _>(ApiError::internal(error));
                }
                begun.send(()).unwrap();
            };
            state.scan(endless).await
        })
    };
    let readers: Vec<_> = (0..MAX_SCANNING).map(|_| read()).collect();
    begins.recv().await.unwrap();
    for path in [format!("/api/runs/{id}"), "/api/runs".to_owned(), format!("/api/runs/{id}/files/run.json")] {
        assert_eq!(dashboard.get(&path).await.status, StatusCode::OK, "{path}");
    }
    for reader in readers {
        reader.abort();
        assert_eq!(ends.recv().await, Some(std::io::ErrorKind::TimedOut));
    }
    let page = dashboard.get(&format!("/api/runs/{id}/predictions")).await;
    assert_eq!(page.json()["rows"], json!([["1", "2"]]));
}

#[tokio::test]
async fn views_are_named_replaced_and_removed() {
    let dashboard = Dashboard::new();
    assert_eq!(dashboard.get("/api/views").await.json(), json!([]));
    let view = |name: &str, address: &str| json!({ "name": name, "address": address });
    let save = async |body: Value| dashboard.send("POST", "/api/views", body.to_string()).await;
    // Nothing is made where there is no store.
    assert_eq!(save(view("a", "#/")).await.status, StatusCode::NOT_FOUND);
    dashboard.finished("digits");
    assert_eq!(
        save(view(" the best ", "#/?q=tag%20%3D%20a")).await.json(),
        json!([view("the best", "#/?q=tag%20%3D%20a")])
    );
    assert_eq!(save(view("all", "#/")).await.json().as_array().unwrap().len(), 2);
    assert_eq!(
        save(view("the best", "#/scatter")).await.json(),
        json!([view("all", "#/"), view("the best", "#/scatter")])
    );
    for bad in [
        view("", "#/"),
        view(" ", "#/"),
        view("a\nb", "#/"),
        view(&"a".repeat(81), "#/"),
        view("a", "/"),
        view("a", "javascript:alert(1)//#/"),
        view("a", "https://evil.example/#/"),
        view("a", &format!("#/{}", "a".repeat(9000))),
        json!({ "name": "a" }),
        json!({ "name": "a", "address": "#/", "more": 1 }),
    ] {
        assert_eq!(save(bad.clone()).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    assert_eq!(dashboard.send("DELETE", "/api/views/none", "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(dashboard.send("DELETE", "/api/views/the%20best", "").await.json(), json!([view("all", "#/")]));
    // What somebody has written there by other means leads nowhere else.
    let others = json!([view("all", "#/"), view("evil", "https://evil.example"), view("b\nc", "#/")]);
    std::fs::write(dashboard.root().join("views.json"), others.to_string()).unwrap();
    assert_eq!(dashboard.get("/api/views").await.json(), json!([view("all", "#/")]));
    // Another dashboard of the store has them; a damaged file is said, and kept as it is.
    let other = AppState::new(dashboard.root(), Access::local());
    assert_eq!(
        Dashboard { folder: tempfile::tempdir().unwrap(), state: other }.get("/api/views").await.json(),
        json!([view("all", "#/")])
    );
    let file = dashboard.root().join("views.json");
    std::fs::write(&file, "[{").unwrap();
    assert!(save(view("b", "#/")).await.status.is_server_error());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[{");
    std::fs::remove_file(&file).unwrap();
    // No more than a menu can hold.
    for number in 0..100 {
        assert_eq!(save(view(&format!("view {number}"), "#/")).await.status, StatusCode::OK);
    }
    assert_eq!(save(view("one more", "#/")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(save(view("view 7", "#/trash")).await.status, StatusCode::OK);
}
