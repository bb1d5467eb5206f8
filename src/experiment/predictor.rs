//! A model that answers requests: rows that come at any moment, from many clients at once.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::Context;
use burnlab_cpu::TrainingBackend;

use super::saved_model::SavedModel;
use crate::backend::{BackendName, Job, run_on};
use crate::data::{Drift, Examples, NewRows};
use crate::invalid::Invalid;
use crate::threads;
use crate::training::OutputDecoder;
use crate::training::evaluation::{Answer, logits};

/// Rows that are computed at once, of as many requests as wait by then.
const ROWS_AT_ONCE: usize = 4096;
/// The same of network inputs: 64 MiB.
const INPUTS_AT_ONCE: usize = 1 << 24;
/// Requests that may wait for the network.
const MOST_WAITING: usize = 1024;

/// An open model. Its network has a thread of its own, which ends when this is dropped.
pub struct Predictor {
    saved: Arc<SavedModel>,
    decoder: OutputDecoder,
    asked: SyncSender<Asked>,
}

/// The inputs of a request, and what is done with the logits.
struct Asked {
    examples: Examples,
    then: Box<dyn FnOnce(Vec<f32>) + Send>,
}

/// A request whose rows are read.
pub struct Begun {
    /// Those of all blocks of rows but the last.
    answers: Vec<Answer>,
    drift: Drift,
    /// The inputs of the last block, which are still to be [asked](Predictor::ask) about; `None` of no rows.
    pub last: Option<Examples>,
}

/// What a model says of the rows of a request.
pub struct Answered {
    /// One per row.
    pub answers: Vec<Answer>,
    /// How the rows differ from those of training.
    pub drift: Drift,
}

/// Why rows are not answered.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The rows are no table that the model can read.
    #[error("{0}")]
    Rows(Invalid),
    /// The request has more than that many rows.
    #[error("more than {0} rows: ask in parts")]
    TooMany(usize),
    /// The network gives no number for a row.
    #[error("{0}")]
    NoAnswer(String),
    /// The network is gone, which is a defect.
    #[error("the model's thread has ended")]
    Ended,
}

impl From<Invalid> for Unanswered {
    fn from(invalid: Invalid) -> Self {
        Self::Rows(invalid)
    }
}

impl Predictor {
    /// Opens the network.
    ///
    /// # Errors
    /// A language model; weights that do not fit; a backend that is not compiled in.
    pub fn start(saved: SavedModel, backend: BackendName) -> anyhow::Result<Self> {
        saved.refuse_text("it does not predict rows")?;
        let saved = Arc::new(saved);
        let (asked, requests) = sync_channel(MOST_WAITING);
        let (ready, is_ready) = sync_channel(1);
        let model = Arc::clone(&saved);
        let work = move || {
            let job = AnswerRequests { saved: &model, requests, ready: ready.clone() };
            if let Err(message) = run_on(backend, job) {
                ready.send(Err(anyhow::Error::msg(message))).ok();
            }
        };
        threads::spawn(work).context("no thread for the model")?;
        is_ready.recv().context("the model's thread has ended")??;
        let decoder = OutputDecoder::new(&saved.preprocessor);
        Ok(Self { saved, decoder, asked })
    }

    /// The model's run, config and preprocessor.
    pub fn model(&self) -> &SavedModel {
        &self.saved
    }

    /// Answers the rows in `bytes`, a CSV table or JSON Lines, in their order. Waits for the network, together with other
    /// requests.
    ///
    /// # Errors
    /// Rows that cannot be read or lack columns, or more than `most` of them.
    pub fn answer(&self, bytes: Arc<[u8]>, most: usize) -> Result<Answered, Unanswered> {
        let mut begun = self.begin(bytes, most)?;
        let logits = begun.last.take().map_or(Ok(Vec::new()), |last| self.logits(last))?;
        self.end(begun, &logits)
    }

