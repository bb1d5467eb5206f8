//! Several seeds of one config, and the verdict on two configs.

use burnlab::tracking::{MetricKey, Store};

use crate::place::{Place, text};

const IRIS: &str = "[data]\nsource = \"iris\"\n[training]\nmax_epochs = 3\nbatch_size = 16\n";

fn test_accuracies(place: &Place) -> Vec<(u64, f64)> {
    let store = Store::open(&place.path("artifacts")).unwrap();
    let key: MetricKey = "test/accuracy".parse().unwrap();
    let mut found: Vec<(u64, f64)> =
        store.runs().unwrap().iter().map(|run| (run.record.seed, run.metrics[&key].last)).collect();
    found.sort_by_key(|(seed, _)| *seed);
    found
}

#[test]
fn seeds_are_trained_side_by_side_and_summed_up() {
    let place = Place::new();
    place.write("c.toml", &format!("seeds = 4\n{IRIS}"));
    let output = place.run(&["--config", "c.toml", "--jobs", "2", "--tag", "x"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found = test_accuracies(&place);
    assert_eq!(found.iter().map(|(seed, _)| *seed).collect::<Vec<_>>(), [42, 43, 44, 45]);
    let shown = text(&output.stdout);
    for (seed, accuracy) in &found {
        assert!(shown.contains(&format!("seed {seed}     test/accuracy {accuracy:.4}")), "{shown}");
    }
    let mean = found.iter().map(|(_, accuracy)| accuracy).sum::<f64>() / 4.0;
    assert!(shown.contains("4 of 4 seeds of c") && shown.contains("metric "), "{shown}");
    let line = shown.lines().find(|line| line.starts_with("test/accuracy ")).unwrap();
    assert_eq!(line.split_whitespace().nth(1), Some(format!("{mean:.4}").as_str()), "{shown}");

    // As one in the list, whatever else is there.
    assert!(
        place.run(&["--config", "c.toml", "--seeds", "1", "--quiet", "--set", "model.hidden=[3]"]).status.success()
    );
    let list = text(&place.run(&["runs", "list", "--group"]).stdout);
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 5, "{list}");
    // The mean of the largest of two standard normals is 1 / sqrt(pi); one seed each at the fewest.
    let deviation = (found.iter().map(|(_, accuracy)| (accuracy - mean).powi(2)).sum::<f64>() / 3.0).sqrt();
    let excess = deviation / std::f64::consts::PI.sqrt();
    let told = lines[4].split("than it is by ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
    assert!(lines[4].starts_with("The best of 2 equally good configs with 1 seed each"), "{list}");
    assert!((told.unwrap() - excess).abs() < 1e-3 * excess, "{list}");
    assert!(lines[0].starts_with("newest run") && lines[0].contains("95 % interval"), "{list}");
    let seeds = |line: &str| line.split_whitespace().nth(1).unwrap().to_owned();
    assert_eq!((seeds(lines[1]), seeds(lines[2])), ("1".into(), "4".into()));

    // The same as each seed alone: training side by side changes nothing.
    let alone = Place::new();
    alone.write("c.toml", IRIS);
    assert!(alone.run(&["--config", "c.toml", "--quiet", "--set", "seed=44"]).status.success());
    assert_eq!(test_accuracies(&alone)[0], found[2]);
}

#[test]
fn a_seed_that_fails_is_named_and_bad_input_is_refused_once() {
    let place = Place::new();
    place.write("c.toml", IRIS);
    let diverge = ["--set", "training.learning_rate=1e30", "--set", "training.optimizer=sgd"];
    let output = place.run(&[&["--config", "c.toml", "--seeds", "2"][..], &diverge].concat());
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert!(errors.contains("seed 42: error: the loss is not finite") && errors.contains("seed 43: "), "{errors}");

    let output = place.run(&["--config", "c.toml", "--seeds", "3", "--set", "training.batch_size=9999"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr).lines().count(), 1, "{}", text(&output.stderr));
    assert_eq!(place.run(&["--config", "c.toml", "--seeds", "0"]).status.code(), Some(2));
}

#[test]
#[cfg(unix)]
fn a_signal_stops_all_runs_with_their_best_weights() {
    let place = Place::new();
    place.write(
        "c.toml",
        "[data]\nsource = \"digits\"\n[model]\nhidden = [16]\n[training]\nmax_epochs = 1000000\nlearning_rate = 1e-4\n",
    );
    let child = place.command(&["--config", "c.toml", "--seeds", "5", "--jobs", "2", "--quiet"]).spawn().unwrap();
    let is_training = || {
        let store = Store::open_read_only(&place.path("artifacts")).and_then(|store| store.runs());
        store.is_ok_and(|runs| runs.iter().filter(|run| !run.metrics.is_empty()).count() == 2)
    };
    while !is_training() {
        std::thread::yield_now();
    }
    crate::place::signal("TERM", child.id());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    let store = Store::open(&place.path("artifacts")).unwrap();
    let runs = store.runs().unwrap();
    assert_eq!(runs.len(), 2, "no further one was started");
    for run in runs {
        assert_eq!(run.record.status.to_string(), "interrupted");
        assert!(store.folder(&run.record.id).join("model.safetensors").exists());
    }
}

#[test]
fn compare_judges_two_configs_over_their_seeds() {
    let place = Place::new();
    let config = "[data]\nsource = \"xor\"\nvalidation_fraction = 0\n[model]\nhidden = []\n[training]\nmax_epochs = 100\n\
                  learning_rate = 1e-2\n";
    place.write("c.toml", config);
    let wide = ["--set", "model.hidden=[16]"];
    assert!(place.run(&["--config", "c.toml", "--quiet", "--name", "a"]).status.success());
    assert!(place.run(&[&["--config", "c.toml", "--quiet", "--name", "b"][..], &wide].concat()).status.success());
    let ids = |experiment: &str| {
        let store = Store::open(&place.path("artifacts")).unwrap();
        store.ids_of(experiment).unwrap()[0].to_string()
    };
    let one = text(&place.run(&["runs", "compare", &ids("a"), &ids("b")]).stdout);
    assert!(one.contains("1 seed: no claim; model.hidden = [16] reaches test/accuracy"), "{one}");
    assert!(one.contains("McNemar's exact test: p = 0.00"), "{one}");
    assert!(one.contains(&format!("{}/config.toml --set seed=43 --seeds 9", ids("a"))), "{one}");

    // The commands that it tells.
    for experiment in ["a", "b"] {
        let config = format!("artifacts/runs/{}/config.toml", ids(experiment));
        assert!(place.run(&["--config", &config, "--set", "seed=43", "--seeds", "4", "--quiet"]).status.success());
    }
    let several = text(&place.run(&["runs", "compare", &ids("a"), &ids("b")]).stdout);
    assert!(several.contains("model.hidden = [16] reaches test/accuracy"), "{several}");
    assert!(several.contains("over 5 paired seeds. Training B took "), "{several}");
    assert!(several.contains("Each column is the one run named above, not the mean over its seeds."), "{several}");
    assert!(!one.contains("Each column"), "{one}");
    assert!(!several.contains("next   more seeds"), "{several}");
    let json: serde_json::Value =
        serde_json::from_slice(&place.run(&["runs", "compare", &ids("a"), &ids("b"), "--json"]).stdout).unwrap();
    assert_eq!(json["judgement"]["claim"], "better");
    let store = Store::open(&place.path("artifacts")).unwrap();
    let mean = |experiment: &str| {
        let runs = store.runs().unwrap().into_iter().filter(|run| run.record.experiment == experiment);
        let values: Vec<f64> = runs.map(|run| run.metrics[&"test/accuracy".parse().unwrap()].last).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let difference = json["judgement"]["difference"].as_f64().unwrap();
    assert!((difference - (mean("b") - mean("a"))).abs() < 1e-12);

    // The same config under another name: whatever the seeds do, they do it to both.
    let config = format!("artifacts/runs/{}/config.toml", ids("b"));
    let again = ["--config", &config, "--set", "seed=42", "--seeds", "5", "--name", "again", "--quiet"];
    assert!(place.run(&again).status.success());
    let same = text(&place.run(&["runs", "compare", &ids("b"), &ids("again")]).stdout);
    assert!(
        same.contains("A and B have the same config. Not distinguishable in test/accuracy (B less A): 0"),
        "{same}"
    );

    // Other data are no other config.
    place.write("d.toml", IRIS);
    assert!(place.run(&["--config", "d.toml", "--quiet"]).status.success());
    let other = text(&place.run(&["runs", "compare", "b", "d"]).stdout);
    assert!(other.contains("A and B are tested on different rows (data.source differs): no comparison."), "{other}");
    assert!(!other.contains("next   ") && !other.contains("Training "), "{other}");
    let itself = text(&place.run(&["runs", "compare", "d", &ids("d")]).stdout);
    assert!(itself.contains(&format!("\nA and B are the same run, {}: there is nothing to compare.\n", ids("d"))));

    // The verdict comes first in a report.
    assert!(place.run(&["report", &ids("a"), &ids("b")]).status.success());
    let report = std::fs::read_to_string(place.path("report.html")).unwrap();
    let (verdict, tables) = (report.find("model.hidden = [16] reaches test/accuracy"), report.find("<table"));
    assert!(verdict.is_some() && verdict < tables, "{report}");

    // A seed that was trained twice is one seed: by itself without an interval.
    assert!(place.run(&["--config", "d.toml", "--quiet"]).status.success());
    let group =
        |words: &[&str]| text(&place.run(&[&["runs", "list", "--group", "--filter"][..], words].concat()).stdout);
    let list = group(&["name = d"]);
    let row: Vec<&str> = list.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((list.lines().count(), row[1], row.len()), (2, "1", 4), "newest run, seeds, metric, mean: {list}");
    assert_eq!(group(&["name = e"]), "no run matches `name = e`\n");
}

#[test]
fn three_configs_are_held_against_the_first_with_holms_correction() {
    let place = Place::new();
    place.write("c.toml", IRIS);
    for (name, hidden, rate) in [("a", "[2]", "0.001"), ("b", "[3]", "0.001"), ("c", "[16]", "0.05")] {
        let sets = [format!("model.hidden={hidden}"), format!("training.learning_rate={rate}")];
        let arguments =
            ["--config", "c.toml", "--quiet", "--name", name, "--seeds", "8", "--set", &sets[0], "--set", &sets[1]];
        assert!(place.run(&arguments).status.success());
    }
    let told = text(&place.run(&["runs", "compare", "a", "b", "c"]).stdout);
    assert!(told.contains("The p-values are corrected for 2 comparisons (Holm)."), "{told}");
    let output = place.run(&["runs", "compare", "a", "b", "c", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let configs = json["comparisons"]["configs"].as_array().unwrap();
    assert!(configs.len() == 3 && configs[0]["comparison"].is_null(), "{json:#}");
    // Holm by hand: the smaller of two counts twice, the larger is no smaller than that.
    let p = |key: &str| [1, 2].map(|config: usize| configs[config]["comparison"][key].as_f64().unwrap());
    let (plain, adjusted) = (p("p_value"), p("adjusted_p"));
    let (small, large) = if plain[0] <= plain[1] { (0, 1) } else { (1, 0) };
    assert!((adjusted[small] - (2.0 * plain[small]).min(1.0)).abs() < 1e-12, "{plain:?} {adjusted:?}");
    assert!((adjusted[large] - adjusted[small].max(plain[large])).abs() < 1e-12, "{plain:?} {adjusted:?}");
    // Fifty times the learning rate is no chance.
    assert_eq!(configs[2]["comparison"]["claim"], "better", "{json:#}");
}
