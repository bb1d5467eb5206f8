//! `export --format html` in a real browser, from a file: it predicts what burnlab predicts, with no network.

use std::path::Path;

use serde_json::{Value, json};

use crate::browser::{Page, open};
use crate::lab::config_file;
use crate::onnx::{KINDS, of_run};
use crate::place::{Place, works};
use crate::webdriver::Locator;

/// Largest accepted difference: of probabilities and losses, and of numbers in standard deviations of the expected ones.
const TOLERANCE: f64 = 1e-5;

/// A browser, and the folder of the store that it is opened with.
async fn browser() -> Option<(Page, tempfile::TempDir)> {
    let folder = crate::place::folder();
    let page = open(folder.path(), "").await?;
    Some((page, folder))
}

/// Trains a config, and writes its page to `m.html`.
#[track_caller]
fn exported(config: &str) -> Place {
    let place = Place::new();
    place.write("c.toml", config);
    works(&place, &["--config", "c.toml", "--quiet", "--set", "name=\"c\""]);
    let said = works(&place, &["export", "c", "--format", "html", "-o", "m.html"]);
    assert_eq!(said, "m.html\n");
    place
}

async fn show(page: &Page, file: &Path) {
    page.client.goto(&format!("file://{}", file.display())).await.unwrap();
}

/// The rows of a CSV file without quotes, by column.
fn rows(file: &Path) -> Vec<Value> {
    let mut csv = csv::Reader::from_path(file).unwrap();
    let header = csv.headers().unwrap().clone();
    let row =
        |row: csv::StringRecord| header.iter().zip(&row).map(|(name, cell)| (name.to_owned(), cell.into())).collect();
    csv.records().map(|record| Value::Object(row(record.unwrap()))).collect()
}

/// What the open page makes of `inputs`, against what burnlab has written.
async fn predicts_the_same(page: &Page, what: &str, inputs: &Path, expected: &Path) {
    let (inputs, expected) = (rows(inputs), rows(expected));
    assert_eq!(inputs.len(), expected.len(), "{what}");
    let found = page.js(&format!("return {}.map((row) => predict(model, row))", Value::from(inputs))).await;
    let number = |cell: &Value| cell.as_str().unwrap().parse::<f64>().unwrap();
    let classes = page.js("return model.network.head.classes ?? []").await;
    // Of each column of numbers, by its standard deviation.
    let deviation = |column: &str| {
        let numbers: Vec<f64> = expected.iter().map(|row| number(&row[column])).collect();
        let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
        (numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / numbers.len() as f64).sqrt()
    };
    let names = page.js("return model.network.head.names ?? []").await;
    let names: Vec<&str> = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let levels = page.js("return (model.network.head.levels ?? []).map(String)").await;
    let mut columns: Vec<(String, String, f64)> = Vec::new();
    for (i, name) in names.iter().enumerate() {
        match page.js("return model.network.head.kind").await.as_str() {
            Some("labels") => columns.push((format!("/probabilities/{i}"), format!("probability_{name}"), 1.0)),
            _ => columns.push((
                format!("/numbers/{i}"),
                format!("predicted_{name}"),
                deviation(&format!("predicted_{name}")),
            )),
        }
    }
    for (i, level) in levels.as_array().unwrap().iter().enumerate() {
        let column = format!("quantile_{}", level.as_str().unwrap());
        columns.push((format!("/quantiles/{i}"), column.clone(), deviation(&column)));
    }
    let is_number = classes.as_array().unwrap().is_empty() && names.is_empty();
    if is_number {
        columns.push(("/number".to_owned(), "predicted".to_owned(), deviation("predicted")));
    }
    for (i, (found, expected)) in found.as_array().unwrap().iter().zip(&expected).enumerate() {
        let mut pairs = Vec::new();
        for (class, probability) in
            classes.as_array().unwrap().iter().zip(found["probabilities"].as_array().into_iter().flatten())
        {
            let column = format!("probability_{}", class.as_str().unwrap());
            pairs.push((probability.as_f64().unwrap(), number(&expected[&column])));
        }
        let is_tied = pairs.iter().filter(|(_, wanted)| (wanted - 0.5).abs() < TOLERANCE).count() > 0;
        if !pairs.is_empty() {
            assert!(is_tied || found["label"] == expected["predicted"], "{what}, row {i}: {found}, not {expected}");
        }
        if let Some(labels) = found["labels"].as_array() {
            for name in &names {
                let holds = f64::from(u8::from(labels.contains(&json!(name))));
                assert_eq!(
                    holds,
                    number(&expected[format!("predicted_{name}")]),
                    "{what}, row {i}: {found}, not {expected}"
                );
            }
        }
        for (place, column, deviation) in &columns {
            let found = found.pointer(place).and_then(Value::as_f64).unwrap();
            pairs.push((found / deviation, number(&expected[column]) / deviation));
        }
        assert!(!pairs.is_empty());
        for (found, wanted) in pairs {
            assert!((found - wanted).abs() < TOLERANCE, "{what}, row {i}: {found}, not {wanted}");
        }
    }
}

