//! Who must not get in, and what must not keep others out; tried on every route of the router's own list.
//!
//! What of it concerns a server of models is tried on `serve` by `src/serve/tests.rs` and `tests/burnlab/serving.rs`;
//! `src/web/attacks.rs` has what is tried on both.
//!
//! What was tried on servers like this one (Jupyter, MLflow, TensorBoard, Aim, wandb's local server), what stops it here,
//! and the test that fails without it. `guard.rs`, `session.rs`, `connection.rs` are in `src/web`. Tests without a file are in this one; `hyper` is the HTTP library, whose
//! behaviour is held, not made.
//!
//! | attack | guard | test |
//! |---|---|---|
//! | DNS rebinding: another name for 127.0.0.1 | `guard.rs`, `check_host` | `strangers_are_refused_on_every_route` |
//! | absolute request line with another host | `guard.rs`, `check_host` | the same |
//! | requests from other pages (CSRF), `Origin: null`, look-alike origins | `guard.rs`, `check_origin` | the same |
//! | the same without `Origin`: `<img>`, `<script>`, forms | `guard.rs`, `Sec-Fetch-Site`; the token for changes | the same |
//! | reading across origins (CORS), preflight | no such header is ever sent; the token | `methods_do_what_they_say_and_nothing_else` |
//! | method override by header, query or form | there is none | the same |
//! | framing (clickjacking), sniffing, embedding, openers | `guard.rs`, headers of every answer, errors too | `every_answer_is_locked_down` |
//! | no token, wrong, short or half a token; other machines | `guard.rs`, `visitor`; `Access::remote` | `other_machines_need_the_token_everywhere` |
//! | guessing the token, by time or at all | `is_same` looks at every byte; 128 bits, 16 characters at least | `guard.rs`: `tokens_are_long_and_plain` |
//! | a service on another port of the host, of this machine or another, which gets our cookies | `session.rs`: the cookie is for a path that nobody else knows, is no token, but a session of one address; what changes need is in the page alone | `a_cookie_is_no_token_and_ends`; `sockets.rs`: `a_session_is_of_one_address` |
//! | a cookie that another port has set first | `guard.rs`, `cookies` | `a_strangers_cookie_does_not_hide_ours` |
//! | a session that is forgotten, or logged out | `session.rs`, `IDLE`, `LONGEST`, `end` | `session.rs`: `a_session_is_of_one_client_and_ends`; `events.rs`: `a_stream_ends_with_its_session` |
//! | `?token=` as an open redirect, or to plant a cookie | `guard.rs`, `admit`: the page that was asked for, of two that there are | `a_token_in_the_address_leads_nowhere_else` |
//! | paths: `..`, encoded once or twice, absolute, NUL, drive letters | `tracking/folder/open.rs`, `parts` | `no_path_leads_out_of_the_run` |
//! | a neighbour whose name begins alike; links, pipes, hidden files | `tracking/folder/open.rs`; `list.rs` | the same; `strangers.rs` |
//! | scripts in SVG and HTML files of a run | `files.rs`: sandbox, or a download | `reads.rs`: `files_are_downloads_or_shown_in_a_sandbox`; `hostile.rs`: `a_picture_of_a_run_runs_nothing` |
//! | scripts in names, tags, notes, params, columns, classes | `assets/dom.js`: text nodes alone | `hostile.rs`: `hostile_text_stays_text` |
//! | the same in answers that a browser would take for a page | JSON, `nosniff` | `hostile_text_is_answered_as_json` |
//! | the same in a report, which is opened as a file | `commands/report.rs`, `escaped` | `hostile.rs`: `a_report_of_hostile_text_runs_nothing` |
//! | formulas in CSV | `assets/dom.js`, `csv`; `commands/runs/export.rs`, `cell` | `hostile.rs`: `hostile_text_stays_text`; `export.rs`: `no_cell_is_a_formula` |
//! | headers in file names | `files.rs`, `plain_name` | `no_path_leads_out_of_the_run` |
//! | 100,000 ids, 10^18 points, negative and huge numbers | `api.rs`, `run_ids`; `series.rs`; `examples.rs` | `huge_queries_are_bounded` |
//! | filters that take for ever, or overflow the stack | `api.rs`, `MAX_FILTER`; `comparison/filter/parse.rs`, `MAX_DEPTH` | the same |
//! | deep, huge and malformed JSON | `MAX_BODY`; serde_json's depth of 128 | `hostile_bodies_change_nothing` |
//! | endless heads, header floods, long addresses | hyper | `sockets.rs`: `heads_without_end_are_refused` |
//! | two lengths, length and chunks, spaces before colons | hyper | `sockets.rs`: `no_request_hides_in_another` |
//! | slow heads | `connection.rs`, `Limits::head` | `sockets.rs`: `a_head_that_comes_byte_by_byte_is_cut_off` |
//! | slow bodies | `guard.rs`, `TIME_LIMIT`; the token before the body | `sockets.rs`: `a_body_that_does_not_come_is_not_waited_for` |
//! | silent and half-open connections | `connection.rs`, `Limits::quiet` | `sockets.rs`: `a_client_that_says_nothing_is_let_go` |
//! | readers that never read | `connection.rs`, `Limits::quiet` | `sockets.rs`: `a_client_that_does_not_take_its_answer_is_let_go` |
//! | more connections than places | `connection.rs`, `Limits::crowded`, `connection: close`, and `Strangers` where a token is needed | `sockets.rs`: `strangers_who_take_all_places_keep_nobody_out`, `clients_that_never_rest_take_turns_with_others`; `hostile.rs`: `idle_strangers_keep_no_user_out`; `crowd.rs` |
//! | trainings without end or number, huge networks, in the lessons | `learn/request.rs`, limits and allowed keys; `learn/pool.rs` | `learn/tests/attacks.rs`; `learn/pool.rs` |
//! | many event streams | `events.rs`, `MAX_LISTENERS` | `events.rs`: `only_so_many_pages_listen` |
//!
//! Not guarded against: other users of this machine, who reach every port of it (`--allow-remote` keeps them out, too), and
//! 256 pages that listen at once: the next one shows the list, but is told of no changes until another closes.

