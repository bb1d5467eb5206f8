//! Which of two configs is better, from the results of their seeds. Pure functions.
//!
//! The claim is that of the two-sided t interval at 95 %. What makes it robust:
//! - Two configs that are equally good give differences that are symmetric around 0 however skewed the results are:
//!   paired always, unpaired with as many seeds on either side. Skewness is what the t interval suffers from most.
//! - Welch's interval needs no equal spread, and falls back to few degrees of freedom where the spread of a small group
//!   dominates.
//! - Differences below the rounding of the results are none: `0.97 - 0.95` and `0.96 - 0.94` are the same difference.
//! - The bootstrap interval is for the reader and decides nothing: with few seeds it is too narrow.
//!
//! What it cannot hold: if the seeds match in part only, the shared seeds make Welch's interval too wide rather than too
//! narrow (results of one seed rise and fall together, if at all). And on a very coarse metric (a test part of some
//! 20 rows) 3 differences may be equal by chance; more seeds cure that.

mod best_of;
mod bootstrap;
mod holm;
mod interval;
mod mcnemar;
mod power;
mod seeds;
mod sentence;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use best_of::{BestOf, best_of, pooled_deviation};
pub use holm::holm;
pub use mcnemar::mcnemar;
pub use sentence::sentence;

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

/// What is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Higher,
    Lower,
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
    /// 95 % of the difference, Student's t or Welch's. `None` with fewer than two seeds, and with two that show no spread.
    pub interval: Option<(f64, f64)>,
    /// 95 % of the difference, BCa bootstrap. `None` with fewer than three seeds, and without spread.
    pub bootstrap: Option<(f64, f64)>,
    /// Two-sided, of the test that `interval` belongs to. 0 where at least three seeds show one and the same difference.
    pub p_value: Option<f64>,
    /// Seeds per config, those already run included, that would find a difference as large as the present one, with the
    /// present spread, at 5 % (two-sided) with power 0.8. `None` if more than 1000, or without a difference.
    pub seeds_needed: Option<usize>,
    /// Runs without a finite result; they are not averaged.
    pub failed_a: usize,
    pub failed_b: usize,
}

/// Compares b with a. Equal groups give equal verdicts: the bootstrap has a fixed seed.
pub fn verdict(a: &Group, b: &Group, direction: Direction) -> Verdict {
    let (a, b) = (Seeds::new(a), Seeds::new(b));
    let bootstrap = bootstrap(&a, &b);
    Verdict { bootstrap, ..without_bootstrap(&a, &b, direction) }
}

/// 95 % of the mean of `values`, Student's t. `None` for fewer than two finite values, and for two that are equal.
pub fn mean_interval(values: &[f64]) -> Option<(f64, f64)> {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let largest = finite.iter().fold(0.0, |largest: f64, value| value.abs().max(largest));
    Estimate::paired(&finite, largest)?.interval()
}

fn without_bootstrap(a: &Seeds, b: &Seeds, direction: Direction) -> Verdict {
    let estimate = estimate(a, b);
    let interval = estimate.as_ref().and_then(Estimate::interval);
    Verdict {
        claim: if a.count() < 2 || b.count() < 2 { Claim::NoClaim } else { claim(interval, direction) },
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

fn claim(interval: Option<(f64, f64)>, direction: Direction) -> Claim {
    match (interval, direction) {
        (Some((low, _)), Direction::Higher) if low > 0.0 => Claim::Better,
        (Some((_, high)), Direction::Lower) if high < 0.0 => Claim::Better,
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
