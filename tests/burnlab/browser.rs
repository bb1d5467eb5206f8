//! The dashboard's page in a real browser: headless Chromium, driven by clicks and keys.
//!
//! Needs `chromium` and `chromedriver` (Debian: `apt-get install chromium chromium-driver`). Without them each test
//! says so and passes; with `BURNLAB_REQUIRE_ALL=1` it fails.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use burnlab::dashboard::{Access, AppState, bind, serve};
use burnlab::tracking::{NewRun, Point, RunId, RunWriter, Status, Store, flatten_config};
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// How long a condition may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

// ---- the browser ----

/// Ends chromedriver, and with it the browser, when the test ends, however it ends.
struct Driver(Child, Option<BufReader<ChildStdout>>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// One dashboard over one store, and one browser window on it.
struct Page {
    client: Client,
    url: String,
    _stop: oneshot::Sender<()>,
    _profile: TempDir,
    _driver: Driver,
}

/// Starts all of it; `None` where there is no chromedriver.
async fn open(root: &Path, address: &str) -> Option<Page> {
    let mut command = Command::new("chromedriver");
    command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut driver = match command.spawn() {
        Ok(child) => Driver(child, None),
        Err(error) => {
            assert!(std::env::var_os("BURNLAB_REQUIRE_ALL").is_none(), "chromedriver: {error}");
            eprintln!("skipped: no chromedriver ({error})");
            return None;
        }
    };
    // "ChromeDriver was started successfully on port 12345."
    // The pipe stays open: a driver that cannot write would end.
    let output = driver.1.insert(BufReader::new(driver.0.stdout.take().unwrap()));
    let mut lines = output.lines().map_while(Result::ok);
    let port =
        lines.find_map(|line| Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned()));
    let port: u16 = port.expect("chromedriver names its port").parse().unwrap();

    let profile = TempDir::new().unwrap();
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--window-size=1400,900",
        &format!("--user-data-dir={}", profile.path().display()),
    ]
    .map(str::to_owned);
    let capabilities =
        json!({ "goog:chromeOptions": { "args": arguments }, "goog:loggingPrefs": { "browser": "ALL" } });
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(capabilities.as_object().unwrap().clone());
    let client = builder.connect(&format!("http://127.0.0.1:{port}")).await.expect("chromium starts");

    let listener = bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let state = AppState::new(root, Access::local());
    tokio::spawn(serve(listener, state, async { stopped.await.unwrap_or_default() }));

    client.goto(&format!("{url}{address}")).await.unwrap();
    Some(Page { client, url, _stop: stop, _profile: profile, _driver: driver })
}

