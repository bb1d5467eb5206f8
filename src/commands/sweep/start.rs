//! Creates a sweep's queue, and runs workers on it until it is done.

use std::cell::Cell;
use std::process::ExitCode;

use super::show;
use crate::backend::BackendName;
use crate::cli::{StoreArgs, SweepResumeArgs, TrainArgs};
use crate::commands::output::{say, tell};
use crate::commands::processes::{self, Event, run_parallel};
use crate::commands::signals::{EXIT_INTERRUPTED, interrupter};
use crate::config::LoadedConfig;
use crate::experiment::sweep::{create, name_of};
use crate::experiment::{Interrupter, close_store};
use crate::figures::counted;
use crate::tracking::{RunId, Store, Sweep};

/// A worker that dies is replaced, but not indefinitely: the cause may be the machine.
const MAX_DEATHS: usize = 20;
/// Workers that may give up one after the other because of the machine, such as a full disk, before no more are started.
const MAX_GIVEN_UP: usize = 3;

/// Starts the sweep of the config, and runs it to its end.
///
/// # Errors
/// An invalid config, or one that is invalid for some trial; a store that cannot be written.
pub fn from_config(args: &TrainArgs, loaded: &LoadedConfig) -> anyhow::Result<ExitCode> {
    let location = args.store.location();
    let sweep = create(&location, loaded, |line| tell!("{line}"))?;
    let with = Workers { tags: &args.tag, ..Workers::new(args.jobs, args.backend, args.quiet) };
    finish(&args.store, &sweep, &with)
}

/// Resumes a sweep whose process was stopped or killed.
///
/// # Errors
/// No such sweep; a store that cannot be written.
pub fn resume(args: &SweepResumeArgs) -> anyhow::Result<ExitCode> {
    let sweep = Store::open_read_only_at(&args.store.location())?.find_sweep(&args.sweep)?;
    let with = Workers { connects: args.connect, ..Workers::new(args.jobs, args.backend, args.quiet) };
    finish(&args.store, &sweep.id, &with)
}

/// Whether there is time for one more trial.
type HasTime<'a> = &'a dyn Fn(&Store) -> anyhow::Result<bool>;

/// How to run the workers of a sweep.
pub struct Workers<'a> {
    pub jobs: Option<usize>,
    pub tags: &'a [String],
    pub backend: Option<BackendName>,
    pub quiet: bool,
    /// Whether the server is asked for rows that the sweep's config names.
    pub connects: bool,
    /// Asked before each trial, given what is known of the sweep by then; `None` = the sweep's own limits alone. Each trial
    /// has a process of its own then.
    pub has_time: Option<HasTime<'a>>,
}

impl Workers<'_> {
    /// Of a sweep that this user has just started, without tags.
    pub fn new(jobs: Option<usize>, backend: Option<BackendName>, quiet: bool) -> Self {
        Self { jobs, tags: &[], backend, quiet, connects: true, has_time: None }
    }
}

