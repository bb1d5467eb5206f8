//! A run from start to finish.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fs_err as fs;
use serde_json::json;

use super::{bits, key, new_run, point};
use crate::tracking::test_store::{TestStore, on_each_backend};
use crate::tracking::*;

on_each_backend![
    everything_exists_before_the_first_step,
    finish_records_status_reason_and_best_epoch,
    dropped_writers_fail_and_running_is_no_end,
    nan_and_infinities_survive_store_file_and_summary,
    a_metric_without_a_direction_has_no_best_value,
    a_refused_call_records_nothing,
    nothing_is_written_into_a_folder_that_was_put_in_the_place_of_the_runs,
    a_folder_in_place_of_a_request_to_stop_is_none,
];

fn everything_exists_before_the_first_step(test_store: &TestStore) {
    let writer = test_store.start(new_run("Digits 2"));
    for name in ["config.toml", "environment.json", "run.json", "metrics.csv", "run.log", "lock"] {
        assert!(writer.folder().join(name).exists(), "{name}");
    }
    let store = test_store.open_read_only();
    let run = store.find("latest").unwrap();
    assert_eq!(&run.record.id, writer.id());
    assert_eq!(run.record.id.experiment(), "digits-2");
    assert_eq!(run.record.experiment, "Digits 2");
    assert_eq!(run.record.tags, ["baseline", "wide"]);
    assert_eq!(run.record.seed, u64::MAX);
    assert_eq!(run.record.params["training.learning_rate"], json!(0.01));
    assert_eq!(store.environment(writer.id()).unwrap()["cores"], 2);
    assert_eq!(store.shown(&run), Shown::Running);
}

fn finish_records_status_reason_and_best_epoch(test_store: &TestStore) {
    let mut writer = test_store.start(new_run("a"));
    writer.log_line("two\nlines").unwrap();
    writer.write_file("evaluation.json", b"{}").unwrap();
    assert!(matches!(writer.write_file("../x", b""), Err(TrackingError::InvalidFileName { .. })));
    let (id, folder) = (writer.id().clone(), writer.folder().to_owned());
    writer.finish(Status::Interrupted, "Ctrl-C", Some(3)).unwrap();

    let store = test_store.open();
    let run = store.run(&id).unwrap();
    assert_eq!((run.record.status, run.record.reason.as_str()), (Status::Interrupted, "Ctrl-C"));
    assert_eq!(run.record.best_epoch, Some(3));
    assert!(run.record.ended.unwrap() >= run.record.started);
    assert_eq!(store.shown(&run), Shown::Interrupted);
    assert_eq!(fs::read_to_string(folder.join("run.log")).unwrap().lines().count(), 2);
    let names: Vec<String> = store.files(&id).unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!(
        names,
        ["config.toml", "environment.json", "evaluation.json", "metrics.csv", "run.json", "run.log"],
        "no temporary files, no lock"
    );
    let file = store.open_file(&id, "evaluation.json").unwrap().unwrap();
    assert_eq!(file.path(), folder.join("evaluation.json"));
    for outside in ["../run.json", "lock", "", "/etc/passwd", "..", "./run.json"] {
        assert!(store.open_file(&id, outside).unwrap().is_none(), "{outside}");
    }
}

fn dropped_writers_fail_and_running_is_no_end(test_store: &TestStore) {
    let id = test_store.start(new_run("a")).id().clone();
    let store = test_store.open();
    let record = store.run(&id).unwrap().record;
    assert_eq!((record.status, record.reason.as_str()), (Status::Failed, "ended without a result"));

    let writer = test_store.start(new_run("b"));
    let id = writer.id().clone();
    assert!(matches!(writer.finish(Status::Running, "", None), Err(TrackingError::NotFinal { .. })));
    assert_eq!(store.run(&id).unwrap().record.status, Status::Failed);
}

fn nan_and_infinities_survive_store_file_and_summary(test_store: &TestStore) {
    let mut writer = test_store.start(new_run("a"));
    let values = [0.1 + 0.2, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.5, 5e-324, f64::MAX, f64::NAN];
    for (index, value) in values.into_iter().enumerate() {
        writer.log(&[point("validation/loss", index as u64 + 1, value)]).unwrap();
    }
    let mut store = test_store.open();
    let stored = store.series(writer.id(), &key("validation/loss")).unwrap();
    let stored_values: Vec<u64> = stored.iter().map(|sample| sample.value.to_bits()).collect();
    assert_eq!(stored_values, values.map(f64::to_bits));

    let summary = store.run(writer.id()).unwrap().metrics[&key("validation/loss")];
    assert!(summary.last.is_nan());
    assert_eq!((summary.points, summary.best, summary.best_epoch), (8, Some(-1.5), Some(5)));

    store.reindex().unwrap();
    assert_eq!(bits(&store.series(writer.id(), &key("validation/loss")).unwrap()), bits(&stored));
}

