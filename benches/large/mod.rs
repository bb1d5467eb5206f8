//! Stores of any size, made in seconds: 10 million points are 20,000 runs.

use std::path::Path;

use burnlab::tracking::{NewRun, Point, RunWriter, Status, Store};
use serde_json::{Value, json};

pub const EPOCHS: u64 = 50;
/// With 50 epochs, 500 points a run.
pub const KEYS: [&str; 10] = [
    "train/accuracy",
    "train/f1",
    "train/loss",
    "train/precision",
    "train/recall",
    "validation/accuracy",
    "validation/f1",
    "validation/loss",
    "validation/precision",
    "validation/recall",
];

/// Folders as trainings leave them, indexed in transactions by the store itself.
pub fn fill(root: &Path, runs: u64, new_run: impl Fn(u64) -> NewRun) {
    // One that burnlab wrote, which the others are made of.
    let mut writer = RunWriter::start(root, new_run(0)).expect("recorded");
    writer.log(&points(1, 0)).expect("recorded");
    let pattern = writer.folder().to_owned();
    let pattern_id = writer.id().to_string();
    writer.finish(Status::Finished, "all epochs done", Some(EPOCHS)).expect("recorded");
    let read = |name: &str| std::fs::read_to_string(pattern.join(name)).expect("written");
    let (record, config, environment) = (read("run.json"), read("config.toml"), read("environment.json"));
    let record: Value = serde_json::from_str(&record).expect("JSON");
    for number in 0..runs {
        let (day, second) = (1 + number / 86_400, number % 86_400);
        let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
        let new = new_run(number);
        let id =
            format!("{}-202601{day:02}-{hours:02}{minutes:02}{seconds:02}-{:04x}", new.experiment, number % 65_536);
        let mut record = record.clone();
        let started = format!("2026-01-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.000000Z");
        for (key, value) in [
            ("id", json!(id)),
            ("experiment", json!(new.experiment)),
            ("started", json!(started)),
            ("ended", json!(started)),
            ("seed", json!(new.seed)),
            ("params", json!(new.params)),
            ("tags", json!(new.tags)),
        ] {
            record[key] = value;
        }
        let folder = root.join("runs").join(&id);
        std::fs::create_dir(&folder).expect("made");
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("written");
        write("config.toml", &config);
        write("environment.json", &environment);
        let lines = (1..=EPOCHS).flat_map(|epoch| points(epoch, number));
        let lines =
            lines.map(|point| format!("{},{},{},{},{}\n", point.epoch, point.step, point.time, point.key, point.value));
        let test = format!("0,{},1,test/accuracy,{}\n", EPOCHS * 32, 0.5 + (number % 997) as f64 / 2000.0);
        write("metrics.csv", &(format!("epoch,step,time,metric,value\n{}", lines.collect::<String>()) + &test));
        write("run.json", &record.to_string());
    }
    std::fs::remove_dir_all(root.join("runs").join(pattern_id)).expect("removed");
    let indexed = Store::open(root).and_then(|mut store| store.reindex()).expect("indexed");
    assert_eq!((indexed.runs as u64, indexed.skipped.len()), (runs, 0));
}

/// Those of an epoch.
pub fn points(epoch: u64, run: u64) -> Vec<Point> {
    let value = |key: usize| 1.0 / (epoch + run % 100 + key as u64 + 1) as f64 + 0.123_456_789;
    let point = |(index, key): (usize, &&str)| Point {
        key: key.parse().expect("right"),
        epoch,
        step: epoch * 32,
        time: epoch as f64 * 0.05,
        value: value(index),
    };
    KEYS.iter().enumerate().map(point).collect()
}
