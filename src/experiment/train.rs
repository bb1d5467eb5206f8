//! One run: from its initial network to the evaluation of the trained one.

use burnlab_cpu::TrainingBackend;

use super::calibrate::{Changed, calibrate};
use super::fit_network::{Refitted, Trained, fail, fit_network};
use super::prepare::{Prepared, Pretrained};
use super::run::{RunOutcome, Start, TrainOptions};
use super::run_folder::{
    CALIBRATION, EVALUATION, MODEL, PREDICTIONS, PREPROCESSING, TEST_GROUPS, TEST_ROWS, TEST_TEXT,
};
use super::weights_file::encode;
use super::{pictures, record};
use crate::backend::{Job, run_on};
use crate::data::derive_seed;
use crate::figures::counted;
use crate::model::{NamedWeights, Net, freeze, load_weights, named_weights, transfer};
use crate::threads;
use crate::tracking::Status;
use crate::tracking::folder::METRICS;
use crate::training::evaluation::Evaluation;
use crate::training::{Fitted, REFIT_CHECKPOINT, StopReason, TrainingConfig};

/// Trains the prepared network, records the run, and evaluates it.
///
/// # Errors
/// A backend that is not compiled in; a loss that diverges (the run is then recorded as failed);
/// a record that cannot be written.
pub fn train(prepared: &Prepared, options: &TrainOptions) -> anyhow::Result<RunOutcome> {
    let start = Start::New { parent: prepared.pretrained.as_ref().and_then(|pretrained| pretrained.run.clone()) };
    train_from(start, prepared, options)
}

/// Like [`train`], from any start.
///
/// # Errors
/// As [`train`].
pub fn train_from(start: Start, prepared: &Prepared, options: &TrainOptions) -> anyhow::Result<RunOutcome> {
    let train = || run_on(options.backend, TrainJob { start, prepared, options }).map_err(anyhow::Error::msg);
    on_threads_of_its_own(train)??
}

/// Runs `train` on a thread of a rayon pool: from any other thread, each parallel loop would put it to sleep and wake
/// it again, which took a tenth of an epoch of 784-512-256-10 (measured).
///
/// The pool is the run's own. A thread that waits for the others to end a loop of a backward pass takes up whatever
/// else waits in its pool; were that another training, it would wait for the graph that its own thread has locked
/// (burn-autodiff 0.21 walks all graphs of the process after each backward pass), for ever.
pub(super) fn on_threads_of_its_own<T: Send>(train: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    // A pool of one thread, as `repeat` makes for each of its runs, has nobody to wait for.
    if rayon::current_thread_index().is_some() && rayon::current_num_threads() == 1 {
        return Ok(train());
    }
    Ok(threads::pool()?.install(train))
}

struct TrainJob<'a> {
    start: Start,
    prepared: &'a Prepared,
    options: &'a TrainOptions<'a>,
}

impl Job for TrainJob<'_> {
    type Output = anyhow::Result<RunOutcome>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> anyhow::Result<RunOutcome> {
        let Self { start, prepared, options } = self;
        let prepared = &prepared.on::<B>();
        let (net, initial) = initial_network::<B>(&start, prepared, &device)?;
        let (writer, checkpoints) = record::begin(start, initial.as_ref(), prepared, options)?;
        let trained = fit_network(net, writer, checkpoints, prepared, options, &device)?;
        finish(trained, prepared, &device)
    }
}

/// The network before training, and the weights that were not drawn at random.
pub(super) fn initial_network<B: TrainingBackend>(
    start: &Start,
    prepared: &Prepared,
    device: &B::Device,
) -> anyhow::Result<(Net<B>, Option<NamedWeights>)> {
    let Prepared { config, preprocessor, decoder, .. } = prepared;
    let mut net = config.model.init::<B>(&preprocessor.layout(), decoder.task, derive_seed(config.seed, 0), device);
    let mut initial = None;
    if let Some(Pretrained { weights, has_new_head, .. }) = &prepared.pretrained {
        let head = config.model.head();
        initial = Some(transfer(named_weights(&net), weights, has_new_head.then_some(&*head))?);
    } else if let Start::Resume { initial: Some(weights), .. } = start {
        initial = Some(weights.clone());
    }
    if let Some(weights) = &initial {
        net = load_weights(net, weights)?;
    }
    Ok((freeze(net, &config.model.freeze), initial))
}

