//! `GET /api/compare/examples`: the rows that one of two runs gets right and the other does not.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::PathBuf;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::predictions::{MAX_ROWS, Picked, Seen, cut, default_limit, image_shape, seen};
use super::request::run_ids;
use super::top::{MAX_RANKED, Top};
use super::{ApiError, AppState};
use crate::comparison::are_other_rows;
use crate::comparison::pairs::{Pair, Pairs, Prediction, Unpaired};
use crate::tracking::RunId;
use crate::web::QueryParams;

#[derive(Debug, Deserialize)]
pub struct ExamplesQuery {
    ids: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    offset: usize,
    #[serde(default = "default_limit")]
    limit: usize,
}

/// Which rows. In a regression, where no prediction is exactly right, those where B is closer to the target than A
/// (fixed) or farther from it (broken).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// A is wrong, B is right.
    #[default]
    Fixed,
    /// A is right, B is wrong.
    Broken,
    BothWrong,
}

/// The response. Cells are the text of the files, so that no digit is lost.
#[derive(Debug, Default, Serialize)]
pub struct Examples {
    /// Why there is nothing to show, in one sentence.
    problem: Option<String>,
    /// Whether this is a regression.
    is_numeric: bool,
    counts: Counts,
    /// Ranked by the change of the true class's probability from A to B; `both_wrong` by how small it is in both; a
    /// regression by the change of the absolute error.
    rows: Vec<Example>,
    /// Rows of the requested kind.
    total: usize,
    #[serde(flatten)]
    seen: Seen,
}

/// How many rows there are.
#[derive(Debug, Default, Serialize)]
struct Counts {
    rows: usize,
    fixed: usize,
    broken: usize,
    both_wrong: usize,
}

#[derive(Debug, Serialize)]
struct Example {
    row: String,
    label: String,
    a: Told,
    b: Told,
}

/// The prediction of one run.
#[derive(Debug, Serialize)]
struct Told {
    predicted: String,
    /// Probability of the predicted class; null in a regression.
    probability: Option<String>,
}

/// `GET /api/compare/examples?ids=a,b&kind=fixed|broken|both_wrong&offset=&limit=`
pub async fn examples(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<ExamplesQuery>,
) -> Result<Json<Examples>, ApiError> {
    let ids = run_ids(&query.ids, 2)?;
    let Ok([a, b]) = <[RunId; 2]>::try_from(ids) else { return Err(ApiError::bad_request("name two runs")) };
    if query.offset > MAX_RANKED {
        return Err(ApiError::bad_request(format!("only the first {MAX_RANKED} rows can be shown")));
    }
    state
        .scan(move |store| {
            let runs = [store.run(&a)?, store.run(&b)?];
            let folders = [&a, &b].map(|id| store.folder(id));
            let found = match are_other_rows(&runs[0], &runs[1]) {
                true => Err(Unpaired::Rows),
                false => found(&folders, &query),
            };
            Ok(match found {
                Ok((found, picked)) => {
                    let wants_inputs = image_shape(store, &a).is_none();
                    Examples { seen: seen(store, &a, &picked, true, wants_inputs)?, ..found }
                }
                Err(unpaired) => Examples { problem: Some(unpaired.to_string()), ..Examples::default() },
            })
        })
        .await
        .map(Json)
}

/// Two passes over the files: one ranks, the other fetches.
fn found([a, b]: &[PathBuf; 2], query: &ExamplesQuery) -> Result<(Examples, Picked), Unpaired> {
    let mut pairs = Pairs::open(a, b)?;
    let is_numeric = pairs.is_numeric();
    let mut counts = Counts::default();
    let mut top = Top::new((query.offset + query.limit.min(MAX_ROWS)).min(MAX_RANKED));
    while let Some(pair) = pairs.read()? {
        counts.rows += 1;
        let Some((kind, rank)) = (if is_numeric { rank_number(&pair) } else { rank_class(&pair) }) else { continue };
        counts.add(kind);
        if kind == query.kind {
            top.add(rank, pair.place);
        }
    }
    let total = top.total;
    let picked = Picked { rows: top.best().skip(query.offset).collect(), num_rows: counts.rows };
    let order: HashMap<usize, usize> = picked.rows.iter().enumerate().map(|(at, place)| (*place, at)).collect();
    let mut rows: Vec<(usize, Example)> = Vec::new();
    let mut pairs = Pairs::open(a, b)?;
    while let Some(pair) = pairs.read()? {
        rows.extend(order.get(&pair.place).map(|at| (*at, Example::of(&pair))));
    }
    rows.sort_by_key(|(at, _)| *at);
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    Ok((Examples { is_numeric, counts, rows, total, ..Examples::default() }, picked))
}

/// The kind of a row, and its rank; rows of higher rank are shown first.
fn rank_class(pair: &Pair<'_>) -> Option<(Kind, f64)> {
    let of_label = |prediction: Prediction<'_>| {
        prediction.probability(pair.label).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0)
    };
    let (a, b) = (of_label(pair.a), of_label(pair.b));
    match (pair.a.is_right(), pair.b.is_right()) {
        (true, true) => None,
        (false, true) => Some((Kind::Fixed, b - a)),
        (true, false) => Some((Kind::Broken, a - b)),
        (false, false) => Some((Kind::BothWrong, -(a + b))),
    }
}

fn rank_number(pair: &Pair<'_>) -> Option<(Kind, f64)> {
    let gain = pair.a.absolute_error() - pair.b.absolute_error();
    match gain.partial_cmp(&0.0)? {
        Ordering::Greater => Some((Kind::Fixed, gain)),
        Ordering::Less => Some((Kind::Broken, -gain)),
        Ordering::Equal => None,
    }
}

impl Counts {
    fn add(&mut self, kind: Kind) {
        *match kind {
            Kind::Fixed => &mut self.fixed,
            Kind::Broken => &mut self.broken,
            Kind::BothWrong => &mut self.both_wrong,
        } += 1;
    }
}

impl Example {
    fn of(pair: &Pair<'_>) -> Self {
        let told = |prediction: Prediction<'_>| Told {
            predicted: cut(prediction.predicted()).into_owned(),
            probability: prediction.probability(prediction.predicted()).map(|text| cut(text).into_owned()),
        };
        let [row, label] = [pair.row, pair.label].map(|text| cut(text).into_owned());
        Self { row, label, a: told(pair.a), b: told(pair.b) }
    }
}
