//! Selection bias ("winner's curse"): the best of many looks better than it is.

use serde::Serialize;
use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use super::seeds::{Group, Seeds, variance};

/// By how much the best of equally good candidates exceeds their true mean by chance alone, in units of the metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BestOf {
    /// The mean excess.
    pub expected: f64,
    /// The 95 % quantile of the excess.
    pub upper: f64,
}

/// The excess of the best of `num_candidates` equal candidates with `num_seeds` each, whose results spread by
/// `deviation` (see [`pooled_deviation`]) from seed to seed. 0 for no candidates; NaN for no seeds. David and Nagaraja
/// 2003, "Order Statistics", sections 2.1 and 3.1: both figures of the largest of N normal means are exact.
pub fn best_of(num_candidates: usize, num_seeds: usize, deviation: f64) -> BestOf {
    if num_candidates == 0 {
        return BestOf { expected: 0.0, upper: 0.0 };
    }
    let standard_error = if num_seeds == 0 { f64::NAN } else { deviation / (num_seeds as f64).sqrt() };
    let count = num_candidates as f64;
    // The largest is below z with probability cdf(z)^N; from the upper tail, which keeps its digits for large N.
    let tail = -(0.95_f64.ln() / count).exp_m1();
    let upper = -Normal::standard().inverse_cdf(tail);
    BestOf { expected: expected_maximum(count) * standard_error, upper: upper * standard_error }
}

/// The mean of the largest of `count` standard normals: its density times z, by the trapezoidal rule (to 1e-10).
fn expected_maximum(count: f64) -> f64 {
    const STEPS_PER_UNIT: i32 = 32;
    if count <= 1.0 {
        return 0.0;
    }
    let normal = Normal::standard();
    let integrand = |step: i32| {
        let z = f64::from(step) / f64::from(STEPS_PER_UNIT);
        let log_below = (-normal.sf(z)).ln_1p();
        z * count * normal.pdf(z) * ((count - 1.0) * log_below).exp()
    };
    (-10 * STEPS_PER_UNIT..=12 * STEPS_PER_UNIT).map(integrand).sum::<f64>() / f64::from(STEPS_PER_UNIT)
}

/// The standard deviation of a result over seeds, pooled over configs by their degrees of freedom. `None` if no config
/// has two seeds.
pub fn pooled_deviation(groups: &[Group]) -> Option<f64> {
    let seeds = groups.iter().map(Seeds::new).filter(|seeds| seeds.count() >= 2);
    let (squares, freedom) = seeds.fold((0.0, 0), |(squares, freedom), seeds| {
        let more = seeds.count() - 1;
        (squares + more as f64 * variance(&seeds.values()), freedom + more)
    });
    (freedom > 0).then(|| (squares / freedom as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// scipy 1.17: `quad` over the density of the maximum, and `norm.ppf(0.95 ** (1 / n))`.
    #[test]
    fn the_largest_of_normals_is_that_of_scipy() {
        let scipy = [
            (1, 0.0, 1.6448536269514722),
            (2, 0.5641895835477564, 1.9545083272139914),
            (3, 0.8462843753216346, 2.121201429680507),
            (5, 1.1629644736405198, 2.318679209826409),
            (10, 1.5387527308351727, 2.5678753685925684),
            (50, 2.2490736293898506, 3.0827926681604003),
            (1000, 3.2414357691334468, 3.8843975012078267),
        ];
        for (count, expected, upper) in scipy {
            let found = best_of(count, 1, 1.0);
            assert!((found.expected - expected).abs() < 1e-9, "{count}: {}", found.expected);
            assert!((found.upper - upper).abs() < 1e-8, "{count}: {}", found.upper);
        }
    }

    #[test]
    fn simulated_candidates_exceed_their_mean_as_expected() {
        let (num_candidates, num_seeds, deviation, repeats) = (12, 3, 0.01, 20_000);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let normal = Normal::new(0.955, deviation).unwrap();
        let mut mean = || (0..num_seeds).map(|_| normal.inverse_cdf(random.random())).sum::<f64>() / num_seeds as f64;
        let mut excess = || (0..num_candidates).map(|_| mean() - 0.955).fold(f64::MIN, f64::max);
        let simulated: Vec<f64> = (0..repeats).map(|_| excess()).collect();
        let found = best_of(num_candidates, num_seeds, deviation);
        let mean = simulated.iter().sum::<f64>() / repeats as f64;
        let above = simulated.iter().filter(|&&excess| excess > found.upper).count() as f64 / repeats as f64;
        assert!((mean / found.expected - 1.0).abs() < 0.01, "{mean} {}", found.expected);
        assert!((above - 0.05).abs() < 0.005, "{above}");
    }

    #[test]
    fn the_spread_is_pooled_within_groups() {
        let (a, b) = ([(1, 1.0), (2, 3.0)], [(1, 100.0), (2, 101.0), (3, 102.0), (4, f64::NAN)]);
        let groups = [Group { name: "a", results: &a }, Group { name: "b", results: &b }];
        assert_eq!(pooled_deviation(&groups), Some((4.0_f64 / 3.0).sqrt()));
        assert_eq!(pooled_deviation(&[]), None);
    }

    #[test]
    fn degenerate_input_gives_no_panic() {
        assert_eq!(best_of(0, 0, f64::NAN), BestOf { expected: 0.0, upper: 0.0 });
        assert!(best_of(3, 0, 1.0).expected.is_nan() && best_of(3, 2, f64::NAN).upper.is_nan());
        assert_eq!(best_of(5, 3, 0.0), BestOf { expected: 0.0, upper: 0.0 });
        assert!(best_of(usize::MAX, 1, 1.0).expected > 8.0);
    }
}
