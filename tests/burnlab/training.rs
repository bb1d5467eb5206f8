//! What a training reaches, when it stops, what it keeps, and that it repeats.

use std::collections::BTreeSet;
use std::sync::Arc;

use burn::backend::{Autodiff, Flex};
use burnlab::backend::BackendName;
use burnlab::experiment::run_folder::MODEL;
use burnlab::experiment::{RunFolder, RunOutcome, SavedModel, prepare};
use burnlab::training::evaluation::evaluate;
use burnlab::training::objective::Objective;

use crate::lab::{Lab, median, series};

// ---- what it reaches

#[test]
fn the_tutorial_net_reaches_what_scikit_learn_reaches() {
    let accuracies = Lab::new().accuracies("digits-tutorial", &[], 30);
    let middle = median(&accuracies);
    assert!((0.940..=0.960).contains(&middle), "median {middle}: scikit-learn has .949");
    assert!(accuracies[0] >= 0.92, "least {}", accuracies[0]);
}

#[test]
fn the_shipped_digits_config_is_better_and_a_wider_net_better_still() {
    let lab = Lab::new();
    let small = median(&lab.accuracies("digits", &[], 30));
    assert!(small >= 0.967, "16 units: median {small}");
    let wide = median(&lab.accuracies("digits", &["model.hidden=[128]"], 30));
    assert!(wide >= 0.974, "128 units: median {wide}");
}

#[test]
fn band_and_xor_need_hidden_units() {
    let lab = Lab::new();
    for (source, perceptron_at_most) in [("band", 0.80), ("xor", 0.62)] {
        let source = format!("data.source={source}");
        let perceptron = lab.accuracies("xor-perceptron", &[&source], 20);
        assert!(median(&perceptron) <= perceptron_at_most, "{source}: perceptron {perceptron:?}");
        let units = lab.accuracies("xor-mlp", &[&source, "model.hidden=[16]"], 20);
        assert!(units[0] >= 0.95, "{source}: 16 units {units:?}");
    }
}

#[test]
fn regression_is_measured_in_the_targets_units() {
    let lab = Lab::new();
    let run = lab.train("diabetes", &[]);
    let evaluation = run.evaluation.as_ref().unwrap();
    assert!(evaluation.metric("r2") >= 0.45, "r2 {}", evaluation.metric("r2"));
    // The target runs from 25 to 346 with a standard deviation of 77.
    assert!((40.0..65.0).contains(&evaluation.metric("rmse")), "rmse {}", evaluation.metric("rmse"));
    assert!((65.0..90.0).contains(&evaluation.baseline.value), "baseline {}", evaluation.baseline.value);
    let mut csv = csv::Reader::from_path(run.folder.join("predictions.csv")).unwrap();
    let truths: Vec<f64> = csv.records().map(|row| row.unwrap()[1].parse().unwrap()).collect();
    assert_eq!(truths.len(), evaluation.num_examples);
    assert!(truths.iter().all(|truth| (25.0..=346.001).contains(truth) && (truth - truth.round()).abs() < 1e-3));
}

// ---- when it stops, what it keeps

/// The tutorial's net with early stopping on the validation loss.
const STOPPING: [&str; 2] = ["data.validation_fraction=0.15", "training.early_stopping.patience=10"];

#[test]
fn early_stopping_on_the_validation_loss_costs_no_accuracy() {
    let lab = Lab::new();
    let stopped =
        median(&lab.accuracies("digits-tutorial", &[STOPPING[0], STOPPING[1], "training.max_epochs=1000"], 12));
    let full = median(&lab.accuracies("digits-tutorial", &[], 12));
    assert!(stopped >= 0.937, "stopped {stopped}");
    assert!(stopped >= full - 0.01, "stopped {stopped}, not stopped {full}");
}

