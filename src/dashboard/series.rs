//! `GET /api/series`: curves, smoothed and thinned for a chart.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize, Serializer};

use super::request::{checked, run_ids};
use super::{ApiError, AppState};
use crate::tracking::series::{downsample, far_out, smooth};
use crate::tracking::{MetricKey, RunId, Sample, Store};

/// More curves than this in one chart tell nothing.
const MAX_RUNS: usize = 500;

#[derive(Debug, Deserialize)]
pub struct SeriesQuery {
    key: String,
    ids: String,
    #[serde(default = "default_max_points")]
    max_points: usize,
    /// Only later epochs: what a live chart has not seen.
    after: Option<u64>,
    #[serde(default)]
    smooth: f64,
}

fn default_max_points() -> usize {
    500
}

/// The answer: one series per run, in the order asked for.
#[derive(Debug, Serialize)]
pub struct SeriesList {
    key: MetricKey,
    series: Vec<Series>,
}

#[derive(Debug, Serialize)]
struct Series {
    id: RunId,
    #[serde(serialize_with = "rows")]
    samples: Vec<Sample>,
    /// How many samples there are before thinning.
    total: usize,
    downsampled: bool,
    /// How many values lie far from the rest of their series.
    outliers: usize,
}

/// `[[epoch, step, time, value], ...]`: a third of the size of objects.
fn rows<S: Serializer>(samples: &[Sample], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(samples.iter().map(Row))
}

struct Row<'a>(&'a Sample);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Sample { epoch, step, time, value } = *self.0;
        // As in the store's own JSON: what JSON cannot hold is a string that JavaScript's `Number()` reads.
        if value.is_finite() {
            (epoch, step, time, value).serialize(serializer)
        } else {
            let text = if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            (epoch, step, time, text).serialize(serializer)
        }
    }
}

/// `GET /api/series?key=&ids=&max_points=&after=&smooth=`
pub async fn series(
    State(state): State<AppState>,
    query: Result<Query<SeriesQuery>, QueryRejection>,
) -> Result<Json<SeriesList>, ApiError> {
    let query = checked(query)?;
    let key: MetricKey = query.key.parse()?;
    let ids = run_ids(&query.ids, MAX_RUNS)?;
    if !(0.0..1.0).contains(&query.smooth) {
        return Err(ApiError::bad_request("`smooth` is a weight from 0 to below 1"));
    }
    state
        .read(move |store| {
            let one = |id| one(store, id, &key, query.after, query.smooth, query.max_points);
            let series = ids.into_iter().map(one).collect::<Result<_, _>>()?;
            Ok(SeriesList { key, series })
        })
        .await
        .map(Json)
}

fn one(
    store: &Store,
    id: RunId,
    key: &MetricKey,
    after: Option<u64>,
    weight: f64,
    max_points: usize,
) -> Result<Series, ApiError> {
    let mut samples = if weight > 0.0 {
        // Each smoothed value depends on all before it, and on none that was thinned out.
        let mut samples = smooth(&store.series(&id, key)?, weight);
        samples.retain(|sample| after.is_none_or(|after| sample.epoch > after));
        samples
    } else {
        // The last step of the epoch seen: the epoch itself is not sent again.
        // A store's numbers end at i64::MAX; a larger one would wrap around to all of them.
        let last = i64::MAX as u64;
        store.series_after(&id, key, after.map(|epoch| (epoch.min(last), last)))?
    };
    let (total, outliers) = (samples.len(), far_out(&samples));
    if total > max_points {
        samples = downsample(&samples, max_points);
    }
    Ok(Series { id, downsampled: samples.len() < total, samples, total, outliers })
}
