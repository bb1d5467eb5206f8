//! What people come to the page for, in a browser, with the clicks counted (walk.rs).

use std::path::Path;

use burnlab::tracking::{RunId, RunWriter, Status, Store, TrialState};
use serde_json::{Value, json};

use crate::browser::{epoch, finished, new_run, new_sweep, point, train_trial};
use crate::walk::Walk;
use crate::webdriver::Locator;

/// Two configs of `digits` with five seeds each, one of `wine`, and a run that failed.
pub fn mixed(root: &Path) -> (Vec<RunId>, Vec<RunId>, RunId) {
    let train = |hidden: &str, results: [f64; 5]| -> Vec<RunId> {
        (1..)
            .zip(results)
            .map(|(seed, result)| finished(root, new_run("digits", hidden, 0.001, seed), result))
            .collect()
    };
    let a = train("[8]", [0.955, 0.948, 0.962, 0.930, 0.970]);
    let b = train("[16]", [0.978, 0.969, 0.981, 0.960, 0.985]);
    finished(root, new_run("wine", "[8]", 0.1, 1), 0.9);
    let mut writer = RunWriter::start(root, new_run("broken", "[8]", 1e9, 1)).unwrap();
    writer.log(&epoch(1)).unwrap();
    let failed = writer.id().clone();
    writer.finish(Status::Failed, "the loss is not finite in epoch 2", None).unwrap();
    (a, b, failed)
}

pub fn tick(id: &RunId) -> String {
    format!("tr.run[data-id='{id}'] input")
}

