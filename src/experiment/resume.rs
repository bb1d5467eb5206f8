//! Finds where to resume a run that was stopped or killed, or that finished and is to be trained for more epochs.

use std::sync::Arc;

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::changes::refuse_changes;
use super::prepare::{Prepared, prepare_from};
use super::run::{Checkpoints, Start};
use super::run_folder::{INITIAL, MODEL, PREPROCESSING, RunFolder, Shapes, recorded};
use super::train::RESULTS;
use crate::backend::BackendName;
use crate::config::Config;
use crate::figures::counted;
use crate::invalid::one_line;
use crate::tracking::folder::{self, METRICS, SUMS, close, for_each_part};
use crate::tracking::{Closed, Location, Point, Run, Shown, Status, Store, TrackingError};
use crate::training::{CHECKPOINT, Checkpoint, FROM_THE_START, REFIT_CHECKPOINT};

/// How to resume a run.
pub struct Plan {
    pub folder: RunFolder,
    pub start: Start,
    pub prepared: Prepared,
    pub tags: Vec<String>,
    /// The run's original backend: another one would give different numbers.
    pub backend: BackendName,
    /// The store, if it was open to other users and the run's data are not.
    pub closed: Option<Closed>,
}

/// Plans how to resume the run that `query` names: from its last checkpoint, or with `epochs` from its end, up to that
/// many epochs in total. `connects`: whether the server is asked for rows that the run's record names.
///
/// # Errors
/// A run that is training, or has finished (without `epochs`); data or a checkpoint that is missing or changed.
pub fn plan(location: &Location, query: &str, epochs: Option<usize>, connects: bool) -> anyhow::Result<Plan> {
    let store = Store::open_read_only_at(location)?;
    let run = recorded(&store, query)?;
    if let Some(home) = store.home_elsewhere(&run.record.id)? {
        bail!("the files of run `{}` are at `{home}`: resume it there", run.record.id);
    }
    let folder = RunFolder::at(store.folder(&run.record.id));
    let config = folder.config()?;
    refuse_changes(&folder, &config, &run.record.params)?;
    let bounded: Vec<&str> = RESULTS.into_iter().filter(|name| *name != MODEL).collect();
    folder::check_sums(folder.path(), &bounded)?;
    let is_active = matches!(store.shown(&run), Shown::Running | Shown::Stalled);
    anyhow::ensure!(!is_active, "run `{}` is being trained right now", run.record.id);
    let mut prepared = prepare_again(&folder, &config, location, connects)?;
    let shapes = prepared.config.model.shapes(&prepared.preprocessor.layout(), prepared.decoder.task.num_outputs());
    // How large the model may be is known by now.
    if folder.has(SUMS) {
        folder.weights(MODEL, &shapes)?;
    }
    let checkpoint_of = |name| checkpoint_of(&run, &folder, name, &shapes, prepared.config.training.max_epochs);
    let checkpoint = checkpoint_of(CHECKPOINT).map_err(|error| match run.record.status {
        Status::Finished => {
            anyhow::anyhow!("{}", format!("{error:#}").replace(FROM_THE_START, "restore it, or train a new run"))
        }
        _ => error,
    })?;
    if let Some(checkpoint) = &checkpoint {
        refuse_gaps(&folder, checkpoint.progress.epoch)?;
    }
    let mut closed = None;
    let start = match epochs {
        None => {
            // A run that is closed stays so, such as one that began with the model of another closed run.
            if prepared.is_private() || !folder.is_public() {
                close(folder.path())?;
                // A new file takes the place of the store where no process has it open, nor this one.
                drop(store);
                closed = location.close()?;
            }
            let refit = checkpoint_of(REFIT_CHECKPOINT)?;
            let checkpoints = Checkpoints { selection: checkpoint, refit };
            resume(location, &run, &folder, &prepared, &shapes, checkpoints)?
        }
        Some(epochs) => {
            let start = extend(location, &run, &folder, epochs, checkpoint)?;
            prepared.config.training.max_epochs = epochs;
            start
        }
    };
    let backend = run.record.params.get("backend").and_then(|name| BackendName::from_str(name.as_str()?, false).ok());
    let backend = backend.context("the run does not say on which backend it was trained")?;
    Ok(Plan { folder, start, prepared, tags: run.record.tags, backend, closed })
}