use std::time::{Duration, Instant};

use super::super::ROUTES;
use super::*;
use crate::web::attacks::{FOREIGN, GOOD_HOST};

/// Each route with `{id}` and `{name}` filled in, a query that it understands, and its method.
fn targets(id: &str, sweep: &str) -> Vec<(String, String)> {
    let target = |(method, path): &(&str, &str)| {
        let id = if path.starts_with("/api/sweeps") { sweep } else { id };
        let name = if path.starts_with("/assets") { "style.css" } else { "config.toml" };
        let path = path.replace("{id}", id).replace("{*name}", name).replace("{name}", name);
        let query = match path.as_str() {
            "/api/filter" => "?q=seed%3D1".to_owned(),
            "/api/series" => format!("?key=validation/loss&ids={id}"),
            "/api/compare" => format!("?ids={id}"),
            "/api/leaderboard" => format!("?experiment={}", id.split('-').next().unwrap_or_default()),
            "/api/report" => format!("?runs={id}"),
            "/api/compare/examples" => format!("?ids={id},{id}"),
            _ => String::new(),
        };
        (method.to_uppercase(), path + &query)
    };
    ROUTES.iter().map(target).collect()
}

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let builder = Request::builder().method(method).uri(path);
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    let body = if method == "PATCH" { "{}" } else { "" };
    builder.body(body.into()).unwrap()
}

/// Only the head: event streams do not end.
async fn status(dashboard: &Dashboard, request: Request<Body>) -> (StatusCode, HeaderMap) {
    let response = dashboard.router().oneshot(request).await.unwrap();
    (response.status(), response.headers().clone())
}

#[tokio::test]
async fn strangers_are_refused_on_every_route() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits").to_string();
    let sweep = dashboard.sweep(1).to_string();
    let token = dashboard.state.token().to_owned();
    let token = ("x-burnlab-token", token.as_str());
    let good = GOOD_HOST;
    for (method, path) in targets(&id, &sweep) {
        for foreign in FOREIGN {
            let attack = &[&[token], *foreign].concat();
            let (status, headers) = status(&dashboard, request(&method, &path, attack)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} {attack:?}");
            assert!(!headers.contains_key("access-control-allow-origin"));
            // What they have sent after it is not read.
            assert_eq!(headers["connection"], "close");
        }
        let absolute = format!("http://evil.example{path}");
        let (found, _) = status(&dashboard, request(&method, &absolute, &[token, good])).await;
        assert_eq!(found, StatusCode::FORBIDDEN, "{method} {absolute}");
        if method != "GET" {
            for attack in
                [&[good] as &[(&str, &str)], &[good, ("x-burnlab-token", "")], &[good, ("x-burnlab-token", "0")]]
            {
                let (status, _) = status(&dashboard, request(&method, &path, attack)).await;
                assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} {attack:?}");
            }
        }
    }
    // Nothing of all that did anything.
    assert_eq!(dashboard.get("/api/runs").await.json()["runs"][0]["id"], id);
}

