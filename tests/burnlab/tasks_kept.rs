//! More of what people come to the page for: names, comparisons of several configs, files, and the way back.

use burnlab::tracking::{DataRecord, NewRun, RunId, Store};
use serde_json::json;

use crate::browser::{finished, new_run};
use crate::tasks::{mixed, opened, tick};
use crate::walk::Walk;
use crate::webdriver::{Locator, key};

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_is_renamed_and_back_and_a_note_has_several_lines() {
    let root = crate::place::folder();
    let (a, ..) = mixed(root.path());
    let experiment = |id: &RunId| Store::open_read_only(root.path()).unwrap().run(id).unwrap().record.experiment;
    let Some(mut walk) = Walk::begin(root.path(), "#/?exp=digits&group=seeds&mean=1").await else { return };

    walk.click(".rename > summary").await;
    walk.shows("document.activeElement.value === 'digits'").await;
    walk.keys(&format!("handwritten <i>digits</i>{}", key::ENTER)).await;
    walk.shows("document.querySelector('.board h1').textContent === 'handwritten <i>digits</i>'").await;
    walk.shows("document.querySelectorAll('tr.group').length === 2 && document.title.startsWith('handwritten')").await;
    assert_eq!(experiment(&a[0]), "handwritten <i>digits</i>");
    walk.click("#toast button").await;
    walk.shows("document.querySelector('.board h1').textContent === 'digits'").await;
    assert_eq!(experiment(&a[0]), "digits");
    walk.done("rename an experiment, and undo it", 3, "#/?exp=digits").await;

    // Another one's name is refused, and nothing changes.
    walk.click(".rename > summary").await;
    walk.shows("document.activeElement.value === 'digits'").await;
    walk.keys(&format!("wine{}", key::ENTER)).await;
    walk.shows("document.getElementById('toast').textContent.includes('wine` has runs already (1)')").await;
    assert_eq!(experiment(&a[0]), "digits");
    walk.done("a name that is taken", 3, &format!("#/run/{}", a[0])).await;

    walk.click("details.edit-run summary").await;
    walk.click("[data-field=note]").await;
    walk.keys(&format!("first line\nsecond line{}", "\u{e009}\u{e007}\u{e000}")).await;
    walk.shows(
        "[...document.querySelectorAll('.facts dd')].some((one) => one.textContent === 'first line\\nsecond line')",
    )
    .await;
    walk.done("a note of several lines", 3, "").await;
    walk.page.close().await;
}

/// Three configs of two experiments, tested on the same rows; one of another data set is refused.
#[tokio::test(flavor = "multi_thread")]
async fn configs_of_two_experiments_are_compared_on_the_same_rows_alone() {
    let root = crate::place::folder();
    let train = |experiment: &str, hidden: &str, rows: &str, results: [f64; 5]| -> RunId {
        let run = |seed| {
            let data = DataRecord { test: rows.to_owned(), rows: format!("all of {rows}"), ..DataRecord::default() };
            NewRun { data: Some(data), ..new_run(experiment, hidden, 0.1, seed) }
        };
        (1..).zip(results).map(|(seed, result)| finished(root.path(), run(seed), result)).last().unwrap()
    };
    let one = train("first", "[8]", "test", [0.955, 0.948, 0.962, 0.930, 0.970]);
    let two = train("first", "[16]", "test", [0.978, 0.969, 0.981, 0.960, 0.985]);
    let three = train("second", "[32]", "test", [0.953, 0.957, 0.949, 0.941, 0.968]);
    let other = train("third", "[8]", "others", [0.99, 0.98, 0.97, 0.99, 0.98]);
    let Some(mut walk) = Walk::begin(root.path(), "#/?draw=5").await else { return };
    for id in [&one, &two, &three] {
        walk.click(&tick(id)).await;
    }
    walk.click("#compare").await;
    let claims = "[...document.querySelectorAll('table.comparisons tbody tr')].map((row) => row.querySelector('td').textContent)";
    walk.page.wait(claims, json!(["baseline", "better", "not distinguishable"])).await;
    walk.done("three configs of two experiments", 4, "#/?draw=5").await;

    walk.click(&tick(&one)).await;
    walk.click(&tick(&other)).await;
    walk.click("#compare").await;
    walk.shows("document.querySelector('.compare-body').textContent.includes('different')").await;
    walk.shows("!document.querySelector('.compare-body').textContent.includes(' is worse than ')").await;
    // No winner of the row either.
    walk.shows("!document.querySelector(\"#metrics [data-key='test/accuracy']\").textContent.includes('★')").await;
    walk.done("others are refused", 4, "").await;
    walk.page.close().await;
}

