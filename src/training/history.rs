//! The weights of some epochs, to show how a network came about.

use std::sync::{Arc, Mutex};

use burn::tensor::backend::Backend;

use crate::model::{NamedWeights, Net, named_weights};

/// Each epoch kept is at least this times the one before: 200 epochs leave about 20, a million about 60.
const GROWTH: f64 = 1.25;

/// Weights by epoch, kept ever more rarely as training goes on: early epochs change most. Clones share it.
#[derive(Clone, Default)]
pub(super) struct History(Arc<Mutex<Vec<(usize, NamedWeights)>>>);

impl History {
    /// Keeps the weights after `epoch` (0 = before the first) if it is one of those that are kept.
    pub(super) fn note<B: Backend>(&self, epoch: usize, net: &Net<B>) {
        let mut kept = self.0.lock().expect("no panic while held");
        if kept.last().is_none_or(|(last, _)| epoch as f64 >= (*last as f64 * GROWTH).max(*last as f64 + 1.0)) {
            kept.push((epoch, named_weights(net)));
        }
    }

    /// Keeps the weights after `epoch` in any case: those at the end, and those of the best epoch.
    pub(super) fn insert<B: Backend>(&self, epoch: usize, net: &Net<B>) {
        let mut kept = self.0.lock().expect("no panic while held");
        if let Err(place) = kept.binary_search_by_key(&epoch, |(epoch, _)| *epoch) {
            kept.insert(place, (epoch, named_weights(net)));
        }
    }

    /// What was kept, by epoch.
    pub(super) fn take(self) -> Vec<(usize, NamedWeights)> {
        std::mem::take(&mut self.0.lock().expect("no panic while held"))
    }
}
