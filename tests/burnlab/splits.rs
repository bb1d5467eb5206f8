//! Rows that are divided by what a column says, and verdicts on runs that are divided so.

use std::collections::{BTreeMap, BTreeSet};

use burnlab::tracking::{Run, Store};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::place::{Place, text};

/// A config for `data.csv`, with more lines of `[data]`, and a quick training.
fn config(more: &str) -> String {
    format!(
        "seed = 1\n[data]\npath = \"data.csv\"\ntarget = \"y\"\n{more}\n[model]\nhidden = [32]\n[training]\nmax_epochs = 60\n\
         learning_rate = 0.02\n"
    )
}

#[track_caller]
fn run(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The error that a command fails with.
#[track_caller]
fn refused(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stderr).lines().next().unwrap_or_default().to_owned()
}

fn runs(place: &Place, experiment: &str) -> Vec<Run> {
    let store = Store::open_read_only(&place.path("artifacts")).unwrap();
    store.ids_of(experiment).unwrap().iter().map(|id| store.run(id).unwrap()).collect()
}

fn mean(place: &Place, experiment: &str, metric: &str) -> f64 {
    let key = metric.parse().unwrap();
    let values: Vec<f64> = runs(place, experiment).iter().map(|run| run.metrics[&key].last).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

/// The numbers of the test rows of each run, in the order of its predictions.
fn tested(place: &Place, experiment: &str) -> Vec<Vec<usize>> {
    let store = Store::open_read_only(&place.path("artifacts")).unwrap();
    let of_run = |run: &Run| {
        let mut reader = csv::Reader::from_path(store.folder(&run.record.id).join("predictions.csv")).unwrap();
        reader.records().map(|row| row.unwrap()[0].parse().unwrap()).collect()
    };
    runs(place, experiment).iter().map(of_run).collect()
}

fn judgement(place: &Place, a: &str, b: &str) -> Value {
    let shown = run(place, &["runs", "compare", a, b, "--json"]);
    serde_json::from_str::<Value>(&shown).unwrap()["judgement"].clone()
}

/// Eight visits of each of `count` patients, whose measurements are theirs and whose labels were drawn for them.
fn visits(count: usize) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut csv = "patient,a,b,c,d,e,f,y\n".to_owned();
    for patient in 0..count {
        let own: [f64; 6] = std::array::from_fn(|_| random.random_range(-2.0..2.0));
        let label = ["ill", "well"][usize::from(random.random_bool(0.5))];
        for _ in 0..8 {
            let cells = own.map(|cell| format!("{:.4}", cell + random.random_range(-0.02..0.02)));
            csv += &format!("P{patient:03},{},{label}\n", cells.join(","));
        }
    }
    csv
}

#[test]
fn labels_drawn_for_each_entity_are_told_by_memory_alone() {
    let place = Place::new();
    place.write("data.csv", &visits(80));
    place.write("rows.toml", &config("folds = 4\nvalidation_fraction = 0\ndrop = [\"patient\"]"));
    place.write("groups.toml", &config("folds = 4\nvalidation_fraction = 0\ngroup = \"patient\""));
    run(&place, &["--config", "rows.toml", "-q"]);
    run(&place, &["--config", "groups.toml", "-q"]);
    let (rows, groups) = (mean(&place, "rows", "test/accuracy"), mean(&place, "groups", "test/accuracy"));
    // 80 patients at chance: a standard deviation of 0.056.
    assert!(rows > 0.95 && (0.3..0.7).contains(&groups), "{rows} {groups}");
    // Each fold has a quarter of the patients, each with all visits.
    let mut seen = BTreeMap::new();
    for (fold, rows) in tested(&place, "groups").iter().enumerate() {
        assert_eq!(rows.len(), 160);
        rows.iter().for_each(|row| _ = seen.entry(row / 8).or_insert_with(BTreeSet::new).insert(fold));
    }
    assert!(seen.len() == 80 && seen.values().all(|folds| folds.len() == 1), "{seen:?}");
    // Whom the test rows are of is kept for verdicts: with fixed test rows, its rows are drawn by patients.
    let fixed = ["--config", "groups.toml", "-q", "--set", "data.split_seed=1", "--set", "data.fold=1"];
    run(&place, &[&fixed[..], &["--name", "fixed"]].concat());
    let store = Store::open_read_only(&place.path("artifacts")).unwrap();
    let folder = store.folder(&store.ids_of("fixed").unwrap()[0]);
    let groups = std::fs::read_to_string(folder.join("test_groups.csv")).unwrap();
    let group_of = |line: &str| -> (usize, usize) {
        let (row, group) = line.split_once(',').unwrap();
        (row.parse::<usize>().unwrap() / 8, group.parse().unwrap())
    };
    let pairs: BTreeSet<(usize, usize)> = groups.lines().skip(1).map(group_of).collect();
    assert_eq!((groups.lines().count(), pairs.len()), (161, 20), "a number for each of 20 patients");
    // And it is said before any of it: without the key, whose rows are in both parts, and with it, how they were divided.
    place.write("plain.toml", &config(""));
    let checked = run(&place, &["config", "check", "plain.toml"]);
    assert!(checked.contains("data.group = \"patient\""), "{checked}");
    place.write("one.toml", &config("group = \"patient\""));
    let checked = run(&place, &["config", "check", "one.toml"]);
    let expected = "divided by `patient`: 48 values in training, 8 in validation, 24 in test, none in two parts";
    assert!(checked.contains(expected) && !checked.contains("in blocks of"), "{checked}");
    assert!(!checked.contains("patient: "), "it is no input: {checked}");
    // A model needs no group to be used.
    run(&place, &["--config", "one.toml", "-q"]);
    let without: String = visits(80).lines().map(|line| line.split_once(',').unwrap().1.to_owned() + "\n").collect();
    place.write("later.csv", &without);
    assert_eq!(run(&place, &["predict", "one", "later.csv"]).lines().count(), 641);
    assert!(run(&place, &["evaluate", "one", "--data", "later.csv"]).contains("640 rows"));
}

