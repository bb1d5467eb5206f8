//! How soon the dashboard's page shows its curves in a browser, and how long it is busy at a stretch: stores of 10, 100 and
//! 1,000 runs of 200 epochs and 4 metrics, cold. Then how long a reader of the lessons waits after moving a slider, which trains a
//! network, and after a stroke on the pad for digits.
//!
//! ```sh
//! cargo bench --bench page
//! ```
//!
//! Needs `chromium` and `chromedriver`. Targets: the first curves 0.5 s after the address is opened with 10 runs, 1 s with
//! 100, no task above 100 ms with 50 runs drawn; 19 of 20 trained networks drawn 150 ms after the slider, and activations 30 ms
//! after the stroke.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use burnlab::dashboard::{Access, AppState, bind, serve};
use burnlab::learn::{self, LearnState};
use burnlab::tracking::{MetricKey, NewRun, Point, RunWriter, Status};
use serde_json::json;

#[allow(dead_code)] // the tests use more of it
#[path = "../tests/burnlab/webdriver.rs"]
mod webdriver;

use webdriver::Client;

const EPOCHS: u64 = 200;
const KEYS: [&str; 4] = ["train/loss", "train/accuracy", "validation/loss", "validation/accuracy"];
const REPEATS: usize = 5;

/// Notes when the first curve is there, and the longest task so far.
const WATCH: &str = "const look = () => { if (document.querySelector('.curve')) window.drawnAt = performance.now(); else requestAnimationFrame(look); }; \
    requestAnimationFrame(look); window.longest = 0; \
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration); }) \
    .observe({ type: 'longtask', buffered: true });";

#[tokio::main]
async fn main() {
    println!(" runs  drawn per chart  first curves  longest task");
    for (runs, drawn) in [(10, 10), (100, 10), (100, 50), (1000, 10), (1000, 50)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fill(folder.path(), runs);
        measure(folder.path(), runs, drawn).await;
    }
    lessons().await;
}

/// Lesson, widget and slider, and the values that it goes to.
const SLIDERS: [(&str, &str, &str, [f64; 4]); 4] = [
    ("hidden", "hidden-units", "units", [1.0, 4.0, 8.0, 2.0]),
    // Positions of 4, 32, 256 and 8 units.
    ("overfitting", "overfitting", "width", [2.0, 5.0, 8.0, 3.0]),
    ("early-stopping", "early-stopping", "patience", [2.0, 4.0, 5.0, 6.0]),
    ("backprop", "learning-rate", "rate", [2.0, 4.0, 6.0, 5.0]),
];

/// From the event to the frame after the one with the new drawing.
const SLIDE: &str = "const [place, values, rounds] = [document.querySelector(WIDGET), VALUES, 10]; \
    const input = place.querySelector(INPUT); const frame = () => new Promise(requestAnimationFrame); \
    return (async () => { const times = []; \
      for (let round = 0; round < rounds; round += 1) for (const value of values) { \
        const [before, begun] = [place.dataset.trained, performance.now()]; \
        input.value = value; input.dispatchEvent(new Event('input', { bubbles: true })); \
        while (place.dataset.trained === before) await frame(); \
        await frame(); times.push(performance.now() - begun); } \
      return times; })()";

const STROKE: &str = "const pad = document.querySelector('[data-widget=draw-digit] .pad'); const box = pad.getBoundingClientRect(); \
    const told = document.querySelector('[data-widget=draw-digit] .ten'); const frame = () => new Promise(requestAnimationFrame); \
    const send = (kind, x, y) => pad.dispatchEvent(new PointerEvent(kind, { bubbles: true, button: 0, pointerId: 1, isPrimary: true, \
      clientX: box.left + x * box.width, clientY: box.top + y * box.height })); \
    pad.setPointerCapture = () => {}; \
    return (async () => { const times = []; send('pointerdown', 0.2, 0.1); \
      for (let at = 0; at < 60; at += 1) { \
        await frame(); const begun = performance.now(); \
        send('pointermove', 0.2 + 0.6 * ((at * 7) % 10) / 10, 0.1 + 0.8 * (at / 60)); told.getBoundingClientRect(); \
        await frame(); times.push(performance.now() - begun); } \
      send('pointerup', 0.5, 0.5); return times; })()";

