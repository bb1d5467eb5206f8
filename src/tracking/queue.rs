//! The trial queue of sweeps: workers on any number of processes take trials from it, each exactly once.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::store::{Failure, to_json};
use super::sweep::{Claim, Counts, NewSweep, Outcome, Sweep, Trial, TrialState};
use super::{RunId, Status, Store, TrackingError, UtcTime, folder, slug};

/// How often a trial is given to a new worker after its last one was lost: what kills them may be the trial.
pub const MAX_ATTEMPTS: u32 = 3;

const TRIAL: &str = "number, state, params, attempts, worker, started, ended, runs, value, reason, rungs";

/// A claim's trial, as long as it is still the claim's.
const IS_OURS: &str = "sweep = (SELECT number FROM sweep WHERE id = ?1) AND number = ?2 AND attempts = ?3 \
                       AND state = 'running'";

impl Store {
    /// Makes a sweep, with all its trials waiting.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn create_sweep(&mut self, sweep: NewSweep) -> Result<RunId, TrackingError> {
        let started = UtcTime::now();
        let id = RunId::generate(&sweep.experiment, started);
        self.transaction(|connection| {
            let sql = "INSERT INTO sweep (id, experiment, started, config, method, metric, params)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING number";
            let values = params![
                id.as_str(),
                sweep.experiment,
                started.to_string(),
                sweep.config_toml,
                sweep.method,
                sweep.metric.as_str(),
                to_json(&sweep.params)
            ];
            let number: i64 = connection.query_row(sql, values, |row| row.get(0))?;
            let mut insert = connection.prepare(
                "INSERT INTO trial (sweep, number, state, params, attempts, runs, reason, rungs)
                 VALUES (?1, ?2, 'waiting', '{}', 0, '[]', '', '{}')",
            )?;
            for trial in 1..=sweep.num_trials {
                insert.execute(params![number, trial])?;
            }
            Ok(())
        })?;
        Ok(id)
    }

    /// All sweeps, newest first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn sweeps(&self) -> Result<Vec<Sweep>, TrackingError> {
        let select = || -> Result<Vec<Sweep>, Failure> {
            let mut counts: BTreeMap<i64, Counts> = BTreeMap::new();
            let mut statement =
                self.connection().prepare("SELECT sweep, state, count(*) FROM trial GROUP BY sweep, state")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let counts = counts.entry(row.get(0)?).or_default();
                *counts.of(self.parse(&format!("\"{}\"", row.get::<_, String>(1)?))?) = row.get(2)?;
            }
            let mut statement = self.connection().prepare(
                "SELECT number, id, experiment, started, config, method, metric, params FROM sweep
                 ORDER BY started DESC, number DESC",
            )?;
            let mut rows = statement.query([])?;
            let mut sweeps = Vec::new();
            while let Some(row) = rows.next()? {
                let counts = counts.get(&row.get(0)?).copied().unwrap_or_default();
                sweeps.push(Sweep {
                    id: row.get::<_, String>(1)?.parse()?,
                    experiment: row.get(2)?,
                    started: self.time(&row.get::<_, String>(3)?)?,
                    config_toml: row.get(4)?,
                    method: row.get(5)?,
                    metric: row.get::<_, String>(6)?.parse()?,
                    params: self.parse(&row.get::<_, String>(7)?)?,
                    num_trials: counts.total(),
                    counts,
                });
            }
            Ok(sweeps)
        };
        select().map_err(|failure| self.fail(failure))
    }

    /// The sweep that `query` means: its id, the unique beginning of one, `latest`, or an experiment (its newest).
    ///
    /// # Errors
    /// [`TrackingError::NoSuchSweep`], or [`TrackingError::AmbiguousRun`].
    pub fn find_sweep(&self, query: &str) -> Result<Sweep, TrackingError> {
        let sweeps = self.sweeps()?;
        let none = || TrackingError::NoSuchSweep { query: query.to_owned() };
        let found: Vec<&Sweep> = match sweeps.iter().find(|sweep| sweep.id.experiment() == slug(query)) {
            Some(newest) => vec![newest],
            None if query == "latest" => sweeps.first().into_iter().collect(),
            None if query.is_empty() => Vec::new(),
            None => sweeps.iter().filter(|sweep| sweep.id.as_str().starts_with(query)).collect(),
        };
        match &found[..] {
            [] => Err(none()),
            [one] => Ok((*one).clone()),
            several => Err(TrackingError::AmbiguousRun {
                query: query.to_owned(),
                count: several.len(),
                candidates: several.iter().take(5).map(|sweep| sweep.id.to_string()).collect(),
            }),
        }
    }

    /// The trials of a sweep, by number.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn trials(&self, sweep: &RunId) -> Result<Vec<Trial>, TrackingError> {
        self.select_trials(self.connection(), sweep).map_err(|failure| self.fail(failure))
    }

    /// Takes the first trial that waits, or whose lease has run out. `sample(number, trials)` gives the params of one that
    /// was not taken before. `None` when there is none.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn claim(
        &mut self,
        sweep: &RunId,
        worker: &str,
        lease: Duration,
        sample: impl FnOnce(u32, &[Trial]) -> BTreeMap<String, Value>,
    ) -> Result<Option<Claim>, TrackingError> {
        let now = now();
        self.transaction(|connection| {
            let number: i64 =
                connection.query_row("SELECT number FROM sweep WHERE id = ?1", [sweep.as_str()], |row| row.get(0))?;
            let given_up = format!("given up: {MAX_ATTEMPTS} workers were lost");
            connection.execute(
                "UPDATE trial SET state = 'failed', reason = ?3, ended = ?4
                 WHERE sweep = ?1 AND state = 'running' AND lease < ?2 AND attempts >= ?5",
                params![number, now, given_up, UtcTime::now().to_string(), MAX_ATTEMPTS],
            )?;
            let free = format!(
                "SELECT {TRIAL} FROM trial
                 WHERE sweep = ?1 AND (state = 'waiting' OR (state = 'running' AND lease < ?2))
                 ORDER BY number LIMIT 1"
            );
            let taken = connection.query_row(&free, params![number, now], |row| Ok(self.trial(row))).optional()?;
            let Some(trial) = taken.transpose()? else { return Ok(None) };
            let params = match trial.params.is_empty() {
                true => sample(trial.number, &self.select_trials(connection, sweep)?),
                false => trial.params,
            };
            let attempt = trial.attempts + 1;
            connection.execute(
                "UPDATE trial SET state = 'running', params = ?3, attempts = ?4, worker = ?5, lease = ?6, started = ?7,
                 ended = NULL, runs = '[]', value = NULL, reason = '', rungs = '{}' WHERE sweep = ?1 AND number = ?2",
                params![
                    number,
                    trial.number,
                    to_json(&params),
                    attempt,
                    worker,
                    now + lease.as_secs_f64(),
                    UtcTime::now().to_string()
                ],
            )?;
            let (sweep, abandoned) = (sweep.clone(), trial.runs);
            Ok(Some(Claim { sweep, number: trial.number, attempt, params, abandoned }))
        })
    }

    /// Extends the lease; `false` when the trial is another worker's by now.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn heartbeat(&mut self, claim: &Claim, lease: Duration) -> Result<bool, TrackingError> {
        let until = now() + lease.as_secs_f64();
        self.change(claim, "lease = ?4", &[&until])
    }

    /// Adds a run to the trial; `false` as in [`Store::heartbeat`].
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn begin_run(&mut self, claim: &Claim, run: &RunId) -> Result<bool, TrackingError> {
        self.change(claim, "runs = json_insert(runs, '$[#]', ?4)", &[&run.as_str()])
    }

    /// Notes the value at a rung of successive halving, and returns those of all trials there, its own included; `None`
    /// when the trial is another worker's by now.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn reach_rung(&mut self, claim: &Claim, epoch: u64, value: f64) -> Result<Option<Vec<f64>>, TrackingError> {
        let value = Some(value).filter(|value| value.is_finite());
        let path = format!("$.\"{epoch}\"");
        if !self.change(claim, "rungs = json_set(rungs, ?4, ?5)", &[&path, &value])? {
            return Ok(None);
        }
        let trials = self.trials(&claim.sweep)?;
        Ok(Some(trials.iter().filter_map(|trial| trial.rungs.get(&epoch).copied()).collect()))
    }

    /// Records the result; `false` when the trial is another worker's by now, and the result does not count.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn complete(&mut self, claim: &Claim, outcome: &Outcome) -> Result<bool, TrackingError> {
        let (state, ended) = (outcome.state.name(), UtcTime::now().to_string());
        let value = outcome.value.filter(|value| value.is_finite());
        let set = "state = ?4, value = ?5, reason = ?6, ended = ?7, lease = NULL";
        self.change(claim, set, &[&state, &value, &outcome.reason, &ended])
    }

    /// Gives the trial back, since the user stopped the worker: that attempt does not count.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn release(&mut self, claim: &Claim) -> Result<bool, TrackingError> {
        self.change(
            claim,
            "state = 'waiting', attempts = attempts - 1, lease = NULL, worker = NULL, started = NULL",
            &[],
        )
    }

    /// Gives back the trials of a worker that is known to be dead, and returns how many.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn release_worker(&mut self, sweep: &RunId, worker: &str) -> Result<u32, TrackingError> {
        self.transaction(|connection| {
            let sql = "UPDATE trial SET lease = 0 WHERE sweep = (SELECT number FROM sweep WHERE id = ?1)
                       AND worker = ?2 AND state = 'running'";
            Ok(u32::try_from(connection.execute(sql, [sweep.as_str(), worker])?).unwrap_or(u32::MAX))
        })
    }

    /// Takes a run out of sight whose trial another run stands for; if it had no end, it has crashed.
    ///
    /// # Errors
    /// A store or folder that cannot be written.
    pub fn abandon(&mut self, run: &RunId, reason: &str) -> Result<(), TrackingError> {
        let folder = self.folder(run);
        if !folder.exists() {
            return Ok(());
        }
        let is_alive = folder::is_locked(&folder)?;
        self.edit(run, |record| {
            record.archived = true;
            if !record.status.is_final() && !is_alive {
                record.status = Status::Crashed;
                reason.clone_into(&mut record.reason);
                record.ended = Some(UtcTime::now());
            }
        })
    }

    fn change(&mut self, claim: &Claim, set: &str, values: &[&dyn rusqlite::ToSql]) -> Result<bool, TrackingError> {
        let (sweep, number, attempt) = (claim.sweep.as_str(), claim.number, claim.attempt);
        self.transaction(|connection| {
            let all: Vec<&dyn rusqlite::ToSql> =
                [&sweep as &dyn rusqlite::ToSql, &number, &attempt].into_iter().chain(values.iter().copied()).collect();
            Ok(connection.execute(&format!("UPDATE trial SET {set} WHERE {IS_OURS}"), &all[..])? == 1)
        })
    }

    fn select_trials(&self, connection: &Connection, sweep: &RunId) -> Result<Vec<Trial>, Failure> {
        let sql =
            format!("SELECT {TRIAL} FROM trial WHERE sweep = (SELECT number FROM sweep WHERE id = ?1) ORDER BY number");
        let mut statement = connection.prepare(&sql)?;
        let trials = statement.query_map([sweep.as_str()], |row| Ok(self.trial(row)))?;
        trials.map(|trial| trial?).collect()
    }

    /// Reads the columns of [`TRIAL`].
    fn trial(&self, row: &Row<'_>) -> Result<Trial, Failure> {
        let time = |place: usize| -> Result<Option<UtcTime>, Failure> {
            Ok(row.get::<_, Option<String>>(place)?.map(|text| self.time(&text)).transpose()?)
        };
        let rungs: BTreeMap<u64, Option<f64>> = self.parse(&row.get::<_, String>(10)?)?;
        Ok(Trial {
            number: row.get(0)?,
            state: self.parse(&format!("\"{}\"", row.get::<_, String>(1)?))?,
            params: self.parse(&row.get::<_, String>(2)?)?,
            attempts: row.get(3)?,
            worker: row.get(4)?,
            started: time(5)?,
            ended: time(6)?,
            runs: self.parse(&row.get::<_, String>(7)?)?,
            value: row.get(8)?,
            reason: row.get(9)?,
            rungs: rungs.into_iter().map(|(epoch, value)| (epoch, value.unwrap_or(f64::NAN))).collect(),
        })
    }

    fn time(&self, text: &str) -> Result<UtcTime, TrackingError> {
        text.parse().map_err(|error: jiff::Error| TrackingError::damaged(self.path(), error))
    }

    fn parse<T: DeserializeOwned>(&self, text: &str) -> Result<T, TrackingError> {
        serde_json::from_str(text).map_err(|error| TrackingError::damaged(self.path(), error))
    }
}

impl Counts {
    fn of(&mut self, state: TrialState) -> &mut u32 {
        match state {
            TrialState::Waiting => &mut self.waiting,
            TrialState::Running => &mut self.running,
            TrialState::Finished => &mut self.finished,
            TrialState::Stopped => &mut self.stopped,
            TrialState::Failed => &mut self.failed,
        }
    }

    fn total(&self) -> u32 {
        self.waiting + self.running + self.finished + self.stopped + self.failed
    }
}

/// The name of this machine, by which workers on several are told apart.
pub fn host() -> String {
    let name = fs_err::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("COMPUTERNAME").ok());
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".into())
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
