//! Run folders and the store, from outside.

use std::collections::BTreeMap;

use burnlab::tracking::{MetricKey, NewRun, Point, RunWriter, Shown, Status, Store, TrackingError};

fn new_run(experiment: &str) -> NewRun {
    NewRun {
        experiment: experiment.into(),
        name: None,
        tags: vec!["baseline".into()],
        note: Some("a note".into()),
        config_toml: "seed = 1\n".into(),
        params: BTreeMap::from([("training.learning_rate".into(), 0.1.into())]),
        environment: serde_json::json!({"burnlab": "test"}),
        seed: u64::MAX,
        parent: None,
    }
}

fn point(key: &str, epoch: u64, value: f64) -> Point {
    Point { key: key.parse().unwrap(), epoch, step: epoch * 10, time: epoch as f64, value }
}

fn key(text: &str) -> MetricKey {
    text.parse().unwrap()
}

#[test]
fn nan_and_infinities_survive_store_and_files() {
    let root = tempfile::tempdir().unwrap();
    let mut run = RunWriter::start(root.path(), new_run("floats")).unwrap();
    let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324, 0.1 + 0.2];
    for (i, &value) in values.iter().enumerate() {
        run.log(&[point("train/loss", i as u64 + 1, value)]).unwrap();
    }
    let id = run.id().clone();
    run.finish(Status::Finished, "done", None).unwrap();
    let mut store = Store::open(root.path()).unwrap();
    for _ in 0..2 {
        let found: Vec<f64> =
            store.series(&id, &key("train/loss")).unwrap().iter().map(|sample| sample.value).collect();
        for (found, value) in found.iter().zip(values) {
            assert!(found.to_bits() == value.to_bits() || (found.is_nan() && value.is_nan()), "{found} for {value}");
        }
        let summary = store.run("latest").unwrap().metrics[&key("train/loss")];
        assert_eq!((summary.best, summary.best_epoch, summary.num_points), (f64::NEG_INFINITY, 3, 6));
        store.reindex().unwrap();
    }
}

#[test]
fn reindex_rebuilds_the_same_rows_from_the_folders_and_ignores_a_torn_line() {
    let root = tempfile::tempdir().unwrap();
    for experiment in ["a", "b", "c"] {
        let mut run = RunWriter::start(root.path(), new_run(experiment)).unwrap();
        for epoch in 1..=20 {
            run.log(&[point("train/loss", epoch, 1.0 / epoch as f64), point("validation/accuracy", epoch, 0.5)])
                .unwrap();
        }
        run.finish(Status::Interrupted, "stopped", Some(20)).unwrap();
    }
    let before = Store::open(root.path()).unwrap().runs().unwrap();
    assert_eq!(before.len(), 3);
    assert_eq!(before[0].record.seed, u64::MAX);
    for run in &before {
        let path = root.path().join("runs").join(run.record.id.as_str()).join("metrics.csv");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text + "train/loss,21,2").unwrap();
    }
    for file in ["burnlab.db", "burnlab.db-wal", "burnlab.db-shm"] {
        std::fs::remove_file(root.path().join(file)).ok();
    }
    let mut store = Store::open(root.path()).unwrap();
    assert!(store.runs().unwrap().is_empty());
    let done = store.reindex().unwrap();
    assert_eq!((done.num_runs, done.skipped.len()), (3, 0));
    assert_eq!(store.runs().unwrap(), before);
}

#[test]
fn many_writers_on_a_fresh_store_lose_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (num_writers, num_epochs) = (8, 50);
    std::thread::scope(|scope| {
        for _ in 0..num_writers {
            scope.spawn(|| {
                let mut run = RunWriter::start(root.path(), new_run("race")).unwrap();
                for epoch in 1..=num_epochs {
                    run.log(&[point("train/loss", epoch, 0.5), point("validation/loss", epoch, 0.25)]).unwrap();
                }
                run.finish(Status::Finished, "done", None).unwrap();
            });
        }
    });
    let runs = Store::open(root.path()).unwrap().runs().unwrap();
    assert_eq!(runs.len(), num_writers);
    for run in runs {
        assert_eq!(run.shown, Shown::Finished);
        assert!(run.metrics.len() == 2 && run.metrics.values().all(|metric| metric.num_points == num_epochs));
    }
}

