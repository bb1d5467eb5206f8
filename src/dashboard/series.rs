//! `GET /api/series`: curves, smoothed and downsampled for a chart.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize, Serializer};

use super::request::{checked, run_ids};
use super::{ApiError, AppState};
use crate::comparison::series::{downsample, far_out, smooth};
use crate::tracking::{MetricKey, RunId, Sample, Store, TrackingError};

/// The most curves in one response; a chart with more cannot be read.
const MAX_RUNS: usize = 500;

#[derive(Debug, Deserialize)]
pub struct SeriesQuery {
    key: String,
    ids: String,
    #[serde(default = "default_max_points")]
    max_points: usize,
    /// Only epochs after this one: those that a live chart does not have yet.
    after: Option<u64>,
    #[serde(default)]
    smooth: f64,
}

fn default_max_points() -> usize {
    500
}

/// The response: one series per run, in the requested order.
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
    /// How many samples there are before downsampling.
    total: usize,
    downsampled: bool,
    /// How many values are outliers of their series.
    outliers: usize,
}

/// `[[epoch, step, time, value], ...]`: a third of the size of an array of objects.
fn rows<S: Serializer>(samples: &[Sample], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(samples.iter().map(Row))
}

struct Row<'a>(&'a Sample);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Sample { epoch, step, time, value } = *self.0;
        // As in the store's own JSON: NaN and infinities are strings that JavaScript's `Number()` reads.
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
    let key: MetricKey = query.key.parse().map_err(TrackingError::from)?;
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
        // Smooth the whole series, since each smoothed value depends on all before it.
        let mut samples = smooth(&store.series(&id, key)?, weight);
        samples.retain(|sample| after.is_none_or(|after| sample.epoch > after));
        samples
    } else {
        // Start after the last possible step of the epoch seen, so that the epoch itself is not sent again. The store's
        // numbers end at i64::MAX; a larger one would wrap around and select everything.
        let last = i64::MAX as u64;
        store.series_after(&id, key, after.map(|epoch| (epoch.min(last), last)))?
    };
    let (total, outliers) = (samples.len(), far_out(&samples));
    if total > max_points {
        samples = downsample(&samples, max_points);
    }
    Ok(Series { id, downsampled: samples.len() < total, samples, total, outliers })
}
