//! The program alone, in a folder without a clone: built-in configs and their data, and files that are missing.

use serde_json::json;

use crate::place::{Place, json, text};

const SHORT: [&str; 3] = ["--quiet", "--set", "training.max_epochs=2"];

/// Runs burnlab, which must succeed; returns what it printed.
#[track_caller]
fn printed(place: &Place, args: &[&str]) -> String {
    let output = place.run(args);
    assert!(output.status.success(), "burnlab {}: {}", args.join(" "), text(&output.stderr));
    text(&output.stdout)
}

/// Runs burnlab, which must fail with exit code 1; returns the error.
#[track_caller]
fn refused(place: &Place, args: &[&str]) -> String {
    let output = place.run(args);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "burnlab {}: {error}", args.join(" "));
    assert!(error.starts_with("error: "), "{error}");
    error
}

fn environment_of(place: &Place, experiment: &str) -> serde_json::Value {
    let runs = std::fs::read_dir(place.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path());
    let is_of = |path: &std::path::PathBuf| {
        path.file_name().unwrap().to_str().unwrap().starts_with(&format!("{experiment}-20"))
    };
    json(runs.into_iter().find(is_of).unwrap().join("environment.json"))
}

#[test]
fn a_built_in_config_is_listed_trained_printed_and_changed_in_an_empty_folder() {
    let place = Place::new();
    let list = printed(&place, &["config", "list"]);
    let shows = "  Three species of iris from four measurements: the smallest multi-class table.";
    assert!(list.lines().any(|line| line.starts_with("iris ") && line.ends_with(shows)), "{list}");
    assert!(list.contains("burnlab --config digits\n") && list.contains("burnlab config show digits > my.toml\n"));

    let out = printed(&place, &["--config", "digits", "--set", "training.max_epochs=2"]);
    assert!(out.starts_with("config digits (built in)\nrun    digits-"), "{out}");
    assert_eq!(environment_of(&place, "digits")["config"], json!({ "built_in": "digits" }));
    for name in ["digits.toml", "configs/digits.toml"] {
        printed(&place, &[&["--config", name][..], &SHORT].concat());
        assert!(printed(&place, &["config", "render", name]).contains("source = \"digits\""));
        printed(&place, &["config", "check", name]);
    }
    assert!(std::fs::read_dir(place.path("")).unwrap().count() == 1, "nothing but artifacts/ is written");

    let shown = printed(&place, &["config", "show", "digits"]);
    let original = include_str!("../../configs/digits.toml");
    assert_eq!(shown, original.replace("cargo run -- ", "burnlab "), "its commands are those of an installed burnlab");
    place.write("my.toml", &shown.replace("hidden = [16]", "hidden = [4]"));
    let id = printed(
        &place,
        &["--config", "my.toml", "--quiet", "--print-id", "--set", "training.max_epochs=2", "--name", "mine"],
    );
    let id = id.lines().last().unwrap();
    assert_eq!(json(place.path("artifacts/runs").join(id).join("run.json"))["params"]["model.hidden"], json!([4]));
    assert_eq!(environment_of(&place, "mine")["config"], json!({ "file": place.path("my.toml") }));
}

#[test]
fn a_file_always_wins_over_a_built_in_config_of_its_name() {
    let place = Place::new();
    let origin = |name: &str| {
        let out = printed(&place, &["config", "render", name]);
        out.lines().find_map(|line| line.strip_prefix("source = ")).unwrap().to_owned()
    };
    std::fs::create_dir(place.path("digits")).unwrap(); // a folder is no config
    assert_eq!(origin("digits"), "\"digits\"");
    let source = |name: &str| format!("[data]\nsource = \"{name}\"\n");
    std::fs::create_dir(place.path("configs")).unwrap();
    place.write("configs/digits.toml", &source("wine"));
    assert_eq!((origin("digits"), origin("digits.toml")), ("\"wine\"".into(), "\"wine\"".into()));
    place.write("digits.toml", &source("iris"));
    assert_eq!((origin("digits"), origin("digits.toml")), ("\"iris\"".into(), "\"iris\"".into()));
    assert_eq!(origin("configs/digits.toml"), "\"wine\"");
    // A broken file is an error, not a reason to look further.
    place.write("digits.toml", "[data\n");
    assert!(refused(&place, &["config", "check", "digits"]).starts_with("error: digits.toml:1:6: "));
}

