//! Creating sweeps and reading them.

use std::collections::HashMap;

use super::rows::{json, no_such_sweep, number, select_trials, state, sweep_number, time};
use crate::tracking::database::{Param, params};
use crate::tracking::store::{find_id, run_id, to_json};
use crate::tracking::{Counts, NewSweep, RunId, Store, Sweep, TrackingError, Trial, TrialState, UtcTime, slug};

impl Store {
    /// Creates a sweep with all its trials, which wait and have no params yet.
    pub fn create_sweep(&mut self, sweep: NewSweep) -> Result<RunId, TrackingError> {
        let started = UtcTime::now();
        self.transaction(|database| {
            let id = loop {
                let id = RunId::generate(&sweep.experiment, started);
                if database.query_number("SELECT count(*) FROM sweep WHERE id = ?1", params![id.as_str()])? == 0 {
                    break id;
                }
            };
            let sql = "INSERT INTO sweep (id, experiment, started, config, method, metric, params, trials)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING number";
            let values = params![
                id.as_str(),
                sweep.experiment.as_str(),
                started.to_string(),
                sweep.config_toml.as_str(),
                sweep.method.as_str(),
                sweep.metric.as_str(),
                to_json(&sweep.params),
                sweep.num_trials,
            ];
            let number = database.query_number(sql, values)?;
            let state = TrialState::Waiting.as_str();
            let rows = (1..=sweep.num_trials).map(|trial| [number.into(), trial.into(), state.into()]);
            database.insert_many("trial", ["sweep", "number", "state"], "", rows)?.all()?;
            Ok(id)
        })
    }
}

impl Store {
    /// All sweeps, newest first.
    pub fn sweeps(&self) -> Result<Vec<Sweep>, TrackingError> {
        self.select_sweeps("", &[])
    }

    /// The sweep that `query` refers to: an id, the unique beginning of one, `latest`, or an experiment for its newest.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchSweep`], or [`TrackingError::AmbiguousSweep`] with up to five candidates.
    pub fn find_sweep(&self, query: &str) -> Result<Sweep, TrackingError> {
        let ids = self.query("SELECT id FROM sweep ORDER BY started DESC, id DESC", &[], |row| run_id(row, 0))?;
        let slug = slug(query);
        let id = match ids.iter().find(|id| !query.is_empty() && id.experiment() == slug) {
            Some(id) => id.clone(),
            None => find_id(query, ids, no_such_sweep, |query, count, candidates| TrackingError::AmbiguousSweep {
                query: query.to_owned(),
                count,
                candidates,
            })?,
        };
        let sweeps = self.select_sweeps("WHERE id = ?1", params![id.as_str()])?;
        sweeps.into_iter().next().ok_or_else(|| no_such_sweep(query))
    }

    /// The trials of a sweep, by number.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchSweep`].
    pub fn trials(&self, sweep: &RunId) -> Result<Vec<Trial>, TrackingError> {
        let trials = sweep_number(&self.database, sweep).and_then(|number| select_trials(&self.database, number));
        trials.map_err(|failure| self.to_error(failure))
    }

    fn select_sweeps(&self, condition: &str, parameters: &[Param]) -> Result<Vec<Sweep>, TrackingError> {
        let mut counts: HashMap<i64, Counts> = HashMap::new();
        self.query("SELECT sweep, state, count(*) FROM trial GROUP BY sweep, state", &[], |row| {
            let of_sweep = counts.entry(row.get(0)?).or_default();
            *of_sweep.of(state(row, 1)?) = number(row, 2)?;
            Ok(())
        })?;
        let sql = format!(
            "SELECT number, id, experiment, started, config, method, metric, params, trials FROM sweep {condition}
             ORDER BY started DESC, id DESC"
        );
        self.query(&sql, parameters, |row| {
            Ok(Sweep {
                id: run_id(row, 1)?,
                experiment: row.get(2)?,
                started: time(row.text(3)?)?,
                config_toml: row.get(4)?,
                method: row.get(5)?,
                metric: row.text(6)?.parse().map_err(TrackingError::from)?,
                params: json(row, 7)?,
                num_trials: number(row, 8)?,
                counts: counts.get(&row.get(0)?).copied().unwrap_or_default(),
            })
        })
    }
}
