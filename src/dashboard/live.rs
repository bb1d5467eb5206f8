//! The runs in memory, and what changes in them: one watcher for all clients.
//!
//! [`Live::refresh`] asks the store what changed since the last time and keeps the answer. It is called by the watcher
//! thread twice a second while anybody listens, by each request for the runs, and after each edit; so a list is never
//! older than its request, and a dashboard that nobody looks at does nothing.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::broadcast;

use crate::tracking::{Changes, Location, Run, RunId, Shown, Store, TrackingError};

/// How often the watcher looks; an edit or a new epoch is on every page after at most this.
const PERIOD: Duration = Duration::from_millis(500);

/// Above this many changed runs, reading all of them at once is cheaper than one by one.
const MANY: usize = 100;

/// A run with what the page shows of it, as JSON made once and not per request.
#[derive(Debug)]
pub struct Entry {
    pub run: Run,
    pub shown: Shown,
    pub json: String,
}

impl Entry {
    fn new(run: Run, shown: Shown) -> Self {
        #[derive(Serialize)]
        struct View<'a> {
            #[serde(flatten)]
            run: &'a Run,
            shown: Shown,
        }
        let json = serde_json::to_string(&View { run: &run, shown }).expect("runs have string keys and serialize");
        Self { run, shown, json }
    }

    /// The old entry if nothing of it changed: pages are told only of what did.
    fn reuse(old: &Snapshot, store: &Store, run: Run) -> Arc<Self> {
        let shown = store.shown(&run);
        match old.find(&run.record.id) {
            Some(entry) if entry.shown == shown && entry.run == run => Arc::clone(entry),
            _ => Arc::new(Self::new(run, shown)),
        }
    }

    /// Looks again whether the process is alive, which changes without a revision.
    fn probe(self: &Arc<Self>, store: &Store) -> Arc<Self> {
        let is_same = self.run.record.status.is_final() || store.shown(&self.run) == self.shown;
        if is_same { Arc::clone(self) } else { Arc::new(Self::new(self.run.clone(), store.shown(&self.run))) }
    }
}

/// All runs at one revision, newest first.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Counts the snapshots, which a rebuilt store's revision does not.
    number: u64,
    pub revision: u64,
    pub entries: Vec<Arc<Entry>>,
    json: OnceLock<Bytes>,
}

impl Snapshot {
    fn new(revision: u64, entries: Vec<Arc<Entry>>) -> Self {
        Self { revision, entries, ..Self::default() }
    }

    /// `{revision, runs}`: made once and shared by all answers, however many clients are slow to take theirs.
    pub fn to_json(&self) -> Bytes {
        let make = || {
            let runs: Vec<&str> = self.entries.iter().map(|entry| entry.json.as_str()).collect();
            format!("{{\"revision\":{},\"runs\":[{}]}}", self.revision, runs.join(",")).into()
        };
        self.json.get_or_init(make).clone()
    }

    /// The run of this id.
    pub fn find(&self, id: &RunId) -> Option<&Arc<Entry>> {
        self.entries.iter().find(|entry| entry.run.record.id == *id)
    }
}

/// What clients are told: the runs that are new or changed, and the ids that are gone.
#[derive(Debug, Default)]
pub struct Change {
    /// Of the snapshot that it leads to: one that is not later than another is part of it.
    pub number: u64,
    pub revision: u64,
    pub changed: Vec<Arc<Entry>>,
    pub removed: Vec<RunId>,
    /// Whether `changed` are all runs there are: the store was rebuilt, older ids may be void.
    pub is_complete: bool,
}

impl Change {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty() && !self.is_complete
    }

    /// `{revision, changed, removed}`, and `complete` where it is.
    pub fn to_json(&self) -> String {
        let changed: Vec<&str> = self.changed.iter().map(|entry| entry.json.as_str()).collect();
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

/// The watcher's own connection, and the file it leads to.
#[derive(Debug, Default)]
struct Watched {
    store: Option<Store>,
    file: Option<FileIdentity>,
    /// The number of the last refresh that succeeded.
    done: u64,
}

/// Tells whether `burnlab.db` was replaced: an open connection would go on reading the old file.
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

    /// Later changes; subscribe before taking a snapshot, so that none is missed.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Change>> {
        self.sender.subscribe()
    }

    /// Brings the runs up to date, tells the clients what changed, and returns all. Blocks on the disk.
    pub fn refresh(&self) -> Result<Arc<Snapshot>, TrackingError> {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        // Of all who waited meanwhile, the first looks for them all: what it found is younger than their requests.
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
            // The folder is empty, or was emptied.
            return Ok(self.publish(old, Snapshot::default(), watched));
        };
        let changes = store.changes_since(old.revision)?;
        // A store that was rebuilt counts from the beginning.
        let all_anew = is_new_file || changes.revision < old.revision || changes.changed.len() > MANY;
        let entries = if all_anew {
            store.runs()?.into_iter().map(|run| Entry::reuse(&old, store, run)).collect()
        } else {
            merge(store, &old, &changes)?
        };
        Ok(self.publish(old, Snapshot::new(changes.revision, entries), watched))
    }

    /// Opens the store if there is one; tells whether it is another file than the last time.
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

    /// Takes the guard, so that two refreshes cannot publish in the wrong order.
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
            // An error only says that nobody listens.
            let (number, revision) = (new.number, new.revision);
            self.sender.send(Arc::new(Change { number, revision, changed, removed, is_complete: false })).ok();
        }
        new
    }

    /// What a client that has seen `since` must be told first.
    pub fn catch_up(&self, since: u64) -> Result<Change, TrackingError> {
        let snapshot = self.refresh()?;
        let is_rebuilt = since > snapshot.revision;
        let since = if is_rebuilt { 0 } else { since };
        // Runs without a final status as well: one may have crashed since, which no revision tells.
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

    /// Starts the watcher. It ends by itself once nobody holds this `Live` any more.
    pub fn watch(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        // A thread, not a task: the store blocks.
        thread::spawn(move || {
            while let Some(live) = weak.upgrade() {
                if live.sender.receiver_count() > 0 {
                    // A store that cannot be read now may be readable in a moment; requests report the error.
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