/// Pictures and tables as files: what the browser is given to save.
#[tokio::test(flavor = "multi_thread")]
async fn charts_means_and_the_table_are_saved() {
    const NAMES: &str =
        "HTMLAnchorElement.prototype.click = function () { window.names = [...(window.names ?? []), this.download]; };";
    const CONTENTS: &str = "window.saved = []; URL.createObjectURL = (blob) => { blob.text().then((text) => window.saved.push([blob.type, text])); return 'data:,'; };";
    let catch_all = format!("{NAMES} {CONTENTS}");
    let root = crate::place::folder();
    mixed(root.path());
    let address = "#/?exp=digits&group=seeds&mean=1&band=sd";
    let Some(mut walk) = Walk::begin(root.path(), address).await else { return };
    walk.shows("document.querySelector('.chart[data-metric=loss] .band')").await;
    walk.page.js(&catch_all).await;
    walk.click(".chart[data-metric=loss] .saves summary").await;
    walk.click(".chart[data-metric=loss] [title='The numbers']").await;
    walk.shows("window.saved.length === 1 && window.names[0] === 'loss.csv'").await;
    let text = walk.page.js("return window.saved[0][1]").await;
    let mut table = csv::Reader::from_reader(text.as_str().unwrap().as_bytes());
    let head = table.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!((rows.len(), &rows[1][0]), (10, "2"));
    // All seeds have the same curve here, so that the interval has no width.
    for (name, value) in
        [("", "0.625"), (": sd", "0"), (": 95 % from", "0.625"), (": 95 % to", "0.625"), (": runs", "5")]
    {
        let name = format!("hidden [16] (mean) validation{name}");
        let column = head.iter().position(|one| one == name).unwrap_or_else(|| panic!("no {name}: {head:?}"));
        assert_eq!(&rows[1][column], value, "{name}");
    }
    walk.done("the means as CSV", 2, address).await;

    walk.shows("document.querySelector('tr.run')").await;
    walk.page.js(&catch_all).await;
    walk.click("#save-table").await;
    walk.shows("window.saved.length === 1 && window.saved[0][1].trim().split('\\n').length === 11").await;
    walk.done("the table as CSV", 2, address).await;

    walk.shows("document.querySelector('.chart[data-metric=loss] .curve')").await;
    // The picture is drawn from a URL of its own, which must not be caught.
    walk.page.js(NAMES).await;
    walk.click(".chart[data-metric=loss] .saves summary").await;
    walk.click(".chart[data-metric=loss] [title='A picture']").await;
    walk.shows("(window.names ?? []).includes('loss.png')").await;
    walk.done("a picture with its legend", 2, "").await;
    walk.page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_archived_and_shown_again() {
    let root = crate::place::folder();
    let (a, ..) = mixed(root.path());
    let Some(mut walk) = Walk::begin(root.path(), "#/?exp=digits").await else { return };
    walk.click(&tick(&a[0])).await;
    walk.click("#archive").await;
    walk.shows(&format!("!document.querySelector(\"{}\")", tick(&a[0]))).await;
    walk.done("archive", 2, "#/?exp=digits").await;
    walk.click("#archived").await;
    walk.shows(&format!("document.querySelector(\"tr.archived[data-id='{}']\")", a[0])).await;
    walk.done("show what is archived", 2, "").await;
    walk.page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_undoes_the_last_step_and_a_reload_changes_nothing() {
    let root = crate::place::folder();
    let (a, b, _) = mixed(root.path());
    let Some(mut walk) = Walk::begin(root.path(), "#/?exp=digits&group=").await else { return };
    walk.shows("document.querySelectorAll('tr.run').length === 10").await;
    walk.filter("test/accuracy > .95").await;
    walk.shows("document.getElementById('count').textContent === '8 of 10 runs'").await;
    walk.choose("#group", "seeds").await;
    walk.shows("document.querySelectorAll('tr.group').length === 2").await;
    walk.click(&tick(&b[0])).await;
    walk.shows("document.getElementById('selection').textContent.startsWith('1 selected')").await;
    walk.click(&opened(&b[0])).await;
    walk.shows("document.querySelector('.run-head h1')").await;

    // What each step left, from the last to the first.
    walk.page.js("history.back()").await;
    walk.shows("document.body.dataset.view === 'charts' && document.getElementById('selection').textContent.startsWith('1 selected')").await;
    walk.page.js("history.back()").await;
    walk.shows("document.getElementById('selection').hidden && document.querySelectorAll('tr.group').length === 2")
        .await;
    walk.page.js("history.back()").await;
    walk.shows("document.querySelectorAll('tr.group').length === 0 && document.getElementById('count').textContent === '8 of 10 runs'").await;
    walk.page.js("history.back()").await;
    walk.shows("document.getElementById('count').textContent === '10 runs'").await;
    for _ in 0..3 {
        walk.page.js("history.forward()").await;
    }
    walk.shows("document.getElementById('selection').textContent.startsWith('1 selected')").await;
    let look = "[location.hash, document.getElementById('count').textContent, document.querySelectorAll('tr.group, tr.run').length, document.querySelectorAll('tr.selected').length, [...document.querySelectorAll('.legend .chip')].map((one) => one.textContent)]";
    walk.shows("document.getElementById('count').textContent === '8 of 10 runs' && document.querySelectorAll('tr.selected').length === 1").await;
    walk.shows("document.querySelectorAll('.legend .chip').length === 2").await;
    let before = walk.page.js(&format!("return {look}")).await;
    walk.page.client.refresh().await.unwrap();
    walk.page.wait(look, before).await;
    assert_ne!(a, b);
    walk.page.close().await;
}

/// Which charts stand where is kept with the experiment, and leaves no other as it was not.
#[tokio::test(flavor = "multi_thread")]
async fn charts_are_moved_and_hidden_and_stay_so() {
    let root = crate::place::folder();
    mixed(root.path());
    let Some(mut walk) = Walk::begin(root.path(), "").await else { return };
    let open = "table.experiments a[href*='exp=digits']";
    let shown = "[...document.querySelectorAll('.chart')].filter((one) => one.checkVisibility()).map((one) => one.dataset.metric)";
    walk.click(open).await;
    // The test accuracy is no curve: the loss alone is one.
    walk.page.wait(shown, json!(["loss"])).await;
    walk.click(".chart[data-metric=loss] .arrange summary").await;
    walk.click(".chart[data-metric=loss] [title^='A button below']").await;
    walk.page.wait(shown, json!([])).await;
    walk.done("hide a chart", 3, "#/experiments").await;
    walk.click(open).await;
    walk.shows("document.querySelector('[data-show=loss]')?.checkVisibility()").await;
    walk.page.wait(shown, json!([])).await;
    walk.click("[data-show=loss]").await;
    walk.page.wait(shown, json!(["loss"])).await;
    walk.done("and show it", 2, "#/?exp=wine").await;
    walk.page.wait(shown, json!(["loss"])).await;
    assert!(walk.page.client.find(Locator::Css(".hidden-charts:not([hidden])")).await.is_err());
    walk.page.close().await;
}
