//! How fast the dashboard answers over a big store: 20,000 runs with 10 million points, and a tenth and a hundredth of that.
//!
//! ```sh
//! cargo bench --bench dashboard
//! ```
//!
//! Each size is measured in a process of its own, so that its memory is its own. Targets up to 2,000 runs: start to first
//! answer < 200 ms, list of runs < 30 ms, 100 curves < 60 ms, memory < 80 MB. At every size: all experiments < 150 ms, the
//! leaderboard of 200 runs of 40 configs < 300 ms, each asked for the first time, and memory < 120 MB.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use burnlab::dashboard::{Access, AppState, bind, serve};
use burnlab::tracking::NewRun;
use serde_json::json;

mod large;

use large::fill;

const REPEATS: usize = 15;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, word, root] = args.as_slice()
        && word == "serve"
    {
        return serve_until_killed(Path::new(root));
    }
    println!(
        "  runs  start to first answer  experiments  leaderboard  list of runs      MB  100 curves      MB  list when 1 changed  RSS idle  RSS busy"
    );
    for runs in [200, 2000, 20_000] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fill(folder.path(), runs, |number| new_run(number, runs / 200));
        let store = burnlab::tracking::Store::open(folder.path()).expect("it is there");
        let ids: Vec<String> = store.runs().expect("read").iter().map(|run| run.record.id.to_string()).collect();
        drop(store);
        measure(folder.path(), runs, &ids);
    }
}

/// Experiments of 200 runs, of which each five repeat one of 40 configs.
fn new_run(number: u64, experiments: u64) -> NewRun {
    let place = number / experiments;
    let value = |index: u64| if index == 0 { place / 5 % 40 } else { index };
    NewRun {
        experiment: format!("experiment-{:02}", number % experiments),
        name: None,
        tags: vec!["bench".to_owned()],
        note: None,
        config_toml: "seed = 1\n".to_owned(),
        params: (0..25).map(|index| (format!("training.param_{index}"), json!(value(index)))).collect(),
        environment: json!({ "os": "linux" }),
        seed: place,
        parent: None,
        sweep: None,
        data: None,
        is_private: false,
    }
}

#[tokio::main]
async fn serve_until_killed(root: &Path) {
    let listener = bind([127, 0, 0, 1].into(), 0).await.expect("a free port");
    println!("{}", listener.local_addr().expect("an address"));
    let state = AppState::new(root, Access::local());
    serve(listener, state, std::future::pending()).await.expect("it goes on");
}

fn measure(root: &Path, runs: u64, ids: &[String]) {
    let begun = Instant::now();
    let mut server = Command::new(std::env::current_exe().expect("its path"))
        .arg("serve")
        .arg(root)
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("piped")).read_line(&mut line).expect("an address");
    let address: SocketAddr = line.trim().parse().expect("an address");
    get(address, "/api/runs");
    let start = begun.elapsed();
    let idle = memory(server.id());
    let (experiments, _) = once(|| get(address, "/api/experiments"));
    let (leaderboard, _) = once(|| get(address, "/api/leaderboard?experiment=experiment-00"));
    let (list, list_bytes) = median(|_| get(address, "/api/runs"));
    let chosen: Vec<&str> = ids.iter().step_by(ids.len() / 100).take(100).map(String::as_str).collect();
    let path = format!("/api/series?key=validation/loss&max_points=500&ids={}", chosen.join(","));
    let (curves, curve_bytes) = median(|_| get(address, &path));
    let mut store = burnlab::tracking::Store::open(root).expect("it is there");
    let (changed, _) = median(|repeat| {
        store.set_note(&ids[repeat].parse().expect("an id"), &format!("note {repeat}")).expect("changed");
        get(address, "/api/runs")
    });
    // All runs' curves, as the page asks for them when everything is selected.
    for some in ids.chunks(50) {
        get(address, &format!("/api/series?key=train/loss&max_points=500&ids={}", some.join(",")));
    }
    let busy = memory(server.id());
    server.kill().and_then(|()| server.wait()).expect("ended");
    let megabytes = |bytes: usize| bytes as f64 / 1e6;
    println!(
        "{runs:>6} {:>18.1} ms {:>8.1} ms {:>9.1} ms {:>10.1} ms {:>7.2} {:>8.1} ms {:>7.2} {:>17.1} ms  {idle:>5.1} MB  {busy:>5.1} MB",
        milliseconds(start),
        milliseconds(experiments),
        milliseconds(leaderboard),
        milliseconds(list),
        megabytes(list_bytes),
        milliseconds(curves),
        megabytes(curve_bytes),
        milliseconds(changed),
    );
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Connects, asks, reads all; returns the size of the answer. `connection: close` ends it.
fn get(address: SocketAddr, path: &str) -> usize {
    let mut stream = TcpStream::connect(address).expect("connected");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..200.min(answer.len())]));
    answer.len()
}

fn once(work: impl Fn() -> usize) -> (Duration, usize) {
    let begun = Instant::now();
    let bytes = work();
    (begun.elapsed(), bytes)
}

fn median(mut work: impl FnMut(usize) -> usize) -> (Duration, usize) {
    let mut times: Vec<(Duration, usize)> = (0..REPEATS)
        .map(|repeat| {
            let begun = Instant::now();
            let bytes = work(repeat);
            (begun.elapsed(), bytes)
        })
        .collect();
    times.sort();
    times[REPEATS / 2]
}

/// Resident memory in MB; NaN where the system does not tell it this way.
fn memory(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kilobytes| kilobytes / 1e3)
}
