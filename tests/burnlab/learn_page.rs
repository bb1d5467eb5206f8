//! The lessons in a real browser: each is walked in both languages, on wide and narrow screens, and its widgets are operated by
//! pointer and keyboard. What the page computes is compared with the server, and with numbers found by hand.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::{Page, open};
use crate::webdriver::{Locator, key};

const LESSONS: [&str; 12] = [
    "neuron",
    "perceptron",
    "hidden",
    "backprop",
    "digits",
    "overfitting",
    "early-stopping",
    "convolution",
    "recurrence",
    "attention",
    "gpt",
    "fine-tuning",
];

/// Whether all widgets of the lesson stand, and none waits for a training.
const IS_READY: &str = "(() => { const all = [...document.querySelectorAll('[data-widget]')]; \
     return all.length > 0 && all.every((one) => 'ready' in one.dataset && !one.hasAttribute('aria-busy')); })()";

async fn lesson(page: &Page, lang: &str, id: &str) {
    page.client.goto(&format!("{}learn?lang={lang}#{id}", page.url)).await.unwrap();
    page.wait("document.querySelector('article')?.dataset.id", json!(id)).await;
    // Deeper networks are trained when they are first looked at.
    wait_long(page, IS_READY, json!(true)).await;
}

/// Opens a page with one lesson.
async fn open_lesson(root: &std::path::Path, id: &str) -> Option<Page> {
    let page = open(root, "learn?lang=en").await?;
    lesson(&page, "en", id).await;
    Some(page)
}

async fn number(page: &Page, expression: &str) -> f64 {
    let value = page.js(&format!("return Number({expression})")).await;
    value.as_f64().unwrap_or_else(|| panic!("{expression} is {value}"))
}

/// The number that a widget shows under this name.
async fn figure(page: &Page, name: &str) -> f64 {
    number(page, &format!("document.querySelector('[data-name=\"{name}\"]').dataset.value")).await
}

async fn press(page: &Page, css: &str, keys: &str) {
    page.client.find(Locator::Css(css)).await.unwrap().send_keys(keys).await.unwrap();
}

async fn choose(page: &Page, css: &str, value: &str) {
    page.js(&format!(
        "const box = document.querySelector({css:?}); box.value = {value:?}; box.dispatchEvent(new Event('change'))"
    ))
    .await;
}

