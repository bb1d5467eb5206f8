//! The network and the training that are chosen by the data, and the second training, on the validation rows too.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burnlab::backend::BackendName;
use burnlab::config::LoadedConfig;
use burnlab::data::{Splits, Target};
use burnlab::experiment::resume::plan;
use burnlab::experiment::{
    Environment, EpochReport, Interrupter, Prepared, RunOutcome, TrainOptions, TrainingObserver, Unobserved, prepare,
    train, train_from,
};
use burnlab::tracking::{Location, Status};

use crate::lab::{Lab, series};
use crate::place;

/// Three lines, as a newcomer writes them.
const IRIS: &str = "[data]\npath = \"iris.csv\"\ntarget = \"species\"\n";

fn burnlab(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_burnlab")).args(arguments).current_dir(folder).output().unwrap()
}

#[track_caller]
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let done = burnlab(folder, arguments);
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// A folder with `iris.csv`: three classes that two columns tell apart.
fn folder_with_iris() -> tempfile::TempDir {
    let folder = place::folder();
    let mut csv = "length,width,species\n".to_owned();
    for row in 0..150 {
        let (class, step) = (row % 3, f64::from(row / 3));
        let (length, width) = (f64::from(class) + (step * 0.7).sin(), f64::from(class * class) - (step * 1.3).cos());
        csv += &format!("{length:.3},{width:.3},{}\n", ["setosa", "versicolor", "virginica"][class as usize]);
    }
    std::fs::write(folder.path().join("iris.csv"), csv).unwrap();
    std::fs::write(folder.path().join("iris.toml"), IRIS).unwrap();
    folder
}

