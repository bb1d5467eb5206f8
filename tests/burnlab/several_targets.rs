//! Several columns to predict at once: `data.target` as a list of numbers, or of labels.

use serde_json::Value;

use crate::place::{Place, json, named, text};

/// Sixty rows with two inputs, two numbers of very different size, and two labels.
fn table() -> String {
    let row = |i: usize| {
        let part = |a: usize, b: usize| ((i * a % b) as f64 / b as f64 * 1e4).round() / 1e4 - 0.5;
        let (x, z, noise) = (part(37, 61), part(17, 53), (i * 29 % 7) as f64 / 7.0 - 0.43);
        let (price, weight) = (3.0 * x - 2.0 * z + noise, 1000.0 + 400.0 * z * x + 120.0 * noise * x + 90.0 * z);
        let (red, large) = (u8::from(x + noise > 0.1), u8::from(z - x + noise > 0.3));
        format!("{x:.4},{z:.4},{price:.4},{weight:.2},{red},{large}\n")
    };
    format!("x,z,price,weight,red,large\n{}", (0..60).map(row).collect::<String>())
}

/// A network without hidden layers, fitted to the end on rows that it is tested on.
fn config(targets: &str, dropped: &str, more: &str) -> String {
    format!(
        "name = \"all\"\n[data]\npath = \"things.csv\"\ntest_path = \"again.csv\"\ntarget = {targets}\ndrop = {dropped}\n\
         validation_fraction = 0\n[model]\nkind = \"mlp\"\nhidden = []\n[training]\nbatch_size = 60\n{more}"
    )
}

const NUMBERS: &str = "max_epochs = 1500\nlearning_rate = 0.03\n";

fn place(config: &str) -> Place {
    let place = Place::new();
    place.write("things.csv", &table());
    place.write("again.csv", &table());
    place.write("c.toml", config);
    place
}

fn run(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1.0), "{found} instead of {expected}");
}

fn header_and_rows(table: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    (header, rows)
}

#[test]
fn several_numbers_are_scikit_learn_s_linear_regression_of_each() {
    let place = place(&config("[\"price\", \"weight\"]", "[\"red\", \"large\"]", NUMBERS));
    let told = run(&place, &["--config", "c.toml"]);
    assert!(told.contains("targets: 2 numbers (price "), "{told}");
    assert!(told.contains("price   rmse 0.2835, mae 0.2436, r2 0.9109 (mean: rmse 0.9496)"), "{told}");
    let folder = place.only_run();
    let evaluation = json(folder.join("evaluation.json"));
    // LinearRegression().fit(X, Y): r2_score, root_mean_squared_error and mean_absolute_error, of all and of each
    for (name, all, each) in [
        ("r2", 0.629_237_724, [0.910_897_552, 0.347_577_896]),
        ("rmse", 17.356_733_3, [0.283_451_224, 34.430_015_4]),
        ("mae", 13.858_887_9, [0.243_639_917, 27.474_135_9]),
    ] {
        close(named(&evaluation["metrics"], name), all, 2e-3);
        for (i, expected) in each.into_iter().enumerate() {
            close(named(&evaluation["targets"][i]["metrics"], name), expected, 2e-3);
        }
    }
    // np.std of each: what the training mean, here that of the same rows, errs by
    close(evaluation["targets"][1]["baseline"]["value"].as_f64().unwrap(), 42.625_833_5, 1e-5);
    close(evaluation["baseline"]["value"].as_f64().unwrap(), (0.949_584_29 + 42.625_833_5) / 2.0, 1e-5);

    let (header, rows) = header_and_rows(&std::fs::read_to_string(folder.join("predictions.csv")).unwrap());
    assert_eq!(header, ["row", "true_price", "true_weight", "predicted_price", "predicted_weight"]);
    // .predict(X[:2])
    for (row, expected) in rows.iter().zip([[-0.486_34, 964.415], [0.652_66, 992.626_93]]) {
        for (i, expected) in expected.into_iter().enumerate() {
            close(row[3 + i].parse().unwrap(), expected, 5e-3);
        }
    }
    let expected: Vec<_> = rows.iter().map(|row| row[3..].to_vec()).collect();
    let (header, rows) = header_and_rows(&run(&place, &["predict", "all", "things.csv"]));
    assert_eq!(header, ["row", "predicted_price", "predicted_weight"]);
    assert_eq!(rows.iter().map(|row| row[1..].to_vec()).collect::<Vec<_>>(), expected);
    let again: Value = serde_json::from_str(&run(&place, &["evaluate", "all", "--json"])).unwrap();
    close(named(&again["metrics"], "r2"), named(&evaluation["metrics"], "r2"), 1e-9);
    assert_eq!(json(folder.join("preprocessing.json"))["version"], 6);
    let card = run(&place, &["export", "all", "--format", "onnx", "-o", "all.onnx"]);
    assert!(place.path("all.onnx").exists(), "{card}");
}

