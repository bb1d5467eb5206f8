//! Counts: `loss = "poisson"`.

use crate::place::{Place, json, text};

/// Sixty rows of counts from 0 to 6.
fn table() -> String {
    let row = |i: usize| {
        let part = |a: usize, b: usize| ((i * a % b) as f64 / b as f64 * 1e4).round() / 1e4 - 0.5;
        let (x, z) = (part(37, 61), part(17, 53));
        let y = ((0.8 + 1.5 * x - z).exp() + (i * 29 % 7) as f64 / 3.5 - 0.9).floor().max(0.0);
        format!("{x},{z},{y}\n")
    };
    format!("x,z,y\n{}", (0..60).map(row).collect::<String>())
}

const CONFIG: &str = "[data]\npath = \"counts.csv\"\ntest_path = \"again.csv\"\ntarget = \"y\"\ntask = \"regression\"\n\
                      validation_fraction = 0\n[model]\nkind = \"mlp\"\nhidden = []\n[training]\nmax_epochs = 400\n\
                      batch_size = 60\nlearning_rate = 0.05\nloss = \"poisson\"\n";

#[test]
fn a_network_without_hidden_layers_is_scikit_learn_s_poisson_regressor() {
    let place = Place::new();
    place.write("counts.csv", &table());
    // The same rows: what was fitted is what is looked at.
    place.write("again.csv", &table());
    place.write("counts.toml", CONFIG);
    let output = place.run(&["--config", "counts.toml", "-q"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let folder = place.only_run();
    let mut rows = csv::Reader::from_path(folder.join("predictions.csv")).unwrap();
    let found: Vec<f64> = rows.records().map(|row| row.unwrap()[2].parse().unwrap()).collect();
    // PoissonRegressor(alpha=0, tol=1e-10, max_iter=10000).fit(X, y).predict(X[:8])
    let expected = [1.233419, 2.509973, 0.773363, 1.573771, 1.879374, 0.579096, 1.178381, 1.40728];
    for (found, expected) in found.iter().zip(expected) {
        assert!((found / expected - 1.0).abs() < 2e-3, "{found} instead of {expected}");
    }
    // mean_poisson_deviance(y, model.predict(X)), twice the mean of the counts (1.9) times the loss
    let evaluation = json(folder.join("evaluation.json"));
    let named = |name: &str| {
        let metrics = evaluation["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["name"] == name).unwrap()["value"].as_f64().unwrap()
    };
    let deviance = 2.0 * 1.9 * named("loss");
    assert!((deviance - 0.3424772).abs() < 1e-4, "{deviance}");
    let errors: f64 = named("rmse");
    assert!(errors < evaluation["baseline"]["value"].as_f64().unwrap(), "{evaluation}");
    assert_eq!(json(folder.join("preprocessing.json"))["target"]["count"]["mean"], 1.9);

    // Numbers again, above 0 wherever the row is.
    place.write("far.csv", "x,z\n-40,40\n");
    let output = place.run(&["predict", "counts", "far.csv"]);
    let told = text(&output.stdout);
    let predicted: f64 = told.lines().nth(1).unwrap().split(',').nth(1).unwrap().parse().unwrap();
    assert!(predicted > 0.0 && predicted < 1e-20, "{told}");
}

#[test]
fn what_is_no_count_is_one_clear_line() {
    let place = Place::new();
    for (counts, config, expected) in [
        (
            table().replacen(",2\n", ",-2\n", 1),
            CONFIG.to_owned(),
            "loss = \"poisson\" is for counts, and `y` is -2 in some row",
        ),
        (
            table(),
            CONFIG.replace("task = \"regression\"\n", ""),
            "a class target needs loss = \"cross_entropy\" (whole numbers that are counts: data.task = \"regression\")",
        ),
    ] {
        place.write("counts.csv", &counts);
        place.write("again.csv", &counts);
        place.write("counts.toml", &config);
        let output = place.run(&["config", "check", "counts.toml"]);
        let error = text(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains(expected), "{error}");
    }
}