/// The mean loss of a language model on a text, against the recorded one.
async fn has_the_same_loss(page: &Page, what: &str, text: &Path, evaluation: &Path) {
    let text = std::fs::read_to_string(text).unwrap();
    let script = "const { inputs: { characters, context }, layers, head: { count } } = model.network;
        const known = Array.from(characters);
        const numbers = text.map((one) => (known.includes(one) ? known.indexOf(one) : known.length));
        let [sum, num] = [0, 0];
        for (let start = 0; start + context < numbers.length; start += context) {
            const logits = compute(layers, vector(numbers.slice(start, start + context))).values;
            for (let i = 0; i < context; i++, num++) {
                sum -= Math.log(softmax(logits.slice(i * count, (i + 1) * count))[numbers[start + i + 1]]);
            }
        }
        return sum / num;";
    let found = page.js(&format!("const text = Array.from({});{script}", json!(text))).await.as_f64().unwrap();
    let evaluation = crate::place::json(evaluation);
    let metrics = evaluation["metrics"].as_array().unwrap();
    let wanted = metrics.iter().find(|metric| metric["name"] == "loss").unwrap()["value"].as_f64().unwrap();
    assert!((found - wanted).abs() < TOLERANCE, "{what}: a loss of {found}, not {wanted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_every_kind_predicts_what_burnlab_predicts() {
    let Some((page, _folder)) = browser().await else { return };
    for (data, model) in KINDS {
        let place = exported(&format!("[data]\n{data}\n[model]\n{model}\n[training]\nmax_epochs = 2\n"));
        show(&page, &place.path("m.html")).await;
        let [file, inputs, expected] = of_run(place.path("m.html"), &place.only_run());
        match inputs.extension().is_some_and(|extension| extension == "txt") {
            true => has_the_same_loss(&page, model, &inputs, &expected).await,
            false => predicts_the_same(&page, model, &inputs, &expected).await,
        }
        // Nothing is asked for but the file itself, and at the width of a phone nothing sticks out.
        let resources = page.js("return performance.getEntriesByType('resource').length").await;
        assert_eq!(resources, json!(0), "{}", file.display());
        page.client.resize(400, 800).await.unwrap();
        let width = page.js("return document.documentElement.scrollWidth").await;
        assert!(width.as_u64().unwrap() <= 400, "{model}: {width} px wide");
        page.client.resize(1400, 900).await.unwrap();
    }
    page.close().await;
}

/// Several targets, labels, quantiles and classes in an order: what is computed, and what the page shows of the first row.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_predicts_all_that_is_asked_for() {
    let Some((page, _folder)) = browser().await else { return };
    let data = |name: &str| config_file("iris").with_file_name("data").join(name).display().to_string();
    let titanic =
        format!("path = \"{}\"\ndrop = [\"PassengerId\", \"Name\", \"Ticket\", \"Cabin\"]", data("titanic.csv"));
    let traits = format!("path = \"{}\"", data("digit-traits.csv"));
    for (data, training, shown) in [
        (format!("{titanic}\ntarget = [\"Age\", \"Fare\"]"), "", 2),
        (format!("{traits}\ntarget = [\"even\", \"loop\"]"), "threshold = \"f1\"", 2),
        (format!("{titanic}\ntarget = \"Pclass\"\nordered = [\"3\", \"2\", \"1\"]"), "", 3),
        ("source = \"diabetes\"".to_owned(), "loss = \"pinball\"\nquantiles = [0.05, 0.3, 0.6, 0.95]", 4),
    ] {
        for model in ["hidden = [6]", "hidden = [6]\nmembers = 3"] {
            let config = format!("[data]\n{data}\n[model]\n{model}\n[training]\nmax_epochs = 3\n{training}\n");
            let place = exported(&config);
            show(&page, &place.path("m.html")).await;
            let [_, inputs, expected] = of_run(place.path("m.html"), &place.only_run());
            predicts_the_same(&page, &config, &inputs, &expected).await;
            page.wait("document.querySelectorAll('#answer tr').length", json!(shown)).await;
        }
    }
    page.close().await;
}

