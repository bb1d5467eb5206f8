//! The filter language of the dashboard and of `runs list`: parsing, places of mistakes, and what `not`, `and`, `or` mean.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use burnlab::comparison::filter::Filter;
use burnlab::tracking::{MetricSummary, Run, Shown};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

static RUN: LazyLock<Run> = LazyLock::new(|| {
    let record = json!({
        "id": "digits-20261124-235039-a3f1", "experiment": "digits", "name": "First try", "tags": ["baseline", "x y"],
        "status": "finished", "started": "2026-11-24T23:50:39Z", "seed": 9_007_199_254_740_993_u64,
        "params": {"model.hidden": [16, 8], "model.kind": "mlp", "training.learning_rate": 0.001, "training.shuffle": true,
            "data.layers": [], "data.version": "16", "none": null, "deep": {"a": [1, {"b": 2}]}},
    });
    let metric = |best, last| MetricSummary {
        points: 3,
        last,
        last_epoch: 3,
        last_step: 30,
        last_time: 1.0,
        best,
        best_epoch: Some(2),
    };
    let metrics = BTreeMap::from([
        ("validation/loss".parse().unwrap(), metric(Some(0.25), f64::NAN)),
        ("test/rmse".parse().unwrap(), metric(None, f64::INFINITY)),
    ]);
    Run { record: serde_json::from_value(record).unwrap(), metrics, revision: 1 }
});

fuzz_target!(|text: &str| {
    let filter: Filter = match text.parse() {
        Ok(filter) => filter,
        Err(burnlab::comparison::filter::FilterError { at, .. }) => return assert!(at <= text.chars().count()),
    };
    for shown in [Shown::Finished, Shown::Stalled] {
        let passes = filter.matches(&*RUN, shown);
        // The empty filter cannot stand in parentheses, and nesting is limited.
        let holds = |text: String| text.parse().ok().map(|filter: Filter| filter.matches(&*RUN, shown));
        for (other, expected) in [
            (format!("not ({text})"), !passes),
            (format!("({text}) and ({text})"), passes),
            (format!("({text}) or not ({text})"), true),
            (format!("({text}) and not ({text})"), false),
        ] {
            assert!(holds(other).is_none_or(|found| found == expected), "{text}");
        }
    }
});
