//! Several configs, each against one baseline.

use serde::Serialize;

use super::{Claim, Group, Verdict, holm, over_folds, verdict};
use crate::metric::Goal;

/// The highest adjusted p-value that is a claim.
const LEVEL: f64 = 0.05;

/// One of several verdicts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adjusted {
    /// Its claim is that of `adjusted_p`; all its figures are those of this comparison by itself.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Corrected for all comparisons (Holm); `None` where no test was done.
    pub adjusted_p: Option<f64>,
}

/// Compares each of `others` with the baseline. Of configs that all equal it, any is claimed to differ with probability
/// 5 % at most, however many there are. `folds`: the results are those of so many folds of a cross-validation.
pub fn against_baseline(baseline: &Group, others: &[Group], goal: Goal, folds: Option<u64>) -> Vec<Adjusted> {
    let compare = |other: &Group| {
        let plain = verdict(baseline, other, goal);
        match folds {
            Some(folds) => over_folds(plain, folds, goal),
            None => plain,
        }
    };
    let verdicts: Vec<Verdict> = others.iter().map(compare).collect();
    let p_values: Vec<f64> = verdicts.iter().map(|verdict| verdict.p_value.unwrap_or(f64::NAN)).collect();
    let adjust = |(verdict, adjusted_p): (Verdict, f64)| {
        let holds = adjusted_p <= LEVEL || verdict.claim == Claim::NoClaim;
        let claim = if holds { verdict.claim } else { Claim::NotDistinguishable };
        let verdict = Verdict { claim, ..verdict };
        Adjusted { verdict, adjusted_p: Some(adjusted_p).filter(|adjusted_p| !adjusted_p.is_nan()) }
    };
    verdicts.into_iter().zip(holm(&p_values)).map(adjust).collect()
}
