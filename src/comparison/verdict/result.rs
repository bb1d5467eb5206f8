//! The outcome of a comparison of two configs.

use serde::Serialize;

use super::unit::Scope;
use crate::metric::Goal;

/// What can be claimed about two configs, a and b.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// b is better than a.
    Better,
    /// b is worse than a.
    Worse,
    /// The difference may be due to the seeds alone.
    NotDistinguishable,
    /// One of the configs has results for fewer than two seeds, or they cannot be compared.
    NoClaim,
}

/// The comparison of two configs. Means, difference and intervals are in units of the metric. "Seeds" are folds where
/// the results are those of a cross-validation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub claim: Claim,
    /// Whether results were compared seed by seed: all seeds match, and there are at least two.
    pub paired: bool,
    /// Number of seeds with a result.
    pub num_a: usize,
    pub num_b: usize,
    /// Number of seeds with a result in both configs, whether or not the comparison is paired.
    pub num_pairs: usize,
    /// The mean over seeds; NaN without results.
    pub mean_a: f64,
    pub mean_b: f64,
    /// b - a.
    pub difference: f64,
    /// What `interval` is about.
    pub scope: Scope,
    /// The 95 % interval of the difference that decides. `None` with fewer than two seeds, and with two without spread.
    pub interval: Option<(f64, f64)>,
    /// The narrower one of these rows alone: Student's t if paired, else Welch's, with fewer degrees of freedom where one
    /// config has at least twice the seeds of the other.
    pub interval_on_these_rows: Option<(f64, f64)>,
    /// 95 % BCa bootstrap interval of the difference on these rows. `None` with fewer than three seeds, without spread, and
    /// over folds.
    pub bootstrap: Option<(f64, f64)>,
    /// Two-sided p-value of the test that `interval` belongs to. 0 where at least three seeds show exactly the same
    /// difference.
    pub p_value: Option<f64>,
    /// Seeds per config, including those already run, with which a difference and spread like the present ones would be
    /// significant (5 %, two-sided) with power 0.8. `None` if more than 1000, without a difference, and over folds.
    pub seeds_needed: Option<usize>,
    /// Whether only more data would tell, and no number of seeds.
    pub only_more_data: bool,
    /// Number of runs without a finite result; they are not averaged.
    pub failed_a: usize,
    pub failed_b: usize,
}

/// What `interval` of the difference b - a claims.
pub(super) fn claim(interval: Option<(f64, f64)>, goal: Goal) -> Claim {
    match (interval, goal) {
        (Some((low, _)), Goal::Higher) if low > 0.0 => Claim::Better,
        (Some((_, high)), Goal::Lower) if high < 0.0 => Claim::Better,
        (Some((low, high)), _) if low > 0.0 || high < 0.0 => Claim::Worse,
        _ => Claim::NotDistinguishable,
    }
}
