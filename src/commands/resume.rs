//! `burnlab resume RUN`: go on with a training as if it had never stopped, or train a finished run further.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::environment::Environment;
use super::prepared::{Prepared, prepare};
use super::saved_model::{INITIAL, PREPARATION, load_data, read_preparation, read_weights};
use super::train::{Start, TrainOptions, tell, train_from};
use super::{run_folder, summary};
use crate::backend::BackendName;
use crate::cli::ResumeArgs;
use crate::config::LoadedConfig;
use crate::tracking::{Shown, Status, Store, read_points};
use crate::training::{CHECKPOINT, Checkpoint};

/// Trains on from the run's checkpoint, records and evaluates.
///
/// # Errors
/// A run that is training, or has finished (without `--epochs`); data or a checkpoint that are gone or changed; what
/// training itself meets.
pub fn run(args: &ResumeArgs) -> anyhow::Result<ExitCode> {
    let location = args.store.location();
    let store = Store::open_read_only_at(&location)?;
    let run = run_folder::recorded(&store, &args.run)?;
    let folder = store.folder(&run.record.id);
    let loaded = LoadedConfig::load(&folder.join("config.toml"), &[])?;
    let mut config = loaded.config;
    let prepared = match folder.join(PREPARATION).exists() {
        true => {
            let (dataset, splits) = load_data(&folder, &config)?;
            Prepared::new(Arc::new(dataset), splits, read_preparation(&folder, &config.data)?)
        }
        // Killed before anything was written down.
        false => prepare(&config, &location)?,
    };
    let checkpoint = read_checkpoint(&folder)?;
    if let Some(other) = checkpoint.as_ref().filter(|checkpoint| checkpoint.progress.run != run.record.id.as_str()) {
        bail!("the checkpoint in {} is of run `{}`: bring back this run's own", folder.display(), other.progress.run);
    }
    let params = config.params();
    let mut changed = params.iter().filter(|(key, value)| run.record.params.get(*key) != Some(value));
    if let Some((key, _)) = changed.next() {
        bail!(
            "{}: `{key}` has been changed since the run began: change it back, or train a new run with this config",
            folder.join("config.toml").display()
        );
    }
    let is_active = matches!(store.shown(&run), Shown::Running | Shown::Stalled);
    anyhow::ensure!(!is_active, "run `{}` is training at this moment", run.record.id);

    let is_finished = run.record.status == Status::Finished;
    let start = match args.epochs {
        None => {
            anyhow::ensure!(
                !is_finished,
                "run `{0}` is finished ({1}); to train it further, say up to which epoch: `burnlab resume {0} --epochs {2}`",
                run.record.id,
                run.record.reason,
                2 * config.training.max_epochs
            );
            let initial = folder.join(INITIAL);
            let shapes = config.model.shapes(&prepared.preparation.layout(), prepared.scorer.task.num_outputs());
            let initial = initial.exists().then(|| read_weights(&initial, &shapes)).transpose()?;
            Start::Resume { run: run.record.id.clone(), checkpoint, initial }
        }
        Some(epochs) => {
            let mut checkpoint = checkpoint
                .filter(|_| is_finished)
                .with_context(|| format!("run `{0}` has not finished; first `burnlab resume {0}`", run.record.id))?;
            let done = checkpoint.progress.epoch;
            anyhow::ensure!(epochs > done, "run `{}` has {done} epochs already: ask for more", run.record.id);
            checkpoint.reopen();
            config.training.max_epochs = epochs;
            let mut points = read_points(&folder)?;
            points.retain(|point| point.epoch > 0); // those of the test are the child's own
            Start::Extend { parent: run.record.id.clone(), points, checkpoint }
        }
    };
    let backend = run.record.params.get("backend").and_then(|name| BackendName::from_str(name.as_str()?, false).ok());
    let backend = backend.context("the run does not say on which backend it was trained")?;
    let environment = Environment::gather(backend);
    let options = TrainOptions::for_user(&location, &run.record.tags, backend, &environment, args.quiet, false);
    let trained = train_from(start, &config, &prepared, &options)?;
    let again = summary::again_from(&folder.join("config.toml"), &location.root);
    Ok(tell(&trained, &config, &prepared, &again, args.quiet))
}

/// The run's checkpoint; `None` when it ended before the first one.
fn read_checkpoint(folder: &Path) -> anyhow::Result<Option<Checkpoint>> {
    let path = folder.join(CHECKPOINT);
    if !path.exists() {
        return Ok(None);
    }
    let checkpoint = Checkpoint::decode(&fs_err::read(&path)?);
    Ok(Some(checkpoint.with_context(|| path.display().to_string())?))
}
