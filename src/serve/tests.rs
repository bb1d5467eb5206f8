//! What strangers try on the server, on every route of its own list: the attacks of `src/dashboard/tests/attacks.rs` that concern
//! a server of models. Those on a model's requests are in `tests/burnlab/serving.rs`.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::backend::BackendName;
use crate::web::attacks::{
    FOREIGN, GOOD_HOST, PATIENT, SHORT, Server, hide_in_a_request, send_a_head_byte_by_byte, send_heads_without_end,
    take_all_places,
};

const TOKEN: &str = "0123456789abcdef";

/// A server without models.
fn state(access: Access) -> ServeState {
    let nowhere = std::path::Path::new("nowhere");
    let models = Models::open(nowhere.into(), Vec::new(), BackendName::chosen(None)).unwrap();
    ServeState::new(models, access, false)
}

async fn start(state: ServeState, limits: Limits) -> Server {
    Server::start(|listener, stopped| serve_with(limits, listener, state, false, stopped.wait())).await
}

/// Method and path of each route, with names filled in.
fn targets() -> impl Iterator<Item = (String, String)> {
    ROUTES.iter().map(|(method, path)| {
        (method.to_uppercase(), path.replace("{model}", "digits").replace("{version}", "digits-1"))
    })
}

async fn ask(
    state: &ServeState,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, String) {
    let request = Request::builder().method(method).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let body = if method == "POST" { "{}" } else { "" };
    let response = app(state.clone()).oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn strangers_are_refused_on_every_route() {
    let state = state(Access::local());
    assert!(targets().count() > 20);
    for (method, path) in targets().chain([("GET".to_owned(), "/nothing".to_owned())]) {
        for attack in FOREIGN {
            let (status, headers, _) = ask(&state, &method, &path, attack).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} {attack:?}");
            assert!(!headers.keys().any(|name| name.as_str().starts_with("access-control-")));
        }
        let absolute = format!("http://evil.example{path}");
        assert_eq!(ask(&state, &method, &absolute, &[GOOD_HOST]).await.0, StatusCode::FORBIDDEN, "{method} {absolute}");
        let (own, ..) = ask(&state, &method, &path, &[GOOD_HOST, ("origin", "http://localhost:6007")]).await;
        assert!(own.is_success() || own == StatusCode::NOT_FOUND, "{method} {path}: {own}");
    }
}

#[tokio::test]
async fn methods_do_what_they_say_and_nothing_else() {
    let state = state(Access::local());
    for (method, path) in targets() {
        let preflight = [
            GOOD_HOST,
            ("origin", "http://localhost:8888"),
            ("access-control-request-method", &*method),
            ("access-control-request-headers", "content-type"),
        ];
        let (status, headers, _) = ask(&state, "OPTIONS", &path, &preflight).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert!(!headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{headers:?}");
        for other in ["TRACE", "CONNECT", "PUT", "PATCH", "DELETE", "PROPFIND", "get", "X"] {
            let (status, ..) = ask(&state, other, &path, &[GOOD_HOST]).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{other} {path}");
        }
        for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
            let overridden = ask(&state, "GET", &format!("{path}?_method=POST"), &[GOOD_HOST, (name, "POST")]).await;
            let plain = ask(&state, "GET", &path, &[GOOD_HOST]).await;
            assert_eq!(overridden.0, plain.0, "{name} {path}");
        }
    }
}

#[tokio::test]
async fn every_answer_is_locked_down() {
    let state = state(Access::local());
    for (method, path) in targets().chain([("GET".to_owned(), "/nothing".to_owned())]) {
        for (method, headers) in [("GET", &[][..]), ("PUT", &[GOOD_HOST]), (method.as_str(), &[GOOD_HOST])] {
            let (status, headers, _) = ask(&state, method, &path, headers).await;
            for (name, value) in [
                ("x-frame-options", "DENY"),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cross-origin-resource-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                ("content-security-policy", "default-src 'none'"),
            ] {
                let given = headers.get(name).map_or("", |given| given.to_str().unwrap());
                assert!(given.starts_with(value), "{method} {path} {status}: {name} is {given:?}");
            }
            assert!(!headers.contains_key("set-cookie") && !headers.contains_key("server"), "{headers:?}");
        }
    }
}

#[tokio::test]
async fn other_machines_need_the_token_everywhere() {
    let state = state(Access::remote(TOKEN).unwrap());
    let host = ("host", "box.example:8080");
    for (method, path) in targets() {
        for attack in [
            &[host][..],
            &[host, ("authorization", "Bearer")],
            &[host, ("authorization", "Bearer 0123456789abcde")],
            &[host, ("authorization", "Bearer 0123456789abcdef0")],
            &[host, ("authorization", "Basic MDEyMzQ1Njc4OWFiY2RlZg==")],
            &[host, ("authorization", "Bearer 0123456789abcdef"), ("authorization", "Bearer x")],
            &[host, ("cookie", "burnlab_session_8080=0123456789abcdef")],
            &[host, ("x-burnlab-token", TOKEN)],
        ] {
            let (status, ..) = ask(&state, &method, &path, attack).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} {attack:?}");
        }
        let bearer = [host, ("authorization", "Bearer 0123456789abcdef")];
        assert_ne!(ask(&state, &method, &path, &bearer).await.0, StatusCode::FORBIDDEN, "{method} {path}");
        // In an address it begins a session at the page alone, and leads nowhere else.
        let (status, headers, _) =
            ask(&state, &method, &format!("{path}?token={TOKEN}&next=//evil.example"), &[host]).await;
        let location = headers.get("location").map(|location| location.to_str().unwrap());
        match location {
            Some(location) => assert!(path == "/" && location.starts_with("/s/") && location.len() == 36, "{location}"),
            None => assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}"),
        }
    }
    // Its cookie opens the path of the session, and no other.
    let (_, headers, _) = ask(&state, "GET", &format!("/?token={TOKEN}"), &[host]).await;
    let cookie = headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = ("cookie", cookie.split(';').next().unwrap());
    let within = headers["location"].to_str().unwrap();
    for (path, expected) in [
        (format!("{within}v2"), StatusCode::OK),
        ("/v2".to_owned(), StatusCode::FORBIDDEN),
        (format!("/s/{}/v2", "0".repeat(32)), StatusCode::FORBIDDEN),
    ] {
        assert_eq!(ask(&state, "GET", &path, &[host, cookie]).await.0, expected, "{path}");
    }
}

