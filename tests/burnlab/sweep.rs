//! Sweeps and cross-validation, through the command line.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};

use burnlab::metric::Goal;
use burnlab::tracking::{MetricKey, RunId, Shown, Status, Store, Sweep, Trial, TrialState};

#[cfg(unix)]
use crate::place::signal;
use crate::place::{Place, text};

const GRID: &str = r#"
[data]
source = "iris"
[training]
max_epochs = 5
batch_size = 16
[sweep]
method = "grid"
lease_seconds = 1
[sweep.space]
"model.hidden" = { values = [[4], [8, 4]] }
"training.learning_rate" = { values = [1e-3, 1e-2] }
"#;

/// Trials that take a while: the learning rate is too low for the loss to end them early.
pub const SLOW: &str = r#"
[data]
source = "digits"
[model]
hidden = [16]
[training]
max_epochs = 2000
learning_rate = 1e-4
[sweep]
method = "random"
trials = 4
lease_seconds = 1
[sweep.space]
"training.l2" = { min = 1e-5, max = 1e-2, scale = "log" }
"#;

fn store(place: &Place) -> Store {
    Store::open(&place.path("artifacts")).unwrap()
}

fn newest(place: &Place) -> (Sweep, Vec<Trial>) {
    let store = store(place);
    let sweep = store.find_sweep("latest").unwrap();
    let trials = store.trials(&sweep.id).unwrap();
    (sweep, trials)
}

/// The sweep once `is_reached` holds; the processes meanwhile do what they do.
fn wait_for(place: &Place, is_reached: impl Fn(&[Trial]) -> bool) -> Vec<Trial> {
    loop {
        if let Ok(store) = Store::open_read_only(&place.path("artifacts"))
            && let Ok(sweep) = store.find_sweep("latest")
        {
            let trials = store.trials(&sweep.id).unwrap();
            if is_reached(&trials) {
                return trials;
            }
        }
        std::thread::yield_now();
    }
}

fn is_training(trial: &Trial) -> bool {
    trial.state == TrialState::Running && !trial.runs.is_empty()
}

fn worker_process(trial: &Trial) -> u32 {
    trial.worker.as_ref().unwrap().rsplit(':').next().unwrap().parse().unwrap()
}