pub fn opened(id: &RunId) -> String {
    format!("tr.run[data-id='{id}'] a")
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_near() {
    let root = crate::place::folder();
    let (a, b, failed) = mixed(root.path());
    let Some(mut walk) = Walk::begin(root.path(), "").await else { return };

    walk.click("table.experiments a[href*='exp=digits']").await;
    walk.shows(
        "document.querySelector('table.leaderboard tbody tr:nth-child(2)').cells[3].textContent.includes('worse')",
    )
    .await;
    walk.done("which config is best, and is it real", 1, "#/?exp=digits&group=").await;

    walk.click(&tick(&a[0])).await;
    walk.click(&tick(&b[0])).await;
    walk.click("#compare").await;
    walk.shows("document.querySelector('#diff tbody').textContent.includes('model.hidden')").await;
    walk.shows("document.querySelector('.verdict p').textContent.includes('seed')").await;
    let report = "document.querySelector('#report').getAttribute('href')";
    walk.shows(&format!("{report}.startsWith('api/report?runs=') && {report}.includes({:?})", b[0].as_str())).await;
    walk.done("what changed between two runs", 3, "#/?exp=broken").await;

    walk.click(&opened(&failed)).await;
    walk.shows("document.querySelector('.reason').textContent === 'the loss is not finite in epoch 2'").await;
    walk.shows(&format!("document.querySelector('.remedy pre').textContent.includes('resume {failed}')")).await;
    walk.done("why did it fail, and what next", 1, "#/?exp=digits&group=seeds&mean=1&band=interval").await;

    walk.shows("document.querySelectorAll('.legend .chip').length === 2").await;
    walk.shows("document.querySelectorAll('.chart .band').length > 0").await;
    walk.drag(".chart[data-metric=loss] .plot", (0.3, 0.3), (0.7, 0.7)).await;
    walk.choose("#x-axis", "time").await;
    walk.click(".chart-settings input[type=checkbox]").await;
    walk.click(".chart[data-metric=loss] [title='Logarithmic y axis']").await;
    walk.shows("['x=time', 'logx=1', 'logy=loss'].every((part) => location.hash.includes(part))").await;
    walk.done("curves of all seeds of two configs", 4, "#/?exp=digits&group=seeds&mean=1").await;

    walk.choose("#band", "sd").await;
    walk.shows("document.querySelector('.key').textContent.includes('deviation')").await;
    walk.done("another band", 2, "#/?exp=digits").await;

    // The main metric is chosen once, and remembered.
    walk.choose("#main-metric", "validation/loss").await;
    walk.shows("document.querySelector('.board .count').textContent.endsWith('by validation/loss')").await;
    walk.done("another main metric", 1, "").await;
    walk.click("table.experiments a[href*='exp=digits']").await;
    walk.shows("document.querySelector('.board .count').textContent.endsWith('by validation/loss')").await;
    walk.choose("#main-metric", "test/accuracy").await;
    walk.done("and back", 2, "#/?exp=digits").await;

    // All runs of a config.
    walk.click("table.leaderboard tbody tr:nth-child(2) input").await;
    walk.shows("document.querySelector('#selection').textContent.startsWith('5 selected')").await;
    walk.done("select all runs of a config", 1, "#/?exp=digits&group=seeds").await;
    walk.click("tr.group .eye button").await;
    walk.shows("location.hash.includes('hide=')").await;
    walk.done("hide all runs of a config", 1, "#/?exp=digits").await;
    walk.page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_chosen_is_kept_and_sent() {
    let root = crate::place::folder();
    let (a, b, _) = mixed(root.path());
    let Some(mut walk) = Walk::begin(root.path(), "#/?exp=digits&group=").await else { return };

    // Suggestions for what is typed, by keyboard.
    walk.shows("document.querySelectorAll('tr.run').length === 10").await;
    walk.filter("accu").await;
    let words = "[...document.querySelectorAll('#suggestions li')].map((one) => one.textContent)";
    walk.page.wait(words, json!(["test/accuracy"])).await;
    walk.filter("test/accuracy > .95 and training.learning_rate < .01").await;
    walk.shows("document.getElementById('count').textContent === '8 of 10 runs'").await;
    walk.click("table.runs thead input").await;
    let tag = walk.page.client.find(Locator::Css("#selection form input")).await.unwrap();
    tag.send_keys("good\u{e007}").await.unwrap();
    walk.click("#views summary").await;
    let view = walk.page.client.find(Locator::Css("#views form input")).await.unwrap();
    view.send_keys("the good ones\u{e007}").await.unwrap();
    walk.shows("document.querySelector('.views a').textContent === 'the good ones'").await;
    walk.click("#share summary").await;
    walk.click("#copy-link").await;
    walk.shows("location.hash.includes('test%2Faccuracy') || location.hash.includes('test/accuracy')").await;
    let is_tagged = |id: &RunId| Store::open_read_only(root.path()).unwrap().run(id).unwrap().record.tags == ["good"];
    walk.page.wait("document.querySelectorAll('tr.run .tag').length", json!(8)).await;
    assert_eq!(a.iter().chain(&b).filter(|id| is_tagged(id)).count(), 8);
    walk.done("tag what a filter finds, keep the view, send the link", 4, "#/?exp=digits&group=").await;

    walk.choose("#group", "run:tags").await;
    walk.shows("[...document.querySelectorAll('tr.group th')].some((one) => one.textContent.includes('good'))").await;
    walk.done("group by tag", 3, "#/?exp=digits&group=").await;

    // Values behind an operator, and Enter takes the one that is chosen.
    walk.filter("tag = ").await;
    walk.page.wait(words, json!(["good"])).await;
    let filter = walk.page.client.find(Locator::Css("#filter")).await.unwrap();
    filter.send_keys("\u{e015}\u{e007}").await.unwrap();
    walk.shows("document.getElementById('filter').value === 'tag = good ' && document.getElementById('count').textContent === '8 of 10 runs'").await;
    walk.shows("document.getElementById('suggestions').hidden").await;
    walk.done("a value is suggested", 0, &format!("#/run/{}", a[0])).await;

    walk.click("details.edit-run summary").await;
    walk.page.fill("[data-field=name]", "the first\u{e007}").await;
    walk.shows("document.querySelector('.run-head h1').textContent.includes('the first')").await;
    walk.done("rename a run", 3, "#/?exp=digits&group=").await;

    walk.click(&tick(&a[0])).await;
    walk.click("#delete").await;
    walk.shows(&format!("!document.querySelector(\"{}\")", tick(&a[0]))).await;
    walk.done("delete", 2, "#/?exp=digits").await;
    walk.click("[data-tab=trash]").await;
    walk.click(&format!("[data-restore='{}']", a[0])).await;
    walk.shows("document.querySelector('#detail').textContent.includes('Nothing here')").await;
    walk.done("restore", 2, "#/?exp=digits&group=").await;

    // Pictures and numbers.
    for (label, tool) in [("a drawing", "A drawing"), ("the numbers", "The numbers")] {
        walk.page
            .js("window.saved = []; URL.createObjectURL = (blob) => { window.saved.push(blob.type); return 'blob:none'; }")
            .await;
        walk.click(".chart[data-metric=loss] .saves summary").await;
        walk.click(&format!(".chart[data-metric=loss] [title='{tool}']")).await;
        walk.shows("window.saved.length === 1").await;
        walk.done(label, 2, "#/?exp=digits&group=").await;
    }
    walk.page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_is_followed_and_stopped() {
    let root = crate::place::folder();
    finished(root.path(), new_run("digits", "[8]", 0.1, 1), 0.9);
    let mut run = new_run("digits", "[8]", 0.1, 2);
    run.params.insert("training.max_epochs".to_owned(), json!(100));
    let mut writer = RunWriter::start(root.path(), run).unwrap();
    (1..=20).for_each(|number| writer.log(&epoch(number)).unwrap());
    let Some(mut walk) = Walk::begin(root.path(), "").await else { return };
    walk.click(&opened(writer.id())).await;
    walk.shows("document.querySelector('.progress span').textContent.startsWith('epoch 20 of 100 · at most')").await;
    let requests = writer.stop_requests().unwrap();
    walk.click(".progress .stop").await;
    walk.shows("document.body.textContent.includes('Asked to stop')").await;
    assert!(requests.is_asked());
    writer.finish(Status::Interrupted, "interrupted after epoch 20", None).unwrap();
    walk.shows("document.querySelector('.remedy.interrupted pre').textContent.includes('resume')").await;
    walk.done("watch a run and stop it", 2, "").await;
    walk.page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_sorted_by_how_sure_or_how_large_they_are() {
    let root = crate::place::folder();
    let with = |experiment: &str, table: &str, key: &str| {
        let mut writer = RunWriter::start(root.path(), new_run(experiment, "[8]", 0.1, 1)).unwrap();
        writer.log(&epoch(1)).unwrap();
        writer.log(&[point(key, 0, 0.5)]).unwrap();
        writer.write_file("predictions.csv", table.as_bytes()).unwrap();
        let id = writer.id().clone();
        writer.finish(Status::Finished, "done", Some(1)).unwrap();
        id
    };
    let classes =
        "row,true,predicted,probability_no,probability_yes\n1,no,yes,0.4,0.6\n2,yes,no,0.99,0.01\n3,no,no,0.8,0.2\n";
    let numbers = "row,true,predicted\n1,1.0,1.5\n2,2.0,-7.0\n3,3.0,3.25\n";
    let (table, regression) = (with("table", classes, "test/accuracy"), with("prices", numbers, "test/rmse"));
    let Some(mut walk) = Walk::begin(root.path(), "#/?exp=table").await else { return };
    let rows = "[...document.querySelectorAll('#detail table tbody tr')].map((row) => row.cells[0].textContent)";
    for (id, expected, next) in
        [(&table, json!(["2", "1"]), "#/?exp=prices"), (&regression, json!(["2", "1", "3"]), "#/")]
    {
        walk.click(&opened(id)).await;
        walk.click(".subtabs a[href*='tab=predictions']").await;
        walk.page.wait(rows, expected).await;
        walk.done("wrong predictions, the surest first", 2, next).await;
    }
    walk.page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_says_what_matters_and_in_which_direction() {
    let root = crate::place::folder();
    let sweep = new_sweep(root.path(), 12);
    // The higher the learning rate, the lower the loss.
    for number in 1..=12 {
        let rate = f64::from(number) / 100.0;
        train_trial(root.path(), &sweep, "box:1", rate, TrialState::Finished, Some(1.0 - rate));
    }
    let Some(mut walk) = Walk::begin(root.path(), "").await else { return };
    walk.click("[data-tab=sweeps]").await;
    walk.click("table.sweeps a").await;
    let row = "[...document.querySelector('table.importance tbody tr').cells].map((cell) => cell.textContent)";
    walk.shows(&format!("{row}[0] === 'training.learning_rate'")).await;
    walk.page.wait(&format!("{row}[2]"), json!("higher ↗")).await;
    walk.page
        .wait(
            "document.querySelector('.direction').title",
            json!("rank correlation with a better validation/loss: 1.00"),
        )
        .await;
    walk.shows("document.querySelector('.warning pre').textContent.includes('--seeds 10')").await;
    walk.done("which param matters, and what to try next", 2, "").await;
    walk.page.close().await;
}

/// A config that is worse than no network at all says so.
#[tokio::test(flavor = "multi_thread")]
async fn the_leaderboard_has_the_baseline() {
    let root = crate::place::folder();
    // The evaluation says that one half of the rows are of the most frequent class.
    for (hidden, results) in [("[8]", [0.9, 0.92]), ("[4]", [0.45, 0.47])] {
        (1..).zip(results).for_each(|(seed, result)| {
            finished(root.path(), new_run("digits", hidden, 0.1, seed), result);
        });
    }
    let Some(walk) = Walk::begin(root.path(), "").await else { return };
    let marks = "[...document.querySelectorAll('table.leaderboard tbody tr')].map((row) => [...row.querySelectorAll('.mark')].map((mark) => mark.textContent))";
    walk.page.wait(marks, json!([["best"], ["below the baseline"]])).await;
    walk.page.wait("document.querySelectorAll('.interval .baseline').length", json!(2)).await;
    let text: Value = walk.page.js("return document.querySelector('p.baseline').textContent").await;
    assert_eq!(text, json!("┊ 0.5000: without looking at the inputs."));
    walk.page.close().await;
}
