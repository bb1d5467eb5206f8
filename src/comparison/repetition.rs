//! Pure functions over several runs: what differs between them, and what repeated runs agree on.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{MetricKey, Run, Sample, Status, verdict};

/// One param that is not the same in all runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The flattened key: `training.learning_rate`.
    pub key: String,
    /// The value in each run, in the order asked for; `None` where the run has no such key.
    pub values: Vec<Option<Value>>,
}

/// The params that differ, by key. Numbers are compared by value: `1` equals `1.0`.
pub fn differences(runs: &[&BTreeMap<String, Value>]) -> Vec<Difference> {
    let keys: BTreeSet<&String> = runs.iter().flat_map(|params| params.keys()).collect();
    let differs = |values: &[Option<Value>]| values.windows(2).any(|pair| !is_same(&pair[0], &pair[1]));
    let difference = |key: &String| Difference {
        key: key.clone(),
        values: runs.iter().map(|params| params.get(key).cloned()).collect(),
    };
    keys.into_iter().map(difference).filter(|difference| differs(&difference.values)).collect()
}

fn is_same(a: &Option<Value>, b: &Option<Value>) -> bool {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => a == b || a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

/// The params that repetitions of a run may differ in.
const SEEDS: [&str; 3] = ["seed", "data.split_seed", FOLD];

/// The fold that a run of a cross-validation tests on.
const FOLD: &str = "data.fold";

/// What repetitions of a run have in common: all params, seeds aside.
pub fn repetition_key(run: &Run) -> String {
    let params = run.record.params.iter().filter(|(key, _)| !SEEDS.contains(&key.as_str()));
    serde_json::to_string(&params.collect::<BTreeMap<_, _>>()).expect("params have string keys and serialize")
}

/// Whether a param is one of the config, not of the repetition or the name alone.
pub fn tells_configs_apart(key: &str) -> bool {
    key != "name" && !SEEDS.contains(&key)
}

/// Of how many folds a run tests on one; `None` outside of a cross-validation.
pub fn folds(run: &Run) -> Option<u64> {
    run.record.params.get("data.folds")?.as_u64()
}

/// Which repetition each run is (its seed, and its fold if it has one) and its last value of a metric, of those that
/// have it.
pub fn results(runs: &[&Run], key: &MetricKey) -> Vec<(u64, f64)> {
    let repetition = |run: &Run| match run.record.params.get(FOLD).and_then(Value::as_u64) {
        Some(fold) => run.record.seed.wrapping_mul(1024).wrapping_add(fold),
        None => run.record.seed,
    };
    runs.iter().filter_map(|run| Some((repetition(run), run.metrics.get(key)?.last))).collect()
}

/// Whether a run counts in the group of its repetitions: it finished, and is not archived.
pub fn counts(run: &Run) -> bool {
    run.record.status == Status::Finished && !run.record.archived
}

/// The metric that tells best how good runs are, of those that all of them have.
pub fn headline<'a>(runs: impl Iterator<Item = &'a Run> + Clone) -> Option<MetricKey> {
    // Only language models have bits per character: the logarithm of perplexity, whose differences are even, and unlike
    // the loss without label smoothing.
    let of_a_part = ["bits_per_character", "accuracy", "r2", "loss"];
    let keys = ["test", "validation"].into_iter().flat_map(|part| of_a_part.map(|metric| format!("{part}/{metric}")));
    let mut keys = keys.filter_map(|key| key.parse::<MetricKey>().ok());
    keys.find(|key| runs.clone().next().is_some() && runs.clone().all(|run| run.metrics.contains_key(key)))
}

/// The 95 % interval of the mean of a metric, within what the metric can be; `None` for fewer than two values.
///
/// Results of `folds` share training rows, which makes it wider.
pub fn mean_interval(key: &MetricKey, values: &[f64], folds: Option<u64>) -> Option<(f64, f64)> {
    let plain = verdict::mean_interval(values)?;
    let (low, high) = folds.map_or(plain, |folds| verdict::widened(plain, values.len(), folds));
    let (least, most) = key.bounds();
    Some((low.max(least), high.min(most)))
}

/// What repeated measurements say. Values that are not finite are counted, not averaged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Finite values.
    pub count: usize,
    /// Values that are NaN or infinite.
    pub broken: usize,
    pub mean: f64,
    /// Standard deviation of the sample (n - 1); 0 for a single value.
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

/// The spread of several runs' series, epoch by epoch. Epochs without a finite value are left out; where the runs end
/// at different epochs, `count` tells how many are left.
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
    use serde_json::json;

    fn params(value: Value) -> BTreeMap<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_what_differs_is_listed() {
        let a = params(json!({ "seed": 1, "rate": 1, "hidden": [16] }));
        let b = params(json!({ "seed": 2, "rate": 1.0, "hidden": [16], "dropout": 0.5 }));
        let found = differences(&[&a, &b]);
        let keys: Vec<&str> = found.iter().map(|difference| difference.key.as_str()).collect();
        assert_eq!(keys, ["dropout", "seed"]);
        assert_eq!(found[0].values, [None, Some(json!(0.5))]);
        assert!(differences(&[&a]).is_empty() && differences(&[]).is_empty());
    }

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
