//! The progress display during training.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::output::{say, tell};
use crate::experiment::{EpochReport, TrainingObserver, TrainingStart};
use crate::training::Phase;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Silent,
    /// A progress bar, on a terminal.
    Bar,
    /// Plain lines without escape codes, about twenty per run.
    Lines,
}

impl Style {
    /// The style that suits the terminal or pipe.
    pub fn chosen(is_silent: bool) -> Self {
        let on_terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        match (is_silent, on_terminal) {
            (true, _) => Self::Silent,
            (false, true) => Self::Bar,
            (false, false) => Self::Lines,
        }
    }
}

/// Maximum number of lines that a run prints to a pipe.
const MAX_LINES: usize = 20;

/// Shows the progress of one run.
pub struct Progress {
    style: Style,
    /// Start of the current training, and the progress bar, which is hidden in other styles.
    started: Mutex<Option<(Instant, ProgressBar)>>,
    /// The last epoch not yet printed, so that the final epoch always is.
    held: Mutex<Option<String>>,
}

impl Progress {
    pub fn new(style: Style) -> Self {
        Self { style, started: Mutex::new(None), held: Mutex::new(None) }
    }

    /// An epoch's metrics on one line.
    fn line(report: &EpochReport) -> String {
        let EpochReport { epoch, max_epochs, values, best, patience_left } = report;
        let width = max_epochs.to_string().len();
        let is_refit = values.iter().any(|(key, _)| key.split() == Phase::REFIT);
        let word = if is_refit { "refit" } else { "epoch" };
        let mut line = format!("{word} {epoch:>width$}/{max_epochs}");
        let value = |key: &str| values.iter().find(|value| value.0.as_str() == key).map(|value| value.1);
        for key in [
            "train/loss",
            "validation/loss",
            "validation/perplexity",
            "validation/accuracy",
            "validation/r2",
            "refit/loss",
        ] {
            if let Some(value) = value(key) {
                line += &format!("  {key} {value:.4}");
            }
        }
        if let Some((best_epoch, best_value)) = best {
            line += &format!("  best {best_value:.4} at {best_epoch}");
        }
        if let Some(left) = patience_left {
            line += &format!("  patience {left}");
        }
        line
    }
}

impl Progress {
    fn current(&self) -> MutexGuard<'_, Option<(Instant, ProgressBar)>> {
        self.started.lock().expect("no panic while held")
    }

    fn begin(&self, start: &TrainingStart) {
        let bar = if self.style == Style::Bar {
            let bar = ProgressBar::new((start.max_epochs * start.steps_per_epoch) as u64);
            let template = "{wide_msg}\n{bar:40} {percent:>3}%  {elapsed} elapsed, at most {eta} left";
            bar.with_style(ProgressStyle::with_template(template).expect("a constant template").progress_chars("━╸ "))
        } else {
            ProgressBar::hidden()
        };
        if self.style != Style::Silent {
            say!("{}", start.description);
        }
        *self.current() = Some((Instant::now(), bar));
    }
}

impl TrainingObserver for Progress {
    fn told(&self, line: &str) {
        tell!("note: {line}");
    }

    fn started(&self, start: &TrainingStart) {
        self.begin(start);
    }

    fn refits(&self, start: &TrainingStart) {
        self.ended();
        self.begin(start);
    }

    fn step(&self, step: usize) {
        if let Some((_, bar)) = &*self.current() {
            bar.set_position(step as u64);
        }
    }

    fn announces(&self, epoch: usize, max_epochs: usize) -> bool {
        self.style == Style::Lines && (epoch == 1 || epoch.is_multiple_of(max_epochs.div_ceil(MAX_LINES)))
    }

    fn epoch(&self, report: &EpochReport) -> ControlFlow<()> {
        let current = self.current();
        let Some((started, bar)) = &*current else { return ControlFlow::Continue(()) };
        match self.style {
            Style::Silent => {}
            Style::Bar => bar.set_message(Self::line(report)),
            Style::Lines => {
                let left =
                    started.elapsed().as_secs_f64() / report.epoch as f64 * (report.max_epochs - report.epoch) as f64;
                let left = if left < 1.0 { String::new() } else { format!("  at most {left:.0} s left") };
                let line = Self::line(report) + &left;
                let mut held = self.held.lock().expect("no panic while held");
                if self.announces(report.epoch, report.max_epochs) {
                    *held = None;
                    say!("{line}");
                } else {
                    *held = Some(line);
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Removes the bar, and prints the last epoch's line.
    fn ended(&self) {
        if let Some((_, bar)) = &*self.current() {
            bar.finish_and_clear();
        }
        if let Some(line) = self.held.lock().expect("no panic while held").take() {
            say!("{line}");
        }
    }
}
