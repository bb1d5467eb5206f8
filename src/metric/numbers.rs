//! What the metrics of a regression are computed from.

/// Sums over the errors of a regression, in the target's own units. They are f64 from the file on: where one target is
/// 1e12, standardized f32 targets would all be equal.
#[derive(Clone, Copy, Debug)]
pub struct NumberPredictions {
    /// Number of predictions.
    pub count: usize,
    /// Sum of squared errors.
    pub squared: f64,
    /// Sum of absolute errors.
    pub absolute: f64,
    /// Sum of squared deviations of the targets from their mean.
    pub spread: f64,
}

impl NumberPredictions {
    /// Sums the errors of `predicted`, one for each target.
    pub fn new(predicted: impl Iterator<Item = f64>, targets: &[f64]) -> Self {
        // Shifted by the first one: less rounding error for numbers far from 0.
        let origin = targets.first().copied().unwrap_or_default();
        let mean = origin + targets.iter().map(|target| target - origin).sum::<f64>() / targets.len() as f64;
        let (mut squared, mut absolute, mut spread) = (0.0, 0.0, 0.0);
        for (predicted, target) in predicted.zip(targets) {
            let error = predicted - target;
            squared += error * error;
            absolute += error.abs();
            spread += (target - mean).powi(2);
        }
        Self { count: targets.len(), squared, absolute, spread }
    }

    pub fn mean_squared_error(&self) -> f64 {
        self.squared / self.count as f64
    }

    pub fn mean_absolute_error(&self) -> f64 {
        self.absolute / self.count as f64
    }
}
