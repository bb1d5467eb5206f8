//! Dimensions that exist only together with choices of others.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{Params, SweepConfig, Told};
use super::{parse, sweep};

/// `momentum` for one optimizer of three; both kinds of network have `size`, in ranges of their own.
const FLAT: &str = r#"
"momentum" = { values = [0.5, 0.9], when = { optimizer = "sgd" } }
"optimizer" = { values = ["sgd", "adam", "rmsprop"] }
"kind" = { values = ["wide", "deep"] }
"size" = [{ values = [100, 200], when = { kind = "wide" } }, { values = [1, 2, 3], when = { kind = "deep" } }]
"#;

const NESTED: &str = r#"
"training.optimizer" = { values = ["sgd", "adam"] }
[space."model.kind".mlp]
"model.hidden" = { length = [1, 2], values = [4] }
"model.dropout" = { values = [0.0, 0.5], when = { "training.optimizer" = ["adam"] } }
[space."model.kind".tabular]
"model.hidden" = { length = [3, 3], values = [8] }
[space."model.kind".linear]
"#;

fn trials(config: &SweepConfig, count: u32) -> Vec<Params> {
    config.validate().unwrap();
    (1..=count).map(|number| config.sample(3, number, &[], true)).collect()
}

#[track_caller]
fn assert_consistent(params: &Params) {
    assert_eq!(params.contains_key("momentum"), params["optimizer"] == "sgd", "{params:?}");
    assert_eq!(params["size"].as_f64().unwrap() < 10.0, params["kind"] == "deep", "{params:?}");
}

#[test]
fn a_grid_has_each_combination_that_exists_once() {
    let config = SweepConfig { trials: None, ..sweep("grid", FLAT) };
    // (2 momenta + 1 + 1) x (2 sizes + 3 sizes)
    assert_eq!(config.num_trials(), 20);
    let all = trials(&config, 20);
    all.iter().for_each(assert_consistent);
    let distinct: BTreeSet<String> = all.iter().map(|params| json!(params).to_string()).collect();
    assert_eq!(distinct.len(), 20);
    assert_eq!(config.sample(3, 21, &[], true), all[0]);
    let nested = SweepConfig { trials: None, ..sweep("grid", NESTED) };
    // sgd: 2 lists + 1 + 1; adam: 2 lists x 2 dropouts + 1 + 1
    assert_eq!(nested.num_trials(), 4 + 6);
}

#[test]
fn random_and_guided_trials_have_what_exists_alone() {
    // So large that there is always a new trial.
    let large = FLAT
        .replace("values = [0.5, 0.9]", "min = 0.5, max = 0.9")
        .replace("values = [100, 200]", "min = 100.0, max = 200.0")
        .replace("values = [1, 2, 3]", "min = 1.0, max = 9.0");
    for method in ["random", "tpe"] {
        let config = sweep(method, &large);
        let mut history: Vec<Told> = Vec::new();
        for number in 1..=40 {
            let params = config.sample(7, number, &history, true);
            assert_consistent(&params);
            let value =
                params["size"].as_f64().unwrap() + params.get("momentum").and_then(Value::as_f64).unwrap_or(1.0);
            history.push(Told { number, params, value: Some(value), is_running: false });
        }
        let momenta = history.iter().filter(|told| told.params.contains_key("momentum")).count();
        assert!((3..38).contains(&momenta), "{method}: {momenta}");
        if method == "tpe" {
            // Small sizes and momenta are the best, and the later trials know it.
            let late = history[25..].iter().filter(|told| told.params["size"].as_f64().unwrap() < 10.0).count();
            let sizes: Vec<_> = history.iter().map(|told| &told.params["size"]).collect();
            assert!(late >= 10, "{late} of 15: {sizes:?}");
        }
    }
}

#[test]
fn a_condition_changes_no_other_draw() {
    let plain = sweep("random", "a = { min = 0.0, max = 1.0 }\nb = { values = [1, 2] }\nc = { min = 0.0, max = 1.0 }");
    let with = "a = { min = 0.0, max = 1.0, when = { b = 1 } }\nb = { values = [1, 2] }\nc = { min = 0.0, max = 1.0 }";
    // The one that waits for `b` is drawn after it; `c` is drawn last in both.
    for (plain, with) in trials(&plain, 30).iter().zip(trials(&sweep("random", with), 30)) {
        assert_eq!(plain["c"], with["c"]);
        assert_eq!(with.contains_key("a"), with["b"] == 1);
    }
}

