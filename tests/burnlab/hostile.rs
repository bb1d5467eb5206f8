//! What a hostile run, table or stranger can do to a user's browser: nothing.
//!
//! Every place where text of a run, a sweep or a table reaches the page, a report or a picture is opened with text that
//! would run as a script, or become an element, wherever it was taken for markup.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use burnlab::tracking::{NewRun, NewSweep, RunId, RunWriter, Status, Store, TrialState};
use serde_json::{Value, json};

use crate::browser::{Page, epoch, finished, new_run, open, point, three, train_trial};
use crate::place::{Place, text};

/// Runs where it is markup, is an element where it is, and loses its `%{y}` where it is a template of a chart.
const ATTACK: &str = "<img src=x onerror=window.owned=1><i class=owned>%{y}</i>&lt";
/// The same as a file's name.
const FILE: &str = "<img src=x onerror=window.owned=1>.svg";

/// Longer than anything takes here, shorter than a browser waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether text nodes, values or tooltips inside of `part` hold the attack, whole.
const SAYS: &str = "[...document.querySelectorAll(`${part} *`)].some((one) => \
    [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.includes(attack)) \
    || [one.value, one.title].some((text) => typeof text === 'string' && text.includes(attack)))";

/// What the attack would have done.
const HARM: &str = "[window.owned ?? null, document.querySelectorAll('img[src=x], .owned').length]";

/// Waits until a part of the page says the attack, and is unharmed. `place` is for a failure's message.
async fn says(page: &Page, part: &str, place: &str) {
    let attack = serde_json::to_string(ATTACK).unwrap();
    let said = format!("(() => {{ const [attack, part] = [{attack}, {part:?}]; return {SAYS}; }})()");
    page.wait(&format!("[{place:?}, {said}]"), json!([place, true])).await;
    assert_eq!(page.js(&format!("return {HARM}")).await, json!([null, 0]), "{place}");
}

/// A run whose every text is hostile, in its record and in its files.
fn hostile_run(root: &Path, seed: u64) -> RunId {
    let mut run = new_run(ATTACK, "[16]", 0.1, seed);
    run.name = Some(format!("{ATTACK} {seed}"));
    run.tags = vec![ATTACK.to_owned()];
    run.note = Some(ATTACK.to_owned());
    run.config_toml = ATTACK.to_owned();
    run.environment = json!({ ATTACK: ATTACK, "packages": [ATTACK] });
    run.params.insert(format!("model.{ATTACK}"), json!(format!("{ATTACK} {seed}")));
    let mut writer = RunWriter::start(root, run).unwrap();
    (1..=3).for_each(|number| writer.log(&epoch(number)).unwrap());
    writer.log(&[point("test/accuracy", 0, 0.5 + seed as f64 / 10.0)]).unwrap();
    writer.log_line(ATTACK).unwrap();
    let class = |name: &str| json!({ "class": name, "precision": ATTACK, "recall": 0.8, "f1": 0.85, "support": 10 });
    let evaluation = json!({
        "num_examples": ATTACK, "metrics": [{ "name": ATTACK, "value": ATTACK }], "baseline": { "name": ATTACK, "value": 0.5 },
        "classes": { "confusion_matrix": [[5, 1], [2, 8 + seed]], "report": [class(ATTACK), class("=1+1")] },
        "error_quantiles": { ATTACK: 1.0 },
    });
    writer.write_file("evaluation.json", evaluation.to_string().as_bytes()).unwrap();
    // The two runs are right about different rows.
    let predicted = |row: u64| if row % 2 == seed % 2 { ATTACK } else { "=1+1" };
    let rows: String = (0..4).map(|row| format!("{row},{ATTACK},{},0.5,0.5\n", predicted(row))).collect();
    let header = format!("row,true,predicted,probability_{ATTACK},probability_=1+1\n");
    writer.write_file("predictions.csv", format!("{header}{rows}").as_bytes()).unwrap();
    let inputs = format!("left {ATTACK},{ATTACK},target\n{}", format!("{ATTACK},1,{ATTACK}\n").repeat(4));
    writer.write_file("test.csv", inputs.as_bytes()).unwrap();
    writer.write_file("plots/curves.svg", picture(0).as_bytes()).unwrap();
    // A training names no file like this, but whoever copies a folder may.
    for folder in ["", "plots"] {
        std::fs::write(writer.folder().join(folder).join(FILE), picture(0)).unwrap();
    }
    let id = writer.id().clone();
    writer.finish(Status::Finished, ATTACK, Some(2)).unwrap();
    id
}

