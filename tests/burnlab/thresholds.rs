//! Where two classes are told apart, when one of them is rare.

use crate::place::{Place, json, named, text};

/// A class of about one row in ten, which overlaps with the other one.
fn table() -> String {
    let row = |i: usize| {
        let (x, z) = ((i * 73 % 101) as f64 / 101.0, (i * 29 % 89) as f64 / 89.0);
        let is_rare = x > 0.72 && z > 0.25 && !i.is_multiple_of(3);
        format!("{x},{z},{}\n", if is_rare { "rare" } else { "common" })
    };
    format!("x,z,y\n{}", (0..600).map(row).collect::<String>())
}

#[test]
fn a_threshold_finds_more_of_a_rare_class_and_stays_with_the_model() {
    let place = Place::new();
    place.write("rare.csv", &table());
    place.write(
        "rare.toml",
        "[data]\npath = \"rare.csv\"\ntarget = \"y\"\nvalidation_fraction = 0.3\n[model]\nkind = \"mlp\"\nhidden = [8]\n[training]\n\
         max_epochs = 12\nlearning_rate = 0.01\nthreshold = \"balanced_accuracy\"\n",
    );
    let run = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let told = run(&["--config", "rare.toml"]);
    assert!(told.contains("\n       `rare` is predicted above a probability of 0."), "{told}");
    let folder = place.only_run();
    let evaluation = json(folder.join("evaluation.json"));
    let probability = evaluation["threshold"]["probability"].as_f64().unwrap();
    let balanced = named(&evaluation["metrics"], "balanced_accuracy");
    let at_half = named(&evaluation["threshold"]["before"], "balanced_accuracy");
    println!("above {probability}: {balanced}, above one half {at_half}");
    assert!(probability < 0.45 && balanced > at_half + 0.05, "{told}");
    // The probabilities are the same.
    let log_loss = named(&evaluation["metrics"], "log_loss");
    assert_eq!(log_loss, named(&evaluation["threshold"]["before"], "log_loss"));

    let decided = |table: &str, first: usize| {
        let mut rows = csv::Reader::from_reader(table.as_bytes());
        let mut num_rare = 0;
        for row in rows.records().map(Result::unwrap) {
            let of_rare: f64 = row[first + 2].parse().unwrap();
            assert_eq!(&row[first], if of_rare > probability { "rare" } else { "common" }, "{row:?}");
            num_rare += usize::from(&row[first] == "rare");
        }
        assert!(num_rare > 10, "{num_rare}");
    };
    decided(&std::fs::read_to_string(folder.join("predictions.csv")).unwrap(), 2);
    decided(&run(&["predict", "rare", "rare.csv"]), 1);
    let again: serde_json::Value = serde_json::from_str(&run(&["evaluate", "rare", "--json"])).unwrap();
    assert!((named(&again["metrics"], "balanced_accuracy") - balanced).abs() < 1e-9);
    assert_eq!(json(folder.join("preprocessing.json"))["version"], 5);

    // Trained again from its record, it is chosen again.
    let config = folder.join("config.toml");
    run(&["--config", &config.display().to_string(), "--name", "again", "-q"]);
    let again: serde_json::Value = serde_json::from_str(&run(&["evaluate", "again", "--json"])).unwrap();
    assert_eq!(named(&again["metrics"], "balanced_accuracy"), balanced);
    run(&["--config", "rare.toml", "--seeds", "2", "--name", "twice", "-q"]);
    let output = place.run(&["predict", "twice", "rare.csv", "--ensemble"]);
    assert!(
        text(&output.stderr).contains("tells its classes apart at a threshold of its own"),
        "{}",
        text(&output.stderr)
    );

    for (set, expected) in [
        ("data.source=\"iris\"", "threshold is for two classes, or labels: remove it"),
        ("data.validation_fraction=0", "a threshold is chosen on validation rows"),
        ("training.threshold=\"auc\"", "unknown value `auc`, expected one of `accuracy`, `balanced_accuracy`, `f1`"),
    ] {
        place.write("moons.toml", "[data]\nsource = \"moons\"\n[training]\nmax_epochs = 2\nthreshold = \"f1\"\n");
        let output = place.run(&["config", "check", "moons.toml", "--set", set]);
        let error = text(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains(expected), "{error}");
    }
}
