//! The full training state after an epoch, from which training resumes as if it had never stopped.
//!
//! Burn's own checkpoints lack the state of early stopping, the weights of the best epoch and the order of the rows
//! (in 0.21). The order of the rows and the dropout masks follow from the seed and the epoch; the rest is
//! stored here, as named tensors, so that a checkpoint does not depend on the library's record format.

use std::collections::{BTreeMap, HashMap};

use burn::module::AutodiffModule;
use burnlab_cpu::TrainingBackend;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::optimizer::{ChosenOptimizer, OptimizerKind, OptimizerState, ParameterState};
use super::stopping::{Progress, StopReason};
use crate::figures::hexadecimal;
use crate::invalid::one_line;
use crate::model::{NamedWeights, Net, Weight, WeightsError, load_weights, named_weights};

/// Incremented when the content changes.
const VERSION: &str = "3";
/// Name prefixes of the tensors, followed by the weight's name and, for the optimizer, the slot's.
const NET: &str = "net/";
const BEST: &str = "best/";
const OPTIMIZER: &str = "optimizer/";

/// What is advised for a checkpoint that cannot be used, where its run has not finished.
pub const FROM_THE_START: &str = "delete it, and training starts again from the first epoch";

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("the checkpoint is damaged ({0}); {FROM_THE_START}")]
    Damaged(String),
    #[error("the checkpoint was written by a newer burnlab (format {0}, this one reads {VERSION}): update burnlab")]
    Newer(String),
    #[error("the checkpoint was written by an older burnlab (format {0}, this one reads {VERSION}); {FROM_THE_START}")]
    Older(String),
    #[error("the checkpoint belongs to another network: {0}")]
    Weights(#[from] WeightsError),
    #[error("the checkpoint belongs to another optimizer: it has no `{0}`")]
    Optimizer(String),
}

/// The state after an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub progress: TrainingProgress,
    net: NamedWeights,
    best: Option<NamedWeights>,
    /// Number of updates of each weight, by name.
    updates: BTreeMap<String, usize>,
    /// The optimizer's state, by weight and slot, such as `layers.0.weight/moment_1`.
    slots: NamedWeights,
}

/// The part of the state that is not tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingProgress {
    /// The run's id, so that another run's checkpoint is not mistaken for this one's.
    pub run: String,
    /// Epochs done.
    pub epoch: usize,
    /// Optimizer steps done.
    pub step: usize,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Why training ended with this epoch, if it did.
    pub ended: Option<StopReason>,
    /// The epoch of the best weights, if they are kept.
    pub kept_epoch: Option<usize>,
    /// Early stopping; `None` without a validation part.
    pub monitor: Option<Progress>,
    /// Reduce on plateau: the factor so far, and epochs since the last improvement or drop.
    pub plateau: Option<(f64, usize)>,
}

impl TrainingProgress {
    /// # Errors
    /// What in it cannot be of a run of at most `max_epochs` epochs: the checksum of a checkpoint is of its tensors alone.
    pub fn check(&self, max_epochs: usize) -> Result<(), String> {
        // A thousand years.
        const MOST_SECONDS: f64 = 3.2e10;
        let Self { epoch, kept_epoch, seconds, monitor, .. } = self;
        if let Some(kept) = kept_epoch.filter(|kept| kept > epoch) {
            return Err(format!("it was written after epoch {epoch}, and has the weights of epoch {kept}"));
        }
        if *epoch > max_epochs {
            return Err(format!("it was written after epoch {epoch} of at most {max_epochs}"));
        }
        if monitor.as_ref().is_some_and(|monitor| !monitor.is_after(*epoch)) {
            return Err(format!("its best epoch is none of the {epoch} that were trained"));
        }
        match (0.0..=MOST_SECONDS).contains(seconds) {
            true => Ok(()),
            false => Err(format!("it took {seconds} seconds")),
        }
    }
}

impl Checkpoint {
    /// Captures the state of training.
    pub(super) fn new<B: TrainingBackend, M: AutodiffModule<B>>(
        progress: TrainingProgress,
        net: &Net<B>,
        best: Option<&Net<B>>,
        optimizer: &ChosenOptimizer<B, M>,
    ) -> Self {
        let (mut updates, mut slots) = (BTreeMap::new(), NamedWeights::new());
        for (weight, state) in optimizer.state(net) {
            let named = optimizer.kind().slots().iter().zip(state.slots);
            slots.extend(named.map(|(slot, values)| (format!("{weight}/{slot}"), values)));
            updates.insert(weight, state.time);
        }
        Self { progress, net: named_weights(net), best: best.map(named_weights), updates, slots }
    }

    /// `net` with the weights at the end of the epoch.
    ///
    /// # Errors
    /// Weights of another network.
    pub(super) fn net<B: TrainingBackend>(&self, net: Net<B>) -> Result<Net<B>, CheckpointError> {
        Ok(load_weights(net, &self.net)?)
    }

    /// `net` with the weights of the best epoch; `None` if they were not kept.
    ///
    /// # Errors
    /// Weights of another network.
    pub(super) fn best<B: TrainingBackend>(&self, net: Net<B>) -> Result<Option<Net<B>>, CheckpointError> {
        Ok(self.best.as_ref().map(|best| load_weights(net, best)).transpose()?)
    }

    /// Restores the state of `optimizer` for the weights of `net`.
    ///
    /// # Errors
    /// The state of another optimizer, or of another network.
    pub(super) fn optimizer<B: TrainingBackend, M: AutodiffModule<B>>(
        &self,
        optimizer: ChosenOptimizer<B, M>,
        net: &Net<B>,
    ) -> Result<ChosenOptimizer<B, M>, CheckpointError> {
        let state = self.optimizer_state(optimizer.kind())?;
        Ok(optimizer.with_state(net, state))
    }