fn begin(place: &Place, arguments: &[&str]) -> Child {
    place.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Every trial has one result, and the runs that count are one for each.
#[track_caller]
pub fn assert_each_once(place: &Place, num_trials: u32) -> Vec<Trial> {
    let (sweep, trials) = newest(place);
    assert_eq!(trials.len() as u32, num_trials);
    assert!(trials.iter().all(|trial| trial.state == TrialState::Finished), "{trials:?}");
    assert_eq!(sweep.counts.finished, num_trials);
    let store = store(place);
    let of_trials: BTreeSet<RunId> = trials.iter().flat_map(|trial| trial.runs.clone()).collect();
    assert_eq!(of_trials.len() as u32, num_trials);
    let counted = store.runs().unwrap().into_iter().filter(|run| !run.record.archived);
    assert_eq!(counted.map(|run| run.record.id).collect::<BTreeSet<_>>(), of_trials);
    trials
}

#[test]
fn a_grid_is_trained_once_each_and_summed_up() {
    let place = Place::new();
    place.write("c.toml", GRID);
    let output = place.run(&["--config", "c.toml", "--jobs", "2", "--tag", "x"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let trials = assert_each_once(&place, 4);
    let params: BTreeSet<String> = trials.iter().map(|trial| serde_json::to_string(&trial.params).unwrap()).collect();
    assert_eq!(params.len(), 4, "{params:?}");

    // A trial's value is its metric at the epoch whose weights were kept, and its run's config is the trial's.
    let store = store(&place);
    for trial in &trials {
        let run = store.run(&trial.runs[0]).unwrap();
        assert_eq!(run.record.tags, ["x"]);
        let told = run.record.sweep.clone().unwrap();
        assert_eq!((told.trial, told.sweep), (trial.number, newest(&place).0.id));
        for (key, value) in &trial.params {
            assert_eq!(run.record.params[key], *value);
        }
        let key: MetricKey = "validation/loss".parse().unwrap();
        let best = store.series(&run.record.id, &key).unwrap().iter().map(|s| s.value).fold(f64::INFINITY, f64::min);
        assert_eq!(trial.value, Some(best));
        // The run alone can be trained again.
        let config = format!("artifacts/runs/{}/config.toml", run.record.id);
        assert!(place.run(&["config", "check", &config]).status.success());
    }

    let shown = text(&output.stdout);
    assert!(shown.contains("4 of 4 trials finished"), "{shown}");
    assert!(!shown.contains("waits for trial") && !shown.contains("overfitting"), "{shown}");
    let best = trials.iter().min_by(|a, b| a.value.unwrap().total_cmp(&b.value.unwrap())).unwrap();
    let first = shown.lines().skip_while(|line| !line.starts_with("trial ") || !line.contains("run")).nth(1).unwrap();
    assert!(first.trim_start().starts_with(&format!("{} ", best.number)), "{shown}");
    let command = shown.lines().find_map(|line| line.split("on new seeds: burnlab ").nth(1)).unwrap();
    let command: Vec<&str> = command.split(' ').collect();
    assert!(command.contains(&"--seeds"), "{shown}");

    // Under the name that its experiment has now.
    assert!(place.run(&["runs", "rename", "c", "found"]).status.success());
    assert!(text(&place.run(&["sweep", "show", "found"]).stdout).contains("4 of 4 trials finished"));
    assert!(place.run(&["runs", "rename", "found", "c"]).status.success());

    let list = text(&place.run(&["sweep", "list"]).stdout);
    assert!(list.contains("grid") && list.lines().count() == 2, "{list}");
    let json: serde_json::Value = serde_json::from_slice(&place.run(&["sweep", "show", "c", "--json"]).stdout).unwrap();
    assert_eq!(json["trials"].as_array().unwrap().len(), 4);
    assert_eq!(json["sweep"]["metric"], "validation/loss");
    // Of widths alone there is a picture.
    let widths = "sweep.space={\"model.hidden\"={values=[[2],[4],[8]]}}";
    let output = place.run(&["--config", "c.toml", "--name", "widths", "--jobs", "2", "--set", widths]);
    let told = text(&output.stdout);
    assert!(told.contains(": burnlab plot widths overfitting\n"), "{told}");
    assert!(told.contains("The best of the 3 trials that finished owes part of its validation/loss to luck"), "{told}");
    assert!(place.run(&["plot", "widths", "overfitting", "-o", "w.svg"]).status.success());
}

#[test]
fn a_sweep_that_cannot_be_trained_is_refused_before_its_first_trial() {
    let place = Place::new();
    for (from, to, expected) in [
        (
            "[1e-3, 1e-2]",
            "[1e-3, -1]",
            "c.toml:12:1: sweep.space.training.learning_rate: learning_rate must be above 0",
        ),
        ("\"model.hidden\"", "\"model.hiden\"", "model.hiden"),
        ("\"model.hidden\"", "model.hidden", "a key with dots is written in quotes here: \"model.hidden\""),
        ("lease_seconds = 1", "metric = \"test/loss\"", "sweep.metric"),
        ("lease_seconds = 1", "metric = \"validation/r2\"", "choose by one of validation/loss"),
        ("[[4], [8, 4]]", "[]", "model.hidden"),
        (
            "\"model.hidden\" = { values = [[4], [8, 4]] }",
            "\"data.test_fraction\" = { values = [0.2, 0.3] }",
            "data.test_fraction",
        ),
        ("\"model.hidden\" = { values = [[4], [8, 4]] }", "\"seed\" = { values = [1, 2] }", "seed"),
        ("source = \"iris\"", "source = \"iris\"\nvalidation_fraction = 0", "data.validation_fraction"),
    ] {
        assert!(GRID.contains(from));
        place.write("c.toml", &GRID.replace(from, to));
        let output = place.run(&["--config", "c.toml"]);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{to}: {errors}");
        assert!(errors.contains(expected) && errors.starts_with("error: "), "{to}: {errors}");
        assert!(output.stdout.is_empty());
        let checked = place.run(&["config", "check", "c.toml"]);
        assert!(checked.status.code() == Some(1) && text(&checked.stderr).contains(expected), "{to}");
        assert!(!place.path("artifacts/burnlab.db").exists() || store(&place).sweeps().unwrap().0.is_empty());
    }
    assert_eq!(place.run(&["sweep", "show", "none"]).status.code(), Some(1));
}

#[test]
#[cfg(unix)]
fn the_trial_of_a_killed_worker_is_taken_up_by_another() {
    let place = Place::new();
    place.write("c.toml", SLOW);
    let sweep = begin(&place, &["--config", "c.toml", "--jobs", "2"]);
    let trials = wait_for(&place, |trials| trials.iter().filter(|trial| is_training(trial)).count() == 2);
    let victim = trials.iter().find(|trial| is_training(trial)).unwrap();
    signal("KILL", worker_process(victim));
    let output = sweep.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let trials = assert_each_once(&place, 4);
    let again = &trials[victim.number as usize - 1];
    assert_eq!(again.attempts, 2);
    assert_ne!(again.runs, victim.runs);
    let lost = store(&place).run(&victim.runs[0]).unwrap();
    assert_eq!((lost.record.status, lost.record.archived), (Status::Crashed, true));
    assert!(text(&output.stderr).contains("1 trial goes to another one"), "{}", text(&output.stderr));
}

#[test]
#[cfg(unix)]
fn a_worker_that_is_asked_to_stop_gives_its_trial_back_and_is_not_taken_for_lost() {
    let place = Place::new();
    place.write("c.toml", SLOW);
    let sweep = begin(&place, &["--config", "c.toml", "--jobs", "2"]);
    let trials = wait_for(&place, |trials| trials.iter().filter(|trial| is_training(trial)).count() == 2);
    signal("TERM", worker_process(trials.iter().find(|trial| is_training(trial)).unwrap()));
    let output = sweep.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_each_once(&place, 4);
    assert_eq!(text(&output.stderr), "", "its exit code tells a worker that stopped from one that broke");
}

#[test]
#[cfg(unix)]
fn a_worker_that_slept_through_its_lease_changes_nothing() {
    let place = Place::new();
    place.write("c.toml", SLOW);
    let sweep = begin(&place, &["--config", "c.toml", "--jobs", "2"]);
    let trials = wait_for(&place, |trials| trials.iter().filter(|trial| is_training(trial)).count() == 2);
    let sleeper = trials.iter().find(|trial| is_training(trial)).unwrap();
    signal("STOP", worker_process(sleeper));
    let number = sleeper.number as usize - 1;
    let trials = wait_for(&place, |trials| trials[number].attempts == 2 && is_training(&trials[number]));
    assert_ne!(trials[number].worker, sleeper.worker);
    signal("CONT", worker_process(sleeper));
    let output = sweep.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let trials = assert_each_once(&place, 4);
    assert!(!trials[number].runs.contains(&sleeper.runs[0]));
    assert_eq!(text(&output.stdout).matches(&format!("trial {:<4} ", sleeper.number)).count(), 1);
}

#[test]
#[cfg(unix)]
fn a_killed_sweep_goes_on_where_it_was() {
    let place = Place::new();
    // Nobody waits for the end of a lease whose worker is gone from this machine.
    place.write("c.toml", &SLOW.replace("lease_seconds = 1", "lease_seconds = 36000"));
    let mut sweep = begin(&place, &["--config", "c.toml", "--jobs", "1"]);
    let trials = wait_for(&place, |trials| {
        trials.iter().any(|trial| trial.state == TrialState::Finished) && trials.iter().any(is_training)
    });
    let worker = worker_process(trials.iter().find(|trial| is_training(trial)).unwrap());
    // Both at once: nobody can give anything back.
    signal("KILL", sweep.id());
    signal("KILL", worker);
    sweep.wait().unwrap();
    let done: Vec<Trial> = newest(&place).1.into_iter().filter(|trial| trial.state == TrialState::Finished).collect();

    let output = place.run(&["sweep", "resume", "latest", "--jobs", "1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let trials = assert_each_once(&place, 4);
    for trial in done {
        assert_eq!(trials[trial.number as usize - 1], trial, "a result is kept as it was");
    }
}

#[test]
fn a_sweep_without_trials_left_starts_no_worker_and_an_invalid_config_none_either() {
    let place = Place::new();
    place.write("c.toml", GRID);
    assert!(place.run(&["--config", "c.toml", "-q"]).status.success());
    let resume = || {
        let output = place.run(&["sweep", "resume", "latest"]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let change = |sql: &str| {
        let database = rusqlite::Connection::open(place.path("artifacts/burnlab.db")).unwrap();
        assert!(database.execute(sql, []).unwrap() > 0, "{sql}");
    };
    change("UPDATE sweep SET config = 'no = 1'");
    let (code, shown, told) = resume();
    assert_eq!((code, told.as_str()), (Some(0), ""));
    assert!(shown.contains("4 of 4 trials finished") && !shown.contains("worker"), "{shown}");
    change("UPDATE trial SET state = 'waiting' WHERE number = 1");
    let (code, shown, told) = resume();
    assert_eq!((code, shown.as_str()), (Some(1), ""));
    assert!(told.contains("unknown key `no`") && told.matches("error").count() == 1, "{told}");
}

/// A disk of a megabyte, which the first trials fill. Nothing of that is the trials' fault.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_fails_no_trial() {
    use std::process::Command;
    let place = Place::new();
    let disk = place.path("artifacts");
    std::fs::create_dir(&disk).unwrap();
    let mount = |options: &str| {
        Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&disk)
            .output()
            .is_ok_and(|done| done.status.success())
    };
    if !mount("size=1200k") {
        return crate::without_tools::skip("the right to mount a file system");
    }
    place.write("c.toml", &SLOW.replace("max_epochs = 2000", "max_epochs = 5").replace("trials = 4", "trials = 8"));
    let output = place.run(&["--config", "c.toml", "--jobs", "2"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let (sweep, trials) = newest(&place);
    println!("{:?} with a disk of 1.2 MB", sweep.counts);
    assert_eq!((sweep.counts.failed, sweep.counts.running), (0, 0), "{trials:?}");
    assert!(sweep.counts.waiting > 0 && trials.iter().all(|trial| trial.attempts <= 1), "{trials:?}");
    assert!(mount("remount,size=200m"));
    let output = place.run(&["sweep", "resume", "latest", "--jobs", "2"]);
    let ended = newest(&place);
    Command::new("umount").arg("-l").arg(&disk).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(ended.0.counts.finished, 8, "{:?}", ended.1);
}

#[test]
#[cfg(unix)]
fn workers_end_with_the_process_that_started_them_and_give_their_trials_back() {
    for (name, code) in [("KILL", None), ("TERM", Some(130))] {
        let place = Place::new();
        place.write("c.toml", &SLOW.replace("max_epochs = 2000", "max_epochs = 1000000"));
        let mut sweep = begin(&place, &["--config", "c.toml", "--jobs", "2"]);
        wait_for(&place, |trials| trials.iter().filter(|trial| is_training(trial)).count() == 2);
        signal(name, sweep.id());
        assert_eq!(sweep.wait().unwrap().code(), code);
        let trials = wait_for(&place, |trials| trials.iter().all(|trial| trial.state == TrialState::Waiting));
        assert!(trials.iter().all(|trial| trial.attempts == 0), "{trials:?}");
        let store = store(&place);
        for run in store.runs().unwrap() {
            assert_eq!(store.shown(&run), Shown::Interrupted);
            assert!(run.record.archived);
        }
    }
}

#[test]
fn a_trial_that_diverges_is_recorded_and_the_others_go_on() {
    let place = Place::new();
    let rates =
        "\"training.optimizer\" = { values = [\"sgd\"] }\n\"training.learning_rate\" = { values = [1e-2, 1e30] }";
    place.write("c.toml", &GRID.replace("\"training.learning_rate\" = { values = [1e-3, 1e-2] }", rates));
    let output = place.run(&["--config", "c.toml", "--jobs", "2"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (sweep, trials) = newest(&place);
    assert_eq!((sweep.counts.finished, sweep.counts.failed), (2, 2));
    for trial in trials.iter().filter(|trial| trial.state == TrialState::Failed) {
        assert!(trial.reason.starts_with("the loss is not finite in epoch 1"), "{}", trial.reason);
        assert_eq!((trial.attempts, trial.value), (1, None));
    }
    assert!(text(&output.stdout).contains("failed: the loss is not finite"), "{}", text(&output.stdout));
}

#[test]
fn successive_halving_ends_the_hopeless_early() {
    let place = Place::new();
    place.write(
        "c.toml",
        r#"
[data]
source = "iris"
[training]
max_epochs = 40
batch_size = 16
[sweep]
method = "grid"
[sweep.halving]
min_epochs = 4
factor = 2
[sweep.space]
"training.learning_rate" = { values = [3e-2, 2e-2, 1e-2, 1e-6, 2e-6, 3e-6] }
"#,
    );
    let output = place.run(&["--config", "c.toml", "--jobs", "1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (sweep, trials) = newest(&place);
    assert_eq!(sweep.counts.finished + sweep.counts.stopped, 6);
    let store = store(&place);
    let key: MetricKey = "validation/loss".parse().unwrap();
    for trial in &trials {
        let epochs = store.series(&trial.runs[0], &key).unwrap().len() as u64;
        let is_hopeless = trial.params["training.learning_rate"].as_f64().unwrap() < 1e-3;
        if is_hopeless {
            assert_eq!((trial.state, epochs), (TrialState::Stopped, 4), "{trial:?}");
            assert!(store.run(&trial.runs[0]).unwrap().record.reason.contains("ended by its sweep after epoch 4"));
        }
        assert!(trial.rungs.keys().all(|epoch| [4, 8, 16, 32].contains(epoch)));
    }
    assert_eq!(trials[0].state, TrialState::Finished);
    assert_eq!(key.goal(), Some(Goal::Lower));
}

#[test]
fn every_row_is_tested_in_one_fold() {
    let place = Place::new();
    let config = "[data]\nsource = \"wine\"\nfolds = 4\n[training]\nmax_epochs = 3\nbatch_size = 16\n";
    place.write("c.toml", config);
    let output = place.run(&["--config", "c.toml"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("4 of 4 folds of c"), "{}", text(&output.stdout));
    let store = store(&place);
    let (mut rows, mut sizes, mut folds) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
    for run in store.runs().unwrap() {
        folds.insert(run.record.params["data.fold"].as_u64().unwrap());
        let mut reader = csv::Reader::from_path(store.folder(&run.record.id).join("predictions.csv")).unwrap();
        let place = reader.headers().unwrap().iter().position(|name| name == "row").unwrap();
        let truth = reader.headers().unwrap().iter().position(|name| name == "true").unwrap();
        let mut by_class = std::collections::BTreeMap::<String, usize>::new();
        let mut size = 0;
        for record in reader.records().map(Result::unwrap) {
            assert!(rows.insert(record[place].to_owned()), "row {} is in two folds", &record[place]);
            *by_class.entry(record[truth].to_owned()).or_default() += 1;
            size += 1;
        }
        // 59, 71 and 48 wines of the three kinds.
        assert!((14..=15).contains(&by_class["class_0"]) && (17..=18).contains(&by_class["class_1"]), "{by_class:?}");
        assert_eq!(by_class["class_2"], 12);
        sizes.push(size);
    }
    sizes.sort();
    assert_eq!((rows.len(), sizes, folds.len()), (178, vec![44, 44, 45, 45], 4));
    // As one in the list.
    let list = text(&place.run(&["runs", "list", "--group"]).stdout);
    assert_eq!(list.lines().count(), 2, "{list}");

    for (set, expected) in [
        ("data.fold=5", "from 1 to data.folds = 4"),
        ("data.test_fraction=0.2", "data.test_fraction is not used with data.folds"),
        ("data.folds=1", "from 2 to 1000"),
        ("data.folds=179", "leave some empty"),
    ] {
        let output = place.run(&["--config", "c.toml", "--set", set]);
        assert!(output.status.code() == Some(1) && text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
    let alone = place.run(&["--config", "c.toml", "--set", "data.fold=2", "--quiet"]);
    assert!(alone.status.success(), "{}", text(&alone.stderr));
}

#[test]
fn a_trial_of_several_seeds_has_their_mean() {
    let place = Place::new();
    place.write("c.toml", &format!("seeds = 3\n{GRID}").replace("[1e-3, 1e-2]", "[1e-2]"));
    let output = place.run(&["--config", "c.toml", "--jobs", "2"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (_, trials) = newest(&place);
    let store = store(&place);
    let key: MetricKey = "validation/loss".parse().unwrap();
    for trial in trials {
        assert_eq!(trial.runs.len(), 3);
        let values = trial.runs.iter().map(|run| store.run(run).unwrap().metrics[&key].best.unwrap());
        let mean = values.sum::<f64>() / 3.0;
        assert!((trial.value.unwrap() - mean).abs() < 1e-12);
    }
}

/// Kinds and optimizers whose keys differ.
const KINDS: &str = r#"
[data]
source = "iris"
[training]
max_epochs = 2
batch_size = 16
[sweep]
method = "grid"
[sweep.space]
"training.optimizer" = { values = ["sgd", "adam"] }
"training.momentum" = { values = [0.0, 0.9], when = { "training.optimizer" = "sgd" } }
[sweep.space."model.kind".mlp]
"model.hidden" = { values = [[4]] }
[sweep.space."model.kind".tabular]
"model.blocks" = { values = [1] }
"#;

#[test]
fn keys_that_a_choice_makes_meaningless_are_refused_or_conditional() {
    let place = Place::new();
    // Without `when` half of the trials would fail: refused before the first one.
    place.write("flat.toml", &KINDS.replace(", when = { \"training.optimizer\" = \"sgd\" }", ""));
    let output = place.run(&["--config", "flat.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    let expected = "sweep.space.training.momentum: momentum has no effect with optimizer \"adam\"";
    assert!(message.contains(expected) && message.contains("let its `when` name their choices"), "{message}");
    place.write(
        "kinds.toml",
        &KINDS
            .replace("[sweep.space.\"model.kind\".mlp]\n", "\"model.kind\" = { values = [\"mlp\", \"tabular\"] }\n")
            .replace("[sweep.space.\"model.kind\".tabular]\n\"model.blocks\" = { values = [1] }\n", ""),
    );
    let message = text(&place.run(&["--config", "kinds.toml"]).stderr);
    let expected = "sweep.space.model.hidden: with \"model.kind\" = \"tabular\"";
    assert!(message.contains(expected) && message.contains("unknown key `hidden`"), "{message}");
    assert!(!place.path("artifacts").exists());

    place.write("c.toml", KINDS);
    let output = place.run(&["--config", "c.toml", "--jobs", "1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let trials = assert_each_once(&place, 6);
    assert_eq!(trials.iter().filter(|trial| trial.params.contains_key("training.momentum")).count(), 4);
    assert!(
        trials.iter().all(|trial| trial.params.contains_key("model.hidden") == (trial.params["model.kind"] == "mlp"))
    );
}

#[test]
fn a_trial_that_its_config_forbids_is_refused_and_has_not_failed() {
    let place = Place::new();
    // Each value is fine by itself; both together are more than the 63 training rows that are left.
    let config = GRID
        .replace("\"model.hidden\" = { values = [[4], [8, 4]] }", "\"training.batch_size\" = { values = [16, 85] }");
    place.write(
        "c.toml",
        &config.replace(
            "\"training.learning_rate\" = { values = [1e-3, 1e-2] }",
            "\"data.validation_fraction\" = { values = [0.1, 0.4] }",
        ),
    );
    let output = place.run(&["--config", "c.toml", "--jobs", "1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (sweep, trials) = newest(&place);
    assert_eq!((sweep.counts.finished, sweep.counts.refused, sweep.counts.failed), (3, 1, 0), "{trials:?}");
    let shown = text(&output.stdout);
    assert!(shown.contains("3 of 4 trials finished, 1 refused by their config"), "{shown}");
    assert!(shown.contains("trial 4 was refused: ") && shown.contains("batch_size 85 is larger than"), "{shown}");
}

#[test]
fn the_test_result_of_the_chosen_trial_alone_is_shown() {
    let place = Place::new();
    place.write("c.toml", GRID);
    assert!(place.run(&["--config", "c.toml", "--jobs", "1", "-q"]).status.success());
    let tested = |arguments: &[&str]| {
        let shown = text(&place.run(arguments).stdout);
        let header = shown.lines().find(|line| line.starts_with("trial ")).unwrap().to_owned();
        let (metric, run) = (header.find("test/accuracy").unwrap(), header.find("run").unwrap());
        let rows = shown.lines().skip_while(|line| *line != header).skip(1).take_while(|line| !line.is_empty());
        let with_result = rows.filter(|row| row[metric.saturating_sub(1)..run].trim() != "").count();
        (with_result, shown.contains("for looking at, not for choosing"))
    };
    assert_eq!(tested(&["sweep", "show", "c"]), (1, false));
    assert_eq!(tested(&["sweep", "show", "c", "--test"]), (4, true));
}

#[test]
fn what_changes_the_inputs_alone_can_be_searched() {
    for (source, space) in [
        ("iris", "\"data.bins\" = { values = [0, 8] }"),
        ("digits", "\"data.augment.shift\" = { values = [0, 1] }"),
        ("iris", "\"data.drop\" = { values = [[], [\"sepal_length_(cm)\"]] }"),
    ] {
        let place = Place::new();
        place.write(
            "c.toml",
            &format!(
                "[data]\nsource = \"{source}\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 2\n\
                 [sweep]\nmethod = \"grid\"\n[sweep.space]\n{space}\n"
            ),
        );
        let output = place.run(&["--config", "c.toml", "--jobs", "1"]);
        assert!(output.status.success(), "{space}: {}", text(&output.stderr));
        assert_eq!(newest(&place).0.counts.finished, 2, "{space}");
    }
}
