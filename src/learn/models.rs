//! Trained networks that the page goes on asking, by their names.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::experiment::TrainedModel;

/// Networks at once; the one that was trained first makes room.
const MOST: usize = 16;

/// A network, and what the page was told of it.
#[derive(Debug, Clone)]
pub struct Kept {
    pub model: TrainedModel,
    pub answer: Value,
}

/// The networks in memory.
#[derive(Debug, Default)]
pub struct Models(Mutex<Vec<(String, Arc<Kept>)>>);

impl Models {
    pub fn find(&self, name: &str) -> Option<Arc<Kept>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(known, _)| known == name).map(|(_, kept)| Arc::clone(kept))
    }

    pub fn keep(&self, name: String, kept: Kept) -> Arc<Kept> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(known, _)| *known != name);
        if all.len() >= MOST {
            all.remove(0);
        }
        let kept = Arc::new(kept);
        all.push((name, Arc::clone(&kept)));
        kept
    }
}
