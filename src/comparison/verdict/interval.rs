//! The t interval of a difference: Student's for paired differences, Welch's for independent groups.

use statrs::function::beta::beta_reg;

use super::power;
use super::quantile::quantile;
use super::seeds::{mean, variance};
use super::unit::Unit;

/// Spread below this fraction of the largest result is rounding error: results are f32 or f64, their means f64.
const ROUNDING: f64 = 1e-12;

/// More degrees of freedom change the quantile by less than 3e-4, and statrs 0.19's incomplete beta function loses
/// digits beyond (<https://github.com/statrs-dev/statrs/issues/434>).
pub(super) const MOST_FREEDOM: f64 = 10_000.0;

/// Welch's interval claims too often where one group has at least this many times the seeds of the other.
const UNBALANCED: usize = 2;

/// A difference of means, in units of the metric, and its standard error.
#[derive(Clone)]
pub(super) struct Estimate {
    /// b - a.
    pub difference: f64,
    /// Whether the results have no spread beyond rounding error.
    pub is_constant: bool,
    pub standard_error: f64,
    /// Degrees of freedom; not an integer for Welch.
    pub freedom: f64,
    /// The difference in standard deviations (Cohen's d), for the power of the test.
    pub effect: f64,
    /// 1 if paired, else 2.
    pub num_groups: usize,
    /// Seeds of the smaller group, and of the larger one.
    pub smallest: usize,
    pub largest_group: usize,
}

impl Estimate {
    /// Student 1908, "The probable error of a mean". `largest` is the largest magnitude of the results. `None` for
    /// fewer than two differences, and on overflow.
    pub fn paired(differences: &[f64], largest: f64) -> Option<Self> {
        let count = differences.len();
        let variance = variance(differences);
        Self {
            difference: mean(differences),
            is_constant: false,
            standard_error: (variance / count as f64).sqrt(),
            freedom: count as f64 - 1.0,
            effect: mean(differences) / variance.sqrt(),
            num_groups: 1,
            smallest: count,
            largest_group: count,
        }
        .rounded(largest)
    }

    /// Welch 1947, "The generalization of 'Student's' problem when several different population variances are
    /// involved", with the degrees of freedom of Satterthwaite 1946. `None` as in [`Estimate::paired`].
    ///
    /// If one group has at least twice the seeds of the other, the lower bound of Satterthwaite's degrees of freedom is
    /// used, so that the level holds for normal results whatever their variances (Mickey and Brown 1966, "Bounds on the
    /// distribution functions of the Behrens-Fisher statistic"): where a few seeds happen to agree, Welch's interval is
    /// too narrow. For equal configs it excludes 0 in 13 % of comparisons with 2 seeds against 10, in 9 % with 3
    /// against 10.
    pub fn independent(a: &[f64], b: &[f64], largest: f64) -> Option<Self> {
        let part = |values: &[f64]| variance(values) / values.len() as f64;
        let square = part(a) + part(b);
        let share = part(a) / square;
        let difference = mean(b) - mean(a);
        let smallest = a.len().min(b.len());
        let satterthwaite =
            1.0 / (share.powi(2) / (a.len() as f64 - 1.0) + (1.0 - share).powi(2) / (b.len() as f64 - 1.0));
        let is_unbalanced = a.len().max(b.len()) >= UNBALANCED * smallest;
        Self {
            difference,
            is_constant: false,
            standard_error: square.sqrt(),
            freedom: if is_unbalanced { smallest as f64 - 1.0 } else { satterthwaite },
            effect: difference / f64::midpoint(variance(a), variance(b)).sqrt(),
            num_groups: 2,
            smallest,
            largest_group: a.len().max(b.len()),
        }
        .rounded(largest)
    }

    fn rounded(self, largest: f64) -> Option<Self> {
        let rounding = ROUNDING * largest;
        let is_known = self.smallest >= 2 && self.difference.is_finite() && self.standard_error.is_finite();
        is_known.then(|| Self {
            difference: if self.difference.abs() <= rounding { 0.0 } else { self.difference },
            is_constant: self.standard_error <= rounding,
            freedom: self.freedom.min(MOST_FREEDOM),
            ..self
        })
    }

    /// 95 %, two-sided. Without spread, from three seeds on, both ends are the difference: two seeds that agree say
    /// little.
    pub fn interval(&self) -> Option<(f64, f64)> {
        if self.is_constant {
            return (self.smallest >= 3).then_some((self.difference, self.difference));
        }
        let half = self.half_width();
        Some((self.difference - half, self.difference + half))
    }

    /// Half the width of the interval, where there is spread.
    pub fn half_width(&self) -> f64 {
        quantile(self.freedom) * self.standard_error
    }

    /// Two-sided; below 0.05 exactly where the interval excludes 0.
    pub fn p_value(&self) -> Option<f64> {
        if self.is_constant {
            return (self.smallest >= 3).then_some(if self.difference == 0.0 { 1.0 } else { 0.0 });
        }
        let squared = (self.difference / self.standard_error).powi(2);
        Some(beta_reg(self.freedom / 2.0, 0.5, self.freedom / (self.freedom + squared)))
    }

    /// See [`super::Verdict::seeds_needed`]; of the plain estimate.
    pub fn seeds_needed(&self, unit: Unit) -> Option<usize> {
        match (self.difference == 0.0, self.is_constant) {
            (true, _) => None,
            (false, true) => (!self.needs_more_data(unit)).then_some(3),
            (false, false) => power::seeds_needed(self.effect.abs(), self.num_groups, self.floor(unit)),
        }
    }

    /// Whether endlessly many seeds would not find this difference with power 0.8; of the plain estimate.
    pub fn needs_more_data(&self, unit: Unit) -> bool {
        let error = match (self.is_constant, unit) {
            (true, Unit::TestRows { error, .. }) => error,
            (true, _) => 0.0,
            (false, unit) => (self.difference / self.effect).abs() * self.floor(unit).sqrt(),
        };
        self.difference != 0.0 && self.difference.abs() < power::FOUND * error
    }
}
