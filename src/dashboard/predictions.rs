//! `GET /api/runs/{id}/predictions`: a page of `predictions.csv`, with the network's inputs from `test.csv`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::path::Path;

use axum::Json;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use csv::StringRecord;
use fs_err::File;
use serde::{Deserialize, Serialize};

use super::request::run_id;
use super::top::{MAX_RANKED, Top};
use super::{ApiError, AppState};
use crate::tracking::{RunId, Store, TrackingError, folder};
use crate::web::QueryParams;

const PREDICTIONS: &str = "predictions.csv";

/// The most rows of one response.
pub const MAX_ROWS: usize = 1000;

#[derive(Debug, Deserialize)]
pub struct PredictionsQuery {
    #[serde(default)]
    offset: usize,
    #[serde(default = "default_limit")]
    limit: usize,
    wrong: Option<u8>,
    /// Only rows of this label, and only those with this prediction.
    #[serde(rename = "true")]
    truth: Option<String>,
    predicted: Option<String>,
    #[serde(default)]
    order: Order,
    pixels: Option<u8>,
    inputs: Option<u8>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// As in the file.
    #[default]
    File,
    /// Confident wrong predictions first, then uncertain ones, then confident right ones; in a regression the largest
    /// errors first.
    WrongFirst,
}

pub fn default_limit() -> usize {
    50
}

/// Bytes of a line that is shown: thousands of columns. In memory a row takes up to eight times as much.
const MAX_LINE: usize = 8 << 20;

/// Bytes of a cell that is shown, far above any number.
const MAX_CELL: usize = 10_000;

/// Bytes of the rows of one response: a thousand rows of a thousand columns. Several are in the making at a time.
const MAX_BYTES: usize = 64 << 20;

/// What a cell takes in memory besides its text.
const CELL: usize = size_of::<String>();

/// The response. Cells are the text of the file, so that no digit is lost, but for the ends of very long ones.
#[derive(Debug, Serialize)]
pub struct Predictions {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    /// How many rows match the query, on all pages.
    total: usize,
    /// How many rows of the file are predicted wrongly; null in a regression.
    num_wrong: Option<usize>,
    #[serde(flatten)]
    seen: Seen,
}

/// The network's inputs of some rows.
#[derive(Debug, Default, Serialize)]
pub struct Seen {
    /// Height and width of the images, if the inputs are pixels.
    pub image: Option<[usize; 2]>,
    /// The pixels of each row, row-major, if they were asked for and `test.csv` has them; null is a missing value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pixels: Option<Vec<Vec<Option<f32>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_columns: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs: Option<Vec<Vec<String>>>,
}

/// `GET /api/runs/{id}/predictions?offset=&limit=&wrong=1&true=&predicted=&order=wrong_first&pixels=1&inputs=1`; with
/// `wrong=1` only rows whose columns `predicted` and `true` differ.
pub async fn predictions(
    State(state): State<AppState>,
    UrlPath(id): UrlPath<String>,
    QueryParams(query): QueryParams<PredictionsQuery>,
) -> Result<Json<Predictions>, ApiError> {
    let id = run_id(&id)?;
    state
        .scan(move |store| {
            let id = store.run(&id)?.record.id;
            let missing = || ApiError::not_found(format!("run `{id}` has no predictions"));
            let folder = store.local_folder(&id)?.ok_or_else(missing)?;
            let damaged = |error: csv::Error| match error.kind() {
                csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::NotFound => missing(),
                csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, format!("`predictions.csv`: {error}"))
                }
                _ => ApiError::internal(format!("`predictions.csv`: {error}")),
            };
            let (mut found, picked) = page(&folder, &query).map_err(damaged)?;
            found.seen = seen(store, &id, &picked, query.pixels == Some(1), query.inputs == Some(1))?;
            Ok(found)
        })
        .await
        .map(Json)
}

/// Reads the wanted inputs from `test.csv`; pixels only where the inputs are images.
pub fn seen(
    store: &Store,
    id: &RunId,
    picked: &Picked,
    wants_pixels: bool,
    wants_inputs: bool,
) -> Result<Seen, ApiError> {
    let images = Images::of(store, id);
    let mut seen = Seen { image: images.as_ref().map(|images| images.shape), ..Seen::default() };
    let images = images.filter(|_| wants_pixels);
    if let Some(folder) = store.local_folder(id)?.filter(|_| wants_inputs || images.is_some())
        // Where the file does not match or cannot be read, the predictions are shown without inputs.
        && let Ok((header, rows)) = pick(&folder, "test.csv", picked)
    {
        seen.pixels = images.and_then(|images| images.pixels(&header, &rows));
        if wants_inputs {
            // The last columns are the targets, which the response has already.
            let num_inputs = header.len().saturating_sub(num_targets(&folder));
            let inputs = |row: &StringRecord| texts(row).take(num_inputs).collect();
            seen.input_columns = Some(inputs(&header));
            seen.inputs = Some(rows.iter().map(inputs).collect());
        }
    }
    Ok(seen)
}

