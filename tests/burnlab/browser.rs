//! The dashboard's page in a real browser: headless Chromium, driven by clicks and keys.
//!
//! Needs `chromium` and `chromedriver` (Debian: `apt-get install chromium chromium-driver`). Without them each test
//! is skipped.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use burnlab::dashboard::{Access, AppState, bind, serve};
use burnlab::learn::{self, LearnState};
use burnlab::tracking::{
    NewRun, NewSweep, Outcome, Point, RunId, RunWriter, Status, Store, SweepTrial, TrialState, flatten_config,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::lab::Lab;
use crate::webdriver::{Client, Locator, key};

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
pub struct Page {
    pub client: Client,
    pub url: String,
    _stop: oneshot::Sender<()>,
    _profile: TempDir,
    _driver: Driver,
}

/// What makes the browser prefer dark pages.
const DARK: &str = "--blink-settings=preferredColorScheme=0";

/// Starts all of it; `None` where there is no chromedriver.
pub async fn open(root: &Path, address: &str) -> Option<Page> {
    open_with(root, address, &[], Access::local()).await
}

/// A chromedriver and its port; `None` where there is none.
fn start_driver() -> Option<(Driver, u16)> {
    // It looks for a free port and then takes it: another program may be quicker, and then it ends.
    for _ in 0..5 {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = match command.spawn() {
            Ok(child) => Driver(child, None),
            Err(_) => {
                crate::without_tools::skip("chromedriver");
                return None;
            }
        };
        // "ChromeDriver was started successfully on port 12345."
        // The pipe stays open: a driver that cannot write would end.
        let output = driver.1.insert(BufReader::new(driver.0.stdout.take().unwrap()));
        let mut lines = output.lines().map_while(Result::ok);
        let port =
            lines.find_map(|line| Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned()));
        if let Some(port) = port {
            return Some((driver, port.parse().unwrap()));
        }
    }
    panic!("chromedriver names no port");
}

/// The same with more arguments for the browser, and with other access.
async fn open_with(root: &Path, address: &str, more: &[&str], access: Access) -> Option<Page> {
    let (driver, port) = start_driver()?;

    let profile = crate::place::folder();
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
    ];
    let arguments: Vec<&str> = arguments.into_iter().chain(more.iter().copied()).collect();
    let capabilities =
        json!({ "goog:chromeOptions": { "args": arguments }, "goog:loggingPrefs": { "browser": "ALL" } });
    let client = Client::connect(port, capabilities).await.expect("chromium starts");

    let listener = bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let state = AppState::new(root, access).with_routes(learn::router(LearnState::new(root)));
    tokio::spawn(serve(listener, state, async { stopped.await.unwrap_or_default() }));

    client.goto(&format!("{url}{address}")).await.unwrap();
    Some(Page { client, url, _stop: stop, _profile: profile, _driver: driver })
}

