//! Classes in an order, by continuation ratios (Fienberg 1980, "The analysis of cross-classified categorical data", section
//! 6.6; of networks Shi et al. 2021, "Deep neural networks for rank-consistent ordinal regression"): output k is the logit of
//! being above class k, of what is not below it. The likelihood of the classes is then that of K - 1 decisions between two.

use crate::metric::log_sigmoid;

/// The logarithm of each class's probability, `[num_outputs + 1]`, of a row of outputs.
pub fn log_probabilities(outputs: &[f32]) -> Vec<f32> {
    let mut reached = 0.0; // ln P(not below this class)
    let mut found = Vec::with_capacity(outputs.len() + 1);
    for &output in outputs {
        let z = f64::from(output);
        found.push((reached + log_sigmoid(-z)) as f32);
        reached += log_sigmoid(z);
    }
    found.push(reached as f32);
    found
}

/// The outputs that have these probabilities, up to rounding.
pub fn outputs(probabilities: &[f64]) -> Vec<f32> {
    let log = |probability: f64| probability.max(f64::MIN_POSITIVE).ln();
    let above = |class: usize| probabilities[class + 1..].iter().sum::<f64>();
    (0..probabilities.len() - 1).map(|class| (log(above(class)) - log(probabilities[class])) as f32).collect()
}

/// The median class: the lowest one that is as likely as not to be reached no further.
pub fn median(probabilities: &[f64]) -> usize {
    let mut below = 0.0;
    let is_reached = |probability: &f64| {
        below += probability;
        below >= 0.5
    };
    probabilities.iter().position(is_reached).unwrap_or(probabilities.len() - 1)
}

/// The decisions of rows with these classes: for each of `num_classes - 1` outputs a row, 1 if the row is above, and its
/// weight, which is 0 where the row is below. `weights` are of the rows; without, each counts 1.
pub(super) fn decisions(labels: &[f32], weights: Option<&[f32]>, num_classes: usize) -> (Vec<f32>, Vec<f32>) {
    let (mut is_above, mut counts) = (Vec::new(), Vec::new());
    for (row, &label) in labels.iter().enumerate() {
        let weight = weights.map_or(1.0, |weights| weights[row]);
        for class in 0..num_classes - 1 {
            is_above.push(if label > class as f32 { 1.0 } else { 0.0 });
            counts.push(if label >= class as f32 { weight } else { 0.0 });
        }
    }
    (is_above, counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: above the first with 3/4, and of these above the second with 1/3.
    #[test]
    fn probabilities_are_those_of_pen_and_paper() {
        let z = [3f32.ln(), (0.5f32).ln()];
        let found: Vec<f64> = log_probabilities(&z).iter().map(|&log| f64::from(log).exp()).collect();
        for (found, expected) in found.iter().zip([0.25, 0.5, 0.25]) {
            assert!((found - expected).abs() < 1e-6, "{found}");
        }
        for (a, b) in outputs(&found).iter().zip(z) {
            assert!((a - b).abs() < 1e-5, "{a} instead of {b}");
        }
        assert_eq!((median(&found), median(&[0.5, 0.2, 0.3]), median(&[0.1, 0.2, 0.7])), (1, 0, 2));
        // Far out nothing overflows.
        assert!(log_probabilities(&[-300.0, 300.0]).iter().all(|log| log.is_finite()));
    }

    #[test]
    fn decisions_are_of_what_is_reached() {
        let (is_above, counts) = decisions(&[0.0, 2.0, 1.0], Some(&[1.0, 3.0, 2.0]), 3);
        assert_eq!(is_above, [0.0, 0.0, 1.0, 1.0, 1.0, 0.0]);
        assert_eq!(counts, [1.0, 0.0, 3.0, 3.0, 2.0, 2.0]);
    }
}