#[test]
fn the_best_epoch_is_the_argmin_of_the_logged_loss_and_the_saved_model_reproduces_it() {
    let lab = Lab::new();
    let run = lab.train("digits", &[]);
    let losses = series(&run, "validation/loss");
    assert_eq!(losses.len(), run.num_epochs);
    let least = losses.iter().copied().reduce(|best, next| if next.1 < best.1 { next } else { best }).unwrap();
    assert_eq!(run.best, Some(least));
    assert_eq!(run.kept_epoch, Some(least.0));
    assert_eq!(run.num_epochs, least.0 + 10, "patience counts from the best epoch");

    let saved = SavedModel::open(&RunFolder::at(&run.folder)).unwrap();
    let prepared = prepare(&saved.config, &lab.artifacts().into()).unwrap();
    let objective =
        Arc::new(Objective::new(&saved.config.training, prepared.decoder.task, &saved.preprocessor.class_counts));
    let net = saved.net::<Flex>(&Default::default()).unwrap();
    let (evaluation, _) = evaluate::<Flex>(
        net,
        &objective,
        &Arc::new(prepared.decoder.clone()),
        &prepared.validation,
        &saved.preprocessor,
        &Default::default(),
    );
    assert!((evaluation.metric("loss") - least.1).abs() < 1e-5, "{} after {}", evaluation.metric("loss"), least.1);
}

#[test]
fn best_weights_are_kept_when_max_epochs_ends_training_and_the_last_ones_on_request() {
    // A rate so high that the loss wanders: the best epoch is not the last.
    let wander = ["training.max_epochs=30", "training.learning_rate=0.05", "training.early_stopping.patience=30"];
    let lab = Lab::new();
    let best = lab.train("digits", &wander);
    assert!(best.num_epochs == 30 && best.best.unwrap().0 < 30);
    assert_eq!(best.kept_epoch, best.best.map(|best| best.0));
    let last = lab.train("digits", &[&wander[..], &["training.restore_best=false"]].concat());
    assert_eq!((last.kept_epoch, last.best), (None, best.best));
    assert_ne!(weights(&best), weights(&last));
    // Up to the best epoch the two are the same run.
    let until_best = format!("training.max_epochs={}", best.best.unwrap().0);
    let short = lab.train("digits", &[wander[1], &until_best]);
    assert_eq!(weights(&short), weights(&best));
}

#[test]
fn twenty_repeats_stop_at_the_same_epoch() {
    let lab = Lab::new();
    let ends: BTreeSet<_> =
        (0..20).map(|_| lab.train("digits", &[])).map(|run| (run.num_epochs, run.kept_epoch)).collect();
    assert_eq!(ends.len(), 1, "{ends:?}");
}

#[test]
fn any_validation_metric_can_be_monitored() {
    let lab = Lab::new();
    let run = lab.train("digits", &["training.early_stopping.monitor=validation/f1", "training.max_epochs=40"]);
    let values = series(&run, "validation/f1");
    let most = values.iter().copied().reduce(|best, next| if next.1 > best.1 { next } else { best }).unwrap();
    assert_eq!(run.best, Some(most));
}

// ---- that it repeats

fn weights(run: &RunOutcome) -> Vec<u8> {
    std::fs::read(run.folder.join(MODEL)).unwrap()
}

/// metrics.csv less the wall times and the seconds.
fn points(run: &RunOutcome) -> Vec<String> {
    let text = std::fs::read_to_string(run.folder.join("metrics.csv")).unwrap();
    let without_time = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect(); // epoch, step, time, metric, value
        [&cells[..2], &cells[3..]].concat().join(",")
    };
    text.lines().filter(|line| !line.contains("/seconds")).map(without_time).collect()
}

#[test]
fn the_same_seed_gives_the_same_points_and_weights() {
    for (config, overrides) in [
        ("digits", &["training.max_epochs=15", "model.dropout=0.2", "model.hidden=[32,16]"][..]),
        ("digits-cnn", &["training.max_epochs=2", "data.train_per_class=30"]),
        ("digits-rnn", &["training.max_epochs=2", "data.train_per_class=30"]),
        ("digits-transformer", &["training.max_epochs=2", "data.train_per_class=30"]),
        ("diabetes-tabular", &["training.max_epochs=5"]),
    ] {
        for backend in [BackendName::Flex, BackendName::Ndarray] {
            if !BackendName::compiled().contains(&backend) {
                continue;
            }
            let lab = Lab::on(backend);
            let (first, second) = (lab.train(config, overrides), lab.train(config, overrides));
            assert_eq!(points(&first), points(&second), "{config} {}", backend.as_str());
            assert_eq!(weights(&first), weights(&second), "{config} {}", backend.as_str());
            let other = lab.train(config, &[overrides, &["seed=7", "training.max_epochs=1"]].concat());
            assert_ne!(weights(&first), weights(&other));
        }
    }
}

