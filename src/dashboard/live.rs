//! All runs in memory, and their changes: one watcher thread serves all clients.
//!
//! [`Live::refresh`] reads from the store what changed since its last call. The watcher thread calls it twice a second
//! while any page listens; each request for the runs and each edit call it too. So a list is never older than its
//! request, and a dashboard that nobody looks at does no work. Pages are told of changes twice a second, too.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use super::change::Change;
use super::entry::Entry;
use super::pool::Pool;
use super::snapshot::Snapshot;
use crate::threads;
use crate::tracking::{Changes, Location, RunId, Store, TrackingError};

/// How often the watcher polls: the longest delay until an edit or a new epoch is on every page.
const PERIOD: Duration = Duration::from_millis(500);

/// With more changed runs than this part of all, reading all runs at once is cheaper than reading each changed one.
const MANY: usize = 8;

/// The runs of one artifacts folder, which need not exist yet.
#[derive(Debug)]
pub struct Live {
    location: Location,
    watched: Mutex<Watched>,
    snapshot: RwLock<Arc<Snapshot>>,
    sender: broadcast::Sender<Arc<Change>>,
    /// How many refreshes have begun.
    begun: AtomicU64,
    /// The number of the last one that succeeded.
    done: AtomicU64,
}

/// The watcher's own connection, the file that it has open, and what the runs have in common.
#[derive(Debug, Default)]
struct Watched {
    store: Option<Store>,
    file: Option<FileIdentity>,
    pool: Pool,
    news: News,
}

/// What the listening pages have not been told yet. However often the runs are looked at, pages are told twice a second: of
/// each run what is known then.
#[derive(Debug, Default)]
struct News {
    changed: BTreeMap<RunId, Arc<Entry>>,
    removed: BTreeSet<RunId>,
    told: Option<Instant>,
}

impl News {
    fn add(&mut self, changed: Vec<Arc<Entry>>, removed: Vec<RunId>) {
        for id in removed {
            self.changed.remove(&id);
            self.removed.insert(id);
        }
        for entry in changed {
            self.removed.remove(entry.id());
            self.changed.insert(entry.id().clone(), entry);
        }
    }

    /// All of it, if there is any and it is time to tell it.
    fn due(&mut self) -> Option<(Vec<Arc<Entry>>, Vec<RunId>)> {
        let is_early = self.told.is_some_and(|told| told.elapsed() < PERIOD.mul_f64(0.9));
        if is_early || (self.changed.is_empty() && self.removed.is_empty()) {
            return None;
        }
        self.told = Some(Instant::now());
        let (changed, removed) = (std::mem::take(&mut self.changed), std::mem::take(&mut self.removed));
        Some((changed.into_values().collect(), removed.into_iter().collect()))
    }
}

/// Detects that `burnlab.db` was replaced: an open connection would keep reading the old file.
type FileIdentity = (u64, u64);

impl Live {
    pub fn new(location: Location) -> Self {
        let (sender, _) = broadcast::channel(64);
        let (begun, done) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { location, watched: Mutex::default(), snapshot: RwLock::default(), sender, begun, done }
    }

