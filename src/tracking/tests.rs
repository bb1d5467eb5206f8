//! The module as a whole: what survives, what is refused, and what happens when several write or one is killed.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use fs_err as fs;
use fs_err::OpenOptions;
use serde_json::json;
use tempfile::TempDir;

use super::place::{Place, on_each_backend};
use super::*;

on_each_backend![
    everything_exists_before_the_first_step,
    finish_records_status_reason_and_best_epoch,
    dropped_writers_fail_and_running_is_no_end,
    nan_and_infinities_survive_store_file_and_summary,
    a_metric_without_a_direction_has_no_best_value,
    a_refused_call_records_nothing,
    runs_are_found_by_unique_prefix_and_latest,
    edits_reach_the_row_and_the_folder_and_survive_the_finish,
    delete_restore_and_gc,
    reindex_rebuilds_what_was_there,
    the_cursor_sees_new_points_and_new_runs_only,
    processes_that_create_and_write_at_once_lose_nothing,
    a_killed_process_shows_as_crashed_and_loses_no_acknowledged_epoch,
    what_a_kill_left_half_done_is_finished,
    a_torn_line_costs_only_itself,
];

fn artifacts() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn new_run(experiment: &str) -> NewRun {
    let config_toml = "seed = 7\n[training]\nlearning_rate = 0.01\n".to_owned();
    NewRun {
        experiment: experiment.to_owned(),
        name: Some("a name".to_owned()),
        tags: vec!["wide".to_owned(), " baseline ".to_owned(), "wide".to_owned()],
        note: None,
        params: flatten_config(&config_toml).unwrap(),
        config_toml,
        environment: json!({ "command": ["burnlab"], "cores": 2 }),
        seed: u64::MAX,
        parent: None,
        sweep: None,
    }
}

fn key(text: &str) -> MetricKey {
    text.parse().unwrap()
}

fn point(metric: &str, epoch: u64, value: f64) -> Point {
    Point { key: key(metric), epoch, step: epoch * 10, time: epoch as f64 / 3.0, value }
}

/// The values as bits, so that NaN equals NaN.
fn bits(samples: &[Sample]) -> Vec<(u64, u64, u64, u64)> {
    samples.iter().map(|s| (s.epoch, s.step, s.time.to_bits(), s.value.to_bits())).collect()
}

fn finished_run(place: &Place, experiment: &str) -> RunId {
    let mut writer = place.start(new_run(experiment));
    writer.log(&[point("train/loss", 1, 0.5), point("validation/accuracy", 1, 0.25)]).unwrap();
    let id = writer.id().clone();
    writer.finish(Status::Finished, "max_epochs", Some(1)).unwrap();
    id
}

// ---------------------------------------------------------------------------------------------------------------------
// A run from start to finish

