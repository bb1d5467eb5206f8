//! What needs a real socket: the port, the end, and clients that are slow, silent, many or malformed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::super::{bind, serve, serve_with};
use super::*;
use crate::web::connection::Limits;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// How long anything may take on a busy machine. What the limits of a test should end ends far earlier.
const PATIENCE: Duration = Duration::from_secs(30);
/// A limit that a test reaches.
const SHORT: Duration = Duration::from_millis(300);
/// A limit that no test reaches.
const NEVER: Duration = Duration::from_secs(3600);

/// Nobody is ever late.
const PATIENT: Limits = Limits { places: 64, quiet: NEVER, head: NEVER, crowded: NEVER };

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start(dashboard: &Dashboard, limits: Limits) -> Self {
        let listener = bind(LOCAL, 0).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            stopped.await.ok();
        };
        let task = tokio::spawn(serve_with(limits, listener, dashboard.state.clone(), shutdown));
        Self { address, stop, task }
    }

    async fn connect(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.unwrap(), rest: Vec::new() }
    }

    /// A request on a connection of its own, answered in time.
    async fn answers(&self) {
        let mut client = self.connect().await;
        client.ask("/assets/icon.svg").await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 OK"));
    }
}

struct Client {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Client {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    async fn ask(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    }

    /// The head of the next answer; its body, if it has a length, is read as well.
    async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.rest.windows(4).position(|part| part == b"\r\n\r\n") {
                let head = String::from_utf8(self.rest.drain(..end + 4).collect()).unwrap();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let length: usize = length.map_or(0, |length| length.parse().unwrap());
                while self.rest.len() < length {
                    assert!(self.more().await > 0, "the body ends early");
                }
                self.rest.drain(..length);
                return head;
            }
            assert!(self.more().await > 0, "the connection ended before an answer");
        }
    }

    async fn more(&mut self) -> usize {
        timeout(PATIENCE, self.stream.read_buf(&mut self.rest)).await.expect("no answer came").unwrap_or(0)
    }

    /// All that the server says until it ends the connection.
    async fn all(&mut self) -> String {
        while self.more().await > 0 {}
        String::from_utf8_lossy(&self.rest).into_owned()
    }
}

/// As a service of another machine would that has the session's cookie and path, but another address.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_of_one_address() {
    let mut dashboard = Dashboard::new();
    dashboard.state = AppState::new(dashboard.root(), Access::remote("0123456789abcdef").unwrap());
    let server = Server::start(&dashboard, PATIENT).await;
    let at = async |last: u8| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0)).unwrap();
        Client { stream: socket.connect(server.address).await.unwrap(), rest: Vec::new() }
    };
    let mut client = at(1).await;
    client.ask("/?token=0123456789abcdef").await;
    let head = client.head().await;
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().split(';').next().unwrap();
    let page = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    for (last, expected) in [(1, "200"), (2, "403"), (3, "403"), (1, "200")] {
        let mut client = at(last).await;
        client.send(format!("GET {page}api/runs HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n\r\n")).await;
        let head = client.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {expected}")), "127.0.0.{last}: {head}");
    }
    server.stop.send(()).unwrap();
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
    let listener = bind(LOCAL, 0).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(serve(listener, dashboard.state.clone(), async {
        stopped.await.ok();
    }));
    let server = Server { address, stop, task };
    let mut client = server.connect().await;
    client.ask("/api/runs").await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 OK"));
    let mut events = server.connect().await;
    events.ask("/api/events?since=0").await;
    assert!(events.head().await.starts_with("HTTP/1.1 200 OK"));
    server.stop.send(()).unwrap();
    // It ends the stream itself, and waits for no client.
    events.all().await;
    timeout(PATIENCE, server.task).await.expect("the server does not end").unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_is_let_go() {
    let dashboard = Dashboard::new();
    let server = Server::start(&dashboard, Limits { quiet: SHORT, ..PATIENT }).await;
    // From the beginning, and after an answer.
    assert_eq!(server.connect().await.all().await, "");
    let mut client = server.connect().await;
    client.ask("/").await;
    client.head().await;
    assert_eq!(client.all().await, "");
}

/// Slowloris: a byte now and then, so that something always moves.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_comes_byte_by_byte_is_cut_off() {
    let dashboard = Dashboard::new();
    let server = Server::start(&dashboard, Limits { head: SHORT, ..PATIENT }).await;
    let (mut reader, mut writer) = server.connect().await.stream.into_split();
    let drip = tokio::spawn(async move {
        writer.write_all(b"GET / HTTP/1.1\r\nx-slow: ").await.unwrap();
        while writer.write_all(b"a").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    });
    let mut said = Vec::new();
    timeout(PATIENCE, reader.read_to_end(&mut said)).await.expect("the slow head goes on").ok();
    assert!(said.is_empty(), "{}", String::from_utf8_lossy(&said));
    drip.await.unwrap();
    // A head in two parts, within its time, is no attack.
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\n").await;
    client.send("host: localhost\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let mut dashboard = Dashboard::new();
    dashboard.state.time_limit = SHORT;
    let id = dashboard.finished("digits");
    let server = Server::start(&dashboard, PATIENT).await;
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
    slow.stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.ok();
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
    let server = Server::start(&dashboard, Limits { places: 1, quiet: 5 * SHORT, ..PATIENT }).await;
    let mut greedy = server.connect().await;
    greedy.ask(&path).await;
    greedy.stream.readable().await.unwrap();
    server.answers().await;
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
    let server = Server::start(&dashboard, Limits { crowded: SHORT, ..PATIENT }).await;
    let mut strangers = Vec::new();
    for number in 0..300 {
        let mut stranger = server.connect().await;
        match number % 3 {
            0 => stranger.ask("/").await,
            1 => stranger.send("GET / HTTP/1.1\r\n").await,
            _ => {}
        }
        strangers.push(stranger);
    }
    server.answers().await;
    // An open page goes on meanwhile.
    server.answers().await;
    drop(strangers);
}

