//! Stores that cannot be opened, and those of older versions.

use fs_err as fs;
use tempfile::TempDir;

use super::{key, new_run};
use crate::tracking::*;

fn artifacts() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn newer_foreign_and_missing_stores_are_refused_by_name() {
    let root = artifacts();
    let error = Store::open_read_only(root.path()).unwrap_err().to_string();
    assert!(
        error.contains("no runs recorded in") && error.contains(&crate::shell::command(&["--config", "FILE"])),
        "{error}"
    );

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
    connection.execute_batch(include_str!("../migrations/0001_initial.sql")).unwrap();
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
    assert!(store.sweeps().unwrap().0.is_empty());
    assert!(run.record.data.is_none() && store.tested_on("any").unwrap().is_empty());
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