/// A picture that would run scripts in every way that SVG has, and tell this port of it.
fn picture(port: u16) -> String {
    let home = format!("http://127.0.0.1:{port}/");
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"40\" height=\"40\" \
         onload=\"document.documentElement.setAttribute('data-owned', 1); location='{home}onload'\">\
         <script>document.documentElement.setAttribute('data-owned', 1); window.owned = 1; top.owned = 1; fetch('{home}fetch'); \
         fetch('/api/runs').then((answer) => answer.text()).then((text) => location = '{home}' + text.length)</script>\
         <script href=\"{home}script.js\"/><image href=\"{home}picture.png\" onerror=\"location='{home}error'\"/>\
         <style>@import url('{home}style.css'); svg {{ background: url('{home}background.png') }}</style>\
         <foreignObject width=\"40\" height=\"40\"><iframe xmlns=\"http://www.w3.org/1999/xhtml\" src=\"{home}frame\"/>\
         <form xmlns=\"http://www.w3.org/1999/xhtml\" action=\"{home}form\"><input/></form></foreignObject>\
         <use xlink:href=\"{home}use.svg#a\"/><rect class=\"drawn\" width=\"40\" height=\"40\" fill=\"red\"/></svg>"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_stays_text() {
    let root = crate::place::folder();
    let (first, second) = (hostile_run(root.path(), 1), hostile_run(root.path(), 2));
    let Some(page) = open(root.path(), "").await else { return };
    page.wait(
        &format!("document.querySelector(\"[data-id='{first}'] .name a\").textContent"),
        json!(format!("{ATTACK} 1")),
    )
    .await;
    page.wait("document.querySelectorAll('.chart .plot .curve').length > 0", json!(true)).await;
    says(&page, "#runs", "charts").await;
    // What a chart says under the pointer.
    page.js("const { chart } = document.querySelector('.chart'); chart.hover(chart.plot.area.left + 1, 50)").await;
    let told = "[...document.querySelectorAll('#hover td')].some((cell) => cell.textContent.includes('<img src=x'))";
    page.wait(told, json!(true)).await;

    let param = format!("model.{}", urlencoded(ATTACK));
    let both = format!("sel={first},{second}");
    for (part, address) in [
        ("#runs", format!("#/?cols=run:experiment,run:tags,run:note,run:reason,param:{param}")),
        ("#runs", "#/?group=run:tags&mean=1".to_owned()),
        ("#runs", format!("#/?group=param:{param}")),
        ("#runs", format!("#/?q=note~{}", urlencoded(&format!("\"{ATTACK}\" >")))),
        ("#detail", "#/experiments".to_owned()),
        ("#board", format!("#/?exp={}", urlencoded(ATTACK))),
        ("#detail", format!("#/scatter?sx={param}")),
        ("#detail", format!("#/parallel?pcols={param}")),
        ("#detail", format!("#/run/{first}")),
        (".run-body", format!("#/run/{first}?tab=config")),
        (".run-body", format!("#/run/{first}?tab=evaluation")),
        (".run-body", format!("#/run/{first}?tab=predictions&wrong=0&inputs=1")),
        (".run-body", format!("#/run/{first}?tab=log")),
        (".run-body", format!("#/run/{first}?tab=environment")),
        ("#detail", format!("#/?panels={}", urlencoded(&json!([ATTACK, ["validation/loss"]]).to_string()))),
        (
            "#detail",
            format!(
                "#/?panels={}",
                urlencoded(&json!([ATTACK, [format!("param:model.{ATTACK}"), "test/accuracy"], "points"]).to_string())
            ),
        ),
        (".compare-body", format!("#/compare?{both}")),
        (".compare-body", format!("#/compare?{both}&tab=confusion")),
        (".compare-body", format!("#/compare?{both}&tab=classes")),
        (".compare-body", format!("#/compare?{both}&tab=examples")),
        ("#detail", format!("#/compare?{both}&tab=curves")),
    ] {
        page.client.goto(&format!("{}{address}", page.url)).await.unwrap();
        // Another fragment alone loads nothing anew.
        page.client.refresh().await.unwrap();
        says(&page, part, &address).await;
    }
    // Names of files, in the list and under pictures.
    for tab in ["files", "pictures"] {
        page.client.goto(&format!("{}#/run/{first}?tab={tab}", page.url)).await.unwrap();
        let named = "[...document.querySelectorAll('.run-body a, figcaption')].some((one) => one.textContent.includes('<img src=x'))";
        page.wait(named, json!(true)).await;
        page.wait(
            "[...document.images].filter((image) => image.complete && image.naturalWidth === 40).length > 0",
            json!(true),
        )
        .await;
        assert_eq!(page.js(&format!("return {HARM}")).await, json!([null, 0]), "{tab}");
    }
    // As images with their labels.
    let preprocessing = json!({ "image_shape": [1, 1], "columns": [{ "name": ATTACK }] });
    std::fs::write(root.path().join(format!("runs/{first}/preprocessing.json")), preprocessing.to_string()).unwrap();
    page.client.goto(&format!("{}#/run/{first}?tab=predictions", page.url)).await.unwrap();
    page.client.refresh().await.unwrap();
    page.wait("document.querySelectorAll('.gallery canvas').length", json!(4)).await;
    says(&page, ".gallery", "gallery").await;
    Store::open(root.path()).unwrap().delete(&first).unwrap();
    page.client.goto(&format!("{}#/trash", page.url)).await.unwrap();
    says(&page, "#detail", "trash").await;

    // A view as a page: what it says is text there, too.
    let saved = format!(
        "const {{ modules }} = await import('/assets/page.js'); return modules.share.pageOf({ATTACK:?}, {ATTACK:?})"
    );
    let folder = crate::place::folder();
    let file = folder.path().join("page.html");
    for address in [
        format!("#/?exp={}", urlencoded(ATTACK)),
        format!("#/run/{second}?tab=evaluation"),
        format!("#/run/{second}?tab=files"),
    ] {
        page.client.goto("about:blank").await.unwrap();
        page.client.goto(&format!("{}{address}", page.url)).await.unwrap();
        says(&page, "#detail", &address).await;
        std::fs::write(&file, page.js(&saved).await.as_str().unwrap()).unwrap();
        page.client.goto(&format!("file://{}", file.display())).await.unwrap();
        says(&page, "#detail", &address).await;
        page.wait("[document.title, document.querySelector('.own-text').textContent]", json!([ATTACK, ATTACK])).await;
        page.wait("document.querySelectorAll('script, a, button').length", json!(0)).await;
    }
    page.client.goto(&page.url).await.unwrap();

    // What leaves the page for a spreadsheet runs there neither; numbers stay numbers.
    let csv = "import('/assets/dom.js').then(({ csv }) => csv([['=1+1', '+1+1', '-1+1', '@a', '\\t=1', '\\r=1', 'a=1'], \
               [-1.5, '-1.5', '+2', '-Infinity', NaN, '1e-9', null]]))";
    let expected = "'=1+1,'+1+1,'-1+1,'@a,'\t=1,\"'\r=1\",a=1\n-1.5,-1.5,+2,-Infinity,NaN,1e-9,\n";
    assert_eq!(page.js(&format!("return {csv}")).await, json!(expected));
    page.close().await;
}

fn urlencoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_sweep_stays_text() {
    let root = crate::place::folder();
    let sweep = NewSweep {
        experiment: ATTACK.to_owned(),
        config_toml: ATTACK.to_owned(),
        method: ATTACK.to_owned(),
        metric: "validation/loss".parse().unwrap(),
        params: vec!["training.learning_rate".to_owned(), format!("model.{ATTACK}")],
        num_trials: 3,
        data: ATTACK.to_owned(),
    };
    let sweep = Store::open(root.path()).unwrap().create_sweep(sweep).unwrap();
    train_trial(root.path(), &sweep, ATTACK, 0.1, TrialState::Finished, Some(0.4));
    train_trial(root.path(), &sweep, ATTACK, 0.2, TrialState::Failed, None);
    let Some(page) = open(root.path(), "#/sweeps").await else { return };
    says(&page, "#detail", "sweeps").await;
    page.client.goto(&format!("{}#/sweep/{sweep}", page.url)).await.unwrap();
    page.wait("document.querySelectorAll('table.trials tbody tr').length", json!(3)).await;
    page.wait("document.querySelectorAll('.timeline .trial').length", json!(2)).await;
    says(&page, "#trials", "sweep").await;
    page.close().await;
}

/// Links that others made up: they name nothing of the page's own objects.
#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_address_breaks_nothing() {
    let root = crate::place::folder();
    let [first, second, third] = three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    for address in [
        "#/?cols=run:constructor,run:__proto__,run:note&sort=run:toString&__proto__=1&constructor=2".to_owned(),
        "#/?group=run:hasOwnProperty&zoom=NaN,1e999&draw=1e9&x=valueOf".to_owned(),
        format!("#/?pin={}&q=", "x,".repeat(10_000)),
    ] {
        page.client.goto(&format!("{}{address}", page.url)).await.unwrap();
        page.client.refresh().await.unwrap();
        page.rows(&[&third, &second, &first]).await;
    }
    page.client.goto(&format!("{}#/run/{first}?tab=constructor", page.url)).await.unwrap();
    page.wait("document.querySelector('.run-body h2').textContent", json!("config.toml")).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_a_run_runs_nothing() {
    let root = crate::place::folder();
    let home = TcpListener::bind("127.0.0.1:0").unwrap();
    let picture = picture(home.local_addr().unwrap().port());
    let id = finished(root.path(), new_run("digits", "[16]", 0.1, 1), 0.9);
    let folder = root.path().join("runs").join(id.as_str());
    std::fs::create_dir(folder.join("plots")).unwrap();
    std::fs::write(folder.join("plots/curves.svg"), &picture).unwrap();
    std::fs::write(folder.join("page.html"), "<script>document.title = 'owned'; window.owned = 1</script>").unwrap();
    let Some(page) = open(root.path(), &format!("#/run/{id}?tab=pictures")).await else { return };
    let image = "[...document.images].filter((image) => image.complete && image.naturalWidth === 40).length";
    page.wait(image, json!(1)).await;
    assert_eq!(page.js("return window.owned ?? null").await, Value::Null);
    // Opened by itself, it is a document with an address of ours.
    let address = format!("{}api/runs/{id}/files/plots/curves.svg?inline=1", page.url);
    let opened = tokio::time::timeout(PATIENCE, page.client.goto(&address)).await;
    opened.expect("the picture leads elsewhere").unwrap();
    page.wait("document.readyState === 'complete' && document.querySelectorAll('.drawn').length", json!(1)).await;
    let harm = "return [document.documentElement.getAttribute('data-owned'), window.owned ?? null, window.origin, location.href]";
    assert_eq!(page.js(harm).await, json!([null, null, "null", address]));
    // It reached nobody: not our own server with the user's rights, nor one that listens for it.
    home.set_nonblocking(true).unwrap();
    while let Ok((mut caller, _)) = home.accept() {
        caller.set_nonblocking(true).unwrap();
        let mut asked = [0; 100];
        // Chromium connects before it knows that the policy forbids it to ask.
        let bytes = caller.read(&mut asked).unwrap_or(0);
        assert_eq!(bytes, 0, "the picture asks its home: {}", String::from_utf8_lossy(&asked));
    }
    // A page is not opened at all, but saved.
    page.client.goto(&page.url).await.unwrap();
    page.client.goto(&format!("{}api/runs/{id}/files/page.html?inline=1", page.url)).await.ok();
    assert_ne!(page.client.title().await.unwrap(), "owned");
    page.client.close().await.unwrap();
}

/// A real training on a table whose every name is hostile, its report, and its pictures.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_hostile_text_runs_nothing() {
    let place = Place::new();
    let word = |row: usize| if row.is_multiple_of(2) { ATTACK } else { "=1+1" };
    let rows: String = (0..80).map(|row| format!("{},{},{}\n", row % 7, word(row / 2), word(row))).collect();
    place.write("table.csv", &format!("first {ATTACK},second {ATTACK},third {ATTACK}\n{rows}"));
    place.write(
        "hostile.toml",
        &format!(
            "name = '{ATTACK}'\n[data]\npath = \"table.csv\"\ntarget = 'third {ATTACK}'\ntest_fraction = 0.3\n\
             validation_fraction = 0.15\nscale = \"standard\"\n[model]\nkind = \"mlp\"\nhidden = [4]\n\
             [training]\nmax_epochs = 3\nbatch_size = 16\n"
        ),
    );
    for seed in ["1", "2"] {
        let set = format!("seed={seed}");
        let trained = place.run(&["--config", "hostile.toml", "--quiet", "--tag", ATTACK, "--set", &set]);
        assert!(trained.status.success(), "{}", text(&trained.stderr));
    }
    let mut store = Store::open(&place.path("artifacts")).unwrap();
    let ids: Vec<RunId> = store.runs().unwrap().into_iter().map(|run| run.record.id).collect();
    for id in &ids {
        store.set_note(id, ATTACK).unwrap();
    }
    // Pictures are elements that were meant, with the text as text.
    for entry in std::fs::read_dir(store.folder(&ids[0]).join("plots")).unwrap() {
        let path = entry.unwrap().path();
        let svg = std::fs::read_to_string(&path).unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let names: Vec<&str> = document.descendants().map(|node| node.tag_name().name()).collect();
        assert!(!["img", "i", "script"].iter().any(|name| names.contains(name)), "{}", path.display());
    }
    for runs in [&ids[..1], &ids[..]] {
        let mut args = vec!["report"];
        args.extend(runs.iter().map(RunId::as_str));
        args.extend(["-o", "report.html"]);
        let written = place.run(&args);
        assert!(written.status.success(), "{}", text(&written.stderr));
        let Some(page) = open(&place.path("artifacts"), "").await else { return };
        page.client.goto(&format!("file://{}", place.path("report.html").display())).await.unwrap();
        says(&page, "body", "report").await;
        let drawn = "[...document.images].filter((image) => image.complete && image.naturalWidth > 0).length === document.images.length && document.images.length > 0";
        page.wait(drawn, json!(true)).await;
        assert_eq!(page.js("return document.querySelectorAll('script, iframe, [onerror], [onload]').length").await, 0);
        // The same run on the page, from the training's own files.
        for tab in ["config", "evaluation", "predictions&wrong=0&inputs=1", "environment", "log"] {
            page.client.goto(&format!("{}#/run/{}?tab={tab}", page.url, ids[0])).await.unwrap();
            page.wait("document.querySelector('.run-body').children.length > 0", json!(true)).await;
            says(&page, ".run-body", tab).await;
        }
        page.close().await;
    }
}

/// More connections than there are places, and none of them says anything.
#[tokio::test(flavor = "multi_thread")]
async fn idle_strangers_keep_no_user_out() {
    let root = crate::place::folder();
    let [first, second, third] = three(root.path());
    let Some(page) = open(root.path(), "").await else { return };
    page.rows(&[&third, &second, &first]).await;
    let host = page.url.trim_start_matches("http://").trim_end_matches('/');
    crate::crowd::allow_many_files();
    let strangers: Vec<TcpStream> = (0..600).map(|_| TcpStream::connect(host).unwrap()).collect();
    // Who comes now waits for the strangers' time to be up, not for them to leave: they stay to the end.
    page.client.refresh().await.unwrap();
    page.rows(&[&third, &second, &first]).await;
    let run: NewRun = new_run("digits", "[4]", 0.1, 1);
    let fourth = finished(root.path(), run, 0.5);
    page.rows(&[&fourth, &third, &second, &first]).await;
    drop(strangers);
    page.close().await;
}