    /// The runs as of the last refresh.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Subscribes to later changes. Do so before taking a snapshot, so that none is missed.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Change>> {
        self.sender.subscribe()
    }

    /// How many refreshes have begun; for [`Live::since`].
    pub fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// The runs, if a refresh that began after `begun` has succeeded.
    pub fn since(&self, begun: u64) -> Option<Arc<Snapshot>> {
        (self.done.load(Ordering::SeqCst) > begun).then(|| self.snapshot())
    }

    /// Brings the runs up to date, sends the changes to subscribers, and returns all runs. Blocks on the disk.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn refresh(&self) -> Result<Arc<Snapshot>, TrackingError> {
        let begun = self.begun();
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        // Another caller refreshed while this one waited for the lock: its result is newer than this call.
        if let Some(snapshot) = self.since(begun) {
            return Ok(snapshot);
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let snapshot = self.look(&mut watched)?;
        self.done.store(number, Ordering::SeqCst);
        Ok(snapshot)
    }

    fn look(&self, watched: &mut Watched) -> Result<Arc<Snapshot>, TrackingError> {
        let old = self.snapshot();
        let is_new_file = self.open(watched)?;
        let Watched { store, pool, .. } = watched;
        let Some(store) = store else {
            // There is no store, or it was deleted.
            let removed = old.iter().map(|entry| entry.id().clone()).collect();
            return Ok(self.publish(&old, Snapshot::new(0, Vec::new()), Vec::new(), removed, watched));
        };
        let changes = store.changes_since(old.revision)?;
        // A rebuilt store restarts its revisions.
        let is_rebuilt = is_new_file || changes.revision < old.revision;
        if is_rebuilt || changes.changed.len() > 100.max(old.len() / MANY) {
            let (mut entries, mut changed) = (Vec::new(), Vec::new());
            store.for_each_run(|run| {
                let shown = store.shown(&run);
                let entry = Arc::new(Entry::new(run, shown, pool));
                // Pages are told only about changes.
                let same = old.find(entry.id()).filter(|known| **known == entry);
                if same.is_none() {
                    changed.push(Arc::clone(&entry));
                }
                entries.push(same.map_or(entry, Arc::clone));
            })?;
            let new = Snapshot::new(changes.revision, entries);
            let removed = old.missing_in(&new);
            return Ok(self.publish(&old, new, changed, removed, watched));
        }
        let (changed, gone) = changed(store, pool, &old, &changes)?;
        let removed: Vec<RunId> = changes.removed.into_iter().filter(|id| old.find(id).is_some()).chain(gone).collect();
        let new = old.changed(changes.revision, &changed, &removed);
        Ok(self.publish(&old, new, changed, removed, watched))
    }

    /// Opens the store if there is one; returns whether it is another file than the last time.
    fn open(&self, watched: &mut Watched) -> Result<bool, TrackingError> {
        // A server's tables are not replaced under an open connection.
        let file = match self.location.server {
            Some(_) => Some(FileIdentity::default()),
            None => identity(&self.location.root.join("burnlab.db")),
        };
        let is_same = watched.store.is_some() && watched.file == file;
        // One that is read without locks shows what it was when it was opened.
        if is_same && !watched.store.as_ref().is_some_and(Store::is_unlocked) {
            return Ok(false);
        }
        watched.store = match Store::open_read_only_at(&self.location) {
            Ok(store) => Some(store),
            Err(TrackingError::NoStore { .. }) => None,
            Err(error) => return Err(error),
        };
        watched.file = file;
        Ok(!is_same)
    }

    /// Takes what the lock guards, so that two refreshes cannot publish in the wrong order.
    fn publish(
        &self,
        old: &Arc<Snapshot>,
        mut new: Snapshot,
        changed: Vec<Arc<Entry>>,
        removed: Vec<RunId>,
        watched: &mut Watched,
    ) -> Arc<Snapshot> {
        let is_same = old.revision == new.revision && changed.is_empty() && removed.is_empty();
        let snapshot = if is_same {
            Arc::clone(old)
        } else {
            new.number = old.number + 1;
            watched.news.add(changed, removed);
            let new = Arc::new(new);
            *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
            new
        };
        if let Some((changed, removed)) = watched.news.due() {
            // An error only means that nobody is subscribed.
            self.sender.send(Arc::new(Change::new(snapshot.number, snapshot.revision, changed, removed))).ok();
        }
        snapshot
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
        let is_news = |entry: &&Arc<Entry>| entry.revision > since || !entry.is_final();
        let changed = snapshot.iter().filter(is_news).cloned().collect();
        let removed = match Store::open_read_only_at(&self.location) {
            Ok(store) => store.changes_since(since)?.removed,
            Err(TrackingError::NoStore { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut change = Change::new(snapshot.number, snapshot.revision, changed, removed);
        change.is_complete = is_rebuilt;
        Ok(change)
    }

    /// Starts the watcher thread, which ends once this `Live` is dropped everywhere else.
    pub fn watch(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        // A thread, not a task: the store blocks.
        let watching = threads::spawn(move || {
            // Of 20,000 runs this takes a second, in which whoever starts the dashboard opens the page.
            if let Some(live) = weak.upgrade() {
                live.refresh().ok();
            }
            while let Some(live) = weak.upgrade() {
                if live.sender.receiver_count() > 0 {
                    // Requests report the error of a store that cannot be read; the watcher just tries again.
                    live.refresh().ok();
                }
                drop(live);
                thread::sleep(PERIOD);
            }
        });
        // Without it the page shows what there is when it is loaded.
        watching.ok();
    }
}

/// The runs that changed or whose process has ended or fallen silent, which changes no revision; and those deleted in
/// between, which the next refresh would report.
fn changed(
    store: &Store,
    pool: &mut Pool,
    old: &Snapshot,
    changes: &Changes,
) -> Result<(Vec<Arc<Entry>>, Vec<RunId>), TrackingError> {
    let ids: HashSet<&RunId> = changes.changed.iter().chain(&changes.removed).collect();
    let mut changed: Vec<Arc<Entry>> = Vec::new();
    for entry in old.unfinished().filter(|entry| !ids.contains(entry.id())) {
        let run = entry.run();
        let shown = store.shown(&run);
        if shown != entry.shown {
            changed.push(Arc::new(Entry::new(run, shown, pool)));
        }
    }
    let mut gone = Vec::new();
    for id in &changes.changed {
        match store.run(id) {
            Ok(run) => {
                let shown = store.shown(&run);
                let entry = Arc::new(Entry::new(run, shown, pool));
                if old.find(id).is_none_or(|known| *known != entry) {
                    changed.push(entry);
                }
            }
            Err(TrackingError::NoSuchRun { .. }) => gone.extend(old.find(id).map(|known| known.id().clone())),
            Err(error) => return Err(error),
        }
    }
    Ok((changed, gone))
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
