//! After a training: finds the temperature of the network's probabilities, and what its errors on the validation rows are.

use anyhow::Context;
use burn::tensor::backend::Backend;
use burnlab_cpu::{FusedBackend, TrainingBackend};

use super::calibration::{Calibration, IntervalErrors, level_pairs};
use super::fit_network::Trained;
use super::prepare::Prepared;
use super::run_folder::CALIBRATION;
use crate::data::{Examples, Task};
use crate::model::{Net, load_weights, named_weights};
use crate::training::calibration::temperature;
use crate::training::evaluation::{Answer, NamedValue, logits};
use crate::training::metrics::Known;
use crate::training::threshold::thresholds;
use crate::training::{OutputDecoder, Truths};

/// Rows of which the errors are kept; as many tell a share to 0.3 %.
const MAX_ERRORS: usize = 100_000;
/// What is recorded before and after scaling.
const METRICS: [&str; 3] = ["log_loss", "ece", "brier"];

/// What was changed in a trained network by the validation rows.
pub(super) struct Changed<B: Backend> {
    /// The temperature, and the network without it.
    pub uncalibrated: Option<(f64, Net<B>)>,
    /// The logits above which the second of two classes, or each of several labels, is predicted.
    pub thresholds: Option<Vec<f32>>,
}

/// Scales the output layer of the trained network, and chooses its threshold, if its config says so; writes what the
/// validation rows tell.
pub(super) fn calibrate<B: TrainingBackend>(
    trained: &mut Trained<B>,
    prepared: &Prepared,
    device: &B::Device,
) -> anyhow::Result<Changed<B::InnerBackend>> {
    let Prepared { config, decoder, validation, .. } = prepared;
    if validation.is_empty() || decoder.task.is_language_model() {
        return Ok(Changed { uncalibrated: None, thresholds: None });
    }
    // One that was trained on the validation rows is too sure of them.
    let first = trained.refitted.as_ref().map_or(&trained.fitted.net, |refitted| &refitted.before).clone();
    let head = config.model.head();
    let logits_of = |net: &Net<B::InnerBackend>| logits(net, validation, device);
    let plain = logits_of(&first);
    let known = Known::of(validation);
    let scaled = (config.training.calibrate == Some(true)).then(|| {
        let loss = |logits: &[f32]| metric(decoder, logits, known.truths(), "log_loss");
        let has_members = config.model.mlp().is_some_and(|mlp| mlp.members > 1);
        let found = temperature(validation.len(), |temperature| match has_members {
            // The answer is the mean of the members' probabilities, each with the temperature.
            true => divided(first.clone(), &head, temperature).map_or(f64::NAN, |net| loss(&logits_of(&net))),
            false => loss(&plain.iter().map(|&logit| (f64::from(logit) / temperature) as f32).collect::<Vec<_>>()),
        });
        anyhow::Ok((found, logits_of(&divided(first.clone(), &head, found)?)))
    });
    let scaled = scaled.transpose()?;
    let named = |logits: &[f32]| -> Vec<NamedValue> {
        let value =
            |name: &&str| NamedValue { name: (*name).into(), value: metric(decoder, logits, known.truths(), name) };
        METRICS.iter().map(value).collect()
    };
    let calibration = Calibration {
        temperature: scaled.as_ref().map(|(temperature, _)| *temperature),
        before: scaled.as_ref().map_or_else(Vec::new, |_| named(&plain)),
        after: scaled.as_ref().map_or_else(Vec::new, |(_, logits)| named(logits)),
        errors: errors(decoder, scaled.as_ref().map_or(&plain, |(_, logits)| logits), validation),
        intervals: interval_errors(prepared.preprocessor.levels(), decoder, &plain, validation),
        has_refit: trained.refitted.is_some(),
    };
    trained.writer.write_file(CALIBRATION, &serde_json::to_vec(&calibration)?)?;
    let logits = scaled.as_ref().map_or(&plain, |(_, logits)| logits);
    let num_labels = match decoder.task {
        Task::Labels { num_labels } => Some(num_labels),
        _ => None,
    };
    let chosen = |metric| thresholds(metric, logits, known.truths(), num_labels);
    let thresholds = config.training.threshold.map(chosen);
    let Some((temperature, _)) = scaled else { return Ok(Changed { uncalibrated: None, thresholds }) };
    let before = trained.fitted.net.clone();
    trained.fitted.net = divided(before.clone(), &head, temperature)?;
    Ok(Changed { uncalibrated: Some((temperature, before)), thresholds })
}

fn metric(decoder: &OutputDecoder, logits: &[f32], truths: Truths<'_>, name: &str) -> f64 {
    let scores = decoder.scores(logits, truths, true, None);
    scores.iter().find(|score| score.0 == name).map_or(f64::NAN, |score| score.1)
}

/// The network with the logits divided: they are linear in the weights of the output layer.
fn divided<B: FusedBackend>(net: Net<B>, head: &str, temperature: f64) -> anyhow::Result<Net<B>> {
    let mut weights = named_weights(&net);
    for name in ["weight", "bias"] {
        let weight = weights.get_mut(&format!("{head}{name}")).context("the output layer has weights and biases")?;
        weight.values.iter_mut().for_each(|value| *value = (f64::from(*value) / temperature) as f32);
    }
    Ok(load_weights(net, &weights)?)
}

/// See [`Calibration::intervals`].
fn interval_errors(
    levels: &[f64],
    decoder: &OutputDecoder,
    logits: &[f32],
    examples: &Examples,
) -> Vec<IntervalErrors> {
    let answers: Vec<Answer> = logits
        .chunks_exact(decoder.task.num_outputs())
        .take(MAX_ERRORS)
        .filter(|_| levels.len() > 1)
        .map(|logits| Answer::new(decoder, logits))
        .collect();
    let of_pair = |[lower, upper]: [usize; 2]| {
        let error = |(row, answer): (usize, &Answer)| {
            let truth = examples.numbers_of(row)[0];
            (answer.quantiles[lower] - truth).max(truth - answer.quantiles[upper])
        };
        let mut errors: Vec<f64> = answers.iter().enumerate().map(error).collect();
        errors.sort_by(f64::total_cmp);
        IntervalErrors { levels: [levels[lower], levels[upper]], errors }
    };
    level_pairs(levels.len()).map(of_pair).collect()
}

/// See [`Calibration::errors`].
fn errors(decoder: &OutputDecoder, logits: &[f32], examples: &Examples) -> Vec<f64> {
    if decoder.task.num_targets() > 1 {
        return Vec::new(); // no one error
    }
    let rows = logits.chunks_exact(decoder.task.num_outputs()).take(MAX_ERRORS).enumerate();
    let error = |(row, logits): (usize, &[f32])| {
        let answer = Answer::new(decoder, logits);
        match examples.numbers_of(row).first() {
            Some(number) => (answer.first() - number).abs(),
            None => 1.0 - answer.probabilities[examples.targets_of(row)[0] as usize],
        }
    };
    let mut errors: Vec<f64> = rows.map(error).collect();
    errors.sort_by(f64::total_cmp);
    errors
}
