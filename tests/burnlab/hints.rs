//! What a run and `config check` advise to do next, and that the commands do it.
#![cfg(unix)]

use std::process::Output;

use crate::place::{Place, text};

/// The result of a command, and its hints: what to do, and the command.
#[track_caller]
fn hints(place: &Place, args: &[&str]) -> (String, Vec<(String, String)>) {
    let output = place.run(args);
    let out = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let next = out.lines().filter_map(|line| line.strip_prefix("next   "));
    let hints = next.map(|hint| {
        let (advice, command) = hint.split_once(": burnlab ").unwrap();
        (advice.to_owned(), format!("burnlab {command}"))
    });
    (out.clone(), hints.collect())
}

/// Runs a command as it was printed.
fn pasted(place: &Place, command: &str) -> Output {
    let tools = place.path("tools");
    if !tools.exists() {
        std::fs::create_dir(&tools).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_burnlab"), tools.join("burnlab")).unwrap();
    }
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", command]).current_dir(place.path("")).env("PATH", path).env_remove("CARGO").output().unwrap()
}

#[track_caller]
fn command_of<'a>(hints: &'a [(String, String)], advice: &str) -> &'a str {
    let found = hints.iter().find(|hint| hint.0.contains(advice));
    &found.unwrap_or_else(|| panic!("no hint with `{advice}` in {hints:#?}")).1
}

#[test]
fn an_overfitted_run_is_to_stop_in_time_and_not_to_grow() {
    let place = Place::new();
    let (out, found) = hints(&place, &["--config", "moons-overfit", "--set", "training.max_epochs=300"]);
    assert!(found[0].0.starts_with("overfitted: the validation loss rose from "), "{out}");
    assert!(found[0].0.ends_with(": stop in time") && found[1].0 == "or regularise", "{found:#?}");
    assert!(found[1].1.ends_with(" --set model.dropout=0.2"), "{found:#?}");
    assert!(!out.contains("wider"), "{out}");
    // The result and its baseline come first, and what to do next last.
    let begins = |start: &str| out.find(&format!("\n{start}")).unwrap_or_else(|| panic!("no {start} in {out}"));
    assert!(begins("test   accuracy ") < begins("ended  all 300 epochs done"));
    assert!(begins("ended  ") < begins("saved  ") && begins("saved  ") < begins("next   "));
    assert!(out.contains(" rows (always the most frequent class: 0.5000)\n"), "{out}");

    let stopped = pasted(&place, &found[0].1);
    assert!(stopped.status.success(), "{}", text(&stopped.stderr));
    let out = text(&stopped.stdout);
    assert!(
        out.contains("\nended  stopped early after epoch ") && out.contains("; kept the weights of epoch "),
        "{out}"
    );
    let compare = out.lines().find_map(|line| line.strip_prefix("next   compare it with the run before: ")).unwrap();
    let compared = pasted(&place, compare);
    assert!(text(&compared.stdout).contains("training.early_stopping.patience"), "{compared:?}");
}

#[test]
fn a_run_whose_last_epoch_is_the_best_is_to_go_on() {
    let place = Place::new();
    let (_, found) = hints(&place, &["--config", "digits", "--set", "training.max_epochs=3"]);
    assert_eq!(found[0].0, "epoch 3 of 3 was the best so far: train for longer");
    let resume = &found[0].1;
    assert!(resume.starts_with("burnlab resume digits-20") && resume.ends_with(" --epochs 6"), "{resume}");
    let output = pasted(&place, resume);
    assert!(text(&output.stdout).contains("\nended  all 6 epochs done "), "{output:?}");
    // A schedule that ends with the planned epochs begins again.
    let cosine = ["--config", "spirals", "--set", "training.max_epochs=2"];
    let (_, found) = hints(&place, &cosine);
    let longer = command_of(&found, "was the best so far: train for longer");
    assert!(longer.starts_with("burnlab --config spirals ") && longer.ends_with(" --set training.max_epochs=4"));
}

