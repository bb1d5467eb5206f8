//! Quantiles of a number (`loss = "pinball"`), and classes that have an order (`data.ordered`).

use serde_json::Value;

use crate::place::{Place, json, named, refused, text};

fn run(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn rows(table: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    (header, reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect())
}

/// Two groups of 25 rows: the quantiles of each that the pinball loss is least at are its 3rd, 13th and 23rd number, since
/// 25 x 0.1, 25 x 0.5 and 25 x 0.9 are no whole numbers (Koenker 2005, "Quantile regression", section 1.3).
#[test]
fn quantiles_of_two_groups_are_their_order_statistics() {
    let number = |group: usize, i: usize| {
        let rank = (i * 7 % 25) as f64; // 0 to 24, each once
        if group == 0 { rank * rank / 10.0 } else { 300.0 - 4.0 * rank }
    };
    let lines = (0..50).map(|i| format!("{},{}\n", i % 2, number(i % 2, i / 2)));
    let table = format!("group,y\n{}", lines.collect::<String>());
    let place = Place::new();
    place.write("a.csv", &table);
    place.write("b.csv", &table);
    place.write(
        "q.toml",
        "[data]\npath = \"a.csv\"\ntest_path = \"b.csv\"\ntarget = \"y\"\nvalidation_fraction = 0\n[model]\nkind = \"mlp\"\n\
         hidden = []\n[training]\nloss = \"pinball\"\nmax_epochs = 4000\nbatch_size = 50\nlearning_rate = 0.03\n\
         [training.schedule]\nkind = \"cosine\"\n",
    );
    let told = run(&place, &["--config", "q.toml"]);
    assert!(told.contains("between the quantiles 0.1 and 0.9 are "), "{told}");
    let folder = place.only_run();
    let (header, found) = rows(&std::fs::read_to_string(folder.join("predictions.csv")).unwrap());
    assert_eq!(header, ["row", "true", "predicted", "quantile_0.1", "quantile_0.5", "quantile_0.9"]);
    for (row, expected) in found.iter().zip([[0.4, 14.4, 48.4], [212.0, 252.0, 292.0]]) {
        for (i, expected) in expected.into_iter().enumerate() {
            let quantile: f64 = row[3 + i].parse().unwrap();
            assert!((quantile - expected).abs() < 1.0, "{row:?} instead of {expected}");
        }
        assert_eq!(row[2], row[4]);
    }
    // What the evaluation says of the interval is what its rows say.
    let evaluation = json(folder.join("evaluation.json"));
    let parsed: Vec<Vec<f64>> =
        found.iter().map(|row| row.iter().map(|cell| cell.parse().unwrap()).collect()).collect();
    let within = parsed.iter().filter(|row| row[3] <= row[1] && row[1] <= row[5]).count() as f64 / 50.0;
    assert!((within - evaluation["interval"]["coverage"].as_f64().unwrap()).abs() < 1e-9, "{evaluation}");
    assert!((evaluation["interval"]["nominal"].as_f64().unwrap() - 0.8).abs() < 1e-9);
    assert!((named(&evaluation["metrics"], "coverage_error") - (within - 0.8).abs()).abs() < 1e-9);
    let below = parsed.iter().filter(|row| row[1] <= row[3]).count() as f64 / 50.0;
    assert!((evaluation["interval"]["levels"][0]["share_below"].as_f64().unwrap() - below).abs() < 1e-9);

    let (header, again) = rows(&run(&place, &["predict", "q", "b.csv"]));
    assert_eq!(header, ["row", "predicted", "quantile_0.1", "quantile_0.5", "quantile_0.9"]);
    assert_eq!(
        again.iter().map(|row| row[1..].to_vec()).collect::<Vec<_>>(),
        found.iter().map(|row| row[2..].to_vec()).collect::<Vec<_>>()
    );
    let again: Value = serde_json::from_str(&run(&place, &["evaluate", "q", "--json"])).unwrap();
    assert!((named(&again["metrics"], "pinball") - named(&evaluation["metrics"], "pinball")).abs() < 1e-6);
    assert_eq!(
        json(folder.join("preprocessing.json"))["target"]["quantiles"]["levels"],
        serde_json::json!([0.1, 0.5, 0.9])
    );
    // The mean of several networks does not cross either.
    run(&place, &["--config", "q.toml", "--name", "two", "--seeds", "2", "-q", "--set", "training.max_epochs=20"]);
    for row in rows(&run(&place, &["predict", "two", "b.csv", "--ensemble"])).1 {
        let quantiles: Vec<f64> = row[2..5].iter().map(|cell| cell.parse().unwrap()).collect();
        assert!(quantiles.is_sorted(), "{row:?}");
    }

    let rule = "quantiles must be 1 to 99 numbers above 0 and below 1, ascending, found ";
    for (set, expected) in [
        ("training.quantiles=[0.5, 0.1]", rule),
        ("training.quantiles=[0.1, 1.0]", rule),
        ("training.quantiles=[]", rule),
        ("data.task=\"classification\"", "a class target needs loss = \"cross_entropy\""),
    ] {
        let path = "data.test_path=\"b.csv\"";
        refused(&place, &["config", "check", "q.toml", "--set", set, "--set", path], expected);
    }
    place.write("three.csv", "x,y,z\n1,2,3\n2,3,5\n3,1,2\n4,5,4\n5,2,6\n");
    let several = "[data]\npath = \"three.csv\"\ntarget = [\"y\", \"z\"]\nvalidation_fraction = 0\n[training]\nloss = \"pinball\"\n";
    place.write("m.toml", several);
    let expected = "loss = \"pinball\" is for one number, and data.target lists several columns";
    refused(&place, &["config", "check", "m.toml"], expected);
    place.write("m.toml", "[data]\npath = \"a.csv\"\ntarget = \"y\"\n[training]\nquantiles = [0.5]\n");
    refused(&place, &["config", "check", "m.toml"], "quantiles needs loss = \"pinball\": set it, or remove quantiles");
}

/// Ninety rows of three grades.
fn grades() -> String {
    let row = |i: usize| {
        let part = |a: usize, b: usize| ((i * a % b) as f64 / b as f64 * 1e4).round() / 1e4 - 0.5;
        let (x, z, noise) = (part(37, 61), part(17, 53), (i * 29 % 7) as f64 / 7.0 - 0.43);
        let height = x - z + 2.0 * noise;
        let grade = if height < -0.4 {
            "poor"
        } else if height < 0.3 {
            "fair"
        } else {
            "good"
        };
        format!("{x:.4},{z:.4},{grade}\n")
    };
    format!("x,z,grade\n{}", (0..90).map(row).collect::<String>())
}

#[test]
fn ordered_classes_are_two_of_scikit_learn_s_logistic_regressions() {
    let place = Place::new();
    place.write("a.csv", &grades());
    place.write("b.csv", &grades());
    place.write(
        "o.toml",
        "[data]\npath = \"a.csv\"\ntest_path = \"b.csv\"\ntarget = \"grade\"\nordered = [\"poor\", \"fair\", \"good\"]\n\
         validation_fraction = 0\n[model]\nkind = \"mlp\"\nhidden = []\n[training]\nmax_epochs = 3000\nbatch_size = 90\n\
         learning_rate = 0.03\n",
    );
    let told = run(&place, &["--config", "o.toml"]);
    assert!(told.contains("rank_mae 0.5667, quadratic_kappa 0.3832 (the classes are in order)"), "{told}");
    let folder = place.only_run();
    let evaluation = json(folder.join("evaluation.json"));
    // LogisticRegression(C=np.inf) of what is above `poor`, and, of the rows that are, of what is above `fair`: log_loss,
    // accuracy_score, mean_absolute_error and cohen_kappa_score(weights="quadratic") of the median class
    for (name, expected) in [
        ("log_loss", 0.990_186_16),
        ("loss", 0.990_186_16),
        ("accuracy", 0.433_333_33),
        ("rank_mae", 0.566_666_67),
        ("quadratic_kappa", 0.383_230_31),
    ] {
        let found = named(&evaluation["metrics"], name);
        assert!((found - expected).abs() < 1e-3, "{name} {found} instead of {expected}");
    }
    let (header, found) = rows(&std::fs::read_to_string(folder.join("predictions.csv")).unwrap());
    assert_eq!(header, ["row", "true", "predicted", "probability_poor", "probability_fair", "probability_good"]);
    let expected = [[0.143_94, 0.481_27, 0.374_79], [0.108_4, 0.434_43, 0.457_17], [0.469_75, 0.340_17, 0.190_09]];
    for (row, expected) in found.iter().zip(expected) {
        for (i, expected) in expected.into_iter().enumerate() {
            let probability: f64 = row[3 + i].parse().unwrap();
            assert!((probability - expected).abs() < 2e-3, "{row:?} instead of {expected}");
        }
    }
    // The median, where another class is the most probable one.
    assert_eq!([&*found[1][2], &*found[2][2]], ["fair", "fair"]);
    let again = rows(&run(&place, &["predict", "o", "b.csv"])).1;
    assert_eq!(again[1][1..], found[1][2..]);
    run(&place, &["--config", "o.toml", "--name", "two", "--seeds", "2", "-q", "--set", "training.max_epochs=20"]);
    assert_eq!(rows(&run(&place, &["predict", "two", "b.csv", "--ensemble"])).1.len(), 90);
    // ONNX Runtime has the same probabilities and medians, of one and of both.
    if let Some(python) = crate::onnx::python() {
        run(&place, &["export", "o", "-o", "o.onnx"]);
        run(&place, &["export", "two", "--ensemble", "-o", "two.onnx"]);
        run(&place, &["predict", "o", "b.csv", "-o", "o.csv"]);
        run(&place, &["predict", "two", "b.csv", "--ensemble", "-o", "two.csv"]);
        let models = ["o", "two"].map(|name| {
            [format!("{name}.onnx"), "b.csv".to_owned(), format!("{name}.csv")].map(|file| place.path(&file))
        });
        crate::onnx::check(&python, &models);
    }

    for (set, expected) in [
        (
            "data.ordered=[\"poor\", \"good\"]",
            "data.ordered lacks the class `fair`: list all classes, the lowest first",
        ),
        ("data.ordered=[\"poor\", \"fair\", \"god\"]", "there is no class `god`, but fair, good, poor: list all"),
        ("data.ordered=[\"poor\", \"fair\", \"good\", \"fair\"]", "data.ordered lists `fair` twice"),
        ("data.target=\"x\"", "the target is a number, or several columns, which have no classes"),
        ("training.label_smoothing=0.1", "label_smoothing is for classes without an order"),
        ("training.calibrate=true", "calibrate is for the probabilities of classes without an order"),
        ("data.classes=[\"poor\", \"good\"]", "there is no class `fair`, but good, poor"),
    ] {
        refused(&place, &["config", "check", "o.toml", "--set", set], expected);
    }
    let two = "data.ordered=[\"poor\", \"good\"]";
    let classes = "data.classes=[\"poor\", \"good\"]";
    refused(&place, &["config", "check", "o.toml", "--set", two, "--set", classes], "is for three classes or more");
}