#[test]
fn seeds_sweeps_and_resumed_runs_work_with_built_in_configs() {
    let place = Place::new();
    let out = printed(&place, &["--config", "wine", "--seeds", "2", "--set", "training.max_epochs=2"]);
    assert!(out.contains("2 of 2 seeds of wine"), "{out}");
    let sweep = ["--config", "digits-sweep", "--set", "sweep.trials=2", "--jobs", "2"];
    printed(&place, &[&sweep[..], &SHORT].concat());
    let of_trial = environment_of(&place, "digits-sweep");
    let id = of_trial["config"]["sweep"].as_str().unwrap();
    assert!(id.starts_with("digits-sweep-20"), "{of_trial}");
    printed(&place, &["sweep", "resume", "latest", "--quiet"]);

    // Its table is built in too, and is found again after the folder has moved.
    printed(&place, &[&["--config", "csv-example"][..], &SHORT].concat());
    let environment = environment_of(&place, "titanic");
    let note = "no file configs/data/titanic.csv here: the one that is built into burnlab is used";
    assert_eq!(environment["dataset"]["notes"], json!([note]));
    let elsewhere = Place::new();
    std::fs::rename(place.path("artifacts"), elsewhere.path("artifacts")).unwrap();
    printed(&elsewhere, &["resume", "titanic", "--epochs", "3", "--quiet"]);
    let table = printed(&elsewhere, &["config", "show", "configs/data/titanic.csv"]);
    assert_eq!(table, include_str!("../../configs/data/titanic.csv"));
    // Another table at that place is not taken for it.
    std::fs::create_dir_all(elsewhere.path("configs/data")).unwrap();
    elsewhere.write("configs/data/titanic.csv", &table.replacen("male", "female", 1));
    let error = refused(&elsewhere, &["resume", "titanic", "--epochs", "4"]);
    assert!(error.contains("have changed since the run was trained"), "{error}");
}

#[test]
fn a_missing_file_is_named_with_its_folder_and_what_is_similar_there() {
    let place = Place::new();
    let here = place.path("");
    let here = here.to_str().unwrap().trim_end_matches('/');
    let list = "`burnlab config list` lists the built-in configs";
    let near = "the built-in config `digits` has a similar name";
    let no_config = |args: &[&str]| refused(&place, args);
    let expected = format!("error: digit.toml: no such file in {here}; {near}; {list}\n");
    assert_eq!(no_config(&["config", "check", "digit.toml"]), expected);
    place.write("Digits.toml", "");
    let expected = format!("error: digit.toml: no such file in {here}, which has `Digits.toml`; {near}; {list}\n");
    assert_eq!(no_config(&["--config", "digit.toml"]), expected);
    let expected = format!("error: my/net.toml: no such file: there is no folder {here}/my; {list}\n");
    assert_eq!(no_config(&["--config", "my/net.toml"]), expected);
    let unknown = refused(&place, &["config", "show", "digts"]);
    let expected =
        "error: there is no built-in config `digts`; did you mean `digits`? `burnlab config list` lists them\n";
    assert_eq!(unknown, expected);

    place.write("wine.csv", "a,y\n");
    place.write("c.toml", "[data]\npath = \"vine.csv\"\ntarget = \"y\"\n");
    let error = refused(&place, &["config", "check", "c.toml"]);
    let expected = format!("error: c.toml:2:1: data.path: no file `vine.csv` in {here}, which has `wine.csv`\n");
    assert!(error.starts_with(&expected), "{error}");
    // Data that the user brings.
    let error = refused(&place, &["--config", "mnist"]);
    assert!(error.starts_with("error: mnist (built in):"), "{error}");
    assert!(error.contains("; these data are not built in: `burnlab config show mnist` says where to get them\n"));
    assert!(!place.path("artifacts").exists());
}
