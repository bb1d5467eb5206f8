//! The files of a run in addition to its curves and model.

use std::io;
use std::sync::Arc;

use burnlab_cpu::{FusedBackend, TrainingBackend};

use super::fingerprint::fingerprint;
use super::fit_network::Trained;
use super::predictions::{self, AnswerFormat};
use super::prepare::Prepared;
use super::run::{Checkpoints, Start, TrainOptions};
use super::run_folder::{
    EVALUATION, INITIAL, MAX_TEST_CELLS, PREDICTIONS, PREPROCESSING, RunFolder, TEST_GROUPS, TEST_ROWS, TEST_TEXT,
};
use super::weights_file::encode;
use crate::data::{Dataset, Division, Target};
use crate::metric::sigmoid;
use crate::model::{NamedWeights, Net};
use crate::tracking::folder::for_each_part;
use crate::tracking::{MetricKey, NewRun, Point, RunId, RunWriter};
use crate::training::evaluation::{CalibrationEvaluation, Evaluation, RefitEvaluation, ThresholdEvaluation, evaluate};
use crate::training::objective::Objective;
use crate::training::{CHECKPOINT, OutputDecoder, Phase, Predictions};

/// Starts or resumes the record, and writes the run's initial files. Returns the checkpoints to resume from.
pub(super) fn begin(
    start: Start,
    initial: Option<&NamedWeights>,
    prepared: &Prepared,
    options: &TrainOptions,
) -> anyhow::Result<(RunWriter, Checkpoints)> {
    let (mut writer, checkpoints) = open(start, prepared, options)?;
    let observer = options.observer.clone();
    writer.tell_by(move |line| observer.told(line));
    options.observer.recorded(writer.id())?;
    if let Some(store) = writer.has_closed() {
        options.observer.told(&store.to_string());
    }
    if let Some(weights) = initial {
        writer.write_file(INITIAL, &encode(weights)?)?;
    }
    // Written last: a run that has it can be resumed from its folder.
    writer.write_file(PREPROCESSING, &serde_json::to_vec_pretty(&prepared.preprocessor)?)?;
    Ok((writer, checkpoints))
}

fn open(start: Start, prepared: &Prepared, options: &TrainOptions) -> anyhow::Result<(RunWriter, Checkpoints)> {
    Ok(match start {
        Start::New { parent } => {
            let new = new_run(prepared, options, parent)?;
            (RunWriter::start_at(options.location, new)?, Checkpoints::default())
        }
        Start::Extend { parent, mut checkpoint, folder } => {
            let new = new_run(prepared, options, Some(parent))?;
            // It has the parent's weights and curves, whatever made that one closed.
            let is_private = new.is_private || !RunFolder::at(&folder).is_public();
            let mut writer = RunWriter::start_at(options.location, NewRun { is_private, ..new })?;
            let last = checkpoint.progress.epoch as u64;
            for_each_part(&folder, |points| {
                // The child has its own test results and its own second training.
                points.retain(|point| (1..=last).contains(&point.epoch) && point.key.split() != Phase::REFIT);
                writer.log(points)
            })?;
            checkpoint.progress.run = writer.id().to_string();
            writer.write_file(CHECKPOINT, &checkpoint.encode())?;
            (writer, Checkpoints { selection: Some(*checkpoint), refit: None })
        }
        Start::Resume { run, checkpoints, .. } => (RunWriter::resume_at(options.location, &run)?, *checkpoints),
    })
}

fn new_run(prepared: &Prepared, options: &TrainOptions, parent: Option<RunId>) -> anyhow::Result<NewRun> {
    let config = &prepared.config;
    let mut params = config.params();
    params.insert("backend".into(), options.backend.as_str().into());
    Ok(NewRun {
        experiment: config.name.clone(),
        name: None,
        tags: options.tags.to_vec(),
        note: None,
        config_toml: config.to_toml(),
        params,
        environment: serde_json::to_value(options.environment.with(&prepared.dataset, &prepared.splits))?,
        seed: config.seed,
        parent,
        sweep: options.sweep.clone(),
        data: Some(fingerprint(&prepared.dataset, &prepared.splits)),
        is_private: prepared.is_private(),
    })
}