#[tokio::test]
async fn our_page_gets_in_on_every_route() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits");
    let other = dashboard.finished("other").to_string();
    let sweep = dashboard.sweep(1).to_string();
    // Something to restore; the other routes use the run that stays.
    dashboard.send("DELETE", &format!("/api/runs/{id}"), "").await;
    let token = dashboard.state.token().to_owned();
    for (method, path) in targets(&other, &sweep) {
        let path = if path.contains("/restore") { path.replace(&other, id.as_str()) } else { path };
        if path.ends_with("/predictions") || path.ends_with("/contributions") {
            continue; // this run has none
        }
        if method == "DELETE" {
            continue; // tried above
        }
        for host in ["localhost", "LOCALHOST:1", "127.0.0.1:6007", "[::1]:6007"] {
            let origin = format!("http://{}", host.to_lowercase());
            let headers =
                [("host", host), ("origin", &origin), ("sec-fetch-site", "same-origin"), ("x-burnlab-token", &token)];
            let (status, headers) = status(&dashboard, request(&method, &path, &headers)).await;
            // Restored by the first host already.
            let is_restored = path.contains("/restore") && status == StatusCode::NOT_FOUND;
            // What there is no body for here.
            let is_empty = ["/api/views", "/api/experiments/rename"].contains(&path.as_str())
                && (method.as_str(), status) == ("POST", StatusCode::BAD_REQUEST);
            // This run does not train, and this server writes no reports.
            let is_refused = path.ends_with("/stop") && status == StatusCode::CONFLICT
                || path.starts_with("/api/report") && status == StatusCode::NOT_FOUND;
            let is_fine = status.is_success() || is_restored || is_empty || is_refused;
            assert!(is_fine, "{method} {path} {host}: {status}");
            let policy = headers["content-security-policy"].to_str().unwrap();
            // A file's own styles are alone in their sandbox.
            let has_unsafe = policy.contains("unsafe") && !policy.starts_with("sandbox");
            assert!(policy.contains("default-src 'none'") && !has_unsafe, "{policy}");
            assert_eq!(headers["x-content-type-options"], "nosniff");
            assert_eq!(headers["referrer-policy"], "no-referrer");
            assert_eq!(headers["x-frame-options"], "DENY");
        }
    }
    // A link on another site may lead to the start page, and to nothing else.
    let link = [("host", "localhost"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    assert_eq!(status(&dashboard, request("GET", "/", &link)).await.0, StatusCode::OK);
    assert_eq!(status(&dashboard, request("GET", "/api/runs", &link)).await.0, StatusCode::FORBIDDEN);
}

#[cfg(unix)]
#[tokio::test]
async fn no_path_leads_out_of_the_run() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits").to_string();
    let secret = dashboard.root().join("secret.txt");
    std::fs::write(&secret, "the secret").unwrap();
    let run = dashboard.root().join("runs").join(&id);
    std::os::unix::fs::symlink(&secret, run.join("link.txt")).unwrap();
    std::os::unix::fs::symlink(dashboard.root(), run.join("linked")).unwrap();
    std::fs::write(run.join(".hidden"), "the secret").unwrap();
    // Reading a pipe that nobody writes to would never end.
    assert!(std::process::Command::new("mkfifo").arg(run.join("pipe.csv")).status().unwrap().success());
    // A folder whose name begins as the run's does.
    std::fs::create_dir(dashboard.root().join(format!("runs/{id}-beside"))).unwrap();
    std::fs::write(dashboard.root().join(format!("runs/{id}-beside/config.toml")), "the secret").unwrap();
    let beside = format!("../{id}-beside/config.toml");
    // A run folder that is itself a link.
    let linked = "linked-20261124-235039-a3f1";
    std::os::unix::fs::symlink(dashboard.root(), dashboard.root().join("runs").join(linked)).unwrap();
    let absolute = secret.to_str().unwrap().replace('/', "%2F");
    let ways = [
        "..",
        "%2e%2e",
        "../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e%2f%2e%2e%2fsecret.txt",
        "%2e%2e/%2e%2e/secret.txt",
        "%252e%252e%252fsecret.txt",
        "..%252f..%252fsecret.txt",
        "%25252e%25252e/secret.txt",
        "....//secret.txt",
        "..;/secret.txt",
        "config.toml/../../../secret.txt",
        "config.toml%2f..%2f..%2f..%2fsecret.txt",
        "config.toml%0d%0ax-injected:%201",
        "pipe.csv",
        "file:%2f%2f%2fetc%2fpasswd",
        &beside,
        &beside.replace('/', "%2F"),
        "..%5c..%5csecret.txt",
        "link.txt",
        "linked/secret.txt",
        "linked%2Fsecret.txt",
        ".hidden",
        "lock",
        "config.toml%00.svg",
        "%c0%ae%c0%ae/secret.txt",
        "./config.toml",
        linked,
        &absolute,
        secret.to_str().unwrap(),
    ];
    for (method, path) in ROUTES.iter().filter(|(_, path)| path.contains('{')) {
        for way in ways {
            for path in [path.replace("{id}", way), path.replace("{id}", &id)] {
                let path = path.replace("{*name}", way).replace("{name}", way);
                if path.contains(&id) && !path.contains(way) {
                    continue; // nothing of the attack is left in it
                }
                let body = if *method == "patch" { "{}" } else { "" };
                let answer = dashboard.send(&method.to_uppercase(), &path, body).await;
                assert!(answer.status.is_client_error(), "{method} {path}: {}", answer.status);
                assert!(!answer.text().contains("the secret"), "{method} {path}");
            }
        }
    }
    // An unknown run, as the linked folder is, has an empty series.
    for way in ways.into_iter().filter(|way| *way != linked) {
        let answer = dashboard.get(&format!("/api/series?key=validation/loss&ids={way}")).await;
        assert!(answer.status.is_client_error(), "{way}: {}", answer.status);
        assert!(dashboard.get(&format!("/api/compare?ids={way}")).await.status.is_client_error(), "{way}");
        let answer = dashboard.get(&format!("/api/compare/examples?ids={id},{way}")).await;
        assert!(answer.status.is_client_error(), "{way}: {}", answer.status);
    }
    assert!(run.join("config.toml").exists());
}

