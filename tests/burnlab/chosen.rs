//! What a user of the page arranges: charts of their own, columns, filters by clicks, what is drawn, and what is sent to others.

use burnlab::tracking::{RunWriter, TrialState};
use serde_json::{Value, json};

use crate::browser::{Page, epoch, finished, new_run, new_sweep, open, point, three, train_trial};
use crate::tasks::mixed;
use crate::walk::Walk;
use crate::webdriver::{Locator, key};

const ALT_RIGHT: &str = "\u{e00a}\u{e014}\u{e000}";
const ALT_DOWN: &str = "\u{e00a}\u{e015}\u{e000}";
const SHIFT_RIGHT: &str = "\u{e008}\u{e014}\u{e000}";
const SHIFT_ENTER: &str = "\u{e008}\u{e007}\u{e000}";

/// The fields of the runs' heads, from left to right.
const HEADS: &str = "[...document.querySelectorAll('table.runs thead [data-sort]')].map((one) => one.dataset.sort)";

async fn focus(page: &Page, css: &str) {
    page.wait(&format!("document.querySelectorAll({css:?}).length > 0"), json!(true)).await;
    page.js(&format!("document.querySelector({css:?}).focus()")).await;
}

/// Types over what the filter holds, which keeps the focus: without it, the page would write its own state there.
async fn filter(page: &Page, text: &str) {
    page.wait("document.getElementById('filter')?.checkVisibility() ?? false", json!(true)).await;
    let field = page.client.find(Locator::Css("#filter")).await.unwrap();
    field.send_keys(&format!("\u{e009}a\u{e000}{text}")).await.unwrap();
}

