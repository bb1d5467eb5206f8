//! Deleting runs, restoring them, and removing them for good.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fs_err as fs;

use super::find::{find_run, no_such_run};
use super::open::Store;
use super::rows::row_number;
use crate::tracking::database::{Database, Failure, params};
use crate::tracking::folder::Held;
use crate::tracking::{Closed, RunId, RunRecord, TrackingError, UtcTime, folder};

/// A folder in `runs` without `run.json` that is older than this was left by a process killed while starting a run.
const ABANDONED_START: Duration = Duration::from_secs(3600);

/// Errors of folders that are left alone.
const NOT_OURS: [io::ErrorKind; 2] = [io::ErrorKind::PermissionDenied, io::ErrorKind::NotFound];

/// Errors of a disk without room, or of a user who has used up theirs.
const NO_ROOM: [io::ErrorKind; 2] = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];

/// The result of [`Store::gc`].
#[derive(Debug, Default)]
pub struct Collected {
    /// Runs that are gone from the trash.
    pub gone: Vec<RunId>,
    /// Folders that could not be removed, such as another user's, with the reason.
    pub kept: Vec<(PathBuf, TrackingError)>,
}

impl Store {
    /// The deleted runs that can be restored, newest first.
    ///
    /// # Errors
    /// If the trash cannot be listed. Folders with a damaged `run.json` are left out.
    pub fn trashed(&self) -> Result<Vec<RunRecord>, TrackingError> {
        let trash = self.trash_folder();
        folder::own_folder(&trash)?;
        let folders = folder::list_run_folders(&trash)?;
        let mut records: Vec<RunRecord> =
            folders.iter().filter_map(|folder| folder::read_record(folder).ok()).collect();
        records.sort_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
        Ok(records)
    }

    /// As [`Store::find`], among the deleted runs.
    pub fn find_trashed(&self, query: &str) -> Result<RunId, TrackingError> {
        find_run(query, self.trashed()?.into_iter().map(|record| record.id).collect())
    }

    /// Moves a run to the trash folder; [`Store::restore`] brings it back.
    ///
    /// # Errors
    /// [`TrackingError::Active`] for a run that is still training, [`TrackingError::NoSuchRun`].
    pub fn delete(&mut self, id: &RunId) -> Result<(), TrackingError> {
        let (folder, trash) = (self.folder(id), self.trash_folder());
        let trashed = trash.join(id.as_str());
        let mut is_moved = false;
        let deleted = self.write(|database, revision| {
            if row_number(database, id)?.is_none() {
                return Err(no_such_run(id.as_str()).into());
            }
            self.require_local(database, id, "delete it")?;
            // Where the folder was removed by hand, only the row is left to delete.
            if folder::is_there(&folder)? {
                self.refuse_links()?;
                let held = folder::hold(folder.clone())?;
                if folder::is_locked(&held)? {
                    return Err(TrackingError::Active { id: id.clone() }.into());
                }
                // A damaged `run.json` is moved as it is.
                if let Ok(mut record) = folder::read_record(&held) {
                    record.trashed = Some(UtcTime::now());
                    match folder::write_record(&held, &record) {
                        // To delete is what makes room again. When it was, the folder itself tells `gc`.
                        Err(TrackingError::Io(error)) if NO_ROOM.contains(&error.kind()) => {}
                        written => written?,
                    }
                }
                fs::create_dir_all(&trash)?;
                held.check()?;
                if folder::is_there(&trashed)? {
                    return Err(TrackingError::InTheWay { path: trashed.clone() }.into());
                }
                folder::move_folder(&folder, &trashed)?;
                is_moved = true;
            }
            self.remove_rows(database, id, revision)
        });
        // Not half deleted, where the disk has no room for the store's change. A server that is lost may have made it.
        if deleted.is_err() && is_moved && matches!(self.database, Database::Sqlite(_)) {
            folder::move_folder(&trashed, &folder)?;
            if let Ok(mut record) = folder::read_record(&folder) {
                record.trashed = None;
                folder::write_record(&folder, &record).ok();
            }
        }
        deleted
    }

