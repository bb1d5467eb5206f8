//! The page's files and plotly.js, compiled in.

use axum::extract::{Extension, Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};

use serde_json::{Map, Value, json};

use super::{ApiError, AppState};
use crate::metric::{METRICS, Metric};
use crate::shell;
use crate::web::session::Visitor;

/// plotly.js 3.0.1, MIT: the bundle that draws lines, points and bars (npm package `plotly.js-basic-dist-min`), by `gzip -9 -n`.
const PLOTLY: &[u8] = include_bytes!("vendor/plotly-basic-3.0.1.min.js.gz");

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
    "boundary.js",
    "charts.js",
    "columns.js",
    "compare.js",
    "confusion.js",
    "controls.js",
    "dom.js",
    "examples.js",
    "format.js",
    "gallery.js",
    "main.js",
    "overview.js",
    "palette.js",
    "parallel.js",
    "params.js",
    "pictures.js",
    "run.js",
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
];

/// `GET /`
pub async fn index(
    State(state): State<AppState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Html<String>, ApiError> {
    let page = find("index.html").ok_or_else(|| ApiError::not_found("this build has no page"))?;
    let fields = [
        ("{{token}}", visitor.change_token),
        ("{{logout}}", if visitor.session.is_some() { "" } else { "hidden" }.to_owned()),
        ("{{metrics}}", in_attribute(&metrics())),
        ("{{program}}", shell::program().to_owned()),
        ("{{elsewhere}}", in_attribute(&shell::elsewhere(state.root()))),
    ];
    Ok(Html(fields.iter().fold(page, |page, (name, value)| page.replace(name, value))))
}

fn in_attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

/// The direction and meaning of each metric by name, as JSON: `{"loss": {"goal": "lower", ...}}`.
/// With the page rather than with the runs, so that it is there before anything is drawn.
fn metrics() -> String {
    let row = |metric: &Metric| (metric.name.to_owned(), json!({ "goal": metric.goal, "meaning": metric.meaning }));
    let table: Map<String, Value> = METRICS.iter().map(row).collect();
    Value::Object(table).to_string()
}

/// `GET /assets/{name}`
pub async fn asset(Path(name): Path<String>) -> Result<Response, ApiError> {
    let content = find(&name).ok_or_else(|| ApiError::not_found(format!("no file `{name}`")))?;
    // A newer burnlab on the same port must not be served the files of the older page from the cache.
    Ok(([(CONTENT_TYPE, content_type(&name)), (CACHE_CONTROL, "no-cache")], content).into_response())
}

/// `GET /plotly.js`
pub async fn plotly() -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        // Every browser that can run the page reads gzip.
        (CONTENT_ENCODING, "gzip"),
        (CACHE_CONTROL, "public, max-age=604800"),
    ];
    (headers, PLOTLY)
}

fn find(name: &str) -> Option<String> {
    ASSETS.iter().find(|(known, _)| *known == name).map(|(_, content)| (*content).to_owned())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/html; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use sha2::{Digest, Sha256};

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

    /// The checksum is that of `plotly-basic.min.js` in the npm package.
    #[test]
    fn plotly_is_the_published_file() {
        let mut script = Vec::new();
        flate2::read::GzDecoder::new(PLOTLY).read_to_end(&mut script).unwrap();
        let digest: String = Sha256::digest(&script).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "9750237b42d97af386c25ad644d858ac5b7735dd65e8583e32c9234d551db7f4");
    }
}