/// What a run's use and its comparison rest upon.
pub(super) const RESULTS: [&str; 9] =
    [METRICS, MODEL, PREPROCESSING, CALIBRATION, EVALUATION, PREDICTIONS, TEST_ROWS, TEST_TEXT, TEST_GROUPS];

/// Saves the model, evaluates it once on the test part, draws the pictures, and ends the record.
fn finish<B: TrainingBackend>(
    mut trained: Trained<B>,
    prepared: &Prepared,
    device: &B::Device,
) -> anyhow::Result<RunOutcome> {
    let (id, folder) = (trained.writer.id().clone(), trained.writer.folder().to_owned());
    let Trained { fitted, refitted, .. } = &trained;
    let reason = reason(&prepared.config.training, fitted, refitted.as_ref());
    let kept = keep(&mut trained, prepared, &reason, device);
    let Trained { fitted, writer, seconds, .. } = trained;
    let evaluation = match kept {
        Ok(evaluation) => evaluation,
        Err(error) => return Err(fail(writer, error)),
    };
    let status = if fitted.reason == StopReason::Interrupted { Status::Interrupted } else { Status::Finished };
    writer.write_sums(&RESULTS)?;
    writer.finish(status, &reason, fitted.best.map(|best| best.0 as u64))?;
    let Fitted { num_epochs, kept_epoch, best, .. } = fitted;
    Ok(RunOutcome { id, folder, status, reason, num_epochs, kept_epoch, best, seconds, evaluation })
}

fn keep<B: TrainingBackend>(
    trained: &mut Trained<B>,
    prepared: &Prepared,
    reason: &str,
    device: &B::Device,
) -> anyhow::Result<Option<Evaluation>> {
    let Changed { uncalibrated, thresholds } = calibrate(trained, prepared, device)?;
    let decided = thresholds.map(|thresholds| prepared.deciding_at(&thresholds));
    if let Some(decided) = &decided {
        trained.writer.write_file(PREPROCESSING, &serde_json::to_vec_pretty(&decided.preprocessor)?)?;
    }
    let prepared = decided.as_ref().unwrap_or(prepared);
    trained.writer.write_file(MODEL, &encode(&named_weights(&trained.fitted.net))?)?;
    let (evaluation, predictions) = record::test(prepared, trained, uncalibrated, device)?.unzip();
    let predictions = predictions.unwrap_or_default();
    let Trained { fitted, writer, refitted, .. } = trained;
    pictures::recorded::write(prepared, fitted, evaluation.as_ref(), &predictions, writer, device)?;
    writer.log_line(reason)?;
    if refitted.is_some() {
        // Its weights are the model's, which is on the disk. One that cannot be removed does no harm.
        writer.remove_file(REFIT_CHECKPOINT).ok();
    }
    Ok(evaluation)
}

/// Why the run ended, for the record and the user.
pub(super) fn reason<B: TrainingBackend>(
    config: &TrainingConfig,
    fitted: &Fitted<B>,
    refitted: Option<&Refitted<B>>,
) -> String {
    let num_epochs = fitted.num_epochs;
    let ended = match fitted.reason {
        StopReason::MaxEpochs => format!("all {} done", counted(num_epochs, "epoch")),
        StopReason::EarlyStopping => {
            let patience = config.early_stopping.as_ref().map_or(0, |stopping| stopping.patience);
            format!(
                "stopped early after epoch {num_epochs}: no improvement in {} for {}",
                config.monitor(),
                counted(patience, "epoch")
            )
        }
        StopReason::Observer => format!("ended by its sweep after epoch {num_epochs}: other trials were better"),
        StopReason::Interrupted => format!("interrupted after epoch {num_epochs}"),
    };
    match refitted {
        None => ended,
        Some(Refitted { num_examples, num_epochs, .. }) => {
            let epochs = counted(num_epochs, "epoch");
            format!("{ended}; trained again for {epochs} on all {num_examples} training and validation rows")
        }
    }
}
