//! The same with the keyboard alone, on a phone, by a screen reader; a store without runs, and with one.

use burnlab::tracking::Store;
use serde_json::{Value, json};

use crate::browser::{finished, new_run};
use crate::tasks::{mixed, opened, tick};
use crate::walk::Walk;
use crate::webdriver::key;

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_reaches_everything() {
    let root = crate::place::folder();
    let (a, b, failed) = mixed(root.path());
    let Some(mut walk) = Walk::begin(root.path(), "").await else { return };
    // From the experiments to the answer, and another main metric.
    walk.tab_to("table.experiments a[href*='exp=digits']").await;
    walk.keys(key::ENTER).await;
    walk.shows(
        "document.querySelector('table.leaderboard tbody tr:nth-child(2)').cells[3].textContent.includes('worse')",
    )
    .await;
    walk.tab_to("table.leaderboard tbody tr:nth-child(2) input").await;
    walk.keys(" ").await;
    walk.shows("document.querySelector('#selection').textContent.startsWith('5 selected')").await;
    walk.tab_to(".compare-best").await;
    walk.keys(key::ENTER).await;
    walk.shows("document.querySelector('.verdict p').textContent.includes('is worse than')").await;
    walk.done("the best config, and whether it is", 0, "#/?exp=digits&group=").await;

    // Filter, select, compare.
    walk.shows("document.querySelectorAll('tr.run').length === 10").await;
    walk.keys("/").await;
    walk.keys(&format!("test/accuracy > .95{}{}", key::ESCAPE, key::ESCAPE)).await;
    walk.shows("document.getElementById('count').textContent === '8 of 10 runs'").await;
    walk.tab_to("table.runs").await;
    walk.keys(&format!("{} {} c", key::DOWN, key::DOWN)).await;
    walk.shows("document.querySelector('#diff')").await;
    walk.done("filter, select, compare", 0, "#/?exp=digits&group=").await;

    // A chart is read, saved, moved; the experiment renamed.
    let at_epoch_2 = "document.querySelector('#hover').textContent.startsWith('loss at epoch 2')";
    walk.press(".chart[data-metric=loss] .plot", &key::RIGHT.repeat(2), at_epoch_2).await;
    walk.tab_to(".chart[data-metric=loss] .saves summary").await;
    walk.keys(key::ENTER).await;
    walk.tab_to(".chart[data-metric=loss] [title='The numbers']").await;
    walk.done("read a chart, save it", 0, "#/?exp=digits").await;
    walk.tab_to(".rename > summary").await;
    walk.keys(key::ENTER).await;
    walk.shows("document.activeElement.value === 'digits'").await;
    walk.keys(&format!("numerals{}", key::ENTER)).await;
    walk.shows("document.querySelector('.board h1').textContent === 'numerals'").await;
    walk.shows("!document.querySelector('.rename').open").await;
    assert_eq!(Store::open_read_only(root.path()).unwrap().run(&a[0]).unwrap().record.experiment, "numerals");
    // The filter offers what was used last, and is passed by.
    walk.page.js("localStorage.setItem('burnlab-filters', JSON.stringify(['test/accuracy > .95']))").await;
    walk.done("rename an experiment", 0, "#/?exp=broken").await;

    // Why did it fail; delete it, and take it back.
    walk.shows("document.querySelectorAll('tr.run').length === 1").await;
    let remedy = "document.querySelector('.remedy pre').textContent.includes('resume')";
    walk.press("table.runs", &format!("{}{}", key::DOWN, key::ENTER), remedy).await;
    walk.keys(key::ESCAPE).await;
    walk.shows("document.body.dataset.view === 'charts'").await;
    let is_selected = "document.querySelector('#selection').textContent.startsWith('1 selected')";
    walk.press("table.runs", &format!("{} ", key::DOWN), is_selected).await;
    walk.tab_to("#delete").await;
    walk.keys(key::ENTER).await;
    walk.tab_to("[data-tab=trash]").await;
    walk.keys(key::ENTER).await;
    walk.tab_to(&format!("[data-restore='{failed}']")).await;
    walk.keys(key::ENTER).await;
    walk.shows("document.querySelector('#detail').textContent.includes('Nothing here')").await;
    walk.done("a failed run, and the trash", 0, "").await;
    assert!(!b.is_empty());
    walk.page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_change_leaves_the_focus_where_it_is() {
    let root = crate::place::folder();
    mixed(root.path());
    let Some(walk) = Walk::begin(root.path(), "#/?exp=digits&group=").await else { return };
    let places = [
        "table.leaderboard tbody tr:nth-child(2) input",
        "[data-tab=charts]",
        "table.runs [data-sort='run:name']",
        ".chart[data-metric=loss] .plot",
        "table.runs",
    ];
    for (seed, place) in (10..).zip(places) {
        let runs = "document.querySelector('table.runs').getAttribute('aria-rowcount')";
        let before = walk.page.js(&format!("return Number({runs})")).await.as_i64().unwrap();
        walk.tab_to(place).await;
        finished(root.path(), new_run("digits", "[32]", 0.001, seed), 0.9);
        walk.shows(&format!("Number({runs}) === {}", before + 1)).await;
        // The board asks for its rows two seconds after the change.
        let seeds = "[...document.querySelectorAll('.seeds')].reduce((sum, one) => sum + Number(one.textContent), 0)";
        walk.shows(&format!("{seeds} === {seed} + 1")).await;
        walk.shows(&format!("document.activeElement.matches({place:?})")).await;
    }
    walk.page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_has_all_of_it() {
    let root = crate::place::folder();
    let (a, b, failed) = mixed(root.path());
    let Some(mut walk) = Walk::begin(root.path(), "").await else { return };
    walk.page.client.resize(400, 800).await.unwrap();
    let fits = "document.documentElement.scrollWidth <= innerWidth";
    let in_sight = |css: &str| {
        format!(
            "(() => {{ const box = document.querySelector({css:?}).getBoundingClientRect(); return box.left >= 0 && box.right <= innerWidth && box.top < innerHeight; }})()"
        )
    };
    // The answer is in sight without scrolling to the side.
    walk.shows("document.querySelector('table.experiments b')").await;
    walk.shows(&format!("{fits} && {}", in_sight("table.experiments td:nth-child(5) b"))).await;
    walk.click("table.experiments a[href*='exp=digits']").await;
    walk.shows("document.querySelector('.board .answer').textContent.includes('has the best mean')").await;
    walk.shows(&format!("{fits} && {}", in_sight(".board .answer"))).await;
    walk.shows("document.querySelector('.curve')").await;
    walk.shows(&in_sight(".chart")).await;
    walk.done("the best config, and its curves", 1, "#/?exp=digits&group=").await;

    walk.click(&tick(&a[0])).await;
    walk.click(&tick(&b[0])).await;
    walk.click("#compare").await;
    walk.shows("document.querySelector('#diff tbody').textContent.includes('model.hidden')").await;
    walk.shows(&format!("{fits} && {}", in_sight(".verdict"))).await;
    walk.done("compare", 3, "#/?exp=broken").await;
    walk.click(&opened(&failed)).await;
    walk.shows(&format!("{fits} && {}", in_sight(".remedy pre"))).await;
    walk.done("why did it fail", 1, &format!("#/run/{}", b[0])).await;
    walk.shows(&format!("document.querySelector('.curve') && {fits}")).await;
    walk.page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_runs_and_one_with_a_single_run_need_no_click() {
    let root = crate::place::folder();
    let Some(mut walk) = Walk::begin(root.path(), "").await else { return };
    walk.shows("document.querySelector('#detail .command').textContent.includes('--config')").await;
    finished(root.path(), new_run("digits", "[8]", 0.1, 1), 0.9);
    walk.shows("document.querySelector('.board .answer').textContent.includes('One seed is no evidence.')").await;
    walk.shows("document.querySelectorAll('tr.run').length === 1 && document.querySelector('.chart .curve')").await;
    walk.done("an empty store, and its first run", 0, "").await;
    walk.shows(
        "document.querySelector('.board h1').textContent === 'digits' && document.querySelector('.chart .curve')",
    )
    .await;
    walk.page.close().await;
}

/// Contrast by WCAG 2.2, 1.4.3: at least 4.5, or 3 for large text. Text in drawings, and of what is disabled, is left out.
const CONTRAST: &str = r"
    const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (color) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const over = (top, under) => [0, 1, 2].map((at) => top[at] * top[3] + under[at] * (1 - top[3]));
    const ground = (element) => (element ? over(rgba(getComputedStyle(element).backgroundColor), ground(element.parentElement)) : [255, 255, 255]);
    const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const left = 'svg, noscript, option, .hidden-text, .skip, :disabled';
    return [...document.querySelectorAll('body *')]
      .filter((element) => hasText(element) && !element.closest(left) && element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }))
      .map((element) => {
        const style = getComputedStyle(element);
        const [text, under] = [over(rgba(style.color), ground(element)), ground(element)].map(luminance);
        const ratio = (Math.max(text, under) + 0.05) / (Math.min(text, under) + 0.05);
        const size = parseFloat(style.fontSize);
        const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        return [ratio.toFixed(2), isLarge ? 3 : 4.5, `${element.tagName}.${element.className}`, element.textContent.trim().slice(0, 40)];
      })
      .filter(([ratio, least]) => ratio < least);";

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_reader_has_names_headings_in_order_and_eyes_enough_contrast() {
    let root = crate::place::folder();
    let (a, b, failed) = mixed(root.path());
    let Some(walk) = Walk::begin(root.path(), "").await else { return };
    let client = &walk.page.client;
    let pages = [
        ("#/experiments".to_owned(), "table.experiments b"),
        ("#/?exp=digits&group=seeds&mean=1".to_owned(), ".leaderboard b"),
        (format!("#/?exp=digits&sel={},{}&base={}", a[0], b[0], b[1]), ".delta"),
        (format!("#/run/{}", a[0]), ".tile"),
        (format!("#/run/{failed}"), ".remedy pre"),
        (format!("#/run/{}?tab=evaluation", a[0]), "table.confusion"),
        (format!("#/compare?sel={},{}", a[0], b[0]), ".verdict p"),
        (format!("#/compare?sel={},{}&tab=confusion", a[0], b[0]), "table.confusion"),
        ("#/scatter?exp=digits".to_owned(), ".mark.point"),
        ("#/trash".to_owned(), "h1"),
    ];
    for theme in ["light", "dark"] {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        client.devtools("Emulation.setEmulatedMedia", media).await.unwrap();
        for (address, there) in &pages {
            client.goto("about:blank").await.unwrap();
            client.goto(&format!("{}{address}", walk.page.url)).await.unwrap();
            walk.shows(&format!("document.querySelector({there:?})")).await;
            assert_eq!(walk.page.js(CONTRAST).await, json!([]), "{address}, {theme}");
            if theme == "dark" {
                continue;
            }
            let levels = walk.page.js("return [...document.querySelectorAll('h1, h2, h3, h4')].filter((one) => one.checkVisibility()).map((one) => Number(one.tagName[1]))").await;
            let levels: Vec<i64> = serde_json::from_value(levels).unwrap();
            assert!(levels.first() == Some(&1), "{address}: {levels:?}");
            assert!(levels.iter().filter(|level| **level == 1).count() == 1, "{address}: {levels:?}");
            assert!(levels.windows(2).all(|two| two[1] <= two[0] + 1), "{address}: {levels:?}");

            // What the browser tells a screen reader: whatever takes the focus has a name.
            let tree = client.ask_devtools("Accessibility.getFullAXTree", json!({})).await.unwrap();
            let is = |node: &Value, what: &str| {
                let mut properties = node["properties"].as_array().into_iter().flatten();
                properties.any(|property| property["name"] == what && property["value"]["value"] == true)
            };
            for node in tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] != true) {
                let name = node["name"]["value"].as_str().unwrap_or_default().trim();
                assert!(!is(node, "focusable") || !name.is_empty(), "{address}: no name: {node}");
            }
        }
    }

    // Where the focus is can be seen, and goes from the head of the page to the table to its charts.
    client.goto(&format!("{}#/?exp=digits", walk.page.url)).await.unwrap();
    walk.shows("document.querySelector('.chart .curve')").await;
    let mut order: Vec<String> = Vec::new();
    for _ in 0..45 {
        walk.keys(key::TAB).await;
        let found = walk.page.js("const one = document.activeElement; const style = getComputedStyle(one); \
            return [one.closest('header, #runs, #divider, #detail')?.id ?? '', style.outlineStyle !== 'none' || one.id === 'divider', one.outerHTML.slice(0, 120)]").await;
        assert!(found[1] == true || order.is_empty(), "no focus is seen: {found}");
        let place = found[0].as_str().unwrap().to_owned();
        if order.last() != Some(&place) {
            order.push(place);
        }
    }
    let main: Vec<&str> = order.iter().map(String::as_str).filter(|place| !place.is_empty()).collect();
    assert!(main.starts_with(&["runs", "divider", "detail"]), "{order:?}");
    walk.page.close().await;
}
