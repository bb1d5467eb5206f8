//! Tells how the rows given to a model differ from those that it was trained on.

use crate::commands::output::tell;
use crate::data::Drift;

/// Prints a line for each difference on standard error, apart from the predictions.
///
/// # Errors
/// With `is_strict`, if there is any.
pub fn tell(drift: &Drift, is_strict: bool) -> anyhow::Result<()> {
    let lines = drift.lines();
    for line in &lines {
        tell!("note: {line}");
    }
    anyhow::ensure!(
        !is_strict || lines.is_empty(),
        "the rows differ from those of training, as the notes above say: correct them, or leave out --strict"
    );
    Ok(())
}