/// A session as its browser knows it.
struct LoggedIn {
    cookie: String,
    /// The page's, with a `/` at its end.
    path: String,
}

impl LoggedIn {
    /// A new session for a page at `host`.
    async fn at(dashboard: &Dashboard, host: &str, token: &str) -> Self {
        let (found, headers) = status(dashboard, request("GET", &format!("/?token={token}"), &[("host", host)])).await;
        assert_eq!(found, StatusCode::SEE_OTHER);
        let path = headers["location"].to_str().unwrap().to_owned();
        assert!(path.starts_with("/s/") && path.len() == "/s/".len() + 32 + 1, "{path}");
        let cookie = headers["set-cookie"].to_str().unwrap();
        for part in ["HttpOnly", "SameSite=Strict", &format!("Path={path};"), "Max-Age="] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains(token), "the token itself: {cookie}");
        Self { cookie: cookie.split(';').next().unwrap().to_owned(), path }
    }

    /// An address of the dashboard as the page asks for it.
    fn within(&self, address: &str) -> String {
        self.path.trim_end_matches('/').to_owned() + address
    }

    /// What the page sends with changes.
    async fn change_token(&self, dashboard: &Dashboard, host: &str) -> String {
        let page = dashboard.ask(request("GET", &self.path, &[("host", host), ("cookie", &self.cookie)])).await;
        let text = page.text();
        text.split_once("burnlab-token\" content=\"").unwrap().1.split('"').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn other_machines_need_the_token_everywhere() {
    let mut dashboard = Dashboard::new();
    let token = "0123456789abcdef";
    dashboard.state = AppState::new(dashboard.root(), Access::remote(token).unwrap());
    let id = dashboard.finished("digits").to_string();
    let sweep = dashboard.sweep(1).to_string();
    let host = ("host", "box.example:6007");
    let bearer = ("authorization", "Bearer 0123456789abcdef");
    for (method, path) in targets(&id, &sweep) {
        for attack in [
            &[host] as &[_],
            &[host, ("cookie", "burnlab_session_6007=0123456789abcdef")],
            &[host, ("x-burnlab-token", token)],
            &[host, ("authorization", "Bearer 0123456789abcde")],
            &[host, ("authorization", "Bearer 0123456789abcdef0")],
            &[host, ("authorization", "Basic 0123456789abcdef")],
            &[host, ("authorization", "0123456789abcdef")],
            &[host, bearer, ("authorization", "Bearer 0123456789abcdef")],
            &[host, bearer, ("origin", "http://other.example")],
        ] {
            let (status, _) = status(&dashboard, request(&method, &path, attack)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} {attack:?}");
        }
    }
    assert_eq!(status(&dashboard, request("GET", "/?token=wrong", &[host])).await.0, StatusCode::FORBIDDEN);
    for path in ["/", "/api/runs"] {
        for bearer in [bearer, ("authorization", "bearer  0123456789abcdef ")] {
            assert_eq!(status(&dashboard, request("GET", path, &[host, bearer])).await.0, StatusCode::OK);
        }
    }
    let page = LoggedIn::at(&dashboard, host.1, token).await;
    let cookie = ("cookie", page.cookie.as_str());
    for path in ["/", "/api/runs"] {
        let headers = [host, cookie, ("origin", "http://box.example:6007")];
        assert_eq!(status(&dashboard, request("GET", &page.within(path), &headers)).await.0, StatusCode::OK);
        // Elsewhere a browser does not send the cookie, nor would it help.
        for path in [path.to_owned(), format!("/s{path}"), format!("/s/{:032}{path}", 0)] {
            assert_eq!(status(&dashboard, request("GET", &path, &headers)).await.0, StatusCode::FORBIDDEN, "{path}");
        }
        let alone = request("GET", &page.within(path), &[host]);
        assert_eq!(status(&dashboard, alone).await.0, StatusCode::FORBIDDEN);
    }
    // The cookie alone changes nothing, nor with the token, which no page has.
    let path = page.within(&format!("/api/runs/{id}"));
    assert_eq!(status(&dashboard, request("DELETE", &path, &[host, cookie])).await.0, StatusCode::FORBIDDEN);
    let headers = [host, cookie, ("x-burnlab-token", token)];
    assert_eq!(status(&dashboard, request("DELETE", &path, &headers)).await.0, StatusCode::FORBIDDEN);
    let change = page.change_token(&dashboard, host.1).await;
    let headers = [host, cookie, ("x-burnlab-token", &change)];
    assert_eq!(status(&dashboard, request("DELETE", &path, &headers)).await.0, StatusCode::OK);
    let path = format!("/api/trash/{id}/restore");
    assert_eq!(status(&dashboard, request("POST", &path, &[host, bearer])).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_cookie_is_no_token_and_ends() {
    let mut dashboard = Dashboard::new();
    let token = "0123456789abcdef";
    dashboard.state = AppState::new(dashboard.root(), Access::remote(token).unwrap());
    let host = "box.example:6007";
    let page = LoggedIn::at(&dashboard, host, token).await;
    let (name, id) = page.cookie.split_once('=').unwrap();
    assert_eq!((name, id.len()), ("burnlab_session_6007", 64));
    let change = page.change_token(&dashboard, host).await;
    assert!(!page.path.contains(&id[..8]) && !page.path.contains(&change[..8]));
    // What a cookie gives to whoever else listens on the host, and what the page knows, is not the token.
    for known in [id, &change] {
        let bearer = format!("Bearer {known}");
        let sent = request("GET", "/api/runs", &[("host", host), ("authorization", &bearer)]);
        assert_eq!(status(&dashboard, sent).await.0, StatusCode::FORBIDDEN);
        let sent = request("GET", &format!("/?token={known}"), &[("host", host)]);
        assert_eq!(status(&dashboard, sent).await.0, StatusCode::FORBIDDEN);
    }
    assert!(!change.contains(id) && !change.contains(token) && change.len() == 64);
    // Two pages have two sessions, and each its own token for changes.
    let second = LoggedIn::at(&dashboard, host, token).await;
    assert!(second.cookie != page.cookie && second.path != page.path);
    let sent = [("host", host), ("cookie", &second.cookie), ("x-burnlab-token", &change)];
    let end = second.within("/api/session");
    assert_eq!(status(&dashboard, request("DELETE", &end, &sent)).await.0, StatusCode::FORBIDDEN);
    // Nor is the cookie of one good on the page of the other.
    let sent = request("GET", &page.within("/api/runs"), &[("host", host), ("cookie", &second.cookie)]);
    assert_eq!(status(&dashboard, sent).await.0, StatusCode::FORBIDDEN);
    // Another dashboard on the same host, with the same token even, knows nothing of it.
    let mut other = Dashboard::new();
    other.state = AppState::new(other.root(), Access::remote(token).unwrap());
    let runs = page.within("/api/runs");
    let sent = [("host", host), ("cookie", page.cookie.as_str())];
    assert_eq!(status(&other, request("GET", &runs, &sent)).await.0, StatusCode::FORBIDDEN);
    // Logged out, by the page alone.
    let end = page.within("/api/session");
    assert_eq!(status(&dashboard, request("DELETE", &end, &sent)).await.0, StatusCode::FORBIDDEN);
    let all = [sent[0], sent[1], ("x-burnlab-token", &change)];
    let (found, headers) = status(&dashboard, request("DELETE", &end, &all)).await;
    assert_eq!(found, StatusCode::NO_CONTENT);
    let ended = format!("burnlab_session_6007=; Path={}; Max-Age=0", page.path);
    assert!(headers["set-cookie"].to_str().unwrap().starts_with(&ended));
    assert_eq!(status(&dashboard, request("GET", &runs, &sent)).await.0, StatusCode::FORBIDDEN);
    let sent = request("GET", &second.within("/api/runs"), &[("host", host), ("cookie", &second.cookie)]);
    assert_eq!(status(&dashboard, sent).await.0, StatusCode::OK);
}

#[tokio::test]
async fn methods_do_what_they_say_and_nothing_else() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits").to_string();
    let sweep = dashboard.sweep(1).to_string();
    let token = dashboard.state.token().to_owned();
    let token = ("x-burnlab-token", token.as_str());
    let (host, origin) = (("host", "localhost"), ("origin", "http://localhost:8888"));
    for (method, path) in targets(&id, &sweep) {
        // What a browser asks before another page's request, here one of this machine.
        let ask =
            [host, origin, ("access-control-request-method", &method), ("access-control-request-headers", token.0)];
        let (found, headers) = status(&dashboard, request("OPTIONS", &path, &ask)).await;
        assert_eq!(found, StatusCode::FORBIDDEN, "OPTIONS {path}");
        assert!(!headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{headers:?}");
        for other in ["TRACE", "CONNECT", "PUT", "PROPFIND", "get", "X"] {
            let (found, _) = status(&dashboard, request(other, &path, &[host])).await;
            assert_eq!(found, StatusCode::FORBIDDEN, "{other} {path}");
            let (found, _) = status(&dashboard, request(other, &path, &[host, token])).await;
            assert!(found.is_client_error(), "{other} {path}: {found}");
        }
        for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
            let separator = if path.contains('?') { '&' } else { '?' };
            let path = format!("{path}{separator}_method=DELETE");
            for method in
                ["GET", "HEAD", "POST"].into_iter().filter(|method| *method != "POST" || !path.contains("trash"))
            {
                let sent = request(method, &path, &[host, token, (name, "DELETE")]);
                let (found, headers) = status(&dashboard, sent).await;
                assert!(!found.is_server_error(), "{method} {path}: {found}");
                assert!(!headers.contains_key("access-control-allow-origin"));
            }
        }
    }
    assert_eq!(dashboard.get("/api/runs").await.json()["runs"][0]["id"], id);
}

#[tokio::test]
async fn every_answer_is_locked_down() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits").to_string();
    let sweep = dashboard.sweep(1).to_string();
    let token = dashboard.state.token().to_owned();
    let (host, token) = (("host", "localhost"), ("x-burnlab-token", token.as_str()));
    let all = targets(&id, &sweep).into_iter().chain([("GET".to_owned(), "/nothing".to_owned())]);
    for (method, path) in all {
        // Refused, unknown, malformed, of another method, and (the deletion last) done.
        for (method, headers) in
            [("GET", &[] as &[_]), ("PUT", &[host]), ("PUT", &[host, token]), (method.as_str(), &[host, token])]
        {
            let (found, headers) = status(&dashboard, request(method, &path, headers)).await;
            let has = |name: &str, value: &str| {
                let given = headers.get(name).map_or("", |given| given.to_str().unwrap());
                assert!(given.starts_with(value), "{method} {path} {found}: {name} is {given:?}");
            };
            has("x-frame-options", "DENY");
            has("x-content-type-options", "nosniff");
            has("referrer-policy", "no-referrer");
            has("cross-origin-resource-policy", "same-origin");
            has("cross-origin-opener-policy", "same-origin");
            has(
                "content-security-policy",
                if path.contains("/files/") && found.is_success() { "sandbox" } else { "default-src 'none'" },
            );
            // Files of the page may be kept, and event streams have a word of their own.
            let is_other = ["/assets/", "/api/events"].iter().any(|begin| path.starts_with(begin));
            has("cache-control", if is_other && found.is_success() { "" } else { "no-store" });
            assert!(!headers.contains_key("set-cookie") && !headers.contains_key("server"), "{headers:?}");
        }
    }
}

#[tokio::test]
async fn a_strangers_cookie_does_not_hide_ours() {
    let mut dashboard = Dashboard::new();
    let token = "0123456789abcdef";
    dashboard.state = AppState::new(dashboard.root(), Access::remote(token).unwrap());
    let host = "box.example:6007";
    let page = LoggedIn::at(&dashboard, host, token).await;
    let ours = &page.cookie;
    let id = ours.split_once('=').unwrap().1;
    for (cookies, expected) in [
        (format!("burnlab_session_6007=planted; {ours}"), StatusCode::OK),
        (format!("{ours}; burnlab_session_6007="), StatusCode::OK),
        (format!("a=b;{ours}"), StatusCode::OK),
        (ours[..ours.len() - 1].to_owned(), StatusCode::FORBIDDEN),
        (format!("{ours}0"), StatusCode::FORBIDDEN),
        (format!("x{ours}"), StatusCode::FORBIDDEN),
        (format!("burnlab_session_60070={id}"), StatusCode::FORBIDDEN),
        (format!("burnlab_session_6008={id}"), StatusCode::FORBIDDEN),
        (format!("burnlab_session={id}"), StatusCode::FORBIDDEN),
        (format!("burnlab_session_6007={token}"), StatusCode::FORBIDDEN),
        (format!("burnlab_token={token}"), StatusCode::FORBIDDEN),
    ] {
        let sent = request("GET", &page.within("/api/runs"), &[("host", host), ("cookie", &cookies)]);
        assert_eq!(status(&dashboard, sent).await.0, expected, "{cookies}");
    }
    // A browser that reaches it by another port, as through a tunnel, has another cookie.
    let tunnel = LoggedIn::at(&dashboard, "localhost:8080", token).await;
    assert!(tunnel.cookie.starts_with("burnlab_session_8080="));
}

#[tokio::test]
async fn a_token_in_the_address_leads_nowhere_else() {
    let mut dashboard = Dashboard::new();
    let token = "0123456789abcdef";
    let local = dashboard.state.token().to_owned();
    let ways = |token: &str| {
        [
            ("GET", format!("/?token={token}")),
            ("GET", format!("/?token={token}&next=http://evil.example/&url=//evil.example")),
            ("GET", format!("/?next=//evil.example&token={token}#//evil.example")),
            ("GET", format!("//evil.example/?token={token}")),
            ("GET", format!("/%2f%2fevil.example/?token={token}")),
            ("GET", format!("/\\evil.example/?token={token}")),
            ("GET", format!("/api/runs?token={token}")),
            ("GET", format!("/assets/main.js?token={token}")),
            ("HEAD", format!("/?token={token}")),
            ("POST", format!("/?token={token}")),
        ]
    };
    // The page's own token opens nothing by the address, and no cookie is set.
    for (method, path) in ways(&local) {
        let Ok(sent) = Request::builder().method(method).uri(&path).header("host", "localhost").body(Body::empty())
        else {
            continue; // no address at all
        };
        let (_, headers) = status(&dashboard, sent).await;
        assert!(!headers.contains_key("location") && !headers.contains_key("set-cookie"), "{path}");
    }
    dashboard.state = AppState::new(dashboard.root(), Access::remote(token).unwrap());
    for (method, path) in ways(token) {
        let Ok(sent) = Request::builder().method(method).uri(&path).header("host", "box").body(Body::empty()) else {
            continue;
        };
        let (found, headers) = status(&dashboard, sent).await;
        if method == "GET" && path.starts_with("/?") {
            let location = headers["location"].to_str().unwrap();
            assert_eq!(
                (found, location.starts_with("/s/"), location.len()),
                (StatusCode::SEE_OTHER, true, 36),
                "{path}"
            );
        } else {
            assert_eq!(found, StatusCode::FORBIDDEN, "{method} {path}");
            assert!(!headers.contains_key("location") && !headers.contains_key("set-cookie"), "{path}");
        }
    }
}

#[tokio::test]
async fn hostile_text_is_answered_as_json() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("<script>alert(1)</script>");
    let attack = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let paths = [
        "/api/runs".to_owned(),
        format!("/api/runs/{id}"),
        format!("/api/runs/{attack}"),
        format!("/api/runs/{id}/files/{attack}"),
        format!("/assets/{attack}"),
        format!("/api/filter?q={attack}"),
        format!("/api/series?key={attack}&ids={id}"),
        format!("/api/series?key=a/b&ids={attack}"),
        format!("/api/series?key=a/b&ids={id}&smooth={attack}"),
        format!("/api/compare?ids={attack}"),
        "/api/experiments".to_owned(),
        format!("/api/leaderboard?experiment={attack}"),
        format!("/api/leaderboard?experiment={attack}&metric={attack}"),
        format!("/api/sweeps/{attack}"),
        format!("/{attack}"),
    ];
    for path in paths {
        let answer = dashboard.get(&path).await;
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        answer.json();
    }
}

