//! The deeper networks: trained once in the background, and looked into.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::models::Kept;
use super::super::request::Wanted;
use super::*;
use crate::experiment::{Interrupter, TrainedModel, Unobserved, UnrecordedOptions, train_unrecorded};

/// A network of a shipped config after one epoch.
fn trained(lessons: &Lessons, config: &str, set: Value) -> TrainedModel {
    let mut set: BTreeMap<String, Value> = serde_json::from_value(set).unwrap();
    set.insert("training.max_epochs".to_owned(), json!(1));
    let wanted = Wanted { config: config.to_owned(), set, is_of_program: true, ..Wanted::default() };
    let prepared = wanted.prepared(lessons.state.location(), lessons.state.datasets()).unwrap();
    let options = UnrecordedOptions {
        backend: lessons.state.backend(),
        observer: Arc::new(Unobserved),
        interrupter: &Interrupter::new(),
        keep_history: false,
    };
    train_unrecorded(&prepared, options).unwrap().model
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
    logits.iter().map(|logit| logit.exp() / sum).collect()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    let away = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(away < 1e-4, "{away}: {found:?} {expected:?}");
}

/// A digit: a stroke down the middle.
fn stroke() -> Vec<f64> {
    (0..64).map(|i| if (3..5).contains(&(i % 8)) { 16.0 } else { (i % 3) as f64 }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn feature_maps_are_the_filters_at_every_place() {
    let lessons = Lessons::new();
    let set =
        json!({ "model.channels": [3, 4], "model.convolutions": 1, "model.batch_norm": false, "model.dropout": 0.0 });
    let model = trained(&lessons, "digits-cnn", set);
    let columns = model.preprocessor.columns();
    let mut scaled = Vec::new();
    columns.iter().zip(stroke()).for_each(|(column, pixel)| column.kind.encode_number(pixel, &mut scaled));
    let weights = model.weights.clone();
    lessons.state.deeper().keep("cnn", Kept { model, answer: json!({ "of": "cnn" }) });
    assert_eq!(lessons.get("/api/learn/deeper/cnn").await.json(), json!({ "of": "cnn" }), "not trained again");
    let seen = lessons.post("/api/learn/look", json!({ "kind": "cnn", "inputs": stroke() })).await.json();
    let layers = seen["layers"].as_array().unwrap();
    let sizes: Vec<Value> = layers.iter().map(|layer| json!([layer["height"], layer["width"]])).collect();
    assert_eq!(sizes, [json!([4, 4]), json!([2, 2])]);
    // Zeros around the image, the sum of products with the filter, ReLU, and the largest of each 2 x 2.
    let (filters, bias) = (&weights["convolutions.0.weight"].values, &weights["convolutions.0.bias"].values);
    let pixel = |row: i32, column: i32| match (0..8).contains(&row) && (0..8).contains(&column) {
        true => f64::from(scaled[(8 * row + column) as usize]),
        false => 0.0,
    };
    for channel in 0..3 {
        let at = |row: i32, column: i32| {
            let places = (0..9).map(|i| (i / 3, i % 3));
            let products = places.map(|(down, across)| {
                f64::from(filters[9 * channel + (3 * down + across) as usize])
                    * pixel(row + down - 1, column + across - 1)
            });
            (products.sum::<f64>() + f64::from(bias[channel])).max(0.0)
        };
        let pooled = |i: i32| {
            let (row, column) = (2 * (i / 4), 2 * (i % 4));
            [at(row, column), at(row, column + 1), at(row + 1, column), at(row + 1, column + 1)]
                .into_iter()
                .fold(0.0, f64::max)
        };
        assert_close(&list(&layers[0]["maps"][channel]), &(0..16).map(pooled).collect::<Vec<_>>());
    }
    assert!((list(&seen["probabilities"]).iter().sum::<f64>() - 1.0).abs() < 1e-6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recurrent_network_answers_after_each_row() {
    let lessons = Lessons::new();
    let set = json!({ "model.units": 5, "model.bidirectional": false });
    let model = trained(&lessons, "digits-rnn", set);
    let output = (model.weights["output.weight"].values.clone(), model.weights["output.bias"].values.clone());
    lessons.state.deeper().keep("rnn", Kept { model, answer: Value::Null });
    let seen = lessons.post("/api/learn/look", json!({ "kind": "rnn", "inputs": stroke() })).await.json();
    let (states, probabilities) = (seen["states"].as_array().unwrap(), seen["probabilities"].as_array().unwrap());
    assert_eq!((states.len(), probabilities.len()), (8, 8));
    for (state, probabilities) in states.iter().map(list).zip(probabilities) {
        assert_eq!(state.len(), 5);
        let logit = |class: usize| {
            let products = state.iter().enumerate().map(|(unit, value)| f64::from(output.0[10 * unit + class]) * value);
            products.sum::<f64>() + f64::from(output.1[class])
        };
        assert_close(&list(probabilities), &softmax(&(0..10).map(logit).collect::<Vec<_>>()));
    }
    // Rows that come later change nothing before.
    let mut other = stroke();
    other[40..].fill(0.0);
    let again = lessons.post("/api/learn/look", json!({ "kind": "rnn", "inputs": other })).await.json();
    assert_eq!(again["states"][4], seen["states"][4]);
    assert_ne!(again["states"][5], seen["states"][5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn attention_is_shared_among_tokens() {
    let lessons = Lessons::new();
    let set = json!({ "model.width": 8, "model.heads": 2, "model.depth": 1 });
    let model = trained(&lessons, "digits-transformer", set.clone());
    lessons.state.deeper().keep("transformer", Kept { model, answer: Value::Null });
    let seen = lessons.post("/api/learn/look", json!({ "kind": "transformer", "inputs": stroke() })).await.json();
    let heads = seen["attention"][0].as_array().unwrap();
    assert_eq!((seen["attention"].as_array().unwrap().len(), heads.len()), (1, 2));
    for query in heads.iter().flat_map(|head| head.as_array().unwrap()) {
        assert_eq!(query.as_array().unwrap().len(), 8, "patches of 2 x 4 pixels");
        assert!((list(query).iter().sum::<f64>() - 1.0).abs() < 1e-5);
    }

    let mut set = set;
    set["data.context"] = json!(8);
    set["training.batch_size"] = json!(512);
    let model = trained(&lessons, "alice", set);
    lessons.state.deeper().keep("gpt", Kept { model, answer: Value::Null });
    let ask = async |text: &str, temperature: f64| -> Value {
        let asked = json!({ "kind": "gpt", "text": text, "temperature": temperature });
        lessons.post("/api/learn/look", asked).await.json()
    };
    let seen = ask("Alice was ", 1.0).await;
    assert_eq!(seen["tokens"], json!(["i", "c", "e", " ", "w", "a", "s", " "]), "the end that it sees");
    let attention = seen["attention"][0][1].as_array().unwrap();
    for (at, query) in attention.iter().map(list).enumerate() {
        assert!(query[at + 1..].iter().all(|&share| share == 0.0), "nobody looks ahead");
        assert!((query.iter().sum::<f64>() - 1.0).abs() < 1e-5);
    }
    let probability = |seen: &Value, i: usize| seen["next"][i]["probability"].as_f64().unwrap();
    let all = seen["next"].as_array().unwrap().len();
    let sum: f64 = (0..all).map(|i| probability(&seen, i)).sum();
    assert!((sum - 1.0).abs() < 1e-9 && (1..all).all(|i| probability(&seen, i) <= probability(&seen, i - 1)), "{sum}");
    // p^(1/T), normalised: the ratio of two of them to the power of 1/T.
    let cold = ask("Alice was ", 0.5).await;
    let ratio = |seen: &Value| probability(seen, 0) / probability(seen, 7);
    assert!((ratio(&cold) / ratio(&seen).powi(2) - 1.0).abs() < 1e-4, "{} {}", ratio(&cold), ratio(&seen));
    assert_eq!(cold["next"][0]["character"], seen["next"][0]["character"]);
    assert_eq!(ask("A", 1.0).await["tokens"], json!(["A"]));
    for (asked, told) in [
        (json!({ "kind": "gpt", "text": "" }), "text: the network needs a text"),
        (json!({ "kind": "gpt", "text": "漢" }), "is not in the text"),
        (json!({ "kind": "gpt", "text": "a".repeat(10_001) }), "text: 10000 bytes at most"),
        (json!({ "kind": "gpt", "text": "a", "temperature": 0 }), "temperature: above 0"),
        (json!({ "kind": "gpt", "text": "a", "inputs": [1] }), "inputs: this network reads a text"),
        (json!({ "kind": "transformer", "text": "a" }), "text: this network reads numbers"),
        (json!({ "kind": "transformer" }), "inputs: the network needs its inputs"),
        (json!({ "kind": "transformer", "inputs": [1, 2] }), "inputs: the network has 64 inputs, found 2"),
        (json!({ "kind": "rnn", "inputs": [] }), "kind: `rnn` is not trained yet"),
    ] {
        let error = lessons.post("/api/learn/look", asked.clone()).await.refusal();
        assert!(error.contains(told), "{asked}: {error}");
    }
}

/// Asks until a network is trained.
pub async fn deeper(lessons: &Lessons, kind: &str) -> Value {
    let began = Instant::now();
    loop {
        let answer = lessons.get(&format!("/api/learn/deeper/{kind}")).await;
        match answer.status {
            StatusCode::ACCEPTED => assert!((0.0..=1.0).contains(&answer.json()["progress"].as_f64().unwrap())),
            _ => {
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
                return answer.json();
            }
        }
        assert!(began.elapsed() < Duration::from_secs(300), "{kind} is never trained");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deeper_network_is_trained_once_and_told() {
    let lessons = Lessons::new();
    let cnn = deeper(&lessons, "cnn").await;
    assert!(cnn["accuracy"].as_f64() > Some(0.94), "{}", cnn["accuracy"]);
    assert_eq!((cnn["size"].clone(), cnn["filters"].as_array().unwrap().len()), (json!([3, 3]), 8));
    let examples = cnn["examples"].as_array().unwrap();
    let labels: Vec<&Value> = examples.iter().map(|example| &example["label"]).collect();
    assert_eq!(json!(labels), json!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    let seen = lessons.post("/api/learn/look", json!({ "kind": "cnn", "inputs": examples[3]["pixels"] })).await.json();
    let probabilities = list(&seen["probabilities"]);
    assert!(probabilities.iter().all(|&other| other <= probabilities[3]), "it is shown since it is told right");
    assert!(lessons.get("/api/learn/deeper/other").await.refusal().contains("cnn, rnn, transformer, gpt, finetune"));
}

/// Five labels a class: the same seeds in pairs; `--seeds 10` of the two configs prints these means.
#[tokio::test(flavor = "multi_thread")]
async fn pre_training_helps_where_labels_are_few() {
    let lessons = Lessons::new();
    let found = deeper(&lessons, "finetune").await;
    let mean = |name: &str| list(&found[name]).iter().sum::<f64>() / 10.0;
    assert_eq!(list(&found["seeds"]), (42..52).map(f64::from).collect::<Vec<_>>());
    assert!((mean("with") - 0.896).abs() < 0.01 && (mean("without") - 0.880).abs() < 0.01, "{found}");
    assert!(mean("with") > mean("without"));
}
