//! SIGINT and SIGTERM: training stops at the next step and keeps its best weights.

#[cfg(unix)]
use std::sync::Arc;

use crate::experiment::Interrupter;

/// Exit code of a run or worker stopped by SIGINT or SIGTERM, which is what shells use for SIGINT.
pub const EXIT_INTERRUPTED: u8 = 130;

/// The interrupter that the first signal triggers; a second one ends the process immediately.
pub fn interrupter() -> Interrupter {
    let interrupter = Interrupter::new();
    let told = interrupter.clone();
    let mut is_told = false;
    let handler = move || {
        if std::mem::replace(&mut is_told, true) {
            std::process::exit(EXIT_INTERRUPTED.into());
        }
        told.stop("signal");
    };
    // If a handler is already set (a test that trains twice), it stays.
    ctrlc::set_handler(handler).ok();
    interrupter
}

/// A file that grows beyond the limit of the user (`ulimit -f`) is an error of writing, which names the file, instead of the end of
/// the process without a word.
pub fn survive_large_files() {
    // Without the handler the process ends as it would without this.
    #[cfg(unix)]
    signal_hook::flag::register(rustix::process::Signal::XFSZ.as_raw(), Arc::default()).ok();
}