/// Another user of the machine, who may have any number of connections, and has no token: the oldest ones make room.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_without_the_token_make_room_at_once_and_its_owner_stays() {
    let mut dashboard = Dashboard::new();
    dashboard.state = AppState::new(dashboard.root(), Access::remote("0123456789abcdef").unwrap());
    // Nobody is ever late.
    let server = Server::start(&dashboard, Limits { places: 4, ..PATIENT }).await;
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
    let server = Server::start(&dashboard, Limits { places: 1, ..PATIENT }).await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    first.ask("/").await;
    second.ask("/").await;
    assert!(first.head().await.contains("connection: close\r\n"));
    assert_eq!(first.all().await, "");
    assert!(second.head().await.contains("connection: close\r\n"));
    // Where there is room, a connection is kept.
    let roomy = Server::start(&dashboard, PATIENT).await;
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
    let server = Server::start(&dashboard, Limits { places: 2, crowded: SHORT / 10, quiet: SHORT, ..PATIENT }).await;
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

/// What one server takes for one request and another for two. There is no proxy before this one, and no way in for it.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_hides_in_another() {
    let dashboard = Dashboard::new();
    let id = dashboard.finished("digits");
    let server = Server::start(&dashboard, Limits { quiet: SHORT, ..PATIENT }).await;
    let token = dashboard.state.token();
    let hidden = format!("DELETE /api/runs/{id} HTTP/1.1\r\nhost: localhost\r\nx-burnlab-token: {token}\r\n\r\n");
    let length = hidden.len();
    for (lines, body) in [
        (format!("content-length: {length}\r\ncontent-length: 0\r\n"), hidden.clone()),
        (format!("content-length: 0\r\ncontent-length: {length}\r\n"), hidden.clone()),
        (format!("content-length: {length}, 0\r\n"), hidden.clone()),
        ("content-length: +0\r\n".to_owned(), hidden.clone()),
        ("content-length: -1\r\n".to_owned(), hidden.clone()),
        ("content-length: 0x0\r\n".to_owned(), hidden.clone()),
        ("content-length : 0\r\n".to_owned(), hidden.clone()),
        ("content-length: 99999999999999999999\r\n".to_owned(), hidden.clone()),
        (format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"), format!("0\r\n\r\n{hidden}")),
        ("transfer-encoding: chunked\r\ncontent-length: 4\r\n".to_owned(), format!("0\r\n\r\n{hidden}")),
        ("transfer-encoding: xchunked\r\n".to_owned(), format!("0\r\n\r\n{hidden}")),
        ("transfer-encoding: chunked, identity\r\n".to_owned(), format!("0\r\n\r\n{hidden}")),
        ("transfer-encoding : chunked\r\n".to_owned(), format!("0\r\n\r\n{hidden}")),
        ("x: y\r\n transfer-encoding: chunked\r\n".to_owned(), format!("0\r\n\r\n{hidden}")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("zz\r\n{hidden}")),
        (format!("content-length: {length}\r\n"), hidden.clone()),
    ] {
        let mut client = server.connect().await;
        client
            .stream
            .write_all(format!("GET / HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n{body}").as_bytes())
            .await
            .ok();
        let said = client.all().await;
        assert!(said.matches("HTTP/1.1 ").count() <= 1, "{lines}: {said}");
    }
    assert_eq!(dashboard.get("/api/runs").await.json()["runs"][0]["id"], json!(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_without_end_are_refused() {
    let dashboard = Dashboard::new();
    let server = Server::start(&dashboard, PATIENT).await;
    let long = "a".repeat(1 << 20);
    let many: String = (0..1000).map(|number| format!("x-{number}: 1\r\n")).collect();
    for (head, status) in [
        (format!("GET / HTTP/1.1\r\nhost: localhost\r\nx-long: {long}\r\n\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\nhost: localhost\r\n{many}\r\n"), "431"),
        (format!("GET /?{} HTTP/1.1\r\nhost: localhost\r\n\r\n", &long[..100_000]), "414"),
        (format!("GET /?{long} HTTP/1.1\r\nhost: localhost\r\n\r\n"), "4"),
        (format!("{long} / HTTP/1.1\r\n\r\n"), "4"),
        ("GET / HTTP/1.1\r\nhost: local\0host\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/9.9\r\nhost: localhost\r\n\r\n".to_owned(), "4"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), "4"),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".to_owned(), "400"),
    ] {
        let mut client = server.connect().await;
        // The server may end the connection before it has read all.
        client.stream.write_all(head.as_bytes()).await.ok();
        let said = client.all().await;
        let begin = &head[..head.len().min(60)];
        assert!(said.is_empty() || said.starts_with(&format!("HTTP/1.1 {status}")), "{begin}: {said}");
    }
    server.answers().await;
}
