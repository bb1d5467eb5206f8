//! Rows of trials: reading them, and changing them under a claim.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::tracking::database::{Database, Failure, Param, Row, params};
use crate::tracking::point::json_float;
use crate::tracking::{Claim, RunId, RunRecord, TrackingError, Trial, TrialState, UtcTime};

/// The row that a claim may change: still under that claim, and without a result.
const FENCE: &str = "sweep = (SELECT number FROM sweep WHERE id = ?1) AND number = ?2 AND claim = ?3
                     AND state = 'running'";

/// A value at a rung, which may be NaN or infinite.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct RungValue(#[serde(with = "json_float")] pub(super) f64);

/// A trial that a worker can take.
pub(super) struct Claimable {
    pub(super) number: u32,
    /// `None` if they are not what burnlab wrote.
    pub(super) rest: Option<ClaimableRest>,
}

/// What its row has besides its number.
pub(super) struct ClaimableRest {
    /// Below the greatest number, since it grows with each worker that takes the trial.
    pub(super) claim: u32,
    pub(super) attempts: u32,
    pub(super) params: BTreeMap<String, Value>,
    pub(super) runs: Vec<RunId>,
}

/// The first trial that is waiting, or whose lease has expired at `now`, in seconds since 1970. A lease is not believed
/// if it ends later than one that is taken now would, at `latest`: the clock was ahead when it was taken.
pub(super) fn claimable(database: &Database, sweep: i64, now: f64, latest: f64) -> Result<Option<Claimable>, Failure> {
    let sql = format!(
        "SELECT number, claim, attempts, params, runs FROM trial
         WHERE sweep = ?1 AND (state = 'waiting' OR (state = 'running' AND (lease <= ?2 OR lease > ?3)))
         ORDER BY number LIMIT 1 {}",
        database.skip_locked()
    );
    database.query_first(&sql, params![sweep, now, latest], |row| {
        let rest = || {
            let (claim, attempts) = (number(row, 1)?, number(row, 2)?);
            if claim.max(attempts) == u32::MAX {
                return Err(damaged(&"no trial is taken so often"));
            }
            Ok(ClaimableRest { claim, attempts, params: json(row, 3)?, runs: json(row, 4)? })
        };
        Ok(Claimable { number: number(row, 0)?, rest: sound(rest())? })
    })
}

pub(super) fn sweep_number(database: &Database, id: &RunId) -> Result<i64, Failure> {
    let sql = "SELECT number FROM sweep WHERE id = ?1";
    let number = database.query_first(sql, params![id.as_str()], |row| row.get(0))?;
    number.ok_or_else(|| no_such_sweep(id.as_str()).into())
}

pub(super) fn select_trials(database: &Database, sweep: i64) -> Result<Vec<Trial>, Failure> {
    let sql = "SELECT number, state, params, attempts, worker, started, ended, runs, value, reason, rungs
               FROM trial WHERE sweep = ?1 ORDER BY number";
    let optional_time = |row: &Row, column| row.get::<Option<String>>(column)?.map(|text| time(&text)).transpose();
    database.query(sql, params![sweep], |row| {
        let rungs: BTreeMap<u64, RungValue> = json(row, 10)?;
        Ok(Trial {
            number: number(row, 0)?,
            state: state(row, 1)?,
            params: json(row, 2)?,
            attempts: number(row, 3)?,
            worker: row.get(4)?,
            started: optional_time(row, 5)?,
            ended: optional_time(row, 6)?,
            runs: json(row, 7)?,
            value: row.get(8)?,
            reason: row.get(9)?,
            rungs: rungs.into_iter().map(|(epoch, value)| (epoch, value.0)).collect(),
        })
    })
}

/// The runs whose records name the trial, without archived ones: a worker may be lost after its run started and before
/// the run was added to the trial.
pub(super) fn runs_of_trial(database: &Database, sweep: &RunId, trial: u32) -> Result<Vec<RunId>, Failure> {
    let sql = "SELECT record FROM run WHERE record LIKE ?1";
    let pattern = format!("%{}%", sweep.as_str());
    let records: Vec<RunRecord> = database.query(sql, params![pattern], |row| json(row, 0))?;
    let is_its = |record: &RunRecord| {
        !record.archived && record.sweep.as_ref().is_some_and(|of| of.sweep == *sweep && of.trial == trial)
    };
    Ok(records.into_iter().filter(is_its).map(|record| record.id).collect())
}

fn fence(claim: &Claim) -> [Param<'_>; 3] {
    [claim.sweep.as_str().into(), claim.number.into(), claim.attempt.into()]
}

/// Sets columns of the trial if the claim still holds; `values` are `?4` and on.
pub(super) fn change_trial(database: &Database, claim: &Claim, set: &str, values: &[Param]) -> Result<bool, Failure> {
    let parameters = [&fence(claim)[..], values].concat();
    Ok(database.execute(&format!("UPDATE trial SET {set} WHERE {FENCE}"), &parameters)? == 1)
}

/// Reads a JSON column of the trial, in order to change it, if the claim still holds.
pub(super) fn read_trial<T: DeserializeOwned>(
    database: &Database,
    claim: &Claim,
    column: &str,
) -> Result<Option<T>, Failure> {
    let sql = format!("SELECT {column} FROM trial WHERE {FENCE} {}", database.for_update());
    database.query_first(&sql, &fence(claim), |row| json(row, 0))
}

pub(super) fn json<T: DeserializeOwned>(row: &Row, column: usize) -> Result<T, Failure> {
    serde_json::from_str(row.text(column)?).map_err(|error| damaged(&error))
}

pub(super) fn time(text: &str) -> Result<UtcTime, Failure> {
    text.parse().map_err(|error| damaged(&error))
}

pub(super) fn number(row: &Row, column: usize) -> Result<u32, Failure> {
    u32::try_from(row.get::<i64>(column)?).map_err(|error| damaged(&error))
}

/// A trial's state.
pub(super) fn state(row: &Row, column: usize) -> Result<TrialState, Failure> {
    let name = row.text(column)?;
    let problem = || TrackingError::DamagedSweep { problem: format!("a trial cannot be `{name}`") };
    Ok(TrialState::of_name(name).ok_or_else(problem)?)
}

fn damaged(problem: &dyn std::fmt::Display) -> Failure {
    TrackingError::DamagedSweep { problem: problem.to_string() }.into()
}

/// `None` for what burnlab did not write.
fn sound<T>(read: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Failure::Other(TrackingError::DamagedSweep { .. })) => Ok(None),
        Err(error) if error.is_of_type() => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn no_such_sweep(query: &str) -> TrackingError {
    TrackingError::NoSuchSweep { query: query.to_owned() }
}