impl Page {
    pub async fn js(&self, script: &str) -> Value {
        self.client.execute(script).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Polls until the JavaScript expression is `expected`; shows the last value when it never is.
    pub async fn wait(&self, expression: &str, expected: Value) {
        let begin = Instant::now();
        let script = format!("try {{ return {expression}; }} catch (error) {{ return String(error); }}");
        loop {
            let value = self.js(&script).await;
            if value == expected {
                return;
            }
            if begin.elapsed() >= DEADLINE {
                let seen = "const at = document.activeElement; return [location.hash, `${at.tagName}#${at.id}.${at.className}`, \
                            document.body.innerText.slice(0, 1500)].join('\\n')";
                let seen = self.js(seen).await;
                panic!("{expression} is {value}, not {expected}; the page:\n{}", seen.as_str().unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn click(&self, css: &str) {
        self.wait(&format!("document.querySelectorAll({css:?}).length > 0"), json!(true)).await;
        let begin = Instant::now();
        loop {
            let element = self.client.find(Locator::Css(css)).await.unwrap();
            match element.click().await {
                // The page has drawn it anew since it was found.
                Err(error) if error.to_string().contains("stale element") && begin.elapsed() < DEADLINE => {}
                clicked => return clicked.unwrap_or_else(|error| panic!("{css}: {error}")),
            }
        }
    }

    /// Presses the mouse on an element, `from` pixels below its middle, and lets it go at `to`.
    pub async fn press(&self, css: &str, from: f64, to: f64) {
        let element = self.client.find(Locator::Css(css)).await.unwrap();
        self.client.drag(&element, (0.0, from), (0.0, to)).await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Presses the mouse at a place of an element, in shares of its width and height, and lets it go at another one.
    pub async fn drag(&self, css: &str, from: (f64, f64), to: (f64, f64)) {
        let size = format!(
            "const box = document.querySelector({css:?}).getBoundingClientRect(); return [box.width, box.height]"
        );
        let [width, height]: [f64; 2] = serde_json::from_value(self.js(&size).await).unwrap();
        let place = |(x, y): (f64, f64)| ((x - 0.5) * width, (y - 0.5) * height);
        let element = self.client.find(Locator::Css(css)).await.unwrap();
        let dragged = self.client.drag(&element, place(from), place(to)).await;
        dragged.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Empties a field and types into it.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.client.find(Locator::Css(css)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Ids of the rows in sight, top to bottom.
    pub async fn rows(&self, expected: &[&RunId]) {
        let expected: Vec<&str> = expected.iter().map(|id| id.as_str()).collect();
        self.wait("[...document.querySelectorAll('tr.run')].map((row) => row.dataset.id)", json!(expected)).await;
    }

    /// Ends the browser, so that no page listens any more. A script that failed anywhere fails the test.
    pub async fn close(self) {
        let problem = self.js("return document.documentElement.dataset.problem ?? null").await;
        assert_eq!(problem, Value::Null, "an error in the page");
        self.client.close().await.unwrap();
    }
}

// ---- the store ----

pub fn new_run(experiment: &str, hidden: &str, learning_rate: f64, seed: u64) -> NewRun {
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
        sweep: None,
        data: None,
        is_private: false,
    }
}

pub fn point(key: &str, epoch: u64, value: f64) -> Point {
    Point { key: key.parse().unwrap(), epoch, step: epoch * 10, time: epoch as f64 / 4.0, value }
}

pub fn epoch(number: u64) -> [Point; 2] {
    let loss = 1.0 / number as f64;
    [point("train/loss", number, loss), point("validation/loss", number, loss + 0.125)]
}

/// A finished run of 10 epochs with this test accuracy.
pub fn finished(root: &Path, run: NewRun, accuracy: f64) -> RunId {
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
pub fn three(root: &Path) -> [RunId; 3] {
    [("[16]", 0.001, 0.9), ("[16, 8]", 0.01, 0.7), ("[]", 0.1, 0.8)]
        .map(|(hidden, rate, accuracy)| finished(root, new_run("digits", hidden, rate, 1), accuracy))
}

// ---- what a user does ----

#[tokio::test(flavor = "multi_thread")]
async fn sort_filter_and_find_the_same_view_after_a_reload() {
    let root = crate::place::folder();
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
    page.wait("document.querySelectorAll('.chart .plot .curve').length > 0", json!(true)).await;

    let address = page.client.current_url().await.unwrap();
    page.client.refresh().await.unwrap();
    page.rows(&[&third, &first]).await;
    page.wait("document.getElementById('filter').value", json!("test/accuracy > 0.75")).await;
    assert_eq!(page.client.current_url().await.unwrap(), address);

    // A mistake is shown with its place, and the last good list stays. The place is one of characters.
    let place = "[...document.querySelector('#filter-error pre').childNodes].map((node) => node.textContent)";
    page.fill("#filter", "test/accuracy >").await;
    page.wait(place, json!(["test/accuracy >", " ", ""])).await;
    page.rows(&[&third, &first]).await;
    page.fill("#filter", " note = ünï nøch 1").await;
    page.wait(place, json!([" note = ünï ", "nøch", " 1"])).await;
    page.wait("document.getElementById('filter-error').textContent.includes('at column 13:')", json!(true)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_logs_in_makes_changes_and_logs_out() {
    const TOKEN: &str = "0123456789abcdef";
    let root = crate::place::folder();
    let [first, second, third] = three(root.path());
    let access = Access::remote(TOKEN).unwrap();
    let Some(page) = open_with(root.path(), &format!("?token={TOKEN}"), &[], access).await else { return };
    page.rows(&[&third, &second, &first]).await;
    // The token is nowhere where a page, or another service on this host, could find it.
    let address = page.client.current_url().await.unwrap();
    assert!(address.starts_with(&format!("{}s/", page.url)) && !address.contains(TOKEN), "{address}");
    page.wait("document.cookie + JSON.stringify({...localStorage, ...sessionStorage})", json!("{}")).await;
    page.wait(&format!("document.documentElement.outerHTML.includes('{TOKEN}')"), json!(false)).await;
    page.client.refresh().await.unwrap();
    page.rows(&[&third, &second, &first]).await;
    // A link for others leads to the server, not to this session.
    let link = page.js("const { modules } = await import(new URL('assets/page.js', location.href)); return modules.share.address('#/trash')");
    assert_eq!(link.await, json!(format!("{}#/trash", page.url)));
    page.js(&format!("import(new URL('assets/api.js', location.href)).then((api) => api.remove('{second}'))")).await;
    page.rows(&[&third, &first]).await;

    page.click("#logout").await;
    page.wait("document.body.innerText.includes('?token=TOKEN')", json!(true)).await;
    page.client.goto(&page.url).await.unwrap();
    page.wait("document.body.innerText.includes('?token=TOKEN')", json!(true)).await;
    page.client.goto(&format!("{}?token={TOKEN}", page.url)).await.unwrap();
    page.rows(&[&third, &first]).await;
    page.close().await;

    // Where no token is needed there is nothing to log out of.
    let Some(local) = open(root.path(), "").await else { return };
    local.rows(&[&third, &first]).await;
    local.wait("document.getElementById('logout').hidden", json!(true)).await;
    local.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_are_compared() {
    let root = crate::place::folder();
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
    let root = crate::place::folder();
    let mut writer = RunWriter::start(root.path(), new_run("live", "[4]", 0.1, 1)).unwrap();
    writer.log(&epoch(1)).unwrap();
    writer.log(&epoch(2)).unwrap();
    let id = writer.id().clone();
    let Some(page) = open(root.path(), "").await else { return };
    page.click("[data-metric=loss] .numbers summary").await;
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
    let root = crate::place::folder();
    let [first, ..] = three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    let cell = format!("[data-id='{first}'] [data-edit=tags]");
    page.wait(&format!("document.querySelectorAll({cell:?}).length"), json!(1)).await;
    // The column may lie to the right of what is in sight.
    page.js(&format!("document.querySelector({cell:?}).scrollIntoView()")).await;
    page.click(&cell).await;
    page.fill(".editor", &format!("baseline, good{}", key::ENTER)).await;
    let tags = format!("[...document.querySelectorAll(`{cell} .tag`)].map((tag) => tag.textContent)");
    page.wait(&tags, json!(["baseline", "good"])).await;
    assert_eq!(Store::open(root.path()).unwrap().run(&first).unwrap().record.tags, ["baseline", "good"]);

    page.fill("#filter", "tag = baseline").await;
    page.rows(&[&first]).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_run_comes_back_from_the_trash() {
    let root = crate::place::folder();
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
    let root = crate::place::folder();
    let [first, second, third] = three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    page.rows(&[&third, &second, &first]).await;
    let table = page.client.find(Locator::Css("table.runs")).await.unwrap();
    let keys = key::DOWN.repeat(2);
    table.send_keys(&format!("{keys} k cv")).await.unwrap();
    page.wait("document.querySelectorAll('#diff tbody tr').length", json!(2)).await;
    page.client.press_keys(key::ESCAPE).await.unwrap();
    page.wait("document.body.dataset.view", json!("charts")).await;
    let table = page.client.find(Locator::Css("table.runs")).await.unwrap();
    table.send_keys(key::ENTER).await.unwrap();
    page.wait("location.hash.split('?')[0]", json!(format!("#/run/{third}"))).await;
    page.close().await;
}

/// What is no number stands in the table of runs and in the numbers of a chart under its name, and is a gap in the line.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_finite_is_named_in_cells_and_left_out_of_lines() {
    let root = crate::place::folder();
    let values = [1.0, f64::NAN, 0.5, f64::INFINITY, 0.25, f64::NEG_INFINITY, 0.125];
    let mut writer = RunWriter::start(root.path(), new_run("odd", "[4]", 0.1, 1)).unwrap();
    for (number, value) in (1..).zip(values) {
        writer.log(&[point("validation/loss", number, value)]).unwrap();
    }
    for (key, value) in [("test/mse", f64::NAN), ("test/mae", f64::INFINITY), ("test/r2", f64::NEG_INFINITY)] {
        writer.log(&[point(key, 0, value)]).unwrap();
    }
    let id = writer.id().clone();
    writer.finish(Status::Finished, "all 7 epochs done", Some(7)).unwrap();
    let columns = "last:test/mse,last:test/mae,last:test/r2,best:test/mse,best:validation/loss";
    let Some(page) = open(root.path(), &format!("#/?cols={columns}")).await else { return };
    let cells =
        format!("[...document.querySelectorAll(\"tr[data-id='{id}'] td.number\")].map((cell) => cell.textContent)");
    page.wait(&cells, json!(["NaN", "∞", "−∞", "–", "0.1250 @7"])).await;

    page.click("[data-metric=loss] .numbers summary").await;
    let told = "[...document.querySelectorAll('[data-metric=loss] tbody tr')].map((row) => row.querySelectorAll('td')[1].textContent)";
    page.wait(told, json!(["1", "NaN", "0.5000", "∞", "0.2500", "−∞", "0.1250"])).await;
    let titles = told.replace(".textContent", ".title");
    page.wait(&titles, json!(["1", "NaN", "0.5", "Infinity", "0.25", "-Infinity", "0.125"])).await;
    // A point between two gaps is a dot: a line of no length.
    let path = "document.querySelector('[data-metric=loss] .curve').getAttribute('d')";
    page.wait(
        &format!("[{path}.split('M').length, {path}.split('h0').length, {path}.includes('L')]"),
        json!([5, 5, false]),
    )
    .await;
    let drawn = "document.querySelector('[data-metric=loss]').chart.plot.curves[0].points.map((point) => point[1])";
    page.wait(drawn, json!([1, null, 0.5, null, 0.25, null, 0.125])).await;
    page.wait(
        "document.querySelector('[data-metric=loss] .remark').textContent.endsWith('validation from epoch 2 (NaN).')",
        json!(true),
    )
    .await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_store_tells_the_next_command_and_then_shows_the_run() {
    let root = crate::place::folder();
    drop(Store::open(root.path()).unwrap());
    let Some(page) = open(root.path(), "").await else { return };
    page.wait(
        "document.querySelector('.command').textContent",
        json!(burnlab::shell::command_in(root.path(), &["--config", "digits"])),
    )
    .await;
    let id = finished(root.path(), new_run("digits", "[16]", 0.001, 1), 0.9);
    page.rows(&[&id]).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_archived_by_a_click_and_back_by_another() {
    let root = crate::place::folder();
    let [first, second, third] = three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    let is_archived = || Store::open(root.path()).unwrap().run(&second).unwrap().record.archived;
    page.click(&format!("[data-id='{second}'] input[type=checkbox]")).await;
    page.click("#archive").await;
    page.rows(&[&third, &first]).await;
    assert!(is_archived());
    page.click("#toast button").await;
    page.rows(&[&third, &second, &first]).await;
    assert!(!is_archived());

    // What is in the archive is listed on request.
    page.click(&format!("[data-id='{second}'] input[type=checkbox]")).await;
    page.click("#archive").await;
    page.rows(&[&third, &first]).await;
    page.click("#archived").await;
    page.rows(&[&third, &second, &first]).await;
    page.wait(&format!("document.querySelector(\"[data-id='{second}'] .mark\").textContent"), json!("archived")).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_of_the_scatter_plot_is_its_run() {
    let root = crate::place::folder();
    let [.., third] = three(root.path());
    let Some(page) = open(root.path(), "#/scatter?sx=training.learning_rate").await else { return };
    page.wait("document.querySelectorAll('.scatter .point').length", json!(3)).await;
    // In the order of the list: the newest run first.
    page.press(".scatter .point:first-child", 0.0, 0.0).await;
    page.wait("location.hash.split('?')[0]", json!(format!("#/run/{third}"))).await;
    page.wait("document.querySelector('tr.open').dataset.id", json!(third)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_an_axis_picks_lines() {
    let root = crate::place::folder();
    let [first, ..] = three(root.path());
    let Some(page) = open(root.path(), "#/parallel?target=test/accuracy").await else { return };
    page.wait("document.querySelectorAll('.parallel .line').length", json!(3)).await;
    // Along the upper half of the metric's axis, the last: from 0.8 and a bit to 0.9.
    page.press(".parallel .axis:last-of-type .grab", -20.0, -160.0).await;
    page.wait("document.querySelectorAll('.parallel .line.off').length", json!(2)).await;
    page.wait("document.querySelector('.told').textContent.startsWith('1 of 3 runs inside')", json!(true)).await;
    // A click gives the axis back.
    page.press(".parallel .axis:last-of-type .grab", 100.0, 100.0).await;
    page.wait("document.querySelectorAll('.parallel .line.off').length", json!(0)).await;
    page.js("[...document.querySelectorAll('.parallel .line')].at(-1).dispatchEvent(new MouseEvent('click'))").await;
    page.wait("location.hash.startsWith('#/run/')", json!(true)).await;
    page.wait(&format!("document.querySelector(\"[data-id='{first}']\") !== null"), json!(true)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_stand_beside_label_and_prediction() {
    let lab = Lab::new();
    let run = lab.train("digits", &["training.max_epochs=3"]);
    let cells = |file: &str| -> Vec<csv::StringRecord> {
        csv::Reader::from_path(run.folder.join(file)).unwrap().into_records().map(Result::unwrap).collect()
    };
    let (predictions, test) = (cells("predictions.csv"), cells("test.csv"));
    let num_wrong = predictions.iter().filter(|row| row[1] != row[2]).count();
    let Some(page) = open(lab.artifacts(), &format!("#/run/{}?tab=predictions", run.id)).await else { return };
    let shown = "document.querySelectorAll('.gallery canvas').length";
    let told = "document.querySelector('.run-body .count').textContent";
    page.wait(shown, json!(24)).await;
    page.wait(told, json!(format!("{num_wrong} wrong; 24 of {} shown", predictions.len()))).await;

    // The first is wrong, and says so; its picture is that row of the test part.
    let card = page.js("const card = document.querySelector('.gallery > li'); return [card.dataset.row, card.className, card.querySelector('.sign').textContent, ...[...card.querySelectorAll('b')].map((cell) => cell.textContent)]").await;
    let row = predictions.iter().position(|row| row[0] == card[0]).unwrap();
    assert_eq!(card, json!([predictions[row][0], "wrong", "✗", predictions[row][1], predictions[row][2]]));
    let ink = page.js("return [...document.querySelector('.gallery canvas').getContext('2d').getImageData(0, 0, 8, 8).data].filter((_, index) => index % 4 === 3)").await;
    for (pixel, alpha) in ink.as_array().unwrap().iter().enumerate() {
        let expected = test[row][pixel].parse::<f64>().unwrap() / 16.0 * 255.0;
        assert!((alpha.as_f64().unwrap() - expected).abs() <= 1.0, "pixel {pixel}: {alpha}, not {expected}");
    }

    page.click("#more").await;
    page.wait(shown, json!(48)).await;
    // First the wrong ones, then the right ones from unsure to sure.
    let order = page.js("return [...document.querySelectorAll('.gallery > li')].map((card) => [card.className === 'right', Number(card.querySelector('.probabilities li').title)])").await;
    let order: Vec<(bool, f64)> = serde_json::from_value(order).unwrap();
    assert_eq!(order.iter().filter(|(is_right, _)| !is_right).count(), num_wrong.min(48));
    assert!(
        order.is_sorted_by(|(a, unsure), (b, sure)| a < b || (a == b && (!a || *unsure <= sure + 1e-6))),
        "{order:?}"
    );
    page.click("#wrong").await;
    page.wait(told, json!(format!("{num_wrong} wrong; {} of {num_wrong} shown", num_wrong.min(24)))).await;
    page.wait("document.querySelectorAll('.gallery > li.right').length", json!(0)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_shown_and_the_boundary_moves() {
    let lab = Lab::new();
    let run = lab.train("xor-mlp", &["training.max_epochs=20"]);
    let boundary: Value = serde_json::from_slice(&std::fs::read(run.folder.join("boundary.json")).unwrap()).unwrap();
    let epochs: Vec<u64> = serde_json::from_value(boundary["epochs"].clone()).unwrap();
    let last = epochs.last().unwrap();
    let Some(page) = open(lab.artifacts(), &format!("#/run/{}?tab=pictures", run.id)).await else { return };
    let num_pictures = std::fs::read_dir(run.folder.join("plots")).unwrap().count();
    page.wait(
        "[...document.querySelectorAll('.pictures img')].filter((image) => image.complete && image.naturalWidth).length",
        json!(num_pictures),
    )
    .await;

    let is_at = |epoch: u64| {
        let label = format!("epoch {epoch} of {}", run.num_epochs);
        format!(
            "document.querySelector('.epoch').textContent.split(',')[0] === '{label}' && document.querySelector('#epoch').getAttribute('aria-valuetext').startsWith('{label}')"
        )
    };
    page.wait(&is_at(*last), json!(true)).await;
    let picture = "return document.querySelector('.boundary canvas').toDataURL()";
    let learned = page.js(picture).await;
    let slider = page.client.find(Locator::Css("#epoch")).await.unwrap();
    slider.send_keys(key::HOME).await.unwrap();
    page.wait(&is_at(epochs[0]), json!(true)).await;
    assert_ne!(page.js(picture).await, learned);
    slider.send_keys(key::RIGHT).await.unwrap();
    page.wait(&is_at(epochs[1]), json!(true)).await;
    page.click("#play").await;
    page.wait(&is_at(*last), json!(true)).await;
    page.wait("document.getElementById('play').textContent", json!("Play")).await;
    assert_eq!(page.js(picture).await, learned);

    page.click("[data-picture='boundary.svg'] button").await;
    page.wait("document.querySelector('#dialog[open] h2').textContent", json!("Decision boundary")).await;
    page.wait("document.querySelector('#dialog img').naturalWidth > 0", json!(true)).await;
    page.click("#dialog button").await;

    // A run without pictures tells how to draw them.
    let bare = finished(lab.artifacts(), new_run("bare", "[16]", 0.001, 1), 0.9);
    page.client.goto(&format!("{}#/run/{bare}?tab=pictures", page.url)).await.unwrap();
    page.wait(
        "document.querySelector('.run-body .command').textContent",
        json!(burnlab::shell::command_in(lab.artifacts(), &["plot", bare.as_str()])),
    )
    .await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mean_goes_on_with_the_runs_that_are_left() {
    let root = crate::place::folder();
    finished(root.path(), new_run("digits", "[16]", 0.001, 1), 0.9);
    let mut short = RunWriter::start(root.path(), new_run("digits", "[16]", 0.001, 2)).unwrap();
    (1..=6).for_each(|number| short.log(&epoch(number)).unwrap());
    short.finish(Status::Finished, "stopped early", Some(6)).unwrap();
    let Some(page) = open(root.path(), "#/?group=seeds&mean=1").await else { return };
    page.click("[data-metric=loss] .numbers summary").await;
    // epoch, step, then for train and validation the mean, its standard deviation, the ends of its interval and how many runs it
    // is of.
    let counts = "[...document.querySelectorAll('[data-metric=loss] tbody tr')].map((row) => row.querySelectorAll('td')[10].textContent).join('')";
    page.wait(counts, json!("2222221111")).await;
    page.wait("document.querySelector('[data-metric=loss] .remark').textContent.startsWith('Lighter')", json!(true))
        .await;
    // Both means are light over all epochs, with a full line over those of both runs.
    let opacities =
        "[...document.querySelectorAll('[data-metric=loss] .curve')].map((curve) => getComputedStyle(curve).opacity)";
    page.wait(&format!("['0.3375', '0.75', '0.45', '1'].every((one) => {opacities}.includes(one))"), json!(true)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paper_is_light_though_the_screen_is_dark() {
    let root = crate::place::folder();
    let [first, ..] = three(root.path());
    let Some(page) = open_with(root.path(), &format!("#/run/{first}"), &[DARK], Access::local()).await else { return };
    page.wait("document.querySelectorAll('.chart .curve').length > 0", json!(true)).await;
    // Read at once: a printer does not wait for a frame.
    let colors = |event: &str| {
        format!(
            "dispatchEvent(new Event('{event}')); const style = (css) => getComputedStyle(document.querySelector(css)); \
             return [style('.chart .curve').stroke, style('.chart .tick').fill, style('.run-head .swatch *').fill, style('body').color]"
        )
    };
    let screen = page.js(&colors("none")).await;
    let paper = page.js(&colors("beforeprint")).await;
    assert_eq!(paper, json!(["rgb(0, 114, 178)", "rgb(86, 93, 104)", "rgb(0, 114, 178)", "rgb(27, 30, 35)"]));
    assert_ne!(screen, paper);
    assert_eq!(page.js(&colors("afterprint")).await, screen);
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_store_takes_old_runs_off_the_page() {
    let root = crate::place::folder();
    let [first, second, third] = three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    page.rows(&[&third, &second, &first]).await;
    // As the server tells it to a page that has seen a later revision than the store has.
    page.js(&format!(
        "import('/assets/page.js').then(({{ modules: {{ store }} }}) => store.merge({{ revision: 1, changed: [store.runs.get('{second}')], removed: [], complete: true }}))"
    ))
    .await;
    page.rows(&[&second]).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parent_and_child_lead_to_each_other() {
    let root = crate::place::folder();
    let parent = finished(root.path(), new_run("digits", "[16]", 0.001, 1), 0.9);
    let of = |run: NewRun| NewRun { parent: Some(parent.clone()), ..run };
    let child = finished(root.path(), of(new_run("digits", "[16]", 0.001, 1)), 0.9);
    let mut tuned = of(new_run("digits", "[16]", 0.01, 1));
    tuned.params.insert("model.init_from".to_owned(), json!(parent));
    let tuned = finished(root.path(), tuned, 0.9);
    let Some(page) = open(root.path(), &format!("#/run/{child}")).await else { return };
    let at = |id: &RunId| format!("#/run/{id}");
    for (id, how) in [(&child, "continues"), (&tuned, "fine-tuned from")] {
        let label = format!(
            "document.querySelector(\".facts a[href^='{}']\").closest('div').firstChild.textContent",
            at(&parent)
        );
        page.wait(&label, json!(how)).await;
        page.click(&format!(".facts a[href^='{}']", at(&parent))).await;
        page.wait("location.hash.split('?')[0]", json!(at(&parent))).await;
        page.click(&format!(".facts a[href^='{}']", at(if *id == child { &tuned } else { &child }))).await;
    }
    page.close().await;
}

/// More runs than the first page has: what is sorted, filtered and grouped are all of them, and the one in the address is
/// there though it is the oldest.
#[tokio::test(flavor = "multi_thread")]
async fn all_runs_of_a_large_store_are_there_after_the_first_page() {
    const RUNS: u64 = 730;
    let root = crate::place::folder();
    let ids: Vec<RunId> = (0..RUNS)
        .map(|seed| {
            let rate = if seed % 2 == 0 { 0.1 } else { 0.01 };
            let mut writer = RunWriter::start(root.path(), new_run("digits", "[4]", rate, seed)).unwrap();
            // The best is among the oldest, far from the first page of the newest.
            writer.log(&[point("test/accuracy", 0, 1.0 - ((seed + RUNS - 3) % RUNS) as f64 / 1000.0)]).unwrap();
            let id = writer.id().clone();
            writer.finish(Status::Finished, "all epochs done", None).unwrap();
            id
        })
        .collect();
    let Some(page) = open(root.path(), &format!("#/?sort=-best:test/accuracy&sel={}", ids[0])).await else { return };
    let first = "document.querySelector('tr.run').dataset.id";
    page.wait(first, json!(ids[3])).await;
    page.wait("document.querySelector('#selection strong').textContent", json!("1 selected")).await;
    page.wait("document.getElementById('count').textContent", json!("730 runs")).await;
    page.wait("document.querySelector('table.runs').getAttribute('aria-rowcount')", json!("731")).await;
    page.click("[data-sort='best:test/accuracy']").await;
    page.wait(first, json!(ids[2])).await;
    page.fill("#filter", "learning_rate = 0.01").await;
    page.wait("document.getElementById('count').textContent", json!("365 of 730 runs")).await;
    page.fill("#filter", " ").await;
    page.wait("document.getElementById('count').textContent", json!("730 runs")).await;
    page.client.goto(&format!("{}#/?group=param:training.learning_rate", page.url)).await.unwrap();
    let groups = "[...document.querySelectorAll('tr.group .count')].map((count) => count.textContent)";
    page.wait(&format!("{groups}[0]"), json!("365 runs")).await;
    page.close().await;
}

// ---- sweeps ----

/// A search for the least loss on the validation split, with all its trials waiting.
pub fn new_sweep(root: &Path, num_trials: u32) -> RunId {
    let sweep = NewSweep {
        experiment: "digits".to_owned(),
        config_toml: String::new(),
        method: "random".to_owned(),
        metric: "validation/loss".parse().unwrap(),
        params: vec!["model.hidden".to_owned(), "training.learning_rate".to_owned()],
        num_trials,
        data: "rows".to_owned(),
    };
    Store::open(root).unwrap().create_sweep(sweep).unwrap()
}

/// Takes the next trial, trains a run for it, and records its end.
pub fn train_trial(
    root: &Path,
    sweep: &RunId,
    worker: &str,
    rate: f64,
    state: TrialState,
    value: Option<f64>,
) -> RunId {
    let mut store = Store::open(root).unwrap();
    let params = BTreeMap::from([
        ("model.hidden".to_owned(), json!([16, 8])),
        ("training.learning_rate".to_owned(), json!(rate)),
    ]);
    let claim = store.claim(sweep, worker, Duration::from_secs(600), |_, _| params.clone()).unwrap().unwrap();
    let trial = Some(SweepTrial { sweep: sweep.clone(), trial: claim.number });
    let run = NewRun { sweep: trial, ..new_run("digits", "[16, 8]", rate, 1) };
    let mut writer = RunWriter::start(root, run).unwrap();
    let id = writer.id().clone();
    assert!(store.begin_run(&claim, &id).unwrap());
    (1..=4).for_each(|number| writer.log(&epoch(number)).unwrap());
    writer.finish(Status::Finished, "all 4 epochs done", Some(4)).unwrap();
    let reason = if state == TrialState::Finished { String::new() } else { "<b>no hope</b>".to_owned() };
    assert!(store.complete(&claim, &Outcome { state, value, reason }).unwrap());
    id
}

/// What stands in the first column of the trials table, top to bottom.
const TRIALS: &str = "[...document.querySelectorAll('table.trials tbody th')].map((cell) => cell.textContent)";

/// What is said of the marked ranges.
const TOLD: &str = "document.querySelector('.told').textContent.split('.')[0]";

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_is_found_and_its_trials_are_sorted_marked_and_followed() {
    let root = crate::place::folder();
    let other = finished(root.path(), new_run("other", "[16]", 0.1, 1), 0.9);
    let Some(page) = open(root.path(), "").await else { return };
    page.rows(&[&other]).await;
    let tabs = "[...document.querySelectorAll('#tabs a')].map((tab) => tab.textContent).includes('Sweeps')";
    page.wait(tabs, json!(false)).await;

    // The page leads to sweeps as soon as there is one.
    let sweep = new_sweep(root.path(), 6);
    let train = |rate: f64, state: TrialState, value: Option<f64>| {
        train_trial(root.path(), &sweep, "<i>box</i>:1", rate, state, value)
    };
    train(0.001, TrialState::Finished, Some(0.4));
    let best = train(0.01, TrialState::Finished, Some(0.2));
    train(0.1, TrialState::Stopped, Some(0.9));
    train(0.05, TrialState::Failed, None);
    page.wait(tabs, json!(true)).await;
    page.client.find(Locator::LinkText("Sweeps")).await.unwrap().click().await.unwrap();
    page.click(&format!("table.sweeps a[href^='#/sweep/{sweep}']")).await;
    page.wait("location.hash", json!(format!("#/sweep/{sweep}"))).await;

    page.wait(
        "document.querySelector('.sweep-sentence').textContent",
        json!(
            "Of 6 trials, 2 finished, 1 was stopped early, 1 failed and 2 wait for a worker. Chosen by validation/loss, \
             the best is trial 2 with 0.2000: model.hidden = [16,8], training.learning_rate = 0.01."
        ),
    )
    .await;
    let command = page.js("return document.querySelector('.warning pre').textContent").await;
    assert!(command.as_str().unwrap().contains(&format!("{best}/config.toml --set seed=2 --seeds 10")), "{command}");
    page.wait("document.querySelector('#importance').textContent.startsWith('Too few trials: 3')", json!(true)).await;
    page.wait("document.querySelectorAll('.timeline .trial').length", json!(4)).await;
    page.wait("document.querySelector('.timeline .worker').lastChild.textContent", json!("<i>box</i>:1")).await;
    page.wait("document.querySelectorAll('.sweep-charts .point').length", json!(3)).await;

    // The best first, what has no value last; then by another column, both ways, and in the address.
    page.wait(TRIALS, json!(["2", "1", "3", "4", "5", "6"])).await;
    page.click("table.trials [data-sort='param:training.learning_rate']").await;
    page.wait(TRIALS, json!(["1", "2", "4", "3", "5", "6"])).await;
    page.click("table.trials [data-sort='param:training.learning_rate']").await;
    page.wait(TRIALS, json!(["3", "4", "2", "1", "5", "6"])).await;
    page.wait("document.activeElement.dataset.sort", json!("param:training.learning_rate")).await;
    page.client.refresh().await.unwrap();
    page.wait(TRIALS, json!(["3", "4", "2", "1", "5", "6"])).await;

    // The lower half of the value's axis, the last.
    page.wait("document.querySelectorAll('.parallel .line').length", json!(3)).await;
    page.press(".parallel .axis:last-of-type .grab", 20.0, 160.0).await;
    page.wait("document.querySelectorAll('.parallel .line.off').length", json!(1)).await;
    page.wait(TOLD, json!("2 of 3 trials inside the marked ranges")).await;
    page.wait(TRIALS, json!(["2", "1"])).await;
    page.wait("document.querySelectorAll('.timeline .off').length", json!(2)).await;
    // A trial that ends meanwhile is in or out by its value, though the axis grew.
    train(0.02, TrialState::Finished, Some(0.1));
    train(0.03, TrialState::Finished, Some(0.7));
    page.wait(TRIALS, json!(["5", "2", "1"])).await;
    page.wait(TOLD, json!("3 of 5 trials inside the marked ranges")).await;
    page.click("#all-trials").await;
    page.wait("document.querySelectorAll('.parallel .line.off').length", json!(0)).await;
    page.wait("document.querySelectorAll('#detail i, #trials b').length", json!(0)).await;

    // A trial leads to its run, and the run back.
    page.click("table.trials tbody a").await;
    page.wait("location.hash.startsWith('#/run/')", json!(true)).await;
    page.click(".facts a[href^='#/sweep/']").await;
    page.wait("location.hash.startsWith('#/sweep/')", json!(true)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_without_trials_and_one_that_is_not_there_say_so() {
    let root = crate::place::folder();
    let sweep = new_sweep(root.path(), 1);
    let Some(page) = open(root.path(), &format!("#/sweep/{sweep}")).await else { return };
    page.wait("document.querySelector('.timeline').textContent", json!("No worker has taken a trial yet.")).await;
    page.wait("document.querySelector('.parallel').textContent", json!("No trial has a value yet.")).await;
    page.client.goto(&format!("{}#/sweep/none-20261124-235039-a3f1", page.url)).await.unwrap();
    page.wait("document.querySelector('.sweep-head .problem').textContent.startsWith('no sweep')", json!(true)).await;
    page.close().await;
}

// ---- what one run gets right and another does not; three configs ----

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_fixes_and_breaks_is_shown_row_by_row() {
    let root = crate::place::folder();
    let [first, second, third] = three(root.path());
    let write = |id: &RunId, name: &str, text: &str| {
        std::fs::write(root.path().join("runs").join(id.as_str()).join(name), text).unwrap();
    };
    let predictions = |id: &RunId, rows: &str| {
        write(id, "predictions.csv", &format!("row,true,predicted,probability_no,probability_yes\n{rows}"));
    };
    predictions(&first, "4,no,yes,0.25,0.75\n5,yes,yes,0.125,0.875\n6,no,yes,0.4,0.6\n");
    predictions(&second, "4,no,no,0.9,0.1\n5,yes,no,0.7,0.3\n6,no,yes,0.3,0.7\n");
    predictions(&third, "7,no,no,0.9,0.1\n");
    write(&first, "test.csv", "x,y,target\n1,<b>2</b>,no\n3,,yes\n5,6,no\n");
    let address = format!("#/compare?sel={first},{second}&tab=examples");
    let Some(page) = open(root.path(), &address).await else { return };
    let rows = "[...document.querySelectorAll('table.examples tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent))";
    page.wait(rows, json!([["4", "no", "yes ✗", "75.0 %", "no ✓", "90.0 %", "1", "<b>2</b>"]])).await;
    page.click("#kind-broken").await;
    page.wait(rows, json!([["5", "yes", "yes ✓", "87.5 %", "no ✗", "70.0 %", "3", "–"]])).await;
    page.wait("location.hash.includes('kind=broken') && document.activeElement.id", json!("kind-broken")).await;
    page.click("#kind-both_wrong").await;
    page.wait(rows, json!([["6", "no", "yes ✗", "60.0 %", "yes ✗", "70.0 %", "5", "6"]])).await;

    // As images, with the pixels of their rows.
    write(&first, "preprocessing.json", r#"{"image_shape": [1, 2], "columns": [{"name": "x"}, {"name": "y"}]}"#);
    write(&first, "test.csv", "x,y,target\n0,1,no\n1,0,yes\n0,0,no\n");
    page.click("#kind-fixed").await;
    page.wait("document.querySelector('.gallery > li').dataset.row", json!("4")).await;
    let ink = "return [...document.querySelector('.gallery canvas').getContext('2d').getImageData(0, 0, 2, 1).data].filter((_, index) => index % 4 === 3)";
    assert_eq!(page.js(ink).await, json!([0, 255]));
    page.wait(
        "[...document.querySelectorAll('.gallery > li > div, .gallery > li li')].map((part) => part.textContent)",
        json!(["Label: no", "A: yes ✗75.0 %", "B: no ✓90.0 %"]),
    )
    .await;

    // Other test rows are no comparison, and three runs have no such tab.
    page.client.goto(&format!("{}#/compare?sel={first},{third}&tab=examples", page.url)).await.unwrap();
    page.wait(
        "document.querySelector('.compare-body').textContent.split(':')[0]",
        json!("A and B are tested on different rows"),
    )
    .await;
    page.client.goto(&format!("{}#/compare?sel={first},{second},{third}&tab=examples", page.url)).await.unwrap();
    page.wait("document.querySelectorAll('.subtabs a').length", json!(4)).await;
    page.wait("document.querySelector('#diff') !== null", json!(true)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_configs_are_told_apart_from_the_first() {
    let root = crate::place::folder();
    let train = |hidden: &str, results: [f64; 5]| -> RunId {
        let run = |(seed, result)| finished(root.path(), new_run("digits", hidden, 0.1, seed), result);
        let runs: Vec<RunId> = (1..).zip(results).map(run).collect();
        runs[0].clone()
    };
    let a = train("[8]", [0.955, 0.948, 0.962, 0.930, 0.970]);
    let b = train("[16]", [0.978, 0.969, 0.981, 0.960, 0.985]);
    let c = train("[32]", [0.953, 0.957, 0.949, 0.941, 0.968]);
    let Some(page) = open(root.path(), &format!("#/compare?sel={a},{b},{c}")).await else { return };
    let cells = "[...document.querySelectorAll('table.comparisons tbody tr')].map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent))";
    page.wait(
        cells,
        json!([
            ["baseline", "", "", "", "0.9530 (5)"],
            ["better", "+0.0216", "+0.0147 to +0.0285", "0.0019", "0.9746 (5)"],
            ["not distinguishable", "+0.0006", "−0.0115 to +0.0127", "0.8968", "0.9536 (5)"],
        ]),
    )
    .await;
    page.wait("document.querySelector('.warning').textContent.startsWith('The best of 3 configs')", json!(true)).await;
    page.close().await;
}