/// How many columns a run predicts: several have their names in those of `predictions.csv`.
fn num_targets(folder: &Path) -> usize {
    let is_target = |name: &&str| name.starts_with("true_");
    let several =
        reader(folder, PREDICTIONS).and_then(|mut reader| Ok(reader.headers()?.iter().filter(is_target).count()));
    several.unwrap_or(0).max(1)
}

/// The row numbers that a page shows, in its order, and how many rows the file has.
pub struct Picked {
    pub rows: Vec<usize>,
    pub num_rows: usize,
}

/// Two passes over the file: the first finds which rows match, the second reads those of the page, so that only their
/// text is in memory.
fn page(folder: &Path, query: &PredictionsQuery) -> csv::Result<(Predictions, Picked)> {
    let mut reader = reader(folder, PREDICTIONS)?;
    let header = reader.headers()?.clone();
    let place = |name| header.iter().position(|column| column == name);
    let probabilities: Vec<usize> =
        (0..header.len()).filter(|&column| header[column].starts_with("probability_")).collect();
    let told = place("true").zip(place("predicted"));
    let pair = told.filter(|_| !probabilities.is_empty());
    let is_ranked = query.order == Order::WrongFirst && told.is_some();
    let shown = query.offset..query.offset.saturating_add(query.limit.min(MAX_ROWS));
    // Only what may be shown is kept, however long the file is.
    let mut top = Top::new(shown.end.min(MAX_RANKED));
    let mut rows = Vec::new();
    let (mut num_rows, mut num_wrong, mut total) = (0, 0, 0);
    let mut record = StringRecord::new();
    while reader.read_record(&mut record)? {
        let is_wrong = pair.is_some_and(|(truth, predicted)| record.get(truth) != record.get(predicted));
        let is = |wanted: &Option<String>, column: Option<usize>| {
            wanted.as_deref().is_none_or(|wanted| column.and_then(|column| record.get(column)) == Some(wanted))
        };
        let is_asked = is(&query.truth, told.map(|told| told.0)) && is(&query.predicted, told.map(|told| told.1));
        if is_asked && (is_wrong || query.wrong != Some(1) || pair.is_none()) {
            if let Some((truth, predicted)) = told.filter(|_| is_ranked) {
                let rank = match pair {
                    Some(_) => rank(&record, &probabilities, is_wrong),
                    None => error(&record, truth, predicted),
                };
                top.add(rank, num_rows);
            } else if shown.contains(&total) {
                rows.push(num_rows);
            }
            total += 1;
        }
        num_rows += 1;
        num_wrong += usize::from(is_wrong);
    }
    if is_ranked {
        rows = top.best().skip(shown.start).collect();
    }
    let picked = Picked { rows, num_rows };
    let (header, rows) = pick(folder, PREDICTIONS, &picked)?;
    let found = Predictions {
        columns: texts(&header).collect(),
        rows: rows.iter().map(|row| texts(row).collect()).collect(),
        total,
        num_wrong: pair.map(|_| num_wrong),
        seen: Seen::default(),
    };
    Ok((found, picked))
}

/// The rank of a row in [`Order::WrongFirst`], the highest first; probabilities are in millionths.
fn rank(record: &StringRecord, probabilities: &[usize], is_wrong: bool) -> f64 {
    let cells = probabilities.iter().filter_map(|&column| record.get(column)?.parse::<f64>().ok());
    let millionths = (cells.fold(0.0, f64::max).min(1.0) * 1e6).trunc();
    if is_wrong { 1.0 + millionths } else { -millionths }
}

/// The absolute error of a regression; what is no number is the worst.
fn error(record: &StringRecord, truth: usize, predicted: usize) -> f64 {
    let number = |column: usize| record.get(column)?.parse::<f64>().ok().filter(|value| value.is_finite());
    number(truth).zip(number(predicted)).map_or(f64::INFINITY, |(truth, predicted)| (predicted - truth).abs())
}

