//! Which runs are compared: those on the same test rows with the same targets, whatever else changed.

use std::io::Write;
use std::path::Path;

use burnlab::tracking::Store;
use rand::RngExt;
use serde_json::Value;

use crate::place::{Place, random, text};

const CONFIG: &str = "[data]\npath = \"data.csv\"\ntarget = \"y\"\nvalidation_fraction = 0\n[model]\nhidden = []\n\
                      [training]\nmax_epochs = 1\n";

/// A table of cells, header first.
type Table = Vec<Vec<String>>;

/// 60 rows of two features and a number that no two rows share.
fn table() -> Table {
    let header = ["a", "b", "y"].map(str::to_owned).to_vec();
    let cells = |row: usize| vec![row * 37 % 61, row * 11 % 59, row * row];
    let rows = (0..60).map(|row| cells(row).into_iter().map(|cell| format!("{cell}.25")).collect());
    std::iter::once(header).chain(rows).collect()
}

fn csv(table: &Table) -> String {
    table.iter().map(|row| row.join(",") + "\n").collect()
}

fn train(place: &Place, folder: &str, more: &[&str]) {
    let artifacts = place.path("artifacts");
    let words = [&["--config", "c.toml", "--quiet", "--artifacts", artifacts.to_str().unwrap()][..], more].concat();
    let output = place.command(&words).current_dir(place.path(folder)).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// A folder with a config and its data.
fn project(place: &Place, folder: &str, config: &str, files: &[(&str, &str)]) {
    std::fs::create_dir_all(place.path(folder)).unwrap();
    place.write(&format!("{folder}/c.toml"), config);
    files.iter().for_each(|(name, content)| _ = place.write(&format!("{folder}/{name}"), content));
}

fn compare(place: &Place, a: &str, b: &str) -> Value {
    let output = place.run(&["runs", "compare", a, b, "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The places of the test rows in the file, from the only run of the experiment.
fn tested(place: &Place, experiment: &str) -> Vec<usize> {
    let store = Store::open_read_only(&place.path("artifacts")).unwrap();
    let folder = store.folder(&store.ids_of(experiment).unwrap()[0]);
    let mut reader = csv::Reader::from_path(folder.join("predictions.csv")).unwrap();
    reader.records().map(|row| row.unwrap()[0].parse().unwrap()).collect()
}

/// The same rows from another path, another format, with other features or another cell of them are compared; with another
/// target, or in another order, which is what a split draws from, they are not. Any row, any cell: chosen anew each time.
#[test]
fn comparability_follows_the_rows_and_their_targets() {
    let (place, mut random) = (Place::new(), random());
    let original = table();
    project(&place, "a", CONFIG, &[("data.csv", &csv(&original))]);
    train(&place, "a", &["--name", "a"]);
    let rows = tested(&place, "a");
    let row = 1 + rows[random.random_range(0..rows.len())];
    let edited = |column: usize| {
        let mut edited = original.clone();
        edited[row][column] = "7.125".to_owned();
        edited
    };
    let reordered = || [original[..1].to_vec(), original[1..].iter().rev().cloned().collect()].concat();
    let widened = || -> Table {
        let cell = |row: usize| if row == 0 { "c".to_owned() } else { format!("{}.5", row * row % 13) };
        original.iter().enumerate().map(|(row, cells)| [cells.clone(), vec![cell(row)]].concat()).collect()
    };
    let feature = random.random_range(0..2);
    for (name, table, told) in [
        ("path", original.clone(), Ok("")),
        ("feature", edited(feature), Ok("the inputs are not (cells of `data.csv` changed between them)")),
        ("column", widened(), Ok("the inputs are not (2 columns against 3)")),
        ("target", edited(2), Err("hold different rows or targets")),
        ("order", reordered(), Err("hold different rows or targets")),
    ] {
        let folder = if name == "feature" { "a" } else { name };
        project(&place, folder, CONFIG, &[("data.csv", &csv(&table))]);
        train(&place, folder, &["--name", name]);
        let judgement = &compare(&place, "a", name)["judgement"];
        let (sentence, reason) = (judgement["sentence"].as_str().unwrap(), judgement["other_rows"].as_str());
        match told {
            Ok(part) => assert!(reason.is_none() && sentence.contains(part), "{name}: {sentence}"),
            Err(part) => assert!(reason.is_some_and(|reason| reason.contains(part)), "{name}: {sentence}"),
        }
        assert_eq!(sentence.contains("no comparison"), told.is_err(), "{name}: {sentence}");
        assert_eq!(tested(&place, name).len(), rows.len());
    }
    // The same path.
    project(&place, "a", CONFIG, &[("data.csv", &csv(&edited(2)))]);
    train(&place, "a", &["--name", "later"]);
    let judgement = &compare(&place, "a", "later")["judgement"];
    assert_eq!(judgement["other_rows"], "the data behind `data.csv` changed between them");
    assert_eq!((&judgement["interval"], &judgement["claim"]), (&Value::Null, &"no_claim".into()));
    // Compressed.
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(csv(&original).as_bytes()).unwrap();
    project(&place, "gz", &CONFIG.replace("data.csv", "data.csv.gz"), &[]);
    std::fs::write(place.path("gz/data.csv.gz"), gz.finish().unwrap()).unwrap();
    train(&place, "gz", &["--name", "gz"]);
    let judgement = &compare(&place, "a", "gz")["judgement"];
    assert_eq!((&judgement["other_rows"], &judgement["same_rows"]), (&Value::Null, &true.into()));
    assert!(!judgement["sentence"].as_str().unwrap().contains("the inputs are not"), "{judgement}");
}

/// Two versions of a file are two groups, two copies of it are one; stars and the luck of the best keep to one version.
#[test]
fn groups_and_stars_keep_to_one_version_of_the_data() {
    let place = Place::new();
    let original = table();
    let mut edited = original.clone();
    edited.iter_mut().skip(1).for_each(|row| row[2] = format!("{}1", row[2]));
    project(&place, "a", CONFIG, &[("data.csv", &csv(&original))]);
    train(&place, "a", &["--name", "x", "--seeds", "2"]);
    project(&place, "b", CONFIG, &[("data.csv", &csv(&original))]);
    train(&place, "b", &["--name", "x", "--seeds", "2", "--set", "seed=44"]);
    let list = |words: &[&str]| text(&place.run(&[&["runs", "list", "--group"][..], words].concat()).stdout);
    let one = list(&[]);
    assert!(one.lines().count() == 2 && one.lines().nth(1).unwrap().contains("  4 "), "{one}");
    project(&place, "a", CONFIG, &[("data.csv", &csv(&edited))]);
    train(&place, "a", &["--name", "x", "--seeds", "3"]);
    let two = list(&[]);
    let letters: Vec<&str> = two.lines().skip(1).take(2).map(|line| line.split_whitespace().nth(2).unwrap()).collect();
    assert!(
        letters == ["a", "b"] && two.contains("tested on different rows, so that they cannot be compared"),
        "{two}"
    );
    assert!(!two.contains("by luck alone"), "{two}");
    train(&place, "b", &["--name", "z", "--set", "training.learning_rate=0.5"]);
    let ids: Vec<String> = {
        let store = Store::open_read_only(&place.path("artifacts")).unwrap();
        let runs = store.runs().unwrap();
        // The newest of the other version, and two configs on this one.
        [&runs[0], &runs[1], &runs[4]].map(|run| run.record.id.to_string()).to_vec()
    };
    let stars = |ids: &[String]| {
        let words: Vec<&str> = ["runs", "compare"].into_iter().chain(ids.iter().map(String::as_str)).collect();
        text(&place.run(&words).stdout).lines().filter(|line| line.starts_with("test/") && line.contains('*')).count()
    };
    assert_eq!(stars(&ids), 0);
    assert!(stars(&[ids[0].clone(), ids[2].clone()]) > 0);
    // `reindex` finds the fingerprints again, and runs without them are judged by what they have.
    let tested_on = || {
        let store = Store::open_read_only(&place.path("artifacts")).unwrap();
        let run = store.run(&ids[0].parse().unwrap()).unwrap();
        (run.record.data.clone(), run.record.data.map(|data| store.tested_on(&data.test).unwrap().len()))
    };
    let before = tested_on();
    assert!(before.1.is_some_and(|count| count >= 1));
    std::fs::remove_file(place.path("artifacts/burnlab.db")).unwrap();
    assert!(place.run(&["runs", "reindex"]).status.success());
    assert_eq!(tested_on(), before);
    for id in &ids {
        let path = place.path(&format!("artifacts/runs/{id}/run.json"));
        let mut record: Value = crate::place::json(&path);
        record.as_object_mut().unwrap().remove("data").unwrap();
        std::fs::write(&path, record.to_string()).unwrap();
    }
    assert!(place.run(&["runs", "reindex"]).status.success());
    let old = compare(&place, &ids[0], &ids[2]);
    assert_eq!(old["judgement"]["other_rows"], Value::Null, "{old}");
    assert!(old["judgement"]["sentence"].as_str().unwrap().contains("no fingerprint of the data"), "{old}");
}

/// Splits made by another program: pairs are found by their rows, though all runs have the same seed, and though the
/// classes of all five test files alternate alike.
#[test]
fn splits_from_files_pair_up_by_their_rows() {
    let place = Place::new();
    let rows: Vec<String> = (0..100)
        .map(|row| format!("{}.5,{}.25,{}\n", row * 37 % 101, row * row % 97, ["no", "yes"][row % 2]))
        .collect();
    for split in 0..5 {
        let part = |is_test: bool| -> String {
            let rows = rows.iter().enumerate().filter(|(row, _)| (row / 20 == split) == is_test);
            format!("a,b,y\n{}", rows.map(|(_, line)| line.as_str()).collect::<String>())
        };
        place.write(&format!("train{split}.csv"), &part(false));
        place.write(&format!("test{split}.csv"), &part(true));
        let paths = format!("path = \"train{split}.csv\"\ntest_path = \"test{split}.csv\"");
        place.write("c.toml", &CONFIG.replace("path = \"data.csv\"", &paths));
        for (name, hidden) in [("narrow", "model.hidden=[2]"), ("wide", "model.hidden=[9]")] {
            train(&place, ".", &["--name", name, "--set", hidden]);
        }
    }
    let judgement = &compare(&place, "narrow", "wide")["judgement"];
    assert_eq!((&judgement["paired"], &judgement["num_pairs"]), (&true.into(), &5.into()), "{judgement}");
    assert_eq!((&judgement["scope"], &judgement["other_rows"]), (&"new_data".into(), &Value::Null), "{judgement}");
    let store = Store::open_read_only(&place.path("artifacts")).unwrap();
    let narrow = store.ids_of("narrow").unwrap();
    let wide = store.ids_of("wide").unwrap();
    let same_rows = |a: usize, b: usize| {
        let (a, b) = (store.run(&narrow[a]).unwrap(), store.run(&wide[b]).unwrap());
        burnlab::comparison::same_rows(&a, &b)
    };
    assert!((0..5).all(|a| (0..5).all(|b| same_rows(a, b) == (a == b))));
}

/// `row` is the row of the file, and `true` its cell to the last digit, in `predictions.csv` and `evaluate -o`.
#[test]
fn rows_and_targets_are_those_of_the_file() {
    let place = Place::new();
    // Every third row has no target; one target is so large that all others are one f32 after scaling.
    let target = |row: usize| match row {
        _ if row % 3 == 1 => String::new(),
        5 => "1000000000000".to_owned(),
        _ => format!("{}.123456789", 2 * row as i64 - 20),
    };
    let lines: Vec<String> = (0..120).map(|row| format!("{}.5,{}\n", row * 7 % 31, target(row))).collect();
    place.write("data.csv", &format!("x,y\n{}", lines.concat()));
    place.write("c.toml", CONFIG);
    train(&place, ".", &["--name", "a", "--set", "seed=3"]);
    let artifacts = place.path("artifacts");
    let check = |path: &Path, num_rows: usize| {
        let mut reader = csv::Reader::from_path(path).unwrap();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        for row in &rows {
            let cell = target(row[0].parse().unwrap());
            assert_eq!(row[1].parse::<f64>().unwrap(), cell.parse::<f64>().unwrap(), "{}: {row:?}", path.display());
        }
        assert_eq!(rows.len(), num_rows);
        rows
    };
    let store = Store::open_read_only(&artifacts).unwrap();
    let run = store.find("latest").unwrap();
    let recorded = check(&store.folder(&run.record.id).join("predictions.csv"), 24);
    assert!(place.run(&["evaluate", "a", "-o", "own.csv"]).status.success());
    assert_eq!(check(&place.path("own.csv"), 24), recorded);
    assert!(place.run(&["evaluate", "a", "--data", "data.csv", "-o", "all.csv"]).status.success());
    check(&place.path("all.csv"), 80);
    // R2 as its definition has it, from the file's numbers.
    let number = |row: &csv::StringRecord, column: usize| row[column].parse::<f64>().unwrap();
    let mean = recorded.iter().map(|row| number(row, 1)).sum::<f64>() / 24.0;
    let squares = |other: &dyn Fn(&csv::StringRecord) -> f64| -> f64 {
        recorded.iter().map(|row| (number(row, 1) - other(row)).powi(2)).sum()
    };
    let r2 = 1.0 - squares(&|row| number(row, 2)) / squares(&|_| mean);
    let found = run.metrics[&"test/r2".parse().unwrap()].last;
    assert!(r2.is_finite() && (found / r2 - 1.0).abs() < 1e-9, "{found}, not {r2}");
}

/// However many seeds, fixed test rows stay as few as they are; and what is unknown of a name is a mistake.
#[test]
fn fixed_test_rows_enter_the_interval_and_names_are_checked() {
    let place = Place::new();
    place.write("c.toml", &CONFIG.replace("path = \"data.csv\"\ntarget = \"y\"", "source = \"iris\"\nsplit_seed = 1"));
    for (name, hidden) in [("a", "model.hidden=[2]"), ("b", "model.hidden=[3]")] {
        train(&place, ".", &["--name", name, "--seeds", "4", "--set", hidden, "--set", "training.max_epochs=20"]);
    }
    let judgement = compare(&place, "a", "b")["judgement"].clone();
    assert_eq!(judgement["scope"], "new_test_rows", "{judgement}");
    let width = |key: &str| judgement[key][1].as_f64().unwrap() - judgement[key][0].as_f64().unwrap();
    assert!(width("interval") >= width("interval_on_these_rows"), "{judgement}");
    assert!(judgement["sentence"].as_str().unwrap().contains(" for new test rows ("), "{judgement}");
    for (words, told) in [
        (["--filter", "test/acc > 0.5"], "no run has `test/acc`; did you mean `test/accuracy`"),
        (["--filter", "lr > 100"], "no run has `lr`; did you mean `training.learning_rate`"),
        (["--sort", "testacc"], "no run has `testacc`; did you mean `test/accuracy`"),
        (["--columns", "id,durration"], "no run has `durration`; did you mean `duration`?"),
    ] {
        let output = place.run(&[&["runs", "list"][..], &words].concat());
        assert!(!output.status.success() && text(&output.stderr).contains(told), "{}", text(&output.stderr));
    }
    let count = |filter: &str| {
        let output = place.run(&["runs", "list", "--columns", "id", "--filter", filter]);
        assert!(output.status.success(), "{filter}: {}", text(&output.stderr));
        text(&output.stdout).lines().count() - 1
    };
    assert_eq!((count("started > 2020-01-01"), count("started < 2020-01-01"), count("hidden = [2]")), (8, 0, 4));
    let store = Store::open_read_only(&place.path("artifacts")).unwrap();
    let id = store.ids_of("a").unwrap()[0].to_string();
    assert_eq!((count(&id), count("nowhere"), count("split_seed = 1 and duration >= 0")), (1, 0, 8));
}
