//! How many points a second are recorded: by one process, and by four that share a store.
//!
//! ```sh
//! cargo bench --bench logging
//! ```
//!
//! Target: 200,000 points a second in batches; four processes lose nothing and see no lock error.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use burnlab::tracking::{MetricKey, NewRun, Point, RunWriter, Status, Store};

const POINTS_A_CALL: usize = 1000;
const CALLS: usize = 200;
const PROCESSES: usize = 4;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, word, root] = args.as_slice()
        && word == "log"
    {
        log(Path::new(root));
        return;
    }
    for num_processes in [1, PROCESSES] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let started = Instant::now();
        let this = std::env::current_exe().expect("this program");
        let children: Vec<_> = (0..num_processes)
            .map(|_| Command::new(&this).arg("log").arg(folder.path()).spawn().expect("a process"))
            .collect();
        for mut child in children {
            assert!(child.wait().expect("waited for").success(), "a process met an error");
        }
        let seconds = started.elapsed().as_secs_f64();
        let stored: u64 = Store::open(folder.path())
            .and_then(|store| store.runs())
            .expect("the store opens")
            .iter()
            .flat_map(|run| run.metrics.values().map(|metric| metric.points))
            .sum();
        assert_eq!(stored as usize, num_processes * CALLS * POINTS_A_CALL, "points are lost");
        println!(
            "{num_processes} process(es): {stored} points in {seconds:.2} s, {:.0} a second",
            stored as f64 / seconds
        );
    }
}

/// Records a run of two metrics, a thousand points a call.
fn log(root: &Path) {
    let run = NewRun {
        experiment: "logging".to_owned(),
        name: None,
        tags: Vec::new(),
        note: None,
        config_toml: "seed = 1\n".to_owned(),
        params: Default::default(),
        environment: serde_json::Value::Null,
        seed: 1,
        parent: None,
        sweep: None,
        data: None,
        is_private: false,
    };
    let mut writer = RunWriter::start(root, run).expect("recorded");
    let keys: [MetricKey; 2] = ["train/loss", "validation/loss"].map(|key| key.parse().expect("a metric"));
    let mut epoch = 0;
    for _ in 0..CALLS {
        let points: Vec<Point> = (0..POINTS_A_CALL / keys.len())
            .flat_map(|_| {
                epoch += 1;
                let point = |key: &MetricKey| {
                    let value = 1.0 / epoch as f64 + 0.123_456_789;
                    Point { key: key.clone(), epoch, step: 34 * epoch, time: epoch as f64 * 0.01, value }
                };
                keys.each_ref().map(point)
            })
            .collect();
        writer.log(&points).expect("recorded");
    }
    writer.finish(Status::Finished, "done", None).expect("recorded");
}
