//! The digits' network and what it predicts; runs that the reader keeps.

use std::time::{Duration, Instant};

use serde_json::json;

use super::*;
use crate::experiment::{RunFolder, SavedModel};
use crate::tracking::{Location, Status, Store};

fn location(lessons: &Lessons) -> Location {
    Location::local(&lessons.folder.path().join("artifacts"))
}

/// Waits for the end of a run.
fn finished(location: &Location, id: &str) -> Status {
    let began = Instant::now();
    loop {
        let record = Store::open_read_only_at(location).unwrap().run(&id.parse().unwrap()).unwrap().record;
        if record.status.is_final() {
            return record.status;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "the run does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drawn_digit_is_predicted_by_the_tutorials_network() {
    let lessons = Lessons::new();
    let answer = lessons.get("/api/learn/digits?hidden=4&seed=3").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let digits = answer.json();
    assert_eq!(digits["rows"], json!({ "train": 1257, "validation": 0, "test": 540 }));
    assert_eq!(digits["layers"][0]["weights"][0].as_array().unwrap().len(), 64);
    assert_eq!(digits["scaling"]["std"][0], 1.0);
    let confusion = digits["confusion"].as_array().unwrap();
    let cells = |i: usize| confusion[i].as_array().unwrap().iter().map(|cell| cell.as_f64().unwrap());
    let right: f64 = (0..10).map(|i| cells(i).nth(i).unwrap()).sum();
    let is_right = |row: &Value| row["label"] == row["prediction"];
    assert!(!is_right(&digits["gallery"][0]) && is_right(digits["gallery"].as_array().unwrap().last().unwrap()));
    let accuracy = digits["accuracy"].as_f64().unwrap();
    assert!((right / 540.0 - accuracy).abs() < 1e-9, "{right} {accuracy}");
    assert!(lessons.get("/api/learn/digits?hidden=4&seed=3").await.json() == digits, "trained once");

    // A row of the gallery, by the route and by the formula.
    let row = &digits["gallery"][5];
    let asked = json!({ "model": digits["id"], "inputs": [row["pixels"]] });
    let predicted = lessons.post("/api/learn/predict", asked).await.json();
    let list = |value: &Value| -> Vec<f64> { value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect() };
    let layer = |i: usize, inputs: &[f64]| -> Vec<f64> {
        let (weights, bias) = (&digits["layers"][i]["weights"], list(&digits["layers"][i]["bias"]));
        let rows = weights.as_array().unwrap().iter().map(list);
        rows.zip(bias).map(|(row, bias)| row.iter().zip(inputs).map(|(w, x)| w * x).sum::<f64>() + bias).collect()
    };
    let units: Vec<f64> = layer(0, &list(&row["pixels"])).into_iter().map(|z| z.max(0.0)).collect();
    let logits = layer(1, &units);
    let sum: f64 = logits.iter().map(|z| z.exp()).sum();
    for (class, z) in logits.iter().enumerate() {
        assert!((list(&predicted["probabilities"][0])[class] - z.exp() / sum).abs() < 1e-5);
        assert!((list(&row["probabilities"])[class] - z.exp() / sum).abs() < 1e-5);
    }
    for (found, expected) in list(&predicted["units"]).iter().zip(&units) {
        assert!((found - expected).abs() < 1e-3, "{found} {expected}");
    }
    assert_eq!(predicted["predictions"][0].as_f64(), row["prediction"].as_f64());

    let few = lessons.post("/api/learn/predict", json!({ "model": digits["id"], "inputs": [[1, 2]] })).await;
    assert!(few.refusal().contains("the network has 64 inputs, found 2"));
    let other = lessons.post("/api/learn/predict", json!({ "model": "other", "inputs": [] })).await;
    assert!(other.refusal().contains("there is no `other`"));
    assert!(lessons.get("/api/learn/digits?hidden=513").await.refusal().contains("hidden: 0 to 512"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_the_run_of_the_command() {
    let lessons = Lessons::new();
    let set = json!({ "training.max_epochs": 5, "model.hidden": [3] });
    let wanted = json!({ "config": "band-2-units", "set": set, "seed": 9 });
    let trained = lessons.post("/api/learn/train", wanted.clone()).await.json();
    assert!(!location(&lessons).root.exists(), "nothing is recorded unless it is asked for");
    let kept = lessons.post("/api/learn/keep", wanted).await;
    assert_eq!(kept.status, StatusCode::ACCEPTED, "{}", kept.text());
    let id = kept.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(kept.json()["url"], format!("./#/run/{id}"));
    assert_eq!(finished(&location(&lessons), &id), Status::Finished);
    let folder = RunFolder::find(&location(&lessons), &id).unwrap();
    let record = folder.record().unwrap();
    assert_eq!((record.experiment.as_str(), record.seed, record.tags), ("band", 9, vec!["learn".to_owned()]));
    let saved = SavedModel::open(&folder).unwrap();
    let bias: Vec<f32> = serde_json::from_value(trained["layers"][1]["bias"].clone()).unwrap();
    assert_eq!(saved.weights["layers.1.bias"].values, bias);
}

/// The shipped config with what makes it small, which no reader may set.
#[tokio::test(flavor = "multi_thread")]
async fn a_deeper_network_is_kept_as_its_lesson_shows_it() {
    let lessons = Lessons::new();
    let kept = lessons.post("/api/learn/keep", json!({ "kind": "cnn" })).await;
    assert_eq!(kept.status, StatusCode::ACCEPTED, "{}", kept.text());
    let id = kept.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(finished(&location(&lessons), &id), Status::Finished);
    let folder = RunFolder::find(&location(&lessons), &id).unwrap();
    assert_eq!(folder.record().unwrap().experiment, "digits-cnn");
    let shown = super::looking::deeper(&lessons, "cnn").await;
    let filters: Vec<Vec<f32>> = serde_json::from_value(shown["filters"].clone()).unwrap();
    let saved = SavedModel::open(&folder).unwrap();
    assert_eq!(saved.weights["convolutions.0.weight"].values, filters.concat());
    let model = serde_json::to_value(folder.config().unwrap()).unwrap()["model"].clone();
    assert_eq!((&model["channels"], &model["batch_norm"]), (&json!([8, 16]), &json!(false)));
    for (body, told) in [
        (json!({ "kind": "cnn", "seed": 3 }), "kind: alone"),
        (json!({ "kind": "cnn", "config": "moons" }), "kind: alone"),
        (json!({ "kind": "finetune" }), "kind: there is no `finetune`: cnn, rnn, transformer, gpt"),
        (json!({ "seed": 3 }), "config: missing"),
        (json!({ "config": "digits-cnn", "set": { "model.channels": [8] } }), "`model.channels` cannot be set here"),
    ] {
        let error = lessons.post("/api/learn/keep", body.clone()).await.refusal();
        assert!(error.contains(told), "{body}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readers_points_are_kept_beside_the_run() {
    let lessons = Lessons::new();
    let points: Vec<[f64; 3]> = (0..40).map(|i| [f64::from(i) / 8.0, f64::from(i % 7), f64::from(i / 20)]).collect();
    let wanted = json!({ "config": "xor-perceptron", "set": { "training.max_epochs": 5 }, "points": points });
    let kept = lessons.post("/api/learn/keep", wanted).await.json();
    let id = kept["id"].as_str().unwrap();
    assert_eq!(finished(&location(&lessons), id), Status::Finished);
    let folder = RunFolder::find(&location(&lessons), id).unwrap();
    assert_eq!(folder.record().unwrap().experiment, "points");
    let saved = SavedModel::open(&folder).unwrap();
    // The rows are there again, training rows too.
    let (dataset, splits) = folder.data(&saved.config).unwrap();
    assert_eq!((dataset.num_rows(), splits.test.len()), (40, 12));
    assert!(saved.step_example(Some(splits.train[0] as usize)).is_ok());
}

/// Where others may write beside the runs.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_readers_points_go_through_no_link_and_wait_for_no_pipe() {
    use std::os::unix::fs::symlink;
    let lessons = Lessons::new();
    let points: Vec<[f64; 3]> = (0..40).map(|i| [f64::from(i) / 8.0, f64::from(i % 7), f64::from(i / 20)]).collect();
    let wanted = json!({ "config": "xor-perceptron", "set": { "training.max_epochs": 2 }, "points": points });
    let keep = async || lessons.post("/api/learn/keep", wanted.clone()).await;
    let (home, root) = (lessons.folder.path().join("home"), location(&lessons).root);
    std::fs::create_dir(&home).unwrap();
    std::fs::create_dir(&root).unwrap();
    symlink(&home, root.join("learn")).unwrap();
    let refused = keep().await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(refused.text().contains("learn`: it is a link"), "{}", refused.text());
    assert_eq!(std::fs::read_dir(&home).unwrap().count(), 0);

    std::fs::remove_file(root.join("learn")).unwrap();
    let id = keep().await.json()["id"].as_str().unwrap().to_owned();
    finished(&location(&lessons), &id);
    let file = std::fs::read_dir(root.join("learn")).unwrap().next().unwrap().unwrap().path();
    let rows = std::fs::read_to_string(&file).unwrap();
    let victim = home.join("notes");
    std::fs::write(&victim, "precious").unwrap();
    for is_pipe in [false, true] {
        std::fs::remove_file(&file).unwrap();
        match is_pipe {
            false => symlink(&victim, &file).unwrap(),
            true => rustix::fs::mkfifoat(rustix::fs::CWD, &file, rustix::fs::Mode::RWXU).unwrap(),
        }
        let id = keep().await.json()["id"].as_str().unwrap().to_owned();
        finished(&location(&lessons), &id);
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
        assert!(file.symlink_metadata().unwrap().is_file() && std::fs::read_to_string(&file).unwrap() == rows);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_written_is_told() {
    let lessons = Lessons::new();
    std::fs::write(lessons.folder.path().join("artifacts"), "a file").unwrap();
    let kept = lessons.post("/api/learn/keep", json!({ "config": "xor-perceptron" })).await;
    assert_eq!(kept.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(kept.text().contains("the run cannot be recorded"), "{}", kept.text());
}