#[test]
fn entities_in_two_files_or_too_few_of_them_are_refused() {
    let place = Place::new();
    place.write("data.csv", &visits(6));
    let check = |more: &str| {
        place.write("c.toml", &config(more));
        refused(&place, &["config", "check", "c.toml"])
    };
    for (more, expected) in [
        ("group = \"patients\"", "c.toml:5:1: data.group: data.csv has no column `patients`; did you mean `patient`?"),
        ("group = \"y\"", "data.group names the target `y`"),
        ("group = \"patient\"\nnumeric = [\"patient\"]", "so that it is no input: leave it out of the other lists"),
        ("group = \"patient\"\nfolds = 7", "7 folds of 6 values of `patient` leave some empty"),
        ("group = \"patient\"\norder = \"a\"", "data.order and data.group both say how rows are divided: keep one"),
        (
            "group = \"patient\"\ntest_path = \"test.csv\"",
            "test.csv:3: `patient` is `P003` here and in the training file",
        ),
        ("gap = 1", "data.gap needs data.order"),
        ("repeats = 2", "data.repeats needs data.folds"),
        ("repeats = 101\nfolds = 2", "data.repeats is 101: it must be from 1 to 100"),
        ("repeats = 2\nfolds = 2\nrepeat = 3", "data.repeat is 3: it must be from 1 to data.repeats = 2"),
        ("stratify_bins = 1", "data.stratify_bins is 1: it must be from 2 to 100"),
    ] {
        place.write("test.csv", "patient,a,b,c,d,e,f,y\nP900,1,1,1,1,1,1,ill\nP003,1,1,1,1,1,1,well\n");
        let found = check(more);
        assert!(found.contains(expected), "{more}: {found}");
    }
    place.write("data.csv", "patient,a,y\nP1,1,x\n,2,z\n");
    assert!(check("group = \"patient\"").contains("data.csv:3: column `patient` is missing, and data.group needs it"));
    place.write("data.csv", &visits(1).replace("ill", "well").replacen("well", "ill", 4));
    assert!(check("group = \"patient\"").contains("`patient` is the same in all 8 rows that are to be divided"));
    // A generated set and a text have no such column.
    place.write("c.toml", "[data]\nsource = \"moons\"\ngroup = \"x\"\n");
    assert!(refused(&place, &["config", "check", "c.toml"]).contains("data.group is for files"));
}