impl Page {
    async fn js(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Polls until the JavaScript expression is `expected`; shows the last value when it never is.
    async fn wait(&self, expression: &str, expected: Value) {
        let begin = Instant::now();
        let script = format!("try {{ return {expression}; }} catch (error) {{ return String(error); }}");
        loop {
            let value = self.js(&script).await;
            if value == expected {
                return;
            }
            assert!(begin.elapsed() < DEADLINE, "{expression} is {value}, not {expected}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn click(&self, css: &str) {
        self.wait(&format!("document.querySelectorAll({css:?}).length > 0"), json!(true)).await;
        let element = self.client.find(Locator::Css(css)).await.unwrap();
        element.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Empties a field and types into it.
    async fn fill(&self, css: &str, text: &str) {
        let field = self.client.find(Locator::Css(css)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Ids of the rows in sight, top to bottom.
    async fn rows(&self, expected: &[&RunId]) {
        let expected: Vec<&str> = expected.iter().map(|id| id.as_str()).collect();
        self.wait("[...document.querySelectorAll('tr.run')].map((row) => row.dataset.id)", json!(expected)).await;
    }

    /// Ends the browser, so that no page listens any more. A script that failed anywhere fails the test.
    async fn close(self) {
        let problem = self.js("return document.documentElement.dataset.problem ?? null").await;
        assert_eq!(problem, Value::Null, "an error in the page");
        self.client.close().await.unwrap();
    }
}

// ---- the store ----

fn new_run(experiment: &str, hidden: &str, learning_rate: f64, seed: u64) -> NewRun {
    let config_toml = format!(
        "name = \"{experiment}\"\nseed = {seed}\n[model]\nhidden = {hidden}\n[training]\nlearning_rate = {learning_rate}\n"
    );
    NewRun {
        experiment: experiment.to_owned(),
        name: None,
        tags: vec![],
        note: None,
        params: flatten_config(&config_toml).unwrap(),
        config_toml,
        environment: json!({ "burnlab": "test" }),
        seed,
        parent: None,
    }
}

fn point(key: &str, epoch: u64, value: f64) -> Point {
    Point { key: key.parse().unwrap(), epoch, step: epoch * 10, time: epoch as f64 / 4.0, value }
}

fn epoch(number: u64) -> [Point; 2] {
    let loss = 1.0 / number as f64;
    [point("train/loss", number, loss), point("validation/loss", number, loss + 0.125)]
}

/// A finished run of 10 epochs with this test accuracy.
fn finished(root: &Path, run: NewRun, accuracy: f64) -> RunId {
    let mut writer = RunWriter::start(root, run).unwrap();
    for number in 1..=10 {
        writer.log(&epoch(number)).unwrap();
    }
    writer.log(&[point("test/accuracy", 0, accuracy)]).unwrap();
    let evaluation = json!({
        "num_examples": 20, "metrics": [{ "name": "accuracy", "value": accuracy }], "baseline": { "name": "accuracy", "value": 0.5 },
        "classes": {
            "confusion_matrix": [[(accuracy * 10.0) as i64, 1], [2, 8]],
            "report": [{ "class": "no", "precision": 0.9, "recall": 0.8, "f1": 0.85, "support": 10 }, { "class": "yes", "precision": 0.8, "recall": 0.7, "f1": 0.75, "support": 10 }],
        },
    });
    writer.write_file("evaluation.json", evaluation.to_string().as_bytes()).unwrap();
    let id = writer.id().clone();
    writer.finish(Status::Finished, "all 10 epochs done", Some(10)).unwrap();
    id
}

/// Three runs; in the order of their start, so the list shows them the other way round.
fn three(root: &Path) -> [RunId; 3] {
    [("[16]", 0.001, 0.9), ("[16, 8]", 0.01, 0.7), ("[]", 0.1, 0.8)]
        .map(|(hidden, rate, accuracy)| finished(root, new_run("digits", hidden, rate, 1), accuracy))
}

// ---- what a user does ----

#[tokio::test(flavor = "multi_thread")]
async fn sort_filter_and_find_the_same_view_after_a_reload() {
    let root = TempDir::new().unwrap();
    let [first, second, third] = three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    page.rows(&[&third, &second, &first]).await;

    page.click("[data-sort='best:test/accuracy']").await;
    page.rows(&[&first, &third, &second]).await;
    page.click("[data-sort='best:test/accuracy']").await;
    page.rows(&[&second, &third, &first]).await;

    page.fill("#filter", "test/accuracy > 0.75").await;
    page.rows(&[&third, &first]).await;
    page.wait("document.getElementById('count').textContent", json!("2 of 3 runs")).await;
    page.wait("document.querySelectorAll('.chart .plot .main-svg').length > 0", json!(true)).await;

    let address = page.client.current_url().await.unwrap();
    page.client.refresh().await.unwrap();
    page.rows(&[&third, &first]).await;
    page.wait("document.getElementById('filter').value", json!("test/accuracy > 0.75")).await;
    assert_eq!(page.client.current_url().await.unwrap(), address);

    // A mistake is shown with its place, and the last good list stays.
    page.fill("#filter", "test/accuracy >").await;
    page.wait("document.getElementById('filter-error').textContent.includes('^')", json!(true)).await;
    page.rows(&[&third, &first]).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_are_compared() {
    let root = TempDir::new().unwrap();
    let [first, second, _] = three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    page.click(&format!("[data-id='{first}'] input[type=checkbox]")).await;
    page.click(&format!("[data-id='{second}'] input[type=checkbox]")).await;
    page.click("#compare").await;
    // Exactly what differs, with the values of both.
    let diff = "Object.fromEntries([...document.querySelectorAll('#diff tbody tr')].map((row) => [row.dataset.key, [...row.querySelectorAll('td')].map((cell) => cell.title)]))";
    let expected: BTreeMap<&str, [&str; 2]> =
        [("model.hidden", ["[16]", "[16,8]"]), ("training.learning_rate", ["0.001", "0.01"])].into();
    page.wait(diff, json!(expected)).await;
    page.wait(
        "document.querySelector(\"#metrics [data-key='test/accuracy']\").textContent.includes('★ 0.9')",
        json!(true),
    )
    .await;

    page.client.find(Locator::LinkText("Confusion")).await.unwrap().click().await.unwrap();
    page.wait("[...document.querySelectorAll('table.confusion:last-of-type')].length", json!(3)).await;
    page.wait(
        "[...document.querySelectorAll('table.confusion')][2].querySelector('td.right, td.wrong').textContent",
        json!("−2"),
    )
    .await;

    page.client.refresh().await.unwrap();
    page.wait("document.querySelectorAll('table.confusion').length", json!(3)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_grows_without_asking_for_its_history() {
    let root = TempDir::new().unwrap();
    let mut writer = RunWriter::start(root.path(), new_run("live", "[4]", 0.1, 1)).unwrap();
    writer.log(&epoch(1)).unwrap();
    writer.log(&epoch(2)).unwrap();
    let id = writer.id().clone();
    let Some(page) = open(root.path(), "").await else { return };
    page.click("[data-metric=loss] summary").await;
    let rows = "document.querySelectorAll('[data-metric=loss] tbody tr').length";
    page.wait(rows, json!(2)).await;
    let status = format!("document.querySelector(\"[data-id='{id}'] .status\").textContent");
    page.wait(&status, json!("running")).await;
    page.js("performance.clearResourceTimings()").await;

    for number in 3..=6 {
        writer.log(&epoch(number)).unwrap();
        page.wait(rows, json!(number)).await;
    }
    // The values are the ones that were logged.
    page.wait(
        "[...document.querySelectorAll('[data-metric=loss] tbody tr')].at(-1).querySelectorAll('td')[2].title",
        json!((1.0_f64 / 6.0 + 0.125).to_string()),
    )
    .await;
    let asked = page.js("return performance.getEntriesByType('resource').map((entry) => entry.name).filter((name) => name.includes('/api/series'))").await;
    let asked: Vec<&str> = asked.as_array().unwrap().iter().map(|url| url.as_str().unwrap()).collect();
    assert!(!asked.is_empty() && asked.iter().all(|url| url.contains("after=")), "{asked:?}");

    writer.finish(Status::Finished, "all epochs done", Some(6)).unwrap();
    page.wait(&status, json!("finished")).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_changed_in_place() {
    let root = TempDir::new().unwrap();
    let [first, ..] = three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    let cell = format!("[data-id='{first}'] [data-edit=tags]");
    page.wait(&format!("document.querySelectorAll({cell:?}).length"), json!(1)).await;
    // The column may lie to the right of what is in sight.
    page.js(&format!("document.querySelector({cell:?}).scrollIntoView()")).await;
    page.click(&cell).await;
    page.fill(".editor", &format!("baseline, good{}", char::from(Key::Enter))).await;
    let tags = format!("[...document.querySelectorAll(`{cell} .tag`)].map((tag) => tag.textContent)");
    page.wait(&tags, json!(["baseline", "good"])).await;
    assert_eq!(Store::open(root.path()).unwrap().run(&first).unwrap().record.tags, ["baseline", "good"]);

    page.fill("#filter", "tag = baseline").await;
    page.rows(&[&first]).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_run_comes_back_from_the_trash() {
    let root = TempDir::new().unwrap();
    let [first, second, third] = three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    page.click(&format!("[data-id='{second}'] input[type=checkbox]")).await;
    page.click("#delete").await;
    page.rows(&[&third, &first]).await;
    page.client.find(Locator::LinkText("Trash")).await.unwrap().click().await.unwrap();
    page.click(&format!("[data-restore='{second}']")).await;
    page.rows(&[&third, &second, &first]).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_is_enough() {
    let root = TempDir::new().unwrap();
    let [first, second, third] = three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    page.rows(&[&third, &second, &first]).await;
    let table = page.client.find(Locator::Css("table.runs")).await.unwrap();
    let keys: String = [Key::Down, Key::Down].map(char::from).iter().collect();
    table.send_keys(&format!("{keys} k cv")).await.unwrap();
    page.wait("document.querySelectorAll('#diff tbody tr').length", json!(2)).await;
    let active = page.client.active_element().await.unwrap();
    active.send_keys(&char::from(Key::Escape).to_string()).await.unwrap();
    page.wait("document.body.dataset.view", json!("charts")).await;
    let table = page.client.find(Locator::Css("table.runs")).await.unwrap();
    table.send_keys(&char::from(Key::Enter).to_string()).await.unwrap();
    page.wait("location.hash.split('?')[0]", json!(format!("#/run/{third}"))).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_stays_text() {
    let root = TempDir::new().unwrap();
    let attack = "<img src=x onerror=window.owned=1><b>%{y}</b>";
    let mut run = new_run(attack, "\"<script>window.owned=1</script>\"", 0.1, 1);
    run.name = Some(attack.to_owned());
    run.tags = vec![attack.to_owned()];
    run.note = Some(attack.to_owned());
    run.environment = json!({ attack: attack });
    let id = finished(root.path(), run, 0.9);
    let Some(page) = open(root.path(), "").await else { return };
    page.wait(&format!("document.querySelector(\"[data-id='{id}'] .name a\").textContent"), json!(attack)).await;
    page.wait("document.querySelectorAll('.chart .plot .main-svg').length > 0", json!(true)).await;
    for tab in ["", "config", "evaluation", "files", "log", "environment"] {
        page.client.goto(&format!("{}#/run/{id}?tab={tab}", page.url)).await.unwrap();
        page.wait("document.querySelector('.run-body').children.length > 0", json!(true)).await;
    }
    for view in ["scatter", "parallel"] {
        page.client.goto(&format!("{}#/{view}", page.url)).await.unwrap();
        page.wait("document.querySelector('#detail svg') !== null", json!(true)).await;
    }
    assert_eq!(
        page.js("return [window.owned ?? null, document.querySelectorAll('img[src=x], b').length]").await,
        json!([null, 0])
    );
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_store_tells_the_next_command_and_then_shows_the_run() {
    let root = TempDir::new().unwrap();
    drop(Store::open(root.path()).unwrap());
    let Some(page) = open(root.path(), "").await else { return };
    page.wait("document.querySelector('.command').textContent", json!("cargo run -- --config configs/digits.toml"))
        .await;
    let id = finished(root.path(), new_run("digits", "[16]", 0.001, 1), 0.9);
    page.rows(&[&id]).await;
    page.close().await;
}
