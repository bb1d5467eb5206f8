//! How many digits of a number are meaningful.

use super::result::Verdict;

/// The number of decimals to show.
#[derive(Clone, Copy)]
pub(super) struct Digits(usize);

impl Digits {
    /// Rounds by no more than a tenth of the interval's half width (of the difference, where there is no interval), and
    /// shows the bound nearest to 0 as different from 0, for up to two digits more.
    pub(super) fn of(verdict: &Verdict) -> Self {
        let (low, high) = verdict.interval.unwrap_or((verdict.difference, verdict.difference));
        let half = if low < high { (high - low) / 2.0 } else { low.abs() };
        let nearest = low.abs().min(high.abs());
        Self::rounding((half / 5.0).min(nearest).max(half / 500.0))
    }

    /// As many decimals as show `step`.
    pub(super) fn rounding(step: f64) -> Self {
        if step > 0.0 && step.is_finite() { Self((-step.log10()).ceil().clamp(0.0, 9.0) as usize) } else { Self(3) }
    }

    pub(super) fn plain(self, value: f64) -> String {
        let smallest = 10.0_f64.powi(-(self.0 as i32));
        let is_written_out = value.abs() < 1e9 && (value == 0.0 || value.abs() >= smallest || self.0 < 9);
        if is_written_out { format!("{value:.*}", self.0) } else { format!("{value:.3e}") }
    }

    /// With its sign, unless the value rounds to 0.
    pub(super) fn signed(self, value: f64) -> String {
        let sign = if value < 0.0 { "-" } else { "+" };
        let magnitude = self.plain(value.abs());
        let is_zero = magnitude.chars().all(|character| matches!(character, '0' | '.'));
        if is_zero { magnitude } else { format!("{sign}{magnitude}") }
    }
}