/// Evaluates once on the test part and records the result; `None` without a test part. `uncalibrated`: the temperature of the
/// trained network, and the network without it.
pub(super) fn test<B: TrainingBackend>(
    prepared: &Prepared,
    trained: &mut Trained<B>,
    uncalibrated: Option<(f64, Net<B::InnerBackend>)>,
    device: &B::Device,
) -> anyhow::Result<Option<(Evaluation, Predictions)>> {
    let Prepared { config, dataset, splits, preprocessor, test, decoder, .. } = prepared;
    if test.is_empty() {
        return Ok(None);
    }
    let score = |net: &Net<B::InnerBackend>| score(prepared, net, device);
    let (mut evaluation, predictions) = score(&trained.fitted.net);
    evaluation.refit = trained.refitted.as_ref().map(|refitted| RefitEvaluation {
        num_examples: refitted.num_examples,
        num_epochs: refitted.num_epochs,
        before: score(&refitted.before).0.metrics,
    });
    evaluation.calibration = uncalibrated.map(|(temperature, net)| {
        let before = score(&net).0.metrics;
        CalibrationEvaluation { temperature, before }
    });
    evaluation.threshold = config.training.threshold.map(|metric| {
        let half = OutputDecoder { thresholds: vec![0.0; decoder.thresholds.len()], ..decoder.clone() };
        let (at_half, _) = score_with(prepared, half, &trained.fitted.net, device);
        // Of several labels each has its own, in its row.
        let probability = match decoder.thresholds[..] {
            [threshold] => Some(sigmoid(threshold)),
            _ => None,
        };
        ThresholdEvaluation { probability, metric: metric.name().into(), before: at_half.metrics }
    });
    let mut points = Vec::new();
    for metric in &evaluation.metrics {
        let key = MetricKey::new("test", &metric.name)?;
        points.push(Point { key, epoch: 0, step: 0, time: trained.seconds, value: metric.value });
    }
    dataset.check_read()?;
    let writer = &mut trained.writer;
    writer.log(&points)?;
    writer.write_file(EVALUATION, &serde_json::to_vec_pretty(&evaluation)?)?;
    if !decoder.task.is_language_model() {
        let format = AnswerFormat::new(preprocessor);
        writer.write_pieces(PREDICTIONS, |file| {
            predictions::write(file, &predictions, format, None).map_err(|error| match error.into_kind() {
                csv::ErrorKind::Io(error) => error,
                other => io::Error::other(format!("{other:?}")),
            })
        })?;
    }
    if let Division::Groups(entities) = &dataset.division {
        let line = |row: usize| format!("{},{}\n", dataset.source_row(row), entities[row]);
        let lines: String = splits.test.iter().map(|&row| line(row as usize)).collect();
        writer.write_file(TEST_GROUPS, format!("row,group\n{lines}").as_bytes())?;
    }
    if let Some((name, bytes)) = test_part(dataset, &splits.test)? {
        writer.write_file(name, &bytes)?;
    }
    Ok(Some((evaluation, predictions)))
}

/// Evaluates `net` on the test part; the predictions have the rows of the file.
pub(super) fn score<B: FusedBackend>(
    prepared: &Prepared,
    net: &Net<B>,
    device: &B::Device,
) -> (Evaluation, Predictions) {
    score_with(prepared, prepared.decoder.clone(), net, device)
}

fn score_with<B: FusedBackend>(
    prepared: &Prepared,
    decoder: OutputDecoder,
    net: &Net<B>,
    device: &B::Device,
) -> (Evaluation, Predictions) {
    let Prepared { config, dataset, preprocessor, test, .. } = prepared;
    let objective = Arc::new(Objective::new(&config.training, decoder.task, &preprocessor.class_counts));
    let scored = evaluate::<B>(net.clone(), &objective, &Arc::new(decoder), test, preprocessor, device);
    let (evaluation, predictions) = scored;
    (evaluation, predictions.renumbered(|row| dataset.source_row(row)))
}

/// The file with the test part, unless it is too large.
fn test_part(dataset: &Dataset, rows: &[u32]) -> anyhow::Result<Option<(&'static str, Vec<u8>)>> {
    if let Target::Text(text) = &dataset.target {
        let text = text.span(rows);
        let bytes = (text.len() <= MAX_TEST_CELLS).then(|| text.iter().collect::<String>().into_bytes());
        return Ok(bytes.map(|bytes| (TEST_TEXT, bytes)));
    }
    let mut bytes = Vec::new();
    if rows.len() * dataset.columns.len() > MAX_TEST_CELLS {
        return Ok(None);
    }
    dataset.write_rows(rows, &mut bytes)?;
    Ok(Some((TEST_ROWS, bytes)))
}
