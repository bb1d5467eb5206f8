//! `GET /api/series`: curves, smoothed and downsampled for a chart.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use serde::{Deserialize, Serialize, Serializer};
use tokio::sync::mpsc;

use super::request::run_ids;
use super::{ApiError, AppState};
use crate::comparison::series::{downsample, far_out, smooth};
use crate::tracking::{MetricKey, RunId, Sample, Store, TrackingError};
use crate::web::QueryParams;
use crate::web::Received;

/// The most curves in one response; a chart with more cannot be read.
const MAX_RUNS: usize = 500;

/// How much text is made at once.
const PIECE: usize = 64 << 10;

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

/// What was asked for, checked.
struct Asked {
    key: MetricKey,
    ids: Vec<RunId>,
    after: Option<u64>,
    smooth: f64,
    max_points: usize,
}

/// `GET /api/series?key=&ids=&max_points=&after=&smooth=`: `{key, series}` with one series per run, in the requested order.
///
/// The curves are read from the store as the client takes them: one that reads slowly has a piece of them in memory,
/// and none of the places of readers.
pub async fn series(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<SeriesQuery>,
) -> Result<Response<Body>, ApiError> {
    let SeriesQuery { key, ids, max_points, after, smooth } = query;
    let key: MetricKey = key.parse().map_err(TrackingError::from)?;
    let ids = run_ids(&ids, MAX_RUNS)?;
    if !(0.0..1.0).contains(&smooth) {
        return Err(ApiError::bad_request("`smooth` is a weight from 0 to below 1"));
    }
    let asked = Arc::new(Asked { key, ids, after, smooth, max_points });
    // The first piece before the head of the answer, which says whether the store can be read.
    let (first, mut next) = piece(&state, &asked, 0).await?;
    let body = if next == asked.ids.len() {
        first.into()
    } else {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut text = Ok(first);
            while let Ok(()) = sender.send(text).await
                && next < asked.ids.len()
            {
                text = match piece(&state, &asked, next).await {
                    Ok((piece, index)) => {
                        next = index;
                        Ok(piece)
                    }
                    Err(error) => {
                        next = asked.ids.len();
                        Err(io::Error::other(error.message))
                    }
                };
            }
        });
        Body::from_stream(Received(receiver))
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The text from the curve `next` on, and the index of the first that is not in it.
async fn piece(state: &AppState, asked: &Arc<Asked>, mut next: usize) -> Result<(Bytes, usize), ApiError> {
    let asked = Arc::clone(asked);
    state
        .read(move |store| {
            let mut text = if next == 0 { format!("{{\"key\":\"{}\",\"series\":[", asked.key) } else { String::new() };
            while next < asked.ids.len() && text.len() < PIECE {
                if next > 0 {
                    text.push(',');
                }
                let Asked { key, ids, after, smooth, max_points } = asked.as_ref();
                let series = one(store, ids[next].clone(), key, *after, *smooth, *max_points)?;
                text.push_str(&serde_json::to_string(&series).map_err(ApiError::internal)?);
                next += 1;
            }
            if next == asked.ids.len() {
                text.push_str("]}");
            }
            Ok((text.into(), next))
        })
        .await
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