#[test]
fn a_run_whose_process_is_gone_has_crashed_and_a_dropped_one_has_failed() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let run = RunWriter::start(root.path(), new_run("x")).unwrap();
    assert_eq!(store.run("latest").unwrap().shown, Shown::Running);
    // A copy of the folder as kill -9 leaves it: still "running", but its lock is free.
    let copy = tempfile::tempdir().unwrap();
    let folder = copy.path().join("runs").join(run.id().as_str());
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["run.json", "metrics.csv", "lock"] {
        std::fs::copy(run.folder().join(file), folder.join(file)).unwrap();
    }
    let mut orphaned = Store::open(copy.path()).unwrap();
    orphaned.reindex().unwrap();
    assert_eq!(orphaned.run("latest").unwrap().shown, Shown::Crashed);

    drop(run);
    let run = store.run("latest").unwrap();
    assert_eq!((run.shown, run.record.reason.as_deref()), (Shown::Failed, Some("ended without a result")));
}

#[test]
fn runs_are_found_by_unique_prefix() {
    let root = tempfile::tempdir().unwrap();
    for experiment in ["apple", "apricot"] {
        RunWriter::start(root.path(), new_run(experiment)).unwrap().finish(Status::Finished, "done", None).unwrap();
    }
    let store = Store::open(root.path()).unwrap();
    assert_eq!(store.run("app").unwrap().record.experiment, "apple");
    assert_eq!(store.run("latest").unwrap().record.experiment, "apricot");
    assert!(matches!(store.run("ap"), Err(TrackingError::AmbiguousRun { count: 2, .. })));
    assert!(matches!(store.run("b"), Err(TrackingError::NoSuchRun { .. })));
    assert!(matches!(store.run(""), Err(TrackingError::NoSuchRun { .. })));
}

#[test]
fn a_newer_store_and_a_foreign_file_are_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    drop(Store::open(root.path()).unwrap());
    let path = root.path().join("burnlab.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Store::open(root.path()).unwrap_err().to_string();
    assert!(error.contains("burnlab.db") && error.contains("schema 99") && error.contains("update burnlab"), "{error}");
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("burnlab.db"), "this is no database, but a text that is long enough").unwrap();
    let error = Store::open(other.path()).unwrap_err().to_string();
    assert!(error.contains("is not a burnlab store"), "{error}");
}

#[test]
fn a_point_twice_or_out_of_time_is_refused_and_nothing_of_its_batch_is_kept() {
    let root = tempfile::tempdir().unwrap();
    let mut run = RunWriter::start(root.path(), new_run("x")).unwrap();
    run.log(&[point("train/loss", 1, 0.5)]).unwrap();
    let error = run.log(&[point("train/loss", 2, 0.5), point("train/loss", 1, 0.5)]).unwrap_err();
    assert!(matches!(error, TrackingError::DuplicatePoint { .. }), "{error}");
    let late = Point { time: f64::NAN, ..point("train/loss", 3, 0.5) };
    assert!(matches!(run.log(&[late]).unwrap_err(), TrackingError::InvalidTime { epoch: 3, .. }));
    let store = Store::open(root.path()).unwrap();
    assert_eq!(store.series(run.id(), &key("train/loss")).unwrap().len(), 1);
}

#[test]
fn files_of_a_run_are_named_not_pathed() {
    let root = tempfile::tempdir().unwrap();
    let run = RunWriter::start(root.path(), new_run("x")).unwrap();
    run.write_file("evaluation.json", b"{}").unwrap();
    for bad in ["", ".hidden", "../x", "a/b", "run.json", "metrics.csv", "lock", "a b"] {
        assert!(matches!(run.write_file(bad, b""), Err(TrackingError::InvalidFileName { .. })), "{bad:?}");
    }
}