/// Dates, unknown categories, spellings, missing cells, large numbers, and a threshold.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_reads_cells_as_burnlab_does() {
    let Some((page, _folder)) = browser().await else { return };
    let row = |i: u32| {
        let date = format!("20{:02}-{:02}-{:02} {:02}:30", 20 + i % 4, 1 + i * 5 % 12, 1 + i * 7 % 28, i * 11 % 24);
        let colour = ["red", "green", "blue"][(i % 3) as usize];
        let (large, open) = (1_700_000_000 + i * 37 % 101, ["True", "False"][(i / 2 % 2) as usize]);
        let answer = if (i * 5 % 12 > 5) ^ i.is_multiple_of(3) { "yes" } else { "no" };
        format!("{date},{colour},{large},{open},{answer}\n")
    };
    let header = "when,colour,serial,open,answer\n";
    let odd = "2031-02-28,violet,1700000050,TRUE,no\n,red,,false,no\n2024-02-29 23:59:30,,1700000500,,yes\n";
    let table = |rows: std::ops::Range<u32>| format!("{header}{}", rows.map(row).collect::<String>());
    let place = Place::new();
    place.write("train.csv", &table(0..300));
    place.write("new.csv", &format!("{}{odd}", table(300..320)));
    place.write(
        "c.toml",
        "[data]\npath = \"train.csv\"\ntarget = \"answer\"\n[model]\nhidden = [6]\n[training]\nmax_epochs = 8\nthreshold = \"f1\"\n",
    );
    works(&place, &["--config", "c.toml", "--quiet"]);
    works(&place, &["export", "c", "--format", "html", "-o", "m.html"]);
    works(&place, &["predict", "c", "new.csv", "-o", "expected.csv"]);
    show(&page, &place.path("m.html")).await;
    predicts_the_same(&page, "dates", &place.path("new.csv"), &place.path("expected.csv")).await;
    // The form has a field for each column of the file.
    let fields = page.js("return Array.from(document.querySelectorAll('.fields > div'), (field) => [field.children[0].textContent, field.children[1].type])").await;
    let expected =
        json!([["when", "datetime-local"], ["colour", "select-one"], ["serial", "number"], ["open", "select-one"]]);
    assert_eq!(fields, expected);
    page.close().await;
}

/// Texts of several scripts, by the same hashes.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_reads_texts_as_burnlab_does() {
    let Some((page, _folder)) = browser().await else { return };
    let words = ["great", "größer", "很好吃", "カフェ", "it's ok", "№ 5 ½", "ÉTÉ", "naïve 😀", "x_y-z", "ΟΔΟΣ"];
    let row = |i: usize| {
        let text = format!("{} {} {}", words[i % 10], words[i * 7 / 3 % 10], words[i / 2 % 10]);
        format!("\"{text}\",{},{}\n", i % 5, if i.is_multiple_of(3) { "a" } else { "b" })
    };
    let table = |rows: std::ops::Range<usize>| format!("comment,size,class\n{}", rows.map(row).collect::<String>());
    let place = Place::new();
    place.write("train.csv", &table(0..100));
    place.write("new.csv", &format!("{},3,a\n\"a \n\tnew, LINE!\",1,b\n?,1,a\n", table(100..150)));
    place.write(
        "c.toml",
        "[data]\npath = \"train.csv\"\ntarget = \"class\"\ntext = [\"comment\"]\ntext_buckets = 100\n[model]\nhidden = [6]\n\
         [training]\nmax_epochs = 8\n",
    );
    works(&place, &["--config", "c.toml", "--quiet"]);
    works(&place, &["export", "c", "--format", "html", "-o", "m.html"]);
    works(&place, &["predict", "c", "new.csv", "-o", "expected.csv"]);
    show(&page, &place.path("m.html")).await;
    predicts_the_same(&page, "texts", &place.path("new.csv"), &place.path("expected.csv")).await;
    let fields = page
        .js("return Array.from(document.querySelectorAll('.fields > div'), (field) => field.children[1].type)")
        .await;
    assert_eq!(fields, json!(["textarea", "number"]));
    page.close().await;
}