#[test]
fn labels_are_scikit_learn_s_logistic_regression_of_each() {
    let more = "max_epochs = 6000\nlearning_rate = 0.05\n";
    let place = place(&config("[\"red\", \"large\"]", "[\"price\", \"weight\"]", more));
    let told = run(&place, &["--config", "c.toml"]);
    let note =
        "note: read the 2 columns of data.target, which hold 0 and 1 alone, as labels of which any may hold (data.task";
    assert!(
        told.contains(note) && told.contains("targets: 2 labels, of which any may hold (red 38, large 24)"),
        "{told}"
    );
    let folder = place.only_run();
    let evaluation = json(folder.join("evaluation.json"));
    // LogisticRegression(C=np.inf) of each label: f1_score macro and micro, accuracy_score, hamming_loss,
    // average_precision_score and the mean of log_loss
    for (name, expected) in [
        ("f1", 0.558_166_863),
        ("micro_f1", 0.566_666_667),
        ("subset_accuracy", 0.633_333_333),
        ("hamming_loss", 0.216_666_667),
        ("average_precision", 0.722_201_405),
        ("log_loss", 0.345_737_127),
    ] {
        close(named(&evaluation["metrics"], name), expected, 1e-3);
    }
    close(named(&evaluation["targets"][0]["metrics"], "f1"), 0.594_594_595, 1e-6);
    assert_eq!(evaluation["targets"][1]["support"], 12);
    // The share of the rarer of 0 and 1, of each: (19 + 12) / 120.
    close(evaluation["baseline"]["value"].as_f64().unwrap(), 31.0 / 120.0, 1e-9);

    let (header, rows) = header_and_rows(&std::fs::read_to_string(folder.join("predictions.csv")).unwrap());
    let own = ["predicted_red", "predicted_large", "probability_red", "probability_large"];
    assert_eq!(header, [&["row", "true_red", "true_large"][..], &own].concat());
    // .predict_proba(X[:3])[:, 1] of each
    for (row, expected) in rows.iter().zip([[0.023_67, 0.040_51], [0.371_91, 0.002_65], [0.063_18, 0.652_19]]) {
        for (i, expected) in expected.into_iter().enumerate() {
            close(row[5 + i].parse().unwrap(), expected, 5e-3);
            assert_eq!(row[3 + i], if expected > 0.5 { "1" } else { "0" });
        }
    }
    let (header, again) = header_and_rows(&run(&place, &["predict", "all", "things.csv"]));
    assert_eq!(header, [&["row"][..], &own].concat());
    assert_eq!(again[2][1..], rows[2][3..]);
}

#[test]
fn a_label_with_a_threshold_is_decided_there_by_every_verb() {
    let config = config("[\"red\", \"large\"]", "[\"price\", \"weight\"]", "max_epochs = 40\nthreshold = \"f1\"\n");
    let config = config.replace("validation_fraction = 0\n", "validation_fraction = 0.4\n");
    let place = place(&config.replace("batch_size = 60\n", ""));
    // Other words for 0 and 1, which later files write in other letters.
    let words = |table: &str| -> String {
        let mut lines = table.lines().map(|line| line.rsplitn(3, ',').collect::<Vec<_>>());
        let head = lines.next().unwrap();
        let word = |cell: &str| if cell == "1" { "Yes" } else { "no" };
        let rows = lines.map(|cells| format!("{},{},{}\n", cells[2], word(cells[1]), word(cells[0])));
        format!("{},{},{}\n", head[2], head[1], head[0]) + &rows.collect::<String>()
    };
    place.write("things.csv", &words(&table()));
    place.write("again.csv", &words(&table()).replace("Yes", "YES"));
    let told = run(&place, &["--config", "c.toml"]);
    assert!(told.contains("each label is predicted above a probability of its own: f1 "), "{told}");
    let folder = place.only_run();
    let evaluation = json(folder.join("evaluation.json"));
    let at_half = named(&evaluation["threshold"]["before"], "f1");
    assert!(named(&evaluation["metrics"], "f1") > at_half, "{told}");
    let limits: Vec<f64> = (0..2).map(|i| evaluation["targets"][i]["threshold"].as_f64().unwrap()).collect();
    assert!(limits.iter().any(|limit| (limit - 0.5).abs() > 0.01), "{limits:?}");
    let decided = |table: &str, first: usize| {
        for row in header_and_rows(table).1 {
            for (i, limit) in limits.iter().enumerate() {
                let probability: f64 = row[first + 2 + i].parse().unwrap();
                assert_eq!(row[first + i], if probability > *limit { "Yes" } else { "no" }, "{row:?}");
            }
        }
    };
    decided(&std::fs::read_to_string(folder.join("predictions.csv")).unwrap(), 3);
    decided(&run(&place, &["predict", "all", "again.csv"]), 1);
    let again: Value =
        serde_json::from_str(&run(&place, &["evaluate", "all", "--json", "--data", "again.csv"])).unwrap();
    close(named(&again["metrics"], "f1"), named(&evaluation["metrics"], "f1"), 1e-9);
}

