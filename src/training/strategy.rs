//! The epoch loop, as a custom strategy of burn-train's Learner.
//!
//! Burn's own loop asks for early stopping before the epoch's metrics are stored, keeps the last epoch's weights, and
//! continues training after a NaN loss (in Burn 0.21). This one scores, records and decides synchronously, keeps the
//! best epoch, and stops at the first loss that is not finite.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use burn::data::dataloader::Progress;
use burn::module::AutodiffModule;
use burn::train::{
    EventProcessorTraining, InferenceStep, Learner, LearnerEvent, LearningComponentsMarker, SupervisedLearningStrategy,
    SupervisedTrainingEventProcessor, TrainLoader, TrainingComponents, TrainingItem, ValidLoader,
};
use burnlab_cpu::TrainingBackend;

use super::TrainingError;
use super::checkpoint::{Checkpoint, TrainingProgress};
use super::history::History;
use super::metrics::{self, OutputDecoder, Scores};
use super::objective::Objective;
use super::observer::{EpochReport, TrainingObserver};
use super::optimizer::ChosenOptimizer;
use super::phase::Phase;
use super::recorder::Recorder;
use super::schedule::{Plateau, Schedule};
use super::stopping::{StopOnMonitor, StopReason};
use super::task::{Outputs, Trainee};
use crate::data::Examples;
use crate::metric::LoopValue;
use crate::tracking::MetricKey;

/// The component types of the Learner.
pub(super) type Components<B> = LearningComponentsMarker<B, Schedule, Trainee<B>, ChosenOptimizer<B, Trainee<B>>>;

/// Steps between two checks of the loss. A check waits for the device, so the host cannot queue further steps on a GPU
/// meanwhile; the message still names the exact step.
const STEPS_PER_LOSS_CHECK: usize = 16;

/// What the loop leaves for [`fit`](super::fit) beside the model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    pub reason: StopReason,
    /// Epochs trained and recorded in full.
    pub num_epochs: usize,
    /// The epoch whose weights were kept; `None` = those at the end.
    pub kept_epoch: Option<usize>,
}

/// One run's epoch loop.
pub(super) struct EpochLoop<B: TrainingBackend> {
    pub recorder: Recorder,
    /// Of training and validation.
    pub examples: [Arc<Examples>; 2],
    pub stopping: Option<StopOnMonitor>,
    pub restore_best: bool,
    pub plateau: Option<Plateau>,
    pub objective: Arc<Objective>,
    pub decoder: Arc<OutputDecoder>,
    pub observer: Arc<dyn TrainingObserver>,
    /// Whether Burn's renderer is in use, and has to be sent the metrics.
    pub use_tui: bool,
    /// Shares its state with the Learner's.
    pub optimizer: ChosenOptimizer<B, Trainee<B>>,
    pub checkpoint_seconds: f64,
    pub phase: Phase,
    /// The state of a resumed run, and the weights of its best epoch.
    pub start: Mutex<Option<(TrainingProgress, Option<Trainee<B>>)>>,
    /// Collects the weights of selected epochs, to show how the network evolved; `None` = not wanted.
    pub history: Option<History>,
    /// Receives the result, since Burn's trait returns only the model.
    pub outcome: Arc<Mutex<Option<Result<Outcome, TrainingError>>>>,
}

impl<B: TrainingBackend> SupervisedLearningStrategy<Components<B>> for EpochLoop<B> {
    fn fit(
        &self,
        mut components: TrainingComponents<Components<B>>,
        mut learner: Learner<Components<B>>,
        train_loader: TrainLoader<Components<B>>,
        validation_loader: ValidLoader<Components<B>>,
        _first_epoch: usize,
    ) -> (Trainee<B>, SupervisedTrainingEventProcessor<Components<B>>) {
        let (start, mut best) = self.start.lock().expect("no panic while held").take().unzip();
        let mut best = best.take().flatten();
        let outcome = self.epochs(&mut components, &mut learner, &train_loader, &validation_loader, start, &mut best);
        // Also if training failed: the measurements until then help to find out why.
        let flushed = self.recorder.flush();
        let outcome = outcome.and_then(|outcome| Ok(flushed.map(|()| outcome)?));
        *self.outcome.lock().expect("no panic while held") = Some(outcome);
        (best.unwrap_or_else(|| learner.model()), components.event_processor)
    }
}

