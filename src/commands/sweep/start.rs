//! Makes a sweep's queue and keeps workers on it until it is done.

use std::cell::Cell;
use std::process::ExitCode;

use anyhow::Context;

use super::{show, work};
use crate::backend::BackendName;
use crate::cli::{StoreArgs, SweepResumeArgs, TrainArgs};
use crate::commands::output::say;
use crate::commands::prepared::{Prepared, prepare};
use crate::commands::processes::{self, Event, side_by_side};
use crate::commands::train::EXIT_INTERRUPTED;
use crate::comparison::changes_the_test;
use crate::config::LoadedConfig;
use crate::invalid::Invalid;
use crate::sweep::SweepConfig;
use crate::tracking::{Location, MetricKey, NewSweep, RunId, Store, Sweep};
use crate::training::metrics::validation_names;

/// A worker that dies is replaced, but not for ever: what kills it may be the machine.
const MAX_DEATHS: usize = 20;

/// Starts the sweep that the config asks for, and works on it to its end.
///
/// # Errors
/// A config that cannot be used, or any trial of it; a store that cannot be written.
pub fn from_config(args: &TrainArgs, loaded: &LoadedConfig) -> anyhow::Result<ExitCode> {
    let location = args.store.location();
    let sweep = create(&location, loaded)?;
    let with = Workers { jobs: args.jobs, tags: &args.tag, backend: args.backend, quiet: args.quiet };
    tend(&args.store, &sweep, &with)
}

/// Goes on with a sweep whose process was stopped or killed.
///
/// # Errors
/// No such sweep; a store that cannot be written.
pub fn resume(args: &SweepResumeArgs) -> anyhow::Result<ExitCode> {
    let sweep = Store::open_read_only_at(&args.store.location())?.find_sweep(&args.sweep)?;
    let with = Workers { jobs: args.jobs, tags: &[], backend: args.backend, quiet: args.quiet };
    tend(&args.store, &sweep.id, &with)
}

/// Checks that every trial can be trained, and writes the queue.
///
/// # Errors
/// The key that cannot be used.
pub fn create(location: &Location, loaded: &LoadedConfig) -> anyhow::Result<RunId> {
    let mut config = loaded.config.clone();
    let search = loaded.config.sweep.as_ref().context("the config has no [sweep]")?;
    let prepared = prepare(&loaded.config, location).map_err(|invalid| loaded.locate(invalid))?;
    let metric = check(search, loaded, &prepared, location).map_err(|invalid| loaded.locate(invalid))?;
    config.model.init_from = prepared.pretrained.as_ref().map(|pretrained| pretrained.reference.clone());
    let new = NewSweep {
        experiment: config.name.clone(),
        method: serde_json::json!(search.method).as_str().unwrap_or_default().to_owned(),
        metric,
        params: search.space.keys().cloned().collect(),
        num_trials: search.num_trials(),
        config_toml: loaded.written(&config.resolved_whole()),
    };
    Ok(Store::open_at(location)?.create_sweep(new)?)
}

