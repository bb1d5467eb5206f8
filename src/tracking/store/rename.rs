//! Experiments under other names. Each run says in its `run.json` which experiment it belongs to; its id keeps the slug of
//! the first one.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;

use super::find::of_experiment;
use super::open::Store;
use super::rows::run_id;
use crate::tracking::database::params;
use crate::tracking::{RunId, TrackingError, slug};

/// The longest name, in characters.
const MAX_NAME: usize = 200;

/// What of a record names the experiment.
#[derive(Deserialize)]
struct Named {
    experiment: String,
}

impl Store {
    /// The runs of an experiment, newest first. `experiment` is its name, or one that is alike but for capitals and signs.
    ///
    /// # Errors
    /// Several experiments whose names are alike, of which none has this one.
    pub fn ids_of(&self, experiment: &str) -> Result<Vec<RunId>, TrackingError> {
        of_experiment(experiment, self.experiments()?)
    }

    /// All runs, newest first, each with the name of its experiment.
    fn experiments(&self) -> Result<Vec<(RunId, String)>, TrackingError> {
        let mut named = self.named_otherwise()?;
        let name = |id: RunId| {
            let name = named.remove(&id).unwrap_or_else(|| id.experiment().to_owned());
            (id, name)
        };
        Ok(self.ids_newest_first()?.into_iter().map(name).collect())
    }

    /// Gives all runs of an experiment another one, whose name is `to`; archived runs as well, but none in the trash; and
    /// its sweeps, whose later trials have it, too. Returns the runs. `from` as in [`Store::ids_of`].
    ///
    /// # Errors
    /// No such experiment, or several; a name that is none; one that another experiment has, unless `merge`. A run that cannot be written:
    /// those before it have the new name.
    pub fn rename_experiment(&mut self, from: &str, to: &str, merge: bool) -> Result<Vec<RunId>, TrackingError> {
        let to = checked(to)?;
        let ids = self.ids_of(from)?;
        if ids.is_empty() {
            return Err(TrackingError::NoSuchExperiment { query: from.to_owned() });
        }
        // Of the same slug: whoever misses a capital would get the other one.
        let is_alike = |(id, name): &(RunId, String)| slug(name) == slug(to) && !ids.contains(id);
        let there = self.experiments()?.iter().filter(|run| is_alike(run)).count();
        if there > 0 && !merge {
            let merge = self.command(&["runs", "rename", from, to, "--merge"]);
            return Err(TrackingError::ExperimentExists { name: to.to_owned(), runs: there, merge });
        }
        let mut names = BTreeSet::new();
        for id in &ids {
            self.edit(id, |record| {
                names.insert(std::mem::replace(&mut record.experiment, to.to_owned()));
            })?;
        }
        self.transaction(|database| {
            for name in &names {
                let sql = "UPDATE sweep SET experiment = ?2 WHERE experiment = ?1";
                database.execute(sql, params![name.as_str(), to])?;
            }
            Ok(())
        })?;
        Ok(ids)
    }

    /// The experiments of runs whose names are not the slugs in their ids. The database compares, so that of a large store
    /// few records are read.
    fn named_otherwise(&self) -> Result<HashMap<RunId, String>, TrackingError> {
        let slug = format!("substr(id, 1, length(id) - {})", RunId::TAIL);
        let sql = format!(
            "SELECT id, record FROM run WHERE replace(record, '\"experiment\":\"' || {slug} || '\"', '') = record"
        );
        let found = self.query(&sql, &[], |row| {
            let named = serde_json::from_str::<Named>(row.text(1)?).ok();
            Ok(run_id(row, 0).ok().zip(named))
        })?;
        Ok(found.into_iter().flatten().map(|(id, named)| (id, named.experiment)).collect())
    }
}

/// # Errors
/// A name without a letter, or of several lines.
fn checked(name: &str) -> Result<&str, TrackingError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(TrackingError::InvalidExperiment { most: MAX_NAME });
    }
    Ok(name)
}
