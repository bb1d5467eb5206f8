//! What the repository ships: configs, README, the layering that src/lib.rs promises.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::lab::{Lab, config_file};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn configs() -> Vec<String> {
    let files = std::fs::read_dir(root().join("configs")).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// What each config must reach on its own seed: a metric and its bounds.
fn promises() -> BTreeMap<&'static str, (&'static str, std::ops::RangeInclusive<f64>)> {
    BTreeMap::from([
        // The frequencies of pairs reach 2.51, in 10 epochs it reaches 1.8; see the test for 3.
        ("alice", ("loss", 1.7..=2.3)),
        ("band-2-units", ("accuracy", 0.95..=1.0)),
        ("breast-cancer", ("accuracy", 0.95..=1.0)),
        ("california", ("r2", 0.5..=1.0)),
        ("csv-example", ("accuracy", 0.78..=0.9)),
        ("diabetes", ("r2", 0.45..=0.65)),
        ("diabetes-tabular", ("r2", 0.45..=0.65)),
        ("digits", ("accuracy", 0.96..=1.0)),
        ("digits-cnn", ("accuracy", 0.975..=1.0)),
        ("digits-early-stopping", ("accuracy", 0.93..=1.0)),
        ("digits-few-labels", ("accuracy", 0.75..=0.97)),
        ("digits-finetune", ("accuracy", 0.78..=0.98)),
        ("digits-overfit", ("accuracy", 0.93..=1.0)),
        ("digits-perceptron", ("accuracy", 0.95..=1.0)),
        ("digits-pretrain", ("accuracy", 0.96..=1.0)),
        ("digits-rnn", ("accuracy", 0.95..=1.0)),
        ("digits-sweep", ("accuracy", 0.93..=1.0)),
        ("digits-transformer", ("accuracy", 0.95..=1.0)),
        ("digits-tutorial", ("accuracy", 0.93..=0.98)),
        ("iris", ("accuracy", 0.9..=1.0)),
        ("mnist", ("accuracy", 0.0..=1.0)),
        ("mnist-cnn", ("accuracy", 0.0..=1.0)),
        ("moons", ("accuracy", 0.93..=1.0)),
        ("spirals", ("accuracy", 0.95..=1.0)),
        ("wine", ("accuracy", 0.96..=1.0)),
        ("wine-folds", ("accuracy", 0.8..=1.0)),
        ("xor-mlp", ("accuracy", 0.95..=1.0)),
        ("xor-perceptron", ("accuracy", 0.3..=0.62)),
    ])
}

#[test]
fn every_config_trains_and_keeps_its_promise() {
    let promises = promises();
    assert_eq!(configs(), promises.keys().map(ToString::to_string).collect::<Vec<_>>(), "a config without a promise");
    let files = tempfile::tempdir().unwrap();
    let lab = Lab::new();
    // First, since others begin with it.
    let pretrained = promises.get_key_value("digits-pretrain").map(|(&name, promise)| (name, promise.clone()));
    for (name, (metric, bounds)) in pretrained.into_iter().chain(promises) {
        let overrides = match name {
            "alice" => vec!["training.max_epochs=3".to_owned()], // of 10: half a minute on busy cores
            "california" => tiny_california(files.path()),
            "mnist" | "mnist-cnn" => tiny_mnist(files.path()),
            _ => Vec::new(),
        };
        let overrides: Vec<&str> = overrides.iter().map(String::as_str).collect();
        let run = lab.train(name, &overrides);
        let value = run.evaluation.unwrap().metric(metric);
        assert!(bounds.contains(&value), "{name}: {metric} is {value}, promised {bounds:?}");
    }
}

/// A table of 400 districts with the columns of California's, which is not shipped; the value follows from the income and
/// from the distance to the sea.
fn tiny_california(folder: &Path) -> Vec<String> {
    let mut table = "longitude,latitude,housing_median_age,total_rooms,total_bedrooms,population,households,\
                     median_income,median_house_value,ocean_proximity\n"
        .to_owned();
    for row in 0..400 {
        let (longitude, latitude) = (-124.0 + f64::from(row % 20) / 2.0, 33.0 + f64::from(row / 20) / 3.0);
        let (income, rooms) = (1.0 + f64::from(row * 7 % 40) / 5.0, 500 + row * 31 % 3000);
        let sea = if row % 20 < 5 { "NEAR OCEAN" } else { "INLAND" };
        let value = 40_000.0 * income + if row % 20 < 5 { 90_000.0 } else { 0.0 };
        let bedrooms = if row % 50 == 3 { String::new() } else { (rooms / 5).to_string() };
        let (age, people, households) = (row * 13 % 50, rooms / 2, rooms / 6);
        table +=
            &format!("{longitude},{latitude},{age},{rooms},{bedrooms},{people},{households},{income},{value},{sea}\n");
    }
    let path = folder.join("california.csv");
    std::fs::write(&path, table).unwrap();
    vec![format!("data.path=\"{}\"", path.display()), "training.batch_size=32".to_owned()]
}