/// Rare categories by the same hashes, also those that are numbers in several spellings.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_hashes_rare_categories_as_burnlab_does() {
    let Some((page, _folder)) = browser().await else { return };
    let row = |i: usize| {
        let (shop, code) = (["Köln", "Ulm", "東京"][i % 3].to_owned() + &(i % 23).to_string(), i * 7 % 41);
        let code = if i.is_multiple_of(4) { format!("{code}.0") } else { code.to_string() };
        format!("{shop},{code},{},{}\n", i % 5, if i % 23 * 3 % 7 < 3 { "a" } else { "b" })
    };
    let table = |rows: std::ops::Range<usize>| format!("shop,code,size,class\n{}", rows.map(row).collect::<String>());
    let place = Place::new();
    place.write("train.csv", &table(0..300));
    place.write("new.csv", &format!("{}Bonn,7.50,1,a\n,+99,2,b\nUlm new,,0,a\n", table(300..350)));
    place.write(
        "c.toml",
        "[data]\npath = \"train.csv\"\ntarget = \"class\"\ncategorical = [\"code\"]\nmax_categories = 5\nhash_buckets = 20\n\
         [model]\nhidden = [6]\n[training]\nmax_epochs = 8\n",
    );
    works(&place, &["--config", "c.toml", "--quiet"]);
    works(&place, &["export", "c", "--format", "html", "-o", "m.html"]);
    works(&place, &["predict", "c", "new.csv", "-o", "expected.csv"]);
    show(&page, &place.path("m.html")).await;
    predicts_the_same(&page, "hashes", &place.path("new.csv"), &place.path("expected.csv")).await;
    let fields = page
        .js("return Array.from(document.querySelectorAll('.fields > div'), (field) => field.children[1].type)")
        .await;
    assert_eq!(fields, json!(["text", "text", "number"]));
    page.close().await;
}

/// What the page shows for a row that is typed in, with a missing cell, and what its card says.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_shows_the_prediction_of_what_is_typed_in() {
    let Some((page, _folder)) = browser().await else { return };
    let place = exported(&std::fs::read_to_string(config_file("iris")).unwrap());
    show(&page, &place.path("m.html")).await;
    for (field, cell) in [(0, "6.7"), (1, "3"), (3, "2.3")] {
        page.fill(&format!("#field-{field}"), cell).await;
    }
    page.client.find(Locator::Css("#field-2")).await.unwrap().clear().await.unwrap();
    place.write("new.csv", "sepal_length_(cm),sepal_width_(cm),petal_length_(cm),petal_width_(cm)\n6.7,3,,2.3\n");
    works(&place, &["predict", "c", "new.csv", "-o", "expected.csv"]);
    let expected = &rows(&place.path("expected.csv"))[0];
    let label = expected["predicted"].as_str().unwrap();
    page.wait("document.querySelector('#answer .label').textContent", json!(label)).await;
    let share = expected[format!("probability_{label}")].as_str().unwrap().parse::<f64>().unwrap();
    page.wait("document.querySelector('.chosen td:last-child').textContent", json!(format!("{:.1} %", 100.0 * share)))
        .await;
    page.fill("#field-0", "67").await;
    page.wait("document.querySelector('#field-0').className", json!("unseen")).await;
    let card = page.js("return document.querySelector('#card').textContent").await;
    let card = card.as_str().unwrap();
    assert!(card.contains("Result on the test rows") && card.contains("max_epochs"), "{card}");
    page.close().await;
}