fn everything_exists_before_the_first_step(place: &Place) {
    let writer = place.start(new_run("Digits 2"));
    for name in ["config.toml", "environment.json", "run.json", "metrics.csv", "run.log", "lock"] {
        assert!(writer.folder().join(name).exists(), "{name}");
    }
    let store = place.read_only();
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

fn finish_records_status_reason_and_best_epoch(place: &Place) {
    let mut writer = place.start(new_run("a"));
    writer.log_line("two\nlines").unwrap();
    writer.write_file("evaluation.json", b"{}").unwrap();
    assert!(matches!(writer.write_file("../x", b""), Err(TrackingError::InvalidFileName { .. })));
    let (id, folder) = (writer.id().clone(), writer.folder().to_owned());
    writer.finish(Status::Interrupted, "Ctrl-C", Some(3)).unwrap();

    let store = place.store();
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
    assert_eq!(store.file(&id, "evaluation.json").unwrap(), Some(folder.join("evaluation.json")));
    for outside in ["../run.json", "lock", "", "/etc/passwd", "..", "./run.json"] {
        assert_eq!(store.file(&id, outside).unwrap(), None, "{outside}");
    }
}

fn dropped_writers_fail_and_running_is_no_end(place: &Place) {
    let id = place.start(new_run("a")).id().clone();
    let store = place.store();
    let record = store.run(&id).unwrap().record;
    assert_eq!((record.status, record.reason.as_str()), (Status::Failed, "ended without a result"));

    let writer = place.start(new_run("b"));
    let id = writer.id().clone();
    assert!(matches!(writer.finish(Status::Running, "", None), Err(TrackingError::NotFinal { .. })));
    assert_eq!(store.run(&id).unwrap().record.status, Status::Failed);
}

fn nan_and_infinities_survive_store_file_and_summary(place: &Place) {
    let mut writer = place.start(new_run("a"));
    let values = [0.1 + 0.2, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.5, 5e-324, f64::MAX, f64::NAN];
    for (index, value) in values.into_iter().enumerate() {
        writer.log(&[point("validation/loss", index as u64 + 1, value)]).unwrap();
    }
    let mut store = place.store();
    let stored = store.series(writer.id(), &key("validation/loss")).unwrap();
    let stored_values: Vec<u64> = stored.iter().map(|sample| sample.value.to_bits()).collect();
    assert_eq!(stored_values, values.map(f64::to_bits));

    let summary = store.run(writer.id()).unwrap().metrics[&key("validation/loss")];
    assert!(summary.last.is_nan());
    assert_eq!((summary.points, summary.best, summary.best_epoch), (8, Some(-1.5), Some(5)));

    store.reindex().unwrap();
    assert_eq!(bits(&store.series(writer.id(), &key("validation/loss")).unwrap()), bits(&stored));
}

fn a_metric_without_a_direction_has_no_best_value(place: &Place) {
    let mut writer = place.start(new_run("a"));
    for (epoch, rate) in [(1, 0.1), (2, 0.3), (3, 0.2)] {
        writer
            .log(&[point("train/learning_rate", epoch, rate), point("validation/error_of_tomorrow", epoch, rate)])
            .unwrap();
    }
    let mut store = place.store();
    for _ in 0..2 {
        let run = store.run(writer.id()).unwrap();
        for name in ["train/learning_rate", "validation/error_of_tomorrow"] {
            let summary = run.metrics[&key(name)];
            assert_eq!((summary.best, summary.best_epoch, summary.last), (None, None, 0.2), "{name}");
        }
        store.reindex().unwrap();
    }
}

fn a_refused_call_records_nothing(place: &Place) {
    let mut writer = place.start(new_run("a"));
    writer.log(&[point("train/loss", 1, 1.0)]).unwrap();
    let csv = writer.folder().join("metrics.csv");
    let before = fs::read_to_string(&csv).unwrap();
    let error = writer.log(&[point("train/loss", 2, 1.0), point("train/loss", 1, 2.0)]).unwrap_err();
    assert!(error.to_string().contains("already has `train/loss` for epoch 1, step 10"), "{error}");
    let endless = Point { time: f64::INFINITY, ..point("train/loss", 3, 1.0) };
    assert!(matches!(writer.log(&[endless]), Err(TrackingError::InvalidTime { .. })));
    assert_eq!(fs::read_to_string(&csv).unwrap(), before);
    let store = place.store();
    assert_eq!(store.run(writer.id()).unwrap().metrics[&key("train/loss")].points, 1);
    writer.log(&[point("train/loss", 2, 1.0)]).unwrap();
}

// ---------------------------------------------------------------------------------------------------------------------
// The store

fn runs_are_found_by_unique_prefix_and_latest(place: &Place) {
    let first = finished_run(place, "alpha");
    let second = finished_run(place, "alpha");
    let third = finished_run(place, "beta");
    let store = place.store();
    let find = |query: &str| store.find(query).map(|run| run.record.id);
    assert_eq!(find("latest").unwrap(), third);
    assert_eq!(find("b").unwrap(), third);
    assert_eq!(find(first.as_str()).unwrap(), first);
    assert_ne!(first, second);
    let error = find("alpha").unwrap_err().to_string();
    assert!(error.contains("2 runs") && error.contains(first.as_str()) && error.contains(second.as_str()), "{error}");
    for unknown in ["gamma", "", "%", "_", "../x", "Alpha"] {
        assert!(matches!(find(unknown), Err(TrackingError::NoSuchRun { .. })), "{unknown}");
    }
    let newest_first: Vec<RunId> = store.runs().unwrap().into_iter().map(|run| run.record.id).collect();
    assert_eq!(newest_first, [third, second, first]);
}

fn edits_reach_the_row_and_the_folder_and_survive_the_finish(place: &Place) {
    let writer = place.start(new_run("a"));
    let (id, folder) = (writer.id().clone(), writer.folder().to_owned());
    let mut store = place.store();
    store.edit_tags(&id, &["new".to_owned()], &["wide".to_owned()]).unwrap();
    store.set_note(&id, " good ").unwrap();
    store.set_name(&id, "").unwrap();
    store.set_archived(&id, true).unwrap();
    writer.finish(Status::Finished, "done", None).unwrap();
    let record = store.run(&id).unwrap().record;
    assert_eq!(record.tags, ["baseline", "new"]);
    assert_eq!((record.note.as_deref(), record.name.as_deref(), record.archived), (Some("good"), None, true));
    assert_eq!(record.status, Status::Finished);
    let written: RunRecord = serde_json::from_slice(&fs::read(folder.join("run.json")).unwrap()).unwrap();
    assert_eq!(written, record);
}

fn delete_restore_and_gc(place: &Place) {
    let id = finished_run(place, "a");
    let mut store = place.store();
    let original = store.run(&id).unwrap();
    let revision = store.revision().unwrap();

    store.delete(&id).unwrap();
    assert!(store.runs().unwrap().is_empty());
    assert!(matches!(store.delete(&id), Err(TrackingError::NoSuchRun { .. })));
    assert_eq!(store.changes_since(revision).unwrap().removed, std::slice::from_ref(&id));
    assert_eq!(store.find_trashed("a-").unwrap(), id);
    assert!(store.trashed().unwrap()[0].trashed.is_some());

    store.restore(&id).unwrap();
    let restored = store.run(&id).unwrap();
    assert_eq!((restored.record, restored.metrics), (original.record, original.metrics));
    let changes = store.changes_since(revision).unwrap();
    assert_eq!((changes.changed, changes.removed), (vec![id.clone()], vec![]));

    store.delete(&id).unwrap();
    assert!(store.gc(Duration::from_secs(3600)).unwrap().is_empty());
    assert_eq!(store.gc(Duration::ZERO).unwrap(), std::slice::from_ref(&id));
    assert!(matches!(store.restore(&id), Err(TrackingError::NoSuchRun { .. })));
    assert!(!place.path().join("trash").join(id.as_str()).exists());

    let writer = place.start(new_run("b"));
    assert!(matches!(store.delete(writer.id()), Err(TrackingError::Active { .. })));
}

fn reindex_rebuilds_what_was_there(place: &Place) {
    let first = finished_run(place, "a");
    let mut live = place.start(new_run("b"));
    live.log(&[point("validation/loss", 1, f64::NAN), point("validation/loss", 2, 0.1)]).unwrap();
    let gone = finished_run(place, "gone");

    let read = |store: &Store| -> Vec<(RunRecord, String, String)> {
        let runs = store.runs().unwrap();
        runs.into_iter()
            .map(|run| {
                let series: BTreeMap<_, _> = run
                    .metrics
                    .keys()
                    .map(|key| (key.clone(), bits(&store.series(&run.record.id, key).unwrap())))
                    .collect();
                let environment = store.environment(&run.record.id).unwrap();
                (run.record, format!("{:?} {series:?}", run.metrics), environment.to_string())
            })
            .collect()
    };
    let store = place.store();
    fs::remove_dir_all(store.folder(&gone)).unwrap();
    let mut original = read(&store);
    original.retain(|(record, ..)| record.id != gone);

    // In place, with a run that goes on.
    let mut store = store;
    let result = store.reindex().unwrap();
    assert_eq!((result.runs, result.points, result.dropped.as_slice()), (2, 4, &[gone][..]));
    assert_eq!(read(&store), original);
    live.log(&[point("validation/loss", 3, 0.2)]).unwrap();
    assert_eq!(store.series(live.id(), &key("validation/loss")).unwrap().len(), 3);
    live.finish(Status::Finished, "", None).unwrap();

    // From the folders alone.
    let original = read(&store);
    drop(store);
    place.lose_database();
    let missing = Store::open_read_only_at(place.location());
    assert!(matches!(missing, Err(TrackingError::NoStore { .. } | TrackingError::NoServerStore { .. })));
    let mut store = place.store();
    store.reindex().unwrap();
    assert_eq!(read(&store), original);

    // A damaged folder is named, does not stop the rest, and can be deleted.
    fs::write(store.folder(&first).join("run.json"), "{").unwrap();
    let result = store.reindex().unwrap();
    assert_eq!((result.runs, result.skipped.len()), (1, 1));
    assert!(result.skipped[0].1.to_string().contains("run.json"));
    store.delete(&first).unwrap();
    assert_eq!(store.gc(Duration::ZERO).unwrap(), [first]);
}

fn the_cursor_sees_new_points_and_new_runs_only(place: &Place) {
    let mut writer = place.start(new_run("a"));
    writer.log(&[point("train/loss", 1, 1.0), point("train/loss", 2, 2.0)]).unwrap();
    let store = place.store();
    let cursor = store.changes_since(0).unwrap();
    assert_eq!(cursor.changed, [writer.id().clone()]);
    assert!(store.changes_since(cursor.revision).unwrap().changed.is_empty());
    writer.log(&[point("train/loss", 3, 3.0)]).unwrap();
    assert_eq!(store.changes_since(cursor.revision).unwrap().changed, [writer.id().clone()]);
    let new = store.series_after(writer.id(), &key("train/loss"), Some((2, 20))).unwrap();
    assert_eq!(new.iter().map(|sample| sample.epoch).collect::<Vec<_>>(), [3]);
    assert!(store.series(writer.id(), &key("no/such")).unwrap().is_empty());
}

#[test]
fn newer_foreign_and_missing_stores_are_refused_by_name() {
    let root = artifacts();
    let error = Store::open_read_only(root.path()).unwrap_err().to_string();
    assert!(error.contains("no runs recorded in") && error.contains("burnlab --config FILE"), "{error}");

    let path = root.path().join("burnlab.db");
    drop(Store::open(root.path()).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    for error in [Store::open(root.path()).unwrap_err(), Store::open_read_only(root.path()).unwrap_err()] {
        let text = error.to_string();
        assert!(
            matches!(error, TrackingError::SchemaTooNew { found: 99, .. }) && text.contains("burnlab.db"),
            "{text}"
        );
    }

    let foreign = artifacts();
    let connection = rusqlite::Connection::open(foreign.path().join("burnlab.db")).unwrap();
    connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(Store::open(foreign.path()), Err(TrackingError::NotAStore { .. })));
    let text = artifacts();
    fs::write(text.path().join("burnlab.db"), "not a database, and longer than a header".repeat(9)).unwrap();
    assert!(matches!(Store::open(text.path()), Err(TrackingError::NotAStore { .. })));
}

#[test]
fn the_store_of_an_older_burnlab_is_upgraded() {
    let root = artifacts();
    let connection = rusqlite::Connection::open(root.path().join("burnlab.db")).unwrap();
    connection.execute_batch(include_str!("migrations/0001_initial.sql")).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    let record = r#"{"id":"a-20261124-235039-a3f1","experiment":"a","status":"finished","seed":1,
                     "started":"2026-11-24T23:50:39.000000Z"}"#;
    let sql =
        "INSERT INTO run VALUES (5, 'a-20261124-235039-a3f1', '2026-11-24T23:50:39.000000Z', 7, ?1, '{\"cores\":2}')";
    connection.execute(sql, [record]).unwrap();
    let sql = "INSERT INTO metric VALUES (1, 5, 'train/loss', 1, 0.5, 1, 10, 1.0, 0.5, 1);
               INSERT INTO point VALUES (1, 1, 10, 1.0, 0.5)";
    connection.execute_batch(sql).unwrap();
    drop(connection);
    let mut store = Store::open_read_only(root.path()).unwrap();
    let run = store.find("latest").unwrap();
    assert_eq!((run.revision, run.metrics[&key("train/loss")].best), (7, Some(0.5)));
    assert_eq!(store.environment(&run.record.id).unwrap()["cores"], 2);
    assert_eq!(store.series(&run.record.id, &key("train/loss")).unwrap().len(), 1);
    assert!(store.sweeps().unwrap().is_empty());
    // Points still go with their run.
    store.delete(&run.record.id).unwrap();
    let points = store.query("SELECT epoch FROM point", &[], |row| row.get::<i64>(0)).unwrap();
    assert!(points.is_empty());
}

