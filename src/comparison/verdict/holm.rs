//! Correction for several comparisons.

/// Adjusted p-values, in the order given: if all configs are equally good, the probability that any is below 0.05 is at
/// most 5 %, however many are compared. NaN (no test was done) stays NaN and is not counted. Holm 1979, "A simple sequentially
/// rejective multiple test procedure".
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).filter(|&index| !p_values[index].is_nan()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![f64::NAN; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, &index) in order.iter().enumerate() {
        let num_left = (order.len() - rank) as f64;
        largest = largest.max(num_left * p_values[index]).min(1.0);
        adjusted[index] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// statsmodels 0.15: `multipletests(method="holm")`.
    #[test]
    fn adjusted_as_by_statsmodels() {
        let expected = [0.05, 0.12, 0.12, 0.03, 0.2, 0.12];
        let found = holm(&[0.01, 0.04, 0.03, 0.005, 0.2, 0.04]);
        assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12), "{found:?}");
        assert_eq!(holm(&[0.5, 0.9, 0.7]), [1.0; 3]);
    }

    #[test]
    fn tests_not_done_count_for_nothing() {
        let found = holm(&[f64::NAN, 0.02, 0.5]);
        assert!(found[0].is_nan());
        assert_eq!(found[1..], [0.04, 0.5]);
        assert!(holm(&[]).is_empty());
    }
}