#[tokio::test]
async fn huge_queries_are_bounded() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits").to_string();
    let writer = dashboard.start("tested");
    writer.write_file("predictions.csv", b"row,true,predicted,probability_a\n0,a,b,0.5\n1,a,a,0.5\n").unwrap();
    let tested = writer.id();
    let ids = |count: usize| vec![id.as_str(); count].join(",");
    let series = |more: &str| format!("/api/series?key=validation/loss&ids={id}{more}");
    let filter = |text: String| format!("/api/filter?q={text}");
    let (ok, bad) = (StatusCode::OK, StatusCode::BAD_REQUEST);
    let mut plain = Duration::ZERO;
    for _ in 0..10 {
        let asked = Instant::now();
        dashboard.get(&series("")).await;
        plain = plain.max(asked.elapsed());
    }
    for (path, expected) in [
        // As much as an address can hold; 100,000 ids are `heads_without_end_are_refused`.
        (format!("/api/series?key=validation/loss&ids={}", ids(500)), ok),
        (format!("/api/series?key=validation/loss&ids={}", ids(1000)), bad),
        (format!("/api/compare?ids={}", ids(1000)), bad),
        (format!("/api/compare/examples?ids={}", ids(1000)), bad),
        ("/api/experiments?offset=18446744073709551615&limit=18446744073709551615".to_owned(), ok),
        ("/api/leaderboard?experiment=digits&offset=18446744073709551615&limit=18446744073709551615".to_owned(), ok),
        (format!("/api/leaderboard?experiment=digits&metric={}", "a".repeat(60_000)), bad),
        (format!("/api/leaderboard?experiment={}", "a".repeat(60_000)), StatusCode::NOT_FOUND),
        (format!("/api/series?key=a/b&ids={}", ",".repeat(60_000)), ok),
        (format!("/api/series?key={}&ids={id}", "a".repeat(60_000)), bad),
        (format!("/api/runs/{}", "a".repeat(60_000)), StatusCode::NOT_FOUND),
        (series("&max_points=1e18"), bad),
        (series("&max_points=1000000000000000000"), ok),
        (series("&max_points=18446744073709551615"), ok),
        (series("&max_points=18446744073709551616"), bad),
        (series("&max_points=0"), ok),
        (series("&after=18446744073709551615"), ok),
        (series("&smooth=1e308"), bad),
        (series("&smooth=-0"), ok),
        (series("&smooth=0.9999999999999999"), ok),
        (series("&key=other/loss"), bad),
        (format!("/api/runs/{tested}/predictions?offset=18446744073709551615&limit=18446744073709551615"), ok),
        (format!("/api/runs/{tested}/predictions?offset=1&limit=18446744073709551615&order=wrong_first"), ok),
        (format!("/api/compare/examples?ids={id},{id}&offset=100000&limit=18446744073709551615"), ok),
        (format!("/api/compare/examples?ids={id},{id}&offset=18446744073709551615"), bad),
        (filter(vec!["note~a"; 300].join("%20or%20")), ok),
        (filter(vec!["note~a"; 4000].join("%20or%20")), bad),
        (filter("(".repeat(20_000)), bad),
        (filter("(".repeat(2000)), bad),
        (filter("not%20".repeat(900)), bad),
        (filter(format!("seed=[{}]", "1,".repeat(2000))), bad),
        (filter(format!("seed=[{}1]", "1,".repeat(2000))), ok),
        (filter(format!("note~%22{}%22", "%F0%9F%98%80".repeat(1000))), ok),
        (filter(format!("seed%3E{}", "9".repeat(4000))), ok),
    ] {
        let asked = Instant::now();
        let answer = dashboard.get(&path).await;
        let begin = &path[..path.len().min(100)];
        assert_eq!(answer.status, expected, "{begin}: {}", answer.text());
        let took = asked.elapsed();
        assert!(took < 3000 * plain, "{begin}: {took:?}, where a plain question takes {plain:?}");
        assert!(answer.body.len() < 1 << 20, "{begin}");
    }
    // Later than all there is, also where it does not fit a store's number.
    for more in ["&after=18446744073709551615", "&after=9223372036854775808&smooth=0.5", "&after=9223372036854775807"] {
        assert_eq!(dashboard.get(&series(more)).await.json()["series"][0]["samples"], json!([]), "{more}");
    }
}