#[test]
fn unwritable_places_give_one_clear_line() {
    let root = artifacts();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let error = RunWriter::start(&file, new_run("a")).unwrap_err().to_string();
    assert!(error.contains("file/runs") && error.contains("--artifacts") && error.lines().count() == 1, "{error}");

    RunWriter::start(root.path(), new_run("a")).unwrap();
    let mut store = Store::open_read_only(root.path()).unwrap();
    let id = store.find("latest").unwrap().record.id;
    assert!(matches!(store.set_note(&id, "x"), Err(TrackingError::ReadOnly { .. })));
}

#[test]
fn a_name_that_sqlite_would_read_as_an_option_is_only_a_name() {
    let root = artifacts();
    let odd = root.path().join("100% odd? #1");
    RunWriter::start(&odd, new_run("a")).unwrap();
    assert_eq!(Store::open_read_only(&odd).unwrap().runs().unwrap().len(), 1);
}

// ---------------------------------------------------------------------------------------------------------------------
// Several processes. The test binary runs itself again with one test, `child`, that does the work.

/// In the child: what to do. Unset in an ordinary test run.
const TASK: &str = "BURNLAB_TEST_TASK";

pub(super) fn child_command(task: &str, place: &Place) -> Command {
    let path = module_path!().split_once("::").map_or("", |(_, path)| path);
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([&format!("{path}::child"), "--exact", "--nocapture"]).env(TASK, task);
    place.pass_to(&mut command);
    command.stdout(Stdio::piped());
    command
}

