//! The module as a whole: what survives, what is refused, and what happens when several processes write or one is killed.

mod opening;
pub(super) mod processes;
mod recovery;
mod run;
mod store;

use serde_json::json;

use super::test_store::TestStore;
use super::*;

pub(super) fn new_run(experiment: &str) -> NewRun {
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
        data: None,
        is_private: false,
    }
}

pub(super) fn key(text: &str) -> MetricKey {
    text.parse().unwrap()
}

pub(super) fn point(metric: &str, epoch: u64, value: f64) -> Point {
    Point { key: key(metric), epoch, step: epoch * 10, time: epoch as f64 / 3.0, value }
}

/// The values as bits, so that NaN equals NaN.
pub(super) fn bits(samples: &[Sample]) -> Vec<(u64, u64, u64, u64)> {
    samples.iter().map(|s| (s.epoch, s.step, s.time.to_bits(), s.value.to_bits())).collect()
}

pub(super) fn finished_run(test_store: &TestStore, experiment: &str) -> RunId {
    let mut writer = test_store.start(new_run(experiment));
    writer.log(&[point("train/loss", 1, 0.5), point("validation/accuracy", 1, 0.25)]).unwrap();
    let id = writer.id().clone();
    writer.finish(Status::Finished, "max_epochs", Some(1)).unwrap();
    id
}
