//! What a run would score without looking at its inputs: the baseline in its evaluation.

use serde::Deserialize;

use crate::tracking::folder::open_sound;
use crate::tracking::{MetricKey, Run, Store};

/// The part of `evaluation.json` that says so.
#[derive(Deserialize)]
struct Evaluation {
    baseline: NamedValue,
}

#[derive(Deserialize)]
struct NamedValue {
    name: String,
    value: Option<f64>,
}

/// The baseline of a run by a metric of its test part: always the most frequent class, the mean of the training rows, or the
/// frequencies of characters. `None` where the run has none by this metric, or its folder is elsewhere or cannot be read.
pub fn baseline(store: &Store, run: &Run, metric: &MetricKey) -> Option<f64> {
    let name = metric.as_str().strip_prefix("test/")?;
    let file = open_sound(&store.folder(&run.record.id), "evaluation.json").ok()??;
    let evaluation: Evaluation = serde_json::from_reader(std::io::BufReader::new(file)).ok()?;
    evaluation.baseline.value.filter(|value| evaluation.baseline.name == name && value.is_finite())
}
