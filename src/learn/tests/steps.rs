//! A step of gradient descent, compared with numbers that were computed by hand, from the formulas of a textbook.

use serde_json::json;

use super::*;

#[track_caller]
fn assert_close(found: &Value, expected: &[f64]) {
    let found: Vec<f64> = match found {
        Value::Array(list) => list.iter().map(|value| value.as_f64().unwrap()).collect(),
        one => vec![one.as_f64().unwrap()],
    };
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}

/// x = (1, -0.5), two tanh units, one output, class 1. With z1 = 0.5 x 1 - 1 x -0.5 + 0.1 = 1.1 and so on, the loss is
/// -ln p, its slope at the output p - y, and each slope further back by the chain rule.
#[tokio::test]
async fn a_step_is_what_a_pocket_calculator_gives() {
    let lessons = Lessons::new();
    let body = json!({
        "layers": [
            { "weights": [[0.5, -1.0], [1.5, 0.25]], "bias": [0.1, -0.2], "activation": "tanh" },
            { "weights": [[0.8, -1.2]], "bias": [0.3], "activation": "sigmoid" },
        ],
        "inputs": [1.0, -0.5], "target": 1, "loss": "binary_cross_entropy", "learning_rate": 0.5,
    });
    let answer = lessons.post("/api/learn/step", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let answer = answer.json();
    assert_close(&answer["forward"][0]["sums"], &[1.1, 1.175]);
    assert_close(&answer["forward"][0]["outputs"], &[0.800_499_0, 0.825_868_5]);
    assert_close(&answer["forward"][1]["sums"], &[-0.050_642_9]);
    assert_close(&answer["forward"][1]["outputs"], &[0.487_342_0]);
    assert_close(&answer["loss"], &[0.718_789_2]);
    let (hidden, output) = (&answer["gradients"][0], &answer["gradients"][1]);
    assert_close(&output["units"], &[-0.512_658_0]);
    assert_close(&output["weights"][0], &[-0.410_382_2, -0.423_388_1]);
    assert_close(&output["bias"], &[-0.512_658_0]);
    assert_close(&hidden["outputs"], &[-0.410_126_4, 0.615_189_6]);
    assert_close(&hidden["units"], &[-0.147_317_9, 0.195_594_2]);
    assert_close(&hidden["weights"][0], &[-0.147_317_9, 0.073_659_0]);
    assert_close(&hidden["weights"][1], &[0.195_594_2, -0.097_797_1]);
    let (hidden, output) = (&answer["updated"][0], &answer["updated"][1]);
    assert_close(&hidden["weights"][0], &[0.573_659_0, -1.036_829_5]);
    assert_close(&hidden["weights"][1], &[1.402_202_9, 0.298_898_5]);
    assert_close(&hidden["bias"], &[0.173_659_0, -0.297_797_1]);
    assert_close(&output["weights"][0], &[1.005_191_1, -0.988_306_0]);
    assert_close(&output["bias"], &[0.556_329_0]);
    assert_eq!((&hidden["activation"], &output["activation"]), (&json!("tanh"), &json!("sigmoid")));
    assert_close(&answer["new_loss"], &[0.409_849_8]);
}

/// Three classes without a hidden layer: p = softmax(z), and the slope at each output is p - 1 for the class of the row, p
/// for the others. And one number: (z - y)^2 with the slope 2 (z - y).
#[tokio::test]
async fn classes_and_numbers_have_their_own_loss() {
    let lessons = Lessons::new();
    let layer =
        json!({ "weights": [[0.1, 0.2], [-0.3, 0.4], [0.0, -0.5]], "bias": [0.0, 0.1, 0.2], "activation": "softmax" });
    let body =
        json!({ "layers": [layer], "inputs": [2.0, 1.0], "target": 2, "loss": "cross_entropy", "learning_rate": 0.1 });
    let answer = lessons.post("/api/learn/step", body).await.json();
    assert_close(&answer["forward"][0]["outputs"], &[0.475_485_0, 0.288_396_2, 0.236_118_8]);
    assert_close(&answer["loss"], &[1.443_420_0]);
    assert_close(&answer["gradients"][0]["units"], &[0.475_485_0, 0.288_396_2, -0.763_881_2]);
    let layer = json!({ "weights": [[2.0]], "bias": [1.0], "activation": "none" });
    let body =
        json!({ "layers": [layer], "inputs": [3.0], "target": 5, "loss": "mean_squared_error", "learning_rate": 0.05 });
    let answer = lessons.post("/api/learn/step", body).await.json();
    // z = 7, L = 4, slopes 4 x 3 and 4; then z = (2 - 0.6) x 3 + (1 - 0.2) = 5.
    assert_close(&answer["loss"], &[4.0]);
    assert_close(&answer["gradients"][0]["weights"][0], &[12.0]);
    assert_close(&answer["updated"][0]["weights"][0], &[1.4]);
    assert_close(&answer["new_loss"], &[0.0]);
}

/// The backward pass of every activation, against differences of forward passes.
#[tokio::test]
async fn gradients_are_the_slopes_of_the_loss() {
    let lessons = Lessons::new();
    for activation in crate::model::Activation::ALL {
        let layers = json!([
            { "weights": [[0.7, -0.4], [-0.9, 1.1], [0.3, 0.8]], "bias": [0.15, -0.25, 0.4], "activation": activation },
            { "weights": [[1.2, -0.6, 0.5], [0.3, 0.9, -0.8]], "bias": [0.2, 0.1], "activation": activation },
            { "weights": [[-1.1, 0.7]], "bias": [0.05], "activation": "sigmoid" },
        ]);
        let body = json!({ "layers": layers, "inputs": [0.6, -1.3], "target": 0, "loss": "binary_cross_entropy", "learning_rate": 0.1 });
        let answer = lessons.post("/api/learn/step", body).await.json();
        assert!(answer["new_loss"].as_f64() < answer["loss"].as_f64(), "{activation}: {answer}");
        for (i, layer) in answer["gradients"].as_array().unwrap().iter().enumerate() {
            let flat = |parameters: &Value| -> Vec<f64> {
                let rows = parameters["weights"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
                rows.chain(parameters["bias"].as_array().unwrap()).map(|value| value.as_f64().unwrap()).collect()
            };
            for (gradient, difference) in flat(layer).iter().zip(flat(&answer["numeric"][i])) {
                assert!((gradient - difference).abs() < 2e-4, "{activation}: {gradient} {difference}");
            }
        }
    }
}

#[tokio::test]
async fn a_net_that_is_none_is_refused() {
    let lessons = Lessons::new();
    let ask = async |layers: Value, inputs: Value, target: Value, loss: &str, rate: Value| {
        let body = json!({ "layers": layers, "inputs": inputs, "target": target, "loss": loss, "learning_rate": rate });
        lessons.post("/api/learn/step", body).await.refusal()
    };
    let unit = |weights: Value, activation: Value| json!({ "weights": weights, "bias": [0], "activation": activation });
    let plain = json!([unit(json!([[1, 1]]), json!("none"))]);
    let mse = "mean_squared_error";
    for (error, told) in [
        (ask(json!([]), json!([1, 1]), json!(0), mse, json!(1)).await, "layers: 1 to 4"),
        (ask(plain.clone(), json!([1]), json!(0), mse, json!(1)).await, "layers[0]: needs 1 weights"),
        (
            ask(plain.clone(), json!([1, 1]), json!(2), "binary_cross_entropy", json!(1)).await,
            "target: a class, 0 to 1",
        ),
        (
            ask(plain.clone(), json!([1, 1]), json!(0), "binary_cross_entropy", json!(1)).await,
            "activation is \"sigmoid\"",
        ),
        (ask(plain.clone(), json!([1, 1]), json!(0), "cross_entropy", json!(1)).await, "loss: "),
        (ask(plain.clone(), json!([1, 1]), json!(0), "mae", json!(1)).await, "unknown variant `mae`"),
        (ask(plain, json!([1, 1]), json!(0), mse, json!(-1)).await, "learning_rate: "),
        (
            ask(json!([unit(json!([[1]]), json!("relu"))]), json!([1]), json!(0), mse, json!(1)).await,
            "activation is \"none\"",
        ),
        (
            ask(json!([unit(json!([vec![1; 64]]), json!("none"))]), json!(vec![1; 64]), json!(0), mse, json!(1)).await,
            "64 weights",
        ),
        (ask(json!([unit(json!([[1e39]]), json!("none"))]), json!([1]), json!(0), mse, json!(1)).await, "out of range"),
    ] {
        assert!(error.contains(told), "{error} {told}");
    }
}