impl<B: TrainingBackend> EpochLoop<B> {
    /// Trains until there is a reason to stop; leaves the best epoch's model in `best` if that is to be kept.
    fn epochs(
        &self,
        components: &mut TrainingComponents<Components<B>>,
        learner: &mut Learner<Components<B>>,
        train_loader: &TrainLoader<Components<B>>,
        validation_loader: &ValidLoader<Components<B>>,
        start: Option<TrainingProgress>,
        best: &mut Option<Trainee<B>>,
    ) -> Result<Outcome, TrainingError> {
        let max_epochs = components.num_epochs;
        let mut outcome = Outcome { reason: StopReason::MaxEpochs, num_epochs: 0, kept_epoch: None };
        let mut step = 0;
        if let Some(start) = &start {
            outcome.num_epochs = start.epoch;
            outcome.kept_epoch = start.kept_epoch;
            step = start.step;
            if let Some(reason) = start.ended {
                outcome.reason = reason;
                return Ok(outcome);
            }
        } else if let Some(history) = &self.history {
            history.note(0, &learner.model().net);
        }
        let mut last_checkpoint = Instant::now();
        for epoch in outcome.num_epochs + 1..=max_epochs {
            let global = Progress { items_processed: epoch, items_total: max_epochs };

            // ---- one pass over the training part
            let trained = self.train_epoch(learner, train_loader, epoch, &mut step, &components.interrupter)?;
            let Some(mut outputs) = trained else {
                outcome.reason = StopReason::Interrupted;
                break;
            };
            let mut values = keyed(self.phase.part(), outputs.scores());
            if self.use_tui {
                let rate = Some(learner.lr_current());
                components.event_processor.process_train(item(outputs, &global, train_loader.num_items(), rate));
                components.event_processor.process_train(LearnerEvent::EndEpoch(epoch));
            }

            // ---- one pass over the validation part
            if let Some(stopping) = &self.stopping {
                let model = learner.model().valid();
                let outputs = Outputs::empty(self.objective.clone(), self.decoder.clone(), true);
                let mut outputs = outputs.with_room(validation_loader.num_items());
                for batch in validation_loader.iter() {
                    outputs.append(model.step(batch));
                    if outputs.num_unread() == STEPS_PER_LOSS_CHECK {
                        outputs.read_losses();
                    }
                }
                let scores = outputs.scores();
                stopping.tell(&scores);
                values.extend(keyed("validation", scores));
                if self.use_tui {
                    let num_items = validation_loader.num_items();
                    components.event_processor.process_valid(item(outputs, &global, num_items, None));
                    components.event_processor.process_valid(LearnerEvent::EndEpoch(epoch));
                }
            }
            // Nothing is recorded of an epoch on rows that were not those of the table.
            if let Some(why) = self.examples.iter().find_map(|examples| examples.failure()) {
                return Err(TrainingError::Data(why.to_owned()));
            }
            self.recorder.record(epoch, step, &values, self.observer.announces(epoch, max_epochs))?;

            // ---- evaluation of this epoch
            outcome.num_epochs = epoch;
            let mut stop = false;
            let mut report = EpochReport { epoch, max_epochs, values, best: None, patience_left: None };
            if let Some(stopping) = &self.stopping {
                if let Some(callback) = &mut components.early_stopping {
                    stop = callback.should_stop(epoch, &components.event_store);
                }
                let monitor = stopping.monitor();
                report.best = monitor.best();
                report.patience_left = monitor.patience_left();
                if self.restore_best && monitor.best().is_some_and(|(best_epoch, _)| best_epoch == epoch) {
                    *best = Some(learner.model());
                    outcome.kept_epoch = Some(epoch);
                }
                if let Some(plateau) = &self.plateau {
                    plateau.end_epoch(monitor.improved());
                }
            }
            if let Some(history) = &self.history {
                history.note(epoch, &learner.model().net);
            }
            let goes_on = self.observer.epoch(&report).is_continue();
            let ended = match stop {
                true => Some(StopReason::EarlyStopping),
                false if epoch == max_epochs => Some(StopReason::MaxEpochs),
                false => (!goes_on).then_some(StopReason::Observer),
            };
            if (ended.is_some() && self.phase.keeps_its_end())
                || last_checkpoint.elapsed().as_secs_f64() >= self.checkpoint_seconds
            {
                self.keep_checkpoint(learner, &outcome, step, ended, best.as_ref())?;
                last_checkpoint = Instant::now();
            }
            if let Some(reason) = ended {
                if let Some(history) = &self.history {
                    history.insert(epoch, &learner.model().net);
                }
                outcome.reason = reason;
                break;
            }
            if components.interrupter.should_stop() {
                outcome.reason = StopReason::Interrupted;
                break;
            }
        }
        Ok(outcome)
    }