/// Runs workers on the sweep until no trial is left or its time is up, printing each trial. Returns the sweep, and whether
/// the interrupter stopped it.
///
/// # Errors
/// No such sweep; a store that cannot be written.
pub fn run_workers(
    store_args: &StoreArgs,
    id: &RunId,
    with: &Workers,
    interrupter: &Interrupter,
) -> anyhow::Result<(Sweep, bool)> {
    let location = store_args.location();
    let mut store = Store::open_at(&location)?;
    let sweep = store.find_sweep(id.as_str())?;
    let jobs = processes::jobs(with.jobs, sweep.counts.left() as usize);
    if !with.quiet {
        say!("{}", heading(&sweep, jobs));
    }
    let mut num_started = 0;
    let num_deaths = Cell::new(0);
    let num_given_up = Cell::new(0);
    let reader = Store::open_read_only_at(&location)?;
    let next = || {
        let is_enough = match with.has_time {
            None => num_started >= jobs + num_deaths.get().min(MAX_DEATHS),
            Some(has_time) => {
                num_deaths.get() > MAX_DEATHS
                    || reader.find_sweep(id.as_str())?.counts.waiting == 0
                    || !has_time(&reader)?
            }
        };
        if is_enough || num_given_up.get() > MAX_GIVEN_UP {
            return Ok(None);
        }
        num_started += 1;
        let mut command = processes::command(jobs)?;
        command.args(["sweep", "work", id.as_str(), "--child"]);
        if with.has_time.is_some() {
            command.args(["--most", "1"]);
        }
        if with.connects {
            command.arg("--connect");
        }
        processes::pass_store(&mut command, store_args);
        for tag in with.tags {
            command.args(["--tag", tag]);
        }
        if let Some(backend) = with.backend {
            command.args(["--backend", backend.as_str()]);
        }
        Ok(Some(command))
    };
    let is_stopped = run_parallel(jobs, interrupter, next, |event| {
        match event {
            Event::Line(line) => {
                // A machine on which a trial ends is fit for the next one.
                if line.starts_with("trial ") {
                    num_given_up.set(0);
                }
                if !with.quiet {
                    say!("{line}");
                }
            }
            Event::Ended { code, process, error } if code != Some(0) => {
                let name = name_of(process);
                // It says what is wrong with the machine, such as a full disk, and has given its trial back if it could.
                let gave_up = code == Some(1);
                let released = store.release_worker(id, &name, gave_up);
                if gave_up {
                    // On a full disk the store cannot be written either; the worker has given its trial back if it could.
                    num_given_up.set(num_given_up.get() + 1);
                    num_deaths.set(num_deaths.get() + 1);
                    tell!("worker {name} gave up: {error}");
                    return Ok(());
                }
                let num_given_back = released?;
                // A worker that is asked to stop returns its trial itself.
                if code == Some(EXIT_INTERRUPTED.into()) && num_given_back == 0 {
                    return Ok(());
                }
                num_deaths.set(num_deaths.get() + 1);
                tell!("worker {name} ended: {error}; {num_given_back} trial goes to another one");
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok((store.find_sweep(id.as_str())?, is_stopped))
}

/// Runs workers on the sweep until no trial is left, and prints the results.
fn finish(store_args: &StoreArgs, id: &RunId, with: &Workers) -> anyhow::Result<ExitCode> {
    let location = store_args.location();
    let store = Store::open_read_only_at(&location)?;
    let found = store.find_sweep(id.as_str())?;
    // Without trials there is nothing that workers could do, nor a config that they need.
    let (sweep, is_stopped, has_time_limit) = match found.counts.left() {
        0 => (found, false, false),
        _ => {
            let loaded = LoadedConfig::parse(&found.config_toml, &format!("sweep {id}"), &found.experiment, &[])?;
            // Before the workers have it open; a new file takes its place.
            drop(store);
            if let Some(closed) = close_store(&loaded.config, &location)? {
                tell!("note: {closed}");
            }
            let has_time_limit = loaded.config.sweep.is_some_and(|search| search.minutes.is_some());
            let (sweep, is_stopped) = run_workers(store_args, id, with, &interrupter())?;
            (sweep, is_stopped, has_time_limit)
        }
    };
    if !with.quiet {
        let store = Store::open_read_only_at(&location)?;
        say!("\n{}", show::summary(&store, &sweep, false)?.trim_end());
    }
    let num_left = sweep.counts.left();
    if num_left > 0 && !is_stopped {
        let resume = location.command(&["sweep", "resume", id.as_str()]);
        let left = counted(num_left, "trial");
        tell!("{left} left: `{resume}` goes on");
    }
    Ok(match (is_stopped, sweep.counts.finished) {
        (true, _) => ExitCode::from(EXIT_INTERRUPTED),
        (false, 0) => ExitCode::FAILURE,
        (false, _) if num_left > 0 && !has_time_limit => ExitCode::FAILURE,
        (false, _) => ExitCode::SUCCESS,
    })
}

fn heading(sweep: &Sweep, jobs: usize) -> String {
    let workers = if jobs == 1 { "one worker".to_owned() } else { format!("{jobs} workers") };
    let done = sweep.counts.done();
    let rest = if done > 0 { format!(", {done} done already") } else { String::new() };
    format!(
        "sweep  {}\ntrials {} by {} over {}{rest}\n       chosen by {}, {workers}",
        sweep.id,
        sweep.num_trials,
        sweep.method,
        sweep.params.join(", "),
        sweep.metric
    )
}
