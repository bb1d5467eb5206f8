//! The results of one config, one per seed, and their moments.

use std::collections::BTreeMap;

/// The results of one config.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    pub name: &'a str,
    /// Seed and result of each run. Runs whose result is not finite count as failed; several runs with one seed are
    /// averaged.
    pub results: &'a [(u64, f64)],
}

/// One finite result per seed.
pub(super) struct Seeds {
    by_seed: BTreeMap<u64, f64>,
    /// Number of runs whose result is not finite.
    pub failed: usize,
}

impl Seeds {
    /// Averages the finite results of each seed.
    pub fn new(group: &Group) -> Self {
        let failed = group.results.iter().filter(|(_, value)| !value.is_finite()).count();
        Self { by_seed: averaged(group.results), failed }
    }

    pub fn count(&self) -> usize {
        self.by_seed.len()
    }

    /// By ascending seed.
    pub fn values(&self) -> Vec<f64> {
        self.by_seed.values().copied().collect()
    }

    /// NaN without results.
    pub fn mean(&self) -> f64 {
        mean(&self.values())
    }

    /// The largest magnitude; 0 without results.
    pub fn largest(&self) -> f64 {
        self.by_seed.values().fold(0.0, |largest, value| value.abs().max(largest))
    }

    /// `other` - `self` of every seed that both have, by ascending seed.
    pub fn differences(&self, other: &Self) -> Vec<f64> {
        self.by_seed.iter().filter_map(|(seed, value)| Some(other.by_seed.get(seed)? - value)).collect()
    }
}

/// The mean of the finite results of each seed.
pub fn averaged(results: &[(u64, f64)]) -> BTreeMap<u64, f64> {
    let mut runs: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for &(seed, value) in results.iter().filter(|(_, value)| value.is_finite()) {
        runs.entry(seed).or_default().push(value);
    }
    runs.into_iter().map(|(seed, values)| (seed, mean(&values))).collect()
}

/// The mean; NaN for no values.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample variance (n - 1); NaN for fewer than two values.
pub(super) fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    if values.len() < 2 { f64::NAN } else { squares / (values.len() - 1) as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_seed_are_averaged_and_failed_runs_counted() {
        let results = [(2, 1.0), (1, 5.0), (2, 3.0), (2, f64::NAN), (3, f64::INFINITY), (4, f64::NEG_INFINITY)];
        let seeds = Seeds::new(&Group { name: "a", results: &results });
        assert_eq!((seeds.values(), seeds.failed), (vec![5.0, 2.0], 3));
        assert_eq!((seeds.mean(), seeds.largest()), (3.5, 5.0));
        let other = Seeds::new(&Group { name: "b", results: &[(2, 2.5), (9, 0.0)] });
        assert_eq!(seeds.differences(&other), [0.5]);
    }

    #[test]
    fn moments() {
        assert_eq!((mean(&[1.0, 2.0, 6.0]), variance(&[1.0, 2.0, 6.0])), (3.0, 7.0));
        assert!(mean(&[]).is_nan() && variance(&[1.0]).is_nan());
    }
}
