//! Commands that train the seeds still needed for a claim.

use crate::comparison::repetition::num_repetitions;
use crate::comparison::verdict::{Claim, Verdict};
use crate::tracking::{Run, RunId, Store};

/// Seeds per config to suggest where there is only one: enough for a meaningful interval.
pub(super) const SEEDS_TO_START_WITH: usize = 10;

/// Commands for the seeds that are missing for a claim; none if there is a claim, or no number of seeds would help.
pub(super) fn next(store: &Store, verdict: &Verdict, groups: [(&Run, &[&Run]); 2]) -> Vec<String> {
    let wanted = match verdict.claim {
        Claim::NoClaim => Some(SEEDS_TO_START_WITH),
        Claim::NotDistinguishable => verdict.seeds_needed,
        Claim::Better | Claim::Worse => None,
    };
    let Some(wanted) = wanted else { return Vec::new() };
    groups.into_iter().filter_map(|(run, group)| missing_seeds(store, run, group, wanted)).collect()
}

/// The command that trains the config of `run` with the seeds that its group lacks; `None` if it has enough.
pub(super) fn missing_seeds(store: &Store, run: &Run, group: &[&Run], wanted: usize) -> Option<String> {
    let missing = wanted.checked_sub(num_repetitions(group)).filter(|&missing| missing > 0)?;
    let first = group.iter().map(|run| run.record.seed).max()?.wrapping_add(1);
    Some(retrain(store, &run.record.id, first, missing))
}

/// The command that trains the config of `run` again, with `count` consecutive seeds from `first`.
pub fn retrain(store: &Store, run: &RunId, first: u64, count: usize) -> String {
    let config = store.folder(run).join("config.toml").display().to_string();
    let (seed, count) = (format!("seed={first}"), count.to_string());
    store.command(&["--config", &config, "--set", &seed, "--seeds", &count])
}