fn prepare_again(folder: &RunFolder, config: &Config, location: &Location, connects: bool) -> anyhow::Result<Prepared> {
    if !folder.has(PREPROCESSING) {
        // Killed before anything was written but what the data were: a run that somebody sent reads no other file, and
        // takes none into its folder.
        let (dataset, _) = folder.data_of(config, connects)?;
        anyhow::ensure!(
            config.model.init_from.is_none(),
            "the run was ended before it had its initial weights from model.init_from: train a new run"
        );
        return Ok(prepare_from(Arc::new(dataset), config, location)?);
    }
    let (dataset, splits) = folder.data_of(config, connects)?;
    let (dataset, preprocessor) = (Arc::new(dataset), folder.preprocessor(&config.data)?);
    // Of a run that was killed there are no sums, but all that it was made of.
    let is_of_this_version =
        folder.environment().is_ok_and(|of| of.system.burnlab.as_deref() == Some(env!("CARGO_PKG_VERSION")));
    if config.model.init_from.is_none() && is_of_this_version && !folder.has(SUMS) {
        let again = prepare_from(dataset.clone(), config, location)?.preprocessor;
        anyhow::ensure!(
            again.deciding_at(None) == preprocessor.clone().deciding_at(None),
            "{} is not what the run's data give: remove it, and `resume` writes it anew",
            folder.file(PREPROCESSING).display()
        );
    }
    Ok(Prepared::new(config, dataset, splits, preprocessor))
}

/// The curves must have all epochs up to the checkpoint, since training goes on behind it.
fn refuse_gaps(folder: &RunFolder, num_epochs: usize) -> anyhow::Result<()> {
    let mut num_found = 0;
    for_each_part(folder.path(), |points| {
        let is_of_them =
            |point: &&Point| point.key.as_str() == "train/loss" && (1..=num_epochs as u64).contains(&point.epoch);
        num_found += points.iter().filter(is_of_them).count();
        Ok::<_, TrackingError>(())
    })?;
    anyhow::ensure!(
        num_found >= num_epochs,
        "{} has {num_found} of the {} up to the checkpoint: restore it, or remove the checkpoint, and training starts again \
         from the first epoch",
        folder.file(METRICS).display(),
        counted(num_epochs, "epoch")
    );
    Ok(())
}

/// The checkpoint `name` of a run of `max_epochs`.
fn checkpoint_of(
    run: &Run,
    folder: &RunFolder,
    name: &str,
    shapes: &Shapes,
    max_epochs: usize,
) -> anyhow::Result<Option<Checkpoint>> {
    let checkpoint = folder.checkpoint(name, shapes)?;
    if let Some(checkpoint) = &checkpoint {
        checkpoint.progress.check(max_epochs).map_err(|problem| {
            let file = folder.file(name);
            anyhow::anyhow!("{} is damaged: {problem}; {FROM_THE_START}", file.display())
        })?;
    }
    if let Some(other) = checkpoint.as_ref().filter(|checkpoint| checkpoint.progress.run != run.record.id.as_str()) {
        bail!(
            "the checkpoint in {} is of run `{}`: restore this run's own",
            folder.path().display(),
            other.progress.run
        );
    }
    Ok(checkpoint)
}

fn resume(
    location: &Location,
    run: &Run,
    folder: &RunFolder,
    prepared: &Prepared,
    shapes: &Shapes,
    checkpoints: Checkpoints,
) -> anyhow::Result<Start> {
    let id = &run.record.id;
    if run.record.status == Status::Finished {
        let epochs = (2 * prepared.config.training.max_epochs).to_string();
        bail!(
            "run `{id}` is finished ({}); to train it for more epochs: `{}`",
            one_line(&run.record.reason),
            location.command(&["resume", id.as_str(), "--epochs", &epochs])
        );
    }
    let initial = folder.weights(INITIAL, shapes)?;
    Ok(Start::Resume { run: id.clone(), checkpoints: Box::new(checkpoints), initial })
}

fn extend(
    location: &Location,
    run: &Run,
    folder: &RunFolder,
    epochs: usize,
    checkpoint: Option<Checkpoint>,
) -> anyhow::Result<Start> {
    let id = &run.record.id;
    let is_finished = run.record.status == Status::Finished;
    anyhow::ensure!(
        is_finished,
        "run `{id}` has not finished: first run `{}`",
        location.command(&["resume", id.as_str()])
    );
    let mut checkpoint = checkpoint
        .with_context(|| format!("{} is missing: restore it, or train a new run", folder.file(CHECKPOINT).display()))?;
    let done = checkpoint.progress.epoch;
    anyhow::ensure!(epochs > done, "run `{id}` has {} already: choose a larger --epochs", counted(done, "epoch"));
    checkpoint.reopen();
    Ok(Start::Extend { parent: id.clone(), folder: folder.path().to_owned(), checkpoint: Box::new(checkpoint) })
}
