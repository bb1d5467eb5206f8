//! `POST /api/learn/train`: a network, trained while the reader waits, and what it became.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Extension, State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::LearnState;
use super::pool::{Client, Ticket};
use super::request::{Wanted, refused};
use super::shapes::{Layer, Scaling, layers_of, scaling};
use crate::backend::BackendName;
use crate::experiment::look::{Outputs, outputs};
use crate::experiment::plane::{Grid, is_planar, place, probabilities};
use crate::experiment::{
    EpochReport, Prepared, TrainedModel, TrainingObserver, Unrecorded, UnrecordedOptions, explain, train_unrecorded,
};
use crate::model::NamedWeights;
use crate::training::TrainingError;
use crate::training::evaluation::NamedValue;
use crate::web::session::Visitor;
use crate::web::{ApiError, JsonBody};

const MOST_GRID: usize = 100;
const MOST_FRAMES: usize = 40;
/// Units whose activations are shown.
const MOST_UNITS: usize = 8;

/// The fields of [`Wanted`], and what to answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainRequest {
    config: String,
    #[serde(default)]
    set: BTreeMap<String, Value>,
    points: Option<Vec<[f64; 3]>>,
    seed: Option<u64>,
    /// Points per side of the grid; none by default.
    #[serde(default)]
    grid: usize,
    /// Epochs to show; at least the one that is kept.
    #[serde(default)]
    frames: usize,
    /// Whether each frame has the activations of the first hidden units.
    #[serde(default)]
    units: bool,
    /// The grid's edges; by default around the points.
    extent: Option<[[f64; 2]; 2]>,
    /// Which page asks, and which of its widgets ([`Client`]).
    #[serde(default)]
    page: String,
    #[serde(default)]
    slot: u8,
}

/// A trained network, or how far it came.
#[derive(Serialize)]
pub struct TrainAnswer {
    epochs: usize,
    /// The epoch whose weights were kept; null for the last one.
    best_epoch: Option<usize>,
    reason: String,
    /// Whether training ended early because the reader has waited long enough.
    time_is_up: bool,
    /// Whether the loss was not finite: then there is no network.
    diverged: bool,
    seconds: f64,
    history: Curves,
    /// What `train_metric` and `validation_metric` are.
    metric: &'static str,
    test: Map<String, Value>,
    points: Vec<Point>,
    extent: Option<[[f64; 2]; 2]>,
    classes: Vec<String>,
    scaling: Option<Scaling>,
    layers: Vec<Layer>,
    frames: Vec<Frame>,
    command: Option<String>,
}

/// The measurements of each epoch; an empty list for a part that the data do not have.
#[derive(Clone, Default, Serialize)]
struct Curves {
    epoch: Vec<usize>,
    train_loss: Vec<f64>,
    validation_loss: Vec<f64>,
    train_metric: Vec<f64>,
    validation_metric: Vec<f64>,
}

#[derive(Serialize)]
struct Point {
    x: [f32; 2],
    y: u32,
    part: &'static str,
}

