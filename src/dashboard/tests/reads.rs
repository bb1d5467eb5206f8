//! Reading routes, each with what is special about it.

use futures_core::Stream;

use super::*;

#[tokio::test]
async fn an_absent_folder_shows_an_empty_page() {
    let mut dashboard = Dashboard::new();
    let absent = dashboard.root().join("absent");
    dashboard.state = AppState::new(absent.as_path(), Access::local());
    let page = dashboard.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains(dashboard.state.token()) && !page.text().contains("{{token}}"));
    assert_eq!(dashboard.get("/api/runs").await.json(), json!({ "revision": 0, "total": 0, "all": 0, "runs": [] }));
    assert_eq!(dashboard.get("/api/trash").await.json(), json!([]));
    assert_eq!(dashboard.get("/api/filter?q=seed%3D1").await.json(), json!({ "ids": [] }));
    let compared = dashboard.get("/api/compare?ids=").await.json();
    assert_eq!(
        compared,
        json!({ "params": [], "metrics": [], "leaders": {}, "evaluations": [], "judgement": null, "comparisons": null })
    );
    assert_eq!(dashboard.get("/api/sweeps").await.json(), json!([]));
    let answer = dashboard.send("DELETE", "/api/runs/none-20261124-235039-a3f1", "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(!absent.exists(), "looking at a folder creates it");
}

