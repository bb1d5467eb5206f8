//! Whether sets and intervals hold the truth of new rows as often as `predict --coverage` promises, over seeds and real data:
//! within what chance allows, neither less nor more often.

use std::ops::RangeInclusive;

use burn::backend::Flex;
use burnlab::experiment::{RunFolder, SavedModel};
use burnlab::training::OutputDecoder;
use burnlab::training::evaluation::{Answer, logits};

use crate::lab::Lab;

const SEEDS: usize = 10;

/// The logarithm of n!.
fn ln_factorial(n: usize) -> f64 {
    (2..=n).map(|i| (i as f64).ln()).sum()
}

/// Of how many of `m` new rows the truth is held in all but a share `tail` of cases on either side, where `n` rows were measured
/// and the error of rank `k` among them is allowed for: beta-binomial with parameters k and n + 1 - k (Angelopoulos and Bates
/// 2021, "A gentle introduction to conformal prediction", section 3.2; Vovk 2012).
fn held(m: usize, n: usize, k: usize, tail: f64) -> RangeInclusive<usize> {
    // Of whole parameters, B(a, b) = (a - 1)! (b - 1)! / (a + b - 1)!.
    let ln_beta = |a: usize, b: usize| ln_factorial(a - 1) + ln_factorial(b - 1) - ln_factorial(a + b - 1);
    let ln_choose = |j: usize| ln_factorial(m) - ln_factorial(j) - ln_factorial(m - j);
    let chance = |j: usize| (ln_choose(j) + ln_beta(j + k, m - j + n + 1 - k) - ln_beta(k, n + 1 - k)).exp();
    let chances: Vec<f64> = (0..=m).map(chance).collect();
    let end = |mut rows: Box<dyn Iterator<Item = usize>>| {
        let mut sum = 0.0;
        let is_end = |j: &usize| {
            sum += chances[*j];
            sum > tail
        };
        rows.find(is_end).unwrap()
    };
    end(Box::new(0..=m))..=end(Box::new((0..=m).rev()))
}

/// `scipy.stats.betabinom(m, k, n + 1 - k)`: `.ppf(0.025)`, `.ppf(0.975)`.
#[test]
fn the_intervals_are_scipy_s() {
    for (m, n, k, expected) in [(60, 27, 26, 47..=60), (133, 62, 51, 91..=122), (540, 189, 171, 457..=510)] {
        assert_eq!(held(m, n, k, 0.025), expected, "{m} {n} {k}");
    }
}

#[test]
fn coverage_is_what_is_asked_for_within_chance_on_real_data() {
    // Networks that have learned little, since a set has the predicted class in any case: where that is right more often than
    // is asked for, the set is, too.
    let cases = [
        ("iris", "iris", "", 0.9, 2),
        ("wine", "wine", "", 0.9, 2),
        ("breast_cancer", "breast_cancer", "", 0.95, 1),
        ("digits", "digits", "", 0.9, 2),
        ("diabetes", "diabetes", "", 0.8, 8),
        ("diabetes, quantiles", "diabetes", "loss = \"pinball\"\nquantiles = [0.1, 0.5, 0.9]\n", 0.8, 40),
    ];
    for (name, source, training, share, epochs) in cases {
        let lab = Lab::new();
        let file = lab.artifacts().join("c.toml");
        let config = format!(
            "[data]\nsource = \"{source}\"\ntest_fraction = 0.4\nvalidation_fraction = 0.4\n[model]\nkind = \"mlp\"\nhidden = [8]\n\
             [training]\nmax_epochs = {epochs}\nlearning_rate = 0.01\n{training}"
        );
        std::fs::write(&file, config).unwrap();
        let (mut shares, mut raw, mut deviation, mut expected) = (Vec::new(), Vec::new(), 0.0, 0.0);
        for seed in 0..SEEDS {
            let run = lab.try_train(&file, &[&format!("seed={seed}")]).unwrap();
            let saved = SavedModel::open(&RunFolder::at(&run.folder)).unwrap();
            let coverage = saved.coverage(share).unwrap();
            let examples = saved.test_examples().unwrap();
            let net = saved.net::<Flex>(&Default::default()).unwrap();
            let decoder = OutputDecoder::new(&saved.preprocessor);
            let outputs = logits(&net, &examples, &Default::default());
            let rows = outputs.chunks_exact(decoder.task.num_outputs()).enumerate();
            let truth = |row: usize| match examples.numbers_of(row).first() {
                Some(number) => *number,
                None => f64::from(examples.targets_of(row)[0]),
            };
            let answers: Vec<(usize, Answer)> =
                rows.map(|(row, logits)| (row, Answer::new(&decoder, logits))).collect();
            let num_held = answers.iter().filter(|(row, answer)| coverage.holds(answer, truth(*row))).count();
            let between = |(row, answer): &&(usize, Answer)| match answer.quantiles[..] {
                [lower, .., upper] => (lower..=upper).contains(&truth(*row)),
                _ => false,
            };
            let m = examples.len();
            raw.push(answers.iter().filter(between).count() as f64 / m as f64);
            let n = saved.folder.data(&saved.config).unwrap().1.validation.len();
            let k = ((n + 1) as f64 * share).ceil() as usize;
            let range = held(m, n, k, 5e-5);
            assert!(range.contains(&num_held), "{name}, seed {seed}: {num_held} of {m} rows, not in {range:?}");
            shares.push(num_held as f64 / m as f64);
            expected = k as f64 / (n + 1) as f64;
            deviation = (expected * (1.0 - expected) / m as f64 * (n + 1 + m) as f64 / (n + 2) as f64).sqrt();
        }
        let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len() as f64;
        let (found, limit) = (mean(&shares), 3.0 * deviation / (SEEDS as f64).sqrt());
        println!(
            "{name}: {found:.3} over {SEEDS} seeds, {expected:.3} expected, within {limit:.3} (raw quantiles {:.3})",
            mean(&raw)
        );
        assert!((found - expected).abs() < limit, "{name}: {found:.3} instead of {expected:.3} ± {limit:.3}");
    }
}
