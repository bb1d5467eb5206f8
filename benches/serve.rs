//! `burnlab serve` under load: how long a row takes, how many rows a second 64 clients get, how much memory it has; and what
//! is lost while newer runs take the place of older ones.
//!
//! ```sh
//! cargo bench --bench serve                         # SECONDS=300 for a longer trial of the newer runs
//! AGAINST=127.0.0.1:5001 cargo bench --bench serve  # the same rows to another server that speaks MLflow's protocol, too
//! ```
//!
//! Clients have the same cores as the server, and a connection each, which they keep.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const MANY: usize = 64;

fn program() -> String {
    let built = option_env!("CARGO_BIN_EXE_burnlab").unwrap_or("burnlab");
    std::env::var("BURNLAB").unwrap_or_else(|_| built.to_owned())
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    measure(folder.path());
}

fn measure(folder: &Path) {
    train(folder, 1);
    let rows = rows(folder);
    let server = Server::start(folder, &["digits"]);
    println!("{:<44} {:>9} {:>9} {:>10} {:>9}", "", "p50 ms", "p99 ms", "rows / s", "MiB");
    let of = |address: &str, name: &str, path: &str, body: &dyn Fn(&[String]) -> String, server: Option<&Server>| {
        for (clients, num_rows) in [(1, 1), (MANY, 1), (MANY, 100)] {
            let bodies: Vec<String> = rows.chunks_exact(num_rows).map(body).collect();
            let time = Duration::from_secs(5);
            let load =
                load(address, clients, time, &|_| {}, &|turn| request(address, path, &bodies[turn % bodies.len()]));
            assert_eq!(load.lost, 0, "{name}: {} answers were no success", load.lost);
            let what = format!("{name}: {clients} client(s), {num_rows} row(s) a request");
            let memory = server.map_or(f64::NAN, |server| server.memory());
            let rows = (load.times.len() * num_rows) as f64 / load.seconds;
            println!("{what:<44} {:>9.2} {:>9.2} {rows:>10.0} {memory:>9.0}", load.part(0.5), load.part(0.99));
        }
    };
    let lists =
        |rows: &[String]| format!("[{}]", rows.iter().map(|row| format!("[{row}]")).collect::<Vec<_>>().join(","));
    let scoring = |rows: &[String]| format!("{{\"inputs\":{}}}", lists(rows));
    let tensor = |rows: &[String]| {
        let (num_rows, all) = (rows.len(), rows.join(","));
        format!("{{\"inputs\":[{{\"name\":\"x\",\"shape\":[{num_rows},64],\"datatype\":\"FP32\",\"data\":[{all}]}}]}}")
    };
    of(&server.address, "/predict", "/predict", &lists, Some(&server));
    of(&server.address, "/v2", "/v2/models/digits/infer", &tensor, Some(&server));
    of(&server.address, "/invocations", "/invocations", &scoring, Some(&server));
    drop(server);
    if let Ok(address) = std::env::var("AGAINST") {
        of(&address, &address, "/invocations", &scoring, None);
    }
    follow(folder, &rows, &|row: &[String]| lists(row));
}

/// Asks all the time while new runs of the experiment end.
fn follow(folder: &Path, rows: &[String], body: &(dyn Fn(&[String]) -> String + Sync)) {
    let seconds = std::env::var("SECONDS").map_or(20, |text| text.parse().expect("a number of seconds"));
    let server = Server::start(folder, &["digits", "--follow"]);
    let (seen, is_over) = (Mutex::new(BTreeSet::new()), AtomicBool::new(false));
    let bodies: Vec<String> = rows.chunks_exact(1).map(body).collect();
    let (load, trained) = std::thread::scope(|scope| {
        let trains = scope.spawn(|| {
            let mut seed = 1;
            while !is_over.load(Ordering::Relaxed) {
                seed += 1;
                train(folder, seed);
            }
            seed - 1
        });
        let note = |answer: &str| {
            let run = answer.split_once("\"run\":\"").and_then(|(_, rest)| rest.split('"').next());
            seen.lock().expect("no panic").insert(run.unwrap_or_default().to_owned());
        };
        let ask = |turn: usize| request(&server.address, "/predict", &bodies[turn % bodies.len()]);
        let load = load(&server.address, 8, Duration::from_secs(seconds), &note, &ask);
        is_over.store(true, Ordering::Relaxed);
        (load, trains.join().expect("no panic"))
    });
    let (answers, runs) = (load.times.len(), seen.lock().expect("no panic").len());
    println!(
        "--follow, 8 clients, {seconds} s: {answers} answers of {runs} runs, {trained} trained beside; lost: {}; p99 {:.1} ms; {:.0} MiB",
        load.lost,
        load.part(0.99),
        server.memory()
    );
    assert_eq!(load.lost, 0, "answers were lost");
}

