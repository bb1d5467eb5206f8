//! Burn's training and inference steps, and the outputs that the metrics are computed from.

use std::sync::Arc;

use burn::module::{DisplaySettings, Module, ModuleDisplay};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burn::train::metric::Adaptor;
use burn::train::{InferenceStep, ItemLazy, TrainOutput, TrainStep};
use burnlab_cpu::{FusedBackend, TrainingBackend};

use super::metrics::{CharacterTally, OutputDecoder, Scores, Truths};
use super::objective::Objective;
use crate::data::Batch;
use crate::model::{DropoutRng, Net, average};

/// A network together with its objective: the module that Burn's Learner trains.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct Trainee<B: Backend> {
    pub net: Net<B>,
    #[module(skip)]
    pub objective: Arc<Objective>,
    #[module(skip)]
    pub decoder: Arc<OutputDecoder>,
}

/// Burn's Learner prints the module where it prints a summary, and none is asked for: without this, what prints each module of each
/// network on each backend would be compiled, 3 % of the crate (measured).
impl<B: Backend> ModuleDisplay for Trainee<B> {
    fn format(&self, _: DisplaySettings) -> String {
        "Trainee".to_owned()
    }
}

impl<B: TrainingBackend> TrainStep for Trainee<B> {
    type Input = Batch<B>;
    type Output = Outputs<B::InnerBackend>;

    fn step(&self, batch: Batch<B>) -> TrainOutput<Self::Output> {
        let mut rng = DropoutRng::new(batch.noise_seed);
        let logits = self.net.forward(batch.inputs, Some(&mut rng));
        // Each member of an ensemble learns from every label.
        let num_rows = batch.labels.len() / self.decoder.task.num_targets();
        let loss = match logits.dims()[0] / num_rows {
            0 | 1 => self.objective.loss(logits.clone(), &batch.labels, &batch.weights),
            members => {
                let (labels, weights) = (batch.labels.repeat(members), batch.weights.repeat(members));
                self.objective.loss(logits.clone(), &labels, &weights)
            }
        };
        let logits = average(logits.inner(), num_rows, self.decoder.task);
        let truths = (batch.labels, batch.numbers, batch.weights);
        let outputs = self.outputs(loss.clone().inner(), logits, truths, false);
        TrainOutput::new(self, loss.backward(), outputs)
    }
}

impl<B: FusedBackend> InferenceStep for Trainee<B> {
    type Input = Batch<B>;
    type Output = Outputs<B>;

    fn step(&self, batch: Batch<B>) -> Outputs<B> {
        let logits = self.net.forward(batch.inputs, None);
        let loss = self.objective.loss(logits.clone(), &batch.labels, &batch.weights);
        self.outputs(loss, logits, (batch.labels, batch.numbers, batch.weights), true)
    }
}

impl<B: Backend> Trainee<B> {
    fn outputs<I: FusedBackend>(
        &self,
        loss: Tensor<I, 1>,
        logits: Tensor<I, 2>,
        (labels, numbers, weights): (Vec<f32>, Vec<f64>, Vec<f32>),
        with_costly_metrics: bool,
    ) -> Outputs<I> {
        let weight = self.objective.weight(&labels, &weights);
        Outputs {
            losses: vec![(loss, weight)],
            unread_logits: vec![logits],
            labels: if numbers.is_empty() { labels } else { Vec::new() },
            numbers,
            weights,
            ..Outputs::empty(self.objective.clone(), self.decoder.clone(), with_costly_metrics)
        }
    }
}

/// Outputs of one step, or of a whole epoch after [`Outputs::append`], from which the metrics are computed.
///
/// The epoch loop scores them itself: waiting for Burn's event threads took half of the digits network's training time
/// (measured).
pub struct Outputs<B: Backend> {
    /// Mean loss `[1]` and weight of each batch not yet summed.
    losses: Vec<(Tensor<B, 1>, f64)>,
    /// Sum of weight x loss, and of weights.
    summed: (f64, f64),
    /// `[batch, num_outputs]` of each batch that has not been read yet.
    unread_logits: Vec<Tensor<B, 2>>,
    /// Those of the batches before, row-major, on the host: many small tensors would take several times the memory.
    logits: Vec<f32>,
    /// Empty where `numbers` say all.
    labels: Vec<f32>,
    /// Number targets in their own units.
    numbers: Vec<f64>,
    /// How much each example counts; empty where all count the same.
    weights: Vec<f32>,
    /// Scores of a text, whose logits are scored as soon as its losses are read, since all of them might not fit in
    /// memory.
    characters: CharacterTally,
    objective: Arc<Objective>,
    decoder: Arc<OutputDecoder>,
    with_costly_metrics: bool,
    /// Values that the epoch loop adds, such as the learning rate.
    pub extras: Scores,
}