#[tokio::test]
async fn the_page_comes_with_its_files() {
    let dashboard = Dashboard::new();
    let style = dashboard.get("/assets/style.css").await;
    assert_eq!((style.status, style.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    assert_eq!(dashboard.get("/assets/main.js").await.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(dashboard.get("/assets/other.js").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn filters_answer_ids_or_the_place_of_the_mistake() {
    let dashboard = Dashboard::new();
    let (digits, moons) = (dashboard.finished("digits"), dashboard.finished("moons"));
    let ids = |answer: Answer| answer.json()["ids"].clone();
    assert_eq!(ids(dashboard.get("/api/filter?q=experiment%20%3D%20moons").await), json!([moons]));
    assert_eq!(ids(dashboard.get("/api/filter?q=validation%2Floss%20%3C%201").await), json!([moons, digits]));
    assert_eq!(ids(dashboard.get("/api/filter?q=").await), json!([moons, digits]));
    let answer = dashboard.get("/api/filter?q=seed%20%3E%20x").await;
    assert_eq!((answer.status, &answer.json()["at"]), (StatusCode::BAD_REQUEST, &json!(7)));
    assert!(answer.text().contains("at column 8: "), "{}", answer.text());
    // Characters, not bytes: `é > ö x`.
    let answer = dashboard.get("/api/filter?q=%C3%A9%20%3D%20%C3%B6%20x").await;
    assert_eq!(answer.json()["at"], 6);
    assert_eq!(dashboard.get("/api/filter").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn series_are_smoothed_thinned_and_continued() {
    let dashboard = Dashboard::new();
    let mut writer = RunWriter::start(dashboard.root(), new_run("digits", 1)).unwrap();
    let spike = |epoch: u64| if epoch == 777 { 1e6 } else { 1.0 + 1.0 / epoch as f64 };
    let points: Vec<Point> = (1..=2000).map(|epoch| point("validation/loss", epoch, spike(epoch))).collect();
    writer.log(&points).unwrap();
    let path = format!("/api/series?key=validation/loss&ids={}", writer.id());
    let first = |answer: Answer| answer.json()["series"][0].clone();
    let thin = first(dashboard.get(&format!("{path}&max_points=100")).await);
    let epochs: Vec<u64> =
        thin["samples"].as_array().unwrap().iter().map(|sample| sample[0].as_u64().unwrap()).collect();
    assert!(epochs.len() <= 100 && epochs.contains(&777), "{epochs:?}");
    assert_eq!((epochs[0], epochs.last(), &thin["total"]), (1, Some(&2000), &json!(2000)));
    assert_eq!(thin["downsampled"], true);
    assert!(thin["outliers"].as_u64().unwrap() >= 1);
    let later = first(dashboard.get(&format!("{path}&after=1997")).await);
    assert_eq!(
        later["samples"].as_array().unwrap().iter().map(|s| s[0].clone()).collect::<Vec<_>>(),
        [1998, 1999, 2000]
    );
    // Smoothed first: the spike is flatter in what is thinned, and `after` changes no value.
    let smooth = first(dashboard.get(&format!("{path}&smooth=0.9&max_points=5000")).await);
    let value = smooth["samples"][776][3].as_f64().unwrap();
    assert!((9e4..2e5).contains(&value), "{value}");
    let later = first(dashboard.get(&format!("{path}&smooth=0.9&after=1999")).await);
    assert_eq!(later["samples"][0], smooth["samples"][1999]);
    for wrong in ["&smooth=1", "&smooth=-0.1", "&smooth=NaN", "&max_points=x", "&after=-1"] {
        assert_eq!(dashboard.get(&format!("{path}{wrong}")).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(dashboard.get("/api/series?key=loss&ids=").await.status, StatusCode::BAD_REQUEST);
    let unknown = first(dashboard.get("/api/series?key=a/b&ids=none-20261124-235039-a3f1").await);
    assert_eq!((&unknown["samples"], &unknown["total"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn predictions_come_in_pages() {
    let dashboard = Dashboard::new();
    let writer = dashboard.start("digits");
    let path = format!("/api/runs/{}/predictions", writer.id());
    assert_eq!(dashboard.get(&path).await.status, StatusCode::NOT_FOUND);
    let rows: String = (0..100).map(|row| format!("{row},{},\"{}\",0.1{row}\n", row % 3, row % 2)).collect();
    writer.write_file("predictions.csv", format!("row,true,predicted,probability_0\n{rows}").as_bytes()).unwrap();
    let all = dashboard.get(&format!("{path}?offset=98&limit=10")).await.json();
    assert_eq!(all["columns"], json!(["row", "true", "predicted", "probability_0"]));
    assert_eq!((&all["total"], &all["rows"][1]), (&json!(100), &json!(["99", "0", "1", "0.199"])));
    assert_eq!(all["rows"].as_array().unwrap().len(), 2);
    let wrong = dashboard.get(&format!("{path}?wrong=1&limit=1000")).await.json();
    let expected = (0..100).filter(|row| row % 3 != row % 2).count();
    assert_eq!(wrong["total"], expected);
    assert_eq!(wrong["rows"].as_array().unwrap().len(), expected);
    assert!(wrong["rows"].as_array().unwrap().iter().all(|row| row[1] != row[2]));
    assert_eq!(dashboard.get(&format!("{path}?limit=-1")).await.status, StatusCode::BAD_REQUEST);
}

/// Five predictions of two classes, rows 0 to 4; 1 and 3 are wrong, 3 more surely so.
const PREDICTIONS: &str = "row,true,predicted,probability_a,probability_b\n\
    10,a,a,0.9,0.1\n11,a,b,0.4,0.6\n12,b,b,0.45,0.55\n13,b,a,0.8,0.2\n14,a,a,0.7,0.3\n";

/// Images of one by two pixels, their columns in another order than the pixels.
const PREPROCESSING: &str = r#"{"image_shape": [1, 2], "columns": [{"name": "left", "kind": {}}, {"name": "right"}]}"#;

const TEST: &str = "right,left,target\n1,2,a\n3,,a\n5,6,b\n7,8.5,b\n9,10,a\n";

#[tokio::test]
async fn wrong_predictions_come_first_with_their_images() {
    let dashboard = Dashboard::new();
    let writer = dashboard.start("digits");
    let run = format!("/api/runs/{}", writer.id());
    let path = format!("{run}/predictions?order=wrong_first&pixels=1");
    let write = |name, text: &str| writer.write_file(name, text.as_bytes()).unwrap();
    write("predictions.csv", PREDICTIONS);
    write("preprocessing.json", PREPROCESSING);
    write("test.csv", TEST);
    let rows = |found: &Value| found["rows"].as_array().unwrap().iter().map(|row| row[0].clone()).collect::<Vec<_>>();
    let all = dashboard.get(&path).await.json();
    assert_eq!(rows(&all), ["13", "11", "12", "14", "10"]);
    assert_eq!((&all["total"], &all["num_wrong"], &all["image"]), (&json!(5), &json!(2), &json!([1, 2])));
    assert_eq!(all["pixels"], json!([[8.5, 7.0], [null, 3.0], [6.0, 5.0], [10.0, 9.0], [2.0, 1.0]]));
    let page = dashboard.get(&format!("{path}&offset=1&limit=2&wrong=1")).await.json();
    assert_eq!((rows(&page), &page["total"], &page["num_wrong"]), (vec![json!("11")], &json!(2), &json!(2)));
    assert_eq!(page["pixels"], json!([[null, 3.0]]));
    assert_eq!(dashboard.get(&run).await.json()["image"], json!([1, 2]));
    // The examples of one cell of the confusion matrix, and of one that is empty.
    let label = |row: &Value| (row[1].as_str().unwrap().to_owned(), row[2].as_str().unwrap().to_owned());
    let (truth, predicted) = label(&all["rows"][0]);
    let cell = dashboard.get(&format!("{path}&true={truth}&predicted={predicted}")).await.json();
    let same = all["rows"].as_array().unwrap().iter().filter(|row| label(row) == (truth.clone(), predicted.clone()));
    assert_eq!(rows(&cell), same.map(|row| row[0].clone()).collect::<Vec<_>>());
    assert_eq!(dashboard.get(&format!("{path}&true={truth}&predicted=none")).await.json()["total"], 0);
    // In the order of the file, without pixels, with the raw cells of the inputs.
    let plain = dashboard.get(&format!("{run}/predictions?inputs=1&limit=2&offset=1")).await.json();
    assert_eq!((rows(&plain), plain.get("pixels")), (vec![json!("11"), json!("12")], None));
    assert_eq!(
        (&plain["input_columns"], &plain["inputs"]),
        (&json!(["right", "left"]), &json!([["3", ""], ["5", "6"]]))
    );
    assert_eq!(dashboard.get(&format!("{run}/predictions?order=sideways")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_test_table_that_does_not_fit_gives_no_pixels() {
    let dashboard = Dashboard::new();
    let writer = dashboard.start("digits");
    let path = format!("/api/runs/{}/predictions?pixels=1&inputs=1&limit=1", writer.id());
    let write = |name, text: &str| writer.write_file(name, text.as_bytes()).unwrap();
    write("predictions.csv", PREDICTIONS);
    let found = dashboard.get(&path).await.json();
    assert_eq!((&found["image"], found.get("pixels"), found.get("inputs")), (&Value::Null, None, None));
    write("preprocessing.json", PREPROCESSING);
    for test in [
        None,
        Some(""),
        Some("right,left,target\n1,2,a\n"),
        Some("right,left,target\n1,2,a\n3,4,a\n5,6\n7,8,b\n9,10,a\n"),
        Some("right,middle,target\n1,2,a\n3,4,a\n5,6,b\n7,8,b\n9,10,a\n"),
        Some("right,left,target\none,2,a\n3,4,a\n5,6,b\n7,8,b\n9,10,a\n"),
    ] {
        test.into_iter().for_each(|test| write("test.csv", test));
        let answer = dashboard.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{test:?}: {}", answer.text());
        let found = answer.json();
        assert_eq!((found["total"].as_u64(), found.get("pixels")), (Some(5), None), "{test:?}");
    }
    write("test.csv", TEST);
    for damaged in
        [r#"{"image_shape": [2, 2], "columns": [{"name": "left"}]}"#, r#"{"image_shape": null, "columns": []}"#, "{"]
    {
        write("preprocessing.json", damaged);
        let found = dashboard.get(&path).await.json();
        assert_eq!((&found["image"], found.get("pixels")), (&Value::Null, None), "{damaged}");
        assert_eq!(found["inputs"], json!([["1", "2"]]));
    }
}

#[tokio::test]
async fn numbers_are_not_simply_wrong() {
    let dashboard = Dashboard::new();
    let writer = dashboard.start("diabetes");
    writer
        .write_file("predictions.csv", b"row,true,predicted\n0,1.5,1.25\n1,2.0,2.0\n2,1.0,-3.0\n3,1.0,NaN\n")
        .unwrap();
    let path = format!("/api/runs/{}/predictions?wrong=1&order=wrong_first", writer.id());
    let found = dashboard.get(&path).await.json();
    assert_eq!((&found["total"], &found["num_wrong"]), (&json!(4), &Value::Null));
    // The largest error first; what is no number is the worst.
    let rows: Vec<&Value> = found["rows"].as_array().unwrap().iter().map(|row| &row[0]).collect();
    assert_eq!(rows, ["3", "2", "0", "1"]);
    assert_eq!(found["rows"][2], json!(["0", "1.5", "1.25"]));
}

#[tokio::test]
async fn files_are_downloads_or_shown_in_a_sandbox() {
    let dashboard = Dashboard::new();
    let mut writer = dashboard.start("digits");
    let big = vec![7u8; 1_000_003];
    writer.write_file("model.safetensors", &big).unwrap();
    writer.write_file("a.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    writer.write_file("page.html", b"<script>alert(1)</script>").unwrap();
    writer.log_line("hello").unwrap();
    std::fs::create_dir(writer.folder().join("plots")).unwrap();
    std::fs::write(writer.folder().join("plots/b.svg"), "<svg/>").unwrap();
    let path = format!("/api/runs/{}/files", writer.id());
    let model = dashboard.get(&format!("{path}/model.safetensors?inline=1")).await;
    assert_eq!((model.header("content-type"), model.header("content-length")), ("application/octet-stream", "1000003"));
    assert!(model.body == big && model.header("content-disposition").starts_with("attachment"));
    for name in ["a.svg", "plots/b.svg", "plots%2Fb.svg"] {
        let picture = dashboard.get(&format!("{path}/{name}?inline=1")).await;
        assert_eq!((picture.status, picture.header("content-type")), (StatusCode::OK, "image/svg+xml"));
        assert!(picture.header("content-security-policy").starts_with("sandbox;"));
        assert_eq!(picture.header("x-content-type-options"), "nosniff");
        assert!(picture.header("content-disposition").starts_with("inline"));
    }
    // A page of the run's would run in ours.
    let page = dashboard.get(&format!("{path}/page.html?inline=1")).await;
    assert_eq!(page.header("content-type"), "application/octet-stream");
    assert!(page.header("content-disposition").starts_with("attachment"));
    let log = dashboard.get(&format!("{path}/run.log?inline=1")).await;
    assert_eq!(log.header("content-type"), "text/plain; charset=utf-8");
    assert!(log.text().ends_with("hello\n"));
}

/// Of a run that an older burnlab recorded, with the password of its store.
#[tokio::test]
async fn a_recorded_password_is_not_given_away() {
    let dashboard = Dashboard::new();
    let writer = dashboard.start("digits");
    let path = format!("/api/runs/{}/files/environment.json", writer.id());
    let file = writer.folder().join("environment.json");
    // What holds none is given as it is.
    let plain = std::fs::read(&file).unwrap();
    assert_eq!(dashboard.get(&path).await.body, plain);
    let old = r#"{"command_line": ["burnlab", "--store", "postgres://me:0ld-s3cret@db.lan/runs"], "os": "test"}"#;
    std::fs::write(&file, old).unwrap();
    let shown = dashboard.get(&format!("{path}?inline=1")).await;
    assert_eq!(shown.json()["command_line"][2], "postgres://me:***@db.lan/runs");
    assert_eq!(
        (shown.json()["os"].as_str(), shown.header("content-length")),
        (Some("test"), shown.body.len().to_string().as_str())
    );
    std::fs::write(&file, &old[..80]).unwrap();
    let damaged = dashboard.get(&path).await;
    assert!(damaged.status == StatusCode::OK && !damaged.text().contains("s3cret"), "{}", damaged.text());
}

#[tokio::test]
async fn a_damaged_file_hides_no_other() {
    let dashboard = Dashboard::new();
    let writer = dashboard.start("digits");
    writer.write_file("evaluation.json", b"{\"a\": NaN}").unwrap();
    std::fs::remove_file(writer.folder().join("config.toml")).unwrap();
    let detail = dashboard.get(&format!("/api/runs/{}", writer.id())).await.json();
    assert_eq!((&detail["evaluation"], &detail["config_toml"]), (&Value::Null, &json!("")));
    let problems = detail["problems"].as_array().unwrap();
    assert!(problems.len() == 2 && problems[1].as_str().unwrap().starts_with("`evaluation.json`: "), "{problems:?}");
}

#[tokio::test]
async fn comparing_shows_what_differs() {
    let dashboard = Dashboard::new();
    let (a, b) = (dashboard.finished("digits"), dashboard.finished("moons"));
    let found = dashboard.get(&format!("/api/compare?ids={a},{b}")).await.json();
    assert_eq!(found["params"], json!([{ "key": "name", "values": ["digits", "moons"] }]));
    let metric = &found["metrics"][0];
    assert_eq!((&metric["key"], &metric["values"][1]["best_epoch"]), (&json!("validation/loss"), &json!(3)));
    assert_eq!(found["evaluations"], json!([null, null]));
    // One seed each: no claim, and the way to one.
    assert_eq!(found["judgement"]["claim"], "no_claim");
    let next = found["judgement"]["next"][0].as_str().unwrap();
    assert!(next.contains(&format!("{a}/config.toml --set seed=")) && next.contains("--seeds 9"), "{next}");
    let missing = dashboard.get(&format!("/api/compare?ids={a},none-20261124-235039-a3f1")).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

/// A finished run of one config with this test accuracy.
fn tested(dashboard: &Dashboard, config: u64, seed: u64, accuracy: f64) -> RunId {
    let mut run = new_run("digits", seed);
    run.params.insert("model.hidden".to_owned(), json!([config]));
    let mut writer = RunWriter::start(dashboard.root(), run).unwrap();
    writer.log(&[point("test/accuracy", 0, accuracy)]).unwrap();
    let id = writer.id().clone();
    writer.finish(Status::Finished, "all epochs done", None).unwrap();
    id
}

/// scipy 1.17 and statsmodels 0.15: `multipletests([ttest_rel(b, a).pvalue, ttest_rel(c, a).pvalue], method="holm")`
#[tokio::test]
async fn three_configs_are_compared_with_the_first() {
    const RESULTS: [[f64; 5]; 3] =
        [[0.955, 0.948, 0.962, 0.930, 0.970], [0.978, 0.969, 0.981, 0.960, 0.985], [0.953, 0.957, 0.949, 0.941, 0.968]];
    let dashboard = Dashboard::new();
    let train = |config: usize| -> Vec<RunId> {
        (1..).zip(RESULTS[config]).map(|(seed, result)| tested(&dashboard, config as u64, seed, result)).collect()
    };
    let [a, b, c] = [0, 1, 2].map(train);
    let path = format!("/api/compare?ids={},{},{},{}", a[0], b[0], c[0], b[1]);
    let found = dashboard.get(&path).await.json();
    assert_eq!(found["judgement"], Value::Null);
    let found = &found["comparisons"];
    assert_eq!((&found["metric"], &found["num_tests"]), (&json!("test/accuracy"), &json!(2)));
    let configs = found["configs"].as_array().unwrap();
    let names: Vec<&Value> = configs.iter().map(|config| &config["name"]).collect();
    assert_eq!(names, ["A", "B, D", "C"]);
    assert_eq!((&configs[1]["runs"], &configs[1]["num_seeds"]), (&json!([b[0], b[1]]), &json!(5)));
    assert_eq!(configs[0]["comparison"], Value::Null);
    assert!((configs[0]["mean"].as_f64().unwrap() - 0.953).abs() < 1e-12);
    let comparison = |at: usize| &configs[at]["comparison"];
    assert_eq!((&comparison(1)["claim"], &comparison(2)["claim"]), (&json!("better"), &json!("not_distinguishable")));
    for (at, expected) in [(1, 0.0019197125722920179), (2, 0.8967904642873273)] {
        let adjusted = comparison(at)["adjusted_p"].as_f64().unwrap();
        assert!((adjusted / expected - 1.0).abs() < 1e-9, "{adjusted}");
    }
    assert_eq!(
        comparison(2)["sentence"],
        "C is not distinguishable from A in test/accuracy: +0.001, 95 % interval -0.011 to +0.013 on these rows over \
         5 paired seeds, p = 0.90."
    );
    assert!(found["luck"].as_str().unwrap().starts_with("The best of 3 configs looks better than it is: if all"));
    assert_eq!(found["next"], json!([]));

    // Two configs have no winner's luck, one has nothing to be compared with, and other test rows are no comparison.
    let two = dashboard.get(&format!("/api/compare?ids={},{},{}", a[0], a[1], b[0])).await.json();
    assert_eq!(
        (&two["comparisons"]["configs"][0]["name"], &two["comparisons"]["luck"]),
        (&json!("A, B"), &Value::Null)
    );
    let one = dashboard.get(&format!("/api/compare?ids={},{},{}", a[0], a[1], a[2])).await.json();
    assert_eq!(one["comparisons"], Value::Null);
    let mut other = new_run("digits", 1);
    other.params.insert("data.split_by".to_owned(), json!("day"));
    let mut writer = RunWriter::start(dashboard.root(), other).unwrap();
    writer.log(&[point("test/accuracy", 0, 0.99)]).unwrap();
    let apart = dashboard.get(&format!("/api/compare?ids={},{},{}", a[0], b[0], writer.id())).await.json();
    let last = &apart["comparisons"]["configs"][2]["comparison"];
    assert_eq!((&last["claim"], &last["adjusted_p"]), (&json!("no_claim"), &Value::Null));
    assert_eq!(
        last["sentence"],
        "A and C are tested on different rows (data.split_by differs): no comparison. C is not done: it is running."
    );
    assert_eq!((&apart["comparisons"]["num_tests"], &apart["comparisons"]["luck"]), (&json!(1), &Value::Null));
}

/// However many runs there are, a client that reads slowly holds a small piece of the answer.
#[tokio::test]
async fn the_list_is_made_while_it_is_read_and_compressed_for_who_accepts_it() {
    let dashboard = Dashboard::new();
    let mut store = None;
    for _ in 0..30 {
        let id = dashboard.finished("digits");
        store.get_or_insert_with(|| Store::open(dashboard.root()).unwrap()).set_note(&id, &"n".repeat(20_000)).unwrap();
    }
    let plain = dashboard.get("/api/runs").await;
    assert_eq!((plain.header("content-encoding"), plain.json()["runs"].as_array().unwrap().len()), ("", 30));
    assert!(plain.body.len() > 600_000, "{}", plain.body.len());

    let request = Request::builder().uri("/api/runs").header("host", "localhost").header("accept-encoding", "gzip");
    let answer = dashboard.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert!(answer.body.len() < plain.body.len() / 20, "{}", answer.body.len());
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&answer.body[..]), &mut text).unwrap();
    assert_eq!(text, plain.body);

    let request = Request::builder().uri("/api/runs").header("host", "localhost").body(Body::empty()).unwrap();
    let mut pieces = dashboard.router().oneshot(request).await.unwrap().into_body().into_data_stream();
    let (mut num_pieces, mut largest) = (0, 0);
    while let Some(piece) = std::future::poll_fn(|context| std::pin::Pin::new(&mut pieces).poll_next(context)).await {
        num_pieces += 1;
        largest = largest.max(piece.unwrap().len());
    }
    assert!(num_pieces >= 7 && largest < 120_000, "{num_pieces} pieces, the largest of {largest} bytes");
}

/// A client that has missed everything is told in parts, and counts as told only with the last one.
#[tokio::test]
async fn a_large_change_is_sent_in_parts() {
    let dashboard = Dashboard::new();
    let ids: Vec<RunId> = (0..120).map(|_| dashboard.finished("digits")).collect();
    let change = dashboard.state.live().catch_up(0).unwrap();
    let parts = |since: u64| -> Vec<Value> {
        let data = |event: axum::body::Bytes| {
            let text = String::from_utf8(event.to_vec()).unwrap();
            let data = text.strip_prefix("event: change\ndata: ").and_then(|rest| rest.strip_suffix("\n\n"));
            serde_json::from_str(data.unwrap()).unwrap()
        };
        change.events(since).map(data).collect()
    };
    let found = parts(0);
    let told: Vec<&Value> =
        found.iter().flat_map(|part| part["changed"].as_array().unwrap()).map(|run| &run["id"]).collect();
    assert_eq!((found.len(), told.len()), (6, ids.len()));
    assert!(ids.iter().all(|id| told.contains(&&json!(id))));
    let revisions: Vec<&Value> = found.iter().map(|part| &part["revision"]).collect();
    let last = json!(change.revision);
    assert_eq!((&revisions[..5], revisions[5]), (&[&json!(0); 5][..], &last));
    assert_eq!(parts(change.revision).len(), 6);
}

/// The ids of a page, and the number of runs that match and of all.
async fn page(dashboard: &Dashboard, query: &str) -> (Vec<String>, u64, u64) {
    let found = dashboard.get(&format!("/api/runs?{query}")).await.json();
    let ids = found["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned());
    (ids.collect(), found["total"].as_u64().unwrap(), found["all"].as_u64().unwrap())
}

#[tokio::test]
async fn the_list_comes_in_pages_filtered_and_sorted() {
    let dashboard = Dashboard::new();
    let accuracies = [0.5, 0.9, 0.7, 0.8, 0.6, f64::NAN];
    let ids: Vec<String> = (0..).zip(accuracies).map(|(i, a)| tested(&dashboard, i, 1, a).to_string()).collect();
    let newest_first: Vec<String> = ids.iter().rev().cloned().collect();
    let at = |places: &[usize]| -> Vec<String> { places.iter().map(|&place| ids[place].clone()).collect() };
    assert_eq!(page(&dashboard, "").await, (newest_first.clone(), 6, 6));
    // Pages put together are the list.
    let mut all = Vec::new();
    for offset in [0, 4, 8] {
        let (some, total, _) = page(&dashboard, &format!("offset={offset}&limit=4")).await;
        assert_eq!((some.len(), total), ([4, 2, 0][offset / 4], 6));
        all.extend(some);
    }
    assert_eq!(all, newest_first);
    assert_eq!(page(&dashboard, "reverse=1&limit=2").await.0, at(&[0, 1]));
    // The best first, and what is no number last in both directions.
    assert_eq!(page(&dashboard, "sort=test/accuracy").await.0, at(&[1, 3, 2, 4, 0, 5]));
    assert_eq!(page(&dashboard, "sort=test/accuracy&reverse=1").await.0, at(&[0, 4, 2, 3, 1, 5]));
    assert_eq!(
        page(&dashboard, "sort=test/accuracy&q=test/accuracy%20%3E%200.55&limit=2&offset=1").await,
        (at(&[3, 2]), 4, 6)
    );
    // An answer is remembered, but not for longer than it is right.
    let more = tested(&dashboard, 9, 1, 0.85).to_string();
    let best = page(&dashboard, "sort=test/accuracy&limit=2").await;
    assert_eq!(best, (vec![ids[1].clone(), more], 7, 7));
    for (query, told) in [("sort=test/acuracy", "did you mean"), ("q=seed%20%3E%20x", "number"), ("limit=-1", "limit")]
    {
        let answer = dashboard.get(&format!("/api/runs?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.text().contains(told), "{query}: {}", answer.text());
    }
}

/// More runs than there are in one piece of the list in memory: new, edited, deleted and restored ones are each in their place.
#[tokio::test]
async fn the_list_in_memory_stays_what_the_store_says() {
    let dashboard = Dashboard::new();
    let ids: Vec<RunId> = (0..700)
        .map(|seed| {
            let mut run = new_run("digits", seed);
            run.params.insert("training.learning_rate".to_owned(), json!(seed % 7));
            let writer = RunWriter::start(dashboard.root(), run).unwrap();
            let id = writer.id().clone();
            writer.finish(Status::Finished, "", None).unwrap();
            id
        })
        .collect();
    let same = async |what: &str| {
        let store = Store::open(dashboard.root()).unwrap();
        let expected: Vec<String> = store.runs().unwrap().iter().map(|run| run.record.id.to_string()).collect();
        let (mut found, mut notes) = (Vec::new(), 0);
        while found.len() < expected.len() {
            let part = dashboard.get(&format!("/api/runs?offset={}&limit=90", found.len())).await.json();
            let part = part["runs"].as_array().unwrap().clone();
            assert!(!part.is_empty(), "{what}");
            notes += part.iter().filter(|run| run["note"] == "seen").count();
            found.extend(part.iter().map(|run| run["id"].as_str().unwrap().to_owned()));
        }
        assert_eq!(found, expected, "{what}");
        notes
    };
    assert_eq!(same("at first").await, 0);
    let mut store = Store::open(dashboard.root()).unwrap();
    for id in ids.iter().step_by(97) {
        store.set_note(id, "seen").unwrap();
    }
    assert_eq!(same("edited").await, 8);
    ids.iter().step_by(50).for_each(|id| store.delete(id).unwrap());
    same("deleted").await;
    ids.iter().step_by(100).for_each(|id| drop(store.restore(id).unwrap()));
    assert_eq!(same("restored").await, 8);
    dashboard.finished("another");
    same("a new one").await;
    assert_eq!(
        page(&dashboard, "q=learning_rate%20%3D%203&limit=1").await.1,
        store
            .runs()
            .unwrap()
            .iter()
            .filter(|run| run.record.params.get("training.learning_rate") == Some(&json!(3)))
            .count() as u64
    );
}

/// All clients get the same bytes, not a copy each.
#[tokio::test]
async fn a_compressed_page_is_made_once() {
    let dashboard = Dashboard::new();
    dashboard.finished("digits");
    let first = async || {
        let request = Request::builder().uri("/api/runs").header("host", "localhost").header("accept-encoding", "gzip");
        let answer = dashboard.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let mut pieces = answer.into_body().into_data_stream();
        std::future::poll_fn(|context| std::pin::Pin::new(&mut pieces).poll_next(context)).await.unwrap().unwrap()
    };
    let (a, b) = (first().await, first().await);
    assert_eq!(a.as_ptr(), b.as_ptr());
    dashboard.finished("moons");
    assert_ne!(first().await, a);
}

/// Curves are read while the client takes them, in pieces.
#[tokio::test]
async fn curves_come_in_pieces() {
    let dashboard = Dashboard::new();
    let ids: Vec<String> = (0..3)
        .map(|_| {
            let mut writer = dashboard.start("digits");
            let points: Vec<Point> =
                (4..=6000).map(|epoch| point("validation/loss", epoch, 1.0 / epoch as f64)).collect();
            writer.log(&points).unwrap();
            writer.id().to_string()
        })
        .collect();
    let path = format!("/api/series?key=validation/loss&max_points=1000000&ids={}", ids.join(","));
    let request = Request::builder().uri(&path).header("host", "localhost").body(Body::empty()).unwrap();
    let mut pieces = dashboard.router().oneshot(request).await.unwrap().into_body().into_data_stream();
    let mut lengths = Vec::new();
    while let Some(piece) = std::future::poll_fn(|context| std::pin::Pin::new(&mut pieces).poll_next(context)).await {
        lengths.push(piece.unwrap().len());
    }
    assert!(lengths.len() >= 2 && lengths.iter().all(|&length| length < 600_000), "{lengths:?}");
    let found = dashboard.get(&path).await.json();
    for (series, id) in found["series"].as_array().unwrap().iter().zip(&ids) {
        assert_eq!((&series["id"], &series["total"]), (&json!(id), &json!(6000)));
        assert_eq!(series["samples"][5999], json!([6000, 60000, 3000.0, 1.0 / 6000.0]));
    }
}
