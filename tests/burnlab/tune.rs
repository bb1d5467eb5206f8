//! `burnlab tune`: what is trained on which rows and seeds, what is chosen by what, and what is said in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::place::{Place, json, output_of, signal, text};

/// A learning rate that trains hardly at all: whatever the search draws is better.
const SLOW: &str =
    "[data]\nsource = \"iris\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 4\nlearning_rate = 1e-4\n";

#[track_caller]
fn works(place: &Place, args: &[&str]) -> String {
    let output = place.run(args);
    assert!(output.status.success(), "{args:?}: {}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[track_caller]
fn fails(place: &Place, args: &[&str]) -> String {
    let output = place.run(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", text(&output.stdout));
    text(&output.stderr)
}

/// The records of all runs, by experiment.
fn records(place: &Place) -> BTreeMap<String, Vec<Value>> {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for run in std::fs::read_dir(place.path("artifacts/runs")).unwrap() {
        let record = json(run.unwrap().path().join("run.json"));
        found.entry(record["experiment"].as_str().unwrap().to_owned()).or_default().push(record);
    }
    found
}

fn seeds(records: &[Value]) -> Vec<u64> {
    let mut seeds: Vec<u64> = records.iter().map(|record| record["seed"].as_u64().unwrap()).collect();
    seeds.sort_unstable();
    seeds
}

#[test]
fn the_best_trial_is_judged_on_new_seeds_and_on_rows_that_took_no_part() {
    let place = Place::new();
    place.write("c.toml", SLOW);
    let printed = works(
        &place,
        &["tune", "c.toml", "--seeds", "2", "--trials", "4", "--minutes", "5", "--jobs", "1", "--tag", "t"],
    );
    let records = records(&place);
    assert_eq!(records.keys().collect::<Vec<_>>(), ["c-default", "c-finals", "c-search", "c-tuned"]);
    // The search has the config's own seed; what is judged has others, and the finals have others again.
    assert_eq!(seeds(&records["c-search"]), [42; 4]);
    assert_eq!(seeds(&records["c-default"]), [43, 44]);
    assert_eq!(seeds(&records["c-tuned"]), [43, 44]);
    assert_eq!(seeds(&records["c-finals"]), [[45; 4], [46; 4], [47; 4]].concat());
    let all = || records.values().flatten();
    let tests: BTreeSet<&str> = all().map(|record| record["data"]["test"].as_str().unwrap()).collect();
    assert_eq!(tests.len(), 1, "all runs have the same test rows");
    assert!(all().all(|record| record["params"]["data.split_seed"] == 42 && record["tags"][0] == "t"));
    assert!(records["c-search"].iter().all(|record| record["sweep"]["trial"].is_number()));
    // 105 rows are left by the test part: of so few, more choose among the trials than stop a training.
    let num_validation = |experiment: &str| records[experiment][0]["data"]["num_validation"].as_u64().unwrap();
    assert_eq!(["c-search", "c-finals", "c-default", "c-tuned"].map(num_validation), [37, 37, 16, 16]);

    // The tuned config is that of a trial, chosen by the validation part.
    let rate = |record: &Value| record["params"]["training.learning_rate"].as_f64().unwrap();
    let tuned = rate(&records["c-tuned"][0]);
    assert!(records["c-search"].iter().any(|record| rate(record) == tuned), "{tuned}");
    assert!(rate(&records["c-default"][0]) == 1e-4);
    assert!(printed.contains("chosen by validation/loss"), "{printed}");
    // The verdict is that of the runs that are there to be compared.
    let compared = works(&place, &["runs", "compare", "c-default", "c-tuned"]);
    let verdict = printed.lines().find_map(|line| line.strip_prefix("A = default, B = tuned. ")).unwrap();
    assert!(compared.contains(verdict), "{verdict}\n{compared}");
    let found = printed.lines().find(|line| line.starts_with("found  ")).unwrap();
    let claim = if verdict.contains("Not distinguishable") { "not distinguishable" } else { "better" };
    assert!(found.contains(claim), "{found}: {verdict}");
    assert!(printed.contains(" of 5 min: default "), "{printed}");

    // What it says to do next works.
    let command = printed.lines().find_map(|line| line.strip_prefix("       keep it as a file: burnlab ")).unwrap();
    let (render, file) = command.split_once(" > ").unwrap();
    place.write(file, &works(&place, &render.split(' ').collect::<Vec<_>>()));
    assert!(works(&place, &["config", "check", file]).contains("ok"));
    assert!(works(&place, &["sweep", "list"]).contains("c-search"));
}

#[test]
fn a_sweep_section_is_the_search_and_the_default_is_a_candidate() {
    let place = Place::new();
    let sweep = "[sweep]\nmethod = \"grid\"\n[sweep.space]\n\"training.learning_rate\" = { values = [1e-9, 1e-8] }\n";
    let config = SLOW.replace("1e-4", "1e-2");
    place.write("c.toml", &format!("{config}{sweep}"));
    let printed = works(&place, &["tune", "c.toml", "--seeds", "2", "--minutes", "5", "--jobs", "1", "--name", "n"]);
    let records = records(&place);
    assert_eq!(records.keys().collect::<Vec<_>>(), ["n-default", "n-finals", "n-search"]);
    assert_eq!(records["n-search"].len(), 2);
    let default = "found  nothing better than the default config, on the validation rows already";
    assert!(printed.contains(default), "{printed}");
    assert!(printed.contains("(2 trials)"), "{printed}");
}

#[test]
fn three_lines_are_tuned_around_what_the_data_chose() {
    let place = Place::new();
    place.write("c.toml", "[data]\nsource = \"iris\"\n");
    let args = ["tune", "c.toml", "--seeds", "2", "--trials", "1", "--minutes", "9", "--jobs", "2", "--quiet"];
    let printed = works(&place, &[&args[..], &["--set", "training.early_stopping.patience=1"]].concat());
    assert!(printed.trim_start().starts_with(['A', 'f']), "only the verdict: {printed}");
    let records = records(&place);
    // The recipe's second training is for what is judged, not for what is chosen.
    let refit = |experiment: &str| records[experiment][0]["params"]["training.refit"].clone();
    assert_eq!(["c-default", "c-search", "c-finals"].map(refit), [true, false, false].map(Value::from));
    let params = &records["c-search"][0]["params"];
    assert_eq!(params["training.optimizer"], "adamw");
    assert_eq!(params["training.early_stopping.patience"], 1);
}

#[test]
fn what_cannot_be_judged_is_refused_before_anything_is_trained() {
    let place = Place::new();
    place.write("c.toml", SLOW);
    let tune = |more: &[&str]| fails(&place, &[&["tune", "c.toml", "--seeds", "2"], more].concat());
    assert!(tune(&["--set", "data.folds=3"]).contains("leave out data.folds"));
    assert!(tune(&["--set", "data.test_fraction=0"]).contains("no test rows to judge the result on"));
    let own = "sweep={method=\"grid\",space={\"training.l2\"={values=[0.1,0.2]}}}";
    let no_validation = ["--set", "data.validation_fraction=0", "--set", "training.restore_best=false", "--set", own];
    assert!(tune(&no_validation).contains("a sweep chooses by the validation part, and this config has none"));
    assert!(tune(&["--minutes", "0"]).contains("--minutes 0"));
    assert!(
        tune(&["--set", "sweep={method=\"grid\",space={\"data.test_fraction\"={values=[0.1,0.2]}}}"])
            .contains("decides which rows are predicted")
    );
    assert!(!place.path("artifacts/runs").exists());
    assert_eq!(place.run(&["tune", "c.toml", "--seeds", "1"]).status.code(), Some(2));
    // A time in which the seeds alone cannot be trained: the first of them tell.
    let error = tune(&["--minutes", "0.0001", "--jobs", "1"]);
    assert!(error.contains("the seeds alone would take most of the 0.0001 min") && error.contains("give --minutes 1"));
    assert_eq!(records(&place)["c-default"].len(), 1);
}

#[test]
#[cfg(unix)]
fn interrupted_in_its_search_it_names_the_command_that_goes_on() {
    let place = Place::new();
    place.write("c.toml", SLOW);
    let args = ["tune", "c.toml", "--seeds", "2", "--trials", "30", "--minutes", "5", "--jobs", "1"];
    let mut child = place.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("trial 2 ")));
    signal("TERM", child.id());
    // Read to the end, so that it can print.
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let output = output_of(child, "tune");
    assert_eq!(output.status.code(), Some(130), "{rest:?} {}", text(&output.stderr));
    let error = text(&output.stderr);
    let command = error.split('`').find(|part| part.starts_with("burnlab sweep resume ")).unwrap().to_owned();
    let resumed = works(&place, &command.split(' ').skip(1).collect::<Vec<_>>());
    assert!(resumed.contains("next   try the best on new seeds: ") && !resumed.contains("waiting"), "{resumed}");
    assert_eq!(records(&place)["c-default"].len(), 2);
}

#[test]
fn a_search_on_few_rows_takes_batches_that_fit_them() {
    let place = Place::new();
    let rows: String = (0..20).map(|i| format!("{},{},{}\n", i % 7, i % 5, i % 2)).collect();
    place.write("t.csv", &format!("a,b,y\n{rows}"));
    place.write(
        "t.toml",
        "[data]\npath = \"t.csv\"\ntarget = \"y\"\n[model]\nhidden = [2]\n[training]\nmax_epochs = 2\n",
    );
    works(&place, &["tune", "t.toml", "--minutes", "0.2", "--trials", "2", "--seeds", "2"]);
}
