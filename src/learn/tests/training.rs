//! What is trained for the page is what a run trains.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::backend::BackendName;
use crate::config::LoadedConfig;
use crate::experiment::{Environment, Interrupter, RunFolder, SavedModel, TrainOptions, Unobserved, prepare, train};
use crate::tracking::Location;

/// A run of the shipped config `name`, recorded as in a terminal.
fn recorded(name: &str, overrides: &[String], location: &Location) -> (SavedModel, f64) {
    let text = crate::shipped::configs().find(|config| config.name == name).unwrap().text;
    let loaded = LoadedConfig::parse(text, name, name, overrides).unwrap();
    let prepared = prepare(&loaded.varied(&Default::default()).unwrap(), location).unwrap();
    let environment = Environment::gather(BackendName::chosen(None));
    let options = TrainOptions {
        location,
        tags: &[],
        backend: BackendName::chosen(None),
        environment: &environment,
        observer: Arc::new(Unobserved),
        interrupter: Interrupter::new(),
        tui: false,
        sweep: None,
    };
    let outcome = train(&prepared, &options).unwrap();
    let folder = RunFolder::find(location, outcome.id.as_str()).unwrap();
    (SavedModel::open(&folder).unwrap(), outcome.evaluation.unwrap().metric("accuracy"))
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_trains_what_a_run_trains() {
    let lessons = Lessons::new();
    let set = json!({ "model.hidden": [3], "training.max_epochs": 20, "data.validation_fraction": 0.2 });
    let body = json!({ "config": "band-2-units", "set": set, "seed": 7, "grid": 5, "frames": 4, "units": true });
    let answer = lessons.post("/api/learn/train", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let answer = answer.json();

    let overrides = ["model.hidden=[3]", "training.max_epochs=20", "data.validation_fraction=0.2", "seed=7"];
    let location = Location::local(lessons.folder.path());
    let (saved, accuracy) = recorded("band-2-units", &overrides.map(str::to_owned), &location);
    // The same weights, bit by bit.
    let weight = &saved.weights["layers.0.weight"];
    for (unit, weights) in answer["layers"][0]["weights"].as_array().unwrap().iter().enumerate() {
        let expected: Vec<f32> = weight.values.iter().skip(unit).step_by(3).copied().collect();
        assert_eq!(numbers(weights), expected);
    }
    assert_eq!(numbers(&answer["layers"][1]["bias"]), saved.weights["layers.1.bias"].values);
    assert_eq!(answer["layers"][0]["activation"], "tanh");
    assert_eq!(answer["layers"][1]["activation"], "sigmoid");
    assert_eq!(answer["test"]["accuracy"].as_f64(), Some(accuracy));
    assert_eq!(answer["epochs"], 20);
    assert_eq!(answer["history"]["epoch"].as_array().unwrap().len(), 20);
    assert_eq!(answer["history"]["validation_metric"].as_array().unwrap().len(), 20);
    let command = answer["command"].as_str().unwrap();
    assert!(command.contains("--config band-2-units") && command.contains("seed=7"), "{command}");

    // 400 points in three parts: 30 % test rows, and of the rest a fifth for validation.
    let count = |part: &str| answer["points"].as_array().unwrap().iter().filter(|point| point["part"] == part).count();
    assert_eq!([count("train"), count("validation"), count("test")], [224, 56, 120]);

    let frames = answer["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 4);
    assert_eq!(frames[0]["epoch"], 0);
    assert_eq!(frames[3]["epoch"], answer["best_epoch"]);
    assert_eq!(frames[3]["layers"], answer["layers"]);
    // The lowest left corner, by the formula of the network.
    let extent = &answer["extent"];
    let number = |value: &Value| value.as_f64().unwrap();
    let corner = [number(&extent[0][0]), number(&extent[1][0])];
    let scaled: Vec<f64> = (0..2)
        .map(|i| (corner[i] - number(&answer["scaling"]["mean"][i])) / number(&answer["scaling"]["std"][i]))
        .collect();
    let sum = |layer: &Value, unit: usize, inputs: &[f64]| {
        let weights = layer["weights"][unit].as_array().unwrap().iter().map(number);
        weights.zip(inputs).map(|(weight, input)| weight * input).sum::<f64>() + number(&layer["bias"][unit])
    };
    let hidden: Vec<f64> = (0..3).map(|unit| sum(&answer["layers"][0], unit, &scaled).tanh()).collect();
    let probability = 1.0 / (1.0 + (-sum(&answer["layers"][1], 0, &hidden)).exp());
    assert!((number(&frames[3]["grid"][0]) - probability).abs() < 6e-4, "{probability} {}", frames[3]["grid"][0]);
    for unit in 0..3 {
        assert!((number(&frames[3]["units"][unit][0]) - hidden[unit]).abs() < 6e-4, "unit {unit}");
    }
    assert_eq!(frames[3]["grid"].as_array().unwrap().len(), 25);
}

/// Two groups of points that a line divides; and the four points of xor, which no line does.
#[tokio::test(flavor = "multi_thread")]
async fn the_readers_own_points_are_learned() {
    let lessons = Lessons::new();
    let train = async |points: Value, hidden: Value| -> Value {
        let set = json!({
            "data.test_fraction": 0, "model.hidden": hidden, "training.learning_rate": 0.1, "training.max_epochs": 200,
        });
        let body = json!({ "config": "xor-perceptron", "set": set, "points": points, "grid": 3, "extent": [[-1, 2], [-1, 2]] });
        let answer = lessons.post("/api/learn/train", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    };
    let accuracy = |answer: &Value| answer["history"]["train_metric"].as_array().unwrap().last().unwrap().as_f64();
    let apart = train(json!([[0, 0, 0], [0.2, 0.1, 0], [1, 1, 1], [0.9, 1.1, 1]]), json!([])).await;
    assert_eq!(accuracy(&apart), Some(1.0));
    assert_eq!(apart["extent"], json!([[-1.0, 2.0], [-1.0, 2.0]]));
    assert!(apart["frames"][0]["grid"][0].as_f64() < Some(0.1) && apart["frames"][0]["grid"][8].as_f64() > Some(0.9));
    assert_eq!(apart["command"], Value::Null);
    assert_eq!(apart["points"].as_array().unwrap().len(), 4);
    let xor = json!([[0, 0, 0], [1, 1, 0], [0, 1, 1], [1, 0, 1]]);
    assert!(accuracy(&train(xor.clone(), json!([])).await) <= Some(0.75));
    assert_eq!(accuracy(&train(xor, json!([8])).await), Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_too_large_is_told() {
    let lessons = Lessons::new();
    let set = json!({ "training.optimizer": "sgd", "training.learning_rate": 1e38, "training.max_epochs": 5 });
    let answer = lessons.post("/api/learn/train", json!({ "config": "moons", "set": set, "grid": 5 })).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let answer = answer.json();
    assert_eq!((&answer["diverged"], &answer["layers"]), (&json!(true), &json!([])));
    assert!(answer["reason"].as_str().unwrap().contains("not finite"), "{answer}");
}
