//! Where training stands after an epoch: what it takes to go on as if nothing had happened.
//!
//! Burn's own checkpoints lack the state of early stopping, the weights of the best epoch and the order of the rows. The
//! order of the rows and the dropout masks follow from the seed and the epoch; the rest is here, as tensors by name in a
//! safetensors file, which any reader of that format opens.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::backend::AutodiffBackend;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::optimizer::{ChosenOptimizer, ParameterState};
use super::stopping::Progress;
use super::strategy::StopReason;
use super::task::Trainee;
use crate::model::{NamedWeights, Net, Weight, load_weights, named_weights};

/// Raised when the content changes.
const VERSION: &str = "3";
/// Beginnings of the names of tensors: `net/WEIGHT`, `best/WEIGHT`, `optimizer/WEIGHT/SLOT`.
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
}

/// The state after an epoch: tensors by name, and what is not a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub progress: TrainingProgress,
    net: NamedWeights,
    best: Option<NamedWeights>,
    optimizer: BTreeMap<String, ParameterState>,
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
    pub(super) fn new<B: AutodiffBackend>(
        progress: TrainingProgress,
        net: &Net<B>,
        best: Option<&Net<B>>,
        optimizer: &ChosenOptimizer<B, Trainee<B>>,
    ) -> Self {
        Self { progress, net: named_weights(net), best: best.map(named_weights), optimizer: optimizer.named_state(net) }
    }

    /// `net` with the weights at the end of the epoch.
    ///
    /// # Errors
    /// The checkpoint of another network.
    pub(super) fn net<B: AutodiffBackend>(&self, net: Net<B>) -> Result<Net<B>, CheckpointError> {
        load_weights(net, &self.net).map_err(damaged)
    }

    /// `net` with the weights of the best epoch; `None` where they were not kept.
    ///
    /// # Errors
    /// The checkpoint of another network.
    pub(super) fn best<B: AutodiffBackend>(&self, net: Net<B>) -> Result<Option<Net<B>>, CheckpointError> {
        self.best.as_ref().map(|best| load_weights(net, best).map_err(damaged)).transpose()
    }

    /// Puts the optimizer's state into `optimizer`, which trains `net`.
    ///
    /// # Errors
    /// The checkpoint of another optimizer or network.
    pub(super) fn optimizer<B: AutodiffBackend>(
        &self,
        optimizer: ChosenOptimizer<B, Trainee<B>>,
        net: &Net<B>,
        device: &B::Device,
    ) -> Result<ChosenOptimizer<B, Trainee<B>>, CheckpointError> {
        optimizer.with_named_state(net, &self.optimizer, device).map_err(CheckpointError::Damaged)
    }

    /// Lets training go on where it ended, with new patience.
    pub fn reopen(&mut self) {
        self.progress.ended = None;
        if let Some(monitor) = &mut self.progress.monitor {
            monitor.waited = 0;
        }
    }

    /// The bytes of the file: safetensors, with all that is not a tensor in its metadata.
    pub fn encode(&self) -> Vec<u8> {
        let num_steps: BTreeMap<&str, usize> =
            self.optimizer.iter().map(|(name, state)| (name.as_str(), state.num_steps)).collect();
        let tensors = self.tensors();
        let metadata = HashMap::from([
            ("format".to_owned(), "burnlab checkpoint".to_owned()),
            ("version".to_owned(), VERSION.to_owned()),
            // TOML and not JSON: a loss may be infinite.
            ("progress".to_owned(), toml::to_string(&self.progress).expect("the progress has a TOML form")),
            ("optimizer_steps".to_owned(), toml::to_string(&num_steps).expect("numbers have a TOML form")),
            ("sha256".to_owned(), digest(&tensors)),
        ]);
        let views = tensors.iter().map(|(name, (shape, bytes))| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            (name, view.expect("the shape is that of the values"))
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
        let num_steps: BTreeMap<String, usize> = toml::from_str(&field("optimizer_steps")).map_err(damaged)?;
        let with_steps = |(name, num_steps)| (name, ParameterState { num_steps, slots: BTreeMap::new() });
        let mut checkpoint = Self {
            progress: toml::from_str(&field("progress")).map_err(damaged)?,
            net: NamedWeights::new(),
            best: None,
            optimizer: num_steps.into_iter().map(with_steps).collect(),
        };
        for (name, view) in file.iter() {
            checkpoint.insert(name, weight(&view).ok_or_else(|| damaged(format!("`{name}` is no tensor of f32")))?)?;
        }
        // Whatever was changed on the disk would train on as something else.
        if digest(&checkpoint.tensors()) != field("sha256") {
            return Err(CheckpointError::Damaged("its checksum differs".into()));
        }
        Ok(checkpoint)
    }

    /// Puts a tensor of a file where it belongs.
    fn insert(&mut self, name: &str, weight: Weight) -> Result<(), CheckpointError> {
        let unknown = || damaged(format!("it has an unknown tensor `{name}`"));
        let (part, rest) = name.split_once('/').ok_or_else(unknown)?;
        match part {
            NET => self.net.insert(rest.to_owned(), weight),
            BEST => self.best.get_or_insert_default().insert(rest.to_owned(), weight),
            OPTIMIZER => {
                let (of, slot) = rest.rsplit_once('/').ok_or_else(unknown)?;
                self.optimizer.get_mut(of).ok_or_else(unknown)?.slots.insert(slot.to_owned(), weight)
            }
            _ => return Err(unknown()),
        };
        Ok(())
    }

    /// All tensors by their names in the file: shape, and values as little-endian bytes.
    fn tensors(&self) -> BTreeMap<String, (Vec<usize>, Vec<u8>)> {
        let weights = |part: &'static str, weights: &'_ NamedWeights| -> Vec<(String, (Vec<usize>, Vec<u8>))> {
            weights.iter().map(|(name, weight)| (format!("{part}/{name}"), bytes(weight))).collect()
        };
        let slots = self.optimizer.iter().flat_map(|(name, state)| {
            state.slots.iter().map(move |(slot, weight)| (format!("{OPTIMIZER}/{name}/{slot}"), bytes(weight)))
        });
        let best = self.best.iter().flat_map(|best| weights(BEST, best));
        weights(NET, &self.net).into_iter().chain(best).chain(slots).collect()
    }
}

fn bytes(weight: &Weight) -> (Vec<usize>, Vec<u8>) {
    (weight.shape.clone(), weight.values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

/// The numbers of a tensor in a file; `None` where they are not f32.
fn weight(view: &TensorView) -> Option<Weight> {
    let (numbers, rest) = view.data().as_chunks::<4>();
    let values = numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    (view.dtype() == Dtype::F32 && rest.is_empty()).then(|| Weight { shape: view.shape().to_vec(), values })
}

fn digest(tensors: &BTreeMap<String, (Vec<usize>, Vec<u8>)>) -> String {
    let mut hash = Sha256::new();
    for (name, (shape, bytes)) in tensors {
        hash.update(format!("{name} {shape:?} "));
        hash.update(bytes);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn damaged(error: impl std::fmt::Display) -> CheckpointError {
    CheckpointError::Damaged(error.to_string())
}