#[test]
fn a_nested_space_is_read_and_written() {
    let config = sweep("random", NESTED);
    config.validate().unwrap();
    let keys: Vec<&String> = config.space.keys().collect();
    assert_eq!(keys, ["training.optimizer", "model.kind", "model.hidden", "model.dropout"]);
    for params in trials(&config, 60) {
        let hidden = params.get("model.hidden").map(|hidden| hidden.as_array().unwrap().len());
        match params["model.kind"].as_str().unwrap() {
            "mlp" => assert!(matches!(hidden, Some(1 | 2))),
            "tabular" => assert_eq!(hidden, Some(3)),
            _ => assert_eq!(hidden, None),
        }
        let has_dropout = params["model.kind"] == "mlp" && params["training.optimizer"] == "adam";
        assert_eq!(params.contains_key("model.dropout"), has_dropout, "{params:?}");
    }
    let text = toml::to_string(&config).unwrap();
    assert_eq!(parse(&text).unwrap(), config, "{text}");
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<SweepConfig>(&json).unwrap(), config);
}

#[test]
fn what_is_checked_before_the_first_trial_can_exist() {
    let config = sweep("random", FLAT);
    for (key, params) in config.extremes().into_iter().chain(config.pairs()) {
        assert!(params.contains_key(&key));
        for (key, value) in &params {
            let exists = config.space.iter().any(|(other, one)| {
                other == key
                    && one.is_active(&params)
                    && super::super::Element::Choices(vec![value.clone()]) != one.element
            });
            assert!(exists, "{key} in {params:?}");
        }
    }
    let has = |given: Value| config.pairs().iter().any(|(_, params)| json!(params) == given);
    assert!(has(json!({ "optimizer": "adam", "kind": "wide" })));
    assert!(has(json!({ "optimizer": "sgd", "momentum": 0.9, "kind": "deep" })));
    assert!(
        !config
            .pairs()
            .iter()
            .any(|(_, params)| params.get("optimizer") == Some(&json!("adam")) && params.contains_key("momentum"))
    );
}

#[test]
fn a_trial_that_is_not_allowed_is_drawn_again() {
    for method in ["random", "tpe"] {
        let config = sweep(method, "a = { min = 0, max = 9 }\nb = { min = 0, max = 9 }");
        let differs = |params: &Params| params["a"] != params["b"];
        for number in 1..=40 {
            let found = config.sample_allowed(1, number, &[], true, &differs);
            assert!(differs(&found), "{found:?}");
        }
        // Where nothing is allowed, there is an end.
        config.sample_allowed(1, 1, &[], true, &|_| false);
    }
}

#[test]
fn conditions_that_cannot_hold_are_refused() {
    for (space, key, part) in [
        ("a = { values = [1], when = { b = 1 } }", "a", "`when` names `b`, which is no key of the space"),
        ("a = { values = [1], when = { b = 3 } }\nb = { values = [1, 2] }", "a", "`b` is never 3, but one of 1, 2"),
        ("a = { values = [1], when = { b = 3 } }\nb = { min = 1, max = 4 }", "a", "and `b` is a range"),
        ("a = { values = [1], when = { b = [] } }\nb = { values = [1, 2] }", "a", "names no value of `b`"),
        ("a = { values = [1], when = { a = 1 } }", "a", "in a circle"),
        ("a = { values = [1], when = { b = 1 } }\nb = { values = [1], when = { a = 1 } }", "a", "in a circle"),
        ("a = [{ values = [1] }, { values = [2] }]", "a", "`a` is there twice for the same trial"),
        (
            "b = { values = [1, 2] }\na = [{ values = [1], when = { b = 1 } }, { values = [2], when = { b = [1, 2] } }]",
            "a",
            "`a` is there twice for the same trial",
        ),
    ] {
        let invalid = sweep("random", space).validate().expect_err(space);
        assert_eq!(invalid.key, Some(format!("sweep.space.{key}")), "{invalid}");
        assert!(invalid.message.contains(part), "{invalid}");
    }
}