/// One pass over a file: its header and the picked rows, with the ends of very long cells cut off.
///
/// # Errors
/// Besides unreadable files, one with another number of rows, which does not belong to these predictions, and rows that
/// are too large for one response.
fn pick(folder: &Path, name: &str, picked: &Picked) -> csv::Result<(StringRecord, Vec<StringRecord>)> {
    let mut reader = reader(folder, name)?;
    let mut left = MAX_BYTES;
    let header = shortened(reader.headers()?, &mut left)?;
    let places: HashMap<usize, usize> = picked.rows.iter().enumerate().map(|(place, row)| (*row, place)).collect();
    let mut found = vec![StringRecord::new(); picked.rows.len()];
    let mut record = StringRecord::new();
    let mut row = 0;
    while reader.read_record(&mut record)? {
        if let Some(place) = places.get(&row) {
            found[*place] = shortened(&record, &mut left)?;
        }
        row += 1;
    }
    if row != picked.num_rows {
        return Err(io::Error::other(format!("{row} rows, not {}", picked.num_rows)).into());
    }
    Ok((header, found))
}

/// The row with its cells [`cut`], whose size is taken from what is `left` for the response.
fn shortened(record: &StringRecord, left: &mut usize) -> io::Result<StringRecord> {
    let bytes: usize = record.iter().map(|cell| CELL + cell.len().min(MAX_CELL)).sum();
    let too_large = || {
        let message = format!("the rows are larger than {} MiB: ask for fewer with limit=N", MAX_BYTES >> 20);
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    *left = left.checked_sub(bytes).ok_or_else(too_large)?;
    Ok(record.iter().map(cut).collect())
}

/// A cell of which a response shows the beginning alone where it is very long.
pub fn cut(cell: &str) -> Cow<'_, str> {
    match cell.len() > MAX_CELL {
        true => Cow::Owned(format!("{}…", &cell[..cell.floor_char_boundary(MAX_CELL - 4)])),
        false => Cow::Borrowed(cell),
    }
}

fn reader(folder: &Path, name: &str) -> csv::Result<csv::Reader<folder::Lines<File>>> {
    let file = folder::open_table_within(folder, name, MAX_LINE).map_err(|error| match error {
        TrackingError::Io(error) => error,
        error => io::Error::other(error.to_string()),
    })?;
    Ok(csv::Reader::from_reader(file.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?))
}

fn texts(record: &StringRecord) -> impl Iterator<Item = String> {
    record.iter().map(str::to_owned)
}

/// Height and width of a run's images; `None` for a run whose inputs are no images.
pub fn image_shape(store: &Store, id: &RunId) -> Option<[usize; 2]> {
    Images::of(store, id).map(|images| images.shape)
}

/// How the inputs of a run form images.
struct Images {
    /// Height and width.
    shape: [usize; 2],
    /// Names of the pixels' columns, row by row.
    names: Vec<String>,
}

/// Of the `preprocessing.json` of images, some 400 bytes a pixel: no gallery shows more than 20,000 of them.
const MOST_BYTES_OF_IMAGES: u64 = 8 << 20;

impl Images {
    /// From `preprocessing.json`; `None` where that is larger than that of images which the page can show.
    fn of(store: &Store, id: &RunId) -> Option<Self> {
        #[derive(Deserialize)]
        struct Preprocessing {
            image_shape: Option<[usize; 2]>,
            columns: Vec<Column>,
        }
        #[derive(Deserialize)]
        struct Column {
            name: String,
        }
        let bytes =
            folder::read_within(&store.local_folder(id).ok()??, "preprocessing.json", MOST_BYTES_OF_IMAGES).ok()??;
        let preprocessing: Preprocessing = serde_json::from_slice(&bytes).ok()?;
        let shape = preprocessing.image_shape?;
        let names: Vec<String> = preprocessing.columns.into_iter().map(|column| column.name).collect();
        (!names.is_empty() && shape[0].checked_mul(shape[1]) == Some(names.len())).then_some(Self { shape, names })
    }

    /// `None` where a pixel's column is missing or a cell is no number.
    fn pixels(&self, header: &StringRecord, rows: &[StringRecord]) -> Option<Vec<Vec<Option<f32>>>> {
        let places: HashMap<&str, usize> = header.iter().enumerate().map(|(place, name)| (name, place)).collect();
        let places: Vec<usize> =
            self.names.iter().map(|name| places.get(name.as_str()).copied()).collect::<Option<_>>()?;
        let pixel = |cell: &str| match cell {
            "" => Some(None),
            cell => cell.parse().ok().filter(|value: &f32| value.is_finite()).map(Some),
        };
        let image = |row: &StringRecord| places.iter().map(|&place| pixel(row.get(place)?)).collect();
        rows.iter().map(image).collect()
    }
}
