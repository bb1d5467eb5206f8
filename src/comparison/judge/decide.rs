//! The verdict on two configs by one metric: the one place where runs become numbers.

use std::path::PathBuf;

use crate::comparison::repetition::{folds, pairs, values};
use crate::comparison::test_rows;
use crate::comparison::tested::{num_test_parts, other_rows};
use crate::comparison::verdict::{Claim, Group, Unit, Verdict, decided, verdict};
use crate::metric::Goal;
use crate::tracking::{MetricKey, Run, Store};

/// The params by which the validation part does not depend on the seed.
const FIXED_BY: [&str; 2] = ["data.split_seed", "data.order"];

/// Results of two configs, numbered by what they have in common.
pub(super) struct Results {
    pub a: Vec<(u64, f64)>,
    pub b: Vec<(u64, f64)>,
    pub unit: Unit,
}

impl Results {
    /// The results of the runs `a` and `b` by `metric`.
    pub fn new(store: &Store, a: &[&Run], b: &[&Run], metric: &MetricKey) -> Self {
        let unit = unit(store, a, b, metric);
        let [a, b] = pairs(a, b, metric);
        Self { a, b, unit }
    }

    pub fn groups<'a>(&'a self, name_a: &'a str, name_b: &'a str) -> (Group<'a>, Group<'a>) {
        (Group { name: name_a, results: &self.a }, Group { name: name_b, results: &self.b })
    }

    /// The verdict; no claim where there is a reason against comparing them.
    pub fn verdict(&self, goal: Goal, other_rows: Option<&str>) -> Verdict {
        let (a, b) = self.groups("", "");
        let found = verdict(&a, &b, goal, self.unit);
        match other_rows {
            None => found,
            // What was measured stays; what follows from comparing it does not.
            Some(_) => Verdict {
                claim: Claim::NoClaim,
                interval: None,
                interval_on_these_rows: None,
                bootstrap: None,
                p_value: None,
                seeds_needed: None,
                only_more_data: false,
                ..found
            },
        }
    }
}

/// Whether `metric` does not tell two configs apart, or may not be compared; what it says of one seed each is not judged.
pub(super) fn is_undecided(store: &Store, a: &[&Run], b: &[&Run], metric: &MetricKey) -> bool {
    let Some(goal) = metric.goal() else { return true };
    if other_rows(a, b).is_some() {
        return true;
    }
    let results = Results::new(store, a, b, metric);
    let (a, b) = results.groups("", "");
    decided(&a, &b, goal, results.unit) == Claim::NotDistinguishable
}

/// What distinguishes the results by `metric`.
pub(super) fn unit(store: &Store, a: &[&Run], b: &[&Run], metric: &MetricKey) -> Unit {
    if let Some(num_folds) = a.first().and_then(|run| folds(*run)) {
        return Unit::Folds { num_folds };
    }
    // With one run each there is nothing to estimate from.
    if values(a, metric).len() < 2 && values(b, metric).len() < 2 {
        return Unit::Seeds;
    }
    let is_test = metric.split() == "test";
    let all: Vec<&Run> = a.iter().chain(b).copied().collect();
    let has_param = |run: &Run, key: &str| run.record.params.get(key).is_some_and(|value| !value.is_null());
    let is_fixed = match is_test {
        true => num_test_parts(a) <= 1 && num_test_parts(b) <= 1,
        false => all.iter().all(|run| FIXED_BY.iter().any(|key| has_param(run, key))),
    };
    if !is_fixed {
        let ratios: Vec<f64> = all.iter().filter_map(|run| ratio(run, metric.split())).collect();
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        return if ratios.is_empty() { Unit::Seeds } else { Unit::Splits { ratio: mean } };
    }
    let folders = |runs: &[&Run]| -> Vec<PathBuf> {
        let measured = runs.iter().filter(|run| run.metrics.contains_key(metric));
        measured.map(|run| store.folder(&run.record.id)).collect()
    };
    let name = metric.as_str().trim_start_matches("test/");
    match test_rows::error(&folders(a), &folders(b), name) {
        Some((error, num_rows)) if is_test => Unit::TestRows { error, num_rows },
        _ => Unit::Seeds,
    }
}

/// Rows measured on per row trained on. Validation rows count as trained on when the test part is measured: they choose
/// the epoch.
fn ratio(run: &Run, split: &str) -> Option<f64> {
    if let Some(data) = &run.record.data {
        let (train, validation, test) = (data.num_train as f64, data.num_validation as f64, data.num_test as f64);
        return Some(match split {
            "test" => test / (train + validation),
            "validation" => validation / train,
            // The rows trained on are measured.
            _ => 1.0,
        });
    }
    let fraction = |key: &str| run.record.params.get(key)?.as_f64().filter(|fraction| (0.0..1.0).contains(fraction));
    let fraction = match split {
        "test" => fraction("data.test_fraction")?,
        "validation" => fraction("data.validation_fraction")?,
        _ => return None,
    };
    Some(fraction / (1.0 - fraction))
}
