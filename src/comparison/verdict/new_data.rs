//! How often a difference is claimed between two procedures that are equally good on the population, over data drawn from
//! it again and again: by the interval that decides, and by the plain t interval over the seeds.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::pairwise::without_bootstrap;
use super::result::{Claim, Verdict, claim};
use super::seeds::{Group, Seeds, variance};
use super::unit::Unit;
use crate::metric::Goal;

/// Inputs of each of the two procedures: independent of each other's, and as good.
const WIDTH: usize = 5;
/// How far the means of the two classes are from 0, in standard deviations.
const DISTANCE: f64 = 0.4;

/// A row of the population: its class, and the inputs of both procedures.
type Example = (bool, [[f64; WIDTH]; 2]);

fn draw(count: usize, random: &mut ChaCha8Rng) -> Vec<Example> {
    let mut input = |is_positive: bool| {
        let noise: f64 = StandardNormal.sample(random);
        noise + if is_positive { DISTANCE } else { -DISTANCE }
    };
    (0..count)
        .map(|row| {
            let class = row % 2 == 0;
            (class, std::array::from_fn(|_| std::array::from_fn(|_| input(class))))
        })
        .collect()
}

/// Whether the nearest class mean of `train`, by the inputs of `procedure`, is that of each of `test`: a stand-in for
/// training that takes no time.
fn is_right(train: &[&Example], test: &[&Example], procedure: usize) -> Vec<bool> {
    let mean = |class: bool| -> [f64; WIDTH] {
        let members = || train.iter().filter(move |row| row.0 == class);
        std::array::from_fn(|input| {
            members().map(|row| row.1[procedure][input]).sum::<f64>() / members().count() as f64
        })
    };
    let (positive, negative) = (mean(true), mean(false));
    let distance = |row: &Example, center: &[f64; WIDTH]| -> f64 {
        row.1[procedure].iter().zip(center).map(|(cell, center)| (cell - center).powi(2)).sum()
    };
    test.iter().map(|row| (distance(row, &positive) < distance(row, &negative)) == row.0).collect()
}

fn accuracy(is_right: &[bool]) -> f64 {
    is_right.iter().filter(|&&is_right| is_right).count() as f64 / is_right.len() as f64
}

/// The share of draws in which the deciding interval claims a difference, and in which the plain one does.
fn false_claims(num_draws: usize, mut verdict: impl FnMut(&mut ChaCha8Rng) -> Verdict) -> (f64, f64) {
    let mut random = ChaCha8Rng::seed_from_u64(2003);
    let (mut deciding, mut plain) = (0, 0);
    for _ in 0..num_draws {
        let found = verdict(&mut random);
        let is_claim = |claim: Claim| matches!(claim, Claim::Better | Claim::Worse);
        deciding += usize::from(is_claim(found.claim));
        plain += usize::from(is_claim(claim(found.interval_on_these_rows, Goal::Higher)));
    }
    (deciding as f64 / num_draws as f64, plain as f64 / num_draws as f64)
}

fn compared(results: [Vec<(u64, f64)>; 2], unit: Unit) -> Verdict {
    let [a, b] = results.each_ref().map(|results| Seeds::new(&Group { name: "", results }));
    without_bootstrap(&a, &b, Goal::Higher, unit)
}

/// Each seed tests on another 30 % of the same rows.
fn with_splits(num_draws: usize, num_rows: usize, num_seeds: u64) -> (f64, f64) {
    false_claims(num_draws, |random| {
        let data = draw(num_rows, random);
        let num_test = (0.3 * num_rows as f64).ceil() as usize;
        let mut results = [Vec::new(), Vec::new()];
        for seed in 0..num_seeds {
            let mut rows: Vec<&Example> = data.iter().collect();
            rows.shuffle(random);
            let (test, train) = rows.split_at(num_test);
            (0..2).for_each(|procedure| results[procedure].push((seed, accuracy(&is_right(train, test, procedure)))));
        }
        compared(results, Unit::Splits { ratio: num_test as f64 / (num_rows - num_test) as f64 })
    })
}

/// All seeds test on the same rows; each trains on half of so many rows that hardly anything depends on them.
fn with_fixed_rows(num_draws: usize, num_test: usize, num_seeds: u64) -> (f64, f64) {
    false_claims(num_draws, |random| {
        let (pool, test) = (draw(4000, random), draw(num_test, random));
        let test: Vec<&Example> = test.iter().collect();
        let mut rows: Vec<&Example> = pool.iter().collect();
        let mut results = [Vec::new(), Vec::new()];
        // Of each row, how often b is right less how often a is.
        let mut gains = vec![0.0; num_test];
        for seed in 0..num_seeds {
            rows.shuffle(random);
            let right = [0, 1].map(|procedure| is_right(&rows[..2000], &test, procedure));
            (0..2).for_each(|procedure| results[procedure].push((seed, accuracy(&right[procedure]))));
            for (row, gain) in gains.iter_mut().enumerate() {
                *gain += (f64::from(u8::from(right[1][row])) - f64::from(u8::from(right[0][row]))) / num_seeds as f64;
            }
        }
        // What the bootstrap over rows tends to, for a mean.
        let error = (variance(&gains) / num_test as f64).sqrt();
        compared(results, Unit::TestRows { error, num_rows: num_test })
    })
}

#[test]
fn equal_procedures_are_hardly_claimed_to_differ_on_new_data() {
    let (deciding, plain) = with_splits(300, 100, 10);
    assert!(deciding <= 0.06 && plain > 0.2, "{deciding}, plain {plain}");
}

/// However many seeds, 50 test rows stay 50 test rows.
#[test]
fn equal_procedures_are_hardly_claimed_to_differ_on_new_test_rows() {
    let (deciding, plain) = with_fixed_rows(40, 50, 20);
    assert!(deciding <= 0.13 && plain > 0.4, "{deciding}, plain {plain}");
}

/// The figures of the README: `cargo test --release --lib -- --ignored --nocapture thousand_draws`. A rate of 5 % over 1,000
/// draws has a standard error of 0.7 %, so the bound holds for all of them together, and for each within two of these.
#[test]
#[ignore = "takes a minute in a release build; prints the figures of the README"]
fn over_a_thousand_draws_of_data() {
    let settings = [(100, 5), (100, 10), (300, 5), (300, 10)];
    told("splits of all rows", settings.map(|(rows, seeds)| (rows, seeds, with_splits(1000, rows as usize, seeds))));
}

#[test]
#[ignore = "takes minutes; prints the figures of the README"]
fn over_a_thousand_draws_of_fixed_rows() {
    let settings = [(50, 10), (200, 10)];
    told("fixed test rows", settings.map(|(rows, seeds)| (rows, seeds, with_fixed_rows(1000, rows as usize, seeds))));
}

fn told<const N: usize>(what: &str, found: [(u64, u64, (f64, f64)); N]) {
    for (rows, seeds, (deciding, plain)) in found {
        println!(
            "{what}: {rows} rows, {seeds} seeds: {deciding:.3} by the deciding interval, {plain:.3} by the plain t"
        );
        assert!(deciding <= 0.06 + 2.0 * 0.007, "{deciding}");
    }
    let mean = found.iter().map(|(.., (deciding, _))| deciding).sum::<f64>() / N as f64;
    assert!(mean <= 0.06, "{mean}");
}
