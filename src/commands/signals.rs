//! SIGINT and SIGTERM: training stops at the next step and keeps its best weights.

use crate::experiment::Interrupter;

/// Exit code of a run or worker that SIGINT or SIGTERM ended, as shells count it for SIGINT.
pub const EXIT_INTERRUPTED: u8 = 130;

/// What the first signal stops; a second one ends the process at once.
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
    // A process that already has a handler (a test that trains twice) keeps its first one.
    ctrlc::set_handler(handler).ok();
    interrupter
}
