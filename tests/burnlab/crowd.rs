//! Many at once: a thousand readers of one dashboard while runs log, and clients that delete while processes train.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::process::{Child, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream, to_bytes};
use axum::http::{Method, Request, StatusCode};
use burnlab::tracking::{NewRun, Point, RunId, RunWriter, Status, Store};
use futures_core::Stream;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::place::{Place, json as json_file, text};
use crate::served::Served;

/// How long all of a test may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(240);

/// A client with one connection, which it keeps as long as the server does.
struct Http {
    client: Client<HttpConnector, Body>,
    url: String,
    token: String,
    waited: Vec<Duration>,
}

impl Http {
    fn new(dashboard: &Served) -> Self {
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(1).build_http();
        Self { client, url: dashboard.url(), token: String::new(), waited: Vec::new() }
    }

    async fn send(&mut self, method: &Method, path: &str, body: &str) -> (StatusCode, Vec<u8>) {
        let begin = Instant::now();
        loop {
            let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
            let request = request.header("x-burnlab-token", &self.token);
            // A connection that was closed while the request was on its way is opened anew, as browsers do.
            if let Ok(answer) = self.client.request(request.body(Body::from(body.to_owned())).unwrap()).await {
                let status = answer.status();
                if let Ok(body) = to_bytes(Body::new(answer.into_body()), 64 << 20).await {
                    self.waited.push(begin.elapsed());
                    return (status, body.to_vec());
                }
            }
            assert!(begin.elapsed() < DEADLINE, "{path}: no answer");
        }
    }

    async fn get<T: for<'a> Deserialize<'a>>(&mut self, path: &str) -> T {
        let (status, body) = self.send(&Method::GET, path, "").await;
        assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Events as they come.
    async fn follow(&self) -> Events {
        let request = Request::builder().uri(format!("{}/api/events?since=0", self.url));
        let answer = self.client.request(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        Events { stream: Body::new(answer.into_body()).into_data_stream(), rest: String::new() }
    }
}

struct Events {
    stream: BodyDataStream,
    rest: String,
}

impl Events {
    async fn next(&mut self) -> Change {
        loop {
            while let Some((event, rest)) = self.rest.split_once("\n\n") {
                let change =
                    event.strip_prefix("event: change\ndata: ").map(|data| serde_json::from_str(data).unwrap());
                self.rest = rest.to_owned();
                if let Some(change) = change {
                    return change;
                }
            }
            let next = poll_fn(|context| Pin::new(&mut self.stream).poll_next(context)).await;
            self.rest.push_str(std::str::from_utf8(&next.expect("the stream ended").unwrap()).unwrap());
        }
    }
}

#[derive(Deserialize)]
struct Change {
    changed: Vec<Run>,
}

#[derive(Deserialize)]
struct Runs {
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    id: String,
    status: String,
    metrics: BTreeMap<String, Summary>,
}

#[derive(Deserialize)]
struct Summary {
    points: u64,
}

impl Run {
    fn points(&self) -> u64 {
        self.metrics.get(KEY).map_or(0, |metric| metric.points)
    }
}

#[derive(Deserialize)]
struct SeriesList {
    series: [Series; 1],
}

#[derive(Deserialize)]
struct Series {
    samples: Vec<(u64, u64, f64, f64)>,
    downsampled: bool,
}

/// What readers follow.
const KEY: &str = "validation/loss";

/// Any value that tells its run and epoch.
fn value(run: usize, epoch: u64) -> f64 {
    run as f64 + 1.0 / (epoch + 1) as f64
}

/// Logs until `enough`; returns how many epochs there are.
fn train(mut writer: RunWriter, run: usize, enough: &AtomicBool) -> u64 {
    let mut epoch = 0;
    while !enough.load(Ordering::Relaxed) {
        epoch += 1;
        let point = |key: &str, value| Point { key: key.parse().unwrap(), epoch, step: epoch, time: 0.5, value };
        writer.log(&[point(KEY, value(run, epoch)), point("train/loss", 0.5)]).unwrap();
    }
    writer.finish(Status::Finished, "enough", Some(1)).unwrap();
    epoch
}

/// Reads the list and what is new of one run, again and again, until the run has ended; returns how many epochs it saw.
async fn read(http: &mut Http, id: &RunId, number: usize, on_turn: impl Fn(usize)) -> u64 {
    let mut seen = 0;
    for turn in 1.. {
        let runs: Runs = http.get("/api/runs").await;
        let run = runs.runs.iter().find(|run| run.id == id.as_str()).expect("every run is listed");
        let path = format!("/api/series?key={KEY}&ids={id}&after={seen}&max_points=100000000");
        let SeriesList { series: [series] } = http.get(&path).await;
        assert!(!series.downsampled);
        for (epoch, step, _, found) in series.samples {
            // No hole and nothing twice, with the value that was logged.
            assert_eq!((epoch, step, found), (seen + 1, epoch, value(number, epoch)));
            seen = epoch;
        }
        assert!(seen >= run.points(), "{seen} epochs after a list that tells of {}", run.points());
        on_turn(turn);
        if run.status == "finished" {
            assert_eq!(seen, run.points());
            return seen;
        }
    }
    unreachable!()
}

/// Listens until all of `ids` have ended; returns the points that it was told of last.
async fn listen(events: &mut Events, ids: &[RunId]) -> BTreeMap<String, u64> {
    let mut ended = BTreeMap::new();
    let mut points: BTreeMap<String, u64> = BTreeMap::new();
    while ended.len() < ids.len() {
        for run in events.next().await.changed {
            let before = points.insert(run.id.clone(), run.points());
            assert!(before.is_none_or(|before| before <= run.points()), "{before:?} then {}", run.points());
            if run.status == "finished" {
                ended.insert(run.id.clone(), run.points());
            }
        }
    }
    ended
}

/// A thousand connections and some; nothing where the system allows them anyway.
#[cfg(unix)]
pub fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(4096, |maximum| maximum.min(4096));
    if current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).unwrap();
    }
}

