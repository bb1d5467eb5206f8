use serde_json::{Value, json};

use super::super::{Element, Method, Number, Params, Range, Scale, SweepConfig};
use super::{parse, sweep};

const FULL: &str = r#"
method = "random"
trials = 40
minutes = 10.0
metric = "validation/loss"
[halving]
min_epochs = 5
[space]
"training.learning_rate" = { min = 1e-4, max = 1e-1, scale = "log" }
"training.batch_size" = { values = [16, 32, 64] }
"model.dropout" = { min = 0.0, max = 0.5 }
"model.num_units" = { min = 4, max = 64 }
"model.hidden" = { length = [1, 3], min = 8, max = 128, scale = "log" }
"model.activation" = { values = ["relu", "tanh", 2.0, true, [1, 2]] }
"#;

fn message(text: &str) -> (String, String) {
    let invalid = parse(text).expect("a section that parses").validate().expect_err(text);
    (invalid.key.unwrap_or_default(), invalid.message)
}

#[test]
fn the_section_reads_in_order_with_defaults() {
    let config = parse(FULL).unwrap();
    config.validate().unwrap();
    assert_eq!((config.lease_seconds, config.halving.as_ref().unwrap().factor, config.num_trials()), (60, 3, 40));
    let keys: Vec<_> = config.space.keys().map(|key| key.rsplit_once('.').unwrap().1).collect();
    assert_eq!(keys, ["learning_rate", "batch_size", "dropout", "num_units", "hidden", "activation"]);
    let units = Range { min: Number::Integer(4), max: Number::Integer(64), scale: Scale::Linear, points: None };
    assert_eq!(config.space["model.num_units"].element, Element::Range(units));
    assert!(matches!(&config.space["model.dropout"].element, Element::Range(range) if range.min == Number::Float(0.0)));
}

#[test]
fn the_section_survives_toml_and_json() {
    let config = parse(FULL).unwrap();
    let text = toml::to_string(&config).unwrap();
    let again = parse(&text).unwrap();
    assert_eq!(again, config);
    assert!(again.space.keys().eq(config.space.keys()));
    assert!(text.contains("max = 0.5") && text.contains("min = 0.0") && !text.contains("lease_seconds = 0"), "{text}");
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<SweepConfig>(&json).unwrap(), config);
}

#[test]
fn the_schema_has_the_written_form() {
    let schema = serde_json::to_string(&schemars::schema_for!(SweepConfig)).unwrap();
    for part in ["\"length\"", "\"values\"", "\"points\"", "\"lease_seconds\"", "at most 32"] {
        assert!(schema.contains(part), "{part} in {schema}");
    }
    assert!(!schema.contains("\"element\""), "{schema}");
}

