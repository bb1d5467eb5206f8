//! The experiments of a store, and the leaderboard of one.

use super::*;

/// Finished runs of one config, with these test accuracies by seed.
fn train(dashboard: &Dashboard, experiment: &str, hidden: &str, results: &[f64]) -> Vec<String> {
    let run = |(seed, result): (u64, &f64)| {
        let mut run = new_run(experiment, seed);
        run.params.insert("model.hidden".to_owned(), json!(hidden));
        run.params.insert("data.source".to_owned(), json!("digits"));
        let mut writer = RunWriter::start(dashboard.root(), run).unwrap();
        writer.log(&[point("train/loss", 1, 0.5), point("train/loss", 8, 0.25)]).unwrap();
        writer.log(&[point("test/accuracy", 0, *result)]).unwrap();
        let id = writer.id().to_string();
        writer.finish(Status::Finished, "all epochs done", Some(1)).unwrap();
        id
    };
    (1..).zip(results).map(run).collect()
}

const A: [f64; 5] = [0.955, 0.948, 0.962, 0.930, 0.970];
const B: [f64; 5] = [0.978, 0.969, 0.981, 0.960, 0.985];

#[tokio::test]
async fn configs_are_ranked_and_compared_with_the_best() {
    let dashboard = Dashboard::new();
    let worse = train(&dashboard, "digits", "[8]", &A);
    let best = train(&dashboard, "digits", "[16]", &B);
    let lucky = train(&dashboard, "digits", "[32]", &[0.99]);
    train(&dashboard, "other", "[8]", &[0.5]);
    let running = dashboard.start("digits");
    let board = dashboard.get("/api/leaderboard?experiment=digits").await.json();
    assert_eq!((&board["metric"], &board["total"]), (&json!("test/accuracy"), &json!(4)));
    let column =
        |key: &str| -> Vec<Value> { board["rows"].as_array().unwrap().iter().map(|row| row[key].clone()).collect() };
    // A single run leads nothing, however good it is; what has no result yet comes last.
    assert_eq!(column("is_leader"), [false, true, false, false]);
    assert_eq!(column("num_seeds"), [1, 5, 5, 0]);
    assert_eq!(
        column("name")[..3],
        ["source digits · hidden [32]", "source digits · hidden [16]", "source digits · hidden [8]"]
    );
    let ids = |ids: &[String]| json!(ids.iter().rev().collect::<Vec<_>>());
    assert_eq!(column("runs"), [ids(&lucky), ids(&best), ids(&worse), json!([running.id()])]);
    // By hand: means, and scipy's t intervals of them.
    let near = |value: &Value, expected: f64| {
        assert!((value.as_f64().unwrap() - expected).abs() < 5e-5, "{value} is not {expected}")
    };
    near(&board["rows"][1]["mean"], 0.9746);
    near(&board["rows"][1]["interval"][0], 0.96210);
    near(&board["rows"][1]["interval"][1], 0.98710);
    near(&board["rows"][2]["mean"], 0.953);
    near(&board["rows"][2]["seconds"], 4.0);
    assert_eq!(board["rows"][0]["interval"], Value::Null);
    // The verdict is that of a comparison of the two.
    let judged = dashboard.get(&format!("/api/compare?ids={},{}", best[0], worse[0])).await.json()["judgement"].clone();
    let comparison = &board["rows"][2]["comparison"];
    assert_eq!(comparison["claim"], "worse");
    for key in ["difference", "interval", "p_value"] {
        assert_eq!(comparison[key], judged[key], "{key}");
    }
    near(&comparison["difference"], -0.0216);
    // One run alone is no claim: the command trains more of its seeds.
    assert_eq!(board["rows"][0]["comparison"]["claim"], "no_claim");
    let next = board["rows"][0]["comparison"]["next"].as_array().unwrap();
    assert!(
        next.iter().any(|command| command.as_str().unwrap().contains(&format!("{}/config.toml", lucky[0]))),
        "{next:?}"
    );
    assert_eq!(board["rows"][1]["comparison"], Value::Null);

    // A page of it, by another metric, and what there is not.
    let page = dashboard.get("/api/leaderboard?experiment=digits&offset=1&limit=1").await.json();
    assert_eq!((&page["rows"][0], page["rows"].as_array().unwrap().len()), (&board["rows"][1], 1));
    for (path, status) in [
        ("/api/leaderboard?experiment=digits&metric=test/f1", StatusCode::BAD_REQUEST),
        ("/api/leaderboard?experiment=digits&metric=train/loss", StatusCode::BAD_REQUEST),
        ("/api/leaderboard?experiment=none", StatusCode::NOT_FOUND),
        ("/api/leaderboard", StatusCode::BAD_REQUEST),
    ] {
        let answer = dashboard.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn each_experiment_is_one_line_and_follows_its_runs() {
    let dashboard = Dashboard::new();
    assert_eq!(dashboard.get("/api/experiments").await.json(), json!({ "total": 0, "experiments": [] }));
    train(&dashboard, "digits", "[8]", &A);
    train(&dashboard, "digits", "[16]", &B);
    let archived = train(&dashboard, "gone", "[16]", &[0.5]);
    let path = format!("/api/runs/{}", archived[0]);
    dashboard.send("PATCH", &path, r#"{"archived": true}"#).await;
    let mut writer = dashboard.start("live");
    let found = dashboard.get("/api/experiments").await.json();
    assert_eq!(found["total"], 2);
    let [live, digits] = [&found["experiments"][0], &found["experiments"][1]];
    assert_eq!(
        (&live["name"], &live["statuses"], &live["best"]),
        (&json!("live"), &json!({ "running": 1 }), &Value::Null)
    );
    assert_eq!(
        (&digits["data"], &digits["num_runs"], &digits["num_configs"]),
        (&json!("digits"), &json!(10), &json!(2))
    );
    assert_eq!((&digits["best"]["name"], &digits["best"]["num_seeds"]), (&json!("hidden [16]"), &json!(5)));
    assert_eq!(digits["recent"], json!([A, B].concat()));
    // What changes shows at once, and the rest stays.
    writer.log(&[point("test/accuracy", 0, 0.75)]).unwrap();
    writer.finish(Status::Finished, "all epochs done", Some(3)).unwrap();
    let later = dashboard.get("/api/experiments?limit=1").await.json();
    assert_eq!((&later["total"], later["experiments"].as_array().unwrap().len()), (&json!(2), 1));
    let live = &later["experiments"][0];
    assert_eq!(
        (&live["name"], &live["best"]["mean"], &live["best"]["interval"]),
        (&json!("live"), &json!(0.75), &Value::Null)
    );
    assert_eq!(dashboard.get("/api/experiments?offset=1").await.json()["experiments"][0], *digits);
}
