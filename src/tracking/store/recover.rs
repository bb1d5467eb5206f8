//! What killed processes left unfinished, and the index rebuilt from the run folders.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::open::Store;
use super::rows::{row_number, run_id};
use super::summary::Run;
use crate::tracking::database::params;
use crate::tracking::{Closed, RunId, RunRecord, Shown, Status, TrackingError, UtcTime, folder};

/// The result of [`Store::reindex`].
#[derive(Debug, Default)]
pub struct Reindexed {
    /// Run folders that were read.
    pub runs: usize,
    /// Points that were read.
    pub points: usize,
    /// Rows dropped because their folder is gone.
    pub dropped: Vec<RunId>,
    /// Folders that could not be read, with the reason; their rows are unchanged.
    pub skipped: Vec<(PathBuf, TrackingError)>,
    /// The store, if it was open to other users and one of the run folders is not.
    pub closed: Option<Closed>,
}

impl Store {
    /// Completes what killed processes left unfinished: a run's start, deletion or restoring, and each running run whose
    /// process is gone. Such a run takes over the final status that the process still wrote into its folder, or else is
    /// recorded as crashed, with all points that reached the folder. Returns the ids of the crashed runs. A run that is closed to
    /// other users is not added to a store that is open to them: [`Store::reindex`] closes the store first.
    ///
    /// # Errors
    /// A folder or store that cannot be read or written. Damaged run folders are skipped; [`Store::reindex`] reports
    /// them.
    pub fn recover(&mut self) -> Result<Vec<RunId>, TrackingError> {
        let known: BTreeSet<RunId> = self.ids_newest_first()?.into_iter().collect();
        for (id, folder) in folder::named_folders(&self.runs_folder())? {
            // The lock is taken before `run.json` is written: one that is held means a run that is just starting.
            let is_missing = !known.contains(&id) && folder.join(folder::RUN).exists() && !folder::is_locked(&folder)?;
            if is_missing && !self.is_more_open_than(&folder) {
                ignore_damage(self.index_missing(&id, &folder))?;
            }
        }
        let (mut absent, mut unfinished) = (Vec::new(), Vec::new());
        self.for_each_run(|run| {
            if !self.folder(&run.record.id).exists() {
                absent.push(run.record.id);
            } else if !run.record.status.is_final() {
                unfinished.push(run);
            }
        })?;
        for id in absent {
            if self.trash_folder().join(id.as_str()).exists() && self.home_elsewhere(&id)?.is_none() {
                self.write(|database, revision| self.remove_rows(database, &id, revision))?;
            }
        }
        let mut crashed = Vec::new();
        for run in unfinished {
            let id = &run.record.id;
            if self.is_gone(&run) && ignore_damage(self.end_run(id, &self.folder(id)))?.unwrap_or(false) {
                crashed.push(id.clone());
            }
        }
        Ok(crashed)
    }

