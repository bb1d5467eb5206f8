//! What workers do with trials: take them, renew their lease, and record their results.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::rows::{
    self, Claimable, RungValue, change_trial, claimable, json, read_trial, runs_of_trial, select_trials, sweep_number,
};
use crate::tracking::database::params;
use crate::tracking::store::to_json;
use crate::tracking::{Claim, Outcome, RunId, Status, Store, TrackingError, Trial, TrialState, UtcTime};

/// A trial whose workers were lost this often has failed: it may be what kills them.
pub const MAX_ATTEMPTS: u32 = 3;

/// Seconds by which a clock may have been set back without anybody's lease being doubted.
const CLOCKS_DIFFER: f64 = 1.0;

/// A trial that a worker has.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    pub number: u32,
    /// `host:process`.
    pub worker: String,
    /// When it was taken.
    pub since: Option<UtcTime>,
    /// Seconds until its lease ends, unless the worker renews it.
    pub seconds: f64,
    pub runs: Vec<RunId>,
}

impl Store {
    /// The trials that workers have, by number.
    pub fn held(&self, sweep: &RunId) -> Result<Vec<Held>, TrackingError> {
        let held = || {
            let (number, now) = (sweep_number(&self.database, sweep)?, self.database.now()?);
            let sql = "SELECT number, worker, lease, started, runs FROM trial
                       WHERE sweep = ?1 AND state = 'running' ORDER BY number";
            self.database.query(sql, params![number], |row| {
                let since = row.get::<Option<String>>(3)?.map(|text| rows::time(&text)).transpose()?;
                Ok(Held {
                    number: rows::number(row, 0)?,
                    worker: row.get::<Option<String>>(1)?.unwrap_or_default(),
                    since,
                    seconds: row.get::<f64>(2)? - now,
                    runs: json(row, 4)?,
                })
            })
        };
        held().map_err(|failure| self.to_error(failure))
    }

    /// Takes the first trial that is waiting, or whose lease has expired, and leases it for `lease`.
    ///
    /// `sample(number, trials)` returns the params of a trial that is taken for the first time; it is called inside the
    /// transaction, and again if the connection is lost. A trial whose workers were lost [`MAX_ATTEMPTS`] times is
    /// recorded as failed and skipped, and so is one whose row is not what burnlab wrote. `None` does not mean that the sweep is done: running trials may come back (see
    /// [`Sweep::counts`](crate::tracking::Sweep::counts)).
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
            let latest = now + lease.as_secs_f64() + CLOCKS_DIFFER;
            while let Some(Claimable { number: trial, rest }) = claimable(database, number, now, latest)? {
                let fail = |reason: String, more: &str| {
                    let sql = format!(
                        "UPDATE trial SET state = 'failed', reason = ?3, ended = ?4 {more}
                         WHERE sweep = ?1 AND number = ?2"
                    );
                    database.execute(&sql, params![number, trial, reason, UtcTime::now().to_string()])
                };
                let Some(taken) = rest else {
                    // Nobody could ever take it, nor read it.
                    let anew = ", claim = 0, attempts = 0, params = '{}', runs = '[]', rungs = '{}', value = NULL, worker = NULL";
                    fail("given up: its row in the store is damaged".to_owned(), anew)?;
                    continue;
                };
                if taken.attempts >= MAX_ATTEMPTS {
                    fail(format!("given up: {MAX_ATTEMPTS} workers were lost"), "")?;
                    continue;
                }
                let params = match taken.claim {
                    0 => sample(trial, &select_trials(database, number)?),
                    _ => taken.params,
                };
                let attempt = taken.claim + 1;
                let sql = "UPDATE trial SET state = 'running', claim = ?3, attempts = attempts + 1, lease = ?4,
                           worker = ?5, started = ?6, ended = NULL, params = ?7, runs = '[]', rungs = '{}'
                           WHERE sweep = ?1 AND number = ?2";
                let (started, until) = (UtcTime::now().to_string(), now + lease.as_secs_f64());
                let values = params![number, trial, attempt, until, worker, started, to_json(&params)];
                database.execute(sql, values)?;
                let mut abandoned = taken.runs;
                if attempt > 1 {
                    abandoned.extend(runs_of_trial(database, sweep, trial)?);
                    abandoned.sort();
                    abandoned.dedup();
                }
                return Ok(Some(Claim { sweep: sweep.clone(), number: trial, attempt, params, abandoned }));
            }
            Ok(None)
        })
    }

    /// Renews the lease; `false` if another worker has the trial now.
    pub fn heartbeat(&mut self, claim: &Claim, lease: Duration) -> Result<bool, TrackingError> {
        self.transaction(|database| {
            let until = database.now()? + lease.as_secs_f64();
            change_trial(database, claim, "lease = ?4", params![until])
        })
    }

    /// Records a run of the trial; `false` if another worker has the trial now.
    pub fn begin_run(&mut self, claim: &Claim, run: &RunId) -> Result<bool, TrackingError> {
        self.transaction(|database| {
            let Some(mut runs) = read_trial::<Vec<RunId>>(database, claim, "runs")? else { return Ok(false) };
            runs.push(run.clone());
            change_trial(database, claim, "runs = ?4", params![to_json(&runs)])
        })
    }

    /// Records the value of the trial at a rung, an epoch. Returns the values of all trials that reached it, this one
    /// included; `None` if another worker has the trial now.
    pub fn reach_rung(&mut self, claim: &Claim, epoch: u64, value: f64) -> Result<Option<Vec<f64>>, TrackingError> {
        self.transaction(|database| {
            let rungs = read_trial::<BTreeMap<u64, RungValue>>(database, claim, "rungs")?;
            let Some(mut rungs) = rungs else { return Ok(None) };
            rungs.insert(epoch, RungValue(value));
            change_trial(database, claim, "rungs = ?4", params![to_json(&rungs)])?;
            let number = sweep_number(database, &claim.sweep)?;
            let all = database.query("SELECT rungs FROM trial WHERE sweep = ?1", params![number], |row| {
                json::<BTreeMap<u64, RungValue>>(row, 0)
            })?;
            Ok(Some(all.iter().filter_map(|rungs| rungs.get(&epoch)).map(|value| value.0).collect()))
        })
    }

    /// Records the trial's result; `false`, and nothing recorded, if another worker has the trial now.
    ///
    /// # Errors
    /// [`TrackingError::NoResult`] for a state that is not final.
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

    /// Gives the trial back unfinished, because the user stopped the worker; the attempt does not count.
    pub fn release(&mut self, claim: &Claim) -> Result<bool, TrackingError> {
        self.transaction(|database| {
            change_trial(database, claim, "state = 'waiting', attempts = attempts - 1, lease = 0", &[])
        })
    }

    /// Makes the trials of a worker whose process is known to be dead available at once. The attempts count if the
    /// trial may be what killed it, not if it `gave_up` because of its machine, such as a full disk. Returns the number
    /// of its trials.
    pub fn release_worker(&mut self, sweep: &RunId, worker: &str, gave_up: bool) -> Result<u32, TrackingError> {
        let count = self.transaction(|database| {
            let sql = "UPDATE trial SET state = 'waiting', lease = 0, attempts = attempts - ?3
                       WHERE sweep = ?1 AND worker = ?2 AND state = 'running'";
            database.execute(sql, params![sweep_number(database, sweep)?, worker, i64::from(gave_up)])
        })?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Archives a run whose worker was lost, and records it as crashed unless it has a final status.
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
            // Deleted in the meantime.
            Err(TrackingError::NoSuchRun { .. }) => Ok(()),
            result => result,
        }
    }
}
