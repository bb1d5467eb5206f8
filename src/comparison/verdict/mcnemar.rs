//! Two single models on the same test rows.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::factorial::ln_binomial;

/// The exact binomial sum has about sqrt(rows) terms; beyond this many rows the normal approximation is used.
const MOST_EXACT_ROWS: u64 = 1_000_000_000;

/// The two-sided p-value of the hypothesis that two models are equally often right, from the numbers of rows that only
/// one of them got right. 1 if there are none. McNemar 1947, "Note on the sampling error of the difference between
/// correlated proportions or percentages"; exact, by the binomial distribution. The mid-p variant (Fagerland, Lydersen
/// and Laake 2013) rejects more often and may exceed its level slightly; it is not used.
///
/// It compares two trained networks, not their configs: with another seed the result may be reversed.
pub fn mcnemar(only_a: u64, only_b: u64) -> f64 {
    let (fewer, rows) = (only_a.min(only_b), only_a.saturating_add(only_b));
    let tail = if rows <= MOST_EXACT_ROWS { exact_tail(fewer, rows) } else { normal_tail(fewer, rows) };
    (2.0 * tail).min(1.0)
}

/// P(X <= `fewer`) of `rows` tosses of a fair coin. Not by statrs' distribution, whose incomplete beta function loses
/// digits beyond 10_000 rows (<https://github.com/statrs-dev/statrs/issues/434>).
fn exact_tail(fewer: u64, rows: u64) -> f64 {
    let largest_term = (ln_binomial(rows, fewer) - rows as f64 * 2.0_f64.ln()).exp();
    let (mut sum, mut ratio) = (1.0, 1.0);
    for count in (1..=fewer).rev() {
        ratio *= count as f64 / (rows - count + 1) as f64;
        sum += ratio;
        if ratio < f64::EPSILON * sum / rows as f64 {
            break;
        }
    }
    largest_term * sum
}

/// With continuity correction.
fn normal_tail(fewer: u64, rows: u64) -> f64 {
    let (fewer, rows) = (fewer as f64, rows as f64);
    Normal::standard().cdf((2.0 * fewer + 1.0 - rows) / rows.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// statsmodels 0.15: `mcnemar(exact=True)`.
    #[test]
    fn p_values_are_those_of_statsmodels() {
        let statsmodels = [
            (0, 0, 1.0),
            (1, 0, 1.0),
            (5, 0, 0.0625),
            (6, 0, 0.03125),
            (12, 3, 0.03515625),
            (7, 7, 1.0),
            (40, 25, 0.08168153394154003),
            (300, 220, 0.0005194158496652906),
            (6000, 6300, 0.0070155184820324444),
            (499_000, 501_000, 0.0456082998653896),
        ];
        for (only_a, only_b, expected) in statsmodels {
            for found in [mcnemar(only_a, only_b), mcnemar(only_b, only_a)] {
                assert!((found / expected - 1.0).abs() < 1e-7, "{only_a} {only_b}: {found}");
            }
        }
        assert_eq!(mcnemar(0, 2000), 0.0);
    }

    #[test]
    fn the_normal_tail_takes_over_without_a_jump() {
        let (fewer, rows) = (499_982_000, MOST_EXACT_ROWS);
        assert!((exact_tail(fewer, rows) / normal_tail(fewer, rows) - 1.0).abs() < 1e-3);
        assert_eq!(mcnemar(u64::MAX, u64::MAX), 1.0);
        assert_eq!(mcnemar(u64::MAX, 0), 0.0);
    }
}