    /// Writes a checkpoint, so that training can resume from here, if it is recorded.
    fn keep_checkpoint(
        &self,
        learner: &Learner<Components<B>>,
        outcome: &Outcome,
        step: usize,
        ended: Option<StopReason>,
        best: Option<&Trainee<B>>,
    ) -> Result<(), TrainingError> {
        let Some(run) = self.recorder.run() else { return Ok(()) };
        let progress = TrainingProgress {
            run,
            epoch: outcome.num_epochs,
            step,
            seconds: self.recorder.elapsed(),
            ended,
            kept_epoch: outcome.kept_epoch,
            monitor: self.stopping.as_ref().map(|stopping| stopping.monitor().progress()),
            plateau: self.plateau.as_ref().map(Plateau::state),
        };
        let checkpoint = Checkpoint::new(progress, &learner.model().net, best.map(|best| &best.net), &self.optimizer);
        Ok(self.recorder.keep(self.phase.checkpoint(), &checkpoint)?)
    }

    /// One pass over the training rows; `None` when the user interrupts it.
    fn train_epoch(
        &self,
        learner: &mut Learner<Components<B>>,
        loader: &TrainLoader<Components<B>>,
        epoch: usize,
        step: &mut usize,
        interrupter: &burn::train::Interrupter,
    ) -> Result<Option<Outputs<B::InnerBackend>>, TrainingError> {
        let began = Instant::now();
        let outputs = Outputs::empty(self.objective.clone(), self.decoder.clone(), false);
        let mut outputs = outputs.with_room(loader.num_items());
        let mut batches = loader.iter();
        loop {
            let batch = batches.next();
            if batch.is_none() || outputs.num_unread() == STEPS_PER_LOSS_CHECK {
                let first_unread = *step - outputs.num_unread();
                if let Some(position) = outputs.read_losses() {
                    return Err(TrainingError::NotFinite { epoch, step: first_unread + position + 1 });
                }
                self.observer.step(*step);
            }
            let Some(batch) = batch else { break };
            learner.lr_step();
            let output = learner.train_step(batch);
            learner.optimizer_step(output.grads);
            outputs.append(output.item);
            *step += 1;
            if interrupter.should_stop() {
                return Ok(None);
            }
        }
        outputs.extras = metrics::of_loop(|value| match value {
            LoopValue::LearningRate => learner.lr_current(),
            LoopValue::Seconds => began.elapsed().as_secs_f64(),
        });
        Ok(Some(outputs))
    }
}

/// The scores of a part by their keys, such as `train/loss`.
fn keyed(part: &str, scores: Scores) -> Vec<(MetricKey, f64)> {
    let key = |name| MetricKey::new(part, name).expect("burnlab's own metric names are well-formed");
    scores.into_iter().map(|(name, value)| (key(name), value)).collect()
}

/// An epoch's outputs as a single event for Burn's processor.
fn item<T>(outputs: T, global: &Progress, num_items: usize, rate: Option<f64>) -> LearnerEvent<T> {
    let whole = Progress { items_processed: num_items, items_total: num_items };
    LearnerEvent::ProcessedItem(TrainingItem::new(outputs, whole, global.clone(), None, rate))
}