/// Tries the ends of every dimension on the config, and returns the metric to judge by.
///
/// # Errors
/// The key that cannot be used.
pub fn check(
    search: &SweepConfig,
    loaded: &LoadedConfig,
    prepared: &Prepared,
    location: &Location,
) -> Result<MetricKey, Invalid> {
    search.validate()?;
    Invalid::unless(!prepared.validation.is_empty(), "data.validation_fraction", || {
        "a sweep chooses by the validation part, and this config has none: raise data.validation_fraction".into()
    })?;
    let key = search.metric.clone().unwrap_or_else(|| loaded.config.training.monitor().to_owned());
    let known: Vec<String> =
        validation_names(prepared.scorer.task).iter().map(|name| format!("validation/{name}")).collect();
    Invalid::unless(known.contains(&key), "sweep.metric", || {
        format!("`{key}` is not measured here; choose by one of {}", known.join(", "))
    })?;
    Invalid::unless(
        search.halving.is_none() || loaded.config.repetitions(loaded.config.seeds).len() == 1,
        "sweep.halving",
        || "successive halving compares single runs: leave out sweep.halving, or seeds and folds".into(),
    )?;
    if let Some(key) = search.space.keys().find(|key| changes_the_test(key)) {
        let message = format!("{key} decides which rows are predicted: trials that differ in it cannot be compared");
        return Err(Invalid::at(&format!("sweep.space.{key}"), message));
    }
    for params in search.extremes() {
        let name = params.keys().next().cloned().unwrap_or_default();
        let blame = |message: String| {
            let message = message.strip_prefix(&format!("{name}: ")).unwrap_or(&message);
            Invalid::at(&format!("sweep.space.{name}"), message)
        };
        let trial = loaded.varied(&params).map_err(|error| blame(error.message))?;
        let checked = match name.starts_with("data.") {
            true => prepare(&trial, location).map(drop),
            false => {
                trial.training.validate_for(prepared.dataset.task(), prepared.train.len(), prepared.validation.len())
            }
        };
        checked.map_err(|invalid| blame(invalid.message))?;
    }
    key.parse().map_err(|_| Invalid::at("sweep.metric", format!("`{key}` is no metric")))
}

/// How to work on a sweep from this process.
struct Workers<'a> {
    jobs: Option<usize>,
    tags: &'a [String],
    backend: Option<BackendName>,
    quiet: bool,
}

/// Keeps workers on the sweep until no trial is left, and prints what came of it.
fn tend(store_args: &StoreArgs, id: &RunId, with: &Workers) -> anyhow::Result<ExitCode> {
    let location = store_args.location();
    let mut store = Store::open_at(&location)?;
    let sweep = store.find_sweep(id.as_str())?;
    let jobs = processes::jobs(with.jobs, (sweep.counts.waiting + sweep.counts.running) as usize);
    if !with.quiet {
        say!("{}", heading(&sweep, jobs));
    }
    let mut num_started = 0;
    let num_deaths = Cell::new(0);
    let next = || {
        if num_started >= jobs + num_deaths.get().min(MAX_DEATHS) {
            return Ok(None);
        }
        num_started += 1;
        let mut command = processes::command(jobs)?;
        command.args(["sweep", "work", id.as_str(), "--child"]);
        processes::tell_store(&mut command, store_args);
        for tag in with.tags {
            command.args(["--tag", tag]);
        }
        if let Some(backend) = with.backend {
            command.args(["--backend", backend.as_str()]);
        }
        Ok(Some(command))
    };
    let is_stopped = side_by_side(jobs, next, |event| {
        match event {
            Event::Line(line) if !with.quiet => say!("{line}"),
            Event::Ended { success: false, process, error } if !error.ends_with(work::STOPPED) => {
                num_deaths.set(num_deaths.get() + 1);
                let name = work::name_of(process);
                let num_given_back = store.release_worker(id, &name)?;
                eprintln!("worker {name} ended: {error}; {num_given_back} trial goes to another one");
            }
            _ => {}
        }
        Ok(())
    })?;
    let sweep = store.find_sweep(id.as_str())?;
    if !with.quiet {
        say!("\n{}", show::summary(&store, &sweep)?.trim_end());
    }
    Ok(match (is_stopped, sweep.counts.finished) {
        (true, _) => ExitCode::from(EXIT_INTERRUPTED),
        (false, 0) => ExitCode::FAILURE,
        (false, _) => ExitCode::SUCCESS,
    })
}

fn heading(sweep: &Sweep, jobs: usize) -> String {
    let workers = if jobs == 1 { "one worker".to_owned() } else { format!("{jobs} workers") };
    let done = sweep.num_trials - sweep.counts.waiting - sweep.counts.running;
    let rest = if done > 0 { format!(", {done} done already") } else { String::new() };
    format!(
        "sweep  {}\ntries  {} trials by {} over {}{rest}\n       chosen by {}, {workers}",
        sweep.id,
        sweep.num_trials,
        sweep.method,
        sweep.params.join(", "),
        sweep.metric
    )
}
