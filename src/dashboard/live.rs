//! All runs in memory, and their changes: one watcher thread serves all clients.
//!
//! [`Live::refresh`] reads from the store what changed since its last call. The watcher thread calls it twice a second
//! while any page listens; each request for the runs and each edit call it too. So a list is never older than its
//! request, and a dashboard that nobody looks at does no work.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::broadcast;

use crate::comparison::repeated_data;
use crate::tracking::{Changes, Location, Run, RunId, Shown, Store, TrackingError};

/// How often the watcher polls: the longest delay until an edit or a new epoch is on every page.
const PERIOD: Duration = Duration::from_millis(500);

/// With more changed runs than this, reading all runs at once is cheaper than reading each changed one.
const MANY: usize = 100;

/// A run and its status; shared by all snapshots in which it is the same.
#[derive(Debug)]
pub struct Entry {
    pub run: Run,
    pub shown: Shown,
}

impl Entry {
    fn new(run: Run, shown: Shown) -> Self {
        Self { run, shown }
    }

    /// The run as clients get it; made again each time, since 20,000 of them would take 60 MB.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct View<'a> {
            #[serde(flatten)]
            run: &'a Run,
            shown: Shown,
            /// Equal for runs on the same data, so that the page groups as the terminal does.
            #[serde(skip_serializing_if = "Option::is_none")]
            repeated_data: Option<String>,
        }
        let repeated_data = repeated_data(&self.run).map(|parts| parts.concat());
        let view = View { run: &self.run, shown: self.shown, repeated_data };
        serde_json::to_string(&view).expect("runs have string keys and serialize")
    }

    /// The old entry if the run did not change, since pages are told only about changes.
    fn reuse(old: &Snapshot, store: &Store, run: Run) -> Arc<Self> {
        let shown = store.shown(&run);
        match old.find(&run.record.id) {
            Some(entry) if entry.shown == shown && entry.run == run => Arc::clone(entry),
            _ => Arc::new(Self::new(run, shown)),
        }
    }

    /// Checks again whether the run's process is alive: that changes without a new revision.
    fn probe(self: &Arc<Self>, store: &Store) -> Arc<Self> {
        let is_same = self.run.record.status.is_final() || store.shown(&self.run) == self.shown;
        if is_same { Arc::clone(self) } else { Arc::new(Self::new(self.run.clone(), store.shown(&self.run))) }
    }
}

/// All runs at one revision, newest first.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Increases with every snapshot, unlike the revision, which restarts when the store is rebuilt.
    number: u64,
    pub revision: u64,
    pub entries: Vec<Arc<Entry>>,
}

impl Snapshot {
    fn new(revision: u64, entries: Vec<Arc<Entry>>) -> Self {
        Self { revision, entries, ..Self::default() }
    }

    /// The run of this id.
    pub fn find(&self, id: &RunId) -> Option<&Arc<Entry>> {
        self.entries.iter().find(|entry| entry.run.record.id == *id)
    }
}

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
}

impl Change {
    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty() && !self.is_complete
    }

    /// The same change in parts that are small enough to wait for a client one by one. Only the last has the new revision,
    /// so that a client that misses it asks for all of them again; `since` is the one it has.
    pub fn parts(&self, since: u64) -> Vec<Self> {
        let num_parts = self.changed.len().div_ceil(MANY).max(1);
        let part = |index: usize| {
            let is_last = index + 1 == num_parts;
            Self {
                number: self.number,
                revision: if is_last { self.revision } else { since.min(self.revision) },
                changed: self.changed.iter().skip(index * MANY).take(MANY).cloned().collect(),
                removed: if index == 0 { self.removed.clone() } else { Vec::new() },
                // The first of a complete one clears the list, the others fill it.
                is_complete: self.is_complete && index == 0,
            }
        };
        (0..num_parts).map(part).collect()
    }

    /// `{revision, changed, removed}`, with `complete: true` for a complete one.
    pub fn to_json(&self) -> String {
        let changed: Vec<String> = self.changed.iter().map(|entry| entry.to_json()).collect();
        let removed: Vec<String> = self.removed.iter().map(|id| format!("\"{id}\"")).collect();
        let (changed, removed) = (changed.join(","), removed.join(","));
        let complete = if self.is_complete { ",\"complete\":true" } else { "" };
        format!("{{\"revision\":{},\"changed\":[{changed}],\"removed\":[{removed}]{complete}}}", self.revision)
    }
}

