//! What differs between the configurations of runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::params::{PLACES, tells_configs_apart};
use crate::tracking::Run;

/// A param that is not the same in all runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The flattened key: `training.learning_rate`.
    pub key: String,
    /// The value in each run, in the order of the runs; `None` where the run has no such key.
    pub values: Vec<Option<Value>>,
}

/// The params that differ, by key. Numbers are compared by value: `1` equals `1.0`.
pub fn differences(runs: &[&BTreeMap<String, Value>]) -> Vec<Difference> {
    let keys: BTreeSet<&String> = runs.iter().flat_map(|params| params.keys()).collect();
    let differs = |values: &[Option<Value>]| values.windows(2).any(|pair| !is_same(&pair[0], &pair[1]));
    let difference = |key: &String| Difference {
        key: key.clone(),
        values: runs.iter().map(|params| params.get(key).cloned()).collect(),
    };
    keys.into_iter().map(difference).filter(|difference| differs(&difference.values)).collect()
}

fn is_same(a: &Option<Value>, b: &Option<Value>) -> bool {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => a == b || a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

/// The params that differ between two configs, not counting names and seeds, nor where the data are, if fingerprints tell
/// what they are.
pub(super) fn config_changes(a: &Run, b: &Run) -> Vec<Difference> {
    let mut changed = differences(&[&a.record.params, &b.record.params]);
    let is_known = a.record.data.is_some() && b.record.data.is_some();
    let is_place = |key: &str| is_known && PLACES.contains(&key);
    changed.retain(|difference| tells_configs_apart(&difference.key) && !is_place(&difference.key));
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn params(value: Value) -> BTreeMap<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_what_differs_is_listed() {
        let a = params(json!({ "seed": 1, "rate": 1, "hidden": [16] }));
        let b = params(json!({ "seed": 2, "rate": 1.0, "hidden": [16], "dropout": 0.5 }));
        let found = differences(&[&a, &b]);
        let keys: Vec<&str> = found.iter().map(|difference| difference.key.as_str()).collect();
        assert_eq!(keys, ["dropout", "seed"]);
        assert_eq!(found[0].values, [None, Some(json!(0.5))]);
        assert!(differences(&[&a]).is_empty() && differences(&[]).is_empty());
    }
}