/// 40 patients with 1 to 13 visits each, 274 in all, of three classes that are not equally frequent. The folds of
/// scikit-learn 1.9.1, `StratifiedGroupKFold(5, shuffle=True, random_state=s)`, differ by up to 0.0286 (s = 0), 0.0321,
/// 0.0321 and 0.0393 from a fifth of each class, and have 49 to 63 rows.
#[test]
fn folds_of_whole_entities_are_as_alike_as_those_of_scikit_learn() {
    let place = Place::new();
    let visits = (0..40usize)
        .flat_map(|p| (0..1 + p * 7 % 13).map(move |i| (p, (p * p + i * (p % 3)) % 3, (p * 31 + i * 17) % 50)));
    let visits: Vec<(usize, usize, usize)> = visits.collect();
    let rows = visits.iter().map(|(patient, class, x)| format!("P{patient},{x},{}\n", ["a", "b", "c"][*class]));
    place.write("data.csv", &format!("patient,x,y\n{}", rows.collect::<String>()));
    place.write("c.toml", "[data]\npath = \"data.csv\"\ntarget = \"y\"\ngroup = \"patient\"\nfolds = 5\n[model]\nhidden = []\n[training]\nmax_epochs = 1\n");
    run(&place, &["--config", "c.toml", "-q", "--seeds", "2"]);
    for rows in tested(&place, "c") {
        assert!((54..=56).contains(&rows.len()), "{}", rows.len());
        for (class, total) in [148.0, 70.0, 56.0].into_iter().enumerate() {
            let count = rows.iter().filter(|&&row| visits[row].1 == class).count();
            assert!((count as f64 / total - 0.2).abs() < 0.0286, "{count} of {total}");
        }
    }
}

/// A row a day, several on some days, in an order of their own.
fn days() -> String {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut rows: Vec<String> = Vec::new();
    for day in 0..200 {
        for _ in 0..1 + day % 2 {
            let (month, date) = (1 + day / 28, 1 + day % 28);
            let x: f64 = random.random_range(-1.0..1.0);
            rows.push(format!("2023-{month:02}-{date:02},{x:.3},{:.3}\n", 3.0 * x + random.random_range(-0.1..0.1)));
        }
    }
    rows.sort_by_key(|row| row.bytes().rev().fold(7u64, |hash, byte| hash.wrapping_mul(31) ^ u64::from(byte)));
    format!("sold,x,y\n{}", rows.concat())
}

#[test]
fn the_parts_follow_each_other_in_time() {
    let place = Place::new();
    let csv = days();
    place.write("data.csv", &csv);
    let more = "order = \"sold\"\ndrop = [\"sold\"]";
    place.write("c.toml", &config(more));
    let checked = run(&place, &["config", "check", "c.toml"]);
    // 300 rows on 200 days; the 90 last ones begin in the middle of a day, and go where that is nearest.
    let expected = "divided by `sold`: training 2023-01-01 to 2023-05-07, validation 2023-05-08 to 2023-05-28, test 2023-06-01 to 2023-08-04";
    assert!(checked.contains(expected), "{checked}");
    assert!(!checked.contains("drawn from between"), "{checked}");
    for seed in ["1", "2", "3"] {
        run(&place, &["--config", "c.toml", "-q", "--set", &format!("seed={seed}")]);
        let other = ["--set", "model.hidden=[2]", "--name", "small"];
        run(&place, &[&["--config", "c.toml", "-q", "--set", &format!("seed={seed}")][..], &other].concat());
    }
    let dates: Vec<&str> = csv.lines().skip(1).map(|line| &line[..10]).collect();
    let parts = tested(&place, "c");
    assert!(parts.iter().all(|rows| *rows == parts[0]), "the seed has no say");
    assert!(parts[0].is_sorted_by_key(|&row| dates[row]), "in the order of time");
    let first = dates[parts[0][0]];
    assert_eq!(parts[0].len(), dates.iter().filter(|date| **date >= first).count(), "all rows from then on");
    // The same rows, so the verdict is on pairs of seeds, and counts what the test rows owe to chance.
    let judged = judgement(&place, "c", "small");
    assert_eq!((&judged["other_rows"], &judged["same_rows"]), (&Value::Null, &true.into()), "{judged}");
    let sentence = judged["sentence"].as_str().unwrap();
    assert!(sentence.contains("3 paired seeds"), "{sentence}");

    // A gap leaves rows out of training and validation, and the tested ones are the same.
    place.write("gap.toml", &config(&format!("{more}\ngap = 7")));
    let checked = run(&place, &["config", "check", "gap.toml"]);
    let expected =
        "training 2023-01-01 to 2023-05-01, validation 2023-05-08 to 2023-05-25, test 2023-06-01 to 2023-08-04; ";
    assert!(checked.contains(expected) && checked.contains("rows in the gaps are left out"), "{checked}");
    run(&place, &["--config", "gap.toml", "-q"]);
    assert_eq!(tested(&place, "gap")[0], parts[0]);
    assert_eq!(judgement(&place, "c", "gap")["other_rows"], Value::Null);

    let check = |more: &str| {
        place.write("c.toml", &config(more));
        refused(&place, &["config", "check", "c.toml"])
    };
    assert!(check("order = \"sold\"\ngap = 1000").contains("data.gap = 1000 leaves no training row of 300: lower it"));
    assert!(check("order = \"sold\"\ngap = -1").contains("data.gap is -1: it must be a finite number of at least 0"));
    assert!(check("order = \"sold\"\nfolds = 3").contains("data.folds is not used with data.order"));
    let [early, late] = ["2022-12-31", "2024-01-01"].map(|date| format!("sold,x,y\n{date},0.5,1.5\n"));
    place.write("late.csv", &late);
    place.write("early.csv", &early);
    let found = check("order = \"sold\"\ntest_path = \"early.csv\"");
    assert!(found.contains("early.csv:2: `sold` is `2022-12-31`, earlier than the last row"), "{found}");
    place.write("c.toml", &config("order = \"sold\"\ntest_path = \"late.csv\""));
    assert!(run(&place, &["config", "check", "c.toml"]).contains("test 2024-01-01 to 2024-01-01"));
    place.write("data.csv", "sold,x,y\nMay,1,1.5\nJune,2,2.5\nJuly,3,1\n");
    assert!(check("order = \"sold\"").contains("data.csv:2: column `sold` holds `May`, neither a date nor a number"));
    place.write("data.csv", "sold,x,y\n5,1,1.5\n5,2,2.5\n5,3,1\n5,9,4\n");
    assert!(check("order = \"sold\"").contains("`sold` is the same in all 4 rows"));
}

