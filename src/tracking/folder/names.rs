//! Names of the files in a run folder.

use crate::tracking::TrackingError;

pub(crate) const RUN: &str = "run.json";
pub(crate) const CONFIG: &str = "config.toml";
pub(crate) const ENVIRONMENT: &str = "environment.json";
pub(crate) const METRICS: &str = "metrics.csv";
pub(crate) const LOG: &str = "run.log";
pub(crate) const LOCK: &str = "lock";
/// Asks the process that trains the run to end it.
pub(crate) const STOP: &str = "stop";
pub(crate) const SUMS: &str = "SHA256SUMS";

/// Checks a name for a file that training writes into a run folder: a plain name, or one in `plots/`, that is not one
/// of the names above.
pub(crate) fn check_file_name(name: &str) -> Result<(), TrackingError> {
    let whole = name;
    let name = name.strip_prefix("plots/").unwrap_or(name);
    let is_plain = (1..=100).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    let is_ours = [RUN, CONFIG, ENVIRONMENT, METRICS, LOG, LOCK, STOP, SUMS].contains(&name);
    if is_plain && !is_ours { Ok(()) } else { Err(TrackingError::InvalidFileName { name: whole.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_of_others_files() {
        for good in ["model.safetensors", "a", "Confusion_2.svg"] {
            assert!(check_file_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "a\\b", "/etc/passwd", "run.json", "lock", "metrics.csv", "a b"] {
            assert!(check_file_name(bad).is_err(), "{bad}");
        }
    }
}
