//! Who must not get in, and what nobody may ask for; tried on every route of the router's own list.

use serde_json::json;

use super::super::ROUTES;
use super::*;

#[tokio::test]
async fn strangers_are_refused_on_every_route() {
    let lessons = Lessons::new();
    let (token, good) = (("x-burnlab-token", lessons.access.token().to_owned()), ("host", "localhost:6007".to_owned()));
    for (method, path) in ROUTES {
        let path = path.replace("{name}", "learn.js").replace("{kind}", "cnn");
        let method = method.to_uppercase();
        let foreign = [
            vec![token.clone(), ("host", "evil.example".to_owned())],
            vec![token.clone(), good.clone(), ("origin", "http://evil.example".to_owned())],
            vec![token.clone(), good.clone(), ("sec-fetch-site", "cross-site".to_owned())],
        ];
        let without_token = (method != "GET").then(|| vec![good.clone()]);
        for headers in foreign.into_iter().chain(without_token) {
            let request = Request::builder().method(method.as_str()).uri(&path);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
            let answer = lessons.ask(request.body(Body::from("{}")).unwrap()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path} {headers:?}");
        }
    }
}

/// A token in the address begins a session at the page, and nowhere else.
#[tokio::test]
async fn other_machines_begin_at_the_page_with_the_token() {
    let mut lessons = Lessons::new();
    lessons.access = Access::remote("0123456789abcdef").unwrap();
    let get = async |path: &str| {
        lessons.ask(Request::builder().uri(path).header("host", "lab:6007").body(Body::empty()).unwrap()).await
    };
    let begun = get("/learn?token=0123456789abcdef").await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER);
    let place = begun.headers["location"].to_str().unwrap().to_owned();
    assert!(place.starts_with("/s/") && place.ends_with("/learn"), "{place}");
    let cookie = begun.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let request = Request::builder().uri(&place).header("host", "lab:6007").header("cookie", cookie);
    let page = lessons.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text().contains("0123456789abcdef"), "the page has no token");
    for path in ["/learn", "/learn?token=0123456789abcdee", "/learn/learn.js?token=0123456789abcdef", &place] {
        assert_eq!(get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

/// Bodies that are no requests, on every route that takes one.
#[tokio::test]
async fn hostile_bodies_are_refused_and_leave_nothing_behind() {
    let lessons = Lessons::new();
    let bodies = [
        String::new(),
        "null".to_owned(),
        "[".repeat(100_000),
        "{\"config\":".to_owned(),
        "{\"config\": \"moons\", \"unknown\": 1}".to_owned(),
        json!({ "config": "../digits" }).to_string(),
        json!({ "config": "digits\u{0}" }).to_string(),
        json!({ "config": "titanic-families" }).to_string(),
        json!({ "config": "moons", "seed": -1 }).to_string(),
        json!({ "config": "moons", "set": { "data.path": "/etc/passwd" } }).to_string(),
        json!({ "config": "moons", "set": { "model.init_from": "latest" } }).to_string(),
        json!({ "config": "moons", "set": { "model.hidden": [[[1]]] } }).to_string(),
        json!({ "config": "moons", "set": { "model.activation": "relu\nseeds = 9" } }).to_string(),
        "{\"config\": \"moons\", \"points\": [[1e999, 0, 0]]}".to_owned(),
    ];
    for (method, path) in ROUTES.iter().filter(|(method, _)| *method != "get") {
        for body in &bodies {
            let answer = lessons.send(&method.to_uppercase(), path, body.clone()).await;
            let error = answer.refusal();
            assert!(!error.is_empty() && !error.contains('\n') && error.len() < 2000, "{path} {body}: {error}");
        }
        let huge = lessons.send(&method.to_uppercase(), path, vec![b' '; 1 << 20]).await;
        assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    assert!(!lessons.folder.path().join("artifacts").exists());
}

#[tokio::test]
async fn a_request_beyond_the_limits_names_its_field() {
    let lessons = Lessons::new();
    let points: Vec<[f64; 3]> = (0..1001).map(|i| [f64::from(i), 0.0, f64::from(i % 2)]).collect();
    let set = |key: &str, value: Value| json!({ "config": "moons", "set": { key: value } });
    for (body, told) in [
        (set("model.hidden", json!([513])), "model.hidden: 512 at most on this page, found 513"),
        (set("model.hidden", json!([1, 1, 1, 1, 1])), "model.hidden: 4 at most on this page, found 5"),
        (json!({ "config": "digits-cnn", "set": { "model.hidden": [65536] } }), "model.hidden: 512 at most"),
        (set("training.max_epochs", json!(2001)), "training.max_epochs: 2000 at most"),
        (set("training.max_epochs", json!(0)), "training.max_epochs"),
        (set("training.learning_rate", json!("fast")), "training.learning_rate"),
        (set("data.num_examples", json!(2001)), "data.num_examples: 2000 at most"),
        (set("training.batch_size", json!(1999)), "training.batch_size"),
        (set("data.query", json!("x")), "set: `data.query` cannot be set here"),
        (json!({ "config": "nothing" }), "config: there is no shipped config `nothing`"),
        (json!({ "config": "california" }), "config: `california` needs a file or a run"),
        (json!({ "config": "moons", "points": points }), "points: 1000 at most, found 1001"),
        (json!({ "config": "moons", "points": [[0, 0, 0], [1, 1, 0]] }), "points: there must be points of two classes"),
        (json!({ "config": "moons", "points": [[0, 0, 0.5]] }), "points[0]: a class is a whole number"),
        (json!({ "config": "moons", "points": [[2e6, 0, 1]] }), "points[0]: a coordinate is -1e6 to 1e6"),
        (json!({ "config": "moons", "grid": 101 }), "grid: 0, or 2 to 100, found 101"),
        (json!({ "config": "moons", "frames": 41 }), "frames: 40 at most"),
        (json!({ "config": "moons", "slot": 8 }), "slot: 0 to 7, found 8"),
        (json!({ "config": "moons", "page": "a b" }), "page: at most 32 letters and digits"),
        (json!({ "config": "moons", "page": "a".repeat(33) }), "page: at most 32 letters and digits"),
        (json!({ "config": "moons", "extent": [[1, 0], [0, 1]] }), "extent: "),
    ] {
        let error = lessons.post("/api/learn/train", body.clone()).await.refusal();
        assert!(error.contains(told), "{body}: {error}");
    }
}
