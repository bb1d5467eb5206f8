//! What filters match, and where mistakes are reported.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::comparison::vocabulary::Vocabulary;
use crate::tracking::{MetricSummary, Run, RunRecord, Shown};

fn run() -> Run {
    let record: RunRecord = serde_json::from_value(json!({
        "id": "digits-20261124-235039-a3f1", "experiment": "digits", "name": "First try", "tags": ["baseline", "x y"],
        "note": null, "status": "running", "started": "2026-11-24T23:50:39Z", "seed": 9_007_199_254_740_993_u64,
        "params": {
            "model.hidden": [16, 8], "model.kind": "mlp", "training.learning_rate": 0.001, "training.shuffle": true,
            "data.layers": [], "training.max_epochs": 200, "data.version": "16", "name": "digits",
        },
    }))
    .unwrap();
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
        ("test/accuracy".parse().unwrap(), metric(Some(0.96), 0.96)),
        ("test/rmse".parse().unwrap(), metric(None, f64::INFINITY)),
    ]);
    Run { record, metrics, revision: 1 }
}

#[test]
fn filters_say_what_they_mean() {
    let run = run();
    for (filter, passes) in [
        ("", true),
        ("test/accuracy > 0.95", true),
        ("test/accuracy>0.95 and validation/loss<=0.25", true),
        ("test/accuracy > 0.97", false),
        ("validation/loss = 0.25", true),
        ("last(validation/loss) < 1", false),
        ("last(validation/loss) = nan", true),
        ("last(test/rmse) = inf", true),
        ("test/rmse != 1", false),
        ("test/f1 > 0 or test/accuracy > 0", true),
        ("test/f1 != 0", false),
        ("not test/f1 > 0", true),
        ("model.hidden = [16,8]", true),
        ("model.hidden = [ 16 , 8.0 ]", true),
        ("model.hidden = [16]", false),
        ("model.hidden != [16]", true),
        ("model.hidden ~ 16", true),
        ("model.hidden ~ 1", false),
        ("data.layers = []", true),
        ("model.kind = mlp", true),
        ("model.kind = \"mlp\"", true),
        ("model.kind ~ LP", true),
        ("model.kind = cnn", false),
        ("model.kind > 1", false),
        ("data.version = 16", true),
        ("data.version = \"16\"", true),
        ("training.learning_rate = 1e-3", true),
        ("training.learning_rate < 0.01", true),
        ("training.max_epochs = 200.0", true),
        ("training.max_epochs = \"200\"", false),
        ("training.shuffle = true", true),
        ("training.shuffle != true", false),
        ("tag = baseline", true),
        ("tag = 'x y'", true),
        ("tags ~ BASE", true),
        ("tag != baseline", false),
        ("tag != other", true),
        ("status = stalled", true),
        ("status = running", false),
        ("seed = 9007199254740993", true),
        ("seed = 9007199254740992", false),
        ("archived = false", true),
        ("note ~ x", false),
        ("name = \"First try\"", true),
        ("name = digits", true),
        ("name ~ dig", true),
        ("name = digit", false),
        ("name != digits", false),
        ("name != other", true),
        ("id ~ a3f1 AND Not (experiment = \"x\" OR status != stalled)", true),
        ("experiment = x and tag = baseline or model.kind = mlp", true),
        ("experiment = x and (tag = baseline or model.kind = mlp)", false),
        ("not not tag = baseline", true),
        ("notes = 1", false),
        ("android = 1 or tag == baseline", true),
        ("first", true),
        ("A3F1 and 'st tr'", true),
        ("base or nothing", true),
        ("nothing", false),
        ("not (nothing)", true),
        ("16", false),
        ("started > 2026-11-01", true),
        ("started < 2026-11-24", false),
        ("started >= 2026-11-24 and started < 2026-11-25", true),
        ("started = 2026-11-24", true),
        ("started != 2026-11", false),
        ("started > '2026-11-24 23:50'", true),
        ("started > 2026-11-24T23:51", false),
        ("started > 2025", true),
        ("ended > 2025", false),
    ] {
        let parsed: Filter = filter.parse().unwrap_or_else(|error| panic!("{filter}: {error}"));
        assert_eq!(parsed.matches(&run, Shown::Stalled), passes, "{filter}");
    }
}

