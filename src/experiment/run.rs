//! Options of a training run in addition to its config, and its outcome.

use std::path::PathBuf;
use std::sync::Arc;

use crate::training::Interrupter;

use super::environment::Environment;
use crate::backend::BackendName;
use crate::model::NamedWeights;
use crate::tracking::{Location, RunId, Status, SweepTrial};
use crate::training::evaluation::Evaluation;
use crate::training::{Checkpoint, TrainingObserver};

/// How to run training, in addition to the config.
pub struct TrainOptions<'a> {
    pub location: &'a Location,
    pub tags: &'a [String],
    pub backend: BackendName,
    pub environment: &'a Environment,
    /// Observes the training.
    pub observer: Arc<dyn TrainingObserver>,
    /// Ends training at the next step.
    pub interrupter: Interrupter,
    /// Whether to show Burn's full-screen view, if it is compiled in.
    pub tui: bool,
    /// The trial of a sweep that the run belongs to.
    pub sweep: Option<SweepTrial>,
}

/// Where training starts.
pub enum Start {
    /// A new run, with random or pre-trained weights as configured.
    New { parent: Option<RunId> },
    /// A new run that continues from the end of `parent`, with a copy of its curves, which are in `folder`.
    Extend { parent: RunId, checkpoint: Box<Checkpoint>, folder: PathBuf },
    /// The same run, from its last checkpoints, or from the beginning if it has none yet.
    Resume { run: RunId, checkpoints: Box<Checkpoints>, initial: Option<NamedWeights> },
}

/// Where the trainings of a run resume; `None` = from the first epoch.
#[derive(Default)]
pub struct Checkpoints {
    /// Of the training on the training part.
    pub selection: Option<Checkpoint>,
    /// Of the second one, on the training and validation rows.
    pub refit: Option<Checkpoint>,
}

/// A run that ended with a model.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// The run in its store.
    pub id: RunId,
    /// Its files, the model among them.
    pub folder: PathBuf,
    /// Finished, or interrupted with a model.
    pub status: Status,
    /// Why training ended, for humans.
    pub reason: String,
    /// Epochs trained and recorded in full.
    pub num_epochs: usize,
    /// The epoch whose weights were saved, or for which a second training was done; `None` = the last one.
    pub kept_epoch: Option<usize>,
    /// The best epoch and its monitored value; `None` without a validation part.
    pub best: Option<(usize, f64)>,
    /// Seconds in the epoch loop.
    pub seconds: f64,
    /// `None` without a test part.
    pub evaluation: Option<Evaluation>,
}
