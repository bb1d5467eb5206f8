//! What needs a real socket: the port, the end, and clients that are slow, silent, many or malformed.

use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::super::{bind, serve, serve_with};
use super::*;
use crate::web::attacks::{
    LOCAL, PATIENCE, PATIENT, SHORT, Server, hide_in_a_request, send_a_head_byte_by_byte, send_heads_without_end,
    take_all_places,
};
use crate::web::connection::Limits;

const ICON: &str = "/assets/icon.svg";

async fn start(dashboard: &Dashboard, limits: Limits) -> Server {
    let state = dashboard.state.clone();
    Server::start(|listener, stopped| serve_with(limits, listener, state, stopped.wait())).await
}

/// As a service of another machine would that has the session's cookie and path, but another address.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_of_one_address() {
    let mut dashboard = Dashboard::new();
    dashboard.state = AppState::new(dashboard.root(), Access::remote("0123456789abcdef").unwrap());
    let server = start(&dashboard, PATIENT).await;
    let mut client = server.connect_from(1).await;
    client.ask("/?token=0123456789abcdef").await;
    let head = client.head().await;
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().split(';').next().unwrap();
    let page = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    for (last, expected) in [(1, "200"), (2, "403"), (3, "403"), (1, "200")] {
        let mut client = server.connect_from(last).await;
        client.send(format!("GET {page}api/runs HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n\r\n")).await;
        let head = client.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {expected}")), "127.0.0.{last}: {head}");
    }
    drop(server.stop());
}