/// There are no files behind a path: each is a route, or a model's name.
#[tokio::test]
async fn no_path_leads_to_a_file() {
    let state = state(Access::local());
    for path in [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/predict/..%2f..%2fetc%2fpasswd",
        "/v2/models/%2fetc%2fpasswd",
        "/v2/models/..%5c..%5c/ready",
        "/v2/models/%00",
        "/v2/models/%ff%fe",
        "/v2/models/C:%5cWindows",
        "/v2/models/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "//etc/passwd",
        "/s/../etc/passwd",
        "/serve.js/../../Cargo.toml",
        &format!("/v2/models/{}", "a".repeat(60_000)),
        &format!("/{}", "v2/".repeat(20_000)),
    ] {
        let (status, headers, body) = ask(&state, "GET", path, &[GOOD_HOST]).await;
        let begin = &path[..path.len().min(60)];
        assert!(status.is_client_error(), "{begin}: {status}");
        // A browser takes none of it for a page.
        assert_eq!(headers["content-type"], "application/json", "{begin}: {body}");
        assert!(serde_json::from_str::<Value>(&body).unwrap()["error"].is_string(), "{begin}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_silent_clients_are_let_go() {
    let server = start(state(Access::local()), Limits { quiet: SHORT, head: SHORT, ..PATIENT }).await;
    send_a_head_byte_by_byte(&server).await;
    assert_eq!(server.connect().await.all().await, "");
    let mut client = server.connect().await;
    client.ask("/v2").await;
    client.head().await;
    assert_eq!(client.all().await, "");
    // Asks on and on, and reads no answer.
    let mut greedy = server.connect().await;
    let many = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100_000);
    greedy.try_to_send(many).await;
    let said = greedy.all().await;
    assert!(said.matches("HTTP/1.1 200").count() < 100_000, "it got all");
    server.answers("/v2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let mut state = state(Access::remote(TOKEN).unwrap());
    state.time_limit = SHORT;
    let server = start(state, PATIENT).await;
    for length in ["content-length: 100", "content-length: 16777216", "transfer-encoding: chunked"] {
        let head = format!("POST /generate HTTP/1.1\r\nhost: localhost\r\n{length}\r\n");
        // Who may not come in is told so without a look at the body.
        let mut stranger = server.connect().await;
        stranger.send(format!("{head}\r\n")).await;
        assert!(stranger.head().await.starts_with("HTTP/1.1 403"));
        let mut slow = server.connect().await;
        slow.send(format!("{head}authorization: Bearer {TOKEN}\r\n\r\n")).await;
        let said = slow.head().await;
        assert!(said.starts_with("HTTP/1.1 503"), "{length}: {said}");
        // What comes later is not taken for a request.
        slow.try_to_send("GET /v2 HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        assert_eq!(slow.all().await, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_end_is_refused() {
    let server = start(state(Access::local()), PATIENT).await;
    let mut endless = server.connect().await;
    endless.send("POST /generate HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(1 << 20));
    for _ in 0..64 {
        endless.try_to_send(&chunk).await;
    }
    let said = endless.all().await;
    // It may be gone before the answer is read.
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 413"), "{said}");
    let mut announced = server.connect().await;
    announced.send("POST /generate HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999\r\n\r\n").await;
    assert!(announced.head().await.starts_with("HTTP/1.1 413"));
    server.answers("/v2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_take_all_places_keep_nobody_out() {
    let server = start(state(Access::local()), Limits { crowded: SHORT, ..PATIENT }).await;
    let strangers = take_all_places(&server).await;
    server.answers("/v2").await;
    server.answers("/v2").await;
    drop(strangers);
    // With a token, those who have none make room at once, though nobody is ever late.
    let server = start(state(Access::remote(TOKEN).unwrap()), Limits { places: 4, ..PATIENT }).await;
    let mut strangers = Vec::new();
    for _ in 0..300 {
        strangers.push(server.connect().await);
    }
    let mut owner = server.connect().await;
    owner.send(format!("GET /v2 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\r\n")).await;
    assert!(owner.head().await.starts_with("HTTP/1.1 200"));
    assert_eq!(strangers[0].all().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_hides_in_another() {
    let server = start(state(Access::local()), Limits { quiet: SHORT, ..PATIENT }).await;
    hide_in_a_request(&server, "GET /v2 HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    // Those that follow each other openly are answered in their order.
    let mut client = server.connect().await;
    let paths = ["/v2", "/nothing", "/version", "/v2/health/live"];
    let all: String = paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).collect();
    client.send(all).await;
    for status in ["200", "404", "200", "200"] {
        assert!(client.head().await.starts_with(&format!("HTTP/1.1 {status}")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_without_end_are_refused() {
    let server = start(state(Access::local()), PATIENT).await;
    send_heads_without_end(&server).await;
    server.answers("/v2").await;
}