async fn keys(page: &Page, keys: &str) {
    page.client.press_keys(keys).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_of_chosen_metrics_is_added_changed_and_removed() {
    let root = crate::place::folder();
    mixed(root.path());
    let Some(mut walk) = Walk::begin(root.path(), "").await else { return };
    let open = "table.experiments a[href*='exp=digits']";
    walk.click(open).await;
    walk.click("#add-chart").await;
    walk.click("#panel-save").await;
    walk.shows("document.querySelector('#dialog .problem').textContent === 'Choose a metric.'").await;
    walk.click("#dialog [data-key='train/loss']").await;
    walk.click("#dialog [data-key='validation/loss']").await;
    walk.page.fill("#panel-title", "<b>gap</b>").await;
    walk.click("#panel-save").await;
    // Both metrics of the two configs, told apart by their dashes.
    let chart = "document.querySelector(\".chart[data-metric='<b>gap</b>']\").chart";
    let lines = format!("{chart}.lines.map((line) => [line.split, line.dash])");
    walk.page
        .wait(
            &lines,
            json!([["train/loss", null], ["train/loss", null], ["validation/loss", "6 4"], ["validation/loss", "6 4"]]),
        )
        .await;
    walk.done("a chart of two metrics", 6, "#/experiments").await;

    // It is kept with the experiment, and is changed and removed by its menu.
    walk.click(open).await;
    walk.page.wait(&format!("{chart}.lines.length"), json!(4)).await;
    walk.click(".chart[data-metric='<b>gap</b>'] .arrange summary").await;
    walk.click(".chart[data-metric='<b>gap</b>'] [title^='Another title']").await;
    walk.click("#dialog [data-key='train/loss']").await;
    walk.click("#panel-save").await;
    walk.page.wait(&lines, json!([["validation/loss", null], ["validation/loss", null]])).await;
    walk.done("and changed", 5, "#/experiments").await;
    walk.click(open).await;
    walk.click(".chart[data-metric='<b>gap</b>'] .arrange summary").await;
    walk.click(".chart[data-metric='<b>gap</b>'] [title^='The chart; its']").await;
    walk.shows("document.querySelectorAll('.chart').length === 1 && !location.hash.includes('panels')").await;
    walk.done("and removed", 3, "#/?exp=digits&group=&draw=best:5").await;

    // A point for each run that is drawn: a param against a metric.
    walk.click("#add-chart").await;
    walk.choose("#panel-kind", "points").await;
    walk.choose("#panel-x", "param:model.hidden").await;
    walk.choose("#panel-y", "test/accuracy").await;
    walk.click("#panel-save").await;
    let points = "document.querySelector(\".chart[data-metric='model.hidden, test/accuracy']\")";
    walk.page
        .wait(
            &format!("{points}.chart.plot.marks.map((mark) => [mark.x, mark.y]).sort().join(' ')"),
            json!("[16],0.969 [16],0.978 [16],0.981 [16],0.985 [8],0.97"),
        )
        .await;
    walk.click(".chart.points .numbers summary").await;
    walk.shows(&format!("{points}.querySelectorAll('tbody tr').length === 5 && !{points}.textContent.includes('NaN')"))
        .await;
    walk.done("a chart of points", 6, "#/?exp=wine").await;
    // No other experiment has it; a title that a metric has is refused.
    walk.shows("document.querySelectorAll('.chart').length === 1").await;
    walk.click("#add-chart").await;
    walk.click("#dialog [data-key='train/loss']").await;
    walk.page.fill("#panel-title", "loss").await;
    walk.click("#panel-save").await;
    walk.shows("document.querySelector('#dialog .problem').textContent.includes('already')").await;
    walk.page.close().await;
}

/// One chart by time, the other by epoch; a y axis that ends where it was said; the validation alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_chart_has_settings_of_its_own() {
    let root = crate::place::folder();
    three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    let plot = "document.querySelector('[data-metric=loss]').chart.plot";
    page.wait(&format!("{plot}.curves.length"), json!(6)).await;
    focus(&page, "[data-metric=loss] .arrange summary").await;
    keys(&page, key::ENTER).await;
    let choose = |key: &str, value: &str| {
        format!(
            "const field = document.querySelector('[data-metric=loss] [data-own={key}]'); field.value = {value:?}; field.dispatchEvent(new Event('change'))"
        )
    };
    page.js(&choose("part", "validation")).await;
    page.wait(&format!("{plot}.curves.length"), json!(3)).await;
    page.js(&choose("x", "time")).await;
    // An epoch takes a quarter of a second.
    page.wait(&format!("{plot}.curves[0].points.map((point) => point[0]).slice(0, 3)"), json!([0.25, 0.5, 0.75])).await;
    page.wait("document.getElementById('x-axis').value", json!("epoch")).await;
    page.js(&choose("low", "0")).await;
    page.js(&choose("high", "2")).await;
    let ends = format!("[{plot}.y.at({plot}.area.bottom), {plot}.y.at({plot}.area.top)]");
    page.wait(&ends, json!([0, 2])).await;
    page.client.refresh().await.unwrap();
    page.wait(&ends, json!([0, 2])).await;
    page.wait("document.querySelector('[data-metric=loss]').classList.contains('has-own')", json!(true)).await;
    page.js(&choose("smooth", "0.9")).await;
    // The first value is as it was, the second nearly the same: 0.1 of the way from 1.125 to 0.625, over its weights' sum.
    page.wait(&format!("Math.abs({plot}.curves[0].points[1][1] - (0.9 * 1.125 + 0.625) / 1.9) < 1e-9"), json!(true))
        .await;
    for key in ["smooth", "x", "part", "low", "high"] {
        page.js(&choose(key, "")).await;
    }
    page.wait("location.hash.includes('own=')", json!(false)).await;
    page.wait(&format!("{plot}.curves.length"), json!(6)).await;
    // What an address says that is no setting is left out.
    let odd = "#/?own=%5B%22loss%22%2C%7B%22x%22%3A%22__proto__%22%2C%22low%22%3A%22a%22%7D%5D,%7B%7D,7&panels=%5B%22a%22%2C%5B7%2C%22__proto__%22%5D%5D,x&widths=run:seed%3D1e9,__proto__&sort=run:toString,-param:__proto__";
    page.client.goto(&format!("{}{odd}", page.url)).await.unwrap();
    page.wait(&format!("{plot}.curves.length"), json!(6)).await;
    page.wait("document.querySelectorAll('.chart').length", json!(1)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_moved_widened_hidden_and_sorted_by_several() {
    let root = crate::place::folder();
    let ids: Vec<_> = [("[8]", 0.1, 2, 0.5), ("[16]", 0.1, 1, 0.25), ("[8]", 0.1, 1, 0.75)]
        .map(|(hidden, rate, seed, accuracy)| finished(root.path(), new_run("digits", hidden, rate, seed), accuracy))
        .into();
    let Some(page) = open(root.path(), "#/?sort=param:model.hidden").await else { return };
    page.rows(&[&ids[2], &ids[0], &ids[1]]).await;
    // By the width of the network, then by the seed: with the keyboard.
    let arrow = "document.querySelector(\"[data-sort='run:seed'] .arrow\").textContent";
    focus(&page, "[data-sort='run:seed']").await;
    keys(&page, SHIFT_ENTER).await;
    page.wait(&format!("[location.hash, {arrow}]"), json!(["#/?sort=param:model.hidden,-run:seed", "▾2"])).await;
    page.rows(&[&ids[0], &ids[2], &ids[1]]).await;
    focus(&page, "[data-sort='run:seed']").await;
    keys(&page, SHIFT_ENTER).await;
    page.wait(&format!("[location.hash, {arrow}]"), json!(["#/?sort=param:model.hidden,run:seed", "▴2"])).await;
    page.rows(&[&ids[2], &ids[0], &ids[1]]).await;

    let first = page.js(&format!("return {HEADS}[2]")).await;
    let css = format!("[data-sort='{}']", first.as_str().unwrap());
    focus(&page, &css).await;
    keys(&page, ALT_RIGHT).await;
    page.wait(&format!("{HEADS}[3]"), first.clone()).await;
    page.wait("document.activeElement.dataset.sort", first.clone()).await;
    let width = format!("Math.round(document.querySelector({css:?}).closest('th').getBoundingClientRect().width)");
    let before = page.js(&format!("return {width}")).await.as_i64().unwrap();
    keys(&page, SHIFT_RIGHT).await;
    page.wait(&width, json!(before + 20)).await;
    // Kept with the experiment; the menu moves it back and hides it.
    page.client.goto(&format!("{}#/experiments", page.url)).await.unwrap();
    page.click("table.experiments a").await;
    page.wait(&format!("[{HEADS}[3], {width}]"), json!([first, before + 20])).await;
    focus(&page, &css).await;
    keys(&page, ALT_DOWN).await;
    page.click("#column-menu [aria-label='Move to the left']").await;
    page.wait(&format!("{HEADS}[2]"), first.clone()).await;
    // A column that is pinned stands first, and stays beside the name when the others move.
    let act = |label: &str| {
        format!(
            "[...document.querySelectorAll('#column-menu button')].find((one) => one.textContent === '{label}').click()"
        )
    };
    focus(&page, "[data-sort='run:note']").await;
    keys(&page, ALT_DOWN).await;
    page.js(&act("Pin")).await;
    page.wait(&format!("{HEADS}[2]"), json!("run:note")).await;
    page.js("document.getElementById('table-box').scrollLeft = 150").await;
    let gap = "(() => { const right = document.querySelector('tr.run .name').getBoundingClientRect().right; return ['tr.run td.stuck', 'thead th.stuck'].map((css) => Math.round(document.querySelector(css).getBoundingClientRect().left - right)); })()";
    page.wait(gap, json!([0, 0])).await;
    page.js("document.getElementById('table-box').scrollLeft = 0").await;
    focus(&page, &css).await;
    keys(&page, ALT_DOWN).await;
    page.js("[...document.querySelectorAll('#column-menu button')].find((one) => one.textContent === 'Hide').click()")
        .await;
    page.wait(&format!("{HEADS}.includes({first})"), json!(false)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_made_of_clicks() {
    let root = crate::place::folder();
    let run =
        |hidden: &str, rate: f64, accuracy: f64| finished(root.path(), new_run("digits", hidden, rate, 1), accuracy);
    let ids = [run("[8]", 0.1, 0.5), run("[16]", 0.01, 0.75), run("[16, 8]", 0.1, 0.25)];
    let Some(page) = open(root.path(), "").await else { return };
    page.rows(&[&ids[2], &ids[1], &ids[0]]).await;
    let said = "document.getElementById('filter').value";
    // One of two values of a param, then a range of a metric: with the keyboard.
    focus(&page, "[data-sort='param:model.hidden']").await;
    keys(&page, ALT_DOWN).await;
    page.click("#column-menu .values label:nth-child(1) input").await;
    page.wait(said, json!("model.hidden = [8]")).await;
    page.rows(&[&ids[0]]).await;
    page.click("#column-menu .values label:nth-child(2) input").await;
    page.wait(said, json!("(model.hidden = [8] or model.hidden = [16,8])")).await;
    page.rows(&[&ids[2], &ids[0]]).await;
    keys(&page, key::ESCAPE).await;
    focus(&page, "[data-sort='best:test/accuracy']").await;
    keys(&page, ALT_DOWN).await;
    page.fill("#column-menu [aria-label=from]", &format!("0.4{}", key::ENTER)).await;
    page.wait(said, json!("(model.hidden = [8] or model.hidden = [16,8]) and test/accuracy >= 0.4")).await;
    page.rows(&[&ids[0]]).await;
    page.wait("document.querySelectorAll('.funnel').length", json!(2)).await;
    // What a column says is taken away alone.
    focus(&page, "[data-sort='param:model.hidden']").await;
    keys(&page, ALT_DOWN).await;
    page.click("#column-menu .link").await;
    page.wait(said, json!("test/accuracy >= 0.4")).await;
    page.js("history.back()").await;
    // To before it, or before all that was clicked within a moment.
    page.wait(&format!("{said} === 'test/accuracy >= 0.4'"), json!(false)).await;
    // No range that is none.
    filter(&page, " ").await;
    page.rows(&[&ids[2], &ids[1], &ids[0]]).await;
    focus(&page, "[data-sort='best:test/accuracy']").await;
    keys(&page, ALT_DOWN).await;
    page.fill("#column-menu [aria-label=to]", &format!("much{}", key::ENTER)).await;
    page.wait("document.querySelector('#column-menu .problem').hidden", json!(false)).await;
    keys(&page, key::ESCAPE).await;

    // By a value of the run that the keyboard is on, or by a click with Alt.
    focus(&page, "table.runs").await;
    keys(&page, &format!("{}f", key::DOWN)).await;
    page.js("[...document.querySelectorAll('#column-menu button')].find((one) => one.textContent === 'learning_rate = 0.1').click()").await;
    page.rows(&[&ids[2], &ids[0]]).await;
    page.wait(said, json!("training.learning_rate = 0.1")).await;
    page.js(&format!(
        "[...document.querySelectorAll(\"tr[data-id='{}'] td\")].find((one) => one.textContent === '[8]').dispatchEvent(new MouseEvent('click', {{ altKey: true, bubbles: true }}))",
        ids[0]
    ))
    .await;
    page.wait(said, json!("training.learning_rate = 0.1 and model.hidden = [8]")).await;
    page.rows(&[&ids[0]]).await;
    // Days: the runs are of today.
    filter(&page, " ").await;
    page.rows(&[&ids[2], &ids[1], &ids[0]]).await;
    focus(&page, "[data-sort='run:started']").await;
    keys(&page, ALT_DOWN).await;
    page.js("const [from] = document.querySelectorAll('#column-menu input'); from.value = '2100-01-01'; from.form.requestSubmit()").await;
    page.wait(said, json!("started >= 2100-01-01")).await;
    page.rows(&[]).await;
    page.close().await;
}

/// What was asked last is offered when the field is empty.
#[tokio::test(flavor = "multi_thread")]
async fn filters_are_remembered() {
    let root = crate::place::folder();
    let ids = three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    page.rows(&[&ids[2], &ids[1], &ids[0]]).await;
    page.fill("#filter", &format!("learning_rate = 0.1{}", key::ENTER)).await;
    page.rows(&[&ids[2]]).await;
    page.wait("localStorage.getItem('burnlab-filters')", json!("[\"learning_rate = 0.1\"]")).await;
    page.client.goto(&format!("{}#/?sort=run:started", page.url)).await.unwrap();
    page.client.refresh().await.unwrap();
    page.rows(&[&ids[0], &ids[1], &ids[2]]).await;
    focus(&page, "table.runs").await;
    keys(&page, "/").await;
    page.wait(
        "[...document.querySelectorAll('#suggestions li')].map((one) => one.textContent)",
        json!(["learning_rate = 0.1"]),
    )
    .await;
    keys(&page, &format!("{}{}", key::DOWN, key::ENTER)).await;
    page.rows(&[&ids[2]]).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_legend_hides_and_the_best_are_drawn() {
    let root = crate::place::folder();
    let accuracy = |seed: u64| 0.5 + (seed * 5 % 12) as f64 / 100.0;
    let ids: Vec<_> =
        (1..=12).map(|seed| finished(root.path(), new_run("digits", "[8]", 0.1, seed), accuracy(seed))).collect();
    let Some(mut walk) = Walk::begin(root.path(), "#/?exp=digits").await else { return };
    let drawn =
        "[...new Set(document.querySelector('[data-metric=loss]').chart.lines.map((line) => line.run.id))].sort()";
    walk.page.wait(&format!("{drawn}.length"), json!(10)).await;
    walk.choose("#draw", "best:5").await;
    // Seeds 7, 2, 9, 4 and 11 have 11, 10, 9, 8 and 7 hundredths more than a half.
    let mut best: Vec<&str> = [7, 2, 9, 4, 11].map(|seed: usize| ids[seed - 1].as_str()).into();
    best.sort_unstable();
    walk.page.wait(drawn, json!(best)).await;
    walk.click(".legend .chip:first-child button").await;
    walk.page.wait(&format!("{drawn}.length"), json!(4)).await;
    walk.click("#show-hidden").await;
    walk.page.wait(drawn, json!(best)).await;
    walk.page
        .js("document.querySelector('.legend .chip:nth-child(2) button').dispatchEvent(new MouseEvent('click', { shiftKey: true, bubbles: true }))")
        .await;
    walk.page.wait(&format!("{drawn}.length"), json!(1)).await;
    walk.click("#show-hidden").await;
    walk.page.wait(drawn, json!(best)).await;
    // One alone by the keyboard, and all again; the validation's curves alone.
    focus(&walk.page, "table.runs").await;
    walk.keys(&format!("{}o", key::DOWN)).await;
    walk.page.wait(drawn, json!([ids[11].as_str()])).await;
    walk.keys("o").await;
    walk.page.wait(drawn, json!(best)).await;
    walk.choose("#part", "validation").await;
    walk.page.wait("document.querySelectorAll('[data-metric=loss] .curve').length", json!(5)).await;
    walk.page.close().await;
}

/// What is saved is opened without a server: the answer, the text, the charts and the runs are in it, and nothing can run.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_sent_as_a_page_a_text_and_a_short_link() {
    const TEXT: &str = "<script>window.owned = 1</script> & more\nlines";
    let root = crate::place::folder();
    mixed(root.path());
    let Some(mut walk) = Walk::begin(root.path(), "#/?exp=digits&group=seeds&mean=1&q=seed%20%3C%204").await else {
        return;
    };
    walk.shows("document.querySelector('.chart .band') && document.querySelector('.leaderboard b')").await;
    walk.shows("document.getElementById('count').textContent === '6 of 10 runs'").await;
    walk.page.js("window.saved = []; URL.createObjectURL = (blob) => { blob.text().then((text) => window.saved.push(text)); return 'data:,'; }").await;
    walk.click("#share summary").await;
    walk.click("#save-page").await;
    walk.page.fill("#page-title", "Which width?").await;
    walk.page.js(&format!("document.getElementById('page-text').value = {}", json!(TEXT))).await;
    walk.click("#page-save").await;
    walk.shows("window.saved.length === 1 && !document.getElementById('dialog').open").await;
    let saved = walk.page.js("return window.saved[0]").await;
    let text = walk.page.js("const { modules } = await import(new URL('assets/page.js', location.href)); return modules.share.markdown()").await;
    walk.done("save a view as a page", 3, "").await;

    let folder = crate::place::folder();
    let file = folder.path().join("page.html");
    std::fs::write(&file, saved.as_str().unwrap()).unwrap();
    let page = &walk.page;
    page.client.goto(&format!("file://{}", file.display())).await.unwrap();
    page.wait("document.title", json!("Which width?")).await;
    page.wait("document.querySelector('.own-text').textContent", json!(TEXT)).await;
    let there = "[document.querySelectorAll('.chart .curve').length > 0, document.querySelectorAll('.leaderboard tbody tr').length, \
         document.querySelectorAll('body > .scroller tbody tr').length, document.querySelectorAll('button, input, select, script, a').length, window.owned ?? null]";
    page.wait(there, json!([true, 2, 6, 0, null])).await;
    page.wait(
        "document.querySelector('.answer').textContent.startsWith('hidden [16] has the best mean, 0.9746')",
        json!(true),
    )
    .await;
    page.wait("performance.getEntriesByType('resource').length", json!(0)).await;
    for width in [400, 1200] {
        page.client.resize(width, 800).await.unwrap();
        page.wait("document.documentElement.scrollWidth <= innerWidth", json!(true)).await;
    }

    let text = text.as_str().unwrap();
    let expected = [
        "## digits\n\nhidden \\[16\\] has the best mean, 0.9746",
        "| config | accuracy | against the best | seeds | time |\n| --- | --- | --- | --- | --- |\n| hidden \\[16\\]best | 0.9746 | the best | 5 |",
        "| hidden \\[8\\] | 0.9530 | −0.0216 worse | 5 |",
    ];
    for part in expected {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.trim_end().ends_with("seed%20%3C%204"), "{text}");

    // A view under a name has a short address, which goes where the view goes.
    page.client.goto(&format!("{}#/?exp=digits&q=seed%20%3D%202", page.url)).await.unwrap();
    page.wait("document.getElementById('count').textContent", json!("2 of 10 runs")).await;
    page.click("#views summary").await;
    page.fill("#views input", &format!("two / 2{}", key::ENTER)).await;
    page.wait("document.querySelectorAll('.views .copy-view').length", json!(1)).await;
    page.client.goto("about:blank").await.unwrap();
    page.client.goto(&format!("{}#/view/two%20%2F%202", page.url)).await.unwrap();
    page.wait("document.getElementById('count').textContent", json!("2 of 10 runs")).await;
    page.client.goto(&format!("{}#/view/none", page.url)).await.unwrap();
    page.wait(
        "document.getElementById('toast').textContent",
        json!("There is no view “none” in this store (any more)."),
    )
    .await;
    walk.page.close().await;
}

/// A run that goes on beside the best one at the same epoch; its end is told wherever one looks.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_is_held_against_the_best() {
    let root = crate::place::folder();
    let of = |seed| {
        let mut run = new_run("digits", "[8]", 0.1, seed);
        run.params.insert("training.max_epochs".to_owned(), json!(40));
        run
    };
    let best = finished(root.path(), of(1), 0.9);
    let best = format!("digits {}", &best.as_str()[best.as_str().len() - 4..]);
    let mut writer = RunWriter::start(root.path(), of(2)).unwrap();
    writer.log(&epoch(1)).unwrap();
    // At epoch 4 the other has 1/4 + 1/8.
    writer.log(&[point("validation/loss", 4, 0.5)]).unwrap();
    let Some(page) = open(root.path(), "").await else { return };
    let line = format!("document.querySelector(\"[data-going='{}']\")", writer.id());
    page.wait(
        &format!("{line}.querySelector('.pace').textContent"),
        json!(format!("+0.1250 (worse) against {best}, the best so far, at epoch 4")),
    )
    .await;
    page.wait(&format!("{line}.textContent.includes('epoch 4 of 40 · at most')"), json!(true)).await;
    page.wait("document.title.startsWith('▶ 1 · ')", json!(true)).await;
    writer.log(&[point("validation/loss", 5, 0.125)]).unwrap();
    page.wait(&format!("{line}.querySelector('.pace').textContent.startsWith('−0.2000 (better)')"), json!(true)).await;
    writer.finish(burnlab::tracking::Status::Finished, "all 5 epochs done", Some(5)).unwrap();
    page.wait("document.querySelector('.going').hidden", json!(true)).await;
    page.wait("document.getElementById('toast').textContent.includes(': finished')", json!(true)).await;
    page.wait("document.title.includes('▶')", json!(false)).await;
    // Even if the message is gone by then.
    page.js("document.querySelector('#toast button').click()").await;
    page.wait("location.hash.startsWith('#/run/')", json!(true)).await;
    page.close().await;
}

/// The best quarter of 16 trials has the four smallest rates; the smallest is at the end of what was tried.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_says_where_to_search_next() {
    let root = crate::place::folder();
    let sweep = new_sweep(root.path(), 16);
    for number in 1..=16 {
        let rate = f64::from(number) / 100.0;
        train_trial(root.path(), &sweep, "box:1", rate, TrialState::Finished, Some(rate));
    }
    let Some(page) = open(root.path(), &format!("#/sweep/{sweep}")).await else { return };
    page.click("#next-space summary").await;
    page.wait(
        "document.querySelector('#next-space pre').textContent",
        json!("[sweep.space]\n\"model.hidden\" = { values = [[16,8]] }\n\"training.learning_rate\" = { min = 0.01, max = 0.04 }"),
    )
    .await;
    page.wait("document.querySelector('#next-space').textContent.includes('The best training.learning_rate lies at the lower end')", json!(true)).await;
    page.click("#best-trials").await;
    page.wait("[location.hash.startsWith('#/compare'), location.hash.includes('tab=curves')]", json!([true, true]))
        .await;
    page.wait("document.querySelectorAll('[data-metric=loss] .curve').length", json!(10)).await;
    page.close().await;
}

/// Nothing of the leaderboard is to the side of a phone's screen.
#[tokio::test(flavor = "multi_thread")]
async fn the_leaderboard_fits_a_phone() {
    let root = crate::place::folder();
    mixed(root.path());
    let Some(page) = open(root.path(), "#/?exp=digits").await else { return };
    page.client.resize(400, 800).await.unwrap();
    page.wait("document.querySelectorAll('.leaderboard tbody tr').length", json!(2)).await;
    let outside = "[...document.querySelectorAll('.leaderboard tbody :is(th, td, svg, button)')].filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth).length";
    page.wait(outside, json!(0)).await;
    page.wait("document.querySelector('.board .scroller').scrollWidth <= document.querySelector('.board .scroller').clientWidth", json!(true)).await;
    let button: Value =
        page.js("return document.querySelector('.compare-best').getBoundingClientRect().right <= innerWidth").await;
    assert_eq!(button, json!(true));
    assert!(page.client.find(Locator::Css(".compare-best")).await.is_ok());
    page.close().await;
}
