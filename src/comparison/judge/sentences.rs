//! Sentences on compared runs, in addition to the verdict.

use serde_json::Value;

use super::mistakes::Mistakes;
use crate::comparison::difference::Difference;
use crate::tracking::{Run, RunId, Status, Store};

/// How to refer to two configs: by the one param that differs, else as A and B.
pub(super) fn config_names(changes: &[Difference]) -> (String, String) {
    match changes {
        [Difference { key, values }] => {
            let name = |value: &Option<Value>| match value {
                Some(Value::String(text)) => format!("{key} = {text}"),
                Some(value) => format!("{key} = {value}"),
                None => format!("{key} not set"),
            };
            (name(&values[0]), name(&values[1]))
        }
        _ => ("A".into(), "B".into()),
    }
}

/// What differs between A and B, unless [`config_names`] says it.
pub(super) fn changes(changes: &[Difference]) -> Option<String> {
    match changes {
        [] => Some("A and B have the same config.".into()),
        [_] => None,
        changes => {
            let keys: Vec<&str> = changes.iter().take(4).map(|difference| difference.key.as_str()).collect();
            let more = changes.len().saturating_sub(keys.len());
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            Some(format!("A and B differ in {}{more}.", keys.join(", ")))
        }
    }
}

/// Why two configs cannot be compared.
pub(super) fn other_rows(a: &str, b: &str, reason: &str) -> String {
    format!("{a} and {b} are tested on different rows ({reason}): no comparison.")
}

/// Two names of one run.
pub(super) fn same_run(id: &RunId) -> String {
    format!("A and B are the same run, {id}: there is nothing to compare.")
}

/// A sentence for each status, other than finished, of runs of one config.
pub(super) fn unfinished(store: &Store, name: &str, runs: &[&Run]) -> Vec<String> {
    let open = runs.iter().filter(|run| run.record.status != Status::Finished);
    let mut sentences: Vec<String> =
        open.map(|run| format!("{name} is not done: it is {}.", store.shown(run))).collect();
    sentences.dedup();
    sentences
}

/// Mean training times in seconds of A and B; `None` if that of A is 0.
pub(super) fn training_time((a, b): (f64, f64)) -> Option<String> {
    (a > 0.0).then(|| {
        let ratio = b / a;
        let ratio = if (0.1..10.0).contains(&ratio) { format!(" ({ratio:.2} times as long)") } else { String::new() };
        format!("Training B took {b:.2} s, A {a:.2} s{ratio}.")
    })
}

/// The rows that only one of two models got right.
pub(super) fn mistakes(mistakes: Mistakes) -> String {
    let Mistakes { only_a_right, only_b_right, p_value } = mistakes;
    format!(
        "On the same test rows A alone is right in {only_a_right}, B alone in {only_b_right} (McNemar's exact test: \
         p = {p_value:.2})."
    )
}
