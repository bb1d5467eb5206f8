//! A training without a record, for who wants to see it at once: the same network, trained by the same loop.

use std::sync::Arc;
use std::time::Instant;

use burnlab_cpu::{FusedBackend, TrainingBackend};

use super::fit_network::selection_of;
use super::prepare::Prepared;
use super::record::score;
use super::run::Start;
use super::train::{initial_network, on_threads_of_its_own, reason};
use crate::backend::{BackendName, Job, run_on};
use crate::config::Config;
use crate::data::Preprocessor;
use crate::model::{NamedWeights, Net, load_weights, named_weights};
use crate::training::evaluation::Evaluation;
use crate::training::{Fit, Interrupter, Predictions, Recorder, StopReason, TrainingObserver, fit};

/// A trained network in memory: what a run folder has of one.
#[derive(Clone, Debug)]
pub struct TrainedModel {
    pub config: Config,
    pub preprocessor: Preprocessor,
    pub weights: NamedWeights,
}

impl TrainedModel {
    /// The network with other weights of the same shapes, such as those of an earlier epoch.
    ///
    /// # Errors
    /// Weights that do not fit the config's network.
    pub fn net_with<B: FusedBackend>(&self, weights: &NamedWeights, device: &B::Device) -> anyhow::Result<Net<B>> {
        let net = self.config.model.init::<B>(&self.preprocessor.layout(), self.preprocessor.task(), 0, device);
        Ok(load_weights(net, weights)?.with_kernels(self.config.training.kernels))
    }
}

/// How to train without a record.
pub struct UnrecordedOptions<'a> {
    pub backend: BackendName,
    pub observer: Arc<dyn TrainingObserver>,
    /// Ends training at the next step; what was trained until then is the result.
    pub interrupter: &'a Interrupter,
    /// Whether to keep the weights of some epochs.
    pub keep_history: bool,
}

/// A training that nobody recorded.
pub struct Unrecorded {
    /// With the weights of the kept epoch.
    pub model: TrainedModel,
    /// Weights by epoch (0 = before training), at growing intervals, if they were to be kept.
    pub history: Vec<(usize, NamedWeights)>,
    /// Why it ended, for humans.
    pub reason: String,
    /// Whether the interrupter ended it.
    pub is_interrupted: bool,
    /// Epochs trained in full.
    pub num_epochs: usize,
    /// The epoch of the model's weights; `None` = the last one.
    pub kept_epoch: Option<usize>,
    /// Seconds in the epoch loop.
    pub seconds: f64,
    /// On the test part, with its rows as in the data; `None` without one.
    pub evaluation: Option<Evaluation>,
    pub predictions: Predictions,
}

/// Trains on the training part, and evaluates on the test part. There is no second training, temperature or threshold.
///
/// # Errors
/// A backend that is not compiled in; a loss that diverges ([`TrainingError`](crate::training::TrainingError)).
pub fn train_unrecorded(prepared: &Prepared, options: UnrecordedOptions) -> anyhow::Result<Unrecorded> {
    let backend = options.backend;
    let train = || run_on(backend, UnrecordedJob { prepared, options }).map_err(anyhow::Error::msg);
    on_threads_of_its_own(train)??
}

struct UnrecordedJob<'a> {
    prepared: &'a Prepared,
    options: UnrecordedOptions<'a>,
}

impl Job for UnrecordedJob<'_> {
    type Output = anyhow::Result<Unrecorded>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        let UnrecordedOptions { observer, interrupter, keep_history, .. } = self.options;
        let prepared = &self.prepared.on::<B>();
        let training = &prepared.config.training;
        let (net, _) = initial_network::<B>(&Start::New { parent: None }, prepared, &device)?;
        let job = Fit { keep_history, ..selection_of(net, prepared, &device) };
        let began = Instant::now();
        let fitted = fit(training, job, Recorder::of_nothing(), observer, interrupter, false)?;
        let seconds = began.elapsed().as_secs_f64();
        let (evaluation, predictions) =
            (!prepared.test.is_empty()).then(|| score(prepared, &fitted.net, &device)).unzip();
        Ok(Unrecorded {
            reason: reason(training, &fitted, None),
            is_interrupted: fitted.reason == StopReason::Interrupted,
            num_epochs: fitted.num_epochs,
            kept_epoch: fitted.kept_epoch,
            seconds,
            evaluation,
            predictions: predictions.unwrap_or_default(),
            model: TrainedModel {
                config: prepared.config.clone(),
                preprocessor: prepared.preprocessor.clone(),
                weights: named_weights(&fitted.net),
            },
            history: fitted.history,
        })
    }
}