    /// Brings a deleted run back; tells if the store was open to other users, to whom the run is closed.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`] if it is not in the trash, [`TrackingError::Exists`] if it is in `runs` already.
    pub fn restore(&mut self, id: &RunId) -> Result<Option<Closed>, TrackingError> {
        let (folder, trashed) = (self.folder(id), self.trash_folder().join(id.as_str()));
        self.refuse_links()?;
        let closed = if trashed.exists() { self.close_for([&trashed])? } else { None };
        // A transaction that is retried finds the folder already moved.
        let mut is_moved = false;
        self.write(|database, revision| {
            if !is_moved {
                if !trashed.exists() {
                    let sql = "SELECT home FROM removed WHERE id = ?1";
                    let home: Option<String> = database.query_first(sql, params![id.as_str()], |row| row.get(0))?;
                    return Err(match home.filter(|home| *home != self.home) {
                        Some(home) => TrackingError::Elsewhere { id: id.clone(), home, action: "restore it" },
                        None => no_such_run(id.as_str()),
                    }
                    .into());
                }
                if folder.exists() {
                    return Err(TrackingError::Exists { id: id.clone() }.into());
                }
                let mut record = folder::read_record(&trashed)?;
                record.trashed = None;
                folder::write_record(&trashed, &record)?;
                folder::move_folder(&trashed, &folder)?;
                is_moved = true;
            }
            let indexed = folder::read_record(&folder)
                .map_err(Failure::from)
                .and_then(|record| self.index_folder(database, &folder, record, revision));
            match indexed {
                Ok(_) => {}
                // The transaction is retried on a new connection.
                Err(error @ Failure::Postgres(_)) => return Err(error),
                Err(error) => {
                    // Not half restored: back to the trash, where the user can try again.
                    folder::move_folder(&folder, &trashed)?;
                    return Err(error);
                }
            }
            Ok(())
        })?;
        Ok(closed)
    }

    /// Removes for good the runs that were deleted at least `older_than` ago, and the folders without a run that
    /// processes killed at their start left in `runs`.
    ///
    /// # Errors
    /// A folder that is no folder, or that cannot be read.
    pub fn gc(&mut self, older_than: Duration) -> Result<Collected, TrackingError> {
        self.refuse_links()?;
        let mut collected = Collected::default();
        for folder in [self.trash_folder(), self.runs_folder()] {
            collected.kept.extend(folder::remove_discarded(&folder)?);
        }
        let now = UtcTime::now();
        for (id, folder) in folder::named_folders(&self.trash_folder())? {
            match discard_old(&folder, now, older_than) {
                Ok(true) => collected.gone.push(id),
                Ok(false) => {}
                Err(error) => {
                    // What is left of it, if some is removed already.
                    let rest = folder::discarded(&folder);
                    collected.kept.push((if rest.exists() { rest } else { folder }, error));
                }
            }
        }
        for (_, folder) in folder::named_folders(&self.runs_folder())? {
            match folder::hold(folder.clone()).and_then(|held| discard_abandoned(&held)) {
                Ok(()) => {}
                // Another user's, who lets nobody look into it; or it was moved or removed meanwhile.
                Err(TrackingError::Io(error)) if NOT_OURS.contains(&error.kind()) => {}
                Err(TrackingError::Damaged { .. } | TrackingError::Exchanged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(collected)
    }

    /// Runs are moved and removed in this artifacts folder alone, wherever a link in it leads.
    fn refuse_links(&self) -> Result<(), TrackingError> {
        for folder in [self.trash_folder(), self.runs_folder()] {
            folder::own_folder(&folder)?;
        }
        Ok(())
    }
}

/// Removes a run in the trash for good, if it was deleted at least `older_than` ago.
fn discard_old(folder: &Path, now: UtcTime, older_than: Duration) -> Result<bool, TrackingError> {
    // What is looked at is what is removed, whatever has its name meanwhile.
    let held = folder::hold(folder.to_owned())?;
    let trashed = match folder::read_record(&held).ok().and_then(|record| record.trashed) {
        Some(trashed) => trashed,
        // Damaged, or moved there by hand.
        None => UtcTime::try_from(at(held.directory().last_changed()?)).unwrap_or(now),
    };
    let is_old = now.seconds_since(trashed) >= older_than.as_secs_f64();
    if is_old {
        folder::discard(&held)?;
    }
    Ok(is_old)
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Removes a folder that the start of a run has left, which was killed before the folder became a run.
fn discard_abandoned(folder: &Held) -> Result<(), TrackingError> {
    if folder::try_has(folder, folder::RUN)? || folder::is_locked(folder)? {
        return Ok(());
    }
    let age = SystemTime::now().duration_since(at(folder.directory().modified()?));
    if age.is_ok_and(|age| age > ABANDONED_START) { folder::discard(folder) } else { Ok(()) }
}
