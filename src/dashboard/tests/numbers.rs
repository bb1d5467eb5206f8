//! Every number that the API gives is one of the run's files.

use std::fs;

use super::*;

/// Awkward on purpose: long decimals, tiny and huge values, and what JSON cannot hold.
fn value(run: u64, epoch: u64, metric: u64) -> f64 {
    match (run + epoch + metric) % 23 {
        7 => f64::NAN,
        11 if run.is_multiple_of(5) => f64::INFINITY,
        13 if run.is_multiple_of(7) => f64::NEG_INFINITY,
        3 => 1e-300 * epoch as f64,
        5 => 1e300 / (run + 1) as f64,
        _ => ((run * 31 + epoch * 17 + metric * 7) as f64).sin() / 3.0,
    }
}

const KEYS: [&str; 3] = ["train/loss", "validation/loss", "validation/accuracy"];

fn record(dashboard: &Dashboard, number: u64) -> RunWriter {
    let experiment = ["digits", "moons", "wine"][(number % 3) as usize];
    let mut writer = RunWriter::start(dashboard.root(), new_run(experiment, number)).unwrap();
    for epoch in 1..=8 {
        let points: Vec<Point> =
            KEYS.iter().zip(0..).map(|(key, metric)| point(key, epoch, value(number, epoch, metric))).collect();
        writer.log(&points).unwrap();
    }
    writer
}

/// Reads `metrics.csv` anew, by other means than the store's: `(key, epoch, step, time, value)`.
fn file_points(dashboard: &Dashboard, id: &str) -> Vec<(String, u64, u64, f64, f64)> {
    let text = fs::read_to_string(dashboard.root().join(format!("runs/{id}/metrics.csv"))).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |cell: &str| cell.parse::<f64>().unwrap();
        (cells[3].to_owned(), cells[0].parse().unwrap(), cells[1].parse().unwrap(), number(cells[2]), number(cells[4]))
    };
    text.lines().skip(1).map(row).collect()
}