fn only_run(folder: &Path) -> std::path::PathBuf {
    std::fs::read_dir(folder.join("artifacts/runs")).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn a_config_of_data_alone_is_completed_shown_and_recorded_so_that_the_record_trains_the_same() {
    let folder = folder_with_iris();
    let rendered = printed(folder.path(), &["config", "render", "iris.toml"]);
    for line in ["kind = \"mlp\"", "refit = true", "calibrate = true", "[training.early_stopping]"] {
        assert!(rendered.contains(line), "{line} in\n{rendered}");
    }
    let hidden = rendered.lines().find(|line| line.starts_with("hidden")).unwrap();
    assert_ne!(hidden, "hidden = [16]");
    let shown = printed(folder.path(), &["--config", "iris.toml"]);
    assert!(shown.contains("patience") && shown.contains("\nrefit  test accuracy"), "{shown}");

    let run = only_run(folder.path());
    let config = std::fs::read_to_string(run.join("config.toml")).unwrap();
    // Rendering needs no task, which decides the loss; all else is what was trained.
    for line in rendered.lines() {
        assert!(config.lines().any(|other| other == line), "{line} in\n{config}");
    }
    std::fs::write(folder.path().join("again.toml"), &config).unwrap();
    printed(folder.path(), &["--config", "again.toml", "--artifacts", "again"]);
    let again = std::fs::read_dir(folder.path().join("again/runs")).unwrap().next().unwrap().unwrap().path();
    let model = |run: &Path| std::fs::read(run.join("model.safetensors")).unwrap();
    assert!(model(&run) == model(&again));
}

#[test]
fn probabilities_of_classes_are_calibrated_where_the_network_is_chosen() {
    let folder = folder_with_iris();
    std::fs::write(folder.path().join("number.toml"), "[data]\nsource = \"diabetes\"\n").unwrap();
    let rendered = |args: &[&str]| printed(folder.path(), &[&["config", "render"], args].concat());
    let sets = [
        ("training.calibrate=false", Some("calibrate = false")),
        ("training.max_epochs=7", Some("calibrate = true")),
        ("model.hidden=[8]", None),
        ("data.validation_fraction=0.0", None),
        ("data.ordered=[\"setosa\", \"versicolor\", \"virginica\"]", None),
    ];
    for (set, expected) in sets {
        let found = rendered(&["iris.toml", "--set", set]);
        assert_eq!(found.lines().find(|line| line.starts_with("calibrate")), expected, "{set}");
    }
    assert!(!rendered(&["number.toml"]).contains("calibrate"));
}

#[test]
fn what_the_config_says_is_obeyed() {
    let folder = folder_with_iris();
    let rendered = |sets: &[&str]| {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let arguments: Vec<&str> = ["config", "render", "iris.toml"].into_iter().chain(sets).collect();
        printed(folder.path(), &arguments)
    };
    // A network and a number of epochs: nothing is chosen.
    let fixed = rendered(&["model.hidden=[16]", "training.max_epochs=200"]);
    assert!(!fixed.contains("refit") && !fixed.contains("early_stopping"), "{fixed}");
    assert!(fixed.contains("hidden = [16]\n") && fixed.contains("max_epochs = 200\n"), "{fixed}");
    // A network alone: how to train it is chosen.
    let network = rendered(&["model.hidden=[16]"]);
    assert!(network.contains("hidden = [16]\n") && network.contains("refit = true\n"), "{network}");
    assert!(network.contains("learning_rate = 0.003\n") && network.contains("dropout = 0.0\n"), "{network}");
    // Single keys of the training: the rest is chosen.
    let keys = rendered(&["training.max_epochs=7", "training.early_stopping.monitor=validation/accuracy"]);
    assert!(keys.contains("max_epochs = 7\n") && keys.contains("refit = true\n"), "{keys}");
    assert!(keys.contains("monitor = \"validation/accuracy\"\n") && !keys.contains("hidden = [16]\n"), "{keys}");
    let off = rendered(&["training.refit=false"]);
    assert!(off.contains("refit = false\n"), "{off}");
    // Keys that would have no effect beside others are not chosen.
    for sets in [&["training.optimizer=sgd"][..], &["training.schedule.kind=exponential"], &["model.freeze=[]"]] {
        rendered(sets);
    }
    // No validation rows: nothing that needs them.
    let none = rendered(&["data.validation_fraction=0"]);
    assert!(!none.contains("early_stopping") && !none.contains("refit"), "{none}");
}

#[test]
fn few_rows_of_three_classes_are_held_back_less() {
    let folder = folder_with_iris();
    let rendered = |sets: &[&str]| {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        printed(folder.path(), &["config", "render", "iris.toml"].into_iter().chain(sets).collect::<Vec<_>>())
    };
    let three = rendered(&[]);
    assert!(three.contains("\ndropout = 0.1\n") && three.contains("\nweight_decay = 0.1\n"), "{three}");
    let given = rendered(&["training.weight_decay=0.3"]);
    assert!(given.contains("\ndropout = 0.1\n") && given.contains("\nweight_decay = 0.3\n"), "{given}");
    std::fs::write(folder.path().join("two.toml"), "[data]\nsource = \"breast_cancer\"\n").unwrap();
    let two = printed(folder.path(), &["config", "render", "two.toml"]);
    assert!(two.contains("\ndropout = 0.2\n") && two.contains("\nweight_decay = 0.5\n"), "{two}");
}

#[test]
fn a_number_and_many_rows_get_less_dropout() {
    let folder = place::folder();
    let mut csv = "x,number,class\n".to_owned();
    for row in 0..9000 {
        let x = f64::from(row) * 0.37;
        csv += &format!("{x:.3},{:.3},{}\n", x.sin(), if x.sin() > 0.0 { "up" } else { "down" });
    }
    std::fs::write(folder.path().join("a.csv"), csv).unwrap();
    let dropout = |data: &str| {
        std::fs::write(folder.path().join("a.toml"), format!("[data]\npath = \"a.csv\"\n{data}\n")).unwrap();
        let rendered = printed(folder.path(), &["config", "render", "a.toml"]);
        rendered.lines().find(|line| line.starts_with("dropout")).unwrap().to_owned()
    };
    let number = "target = \"number\"\ndrop = [\"class\"]";
    assert_eq!(dropout(number), "dropout = 0.1");
    assert_eq!(dropout("target = \"class\"\ndrop = [\"number\"]"), "dropout = 0.2");
    // 3,570 training rows.
    assert_eq!(dropout(&format!("{number}\ntest_fraction = 0.533")), "dropout = 0.2");
}

#[test]
fn images_get_a_convolutional_network_and_texts_a_transformer() {
    let folder = place::folder();
    for (source, kind) in [("digits", "cnn"), ("alice", "transformer"), ("wine", "mlp")] {
        std::fs::write(folder.path().join("a.toml"), format!("[data]\nsource = \"{source}\"\n")).unwrap();
        let rendered = printed(folder.path(), &["config", "render", "a.toml"]);
        assert!(rendered.contains(&format!("kind = \"{kind}\"\n")), "{source}:\n{rendered}");
        printed(folder.path(), &["config", "check", "a.toml"]);
    }
}

#[test]
fn a_second_training_without_validation_rows_is_refused() {
    let folder = folder_with_iris();
    for sets in [
        ["training.refit=true", "data.validation_fraction=0"],
        ["training.refit=true", "training.schedule.kind=plateau"],
    ] {
        let done = burnlab(folder.path(), &["config", "check", "iris.toml", "--set", sets[0], "--set", sets[1]]);
        let error = String::from_utf8(done.stderr).unwrap();
        assert!(
            done.status.code() == Some(1) && error.contains("training.refit") && error.contains(": refit "),
            "{error}"
        );
    }
}

/// The digits with a second training.
fn prepared(location: &Location) -> Prepared {
    let sets = ["training.refit=true", "training.max_epochs=12", "training.class_weights=balanced"].map(String::from);
    let loaded = LoadedConfig::load(&crate::lab::config_file("digits"), &sets).unwrap();
    prepare(&loaded.config, location).unwrap()
}

fn options<'a>(
    location: &'a Location,
    environment: &'a Environment,
    observer: Arc<dyn TrainingObserver>,
    interrupter: &Interrupter,
) -> TrainOptions<'a> {
    TrainOptions {
        location,
        tags: &[],
        backend: BackendName::Flex,
        environment,
        observer,
        interrupter: interrupter.clone(),
        tui: false,
        sweep: None,
    }
}

