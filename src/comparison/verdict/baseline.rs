//! Several configs, each compared with one baseline.

use serde::Serialize;

use super::holm::holm;
use super::pairwise::verdict;
use super::result::{Claim, Verdict};
use super::seeds::Group;
use super::unit::Unit;
use crate::metric::Goal;

/// The highest adjusted p-value that supports a claim.
const LEVEL: f64 = 0.05;

/// One of several verdicts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adjusted {
    /// The claim is based on `adjusted_p`; all figures are those of this comparison alone.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// p-value corrected for the number of comparisons (Holm); `None` where no test was done.
    pub adjusted_p: Option<f64>,
}

/// Compares the second of each pair with the first, the baseline, whose results are numbered as those of the other. If all
/// are equally good, the probability of claiming any difference is at most 5 %, however many there are.
pub fn against_baseline(pairs: &[(Group, Group, Unit)], goal: Goal) -> Vec<Adjusted> {
    let verdicts: Vec<Verdict> = pairs.iter().map(|(first, other, unit)| verdict(first, other, goal, *unit)).collect();
    let p_values: Vec<f64> = verdicts.iter().map(|verdict| verdict.p_value.unwrap_or(f64::NAN)).collect();
    let adjust = |(verdict, adjusted_p): (Verdict, f64)| {
        let holds = adjusted_p <= LEVEL || verdict.claim == Claim::NoClaim;
        let claim = if holds { verdict.claim } else { Claim::NotDistinguishable };
        let verdict = Verdict { claim, ..verdict };
        Adjusted { verdict, adjusted_p: Some(adjusted_p).filter(|adjusted_p| !adjusted_p.is_nan()) }
    };
    verdicts.into_iter().zip(holm(&p_values)).map(adjust).collect()
}