/// As [`Page::wait`], for what takes many trainings.
async fn wait_long(page: &Page, expression: &str, expected: Value) {
    let begin = Instant::now();
    while page.js(&format!("return {expression}")).await != expected {
        assert!(begin.elapsed() < Duration::from_secs(180), "{expression} is not {expected}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How many trainings the widget has shown.
async fn trained(page: &Page, widget: &str) -> i64 {
    number(page, &format!("document.querySelector('[data-widget={widget}]').dataset.trained ?? 0")).await as i64
}

/// Waits until the widget has shown a training that began after `before`, and none is under way.
async fn trained_again(page: &Page, widget: &str, before: i64) {
    let is_new = format!("Number(document.querySelector('[data-widget={widget}]').dataset.trained) > {before}");
    page.wait(&is_new, json!(true)).await;
    page.wait(IS_READY, json!(true)).await;
}

fn assert_near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} is not {expected} within {within}");
}

/// What must hold for each lesson, whatever its widgets do.
async fn check_lesson(page: &Page, lang: &str, width: u32, id: &str) {
    let place = format!("{lang} {width} {id}");
    let wide = page.js("return [document.documentElement.scrollWidth, innerWidth]").await;
    assert!(wide[0].as_i64() <= wide[1].as_i64(), "{place}: {wide}");
    // A word that the table lacks would show its key.
    let keys = "return [...document.querySelectorAll('article *')].filter((one) => !one.children.length && !one.closest('code, pre, option, svg') \
                && /^[a-z-]+\\.[a-z0-9_-]+$/.test(one.textContent)).map((one) => one.textContent)";
    assert_eq!(page.js(keys).await, json!([]), "{place}");
    let unnamed = "return [...document.querySelectorAll('article :is(button, input, select, textarea, canvas, svg[role=img])')] \
         .filter((one) => !(one.getAttribute('aria-label') || one.getAttribute('aria-hidden') || one.labels?.length || one.textContent.trim())) \
         .map((one) => one.outerHTML.slice(0, 120))";
    assert_eq!(page.js(unnamed).await, json!([]), "{place}: controls and pictures without a name");
    let problems = "return [...document.querySelectorAll('.problem:not([hidden])')].map((one) => one.textContent)";
    assert_eq!(page.js(problems).await, json!([]), "{place}");
    let failed = page.js("return document.documentElement.dataset.problem ?? null").await;
    assert_eq!(failed, Value::Null, "{place}");
    assert_eq!(page.client.console_errors().await.unwrap(), Vec::<String>::new(), "{place}");
    if lang == "zh" {
        let typography = "const all = [...document.querySelectorAll('article *')].map((one) => getComputedStyle(one)); \
             const text = getComputedStyle(document.querySelector('article > p')); \
             return [all.some(({ fontStyle }) => fontStyle === 'italic'), parseFloat(text.lineHeight) / parseFloat(text.fontSize) >= 1.8, \
                     /PingFang SC|Noto Sans CJK SC/.test(text.fontFamily), document.documentElement.lang]";
        assert_eq!(page.js(typography).await, json!([false, true, true, "zh-CN"]), "{place}");
    }
}

async fn walk(ids: &[&str]) {
    let root = crate::place::folder();
    let Some(page) = open(root.path(), "learn?lang=zh").await else { return };
    page.wait(
        "[...document.querySelectorAll('#contents [data-lesson]')].map((one) => one.dataset.lesson)",
        json!(LESSONS),
    )
    .await;
    for (width, scheme) in [(1400, "light"), (400, "dark")] {
        page.client.resize(width, 900).await.unwrap();
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        page.client.devtools("Emulation.setEmulatedMedia", scheme).await.unwrap();
        for lang in ["zh", "en"] {
            for id in ids {
                lesson(&page, lang, id).await;
                check_lesson(&page, lang, width, id).await;
                let brightness =
                    number(&page, "getComputedStyle(document.documentElement).backgroundColor.match(/[0-9]+/)[0]");
                assert_eq!(brightness.await > 128.0, width == 1400, "{lang} {id}");
            }
        }
    }
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lessons_on_dense_networks_are_walked_in_both_languages() {
    walk(&LESSONS[..7]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lessons_on_deeper_networks_are_walked_in_both_languages() {
    walk(&LESSONS[7..]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_and_changes_the_language() {
    let root = crate::place::folder();
    let Some(page) = open(root.path(), "learn?lang=zh").await else { return };
    page.wait("document.querySelector('h1').textContent", json!("神经元")).await;
    page.click(".steps .next").await;
    page.wait("document.querySelector('h1').textContent", json!("简单感知机")).await;
    page.wait("document.querySelector('#contents [aria-current=page]').dataset.lesson", json!("perceptron")).await;
    page.click("[data-lang=en]").await;
    page.wait("document.querySelector('h1').textContent", json!("The simple perceptron")).await;
    page.wait("[new URLSearchParams(location.search).get('lang'), location.hash]", json!(["en", "#perceptron"])).await;
    page.wait("[document.documentElement.lang, document.title]", json!(["en", "The simple perceptron · burnlab"]))
        .await;
    // Remembered where the address does not say it.
    page.client.goto(&format!("{}learn", page.url)).await.unwrap();
    page.wait("document.querySelector('h1').textContent", json!("The neuron")).await;
    // The dashboard is a click away.
    page.click(".brand").await;
    page.wait("document.querySelector('#tabs') !== null", json!(true)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_and_drawn_stays_when_the_language_changes() {
    let root = crate::place::folder();
    let Some(page) = open_lesson(root.path(), "perceptron").await else { return };
    let count = trained(&page, "points").await;
    press(&page, ".movable[data-index='0']", &key::RIGHT.repeat(5)).await;
    trained_again(&page, "points", count).await;
    let moved = points(&page).await;
    page.click("[data-lang=zh]").await;
    page.wait("document.querySelector('h1').textContent", json!("简单感知机")).await;
    wait_long(&page, IS_READY, json!(true)).await;
    page.click("[data-lang=en]").await;
    page.wait("document.querySelector('h1').textContent", json!("The simple perceptron")).await;
    wait_long(&page, IS_READY, json!(true)).await;
    assert_eq!(points(&page).await, moved);

    lesson(&page, "en", "hidden").await;
    press(&page, "[data-widget=hidden-units] input[name=units]", key::RIGHT).await;
    choose(&page, "[data-widget=hidden-units] select[name=data]", "xor").await;
    page.click("[data-lang=zh]").await;
    page.wait("document.querySelector('h1').textContent", json!("隐藏层")).await;
    let set =
        "['units', 'data'].map((name) => document.querySelector(`[data-widget=hidden-units] [name=${name}]`)?.value)";
    page.wait(set, json!(["3", "xor"])).await;

    lesson(&page, "en", "digits").await;
    press(&page, "[data-widget=unroll] [data-index='0']", " ").await;
    let ink = "document.querySelector('[data-widget=unroll] [data-index=\"0\"]')?.dataset.ink";
    page.wait(ink, json!("16")).await;
    page.click("[data-lang=zh]").await;
    page.wait("document.querySelector('h1').textContent", json!("手写数字")).await;
    page.wait(ink, json!("16")).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neuron_is_its_weighted_sum_through_its_activation() {
    let root = crate::place::folder();
    let Some(page) = open_lesson(root.path(), "neuron").await else { return };
    // 0.5 * 1 - 0.25 * 2 + 1 * -1 + 0.5 = -0.5
    assert_near(figure(&page, "z").await, -0.5, 1e-12);
    assert_near(figure(&page, "a").await, 1.0 / (1.0 + 0.5_f64.exp()), 1e-12);
    // By the keyboard: w3 goes from 1 to the least, -3; x1 from 1 to 1.05.
    press(&page, "input[name=w3]", key::HOME).await;
    press(&page, "input[name=x1]", key::RIGHT).await;
    let z = 0.5 * 1.05 - 0.25 * 2.0 + 3.0 + 0.5;
    assert_near(figure(&page, "z").await, z, 1e-9);
    choose(&page, "select[name=activation]", "tanh").await;
    assert_near(figure(&page, "a").await, z.tanh(), 1e-9);
    // By the pointer.
    page.drag("input[name=b]", (0.5, 0.5), (0.0, 0.5)).await;
    assert_near(figure(&page, "z").await, z - 0.5 - 3.0, 1e-9);
    assert_eq!(number(&page, "document.querySelectorAll('[data-widget=neuron] .edge').length").await, 3.0);

    // All activations that there are, with the values and slopes of their definitions at z = 1.
    let normal = 0.841_344_746_068_543; // distribution function at 1
    let density = (-0.5_f64).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let sigmoid = 1.0 / (1.0 + (-1.0_f64).exp());
    for (name, value, slope) in [
        ("sigmoid", sigmoid, sigmoid * (1.0 - sigmoid)),
        ("tanh", 1.0_f64.tanh(), 1.0 - 1.0_f64.tanh().powi(2)),
        ("relu", 1.0, 1.0),
        ("leaky_relu", 1.0, 1.0),
        ("gelu", normal, normal + density),
        ("silu", sigmoid, sigmoid * (2.0 - sigmoid)),
    ] {
        assert_near(figure(&page, &format!("{name}-value")).await, value, 1e-9);
        assert_near(figure(&page, &format!("{name}-slope")).await, slope, 1e-9);
    }
    // The page's curves are those by which the program trains.
    let away = page
        .js("return (async () => { const [{ send }, { ACTIVATIONS }] = await Promise.all([import('./assets/api.js'), import('./learn/network.js')]); \
             const { x, activations } = await send('GET', 'api/learn/curves'); let away = 0; \
             for (const { name, values, slopes } of activations) x.forEach((at, index) => { \
               if (Math.abs(at) < 1e-6) return; \
               away = Math.max(away, Math.abs(ACTIVATIONS[name].value(at) - values[index]), Math.abs(ACTIVATIONS[name].slope(at) - slopes[index])); }); \
             return [activations.length, away]; })()")
        .await;
    assert!(away[0] == 6 && away[1].as_f64().unwrap() < 1e-5, "{away}");
    press(&page, "input[name=at]", key::HOME).await;
    assert_near(figure(&page, "leaky_relu-value").await, -0.05, 1e-12);
    assert_near(figure(&page, "relu-slope").await, 0.0, 0.0);
    page.close().await;
}

/// The points of the widget, from their accessible names: `(x1, x2, class)`.
async fn points(page: &Page) -> Vec<(f64, f64, i64)> {
    let script = "return [...document.querySelectorAll('.movable')].map((one) => [...one.getAttribute('aria-label').replaceAll('−', '-') \
                  .matchAll(/= (-?[0-9.]+)/g)].map((match) => Number(match[1])).concat(Number(one.dataset.class)))";
    serde_json::from_value::<Vec<(f64, f64, f64)>>(page.js(script).await)
        .unwrap()
        .into_iter()
        .map(|(x, y, class)| (x, y, class as i64))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_points_train_the_perceptron_anew() {
    let root = crate::place::folder();
    let Some(page) = open_lesson(root.path(), "perceptron").await else { return };
    let right = async || {
        let [w0, w1, w2] = [figure(&page, "w0").await, figure(&page, "w1").await, figure(&page, "w2").await];
        let points = points(&page).await;
        points.iter().filter(|(x, y, class)| i64::from(w0 + w1 * x + w2 * y > 0.0) == *class).count() as f64
    };
    let told = async || number(&page, "document.querySelector('[data-widget=points] .told-now').dataset.right").await;
    assert_eq!((told().await, right().await, points(&page).await.len()), (28.0, 28.0, 28));

    // By the keyboard: the first point moves right by 0.5 and up by 0.1; the space bar changes its class.
    let before = points(&page).await[0];
    let count = trained(&page, "points").await;
    press(&page, ".movable[data-index='0']", &format!("{}{}", key::RIGHT, key::UP)).await;
    trained_again(&page, "points", count).await;
    let after = points(&page).await[0];
    assert_near(after.0 - before.0, 0.1, 1e-9);
    assert_near(after.1 - before.1, 0.1, 1e-9);
    assert_eq!(told().await, right().await);
    let count = trained(&page, "points").await;
    press(&page, ".movable[data-index='0']", " ").await;
    trained_again(&page, "points", count).await;
    assert_eq!(points(&page).await[0].2, 1);
    // A point of class 1 amidst those of class 0 is on the wrong side, whatever the line.
    assert_eq!((told().await, right().await), (27.0, 27.0));

    // By the pointer: that point goes where its class is.
    let count = trained(&page, "points").await;
    let (x, y) = (after.0, after.1);
    page.drag(".board-of-points", ((x + 3.0) / 6.0, (3.0 - y) / 6.0), (0.85, 0.15)).await;
    trained_again(&page, "points", count).await;
    let moved = points(&page).await[0];
    assert_near(moved.0, 0.85 * 6.0 - 3.0, 0.05);
    assert_near(moved.1, 3.0 - 0.15 * 6.0, 0.05);
    assert_eq!((told().await, right().await), (28.0, 28.0));

    // No line separates exclusive or: at least a quarter is wrong.
    let count = trained(&page, "points").await;
    choose(&page, "select[name=points]", "xor").await;
    trained_again(&page, "points", count).await;
    assert!(told().await <= 21.0, "{}", told().await);
    assert_eq!(told().await, right().await);
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_units_are_trained_and_their_epochs_shown() {
    let root = crate::place::folder();
    let Some(page) = open_lesson(root.path(), "hidden").await else { return };
    let widget = "document.querySelector('[data-widget=hidden-units]').dataset";
    // 2-2-1: 2 * 2 + 2 + 2 + 1 parameters.
    assert_eq!(number(&page, &format!("{widget}.parameters")).await, 9.0);
    assert!(number(&page, &format!("{widget}.right")).await >= 390.0);
    page.wait("document.querySelectorAll('.unit-pictures canvas').length", json!(2)).await;
    // The epoch slider: at the first one nothing is learned.
    press(&page, "[data-widget=hidden-units] input[name=epoch]", key::HOME).await;
    page.wait(&format!("{widget}.epoch"), json!("0")).await;
    assert!(number(&page, &format!("{widget}.right")).await < 380.0);
    press(&page, "[data-widget=hidden-units] input[name=epoch]", key::END).await;

    // No number of the diagram stands on another one, nor on a bias; with more units there is room for them, too.
    let apart = "return [...document.querySelectorAll('[data-widget=hidden-units] .wiring')].every((net) => { \
         const boxes = [...net.querySelectorAll('.weight, .bias')].map((text) => text.getBoundingClientRect()); \
         return boxes.length > 0 && boxes.every((a, i) => boxes.slice(0, i).every((b) => \
           a.right <= b.left || b.right <= a.left || a.bottom <= b.top + 2 || b.bottom <= a.top + 2)); })";
    assert_eq!(page.js(apart).await, json!(true));
    for _ in 0..5 {
        let count = trained(&page, "hidden-units").await;
        press(&page, "[data-widget=hidden-units] input[name=units]", key::RIGHT).await;
        trained_again(&page, "hidden-units", count).await;
        assert_eq!(page.js(apart).await, json!(true));
    }

    // One unit has one line, and cannot find the band.
    let count = trained(&page, "hidden-units").await;
    press(&page, "[data-widget=hidden-units] input[name=units]", key::HOME).await;
    trained_again(&page, "hidden-units", count).await;
    assert_eq!(number(&page, &format!("{widget}.parameters")).await, 5.0);
    assert!(number(&page, &format!("{widget}.accuracy")).await < 0.9);
    page.wait("document.querySelectorAll('.unit-pictures canvas').length", json!(1)).await;

    // The page's forward pass is the server's.
    let compared = page
        .js("return (async () => { const [{ send }, { classifier }, { trainOnce }] = await Promise.all([import('./assets/api.js'), import('./learn/network.js'), import('./learn/training.js')]); \
             const asked = { config: 'moons', set: { 'model.hidden': [5, 3], 'training.max_epochs': 20 }, grid: 12, extent: [[-2, 3], [-1, 2]] }; \
             const { layers } = await trainOnce(asked); \
             const { frames } = await send('POST', 'api/learn/train', asked); \
             const second = classifier(layers); let away = 0; \
             for (let row = 0; row < 12; row += 1) for (let column = 0; column < 12; column += 1) { \
               const x = [-2 + (5 * column) / 11, -1 + (3 * row) / 11]; \
               away = Math.max(away, Math.abs(second(x) - frames.at(-1).grid[12 * row + column])); } \
             return [frames.at(-1).grid.length, away]; })()")
        .await;
    assert_eq!(compared[0], json!(144));
    // The server's numbers have three decimals.
    assert!(compared[1].as_f64().unwrap() < 6e-4, "{compared}");

    // Twenty starts; some of them may be unlucky with two units.
    page.click("[data-widget=luck] .go").await;
    wait_long(&page, "document.querySelector('[data-widget=luck]').dataset.found", json!("20")).await;
    let good = number(&page, "document.querySelector('[data-widget=luck]').dataset.good").await;
    assert!((10.0..=20.0).contains(&good), "{good}");
    page.wait("document.querySelectorAll('[data-widget=luck] .mark').length", json!(20)).await;
    let count = trained(&page, "hidden-units").await;
    page.click("[data-widget=luck] .samples button:nth-child(3)").await;
    trained_again(&page, "hidden-units", count).await;
    page.wait(
        "document.querySelector('[data-widget=hidden-units] .told-now').textContent.includes('seed 3')",
        json!(true),
    )
    .await;
    // Another width has starts of its own, and the picture above has them with that width.
    press(&page, "[data-widget=luck] input[name=units]", key::HOME).await;
    page.click("[data-widget=luck] .go").await;
    let said = "document.querySelector('[data-widget=luck] .told-now').textContent";
    wait_long(&page, &format!("{said}.startsWith('With 1 hidden unit, ')"), json!(true)).await;
    let count = trained(&page, "hidden-units").await;
    page.click("[data-widget=luck] .samples button:nth-child(3)").await;
    trained_again(&page, "hidden-units", count).await;
    assert_eq!(number(&page, &format!("{widget}.parameters")).await, 5.0);
    page.close().await;
}

/// The numbers of the first step, found by hand: hidden sums 0.5 - 0.15 + 0.1 and -0.4 + 0.4 - 0.2.
#[tokio::test(flavor = "multi_thread")]
async fn back_propagation_shows_what_a_calculator_finds() {
    let root = crate::place::folder();
    let Some(page) = open_lesson(root.path(), "backprop").await else { return };
    let widget = "document.querySelector('[data-widget=backprop]').dataset";
    let hidden = [0.45_f64.tanh(), (-0.2_f64).tanh()];
    let p = 1.0 / (1.0 + (-(hidden[0] - 0.7 * hidden[1] + 0.2)).exp());
    let delta = p - 1.0;
    assert_near(number(&page, &format!("{widget}.output")).await, p, 1e-6);
    assert_near(number(&page, &format!("{widget}.loss")).await, -p.ln(), 1e-6);

    // The third step, by the keyboard.
    press(&page, "[data-stage=backward]", key::ENTER).await;
    page.wait(&format!("{widget}.stage"), json!("backward")).await;
    let cells = "return [...document.querySelectorAll('[data-widget=backprop] tbody tr')].map((row) => [...row.querySelectorAll('data')].map((cell) => Number(cell.dataset.value)))";
    let rows: Vec<Vec<f64>> = serde_json::from_value(page.js(cells).await).unwrap();
    assert_eq!((rows.len(), rows[0].len()), (9, 3));
    let back = [delta * (1.0 - hidden[0] * hidden[0]), delta * -0.7 * (1.0 - hidden[1] * hidden[1])];
    let gradients =
        [back[0], back[0] * 0.5, back[0], back[1], back[1] * 0.5, back[1], delta * hidden[0], delta * hidden[1], delta];
    for (row, gradient) in rows.iter().zip(gradients) {
        assert_near(row[1], gradient, 1e-5);
        assert_near(row[2], gradient, 1e-3);
    }

    // The update, and a step.
    page.click("[data-stage=update]").await;
    let rows: Vec<Vec<f64>> = serde_json::from_value(page.js(cells).await).unwrap();
    for (row, gradient) in rows.iter().zip(gradients) {
        assert_near(row[3], row[0] - 0.5 * gradient, 1e-5);
    }
    let next = number(&page, &format!("{widget}.newLoss")).await;
    assert!(next < -p.ln());
    page.click("[data-widget=backprop] .take").await;
    page.wait(&format!("Math.abs({widget}.loss - {next}) < 1e-6"), json!(true)).await;
    press(&page, "[data-widget=backprop] .reset", key::ENTER).await;
    page.wait(&format!("Math.abs({widget}.loss - {}) < 1e-6", -p.ln()), json!(true)).await;

    // The learning rate: the least crawls, the largest does not settle.
    let count = trained(&page, "learning-rate").await;
    press(&page, "[data-widget=learning-rate] input[name=rate]", key::HOME).await;
    trained_again(&page, "learning-rate", count).await;
    page.wait("document.querySelector('[data-widget=learning-rate]').dataset.kind", json!("crawls")).await;
    let count = trained(&page, "learning-rate").await;
    press(&page, "[data-widget=learning-rate] input[name=rate]", key::END).await;
    trained_again(&page, "learning-rate", count).await;
    page.wait("document.querySelector('[data-widget=learning-rate]').dataset.kind", json!("diverges")).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drawn_digit_passes_through_the_servers_network() {
    let root = crate::place::folder();
    let Some(page) = open_lesson(root.path(), "digits").await else { return };
    let pad = "[data-widget=draw-digit] .pad";
    let shown = "[...document.querySelectorAll('[data-widget=draw-digit] .ten .number')].map((one) => Number(one.dataset.value))";
    let ink = "[...document.querySelectorAll('[data-widget=draw-digit] .ink')].map((one) => Number(one.dataset.ink))";
    // The page's forward pass is the server's, for what stands on the pad.
    let away = format!(
        "return (async () => {{ const {{ send }} = await import('./assets/api.js'); const inputs = {ink}; \
         const {{ probabilities }} = await send('POST', 'api/learn/predict', {{ model: document.querySelector('[data-widget=draw-digit]').dataset.model, inputs: [inputs] }}); \
         return Math.max(...{shown}.map((value, digit) => Math.abs(value - probabilities[0][digit]))); }})()"
    );
    let same = async || {
        let found = page.js(&away).await;
        assert!(found.as_f64().is_some_and(|away| away < 1e-5), "{found}");
    };
    same().await;
    page.wait("document.querySelector('[data-widget=draw-digit] .told-now').dataset.prediction", json!("3")).await;

    // A stroke down the middle, as a 1 has it.
    page.click("[data-widget=draw-digit] .clear").await;
    page.wait("document.querySelector('[data-widget=draw-digit] .told-now').dataset.prediction", json!("")).await;
    page.drag(pad, (0.5, 0.05), (0.5, 0.95)).await;
    let pixels: Vec<f64> = serde_json::from_value(page.js(&format!("return {ink}")).await).unwrap();
    assert!(pixels[3] > 8.0 && pixels[60] > 8.0 && pixels[0] == 0.0 && pixels[63] == 0.0, "{pixels:?}");
    same().await;
    let before = page.js(&format!("return {shown}")).await;

    // By the keyboard: a cell to the right of the first one is filled, and emptied.
    press(&page, "[data-widget=draw-digit] .ink[data-index='0']", &format!("{} ", key::RIGHT)).await;
    let name = "document.querySelector(\"[data-widget=draw-digit] .ink[data-index='1']\").getAttribute('aria-label')";
    page.wait(name, json!("row 0, column 1 (from 0), ink 16")).await;
    assert_ne!(page.js(&format!("return {shown}")).await, before);
    same().await;
    press(&page, "[data-widget=draw-digit] .ink[data-index='1']", " ").await;
    page.wait(name, json!("row 0, column 1 (from 0), ink 0")).await;
    assert_eq!(page.js(&format!("return {shown}")).await, before);

    // Other widths are other networks.
    choose(&page, "[data-widget=draw-digit] select[name=hidden]", "8").await;
    page.wait("document.querySelectorAll('[data-widget=draw-digit] .units > li').length", json!(8)).await;
    same().await;

    // The gallery: a wrong one first, which a click puts on the pad; its prediction is the network's again.
    choose(&page, "[data-widget=draw-digit] select[name=hidden]", "16").await;
    page.wait("document.querySelectorAll('[data-widget=draw-digit] .units > li').length", json!(16)).await;
    let first =
        "document.querySelector('.digit-gallery button').getAttribute('aria-label').match(/prediction (\\d)/)[1]";
    let predicted = page.js(&format!("return {first}")).await;
    page.click(".digit-gallery .wrong button").await;
    page.wait("document.querySelector('[data-widget=draw-digit] .told-now').dataset.prediction", predicted).await;
    // The confusion matrix counts the test images.
    let counted = "[...document.querySelectorAll('[data-widget=digit-gallery] table.confusion td')].reduce((sum, cell) => sum + Number(cell.textContent), 0)";
    assert_eq!(number(&page, counted).await, 540.0);
    let wrong = number(&page, "document.querySelector('[data-wrong]').dataset.wrong").await;
    assert!((10.0..50.0).contains(&wrong), "{wrong}");

    // 8 * 3 + 5 = 29
    press(&page, "[data-widget=unroll] .ink[data-index='29']", " ").await;
    page.wait(
        "document.querySelector('[data-widget=unroll] .told-now').textContent",
        json!("row 3, column 5 (from 0) → input 8 × 3 + 5 = 29 (from 0, too), value 0"),
    )
    .await;
    page.wait("document.querySelectorAll('[data-widget=unroll] .strip .lit').length", json!(1)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_network_overfits_and_regularisation_holds_it() {
    let root = crate::place::folder();
    let Some(page) = open_lesson(root.path(), "overfitting").await else { return };
    let to = async |name: &str, keys: &str| {
        let count = trained(&page, "overfitting").await;
        press(&page, &format!("[data-widget=overfitting] input[name={name}]"), keys).await;
        trained_again(&page, "overfitting", count).await;
        figure(&page, "gap").await
    };
    let one = to("width", key::HOME).await;
    page.wait("document.querySelector('[data-widget=overfitting]').dataset.width", json!("1")).await;
    // 256 units are a step below the most.
    to("width", key::END).await;
    let wide = to("width", "\u{e012}").await;
    page.wait("document.querySelector('[data-widget=overfitting]').dataset.width", json!("256")).await;
    assert!(wide > one + 0.1, "gap {one} with 1 unit, {wide} with 256");
    assert_near(figure(&page, "validation").await - figure(&page, "train").await, wide, 1e-12);
    assert!(number(&page, "document.querySelectorAll('[data-widget=overfitting] .losses .curve').length").await == 2.0);
    let marks = "document.querySelectorAll('[data-widget=overfitting] figure:last-of-type .mark').length";
    let tried = number(&page, marks).await;
    let held = to("l2", key::END).await;
    // What was tried without it is still there.
    assert_eq!(number(&page, marks).await, tried + 2.0);
    assert!(held < wide / 2.0, "gap {wide} without, {held} with the most L2");
    let command = "document.querySelector('[data-widget=overfitting] .same code').textContent";
    page.wait(&format!("{command}.includes('--config moons-overfit') && {command}.includes('[256]')"), json!(true))
        .await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_counts_and_the_best_epoch_is_kept() {
    let root = crate::place::folder();
    let Some(page) = open_lesson(root.path(), "early-stopping").await else { return };
    let data = async |name: &str| {
        number(&page, &format!("document.querySelector('[data-widget=early-stopping]').dataset.{name}")).await
    };
    assert_eq!(data("epochs").await, data("kept").await + 50.0);
    assert_eq!((data("best").await, data("waiting").await), (data("kept").await, 50.0));
    // Half-way, by the keyboard: the best epoch so far is no later than the epoch.
    press(&page, "[data-widget=early-stopping] input[name=epoch]", key::HOME).await;
    assert_eq!((data("epoch").await, data("best").await, data("waiting").await), (1.0, 1.0, 0.0));
    let kept = data("kept").await;
    let count = trained(&page, "early-stopping").await;
    press(&page, "[data-widget=early-stopping] input[name=patience]", key::HOME).await;
    trained_again(&page, "early-stopping", count).await;
    assert_eq!(data("epochs").await, data("kept").await + 1.0);
    assert!(data("kept").await <= kept);
    // On accuracy instead.
    let count = trained(&page, "early-stopping").await;
    choose(&page, "[data-widget=early-stopping] select[name=monitor]", "validation/accuracy").await;
    trained_again(&page, "early-stopping", count).await;
    assert_eq!((data("epochs").await, data("best").await), (data("kept").await + 1.0, data("kept").await));

    // Ten pairs: in log loss, stopping is better with each seed (0.26 against 0.82 on average, see the guide).
    page.click("[data-widget=ten-seeds] .go").await;
    wait_long(&page, "document.querySelector('[data-widget=ten-seeds]').dataset.of", json!("10")).await;
    let better = number(&page, "document.querySelector('[data-widget=ten-seeds]').dataset.better").await;
    let middle = number(&page, "document.querySelector('[data-widget=ten-seeds]').dataset.middle").await;
    assert!(better >= 9.0 && (-0.75..-0.37).contains(&middle), "{better} {middle}");

    // Watching the accuracy instead: an earlier epoch, and a lower test accuracy with each seed.
    choose(&page, "[data-widget=ten-seeds] select[name=pair]", "monitor").await;
    choose(&page, "[data-widget=ten-seeds] select[name=metric]", "accuracy").await;
    page.click("[data-widget=ten-seeds] .go").await;
    wait_long(&page, "document.querySelector('[data-widget=ten-seeds]').dataset.pair", json!("monitor")).await;
    let better = number(&page, "document.querySelector('[data-widget=ten-seeds]').dataset.better").await;
    assert!(better >= 9.0, "{better}");
    page.close().await;
}

/// Nothing moves by itself where the reader does not want it.
#[tokio::test(flavor = "multi_thread")]
async fn with_reduced_motion_the_end_is_shown_at_once() {
    let root = crate::place::folder();
    let Some(page) = open(root.path(), "learn?lang=zh").await else { return };
    let still = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
    page.client.devtools("Emulation.setEmulatedMedia", still).await.unwrap();
    lesson(&page, "zh", "hidden").await;
    let widget = "document.querySelector('[data-widget=hidden-units]').dataset";
    let last = page.js(&format!("return {widget}.epoch")).await;
    page.click("[data-widget=hidden-units] .play").await;
    assert_eq!(page.js(&format!("return {widget}.epoch")).await, last);
    // With motion it begins at the start.
    page.client.devtools("Emulation.setEmulatedMedia", json!({ "features": [] })).await.unwrap();
    page.click("[data-widget=hidden-units] .play").await;
    page.wait(&format!("Number({widget}.epoch) < {last}"), json!(true)).await;
    page.wait(&format!("{widget}.epoch"), last).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_is_kept_as_a_run() {
    let root = crate::place::folder();
    let Some(page) = open_lesson(root.path(), "hidden").await else { return };
    page.click("[data-widget=hidden-units] .keep").await;
    page.wait("document.querySelector('[data-widget=hidden-units] .kept a') !== null", json!(true)).await;
    let id = page.js("return document.querySelector('[data-widget=hidden-units] .kept a').textContent").await;
    page.click("[data-widget=hidden-units] .kept a").await;
    page.wait("location.hash.split('?')[0]", json!(format!("#/run/{}", id.as_str().unwrap()))).await;
    page.wait("document.querySelector('.run-head .status')?.textContent.includes('finished')", json!(true)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deeper_networks_answer_to_what_is_drawn_and_written() {
    let root = crate::place::folder();
    let Some(page) = open_lesson(root.path(), "convolution").await else { return };
    let prediction = async |widget: &str| {
        page.js(&format!("return document.querySelector('[data-widget={widget}]').dataset.prediction")).await
    };
    for (id, widget) in [("convolution", "convolution"), ("recurrence", "recurrence"), ("attention", "attention")] {
        lesson(&page, "en", id).await;
        // It reads its own examples right, mostly.
        let mut right = 0;
        for digit in 0..10 {
            page.js(&format!("document.querySelector('[data-widget={widget}]').dataset.prediction = ''")).await;
            page.click(&format!(".sample[data-label='{digit}']")).await;
            page.wait(
                &format!("document.querySelector('[data-widget={widget}]').dataset.prediction !== ''"),
                json!(true),
            )
            .await;
            right += usize::from(prediction(widget).await == json!(digit.to_string()));
        }
        assert!(right >= 8, "{id}: {right} of 10");
    }
    // Each patch gives out all of its attention.
    let rows = "return [...document.querySelectorAll('table.attention tbody tr')].map((row) => [...row.querySelectorAll('td')].reduce((sum, cell) => sum + Number(cell.style.getPropertyValue('--weight')), 0))";
    let sums: Vec<f64> = serde_json::from_value(page.js(rows).await).unwrap();
    assert!(!sums.is_empty() && sums.iter().all(|sum| (sum - 1.0).abs() < 0.01), "{sums:?}");
    press(&page, ".patch[data-patch='2']", key::ENTER).await;
    page.wait("document.querySelector('[data-widget=attention]').dataset.query", json!("2")).await;
    page.wait("document.querySelectorAll('table.attention td.lit').length", json!(sums.len())).await;

    // The state after fewer rows.
    lesson(&page, "en", "recurrence").await;
    press(&page, "input[name=step]", key::HOME).await;
    page.wait("document.querySelector('[data-widget=recurrence]').dataset.step", json!("1")).await;

    // A low temperature makes the likeliest likelier, and writing goes on.
    lesson(&page, "en", "gpt").await;
    let likeliest = "Number(document.querySelector('[data-widget=gpt]').dataset.probability)";
    page.wait(&format!("{likeliest} > 0"), json!(true)).await;
    let at_one = number(&page, likeliest).await;
    // By the keyboard to the character before the last one: its attention is given to those up to it.
    let query = "Number(document.querySelector('[data-widget=gpt]').dataset.query)";
    assert_eq!(number(&page, query).await, 9.0);
    press(&page, ".character[data-index='9']", "\u{e012}").await;
    page.wait(query, json!(8)).await;
    assert_near(number(&page, "document.querySelector('[data-widget=gpt]').dataset.attention").await, 1.0, 1e-3);
    press(&page, "input[name=temperature]", key::HOME).await;
    page.wait(&format!("{likeliest} > {at_one}"), json!(true)).await;
    let next = page.js("return document.querySelector('[data-widget=gpt]').dataset.next").await;
    page.click(".likeliest").await;
    page.wait("document.querySelector('textarea').value", json!(format!("Alice was {}", next.as_str().unwrap()))).await;

    lesson(&page, "en", "fine-tuning").await;
    page.wait("document.querySelectorAll('[data-widget=fine-tuning] .mark').length", json!(20)).await;
    let gain = "document.querySelector('[data-widget=fine-tuning]').dataset";
    assert!(number(&page, &format!("{gain}.with - {gain}.without")).await > 0.0);
    page.close().await;
}
