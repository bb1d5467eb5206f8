//! Predicts rows with the newest run of `iris`: `cargo run --example predict`, after `cargo run --example train`.

use std::io::Write;
use std::path::Path;

use burnlab::{Model, Prediction};
use serde::Serialize;

/// A row: the fields have the names of the columns.
#[derive(Serialize)]
struct Flower {
    #[serde(rename = "sepal_length_(cm)")]
    sepal_length: f64,
    #[serde(rename = "sepal_width_(cm)")]
    sepal_width: f64,
    #[serde(rename = "petal_length_(cm)")]
    petal_length: f64,
    /// `None` is a missing cell.
    #[serde(rename = "petal_width_(cm)")]
    petal_width: Option<f64>,
}

/// Predicts with a run of the store `artifacts`.
pub fn run(artifacts: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
    let model = Model::load(artifacts, "iris")?;
    let flowers = [
        Flower { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: Some(0.2) },
        Flower { sepal_length: 6.7, sepal_width: 3.0, petal_length: 5.2, petal_width: None },
    ];
    for prediction in model.predict(flowers)? {
        match prediction {
            Prediction::Class { name, probabilities } => {
                let likeliest = probabilities.iter().copied().fold(0.0, f64::max);
                writeln!(out, "{name}, {:.0} %", 100.0 * likeliest)?;
            }
            other => writeln!(out, "{other:?}")?,
        }
    }
    Ok(())
}

#[allow(dead_code, reason = "the tests run what is in it")]
fn main() -> anyhow::Result<()> {
    run(Path::new("artifacts"), &mut std::io::stdout())
}
