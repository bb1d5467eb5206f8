//! Deleting runs, restoring them, and removing them for good.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fs_err as fs;

use super::find::{find_run, no_such_run};
use super::open::Store;
use super::rows::row_number;
use crate::tracking::database::{Failure, params};
use crate::tracking::{RunId, RunRecord, TrackingError, UtcTime, folder};

/// A folder in `runs` without `run.json` that is older than this was left by a process killed while starting a run.
const ABANDONED_START: Duration = Duration::from_secs(3600);

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
        self.write(|database, revision| {
            if row_number(database, id)?.is_none() {
                return Err(no_such_run(id.as_str()).into());
            }
            self.require_local(database, id, "delete it")?;
            if folder::is_locked(&folder)? {
                return Err(TrackingError::Active { id: id.clone() }.into());
            }
            // Where the folder was removed by hand, only the row is left to delete.
            if folder.exists() {
                self.refuse_links()?;
                // A damaged `run.json` is moved as it is.
                if let Ok(mut record) = folder::read_record(&folder) {
                    record.trashed = Some(UtcTime::now());
                    folder::write_record(&folder, &record)?;
                }
                fs::create_dir_all(&trash)?;
                folder::move_folder(&folder, &trash.join(id.as_str()))?;
            }
            self.remove_rows(database, id, revision)
        })
    }

    /// Brings a deleted run back.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchRun`] if it is not in the trash, [`TrackingError::Exists`] if it is in `runs` already.
    pub fn restore(&mut self, id: &RunId) -> Result<(), TrackingError> {
        let (folder, trashed) = (self.folder(id), self.trash_folder().join(id.as_str()));
        self.refuse_links()?;
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
        })
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
                Err(error) => collected.kept.push((folder, error)),
            }
        }
        for (_, folder) in folder::named_folders(&self.runs_folder())? {
            match is_abandoned(&folder) {
                Ok(true) => folder::discard(&folder)?,
                Ok(false) => {}
                // Another user's, who lets nobody look into it.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                Err(error) => return Err(error.into()),
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
    let trashed = match folder::read_record(folder).ok().and_then(|record| record.trashed) {
        Some(trashed) => trashed,
        // Damaged, or moved there by hand.
        None => UtcTime::try_from(last_changed(folder)?).unwrap_or(now),
    };
    let is_old = now.seconds_since(trashed) >= older_than.as_secs_f64();
    if is_old {
        folder::discard(folder)?;
    }
    Ok(is_old)
}

/// When a folder was last changed: at the latest when it was moved to where it is, where the system tells that.
fn last_changed(folder: &Path) -> io::Result<SystemTime> {
    let data = fs::metadata(folder)?;
    let modified = data.modified()?;
    #[cfg(unix)]
    let modified = {
        use std::os::unix::fs::MetadataExt;
        let moved = Duration::from_secs(u64::try_from(data.ctime()).unwrap_or(0));
        modified.max(SystemTime::UNIX_EPOCH + moved)
    };
    Ok(modified)
}

/// Whether the start of a run was killed before the folder became a run.
fn is_abandoned(folder: &Path) -> io::Result<bool> {
    if folder::has(folder, folder::RUN) || folder::is_locked(folder)? {
        return Ok(false);
    }
    let modified = fs::metadata(folder)?.modified()?;
    Ok(SystemTime::now().duration_since(modified).is_ok_and(|age| age > ABANDONED_START))
}
