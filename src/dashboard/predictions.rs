//! `GET /api/runs/{id}/predictions`: a page of `predictions.csv`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};

use super::api::{checked, run_id};
use super::{ApiError, AppState};

/// The most rows of one answer.
const MAX_ROWS: usize = 1000;

#[derive(Debug, Deserialize)]
pub struct PredictionsQuery {
    #[serde(default)]
    offset: usize,
    #[serde(default = "default_limit")]
    limit: usize,
    wrong: Option<u8>,
}

fn default_limit() -> usize {
    50
}

/// The answer. Cells are the file's own text, so that no digit is lost.
#[derive(Debug, Serialize)]
pub struct Predictions {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    /// How many rows there are, of those that were asked for.
    total: usize,
}

/// `GET /api/runs/{id}/predictions?offset=&limit=&wrong=1`; `wrong` leaves out rows whose `predicted` is `true`'s value.
pub async fn predictions(
    State(state): State<AppState>,
    Path(id): Path<String>,
    query: Result<Query<PredictionsQuery>, QueryRejection>,
) -> Result<Json<Predictions>, ApiError> {
    let id = run_id(&id)?;
    let query = checked(query)?;
    state
        .read(move |store| {
            let id = store.run(&id)?.record.id;
            let path = store.file(&id, "predictions.csv")?;
            let path = path.ok_or_else(|| ApiError::not_found(format!("run `{id}` has no predictions")))?;
            // One pass over the file, with only the page that was asked for in memory.
            let reader = csv::Reader::from_reader(fs_err::File::open(path).map_err(ApiError::internal)?);
            page(reader, &query).map_err(|error| ApiError::internal(format!("`predictions.csv`: {error}")))
        })
        .await
        .map(Json)
}

fn page(mut reader: csv::Reader<fs_err::File>, query: &PredictionsQuery) -> csv::Result<Predictions> {
    let header = reader.headers()?.clone();
    let place = |name| header.iter().position(|column| column == name);
    let pair = place("true").zip(place("predicted")).filter(|_| query.wrong == Some(1));
    let mut found = Predictions { columns: header.iter().map(str::to_owned).collect(), rows: Vec::new(), total: 0 };
    let last = query.offset.saturating_add(query.limit.min(MAX_ROWS));
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        if pair.is_some_and(|(truth, predicted)| record.get(truth) == record.get(predicted)) {
            continue;
        }
        if (query.offset..last).contains(&found.total) {
            found.rows.push(record.iter().map(str::to_owned).collect());
        }
        found.total += 1;
    }
    Ok(found)
}
