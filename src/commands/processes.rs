//! Child processes of this program, run in parallel: the workers of a sweep.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;

use crate::cli::StoreArgs;
use crate::experiment::Interrupter;
use crate::threads;

/// An event of a child process.
pub enum Event {
    /// It printed a line.
    Line(String),
    /// It ended; `code` is `None` if a signal ended it, `error` is its output on stderr.
    Ended { process: u32, code: Option<i32>, error: String },
}

/// The command to start this program as one of `jobs` child processes.
///
/// A child's standard input closes when this process ends.
pub fn command(jobs: usize) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("burnlab's own program cannot be found")?);
    if jobs > 1 {
        // One core per process: more threads would only wait for each other.
        command.env("RAYON_NUM_THREADS", "1");
    }
    // A process group of its own: only this process receives Ctrl-C, and passes it on once.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// Passes the store on to the child. A server's address may contain a password, which other users could read in the
/// arguments, so it is passed in the environment.
pub fn pass_store(command: &mut Command, store: &StoreArgs) {
    command.arg("--artifacts").arg(&store.artifacts);
    if let Some(server) = &store.server {
        command.env("BURNLAB_STORE", server);
    }
}

/// Number of tasks to run in parallel: as requested, or one per core, and at most `num_tasks`.
pub fn jobs(asked: Option<usize>, num_tasks: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    asked.unwrap_or(cores).clamp(1, num_tasks.max(1))
}

/// Runs the commands from `next`, `jobs` at a time, until there are no more and all have ended; `handle` receives each
/// event. When the interrupter asks to stop, that is passed on to the children once, after which no new one is started.
///
/// Returns whether it was stopped.
///
/// # Errors
/// A process that cannot be started; the errors of `next` and `handle`.
pub fn run_parallel(
    jobs: usize,
    interrupter: &Interrupter,
    mut next: impl FnMut() -> anyhow::Result<Option<Command>>,
    mut handle: impl FnMut(Event) -> anyhow::Result<()>,
) -> anyhow::Result<bool> {
    let (sender, events) = mpsc::channel();
    let mut running: Vec<u32> = Vec::new();
    let mut is_told = false;
    loop {
        while running.len() < jobs && !interrupter.should_stop() {
            let Some(mut command) = next()? else { break };
            let child = command.spawn().map_err(|error| threads::not_started("another process", &error))?;
            running.push(child.id());
            watch(child, sender.clone())?;
        }
        if running.is_empty() {
            return Ok(interrupter.should_stop());
        }
        let event = wait(&events, || {
            if interrupter.should_stop() && !std::mem::replace(&mut is_told, true) {
                running.iter().for_each(|&process| interrupt(process));
            }
        })?;
        if let Event::Ended { process, .. } = &event {
            running.retain(|running| running != process);
        }
        handle(event)?;
    }
}

/// Waits for the process on a separate thread.
fn watch(child: Child, sender: Sender<Event>) -> std::io::Result<()> {
    let child = Arc::new(Mutex::new(child));
    let watched = Arc::clone(&child);
    let watching = threads::spawn(move || {
        let mut child = watched.lock().unwrap_or_else(PoisonError::into_inner);
        let stdin = child.stdin.take();
        // The receiver is dropped only when the program ends.
        for line in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
            let Ok(line) = line else { break };
            sender.send(Event::Line(line)).ok();
        }
        let mut error = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            stderr.read_to_string(&mut error).ok();
        }
        let process = child.id();
        let code = child.wait().ok().and_then(|status| status.code());
        drop(stdin);
        sender.send(Event::Ended { process, code, error: error.trim().to_owned() }).ok();
    });
    if let Err(error) = watching {
        // Nobody would learn what it does.
        let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
        child.kill().and_then(|()| child.wait()).ok();
        return Err(error);
    }
    Ok(())
}

/// The next event; `meanwhile` is called several times a second.
fn wait(events: &Receiver<Event>, mut meanwhile: impl FnMut()) -> anyhow::Result<Event> {
    loop {
        meanwhile();
        match events.recv_timeout(Duration::from_millis(50)) {
            Ok(event) => return Ok(event),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => anyhow::bail!("a process was lost"),
        }
    }
}

/// Asks a process to stop and keep its best weights. Call it only once: a second signal ends the process immediately.
#[cfg(unix)]
fn interrupt(process: u32) {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(process) = process {
        // It may have ended in the meantime.
        rustix::process::kill_process(process, rustix::process::Signal::TERM).ok();
    }
}

#[cfg(not(unix))]
fn interrupt(_process: u32) {}

/// Calls `stop` when the parent process has ended. Only for processes started by [`command`]: the standard input of
/// others may close at any time.
pub fn on_parent_exit(stop: impl FnOnce() + Send + 'static) {
    let waiting = threads::spawn(move || {
        std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()).ok();
        stop();
    });
    // Without it a worker goes on when the parent was killed, to the end of the trial.
    waiting.ok();
}
