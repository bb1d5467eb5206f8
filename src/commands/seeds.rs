//! `--seeds N`: one config, N runs that differ in their seed, as processes side by side.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};

use anyhow::Context;

use super::output::say;
use super::runs::table;
use super::train::EXIT_INTERRUPTED;
use crate::cli::TrainArgs;
use crate::config::Config;
use crate::tracking::compare::{headline, mean_interval, spread};
use crate::tracking::{MetricKey, Run, Store};

/// Trains `config` with `num_seeds` seeds from its own on, `jobs` at a time, and prints what they agree on.
///
/// # Errors
/// A process that cannot be started; a store that cannot be read. Runs that fail are named, and the others go on.
pub fn run(args: &TrainArgs, config: &Config, path: &Path, num_seeds: usize) -> anyhow::Result<ExitCode> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.unwrap_or(cores).clamp(1, num_seeds);
    let is_stopped = Arc::new(AtomicBool::new(false));
    let flag = is_stopped.clone();
    // A process that already has a handler (a test that trains twice) keeps its first one.
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).ok();

    let mut waiting: Vec<u64> = (0..num_seeds as u64).map(|offset| config.seed.wrapping_add(offset)).rev().collect();
    let (sender, ended) = mpsc::channel();
    let mut children: Vec<(u64, u32)> = Vec::new();
    let mut is_told = false;
    let mut results = Results { runs: Vec::new(), num_failed: 0, num_seeds, quiet: args.quiet };
    loop {
        while children.len() < jobs && !is_stopped.load(Ordering::Relaxed) {
            let Some(seed) = waiting.pop() else { break };
            let child = start(args, path, config.model.init_from.as_deref(), seed, jobs)?;
            children.push((seed, child.id()));
            watch(seed, child, sender.clone());
        }
        if children.is_empty() {
            break;
        }
        let end = wait(&ended, || {
            if is_stopped.load(Ordering::Relaxed) && !std::mem::replace(&mut is_told, true) {
                children.iter().for_each(|&(_, process)| interrupt(process));
            }
        })?;
        children.retain(|(seed, _)| *seed != end.seed);
        results.note(&args.artifacts, end)?;
    }
    let is_stopped = is_stopped.load(Ordering::Relaxed);
    results.print(config);
    Ok(match (is_stopped, results.num_failed) {
        (true, _) => ExitCode::from(EXIT_INTERRUPTED),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::FAILURE,
    })
}

/// This program with the same arguments and one seed.
fn start(args: &TrainArgs, path: &Path, init_from: Option<&str>, seed: u64, jobs: usize) -> anyhow::Result<Child> {
    let mut command = Command::new(std::env::current_exe().context("burnlab's own program cannot be found")?);
    command.arg("--config").arg(path).arg("--artifacts").arg(&args.artifacts).arg("--quiet").arg("--print-id");
    for set in &args.set {
        command.arg("--set").arg(set);
    }
    // Found once, for all seeds: `latest` or an experiment would mean another run each time.
    if let Some(run) = init_from {
        command.arg("--set").arg(format!("model.init_from={}", serde_json::Value::from(run)));
    }
    command.arg("--set").arg(format!("seed={seed}")).arg("--seeds").arg("1");
    for tag in &args.tag {
        command.arg("--tag").arg(tag);
    }
    if let Some(name) = &args.name {
        command.arg("--name").arg(name);
    }
    if let Some(backend) = args.backend {
        command.arg("--backend").arg(backend.as_str());
    }
    if jobs > 1 {
        // One core a process: more threads would only wait for each other.
        command.env("RAYON_NUM_THREADS", "1");
    }
    // Out of the terminal's reach: Ctrl-C comes to this process, which hands it on once.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().context("a training process cannot be started")
}

/// How a process ended.
struct End {
    seed: u64,
    /// The run's id; `None` when it ended before it was recorded.
    id: Option<String>,
    success: bool,
    error: String,
}

