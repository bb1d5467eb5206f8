//! Which results may be compared: those on the same test rows with the same targets. Everything that groups, pairs, ranks
//! or marks runs asks here.
//!
//! What decides is what the runs recorded ([`DataRecord`]), whatever path, columns or format the rows came in. Runs of
//! older versions recorded nothing of the kind; they are judged by their configs.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::difference::{Difference, config_changes};
use super::params::{DRAWN_BY, PLACES, changes_the_test};
use crate::figures::counted;
use crate::tracking::{DataRecord, Run};

/// Whether two runs are tested on the same rows with the same targets.
pub fn same_rows(a: &Run, b: &Run) -> bool {
    match (&a.record.data, &b.record.data) {
        (Some(a), Some(b)) => !a.test.is_empty() && a.test == b.test && sketches_agree(a, b),
        _ => {
            let param = |run: &Run, key: &str| run.record.params.get(key).cloned();
            let is_same = |key: &str| param(a, key) == param(b, key);
            let is_fixed = param(a, "data.split_seed").is_some() || param(a, "data.test_path").is_some();
            let drawn_alike = is_fixed || a.record.seed == b.record.seed;
            drawn_alike && is_same("data.split_seed") && is_same("data.fold") && by_params(a, b).is_none()
        }
    }
}

/// Whether two runs are known to be tested on different rows. What is not known is for who reads their predictions to find.
pub fn are_other_rows(a: &Run, b: &Run) -> bool {
    a.record.data.is_some() && b.record.data.is_some() && !same_rows(a, b)
}

/// For each config, given by its repetitions, the first of the configs that it can be compared with.
pub fn comparable_sets(configs: &[Vec<&Run>]) -> Vec<usize> {
    let mut firsts: Vec<usize> = Vec::new();
    let mut sets = Vec::with_capacity(configs.len());
    for (index, config) in configs.iter().enumerate() {
        let first = firsts.iter().copied().find(|&first| other_rows(&configs[first], config).is_none());
        sets.push(first.unwrap_or(index));
        if first.is_none() {
            firsts.push(index);
        }
    }
    sets
}

/// Why the results of two configs, each given by its repetitions, cannot be compared; `None` if they can. Names both as
/// "them".
///
/// They can if the runs of one are tested on rows that the other is tested on as well, or if both draw their test parts
/// in the same way from the same rows.
pub fn other_rows(a: &[&Run], b: &[&Run]) -> Option<String> {
    let (Some(&first_a), Some(&first_b)) = (a.first(), b.first()) else { return None };
    let (Some(data_a), Some(data_b)) = (&first_a.record.data, &first_b.record.data) else {
        return by_params(first_a, first_b).map(|difference| differs(&difference.key));
    };
    let has_partner = |run: &&Run, others: &[&Run]| others.iter().any(|other| same_rows(run, other));
    if a.iter().all(|run| has_partner(run, b)) || b.iter().all(|run| has_partner(run, a)) {
        return None;
    }
    if data_a.test.is_empty() != data_b.test.is_empty() {
        return Some("one of them has no test part".into());
    }
    let param = |run: &Run, key: &str| run.record.params.get(key).filter(|value| !value.is_null()).cloned();
    if data_a.rows == data_b.rows {
        // Without data.split_seed the seeds draw the parts: two samples of the same rows.
        let differing = |key: &&&str| {
            let (a, b) = (param(first_a, key), param(first_b, key));
            a != b && (**key != "data.split_seed" || (a.is_some() && b.is_some()))
        };
        return DRAWN_BY.iter().find(differing).map(|key| differs(key));
    }
    let is_place = |difference: &Difference| PLACES.contains(&difference.key.as_str());
    let mut changes = config_changes(first_a, first_b).into_iter();
    if let Some(change) = changes.find(|change| changes_the_test(&change.key) && !is_place(change)) {
        return Some(differs(&change.key));
    }
    Some(match (file(first_a), file(first_b)) {
        (Some(a), Some(b)) if a == b => format!("the data behind `{}` changed between them", name(a)),
        (Some(a), Some(b)) => {
            let (a, b) = if name(a) == name(b) { (a, b) } else { (name(a), name(b)) };
            format!("`{a}` and `{b}` hold different rows or targets")
        }
        _ => "their data differ".into(),
    })
}

