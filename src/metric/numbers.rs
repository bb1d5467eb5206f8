//! What the metrics of a regression are computed from.

/// Sums over the errors of a regression, in the target's own units. They are f64 from the file on: where one target is
/// 1e12, standardized f32 targets would all be equal.
#[derive(Clone, Copy, Debug)]
pub struct NumberPredictions {
    /// Number of predictions, or the sum of their weights.
    pub count: f64,
    /// Sum of squared errors.
    pub squared: f64,
    /// Sum of absolute errors.
    pub absolute: f64,
    /// Sum of squared deviations of the targets from their mean.
    pub spread: f64,
}

impl NumberPredictions {
    /// Sums the errors of `predicted`, one for each target, times the target's weight; without `weights` each counts 1.
    pub fn new(predicted: impl Iterator<Item = f64>, targets: &[f64], weights: &[f32]) -> Self {
        let weight = |i: usize| weights.get(i).map_or(1.0, |&weight| f64::from(weight));
        let count: f64 = (0..targets.len()).map(weight).sum();
        // Shifted by the first one: less rounding error for numbers far from 0.
        let origin = targets.first().copied().unwrap_or_default();
        let deviation = |(i, target): (usize, &f64)| weight(i) * (target - origin);
        let mean = origin + targets.iter().enumerate().map(deviation).sum::<f64>() / count;
        let (mut squared, mut absolute, mut spread) = (0.0, 0.0, 0.0);
        for (i, (predicted, target)) in predicted.zip(targets).enumerate() {
            let error = predicted - target;
            squared += weight(i) * (error * error);
            absolute += weight(i) * error.abs();
            spread += weight(i) * (target - mean).powi(2);
        }
        Self { count, squared, absolute, spread }
    }

    pub fn mean_squared_error(&self) -> f64 {
        self.squared / self.count
    }

    pub fn mean_absolute_error(&self) -> f64 {
        self.absolute / self.count
    }
}