#[test]
fn rows_that_lack_a_target_are_left_out_of_training_and_of_later_files() {
    let place = place(
        &config("[\"price\", \"weight\"]", "[\"red\", \"large\"]", "max_epochs = 3\n").replace("batch_size = 60\n", ""),
    );
    // A column of texts is read a second time.
    let own = table();
    let lines = own.lines().enumerate();
    let mut cut: Vec<String> =
        lines.map(|(i, line)| format!("{line},{}", if i == 0 { "kind" } else { ["a", "b", "c"][i % 3] })).collect();
    cut[3] = "0.1,0.2,,5,0,0,a".into();
    cut[4] = "0.1,0.2,5,?,0,0,a".into();
    cut[5] = "0.1,0.3,1.5,7,0,0,b".into();
    place.write("things.csv", &(cut.join("\n") + "\n"));
    place.write("again.csv", &(cut.join("\n") + "\n"));
    let told = run(&place, &["--config", "c.toml"]);
    assert!(told.contains("left out 2 of 60 rows of things.csv: `price` or `weight` is missing there"), "{told}");
    let output = place.run(&["evaluate", "all", "--data", "again.csv"]);
    assert!(text(&output.stderr).contains("2 of 60 rows left out: they have no `price, weight`"), "{output:?}");
    let (_, rows) = header_and_rows(&std::fs::read_to_string(place.only_run().join("predictions.csv")).unwrap());
    assert_eq!(rows[2][..3], ["4", "1.5", "7"]);
    assert_eq!(rows.len(), 58);
}

#[test]
fn what_does_not_fit_several_targets_is_one_clear_line() {
    let place = place("");
    let check = |targets: &str, dropped: &str, more: &str, set: &str| {
        place.write("c.toml", &config(targets, dropped, more));
        let output = place.run(&["config", "check", "c.toml", "--set", set]);
        assert_eq!(output.status.code(), Some(1), "{set}");
        text(&output.stderr).lines().next().unwrap().to_owned()
    };
    let numbers = "[\"price\", \"weight\"]";
    for (targets, set, expected) in [
        ("[]", "seed=1", "data.target is an empty list: name the column to predict"),
        ("[\"price\", \"price\"]", "seed=1", "data.target lists `price` twice: remove one"),
        ("3", "seed=1", "data.target is the name of a column to predict, or a list of names"),
        ("[\"price\", \"weigth\"]", "seed=1", "has no column `weigth`; did you mean `weight`?"),
        ("\"price\"", "data.task=\"multi_label\"", "data.task = \"multi_label\" is for several columns of 0 and 1"),
        (numbers, "data.task=\"multi_label\"", "target `price` holds -2.1261, -2.1145"),
        (
            numbers,
            "data.task=\"classification\"",
            "data.task = \"classification\" is for one class of a row, and data.target",
        ),
        (numbers, "data.stratify_bins=5", "data.stratify_bins is for one number"),
        (numbers, "training.loss=\"poisson\"", "loss = \"poisson\" is for one count, and data.target lists several"),
        (numbers, "training.loss=\"cross_entropy\"", "a number target needs loss"),
        (numbers, "data.classes=[\"1\"]", "the target is a number, or several columns, which have no classes"),
        (
            numbers,
            "training.calibrate=true",
            "calibrate is for the probabilities of classes without an order: remove it",
        ),
        (numbers, "data.weight=\"weight\"", "data.weight names the target `weight`"),
        (numbers, "data.drop=[\"weight\"]", "data.drop names the target `weight`: remove it there"),
    ] {
        let found = check(targets, "[\"red\", \"large\"]", "", set);
        assert!(found.contains(expected), "{found}");
    }
    // One label and one class of three.
    let own = table();
    let lines = own.lines().enumerate();
    let three = lines.map(|(i, line)| if i == 0 { format!("{line},c\n") } else { format!("{line},{}\n", i % 3) });
    let three = three.collect::<String>();
    place.write("things.csv", &three);
    place.write("again.csv", &three);
    let found = check("[\"red\", \"c\"]", "[\"price\", \"weight\"]", "", "data.task=\"multi_label\"");
    assert!(
        found.contains("target `c` holds 0, 1, 2, and a label is 0 or 1 (or no and yes, false and true)"),
        "{found}"
    );
    // Without, both are numbers.
    place.write("c.toml", &config("[\"red\", \"c\"]", "[\"price\", \"weight\"]", ""));
    assert!(run(&place, &["config", "check", "c.toml"]).contains("targets: 2 numbers (red 0 to 1, c 0 to 2)"));

    run(&place, &["--config", "c.toml", "-q", "--set", "training.max_epochs=2"]);
    place.write("kept.csv", &three.replacen("price", "predicted_red", 1));
    for (arguments, expected) in [
        (
            &["predict", "all", "things.csv", "--coverage", "0.9"][..],
            "predicts 2 columns at once, and --coverage is for one",
        ),
        (
            &["predict", "all", "kept.csv", "--keep", "predicted_red"],
            "the output has a column `predicted_red` of its own",
        ),
    ] {
        let output = place.run(arguments);
        assert!(!output.status.success() && text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
}
