//! Many clients of a dashboard over a large store: 20,000 runs with 10 million points, 200 clients of which 40 are slow,
//! and 4 trainings that log meanwhile.
//!
//! ```sh
//! cargo bench --bench crowd            # RUNS=2000 SECONDS=10 for a smaller one, STORE=folder to keep it
//! ```
//!
//! Prints the server's memory, how long its answers take, and what was lost: an answer that is no success, a page that is
//! not told of an epoch, a connection that is refused.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode};
use burnlab::tracking::{NewRun, RunWriter, Status};
use flate2::read::GzDecoder;
use futures_core::Stream;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

mod large;

use large::{EPOCHS, KEYS, fill, points};

const CLIENTS: usize = 200;
const SLOW: usize = 40;
const TRAININGS: usize = 4;
/// How long a training takes for an epoch, and how long a user looks at an answer.
const EPOCH: Duration = Duration::from_millis(50);
const THOUGHT: Duration = Duration::from_secs(1);
const SORTED: &str = "/api/runs?limit=200&sort=test/accuracy";

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect("a number"))
}

fn main() {
    // As a training process: logs until its standard input is closed, and prints how many epochs it logged.
    let args: Vec<String> = std::env::args().collect();
    if let [_, word, root] = args.as_slice()
        && word == "train"
    {
        return train(Path::new(root));
    }
    let (runs, seconds) = (number("RUNS", 20_000), number("SECONDS", 60));
    let folder = tempfile::tempdir().expect("a temporary folder");
    // A store that was made before, such as by this.
    let root = std::env::var_os("STORE").map_or_else(|| folder.path().to_owned(), PathBuf::from);
    let begun = Instant::now();
    if !root.join("burnlab.db").exists() {
        fill(&root, runs, |number| {
            let tags = vec![format!("tag-{}", number % 7)];
            NewRun { tags, ..new_run(&format!("experiment-{:02}", number % 20), number / 400) }
        });
        let points = runs * EPOCHS * KEYS.len() as u64;
        println!("{runs} runs with {points} points made in {:.0} s", begun.elapsed().as_secs_f64());
    }
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(measure(&root, Duration::from_secs(seconds)));
}

fn new_run(experiment: &str, seed: u64) -> NewRun {
    let mut params: BTreeMap<String, Value> =
        (0..25).map(|index| (format!("training.param_{index}"), json!(index))).collect();
    params.insert("name".to_owned(), json!(experiment));
    params.insert("seed".to_owned(), json!(seed));
    params.insert("training.learning_rate".to_owned(), json!([0.001, 0.003, 0.01][seed as usize % 3]));
    params.insert("model.hidden".to_owned(), json!([8 * (1 + seed % 5)]));
    NewRun {
        experiment: experiment.to_owned(),
        name: None,
        tags: vec!["bench".to_owned()],
        note: None,
        config_toml: "seed = 1\n".to_owned(),
        params,
        environment: json!({ "os": "linux" }),
        seed,
        parent: None,
        sweep: None,
        data: None,
        is_private: false,
    }
}

fn train(root: &Path) {
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    std::thread::spawn(move || {
        std::io::stdin().read_to_end(&mut Vec::new()).ok();
        flag.store(true, Ordering::Relaxed);
    });
    let mut writer = RunWriter::start(root, new_run("training", 1)).expect("recorded");
    let mut epoch = 0;
    while !ended.load(Ordering::Relaxed) {
        epoch += 1;
        writer.log(&points(epoch, 0)).expect("recorded");
        std::thread::sleep(EPOCH);
    }
    println!("{} {epoch}", writer.id());
    writer.finish(Status::Finished, "enough", Some(epoch)).expect("recorded");
}

/// What the clients saw.
#[derive(Default)]
struct Seen {
    answers: AtomicUsize,
    lost: AtomicUsize,
    slow_bytes: AtomicUsize,
    is_over: AtomicBool,
    ends: AtomicBool,
}

