//! Temperatures of probabilities, and sets and intervals that hold the truth as often as is asked for.

use burn::backend::Flex;
use burnlab::experiment::{RunFolder, SavedModel};
use burnlab::training::evaluation::logits;

use crate::lab::Lab;
use crate::place::{Place, json, text};

/// A network that has learned its training rows by heart.
const OVERFIT: [&str; 4] =
    ["training.max_epochs=120", "model.hidden=[64]", "training.learning_rate=0.03", "data.num_examples=300"];

fn named(values: &serde_json::Value, name: &str) -> f64 {
    let found = values.as_array().unwrap().iter().find(|value| value["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {values}"))["value"].as_f64().unwrap()
}

#[test]
fn the_temperature_is_the_best_one_of_the_validation_rows_and_the_model_has_it() {
    let lab = Lab::new();
    let plain = lab.train("moons-overfit", &OVERFIT);
    let scaled = lab.train("moons-overfit", &[&OVERFIT[..], &["training.calibrate=true"]].concat());
    let calibration = json(scaled.folder.join("calibration.json"));
    let temperature = calibration["temperature"].as_f64().unwrap();
    assert!(temperature > 1.05, "{temperature}: an overfitted network is too sure");
    for part in [&calibration["before"], &calibration["after"]] {
        assert!(["log_loss", "ece", "brier"].iter().all(|name| named(part, name) > 0.0));
    }

    // By trying many, on the logits of the run that was not scaled.
    let saved = SavedModel::open(&RunFolder::at(&plain.folder)).unwrap();
    let (dataset, splits) = saved.folder.data(&saved.config).unwrap();
    let validation = saved.preprocessor.transform(&dataset, &splits.validation);
    let net = saved.net::<Flex>(&Default::default()).unwrap();
    let logits_of_rows = logits(&net, &validation, &Default::default());
    let loss = |temperature: f64| -> f64 {
        let rows = logits_of_rows.iter().zip(&validation.targets);
        let of_row = |(&z, &label): (&f32, &f32)| {
            let z = f64::from(z) / temperature * if label == 1.0 { 1.0 } else { -1.0 };
            (-z).exp().ln_1p()
        };
        rows.map(of_row).sum::<f64>() / validation.len() as f64
    };
    let tried = (100..20_000).map(|step| f64::from(step) / 1000.0);
    // The logarithm is taken as normal with a standard deviation of 0.25.
    let rows = validation.len() as f64;
    let surprise = |temperature: f64| rows * loss(temperature) + temperature.ln().powi(2) / (2.0 * 0.25 * 0.25);
    let best = tried.min_by(|a, b| surprise(*a).total_cmp(&surprise(*b))).unwrap();
    assert!((temperature / best - 1.0).abs() < 2e-3, "{temperature}, {best}");
    assert!((named(&calibration["before"], "log_loss") - loss(1.0)).abs() < 1e-6);
    assert!((named(&calibration["after"], "log_loss") - loss(best)).abs() < 1e-4);

    // The same classes, with other probabilities, also of the model that is read again.
    let (before, after) = (plain.evaluation.unwrap(), scaled.evaluation.unwrap());
    assert_eq!(before.metric("accuracy"), after.metric("accuracy"));
    let reported = after.calibration.clone().unwrap();
    assert_eq!(
        reported.before.iter().find(|metric| metric.name == "log_loss").unwrap().value,
        before.metric("log_loss")
    );
    assert!(after.metric("log_loss") < before.metric("log_loss") && after.metric("ece") < before.metric("ece"));
    let again = SavedModel::open(&RunFolder::at(&scaled.folder)).unwrap();
    let name = scaled.id.to_string();
    let place = Place::new();
    let output = place.run(&["evaluate", &name, "--json", "--artifacts", &lab.artifacts().display().to_string()]);
    let evaluated: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!((named(&evaluated["metrics"], "log_loss") - after.metric("log_loss")).abs() < 1e-6, "{}", again.name());
}

