//! The little that needs a real socket.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::super::{bind, serve};
use super::*;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

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
    let server = tokio::spawn(serve(listener, dashboard.state.clone(), async {
        stopped.await.ok();
    }));
    let ask = move |path: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
        let mut start = [0; 15];
        stream.read_exact(&mut start).unwrap();
        (stream, String::from_utf8_lossy(&start).into_owned())
    };
    let (mut events, status) = tokio::task::spawn_blocking(move || {
        assert_eq!(ask("/api/runs").1, "HTTP/1.1 200 OK");
        ask("/api/events?since=0")
    })
    .await
    .unwrap();
    assert_eq!(status, "HTTP/1.1 200 OK");
    let asked = Instant::now();
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(10), server).await.expect("the server does not end").unwrap().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    let rest = tokio::task::spawn_blocking(move || events.read_to_end(&mut Vec::new())).await.unwrap();
    assert!(rest.is_ok());
}