/// What to know of two configs that can be compared: that their inputs differ, and what the comparison rests on.
pub fn remarks(a: &[&Run], b: &[&Run]) -> Vec<String> {
    let (Some(&first_a), Some(&first_b)) = (a.first(), b.first()) else { return Vec::new() };
    let has_params = |run: &Run| run.record.params.keys().any(|key| key.starts_with("data."));
    let (Some(data_a), Some(data_b)) = (&first_a.record.data, &first_b.record.data) else {
        let old = "An older version recorded no fingerprint of the data: that the test rows are the same follows from the \
                   configs alone.";
        return Vec::from_iter((has_params(first_a) && has_params(first_b)).then(|| old.to_owned()));
    };
    if data_a.inputs == data_b.inputs {
        return Vec::new();
    }
    let what = match (data_a.num_columns, data_b.num_columns) {
        (a, b) if a != b => format!("{} against {b}", counted(a, "column")),
        _ => match (file(first_a), file(first_b)) {
            (Some(a), Some(b)) if a == b => format!("cells of `{}` changed between them", name(a)),
            _ => "other columns or cells".into(),
        },
    };
    let outside = match data_a.rows == data_b.rows {
        true => "",
        false => " Rows or targets outside the shared test part differ, too.",
    };
    vec![format!("The test rows are the same, the inputs are not ({what}).{outside}")]
}

/// What the data of a run's repetitions have in common, as a text; repetitions of one config under other data are another
/// config. `None` for a run without fingerprints.
pub fn repeated_data(run: &Run) -> Option<[&str; 2]> {
    let data = run.record.data.as_ref()?;
    // Splits made outside of burnlab: the same rows, divided differently between two files.
    let is_divided = run.record.params.get("data.test_path").is_some_and(|path| !path.is_null());
    Some([&data.inputs, if is_divided { "" } else { &data.rows }])
}

/// A number for the test rows of each run, the same for runs on the same rows.
pub(super) fn numbered(runs: &[&Run]) -> Vec<usize> {
    let mut firsts: Vec<&Run> = Vec::new();
    let mut numbers = Vec::with_capacity(runs.len());
    for &run in runs {
        let known = firsts.iter().position(|first| same_rows(first, run));
        numbers.push(known.unwrap_or(firsts.len()));
        if known.is_none() {
            firsts.push(run);
        }
    }
    numbers
}

/// How many different test parts the runs have.
pub(super) fn num_test_parts(runs: &[&Run]) -> usize {
    numbered(runs).into_iter().collect::<BTreeSet<_>>().len()
}

/// The first param that tells the test rows of two runs apart.
fn by_params(a: &Run, b: &Run) -> Option<Difference> {
    config_changes(a, b).into_iter().find(|difference| changes_the_test(&difference.key))
}

/// Rows of different files may have the same numbers and targets, such as alternating classes: they are other rows if
/// hardly any input that both have agrees. One edited cell, or columns that only one has, leave them the same.
fn sketches_agree(a: &DataRecord, b: &DataRecord) -> bool {
    let parts = a.sketch.iter().filter_map(|(name, parts)| Some((parts, b.sketch.get(name)?)));
    let parts = parts.flat_map(|(a, b)| a.split(' ').zip(b.split(' ')));
    let telling: Vec<bool> = parts.filter(|&parts| parts != ("-", "-")).map(|(a, b)| a == b).collect();
    let num_equal = telling.iter().filter(|&&is_equal| is_equal).count();
    4 * num_equal >= telling.len()
}

fn differs(key: &str) -> String {
    format!("{key} differs")
}

/// The file that the test rows are in.
fn file(run: &Run) -> Option<&str> {
    let param = |key: &str| run.record.params.get(key).and_then(Value::as_str);
    param("data.test_path").or_else(|| param("data.path"))
}

fn name(path: &str) -> &str {
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
}