/// Burn's autodiff has one list of graphs for the whole process, which every backward pass cleans up.
#[test]
fn trainings_side_by_side_do_not_disturb_each_other() {
    for config in ["digits", "digits-cnn", "digits-rnn", "digits-transformer", "diabetes-tabular"] {
        let overrides: &[&str] = match config {
            "diabetes-tabular" => &["training.max_epochs=4"],
            _ => &["training.max_epochs=4", "data.train_per_class=20"],
        };
        let train = || weights(&Lab::new().train(config, overrides));
        let alone = train();
        std::thread::scope(|scope| {
            let beside: Vec<_> = (0..6).map(|_| scope.spawn(train)).collect();
            for other in beside {
                assert_eq!(other.join().unwrap(), alone, "{config}");
            }
        });
    }
}

/// A thread that waits within a backward pass may take up other work of its pool, but never another training, which
/// would wait for the graph that this thread has locked.
#[test]
fn a_training_that_starts_during_another_ones_backward_pass_waits_for_nobody() {
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let images: &[&str] = &["training.max_epochs=6", "data.train_per_class=60"];
        let points: &[&str] = &["training.max_epochs=3"];
        std::thread::scope(|scope| {
            let images = scope.spawn(|| Lab::new().train("digits-cnn", images).num_epochs);
            while !images.is_finished() {
                assert_eq!(Lab::new().train("xor-mlp", points).num_epochs, 3);
            }
            assert_eq!(images.join().unwrap(), 6);
        });
        ended.send(()).unwrap();
    });
    // Seconds where nothing hangs.
    end.recv_timeout(std::time::Duration::from_secs(120)).expect("no training waits for another one");
}

#[test]
fn every_backend_trains_the_same_curve() {
    for (config, kind) in [
        ("digits", &["training.max_epochs=5", "model.dropout=0.2"][..]),
        ("digits-cnn", &["training.max_epochs=2", "data.train_per_class=30"]),
        ("digits-cnn", &["training.max_epochs=2", "data.train_per_class=30", "model.channels=[8,16]", "model.pool=1"]),
        ("digits-rnn", &["training.max_epochs=2", "data.train_per_class=30"]),
        ("digits-transformer", &["training.max_epochs=2", "data.train_per_class=30"]),
        ("diabetes-tabular", &["training.max_epochs=5", "data.validation_fraction=0.2"]),
    ] {
        let reference = Lab::new();
        let expected = reference.train(config, kind);
        for backend in BackendName::compiled() {
            if backend == BackendName::Wgpu && !crate::wgpu_is_here() {
                continue;
            }
            let lab = Lab::on(backend);
            let run = lab.train(config, kind);
            // Pixels of one colour make equal values, of which rounding on a GPU picks another as the largest of its
            // square: up to 4e-3 apart with pooling, 2e-6 without (measured).
            let has_ties = config == "digits-cnn" && !kind.contains(&"model.pool=1");
            let tolerance = if backend == BackendName::Wgpu && has_ties { 2e-2 } else { 1e-3 };
            for key in ["train/loss", "validation/loss"] {
                for (found, expected) in series(&run, key).iter().zip(series(&expected, key)) {
                    let apart = (found.1 - expected.1).abs();
                    let backend = backend.as_str();
                    assert!(apart < tolerance, "{config} on {backend}: {key} of epoch {}: {apart} apart", found.0);
                }
            }
        }
    }
}

#[test]
fn the_backend_types_are_burns() {
    // The user's requirement in one line: generic code, Burn's Autodiff around a backend.
    fn is_backend<B: burn::tensor::backend::AutodiffBackend>() {}
    is_backend::<Autodiff<Flex>>();
}