/// The runs of one artifacts folder, which need not exist yet.
#[derive(Debug)]
pub struct Live {
    location: Location,
    watched: Mutex<Watched>,
    snapshot: RwLock<Arc<Snapshot>>,
    sender: broadcast::Sender<Arc<Change>>,
    /// How many refreshes have begun.
    begun: AtomicU64,
}

/// The watcher's own connection, and the file that it has open.
#[derive(Debug, Default)]
struct Watched {
    store: Option<Store>,
    file: Option<FileIdentity>,
    /// The number of the last refresh that succeeded.
    done: u64,
}

/// Detects that `burnlab.db` was replaced: an open connection would keep reading the old file.
type FileIdentity = (u64, u64);

impl Live {
    pub fn new(location: Location) -> Self {
        let (sender, _) = broadcast::channel(64);
        let begun = AtomicU64::new(0);
        Self { location, watched: Mutex::default(), snapshot: RwLock::default(), sender, begun }
    }

    /// The runs as of the last refresh.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Subscribes to later changes. Do so before taking a snapshot, so that none is missed.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Change>> {
        self.sender.subscribe()
    }

    /// Brings the runs up to date, sends the changes to subscribers, and returns all runs. Blocks on the disk.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn refresh(&self) -> Result<Arc<Snapshot>, TrackingError> {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        // Another caller refreshed while this one waited for the lock: its result is newer than this call.
        if watched.done > begun {
            return Ok(self.snapshot());
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let snapshot = self.look(&mut watched)?;
        watched.done = number;
        Ok(snapshot)
    }

    fn look(&self, watched: &mut MutexGuard<'_, Watched>) -> Result<Arc<Snapshot>, TrackingError> {
        let old = self.snapshot();
        let is_new_file = self.open(watched)?;
        let Some(store) = &watched.store else {
            // There is no store, or it was deleted.
            return Ok(self.publish(old, Snapshot::default(), watched));
        };
        let changes = store.changes_since(old.revision)?;
        // A rebuilt store restarts its revisions.
        let all_anew = is_new_file || changes.revision < old.revision || changes.changed.len() > MANY;
        let entries = if all_anew {
            store.runs()?.into_iter().map(|run| Entry::reuse(&old, store, run)).collect()
        } else {
            merge(store, &old, &changes)?
        };
        Ok(self.publish(old, Snapshot::new(changes.revision, entries), watched))
    }

    /// Opens the store if there is one; returns whether it is another file than the last time.
    fn open(&self, watched: &mut Watched) -> Result<bool, TrackingError> {
        // A server's tables are not replaced under an open connection.
        let file = match self.location.server {
            Some(_) => Some(FileIdentity::default()),
            None => identity(&self.location.root.join("burnlab.db")),
        };
        if watched.store.is_some() && watched.file == file {
            return Ok(false);
        }
        watched.store = match Store::open_read_only_at(&self.location) {
            Ok(store) => Some(store),
            Err(TrackingError::NoStore { .. }) => None,
            Err(error) => return Err(error),
        };
        watched.file = file;
        Ok(true)
    }

    /// Takes the lock's guard, so that two refreshes cannot publish in the wrong order.
    fn publish(&self, old: Arc<Snapshot>, mut new: Snapshot, _watched: &MutexGuard<'_, Watched>) -> Arc<Snapshot> {
        let is_same = |(a, b): (&Arc<Entry>, &Arc<Entry>)| Arc::ptr_eq(a, b);
        if old.revision == new.revision
            && old.entries.len() == new.entries.len()
            && old.entries.iter().zip(&new.entries).all(is_same)
        {
            return old;
        }
        new.number = old.number + 1;
        let before: HashMap<&RunId, &Arc<Entry>> =
            old.entries.iter().map(|entry| (&entry.run.record.id, entry)).collect();
        let is_new =
            |entry: &&Arc<Entry>| before.get(&entry.run.record.id).is_none_or(|known| !Arc::ptr_eq(known, entry));
        let changed: Vec<Arc<Entry>> = new.entries.iter().filter(is_new).cloned().collect();
        let after: HashSet<&RunId> = new.entries.iter().map(|entry| &entry.run.record.id).collect();
        let ids = old.entries.iter().map(|entry| &entry.run.record.id);
        let removed: Vec<RunId> = ids.filter(|id| !after.contains(id)).cloned().collect();
        let new = Arc::new(new);
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
        if !changed.is_empty() || !removed.is_empty() {
            // An error only means that nobody is subscribed.
            let (number, revision) = (new.number, new.revision);
            self.sender.send(Arc::new(Change { number, revision, changed, removed, is_complete: false })).ok();
        }
        new
    }

    /// The change from revision `since`, the last that a client has seen, to now.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn catch_up(&self, since: u64) -> Result<Change, TrackingError> {
        let snapshot = self.refresh()?;
        let is_rebuilt = since > snapshot.revision;
        let since = if is_rebuilt { 0 } else { since };
        // Include runs without a final status: one may have crashed since, which changes no revision.
        let is_news = |entry: &&Arc<Entry>| entry.run.revision > since || !entry.run.record.status.is_final();
        let changed = snapshot.entries.iter().filter(is_news).cloned().collect();
        let removed = match Store::open_read_only_at(&self.location) {
            Ok(store) => store.changes_since(since)?.removed,
            Err(TrackingError::NoStore { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let (number, revision) = (snapshot.number, snapshot.revision);
        Ok(Change { number, revision, changed, removed, is_complete: is_rebuilt })
    }

    /// Starts the watcher thread, which ends once this `Live` is dropped everywhere else.
    pub fn watch(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        // A thread, not a task: the store blocks.
        thread::spawn(move || {
            while let Some(live) = weak.upgrade() {
                if live.sender.receiver_count() > 0 {
                    // Requests report the error of a store that cannot be read; the watcher just tries again.
                    live.refresh().ok();
                }
                drop(live);
                thread::sleep(PERIOD);
            }
        });
    }
}

/// The old entries with the changed ones read anew, newest first.
fn merge(store: &Store, old: &Snapshot, changes: &Changes) -> Result<Vec<Arc<Entry>>, TrackingError> {
    let stays = |id: &RunId| !changes.changed.contains(id) && !changes.removed.contains(id);
    let kept = old.entries.iter().filter(|entry| stays(&entry.run.record.id));
    let mut entries: Vec<Arc<Entry>> = kept.map(|entry| entry.probe(store)).collect();
    if changes.changed.is_empty() {
        return Ok(entries);
    }
    for id in &changes.changed {
        match store.run(id) {
            Ok(run) => entries.push(Entry::reuse(old, store, run)),
            // Deleted in between: the next refresh reports it.
            Err(TrackingError::NoSuchRun { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let order = |entry: &Arc<Entry>| Reverse((entry.run.record.started, entry.run.record.id.clone()));
    // Stable and nearly sorted already; only changed runs move.
    entries.sort_by_cached_key(order);
    Ok(entries)
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<FileIdentity> {
    use std::os::unix::fs::MetadataExt;
    fs_err::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<FileIdentity> {
    // An open database cannot be replaced on Windows: that it exists is enough.
    let created = fs_err::metadata(path).ok()?.created().unwrap_or(std::time::UNIX_EPOCH);
    Some((created.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs(), 0))
}