#[test]
fn child() {
    let Ok(task) = env::var(TASK) else { return };
    let mut writer = Place::passed().start(new_run("child"));
    println!("\nid {}", writer.id());
    let last = if task == "forever" { u64::MAX } else { 100 };
    for epoch in 1..=last {
        let points: Vec<Point> = ["train/loss", "validation/loss", "validation/accuracy", "train/seconds"]
            .map(|metric| point(metric, epoch, epoch as f64))
            .into();
        writer.log(&points).unwrap();
        println!("\nepoch {epoch}");
    }
    writer.finish(Status::Finished, "done", None).unwrap();
}

fn processes_that_create_and_write_at_once_lose_nothing(place: &Place) {
    let mut children: Vec<Child> = (0..8).map(|_| child_command("finish", place).spawn().unwrap()).collect();
    for child in &mut children {
        let mut output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let store = place.store();
    let runs = store.runs().unwrap();
    assert_eq!(runs.len(), 8);
    for run in runs {
        assert_eq!(store.shown(&run), Shown::Finished);
        assert_eq!(run.metrics.len(), 4);
        for (key, metric) in &run.metrics {
            assert_eq!((metric.points, metric.last), (100, 100.0));
            assert_eq!(store.series(&run.record.id, key).unwrap().len(), 100);
        }
    }
}

fn a_killed_process_shows_as_crashed_and_loses_no_acknowledged_epoch(place: &Place) {
    for kill_after in [0, 1, 7, 40] {
        let mut child = child_command("forever", place).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut id = None;
        let mut acknowledged = 0;
        for line in lines {
            match line.split_once(' ') {
                Some(("id", text)) => id = Some(text.parse::<RunId>().unwrap()),
                Some(("epoch", text)) => acknowledged = text.parse().unwrap(),
                _ => continue,
            }
            if acknowledged == kill_after
                && let Some(id) = &id
            {
                let store = place.store();
                assert_eq!(store.shown(&store.run(id).unwrap()), Shown::Running);
                child.kill().unwrap(); // SIGKILL on Unix; lines already in the pipe are still read
            }
        }
        child.wait().unwrap();

        let id = id.unwrap();
        let mut store = place.store();
        let run = store.run(&id).unwrap();
        assert_eq!((run.record.status, store.shown(&run)), (Status::Running, Shown::Crashed));
        let stored = run.metrics.get(&key("train/loss")).map_or(0, |metric| metric.points);
        assert!(stored >= acknowledged, "{stored} of {acknowledged}");

        assert_eq!(store.settle().unwrap(), std::slice::from_ref(&id));
        let settled = store.run(&id).unwrap();
        assert_eq!((settled.record.status, store.shown(&settled)), (Status::Crashed, Shown::Crashed));
        assert!(settled.record.ended.unwrap() >= settled.record.started);
        let settled_points = settled.metrics.get(&key("train/loss")).map_or(0, |metric| metric.points);
        assert!(settled_points >= stored && settled_points <= stored + 1, "{settled_points} after {stored}");
        assert!(store.settle().unwrap().is_empty());
    }
    if place.location().server.is_some() {
        return;
    }
    let connection = rusqlite::Connection::open(place.path().join("burnlab.db")).unwrap();
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

fn what_a_kill_left_half_done_is_finished(place: &Place) {
    let [deleted, restored, abandoned] = ["deleted", "restored", "abandoned"].map(|name| {
        let sweep =
            (name == "abandoned").then(|| SweepTrial { sweep: "s-20261124-235039-a3f1".parse().unwrap(), trial: 1 });
        let mut writer = place.start(NewRun { sweep, ..new_run(name) });
        writer.log(&[point("train/loss", 1, 0.5)]).unwrap();
        let id = writer.id().clone();
        writer.finish(Status::Finished, "", None).unwrap();
        id
    });
    let mut store = place.store();
    // The folder went to the trash, the row stayed; the folder came back, or was made, and the row did not.
    let trash = store.root().join("trash");
    store.delete(&restored).unwrap();
    store.delete(&abandoned).unwrap();
    fs::rename(store.folder(&deleted), trash.join(deleted.as_str())).unwrap();
    for id in [&restored, &abandoned] {
        fs::rename(trash.join(id.as_str()), store.folder(id)).unwrap();
    }
    // One that is just beginning is its writer's.
    let beginning = place.start(new_run("beginning"));

    assert_eq!(store.settle().unwrap(), []);
    assert!(matches!(store.run(&deleted), Err(TrackingError::NoSuchRun { .. })));
    assert_eq!(store.trashed().unwrap().iter().map(|record| &record.id).collect::<Vec<_>>(), [&deleted]);
    let found = store.run(&restored).unwrap();
    assert_eq!((found.record.archived, found.metrics[&key("train/loss")].points), (false, 1));
    assert_eq!(store.changes_since(0).unwrap().removed, std::slice::from_ref(&deleted));
    assert!(store.run(&abandoned).unwrap().record.archived, "its trial went on with another run");
    assert_eq!(store.shown(&store.run(beginning.id()).unwrap()), Shown::Running);
    store.restore(&deleted).unwrap();
}

fn a_torn_line_costs_only_itself(place: &Place) {
    use std::io::Write;
    let id = finished_run(place, "a");
    let mut store = place.store();
    let path = store.folder(&id).join("metrics.csv");
    OpenOptions::new().append(true).open(path).unwrap().write_all(b"2,20,0.6,train/loss,0.").unwrap();
    let result = store.reindex().unwrap();
    assert_eq!((result.points, result.skipped.len()), (2, 0));
}
