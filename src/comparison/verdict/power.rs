//! How many seeds a t test needs.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::gamma::ln_gamma;

use super::quantile::quantile;

/// By how many standard errors a difference is found with this power if their degrees of freedom are endless:
/// 1.96 + 0.84.
pub(super) const FOUND: f64 = 2.802;
const POWER: f64 = 0.8;
const MOST_SEEDS: usize = 1000;

/// The fewest seeds per group with which a difference of `effect` standard deviations is significant (5 %, two-sided)
/// with power 0.8, for one group of paired differences or two groups. `floor` is the variance that more seeds do not
/// lower, in units of the variance between seeds. `None` if more than 1000, or if `effect` is not
/// above 0. Cohen 1988,
/// "Statistical Power Analysis for the Behavioral Sciences", chapter 2.
pub(super) fn seeds_needed(effect: f64, num_groups: usize, floor: f64) -> Option<usize> {
    let is_enough = |count: usize| power(effect, count, num_groups, floor) >= POWER;
    if !is_enough(MOST_SEEDS) {
        return None;
    }
    // The power grows with the number of seeds: bisection.
    let (mut too_few, mut enough) = (1, MOST_SEEDS);
    while enough - too_few > 1 {
        let middle = usize::midpoint(too_few, enough);
        if is_enough(middle) { enough = middle } else { too_few = middle }
    }
    Some(enough)
}

/// The probability that the two-sided 5 % t test finds a difference of `effect` standard deviations.
fn power(effect: f64, count: usize, num_groups: usize, floor: f64) -> f64 {
    let freedom = (num_groups * (count - 1)) as f64;
    let shift = effect / (num_groups as f64 / count as f64 + floor).sqrt();
    let critical = quantile(freedom);
    1.0 - noncentral_t(critical, freedom, shift) + noncentral_t(-critical, freedom, shift)
}

/// The distribution function of the noncentral t at `t`: a shifted normal over the root s of a mean square with
/// `freedom` degrees of freedom, integrated over s by Simpson's rule (to 1e-7). Johnson, Kotz and Balakrishnan 1995,
/// "Continuous Univariate Distributions", volume 2, chapter 31.
fn noncentral_t(t: f64, freedom: f64, shift: f64) -> f64 {
    const INTERVALS: usize = 1000;
    let normal = Normal::standard();
    let half = freedom / 2.0;
    let log_constant = 2.0_f64.ln() + half * half.ln() - ln_gamma(half);
    // s is 1 give or take 1 / sqrt(2 freedom)
    let (low, high) = ((1.0 - 8.0 / freedom.sqrt()).max(0.0), 1.0 + 8.0 / freedom.sqrt());
    let step = (high - low) / INTERVALS as f64;
    let integrand = |s: f64| {
        // 0 * ln 0 at s = 0 with one degree of freedom
        let log_power = if freedom > 1.0 { (freedom - 1.0) * s.ln() } else { 0.0 };
        (log_constant + log_power - half * s * s).exp() * normal.cdf(t * s - shift)
    };
    let weight = |index: usize| match index {
        0 | INTERVALS => 1.0,
        index if index % 2 == 1 => 4.0,
        _ => 2.0,
    };
    let sum: f64 = (0..=INTERVALS).map(|index| weight(index) * integrand(low + index as f64 * step)).sum();
    sum * step / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noncentral_t_is_that_of_scipy() {
        let scipy = [
            (12.706, 1.0, 5.0, 0.6948352593306946),
            (12.706, 1.0, 20.0, 0.11659970350550963),
            (2.262, 9.0, 3.1, 0.21239721653488677),
            (-2.262, 9.0, 3.1, 8.637094737140799e-07),
            (2.262, 9.0, -3.1, 0.9999991362905263),
            (1.97, 500.0, 2.8, 0.20344523215382646),
            (4.3, 2.0, 30.0, 7.976367452008951e-20),
            (4.3, 2.0, 0.0, 0.9749714229414542),
        ];
        for (t, freedom, shift, expected) in scipy {
            let found = noncentral_t(t, freedom, shift);
            assert!((found - expected).abs() < 1e-7, "{t} {freedom} {shift}: {found}");
        }
    }

    /// statsmodels 0.15: `TTestPower().solve_power` and `tt_ind_solve_power`, a real number of seeds.
    #[test]
    fn seeds_are_those_of_statsmodels() {
        let statsmodels = [
            (5.0, 2.4824, 2.1172),
            (2.0, 4.2207, 5.0900),
            (1.5, 5.6861, 8.0603),
            (1.0, 9.9379, 16.7147),
            (0.5, 33.3671, 63.7656),
            (0.2, 198.1508, 393.4057),
        ];
        for (effect, paired, independent) in statsmodels {
            assert_eq!(seeds_needed(effect, 1, 0.0), Some(f64::ceil(paired) as usize), "{effect}, paired");
            assert_eq!(seeds_needed(effect, 2, 0.0), Some(f64::ceil(independent) as usize), "{effect}, independent");
        }
        // 970.9 paired and 1938.95 independent; then 1015.5 paired
        assert_eq!(
            (seeds_needed(0.09, 1, 0.0), seeds_needed(0.09, 2, 0.0), seeds_needed(0.088, 1, 0.0)),
            (Some(971), None, None)
        );
    }

    #[test]
    fn no_effect_and_endless_effects_give_no_panic() {
        assert_eq!((seeds_needed(0.0, 1, 0.0), seeds_needed(f64::NAN, 2, 0.0)), (None, None));
        assert_eq!((seeds_needed(1e9, 1, 0.0), seeds_needed(f64::INFINITY, 2, 0.0)), (Some(2), Some(2)));
    }
}