/// IDX files of 200 blank and striped images of 28 x 28: MNIST itself is not shipped.
fn tiny_mnist(folder: &Path) -> Vec<String> {
    let mut overrides = vec!["training.batch_size=32".to_owned(), "training.max_epochs=2".to_owned()];
    for (images, labels, stem) in [("path", "labels", "train"), ("test_path", "test_labels", "test")] {
        let mut pixels = vec![0, 0, 8, 3, 0, 0, 0, 200, 0, 0, 0, 28, 0, 0, 0, 28];
        let mut classes = vec![0, 0, 8, 1, 0, 0, 0, 200];
        for row in 0..200u32 {
            let class = row % 10;
            pixels.extend((0..28 * 28u32).map(|at| if at / 28 == class * 2 { 255 } else { (at * row % 7) as u8 }));
            classes.push(class as u8);
        }
        for (key, bytes) in [(images, pixels), (labels, classes)] {
            let path = folder.join(format!("{stem}-{key}"));
            std::fs::write(&path, bytes).unwrap();
            overrides.push(format!("data.{key}=\"{}\"", path.display()));
        }
    }
    overrides
}

#[test]
fn every_config_says_what_it_shows_its_command_and_its_measured_result() {
    for name in configs() {
        let text = std::fs::read_to_string(config_file(&name)).unwrap();
        let head: String = text.lines().take_while(|line| line.starts_with('#')).collect::<Vec<_>>().join("\n");
        assert!(head.contains(&format!("cargo run -- --config configs/{name}.toml")), "{name}: no command");
        assert!(head.contains("Measured"), "{name}: no measured result");
    }
}

#[test]
fn overfitting_shows_in_the_losses_and_early_stopping_prevents_it() {
    use crate::lab::series;
    let lab = Lab::new();
    let (overfit, stopped) = (lab.train("digits-overfit", &[]), lab.train("digits-early-stopping", &[]));
    let losses = series(&overfit, "validation/loss");
    let least = losses.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let last = losses.last().unwrap().1;
    assert!(last > 1.3 * least, "validation loss {least} at its least, {last} in the end");
    assert!(series(&overfit, "train/loss").last().unwrap().1 < 0.01);
    let log_loss = |run: &burnlab::commands::train::Trained| run.evaluation.as_ref().unwrap().metric("log_loss");
    assert!(log_loss(&stopped) < log_loss(&overfit), "{} and {}", log_loss(&stopped), log_loss(&overfit));
    assert!(stopped.num_epochs < overfit.num_epochs);
}

#[test]
fn the_readmes_commands_are_understood() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let mut seen = 0;
    for line in readme.lines().map(str::trim) {
        let Some(rest) = line.strip_prefix("cargo run ") else { continue };
        let command = rest.split('#').next().unwrap();
        let Some((_, args)) = command.split_once("-- ") else { panic!("no `--` in {line}") };
        let args = args.split_whitespace().map(|arg| arg.trim_matches('\''));
        use clap::Parser;
        let cli = burnlab::cli::Cli::try_parse_from(std::iter::once("burnlab").chain(args));
        let cli = match cli {
            Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => continue,
            cli => cli.unwrap_or_else(|error| panic!("README: {line}\n{error}")),
        };
        if let (None, Some(config)) = (&cli.command, &cli.train.config) {
            assert!(root().join(config).exists() || config.starts_with("my"), "README: {line}: no such config");
            if config.starts_with("configs") {
                let loaded = burnlab::config::LoadedConfig::load(&root().join(config), &cli.train.set);
                loaded.unwrap_or_else(|error| panic!("README: {line}: {error}"));
            }
        }
        seen += 1;
    }
    assert!(seen >= 4, "the README shows how to use burnlab");
}

/// The sources below `folder`, by path from src/.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

#[test]
fn modules_know_only_what_is_below_them() {
    let all = ["burn::", "crate::data", "crate::model", "crate::training", "crate::tracking", "crate::commands"];
    let forbidden = [
        ("plots", &all[..]),
        ("sweep", &all[..]),
        ("onnx", &all[..]),
        ("tracking", &["burn::", "crate::training", "crate::model", "crate::data", "crate::config"][..]),
        (
            "dashboard",
            &["burn::", "crate::training", "crate::model", "crate::data", "crate::config", "crate::commands"],
        ),
        ("cpu", &["crate::data", "crate::model", "crate::training", "crate::tracking", "crate::commands"]),
        ("data", &["crate::model", "crate::training", "crate::tracking", "crate::config", "crate::commands"]),
        ("model", &["crate::training", "crate::tracking", "crate::config", "crate::commands"]),
        ("training", &["crate::config", "crate::commands", "crate::cli", "crate::backend"]),
    ];
    for (module, names) in forbidden {
        for (path, text) in sources(module) {
            for name in names {
                assert!(!text.contains(name), "{} names {name}", path.display());
            }
        }
    }
    for (path, text) in sources("") {
        let name = path.strip_prefix(root().join("src")).unwrap().to_str().unwrap().to_owned();
        // Autodiff is no backend of its own: the fused kernels put their nodes into its graph.
        let text = match name.starts_with("cpu/") {
            true => text.replace("burn::backend::autodiff::", "").replace("burn::backend::Autodiff;", ""),
            false => text,
        };
        assert!(name == "backend.rs" || !text.contains("burn::backend"), "{name} names a backend");
        assert!(name == "cpu/product.rs" || !text.contains("unsafe {"), "{name} has unsafe code");
        let speaks_sql =
            ["tracking/database", "tracking/store.rs", "tracking/queue", "tracking/error.rs", "tracking/tests.rs"];
        let may = speaks_sql.iter().any(|start| name.starts_with(start));
        assert!(may || !(text.contains("rusqlite::") || text.contains("SELECT ")), "{name} speaks SQL");
    }
}