#[test]
fn calibration_needs_classes_and_validation_rows() {
    let place = Place::new();
    for (overrides, expected) in [
        (["training.calibrate=true", "data.source=\"diabetes\""], "calibrate is for the probabilities of classes"),
        (["training.calibrate=true", "data.validation_fraction=0"], "calibrate needs validation rows"),
    ] {
        place.write("a.toml", "[data]\nsource = \"moons\"\n[training]\nmax_epochs = 2\n");
        let mut arguments = vec!["config", "check", "a.toml"];
        overrides.iter().for_each(|set| arguments.extend(["--set", set]));
        let output = place.run(&arguments);
        let error = text(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains(expected), "{error}");
    }
    // An ensemble in one network, whose members are scaled before their mean is taken.
    let output = place.run(&[
        "--config",
        "a.toml",
        "--set",
        "training.calibrate=true",
        "--set",
        "model.members=3",
        "--set",
        "training.max_epochs=40",
        "--set",
        "training.learning_rate=0.05",
    ]);
    let told = text(&output.stdout);
    assert!(
        output.status.success() && told.contains("\n       calibrated with temperature "),
        "{told}{}",
        text(&output.stderr)
    );
    let calibration = json(place.only_run().join("calibration.json"));
    assert!(named(&calibration["after"], "log_loss") <= named(&calibration["before"], "log_loss"));
}

/// Of five data sets, the share of test rows whose set or interval holds the truth is what was asked for, within three
/// standard deviations of what chance does to the validation and the test rows.
#[test]
fn sets_and_intervals_hold_the_truth_as_often_as_is_asked_for() {
    let place = Place::new();
    // Classes that cannot be told apart well, so that a set of one is too small.
    for (name, data, share) in [
        ("moons", "source = \"moons\"\nnum_examples = 3000\nnoise = 0.6", 0.9),
        ("circles", "source = \"circles\"\nnum_examples = 3000\nnoise = 0.4", 0.8),
        ("blobs", "source = \"blobs\"\nnum_examples = 3000\nnoise = 3.0\nnum_classes = 4", 0.9),
        ("digits", "source = \"digits\"", 0.98),
        ("diabetes", "source = \"diabetes\"\nvalidation_fraction = 0.4\ntest_fraction = 0.4", 0.8),
    ] {
        let config = format!(
            "name = \"{name}\"\n[data]\n{data}\n[model]\nkind = \"mlp\"\nhidden = [8]\n[training]\nmax_epochs = 6\n\
             learning_rate = 0.01\nearly_stopping = {{ patience = 3 }}\n"
        );
        place.write("a.toml", &config);
        let output = place.run(&["--config", "a.toml", "-q"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let folder = RunFolder::find(&place.path("artifacts").as_path().into(), name).unwrap();
        let calibration = json(folder.file("calibration.json"));
        let num_validation = calibration["errors"].as_array().unwrap().len() as f64;
        let target = SavedModel::open(&folder).unwrap().preprocessor.target_name;
        let output = place.run(&[
            "predict",
            name,
            &folder.file("test.csv").display().to_string(),
            "--coverage",
            &share.to_string(),
            "--keep",
            &target,
        ]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let mut rows = csv::Reader::from_reader(&output.stdout[..]);
        let header = rows.headers().unwrap().clone();
        let column = |name: &str| header.iter().position(|column| column == name);
        let (mut num_rows, mut num_held, mut size) = (0.0, 0.0, 0.0);
        for row in rows.records().map(Result::unwrap) {
            let truth = &row[1];
            num_rows += 1.0;
            let is_held = match column("set") {
                Some(set) => {
                    let names: Vec<&str> = row[set].split(" | ").collect();
                    size += names.len() as f64;
                    assert!(names.contains(&&row[2]), "the predicted class is one of {names:?}");
                    names.contains(&truth)
                }
                None => {
                    let number = |cell: usize| row[cell].parse::<f64>().unwrap();
                    let (lower, upper) = (number(column("lower").unwrap()), number(column("upper").unwrap()));
                    assert!(
                        (lower + upper - 2.0 * number(2)).abs() < 1e-6 * upper.abs(),
                        "the prediction is in the middle"
                    );
                    (lower..=upper).contains(&truth.parse().unwrap())
                }
            };
            num_held += f64::from(u8::from(is_held));
        }
        let deviation = (share * (1.0 - share) * (1.0 / num_rows + 1.0 / num_validation)).sqrt();
        let held = num_held / num_rows;
        println!(
            "{name}: {held:.3} of {num_rows} rows, asked for {share}, deviation {deviation:.3}, {:.2} classes",
            size / num_rows
        );
        assert!((held - share).abs() < 3.0 * deviation, "{name}: {held} instead of {share} (deviation {deviation})");
    }

    let output = place.run(&["predict", "moons", "a.csv", "--coverage", "1.5"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let output = place.run(&["predict", "diabetes", "a.csv", "--coverage", "0.999"]);
    let error = text(&output.stderr);
    assert!(error.contains("--coverage 0.999 needs 999 validation rows, and the model has 106"), "{error}");
}
