//! Shows sweeps in the terminal.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::{SweepListArgs, SweepShowArgs};
use crate::commands::output::{say, tell};
use crate::commands::runs::table;
use crate::comparison::judge::retrain;
use crate::comparison::verdict::best_of;
use crate::comparison::{headline, per_repetition, ranked, spread};
use crate::figures::counted;
use crate::shell::quoted;
use crate::tracking::{MetricKey, Run, RunId, Store, Sweep, TrackingError, Trial, TrialState};

/// Number of trials in the summary.
const NUM_SHOWN: usize = 5;

const WARNING: &str = "\nThese test results are for looking at, not for choosing: the best of them is too good by luck, \
                       and the test part would no longer say how good the chosen one is.\n";

/// Number of new seeds to evaluate the winner with, other than those it was chosen with.
const NUM_NEW_SEEDS: usize = 10;

pub fn list(args: &SweepListArgs) -> anyhow::Result<ExitCode> {
    let store = Store::open_read_only_at(&args.store.location())?;
    let (sweeps, num_damaged) = store.sweeps()?;
    if num_damaged > 0 {
        tell!("{} left out: the store's rows of them are damaged", counted(num_damaged, "sweep"));
    }
    if args.json {
        say!("{:#}", json!(sweeps));
        return Ok(ExitCode::SUCCESS);
    }
    let row = |sweep: &Sweep| {
        let counts = sweep.counts;
        let first = [sweep.id.to_string(), sweep.method.clone(), sweep.metric.to_string()];
        let counts = [counts.finished, counts.stopped, counts.failed, counts.refused, counts.running, counts.waiting];
        first.into_iter().chain(counts.iter().map(u32::to_string)).collect::<Vec<_>>()
    };
    let header =
        ["sweep", "method", "chosen by", "finished", "stopped early", "failed", "refused", "running", "waiting"];
    say!("{}", table::render(&header.map(str::to_owned), &sweeps.iter().map(row).collect::<Vec<_>>()).trim_end());
    Ok(ExitCode::SUCCESS)
}