fn train(folder: &Path, seed: usize) {
    let seed = format!("seed={seed}");
    let arguments = ["--config", "digits", "--quiet", "--set", &seed, "--set", "training.max_epochs=20"];
    let ended = Command::new(program()).current_dir(folder).args(arguments).status().expect("started");
    assert!(ended.success(), "burnlab {arguments:?} failed");
}

/// The rows of the only run's test part, each as its numbers with commas between.
fn rows(folder: &Path) -> Vec<String> {
    let mut runs = std::fs::read_dir(folder.join("artifacts/runs")).expect("recorded");
    let test = runs.next().expect("a run").expect("read").path().join("test.csv");
    let test = std::fs::read_to_string(test).expect("read");
    // The last column is the target.
    test.lines().skip(1).map(|line| line.rsplit_once(',').expect("several columns").0.to_owned()).collect()
}

fn request(address: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n");
    format!("{head}content-length: {length}\r\n\r\n{body}").into_bytes()
}

/// What clients saw.
struct Load {
    /// Of all successes, in ascending order.
    times: Vec<Duration>,
    lost: usize,
    seconds: f64,
}

impl Load {
    /// Milliseconds, which this part of the answers took at most.
    fn part(&self, part: f64) -> f64 {
        self.times[(part * (self.times.len() - 1) as f64) as usize].as_secs_f64() * 1e3
    }
}

/// Clients that ask as soon as they are answered; `note` is told of each success.
fn load(
    address: &str,
    clients: usize,
    time: Duration,
    note: &(dyn Fn(&str) + Sync),
    ask: &(dyn Fn(usize) -> Vec<u8> + Sync),
) -> Load {
    let (times, lost, begun) = (Mutex::new(Vec::new()), AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| {
        for client in 0..clients {
            let (times, lost) = (&times, &lost);
            scope.spawn(move || {
                let mut own = Vec::new();
                let mut connection = None;
                for turn in client.. {
                    if begun.elapsed() > time {
                        break;
                    }
                    let request = ask(turn);
                    let asked = Instant::now();
                    let mut stream = match connection.take() {
                        Some(stream) => stream,
                        None => BufReader::new(TcpStream::connect(address).expect("a connection")),
                    };
                    stream.get_ref().set_nodelay(true).expect("a socket");
                    match answer(&mut stream, &request) {
                        Some((200, body, keeps)) => {
                            own.push(asked.elapsed());
                            note(&body);
                            connection = keeps.then_some(stream);
                        }
                        other => {
                            eprintln!("{other:?}");
                            lost.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
                times.lock().expect("no panic").extend(own);
            });
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    let mut times = times.into_inner().expect("no panic");
    times.sort();
    Load { times, lost: lost.into_inner(), seconds }
}

/// The status, the body, and whether the connection is kept.
fn answer(stream: &mut BufReader<TcpStream>, request: &[u8]) -> Option<(u16, String, bool)> {
    stream.get_mut().write_all(request).ok()?;
    let (mut length, mut keeps, mut line) = (0, true, String::new());
    stream.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        match line.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().ok()?,
            Some(("connection", value)) => keeps = value != "close",
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((status, String::from_utf8(body).ok()?, keeps))
}

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.current_dir(folder).args(["serve", "--port", "0"]).args(args);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line).expect("an address");
        Self { process, address: line.trim().strip_prefix("http://").expect("a URL").to_owned() }
    }

    /// The most that it ever had, in MiB; NaN where the system does not tell it this way.
    fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kibibytes.map_or(f64::NAN, |kibibytes| kibibytes / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).ok();
    }
}