#[test]
fn a_result_no_better_than_the_baseline_is_a_matter_of_data_or_kind() {
    let place = Place::new();
    let (_, found) = hints(&place, &["--config", "xor-perceptron"]);
    let other =
        command_of(&found, "is not clearly better than the baseline's 0.5167: try another kind of network, tabular");
    let output = pasted(&place, &format!("{other} --set training.max_epochs=2"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = place.run(&["runs", "show", "latest", "--json"]).stdout;
    let shown: serde_json::Value = serde_json::from_slice(&shown).unwrap();
    assert_eq!(shown["params"]["model.kind"], "tabular");
    let layer = command_of(&found, "give it a hidden layer");
    let output = pasted(&place, layer);
    assert!(!text(&output.stdout).contains("better than the baseline"), "{}", text(&output.stdout));
    // A perfect result needs no larger net.
    let (out, _) = hints(&place, &["--config", "iris"]);
    assert!(out.contains("test   accuracy 1.0000 ") && !out.contains("wider"), "{out}");
}

#[test]
fn a_check_says_what_is_to_be_beaten_and_what_to_do_next() {
    let place = Place::new();
    let (out, found) = hints(&place, &["config", "check", "digits"]);
    let share =
        "goal   better than always answering `3`, the most frequent class: accuracy 0.1021 on the training rows\n";
    assert!(out.starts_with(&format!("digits (built in): ok\n{share}data   digits: 1797 rows")), "{out}");
    assert!(out.contains("\nmodel  64-16-10 relu, 1210 parameters\n"), "{out}");
    assert_eq!(found, [("train it".to_owned(), "burnlab --config digits".to_owned())]);

    let (_, found) = hints(&place, &["config", "check", "iris"]);
    assert!(command_of(&found, "no validation rows").ends_with(" --set data.validation_fraction=0.15"));
    let (_, found) = hints(&place, &["config", "check", "iris", "--set", "data.validation_fraction=0.2"]);
    // Whether it stops in time is seen after training.
    let train = "burnlab --config iris --set data.validation_fraction=0.2";
    assert_eq!(found, [("train it".to_owned(), train.to_owned())]);
    let (_, found) = hints(&place, &["config", "check", "digits-sweep"]);
    assert_eq!(found, [("run the sweep".to_owned(), "burnlab --config digits-sweep".to_owned())]);
    // The mean and the population's standard deviation of four training targets: 1, 2, 3, 6.
    let rows: String = [1, 2, 3, 6].iter().enumerate().map(|(x, y)| format!("{x}.5,{y}\n")).collect();
    place.write("four.csv", &format!("x,y\n{rows}"));
    let data = "[data]\npath = \"four.csv\"\ntarget = \"y\"\ntask = \"regression\"\ntest_fraction = 0\nvalidation_fraction = 0\n";
    place.write("four.toml", &format!("{data}[training]\nbatch_size = 2\n"));
    let (out, _) = hints(&place, &["config", "check", "four.toml"]);
    assert!(out.contains("\ngoal   better than always answering the mean, 3.0000: rmse 1.8708 on the training rows\n"));
}

/// What a hinted command changes beside what it says would be compared with it: the keys of `config render` that differ.
#[track_caller]
fn changed(place: &Place, hinted: &str, config: &str) -> Vec<String> {
    let (_, sets) = hinted.split_once(&format!("--config {config}")).unwrap();
    let before = crate::place::works(place, &["config", "render", config]);
    let after = pasted(place, &format!("burnlab config render {config}{sets}"));
    assert!(after.status.success(), "{hinted}: {}", text(&after.stderr));
    let after = text(&after.stdout);
    let lines = |one: &str, other: &str| {
        let lines = one.lines().filter(|line| !other.lines().any(|other| other == *line));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(before.lines().count(), after.lines().count(), "{before}\n{after}");
    assert_eq!(lines(&before, &after).len(), lines(&after, &before).len());
    lines(&after, &before)
}

#[test]
fn a_hinted_command_changes_only_what_it_says_of_what_the_data_chose() {
    let place = Place::new();
    // A table of overlapping classes, so that there is something left to gain.
    let row = |i: usize| {
        let (x, z) = (i * 37 % 101, i * 53 % 97);
        format!("{x}.5,{z}.5,{}\n", ["a", "b"][usize::from(x + z + i * 29 % 61 > 120)])
    };
    place.write("t.csv", &format!("x,z,y\n{}", (0..200).map(row).collect::<String>()));
    let data = "[data]\npath = \"t.csv\"\ntarget = \"y\"\n";
    for (name, training) in [("all.toml", ""), ("epochs.toml", "[training]\nmax_epochs = 12\n")] {
        place.write(name, &format!("{data}{training}"));
        let (_, found) = hints(&place, &["--config", name]);
        let wider = command_of(&found, "try a wider net");
        assert_eq!(changed(&place, wider, name), ["hidden = [128]"], "{wider}");
    }
    // A number of epochs would replace the training that the data chose, where a network is given.
    place.write("net.toml", &format!("{data}[model]\nhidden = [4]\n"));
    let place_of_net = ["--config", "net.toml", "--set", "training.early_stopping.patience=1000"];
    let (_, found) = hints(&place, &place_of_net);
    for (advice, command) in found.iter().filter(|(_, command)| command.contains("--set training.max_epochs=")) {
        let differs = changed(&place, command, "net.toml");
        assert!(
            differs.iter().all(|line| line.starts_with("max_epochs") || line.starts_with("patience")),
            "{advice}: {differs:?}"
        );
    }
}
