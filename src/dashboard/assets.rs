//! The page's files, compiled in.

use axum::extract::{Extension, Path, State};
use axum::response::{Html, Response};

use serde_json::{Map, Value, json};

use super::{ApiError, AppState};
use crate::comparison::headlines;
use crate::comparison::verdict::t_quantile;
use crate::metric::{METRICS, Metric};
use crate::shell;
use crate::web::assets::{file, in_attribute, text};
use crate::web::session::Visitor;

/// Pairs each file's name with its content.
macro_rules! assets {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("assets/", $name)))),*]
    };
}

/// What `/assets/<name>` serves. A file that is not named here is not reachable.
const ASSETS: &[(&str, &str)] = assets![
    "index.html",
    "style.css",
    "icon.svg",
    "actions.js",
    "api.js",
    "board.js",
    "boundary.js",
    "chart.js",
    "charts.js",
    "columns.js",
    "compare.js",
    "confusion.js",
    "controls.js",
    "dom.js",
    "examples.js",
    "format.js",
    "gallery.js",
    "groups.js",
    "highlight.js",
    "home.js",
    "hover.js",
    "main.js",
    "numbers.js",
    "overview.js",
    "palette.js",
    "parallel.js",
    "params.js",
    "picture.js",
    "pictures.js",
    "plot.js",
    "predictions.js",
    "progress.js",
    "rows.js",
    "run.js",
    "scale.js",
    "series.js",
    "state.js",
    "store.js",
    "sweep.js",
    "sweeps.js",
    "table.js",
    "traces.js",
    "trash.js",
    "trialcharts.js",
    "trials.js",
    "views.js",
];

/// `GET /`
pub async fn index(
    State(state): State<AppState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Html<String>, ApiError> {
    let page = text(ASSETS, "index.html")?.to_owned();
    let fields = [
        ("{{modules}}", modules()),
        ("{{token}}", visitor.change_token),
        ("{{logout}}", if visitor.session.is_some() { "" } else { "hidden" }.to_owned()),
        ("{{metrics}}", in_attribute(&metrics())),
        ("{{headlines}}", in_attribute(&json!(headlines().collect::<Vec<_>>()).to_string())),
        ("{{t}}", t_quantiles()),
        ("{{program}}", shell::program().to_owned()),
        ("{{elsewhere}}", in_attribute(&shell::elsewhere(state.root()))),
    ];
    Ok(Html(fields.iter().fold(page, |page, (name, value)| page.replace(name, value))))
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

/// Has the browser ask for all scripts at once, rather than for each when the one that needs it has come.
fn modules() -> String {
    let scripts = ASSETS.iter().map(|(name, _)| name).filter(|name| name.ends_with(".js"));
    scripts.map(|name| format!("<link rel=\"modulepreload\" href=\"assets/{name}\">")).collect()
}

/// The most runs of a mean in a chart.
const MOST_OF_A_MEAN: u32 = 200;

/// The quantiles for the 95 % intervals of means, by degrees of freedom from 1: the page has no statistics of its own.
fn t_quantiles() -> String {
    let round = |freedom| (t_quantile(f64::from(freedom)) * 1e6).round() / 1e6;
    json!((1..MOST_OF_A_MEAN).map(round).collect::<Vec<f64>>()).to_string()
}

/// `GET /assets/{name}`
pub async fn asset(Path(name): Path<String>) -> Result<Response, ApiError> {
    file(ASSETS, &name)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/dashboard/assets");
        for entry in fs_err::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(ASSETS.iter().any(|(known, _)| *known == name), "`{name}` is missing in `ASSETS`");
        }
    }

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

    /// What a browser loads on a cold start, compressed.
    #[test]
    fn the_page_stays_small() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        ASSETS.iter().for_each(|(_, content)| encoder.write_all(content.as_bytes()).unwrap());
        let bytes = encoder.finish().unwrap().len();
        assert!(bytes <= 150_000, "{bytes} bytes");
    }
}