/// Columns named as what every JavaScript object has.
#[tokio::test(flavor = "multi_thread")]
async fn columns_may_have_any_name() {
    let Some((page, _folder)) = browser().await else { return };
    let place = Place::new();
    let row = |i: u32| format!("{},{},{}\n", i % 9, i * 7 % 13, ["no", "yes"][(i % 9 > 4) as usize]);
    let header = "__proto__,constructor,toString\n";
    place.write("train.csv", &format!("{header}{}", (0..200).map(row).collect::<String>()));
    place.write("new.csv", &format!("{header}8,3,yes\n"));
    let config =
        "[data]\npath = \"train.csv\"\ntarget = \"toString\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 5\n";
    place.write("c.toml", config);
    works(&place, &["--config", "c.toml", "--quiet"]);
    works(&place, &["export", "c", "--format", "html", "-o", "m.html"]);
    works(&place, &["predict", "c", "new.csv", "-o", "expected.csv"]);
    show(&page, &place.path("m.html")).await;
    page.fill("#field-0", "8").await;
    page.fill("#field-1", "3").await;
    let expected = &rows(&place.path("expected.csv"))[0];
    let label = expected["predicted"].as_str().unwrap();
    let share = expected[format!("probability_{label}")].as_str().unwrap().parse::<f64>().unwrap();
    page.wait("document.querySelector('.chosen td:last-child').textContent", json!(format!("{:.1} %", 100.0 * share)))
        .await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digit_that_is_drawn_is_read() {
    let Some((page, _folder)) = browser().await else { return };
    let place = exported(&std::fs::read_to_string(config_file("digits-cnn")).unwrap());
    show(&page, &place.path("m.html")).await;
    // A one is a stroke down the middle; a zero is none.
    page.drag(".drawing canvas", (0.5, 0.06), (0.5, 0.94)).await;
    page.wait("document.querySelector('#answer .label').textContent", json!("1")).await;
    let seen = "Array.from(document.querySelector('.seen').getContext('2d').getImageData(0, 0, 8, 8).data).filter((_, i) => i % 4 == 0)";
    let pixels = page.js(&format!("return {seen}")).await;
    let level = |row: usize, column: usize| pixels[8 * row + column].as_u64().unwrap();
    assert!(level(4, 3) > 50 && level(4, 4) > 50 && level(4, 0) == 0 && level(4, 7) == 0, "{pixels}");
    page.click(".controls button").await;
    page.wait(&format!("{seen}.every((level) => level === 0)"), json!(true)).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_is_continued_as_generate_does() {
    let Some((page, _folder)) = browser().await else { return };
    let place = exported(
        "[data]\nsource = \"alice\"\ncontext = 12\n[model]\nkind = \"transformer\"\nwidth = 16\nheads = 2\n[training]\nmax_epochs = 2\n",
    );
    show(&page, &place.path("m.html")).await;
    // Beyond the context, so that the window slides.
    let said = works(&place, &["generate", "c", "--prompt", "Alice", "--temperature", "0", "--length", "40"]);
    page.fill("#prompt", "Alice").await;
    page.fill("#length", "40").await;
    page.js("document.querySelector('#temperature').value = 0").await;
    page.click("#inputs button").await;
    page.wait("document.querySelector('#written').dataset.state", json!("done")).await;
    page.wait("document.querySelector('#written').textContent", json!(said.trim_end_matches('\n'))).await;
    // At a temperature it is another text, of known characters.
    page.js("document.querySelector('#temperature').value = 2").await;
    page.click("#inputs button").await;
    page.wait("document.querySelector('#written').dataset.state", json!("done")).await;
    let written = page.js("return document.querySelector('#written').textContent").await;
    assert_ne!(written.as_str().unwrap(), said.trim_end_matches('\n'));
    assert_eq!(written.as_str().unwrap().chars().count(), 45);
    page.fill("#prompt", "Zürich").await;
    page.click("#inputs button").await;
    page.wait("document.querySelector('.error').textContent", json!("The training text has no \"ü\": leave it out."))
        .await;
    page.close().await;
}

/// A page of a run with hostile names: none of them becomes HTML.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_stay_text() {
    let Some((page, _folder)) = browser().await else { return };
    let place = Place::new();
    let (column, class) = ("</script><img src=x onerror=alert(1)>", "<!--<script>&amp;");
    let rows: String =
        (0..60u32).map(|i| format!("{},{}\n", i * 37 % 23, if i.is_multiple_of(2) { class } else { "b" })).collect();
    place.write("x.csv", &format!("{column},y\n{rows}"));
    place.write(
        "c.toml",
        "[data]\npath = \"x.csv\"\ntarget = \"y\"\n[model]\nhidden = []\n[training]\nmax_epochs = 1\n",
    );
    works(&place, &["--config", "c.toml", "--quiet"]);
    works(&place, &["export", "c", "--format", "html", "-o", "m.html"]);
    show(&page, &place.path("m.html")).await;
    page.wait("document.querySelector('.fields label').textContent", json!(column)).await;
    page.wait("document.querySelectorAll('#answer th')[0].textContent", json!(class)).await;
    page.wait("document.images.length", json!(0)).await;
    page.close().await;
}
