//! How often a difference is claimed between configs that are equally good, and between configs that are not.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

use super::interval::Estimate;
use super::pairwise::estimate;
use super::power;
use super::quantile::quantile;
use super::result::{Claim, claim};
use super::seeds::{Group, Seeds};
use crate::metric::Goal;

const NUM_COMPARISONS: usize = 2000;

/// Two groups of seeds, compared again and again.
#[derive(Clone, Copy)]
struct Trial {
    num_a: usize,
    num_b: usize,
    paired: bool,
    /// What b is better by.
    shift: f64,
    /// Accuracies are multiples of 1 / rows.
    num_rows: f64,
}

impl Trial {
    fn of(num_a: usize, num_b: usize, paired: bool) -> Self {
        Self { num_a, num_b, paired, shift: 0.0, num_rows: 1e9 }
    }

    /// The fraction of comparisons for which `is_alarm` is true.
    fn rate(self, is_alarm: impl Fn(&Seeds, &Seeds) -> bool) -> f64 {
        let mut random = ChaCha8Rng::seed_from_u64(2026);
        let mut seeds = |count: usize, first: u64, shift: f64| {
            let results: Vec<(u64, f64)> =
                (first..).map(|seed| (seed, self.accuracy(&mut random) + shift)).take(count).collect();
            Seeds::new(&Group { name: "", results: &results })
        };
        let first_b = if self.paired { 0 } else { 1000 };
        let alarms = (0..NUM_COMPARISONS)
            .filter(|_| is_alarm(&seeds(self.num_a, 0, 0.0), &seeds(self.num_b, first_b, self.shift)))
            .count();
        alarms as f64 / NUM_COMPARISONS as f64
    }

    /// From Beta(19, 1), the distribution of the largest of 19 uniforms: mean 0.95, deviation 0.045, skewness -1.7.
    fn accuracy(&self, random: &mut ChaCha8Rng) -> f64 {
        let exact = random.random::<f64>().powf(1.0 / 19.0);
        (exact * self.num_rows).round() / self.num_rows
    }
}

fn is_claimed(a: &Seeds, b: &Seeds) -> bool {
    let interval = estimate(a, b).as_ref().and_then(Estimate::interval);
    matches!(claim(interval, Goal::Higher), Claim::Better | Claim::Worse)
}

/// The rule of thumb: 1.96 standard errors of the paired differences.
fn is_beyond_two_errors(a: &Seeds, b: &Seeds) -> bool {
    let (low, high) = estimate(a, b).and_then(|estimate| estimate.interval()).unwrap();
    let standard_error = (high - low) / 2.0 / quantile(a.count() as f64 - 1.0);
    f64::midpoint(low, high).abs() > Normal::standard().inverse_cdf(0.975) * standard_error
}

#[test]
fn equal_configs_are_told_apart_in_at_most_7_percent() {
    for count in [2, 3, 5, 10] {
        for paired in [true, false] {
            let rate = Trial::of(count, count, paired).rate(is_claimed);
            assert!(rate <= 0.07, "{count} seeds, paired {paired}: {rate}");
        }
    }
}

#[test]
fn unequally_many_seeds_keep_the_rate() {
    for (num_a, num_b) in [(2, 3), (2, 4), (2, 10), (3, 10), (10, 3), (5, 9), (5, 10), (5, 30), (10, 30)] {
        let rate = Trial::of(num_a, num_b, false).rate(is_claimed);
        assert!(rate <= 0.07, "{num_a} against {num_b} seeds: {rate}");
    }
}

#[test]
fn coarse_accuracies_keep_the_rate() {
    for (count, num_rows) in [(3, 20.0), (3, 36.0), (5, 20.0), (10, 36.0)] {
        for paired in [true, false] {
            let rate = Trial { num_rows, ..Trial::of(count, count, paired) }.rate(is_claimed);
            assert!(rate <= 0.07, "{count} seeds of {num_rows} rows, paired {paired}: {rate}");
        }
    }
}

/// The same simulation finds a rule that claims too often.
#[test]
fn the_rule_of_thumb_alarms_too_often() {
    for count in [3, 5, 10] {
        let rate = Trial::of(count, count, true).rate(is_beyond_two_errors);
        assert!(rate > 0.07, "{count} seeds: {rate}");
    }
}

/// The 95 % interval is not so wide that it never claims: 0.8 is the power at the seeds needed.
#[test]
fn real_differences_are_found_with_the_seeds_needed() {
    let deviation = (19.0_f64 / (20.0 * 20.0 * 21.0)).sqrt();
    let shift = deviation * 1.5;
    let paired = power::seeds_needed(shift / (deviation * 2.0_f64.sqrt()), 1, 0.0).unwrap();
    let independent = power::seeds_needed(shift / deviation, 2, 0.0).unwrap();
    for (count, is_paired) in [(paired, true), (independent, false)] {
        let rate = Trial { shift, ..Trial::of(count, count, is_paired) }.rate(is_claimed);
        assert!((0.75..0.95).contains(&rate), "{count} seeds, paired {is_paired}: {rate}");
    }
}
