//! Sweeps with the results of their trials.

use std::time::Duration;

use super::*;
use crate::tracking::{Outcome, TrialState};

/// How a trial ends: its state, its value and the epochs that it trains.
type End = (TrialState, Option<f64>, u64);

/// Takes the next trial, trains one run for it, and records its end.
fn train(dashboard: &Dashboard, sweep: &RunId, (state, value, epochs): End) -> RunId {
    let mut store = Store::open(dashboard.root()).unwrap();
    let rate = |number: u32, _: &[_]| BTreeMap::from([("training.learning_rate".to_owned(), json!(number))]);
    let claim = store.claim(sweep, "box:1", Duration::from_secs(600), rate).unwrap().unwrap();
    let mut writer = RunWriter::start(dashboard.root(), new_run("digits", u64::from(claim.number))).unwrap();
    let id = writer.id().clone();
    assert!(store.begin_run(&claim, &id).unwrap());
    for epoch in 1..=epochs {
        writer.log(&[point("validation/loss", epoch, 1.0 / epoch as f64)]).unwrap();
    }
    if state == TrialState::Finished {
        writer.log(&[point("test/loss", 0, 0.75), point("test/accuracy", 0, 0.5)]).unwrap();
    }
    writer.finish(Status::Finished, "done", None).unwrap();
    assert!(store.complete(&claim, &Outcome { state, value, reason: "because".to_owned() }).unwrap());
    id
}

#[tokio::test]
async fn a_sweep_comes_with_the_results_of_its_trials() {
    let dashboard = Dashboard::new();
    let sweep = dashboard.sweep(5);
    let finished = |value, epochs| (TrialState::Finished, Some(value), epochs);
    let worse = train(&dashboard, &sweep, finished(0.5, 4));
    let best = train(&dashboard, &sweep, finished(0.25, 6));
    // What was stopped may look better at the epoch that it reached: it is not the best.
    let stopped = train(&dashboard, &sweep, (TrialState::Stopped, Some(0.125), 2));
    train(&dashboard, &sweep, (TrialState::Failed, None, 1));

    let listed = dashboard.get("/api/sweeps").await.json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &json!(sweep)));
    let counts = json!({ "waiting": 1, "running": 0, "finished": 2, "stopped": 1, "failed": 1, "refused": 0 });
    assert_eq!(listed[0]["counts"], counts);
    // The whole config is of no use to the page.
    assert_eq!(listed[0].get("config_toml"), None);

    let path = format!("/api/sweeps/{sweep}");
    let found = dashboard.get(&path).await.json();
    assert_eq!((&found["sweep"]["counts"], &found["sweep"]["metric"]), (&counts, &json!("validation/loss")));
    assert_eq!((&found["best"]["number"], &found["test_metric"]), (&json!(2), &json!("test/accuracy")));
    let retrain = found["best"]["retrain"].as_str().unwrap();
    let config = format!("runs/{best}/config.toml --set seed=5 --seeds 10 --artifacts ");
    assert!(retrain.starts_with(&crate::shell::command(&["--config"])) && retrain.contains(&config), "{retrain}");
    let results = |at: usize| found["trials"][at]["results"].clone();
    assert_eq!(results(0), json!([{ "run": worse, "epochs": 4, "test": null }]), "tested, but not the chosen one");
    assert_eq!(results(1), json!([{ "run": best, "epochs": 6, "test": 0.5 }]));
    assert_eq!(results(2), json!([{ "run": stopped, "epochs": 2, "test": null }]));
    let trial = &found["trials"][2];
    assert_eq!((&trial["number"], &trial["state"], &trial["value"]), (&json!(3), &json!("stopped"), &json!(0.125)));
    assert_eq!((&trial["params"]["training.learning_rate"], &trial["reason"]), (&json!(3), &json!("because")));
    assert_eq!((&found["trials"][4]["state"], &found["trials"][4]["worker"]), (&json!("waiting"), &Value::Null));
    assert_eq!(found["importance"], json!([]));

    // A trial outlives its run.
    dashboard.send("DELETE", &format!("/api/runs/{best}"), "").await;
    let found = dashboard.get(&path).await.json();
    assert_eq!(
        (&found["trials"][1]["results"], &found["best"]),
        (&json!([]), &json!({ "number": 2, "retrain": null }))
    );
    assert_eq!(found["trials"][1]["runs"], json!([best]));
}

#[tokio::test]
async fn importance_is_of_all_trials_that_were_tried() {
    let dashboard = Dashboard::new();
    let sweep = dashboard.sweep(24);
    for number in 1..=24 {
        let end = if number <= 12 { TrialState::Finished } else { TrialState::Stopped };
        train(&dashboard, &sweep, (end, Some(f64::from(number)), 1));
    }
    let found = dashboard.get(&format!("/api/sweeps/{sweep}")).await.json();
    let importance = &found["importance"][0];
    assert_eq!((&importance["key"], &importance["num_trials"]), (&json!("training.learning_rate"), &json!(24)));
    // The value is the param; four groups of six ranks are told apart: (1150 - 70 - 3 * 3.5) / 1150.
    assert!((importance["share"].as_f64().unwrap() - 1069.5 / 1150.0).abs() < 1e-12, "{importance}");
}

#[tokio::test]
async fn only_an_id_names_a_sweep() {
    let dashboard = Dashboard::new();
    assert_eq!(dashboard.get("/api/sweeps/none-20261124-235039-a3f1").await.status, StatusCode::NOT_FOUND);
    dashboard.sweep(1);
    for wrong in ["latest", "digits", "none-20261124-235039-a3f1"] {
        let answer = dashboard.get(&format!("/api/sweeps/{wrong}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{wrong}");
        assert!(answer.json()["error"].is_string());
    }
}
