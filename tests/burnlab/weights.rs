//! Rows that count more than others: `data.weight`.

use crate::place::{Place, json, text};

/// Rows with the weight in their last column; `copies` writes each as often as its weight says instead.
fn table(copies: bool, first: usize, count: usize) -> String {
    let mut lines = String::from(if copies { "x,z,y\n" } else { "x,z,y,w\n" });
    for i in first..first + count {
        let (x, z) = ((i * 37 % 23) as f64 / 23.0 - 0.5, (i * 17 % 19) as f64 / 19.0 - 0.5);
        let class = if x + 0.6 * z + (i % 5) as f64 / 8.0 > 0.2 { "yes" } else { "no" };
        let weight = 1 + i * 7 % 3;
        match copies {
            true => (0..weight).for_each(|_| lines += &format!("{x},{z},{class}\n")),
            false => lines += &format!("{x},{z},{class},{weight}\n"),
        }
    }
    lines
}

fn config(name: &str, more: &str) -> String {
    // One batch, so that no row is in a batch of its own; nothing is fitted on the rows but the weights.
    format!(
        "name = \"{name}\"\n[data]\npath = \"{name}.csv\"\ntest_path = \"{name}-test.csv\"\ntarget = \"y\"\n\
         validation_fraction = 0\nscale = \"none\"\n{more}\n[model]\nkind = \"mlp\"\nhidden = [4]\nactivation = \"tanh\"\n\
         [training]\nmax_epochs = 30\nbatch_size = 60\noptimizer = \"sgd\"\nlearning_rate = 0.5\nshuffle = false\n"
    )
}

#[test]
fn a_weight_of_three_is_as_good_as_three_copies() {
    let place = Place::new();
    place.write("weighted.csv", &table(false, 0, 60));
    place.write("weighted-test.csv", &table(false, 100, 40));
    place.write("weighted.toml", &config("weighted", "weight = \"w\""));
    let copies = table(true, 0, 60);
    let num_copies = copies.lines().count() - 1;
    place.write("copied.csv", &copies);
    place.write("copied-test.csv", &table(true, 100, 40));
    place.write("copied.toml", &config("copied", "").replace("batch_size = 60", &format!("batch_size = {num_copies}")));
    let mut metrics = Vec::new();
    for name in ["weighted", "copied"] {
        let output = place.run(&["--config", &format!("{name}.toml"), "--set", "seed=5"]);
        let told = text(&output.stdout);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(told.contains("2 network inputs"), "the weight is no input: {told}");
        let output = place.run(&["evaluate", name, "--json"]);
        let evaluation: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        metrics.push(evaluation);
    }
    let values = |evaluation: &serde_json::Value| -> Vec<(String, f64)> {
        let metric = |metric: &serde_json::Value| {
            (metric["name"].as_str().unwrap().to_owned(), metric["value"].as_f64().unwrap())
        };
        let baseline = metric(&evaluation["baseline"]);
        evaluation["metrics"].as_array().unwrap().iter().map(metric).chain([baseline]).collect()
    };
    let [weighted, copied] = [&metrics[0], &metrics[1]].map(values);
    println!("{weighted:?}");
    assert!(weighted.len() >= 12);
    for ((name, weighted), (_, copied)) in weighted.iter().zip(&copied) {
        assert!((weighted - copied).abs() < 2e-5, "{name}: {weighted} with weights, {copied} with copies");
    }
    let accuracy = |values: &[(String, f64)]| values.iter().find(|value| value.0 == "accuracy").unwrap().1;
    assert!((0.6..1.0).contains(&accuracy(&weighted)), "something was learned, and not all: {}", accuracy(&weighted));

    // The test rows in the run's folder have their weights; predictions need none, other rows with targets do.
    let folder = place.path("artifacts/runs");
    let run = std::fs::read_dir(folder).unwrap().map(|run| run.unwrap().path());
    let run = run.into_iter().find(|path| path.to_string_lossy().contains("weighted")).unwrap();
    let header = std::fs::read_to_string(run.join("test.csv")).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(header, "x,z,w,y");
    assert_eq!(json(run.join("evaluation.json"))["num_examples"], 40);
    let output = place.run(&["predict", "weighted", "copied-test.csv"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = place.run(&["evaluate", "weighted", "--data", "copied-test.csv"]);
    let error = text(&output.stderr);
    assert!(!output.status.success() && error.contains("lacks columns that the model was trained with: w"), "{error}");
}

#[test]
fn what_is_no_weight_is_one_clear_line() {
    let place = Place::new();
    let good = table(false, 0, 60);
    let line = good.lines().nth(6).unwrap();
    let without = line.rsplit_once(',').unwrap().0;
    for (cell, expected) in [
        (
            "0",
            "a.csv:7: column `w` holds `0`, and a weight is a 32-bit number above 0 (1e-45 to 3.4e38): correct it, or leave out the row",
        ),
        ("-1", "a.csv:7: column `w` holds `-1`, and a weight"),
        ("much", "a.csv:7: column `w` holds `much`, and a weight"),
        ("1e-60", "a.csv:7: column `w` holds `1e-60`, and a weight"),
        ("", "a.csv:7: column `w` is missing, and data.weight needs it in every row"),
    ] {
        place.write("a.csv", &good.replacen(line, &format!("{without},{cell}"), 1));
        place.write("a.toml", "[data]\npath = \"a.csv\"\ntarget = \"y\"\nweight = \"w\"\n");
        let output = place.run(&["config", "check", "a.toml"]);
        let error = text(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains(expected), "{error}");
    }
    place.write("a.csv", &good);
    for (keys, expected) in [
        ("weight = \"v\"", "has no column `v`"),
        ("weight = \"y\"", "data.weight names the target `y`: name another column"),
        ("weight = \"w\"\ngroup = \"w\"", "data.weight and data.group name the same column `w`"),
        ("weight = \"w\"\nnumeric = [\"w\"]", "data.weight names `w`, so that it is no input"),
    ] {
        place.write("a.toml", &format!("[data]\npath = \"a.csv\"\ntarget = \"y\"\n{keys}\n"));
        let output = place.run(&["config", "check", "a.toml"]);
        let error = text(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains(expected), "{error}");
    }
    place.write("a.toml", "[data]\nsource = \"moons\"\nweight = \"w\"\n");
    assert!(text(&place.run(&["config", "check", "a.toml"]).stderr).contains("data.weight is for files"));
}
