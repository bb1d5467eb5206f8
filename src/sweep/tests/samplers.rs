use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{Params, SweepConfig};
use super::sweep;

fn draws(config: &SweepConfig, count: u32) -> Vec<Params> {
    config.validate().unwrap();
    (1..=count).map(|number| config.sample(3, number, &[], true)).collect()
}

/// The values of key `a` in 2000 random trials.
fn values(space: &str) -> Vec<Value> {
    draws(&sweep("random", space), 2000).iter().map(|params| params["a"].clone()).collect()
}

/// Asserts that the values have this distribution function: the Kolmogorov-Smirnov distance is below its critical value
/// at 5 %, 1.358 / sqrt(n).
fn assert_distribution(values: &[Value], cumulative: impl Fn(f64) -> f64) {
    let mut numbers: Vec<f64> = values.iter().map(|value| value.as_f64().unwrap()).collect();
    numbers.sort_by(f64::total_cmp);
    let count = numbers.len() as f64;
    let gap = |(i, &number): (usize, &f64)| {
        (cumulative(number) - i as f64 / count).abs().max((cumulative(number) - (i + 1) as f64 / count).abs())
    };
    let distance = numbers.iter().enumerate().map(gap).fold(0.0, f64::max);
    assert!(distance < 1.358 / count.sqrt(), "{distance}");
}

/// Asserts that each of the counts is within 4 standard deviations of its expectation.
fn assert_counts(values: &[Value], expected: &[(Value, f64)]) {
    for (value, share) in expected {
        let found = values.iter().filter(|other| *other == value).count() as f64;
        let mean = share * values.len() as f64;
        assert!((found - mean).abs() < 4.0 * (mean * (1.0 - share)).sqrt(), "{value}: {found} of {mean}");
    }
}

#[test]
fn random_numbers_are_uniform_on_their_scale() {
    let logs = values("a = { min = 1e-4, max = 1e-1, scale = \"log\" }");
    assert_distribution(&logs, |number| (number / 1e-4).ln() / 1e3f64.ln());
    let linear = values("a = { min = -1.0, max = 3.0 }");
    assert_distribution(&linear, |number| (number + 1.0) / 4.0);
    assert!(linear.iter().all(|value| value.is_f64()));
}

#[test]
fn random_integers_have_equal_shares_and_both_ends() {
    let expected: Vec<_> = (-3..=4).map(|integer| (json!(integer), 1.0 / 8.0)).collect();
    let linear = values("a = { min = -3, max = 4 }");
    assert_counts(&linear, &expected);
    assert!(linear.iter().all(|value| (-3..=4).contains(&value.as_i64().unwrap())));
    let share = |integer: f64| ((integer + 0.5) / (integer - 0.5)).ln() / (4.5f64 / 0.5).ln();
    let expected: Vec<_> = (1..=4).map(|integer| (json!(integer), share(integer.into()))).collect();
    assert_counts(&values("a = { min = 1, max = 4, scale = \"log\" }"), &expected);
}

#[test]
fn random_choices_and_lengths_have_equal_shares() {
    let choices = values("a = { values = [1, \"x\", [2.0]] }");
    assert_counts(&choices, &[json!(1), json!("x"), json!([2.0])].map(|choice| (choice, 1.0 / 3.0)));
    let lists = values("a = { length = [0, 2], min = 1, max = 2 }");
    let expected = [(json!([]), 1.0 / 3.0), (json!([2]), 1.0 / 6.0), (json!([1, 2]), 1.0 / 12.0)];
    assert_counts(&lists, &expected);
}

#[test]
fn random_trials_depend_on_seed_and_number_alone() {
    let space = "a = { min = 0.0, max = 1.0 }\nb = { length = [1, 3], min = 1, max = 9 }";
    let config = sweep("random", space);
    let first = draws(&config, 50);
    assert_eq!(first, draws(&config, 50));
    let distinct: BTreeSet<_> = first.iter().map(|params| params["a"].to_string()).collect();
    assert_eq!(distinct.len(), 50);
    assert_ne!(first[0], config.sample(4, 1, &[], true));
}

#[test]
fn whole_floats_stay_floats() {
    let config = sweep("grid", "a = { min = 0.0, max = 4.0, points = 5 }\nb = { values = [2.0, 2] }");
    let text: BTreeSet<_> = draws(&config, 10).iter().map(|params| json!(params).to_string()).collect();
    assert!(text.contains("{\"a\":3.0,\"b\":2.0}") && text.contains("{\"a\":3.0,\"b\":2}"), "{text:?}");
}

#[test]
fn a_grid_has_every_combination_once_the_last_key_fastest() {
    let space = "z = { values = [\"x\", \"y\"] }\na = { min = 1, max = 3 }\nl = { length = [1, 2], values = [5, 6] }";
    let config = SweepConfig { trials: None, ..sweep("grid", space) };
    assert_eq!(config.num_trials(), 2 * 3 * 6);
    let all = draws(&config, 36);
    let distinct: BTreeSet<_> = all.iter().map(|params| json!(params).to_string()).collect();
    assert_eq!(distinct.len(), 36);
    let lists: Vec<_> = all[..7].iter().map(|params| params["l"].clone()).collect();
    let expected = [json!([5]), json!([6]), json!([5, 5]), json!([5, 6]), json!([6, 5]), json!([6, 6]), json!([5])];
    assert_eq!(lists, expected);
    assert_eq!((&all[6]["a"], &all[6]["z"], &all[18]["z"]), (&json!(2), &json!("x"), &json!("y")));
    assert_eq!(config.sample(0, 37, &[], true), all[0]);
}

#[test]
fn grid_points_are_even_on_their_scale_with_exact_ends() {
    let points = |line: &str| -> Vec<f64> {
        let config = SweepConfig { trials: None, ..sweep("grid", line) };
        draws(&config, config.num_trials()).iter().map(|params| params["a"].as_f64().unwrap()).collect()
    };
    assert_eq!(points("a = { min = 0.0, max = 1.0, points = 5 }"), [0.0, 0.25, 0.5, 0.75, 1.0]);
    let logs = points("a = { min = 1e-4, max = 1e-1, scale = \"log\", points = 4 }");
    assert_eq!((logs[0], logs[3]), (1e-4, 1e-1));
    assert!((logs[1] / 1e-3 - 1.0).abs() < 1e-12 && (logs[2] / 1e-2 - 1.0).abs() < 1e-12, "{logs:?}");
    assert_eq!(points("a = { min = 8, max = 128, scale = \"log\", points = 5 }"), [8.0, 16.0, 32.0, 64.0, 128.0]);
    // 1 and 1.32 are one integer.
    assert_eq!(points("a = { min = 1, max = 4, scale = \"log\", points = 6 }"), [1.0, 2.0, 3.0, 4.0]);
}