#[tokio::test]
async fn hostile_bodies_change_nothing() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits");
    let path = format!("/api/runs/{id}");
    let before = dashboard.get("/api/runs").await.json();
    let deep = |open: &str, close: &str, depth: usize| open.repeat(depth) + &close.repeat(depth);
    for body in [
        deep("[", "]", 30_000).into_bytes(),
        deep("{\"tags\":", "}", 5_000).into_bytes(),
        format!("{{\"tags\": {}}}", deep("[", "]", 30_000)).into_bytes(),
        format!("{{\"note\": {}}}", deep("[", "]", 30_000)).into_bytes(),
        "[".repeat(60_000).into_bytes(),
        b"{\"note\": \"a\", \"note\": \"b\"}".to_vec(),
        b"{\"__proto__\": {\"note\": \"a\"}}".to_vec(),
        b"{\"id\": \"other-20261124-235039-a3f1\"}".to_vec(),
        b"{\"archived\": 1e999}".to_vec(),
        b"{\"note\": \"\\ud800\"}".to_vec(),
        b"{\"note\": \"\xff\xfe\"}".to_vec(),
        b"{\"note\": \"a\"} {}".to_vec(),
        b"\xef\xbb\xbf{\"note\": \"a\"}".to_vec(),
        vec![b' '; 64 * 1024 + 1],
        vec![0; 1000],
    ] {
        let begin = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let answer = dashboard.send("PATCH", &path, body).await;
        assert!(answer.status.is_client_error(), "{begin}: {}", answer.status);
        assert!(answer.json()["error"].is_string(), "{begin}");
    }
    assert_eq!(dashboard.get("/api/runs").await.json(), before);
    // Odd, but text: kept as it is.
    let note = "\u{0}\u{1b}[31m\u{202e}\u{feff}'; DROP TABLE run; --";
    let run = dashboard.send("PATCH", &path, json!({ "note": note }).to_string()).await.json();
    assert_eq!(run["note"], note.trim());
    assert_eq!(dashboard.get(&path).await.json()["run"]["note"], note.trim());
}
