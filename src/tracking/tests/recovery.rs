//! What is repaired after a kill, and the index rebuilt from run folders.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use fs_err as fs;
use fs_err::OpenOptions;

use super::{bits, finished_run, key, new_run, point};
use crate::tracking::test_store::{TestStore, on_each_backend};
use crate::tracking::*;

on_each_backend![
    reindex_rebuilds_what_was_there,
    what_a_kill_left_half_done_is_finished,
    a_torn_line_costs_only_itself,
];

fn reindex_rebuilds_what_was_there(test_store: &TestStore) {
    let first = finished_run(test_store, "a");
    let mut live = test_store.start(new_run("b"));
    live.log(&[point("validation/loss", 1, f64::NAN), point("validation/loss", 2, 0.1)]).unwrap();
    let gone = finished_run(test_store, "gone");

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
    let store = test_store.open();
    fs::remove_dir_all(store.folder(&gone)).unwrap();
    let mut original = read(&store);
    original.retain(|(record, ..)| record.id != gone);

    // In place, during a run.
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
    test_store.delete_database();
    let missing = Store::open_read_only_at(test_store.location());
    assert!(matches!(missing, Err(TrackingError::NoStore { .. } | TrackingError::NoServerStore { .. })));
    let mut store = test_store.open();
    store.reindex().unwrap();
    assert_eq!(read(&store), original);

    // A damaged folder is named, does not stop the rest, and can be deleted.
    fs::write(store.folder(&first).join("run.json"), "{").unwrap();
    let result = store.reindex().unwrap();
    assert_eq!((result.runs, result.skipped.len()), (1, 1));
    assert!(result.skipped[0].1.to_string().contains("run.json"));
    store.delete(&first).unwrap();
    assert_eq!(store.gc(Duration::ZERO).unwrap().gone, [first]);
}

fn what_a_kill_left_half_done_is_finished(test_store: &TestStore) {
    let [deleted, restored, abandoned] = ["deleted", "restored", "abandoned"].map(|name| {
        let sweep =
            (name == "abandoned").then(|| SweepTrial { sweep: "s-20261124-235039-a3f1".parse().unwrap(), trial: 1 });
        let mut writer = test_store.start(NewRun { sweep, ..new_run(name) });
        writer.log(&[point("train/loss", 1, 0.5)]).unwrap();
        let id = writer.id().clone();
        writer.finish(Status::Finished, "", None).unwrap();
        id
    });
    let mut store = test_store.open();
    // One folder is in the trash while its row is still there; two folders have no rows yet.
    let trash = store.root().join("trash");
    store.delete(&restored).unwrap();
    store.delete(&abandoned).unwrap();
    fs::rename(store.folder(&deleted), trash.join(deleted.as_str())).unwrap();
    for id in [&restored, &abandoned] {
        fs::rename(trash.join(id.as_str()), store.folder(id)).unwrap();
    }
    // A run that is just starting belongs to its writer.
    let beginning = test_store.start(new_run("beginning"));

    assert_eq!(store.recover().unwrap(), []);
    assert!(matches!(store.run(&deleted), Err(TrackingError::NoSuchRun { .. })));
    assert_eq!(store.trashed().unwrap().iter().map(|record| &record.id).collect::<Vec<_>>(), [&deleted]);
    let found = store.run(&restored).unwrap();
    assert_eq!((found.record.archived, found.metrics[&key("train/loss")].points), (false, 1));
    assert_eq!(store.changes_since(0).unwrap().removed, std::slice::from_ref(&deleted));
    assert!(store.run(&abandoned).unwrap().record.archived, "its trial went on with another run");
    assert_eq!(store.shown(&store.run(beginning.id()).unwrap()), Shown::Running);
    store.restore(&deleted).unwrap();
}

fn a_torn_line_costs_only_itself(test_store: &TestStore) {
    let id = finished_run(test_store, "a");
    let mut store = test_store.open();
    let path = store.folder(&id).join("metrics.csv");
    OpenOptions::new().append(true).open(path).unwrap().write_all(b"2,20,0.6,train/loss,0.").unwrap();
    let result = store.reindex().unwrap();
    assert_eq!((result.points, result.skipped.len()), (2, 0));
}