    /// The first part of [`Predictor::answer`]: reads the rows, and waits for the network only where they are more than a block.
    ///
    /// # Errors
    /// As [`Predictor::answer`].
    pub fn begin(&self, bytes: Arc<[u8]>, most: usize) -> Result<Begun, Unanswered> {
        let Self { saved, .. } = self;
        let rows = NewRows::of_bytes(bytes, &saved.preprocessor, &saved.config.data);
        let (mut answers, mut last) = (Vec::new(), None::<Examples>);
        let mut num_rows = 0;
        let drift = rows.open()?.for_each_block(|block| {
            num_rows += block.examples.len();
            if num_rows > most {
                return Err(Unanswered::TooMany(most));
            }
            if let Some(before) = last.replace(block.examples) {
                let logits = self.logits(before)?;
                self.decode(&logits, &mut answers)?;
            }
            Ok(())
        })?;
        Ok(Begun { answers, drift, last })
    }

    /// Has `then` called with the logits of `examples`, on the network's thread: it must not take long.
    ///
    /// # Errors
    /// A network that is gone.
    pub fn ask(&self, examples: Examples, then: impl FnOnce(Vec<f32>) + Send + 'static) -> Result<(), Unanswered> {
        self.asked.send(Asked { examples, then: Box::new(then) }).map_err(|_| Unanswered::Ended)
    }

    /// The last part of [`Predictor::answer`], with the logits of the last block.
    ///
    /// # Errors
    /// A row for which the network gives no number.
    pub fn end(&self, begun: Begun, logits: &[f32]) -> Result<Answered, Unanswered> {
        let Begun { mut answers, drift, .. } = begun;
        self.decode(logits, &mut answers)?;
        Ok(Answered { answers, drift })
    }

    /// Appends the answers to the next rows of a request.
    fn decode(&self, logits: &[f32], answers: &mut Vec<Answer>) -> Result<(), Unanswered> {
        let num_outputs = self.decoder.task.num_outputs();
        if let Some(row) = self.saved.first_without_answer(logits) {
            return Err(Unanswered::NoAnswer(self.saved.no_answer(answers.len() + row)));
        }
        answers.extend(logits.chunks_exact(num_outputs).map(|logits| Answer::new(&self.decoder, logits)));
        Ok(())
    }

    fn logits(&self, examples: Examples) -> Result<Vec<f32>, Unanswered> {
        let (answer, answered) = sync_channel(1);
        // Whoever waits is still there: it is this function.
        self.ask(examples, move |logits| answer.send(logits).unwrap_or_default())?;
        answered.recv().map_err(|_| Unanswered::Ended)
    }
}

/// Computes what is asked for until nobody can ask any more.
struct AnswerRequests<'a> {
    saved: &'a SavedModel,
    requests: Receiver<Asked>,
    ready: SyncSender<anyhow::Result<()>>,
}

impl Job for AnswerRequests<'_> {
    type Output = ();

    fn run<B: TrainingBackend>(self, device: B::Device) {
        let Self { saved, requests, ready } = self;
        let net = match saved.net::<B::InnerBackend>(&device) {
            Ok(net) => net,
            Err(error) => return ready.send(Err(error)).unwrap_or_default(),
        };
        ready.send(Ok(())).ok();
        let num_outputs = saved.preprocessor.task().num_outputs();
        while let Ok(first) = requests.recv() {
            let mut all = first.examples;
            let mut rows = all.rows.to_vec();
            let mut parts = vec![(all.len(), first.then)];
            while rows.len() < ROWS_AT_ONCE
                && all.inputs.len() < INPUTS_AT_ONCE
                && let Ok(mut next) = requests.try_recv()
            {
                parts.push((next.examples.len(), next.then));
                all.inputs.append(&mut next.examples.inputs);
                rows.extend_from_slice(&next.examples.rows);
            }
            all.rows = rows.into();
            let logits = logits(&net, &all, &device);
            drop(all);
            let mut rest = &logits[..];
            for (num_rows, then) in parts {
                let (own, others) = rest.split_at(num_rows * num_outputs);
                rest = others;
                then(own.to_vec());
            }
        }
    }
}
