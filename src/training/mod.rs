//! Fits a network with burn-train's Learner.
//!
//! [`fit`] is the main path: loaders -> [`task::Trainee`] -> optimizer and schedule -> Learner with the epoch loop of
//! `strategy` -> metrics through the [`recorder`] into the run. [`evaluate`](evaluation::evaluate) scores the result on
//! the unseen test part.

use std::sync::{Arc, Mutex};

use burn::tensor::backend::Backend;
use burn::train::{Learner, SupervisedTraining, TrainingStrategy};
use burnlab_cpu::TrainingBackend;

use crate::data::{Augment, Examples, Loader, Order, derive_seed};
use crate::model::{NamedWeights, Net};
use crate::tracking::TrackingError;

pub mod calibration;
pub mod checkpoint;
pub mod config;
mod epoch_metric;
pub mod evaluation;
mod history;
mod interrupter;
pub mod metrics;
pub mod objective;
mod observer;
mod optimizer;
pub mod ordered;
mod phase;
pub mod predictions;
pub mod quantiles;
pub mod recorder;
pub mod schedule;
mod silent;
pub mod stopping;
mod strategy;
pub mod task;
pub mod threshold;

pub use checkpoint::{Checkpoint, FROM_THE_START};
pub use config::TrainingConfig;
pub use interrupter::Interrupter;
pub use metrics::{OutputDecoder, Truths};
pub use observer::{EpochReport, TrainingObserver, TrainingStart, Unobserved};
pub use optimizer::{ChosenOptimizer, Knob, OptimizerKind, OptimizerOptions, OptimizerState, ParameterState};
pub use phase::Phase;
pub use predictions::Predictions;
pub use recorder::{CHECKPOINT, REFIT_CHECKPOINT, Recorder};
pub use stopping::StopReason;

use checkpoint::CheckpointError;
use epoch_metric::EpochMetric;
use history::History;
use objective::Objective;
use schedule::Schedule;
use silent::{NoLogger, NoRenderer};
use stopping::{Monitor, StopOnMonitor};
use strategy::{EpochLoop, Outcome};
use task::Trainee;

/// Targets per validation or test batch: large, since nothing is stored for a backward pass.
const INFERENCE_TARGETS: usize = 1024;
/// Minimum number of text windows in such a batch, to keep the matrix products large.
const INFERENCE_WINDOWS: usize = 16;

/// Maximum number of values in a tensor of such a batch: 256 MiB. All attention of 784 tokens in 1024 rows would be ten
/// times that.
const INFERENCE_VALUES: usize = 1 << 26;

/// Rows in a validation or test batch of `examples` for `net`.
fn inference_batch<B: Backend>(examples: &Examples, net: &Net<B>) -> usize {
    let rows = match examples.num_targets() {
        0 | 1 => INFERENCE_TARGETS,
        of_a_window => (INFERENCE_TARGETS / of_a_window).max(INFERENCE_WINDOWS),
    };
    rows.min(INFERENCE_VALUES / net.largest_tensor(examples.num_inputs)).max(1)
}

/// Why training ended without a model.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    #[error(
        "the loss is not finite in epoch {epoch}, at step {step}: the weights have diverged; \
         lower training.learning_rate, set training.clip_norm, or scale the inputs"
    )]
    NotFinite { epoch: usize, step: usize },
    #[error(
        "{num_examples} examples at a time {why}: lower training.batch_size, or choose a smaller network (model.*)"
    )]
    Memory { num_examples: usize, why: String },
    #[error("{0}")]
    Data(String),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Tracking(#[from] TrackingError),
}

/// A network to train, with its rows and state.
pub struct Fit<B: TrainingBackend> {
    pub net: Net<B>,
    pub decoder: OutputDecoder,
    pub train: Arc<Examples>,
    /// What changes the training images.
    pub augment: Option<Arc<Augment>>,
    /// Empty = no validation: no best epoch, no early stopping.
    pub validation: Arc<Examples>,
    /// Number of training rows of each class; empty for a number target.
    pub class_counts: Vec<u64>,
    pub seed: u64,
    pub device: B::Device,
    /// Where to resume; `None` = start from the first epoch.
    pub checkpoint: Option<Checkpoint>,
    pub phase: Phase,
    /// Whether to keep the weights of some epochs, to show how the network evolved.
    pub keep_history: bool,
}

/// A trained network.
pub struct Fitted<B: TrainingBackend> {
    pub net: Net<B::InnerBackend>,
    pub reason: StopReason,
    /// Epochs trained and recorded in full.
    pub num_epochs: usize,
    /// The epoch whose weights `net` holds; `None` = the last weights.
    pub kept_epoch: Option<usize>,
    /// The best epoch by the monitored metric, whether or not its weights were kept.
    pub best: Option<(usize, f64)>,
    /// Weights by epoch (0 = before training), if they were to be kept; only of epochs trained by this process.
    pub history: Vec<(usize, NamedWeights)>,
}

