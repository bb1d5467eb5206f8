//! The weights of selected epochs, to show how a network evolved.

use std::sync::{Arc, Mutex};

use burn::tensor::backend::Backend;

use crate::model::{NamedWeights, Net, named_weights};

/// Each kept epoch is at least this many times the previous one: of 200 epochs about 20 are kept, of a million about
/// 60.
const GROWTH: f64 = 1.25;

/// Weights by epoch, kept at growing intervals, since they change most in early epochs. Clones share the state.
#[derive(Clone, Default)]
pub(super) struct History(Arc<Mutex<Vec<(usize, NamedWeights)>>>);

impl History {
    /// Keeps the weights after `epoch` (0 = before the first) if the interval has passed.
    pub(super) fn note<B: Backend>(&self, epoch: usize, net: &Net<B>) {
        let mut kept = self.0.lock().expect("no panic while held");
        if kept.last().is_none_or(|(last, _)| epoch as f64 >= (*last as f64 * GROWTH).max(*last as f64 + 1.0)) {
            kept.push((epoch, named_weights(net)));
        }
    }

    /// Keeps the weights after `epoch` in any case, for the last and the best epoch.
    pub(super) fn insert<B: Backend>(&self, epoch: usize, net: &Net<B>) {
        let mut kept = self.0.lock().expect("no panic while held");
        if let Err(place) = kept.binary_search_by_key(&epoch, |(epoch, _)| *epoch) {
            kept.insert(place, (epoch, named_weights(net)));
        }
    }

    /// The kept weights, in the order of their epochs.
    pub(super) fn take(self) -> Vec<(usize, NamedWeights)> {
        std::mem::take(&mut self.0.lock().expect("no panic while held"))
    }
}
