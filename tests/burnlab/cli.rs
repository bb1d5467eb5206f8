//! The command line from outside: output, errors, exit codes, files.

use std::path::Path;

use burnlab::tracking::{Shown, Store};
use clap::CommandFactory;
use serde_json::Value;

use crate::place::{Place, integrity, json, text};

const SMALL: &str = "[data]\nsource = \"iris\"\n[model]\nkind = \"mlp\"\n[training]\nmax_epochs = 3\nbatch_size = 16\n";

#[test]
fn a_run_leaves_everything_that_was_promised() {
    let place = Place::new();
    place.write("flowers.toml", SMALL);
    let output =
        place.run(&["--config", "flowers.toml", "--set", "seed=7", "--tag", "a", "--tag", "b", "--name", "x y"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let folder = place.only_run();
    let record = json(folder.join("run.json"));
    assert_eq!(record["status"], "finished");
    assert_eq!(record["reason"], "all 3 epochs done");
    assert_eq!((&record["experiment"], &record["seed"]), (&"x y".into(), &7.into()));
    assert_eq!(record["tags"], serde_json::json!(["a", "b"]));
    assert_eq!(record["params"]["training.max_epochs"], 3);
    assert_eq!(record["params"]["model.hidden"], serde_json::json!([64]));

    let log = std::fs::read_to_string(folder.join("run.log")).unwrap();
    assert!(log.contains("iris: 150 rows, 4 inputs") && log.ends_with("all 3 epochs done\n"), "{log}");

    let environment = json(folder.join("environment.json"));
    assert_eq!(environment["burn"], "0.21.0");
    assert!(environment["rustc"].as_str().unwrap().starts_with("rustc 1."));
    let profile = environment["profile"].as_str().unwrap();
    let built =
        if cfg!(debug_assertions) || profile.starts_with("dev") { "dev, opt-level " } else { "release, opt-level " };
    assert!(profile.starts_with(built), "{profile}");
    assert_eq!(environment["config"], serde_json::json!({ "file": place.path("flowers.toml") }));
    assert_eq!(environment["dataset"]["num_rows"], 150);
    assert_eq!(environment["dataset"]["fingerprint"].as_str().unwrap().len(), 64);
    assert!(environment["command_line"].as_array().unwrap().contains(&"seed=7".into()));
    assert!(environment["machine"]["num_cores"].as_u64().unwrap() >= 1);

    let evaluation = json(folder.join("evaluation.json"));
    let matrix = evaluation["classes"]["confusion_matrix"].as_array().unwrap();
    let total: u64 = matrix.iter().flat_map(|row| row.as_array().unwrap()).map(|n| n.as_u64().unwrap()).sum();
    assert_eq!((matrix.len(), total), (3, 45));
    assert_eq!(evaluation["classes"]["report"][0]["class"], "setosa");

    let mut csv = csv::Reader::from_path(folder.join("predictions.csv")).unwrap();
    let headers: Vec<String> = csv.headers().unwrap().iter().map(str::to_owned).collect();
    let expected =
        ["row", "true", "predicted", "probability_setosa", "probability_versicolor", "probability_virginica"];
    assert_eq!(headers, expected);
    for row in csv.records() {
        let row = row.unwrap();
        let sum: f64 = row.iter().skip(3).map(|p| p.parse::<f64>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-6);
    }
    let metrics = std::fs::read_to_string(folder.join("metrics.csv")).unwrap();
    for (epoch, key) in [
        (3, "train/loss"),
        (3, "validation/roc_auc"),
        (1, "train/learning_rate"),
        (2, "train/seconds"),
        (0, "test/accuracy"),
    ] {
        let is_point = |line: &str| line.starts_with(&format!("{epoch},")) && line.contains(&format!(",{key},"));
        assert!(metrics.lines().any(is_point), "{key}");
    }

    // the resolved config reproduces the run from anywhere
    let resolved = folder.join("config.toml");
    let again = Place::new();
    assert!(again.run(&["--config", resolved.to_str().unwrap(), "--quiet"]).status.success());
    let model = |folder: &Path| std::fs::read(folder.join("model.safetensors")).unwrap();
    assert_eq!(model(&again.only_run()), model(&folder));
}

#[test]
fn a_pipe_gets_plain_lines_and_quiet_gets_none() {
    let place = Place::new();
    place.write("c.toml", SMALL);
    let output = place.run(&["--config", "c.toml"]);
    let lines = text(&output.stdout);
    assert!(!lines.contains('\u{1b}') && !lines.contains('\r'), "{lines}");
    for part in ["epoch 3/3", "train/loss", "patience", "always the most frequent class", "saved  artifacts/runs/c-"] {
        assert_eq!(lines.contains(part), part != "patience", "{part} in {lines}");
    }
    assert!(output.stderr.is_empty());
    let output = place.run(&["--config", "c.toml", "--quiet"]);
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
}

/// A config or file that cannot be used: exit code 1, nothing on stdout, this on stderr.
#[test]
fn bad_input_gets_one_clear_line_with_its_place() {
    let place = Place::new();
    place.write("one.csv", "a,y\n1,x\n2,x\n3,x\n");
    place.write("constant.csv", "a,b,y\n1,5,x\n1,5,z\n1,5,x\n1,5,z\n");
    place.write("missing.csv", "a,b,y\n,,x\n,,z\n,NA,x\n,,z\n");
    let rows: String = (0..40).map(|i| format!("{},{}\n", i, if i % 2 == 0 { "x" } else { "z" })).collect();
    place.write("good.csv", &format!("a,y\n{rows}"));
    let good = "[data]\npath = \"good.csv\"\ntarget = \"y\"\nnumeric = [\"a\"]\n";
    let csv = |name: &str, target: &str| format!("[data]\npath = \"{name}\"\ntarget = \"{target}\"\n");
    let cases: Vec<(&str, String, Vec<&str>, Vec<&str>)> = vec![
        (
            "unknown key",
            "[data]\nsource = \"iris\"\n[training]\nlerning_rate = 1\n".into(),
            vec![],
            vec![
                "c.toml:4:1: unknown key `lerning_rate`",
                "did you mean `learning_rate`?",
                "4 | lerning_rate = 1",
                "^^^^",
            ],
        ),
        (
            "unknown key in [model]",
            "[data]\nsource = \"iris\"\n[model]\nkind = \"mlp\"\nhiden = [3]\n".into(),
            vec![],
            vec!["c.toml:5:1: unknown key `hiden`", "did you mean `hidden`?"],
        ),
        ("unknown section", "[dta]\n".into(), vec![], vec!["c.toml:1:2: unknown key `dta`"]),
        (
            "wrong type",
            "[data]\nsource = \"iris\"\n[training]\nmax_epochs = \"many\"\n".into(),
            vec![],
            vec!["c.toml:4:14: invalid type: string \"many\", expected a whole number"],
        ),
        (
            "a word in place of a section",
            "data = \"iris\"\n".into(),
            vec![],
            vec!["c.toml:1:8: invalid type: string \"iris\", expected a table of keys"],
        ),
        (
            "a list in place of a section",
            "training = [3]\n[data]\nsource = \"iris\"\n".into(),
            vec![],
            vec!["c.toml:1:12: invalid type: list, expected a table of keys"],
        ),
        (
            "a list in place of a nested section",
            "[data]\nsource = \"iris\"\n[training]\nschedule = []\n".into(),
            vec![],
            vec!["c.toml:4:12: invalid type: list, expected a table of keys"],
        ),
        (
            "the same from the command line",
            "[data]\nsource = \"iris\"\n".into(),
            vec!["training.early_stopping=[3]"],
            vec!["--set training.early_stopping=[3]: invalid type: list, expected a table of keys"],
        ),
        ("no TOML", "[data\n".into(), vec![], vec!["c.toml:1:6: "]),
        ("unknown value", "[data]\nsource = \"irs\"\n".into(), vec![], vec!["c.toml:2:10: unknown value `irs`"]),
        ("missing file", csv("nowhere.csv", "y"), vec![], vec!["c.toml:2:1: data.path: ", "nowhere.csv"]),
        ("missing target", csv("good.csv", "Y2"), vec![], vec!["c.toml:3:1: data.target: ", "has no column `Y2`"]),
        ("one class", csv("one.csv", "y"), vec![], vec!["c.toml:3:1: data.target: target `y` is `x` in all 3 rows"]),
        (
            "constant columns",
            csv("constant.csv", "y"),
            vec![],
            vec!["constant.csv", "no input column left", "dropped `a`, `b`"],
        ),
        (
            "columns without values",
            csv("missing.csv", "y"),
            vec![],
            vec!["missing.csv", "no input column left", "no value in any row"],
        ),
        (
            "batch larger than data",
            good.into(),
            vec!["training.batch_size=64"],
            vec!["--set training.batch_size=64: batch_size 64 is larger than the 24 training rows"],
        ),
        (
            "no validation rows",
            format!("{good}validation_fraction = 0.001\n"),
            vec!["training.batch_size=8"],
            vec!["c.toml:5:1: data.validation_fraction leaves no validation row of 28: "],
        ),
        (
            "learning rate",
            good.into(),
            vec!["training.learning_rate=-1"],
            vec!["learning_rate must be above 0, found -1"],
        ),
        (
            "loss of another task",
            good.into(),
            vec!["training.loss=mse", "training.batch_size=8"],
            vec!["--set training.loss=mse: a class target needs loss = \"cross_entropy\""],
        ),
        (
            "knob of another optimizer",
            good.into(),
            vec!["training.momentum=0.9"],
            vec!["momentum has no effect with optimizer \"adam\""],
        ),
        (
            "unknown monitor",
            good.into(),
            vec!["training.batch_size=8", "training.early_stopping.monitor=validation/acc"],
            vec!["`validation/acc` is not recorded; monitor one of validation/loss, validation/accuracy"],
        ),
        ("bad override", good.into(), vec!["training.lr=1"], vec!["--set training.lr=1: unknown key `lr`"]),
        (
            "section left out",
            "[data]\nsource = \"iris\"\n".into(),
            vec!["hidden=[8]"],
            vec!["--set hidden=[8]: unknown key `hidden`; did you mean `model.hidden`?\n"],
        ),
        (
            "key said once",
            good.into(),
            vec!["data.test_fraction=1.2"],
            vec!["--set data.test_fraction=1.2: data.test_fraction is 1.2: it must be"],
        ),
        (
            "decimal comma",
            "[data]\nsource = \"iris\"\n[training]\nlearning_rate = 0,01\n".into(),
            vec![],
            vec!["c.toml:4:18: ", "; TOML writes decimals with a point: 0.01, not 0,01\n4 | learning_rate = 0,01"],
        ),
        (
            "a number in place of one of a few words",
            good.into(),
            vec!["training.threshold=0.5"],
            vec!["--set training.threshold=0.5: expected one of `accuracy`, "],
        ),
        (
            "the same in the file",
            "[data]\nsource = \"iris\"\n[training]\noptimizer = 3\n".into(),
            vec![],
            vec!["c.toml:4:13: expected one of `sgd`, `adam`, "],
        ),
        (
            "true in place of a section",
            "[data]\nsource = \"iris\"\n[training]\nearly_stopping = true\n".into(),
            vec![],
            vec![
                "c.toml:4:18: invalid type: boolean `true`, expected a table of keys: write [training.early_stopping], and below it `",
            ],
        ),
        (
            "true in place of a section from the command line",
            good.into(),
            vec!["data.augment=true"],
            vec!["--set data.augment=true: invalid type: boolean `true`, expected a table of keys: set `data.augment."],
        ),
        (
            "a word that belongs into a section",
            good.into(),
            vec!["training.schedule=cosine"],
            vec!["expected a table of keys; did you mean `training.schedule.kind = \"cosine\"`?"],
        ),
        (
            "below 0",
            "seed = -1\n[data]\nsource = \"iris\"\n".into(),
            vec![],
            vec!["c.toml:1:8: invalid value: integer `-1`, expected a whole number of 0 or more"],
        ),
        (
            "below 0 from the command line",
            good.into(),
            vec!["training.max_epochs=-3"],
            vec!["--set training.max_epochs=-3: invalid value: integer `-3`, expected a whole number of 0 or more"],
        ),
        (
            "a path of Windows",
            "[data]\npath = \"C:\\Users\\me\\d.csv\"\ntarget = \"y\"\n".into(),
            vec![],
            vec!["c.toml:2:", "; a backslash begins an escape in \"...\": write / in a path, or the text in '...'"],
        ),
        (
            "another path of Windows",
            "[data]\npath = \"D:\\my\\d.csv\"\ntarget = \"y\"\n".into(),
            vec![],
            vec!["c.toml:2:", "write / in a path, or the text in '...'"],
        ),
        (
            "a path of Windows from the command line",
            good.into(),
            vec!["data.path=\"C:\\Users\\me\\d.csv\""],
            vec!["write / in a path, or the text in '...'"],
        ),
        ("no override", good.into(), vec!["seed"], vec!["--set seed: write it as key=value"]),
    ];
    for (what, config, overrides, expected) in cases {
        let file = place.write("c.toml", &config);
        let mut args = vec!["--config", "c.toml"];
        for set in &overrides {
            args.extend(["--set", set]);
        }
        let output = place.run(&args);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{what}: {error}");
        assert!(error.starts_with("error: ") && !error.contains("panicked"), "{what}: {error}");
        assert!(output.stdout.is_empty(), "{what}: {}", text(&output.stdout));
        for part in expected {
            assert!(error.contains(part), "{what}: `{part}` is not in {error}");
        }
        assert_eq!(std::fs::read_to_string(file).unwrap(), config, "{what}: the user's file is as it was");
        assert!(!place.path("artifacts").exists(), "{what}: nothing is recorded before epoch 1");
    }
    for (words, expected) in [
        (
            &["generate", "latest", "--temperature", "-1"][..],
            "'-1' for '--temperature <T>': a temperature is a number of 0 or more",
        ),
        (&["explain", "latest", "--row", "-1"], "'-1' for '--row <N>': it must be a whole number of 0 or more"),
        (&["explain", "latest", "--background", "-2"], "'-2' for '--background <N>': -2 is not in 1..="),
        (
            &["predict", "latest", "--coverage", "-0.5"],
            "'-0.5' for '--coverage <SHARE>': it must be above 0 and below 1",
        ),
        (&["generate", "latest", "--seed", "-7"], "'-7' for '--seed <S>': it must be a whole number of 0 or more"),
        (&["--config", "good.csv", "--seeds", "-3"], "'-3' for '--seeds <N>': -3 is not in 1..="),
    ] {
        let output = place.run(words);
        let error = text(&output.stderr);
        assert!(output.status.code() == Some(2) && error.contains(expected), "{words:?}: {error}");
    }
    let output = place.run(&["--config", "no.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no.toml: no such file in "), "{}", text(&output.stderr));
    assert_eq!(place.run(&["--nonsense"]).status.code(), Some(2));
    // A table in place of its config, and a config in place of a verb.
    for words in [&["--config", "good.csv"][..], &["tune", "good.csv"], &["config", "check", "good.csv"]] {
        let table = text(&place.run(words).stderr);
        let expected =
            "error: good.csv: this is a table, not a config: `burnlab init good.csv` writes a config for it\n";
        assert_eq!(table, expected, "{words:?}");
    }
    let output = place.run(&["good.csv"]);
    let tip = "tip: to write a config for these data, which is then trained, write `burnlab init good.csv`\n";
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains(tip), "{}", text(&output.stderr));
    let init = ["init", "good.csv", "--set", "data.numeric=[\"a\"]", "--output", "made.toml"];
    assert!(place.run(&init).status.success(), "{}", text(&place.run(&init).stderr));
    for (words, config) in [(&["train", "made.toml"][..], "made.toml"), (&["digits"], "digits"), (&["trian"], "FILE")] {
        let output = place.run(words);
        let tip = format!("tip: to train what a config describes, write `burnlab --config {config}`\n");
        assert!(output.status.code() == Some(2) && text(&output.stderr).contains(&tip), "{}", text(&output.stderr));
    }
    assert!(!text(&place.run(&["runs", "digits"]).stderr).contains("tip: to train"));
}

#[test]
fn what_other_programs_call_keys_and_verbs_is_told_by_its_name_here() {
    let place = Place::new();
    for (words, tip) in [
        (&["--config", "digits", "--epochs", "3"][..], "write `--set training.max_epochs=3`"),
        (&["--config", "digits", "--lr", "0.1"], "write `--set training.learning_rate=0.1`"),
        (&["--config", "digits", "--batch-size=8"], "write `--set training.batch_size=8`"),
        (&["tune", "digits", "--patience", "5"], "write `--set training.early_stopping.patience=5`"),
        (&["config", "check", "digits", "--hidden", "64"], "write `--set 'model.hidden=[64]'`"),
        (&["init", "d.csv", "--seed", "7"], "write `--set seed=7`"),
        (&["runs", "diff", "a", "b"], "write `burnlab runs compare a b`"),
        (&["runs", "ls"], "write `burnlab runs list`"),
        (&["compare", "a", "b"], "write `burnlab runs compare`"),
        (&["eval", "a"], "write `burnlab evaluate`"),
    ] {
        let output = place.run(words);
        let error = text(&output.stderr);
        assert!(output.status.code() == Some(2) && error.contains(tip), "{words:?}: {error}");
        assert!(!error.contains("as a value, use"), "{error}");
    }
    // Where there are no keys, none is named.
    let error = text(&place.run(&["predict", "digits", "d.csv", "--epochs", "3"]).stderr);
    assert!(!error.contains("--set"), "{error}");
    for (key, meant) in
        [("patience = 5", "early_stopping.patience"), ("epochs = 3", "max_epochs"), ("lr = 0.1", "learning_rate")]
    {
        place.write("c.toml", &format!("[data]\nsource = \"iris\"\n[training]\n{key}\n"));
        let error = text(&place.run(&["config", "check", "c.toml"]).stderr);
        assert!(error.contains(&format!("did you mean `{meant}`?")), "{error}");
    }
}

#[test]
fn a_diverging_run_fails_with_epoch_and_step_and_is_recorded() {
    let place = Place::new();
    let config =
        "[data]\nsource = \"diabetes\"\n[training]\noptimizer = \"sgd\"\nlearning_rate = 1e3\nmax_epochs = 50\n";
    place.write("c.toml", config);
    let output = place.run(&["--config", "c.toml", "--quiet"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.starts_with("error: the loss is not finite in epoch 1, at step "), "{error}");
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
    let record = json(place.only_run().join("run.json"));
    assert_eq!(record["status"], "failed");
    assert!(record["reason"].as_str().unwrap().contains("not finite in epoch 1"));
    assert!(!place.only_run().join("model.safetensors").exists());
    // The tutorial's rule on the same data survives a rate of 1000: Adam's steps are bounded.
    let output = place.run(&[
        "--config",
        "c.toml",
        "--quiet",
        "--set",
        "training.optimizer=adam",
        "--set",
        "training.max_epochs=3",
    ]);
    assert!(output.status.success() || text(&output.stderr).contains("not finite"), "{}", text(&output.stderr));
}

#[test]
#[cfg(unix)]
fn sigint_keeps_the_best_weights_and_kill_loses_at_most_the_running_epoch() {
    use std::os::unix::process::ExitStatusExt;
    for signal in ["INT", "TERM", "KILL"] {
        let place = Place::new();
        place.write("c.toml", "[data]\nsource = \"digits\"\n[model]\nhidden = [16]\n[training]\nmax_epochs = 1000000\nlearning_rate = 1e-4\n");
        let mut child = place.command(&["--config", "c.toml", "--quiet"]).spawn().unwrap();
        // Waits for what it needs, an epoch in the record, rather than for a time.
        let epochs = |place: &Place| {
            let folder = std::fs::read_dir(place.path("artifacts/runs")).ok()?.next()?.ok()?.path();
            let text = std::fs::read_to_string(folder.join("metrics.csv")).ok()?;
            Some(text.lines().filter(|line| line.contains(",validation/loss,")).count())
        };
        // What the store has is acknowledged; metrics.csv runs ahead of it by one write.
        let stored = || {
            let store = Store::open_read_only(&place.path("artifacts")).ok()?;
            Some(store.find("latest").ok()?.metrics.get(&"validation/loss".parse().unwrap())?.points as usize)
        };
        while stored().unwrap_or(0) < 5 {
            assert!(child.try_wait().unwrap().is_none(), "ended before it was stopped");
            std::thread::yield_now();
        }
        let seen = stored().unwrap();
        crate::place::signal(signal, child.id());
        let status = child.wait().unwrap();
        let folder = place.only_run();
        let record = json(folder.join("run.json"));
        if signal == "KILL" {
            assert_eq!(status.signal(), Some(9));
            assert_eq!(record["status"], "running", "nobody was left to say otherwise");
        } else {
            assert_eq!(status.code(), Some(130));
            assert_eq!(record["status"], "interrupted");
            let best = record["best_epoch"].as_u64().unwrap();
            assert_eq!(record["reason"], format!("interrupted after epoch {}", epochs(&place).unwrap()));
            assert!(best >= 1 && folder.join("model.safetensors").exists() && folder.join("evaluation.json").exists());
        }
        assert_eq!(integrity(&place.path("artifacts")), "ok");
        let store = Store::open(&place.path("artifacts")).unwrap();
        let run = store.find("latest").unwrap();
        let stored = run.metrics[&"validation/loss".parse().unwrap()].points;
        assert!(stored as usize >= seen, "an acknowledged epoch is lost");
        assert_eq!(store.shown(&run) == Shown::Crashed, signal == "KILL");
    }
}

#[test]
fn config_commands_check_describe_and_write_out() {
    let place = Place::new();
    place.write("c.toml", SMALL);
    let check = place.run(&["config", "check", "c.toml"]);
    assert!(check.status.success());
    assert!(text(&check.stdout).contains("89 training, 16 validation, 45 test rows"), "{}", text(&check.stdout));
    assert!(text(&check.stdout).starts_with("c.toml: ok\n"));
    assert!(!place.path("artifacts").exists());

    let rendered = text(&place.run(&["config", "render", "c.toml", "--set", "seed=3"]).stdout);
    for line in ["seed = 3", "source = \"iris\"", "learning_rate = 0.001", "optimizer = \"adam\""] {
        assert!(rendered.contains(line), "{line} in {rendered}");
    }
    place.write("r.toml", &rendered);
    assert_eq!(text(&place.run(&["config", "render", "r.toml"]).stdout), rendered, "rendering is idempotent");

    let schema: Value = serde_json::from_slice(&place.run(&["config", "schema"]).stdout).unwrap();
    assert!(schema["$defs"]["TrainingConfig"]["properties"]["learning_rate"]["description"].is_string());
    assert_eq!(schema["additionalProperties"], false);

    let completions = place.run(&["completions", "bash"]);
    assert!(text(&completions.stdout).contains("--config"));
    // Closed at once, as by `| true`.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let closed = place.command(&["completions", "bash"]).stdout(writer).output().unwrap();
    assert!(closed.status.success() && closed.stderr.is_empty(), "{}", text(&closed.stderr));
}

/// A page for the program, each verb and each group of verbs, with every option that a user may give.
#[test]
fn the_manual_has_a_page_for_every_verb_and_its_options() {
    let place = Place::new();
    assert!(place.run(&["man", "pages"]).status.success());
    let mut left = std::fs::read_dir(place.path("pages")).unwrap().count();
    let mut waiting = vec![(String::from("burnlab"), burnlab::cli::Cli::command())];
    while let Some((name, command)) = waiting.pop() {
        let page = std::fs::read_to_string(place.path(&format!("pages/{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH {name} 1")), "{page}");
        for option in command.get_arguments().filter(|option| !option.is_hide_set()).filter_map(clap::Arg::get_long) {
            assert!(page.contains(&format!("\\-\\-{}", option.replace('-', "\\-"))), "{name}: no --{option}: {page}");
        }
        let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
        waiting.extend(verbs.map(|verb| (format!("{name}-{}", verb.get_name()), verb.clone())));
        left -= 1;
    }
    assert_eq!(left, 0, "pages of what is no verb");
    // A folder that is a file.
    place.write("taken", "");
    let refused = place.run(&["man", "taken"]);
    assert_eq!((refused.status.code(), text(&refused.stderr).contains("taken")), (Some(1), true));
}

#[test]
fn a_backend_that_is_not_compiled_in_is_named_with_the_way_to_build_it() {
    if burnlab::backend::BackendName::compiled().contains(&burnlab::backend::BackendName::Wgpu) {
        return;
    }
    let place = Place::new();
    place.write("c.toml", SMALL);
    let output = place.run(&["--config", "c.toml", "--backend", "wgpu"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cargo run --features wgpu"), "{}", text(&output.stderr));
}
