//! Exports a saved model, or an ensemble, for other programs.

use super::ensemble::Ensemble;
use super::saved_model::SavedModel;
use crate::data::{Inputs, PreparedKind, PreparedTarget};
use crate::network::{self, Column, Head, Network};
use crate::onnx::{self, Weights};
use crate::page;
use crate::training::OutputDecoder;

/// What the exported model leaves to its user: ONNX knows plain numbers and exact names only.
pub fn notes(saved: &SavedModel) -> Vec<String> {
    saved.preprocessor.readings.for_others(&saved.preprocessor.target_names())
}

/// What the card of a model with such weights says of them; `None` of those that are as they were trained.
pub fn about(weights: Weights) -> Option<&'static str> {
    match weights {
        Weights::Float32 => None,
        Weights::Int8 => Some(
            "The weights are int8, with a scale for each output. What the model predicts differs a little from what burnlab \
             predicts with the float32 weights, whose results stand in the card.",
        ),
    }
}

/// The model with its preprocessing: raw cells in, labels and probabilities (or a number) out; of a language model the numbers of
/// characters in, and the probabilities of the next one out.
///
/// # Errors
/// A column of texts, or of large numbers that float32 cannot tell apart; a damaged file in the run folder.
pub fn onnx_model(saved: &SavedModel, weights: Weights) -> anyhow::Result<Vec<u8>> {
    let doc = doc(saved, &format!("run {}", saved.name()));
    let metadata = metadata(saved, ("burnlab_run", saved.name()))?;
    Ok(encode(vec![exact_network(saved)?], metadata, &doc, weights))
}

/// One model with the mean of the members' predictions, each with its own preprocessing.
///
/// # Errors
/// As [`onnx_model`], for any member.
pub fn onnx_ensemble(ensemble: &Ensemble, weights: Weights) -> anyhow::Result<Vec<u8>> {
    let saved = || ensemble.members.iter().map(|member| &member.model);
    let names = saved().map(SavedModel::name).collect::<Vec<_>>().join(", ");
    let doc = doc(ensemble.first(), &format!("mean of {}: runs {names}", ensemble.size()));
    let networks = saved().map(exact_network).collect::<anyhow::Result<_>>()?;
    Ok(encode(networks, metadata(ensemble.first(), ("burnlab_runs", names))?, &doc, weights))
}

