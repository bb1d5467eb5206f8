//! Creating sweeps and reading them.

use std::collections::HashMap;

use super::rows::{json, no_such_sweep, number, select_trials, state, sweep_number, time};
use crate::tracking::database::{Failure, Param, Row, params};
use crate::tracking::store::{find_id, of_experiment, run_id, to_json};
use crate::tracking::{Counts, NewSweep, RunId, Store, Sweep, TrackingError, Trial, TrialState, UtcTime};

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
            let sql = "INSERT INTO sweep (id, experiment, started, config, method, metric, params, trials, data)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING number";
            let values = params![
                id.as_str(),
                sweep.experiment.as_str(),
                started.to_string(),
                sweep.config_toml.as_str(),
                sweep.method.as_str(),
                sweep.metric.as_str(),
                to_json(&sweep.params),
                sweep.num_trials,
                sweep.data.as_str(),
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
    /// All sweeps, newest first, without those whose rows are damaged, and how many these are.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn sweeps(&self) -> Result<(Vec<Sweep>, usize), TrackingError> {
        let all = self.select_sweeps("", &[])?;
        let num_all = all.len();
        let sound: Vec<Sweep> = all.into_iter().flatten().collect();
        let num_damaged = num_all - sound.len();
        Ok((sound, num_damaged))
    }

    /// The sweep that `query` refers to: an id, the unique beginning of one, `latest`, or an experiment for its newest.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchSweep`], or [`TrackingError::AmbiguousSweep`] with up to five candidates.
    pub fn find_sweep(&self, query: &str) -> Result<Sweep, TrackingError> {
        let sql = "SELECT id, experiment FROM sweep ORDER BY started DESC, id DESC";
        let named = |row: &Row| Ok(run_id(row, 0).ok().zip(row.get::<String>(1).ok()));
        let known: Vec<(RunId, String)> = self.query(sql, &[], named)?.into_iter().flatten().collect();
        // By the name that the experiment has now: the id keeps the old one, which another may have.
        let id = match of_experiment(query, known.clone())?.into_iter().next() {
            Some(id) => id,
            None => find_id(
                query,
                known.into_iter().map(|(id, _)| id).collect(),
                no_such_sweep,
                |query, count, candidates| TrackingError::AmbiguousSweep { query: query.to_owned(), count, candidates },
            )?,
        };
        let sweeps = self.select_sweeps("WHERE id = ?1", params![id.as_str()])?;
        let sweep = sweeps.into_iter().next().ok_or_else(|| no_such_sweep(query))?;
        sweep.map_err(|failure| self.to_error(failure))
    }

    /// The trials of a sweep, by number.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchSweep`].
    pub fn trials(&self, sweep: &RunId) -> Result<Vec<Trial>, TrackingError> {
        let trials = sweep_number(&self.database, sweep).and_then(|number| select_trials(&self.database, number));
        trials.map_err(|failure| self.to_error(failure))
    }

    /// Each sweep, or what is wrong with its row.
    fn select_sweeps(
        &self,
        condition: &str,
        parameters: &[Param],
    ) -> Result<Vec<Result<Sweep, Failure>>, TrackingError> {
        let mut counts: HashMap<i64, Counts> = HashMap::new();
        self.query("SELECT sweep, state, count(*) FROM trial GROUP BY sweep, state", &[], |row| {
            // A trial in a state that there is not is none, wherever it is asked for.
            if let (Ok(sweep), Ok(state), Ok(count)) = (row.get(0), state(row, 1), number(row, 2)) {
                *counts.entry(sweep).or_default().of(state) = count;
            }
            Ok(())
        })?;
        let sql = format!(
            "SELECT number, id, experiment, started, config, method, metric, params, trials, data FROM sweep {condition}
             ORDER BY started DESC, id DESC"
        );
        self.query(&sql, parameters, |row| Ok(sweep_of(row, &counts)))
    }
}

fn sweep_of(row: &Row, counts: &HashMap<i64, Counts>) -> Result<Sweep, Failure> {
    Ok(Sweep {
        id: run_id(row, 1)?,
        experiment: row.get(2)?,
        started: time(row.text(3)?)?,
        config_toml: row.get(4)?,
        method: row.get(5)?,
        metric: row.text(6)?.parse().map_err(TrackingError::from)?,
        params: json(row, 7)?,
        num_trials: number(row, 8)?,
        data: row.get(9)?,
        counts: counts.get(&row.get(0)?).copied().unwrap_or_default(),
    })
}
