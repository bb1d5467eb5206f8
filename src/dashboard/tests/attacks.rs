//! Who must not get in, tried on every route of the router's own list.

use super::super::ROUTES;
use super::*;

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
    let good = ("host", "127.0.0.1:6007");
    for (method, path) in targets(&id, &sweep) {
        for attack in [
            &[token] as &[(&str, &str)],
            &[token, ("host", "evil.example")],
            &[token, ("host", "localhost.evil.example:6007")],
            &[token, ("host", "127.0.0.1.nip.io")],
            &[token, ("host", "0.0.0.0:6007")],
            &[token, ("host", "localhost:x")],
            &[token, good, ("host", "localhost")],
            &[token, good, ("origin", "http://evil.example")],
            &[token, good, ("origin", "null")],
            &[token, good, ("origin", "http://localhost.evil.example")],
            &[token, good, ("origin", "http://localhost@evil.example")],
            &[token, good, ("origin", "file://localhost")],
            &[token, good, ("origin", "http://localhost"), ("origin", "http://evil.example")],
            &[token, good, ("sec-fetch-site", "cross-site")],
            &[token, good, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
        ] {
            let (status, headers) = status(&dashboard, request(&method, &path, attack)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} {attack:?}");
            assert!(!headers.contains_key("access-control-allow-origin"));
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
        if path.ends_with("/predictions") {
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
            let is_fine = status.is_success() || (path.contains("/restore") && status == StatusCode::NOT_FOUND);
            assert!(is_fine, "{method} {path} {host}: {status}");
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe-eval"), "{policy}");
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
        "....//secret.txt",
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

#[tokio::test]
async fn other_machines_need_the_token_everywhere() {
    let mut dashboard = Dashboard::new();
    let token = "0123456789abcdef";
    dashboard.state = AppState::new(dashboard.root(), Access::remote(token).unwrap());
    let id = dashboard.finished("digits").to_string();
    let sweep = dashboard.sweep(1).to_string();
    let host = ("host", "box.example:6007");
    for (method, path) in targets(&id, &sweep) {
        for attack in
            [&[host] as &[_], &[host, ("cookie", "burnlab_token=wrong")], &[host, ("x-burnlab-token", "wrong")]]
        {
            let (status, _) = status(&dashboard, request(&method, &path, attack)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
        }
        let attack = [host, ("x-burnlab-token", token), ("origin", "http://other.example")];
        assert_eq!(status(&dashboard, request(&method, &path, &attack)).await.0, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(status(&dashboard, request("GET", "/?token=wrong", &[host])).await.0, StatusCode::FORBIDDEN);
    let (found, headers) = status(&dashboard, request("GET", "/?token=0123456789abcdef", &[host])).await;
    assert_eq!((found, headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/"));
    let cookie = headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = ("cookie", cookie.split(';').next().unwrap());
    for path in ["/", "/api/runs"] {
        let headers = [host, cookie, ("origin", "http://box.example:6007")];
        assert_eq!(status(&dashboard, request("GET", path, &headers)).await.0, StatusCode::OK);
    }
    // The cookie alone changes nothing.
    let path = format!("/api/runs/{id}");
    assert_eq!(status(&dashboard, request("DELETE", &path, &[host, cookie])).await.0, StatusCode::FORBIDDEN);
    let headers = [host, cookie, ("x-burnlab-token", token)];
    assert_eq!(status(&dashboard, request("DELETE", &path, &headers)).await.0, StatusCode::OK);
}
