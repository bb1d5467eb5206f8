//! The trainings of a run: the one that finds the best epoch, and the one on all rows after it. A failure is recorded.

use std::io;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use burnlab_cpu::TrainingBackend;

use super::describe;
use super::error::explain;
use super::plane::is_planar;
use super::prepare::Prepared;
use super::run::{Checkpoints, TrainOptions};
use crate::data::Examples;
use crate::figures::counted;
use crate::model::Net;
use crate::threads;
use crate::tracking::{RunWriter, Status, StopRequests};
use crate::training::{Checkpoint, Fit, Fitted, Interrupter, Phase, Recorder, StopReason, TrainingStart, fit};

/// A network after its last epoch, with the record still open.
pub(super) struct Trained<B: TrainingBackend> {
    /// Of the training on the training part; its network is that of the second training, if there was one.
    pub fitted: Fitted<B>,
    pub writer: RunWriter,
    /// Seconds in the epoch loops.
    pub seconds: f64,
    pub refitted: Option<Refitted<B>>,
}

/// A second training that is done.
pub(super) struct Refitted<B: TrainingBackend> {
    /// Rows that it was trained on.
    pub num_examples: usize,
    pub num_epochs: usize,
    /// The network of the first training.
    pub before: Net<B::InnerBackend>,
}

/// Trains on the training part, and then, if the config says so, on the validation rows too.
pub(super) fn fit_network<B: TrainingBackend>(
    net: Net<B>,
    mut writer: RunWriter,
    checkpoints: Checkpoints,
    prepared: &Prepared,
    options: &TrainOptions,
    device: &B::Device,
) -> anyhow::Result<Trained<B>> {
    let config = &prepared.config;
    let description = describe::training(prepared, writer.id(), options.backend);
    options.observer.started(&TrainingStart {
        description: &description,
        max_epochs: config.training.max_epochs,
        steps_per_epoch: prepared.train.len().div_ceil(config.training.batch_size()),
    });
    for line in description.lines() {
        writer.log_line(line.trim())?;
    }
    let again = (config.training.refit == Some(true)).then(|| net.clone());
    let trained = selection(net, writer, checkpoints.selection, prepared, options, device)?;
    let is_done = matches!(trained.fitted.reason, StopReason::MaxEpochs | StopReason::EarlyStopping);
    let trained = match again.filter(|_| is_done) {
        Some(net) => refit(net, trained, checkpoints.refit, prepared, options, device),
        None => Ok(trained),
    };
    options.observer.ended();
    trained
}

fn selection<B: TrainingBackend>(
    net: Net<B>,
    writer: RunWriter,
    checkpoint: Option<Checkpoint>,
    prepared: &Prepared,
    options: &TrainOptions,
    device: &B::Device,
) -> anyhow::Result<Trained<B>> {
    let keep_history = is_planar(&prepared.preprocessor) && prepared.decoder.task.is_classification();
    let job = Fit { checkpoint, keep_history, ..selection_of(net, prepared, device) };
    let (fitted, writer, seconds) = record(job, Recorder::new, writer, prepared, options)?;
    Ok(Trained { fitted, writer, seconds, refitted: None })
}

/// The training on the training part, from the first epoch.
pub(super) fn selection_of<B: TrainingBackend>(net: Net<B>, prepared: &Prepared, device: &B::Device) -> Fit<B> {
    Fit {
        net,
        decoder: prepared.decoder.clone(),
        train: prepared.train.clone(),
        augment: prepared.augment(),
        validation: prepared.validation.clone(),
        class_counts: prepared.preprocessor.class_counts.clone(),
        seed: prepared.config.seed,
        device: device.clone(),
        checkpoint: None,
        phase: Phase::Selection,
        keep_history: false,
    }
}

