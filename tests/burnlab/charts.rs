//! The charts of the page: zoom, values under the pointer, what a click opens, colours, bands, and pictures to keep.

use burnlab::tracking::{RunId, RunWriter, Status};
use serde_json::json;

use crate::browser::{Page, epoch, finished, new_run, open, point, three};
use crate::webdriver::{Locator, key};

const LOSS: &str = "[data-metric=loss] .plot-svg";

/// The place of the middle point of a run's validation loss, in shares of the plot.
async fn middle_of(page: &Page, id: &RunId) -> (f64, f64) {
    page.wait("document.querySelectorAll('[data-metric=loss] .curve').length > 0", json!(true)).await;
    let place = format!(
        "const {{ plot }} = document.querySelector('[data-metric=loss]').chart; \
         const {{ points }} = plot.curves.find(({{ line }}) => line.run.id === '{id}' && line.split === 'validation'); \
         const [x, y] = points[Math.floor(points.length / 2)]; \
         return [plot.x.place(x) / plot.width, plot.y.place(y) / plot.height]"
    );
    let [x, y]: [f64; 2] = serde_json::from_value(page.js(&place).await).unwrap();
    (x, y)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drag_zooms_and_a_double_click_ends_it() {
    let root = crate::place::folder();
    three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    page.wait("document.querySelectorAll('[data-metric=loss] .curve').length", json!(6)).await;
    let ranges = "(() => { const { plot } = document.querySelector('[data-metric=loss]').chart; const { left, right, top, bottom } = plot.area; \
                  return [plot.x.at(left), plot.x.at(right), plot.y.at(bottom), plot.y.at(top)].map((end) => Number(end.toFixed(2))); })()";
    let whole = page.js(&format!("return {ranges}")).await;
    page.drag(LOSS, (0.4, 0.3), (0.7, 0.6)).await;
    // The drag's own ends, from the address: a share of the plot is a share of each axis.
    let from_address = "(() => { const values = new URLSearchParams(location.hash.split('?')[1]); \
         return [...values.get('zoom').split(','), ...values.get('zoomy').split(':').slice(1)].map((end) => Number(Number(end).toFixed(2))); })()";
    page.wait(&format!("JSON.stringify({ranges}) === JSON.stringify({from_address})"), json!(true)).await;
    assert_ne!(page.js(&format!("return {ranges}")).await, whole);
    // The zoomed picture is that of the address.
    let zoomed = page.js(&format!("return {ranges}")).await;
    page.client.refresh().await.unwrap();
    page.wait(ranges, zoomed).await;
    page.js(&format!(
        "document.querySelector('{LOSS}').dispatchEvent(new MouseEvent('dblclick', {{ bubbles: true }}))"
    ))
    .await;
    page.wait(ranges, whole.clone()).await;
    page.wait("location.hash", json!("#/")).await;
    // Along one axis alone.
    page.drag(LOSS, (0.4, 0.5), (0.7, 0.5)).await;
    page.wait("[location.hash.includes('zoom='), location.hash.includes('zoomy=')]", json!([true, false])).await;
    page.click("#reset-zoom").await;
    page.wait(ranges, whole).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pointer_reads_all_curves_and_a_click_opens_one() {
    let root = crate::place::folder();
    let ids: Vec<RunId> = [(1, 0.5), (2, 0.25), (3, 1.0)]
        .map(|(seed, loss)| {
            let mut writer = RunWriter::start(root.path(), new_run("digits", "[16]", 0.1, seed)).unwrap();
            let id = writer.id().clone();
            for number in 1..=9 {
                writer.log(&[point("validation/loss", number, loss + number as f64 / 1000.0)]).unwrap();
            }
            writer.finish(Status::Finished, "all 9 epochs done", Some(1)).unwrap();
            id
        })
        .into();
    let Some(page) = open(root.path(), "").await else { return };
    let (x, y) = middle_of(&page, &ids[1]).await;
    page.js(&format!(
        "const {{ chart }} = document.querySelector('[data-metric=loss]'); chart.hover({x} * chart.plot.width, {y} * chart.plot.height)"
    ))
    .await;
    // The best first, the one under the pointer marked; nothing is cut off.
    let rows = "[...document.querySelectorAll('#hover tr')].map((row) => [...row.querySelectorAll('td')].slice(1).map((cell) => cell.textContent).join(' '))";
    page.wait(
        rows,
        json!(
            ["0.2550 seed 2 validation", "0.5050 seed 1 validation", "1.0050 seed 3 validation"]
                .map(|row| row.replace("1.0050", "1.005"))
        ),
    )
    .await;
    page.wait("document.querySelector('#hover .near .label').textContent", json!("seed 2 validation")).await;
    let inside = "(() => { const box = document.getElementById('hover').getBoundingClientRect(); return box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight; })()";
    page.wait(inside, json!(true)).await;
    // The others fade, as they do when a row of the table is pointed at.
    page.wait("document.querySelectorAll('.plot-svg.fading .curve.lit').length", json!(1)).await;
    page.js("document.querySelector('[data-metric=loss]').chart.leave()").await;
    page.wait("document.querySelectorAll('.plot-svg.fading').length", json!(0)).await;
    page.js(&format!(
        "document.querySelector(\"tr[data-id='{}']\").dispatchEvent(new MouseEvent('mouseenter'))",
        ids[2]
    ))
    .await;
    page.wait("document.querySelectorAll('.plot-svg.fading .curve.lit').length", json!(1)).await;

    // By the keyboard, from point to point of the first curve.
    let plot = page.client.find(Locator::Css("[data-metric=loss] .plot")).await.unwrap();
    plot.send_keys(&key::RIGHT.repeat(3)).await.unwrap();
    page.wait("document.querySelector('.hover-title').textContent", json!("loss at epoch 3")).await;

    page.drag(LOSS, (x, y), (x, y)).await;
    page.wait("location.hash.split('?')[0]", json!(format!("#/run/{}", ids[1]))).await;
    page.close().await;
}

/// The ends of a band at epoch 1, where the losses are 1, 2 and 6: mean 3, standard deviation sqrt(7).
#[tokio::test(flavor = "multi_thread")]
async fn a_band_is_range_deviation_or_interval() {
    let root = crate::place::folder();
    for (seed, loss) in [(1, 1.0), (2, 2.0), (3, 6.0)] {
        let mut writer = RunWriter::start(root.path(), new_run("digits", "[16]", 0.1, seed)).unwrap();
        (1..=2).for_each(|number| writer.log(&[point("validation/loss", number, loss)]).unwrap());
        writer.finish(Status::Finished, "all 2 epochs done", Some(1)).unwrap();
    }
    let Some(page) = open(root.path(), "#/?group=seeds&mean=1").await else { return };
    let band = "document.querySelector('[data-metric=loss]').chart.plot.curves[0].band[0].map((end) => Number(end.toFixed(4)))";
    page.wait(band, json!([1, 1, 6])).await;
    page.js("const band = document.getElementById('band'); band.value = 'sd'; band.dispatchEvent(new Event('change'))")
        .await;
    page.wait(band, json!([1, 0.3542, 5.6458])).await;
    page.js("const band = document.getElementById('band'); band.value = 'interval'; band.dispatchEvent(new Event('change'))")
        .await;
    // As scipy's t.interval(0.95, df=2, loc=3, scale=sqrt(7 / 3)), -3.5724 to 9.5724; no loss is below 0.
    page.wait(band, json!([1, 0, 9.5724])).await;
    page.wait("document.querySelector('.key').lastChild.textContent", json!("band: 95 % t interval of the mean")).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_has_title_and_legend() {
    let root = crate::place::folder();
    three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    page.wait("document.querySelectorAll('[data-metric=loss] .curve').length", json!(6)).await;
    // What the page would save is kept here instead.
    page.js(
        "window.saved = []; HTMLAnchorElement.prototype.click = function () { saved.push(this.download); }; \
         const make = URL.createObjectURL; URL.createObjectURL = (blob) => { blob.text().then((text) => saved.push(text)); return make(blob); }",
    )
    .await;
    page.js("[...document.querySelectorAll('[data-metric=loss] .tools button')].find((one) => one.textContent === 'SVG').click()")
        .await;
    page.wait("saved.length", json!(2)).await;
    let told = "(() => { const text = saved.find((one) => one.startsWith('<svg')); const picture = new DOMParser().parseFromString(text, 'image/svg+xml'); \
                return [...picture.querySelectorAll('text')].map((one) => one.textContent).filter((one) => /loss|hidden|train$|validation/.test(one)); })()";
    page.wait(
        told,
        json!([
            "loss",
            "hidden [] · learning_rate 0.1",
            "hidden [16,8] · learning_rate 0.01",
            "hidden [16] · learning_rate 0.001",
            "train",
            "validation"
        ]),
    )
    .await;
    // It needs nothing of the page: no styles, no classes.
    page.wait("/class=|style=|var\\(/.test(saved.find((one) => one.startsWith('<svg')))", json!(false)).await;
    page.js("saved.length = 0; [...document.querySelectorAll('[data-metric=loss] .tools button')].find((one) => one.textContent === 'PNG').click()")
        .await;
    page.wait("saved.includes('loss.png')", json!(true)).await;
    page.wait("saved.some((one) => one.slice(1, 4) === 'PNG')", json!(true)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learning_rate_is_never_smoothed_and_what_is_said_twice_is_shown_once() {
    let root = crate::place::folder();
    let mut writer = RunWriter::start(root.path(), new_run("digits", "[16]", 0.1, 1)).unwrap();
    for number in 1..=4 {
        let loss = 1.0 / number as f64;
        writer.log(&epoch(number)).unwrap();
        writer
            .log(&[point("train/log_loss", number, loss), point("validation/log_loss", number, loss + 0.125)])
            .unwrap();
        writer.log(&[point("train/learning_rate", number, 0.1 * (number % 2) as f64)]).unwrap();
    }
    writer.finish(Status::Finished, "all 4 epochs done", Some(4)).unwrap();
    finished(root.path(), new_run("digits", "[16]", 0.1, 2), 0.9);
    let Some(page) = open(root.path(), "#/?smooth=0.9&more=1").await else { return };
    let values = |metric: &str| {
        format!("document.querySelector('[data-metric={metric}]').chart.plot.curves[0].points.map((point) => point[1])")
    };
    page.wait(&values("learning_rate"), json!([0.1, 0, 0.1, 0])).await;
    page.wait(&format!("{}.length > 4", values("loss")), json!(true)).await;
    page.wait("document.querySelectorAll('[data-metric=log_loss]').length", json!(0)).await;
    page.close().await;
}

/// Colours stay with their runs when more are drawn, and stand for a param where one is chosen.
#[tokio::test(flavor = "multi_thread")]
async fn colours_are_stable_and_may_stand_for_a_param() {
    let root = crate::place::folder();
    let ids: Vec<RunId> = (1..=12)
        .map(|seed| {
            finished(root.path(), new_run("digits", if seed % 2 == 0 { "[8]" } else { "[16]" }, 0.1, seed), 0.9)
        })
        .collect();
    let Some(page) = open(root.path(), "#/?draw=5").await else { return };
    let colours = "Object.fromEntries(document.querySelector('[data-metric=loss]').chart.lines.map((line) => [line.run.id, line.color]))";
    page.wait(&format!("Object.keys({colours}).length"), json!(5)).await;
    let few = page.js(&format!("return {colours}")).await;
    page.js("const draw = document.getElementById('draw'); draw.value = '25'; draw.dispatchEvent(new Event('change'))")
        .await;
    page.wait(&format!("Object.keys({colours}).length"), json!(12)).await;
    let many = page.js(&format!("return {colours}")).await;
    for (id, colour) in few.as_object().unwrap() {
        assert_eq!(many[id], *colour, "{id}");
    }
    page.js("const color = document.getElementById('color'); color.value = 'param:model.hidden'; color.dispatchEvent(new Event('change'))")
        .await;
    page.wait(&format!("new Set(Object.values({colours})).size"), json!(2)).await;
    page.wait(
        &format!("[1, 3, 5].every((index) => {colours}[{ids}[index]] === {colours}[{ids}[1]])", ids = json!(ids)),
        json!(true),
    )
    .await;
    page.wait(
        "[...document.querySelectorAll('.legend .chip .clip')].map((one) => one.textContent).sort()",
        json!(["hidden [16]", "hidden [8]"]),
    )
    .await;
    page.close().await;
}
