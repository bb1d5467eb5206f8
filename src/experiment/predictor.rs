//! A model that answers requests: rows that come at any moment, from many clients at once.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::Context;

use super::saved_model::SavedModel;
use crate::backend::{BackendName, Job, run_on};
use crate::cpu::TrainingBackend;
use crate::data::{Drift, Examples, NewRows};
use crate::invalid::Invalid;
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

/// The inputs of a request, and where the logits go.
struct Asked {
    examples: Examples,
    answer: SyncSender<Vec<f32>>,
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
        thread::Builder::new().name("model".into()).spawn(work).context("no thread for the model")?;
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
        let Self { saved, decoder, .. } = self;
        let rows = NewRows::of_bytes(bytes, &saved.preprocessor, &saved.config.data);
        let num_outputs = decoder.task.num_outputs();
        let mut answers = Vec::new();
        let drift = rows.open()?.for_each_block(|block| {
            if answers.len() + block.examples.len() > most {
                return Err(Unanswered::TooMany(most));
            }
            let logits = self.logits(block.examples)?;
            answers.extend(logits.chunks_exact(num_outputs).map(|logits| Answer::new(decoder, logits)));
            Ok(())
        })?;
        Ok(Answered { answers, drift })
    }

    fn logits(&self, examples: Examples) -> Result<Vec<f32>, Unanswered> {
        let (answer, answered) = sync_channel(1);
        self.asked.send(Asked { examples, answer }).map_err(|_| Unanswered::Ended)?;
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
            let mut parts = vec![(all.len(), first.answer)];
            while all.len() < ROWS_AT_ONCE
                && all.inputs.len() < INPUTS_AT_ONCE
                && let Ok(mut next) = requests.try_recv()
            {
                parts.push((next.examples.len(), next.answer));
                all.inputs.append(&mut next.examples.inputs);
                all.rows = all.rows.iter().chain(&*next.examples.rows).copied().collect();
            }
            let logits = logits(&net, &all, &device);
            let mut rest = &logits[..];
            for (num_rows, answer) in parts {
                let (own, others) = rest.split_at(num_rows * num_outputs);
                rest = others;
                // A client that is gone by now wants no answer.
                answer.send(own.to_vec()).ok();
            }
        }
    }
}
