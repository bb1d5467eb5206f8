//! The pictures that training writes to the run folder.

use burnlab_cpu::TrainingBackend;

use super::inputs::boundary_history;
use super::subject::{DeviceNetwork, Results, Subject};
use super::table::{Draw, PICTURES};
use crate::data::Examples;
use crate::experiment::prepare::Prepared;
use crate::model::{NamedWeights, load_weights};
use crate::tracking::{RunWriter, read_points_thinned};
use crate::training::evaluation::{Evaluation, logits};
use crate::training::{Fitted, Predictions};

/// Maximum number of input values passed through the network for a picture at the end of training, which takes some
/// tenths of a second. `burnlab plot` has no such limit.
const MAX_INPUTS: usize = 20_000_000;
/// Maximum number of rows shown in a picture of two inputs.
const MAX_DOTS: usize = 5000;

/// Draws all pictures available for the run, and writes `boundary.json` for a network with two inputs.
///
/// # Errors
/// A folder that cannot be written.
pub fn write<B: TrainingBackend>(
    prepared: &Prepared,
    fitted: &Fitted<B>,
    evaluation: Option<&Evaluation>,
    predictions: &Predictions,
    writer: &RunWriter,
    device: &B::Device,
) -> anyhow::Result<()> {
    let Prepared { config, preprocessor, train, test, .. } = prepared;
    let few_rows = train.len() + test.len() <= MAX_DOTS;
    let network = DeviceNetwork::<B::InnerBackend> { net: &fitted.net, model: &config.model, device };
    let best_epoch = fitted.best.map(|best| best.0 as u64);
    let results = Results {
        points: read_points_thinned(writer.folder(), best_epoch)?,
        best_epoch,
        evaluation,
        predictions,
        test,
        train: few_rows.then_some(train),
    };
    let subject = Subject::new(writer.id().as_str(), &network, preprocessor, results);
    for picture in PICTURES {
        let Draw::Run(draw) = picture.draw else { continue };
        if (picture.cost)(&subject) > MAX_INPUTS {
            continue;
        }
        if let Some(svg) = draw(&subject) {
            writer.write_derived(&format!("plots/{}.svg", picture.stem()), svg.as_bytes())?;
        }
    }
    let logits_of = |weights: &NamedWeights, examples: &Examples| {
        let net = load_weights(fitted.net.clone(), weights).expect("the weights are those of this network");
        logits(&net, examples, device)
    };
    let by_epoch = boundary_history(preprocessor, [train, test], &fitted.history, logits_of);
    if let Some(by_epoch) = by_epoch.filter(|_| few_rows) {
        writer.write_derived("boundary.json", by_epoch.to_string().as_bytes())?;
    }
    Ok(())
}