async fn measure(root: &Path, time: Duration) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_burnlab"));
    server.args(["dashboard", "--port", "0", "--artifacts"]).arg(root).stdout(Stdio::piped()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut server = server.spawn().expect("started");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("piped")).read_line(&mut line).expect("an address");
    let address: SocketAddr = line.trim().strip_prefix("http://").expect("a URL").parse().expect("an address");
    let mut first = Http::new(address);
    let list = first.json("/api/runs?limit=10").await.expect("answered");
    let ids = list["runs"].as_array().expect("runs").iter().filter_map(|run| run["id"].as_str());
    let ids: Arc<[String]> = ids.map(str::to_owned).collect();
    let runs = list["all"].as_u64().expect("a number");
    println!(
        "{runs} runs; first answer {:.2} s after the start, {:.0} MiB",
        begun.elapsed().as_secs_f64(),
        memory(&server, "VmRSS")
    );

    let trainings: Vec<Child> = (0..TRAININGS)
        .map(|_| {
            let mut command = Command::new(std::env::current_exe().expect("its path"));
            command.arg("train").arg(root).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started")
        })
        .collect();
    let seen = Arc::new(Seen::default());
    let slow: Vec<_> = (0..SLOW).map(|number| tokio::spawn(read_slowly(address, number, Arc::clone(&seen)))).collect();
    let quick: Vec<_> = (0..CLIENTS - SLOW)
        .map(|number| {
            let listens = listen(address, Arc::clone(&seen));
            let asks = ask(address, number, runs, Arc::clone(&ids), Arc::clone(&seen));
            (tokio::spawn(listens), tokio::spawn(asks))
        })
        .collect();
    let begun = Instant::now();
    while begun.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    seen.is_over.store(true, Ordering::Relaxed);
    let mut waited: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut listening = Vec::new();
    for (listens, asks) in quick {
        for (kind, time) in asks.await.expect("no panic") {
            waited.entry(kind).or_default().push(time);
        }
        listening.push(listens);
    }
    // The trainings end, and every page has to learn of their last epoch.
    let mut logged: BTreeMap<String, u64> = BTreeMap::new();
    for mut training in trainings {
        drop(training.stdin.take());
        let output = training.wait_with_output().expect("ended");
        let text = String::from_utf8(output.stdout).expect("text");
        let (id, epochs) = text.trim().split_once(' ').expect("id and epochs");
        logged.insert(id.to_owned(), epochs.parse().expect("a number"));
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    seen.ends.store(true, Ordering::Relaxed);
    let mut not_told = 0;
    for listens in listening {
        let told = listens.await.expect("no panic");
        not_told += logged.iter().filter(|(id, epochs)| told.get(*id) != Some(epochs)).count();
    }
    let peak = memory(&server, "VmHWM");
    slow.into_iter().for_each(|slow| slow.abort());
    let mut all: Vec<Duration> = waited.values().flatten().copied().collect();
    println!(
        "{CLIENTS} clients, {SLOW} of them slow ({:.0} MB taken); {} epochs by {TRAININGS} trainings in {} s",
        seen.slow_bytes.load(Ordering::Relaxed) as f64 / 1e6,
        logged.values().sum::<u64>(),
        time.as_secs()
    );
    waited.iter_mut().for_each(|(kind, times)| report(kind, times));
    report("all answers", &mut all);
    println!(
        "lost: {} of {} answers, {not_told} of {} last epochs",
        seen.lost.load(Ordering::Relaxed),
        seen.answers.load(Ordering::Relaxed),
        logged.len() * (CLIENTS - SLOW)
    );
    println!("peak memory of the server {peak:.0} MiB");
    server.kill().and_then(|()| server.wait()).expect("ended");
}

fn report(kind: &str, times: &mut [Duration]) {
    times.sort();
    let part = |part: f64| times[(part * (times.len() - 1) as f64) as usize].as_secs_f64() * 1e3;
    println!("{kind:<24} {:>6}  median {:>6.1} ms, 99 of 100 {:>7.1} ms", times.len(), part(0.5), part(0.99));
}

/// MiB; NaN where the system does not tell it this way.
fn memory(process: &Child, field: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<f64>().ok());
    kibibytes.map_or(f64::NAN, |kibibytes| kibibytes / 1024.0)
}

/// A client with one connection, as a page has it.
struct Http {
    client: Client<HttpConnector, Body>,
    address: SocketAddr,
}

impl Http {
    fn new(address: SocketAddr) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(1).build_http(), address }
    }

    /// How long the whole answer took, and what it is; `None` for one that is no success. It is not looked into, since
    /// the clients have the same cores as the server.
    async fn get(&mut self, path: &str) -> Option<(Duration, Bytes)> {
        let begun = Instant::now();
        let request = Request::builder().uri(format!("http://{}{path}", self.address));
        let request = request.header("accept-encoding", "gzip").body(Body::empty()).ok()?;
        let answer = self.client.request(request).await.ok()?;
        let status = answer.status();
        let bytes = to_bytes(Body::new(answer.into_body()), 64 << 20).await.ok()?;
        let took = begun.elapsed();
        if status != StatusCode::OK {
            eprintln!("{path}: {status} {}", String::from_utf8_lossy(&bytes[..bytes.len().min(200)]));
            return None;
        }
        Some((took, bytes))
    }

    /// A compressed answer as JSON.
    async fn json(&mut self, path: &str) -> Option<Value> {
        let (_, bytes) = self.get(path).await?;
        serde_json::from_reader(GzDecoder::new(&bytes[..])).ok()
    }
}

