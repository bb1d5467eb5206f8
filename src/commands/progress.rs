//! What the user sees while a run trains.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::output::say;
use crate::training::{EpochReport, Watch};

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Silent,
    /// One line that redraws itself, on a terminal.
    Bar,
    /// Plain lines, about twenty a run, without escape codes.
    Lines,
}

/// Lines that a long run prints in a pipe.
const MAX_LINES: usize = 20;

pub struct Progress {
    style: Style,
    bar: ProgressBar,
    started: Instant,
    /// The last epoch not yet printed, so that the run's last epoch always is.
    held: Mutex<Option<String>>,
}

impl Progress {
    pub fn new(style: Style, max_epochs: usize, steps_per_epoch: usize) -> Self {
        let bar = if style == Style::Bar {
            let bar = ProgressBar::new((max_epochs * steps_per_epoch) as u64);
            let template = "{wide_msg}\n{bar:40} {percent:>3}%  {elapsed} gone, {eta} left at most";
            bar.with_style(ProgressStyle::with_template(template).expect("a constant template").progress_chars("━╸ "))
        } else {
            ProgressBar::hidden()
        };
        Self { style, bar, started: Instant::now(), held: Mutex::new(None) }
    }

    /// Says what is about to be trained.
    pub fn begin(&self, header: &str) {
        if self.style != Style::Silent {
            say!("{header}");
        }
    }

    /// Takes the bar off the screen, prints the last epoch's line.
    pub fn end(&self) {
        self.bar.finish_and_clear();
        if let Some(line) = self.held.lock().expect("no panic while held").take() {
            say!("{line}");
        }
    }

    fn line(&self, report: &EpochReport) -> String {
        let EpochReport { epoch, max_epochs, values, best, patience_left } = report;
        let width = max_epochs.to_string().len();
        let mut line = format!("epoch {epoch:>width$}/{max_epochs}");
        let value = |key: &str| values.iter().find(|value| value.0.as_str() == key).map(|value| value.1);
        for key in ["train/loss", "validation/loss", "validation/perplexity", "validation/accuracy", "validation/r2"] {
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

impl Watch for Progress {
    fn step(&self, step: usize) {
        self.bar.set_position(step as u64);
    }

    fn announces(&self, epoch: usize, max_epochs: usize) -> bool {
        self.style == Style::Lines && (epoch == 1 || epoch.is_multiple_of(max_epochs.div_ceil(MAX_LINES)))
    }

    fn epoch(&self, report: &EpochReport) -> ControlFlow<()> {
        match self.style {
            Style::Silent => {}
            Style::Bar => self.bar.set_message(self.line(report)),
            Style::Lines => {
                let left = self.started.elapsed().as_secs_f64() / report.epoch as f64
                    * (report.max_epochs - report.epoch) as f64;
                let line = format!("{}  {left:.0} s left at most", self.line(report));
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
}
