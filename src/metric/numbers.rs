//! What the metrics of a regression are computed from.

/// Predictions of a regression beside their targets, and the sums of their errors.
#[derive(Clone, Copy, Debug)]
pub struct NumberPredictions<'a> {
    /// Predictions for standardized targets.
    pub predicted: &'a [f32],
    /// Standardized targets, one for each prediction.
    pub targets: &'a [f32],
    /// The standard deviation by which the targets were divided: errors times it are in the target's units.
    pub scale: f64,
    /// Sum of squared errors.
    pub squared: f64,
    /// Sum of absolute errors.
    pub absolute: f64,
    /// Sum of squared deviations of the targets from their mean.
    pub spread: f64,
}

impl<'a> NumberPredictions<'a> {
    /// Sums the errors of `predicted`, in the units of standardized `targets`.
    pub fn new(predicted: &'a [f32], targets: &'a [f32], scale: f64) -> Self {
        let mean = targets.iter().map(|&target| f64::from(target)).sum::<f64>() / targets.len() as f64;
        let (mut squared, mut absolute, mut spread) = (0.0, 0.0, 0.0);
        for (&predicted, &target) in predicted.iter().zip(targets) {
            let error = f64::from(predicted) - f64::from(target);
            squared += error * error;
            absolute += error.abs();
            spread += (f64::from(target) - mean).powi(2);
        }
        Self { predicted, targets, scale, squared, absolute, spread }
    }

    /// In squared units of the target.
    pub fn mean_squared_error(&self) -> f64 {
        self.squared / self.targets.len() as f64 * self.scale * self.scale
    }

    /// In units of the target.
    pub fn mean_absolute_error(&self) -> f64 {
        self.absolute / self.targets.len() as f64 * self.scale
    }
}
