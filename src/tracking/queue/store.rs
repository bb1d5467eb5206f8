//! The trials of sweeps as a queue that any number of workers take from.
//!
//! A worker holds a trial by a lease that it renews. Once the lease has run out, another worker may take the trial;
//! what the first one says of it then no longer counts: each change names the claim that it was made under.

mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::Value;

use self::rows::{
    Reading, change_trial, json, no_such_sweep, number, read_trial, runs_of_trial, select_trials, sweep_number,
    take_row, time,
};
use super::database::{Param, params};
use super::store::{pick, run_id, to_json};
use super::{
    Claim, Counts, NewSweep, Outcome, RunId, Status, Store, Sweep, TrackingError, Trial, TrialState, UtcTime, slug,
};

/// A trial whose workers were lost this often has failed: it may be what kills them.
pub const MAX_ATTEMPTS: u32 = 3;

// ---------------------------------------------------------------------------------------------------------------------
// Reading

impl Store {
    /// All sweeps, newest first.
    pub fn sweeps(&self) -> Result<Vec<Sweep>, TrackingError> {
        self.select_sweeps("", &[])
    }

    /// The sweep that `query` means: an id, the unique beginning of one, `latest`, or an experiment for its newest.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchSweep`], or [`TrackingError::AmbiguousSweep`] with up to five candidates.
    pub fn find_sweep(&self, query: &str) -> Result<Sweep, TrackingError> {
        let ids = self.query("SELECT id FROM sweep ORDER BY started DESC, id DESC", &[], |row| run_id(row, 0))?;
        let slug = slug(query);
        let id = match ids.iter().find(|id| !query.is_empty() && id.experiment() == slug) {
            Some(id) => id.clone(),
            None => pick(query, ids, no_such_sweep, |query, count, candidates| TrackingError::AmbiguousSweep {
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
        trials.map_err(|failure| self.fail(failure))
    }

    fn select_sweeps(&self, condition: &str, parameters: &[Param]) -> Result<Vec<Sweep>, TrackingError> {
        let mut counts: HashMap<i64, Counts> = HashMap::new();
        self.query("SELECT sweep, state, count(*) FROM trial GROUP BY sweep, state", &[], |row| {
            let of_sweep = counts.entry(row.get(0)?).or_default();
            *of_sweep.of(row.text(1)?.parse()?) = number(row, 2)?;
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
                metric: row.text(6)?.parse()?,
                params: json(row, 7)?,
                num_trials: number(row, 8)?,
                counts: counts.get(&row.get(0)?).copied().unwrap_or_default(),
            })
        })
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Changing

impl Store {
    /// Creates a sweep with all its trials, waiting and still without params.
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

    /// Takes the first trial that waits, or whose lease has run out, for as long as `lease`.
    ///
    /// `sample(number, trials)` gives the params of a trial that is taken for the first time; it is called inside the
    /// transaction, and again should the connection be lost. A trial that was lost [`MAX_ATTEMPTS`] times is failed
    /// and passed over. `None` does not mean that the sweep is done: trials that others have may come back, as
    /// [`Sweep::counts`] tells.
    ///
    /// # Errors
    /// [`TrackingError::NoSuchSweep`], or a store that cannot be written.
    pub fn claim(
        &mut self,
        sweep: &RunId,
        worker: &str,
        lease: Duration,
        mut sample: impl FnMut(u32, &[Trial]) -> BTreeMap<String, Value>,
    ) -> Result<Option<Claim>, TrackingError> {
        self.transaction(|database| {
            let number = sweep_number(database, sweep)?;
            let now = database.now()?;
            while let Some(taken) = take_row(database, number, now)? {
                if taken.attempts >= MAX_ATTEMPTS {
                    let sql = "UPDATE trial SET state = 'failed', reason = ?3, ended = ?4
                               WHERE sweep = ?1 AND number = ?2";
                    let reason = format!("given up: {MAX_ATTEMPTS} workers were lost");
                    let ended = UtcTime::now().to_string();
                    database.execute(sql, params![number, taken.number, reason, ended])?;
                    continue;
                }
                let params = match taken.claim {
                    0 => sample(taken.number, &select_trials(database, number)?),
                    _ => taken.params,
                };
                let attempt = taken.claim + 1;
                let sql = "UPDATE trial SET state = 'running', claim = ?3, attempts = attempts + 1, lease = ?4,
                           worker = ?5, started = ?6, ended = NULL, params = ?7, runs = '[]', rungs = '{}'
                           WHERE sweep = ?1 AND number = ?2";
                let (started, until) = (UtcTime::now().to_string(), now + lease.as_secs_f64());
                let values = params![number, taken.number, attempt, until, worker, started, to_json(&params)];
                database.execute(sql, values)?;
                let (number, mut abandoned) = (taken.number, taken.runs);
                if attempt > 1 {
                    abandoned.extend(runs_of_trial(database, sweep, number)?);
                    abandoned.sort();
                    abandoned.dedup();
                }
                return Ok(Some(Claim { sweep: sweep.clone(), number, attempt, params, abandoned }));
            }
            Ok(None)
        })
    }

    /// Renews the lease; `false`: the trial is another's now.
    pub fn heartbeat(&mut self, claim: &Claim, lease: Duration) -> Result<bool, TrackingError> {
        self.transaction(|database| {
            let until = database.now()? + lease.as_secs_f64();
            change_trial(database, claim, "lease = ?4", params![until])
        })
    }

    /// Notes a run of the trial; `false`: the trial is another's now.
    pub fn begin_run(&mut self, claim: &Claim, run: &RunId) -> Result<bool, TrackingError> {
        self.transaction(|database| {
            let Some(mut runs) = read_trial::<Vec<RunId>>(database, claim, "runs")? else { return Ok(false) };
            runs.push(run.clone());
            change_trial(database, claim, "runs = ?4", params![to_json(&runs)])
        })
    }

    /// Notes the value that the trial has at a rung (an epoch). Returns the values of all trials that got there, its
    /// own included; `None`: the trial is another's now.
    pub fn reach_rung(&mut self, claim: &Claim, epoch: u64, value: f64) -> Result<Option<Vec<f64>>, TrackingError> {
        self.transaction(|database| {
            let rungs = read_trial::<BTreeMap<u64, Reading>>(database, claim, "rungs")?;
            let Some(mut rungs) = rungs else { return Ok(None) };
            rungs.insert(epoch, Reading(value));
            change_trial(database, claim, "rungs = ?4", params![to_json(&rungs)])?;
            let number = sweep_number(database, &claim.sweep)?;
            let all = database.query("SELECT rungs FROM trial WHERE sweep = ?1", params![number], |row| {
                json::<BTreeMap<u64, Reading>>(row, 0)
            })?;
            Ok(Some(all.iter().filter_map(|rungs| rungs.get(&epoch)).map(|reading| reading.0).collect()))
        })
    }

    /// Records the trial's result; `false`: the trial is another's now, and nothing was recorded.
    ///
    /// # Errors
    /// [`TrackingError::NoResult`] for a state that is no end.
    pub fn complete(&mut self, claim: &Claim, outcome: &Outcome) -> Result<bool, TrackingError> {
        let Outcome { state, value, reason } = outcome;
        if matches!(state, TrialState::Waiting | TrialState::Running) {
            return Err(TrackingError::NoResult { state: *state });
        }
        let ended = UtcTime::now().to_string();
        self.transaction(|database| {
            let values = params![state.as_str(), *value, reason.as_str(), ended.as_str()];
            change_trial(database, claim, "state = ?4, value = ?5, reason = ?6, ended = ?7", values)
        })
    }

    /// Gives the trial back unfinished, since the user stopped the worker: this attempt does not count.
    pub fn release(&mut self, claim: &Claim) -> Result<bool, TrackingError> {
        self.transaction(|database| {
            change_trial(database, claim, "state = 'waiting', attempts = attempts - 1, lease = 0", &[])
        })
    }

    /// Lets others take at once what a worker had whose process is known to be dead. The attempts stay counted.
    /// Returns how many trials it had.
    pub fn release_worker(&mut self, sweep: &RunId, worker: &str) -> Result<u32, TrackingError> {
        let count = self.transaction(|database| {
            let sql = "UPDATE trial SET state = 'waiting', lease = 0
                       WHERE sweep = ?1 AND worker = ?2 AND state = 'running'";
            database.execute(sql, params![sweep_number(database, sweep)?, worker])
        })?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Puts away a run whose worker was lost: archives it, and records it as crashed unless it has an end already.
    pub fn abandon(&mut self, run: &RunId, reason: &str) -> Result<(), TrackingError> {
        let abandoned = self.edit(run, |record| {
            if !record.status.is_final() {
                record.status = Status::Crashed;
                reason.clone_into(&mut record.reason);
                record.ended = Some(UtcTime::now());
            }
            record.archived = true;
        });
        match abandoned {
            // Somebody deleted it: it is out of the way.
            Err(TrackingError::NoSuchRun { .. }) => Ok(()),
            result => result,
        }
    }
}
