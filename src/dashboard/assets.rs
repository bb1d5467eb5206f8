//! The page's files, compiled in.

use std::sync::LazyLock;

use axum::extract::{Extension, State};
use axum::response::{Html, Response};

use serde_json::{Map, Value, json};

use super::bundle::bundle;
use super::{ApiError, AppState};
use crate::comparison::headlines;
use crate::comparison::verdict::t_quantile;
use crate::metric::{METRICS, Metric};
use crate::shell;
use crate::web::assets::{Assets, assets, in_attribute};
use crate::web::session::Visitor;

assets![
    "assets";
    "index.html",
    "style.css",
    "icon.svg",
    "actions.js",
    "api.js",
    "board.js",
    "boundary.js",
    "chart.js",
    "charts.js",
    "clauses.js",
    "columns.js",
    "compare.js",
    "complete.js",
    "confusion.js",
    "controls.js",
    "dom.js",
    "early.js",
    "examples.js",
    "format.js",
    "gallery.js",
    "going.js",
    "groups.js",
    "heads.js",
    "highlight.js",
    "home.js",
    "hover.js",
    "kept.js",
    "main.js",
    "next.js",
    "numbers.js",
    "overview.js",
    "own.js",
    "palette.js",
    "parallel.js",
    "params.js",
    "picture.js",
    "pictures.js",
    "plot.js",
    "points.js",
    "predictions.js",
    "progress.js",
    "rows.js",
    "run.js",
    "scale.js",
    "series.js",
    "share.js",
    "shown.js",
    "state.js",
    "store.js",
    "surface.js",
    "sweep.js",
    "sweeps.js",
    "table.js",
    "traces.js",
    "trash.js",
    "trialcharts.js",
    "trials.js",
    "views.js",
];

/// The page's script, made of all modules when it is first asked for.
static SCRIPT: LazyLock<[(&str, &str); 1]> = LazyLock::new(|| [(PAGE, bundle(ASSETS.files, "main.js").leak())]);
const PAGE: &str = "page.js";

/// `GET /assets/page.js`
pub async fn script() -> Result<Response, ApiError> {
    script_files().file(PAGE)
}

fn script_files() -> Assets {
    Assets { path: ASSETS.path, files: &*SCRIPT }
}

/// `GET /`
pub async fn index(
    State(state): State<AppState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Html<String>, ApiError> {
    let fields = [
        ("metrics", in_attribute(&metrics())),
        ("headlines", in_attribute(&json!(headlines().collect::<Vec<_>>()).to_string())),
        ("t", t_quantiles()),
        ("program", in_attribute(shell::program())),
        ("elsewhere", in_attribute(&shell::elsewhere(state.root()))),
    ];
    ASSETS.page("index.html", visitor, &fields).map(Html)
}

/// The direction, meaning and bounds of each metric by name, as JSON: `{"loss": {"goal": "lower", ...}}`.
/// With the page rather than with the runs, so that it is there before anything is drawn.
fn metrics() -> String {
    // An infinite bound is null.
    let row = |metric: &Metric| {
        let (least, most) = metric.bounds;
        let told = json!({ "goal": metric.goal, "meaning": metric.meaning, "bounds": [least, most] });
        (metric.name.to_owned(), told)
    };
    let table: Map<String, Value> = METRICS.iter().map(row).collect();
    Value::Object(table).to_string()
}

/// The most runs of a mean in a chart.
const MOST_OF_A_MEAN: u32 = 200;

/// The quantiles for the 95 % intervals of means, by degrees of freedom from 1: the page has no statistics of its own.
fn t_quantiles() -> String {
    let round = |freedom| (t_quantile(f64::from(freedom)) * 1e6).round() / 1e6;
    json!((1..MOST_OF_A_MEAN).map(round).collect::<Vec<f64>>()).to_string()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn the_page_knows_the_direction_of_every_metric() {
        let attribute = in_attribute(&metrics());
        assert!(!attribute.contains(['"', '<']), "{attribute}");
        let table: Value = serde_json::from_str(&attribute.replace("&quot;", "\"").replace("&amp;", "&")).unwrap();
        for metric in METRICS {
            assert_eq!(table[metric.name]["goal"], json!(metric.goal), "{}", metric.name);
        }
        assert_eq!(table.as_object().unwrap().len(), METRICS.len());
    }

    #[test]
    fn the_script_has_every_module_once() {
        let script = script_files().text(PAGE).unwrap();
        for (name, _) in ASSETS.files.iter().filter(|(name, _)| name.ends_with(".js")) {
            assert_eq!(script.matches(&format!("\n{{ // {name}\n")).count(), 1, "{name}");
        }
    }

    /// What a browser loads on a cold start, compressed.
    #[test]
    fn the_page_stays_small() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for name in ["index.html", "style.css", "icon.svg"] {
            encoder.write_all(ASSETS.text(name).unwrap().as_bytes()).unwrap();
        }
        encoder.write_all(script_files().text(PAGE).unwrap().as_bytes()).unwrap();
        let bytes = encoder.finish().unwrap().len();
        assert!(bytes <= 150_000, "{bytes} bytes");
    }
}