#[cfg(not(unix))]
pub fn allow_many_files() {}

/// 968 that ask and 32 that listen, at 512 places.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_readers_lose_nothing() {
    const ASKING: usize = 968;
    const LISTENING: usize = 32;
    const RUNS: usize = 4;
    /// How often each asks at least before the runs end.
    const TURNS: usize = 3;

    allow_many_files();
    let begin = Instant::now();
    let place = Place::new();
    let root = place.path("artifacts");
    let dashboard = Served::start(place.command(&["dashboard", "--port", "0"])).unwrap();
    let enough = Arc::new(AtomicBool::new(false));
    let writers: Vec<RunWriter> = (0..RUNS).map(|_| RunWriter::start(&root, new_run()).unwrap()).collect();
    let ids: Arc<[RunId]> = writers.iter().map(|writer| writer.id().clone()).collect();
    let training: Vec<_> = writers
        .into_iter()
        .enumerate()
        .map(|(run, writer)| {
            let enough = Arc::clone(&enough);
            thread::spawn(move || train(writer, run, &enough))
        })
        .collect();

    // First, since their places are theirs to the end.
    let mut listening = Vec::new();
    for _ in 0..LISTENING {
        let mut events = Http::new(&dashboard).follow().await;
        let ids = Arc::clone(&ids);
        listening.push(tokio::spawn(async move { listen(&mut events, &ids).await }));
    }
    let served = Arc::new(AtomicUsize::new(0));
    let asking: Vec<_> = (0..ASKING)
        .map(|number| {
            let (mut http, ids) = (Http::new(&dashboard), Arc::clone(&ids));
            let (served, enough) = (Arc::clone(&served), Arc::clone(&enough));
            tokio::spawn(async move {
                let on_turn = |turn| {
                    if turn == TURNS && served.fetch_add(1, Ordering::Relaxed) + 1 == ASKING {
                        enough.store(true, Ordering::Relaxed);
                    }
                };
                let seen = read(&mut http, &ids[number % RUNS], number % RUNS, on_turn).await;
                (seen, http.waited)
            })
        })
        .collect();
    let mut seen = Vec::new();
    let mut waited = Vec::new();
    for task in asking {
        let (epochs, times) = tokio::time::timeout(DEADLINE, task).await.expect("a reader starves").unwrap();
        seen.push(epochs);
        waited.extend(times);
    }
    let took = begin.elapsed();
    let logged: Vec<u64> = training.into_iter().map(|thread| thread.join().unwrap()).collect();
    for task in listening {
        let told = tokio::time::timeout(DEADLINE, task).await.expect("a listener starves").unwrap();
        assert_eq!(told, ids.iter().map(ToString::to_string).zip(logged.iter().copied()).collect());
    }
    for (number, seen) in seen.iter().enumerate() {
        assert_eq!(*seen, logged[number % RUNS], "reader {number}");
    }
    for (id, epochs) in ids.iter().zip(&logged) {
        let file = std::fs::read_to_string(root.join(format!("runs/{id}/metrics.csv"))).unwrap();
        assert_eq!(file.lines().filter(|line| line.contains(KEY)).count() as u64, *epochs);
    }
    waited.sort();
    let part = |part: f64| waited[(part * (waited.len() - 1) as f64) as usize];
    let points = 2 * logged.iter().sum::<u64>();
    println!(
        "{} readers, {} answers and {points} points in {took:.1?}; answers after {:.0?} (median), {:.0?} (99 of 100), {:.0?} (last)",
        ASKING + LISTENING,
        waited.len(),
        part(0.5),
        part(0.99),
        part(1.0)
    );
    if let Some(peak) = dashboard.peak() {
        println!("peak memory of the server {peak:.0} MiB");
        assert!(peak < 400.0, "{peak} MiB");
    }
}

