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
    let told = "document.querySelector('.progress > span').textContent";
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

/// From a cell of the confusion matrix to its examples by one click, and back to all by another.
#[tokio::test(flavor = "multi_thread")]
async fn a_cell_of_the_confusion_matrix_leads_to_its_examples() {
    let root = crate::place::folder();
    let id = finished(root.path(), new_run("digits", "[16]", 0.1, 1), 0.9);
    let rows = "row,true,predicted,probability_no,probability_yes\n0,no,no,0.9,0.1\n1,yes,no,0.7,0.3\n2,no,yes,0.2,0.8\n3,yes,no,0.8,0.2\n";
    std::fs::write(root.path().join("runs").join(id.as_str()).join("predictions.csv"), rows).unwrap();
    let Some(page) = open(root.path(), &format!("#/run/{id}?tab=evaluation")).await else { return };
    page.click("table.confusion tbody tr:nth-child(2) td button").await;
    let shown = "[...document.querySelectorAll('.run-body tbody tr')].map((row) => row.cells[0].textContent).join(' ')";
    // The surest mistake first.
    page.wait(shown, json!("3 1")).await;
    page.wait("document.getElementById('cell').textContent", json!("label yes, predicted no ×")).await;
    page.client.refresh().await.unwrap();
    page.wait(shown, json!("3 1")).await;
    page.click("#cell").await;
    page.wait(shown, json!("2 3 1")).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_kept_under_a_name_for_all() {
    let root = crate::place::folder();
    let ids = crate::browser::three(root.path());
    let Some(page) = open(root.path(), "#/?q=test/accuracy%20>%200.75&sort=best:test/accuracy").await else { return };
    page.rows(&[&ids[2], &ids[0]]).await;
    page.click("#views summary").await;
    page.fill("#views input", &format!("good ones{}", crate::webdriver::key::ENTER)).await;
    let names = "[...document.querySelectorAll('.views a')].map((one) => one.textContent)";
    page.wait(names, json!(["good ones"])).await;
    page.close().await;
    // Somebody else, later.
    let Some(page) = open(root.path(), "").await else { return };
    page.rows(&[&ids[2], &ids[1], &ids[0]]).await;
    page.click("#views summary").await;
    page.click(".views a").await;
    page.rows(&[&ids[2], &ids[0]]).await;
    page.wait("document.getElementById('filter').value", json!("test/accuracy > 0.75")).await;
    page.click("#views summary").await;
    page.click(".views .remove").await;
    page.wait(names, json!([])).await;
    page.close().await;
}

/// Each param of a search against its results, with a tick at each of few values; a point is its trial's run.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_shown_param_by_param() {
    let root = crate::place::folder();
    let sweep = crate::browser::new_sweep(root.path(), 3);
    for (rate, value) in [(0.1, 0.4), (0.01, 0.3), (0.001, 0.2)] {
        crate::browser::train_trial(
            root.path(),
            &sweep,
            "[16]",
            rate,
            burnlab::tracking::TrialState::Finished,
            Some(value),
        );
    }
    let Some(page) = open(root.path(), &format!("#/sweep/{sweep}")).await else { return };
    // The width is the same in all trials: nothing can be seen of it.
    page.wait(
        "[...document.querySelectorAll('.slices h2')].map((one) => one.textContent)",
        json!(["training.learning_rate"]),
    )
    .await;
    page.wait(
        "[...document.querySelectorAll('.slices .tick')].slice(0, 3).map((one) => one.textContent)",
        json!(["0.001", "0.01", "0.1"]),
    )
    .await;
    page.wait("document.querySelectorAll('.slices .point').length", json!(3)).await;
    page.press(".slices .point:last-child", 0.0, 0.0).await;
    page.wait("location.hash.startsWith('#/run/')", json!(true)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_has_several_lines() {
    let root = crate::place::folder();
    let id = finished(root.path(), new_run("digits", "[16]", 0.1, 1), 0.9);
    let Some(page) = open(root.path(), &format!("#/run/{id}")).await else { return };
    page.click(".edit-run summary").await;
    page.fill("[data-field=note]", "first\nsecond").await;
    page.click(".run-head h1").await;
    let kept = || burnlab::tracking::Store::open(root.path()).unwrap().run(&id).unwrap().record.note;
    page.wait(
        "[...document.querySelectorAll('.facts dd')].some((one) => one.textContent === 'first\\nsecond')",
        json!(true),
    )
    .await;
    assert_eq!(kept().as_deref(), Some("first\nsecond"));
    page.close().await;
}