/// Trains `fit.net`.
///
/// An epoch is written to `recorder`'s run before the next one begins; epochs shorter than 20 ms are written together,
/// at the end of the first one that ends 20 ms after the last write. `interrupter` ends training at the next step,
/// `use_tui` shows burn-train's full-screen view if that is compiled in.
///
/// # Errors
/// A loss that is not finite; a record that cannot be written.
pub fn fit<B: TrainingBackend>(
    config: &TrainingConfig,
    fit: Fit<B>,
    recorder: Recorder,
    observer: Arc<dyn TrainingObserver>,
    interrupter: &Interrupter,
    use_tui: bool,
) -> Result<Fitted<B>, TrainingError> {
    let task = fit.decoder.task;
    let has_validation = !fit.validation.is_empty();
    let begun = fit.checkpoint.as_ref().map(|checkpoint| checkpoint.progress.clone());

    // ---- rows
    let order = if config.shuffle { Order::Shuffled { seed: derive_seed(fit.seed, 1) } } else { Order::Sequential };
    let steps_per_epoch = fit.train.len().div_ceil(config.batch_size());
    let (num_examples, num_inputs) = (fit.train.len(), fit.train.num_inputs);
    let examples = [fit.train.clone(), fit.validation.clone()];
    let train = Loader::<B>::new(fit.train, config.batch_size(), order, fit.device.clone())
        .augmented(fit.augment)
        .continued(begun.as_ref().map_or(0, |begun| begun.epoch));
    let batch_size = inference_batch(&fit.validation, &fit.net);
    let validation = Loader::<B::InnerBackend>::new(fit.validation, batch_size, Order::Sequential, fit.device.clone());

    // ---- what is learned, and how
    let decoder = Arc::new(fit.decoder);
    let objective = Arc::new(Objective::new(config, task, &fit.class_counts));
    let net = fit.net.with_kernels(config.kernels);
    // What a step stores of a layer is kept for the backward pass, and its gradient is as large.
    let at_once = config.batch_size().min(num_examples);
    net.check_memory(2 * at_once, num_inputs).map_err(|why| TrainingError::Memory { num_examples: at_once, why })?;
    let mut trainee = Trainee { net, objective: objective.clone(), decoder: decoder.clone() };
    let mut optimizer = ChosenOptimizer::new(config);
    let mut schedule = Schedule::new(&config.schedule, config.learning_rate, steps_per_epoch, config.max_epochs);
    let mut monitor =
        Monitor::new(config.monitor().parse().map_err(TrackingError::from)?, config.early_stopping.as_ref())?;

    // ---- state to resume from
    let mut start = None;
    if let (Some(checkpoint), Some(begun)) = (&fit.checkpoint, begun) {
        let best = checkpoint.best(trainee.net.clone())?;
        let best = best.map(|net| Trainee { net, ..trainee.clone() });
        trainee.net = checkpoint.net(trainee.net)?;
        optimizer = checkpoint.optimizer(optimizer, &trainee.net)?;
        schedule = schedule.continued(begun.step, begun.plateau);
        monitor = monitor.continued(begun.monitor.clone());
        recorder.continue_after(begun.seconds);
        start = Some((begun, best));
    }
    let stopping = has_validation.then(|| StopOnMonitor::new(monitor));

    // ---- Burn's Learner around burnlab's epoch loop
    let outcome = Arc::new(Mutex::new(None));
    let history = fit.keep_history.then(History::default);
    let epoch_loop = EpochLoop {
        recorder: recorder.clone(),
        examples,
        stopping: stopping.clone(),
        restore_best: config.restore_best,
        plateau: schedule.plateau(),
        objective,
        decoder,
        observer,
        use_tui,
        optimizer: optimizer.clone(),
        checkpoint_seconds: config.checkpoint_seconds,
        phase: fit.phase,
        start: Mutex::new(start),
        history: history.clone(),
        outcome: outcome.clone(),
    };
    let mut training = SupervisedTraining::new(recorder.folder(), Arc::new(train), Arc::new(validation))
        .num_epochs(fit.phase.num_epochs(config.max_epochs))
        .with_interrupter(interrupter.of_learner())
        .with_application_logger(None)
        .with_metric_logger(NoLogger)
        .with_training_strategy(TrainingStrategy::Custom(Arc::new(epoch_loop)));
    if let Some(stopping) = &stopping {
        training = training.early_stopping(stopping.clone());
    }
    if use_tui {
        for name in metrics::training_names(task) {
            training = training.metric_train_numeric(EpochMetric::new(name));
        }
        for name in metrics::validation_names(task) {
            training = training.metric_valid_numeric(EpochMetric::new(name));
        }
    } else {
        training = training.renderer(NoRenderer); // `observer` informs the user
    }
    let result = training.launch(Learner::new(trainee, optimizer, schedule));

    let outcome = outcome.lock().expect("no panic while held").take().expect("the epoch loop sets it");
    let Outcome { reason, num_epochs, kept_epoch } = outcome?;
    let best = stopping.and_then(|stopping| stopping.monitor().best());
    if let (Some(history), Some(epoch)) = (&history, kept_epoch) {
        history.insert(epoch, &result.model.net);
    }
    let history = history.map(History::take).unwrap_or_default();
    Ok(Fitted { net: result.model.net, reason, num_epochs, kept_epoch, best, history })
}