#[test]
fn parts_that_a_column_names_are_taken_as_they_are() {
    let place = Place::new();
    let part = |i: usize| ["train", "Training", "TRAIN ", "val", "Valid", "test", "hold-out"][i * 5 % 7];
    let row = |i: usize| {
        format!("{},{},{},{}\n", i * 37 % 101, i * 61 % 97, part(i), ["no", "yes"][usize::from(i * 37 % 101 > 50)])
    };
    place.write("data.csv", &format!("a,b,part,y\n{}", (0..210).map(row).collect::<String>()));
    place.write("c.toml", &config("split_column = \"part\""));
    let checked = run(&place, &["config", "check", "c.toml"]);
    assert!(checked.contains("90 training, 60 validation, 60 test rows; 2 network inputs"), "{checked}");
    assert!(checked.contains("divided as `part` says"), "{checked}");
    run(&place, &["--config", "c.toml", "-q", "--seeds", "2"]);
    run(&place, &["--config", "c.toml", "-q", "--seeds", "2", "--set", "model.hidden=[2]", "--name", "small"]);
    let expected: Vec<usize> = (0..210).filter(|&i| matches!(part(i), "test" | "hold-out")).collect();
    assert!(tested(&place, "c").iter().all(|rows| *rows == expected));
    assert_eq!(judgement(&place, "c", "small")["same_rows"], true);
    // New rows are of no part.
    place.write("new.csv", "a,b,y\n80,3,yes\n10,4,no\n");
    assert_eq!(run(&place, &["predict", "c", "new.csv"]).lines().count(), 3);

    let check = |more: &str| {
        place.write("c.toml", &config(more));
        refused(&place, &["config", "check", "c.toml"])
    };
    for (more, expected) in [
        ("folds = 3", "data.folds is not used with data.split_column"),
        ("test_path = \"new.csv\"", "data.test_path is not used with data.split_column"),
        ("test_fraction = 0.2", "data.test_fraction is not used with data.split_column"),
    ] {
        let found = check(&format!("split_column = \"part\"\n{more}"));
        assert!(found.contains(expected), "{found}");
    }
    // Without validation rows some of the training rows are drawn.
    let two = |i: usize| row(i).replace(",val,", ",train,").replace(",Valid,", ",train,");
    place.write("data.csv", &format!("a,b,part,y\n{}", (0..210).map(two).collect::<String>()));
    place.write("c.toml", &config("split_column = \"part\""));
    let checked = run(&place, &["config", "check", "c.toml"]);
    assert!(checked.contains("127 training, 23 validation, 60 test rows"), "{checked}");
    assert!(checked.contains("it names no row of validation, so these are drawn from the training part"), "{checked}");
    for (cell, expected) in [
        ("tset", "data.csv:3: column `part` holds `tset`, and a row is of the part train, validation or test"),
        ("", "data.csv:3: column `part` is missing, and data.split_column needs it in every row"),
    ] {
        place.write("data.csv", &format!("a,part,y\n1,train,no\n2,{cell},yes\n3,test,no\n4,train,yes\n"));
        let found = check("split_column = \"part\"");
        assert!(found.contains(expected), "{found}");
    }
    place.write("data.csv", "a,part,y\n1,train,no\n2,train,yes\n3,train,no\n4,train,yes\n");
    assert!(check("split_column = \"part\"").contains("no row has the part `test` in `part`"));
    place.write("data.csv", "a,part,y\n1,train,no\n2,train,no\n3,test,no\n4,test,yes\n");
    assert!(
        check("split_column = \"part\"\nvalidation_fraction = 0")
            .contains("class `yes` has 1 row, and it is not in the training part: name some of them")
    );
}

