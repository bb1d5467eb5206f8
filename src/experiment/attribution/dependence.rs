//! Partial dependence (Friedman 2001, "Greedy function approximation", section 8.2): the mean prediction over some rows when
//! a column has the same cell in all of them, for several cells.

use std::borrow::Cow;
use std::collections::HashMap;

use burnlab_cpu::TrainingBackend;

use super::network::Explainable;
use super::outcome::Outcome;
use super::refuse_others;
use super::rows::{MISSING, OwnRows, Rows};
use crate::backend::{BackendName, Job, run_on};
use crate::data::{Examples, SourceColumn};
use crate::experiment::saved_model::SavedModel;
use crate::training::OutputDecoder;

/// Most cells of a column.
const MOST_POINTS: usize = 20;
/// Most evaluations of each network; of many columns there are fewer background rows, but so many at least.
const MOST_EVALUATIONS: usize = 200_000;
const LEAST_BACKGROUND: usize = 20;

/// How a model's predictions depend on its columns.
#[derive(Clone, Debug)]
pub struct Dependence {
    pub outcomes: Vec<Outcome>,
    /// The strongest first: that whose curves vary most (Greenwell, Boehmke and McCarthy 2018, "A simple and effective
    /// model-based variable importance measure").
    pub columns: Vec<ColumnDependence>,
    /// Which rows the mean is of.
    pub background: String,
    /// Trained networks: that of the run, and of the other repetitions of its config.
    pub num_runs: usize,
    pub num_evaluations: usize,
    /// Whether [`DependencePoint::values`] are those of the mean of the runs' predictions.
    pub is_of_ensemble: bool,
}

/// How they depend on one column.
#[derive(Clone, Debug)]
pub struct ColumnDependence {
    pub column: String,
    /// Standard deviation of the curves over the points.
    pub strength: f64,
    /// Whether the points have an order: numbers and dates.
    pub is_ordered: bool,
    pub points: Vec<DependencePoint>,
}

/// A cell, and the mean prediction with it.
#[derive(Clone, Debug)]
pub struct DependencePoint {
    /// As the user writes it.
    pub cell: String,
    /// A number's place; `None` for names and dates.
    pub number: Option<f64>,
    /// Per outcome, of the run itself.
    pub values: Vec<f64>,
    /// Per outcome, mean and standard deviation over all runs; empty where there is one run.
    pub over_runs: Vec<[f64; 2]>,
}

/// The cells of a column: for each a background row that has it.
struct Grid {
    is_ordered: bool,
    points: Vec<GridPoint>,
}

struct GridPoint {
    row: usize,
    cell: String,
    number: Option<f64>,
}

/// The partial dependence of the predictions of `saved`, and of `others`, the repetitions of its config, of which those
/// count that have the same columns and outcomes.
///
/// # Errors
/// A language model, or one of images; no such number of a prediction; data that are gone where the folder has no test rows.
pub fn dependence(
    saved: &SavedModel,
    others: &[&SavedModel],
    of: Option<&str>,
    log_odds: bool,
    (background, seed): (usize, u64),
    backend: BackendName,
) -> anyhow::Result<Dependence> {
    refuse_others(saved)?;
    let all = Outcome::all(&saved.preprocessor, log_odds)?;
    let outcomes = match of {
        Some(name) => Outcome::named(&all, name)?,
        None => Outcome::of_model(&all, &saved.preprocessor),
    };
    let own = OwnRows::of(saved)?;
    let sources = saved.preprocessor.sources();
    let most = (MOST_EVALUATIONS / (sources.len() * MOST_POINTS).max(1)).max(LEAST_BACKGROUND);
    let (rows, background) = own.background(saved, background.min(most), seed)?;
    let grids: Vec<Grid> = sources.iter().map(|source| Grid::of(&rows, source)).collect();
    let evaluated = |model: &SavedModel, examples: &Examples| {
        run_on(backend, DependenceJob { model, outcomes: &outcomes, examples, grids: &grids })
            .map_err(anyhow::Error::msg)?
    };
    let mut runs = vec![evaluated(saved, &rows.examples)?];
    for other in others {
        let is_alike = other.preprocessor.source_columns() == saved.preprocessor.source_columns()
            && Outcome::all(&other.preprocessor, log_odds).is_ok_and(|others| others == all);
        // The same rows, as this one's preprocessor prepares them.
        if is_alike && let Some(examples) = own.background_of(other, &rows)? {
            runs.push(evaluated(other, &examples)?);
        }
    }
    let num_points: usize = grids.iter().map(|grid| grid.points.len()).sum();
    let mut columns: Vec<ColumnDependence> = sources
        .iter()
        .zip(grids)
        .enumerate()
        .map(|(column, (source, grid))| of_column(source, grid, &runs, column, outcomes.len()))
        .collect();
    columns.sort_by(|a, b| b.strength.total_cmp(&a.strength));
    Ok(Dependence {
        num_runs: runs.len(),
        is_of_ensemble: false,
        num_evaluations: runs.len() * num_points * rows.len(),
        outcomes,
        columns,
        background,
    })
}

