//! Which of two configs is better, from the results of their seeds. Pure functions.
//!
//! The claim is that of the two-sided t interval at 95 %. What makes it robust:
//! - Two configs whose results have one distribution give differences that are symmetric around 0, however skewed it
//!   is: paired always, unpaired with as many seeds on either side. Skewness is what the t interval suffers from most.
//! - Welch's interval needs no equal spread. Where one config has twice the seeds of the other or more, it would claim
//!   too often (13 % with 2 seeds against 10), and takes the fewest degrees of freedom possible.
//! - A spread or difference below the rounding of the results is none: `0.97 - 0.95` equals `0.96 - 0.94`.
//! - Two seeds that agree exactly are no claim of zero spread; three are.
//! - The bootstrap interval is for the reader and decides nothing: with few seeds it is too narrow.
//!
//! What it cannot hold: of configs with equal means but unequal spreads, one at least twice the other, it claims a
//! difference for up to 14 % where the results are strongly skewed (-1.7), as any t interval does; of normal results
//! for up to 8 %, with 2 seeds against 3. And where seeds match in part only, they are not paired, which makes Welch's
//! interval too wide where results of one seed rise and fall together.

mod baseline;
mod best_of;
mod bootstrap;
#[cfg(test)]
mod false_alarms;
mod holm;
mod interval;
mod mcnemar;
mod overlap;
mod power;
mod seeds;
mod sentence;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use baseline::{Adjusted, against_baseline};
pub use best_of::{BestOf, best_of, pooled_deviation};
pub use holm::holm;
pub use mcnemar::mcnemar;
pub use overlap::{over_folds, widened};
pub use sentence::{adjusted_sentence, luck, sentence};

use crate::metric::Goal;
use interval::Estimate;
use seeds::Seeds;

/// Results of one config.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    pub name: &'a str,
    /// A seed and its result per run. Runs whose result is not finite count as failed; of several runs with one seed
    /// the mean counts.
    pub results: &'a [(u64, f64)],
}

/// What may be said of two configs, a and b.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// b is better than a.
    Better,
    /// b is worse than a.
    Worse,
    /// The difference is within what seeds alone may make.
    NotDistinguishable,
    /// A config has results of fewer than two seeds.
    NoClaim,
}

/// Two configs compared. Means, difference and intervals are in units of the result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub claim: Claim,
    /// Whether results were compared seed by seed: at least two seeds match, and all do.
    pub paired: bool,
    /// Seeds with a result.
    pub num_a: usize,
    pub num_b: usize,
    /// Seeds with a result in both configs, whether or not the comparison is paired.
    pub num_pairs: usize,
    /// The mean over seeds; NaN without results.
    pub mean_a: f64,
    pub mean_b: f64,
    /// b - a.
    pub difference: f64,
    /// 95 % of the difference: Student's t of the pairs if paired, else Welch's, with fewer degrees of freedom where
    /// one config has twice the seeds of the other or more. `None` with fewer than two seeds, and with two that show no
    /// spread.
    pub interval: Option<(f64, f64)>,
    /// 95 % of the difference, BCa bootstrap. `None` with fewer than three seeds, and without spread.
    pub bootstrap: Option<(f64, f64)>,
    /// Two-sided, of the test that `interval` belongs to. 0 where at least three seeds show one and the same
    /// difference.
    pub p_value: Option<f64>,
    /// Seeds per config, those already run included, that would find a difference as large as the present one, with the
    /// present spread, at 5 % (two-sided) with power 0.8. `None` if more than 1000, or without a difference.
    pub seeds_needed: Option<usize>,
    /// Runs without a finite result; they are not averaged.
    pub failed_a: usize,
    pub failed_b: usize,
}

/// Compares b with a. Equal groups give equal verdicts: the bootstrap has a fixed seed.
pub fn verdict(a: &Group, b: &Group, goal: Goal) -> Verdict {
    let (a, b) = (Seeds::new(a), Seeds::new(b));
    let bootstrap = bootstrap(&a, &b);
    Verdict { bootstrap, ..without_bootstrap(&a, &b, goal) }
}

/// 95 % of the mean of `values`, Student's t. `None` for fewer than two finite values, and for two that are equal.
pub fn mean_interval(values: &[f64]) -> Option<(f64, f64)> {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let largest = finite.iter().fold(0.0, |largest: f64, value| value.abs().max(largest));
    Estimate::paired(&finite, largest)?.interval()
}

fn without_bootstrap(a: &Seeds, b: &Seeds, goal: Goal) -> Verdict {
    let estimate = estimate(a, b);
    let interval = estimate.as_ref().and_then(Estimate::interval);
    Verdict {
        claim: if a.count() < 2 || b.count() < 2 { Claim::NoClaim } else { claim(interval, goal) },
        paired: is_paired(a, b),
        num_a: a.count(),
        num_b: b.count(),
        num_pairs: a.differences(b).len(),
        mean_a: a.mean(),
        mean_b: b.mean(),
        difference: estimate.as_ref().map_or(b.mean() - a.mean(), |estimate| estimate.difference),
        interval,
        bootstrap: None,
        p_value: estimate.as_ref().and_then(Estimate::p_value),
        seeds_needed: estimate.as_ref().and_then(Estimate::seeds_needed),
        failed_a: a.failed,
        failed_b: b.failed,
    }
}

fn claim(interval: Option<(f64, f64)>, goal: Goal) -> Claim {
    match (interval, goal) {
        (Some((low, _)), Goal::Higher) if low > 0.0 => Claim::Better,
        (Some((_, high)), Goal::Lower) if high < 0.0 => Claim::Better,
        (Some((low, high)), _) if low > 0.0 || high < 0.0 => Claim::Worse,
        _ => Claim::NotDistinguishable,
    }
}

fn is_paired(a: &Seeds, b: &Seeds) -> bool {
    let num_pairs = a.differences(b).len();
    num_pairs >= 2 && num_pairs == a.count() && num_pairs == b.count()
}

fn estimate(a: &Seeds, b: &Seeds) -> Option<Estimate> {
    let largest = a.largest().max(b.largest());
    if is_paired(a, b) {
        Estimate::paired(&a.differences(b), largest)
    } else {
        Estimate::independent(&a.values(), &b.values(), largest)
    }
}

fn bootstrap(a: &Seeds, b: &Seeds) -> Option<(f64, f64)> {
    estimate(a, b).filter(|estimate| !estimate.is_constant)?;
    if is_paired(a, b) {
        bootstrap::interval(&[(1.0, &a.differences(b))])
    } else {
        bootstrap::interval(&[(-1.0, &a.values()), (1.0, &b.values())])
    }
}
