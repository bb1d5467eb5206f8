//! Finding, editing, deleting and following runs.

use std::time::Duration;

use fs_err as fs;

use super::{finished_run, key, new_run, point};
use crate::tracking::test_store::{TestStore, on_each_backend};
use crate::tracking::*;

on_each_backend![
    runs_are_found_by_unique_prefix_and_latest,
    a_run_that_is_dated_ahead_is_not_the_newest,
    edits_reach_the_row_and_the_folder_and_survive_the_finish,
    an_experiment_gets_another_name,
    delete_restore_and_gc,
    the_cursor_sees_new_points_and_new_runs_only,
];

fn runs_are_found_by_unique_prefix_and_latest(test_store: &TestStore) {
    let first = finished_run(test_store, "alpha");
    let second = finished_run(test_store, "alpha");
    let third = finished_run(test_store, "beta");
    let store = test_store.open();
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

/// Whoever sent it would have it used in place of all others, for ever.
fn a_run_that_is_dated_ahead_is_not_the_newest(test_store: &TestStore) {
    let [ahead, ours] = [finished_run(test_store, "alpha"), finished_run(test_store, "alpha")];
    let mut store = test_store.open();
    let file = store.folder(&ahead).join("run.json");
    let mut record: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for started in ["9998-01-01T00:00:00.000000Z", "2001-01-01T00:00:00.000000Z"] {
        record["started"] = started.into();
        fs::write(&file, record.to_string()).unwrap();
        store.reindex().unwrap();
        assert_eq!(&store.find("latest").unwrap().record.id, &ours, "{started}");
        let ids: Vec<RunId> = store.runs().unwrap().into_iter().map(|run| run.record.id).collect();
        assert_eq!(ids, [ours.clone(), ahead.clone()]);
    }
    record["started"] = "soon".into();
    fs::write(&file, record.to_string()).unwrap();
    let problems = format!("{:?}", store.reindex().unwrap());
    assert!(problems.contains("`soon` is no time such as 2026-"), "{problems}");
}

fn edits_reach_the_row_and_the_folder_and_survive_the_finish(test_store: &TestStore) {
    let writer = test_store.start(new_run("a"));
    let (id, folder) = (writer.id().clone(), writer.folder().to_owned());
    let mut store = test_store.open();
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

fn an_experiment_gets_another_name(test_store: &TestStore) {
    let [first, second] = [finished_run(test_store, "Digits 2"), finished_run(test_store, "Digits 2")];
    let other = finished_run(test_store, "wine");
    let mut store = test_store.open();
    store.set_archived(&first, true).unwrap();
    let experiment = |store: &Store, id: &RunId| store.run(id).unwrap().record.experiment;
    assert_eq!(store.ids_of("digits-2").unwrap(), [second.clone(), first.clone()]);

    // By its slug as well; what is wrong changes nothing.
    for wrong in ["", " ", "a\nb", &"x".repeat(201)] {
        let error = store.rename_experiment("digits-2", wrong, false).unwrap_err();
        assert!(matches!(error, TrackingError::InvalidExperiment { .. }), "{wrong}: {error}");
    }
    let unknown = store.rename_experiment("digits", "new", false).unwrap_err().to_string();
    assert!(unknown.starts_with("no experiment `digits`"), "{unknown}");
    let taken = store.rename_experiment("digits-2", "Wine", false).unwrap_err().to_string();
    assert!(taken.starts_with("experiment `Wine` has runs already (1)"), "{taken}");
    assert_eq!(experiment(&store, &first), "Digits 2");

    assert_eq!(store.rename_experiment("digits-2", " Ziffern ", false).unwrap(), [second.clone(), first.clone()]);
    assert_eq!((experiment(&store, &first), experiment(&store, &other)), ("Ziffern".to_owned(), "wine".to_owned()));
    assert_eq!(store.ids_of("ziffern").unwrap(), [second.clone(), first.clone()]);
    // The ids keep the old slug, which is free for others.
    assert_eq!((store.ids_of("Digits 2").unwrap(), second.experiment()), (vec![], "digits-2"));
    let third = finished_run(test_store, "Digits 2");
    assert_eq!(store.ids_of("Digits 2").unwrap(), std::slice::from_ref(&third));

    // The folders have it.
    store.reindex().unwrap();
    assert_eq!(store.ids_of("Ziffern").unwrap(), [second.clone(), first.clone()]);
    assert!(store.run(&first).unwrap().record.archived);

    store.rename_experiment("Digits 2", "Ziffern", true).unwrap();
    assert_eq!(store.ids_of("Ziffern").unwrap(), [third, second.clone(), first]);
    // Runs of one slug and two names: the exact name is meant.
    let same = finished_run(test_store, "ZIFFERN");
    assert_eq!(store.rename_experiment("ZIFFERN", "capitals", false).unwrap(), [same]);
    assert_eq!(experiment(&store, &second), "Ziffern");

    // A name that is alike for two is of none of them; nor is one without a letter that ids have.
    let [lower, upper] = [finished_run(test_store, "one a"), finished_run(test_store, "One A")];
    assert_eq!(store.ids_of("one a").unwrap(), [lower]);
    assert_eq!(store.ids_of("One A").unwrap(), [upper]);
    let several = store.ids_of("one-a").unwrap_err().to_string();
    assert_eq!(several, "`one-a` may be any of the experiments `One A`, `one a`: write its name as it is there");
    let other = finished_run(test_store, "日本");
    assert_eq!((store.ids_of("日本").unwrap(), store.ids_of("中国").unwrap()), (vec![other], vec![]));
    assert!(store.ids_of("").unwrap().is_empty() && store.ids_of("run").unwrap().is_empty());
}

fn delete_restore_and_gc(test_store: &TestStore) {
    let id = finished_run(test_store, "a");
    let mut store = test_store.open();
    let original = store.run(&id).unwrap();
    let revision = store.revision().unwrap();

    store.delete(&id).unwrap();
    assert!(store.runs().unwrap().is_empty());
    assert!(matches!(store.delete(&id), Err(TrackingError::NoSuchRun { .. })));
    assert_eq!(store.changes_since(revision).unwrap().removed, std::slice::from_ref(&id));
    assert_eq!(store.find_trashed("a-").unwrap(), id);
    let error = store.find("a-").unwrap_err().to_string();
    assert!(error.starts_with("no run `a-`; it is in the trash: `") && error.contains(id.as_str()), "{error}");
    assert!(store.trashed().unwrap()[0].trashed.is_some());

    store.restore(&id).unwrap();
    let restored = store.run(&id).unwrap();
    assert_eq!((restored.record, restored.metrics), (original.record, original.metrics));
    let changes = store.changes_since(revision).unwrap();
    assert_eq!((changes.changed, changes.removed), (vec![id.clone()], vec![]));

    store.delete(&id).unwrap();
    assert!(store.gc(Duration::from_secs(3600)).unwrap().gone.is_empty());
    assert_eq!(store.gc(Duration::ZERO).unwrap().gone, std::slice::from_ref(&id));
    assert!(matches!(store.restore(&id), Err(TrackingError::NoSuchRun { .. })));
    assert!(!test_store.path().join("trash").join(id.as_str()).exists());

    // Moved there by hand: as old as that, not as the world. A removal that was killed hinders nothing.
    let id = finished_run(test_store, "moved");
    let trash = test_store.path().join("trash");
    fs::rename(store.folder(&id), trash.join(id.as_str())).unwrap();
    fs::create_dir_all(trash.join(format!(".gone-{id}/inner"))).unwrap();
    assert!(store.gc(Duration::from_secs(3600)).unwrap().gone.is_empty());
    fs::create_dir_all(trash.join(format!(".gone-{id}/inner"))).unwrap();
    assert_eq!(store.gc(Duration::ZERO).unwrap().gone, std::slice::from_ref(&id));
    assert_eq!(fs::read_dir(&trash).unwrap().count(), 0);
    store.recover().unwrap();

    let writer = test_store.start(new_run("b"));
    assert!(matches!(store.delete(writer.id()), Err(TrackingError::Active { .. })));
}

fn the_cursor_sees_new_points_and_new_runs_only(test_store: &TestStore) {
    let mut writer = test_store.start(new_run("a"));
    writer.log(&[point("train/loss", 1, 1.0), point("train/loss", 2, 2.0)]).unwrap();
    let store = test_store.open();
    let cursor = store.changes_since(0).unwrap();
    assert_eq!(cursor.changed, [writer.id().clone()]);
    assert!(store.changes_since(cursor.revision).unwrap().changed.is_empty());
    writer.log(&[point("train/loss", 3, 3.0)]).unwrap();
    assert_eq!(store.changes_since(cursor.revision).unwrap().changed, [writer.id().clone()]);
    let new = store.series_after(writer.id(), &key("train/loss"), Some((2, 20))).unwrap();
    assert_eq!(new.iter().map(|sample| sample.epoch).collect::<Vec<_>>(), [3]);
    assert!(store.series(writer.id(), &key("no/such")).unwrap().is_empty());
}