fn a_metric_without_a_direction_has_no_best_value(test_store: &TestStore) {
    let mut writer = test_store.start(new_run("a"));
    for (epoch, rate) in [(1, 0.1), (2, 0.3), (3, 0.2)] {
        writer
            .log(&[point("train/learning_rate", epoch, rate), point("validation/error_of_tomorrow", epoch, rate)])
            .unwrap();
    }
    let mut store = test_store.open();
    for _ in 0..2 {
        let run = store.run(writer.id()).unwrap();
        for name in ["train/learning_rate", "validation/error_of_tomorrow"] {
            let summary = run.metrics[&key(name)];
            assert_eq!((summary.best, summary.best_epoch, summary.last), (None, None, 0.2), "{name}");
        }
        store.reindex().unwrap();
    }
}

fn a_refused_call_records_nothing(test_store: &TestStore) {
    let mut writer = test_store.start(new_run("a"));
    writer.log(&[point("train/loss", 1, 1.0)]).unwrap();
    let csv = writer.folder().join("metrics.csv");
    let before = fs::read_to_string(&csv).unwrap();
    let error = writer.log(&[point("train/loss", 2, 1.0), point("train/loss", 1, 2.0)]).unwrap_err();
    assert!(error.to_string().contains("already has `train/loss` for epoch 1, step 10"), "{error}");
    let endless = Point { time: f64::INFINITY, ..point("train/loss", 3, 1.0) };
    assert!(matches!(writer.log(&[endless]), Err(TrackingError::InvalidTime { .. })));
    assert_eq!(fs::read_to_string(&csv).unwrap(), before);
    let store = test_store.open();
    assert_eq!(store.run(writer.id()).unwrap().metrics[&key("train/loss")].points, 1);
    writer.log(&[point("train/loss", 2, 1.0)]).unwrap();
}

/// On a machine with other users, whoever may write in the folder of all runs can do this.
/// Others may make one in a run folder that they may write to, where the run's user cannot remove it.
fn a_folder_in_place_of_a_request_to_stop_is_none(test_store: &TestStore) {
    let writer = test_store.start(new_run("a"));
    let (id, stop) = (writer.id().clone(), writer.folder().join("stop"));
    let requests = writer.stop_requests().unwrap();
    assert!(!requests.is_asked());
    fs::create_dir_all(stop.join("inner")).unwrap();
    assert!(!requests.is_asked());
    writer.finish(Status::Finished, "done", None).unwrap();
    assert_eq!(test_store.open().run(&id).unwrap().record.status, Status::Finished);
    assert!(stop.join("inner").exists());
    let store = test_store.open();
    fs::remove_dir_all(&stop).unwrap();
    drop(store);
    let writer = test_store.start(new_run("b"));
    test_store.open().ask_to_stop(writer.id()).unwrap();
    assert!(writer.stop_requests().unwrap().is_asked());
}

#[cfg(unix)]
fn nothing_is_written_into_a_folder_that_was_put_in_the_place_of_the_runs(test_store: &TestStore) {
    let mut writer = test_store.start(new_run("a"));
    let folder = writer.folder().to_owned();
    writer.write_file("model.safetensors", b"first").unwrap();
    let moved = folder.with_file_name("moved");
    fs::rename(&folder, &moved).unwrap();
    fs::create_dir(&folder).unwrap();
    let is_exchanged = |result: Result<(), TrackingError>| {
        assert!(matches!(result, Err(TrackingError::Exchanged { .. })), "{result:?}");
    };
    is_exchanged(writer.log(&[point("train/loss", 1, 1.0)]));
    is_exchanged(writer.write_file("model.safetensors", b"second"));
    is_exchanged(writer.write_derived("plots/curves.svg", b"<svg/>"));
    is_exchanged(writer.remove_file("model.safetensors"));
    // Its own files are open.
    writer.log_line("still here").unwrap();
    assert!(fs::read_to_string(moved.join("run.log")).unwrap().contains("still here"));
    is_exchanged(writer.finish(Status::Finished, "done", None));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    assert_eq!(fs::read(moved.join("model.safetensors")).unwrap(), b"first");

    // Moved back, it goes on.
    fs::remove_dir(&folder).unwrap();
    fs::rename(&moved, &folder).unwrap();
    let id = test_store.open().find("latest").unwrap().record.id;
    let mut writer = RunWriter::resume_at(test_store.location(), &id).unwrap();
    writer.log(&[point("train/loss", 1, 1.0)]).unwrap();
    writer.finish(Status::Finished, "done", None).unwrap();
}