    fn optimizer_state(&self, kind: OptimizerKind) -> Result<OptimizerState, CheckpointError> {
        let mut state = OptimizerState::new();
        for (weight, &time) in &self.updates {
            let slots = kind.slots().iter().map_while(|slot| self.slots.get(&format!("{weight}/{slot}")));
            let slots: Vec<Weight> = slots.cloned().collect();
            let prefix = format!("{weight}/");
            let num_kept = self.slots.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix)).count();
            if num_kept != slots.len() {
                return Err(CheckpointError::Optimizer(kind.slots().join("`, `")));
            }
            if let Some(expected) = self.net.get(weight)
                && let Some(slot) = slots.iter().find(|slot| slot.shape != expected.shape)
            {
                let (name, found, expected) = (weight.clone(), slot.shape.clone(), expected.shape.clone());
                return Err(WeightsError::Shape { name, found, expected }.into());
            }
            state.insert(weight.clone(), ParameterState { time, slots });
        }
        Ok(state)
    }

    /// Lets training that ended continue, with its patience reset.
    pub fn reopen(&mut self) {
        self.progress.ended = None;
        if let Some(monitor) = &mut self.progress.monitor {
            monitor.waited = 0;
        }
    }

    /// The bytes of the file: safetensors, with everything else in its metadata.
    pub fn encode(&self) -> Vec<u8> {
        let tensors = self.tensors();
        let metadata = HashMap::from([
            ("format".to_owned(), "burnlab checkpoint".to_owned()),
            ("version".to_owned(), VERSION.to_owned()),
            // TOML rather than JSON, since a loss may be infinite.
            ("progress".to_owned(), toml::to_string(&self.progress).expect("the progress has a TOML form")),
            ("updates".to_owned(), toml::to_string(&self.updates).expect("numbers by name have a TOML form")),
            ("sha256".to_owned(), digest(&self.updates, &tensors)),
        ]);
        let views = tensors.iter().map(|(name, Tensor { shape, bytes })| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            (name, view.expect("the shape is that of the values"))
        });
        safetensors::serialize(views, Some(metadata)).expect("writing to memory does not fail")
    }

    /// Reads what [`Checkpoint::encode`] wrote.
    ///
    /// # Errors
    /// A file that is truncated, modified, or of another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let field = |name: &str| metadata.get(name).cloned().unwrap_or_default();
        let version = field("version");
        match (version.parse::<u32>(), VERSION.parse::<u32>()) {
            _ if version == VERSION => {}
            (Ok(found), Ok(known)) if found > known => return Err(CheckpointError::Newer(version)),
            (Ok(_), _) => return Err(CheckpointError::Older(version)),
            (Err(_), _) => return Err(CheckpointError::Damaged("it has no version".into())),
        }
        let tensor = |(name, view): (String, TensorView)| match view.dtype() {
            Dtype::F32 => Ok((name, Tensor { shape: view.shape().to_vec(), bytes: view.data().to_vec() })),
            _ => Err(CheckpointError::Damaged(format!("`{name}` holds no 32-bit numbers"))),
        };
        let tensors = file.tensors().into_iter().map(tensor).collect::<Result<BTreeMap<_, _>, _>>()?;
        let updates = toml::from_str(&field("updates")).map_err(damaged)?;
        if digest(&updates, &tensors) != field("sha256") {
            return Err(CheckpointError::Damaged("its checksum differs".into()));
        }
        let part = |prefix: &str| -> NamedWeights {
            let own = tensors.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)));
            own.map(|(name, tensor)| (name.to_owned(), tensor.weight())).collect()
        };
        let best = part(BEST);
        Ok(Self {
            progress: toml::from_str(&field("progress")).map_err(damaged)?,
            net: part(NET),
            best: (!best.is_empty()).then_some(best),
            updates,
            slots: part(OPTIMIZER),
        })
    }

    /// All tensors by their names in the file.
    fn tensors(&self) -> BTreeMap<String, Tensor> {
        let parts = [(NET, Some(&self.net)), (BEST, self.best.as_ref()), (OPTIMIZER, Some(&self.slots))];
        let parts = parts.into_iter().filter_map(|(prefix, part)| Some((prefix, part?)));
        let named = parts.flat_map(|(prefix, part)| {
            part.iter().map(move |(name, weight)| (format!("{prefix}{name}"), Tensor::of(weight)))
        });
        named.collect()
    }
}

/// A tensor as stored in the file.
struct Tensor {
    shape: Vec<usize>,
    /// Little-endian f32.
    bytes: Vec<u8>,
}

impl Tensor {
    fn of(weight: &Weight) -> Self {
        Self {
            shape: weight.shape.clone(),
            bytes: weight.values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    fn weight(&self) -> Weight {
        let (values, _) = self.bytes.as_chunks::<4>();
        Weight { shape: self.shape.clone(), values: values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect() }
    }
}

fn digest(updates: &BTreeMap<String, usize>, tensors: &BTreeMap<String, Tensor>) -> String {
    let mut hash = Sha256::new();
    for (name, &count) in updates {
        hash.update(name);
        hash.update((count as u64).to_le_bytes());
    }
    for (name, Tensor { shape, bytes }) in tensors {
        hash.update(name);
        shape.iter().for_each(|&size| hash.update((size as u64).to_le_bytes()));
        hash.update(bytes);
    }
    hexadecimal(hash.finalize())
}

fn damaged(error: impl std::fmt::Display) -> CheckpointError {
    // The parser repeats lines of the file.
    const MAX_CHARS: usize = 200;
    let text: String = one_line(&error.to_string()).chars().take(MAX_CHARS).collect();
    CheckpointError::Damaged(text.split_whitespace().collect::<Vec<_>>().join(" "))
}
