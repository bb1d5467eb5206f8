//! What the page says of a run that goes on, of one that did not end well, and of its mistakes.

use burnlab::tracking::{NewRun, RunWriter, Status};
use serde_json::json;

use crate::browser::{epoch, finished, new_run, open};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_tells_how_far_it_is() {
    let root = crate::place::folder();
    let mut run = new_run("live", "[4]", 0.1, 1);
    for (key, value) in [("max_epochs", json!(40)), ("early_stopping.patience", json!(5))] {
        run.params.insert(format!("training.{key}"), value);
    }
    let mut writer = RunWriter::start(root.path(), run).unwrap();
    for number in 1..=4 {
        writer.log(&epoch(number)).unwrap();
    }
    let Some(page) = open(root.path(), &format!("#/run/{}", writer.id())).await else { return };
    // 4 epochs took 1 s; the loss falls, so that the last epoch is the best.
    let told = "document.querySelector('.progress').textContent";
    page.wait(told, json!("epoch 4 of 40 · at most 9.0 s left · best validation/loss 0.3750 at epoch 4; stops after 5 epochs more without a better one · validation/loss 0.3750")).await;
    page.wait("document.querySelector('progress').position", json!(0.1)).await;
    writer.log(&[crate::browser::point("validation/loss", 6, 0.5)]).unwrap();
    page.wait(&format!("{told}.startsWith('epoch 6 of 40') && {told}.includes('after 3 epochs more')"), json!(true))
        .await;
    writer.finish(Status::Finished, "all 6 epochs done", Some(4)).unwrap();
    page.wait("document.querySelectorAll('.progress').length", json!(0)).await;
    page.wait("document.querySelectorAll('.remedy').length", json!(0)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_failed_tells_why_and_what_to_do() {
    let root = crate::place::folder();
    finished(root.path(), new_run("digits", "[16]", 0.1, 1), 0.9);
    let mut writer = RunWriter::start(root.path(), new_run("digits", "[16]", 1e9, 1)).unwrap();
    writer.log(&epoch(1)).unwrap();
    let id = writer.id().clone();
    writer.finish(Status::Failed, "train/loss became NaN", None).unwrap();
    let Some(page) = open(root.path(), "").await else { return };
    // The runs of a status by one click, and all by another.
    page.click("[data-status=failed]").await;
    page.rows(&[&id]).await;
    page.wait("document.querySelector('[data-status=failed]').getAttribute('aria-pressed')", json!("true")).await;
    page.click(&format!("tr[data-id='{id}'] .name a")).await;
    page.wait("document.querySelector('.run-head .reason').textContent", json!("train/loss became NaN")).await;
    let command = burnlab::shell::command_in(root.path(), &["resume", id.as_str()]);
    page.wait("document.querySelector('.remedy pre').textContent", json!(command)).await;
    page.js("history.back()").await;
    page.click("[data-status=failed]").await;
    page.wait("document.querySelectorAll('tr.run').length", json!(2)).await;
    // A filter that nothing matches is cleared by a click.
    page.fill("#filter", "seed = 77").await;
    page.click("#clear-filter").await;
    page.wait("document.querySelectorAll('tr.run').length", json!(2)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_errors_of_a_regression_come_first() {
    let root = crate::place::folder();
    let run = NewRun { experiment: "diabetes".to_owned(), ..new_run("diabetes", "[16]", 0.1, 1) };
    let mut writer = RunWriter::start(root.path(), run).unwrap();
    writer.log(&epoch(1)).unwrap();
    writer.write_file("predictions.csv", b"row,true,predicted\n7,1.5,1.25\n8,2.0,2.0\n9,1.0,-3.0\n").unwrap();
    let id = writer.id().clone();
    writer.finish(Status::Finished, "done", Some(1)).unwrap();
    let Some(page) = open(root.path(), &format!("#/run/{id}?tab=predictions")).await else { return };
    let rows = "[...document.querySelectorAll('.run-body tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))";
    let [a, b, c] = [["9", "1.0", "-3.0", "−4"], ["7", "1.5", "1.25", "−0.2500"], ["8", "2.0", "2.0", "±0"]];
    page.wait(rows, json!([a, b, c])).await;
    page.click("#worst").await;
    page.wait(rows, json!([b, c, a])).await;
    page.close().await;
}