#[test]
fn mistakes_are_shown_where_they_are() {
    for (filter, at, message) in [
        ("a >", 3, "at column 4: expected a number, a word, a quoted text or a list, found the end"),
        ("a > x", 4, "at column 5: expected a number, found `x`"),
        ("a > [1]", 4, "at column 5: expected a number, found `[`"),
        ("a ! 1", 2, "at column 3: expected one of = != ~ < <= > >=, found `!`"),
        ("= 1", 0, "at column 1: expected a field, a word to find, `not` or `(`, found `=`"),
        ("a b = 1", 2, "at column 3: expected one of = != ~ < <= > >=, found `b`"),
        (
            "started > yesterday",
            10,
            "at column 11: expected a date or a time, such as 2026-11-24 or \"2026-11-24 18:30\", found `yesterday`",
        ),
        ("a = 1 b = 2", 6, "at column 7: expected `and`, `or` or the end, found `b`"),
        ("a = 1 and", 9, "at column 10: expected a field, a word to find, `not` or `(`, found the end"),
        ("(a = 1", 6, "at column 7: expected `and`, `or` or `)`, found the end"),
        ("a = 1)", 5, "at column 6: expected `and`, `or` or the end, found `)`"),
        ("a = \"x", 6, "at column 7: expected the closing quote, found the end"),
        ("a = [1 2]", 7, "at column 8: expected `,` or `]`, found `2`"),
        ("a = [1,]", 7, "at column 8: expected a value or `]`, found `]`"),
        ("last(x", 6, "at column 7: expected `)`, found the end"),
        ("last() = 1", 5, "at column 6: expected a metric such as `validation/loss`, found `)`"),
        ("a = é é", 6, "at column 7: expected `and`, `or` or the end, found `é`"),
    ] {
        let error = filter.parse::<Filter>().unwrap_err();
        assert_eq!((error.at, error.to_string().as_str()), (at, message), "{filter}");
    }
    let deep = "(".repeat(100_000);
    assert!(deep.parse::<Filter>().unwrap_err().to_string().contains("less nesting"));
    assert!("not ".repeat(100_000).parse::<Filter>().is_err());
}

/// A name that no run has is a mistake, not a filter that nothing passes.
#[test]
fn unknown_names_are_told_with_the_nearest() {
    let run = run();
    let vocabulary = Vocabulary::new(std::iter::once(&run));
    let resolved = |filter: &str| filter.parse::<Filter>().unwrap().resolved(&vocabulary);
    for (filter, message) in [
        ("test/acc > 0.5", "at column 1: no run has `test/acc`; did you mean `test/accuracy`?"),
        ("tag = x and lr > 100", "at column 13: no run has `lr`; did you mean `training.learning_rate`?"),
        ("not (max_epoch > 1)", "at column 6: no run has `max_epoch`; did you mean `training.max_epochs`?"),
        ("durration > 1", "at column 1: no run has `durration`; did you mean `duration`?"),
        ("zzz = 1", "at column 1: no run has `zzz`; `runs show RUN` lists what there is"),
    ] {
        assert_eq!(resolved(filter).unwrap_err().to_string(), message, "{filter}");
    }
    for (filter, passes) in [
        ("learning_rate < 0.01", true),
        ("accuracy > 0.95 and loss < 1", true),
        ("last(accuracy) > 0.97", false),
        ("max_epochs = 200 or kind = cnn", true),
        ("seed = 1 or training.max_epochs = 200", true),
    ] {
        assert_eq!(resolved(filter).unwrap().matches(&run, Shown::Stalled), passes, "{filter}");
    }
    let mut two = run.clone();
    let metric = two.metrics[&"test/accuracy".parse().unwrap()];
    two.metrics.insert("validation/accuracy".parse().unwrap(), metric);
    let several = "accuracy > 0".parse::<Filter>().unwrap().resolved(&Vocabulary::new(std::iter::once(&two)));
    let message = "at column 1: `accuracy` may be `test/accuracy` or `validation/accuracy`: name one of them";
    assert_eq!(several.unwrap_err().to_string(), message);
    // Where there are no runs, there is nothing to know a name from.
    assert!("a = 1".parse::<Filter>().unwrap().resolved(&Vocabulary::new(std::iter::empty::<&Run>())).is_ok());
}
