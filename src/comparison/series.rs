//! Functions on one series: smoothing, downsampling, the best sample.
//!
//! Smooth before downsampling: the other way round, the result depends on the width of the chart.

use crate::metric::Goal;
use crate::tracking::Sample;

/// The best finite sample, the earliest of equals.
pub fn best(samples: &[Sample], goal: Goal) -> Option<Sample> {
    let finite = samples.iter().copied().filter(|sample| sample.value.is_finite());
    finite.reduce(|best, sample| if goal.is_better(sample.value, best.value) { sample } else { best })
}

/// Exponential moving average; `weight` in `0.0..1.0` is the weight of the past (0 changes nothing). Bias-corrected, so
/// that the first values are not pulled to zero. Values that are not finite are kept and not averaged in.
pub fn smooth(samples: &[Sample], weight: f64) -> Vec<Sample> {
    let weight = weight.clamp(0.0, 0.999);
    let (mut sum, mut total) = (0.0, 0.0);
    let smoothed = |sample: &Sample| {
        if !sample.value.is_finite() {
            return *sample;
        }
        sum = sum * weight + sample.value * (1.0 - weight);
        total = total * weight + (1.0 - weight);
        Sample { value: sum / total, ..*sample }
    };
    samples.iter().map(smoothed).collect()
}

/// At most `limit` samples whose curve looks the same: the first, the last, and of each bucket between them the lowest,
/// the highest and the first that is not finite. Deterministic; a series within the limit is returned whole.
///
/// A `limit` below 5 counts as 5, which has room for one bucket.
pub fn downsample(samples: &[Sample], limit: usize) -> Vec<Sample> {
    let limit = limit.max(5);
    if samples.len() <= limit {
        return samples.to_vec();
    }
    let inner = &samples[1..samples.len() - 1];
    let num_buckets = (limit - 2) / 3;
    let mut kept = vec![samples[0]];
    for bucket in 0..num_buckets {
        // Integer bounds that cover all of `inner` without overlap.
        let bound = |index: usize| index * inner.len() / num_buckets;
        kept.extend(extremes(&inner[bound(bucket)..bound(bucket + 1)]));
    }
    kept.push(samples[samples.len() - 1]);
    kept
}

/// Number of far outliers among the finite values: beyond Tukey's outer fences, 3 interquartile ranges outside the
/// quartiles. 0 for fewer than eight values.
pub fn far_out(samples: &[Sample]) -> usize {
    let mut values: Vec<f64> = samples.iter().map(|sample| sample.value).filter(|value| value.is_finite()).collect();
    if values.len() < 8 {
        return 0;
    }
    values.sort_by(f64::total_cmp);
    let at = |part: f64| values[(part * (values.len() - 1) as f64).round() as usize];
    let (low, high) = (at(0.25), at(0.75));
    let reach = 3.0 * (high - low);
    values.iter().filter(|&&value| value < low - reach || value > high + reach).count()
}

/// The lowest, the highest and the first sample that is not finite, in their order.
fn extremes(bucket: &[Sample]) -> Vec<Sample> {
    let finite = || bucket.iter().enumerate().filter(|(_, sample)| sample.value.is_finite());
    let by_value = |a: &(usize, &Sample), b: &(usize, &Sample)| a.1.value.total_cmp(&b.1.value);
    let lowest = finite().min_by(by_value).map(|(index, _)| index);
    let highest = finite().max_by(by_value).map(|(index, _)| index);
    let broken = bucket.iter().position(|sample| !sample.value.is_finite());
    let mut indices: Vec<usize> = [lowest, highest, broken].into_iter().flatten().collect();
    indices.sort_unstable();
    indices.dedup();
    indices.into_iter().map(|index| bucket[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: impl IntoIterator<Item = f64>) -> Vec<Sample> {
        let sample = |(index, value)| Sample { epoch: index as u64 + 1, step: index as u64, time: 0.0, value };
        values.into_iter().enumerate().map(sample).collect()
    }

    #[test]
    fn best_is_the_earliest_finite_one() {
        let values = series([f64::NAN, 2.0, 1.0, 1.0, f64::NEG_INFINITY]);
        assert_eq!(best(&values, Goal::Lower).unwrap().epoch, 3);
        assert_eq!(best(&values, Goal::Higher).unwrap().epoch, 2);
        assert!(best(&series([f64::NAN, f64::INFINITY]), Goal::Lower).is_none());
        assert!(best(&[], Goal::Lower).is_none());
    }

    #[test]
    fn smoothing_keeps_constants_and_holes() {
        let constant = series([3.0; 10]);
        for (smoothed, sample) in smooth(&constant, 0.9).iter().zip(&constant) {
            assert!((smoothed.value - sample.value).abs() < 1e-12);
        }
        let smoothed = smooth(&series([1.0, f64::NAN, 3.0]), 0.5);
        assert!(smoothed[1].value.is_nan());
        assert!((smoothed[2].value - 7.0 / 3.0).abs() < 1e-12);
        assert_eq!(smooth(&series([1.0, 5.0]), 0.0), series([1.0, 5.0]));
    }

    #[test]
    fn spikes_are_far_out() {
        assert_eq!(far_out(&series((0..50).map(f64::from))), 0);
        let mut values: Vec<f64> = (0..50).map(f64::from).collect();
        values[7] = 1e4;
        values[9] = -1e4;
        values[11] = f64::NAN;
        assert_eq!(far_out(&series(values)), 2);
        assert_eq!(far_out(&series([1.0, 1.0, 1.0, 100.0])), 0);
    }

    #[test]
    fn downsampling_keeps_ends_spikes_and_the_broken() {
        let mut values: Vec<f64> = (0..10_000).map(|index| f64::from(index % 7)).collect();
        values[4321] = 1e6;
        values[7654] = -1e6;
        values[5000] = f64::NAN;
        let samples = series(values);
        for limit in [0, 5, 6, 100, 1000, 9_999] {
            let kept = downsample(&samples, limit);
            assert!(kept.len() <= limit.max(5), "{limit}: {}", kept.len());
            assert!(kept.is_sorted_by_key(|sample| sample.epoch));
            assert_eq!((kept[0].epoch, kept.last().unwrap().epoch), (1, 10_000));
            for epoch in [4322, 7655, 5001] {
                assert!(kept.iter().any(|sample| sample.epoch == epoch), "{limit}: {epoch}");
            }
        }
        assert_eq!(downsample(&samples, 10_000).len(), 10_000);
        assert!(downsample(&[], 10).is_empty());
    }
}