#[test]
fn what_does_not_parse_says_why() {
    let with = |space: &str| parse(&format!("method = \"random\"\ntrials = 3\n[space]\n{space}")).map(|_| ());
    for (result, part) in [
        (with("a = { min = 1 }"), "set either values, or min and max"),
        (with("a = { values = [1], max = 2 }"), "set either values, or min and max"),
        (with("a = { values = [1], scale = \"log\" }"), "scale and points go with min and max"),
        (with("a = { min = \"1\", max = 2 }"), "min and max are numbers"),
        (with("a = { min = 1, max = 2, scale = \"ln\" }"), "unknown variant `ln`"),
        (with("a.b = { min = 1, max = 2 }"), "unknown field `b`"),
        (with("a = { min = 1, max = 2, length = [1, 2, 3] }"), "length is [min, max]"),
        (parse("method = \"sobol\"\n[space]").map(|_| ()), "unknown variant `sobol`"),
        (parse("trials = 3\n[space]").map(|_| ()), "missing field `method`"),
        (parse("method = \"tpe\"\ntrials = -1\n[space]").map(|_| ()), "-1"),
        (parse("method = \"tpe\"\ntrial = 1\n[space]").map(|_| ()), "unknown field `trial`"),
    ] {
        let error = result.expect_err(part).to_string();
        assert!(error.contains(part), "{part}: {error}");
        assert!(error.contains("line "), "{error}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_at_its_key() {
    for (lines, key, part) in [
        ("trials = 0", "trials", "1 to 10000"),
        ("trials = 10001", "trials", "1 to 10000"),
        ("", "trials", "or minutes is required"),
        ("trials = 1\nminutes = 0.0", "minutes", "above 0"),
        ("minutes = nan", "minutes", "above 0"),
        ("trials = 1\nlease_seconds = 86401", "lease_seconds", "1 to 86400"),
        ("trials = 1\nmetric = \"test/accuracy\"", "metric", "cannot choose"),
        ("trials = 1\nmetric = \"train/loss\"", "metric", "cannot choose"),
        ("trials = 1\nhalving = { min_epochs = 0 }", "halving.min_epochs", "at least 1"),
        ("trials = 1\nhalving = { min_epochs = 1, factor = 1 }", "halving.factor", "at least 2"),
    ] {
        let (found, message) = message(&format!("method = \"random\"\n{lines}\n[space]\na = {{ values = [1] }}"));
        assert_eq!(found, format!("sweep.{key}"), "{message}");
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(message("method = \"tpe\"\ntrials = 1\n[space]").0, "sweep.space");
}

#[test]
fn what_a_key_may_take_is_checked_at_that_key() {
    for (method, space, key, part) in [
        ("random", "\"a.b\" = { min = 2, max = 2 }", "a.b", "below max"),
        ("random", "\"a.b\" = { min = 0.0, max = 1.0, scale = \"log\" }", "a.b", "min above 0"),
        ("random", "a = { min = 0, max = inf }", "a", "finite"),
        ("random", "a = { min = 0, max = 9007199254740993 }", "a", "2^53"),
        ("random", "a = { values = [] }", "a", "empty"),
        ("random", "a = { values = [1, 2, 1] }", "a", "1 twice"),
        ("random", "a = { values = [nan] }", "a", "finite"),
        ("random", "a = { values = [[2026-01-01]] }", "a", "numbers"),
        ("random", "a = { values = [{ b = 1 }] }", "a", "numbers"),
        ("random", "a = { length = [3, 2], values = [1] }", "a", "[3, 2]"),
        ("random", "a = { length = [0, 33], values = [1] }", "a", "at most 32"),
        ("random", "a = { min = 0, max = 9, points = 3 }", "a", "no effect"),
        ("random", "seed = { values = [1] }", "seed", "cannot be searched"),
        ("random", "\"sweep.trials\" = { values = [1] }", "sweep.trials", "cannot be searched"),
        ("random", "\"a..b\" = { values = [1] }", "a..b", "not a dotted"),
        ("random", "\"a.b\" = { values = [1] }\na = { values = [1] }", "a", "overwrite `a.b`"),
        ("grid", "a = { min = 0.0, max = 1.0 }", "a", "points"),
        ("grid", "a = { min = 0.0, max = 1.0, points = 1 }", "a", "2 to 1000"),
        ("grid", "a = { min = 1, max = 9, scale = \"log\" }", "a", "needs points"),
    ] {
        let invalid = sweep(method, space).validate().expect_err(space);
        assert_eq!(invalid.key, Some(format!("sweep.space.{key}")), "{invalid}");
        assert!(invalid.message.contains(part), "{invalid}");
    }
    for space in ["a = { min = 1, max = 100001 }", "a = { length = [32, 32], min = 1, max = 1000 }"] {
        let invalid = sweep("grid", space).validate().expect_err(space);
        assert_eq!(invalid.key.as_deref(), Some("sweep.space"), "{invalid}");
        assert!(invalid.message.contains("combinations"), "{invalid}");
    }
}

#[test]
fn the_number_of_trials_follows_the_method() {
    let grid = "a = { min = 1, max = 7 }\nb = { values = [1, 2] }";
    assert_eq!(sweep("grid", grid).num_trials(), 14);
    assert_eq!(SweepConfig { trials: None, ..sweep("grid", grid) }.num_trials(), 14);
    assert_eq!(SweepConfig { trials: Some(5), ..sweep("grid", grid) }.num_trials(), 5);
    let timed = SweepConfig { trials: None, minutes: Some(1.0), method: Method::Tpe, ..sweep("tpe", grid) };
    timed.validate().unwrap();
    assert_eq!(timed.num_trials(), 10_000);
}

#[test]
fn extremes_are_the_ends_of_each_key_alone() {
    let space = "a = { min = 0, max = 2.0 }\nb = { values = [\"x\", 3] }\nc = { length = [1, 2], min = 8, max = 9 }";
    let found = sweep("random", space).extremes();
    let of = |key: &str, value: Value| (key.to_owned(), Params::from([(key.to_owned(), value)]));
    let lists = [json!([8]), json!([8, 8]), json!([9]), json!([9, 9])].map(|list| of("c", list));
    let others = [of("a", json!(0.0)), of("a", json!(2.0)), of("b", json!("x")), of("b", json!(3))];
    assert_eq!(found, [others, lists].concat());
    let many: Vec<_> = (0..2000).collect();
    assert_eq!(sweep("random", &format!("a = {{ values = {many:?} }}")).extremes().len(), 1000);
}
