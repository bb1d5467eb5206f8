//! One config against another.

use super::bootstrap;
use super::interval::Estimate;
use super::result::{Claim, Verdict, claim};
use super::seeds::{Group, Seeds};
use super::unit::Unit;
use crate::metric::Goal;

/// Compares b with a. Deterministic: the bootstrap has a fixed seed.
pub fn verdict(a: &Group, b: &Group, goal: Goal, unit: Unit) -> Verdict {
    let (a, b) = (Seeds::new(a), Seeds::new(b));
    let decided = without_bootstrap(&a, &b, goal, unit);
    match unit {
        Unit::Seeds | Unit::TestRows { .. } | Unit::Splits { .. } => {
            Verdict { bootstrap: bootstrap(&a, &b), ..decided }
        }
        // The bootstrap does not account for shared rows, and more folds of the same rows would not help.
        Unit::Folds { .. } => Verdict { seeds_needed: None, ..decided },
    }
}

/// The claim of [`verdict`], without the figures beside it.
pub fn decided(a: &Group, b: &Group, goal: Goal, unit: Unit) -> Claim {
    without_bootstrap(&Seeds::new(a), &Seeds::new(b), goal, unit).claim
}

/// 95 % t interval of the mean of `values`. `None` for fewer than two finite values, and for two that are equal.
pub fn mean_interval(values: &[f64]) -> Option<(f64, f64)> {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let largest = finite.iter().fold(0.0, |largest: f64, value| value.abs().max(largest));
    Estimate::paired(&finite, largest)?.interval()
}

/// The verdict, but without the bootstrap interval.
pub(super) fn without_bootstrap(a: &Seeds, b: &Seeds, goal: Goal, unit: Unit) -> Verdict {
    let plain = estimate(a, b);
    let deciding = plain.clone().map(|plain| plain.for_unit(unit));
    let interval = deciding.as_ref().and_then(Estimate::interval);
    Verdict {
        claim: if a.count() < 2 || b.count() < 2 { Claim::NoClaim } else { claim(interval, goal) },
        paired: is_paired(a, b),
        num_a: a.count(),
        num_b: b.count(),
        num_pairs: a.differences(b).len(),
        mean_a: a.mean(),
        mean_b: b.mean(),
        difference: plain.as_ref().map_or(b.mean() - a.mean(), |plain| plain.difference),
        scope: unit.scope(),
        interval,
        interval_on_these_rows: plain.as_ref().and_then(Estimate::interval),
        bootstrap: None,
        p_value: deciding.as_ref().and_then(Estimate::p_value),
        seeds_needed: plain.as_ref().and_then(|plain| plain.seeds_needed(unit)),
        only_more_data: plain.as_ref().is_some_and(|plain| plain.needs_more_data(unit)),
        failed_a: a.failed,
        failed_b: b.failed,
    }
}

fn is_paired(a: &Seeds, b: &Seeds) -> bool {
    let num_pairs = a.differences(b).len();
    num_pairs >= 2 && num_pairs == a.count() && num_pairs == b.count()
}

pub(super) fn estimate(a: &Seeds, b: &Seeds) -> Option<Estimate> {
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