/// The network after an epoch.
#[derive(Serialize)]
struct Frame {
    epoch: usize,
    /// The probability of class 1 at each point of the grid, the lowest row first; for more classes, of each class.
    grid: GridValues,
    #[serde(skip_serializing_if = "Option::is_none")]
    units: Option<Vec<Vec<f32>>>,
    layers: Vec<Layer>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum GridValues {
    Two(Vec<f32>),
    More(Vec<Vec<f32>>),
}

/// Collects the curves.
struct Watcher {
    curves: Mutex<Curves>,
    metric: &'static str,
}

impl TrainingObserver for Watcher {
    fn epoch(&self, report: &EpochReport) -> ControlFlow<()> {
        let mut curves = self.curves.lock().unwrap_or_else(PoisonError::into_inner);
        curves.epoch.push(report.epoch);
        for (key, value) in &report.values {
            match (key.split(), key.metric()) {
                ("train", "loss") => curves.train_loss.push(*value),
                ("validation", "loss") => curves.validation_loss.push(*value),
                ("train", name) if name == self.metric => curves.train_metric.push(*value),
                ("validation", name) if name == self.metric => curves.validation_metric.push(*value),
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }
}

/// `POST /api/learn/train`
pub async fn train(
    State(state): State<LearnState>,
    Extension(visitor): Extension<Visitor>,
    JsonBody(mut request): JsonBody<TrainRequest>,
) -> Result<Json<TrainAnswer>, ApiError> {
    request.check()?;
    let wanted = Wanted {
        config: std::mem::take(&mut request.config),
        set: std::mem::take(&mut request.set),
        points: request.points.take(),
        seed: request.seed,
        is_of_program: false,
    };
    let client = Client::new(&visitor, &request.page, request.slot)?;
    let shared = state.clone();
    state.pool().run(client, move |ticket| answer(&wanted, &request, &shared, ticket)).await.map(Json)
}

impl TrainRequest {
    fn check(&self) -> Result<(), ApiError> {
        if self.grid == 1 || self.grid > MOST_GRID {
            return Err(refused("grid", format!("0, or 2 to {MOST_GRID}, found {}", self.grid)));
        }
        if self.frames > MOST_FRAMES {
            return Err(refused("frames", format!("{MOST_FRAMES} at most, found {}", self.frames)));
        }
        let is_wrong = |[low, high]: &[f64; 2]| !(*low < *high && low.abs() <= 1e6 && high.abs() <= 1e6);
        match &self.extent {
            Some(extent) if extent.iter().any(is_wrong) => {
                Err(refused("extent", "[[x from, x to], [y from, y to]], ascending, within -1e6 to 1e6"))
            }
            _ => Ok(()),
        }
    }
}

fn answer(
    wanted: &Wanted,
    request: &TrainRequest,
    state: &LearnState,
    ticket: &Ticket,
) -> Result<TrainAnswer, ApiError> {
    let prepared = wanted.prepared(state.location(), state.datasets())?;
    let task = prepared.decoder.task;
    let metric = if task.is_classification() { "accuracy" } else { "rmse" };
    let watcher = Arc::new(Watcher { curves: Mutex::default(), metric });
    let planar = is_planar(&prepared.preprocessor) && task.is_classification();
    let keep_history = request.frames > 0;
    let options = UnrecordedOptions {
        backend: state.backend(),
        observer: watcher.clone(),
        interrupter: &ticket.interrupter,
        keep_history,
    };
    let trained = train_unrecorded(&prepared, options);
    let history = watcher.curves.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let grid = (planar && request.grid > 0).then(|| request.grid_over(&prepared));
    let mut answer = TrainAnswer {
        epochs: history.epoch.len(),
        best_epoch: None,
        reason: String::new(),
        time_is_up: false,
        diverged: false,
        seconds: 0.0,
        history,
        metric,
        test: Default::default(),
        points: if planar { points(&prepared) } else { Vec::new() },
        extent: grid.as_ref().map(|grid| [[grid.x.0, grid.x.1], [grid.y.0, grid.y.1]]),
        classes: prepared.preprocessor.class_names().to_vec(),
        scaling: scaling(&prepared.preprocessor),
        layers: Vec::new(),
        frames: Vec::new(),
        command: wanted.command(),
    };
    let trained = match trained {
        Ok(trained) => trained,
        Err(error) if matches!(error.downcast_ref(), Some(TrainingError::NotFinite { .. })) => {
            return Ok(TrainAnswer { reason: explain(&error), diverged: true, ..answer });
        }
        Err(error) => return Err(ApiError::internal(explain(&error))),
    };
    answer.frames = frames(request, &trained, grid.as_ref(), state.backend(), ticket)?;
    answer.epochs = trained.num_epochs;
    answer.best_epoch = trained.kept_epoch;
    answer.seconds = trained.seconds;
    answer.layers = layers_of(&trained.model, &trained.model.weights);
    let value = |NamedValue { name, value }: NamedValue| (name, value.into());
    answer.test = trained.evaluation.into_iter().flat_map(|evaluation| evaluation.metrics).map(value).collect();
    // Who has left or asked for something else gets no answer.
    answer.time_is_up = trained.is_interrupted;
    answer.reason = trained.reason;
    Ok(answer)
}

impl TrainRequest {
    fn grid_over(&self, prepared: &Prepared) -> Grid {
        let Prepared { preprocessor, train, validation, test, .. } = prepared;
        match self.extent {
            Some([[left, right], [low, high]]) => Grid { x: (left, right), y: (low, high), size: self.grid },
            None => Grid::around(preprocessor, &[train, validation, test], self.grid),
        }
    }
}

fn points(prepared: &Prepared) -> Vec<Point> {
    let parts = [("train", &prepared.train), ("validation", &prepared.validation), ("test", &prepared.test)];
    let of_part = |(part, examples): (&'static str, &Arc<crate::data::Examples>)| {
        let targets = examples.targets();
        let point = |row: usize| {
            let (x, y) = place(&prepared.preprocessor, examples, row);
            Point { x: [x as f32, y as f32], y: targets[row] as u32, part }
        };
        (0..examples.len()).map(point).collect::<Vec<_>>()
    };
    parts.into_iter().flat_map(of_part).collect()
}

/// Some of the epochs that were kept, the first and the last among them; where none were asked for, the kept one, if there is a grid.
fn frames(
    request: &TrainRequest,
    trained: &Unrecorded,
    grid: Option<&Grid>,
    backend: BackendName,
    ticket: &Ticket,
) -> Result<Vec<Frame>, ApiError> {
    let model = &trained.model;
    let last = (trained.kept_epoch.unwrap_or(trained.num_epochs), &model.weights);
    let mut shown: Vec<(usize, &NamedWeights)> = Vec::new();
    if request.frames > 1 {
        let before: Vec<_> = trained.history.iter().filter(|(epoch, _)| *epoch < last.0).collect();
        let wanted = (request.frames - 1).min(before.len());
        let at = |i: usize| before[if wanted == 1 { 0 } else { i * (before.len() - 1) / (wanted - 1) }];
        shown.extend((0..wanted).map(at).map(|(epoch, weights)| (*epoch, weights)));
    }
    if request.frames > 0 || grid.is_some() {
        shown.push(last);
    }
    let Some(grid) = grid else {
        let frame = |(epoch, weights)| {
            let layers = layers_of(model, weights);
            Frame { epoch, grid: GridValues::Two(Vec::new()), units: None, layers }
        };
        return Ok(shown.into_iter().map(frame).collect());
    };
    let cells = grid.examples(&model.preprocessor);
    // The last one is drawn in any case.
    shown.reverse();
    let weights: Vec<&NamedWeights> = shown.iter().map(|(_, weights)| *weights).collect();
    let is_enough = || ticket.ended().is_some();
    let drawn = outputs(model, &weights, &cells, request.units, backend, &is_enough);
    let drawn = drawn.map_err(|error| ApiError::internal(explain(&error)))?;
    let frame = |((epoch, weights), outputs): ((usize, &NamedWeights), Outputs)| {
        let units = outputs.units.map(|units| columns(&units, cells.rows.len()));
        Frame { epoch, grid: grid_values(model, &outputs.logits), units, layers: layers_of(model, weights) }
    };
    Ok(shown.into_iter().zip(drawn).map(frame).rev().collect())
}

fn grid_values(model: &TrainedModel, logits: &[f32]) -> GridValues {
    let decoder = crate::training::OutputDecoder::new(&model.preprocessor);
    let rows = probabilities(&decoder, logits);
    let of_class = |class: usize| rows.iter().map(|row| rounded(row[class] as f32)).collect();
    match decoder.num_classes() {
        2 => GridValues::Two(of_class(1)),
        more => GridValues::More((0..more).map(of_class).collect()),
    }
}

/// The columns of a row-major table of so many rows, as far as they are shown.
fn columns(values: &[f32], num_rows: usize) -> Vec<Vec<f32>> {
    let width = values.len() / num_rows.max(1);
    let column = |at: usize| values.iter().skip(at).step_by(width).map(|&value| rounded(value)).collect();
    (0..width.min(MOST_UNITS)).map(column).collect()
}

/// To what a picture shows: most of an answer are these numbers.
fn rounded(value: f32) -> f32 {
    (value * 1000.0).round() / 1000.0
}
