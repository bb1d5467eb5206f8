//! Results of a cross-validation: any two of its runs share most of their training rows and so agree more than
//! independent runs would, which makes the plain t interval too narrow.

use statrs::function::beta::beta_reg;

use super::quantile::quantile;
use super::result::{Verdict, claim};
use crate::metric::Goal;

/// How much wider an interval over `num_results` folds is than the plain one: the variance of the mean is s^2 (1/n +
/// n_test / n_train) in place of s^2 / n, and a fold tests 1 / (`num_folds` - 1) as many rows as it trains on. Nadeau
/// and Bengio 2003, "Inference for the generalization error"; for repeated folds Bouckaert and Frank 2004.
fn widening(num_results: usize, num_folds: u64) -> f64 {
    (1.0 + num_results as f64 / (num_folds.max(2) - 1) as f64).sqrt()
}

/// The interval of a mean over folds, from the plain one.
pub fn widened((low, high): (f64, f64), num_results: usize, num_folds: u64) -> (f64, f64) {
    let half = (high - low) / 2.0 * widening(num_results, num_folds);
    let middle = f64::midpoint(low, high);
    (middle - half, middle + half)
}

/// Corrects a verdict on the results of folds. Seeds needed and bootstrap interval are left out: more folds of the same
/// rows would not help, and the bootstrap does not account for shared rows.
pub(super) fn over_folds(verdict: Verdict, num_folds: u64, goal: Goal) -> Verdict {
    let count = if verdict.paired { verdict.num_pairs } else { verdict.num_a.min(verdict.num_b) };
    let plain = Verdict { bootstrap: None, seeds_needed: None, ..verdict };
    let Some((low, high)) = plain.interval.filter(|(low, high)| low < high) else { return plain };
    let interval = widened((low, high), count, num_folds);
    let freedom = count as f64 - 1.0;
    let statistic = plain.difference / ((interval.1 - interval.0) / 2.0 / quantile(freedom));
    Verdict {
        interval: Some(interval),
        p_value: Some(beta_reg(freedom / 2.0, 0.5, freedom / (freedom + statistic.powi(2)))),
        claim: claim(Some(interval), goal),
        ..plain
    }
}
