//! `burnlab sweep work SWEEP`: one worker.

use std::process::ExitCode;

use super::show;
use crate::backend::BackendName;
use crate::cli::SweepWorkArgs;
use crate::commands::output::{say, tell};
use crate::commands::processes::on_parent_exit;
use crate::commands::signals::{EXIT_INTERRUPTED, interrupter};
use crate::experiment::sweep::{Progress, Worker};
use crate::figures::counted;
use crate::tracking::{Held, TrialState};

/// Claims and trains trials, and prints each. A worker that is asked to stop returns its trial to the queue and exits
/// with [`EXIT_INTERRUPTED`].
///
/// # Errors
/// No such sweep, or one whose metric has no direction; an unreachable store, or a folder that cannot be written. A
/// trial that fails because of its params is recorded, and the next one claimed.
pub fn run(args: &SweepWorkArgs) -> anyhow::Result<ExitCode> {
    let location = args.store.location();
    let backend = BackendName::chosen(args.backend);
    let interrupter = interrupter();
    if args.child {
        let interrupter = interrupter.clone();
        on_parent_exit(move || interrupter.stop("the parent process has ended"));
    }
    let mut worker = Worker::new(&location, &args.sweep, &args.tag, backend, interrupter.clone(), args.connect)?;
    worker.work(args.most, |progress| say!("{}", line(progress)), |held| say!("{}", waits(held)))?;
    if interrupter.should_stop() {
        tell!("stopped; its trial waits for another worker");
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

fn waits(held: &Held) -> String {
    let Held { number, worker, seconds, .. } = held;
    format!("waits for trial {number}, held by {worker} for another {:.0} s unless it renews that", seconds.max(0.0))
}

fn line(progress: &Progress) -> String {
    let Progress { sweep, claim, outcome, num_epochs, seconds } = progress;
    let value = match (outcome.state, outcome.value) {
        (TrialState::Refused, _) => format!("not trained: {}", outcome.reason),
        (TrialState::Failed, _) | (_, None) => format!("failed: {}", outcome.reason),
        (state, Some(value)) => {
            let early = if state == TrialState::Stopped { ", stopped early" } else { "" };
            format!("{} {value:.4}  {}{early}, {seconds:.1} s", sweep.metric, counted(num_epochs, "epoch"))
        }
    };
    format!("trial {:<4} {value}  {}", claim.number, show::params(&claim.params))
}
