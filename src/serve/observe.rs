//! What was asked of the server: metrics in the format of Prometheus, and a line of JSON per request.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::ServeState;
use crate::data::Drift;
use crate::web::session::without_name;

/// Upper limits of the histogram of request times, in seconds.
const LIMITS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Counters since the start.
#[derive(Debug, Default)]
pub(super) struct Metrics(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// By route and status.
    requests: BTreeMap<(&'static str, u16), u64>,
    /// Requests that took at most each of [`LIMITS`], and no less than the one before; the last are all others.
    times: [u64; LIMITS.len() + 1],
    seconds: f64,
    rows: BTreeMap<String, u64>,
    /// Cells unlike those of training, by model, column and kind.
    unlike: BTreeMap<(String, String, &'static str), u64>,
}

impl Metrics {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn request(&self, path: &str, status: StatusCode, time: Duration) {
        let mut counts = self.counts();
        *counts.requests.entry((route(path), status.as_u16())).or_default() += 1;
        let seconds = time.as_secs_f64();
        let place = LIMITS.iter().position(|&limit| seconds <= limit).unwrap_or(LIMITS.len());
        counts.times[place] += 1;
        counts.seconds += seconds;
    }

    pub fn rows(&self, model: &str, num_rows: usize, drift: &Drift) {
        let mut counts = self.counts();
        *counts.rows.entry(model.to_owned()).or_default() += num_rows as u64;
        for (column, kind, count) in drift.counts() {
            *counts.unlike.entry((model.to_owned(), column.to_owned(), kind)).or_default() += count as u64;
        }
    }

    /// `num_dropped`: lines of the log.
    fn text(&self, num_dropped: u64) -> String {
        let counts = self.counts();
        let mut text = String::new();
        let head = |text: &mut String, name: &str, kind: &str, help: &str| {
            writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("memory");
        };
        let requests = "burnlab_requests_total";
        head(&mut text, requests, "counter", "Requests by route and status.");
        for ((route, status), count) in &counts.requests {
            writeln!(text, "{requests}{{route=\"{route}\",status=\"{status}\"}} {count}").expect("memory");
        }
        let time = "burnlab_request_seconds";
        head(&mut text, time, "histogram", "Time from a request's head to the head of its answer.");
        let mut sum = 0;
        for (limit, count) in LIMITS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]).zip(counts.times) {
            sum += count;
            writeln!(text, "{time}_bucket{{le=\"{limit}\"}} {sum}").expect("memory");
        }
        writeln!(text, "{time}_sum {}\n{time}_count {sum}", counts.seconds).expect("memory");
        let rows = "burnlab_rows_total";
        head(&mut text, rows, "counter", "Rows that were predicted.");
        for (model, count) in &counts.rows {
            writeln!(text, "{rows}{{model=\"{}\"}} {count}", label(model)).expect("memory");
        }
        let unlike = "burnlab_unlike_cells_total";
        head(
            &mut text,
            unlike,
            "counter",
            "Cells unlike those of training: missing, of an unknown category, far out of range.",
        );
        for ((model, column, kind), count) in &counts.unlike {
            let (model, column) = (label(model), label(column));
            writeln!(text, "{unlike}{{model=\"{model}\",column=\"{column}\",kind=\"{kind}\"}} {count}")
                .expect("memory");
        }
        let dropped = "burnlab_log_lines_dropped_total";
        head(&mut text, dropped, "counter", "Lines of the log that were dropped since nobody read those before.");
        writeln!(text, "{dropped} {num_dropped}").expect("memory");
        text
    }
}

/// The value of a label, as the format has it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The kind of a path: a client could ask for any number of different ones.
fn route(path: &str) -> &'static str {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts[..] {
        ["predict"] | ["predict", _] => "/predict",
        ["invocations"] => "/invocations",
        ["v2", "models", .., "infer"] => "/v2/infer",
        ["v2", ..] => "/v2",
        ["metrics"] => "/metrics",
        ["ping" | "health"] => "/health",
        _ => "other",
    }
}

/// `GET /metrics`
pub async fn metrics(State(state): State<ServeState>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.metrics.text(state.models.log.num_dropped()))
}

/// A request as a line of JSON.
pub(super) fn line(method: &Method, path: &str, status: StatusCode, time: Duration) -> Value {
    json!({
        "time": jiff::Timestamp::now().to_string(),
        "method": method.as_str(),
        "path": without_name(path),
        "status": status.as_u16(),
        "seconds": time.as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_summed_up_to_each_limit() {
        let metrics = Metrics::default();
        for milliseconds in [0, 1, 4, 3000] {
            metrics.request("/predict/x", StatusCode::OK, Duration::from_millis(milliseconds));
        }
        metrics.request("/any/thing", StatusCode::NOT_FOUND, Duration::from_secs(1));
        let text = metrics.text(7);
        for line in [
            "burnlab_requests_total{route=\"/predict\",status=\"200\"} 4",
            "burnlab_requests_total{route=\"other\",status=\"404\"} 1",
            "burnlab_request_seconds_bucket{le=\"0.0005\"} 1",
            "burnlab_request_seconds_bucket{le=\"0.001\"} 2",
            "burnlab_request_seconds_bucket{le=\"0.005\"} 3",
            "burnlab_request_seconds_bucket{le=\"1\"} 4",
            "burnlab_request_seconds_bucket{le=\"2.5\"} 4",
            "burnlab_request_seconds_bucket{le=\"+Inf\"} 5",
            "burnlab_request_seconds_count 5",
            "burnlab_log_lines_dropped_total 7",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert_eq!(label("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
