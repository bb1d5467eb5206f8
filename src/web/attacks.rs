//! What strangers try on any of the servers, and the clients of a real socket that try it. Each server's own tests say what must
//! not have happened.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::bind;
use super::connection::Limits;

pub const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// How long anything may take on a busy machine. What the limits of a test should end ends far earlier.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// A limit that a test reaches.
pub const SHORT: Duration = Duration::from_millis(300);
/// A limit that no test reaches.
const NEVER: Duration = Duration::from_secs(3600);

/// Nobody is ever late.
pub const PATIENT: Limits = Limits { places: 64, quiet: NEVER, head: NEVER, crowded: NEVER };

/// Headers of requests that other pages, or pages by other names of this machine, could have a browser send.
pub const FOREIGN: &[&[(&str, &str)]] = &[
    &[],
    &[("host", "evil.example")],
    &[("host", "localhost.evil.example:6007")],
    &[("host", "127.0.0.1.nip.io")],
    &[("host", "0.0.0.0:6007")],
    &[("host", "localhost:x")],
    &[GOOD_HOST, ("host", "localhost")],
    &[GOOD_HOST, ("origin", "http://evil.example")],
    &[GOOD_HOST, ("origin", "null")],
    &[GOOD_HOST, ("origin", "http://localhost.evil.example")],
    &[GOOD_HOST, ("origin", "http://localhost@evil.example")],
    &[GOOD_HOST, ("origin", "file://localhost")],
    &[GOOD_HOST, ("origin", "http://localhost"), ("origin", "http://evil.example")],
    &[GOOD_HOST, ("sec-fetch-site", "cross-site")],
    &[GOOD_HOST, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
];

/// The host of a server on this machine.
pub const GOOD_HOST: (&str, &str) = ("host", "127.0.0.1:6007");

/// A server on a socket.
pub struct Server {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// `serve` is given the listener, and what is ready when the server is to end.
    pub async fn start<F>(serve: impl FnOnce(TcpListener, Stopped) -> F) -> Self
    where
        F: Future<Output = std::io::Result<()>> + Send + 'static,
    {
        let listener = bind(LOCAL, 0).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(serve(listener, Stopped(stopped)));
        Self { address, stop, task }
    }

    pub async fn connect(&self) -> Client {
        Client::of(TcpStream::connect(self.address).await.unwrap())
    }

    /// From another address of this machine.
    pub async fn connect_from(&self, last: u8) -> Client {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0)).unwrap();
        Client::of(socket.connect(self.address).await.unwrap())
    }

    /// A request on a connection of its own, answered in time.
    pub async fn answers(&self, path: &str) {
        let mut client = self.connect().await;
        client.ask(path).await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    }

    /// Asks it to end.
    pub fn stop(self) -> JoinHandle<std::io::Result<()>> {
        self.stop.send(()).unwrap();
        self.task
    }
}

/// Ready when a [`Server`] is to end.
pub struct Stopped(oneshot::Receiver<()>);

impl Stopped {
    pub async fn wait(self) {
        self.0.await.ok();
    }
}

/// A connection.
pub struct Client {
    pub stream: TcpStream,
    pub rest: Vec<u8>,
}

impl Client {
    fn of(stream: TcpStream) -> Self {
        Self { stream, rest: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// As [`Client::send`], to a server that may end the connection before it has read all.
    pub async fn try_to_send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.ok();
    }

    pub async fn ask(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    }

    /// The head of the next answer; its body, if it has a length, is read as well.
    pub async fn head(&mut self) -> String {
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

    pub async fn more(&mut self) -> usize {
        timeout(PATIENCE, self.stream.read_buf(&mut self.rest)).await.expect("no answer came").unwrap_or(0)
    }

    /// All that the server says until it ends the connection.
    pub async fn all(&mut self) -> String {
        while self.more().await > 0 {}
        String::from_utf8_lossy(&self.rest).into_owned()
    }
}

/// Slowloris: a byte of a head now and then, so that something always moves. The server's limit on heads is [`SHORT`].
pub async fn send_a_head_byte_by_byte(server: &Server) {
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

/// 300 clients that say nothing, half of a head, or no more after an answer: more than there are places.
pub async fn take_all_places(server: &Server) -> Vec<Client> {
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
    strangers
}

/// What one server takes for one request and another for two, with `hidden` as the second one. There is no proxy before these
/// servers, and no way in for it. The server's limit on silence is [`SHORT`].
pub async fn hide_in_a_request(server: &Server, hidden: &str) {
    let length = hidden.len();
    let ended = format!("0\r\n\r\n{hidden}");
    for (lines, body) in [
        (format!("content-length: {length}\r\ncontent-length: 0\r\n"), hidden),
        (format!("content-length: 0\r\ncontent-length: {length}\r\n"), hidden),
        (format!("content-length: {length}, 0\r\n"), hidden),
        ("content-length: +0\r\n".to_owned(), hidden),
        ("content-length: -1\r\n".to_owned(), hidden),
        ("content-length: 0x0\r\n".to_owned(), hidden),
        ("content-length : 0\r\n".to_owned(), hidden),
        ("content-length: 99999999999999999999\r\n".to_owned(), hidden),
        (format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"), &ended),
        ("transfer-encoding: chunked\r\ncontent-length: 4\r\n".to_owned(), &ended),
        ("transfer-encoding: xchunked\r\n".to_owned(), &ended),
        ("transfer-encoding: chunked, identity\r\n".to_owned(), &ended),
        ("transfer-encoding : chunked\r\n".to_owned(), &ended),
        ("x: y\r\n transfer-encoding: chunked\r\n".to_owned(), &ended),
        ("transfer-encoding: chunked\r\n".to_owned(), &format!("zz\r\n{hidden}")),
        (format!("content-length: {length}\r\n"), hidden),
    ] {
        let mut client = server.connect().await;
        client.try_to_send(format!("GET / HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n{body}")).await;
        let said = client.all().await;
        assert!(said.matches("HTTP/1.1 ").count() <= 1, "{lines}: {said}");
    }
}

/// Heads that are too long, malformed, or of another protocol.
pub async fn send_heads_without_end(server: &Server) {
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
        client.try_to_send(&head).await;
        let said = client.all().await;
        let begin = &head[..head.len().min(60)];
        assert!(said.is_empty() || said.starts_with(&format!("HTTP/1.1 {status}")), "{begin}: {said}");
    }
}