/// Trains `net`, with the weights that the first training began with, on the rows of both parts. If the user interrupts
/// it, the result is that of the first training.
fn refit<B: TrainingBackend>(
    net: Net<B>,
    first: Trained<B>,
    checkpoint: Option<Checkpoint>,
    prepared: &Prepared,
    options: &TrainOptions,
    device: &B::Device,
) -> anyhow::Result<Trained<B>> {
    let Trained { mut fitted, mut writer, seconds, .. } = first;
    let num_epochs = fitted.kept_epoch.unwrap_or(fitted.num_epochs);
    let all = Arc::new(prepared.train_and_validation());
    let num_examples = all.len();
    let epochs = counted(num_epochs, "epoch");
    let description = format!("refit  from the start, {epochs}, on all {num_examples} training and validation rows");
    writer.log_line(&description)?;
    options.observer.refits(&TrainingStart {
        description: &description,
        max_epochs: num_epochs,
        steps_per_epoch: num_examples.div_ceil(prepared.config.training.batch_size()),
    });
    let job = Fit {
        net,
        decoder: prepared.decoder.clone(),
        class_counts: class_counts(&all, &prepared.preprocessor.class_counts),
        train: all,
        augment: prepared.augment(),
        validation: Arc::new(Examples::none(prepared.train.num_inputs)),
        seed: prepared.config.seed,
        device: device.clone(),
        checkpoint,
        phase: Phase::Refit { num_epochs },
        keep_history: false,
    };
    let (again, writer, seconds) = record(job, |writer| Recorder::after(seconds, writer), writer, prepared, options)?;
    let mut refitted = None;
    if again.reason == StopReason::MaxEpochs {
        let before = std::mem::replace(&mut fitted.net, again.net);
        refitted = Some(Refitted { num_examples, num_epochs, before });
    } else {
        fitted.reason = again.reason;
    }
    Ok(Trained { fitted, writer, seconds, refitted })
}

/// Trains, and hands the writer back with the seconds that have passed.
fn record<B: TrainingBackend>(
    job: Fit<B>,
    recorder: impl FnOnce(RunWriter) -> Recorder,
    mut writer: RunWriter,
    prepared: &Prepared,
    options: &TrainOptions,
) -> anyhow::Result<(Fitted<B>, RunWriter, f64)> {
    if let Some(checkpoint) = &job.checkpoint {
        writer.log_line(&format!("resumes after epoch {}", checkpoint.progress.epoch))?;
    }
    let requests = writer.stop_requests()?;
    let recorder = recorder(writer);
    let observer = options.observer.clone();
    let train = || fit(&prepared.config.training, job, recorder.clone(), observer, &options.interrupter, options.tui);
    let fitted = while_watching(&requests, &options.interrupter, train);
    let fitted = match fitted {
        Ok(fitted) => fitted,
        Err(error) => {
            options.observer.ended();
            return Err(fail(recorder.take_writer(), error.into()));
        }
    };
    let seconds = recorder.elapsed();
    let writer = recorder.take_writer();
    match fitted {
        Ok(fitted) => Ok((fitted, writer, seconds)),
        Err(error) => {
            options.observer.ended();
            Err(fail(writer, error.into()))
        }
    }
}

/// As many as Burn's Learner starts, and some for what its backend computes.
const THREADS_OF_LEARNER: usize = 4;

/// Runs `train`, which is interrupted once somebody asks that the run end.
///
/// # Errors
/// No thread to watch; then nothing is trained.
fn while_watching<T>(requests: &StopRequests, interrupter: &Interrupter, train: impl FnOnce() -> T) -> io::Result<T> {
    const LOOK_EVERY: Duration = Duration::from_millis(500);
    thread::scope(|scope| {
        let (end, ended) = mpsc::channel::<()>();
        threads::spawn_in(scope, move || {
            while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                if requests.is_asked() {
                    return interrupter.stop("asked to stop");
                }
            }
        })?;
        // Burn's Learner panics where it cannot have them.
        threads::check(THREADS_OF_LEARNER)?;
        let result = train();
        drop(end);
        Ok(result)
    })
}

/// Number of rows of each class, if the training part has such counts.
fn class_counts(examples: &Examples, of_training: &[u64]) -> Vec<u64> {
    let mut counts = vec![0; of_training.len()];
    if counts.is_empty() {
        return counts;
    }
    for &label in &*examples.targets() {
        if let Some(count) = counts.get_mut(label as usize) {
            *count += 1;
        }
    }
    counts
}

/// Records why the run failed, if the disk can be written again.
pub(super) fn fail(mut writer: RunWriter, error: anyhow::Error) -> anyhow::Error {
    let reason = explain(&error);
    writer.log_line(&reason).ok();
    writer.finish(Status::Failed, &reason, None).ok();
    error
}
