//! Changes of one run: what users edit, and what its training records.

use serde_json::Value;

use super::find::no_such_run;
use super::index::insert_points;
use super::open::Store;
use super::rows::{row_number, to_json};
use crate::tracking::database::{Database, Failure, params};
use crate::tracking::folder::{self, MetricsFile};
use crate::tracking::record::normalized_tags;
use crate::tracking::{Point, RunId, RunRecord, Shown, Status, TrackingError};

impl Store {
    /// Adds and removes tags.
    pub fn edit_tags(&mut self, id: &RunId, add: &[String], remove: &[String]) -> Result<(), TrackingError> {
        self.edit(id, |record| {
            record.tags.extend_from_slice(add);
            record.tags = normalized_tags(std::mem::take(&mut record.tags));
            record.tags.retain(|tag| !remove.contains(tag));
        })
    }

    /// Replaces all tags.
    pub fn set_tags(&mut self, id: &RunId, tags: Vec<String>) -> Result<(), TrackingError> {
        let tags = normalized_tags(tags);
        self.edit(id, |record| record.tags.clone_from(&tags))
    }

    /// Sets the note; an empty one removes it.
    pub fn set_note(&mut self, id: &RunId, note: &str) -> Result<(), TrackingError> {
        self.edit(id, |record| record.note = Some(note.trim().to_owned()).filter(|note| !note.is_empty()))
    }

    /// Sets the display name; an empty one removes it.
    pub fn set_name(&mut self, id: &RunId, name: &str) -> Result<(), TrackingError> {
        self.edit(id, |record| record.name = Some(name.trim().to_owned()).filter(|name| !name.is_empty()))
    }

    /// Hides a run from lists, or shows it again.
    pub fn set_archived(&mut self, id: &RunId, archived: bool) -> Result<(), TrackingError> {
        self.edit(id, |record| record.archived = archived)
    }

    /// Asks the process that trains a run to end it at its next step, as Ctrl-C does. It looks twice a second.
    ///
    /// # Errors
    /// A run that is not being trained, or is on another host; a folder that cannot be written.
    pub fn ask_to_stop(&self, id: &RunId) -> Result<(), TrackingError> {
        if let Some(home) = self.home_elsewhere(id)? {
            return Err(TrackingError::Elsewhere { id: id.clone(), home, action: "stop it" });
        }
        let shown = self.shown(&self.run(id)?);
        match shown {
            Shown::Running | Shown::Stalled => folder::write_renamed(&self.folder(id), folder::STOP, b""),
            _ => Err(TrackingError::NotTraining { id: id.clone(), shown: shown.to_string() }),
        }
    }

    /// Changes `run.json` and the row together. The write lock keeps concurrent edits from undoing each other.
    pub(in crate::tracking) fn edit(
        &mut self,
        id: &RunId,
        mut change: impl FnMut(&mut RunRecord),
    ) -> Result<(), TrackingError> {
        let folder = self.folder(id);
        let mut before = None;
        let result = self.write(|database, revision| {
            let is_here = self.remote_home(database, id)?.is_none();
            if is_here && !folder.exists() {
                return Err(no_such_run(id.as_str()).into());
            }
            let mut record = self.current_record(database, id)?;
            let had_ended = before.get_or_insert_with(|| record.clone()).status.is_final();
            change(&mut record);
            if is_here {
                folder::write_record(&folder, &record)?;
                // A training that ended while the store was locked has left it behind the folder.
                if row_number(database, id)?.is_none() || had_ended && self.is_behind(database, id)? {
                    self.index_folder(database, &folder, record.clone(), revision)?;
                }
            }
            let sql = "UPDATE run SET record = ?2, revision = ?3 WHERE id = ?1";
            database.execute(sql, params![id.as_str(), to_json(&record), revision])?;
            Ok(())
        });
        if let (Err(_), Some(before), None) = (&result, before, &self.location.server) {
            // An edit that failed must not take effect with the next one. (On a server the row is authoritative.)
            folder::write_record(&folder, &before).ok();
        }
        result
    }

    /// Whether a run trains by the store's record.
    fn is_behind(&self, database: &Database, id: &RunId) -> Result<bool, Failure> {
        let sql = "SELECT record FROM run WHERE id = ?1";
        let stored = database.query_first(sql, params![id.as_str()], |row| self.record(row, 0))?;
        Ok(stored.is_some_and(|stored| !stored.status.is_final()))
    }

    /// The record to change: on a server that of the row, since edits made on other hosts do not reach the folder.
    pub(super) fn current_record(&self, database: &Database, id: &RunId) -> Result<RunRecord, Failure> {
        if self.location.server.is_some() {
            let sql = "SELECT record FROM run WHERE id = ?1";
            let record = database.query_first(sql, params![id.as_str()], |row| self.record(row, 0))?;
            if let Some(record) = record {
                return Ok(record);
            }
        }
        Ok(folder::read_record(&self.folder(id))?)
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// What a training run records

impl Store {
    /// Adds the row of a run whose folder was just written.
    pub(in crate::tracking) fn insert(&mut self, record: &RunRecord, environment: &Value) -> Result<(), TrackingError> {
        self.write(|database, revision| self.upsert_run(database, record, environment, revision).map(drop))
    }

    /// Sets a run that ended back to running, with the points in its folder.
    pub(in crate::tracking) fn reopen(&mut self, id: &RunId) -> Result<(), TrackingError> {
        let folder = self.folder(id);
        self.write(|database, revision| {
            self.require_local(database, id, "resume it")?;
            let mut record = self.current_record(database, id)?;
            record.status = Status::Running;
            record.reason.clear();
            record.ended = None;
            record.best_epoch = None;
            folder::write_record(&folder, &record)?;
            self.index_folder(database, &folder, record, revision)?;
            Ok(())
        })
    }

    /// Makes the rows of a run equal to its folder, whose points the store lacks.
    pub(in crate::tracking) fn take_over(&mut self, id: &RunId) -> Result<(), TrackingError> {
        let folder = self.folder(id);
        self.write(|database, revision| {
            let record = self.current_record(database, id)?;
            self.index_folder(database, &folder, record, revision).map(drop)
        })
    }

    /// Appends points to `file` and the store: to both or, on an error, to neither.
    pub(in crate::tracking) fn append(
        &mut self,
        id: &RunId,
        points: &[Point],
        file: &mut MetricsFile,
    ) -> Result<(), TrackingError> {
        let length = file.length();
        let folder = self.folder(id);
        let result = self.write(|database, revision| {
            if file.length() != length {
                file.undo(length);
            }
            // The row may have been removed, or the store rebuilt, during the run.
            if row_number(database, id)?.is_none() {
                self.index_folder(database, &folder, folder::read_record(&folder)?, revision)?;
            }
            let run = row_number(database, id)?.ok_or_else(|| no_such_run(id.as_str()))?;
            insert_points(database, run, id, points)?;
            let sql = "UPDATE run SET revision = ?2, heard = ?3 WHERE number = ?1";
            database.execute(sql, params![run, revision, database.now()?])?;
            // The file before the commit: a kill in between may leave an unacknowledged epoch in the file, but never
            // loses an acknowledged one.
            Ok(file.append(points)?)
        });
        if result.is_err() {
            file.undo(length);
        }
        result
    }
}