fn encode(networks: Vec<Network>, mut metadata: Vec<(String, String)>, doc: &str, weights: Weights) -> Vec<u8> {
    if weights == Weights::Int8 {
        metadata.push(("weights".to_owned(), "int8".to_owned()));
    }
    let doc = [Some(doc), about(weights)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    onnx::encode(&onnx::Model { networks, metadata, producer_version: env!("CARGO_PKG_VERSION"), doc: &doc, weights })
}

/// What the file says of itself.
fn doc(saved: &SavedModel, what: &str) -> String {
    let first = format!("Trained by burnlab to predict `{}`; {what}.", saved.preprocessor.target_name);
    [first].into_iter().chain(notes(saved)).collect::<Vec<_>>().join(" ")
}

/// What the graph does not say, or says in numbers only.
fn metadata(saved: &SavedModel, run: (&str, String)) -> anyhow::Result<Vec<(String, String)>> {
    let preprocessor = &saved.preprocessor;
    let image_shape = preprocessor.image_shape().map(|shape| {
        ("image_shape", serde_json::json!([shape.height, shape.width, shape.channels]).to_string()) // as the inputs lie
    });
    let temperature = saved.folder.calibration()?.and_then(|calibration| calibration.temperature);
    let probability = |logit: f32| 1.0 / (1.0 + (-f64::from(logit)).exp());
    let entries = [
        Some(run),
        Some(("burnlab_config", saved.config.to_toml())),
        image_shape,
        temperature.map(|temperature| ("temperature", temperature.to_string())),
        preprocessor.threshold.map(|threshold| ("threshold", probability(threshold).to_string())),
        // The label is then the median class, and not the likeliest.
        matches!(preprocessor.target, PreparedTarget::Ordered(_)).then(|| ("ordered", "true".to_owned())),
    ];
    Ok(entries.into_iter().flatten().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// The network, unless its inputs do not fit in float32, or have no operators.
fn exact_network(saved: &SavedModel) -> anyhow::Result<Network<'_>> {
    let preprocessor = &saved.preprocessor;
    if let Some(column) = preprocessor.text_column() {
        anyhow::bail!(
            "column `{column}` is a text, for whose words ONNX has no operators: choose --format html or safetensors, or \
             predict with burnlab"
        );
    }
    if let Some(column) = preprocessor.hashed_column() {
        anyhow::bail!(
            "column `{column}` has rare categories that are told apart by hashes, for which ONNX has no operators: train it with \
             data.hash_buckets = 0, choose --format html or safetensors, or predict with burnlab"
        );
    }
    if let Some(column) = preprocessor.columns().iter().find(|column| preprocessor.readings.origin(&column.name) != 0.0)
    {
        let origin = preprocessor.readings.origin(&column.name);
        anyhow::bail!(
            "the float32 inputs of ONNX cannot tell the numbers of `{}` apart, which are around {origin}: train on the column \
             less {origin}, or predict with burnlab",
            column.name
        );
    }
    Ok(network(saved))
}

/// The model as a web page, with its `card` below.
///
/// # Errors
/// Only if the model cannot be written as JSON, which does not happen.
pub fn html_page(saved: &SavedModel, card: &str) -> anyhow::Result<String> {
    let preprocessor = &saved.preprocessor;
    let ranges = preprocessor.columns().iter();
    let image = preprocessor.image_shape().map(|shape| page::Image {
        shape: [shape.height, shape.width, shape.channels],
        are_files: preprocessor.readings.image_files,
    });
    let model = page::Model {
        target: &preprocessor.target_name,
        network: network(saved),
        readings: serde_json::to_value(&preprocessor.readings.columns)?,
        ranges: ranges.filter_map(|column| Some((column.name.as_str(), column.seen?.range?))).collect(),
        image,
    };
    let what = match &preprocessor.inputs {
        Inputs::Text(_) => "A language model: it continues a text.".to_owned(),
        Inputs::Table { .. } => format!("A network that predicts {}.", preprocessor.target_name),
    };
    Ok(page::html(&model, &saved.name(), &what, card)?)
}

/// The network with its preprocessing as plain data.
pub fn network(saved: &SavedModel) -> Network<'_> {
    let preprocessor = &saved.preprocessor;
    let inputs = match &preprocessor.inputs {
        Inputs::Table { columns, .. } => {
            let columns = columns.iter().map(|column| match &column.kind {
                PreparedKind::Numeric { median, center, spread, edges } => {
                    Column::Numeric { name: &column.name, median: *median, center: *center, spread: *spread, edges }
                }
                PreparedKind::Categorical { categories, has_unknown, buckets } => {
                    Column::Categorical { name: &column.name, categories, has_unknown: *has_unknown, buckets: *buckets }
                }
                PreparedKind::Text { buckets } => Column::Text { name: &column.name, buckets: *buckets },
            });
            network::Inputs::Table { columns: columns.collect() }
        }
        Inputs::Text(text) => {
            let characters = preprocessor.characters().unwrap_or_default();
            network::Inputs::Text { characters, context: text.context }
        }
    };
    let head = match &preprocessor.target {
        PreparedTarget::Classes(names) => match &names[..] {
            [negative, positive] => {
                Head::Binary { classes: [negative, positive], threshold: preprocessor.threshold.unwrap_or(0.0) }
            }
            names => Head::MultiClass { classes: names },
        },
        &PreparedTarget::Number { mean, standard_deviation } => {
            Head::Number { name: &preprocessor.target_name, mean, deviation: standard_deviation }
        }
        PreparedTarget::Quantiles { mean, standard_deviation, levels } => Head::Quantiles {
            name: &preprocessor.target_name,
            mean: *mean,
            deviation: *standard_deviation,
            levels,
            middle: OutputDecoder::new(preprocessor).middle_level(),
        },
        PreparedTarget::Numbers(targets) => Head::Numbers {
            names: targets.iter().map(|target| &*target.name).collect(),
            means: targets.iter().map(|target| target.mean).collect(),
            deviations: targets.iter().map(|target| target.standard_deviation).collect(),
        },
        PreparedTarget::Labels(labels) => Head::Labels {
            names: labels.iter().map(|label| &*label.name).collect(),
            thresholds: labels.iter().map(|label| label.threshold.unwrap_or(0.0)).collect(),
        },
        PreparedTarget::Ordered(names) => Head::Ordered { classes: names },
        &PreparedTarget::Count { mean, .. } => Head::Count { name: &preprocessor.target_name, mean },
        PreparedTarget::Characters(_) => Head::Characters { count: preprocessor.task().num_outputs() },
    };
    let layers = saved.config.model.layers(&preprocessor.layout(), preprocessor.task(), &saved.weights);
    Network { inputs, layers, head }
}