async fn lessons() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let listener = bind([127, 0, 0, 1].into(), 0).await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let state = AppState::new(folder.path(), Access::local());
    let state = state.with_routes(learn::router(LearnState::new(folder.path())));
    let server = tokio::spawn(serve(listener, state, std::future::pending()));
    let (_driver, port) = driver();
    let args = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,950"];
    let client =
        Client::connect(port, json!({ "goog:chromeOptions": { "args": args } })).await.expect("chromium starts");
    println!("lesson            what                 median      95 %");
    for (lesson, widget, slider, values) in SLIDERS {
        open_lesson(&client, &url, lesson).await;
        let script = SLIDE
            .replace("WIDGET", &json!(format!("[data-widget={widget}]")).to_string())
            .replace("INPUT", &json!(format!("input[name={slider}]")).to_string())
            .replace("VALUES", &json!(values).to_string());
        print_times(lesson, slider, client.execute(&script).await.expect("measured"));
    }
    open_lesson(&client, &url, "digits").await;
    print_times("digits", "stroke", client.execute(STROKE).await.expect("measured"));
    client.close().await.expect("ended");
    server.abort();
}

async fn open_lesson(client: &Client, url: &str, lesson: &str) {
    client.goto(&format!("{url}learn?lang=zh#{lesson}")).await.expect("open");
    let is_there = format!(
        "const all = [...document.querySelectorAll('[data-widget]')]; return document.querySelector('article')?.dataset.id === '{lesson}' \
         && all.every((one) => 'ready' in one.dataset && !one.hasAttribute('aria-busy'))"
    );
    while !client.execute(&is_there).await.is_ok_and(|is_there| is_there == true) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn print_times(lesson: &str, what: &str, times: serde_json::Value) {
    let mut times: Vec<f64> = serde_json::from_value(times).expect("numbers");
    times.sort_by(f64::total_cmp);
    let (middle, late) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    println!("{lesson:<17} {what:<17} {middle:>7.0} ms {late:>6.0} ms");
}

fn fill(root: &Path, runs: u64) {
    let keys: Vec<MetricKey> = KEYS.iter().map(|key| key.parse().expect("right")).collect();
    for number in 0..runs {
        let run = NewRun {
            experiment: "digits".to_owned(),
            name: None,
            tags: vec![],
            note: None,
            config_toml: "seed = 1\n".to_owned(),
            params: (0..25)
                .map(|index| (format!("training.param_{index}"), json!(if index == 0 { number } else { index })))
                .collect(),
            environment: json!({}),
            seed: number,
            parent: None,
            sweep: None,
            data: None,
            is_private: false,
        };
        let mut writer = RunWriter::start(root, run).expect("recorded");
        let value = |epoch: u64, key: usize| 1.0 / (epoch + number % 17 + key as u64 + 1) as f64;
        let point = |epoch, key: usize| Point {
            key: keys[key].clone(),
            epoch,
            step: epoch * 32,
            time: epoch as f64,
            value: value(epoch, key),
        };
        let points: Vec<Point> = (1..=EPOCHS)
            .flat_map(|epoch| (0..KEYS.len()).map(move |key| (epoch, key)))
            .map(|(epoch, key)| point(epoch, key))
            .collect();
        writer.log(&points).expect("recorded");
        writer.finish(Status::Finished, "all epochs done", Some(EPOCHS)).expect("recorded");
    }
}

/// Ends with the bench.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).ok();
    }
}

fn driver() -> (Driver, u16) {
    let mut command = Command::new("chromedriver");
    let mut child = command.arg("--port=0").stdout(Stdio::piped()).spawn().expect("chromedriver is installed");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let mut lines = output.lines().map_while(Result::ok);
    let port =
        lines.find_map(|line| Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned()));
    // Goes on reading: a driver that cannot write would end.
    std::thread::spawn(move || lines.for_each(drop));
    (Driver(child), port.and_then(|port| port.parse().ok()).expect("a port"))
}

async fn measure(root: &Path, runs: u64, drawn: u64) {
    let listener = bind([127, 0, 0, 1].into(), 0).await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let server = tokio::spawn(serve(listener, AppState::new(root, Access::local()), std::future::pending()));
    let mut times = Vec::new();
    for _ in 0..REPEATS {
        let (_driver, port) = driver();
        let args = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1500,950"];
        let wanted = json!({ "goog:chromeOptions": { "args": args } });
        let client = Client::connect(port, wanted).await.expect("chromium starts");
        client.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await.expect("watched");
        client.goto(&format!("{url}#/?draw={drawn}")).await.expect("open");
        while !client.execute("return window.drawnAt > 0").await.is_ok_and(|is_there| is_there == true) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // What comes after the first curves counts among the tasks, too.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let found = client.execute("return [window.drawnAt, window.longest]").await.expect("answered");
        times.push((found[0].as_f64().expect("a time"), found[1].as_f64().expect("a time")));
        client.close().await.expect("ended");
    }
    server.abort();
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (first, longest): (Vec<f64>, Vec<f64>) = times.into_iter().unzip();
    println!("{runs:>5} {drawn:>16} {:>10.0} ms {:>10.0} ms", median(first), median(longest));
}