fn new_run() -> NewRun {
    NewRun {
        experiment: "crowd".to_owned(),
        name: None,
        tags: vec![],
        note: None,
        config_toml: String::new(),
        params: BTreeMap::new(),
        environment: json!({}),
        seed: 1,
        parent: None,
        sweep: None,
        data: None,
        is_private: false,
    }
}

// ---- clients that change and delete while processes train ----

/// Small enough that eight of it begin, end and are deleted at the same time.
const CONFIG: &str = "name = \"iris\"\n\
    [data]\nsource = \"iris\"\ntest_fraction = 0.3\nvalidation_fraction = 0.2\nscale = \"standard\"\n\
    [model]\nkind = \"mlp\"\nhidden = [4]\n\
    [training]\nmax_epochs = 20\nbatch_size = 16\nlearning_rate = 0.01\n";

/// What one of the clients does with the runs that it finds.
#[derive(Debug, Clone, Copy)]
enum Hand {
    Tags,
    Notes,
    Deletes,
    Restores,
    Reads,
}

/// Goes on until `done`; returns how often something was done, and what the note of each run may be: the last that was
/// confirmed, or a later one whose run was deleted before the answer.
async fn meddle(mut http: Http, hand: Hand, done: &AtomicBool) -> (usize, BTreeMap<String, Vec<Option<String>>>) {
    let (_, page) = http.send(&Method::GET, "/", "").await;
    let page = text(&page);
    http.token = page.split_once("burnlab-token\" content=\"").unwrap().1.split('"').next().unwrap().to_owned();
    let mut notes: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    let mut num_done = 0;
    for turn in 0.. {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let ids: Vec<String> = match hand {
            Hand::Restores => {
                let trash: Vec<Value> = http.get("/api/trash").await;
                trash.iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
            }
            _ => http.get::<Runs>("/api/runs").await.runs.into_iter().map(|run| run.id).collect(),
        };
        if ids.is_empty() {
            tokio::task::yield_now().await;
            continue;
        }
        let id = &ids[turn * 7 % ids.len()];
        let note = format!("note {turn}");
        let asks = match hand {
            Hand::Tags => vec![(Method::PATCH, format!("/api/runs/{id}"), json!({ "tags": [note] }).to_string())],
            Hand::Notes => vec![(Method::PATCH, format!("/api/runs/{id}"), json!({ "note": note }).to_string())],
            Hand::Deletes => vec![(Method::DELETE, format!("/api/runs/{id}"), String::new())],
            Hand::Restores => vec![(Method::POST, format!("/api/trash/{id}/restore"), String::new())],
            Hand::Reads => {
                let paths = ["", "/predictions?inputs=1", "/files/metrics.csv", "/files/plots%2Fcurves.svg"];
                let of_run = paths.map(|path| format!("/api/runs/{id}{path}"));
                let others = [format!("/api/series?key={KEY}&ids={id}"), format!("/api/compare?ids={}", ids.join(","))];
                let all = of_run.into_iter().chain(others);
                all.map(|path| (Method::GET, path, String::new())).collect()
            }
        };
        for (method, path, body) in asks {
            let (status, answer) = http.send(&method, &path, &body).await;
            // Gone meanwhile, or still training: these are answers. A lock that was busy, or anything unforeseen, is none.
            let is_fine = [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::CONFLICT].contains(&status);
            let answer = String::from_utf8_lossy(&answer);
            assert!(is_fine, "{method} {path}: {status} {answer}");
            assert!(status == StatusCode::OK || !answer.contains("locked"), "{method} {path}: {answer}");
            num_done += usize::from(status == StatusCode::OK);
            if let Hand::Notes = hand {
                let possible = notes.entry(id.clone()).or_insert_with(|| vec![None]);
                if status == StatusCode::OK {
                    possible.clear();
                }
                possible.push(Some(note.clone()));
            }
        }
    }
    (num_done, notes)
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_delete_and_processes_that_train_do_not_collide() {
    const PROCESSES: usize = 8;
    const ROUNDS: usize = 3;
    const HANDS: [Hand; 7] =
        [Hand::Tags, Hand::Notes, Hand::Deletes, Hand::Deletes, Hand::Restores, Hand::Reads, Hand::Reads];

    let place = Place::new();
    place.write("iris.toml", CONFIG);
    // Neither the folder nor the store is there yet.
    let root = place.path("artifacts");
    let dashboard = Served::start(place.command(&["dashboard", "--port", "0"])).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let hands: Vec<_> = HANDS
        .map(|hand| {
            let (http, done) = (Http::new(&dashboard), Arc::clone(&done));
            (hand, tokio::spawn(async move { meddle(http, hand, &done).await }))
        })
        .into();
    for _ in 0..ROUNDS {
        let train = || {
            let mut command = place.command(&["--config", "iris.toml", "--quiet"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let processes: Vec<Child> = (0..PROCESSES).map(|_| train()).collect();
        for process in processes {
            let ended = tokio::task::spawn_blocking(|| process.wait_with_output().unwrap()).await.unwrap();
            let Output { status, stdout, stderr } = ended;
            assert!(status.success(), "{status}: {}", text(&stderr));
            assert_eq!((text(&stdout), text(&stderr)), (String::new(), String::new()));
        }
    }
    done.store(true, Ordering::Relaxed);
    let mut notes = BTreeMap::new();
    for (hand, task) in hands {
        let (num_done, written) = task.await.unwrap();
        println!("{hand:?}: {num_done} times");
        assert!(num_done > 0, "{hand:?} did nothing");
        notes.extend(written);
    }

    // Every run is there or in the trash, whole, and as the clients were told.
    let mut store = Store::open(&root).unwrap();
    let ids = |records: Vec<RunId>| -> BTreeSet<String> { records.iter().map(ToString::to_string).collect() };
    let there = ids(store.runs().unwrap().into_iter().map(|run| run.record.id).collect());
    let trashed: Vec<RunId> = store.trashed().unwrap().into_iter().map(|record| record.id).collect();
    println!("{} runs there, {} in the trash", there.len(), trashed.len());
    assert_eq!(there.len() + trashed.len(), PROCESSES * ROUNDS);
    assert!(there.is_disjoint(&ids(trashed.clone())));
    for id in &trashed {
        store.restore(id).unwrap();
    }
    let runs = store.runs().unwrap();
    assert_eq!(runs.len(), PROCESSES * ROUNDS);
    for run in &runs {
        let id = run.record.id.to_string();
        let folder = store.folder(&run.record.id);
        assert_eq!(run.record.status, Status::Finished, "{id}");
        let possible = notes.get(&id).map_or(&[None] as &[_], Vec::as_slice);
        assert!(possible.contains(&run.record.note), "{id}: {:?} is none of {possible:?}", run.record.note);
        assert_eq!(json_file(folder.join("run.json"))["note"], json!(run.record.note), "{id}");
        let file = std::fs::read_to_string(folder.join("metrics.csv")).unwrap();
        let points: u64 = run.metrics.values().map(|metric| metric.points).sum();
        assert_eq!(points as usize, file.lines().count() - 1, "{id}");
    }
    let again = store.reindex().unwrap();
    assert!(again.skipped.is_empty() && again.dropped.is_empty(), "{again:?}");
    assert_eq!(again.runs, PROCESSES * ROUNDS);
}
