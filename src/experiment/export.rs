//! Exports a saved model, or an ensemble, for other programs.

use anyhow::Context;

use super::ensemble::Ensemble;
use super::run_folder::MODEL;
use super::saved_model::SavedModel;
use crate::data::{PreparedKind, PreparedTarget};
use crate::model::Activation;
use crate::onnx;
use crate::training::OutputDecoder;

/// What the exported model leaves to its user: ONNX knows plain numbers and exact names only.
pub fn notes(saved: &SavedModel) -> Vec<String> {
    saved.preprocessor.readings.for_others(&saved.preprocessor.target_names())
}

/// Whether ONNX has the kind of network.
pub fn has_onnx(saved: &SavedModel) -> bool {
    saved.config.model.mlp().is_some()
}

/// The model with its preprocessing: raw cells in, labels and probabilities (or a number) out.
///
/// # Errors
/// A language model, or a network of a kind other than mlp.
pub fn onnx_model(saved: &SavedModel) -> anyhow::Result<Vec<u8>> {
    let doc = doc(saved, &format!("run {}", saved.name()));
    Ok(onnx::encode(&network(saved, vec![("burnlab_run".into(), saved.name())], &doc)?))
}

/// One model with the mean of the members' predictions, each with its own preprocessing.
///
/// # Errors
/// As [`onnx_model`], for any member.
pub fn onnx_ensemble(ensemble: &Ensemble) -> anyhow::Result<Vec<u8>> {
    let saved = || ensemble.members.iter().map(|member| &member.model);
    let names = saved().map(SavedModel::name).collect::<Vec<_>>().join(", ");
    let doc = doc(ensemble.first(), &format!("mean of {}: runs {names}", ensemble.size()));
    let networks = saved().map(|saved| network(saved, vec![("burnlab_runs".into(), names.clone())], &doc));
    Ok(onnx::encode_mean(&networks.collect::<anyhow::Result<Vec<_>>>()?))
}

/// What the file says of itself.
fn doc(saved: &SavedModel, what: &str) -> String {
    let first = format!("Trained by burnlab to predict `{}`; {what}.", saved.preprocessor.target_name);
    [first].into_iter().chain(notes(saved)).collect::<Vec<_>>().join(" ")
}

/// The network with its preprocessing, and `metadata` beside its config.
fn network<'a>(
    saved: &'a SavedModel,
    mut metadata: Vec<(String, String)>,
    doc: &'a str,
) -> anyhow::Result<onnx::Network<'a>> {
    saved.refuse_text("ONNX export does not support it (--format safetensors does)")?;
    let mlp = saved.config.model.mlp().context(
        "ONNX export supports only networks of kind `mlp`: choose --format safetensors, or predict with burnlab",
    )?;
    let preprocessor = &saved.preprocessor;
    if let Some(column) = preprocessor.columns().iter().find(|column| preprocessor.readings.origin(&column.name) != 0.0)
    {
        let origin = preprocessor.readings.origin(&column.name);
        anyhow::bail!(
            "the float32 inputs of ONNX cannot tell the numbers of `{}` apart, which are around {origin}: train on the column \
             less {origin}, or predict with burnlab",
            column.name
        );
    }
    let columns = preprocessor.columns().iter().map(|column| match &column.kind {
        PreparedKind::Numeric { median, center, spread, edges } => {
            onnx::Column::Numeric { name: &column.name, median: *median, center: *center, spread: *spread, edges }
        }
        PreparedKind::Categorical { categories, has_unknown } => {
            onnx::Column::Categorical { name: &column.name, categories, has_unknown: *has_unknown }
        }
    });
    let weight = |name: String| {
        let found = saved.weights.get(&name);
        found.ok_or_else(|| anyhow::anyhow!("{} has no weight `{name}`", MODEL))
    };
    let mut layers = Vec::new();
    for layer in 0..mlp.num_common_layers() {
        let (matrix, bias) = (weight(format!("layers.{layer}.weight"))?, weight(format!("layers.{layer}.bias"))?);
        let [num_inputs, num_outputs] = matrix.shape[..] else { anyhow::bail!("layer {layer} is not a matrix") };
        layers.push(onnx::Dense { weight: &matrix.values, bias: &bias.values, num_inputs, num_outputs });
    }
    let members = match mlp.members {
        1 => None,
        count => Some(onnx::Members {
            scale: &weight("members.scale".into())?.values,
            weight: &weight("members.weight".into())?.values,
            bias: &weight("members.bias".into())?.values,
            count,
        }),
    };
    let activation = match mlp.activation {
        Activation::Sigmoid => onnx::Activation::Sigmoid,
        Activation::Tanh => onnx::Activation::Tanh,
        Activation::Relu => onnx::Activation::Relu,
        Activation::LeakyRelu => onnx::Activation::LeakyRelu,
        Activation::Gelu => onnx::Activation::Gelu,
        Activation::Silu => onnx::Activation::Silu,
    };
    let head = match &preprocessor.target {
        PreparedTarget::Classes(names) => match &names[..] {
            [negative, positive] => {
                onnx::Head::Binary { classes: [negative, positive], threshold: preprocessor.threshold.unwrap_or(0.0) }
            }
            names => onnx::Head::MultiClass { classes: names },
        },
        &PreparedTarget::Number { mean, standard_deviation } => {
            onnx::Head::Number { name: &preprocessor.target_name, mean, deviation: standard_deviation }
        }
        &PreparedTarget::Count { mean, .. } => onnx::Head::Count { name: &preprocessor.target_name, mean },
        PreparedTarget::Quantiles { mean, standard_deviation, levels } => onnx::Head::Quantiles {
            name: &preprocessor.target_name,
            mean: *mean,
            deviation: *standard_deviation,
            levels,
            middle: OutputDecoder::new(preprocessor).middle_level(),
        },
        PreparedTarget::Numbers(targets) => onnx::Head::Numbers {
            names: targets.iter().map(|target| &*target.name).collect(),
            means: targets.iter().map(|target| target.mean).collect(),
            deviations: targets.iter().map(|target| target.standard_deviation).collect(),
        },
        PreparedTarget::Labels(labels) => onnx::Head::Labels {
            names: labels.iter().map(|label| &*label.name).collect(),
            thresholds: labels.iter().map(|label| label.threshold.unwrap_or(0.0)).collect(),
        },
        PreparedTarget::Ordered(_) => anyhow::bail!(
            "ONNX export does not support data.ordered: choose --format safetensors, or predict with burnlab"
        ),
        PreparedTarget::Characters(_) => anyhow::bail!("a text has no rows"),
    };
    metadata.push(("burnlab_config".into(), saved.config.to_toml()));
    Ok(onnx::Network {
        columns: columns.collect(),
        layers,
        members,
        activation,
        head,
        metadata,
        producer_version: env!("CARGO_PKG_VERSION"),
        doc,
    })
}
