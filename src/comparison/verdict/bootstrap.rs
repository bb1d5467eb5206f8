//! The bootstrap interval of a difference of means.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

use super::seeds::mean;

const NUM_RESAMPLES: usize = 10_000;
const SEED: u64 = 0;

/// 95 % BCa interval of the sum of the groups' means, each multiplied by its sign: one group of paired differences, or a
/// with -1 and b with 1. Efron 1987, "Better bootstrap confidence intervals"; Efron and Tibshirani 1993, "An Introduction to
/// the Bootstrap", section 14.3. `None` for fewer than three values in a group.
pub(super) fn interval(groups: &[(f64, &[f64])]) -> Option<(f64, f64)> {
    if groups.iter().any(|(_, values)| values.len() < 3) {
        return None;
    }
    let observed: f64 = groups.iter().map(|(sign, values)| sign * mean(values)).sum();
    let resampled = resampled(groups);
    let normal = Normal::standard();
    let bias = normal.inverse_cdf(share_below(&resampled, observed));
    let acceleration = acceleration(groups);
    let bound = |probability: f64| {
        let z = bias + normal.inverse_cdf(probability);
        let corrected = normal.cdf(bias + z / (1.0 - acceleration * z));
        // The correction is infinite where all resamples lie on one side: use the percentile interval then.
        percentile(&resampled, if corrected.is_finite() && bias.is_finite() { corrected } else { probability })
    };
    let (low, high) = (bound(0.025), bound(0.975));
    (low.is_finite() && high.is_finite()).then_some((low, high))
}

/// The statistic of every resample, in ascending order.
fn resampled(groups: &[(f64, &[f64])]) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut resampled_mean = |values: &[f64]| {
        let sum: f64 = (0..values.len()).map(|_| values[random.random_range(0..values.len())]).sum();
        sum / values.len() as f64
    };
    let mut statistics: Vec<f64> =
        (0..NUM_RESAMPLES).map(|_| groups.iter().map(|(sign, values)| sign * resampled_mean(values)).sum()).collect();
    statistics.sort_by(f64::total_cmp);
    statistics
}

/// The fraction of `sorted` below `value`; equal values count half.
fn share_below(sorted: &[f64], value: f64) -> f64 {
    let below = sorted.partition_point(|&other| other < value);
    let up_to = sorted.partition_point(|&other| other <= value);
    (below + up_to) as f64 / (2 * sorted.len()) as f64
}

/// From the jackknife, whose influences for means are the deviations from the mean divided by n; several groups add up (Davison and
/// Hinkley 1997, "Bootstrap Methods and their Application", section 5.3.2).
fn acceleration(groups: &[(f64, &[f64])]) -> f64 {
    let influences: Vec<f64> = groups
        .iter()
        .flat_map(|(sign, values)| {
            let (mean, count) = (mean(values), values.len() as f64);
            values.iter().map(move |value| sign * (value - mean) / count)
        })
        .collect();
    let moment = |power: i32| influences.iter().map(|influence| influence.powi(power)).sum::<f64>();
    moment(3) / (6.0 * moment(2).powf(1.5))
}

/// Linear interpolation between the two nearest values of `sorted`.
fn percentile(sorted: &[f64], probability: f64) -> f64 {
    let position = probability * (sorted.len() - 1) as f64;
    let (lower, upper) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    lower + (upper - lower) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_percentiles() {
        let sorted = [1.0, 2.0, 2.0, 5.0];
        assert_eq!((share_below(&sorted, 2.0), share_below(&sorted, 9.0)), (0.5, 1.0));
        assert_eq!((percentile(&sorted, 0.0), percentile(&sorted, 1.0), percentile(&sorted, 0.5)), (1.0, 5.0, 2.0));
        assert!((percentile(&sorted, 0.9) - 4.1).abs() < 1e-12);
    }

    #[test]
    fn a_mirrored_sample_has_the_mirrored_interval() {
        let values = [0.1, 0.2, 0.25, 0.3, 1.4, 0.15];
        let (low, high) = interval(&[(1.0, &values)]).unwrap();
        let (mirrored_low, mirrored_high) = interval(&[(-1.0, &values)]).unwrap();
        assert!((low + mirrored_high).abs() < 1e-9 && (high + mirrored_low).abs() < 1e-9);
        // Skewed to the right: BCa reaches further up than down.
        let mean = mean(&values);
        assert!(high - mean > 1.5 * (mean - low), "{low} {mean} {high}");
    }

    #[test]
    fn too_few_values_and_no_spread_give_no_panic() {
        assert_eq!(interval(&[(1.0, &[1.0, 2.0])]), None);
        assert_eq!(interval(&[(1.0, &[2.0; 4])]), Some((2.0, 2.0)));
        assert_eq!(interval(&[(1.0, &[f64::MAX; 3])]), None);
    }
}