/// Per column and point, one value per outcome.
type Curves = Vec<Vec<Vec<f64>>>;

fn of_column(
    source: &SourceColumn,
    grid: Grid,
    runs: &[Curves],
    column: usize,
    num_outcomes: usize,
) -> ColumnDependence {
    let is_ordered = grid.is_ordered;
    let points: Vec<DependencePoint> = grid
        .points
        .into_iter()
        .enumerate()
        .map(|(point, GridPoint { cell, number, .. })| {
            let of_runs = |outcome: usize| -> Vec<f64> { runs.iter().map(|run| run[column][point][outcome]).collect() };
            let over_runs = match runs.len() {
                1 => Vec::new(),
                _ => (0..num_outcomes).map(|outcome| mean_and_deviation(&of_runs(outcome))).collect(),
            };
            DependencePoint { cell, number, values: runs[0][column][point].clone(), over_runs }
        })
        .collect();
    let curve = |outcome: usize| -> Vec<f64> { points.iter().map(|point| point.values[outcome]).collect() };
    let variances = (0..num_outcomes).map(|outcome| mean_and_deviation(&curve(outcome))[1].powi(2));
    let strength = (variances.sum::<f64>() / num_outcomes as f64).sqrt();
    ColumnDependence { column: source.name.clone(), strength, is_ordered, points }
}

/// The standard deviation is that of a sample; 0 of one value.
fn mean_and_deviation(values: &[f64]) -> [f64; 2] {
    let num = values.len() as f64;
    let mean = values.iter().sum::<f64>() / num;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    [mean, (squares / (num - 1.0).max(1.0)).sqrt()]
}

impl Grid {
    /// Of numbers and dates at most so many, evenly spread over those of the rows; of names the most frequent.
    fn of(rows: &Rows, source: &SourceColumn) -> Self {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut counts: Vec<usize> = Vec::new();
        let mut points: Vec<GridPoint> = Vec::new();
        for row in 0..rows.len() {
            let (cell, number) = rows.told(row, source).unwrap_or_else(|| (MISSING.to_owned(), None));
            let place = *seen.entry(cell.clone()).or_insert(points.len());
            if place == points.len() {
                points.push(GridPoint { row, cell, number });
                counts.push(0);
            }
            counts[place] += 1;
        }
        let is_ordered = points.iter().any(|point| point.number.is_some());
        if is_ordered {
            // A missing number counts as the median, which is no point of its own.
            points.retain(|point| point.number.is_some());
            points.sort_by(|a, b| a.number.unwrap_or(f64::NAN).total_cmp(&b.number.unwrap_or(f64::NAN)));
            let (count, most) = (points.len(), points.len().min(MOST_POINTS));
            let places: Vec<usize> = (0..most).map(|i| i * (count - 1) / (most - 1).max(1)).collect();
            let mut place = 0;
            points.retain(|_| {
                place += 1;
                places.binary_search(&(place - 1)).is_ok()
            });
            if source.columns.len() > 1 {
                points.iter_mut().for_each(|point| point.number = None);
            }
        } else {
            points.sort_by_key(|point| std::cmp::Reverse(counts[seen[&point.cell]]));
            points.truncate(MOST_POINTS);
            points.sort_by(|a, b| a.cell.cmp(&b.cell));
        }
        Self { is_ordered, points }
    }
}

struct DependenceJob<'a> {
    model: &'a SavedModel,
    outcomes: &'a [Outcome],
    examples: &'a Examples,
    grids: &'a [Grid],
}

impl Job for DependenceJob<'_> {
    type Output = anyhow::Result<Curves>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> anyhow::Result<Curves> {
        let Self { model, outcomes, examples, grids } = self;
        let net = model.net::<B::InnerBackend>(&device)?;
        let decoder = OutputDecoder::new(&model.preprocessor);
        let sources = model.preprocessor.sources();
        let network = Explainable { net: &net, decoder: &decoder, outcomes, sources: &sources, device: &device };
        let of_point = |column: usize, point: &GridPoint| -> anyhow::Result<Vec<f64>> {
            let from = examples.input(point.row);
            let is_replaced = |_, other: usize| other == column;
            let values =
                network.values(examples.len(), |row| examples.input(row), |_| Cow::Borrowed(&from), is_replaced)?;
            let mean = |outcome| values.iter().skip(outcome).step_by(outcomes.len()).sum::<f64>();
            Ok((0..outcomes.len()).map(|outcome| mean(outcome) / examples.len() as f64).collect())
        };
        let of_column =
            |(column, grid): (usize, &Grid)| grid.points.iter().map(|point| of_point(column, point)).collect();
        grids.iter().enumerate().map(of_column).collect()
    }
}