/// Waits for the process on a thread of its own.
fn watch(seed: u64, mut child: Child, sender: Sender<End>) {
    std::thread::spawn(move || {
        let stdout = child.stdout.take().map(BufReader::new);
        let id = stdout.and_then(|stdout| stdout.lines().map_while(Result::ok).last());
        let mut error = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            stderr.read_to_string(&mut error).ok();
        }
        let success = child.wait().is_ok_and(|status| status.success());
        // The receiver is gone only when the program ends.
        sender.send(End { seed, id, success, error: error.trim().to_owned() }).ok();
    });
}

/// The next process that ends; `meanwhile` is called several times a second.
fn wait(ended: &Receiver<End>, mut meanwhile: impl FnMut()) -> anyhow::Result<End> {
    loop {
        meanwhile();
        match ended.recv_timeout(std::time::Duration::from_millis(50)) {
            Ok(end) => return Ok(end),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => anyhow::bail!("a training process was lost"),
        }
    }
}

/// Asks a process to stop and keep its best weights, once: a second signal would end it at once.
#[cfg(unix)]
fn interrupt(process: u32) {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(process) = process {
        // It may have ended just now.
        rustix::process::kill_process(process, rustix::process::Signal::TERM).ok();
    }
}

#[cfg(not(unix))]
fn interrupt(_process: u32) {}

/// What has ended so far.
struct Results {
    runs: Vec<Run>,
    num_failed: usize,
    num_seeds: usize,
    quiet: bool,
}

impl Results {
    fn note(&mut self, artifacts: &Path, end: End) -> anyhow::Result<()> {
        let id = match (end.id, end.success) {
            (Some(id), true) => id,
            (Some(id), false) if end.error.is_empty() => {
                eprintln!("seed {}: interrupted; `burnlab resume {id}` goes on", end.seed);
                return Ok(());
            }
            _ => {
                self.num_failed += 1;
                eprintln!("seed {}: {}", end.seed, end.error);
                return Ok(());
            }
        };
        let run = Store::open_read_only(artifacts)?.run(&id.parse()?)?;
        if !self.quiet {
            let metric = headline(std::iter::once(&run));
            let value = metric.as_ref().and_then(|key| run.metrics.get(key));
            let value = metric.zip(value).map(|(key, value)| format!("{key} {:.4}  ", value.last));
            say!("seed {:<6} {}{id}", end.seed, value.unwrap_or_default());
        }
        self.runs.push(run);
        Ok(())
    }

    /// Mean, spread and interval of the metrics that tell how good the runs are.
    fn print(&self, config: &Config) {
        if self.quiet || self.runs.is_empty() {
            return;
        }
        say!("\n{} of {} seeds of {}", self.runs.len(), self.num_seeds, config.name);
        let keys: BTreeSet<&MetricKey> = self.runs.iter().flat_map(|run| run.metrics.keys()).collect();
        let mut rows: Vec<Vec<String>> = Vec::new();
        for key in keys.into_iter().filter(|key| key.split() == "test") {
            let values: Vec<f64> = self.runs.iter().filter_map(|run| Some(run.metrics.get(key)?.last)).collect();
            let Some(found) = spread(&values) else { continue };
            let interval = mean_interval(key, &values);
            let cell = |value: f64| format!("{value:.4}");
            let [low, high] = interval.map_or([String::new(), String::new()], |(low, high)| [cell(low), cell(high)]);
            let row = vec![cell(found.mean), low, high, cell(found.deviation), cell(found.lowest), cell(found.highest)];
            // The loss of classes is their log loss, unless smoothing or weights make it another.
            if rows.last().is_none_or(|last| last[1..] != row) {
                rows.push([key.to_string()].into_iter().chain(row).collect());
            }
        }
        let header = ["metric", "mean", "95 % from", "to", "sd", "least", "most"].map(str::to_owned);
        say!("{}", table::render(&header, &rows).trim_end());
    }
}
