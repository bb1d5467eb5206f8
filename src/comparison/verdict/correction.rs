//! What an interval over seeds or folds leaves out: results of other splits share rows, and fixed test rows owe something
//! to chance themselves. Both make the plain t interval too narrow for a claim about new data (Dietterich 1998,
//! "Approximate statistical tests for comparing supervised classification learning algorithms").

use super::interval::{Estimate, MOST_FREEDOM};
use super::unit::Unit;

/// How much wider an interval over `count` results is than the plain one: the variance of the mean is s^2 (1/n +
/// n_test / n_train) in place of s^2 / n. Nadeau and Bengio 2003, "Inference for the generalization error"; for repeated
/// folds Bouckaert and Frank 2004.
fn widening(count: usize, ratio: f64) -> f64 {
    (1.0 + count as f64 * ratio).sqrt()
}

/// The interval of a mean over splits or folds, from the plain one.
pub fn widened((low, high): (f64, f64), num_results: usize, unit: Unit) -> (f64, f64) {
    let half = (high - low) / 2.0 * widening(num_results, unit.ratio());
    let middle = f64::midpoint(low, high);
    (middle - half, middle + half)
}

impl Estimate {
    /// The estimate that decides, from the plain one over seeds.
    ///
    /// The chance in the test rows is added to that in the seeds as two independent sources of variance (Owen 2007, "The
    /// pigeonhole bootstrap"), with the degrees of freedom of Satterthwaite 1946.
    pub(super) fn for_unit(self, unit: Unit) -> Self {
        match unit {
            Unit::Seeds => self,
            Unit::Splits { .. } | Unit::Folds { .. } => Self {
                standard_error: self.standard_error * widening(self.largest_group, unit.ratio()),
                freedom: self.smallest as f64 - 1.0,
                ..self
            },
            Unit::TestRows { error, num_rows } if error > 0.0 => {
                let (seeds, rows) = (self.standard_error.powi(2), error.powi(2));
                let seeds = if self.is_constant { 0.0 } else { seeds };
                let parts = seeds.powi(2) / self.freedom + rows.powi(2) / (num_rows as f64 - 1.0);
                let freedom = (seeds + rows).powi(2) / parts;
                let both = Self {
                    standard_error: (seeds + rows).sqrt(),
                    // statrs loses digits beyond, see `MOST_FREEDOM`.
                    freedom: freedom.min(MOST_FREEDOM),
                    is_constant: false,
                    ..self.clone()
                };
                // Where the seeds vary far more than the rows, more degrees of freedom would make the interval narrower.
                if self.is_constant || both.half_width() >= self.half_width() { both } else { self }
            }
            Unit::TestRows { .. } => self,
        }
    }

    /// The variance that more seeds do not lower, in units of the variance between seeds.
    pub(super) fn floor(&self, unit: Unit) -> f64 {
        let deviation = self.difference / self.effect;
        match unit {
            Unit::TestRows { error, .. } => (error / deviation).powi(2),
            unit => self.num_groups as f64 * unit.ratio(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: differences 1, 2, 3 have the mean 2 and the variance 1.
    #[test]
    fn what_all_results_share_widens_the_interval() {
        let plain = || Estimate::paired(&[1.0, 2.0, 3.0], 3.0).unwrap();
        let half = |estimate: &Estimate| estimate.interval().map(|(low, high)| (high - low) / 2.0).unwrap();
        // t(2) = 4.302652729749462
        assert!((half(&plain()) - 4.302652729749462 * (1.0_f64 / 3.0).sqrt()).abs() < 1e-9);
        // Half as many test rows as training rows: 1/3 + 1/2.
        let splits = plain().for_unit(Unit::Splits { ratio: 0.5 });
        assert!((half(&splits) - 4.302652729749462 * (1.0_f64 / 3.0 + 0.5).sqrt()).abs() < 1e-9);
        // Three folds: one half, too.
        assert_eq!(half(&plain().for_unit(Unit::Folds { num_folds: 3 })), half(&splits));
        assert_eq!(widened((1.0, 3.0), 3, Unit::Splits { ratio: 1.0 }), (0.0, 4.0));
        // Standard errors of 3 and 4 make one of 5, here with 625 / (81 / 8 + 256 / 64) = 44.25 degrees of freedom.
        let wide = Estimate::paired(&[-7.0, -7.0, -7.0, -7.0, 2.0, 11.0, 11.0, 11.0, 11.0], 11.0).unwrap();
        let rows = wide.for_unit(Unit::TestRows { error: 4.0, num_rows: 65 });
        assert!((half(&rows) - 5.0 * 2.015).abs() < 1e-2, "{}", half(&rows));
    }

    #[test]
    fn little_chance_in_the_rows_makes_no_interval_narrower() {
        let wide = Estimate::paired(&[-9.0, 2.0, 13.0], 13.0).unwrap();
        let plain = wide.interval();
        assert_eq!(wide.for_unit(Unit::TestRows { error: 0.1, num_rows: 50 }).interval(), plain);
    }

    #[test]
    fn seeds_that_agree_leave_what_the_rows_owe_to_chance() {
        let agree =
            Estimate::paired(&[0.02, 0.02, 0.02], 1.0).unwrap().for_unit(Unit::TestRows { error: 0.02, num_rows: 31 });
        // t(30) = 2.0423
        let (low, high) = agree.interval().unwrap();
        assert!(
            (low - (0.02 - 2.0423 * 0.02)).abs() < 1e-5 && (high - (0.02 + 2.0423 * 0.02)).abs() < 1e-5,
            "{low} {high}"
        );
    }
}