/// A number as the API writes it.
fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) || (a == 0.0 && b == 0.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_says_what_the_files_say() {
    let dashboard = Dashboard::new();
    for number in 0..203 {
        let writer = record(&dashboard, number);
        let evaluation = json!({ "num_examples": number, "metrics": [{ "name": "accuracy", "value": 0.1 + 0.2 }] });
        writer.write_file("evaluation.json", evaluation.to_string().as_bytes()).unwrap();
        if number >= 200 {
            writer.finish(Status::Failed, "train/loss became NaN", None).unwrap();
        } else {
            writer.finish(Status::Finished, "all epochs done", Some(number % 8 + 1)).unwrap();
        }
    }
    let live = [record(&dashboard, 203), record(&dashboard, 204)];
    let list = dashboard.get("/api/runs").await.json();
    let runs = list["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 205);
    let count = |shown: &str| runs.iter().filter(|run| run["shown"] == shown).count();
    assert_eq!((count("finished"), count("failed"), count("running")), (200, 3, 2));
    assert!(runs.is_sorted_by(|a, b| a["started"].as_str() >= b["started"].as_str()));
    let ids: Vec<&str> = runs.iter().map(|run| run["id"].as_str().unwrap()).collect();
    for key in KEYS {
        let path = format!("/api/series?key={key}&ids={}&max_points=500", ids.join(","));
        let answer = dashboard.get(&path).await.json();
        for (series, run) in answer["series"].as_array().unwrap().iter().zip(runs) {
            let id = run["id"].as_str().unwrap();
            assert_eq!((series["id"].as_str(), &series["downsampled"]), (Some(id), &json!(false)));
            let points: Vec<_> = file_points(&dashboard, id).into_iter().filter(|point| point.0 == key).collect();
            let samples = series["samples"].as_array().unwrap();
            assert_eq!((samples.len(), series["total"].as_u64()), (points.len(), Some(points.len() as u64)));
            for (sample, (_, epoch, step, time, value)) in samples.iter().zip(&points) {
                assert_eq!((sample[0].as_u64(), sample[1].as_u64()), (Some(*epoch), Some(*step)));
                assert!(same(float(&sample[2]), *time) && same(float(&sample[3]), *value), "{id} {key}: {sample}");
            }
            check_summary(&run["metrics"][key], key, &points);
        }
    }
    for id in &ids {
        let file = |name: &str| fs::read_to_string(dashboard.root().join(format!("runs/{id}/{name}"))).unwrap();
        let detail = dashboard.get(&format!("/api/runs/{id}")).await.json();
        let record: Value = serde_json::from_str(&file("run.json")).unwrap();
        for (key, value) in record.as_object().unwrap() {
            assert_eq!(&detail["run"][key], value, "{id}: {key}");
        }
        assert_eq!(detail["config_toml"], file("config.toml"));
        assert_eq!(detail["environment"], serde_json::from_str::<Value>(&file("environment.json")).unwrap());
        assert_eq!(detail["problems"], json!([]));
        if detail["run"]["shown"] != "running" {
            assert_eq!(detail["evaluation"], serde_json::from_str::<Value>(&file("evaluation.json")).unwrap());
        }
        for entry in detail["files"].as_array().unwrap() {
            let name = entry["name"].as_str().unwrap();
            let answer = dashboard.get(&format!("/api/runs/{id}/files/{name}")).await;
            assert_eq!(answer.text(), file(name));
            assert_eq!(entry["bytes"].as_u64(), Some(answer.body.len() as u64));
        }
    }
    drop(live);
}

/// Best and last as anyone would work them out from the file.
fn check_summary(summary: &Value, key: &str, points: &[(String, u64, u64, f64, f64)]) {
    let last = points.last().unwrap();
    assert_eq!(summary["points"].as_u64(), Some(points.len() as u64));
    assert!(same(float(&summary["last"]), last.4) && same(float(&summary["last_time"]), last.3));
    assert_eq!((summary["last_epoch"].as_u64(), summary["last_step"].as_u64()), (Some(last.1), Some(last.2)));
    let finite: Vec<_> = points.iter().filter(|point| point.4.is_finite()).collect();
    let sign = if key.ends_with("loss") { 1.0 } else { -1.0 };
    let best = finite.iter().map(|point| sign * point.4).fold(f64::INFINITY, f64::min) * sign;
    assert!(same(float(&summary["best"]), best), "{key}: {summary}");
    let epoch = finite.iter().find(|point| point.4 == best).unwrap().1;
    assert_eq!(summary["best_epoch"].as_u64(), Some(epoch));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_and_a_writer_agree() {
    let dashboard = Dashboard::new();
    let mut writer = RunWriter::start(dashboard.root(), new_run("digits", 1)).unwrap();
    let id = writer.id().to_string();
    let training = tokio::task::spawn_blocking(move || {
        for epoch in 1..=300 {
            writer.log(&[point("validation/loss", epoch, epoch as f64), point("train/loss", epoch, 0.0)]).unwrap();
        }
        writer.finish(Status::Finished, "all epochs done", Some(1)).unwrap();
    });
    let read = || async {
        let mut seen = 0;
        while seen < 300 {
            let path = format!("/api/series?key=validation/loss&ids={id}");
            let (runs, series) = tokio::join!(dashboard.get("/api/runs"), dashboard.get(&path));
            let (runs, series) = (runs.json(), series.json());
            let samples = series["series"][0]["samples"].as_array().unwrap();
            // No hole, nothing twice, never less than before.
            assert!(
                samples.iter().zip(1..).all(|(sample, epoch)| sample[0] == epoch && float(&sample[3]) == epoch as f64)
            );
            assert!(samples.len() >= seen, "{} after {seen}", samples.len());
            seen = samples.len();
            let metrics = &runs["runs"][0]["metrics"];
            assert_eq!(metrics["validation/loss"]["points"], metrics["train/loss"]["points"]);
        }
    };
    tokio::join!(read(), read(), read(), read());
    training.await.unwrap();
}
