//! Several processes. The test binary runs itself again with one test, `child`, that does the work.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use super::{key, new_run, point};
use crate::tracking::test_store::{TestStore, on_each_backend};
use crate::tracking::*;

on_each_backend![
    processes_that_create_and_write_at_once_lose_nothing,
    a_killed_process_shows_as_crashed_and_loses_no_acknowledged_epoch,
];

/// In the child: what to do. Unset in an ordinary test run.
const TASK: &str = "BURNLAB_TEST_TASK";

pub(in crate::tracking) fn child_command(task: &str, test_store: &TestStore) -> Command {
    let path = module_path!().split_once("::").map_or("", |(_, path)| path);
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([&format!("{path}::child"), "--exact", "--nocapture"]).env(TASK, task);
    test_store.describe_to(&mut command);
    command.stdout(Stdio::piped());
    command
}

#[test]
fn child() {
    let Ok(task) = env::var(TASK) else { return };
    let mut writer = TestStore::from_parent().start(new_run("child"));
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

fn processes_that_create_and_write_at_once_lose_nothing(test_store: &TestStore) {
    let mut children: Vec<Child> = (0..8).map(|_| child_command("finish", test_store).spawn().unwrap()).collect();
    for child in &mut children {
        let mut output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let store = test_store.open();
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

fn a_killed_process_shows_as_crashed_and_loses_no_acknowledged_epoch(test_store: &TestStore) {
    for kill_after in [0, 1, 7, 40] {
        let mut child = child_command("forever", test_store).spawn().unwrap();
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
                let store = test_store.open();
                assert_eq!(store.shown(&store.run(id).unwrap()), Shown::Running);
                child.kill().unwrap(); // SIGKILL on Unix; lines already in the pipe are still read
            }
        }
        child.wait().unwrap();

        let id = id.unwrap();
        let mut store = test_store.open();
        let run = store.run(&id).unwrap();
        assert_eq!((run.record.status, store.shown(&run)), (Status::Running, Shown::Crashed));
        let stored = run.metrics.get(&key("train/loss")).map_or(0, |metric| metric.points);
        assert!(stored >= acknowledged, "{stored} of {acknowledged}");

        assert_eq!(store.recover().unwrap(), std::slice::from_ref(&id));
        let recovered = store.run(&id).unwrap();
        assert_eq!((recovered.record.status, store.shown(&recovered)), (Status::Crashed, Shown::Crashed));
        assert!(recovered.record.ended.unwrap() >= recovered.record.started);
        let recovered_points = recovered.metrics.get(&key("train/loss")).map_or(0, |metric| metric.points);
        assert!(recovered_points >= stored && recovered_points <= stored + 1, "{recovered_points} after {stored}");
        assert!(store.recover().unwrap().is_empty());
    }
    if test_store.location().server.is_some() {
        return;
    }
    let connection = rusqlite::Connection::open(test_store.path().join("burnlab.db")).unwrap();
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}
