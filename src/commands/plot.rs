//! `burnlab plot RUN KIND`: pictures of a run, drawn from its folder.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;

use super::evaluate::score_net;
use super::output::say;
use super::pictures::{Subject, activate, draw, is_planar, shares};
use super::saved_model::{SavedModel, load_data};
use super::{output, run_folder};
use crate::backend::{BackendName, Job, TrainingBackend, run_on};
use crate::cli::{Picture, PlotArgs};
use crate::data::Examples;
use crate::plots::{self, Capacity};
use crate::tracking::{Location, MetricKey, Store, read_points};
use crate::training::evaluation::logits;

/// Writes the pictures and prints where.
///
/// # Errors
/// No such run; a picture that it cannot have; a file that cannot be written.
pub fn run(args: &PlotArgs) -> anyhow::Result<ExitCode> {
    let location = args.model.store.location();
    let folder = run_folder::find(&location, &args.model.run)?;
    anyhow::ensure!(
        args.output.is_none() || args.pictures.len() == 1,
        "--output names one file: say which KIND goes there"
    );
    let mut drawn = Vec::new();
    if args.pictures.contains(&Picture::Overfitting) {
        drawn.push((Picture::Overfitting, overfitting(&location, &folder)?));
    }
    let of_run: Vec<Picture> =
        args.pictures.iter().copied().filter(|&picture| picture != Picture::Overfitting).collect();
    if args.pictures.is_empty() || !of_run.is_empty() {
        let saved = SavedModel::open(&folder)?;
        let backend = BackendName::chosen(args.model.backend);
        drawn.extend(draw_all(&saved, &of_run, backend)?);
    }
    for (picture, svg) in drawn {
        let path = match &args.output {
            Some(path) => path.clone(),
            None => plots_folder(&folder)?.join(picture.name()).with_extension("svg"),
        };
        output::to_file(&path, &[], |writer| Ok(writer.write_all(svg.as_bytes())?))?;
        say!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn plots_folder(folder: &Path) -> anyhow::Result<PathBuf> {
    let plots = folder.join("plots");
    fs_err::create_dir_all(&plots)?;
    Ok(plots)
}

/// All pictures of a run, or those that are named.
///
/// # Errors
/// A named one that the run does not have; weights that do not fit.
pub fn draw_all(
    saved: &SavedModel,
    pictures: &[Picture],
    backend: BackendName,
) -> anyhow::Result<Vec<(Picture, String)>> {
    run_on(backend, PlotJob { saved, pictures }).map_err(anyhow::Error::msg)?
}

struct PlotJob<'a> {
    saved: &'a SavedModel,
    /// Empty = all that the run has.
    pictures: &'a [Picture],
}

impl Job for PlotJob<'_> {
    type Output = anyhow::Result<Vec<(Picture, String)>>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        let Self { saved, pictures } = self;
        let SavedModel { folder, config, preparation, weights } = saved;
        let net = saved.net::<B::InnerBackend>(&device)?;
        // Without test rows, or with data that are gone, the pictures of the rest remain.
        let test = Arc::new(saved.test_examples().unwrap_or_else(|_| Examples::none(preparation.num_inputs())));
        let result = (!test.is_empty()).then(|| score_net(saved, net.clone(), &test, &device));
        let (evaluation, predictions) = result.unzip();
        // Training rows are drawn over two inputs alone.
        let data = if is_planar(preparation) { load_data(folder, config).ok() } else { None };
        let train = data.map(|(dataset, splits)| preparation.transform(&dataset, &splits.train));
        let title = saved.name();
        let record: serde_json::Value = serde_json::from_slice(&fs_err::read(folder.join("run.json"))?)?;
        let subject = Subject {
            title: &title,
            model: &config.model,
            preparation,
            weights,
            points: &read_points(folder)?,
            best_epoch: record["best_epoch"].as_u64(),
            evaluation: evaluation.as_ref(),
            predictions: predictions.as_deref().unwrap_or_default(),
            test: &test,
            train: train.as_ref(),
            logits: &|examples| logits(&net, examples, &device),
            attention: &|examples| shares(&net, examples, &device),
            activate: &|values| activate::<B::InnerBackend>(&config.model, values, &device),
        };
        let wanted = if pictures.is_empty() { &Picture::OF_A_RUN[..] } else { pictures };
        let mut drawn = Vec::new();
        for &picture in wanted {
            match draw(picture, &subject) {
                Some(svg) => drawn.push((picture, svg)),
                None if pictures.is_empty() => {}
                None => anyhow::bail!("run `{title}` has no {} picture: {}", picture.name(), picture.needs()),
            }
        }
        Ok(drawn)
    }
}

/// Losses at the end of training over the number of hidden units, of all runs of the experiment of `folder`'s run.
fn overfitting(location: &Location, folder: &Path) -> anyhow::Result<String> {
    let store = Store::open_read_only_at(location)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let experiment = store.find(&name).with_context(|| format!("{} has no store of runs", location.root.display()))?;
    let experiment = experiment.record.experiment;
    let (train, validation): (MetricKey, MetricKey) = ("train/loss".parse()?, "validation/loss".parse()?);
    let mut points = Vec::new();
    for run in store.runs()?.into_iter().filter(|run| run.record.experiment == experiment) {
        let hidden = run.record.params.get("model.hidden").and_then(|hidden| hidden.as_array());
        let losses = run.metrics.get(&train).zip(run.metrics.get(&validation));
        if let (Some(hidden), Some((train, validation))) = (hidden, losses) {
            let units = hidden.iter().filter_map(serde_json::Value::as_u64).sum::<u64>() as usize;
            points.push(Capacity { units, train_loss: train.last, validation_loss: validation.last });
        }
    }
    let first = points.first().map(|point| point.units);
    anyhow::ensure!(
        points.iter().any(|point| Some(point.units) != first),
        "experiment `{experiment}` has no overfitting picture: {}",
        Picture::Overfitting.needs()
    );
    Ok(plots::overfitting(&format!("Overfitting: {experiment}"), &points))
}
