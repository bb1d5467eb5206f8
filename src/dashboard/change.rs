//! What is told to the pages that listen.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;

use super::entry::Entry;
use crate::tracking::RunId;

/// The most runs in one event: so much waits in memory for a client that reads slowly.
const AT_ONCE: usize = 20;

/// A change for clients: new and changed runs, and the ids of deleted ones.
#[derive(Debug, Default)]
pub struct Change {
    /// Number of the snapshot that it leads to. A snapshot of this number or a later one includes the change.
    pub number: u64,
    pub revision: u64,
    pub changed: Vec<Arc<Entry>>,
    pub removed: Vec<RunId>,
    /// Whether `changed` lists all runs: the store was rebuilt, and ids known before may be gone.
    pub is_complete: bool,
    /// The event, made once for all clients.
    event: OnceLock<Bytes>,
}

impl Change {
    pub fn new(number: u64, revision: u64, changed: Vec<Arc<Entry>>, removed: Vec<RunId>) -> Self {
        Self { number, revision, changed, removed, is_complete: false, event: OnceLock::new() }
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty() && !self.is_complete
    }

    /// The events that tell of it, each made when it is asked for. Only the last has the new revision, so that a client
    /// that misses it asks for all of them again; `since` is the one it has.
    pub fn events(&self, since: u64) -> impl Iterator<Item = Bytes> + Send {
        let num_parts = self.changed.len().div_ceil(AT_ONCE).max(1);
        (0..num_parts).map(move |index| match num_parts {
            1 => self.event.get_or_init(|| self.part(0, self.revision)).clone(),
            _ if index + 1 == num_parts => self.part(index, self.revision),
            _ => self.part(index, since.min(self.revision)),
        })
    }

    /// `{revision, changed, removed}`; the first part of a complete change says `complete: true`, which clears the list that
    /// the others fill.
    fn part(&self, index: usize, revision: u64) -> Bytes {
        let changed = self.changed.iter().skip(index * AT_ONCE).take(AT_ONCE);
        let changed: Vec<String> = changed.map(|entry| entry.to_json()).collect();
        let removed = self.removed.iter().filter(|_| index == 0);
        let removed: Vec<String> = removed.map(|id| format!("\"{id}\"")).collect();
        let (changed, removed) = (changed.join(","), removed.join(","));
        let complete = if self.is_complete && index == 0 { ",\"complete\":true" } else { "" };
        let text = format!(
            "event: change\ndata: {{\"revision\":{revision},\"changed\":[{changed}],\"removed\":[{removed}]{complete}}}\n\n"
        );
        text.into()
    }
}