    /// The runs that have ended by their folders, and train by the store, which could not be written when they did.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn left_behind(&self) -> Result<Vec<RunId>, TrackingError> {
        // Few of many: the others' records are not read.
        let sql = "SELECT id FROM run WHERE record LIKE '%\"status\":\"running\"%'";
        let running = self.query(sql, &[], |row| Ok(run_id(row, 0).ok()))?;
        let has_ended = |id: &RunId| {
            folder::read_record(&self.folder(id)).is_ok_and(|written| written.status.is_final())
                && self.run(id).is_ok_and(|run| self.is_gone(&run))
        };
        Ok(running.into_iter().flatten().filter(has_ended).collect())
    }

    /// Takes over the ends of these runs from their folders.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn take_over_ends(&mut self, runs: &[RunId]) -> Result<(), TrackingError> {
        runs.iter().try_for_each(|id| ignore_damage(self.end_run(id, &self.folder(id))).map(drop))
    }

    /// Adds the rows of a run folder that has none.
    fn index_missing(&self, id: &RunId, folder: &Path) -> Result<(), TrackingError> {
        self.write(|database, revision| {
            // A short run may have started and ended since the ids were read.
            if row_number(database, id)?.is_some() {
                return Ok(());
            }
            let mut record = folder::read_record(folder)?;
            if record.sweep.is_some() && !record.archived {
                // Its trial never learned of it, and went on with another run.
                record.archived = true;
                folder::write_record(folder, &record)?;
            }
            self.index_folder(database, folder, record, revision).map(drop)
        })
    }

    /// Whether the run is recorded as running while its process is gone.
    fn is_gone(&self, run: &Run) -> bool {
        !run.record.status.is_final() && !matches!(self.shown(run), Shown::Running | Shown::Stalled)
    }

    /// Gives a run whose process is gone its final status; returns whether that is crashed.
    fn end_run(&self, id: &RunId, folder: &Path) -> Result<bool, TrackingError> {
        self.write(|database, revision| {
            let mut record = self.current_record(database, id)?;
            let written = folder::read_record(folder)?;
            let is_crashed = !written.status.is_final();
            if is_crashed {
                record.status = Status::Crashed;
                "the process ended without recording a final status".clone_into(&mut record.reason);
                // File times come from a coarser clock than ours and may lie a few milliseconds before the start.
                let last_activity = folder::last_activity(folder).and_then(|time| UtcTime::try_from(time).ok());
                record.ended = last_activity.map(|time| time.max(record.started));
                folder::write_record(folder, &record)?;
            } else {
                let RunRecord { status, reason, ended, best_epoch, .. } = written;
                record = RunRecord { status, reason, ended, best_epoch, ..record };
            }
            self.index_folder(database, folder, record, revision)?;
            Ok(is_crashed)
        })
    }

    /// Rebuilds all rows from the run folders and removes rows without a folder. Runs of other hosts are left alone.
    ///
    /// One transaction per run, so that a training waits for one run at most. The store is closed to other users first where a
    /// run is closed to them.
    pub fn reindex(&mut self) -> Result<Reindexed, TrackingError> {
        let folders = folder::list_run_folders(&self.runs_folder())?;
        let closed = self.close_for(&folders)?;
        let mut result = Reindexed { closed, ..Reindexed::default() };
        // Anybody can change a file; on a server, rows may be of other hosts and newer versions, and are theirs to remove.
        if self.location.server.is_none() {
            self.remove_orphans()?;
            self.remove_damaged()?;
        }
        for folder in folders {
            let indexed = self.write(|database, revision| {
                let record = folder::read_record(&folder)?;
                if self.remote_home(database, &record.id)?.is_some() {
                    return Ok(None);
                }
                let current = self.current_record(database, &record.id)?;
                if current != record {
                    folder::write_record(&folder, &current)?;
                }
                self.index_folder(database, &folder, current, revision).map(Some)
            });
            match indexed {
                Ok(None) => {}
                Ok(Some(points)) => {
                    result.runs += 1;
                    result.points += points;
                }
                Err(
                    error @ (TrackingError::Damaged { .. }
                    | TrackingError::Altered { .. }
                    | TrackingError::Io(_)
                    | TrackingError::DuplicatePoint { .. }),
                ) => {
                    result.skipped.push((folder, error));
                }
                Err(error) => return Err(error),
            }
        }
        for id in self.ids_newest_first()? {
            if !folder::is_there(&self.folder(&id))? && self.home_elsewhere(&id)?.is_none() {
                self.write(|database, revision| self.remove_rows(database, &id, revision))?;
                result.dropped.push(id);
            }
        }
        Ok(result)
    }
}

impl Store {
    /// Removes rows that no run can have: their id is not that of their record, which is one. What they were is read from the
    /// folders again.
    fn remove_damaged(&self) -> Result<(), TrackingError> {
        self.write(|database, _| {
            let removed = database
                .query("SELECT id FROM removed", &[], |row| Ok((run_id(row, 0).is_err(), row.get::<String>(0)?)))?;
            for (_, id) in removed.into_iter().filter(|(is_none, _)| *is_none) {
                database.execute("DELETE FROM removed WHERE id = ?1", params![id.as_str()])?;
            }
            let rows = database.query("SELECT number, record, id FROM run", &[], |row| {
                let is_own =
                    self.record(row, 1).is_ok_and(|record| row.text(2).is_ok_and(|id| id == record.id.as_str()));
                Ok((row.get::<i64>(0)?, is_own))
            })?;
            for (number, _) in rows.into_iter().filter(|(_, is_own)| !is_own) {
                database.execute("DELETE FROM run WHERE number = ?1", params![number])?;
            }
            Ok(())
        })
    }

    /// Removes what is of no run, as a change without foreign keys leaves it: with the number of a run that is gone, the next
    /// run would get its points.
    fn remove_orphans(&self) -> Result<(), TrackingError> {
        self.write(|database, _| {
            database.execute("DELETE FROM metric WHERE run NOT IN (SELECT number FROM run)", &[])?;
            database.execute("DELETE FROM point WHERE metric NOT IN (SELECT number FROM metric)", &[])?;
            database.execute("DELETE FROM trial WHERE sweep NOT IN (SELECT number FROM sweep)", &[])?;
            Ok(())
        })
    }
}

/// `None` for a damaged folder, or one that another user lets nobody look into, which must not keep the others from being
/// recovered.
fn ignore_damage<T>(result: Result<T, TrackingError>) -> Result<Option<T>, TrackingError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(TrackingError::Damaged { .. } | TrackingError::Altered { .. } | TrackingError::DuplicatePoint { .. }) => {
            Ok(None)
        }
        Err(TrackingError::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(error),
    }
}
