//! `burnlab explain-step`: a step of gradient descent as text. Its numbers: `src/learn/tests/steps.rs`.

use crate::place::{Place, text};

/// Trains a config with these keys, quietly.
#[track_caller]
fn train(place: &Place, config: &str, sets: &[&str]) {
    let sets = sets.iter().flat_map(|&set| ["--set", set]);
    let args: Vec<&str> = ["--config", config, "--quiet"].into_iter().chain(sets).collect();
    let output = place.run(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[track_caller]
fn explained(place: &Place, args: &[&str]) -> String {
    let output = place.run(&[&["explain-step"], args].concat());
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[track_caller]
fn refused(place: &Place, args: &[&str], status: i32) -> String {
    let output = place.run(&[&["explain-step"], args].concat());
    assert_eq!(output.status.code(), Some(status), "{args:?}");
    text(&output.stderr)
}

/// `1.5`, `(-1.5)`
fn number(written: &str) -> Option<f64> {
    written.trim().trim_matches(['(', ')']).parse().ok()
}

/// `0.1 x [1 - a^2] 0.5` without what tells where 0.5 comes from.
fn without_notes(expression: &str) -> String {
    let parts = expression.split('[').enumerate();
    parts.map(|(i, part)| if i == 0 { part } else { part.split_once("] ").map_or(part, |(_, rest)| rest) }).collect()
}

/// What a calculator makes of `a x b + c - d x e`, and the largest number on the way; `None` for anything else.
fn calculated(expression: &str) -> Option<(f64, f64)> {
    let product = |term: &str| term.split(" x ").map(number).try_fold(1.0, |product, factor| Some(product * factor?));
    let (mut sum, mut largest) = (0.0, 0.0_f64);
    for part in expression.split(" + ") {
        for (j, term) in part.split(" - ").enumerate() {
            let value = product(term)?;
            sum += if j == 0 { value } else { -value };
            largest = largest.max(value.abs());
        }
    }
    Some((sum, largest))
}

/// Each calculation that is shown gives the number behind it, as far as its digits go; returns how many there are.
#[track_caller]
fn check_calculations(shown: &str) -> usize {
    let mut count = 0;
    for line in shown.lines() {
        let parts: Vec<&str> = line.split(" = ").collect();
        for pair in parts.windows(2) {
            let result = pair[1].split("  (").next().unwrap().split(", ").next().unwrap();
            let expression = pair[0].rsplit(": ").next().unwrap().trim();
            let is_plain = expression.contains(" x ") || expression.contains(" - ");
            let (Some((value, largest)), Some(result)) = (calculated(&without_notes(expression)), number(result))
            else {
                continue;
            };
            if is_plain {
                assert!((value - result).abs() <= 2e-4 * largest.max(result.abs()) + 1.5e-6, "{value}: {line}");
                count += 1;
            }
        }
    }
    count
}

#[test]
fn every_line_is_what_a_calculator_gives() {
    let place = Place::new();
    train(&place, "band-2-units", &["training.max_epochs=5"]);
    for row in ["1", "2", "79"] {
        let shown = explained(&place, &["band", "--row", row]);
        // Three sums, two slopes by activations and by sums, six weights each in two sections, three biases.
        assert!(check_calculations(&shown) >= 3 + 4 + 12 + 3, "{shown}");
        assert!(shown.contains(&format!("row {row}: x1 = ")), "{shown}");
        // Both ways to a gradient.
        let differences: Vec<(f64, f64)> = shown
            .lines()
            .filter_map(|line| {
                let (before, difference) = line.strip_suffix(')')?.rsplit_once("  (")?;
                Some((number(before.rsplit([' ']).next()?)?, number(difference)?))
            })
            .collect();
        assert_eq!(differences.len(), 9, "{shown}");
        assert!(differences.iter().all(|(a, b)| (a - b).abs() < 2e-4), "{differences:?}");
    }
    let faster = explained(&place, &["band", "--row", "1", "--learning-rate", "0.5"]);
    assert!(faster.contains("learning rate 0.5\n") && faster.contains("4 update: weight - 0.5 x slope"), "{faster}");
    assert!(refused(&place, &["band", "--row", "400"], 1).contains("the rows are 0 to 399"));
    assert!(refused(&place, &["band", "--learning-rate", "0"], 2).contains("it must be above 0"));
    assert!(refused(&place, &["other"], 1).contains("other"));
}

#[test]
fn classes_and_numbers_have_their_formulas() {
    let place = Place::new();
    train(&place, "iris", &["training.max_epochs=3", "model.hidden=[]"]);
    let iris = explained(&place, &["iris"]);
    assert!(check_calculations(&iris) >= 3 + 12 + 15, "{iris}");
    assert!(iris.contains("p1 = e^z1 / (sum of e^z)") && iris.contains("dL/dz3 = p3 - "), "{iris}");
    train(&place, "diabetes", &["training.max_epochs=2", "model.hidden=[2]"]);
    let diabetes = explained(&place, &["diabetes"]);
    assert!(check_calculations(&diabetes) >= 3, "{diabetes}");
    assert!(diabetes.contains("L = (z - y)^2") && diabetes.contains("2 x (z - y)"), "{diabetes}");
}

/// Each kind of network, however large, is summarised.
#[test]
fn a_large_network_of_any_kind_is_summarised() {
    let place = Place::new();
    let kinds: [(&str, &[&str]); 5] = [
        ("digits-tutorial", &[]),
        ("digits-cnn", &["model.channels=[2]"]),
        ("digits-rnn", &["model.units=4"]),
        ("digits-transformer", &["model.width=8", "model.heads=2"]),
        ("alice", &["model.width=8", "model.heads=2", "model.depth=1", "data.context=8", "training.batch_size=1024"]),
    ];
    for (config, sets) in kinds {
        train(&place, config, &[&["training.max_epochs=1"], sets].concat());
        let shown = explained(&place, &[config]);
        assert!(shown.contains("most probable") && shown.contains("|slope|"), "{config}: {shown}");
        // slope X  (Y)
        let mut compared = 0;
        for line in shown.lines().filter(|line| line.contains("]  slope ")) {
            let (_, rest) = line.split_once("  slope ").unwrap();
            let mut words = rest.split_whitespace().map(number);
            let (gradient, difference) = (words.next().unwrap().unwrap(), words.next().unwrap().unwrap());
            // A corner of a ReLU, or another pixel that is the largest, may be as near as the difference reaches.
            assert!((gradient - difference).abs() < 0.05 * gradient.abs() + 5e-3, "{config}: {line}");
            compared += 1;
        }
        assert!(compared >= 6, "{config}: {shown}");
        let losses: Vec<f64> = shown.lines().last().unwrap().split_whitespace().filter_map(number).collect();
        assert!(losses[2] < losses[1], "the loss of the row falls: {config}: {losses:?}");
    }
}