#[test]
fn repeated_folds_are_other_folds_of_the_same_rows_and_pair_up() {
    let place = Place::new();
    let config =
        "[data]\nsource = \"wine\"\nfolds = 3\nrepeats = 2\n[training]\nmax_epochs = 3\n[model]\nhidden = [4]\n";
    place.write("c.toml", config);
    let shown = run(&place, &["--config", "c.toml"]);
    assert!(shown.contains("6 of 6 folds of c") && shown.contains("seed 42 repeat 2 fold 3"), "{shown}");
    run(&place, &["--config", "c.toml", "-q", "--set", "model.hidden=[8]", "--name", "wide"]);
    let mut tests: BTreeMap<u64, Vec<Vec<usize>>> = BTreeMap::new();
    for (run, mut rows) in runs(&place, "c").into_iter().zip(tested(&place, "c")) {
        rows.sort_unstable();
        tests.entry(run.record.params["data.repeat"].as_u64().unwrap()).or_default().push(rows);
    }
    for folds in tests.values() {
        let all: BTreeSet<usize> = folds.iter().flatten().copied().collect();
        assert_eq!((folds.len(), all.len()), (3, 178), "each row is tested once in each repeat");
    }
    assert!(tests[&1].iter().all(|rows| !tests[&2].contains(rows)), "other folds");
    // The first repeat is the cross-validation without repeats.
    run(&place, &["--config", "c.toml", "-q", "--set", "data.repeats=1", "--name", "once"]);
    let once: BTreeSet<Vec<usize>> = tested(&place, "once")
        .into_iter()
        .map(|mut rows| {
            rows.sort_unstable();
            rows
        })
        .collect();
    assert_eq!(once, tests[&1].iter().cloned().collect());
    let judged = judgement(&place, "c", "wide");
    let sentence = judged["sentence"].as_str().unwrap();
    assert!(judged["other_rows"].is_null() && sentence.contains("6 paired folds"), "{sentence}");
    assert_eq!(run(&place, &["runs", "list", "--group", "--filter", "name = c"]).lines().count(), 2);
}

#[test]
fn numbers_are_stratified_by_their_quantiles() {
    let place = Place::new();
    // A tenth of the targets are far out: by chance a part may have few of them.
    let row = |i: usize| format!("{},{}\n", i * 37 % 101, if i.is_multiple_of(10) { 1000 + i } else { i % 97 });
    place.write("data.csv", &format!("a,y\n{}", (0..200).map(row).collect::<String>()));
    place.write("c.toml", &config("stratify_bins = 10\ntask = \"regression\""));
    run(&place, &["--config", "c.toml", "-q", "--seeds", "5"]);
    for rows in tested(&place, "c") {
        assert_eq!((rows.len(), rows.iter().filter(|row| *row % 10 == 0).count()), (60, 6));
    }
    place.write("c.toml", &config("task = \"regression\""));
    run(&place, &["--config", "c.toml", "-q", "--seeds", "5", "--name", "plain"]);
    let far: BTreeSet<usize> =
        tested(&place, "plain").iter().map(|rows| rows.iter().filter(|row| *row % 10 == 0).count()).collect();
    assert!(far.len() > 1, "chance decides otherwise: {far:?}");
}