#[tokio::test]
async fn a_taken_port_gives_way_to_the_next() {
    let first = bind(LOCAL, 0).await.unwrap();
    let port = first.local_addr().unwrap().port();
    let next = bind(LOCAL, port).await.unwrap().local_addr().unwrap().port();
    assert!((port + 1..port + 20).contains(&next), "{port} {next}");
    assert!(bind("192.0.2.1".parse().unwrap(), 0).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_answers_and_ends_with_open_streams() {
    let dashboard = Dashboard::new();
    dashboard.finished("digits");
    let state = dashboard.state.clone();
    let server = Server::start(|listener, stopped| serve(listener, state, stopped.wait())).await;
    let mut client = server.connect().await;
    client.ask("/api/runs").await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 OK"));
    let mut events = server.connect().await;
    events.ask("/api/events?since=0").await;
    assert!(events.head().await.starts_with("HTTP/1.1 200 OK"));
    let task = server.stop();
    // It ends the stream itself, and waits for no client.
    events.all().await;
    timeout(PATIENCE, task).await.expect("the server does not end").unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_is_let_go() {
    let dashboard = Dashboard::new();
    let server = start(&dashboard, Limits { quiet: SHORT, ..PATIENT }).await;
    // From the beginning, and after an answer.
    assert_eq!(server.connect().await.all().await, "");
    let mut client = server.connect().await;
    client.ask("/").await;
    client.head().await;
    assert_eq!(client.all().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_comes_byte_by_byte_is_cut_off() {
    let dashboard = Dashboard::new();
    let server = start(&dashboard, Limits { head: SHORT, ..PATIENT }).await;
    send_a_head_byte_by_byte(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let mut dashboard = Dashboard::new();
    dashboard.state.time_limit = SHORT;
    let id = dashboard.finished("digits");
    let server = start(&dashboard, PATIENT).await;
    let token = dashboard.state.token();
    let head = format!("PATCH /api/runs/{id} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n");
    // Who may change nothing is told so without a look at the body.
    let mut stranger = server.connect().await;
    stranger.send(format!("{head}\r\n")).await;
    assert!(stranger.head().await.starts_with("HTTP/1.1 403"));
    let mut slow = server.connect().await;
    slow.send(format!("{head}x-burnlab-token: {token}\r\n\r\n{{")).await;
    assert!(slow.head().await.starts_with("HTTP/1.1 503"));
    // What comes later is not taken for a request.
    slow.try_to_send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(slow.all().await, "");
}

/// A file that is larger than what the system keeps for a client.
fn large_file(dashboard: &Dashboard) -> String {
    let writer = dashboard.start("large");
    writer.write_file("model.safetensors", &vec![7; 64 << 20]).unwrap();
    format!("/api/runs/{}/files/model.safetensors", writer.id())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_take_its_answer_is_let_go() {
    let dashboard = Dashboard::new();
    let path = large_file(&dashboard);
    // The only place: whoever comes next is served once it is free.
    let server = start(&dashboard, Limits { places: 1, quiet: 5 * SHORT, ..PATIENT }).await;
    let mut greedy = server.connect().await;
    greedy.ask(&path).await;
    greedy.stream.readable().await.unwrap();
    server.answers(ICON).await;
    let mut taken = Vec::new();
    greedy.stream.read_to_end(&mut taken).await.ok();
    assert!(taken.len() < 64 << 20, "it got all");
    // Whoever takes it slowly but steadily gets it all.
    let mut steady = server.connect().await;
    steady.ask(&path).await;
    let mut taken = 0;
    while taken < 64 << 20 {
        let mut piece = vec![0; 8 << 20];
        let read = timeout(PATIENCE, steady.stream.read(&mut piece)).await.unwrap().unwrap();
        assert!(read > 0, "it was let go after {taken} bytes");
        taken += read;
        tokio::time::sleep(SHORT / 10).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_take_all_places_keep_nobody_out() {
    let dashboard = Dashboard::new();
    let server = start(&dashboard, Limits { crowded: SHORT, ..PATIENT }).await;
    let strangers = take_all_places(&server).await;
    server.answers(ICON).await;
    // An open page goes on meanwhile.
    server.answers(ICON).await;
    drop(strangers);
}

/// Another user of the machine, who may have any number of connections, and has no token: the oldest ones make room.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_without_the_token_make_room_at_once_and_its_owner_stays() {
    let mut dashboard = Dashboard::new();
    dashboard.state = AppState::new(dashboard.root(), Access::remote("0123456789abcdef").unwrap());
    // Nobody is ever late.
    let server = start(&dashboard, Limits { places: 4, ..PATIENT }).await;
    let ask = "GET /assets/icon.svg HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer 0123456789abcdef\r\n\r\n";
    let mut owner = server.connect().await;
    owner.send(ask).await;
    assert!(owner.head().await.starts_with("HTTP/1.1 200"));
    let mut strangers = Vec::new();
    for number in 0..300 {
        let mut stranger = server.connect().await;
        if number % 2 == 0 {
            stranger.send("GET / HTTP/1.1\r\n").await;
        }
        strangers.push(stranger);
    }
    // Behind all of them in the queue.
    let mut second = server.connect().await;
    second.send(ask).await;
    assert!(second.head().await.starts_with("HTTP/1.1 200"));
    assert_eq!(strangers[0].all().await, "");
    owner.send(ask).await;
    assert!(owner.head().await.starts_with("HTTP/1.1 200"), "silent for long, and known");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_never_rest_take_turns_with_others() {
    let dashboard = Dashboard::new();
    let server = start(&dashboard, Limits { places: 1, ..PATIENT }).await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    first.ask("/").await;
    second.ask("/").await;
    assert!(first.head().await.contains("connection: close\r\n"));
    assert_eq!(first.all().await, "");
    assert!(second.head().await.contains("connection: close\r\n"));
    // Where there is room, a connection is kept.
    let roomy = start(&dashboard, PATIENT).await;
    let mut only = roomy.connect().await;
    for _ in 0..3 {
        only.ask("/").await;
        assert!(!only.head().await.contains("connection: close"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_keeps_its_place_in_a_crowd() {
    let dashboard = Dashboard::new();
    dashboard.finished("first");
    let server = start(&dashboard, Limits { places: 2, crowded: SHORT / 10, quiet: SHORT, ..PATIENT }).await;
    let mut events = server.connect().await;
    events.ask("/api/events?since=0").await;
    events.head().await;
    // Far longer than anybody else may wait: each of these strangers sits until it is let go.
    for _ in 0..20 {
        assert_eq!(server.connect().await.all().await, "");
    }
    let id = dashboard.finished("second");
    while !String::from_utf8_lossy(&events.rest).contains(id.as_str()) {
        assert!(events.more().await > 0, "the stream ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_hides_in_another() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits");
    let server = start(&dashboard, Limits { quiet: SHORT, ..PATIENT }).await;
    let token = dashboard.state.token();
    let hidden = format!("DELETE /api/runs/{id} HTTP/1.1\r\nhost: localhost\r\nx-burnlab-token: {token}\r\n\r\n");
    hide_in_a_request(&server, &hidden).await;
    assert_eq!(dashboard.get("/api/runs").await.json()["runs"][0]["id"], json!(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_without_end_are_refused() {
    let dashboard = Dashboard::new();
    let server = start(&dashboard, PATIENT).await;
    send_heads_without_end(&server).await;
    server.answers(ICON).await;
}
