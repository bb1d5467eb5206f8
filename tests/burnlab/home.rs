//! The experiments of a store, and the leaderboard of one: what the page opens with.

use burnlab::tracking::{RunId, RunWriter, Store};
use serde_json::json;

use crate::browser::{finished, new_run, open, three};

const A: [f64; 5] = [0.955, 0.948, 0.962, 0.930, 0.970];
const B: [f64; 5] = [0.978, 0.969, 0.981, 0.960, 0.985];

fn train(root: &std::path::Path, experiment: &str, hidden: &str, results: &[f64]) -> Vec<RunId> {
    let run = |(seed, result): (u64, &f64)| finished(root, new_run(experiment, hidden, 0.1, seed), *result);
    (1..).zip(results).map(run).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_opens_with_its_experiments_and_leads_to_the_answer() {
    let root = crate::place::folder();
    let a = train(root.path(), "digits", "[8]", &A);
    let b = train(root.path(), "digits", "[16]", &B);
    let other = train(root.path(), "wine", "[8]", &[0.5]);
    let Some(page) = open(root.path(), "").await else { return };
    let cells = "[...document.querySelectorAll('table.experiments tbody tr')].map((row) => [...row.cells].slice(0, 5).map((cell) => cell.textContent))";
    page.wait(
        cells,
        json!([
            ["wine", "–", "1", "one config", "0.5000 (1 seed)test/accuracy"],
            ["digits", "–", "10", "hidden [16]", "0.9746 (0.9621 to 0.9871)test/accuracy"],
        ]),
    )
    .await;
    page.wait("[location.hash, document.querySelectorAll('svg.spark').length]", json!(["#/experiments", 2])).await;

    // One click: which is best, and is it real?
    page.click("table.experiments a[href*='exp=digits']").await;
    let board = "[...document.querySelectorAll('table.leaderboard tbody tr')].map((row) => [0, 1, 3, 4].map((cell) => row.cells[cell].textContent))";
    page.wait(
        board,
        json!([["hidden [16]best", "0.9746", "the best", "5"], ["hidden [8]", "0.9530", "−0.0216 worse", "5"]]),
    )
    .await;
    page.wait("document.querySelector('.board .answer').textContent.startsWith('hidden [16] has the best mean, 0.9746 (95 % interval 0.9621 to 0.9871) over 5 seeds.')", json!(true)).await;
    page.wait("document.querySelectorAll('table.leaderboard svg.interval circle').length", json!(2)).await;
    // The table has its runs alone, and the charts a mean for each config, the better one first.
    page.wait(
        "[...document.querySelectorAll('tr.group th button')].map((one) => one.textContent.trim())",
        json!(["▾ hidden [16] 5 runs", "▾ hidden [8] 5 runs"]),
    )
    .await;
    page.wait("document.getElementById('count').textContent", json!("10 runs")).await;
    page.wait(
        "[...document.querySelectorAll('.legend .chip .clip')].map((one) => one.textContent)",
        json!(["hidden [16]", "hidden [8]"]),
    )
    .await;

    // All runs of a config by one click, and back by another; back undoes the selection.
    page.click("table.leaderboard tbody tr:nth-child(2) input").await;
    let selected = "new URLSearchParams(location.hash.split('?')[1]).get('sel')?.split(',').sort() ?? []";
    let mut ids: Vec<String> = a.iter().map(ToString::to_string).collect();
    ids.sort();
    page.wait(selected, json!(ids)).await;
    page.js("history.back()").await;
    page.wait(selected, json!([])).await;
    page.wait("document.querySelector('table.leaderboard tbody tr:nth-child(2) input').checked", json!(false)).await;

    page.click(".compare-best").await;
    page.wait("document.querySelectorAll('#diff tbody tr').length > 0", json!(true)).await;
    page.wait("document.querySelector('.verdict p').textContent.includes('is worse than')", json!(true)).await;
    let mut both = [b.last().unwrap(), a.last().unwrap()].map(ToString::to_string);
    both.sort();
    page.wait(selected, json!(both)).await;
    // The table of runs says nothing about a comparison.
    page.wait("document.getElementById('runs').getBoundingClientRect().width", json!(0)).await;

    // Another experiment by the choice above the table.
    page.client.goto(&format!("{}#/?exp=wine", page.url)).await.unwrap();
    page.rows(&[&other[0]]).await;
    page.wait("document.querySelector('.board .answer').textContent.includes('One seed is no evidence.')", json!(true))
        .await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_experiment_is_opened_and_follows_its_runs() {
    let root = crate::place::folder();
    let ids = three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    page.rows(&[&ids[2], &ids[1], &ids[0]]).await;
    let names = "[...document.querySelectorAll('table.leaderboard tbody tr .clip')].map((one) => one.textContent)";
    page.wait(
        names,
        json!([
            "hidden [16] · learning_rate 0.001",
            "hidden [] · learning_rate 0.1",
            "hidden [16,8] · learning_rate 0.01"
        ]),
    )
    .await;
    // What would tell more is a command to copy.
    page.click(".settle summary").await;
    page.wait("document.querySelector('.settle pre').textContent.includes('--seeds')", json!(true)).await;
    finished(root.path(), new_run("digits", "[4]", 0.5, 1), 0.99);
    page.wait(
        "document.querySelector('table.leaderboard tbody .clip').textContent",
        json!("hidden [4] · learning_rate 0.5"),
    )
    .await;
    page.close().await;
}

/// One run of another task, with a metric that comes first in the list, does not choose for a hundred others.
#[tokio::test(flavor = "multi_thread")]
async fn the_main_metric_is_that_of_most_runs() {
    let root = crate::place::folder();
    three(root.path());
    let mut writer = RunWriter::start(root.path(), new_run("alice", "[4]", 0.1, 1)).unwrap();
    writer.log(&[crate::browser::point("test/bits_per_character", 0, 2.5)]).unwrap();
    drop(writer);
    let Some(page) = open(root.path(), "#/?sort=run:started").await else { return };
    page.wait("document.querySelector('table.runs th[aria-sort], table.runs th:nth-child(5)') !== null", json!(true))
        .await;
    let first = "document.querySelectorAll('table.runs thead [data-sort]')[2].dataset.sort";
    page.wait(first, json!("best:test/accuracy")).await;
    page.wait("document.getElementById('main-metric').value", json!("test/accuracy")).await;
    // Chosen in one place, it is that of the table, the scatter plot and the address.
    page.js("const choice = document.getElementById('main-metric'); choice.value = 'validation/loss'; choice.dispatchEvent(new Event('change'))").await;
    page.wait(first, json!("best:validation/loss")).await;
    page.client.goto(&format!("{}#/scatter?target=validation/loss", page.url)).await.unwrap();
    page.wait("document.getElementById('target').value", json!("validation/loss")).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_curve_is_in_sight_on_small_screens() {
    let root = crate::place::folder();
    train(root.path(), "digits", "[8]", &A);
    train(root.path(), "digits", "[16]", &B);
    drop(Store::open(root.path()).unwrap());
    let Some(page) = open(root.path(), "").await else { return };
    for (width, height) in [(1500, 950), (1000, 700), (400, 800)] {
        page.client.resize(width, height).await.unwrap();
        page.wait(&format!("innerWidth <= {width} && document.querySelector('.curve').getBoundingClientRect().bottom <= innerHeight + 60 && document.querySelector('.curve').getBoundingClientRect().top < innerHeight"), json!(true)).await;
        // Nothing makes the page itself wider than the screen.
        page.wait("document.documentElement.scrollWidth <= innerWidth", json!(true)).await;
    }
    page.close().await;
}

/// The folds of a cross-validation are one config, on the leaderboard and in the table.
#[tokio::test(flavor = "multi_thread")]
async fn folds_are_one_config() {
    let root = crate::place::folder();
    for (hidden, results) in [("[8]", [0.9, 0.8, 0.85]), ("[16]", [0.95, 0.9, 0.94])] {
        for (fold, result) in (1..).zip(results) {
            let mut run = new_run("wine", hidden, 0.1, 1);
            run.params.insert("data.folds".to_owned(), json!(3));
            run.params.insert("data.fold".to_owned(), json!(fold));
            finished(root.path(), run, result);
        }
    }
    let Some(page) = open(root.path(), "").await else { return };
    let rows = "[...document.querySelectorAll('table.leaderboard tbody tr')].map((row) => [0, 1, 4].map((cell) => row.cells[cell].textContent))";
    page.wait(rows, json!([["hidden [16]best", "0.9300", "3"], ["hidden [8]", "0.8500", "3"]])).await;
    page.wait("document.querySelector('.board .answer').textContent.includes(' over 3 folds.')", json!(true)).await;
    page.wait(
        "[...document.querySelectorAll('tr.group th button')].map((one) => one.textContent.trim())",
        json!(["▾ hidden [16] 3 runs", "▾ hidden [8] 3 runs"]),
    )
    .await;
    page.close().await;
}