pub fn show(args: &SweepShowArgs) -> anyhow::Result<ExitCode> {
    let store = Store::open_read_only_at(&args.store.location())?;
    let sweep = store.find_sweep(&args.sweep)?;
    if args.json {
        say!("{:#}", json!({ "sweep": sweep, "trials": store.trials(&sweep.id)? }));
    } else {
        say!(
            "sweep  {}, {} over {}",
            sweep.id,
            table::one_line(&sweep.method),
            table::one_line(&sweep.params.join(", "))
        );
        say!("{}", summary(&store, &sweep, args.test)?.trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

/// The best trials, their selection bias, and what to do next; the test result of the best one, and with
/// `all_tested` of the others, too.
///
/// # Errors
/// A store that cannot be read.
pub fn summary(store: &Store, sweep: &Sweep, all_tested: bool) -> Result<String, TrackingError> {
    let counts = sweep.counts;
    let mut text = format!("{} of {} finished", counts.finished, counted(sweep.num_trials, "trial"));
    for (count, word) in [
        (counts.stopped, "stopped early"),
        (counts.failed, "failed"),
        (counts.refused, "refused by their config"),
        (counts.running, "running"),
        (counts.waiting, "waiting"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {word}"));
        }
    }
    text.push('\n');
    let trials = store.trials(&sweep.id)?;
    text.push_str(&failures(&trials));
    let ranked = ranked(&trials, &sweep.metric);
    if let Some(&(best, _)) = ranked.first() {
        text.push('\n');
        text.push_str(&table_of(store, sweep, &ranked, all_tested)?);
        if all_tested {
            text.push_str(WARNING);
        }
        text.extend(luck(sweep, ranked.len()));
        text.push_str(&next(store, sweep, best)?);
    }
    if counts.left() > 0 {
        let resume = store.command(&["sweep", "resume", sweep.id.as_str()]);
        text.push_str(&format!("next   resume: {resume}\n"));
    }
    Ok(text)
}

/// The best trials of a search that goes on with new seeds of the best.
///
/// # Errors
/// A store that cannot be read.
pub fn best_trials(store: &Store, sweep: &Sweep, trials: &[Trial]) -> Result<String, TrackingError> {
    Ok(failures(trials) + &table_of(store, sweep, &ranked(trials, &sweep.metric), false)?)
}

/// The first trial that failed, and the first that was refused, with the reasons.
fn failures(trials: &[Trial]) -> String {
    let mut text = String::new();
    for (state, what) in [(TrialState::Failed, "failed"), (TrialState::Refused, "was refused")] {
        if let Some(Trial { number, reason, .. }) = trials.iter().find(|trial| trial.state == state) {
            text.push_str(&format!("trial {number} {what}: {}\n", table::one_line(reason)));
        }
    }
    text
}

fn table_of(store: &Store, sweep: &Sweep, ranked: &[(&Trial, f64)], all_tested: bool) -> Result<String, TrackingError> {
    let with_runs = |&(trial, value): &(_, f64)| Ok((trial, value, runs_of(store, trial)?));
    let shown: Vec<(&Trial, f64, Vec<Run>)> =
        ranked.iter().take(NUM_SHOWN).map(with_runs).collect::<Result<_, TrackingError>>()?;
    let tested = headline(shown.iter().flat_map(|(.., runs)| runs)).filter(|key| key.split() == "test");
    let row = |(trial, value, runs): &(&Trial, f64, Vec<Run>)| -> Vec<String> {
        let runs: Vec<&Run> = runs.iter().collect();
        let is_shown = all_tested || ranked.first().is_some_and(|(best, _)| best.number == trial.number);
        let mean = tested
            .as_ref()
            .filter(|_| is_shown)
            .and_then(|key| spread(&per_repetition(&runs, key)))
            .map(|found| found.mean);
        let param = |key: &String| trial.params.get(key).map(cell).unwrap_or_default();
        let last = [
            table::short(*value),
            mean.map(table::short).unwrap_or_default(),
            trial.runs.first().map(RunId::to_string).unwrap_or_default(),
        ];
        std::iter::once(trial.number.to_string()).chain(sweep.params.iter().map(param)).chain(last).collect()
    };
    let short = |key: &String| key.rsplit('.').next().unwrap_or(key).to_owned();
    let last = [
        format!("best {}", sweep.metric),
        tested.as_ref().map(MetricKey::to_string).unwrap_or_default(),
        "run".to_owned(),
    ];
    let header: Vec<String> =
        std::iter::once("trial".to_owned()).chain(sweep.params.iter().map(short)).chain(last).collect();
    Ok(table::render(&header, &shown.iter().map(row).collect::<Vec<_>>()))
}

/// Selection bias: the best of many looks better than it is, in the metric that it was chosen by.
fn luck(sweep: &Sweep, num_trials: usize) -> Option<String> {
    (num_trials >= 3).then(|| {
        // In units of the standard deviation between seeds, which one run per trial cannot estimate.
        let excess = best_of(num_trials, 1, 1.0).expected;
        format!(
            "\nThe best of the {num_trials} trials that finished owes part of its {} to luck: even among equally good \
             configs the best would lead by about {excess:.1} seed standard deviations. Its result on new seeds is what \
             counts.\n",
            sweep.metric
        )
    })
}

/// The commands to train the winner on new seeds, and to show the sweep.
fn next(store: &Store, sweep: &Sweep, best: &Trial) -> Result<String, TrackingError> {
    let Some(run) = runs_of(store, best)?.into_iter().next() else { return Ok(String::new()) };
    let again = retrain(store, &run.record.id, run.record.seed.wrapping_add(1), NUM_NEW_SEEDS);
    let name = quoted(&format!("{}-best", sweep.experiment));
    // The picture is about runs that differ in the width alone.
    let picture = match &sweep.params[..] {
        [only] if only == "model.hidden" => {
            let plot = store.command(&["plot", &sweep.experiment, "overfitting"]);
            format!("       see how the losses follow the size: {plot}\n")
        }
        _ => String::new(),
    };
    Ok(format!(
        "next   try the best on new seeds: {again} --name {name}\n{picture}       see all trials: {}\n",
        store.command(&["dashboard"])
    ))
}

/// The trial's runs that still exist.
fn runs_of(store: &Store, trial: &Trial) -> Result<Vec<Run>, TrackingError> {
    let mut runs = Vec::new();
    for id in &trial.runs {
        match store.run(id) {
            Ok(run) => runs.push(run),
            Err(TrackingError::NoSuchRun { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(runs)
}

/// A rounded value: drawn numbers have more digits than are readable.
fn cell(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => table::short(number.as_f64().unwrap_or(f64::NAN)),
        value => table::json_cell(value),
    }
}

/// A trial's params on one line, without their sections.
pub fn params(params: &BTreeMap<String, Value>) -> String {
    let word = |(key, value): (&String, &Value)| format!("{}={}", key.rsplit('.').next().unwrap_or(key), cell(value));
    params.iter().map(word).collect::<Vec<_>>().join(" ")
}
