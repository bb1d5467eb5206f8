//! The pictures that a training leaves in its run folder.

use burn::tensor::{Tensor, TensorData};

use super::{Shares, Subject, boundary_history, draw, importance};
use crate::cli::Picture;
use crate::commands::prepared::Prepared;
use crate::config::Config;
use crate::cpu::FusedBackend;
use crate::data::Examples;
use crate::model::{ModelConfig, NamedWeights, Net, load_weights, named_weights};
use crate::tracking::{RunWriter, read_points};
use crate::training::evaluation::{Evaluation, Prediction, logits};

/// Cells that permutation importance may compute at the end of a training: some tenths of a second. `burnlab plot`
/// has no such bound.
const MAX_IMPORTANCE_CELLS: usize = 20_000_000;
/// Rows that a picture of two inputs shows at most.
const MAX_DOTS: usize = 5000;

/// What was trained and how it did.
pub struct Result<'a, B: FusedBackend> {
    pub net: &'a Net<B>,
    pub best_epoch: Option<usize>,
    pub evaluation: Option<&'a Evaluation>,
    pub predictions: &'a [Prediction],
    /// Weights by epoch, where they were kept.
    pub history: &'a [(usize, NamedWeights)],
}

/// Draws all pictures that the run has, and `boundary.json` for a network of two inputs.
///
/// # Errors
/// A folder that cannot be written.
pub fn write<B: FusedBackend>(
    config: &Config,
    prepared: &Prepared,
    result: &Result<B>,
    writer: &RunWriter,
    device: &B::Device,
) -> anyhow::Result<()> {
    let Prepared { preparation, train, test, .. } = prepared;
    let few_rows = train.len() + test.len() <= MAX_DOTS;
    let subject = Subject {
        title: writer.id().as_str(),
        model: &config.model,
        preparation,
        weights: &named_weights(result.net),
        points: &read_points(writer.folder())?,
        best_epoch: result.best_epoch.map(|epoch| epoch as u64),
        evaluation: result.evaluation,
        predictions: result.predictions,
        test,
        train: few_rows.then_some(train),
        logits: &|examples| logits(result.net, examples, device),
        attention: &|examples| shares(result.net, examples, device),
        activate: &|values| activate::<B>(&config.model, values, device),
    };
    for picture in Picture::OF_A_RUN {
        if picture == Picture::Importance && importance::num_cells(&subject) > MAX_IMPORTANCE_CELLS {
            continue;
        }
        if let Some(svg) = draw(picture, &subject) {
            writer.write_derived(&format!("plots/{}.svg", picture.name()), svg.as_bytes())?;
        }
    }
    let logits_of = |weights: &NamedWeights, examples: &Examples| {
        let net = load_weights(result.net.clone(), weights).expect("the weights are those of this network");
        logits(&net, examples, device)
    };
    let by_epoch = boundary_history(preparation, [train, test], result.history, logits_of);
    if let Some(by_epoch) = by_epoch.filter(|_| few_rows) {
        writer.write_derived("boundary.json", by_epoch.to_string().as_bytes())?;
    }
    Ok(())
}

/// Where a network looks in the first of `examples`.
pub fn shares<B: FusedBackend>(net: &Net<B>, examples: &Examples, device: &B::Device) -> Option<Vec<Shares>> {
    let input = examples.input(0).to_vec();
    let shape = [1, input.len()];
    let blocks = net.attention(Tensor::from_data(TensorData::new(input, shape), device))?;
    let of_block = |shares: Tensor<B, 4>| {
        let [_, num_heads, num_tokens, _] = shares.dims();
        Shares { num_heads, num_tokens, values: shares.into_data().iter::<f32>().collect() }
    };
    Some(blocks.into_iter().map(of_block).collect())
}

/// `values` under the activation function of an mlp.
pub fn activate<B: FusedBackend>(model: &ModelConfig, values: Vec<f32>, device: &B::Device) -> Vec<f32> {
    let Some(mlp) = model.mlp() else { return values };
    let shape = [values.len()];
    let values = Tensor::<B, 1>::from_data(TensorData::new(values, shape), device);
    mlp.activation.forward(values).into_data().iter::<f32>().collect()
}
