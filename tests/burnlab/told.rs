//! Data that are not what they seem, and what is told of them before anybody relies on a number.

use crate::place::{Place, text};

/// A config for `data.csv`, whose column `y` is the target, with more lines.
fn config(more: &str) -> String {
    format!("seed = 1\n[data]\npath = \"data.csv\"\ntarget = \"y\"\n{more}")
}

/// Two hundred rows of two numbers and the class `x` or `y`, and then `more`.
fn two_classes(more: &str) -> String {
    let row = |i: u32| {
        format!(
            "{},{},{}\n",
            f64::from(i * 37 % 100) / 50.0,
            f64::from(i * 61 % 100) / 50.0,
            ["x", "y"][i as usize % 2]
        )
    };
    format!("a,b,y\n{}{more}", (0..200).map(row).collect::<String>())
}

/// The first line of what a command says that failed with exit code 1.
#[track_caller]
fn refusal(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stderr).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_metric_without_a_value_is_refused_before_the_first_epoch() {
    let place = Place::new();
    place.write("data.csv", &two_classes("0.5,0.5,rare\n"));
    let stopping = "[training]\nmax_epochs = 30\n[training.early_stopping]\nmonitor = \"validation/roc_auc\"\n";
    place.write("stop.toml", &config(stopping));
    let expected =
        "training.early_stopping.monitor: validation/roc_auc has no value: class `rare` has no validation row";
    let found = refusal(&place, &["--config", "stop.toml"]);
    assert!(found.starts_with("error: stop.toml:8:1: ") && found.contains(expected), "{found}");
    assert!(refusal(&place, &["config", "check", "stop.toml"]).contains(expected));

    let sweep = "[training]\nmax_epochs = 2\n[sweep]\nmethod = \"grid\"\nmetric = \"validation/average_precision\"\n\
                 [sweep.space]\n\"model.hidden\" = { values = [[2], [4]] }\n";
    place.write("sweep.toml", &config(sweep));
    let found = refusal(&place, &["--config", "sweep.toml"]);
    let expected = "sweep.metric: validation/average_precision has no value: class `rare` has no validation row";
    assert!(found.contains(expected), "{found}");
    assert!(!place.path("artifacts").exists(), "nothing was recorded");

    // Metrics that need no more than rows are as good as ever, and the others are told.
    place.write("plain.toml", &config("[training]\nmax_epochs = 2\n"));
    let output = place.run(&["--config", "plain.toml"]);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for expected in [
        "note: class `rare` has no validation row, so validation/roc_auc and validation/average_precision have no value",
        "note: class `rare` has no test row, so test/roc_auc and test/average_precision have no value",
        "roc_auc undefined, average_precision undefined",
    ] {
        assert!(shown.contains(expected), "{expected:?} in {shown}");
    }
}

#[test]
fn a_repetition_whose_split_lacks_a_class_is_named_before_the_first_run() {
    let place = Place::new();
    // Three rows of a class in five folds: two folds test on none, and validation gets none of the two that are left.
    place.write("data.csv", &two_classes("0.5,0.5,rare\n0.6,0.4,rare\n0.4,0.6,rare\n"));
    let more = "folds = 5\n[training]\nmax_epochs = 2\n[training.early_stopping]\nmonitor = \"validation/roc_auc\"\n";
    place.write("c.toml", &config(more));
    let found = refusal(&place, &["--config", "c.toml"]);
    assert!(found.contains("class `rare` has no validation row"), "{found}");
    assert!(!place.path("artifacts").exists());
    // Without stratification chance decides, and some seed of thirty leaves the class out.
    place.write("data.csv", &two_classes(&"0.5,0.5,rare\n".repeat(8)));
    let more =
        "stratify = false\n[training]\nmax_epochs = 2\n[training.early_stopping]\nmonitor = \"validation/roc_auc\"\n";
    place.write("c.toml", &config(more));
    let found = refusal(&place, &["--config", "c.toml", "--seeds", "60"]);
    assert!(found.contains("training.early_stopping.monitor: "), "{found}");
    assert!(found.contains("class `rare` has no validation row"), "{found}");
    assert!(!place.path("artifacts").exists());
}

#[test]
fn a_rare_class_that_is_missed_is_named() {
    let place = Place::new();
    let row = |i: u32| format!("{},{},{}\n", i * 37 % 100, i * 61 % 100, u32::from(i % 50 == 0));
    place.write("data.csv", &format!("a,b,y\n{}", (0..400).map(row).collect::<String>()));
    place.write("c.toml", &config("[training]\nmax_epochs = 1\n"));
    let shown = text(&place.run(&["--config", "c.toml"]).stdout);
    // 8 of 400 rows, a third of them in the test part, and one epoch learns none of them.
    let expected = "of class `1` (1.7 % of all) are missed, which accuracy hardly shows";
    assert!(shown.contains("note: 2 of the 2 rows") && shown.contains(expected), "{shown}");
    assert!(shown.contains("average_precision 0."), "{shown}");
}