/// What a page asks for while it is used: the list, the next page, sorted and filtered; curves, a run, a comparison.
async fn ask(
    address: SocketAddr,
    number: usize,
    runs: u64,
    ids: Arc<[String]>,
    seen: Arc<Seen>,
) -> Vec<(&'static str, Duration)> {
    let mut http = Http::new(address);
    let mut waited = Vec::new();
    let some = ids.join(",");
    // Users do not begin at the same moment.
    tokio::time::sleep(THOUGHT.mul_f64(number as f64 / (CLIENTS - SLOW) as f64)).await;
    for turn in number.. {
        if seen.is_over.load(Ordering::Relaxed) {
            break;
        }
        let page = (turn as u64 * 7919) % runs / 200 * 200;
        let (kind, path) = match turn % 8 {
            0 | 4 => ("first page", "/api/runs?limit=200".to_owned()),
            1 => ("another page", format!("/api/runs?limit=200&offset={page}")),
            2 => ("sorted", SORTED.to_owned()),
            3 => ("filtered, sorted", format!("{SORTED}&q=learning_rate%20%3D%200.003")),
            5 => ("10 curves", format!("/api/series?key=validation/loss&ids={some}")),
            6 => ("a run", format!("/api/runs/{}", ids[turn % ids.len()])),
            _ => ("new points", format!("/api/series?key=train/loss&after=20&ids={some}")),
        };
        seen.answers.fetch_add(1, Ordering::Relaxed);
        match http.get(&path).await {
            Some((took, _)) => waited.push((kind, took)),
            None => {
                seen.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        tokio::time::sleep(THOUGHT).await;
    }
    waited
}

/// Follows changes as a page does; returns the epochs that each training run was last told to have.
async fn listen(address: SocketAddr, seen: Arc<Seen>) -> BTreeMap<String, u64> {
    let mut told = BTreeMap::new();
    let Some(end) = last_events(address, &seen).await else {
        seen.lost.fetch_add(1, Ordering::Relaxed);
        return told;
    };
    // Looked into only now.
    for data in String::from_utf8_lossy(&end).split("\n\n").filter_map(|event| event.split_once("data: ")) {
        let Ok(change) = serde_json::from_str::<Value>(data.1) else { continue };
        for run in change["changed"].as_array().into_iter().flatten() {
            let points = run["metrics"]["train/loss"]["points"].as_u64().unwrap_or_default();
            told.insert(run["id"].as_str().unwrap_or_default().to_owned(), points);
        }
    }
    told
}

/// The last events, in bytes; `None` if there are none.
async fn last_events(address: SocketAddr, seen: &Seen) -> Option<Vec<u8>> {
    const KEPT: usize = 256 << 10;
    let mut http = Http::new(address);
    let list = http.json("/api/runs?limit=1").await?;
    let uri = format!("http://{address}/api/events?since={}", list["revision"]);
    let answer = http.client.request(Request::builder().uri(uri).body(Body::empty()).ok()?).await.ok()?;
    let mut stream = (answer.status() == StatusCode::OK).then(|| Body::new(answer.into_body()).into_data_stream())?;
    let mut end = Vec::new();
    while !seen.ends.load(Ordering::Relaxed) {
        let next = poll_fn(|context| Pin::new(&mut stream).poll_next(context));
        let Ok(piece) = tokio::time::timeout(Duration::from_millis(300), next).await else { continue };
        end.extend_from_slice(&piece?.ok()?);
        if end.len() > 2 * KEPT {
            end.drain(..end.len() - KEPT);
        }
    }
    Some(end)
}

/// Asks for much and takes a little of it now and then: the list without compression, curves, events.
async fn read_slowly(address: SocketAddr, number: usize, seen: Arc<Seen>) {
    let path = match number % 4 {
        0 => "/api/runs?limit=1000",
        1 => "/api/runs?limit=1000&sort=test/accuracy",
        2 => "/api/events?since=0",
        _ => "/api/events?since=1",
    };
    loop {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        if stream.write_all(head.as_bytes()).await.is_err() {
            continue;
        }
        let mut piece = [0; 4096];
        while let Ok(taken @ 1..) = stream.read(&mut piece).await {
            seen.slow_bytes.fetch_add(taken, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