fn model(run: &RunOutcome) -> Vec<u8> {
    std::fs::read(run.folder.join("model.safetensors")).unwrap()
}

#[test]
fn the_second_training_is_that_of_a_run_whose_training_part_is_both_parts() {
    let lab = Lab::new();
    let location = lab.artifacts().into();
    let environment = Environment::gather(BackendName::Flex);
    let interrupter = Interrupter::new();
    let options = options(&location, &environment, Arc::new(Unobserved), &interrupter);
    let twice = prepared(&location);
    let refitted = train(&twice, &options).unwrap();
    let epochs = refitted.kept_epoch.unwrap();

    let mut once = twice.clone();
    let Splits { train: rows, validation, .. } = &twice.splits;
    once.splits.train = [&rows[..], validation].concat().into();
    once.splits.validation = [].into();
    once.config.training.refit = None;
    once.config.training.max_epochs = epochs;
    let Target::Classes { labels, .. } = &twice.dataset.target else { panic!("digits are classes") };
    let label = |row: &u32| labels[*row as usize] as usize;
    once.preprocessor.class_counts =
        (0..10).map(|class| once.splits.train.iter().filter(|row| label(row) == class).count() as u64).collect();
    once.train = Arc::new(once.preprocessor.share(&once.dataset, once.splits.train.clone()));
    once.validation = Arc::new(once.preprocessor.share(&once.dataset, []));
    let single = train(&once, &options).unwrap();
    assert!(model(&refitted) == model(&single));
    // What it would resume from goes once its weights are the run's.
    assert!(refitted.folder.join("checkpoint.safetensors").exists());
    assert!(!refitted.folder.join("refit.safetensors").exists());
    assert_eq!(series(&refitted, "refit/loss"), series(&single, "train/loss"));
    assert_eq!(series(&refitted, "refit/loss").len(), epochs);

    // Both results are recorded, and that of the first training is what it is without a second one.
    let mut first = twice.clone();
    first.config.training.refit = None;
    let first = train(&first, &options).unwrap();
    let evaluation = refitted.evaluation.clone().unwrap();
    let refit = evaluation.refit.clone().unwrap();
    assert_eq!(refit.before, first.evaluation.clone().unwrap().metrics);
    assert_eq!((refit.num_examples, refit.num_epochs), (1257, epochs));
    // All but the loss, whose class weights are those of the training part.
    assert_eq!(evaluation.metrics[1..], single.evaluation.unwrap().metrics[1..]);
    assert_eq!(series(&refitted, "validation/loss"), series(&first, "validation/loss"));
}

/// Interrupts after some epochs of the second training.
struct Interrupts {
    after: usize,
    seen: AtomicUsize,
    interrupter: Interrupter,
}

impl TrainingObserver for Interrupts {
    fn epoch(&self, report: &EpochReport) -> ControlFlow<()> {
        let is_second = report.values.iter().any(|(key, _)| key.as_str() == "refit/loss");
        if is_second && self.seen.fetch_add(1, Ordering::Relaxed) + 1 == self.after {
            self.interrupter.stop("the test has seen enough");
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn interrupted_in_its_second_training_a_run_has_the_first_network_and_is_resumed_to_the_same_weights() {
    let lab = Lab::new();
    let location: Location = lab.artifacts().into();
    let environment = Environment::gather(BackendName::Flex);
    let whole = Interrupter::new();
    let whole = train(&prepared(&location), &options(&location, &environment, Arc::new(Unobserved), &whole)).unwrap();
    for checkpoint_seconds in [0.0, 1e6] {
        let mut prepared = prepared(&location);
        prepared.config.training.checkpoint_seconds = checkpoint_seconds;
        let interrupter = Interrupter::new();
        let observer = Interrupts { after: 3, seen: AtomicUsize::new(0), interrupter: interrupter.clone() };
        let stopped = train(&prepared, &options(&location, &environment, Arc::new(observer), &interrupter)).unwrap();
        assert_eq!(stopped.status, Status::Interrupted);
        assert!(stopped.evaluation.as_ref().unwrap().refit.is_none());
        assert_eq!(stopped.folder.join("refit.safetensors").exists(), checkpoint_seconds == 0.0);

        let plan = plan(&location, stopped.id.as_str(), None, false).unwrap();
        let options = options(&location, &environment, Arc::new(Unobserved), &Interrupter::new());
        let resumed = train_from(plan.start, &plan.prepared, &options).unwrap();
        assert_eq!((resumed.id.clone(), resumed.status), (stopped.id, Status::Finished));
        assert!(model(&resumed) == model(&whole));
        assert!(!resumed.folder.join("refit.safetensors").exists());
        for key in ["train/loss", "validation/loss", "refit/loss"] {
            assert_eq!(series(&resumed, key), series(&whole, key), "{key}");
        }
        assert_eq!(resumed.evaluation, whole.evaluation);
    }
}
