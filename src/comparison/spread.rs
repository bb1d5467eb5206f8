//! What repeated measurements agree on: mean, interval and spread.

use std::collections::BTreeMap;

use serde::Serialize;

use super::verdict;
use crate::tracking::{MetricKey, Sample};

/// The 95 % interval of the mean of a metric, cut to the range of the metric; `None` for fewer than two values.
///
/// `folds` is the number of folds where the values are results of a cross-validation; these share training rows, which
/// widens the interval.
pub fn mean_interval(key: &MetricKey, values: &[f64], folds: Option<u64>) -> Option<(f64, f64)> {
    let plain = verdict::mean_interval(values)?;
    let (low, high) =
        folds.map_or(plain, |num_folds| verdict::widened(plain, values.len(), verdict::Unit::Folds { num_folds }));
    let (least, most) = key.bounds();
    Some((low.max(least), high.min(most)))
}

/// Statistics of repeated measurements. Values that are not finite are counted, but not averaged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Number of finite values.
    pub count: usize,
    /// Number of values that are NaN or infinite.
    pub broken: usize,
    pub mean: f64,
    /// Sample standard deviation (n - 1); 0 for a single value.
    pub deviation: f64,
    pub median: f64,
    pub lowest: f64,
    pub highest: f64,
}

/// The spread of `values`; `None` if none is finite.
pub fn spread(values: &[f64]) -> Option<Spread> {
    let mut finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    finite.sort_by(f64::total_cmp);
    let count = finite.len();
    let (&lowest, &highest) = (finite.first()?, finite.last()?);
    let mean = finite.iter().sum::<f64>() / count as f64;
    let squares: f64 = finite.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = if count > 1 { (squares / (count - 1) as f64).sqrt() } else { 0.0 };
    let median = f64::midpoint(finite[(count - 1) / 2], finite[count / 2]);
    Some(Spread { count, broken: values.len() - count, mean, deviation, median, lowest, highest })
}

/// The spread of the series of several runs, by epoch. Epochs without a finite value are left out; `count` is the number
/// of runs that reached the epoch with a finite value.
pub fn band(series: &[Vec<Sample>]) -> Vec<(u64, Spread)> {
    let mut by_epoch: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for sample in series.iter().flatten() {
        by_epoch.entry(sample.epoch).or_default().push(sample.value);
    }
    by_epoch.into_iter().filter_map(|(epoch, values)| Some((epoch, spread(&values)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_counts_the_broken_apart() {
        let found = spread(&[1.0, 3.0, f64::NAN, 2.0, 6.0]).unwrap();
        assert_eq!((found.count, found.broken, found.mean, found.median), (4, 1, 3.0, 2.5));
        assert!((found.deviation - (14.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(spread(&[5.0]).unwrap().deviation, 0.0);
        assert!(spread(&[f64::NAN]).is_none());
    }

    #[test]
    fn a_band_follows_runs_of_different_lengths() {
        let sample = |epoch, value| Sample { epoch, step: epoch, time: 0.0, value };
        let found = band(&[vec![sample(1, 1.0), sample(2, 2.0)], vec![sample(1, 3.0)]]);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].1.mean, found[0].1.count, found[1].1.count), (2.0, 2, 1));
    }
}
