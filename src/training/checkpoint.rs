//! Where training stands after an epoch: what it takes to go on as if nothing had happened.
//!
//! Burn's own checkpoints lack the state of early stopping, the weights of the best epoch and the order of the rows
//! (burn-0.21.md, trap 3). The order of the rows and the dropout masks follow from the seed and the epoch; the rest is
//! here.

use std::collections::HashMap;

use burn::module::Module;
use burn::optim::Optimizer;
use burn::record::{BinBytesRecorder, FullPrecisionSettings, Recorder, RecorderError};
use burn::tensor::backend::AutodiffBackend;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::optimizer::ChosenOptimizer;
use super::stopping::Progress;
use super::strategy::StopReason;
use super::task::Trainee;
use crate::model::Net;

/// Raised when the content changes.
const VERSION: &str = "2";
const NET: &str = "net";
const BEST: &str = "best";
const OPTIMIZER: &str = "optimizer";

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("the checkpoint is damaged ({0}); delete it, and training starts again from the first epoch")]
    Damaged(String),
    #[error("the checkpoint is of another burnlab (version {0}, this one reads {VERSION})")]
    Version(String),
    #[error("the state of training cannot be stored: {0}")]
    Store(RecorderError),
}

/// The state after an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub progress: TrainingProgress,
    /// Burn records, which carry the ids that connect the optimizer's state with the weights.
    net: Vec<u8>,
    best: Option<Vec<u8>>,
    optimizer: Vec<u8>,
}

/// What of the state is not a tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingProgress {
    /// The run's id: a checkpoint of another run must not be taken for this one's.
    pub run: String,
    /// Epochs done.
    pub epoch: usize,
    /// Optimizer steps done.
    pub step: usize,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Why training ended with this epoch, if it did.
    pub ended: Option<StopReason>,
    /// The epoch of the best weights, where they are kept.
    pub kept_epoch: Option<usize>,
    /// Early stopping; `None` without a validation part.
    pub monitor: Option<Progress>,
    /// Reduce on plateau: the factor so far, and epochs since the last improvement or drop.
    pub plateau: Option<(f64, usize)>,
}

impl Checkpoint {
    /// Takes down the state of training.
    ///
    /// # Errors
    /// Only where Burn refuses to write a record to memory.
    pub(super) fn new<B: AutodiffBackend>(
        progress: TrainingProgress,
        net: Net<B>,
        best: Option<Net<B>>,
        optimizer: &ChosenOptimizer<B, Trainee<B>>,
    ) -> Result<Self, CheckpointError> {
        let recorder = BinBytesRecorder::<FullPrecisionSettings>::default();
        let record = |net: Net<B>| Recorder::<B>::record(&recorder, net.into_record(), ());
        let optimizer = Recorder::<B>::record(&recorder, optimizer.to_record(), ());
        let store = CheckpointError::Store;
        Ok(Self {
            progress,
            net: record(net).map_err(store)?,
            best: best.map(record).transpose().map_err(store)?,
            optimizer: optimizer.map_err(store)?,
        })
    }

    /// `net` with the weights at the end of the epoch.
    ///
    /// # Errors
    /// A record of another network.
    pub(super) fn net<B: AutodiffBackend>(&self, net: Net<B>, device: &B::Device) -> Result<Net<B>, CheckpointError> {
        load(net, &self.net, device)
    }

    /// `net` with the weights of the best epoch; `None` where they were not kept.
    ///
    /// # Errors
    /// A record of another network.
    pub(super) fn best<B: AutodiffBackend>(
        &self,
        net: Net<B>,
        device: &B::Device,
    ) -> Result<Option<Net<B>>, CheckpointError> {
        self.best.as_ref().map(|best| load(net, best, device)).transpose()
    }

    /// Puts the optimizer's state into `optimizer`.
    ///
    /// # Errors
    /// A record of another optimizer.
    pub(super) fn optimizer<B: AutodiffBackend>(
        &self,
        optimizer: ChosenOptimizer<B, Trainee<B>>,
        device: &B::Device,
    ) -> Result<ChosenOptimizer<B, Trainee<B>>, CheckpointError> {
        let recorder = BinBytesRecorder::<FullPrecisionSettings>::default();
        let record = Recorder::<B>::load(&recorder, self.optimizer.clone(), device);
        record.map(|record| optimizer.load_record(record)).map_err(damaged)
    }

    /// Lets training go on where it ended, with new patience.
    pub fn reopen(&mut self) {
        self.progress.ended = None;
        if let Some(monitor) = &mut self.progress.monitor {
            monitor.waited = 0;
        }
    }

    /// The bytes of the file: safetensors with a tensor of bytes per record.
    pub fn encode(&self) -> Vec<u8> {
        let metadata = HashMap::from([
            ("format".to_owned(), "burnlab checkpoint".to_owned()),
            ("version".to_owned(), VERSION.to_owned()),
            // TOML and not JSON: a loss may be infinite.
            ("progress".to_owned(), toml::to_string(&self.progress).expect("the progress has a TOML form")),
            ("sha256".to_owned(), self.digest()),
        ]);
        let views = self.records().map(|(name, bytes)| {
            let view = TensorView::new(Dtype::U8, vec![bytes.len()], bytes);
            (name, view.expect("the shape is that of the bytes"))
        });
        safetensors::serialize(views, Some(metadata)).expect("writing to memory does not fail")
    }

    /// Reads what [`Checkpoint::encode`] wrote.
    ///
    /// # Errors
    /// A file that is cut, changed, or of another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let field = |name: &str| metadata.get(name).cloned().unwrap_or_default();
        if field("version") != VERSION {
            return Err(CheckpointError::Version(field("version")));
        }
        let record = |name| file.tensor(name).map(|view| view.data().to_vec());
        let checkpoint = Self {
            progress: toml::from_str(&field("progress")).map_err(damaged)?,
            net: record(NET).map_err(damaged)?,
            best: record(BEST).ok(),
            optimizer: record(OPTIMIZER).map_err(damaged)?,
        };
        // Burn's records are decoded without checks of sizes: only bytes that are surely ours get there.
        if checkpoint.digest() != field("sha256") {
            return Err(CheckpointError::Damaged("its checksum differs".into()));
        }
        Ok(checkpoint)
    }

    fn records(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let all = [(NET, Some(&self.net)), (BEST, self.best.as_ref()), (OPTIMIZER, Some(&self.optimizer))];
        all.into_iter().filter_map(|(name, bytes)| Some((name, bytes?.as_slice())))
    }

    fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (name, bytes) in self.records() {
            hash.update(name);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn load<B: AutodiffBackend>(net: Net<B>, bytes: &[u8], device: &B::Device) -> Result<Net<B>, CheckpointError> {
    let recorder = BinBytesRecorder::<FullPrecisionSettings>::default();
    let record = Recorder::<B>::load(&recorder, bytes.to_vec(), device).map_err(damaged)?;
    Ok(net.load_record(record))
}

fn damaged(error: impl std::fmt::Display) -> CheckpointError {
    CheckpointError::Damaged(error.to_string())
}