impl<B: FusedBackend> Outputs<B> {
    pub fn empty(objective: Arc<Objective>, decoder: Arc<OutputDecoder>, with_costly_metrics: bool) -> Self {
        Self {
            losses: Vec::new(),
            summed: (0.0, 0.0),
            unread_logits: Vec::new(),
            logits: Vec::new(),
            labels: Vec::new(),
            numbers: Vec::new(),
            weights: Vec::new(),
            characters: CharacterTally::default(),
            objective,
            decoder,
            with_costly_metrics,
            extras: Vec::new(),
        }
    }

    /// With room for what `num_rows` rows will have: a vector that grows is in memory twice while it is copied. No more than
    /// that is taken of a text, whose outputs are not kept.
    pub fn with_room(mut self, num_rows: usize) -> Self {
        let task = self.decoder.task;
        if !task.is_language_model() {
            self.logits.reserve_exact(num_rows * task.num_outputs());
            match task.is_regression() {
                true => self.numbers.reserve_exact(num_rows * task.num_targets()),
                false => self.labels.reserve_exact(num_rows * task.num_targets()),
            }
        }
        self
    }

    pub fn append(&mut self, mut other: Self) {
        self.losses.append(&mut other.losses);
        self.summed.0 += other.summed.0;
        self.summed.1 += other.summed.1;
        self.unread_logits.append(&mut other.unread_logits);
        self.labels.append(&mut other.labels);
        self.numbers.append(&mut other.numbers);
        self.weights.append(&mut other.weights);
    }

    /// Number of batches whose loss has not been read yet.
    pub fn num_unread(&self) -> usize {
        self.losses.len()
    }

    /// Reads the losses from the device and sums them, and reads the logits; scores the predictions for a text. Returns
    /// the position, among the losses read now, of the first that is not finite.
    pub fn read_losses(&mut self) -> Option<usize> {
        match self.decoder.task.is_language_model() {
            true => self.score_characters(),
            false => self.read_logits(),
        }
        let mut first = None;
        for (position, (loss, weight)) in self.losses.drain(..).enumerate() {
            let loss = B::read(loss, |loss| loss.first().map_or(f64::NAN, |&loss| loss.into()));
            if !loss.is_finite() {
                first.get_or_insert(position);
            }
            self.summed.0 += loss * weight;
            self.summed.1 += weight;
        }
        first
    }

    fn score_characters(&mut self) {
        let num_outputs = self.decoder.task.num_outputs();
        let mut first = 0;
        for batch in self.unread_logits.drain(..) {
            B::read(batch, |batch| {
                let labels = &self.labels[first..first + batch.len() / num_outputs];
                first += labels.len();
                self.characters.add(&self.decoder, batch, labels);
            });
        }
        self.labels.clear();
    }

    fn read_logits(&mut self) {
        let Self { unread_logits, logits, .. } = self;
        unread_logits.drain(..).for_each(|batch| B::read(batch, |batch| logits.extend_from_slice(batch)));
    }

    /// Logits, row-major, of which the scores have been computed; none of a text.
    pub fn into_logits(self) -> Vec<f32> {
        self.logits
    }

    /// The metrics of all appended outputs, loss first.
    pub fn scores(&mut self) -> Scores {
        self.read_losses();
        let loss = self.summed.0 / self.summed.1;
        let log_loss = self.objective.is_log_loss().then_some(loss);
        let mut scores = vec![("loss", loss)];
        match self.decoder.task.is_language_model() {
            true => scores.extend(self.characters.scores()),
            false => {
                let (logits, with_costly) = (&self.logits, self.with_costly_metrics);
                let truths = Truths { labels: &self.labels, numbers: &self.numbers, weights: &self.weights };
                scores.extend(self.decoder.scores(logits, truths, with_costly, log_loss))
            }
        }
        scores.extend(&self.extras);
        scores
    }
}

impl<B: FusedBackend> ItemLazy for Outputs<B> {
    type ItemSync = EpochScores;

    /// Runs on Burn's metric thread, in parallel with the next epoch's first batches.
    fn sync(mut self) -> EpochScores {
        EpochScores(Arc::new(self.scores()))
    }
}

/// An epoch's metrics on their way through Burn's event processor.
#[derive(Clone)]
pub struct EpochScores(pub Arc<Scores>);

impl Adaptor<EpochScores> for EpochScores {
    fn adapt(&self) -> EpochScores {
        self.clone()
    }
}
