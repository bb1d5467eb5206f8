//! Asynchronous successive halving (Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", MLSys) in
//! its stopping form: a trial is judged once, when it reaches a rung, against those that reached it before, and is
//! never resumed once stopped. So no worker waits, and no trial has to be kept for later.

/// The epochs after which trials are judged: `min_epochs * factor^k` below `max_epochs`.
pub fn rungs(min_epochs: usize, factor: usize, max_epochs: usize) -> Vec<usize> {
    let factor = factor.max(2);
    let next = |epochs: &usize| epochs.checked_mul(factor);
    std::iter::successors(Some(min_epochs.max(1)), next).take_while(|&epochs| epochs < max_epochs).collect()
}

/// Whether a trial with `value` continues beyond a rung; `all_values_at_rung` are the values of all trials that reached
/// it, including its own.
///
/// It does if it is among the best floor(n / factor) of the n values, as in the paper's top_k and in Optuna; ties with
/// the last of these continue too. If n < factor there is too little to compare with, and all continue (in Optuna only
/// the best does). A value that is not finite is worse than any other, and then never continues.
pub fn goes_on(value: f64, all_values_at_rung: &[f64], factor: usize, minimize: bool) -> bool {
    let factor = factor.max(2);
    if all_values_at_rung.len() < factor {
        return true;
    }
    let loss = |value: f64| match value.is_finite() {
        true if minimize => value,
        true => -value,
        false => f64::INFINITY,
    };
    let mut losses: Vec<f64> = all_values_at_rung.iter().map(|&value| loss(value)).collect();
    losses.sort_by(f64::total_cmp);
    value.is_finite() && loss(value) <= losses[losses.len() / factor - 1]
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::super::draw;
    use super::{goes_on, rungs};

    #[test]
    fn rungs_grow_by_the_factor_below_the_last_epoch() {
        assert_eq!(rungs(5, 3, 100), [5, 15, 45]);
        assert_eq!(rungs(1, 2, 8), [1, 2, 4]);
        assert_eq!(rungs(5, 3, 5), [0usize; 0]);
        assert_eq!(rungs(1, usize::MAX, usize::MAX), [1]);
    }

    #[test]
    fn the_best_share_goes_on() {
        let values = [0.5, 0.1, 0.4, 0.2, 0.3, 0.6, 0.7];
        let lower: Vec<f64> = values.into_iter().filter(|&value| goes_on(value, &values, 3, true)).collect();
        assert_eq!(lower, [0.1, 0.2]);
        let higher: Vec<f64> = values.into_iter().filter(|&value| goes_on(value, &values, 3, false)).collect();
        assert_eq!(higher, [0.6, 0.7]);
    }

    #[test]
    fn few_values_and_ties_go_on() {
        assert!(goes_on(9.0, &[1.0, 9.0], 3, true));
        assert!(!goes_on(9.0, &[1.0, 2.0, 9.0], 3, true));
        assert!(goes_on(1.0, &[1.0, 1.0, 9.0], 3, true));
    }

    #[test]
    fn values_that_are_not_finite_are_the_worst() {
        let nan = f64::NAN;
        assert!(goes_on(nan, &[1.0, nan], 3, true));
        assert!(!goes_on(nan, &[nan, nan, nan], 3, true));
        assert!(!goes_on(f64::NEG_INFINITY, &[f64::NEG_INFINITY, 1.0, 2.0], 3, true));
        assert!(goes_on(2.0, &[nan, nan, 2.0], 3, false));
    }

    /// Sixty trials one after another whose losses fall to different levels at different speeds, with noise, so that
    /// the curves cross: the fraction of all epochs that was trained, and whether one of the best 10 % was trained to
    /// the end.
    fn simulate(seed: u64) -> (f64, bool) {
        const NUM_TRIALS: usize = 60;
        const MAX_EPOCHS: usize = 100;
        let mut random = draw::generator(seed, 0);
        let levels: Vec<f64> = (0..NUM_TRIALS).map(|_| random.random_range(0.1..1.0)).collect();
        let mut seen = vec![vec![]; rungs(5, 3, MAX_EPOCHS).len()];
        let (mut num_epochs, mut kept) = (0, Vec::new());
        for level in &levels {
            let time = random.random_range(3.0..15.0);
            let stop = rungs(5, 3, MAX_EPOCHS).into_iter().zip(&mut seen).find_map(|(epoch, seen)| {
                let noise = random.random_range(-0.05..0.05);
                let loss = level + (-(epoch as f64) / time).exp() + noise;
                seen.push(loss);
                (!goes_on(loss, seen, 3, true)).then_some(epoch)
            });
            num_epochs += stop.unwrap_or(MAX_EPOCHS);
            kept.extend(stop.is_none().then_some(*level));
        }
        let num_best = levels.iter().filter(|&&level| kept.iter().all(|&kept| level < kept)).count();
        (num_epochs as f64 / (NUM_TRIALS * MAX_EPOCHS) as f64, num_best < NUM_TRIALS / 10)
    }

    #[test]
    fn it_saves_epochs_and_keeps_a_good_trial() {
        let results: Vec<_> = (0..100).map(simulate).collect();
        let most = results.iter().map(|(share, _)| *share).fold(0.0, f64::max);
        let num_kept = results.iter().filter(|(_, is_kept)| *is_kept).count();
        println!("{most} {num_kept}");
        assert!(most < 0.5, "{most}");
        assert!(num_kept >= 90, "{num_kept}");
    }
}
