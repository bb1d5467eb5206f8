//! What the metrics of predicted quantiles are computed from.

/// Predicted quantiles of numbers, in their own units.
#[derive(Clone, Debug)]
pub struct QuantilePredictions<'a> {
    /// Row-major `[rows, levels]`, ascending in each row.
    quantiles: Vec<f64>,
    /// One per row.
    targets: &'a [f64],
    /// How much each row counts; empty where all count 1.
    weights: &'a [f32],
    /// Of the quantiles: ascending, above 0 and below 1.
    levels: &'a [f64],
}

impl<'a> QuantilePredictions<'a> {
    /// `quantiles` row-major `[targets, levels]`; without `weights` each row counts 1.
    pub fn new(quantiles: Vec<f64>, targets: &'a [f64], weights: &'a [f32], levels: &'a [f64]) -> Self {
        Self { quantiles, targets, weights, levels }
    }

    /// The weighted mean over the rows of what `of` makes of the quantiles and the target of each.
    fn mean(&self, of: impl Fn(&[f64], f64) -> f64) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        let rows = self.quantiles.chunks_exact(self.levels.len()).zip(self.targets);
        for (i, (quantiles, &target)) in rows.enumerate() {
            let weight = self.weights.get(i).map_or(1.0, |&weight| f64::from(weight));
            sum += weight * of(quantiles, target);
            total += weight;
        }
        sum / total
    }

    /// Mean pinball loss, over rows and levels (Koenker and Bassett 1978), in units of the target.
    pub fn pinball(&self) -> f64 {
        self.mean(|quantiles, target| {
            let losses = quantiles.iter().zip(self.levels).map(|(quantile, level)| {
                let error = target - quantile;
                (level * error).max((level - 1.0) * error)
            });
            losses.sum::<f64>() / self.levels.len() as f64
        })
    }

    /// Share of targets at or below the quantile of level number `i`.
    pub fn share_below(&self, i: usize) -> f64 {
        self.mean(|quantiles, target| f64::from(u8::from(target <= quantiles[i])))
    }

    /// Share of targets between the lowest and the highest quantile, which both count; of one level, at or below it.
    pub fn coverage(&self) -> f64 {
        match self.levels {
            [_] => self.share_below(0),
            _ => self.mean(|quantiles, target| {
                f64::from(u8::from((quantiles[0]..=quantiles[quantiles.len() - 1]).contains(&target)))
            }),
        }
    }

    /// What [`coverage`](Self::coverage) is for perfect quantiles.
    pub fn nominal_coverage(&self) -> f64 {
        match self.levels {
            [only] => *only,
            _ => self.levels[self.levels.len() - 1] - self.levels[0],
        }
    }

    /// Mean distance of the highest and the lowest quantile, in units of the target.
    pub fn width(&self) -> f64 {
        self.mean(|quantiles, _| quantiles[quantiles.len() - 1] - quantiles[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: of four targets two are within, one is below and one above.
    #[test]
    fn coverage_width_and_loss_are_those_of_pen_and_paper() {
        let quantiles = vec![0.0, 1.0, 4.0, 1.0, 2.0, 3.0, 0.0, 5.0, 6.0, 2.0, 2.0, 2.0];
        let targets = [1.0, 0.0, 7.0, 2.0];
        let of = QuantilePredictions::new(quantiles.clone(), &targets, &[], &[0.1, 0.5, 0.9]);
        assert_eq!((of.coverage(), of.share_below(1), of.width()), (0.5, 0.75, 3.0));
        assert!((of.nominal_coverage() - 0.8).abs() < 1e-12);
        // Row by row: .1 x 1 + 0 + .1 x 3; .9 x 1 + .5 x 2 + .1 x 3; .1 x 7 + .5 x 2 + .9 x 1; 0.
        assert!((of.pinball() - (0.4 + 2.2 + 2.6) / 12.0).abs() < 1e-12, "{}", of.pinball());
        let of = QuantilePredictions::new(quantiles, &targets, &[1.0, 0.0, 1.0, 2.0], &[0.1, 0.5, 0.9]);
        assert_eq!((of.coverage(), of.share_below(2)), (0.75, 0.75));
    }
}