/// A store that another process keeps locked, and what the writer of a run told meanwhile.
fn locked(
    store: &TestStore,
    writer: &mut RunWriter,
    retry: Duration,
) -> (rusqlite::Connection, Arc<Mutex<Vec<String>>>) {
    writer.set_patience(Duration::from_millis(20), retry);
    let told = Arc::new(Mutex::new(Vec::new()));
    let lines = told.clone();
    writer.tell_by(move |line| lines.lock().unwrap().push(line.to_owned()));
    let other = rusqlite::Connection::open(store.path().join("burnlab.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    (other, told)
}

fn losses(store: &Store, id: &RunId) -> Vec<f64> {
    store.series(id, &key("train/loss")).unwrap().iter().map(|sample| sample.value).collect()
}

#[test]
fn a_training_goes_on_while_its_store_is_locked_and_is_taken_over_later() {
    let test_store = TestStore::sqlite();
    let mut writer = test_store.start(new_run("a"));
    writer.log(&[point("train/loss", 1, 0.5)]).unwrap();
    let (other, told) = locked(&test_store, &mut writer, Duration::from_secs(3600));
    for epoch in 2..5 {
        writer.log(&[point("train/loss", epoch, 1.0 / epoch as f64)]).unwrap();
    }
    let (id, folder) = (writer.id().clone(), writer.folder().to_owned());
    assert_eq!(fs::read_to_string(folder.join("metrics.csv")).unwrap().lines().count(), 5);
    writer.finish(Status::Finished, "max_epochs", Some(4)).unwrap();
    let told = told.lock().unwrap().clone();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("burnlab.db` is kept locked by another process: the training goes on"), "{told:?}");
    assert!(told[1].contains("runs list"), "{told:?}");
    drop(other);
    let mut store = test_store.open();
    assert_eq!((losses(&store, &id).len(), store.run(&id).unwrap().record.status), (1, Status::Running));
    assert_eq!(store.recover().unwrap(), []);
    let run = store.run(&id).unwrap();
    assert_eq!((run.record.status, run.record.best_epoch), (Status::Finished, Some(4)));
    assert_eq!(losses(&store, &id), [0.5, 0.5, 1.0 / 3.0, 0.25]);
}

#[test]
fn a_store_that_was_removed_meanwhile_is_told_of() {
    let test_store = TestStore::sqlite();
    let mut writer = test_store.start(new_run("a"));
    let told = Arc::new(Mutex::new(Vec::new()));
    let lines = told.clone();
    writer.tell_by(move |line| lines.lock().unwrap().push(line.to_owned()));
    for end in ["", "-wal", "-shm"] {
        fs::remove_file(test_store.path().join(format!("burnlab.db{end}"))).ok();
    }
    writer.finish(Status::Finished, "max_epochs", None).unwrap();
    let told = told.lock().unwrap().clone();
    assert!(told.len() == 1 && told[0].contains("the store was removed") && told[0].contains("reindex"), "{told:?}");
}

#[test]
fn an_edit_of_a_run_that_ended_without_its_store_takes_it_over() {
    let test_store = TestStore::sqlite();
    let mut writer = test_store.start(new_run("a"));
    let (other, _) = locked(&test_store, &mut writer, Duration::from_secs(3600));
    writer.log(&[point("train/loss", 1, 0.5)]).unwrap();
    let id = writer.id().clone();
    writer.finish(Status::Finished, "max_epochs", Some(1)).unwrap();
    drop(other);
    let mut store = test_store.open();
    assert_eq!(store.left_behind().unwrap(), std::slice::from_ref(&id));
    store.set_note(&id, "mine").unwrap();
    let run = store.run(&id).unwrap();
    assert_eq!((run.record.status, run.record.note.as_deref()), (Status::Finished, Some("mine")));
    assert_eq!(losses(&store, &id), [0.5]);
    assert_eq!(store.left_behind().unwrap(), []);
}

#[test]
fn a_store_that_is_free_again_has_what_it_missed() {
    let test_store = TestStore::sqlite();
    let mut writer = test_store.start(new_run("a"));
    let (other, told) = locked(&test_store, &mut writer, Duration::ZERO);
    writer.log(&[point("train/loss", 1, 3.0)]).unwrap();
    writer.log(&[point("train/loss", 2, 2.0)]).unwrap();
    drop(other);
    writer.log(&[point("train/loss", 3, 1.0)]).unwrap();
    let store = test_store.open();
    assert_eq!(losses(&store, writer.id()), [3.0, 2.0, 1.0]);
    writer.log(&[point("train/loss", 4, 0.5)]).unwrap();
    let id = writer.id().clone();
    writer.finish(Status::Finished, "max_epochs", None).unwrap();
    assert_eq!(losses(&store, &id), [3.0, 2.0, 1.0, 0.5]);
    assert_eq!(store.run(&id).unwrap().record.status, Status::Finished);
    let told = told.lock().unwrap().clone();
    assert!(told.len() == 2 && told[1].contains("can be written again"), "{told:?}");
}

#[test]
fn who_only_reads_a_store_leaves_no_file_beside_it() {
    let test_store = TestStore::sqlite();
    let id = super::finished_run(&test_store, "a");
    let beside = || ["-wal", "-shm"].map(|end| test_store.path().join(format!("burnlab.db{end}")).exists());
    let store = test_store.open_read_only();
    assert_eq!(store.find("latest").unwrap().record.id, id);
    let mut other = test_store.open_read_only();
    assert!(matches!(other.set_note(&id, "x"), Err(TrackingError::ReadOnly { .. })));
    assert_eq!(beside(), [true, true]);
    drop((store, other));
    assert_eq!(beside(), [false, false]);
}
