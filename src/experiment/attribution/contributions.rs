//! The contribution of each column to the prediction of a row.

use std::borrow::Cow;
use std::path::Path;

use super::network::Explainable;
use super::outcome::Outcome;
use super::rows::{ExplainedRow, OwnRows, Rows, row_of_file};
use super::shapley::{Estimate, Plan, Shapley, shapley};
use super::{BACKGROUND, EVALUATIONS, refuse_others};
use crate::backend::{BackendName, Job, run_on};
use crate::cpu::TrainingBackend;
use crate::experiment::predictions::AnswerFormat;
use crate::experiment::saved_model::SavedModel;
use crate::training::OutputDecoder;
use crate::training::evaluation::{Answer, logits};

/// What is to be explained.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The row, from 0; by default the first test row, or the first row of `data`.
    pub row: Option<usize>,
    /// The file that has the row, instead of the run's own data.
    pub data: Option<&'a Path>,
    /// The number of the prediction that is explained; by default as [`Outcome::of_row`] says.
    pub of: Option<&'a str>,
    /// Whether probabilities are explained as log odds.
    pub log_odds: bool,
    /// Most background rows; at least 1.
    pub background: usize,
    /// Evaluations of the network, about; see [`Plan::new`].
    pub evaluations: usize,
    /// Of the background and the orders.
    pub seed: u64,
    /// Whether only the test rows in the run's folder are read, whose number is limited, not its data.
    pub is_from_folder: bool,
}

impl Default for Request<'_> {
    fn default() -> Self {
        Self {
            row: None,
            data: None,
            of: None,
            log_odds: false,
            background: BACKGROUND.into(),
            evaluations: EVALUATIONS,
            seed: 0,
            is_from_folder: false,
        }
    }
}

/// An explained prediction.
#[derive(Clone, Debug)]
pub struct Contributions {
    pub row: usize,
    /// `test row 7`
    pub told: String,
    /// What is predicted of the row, in words: `` `setosa` ``, or `3.25`.
    pub predicted: String,
    /// Per explained number.
    pub explained: Vec<Explained>,
    /// Which rows the mean is of.
    pub background: String,
    pub plan: Plan,
}

/// The contributions to one number of the prediction.
#[derive(Clone, Debug)]
pub struct Explained {
    pub outcome: Outcome,
    /// Over the background.
    pub mean: f64,
    /// Of the row: the mean and all contributions.
    pub value: f64,
    /// The largest first.
    pub columns: Vec<Contribution>,
}

/// What a column adds.
#[derive(Clone, Debug)]
pub struct Contribution {
    pub column: String,
    /// As the user wrote it; `(missing)` where it has no value.
    pub cell: String,
    pub amount: Estimate,
}

/// Explains the prediction for a row.
///
/// # Errors
/// A language model, or one of images; a row that is not there; no such number of a prediction; data that are gone where
/// the folder has no test rows; a backend that is not compiled in.
pub fn contributions(saved: &SavedModel, request: Request<'_>, backend: BackendName) -> anyhow::Result<Contributions> {
    refuse_others(saved)?;
    let all = Outcome::all(&saved.preprocessor, request.log_odds)?;
    let named = request.of.map(|name| Outcome::named(&all, name)).transpose()?;
    let own = if request.is_from_folder { OwnRows::in_folder(saved)? } else { OwnRows::of(saved)? };
    let row = match request.data {
        Some(file) => row_of_file(saved, file, request.row.unwrap_or(0))?,
        None => own.row(saved, request.row)?,
    };
    let num_columns = saved.preprocessor.source_columns().len();
    let (background, told) = own.background(saved, request.background, request.seed)?;
    let mut plan = Plan::new(num_columns, background.len(), request.evaluations);
    // Of very many columns, fewer rows are used, and they are drawn like the others.
    let (background, told) = match plan.num_background < background.len() {
        true => own.background(saved, plan.num_background, request.seed)?,
        false => (background, told),
    };
    plan.num_background = background.len();
    let job = ContributionsJob { saved, row: &row, background: &background, plan, seed: request.seed, named, all };
    let (shapley, outcomes, predicted) = run_on(backend, job).map_err(anyhow::Error::msg)??;
    let names = saved.preprocessor.source_columns();
    let explained = outcomes.into_iter().enumerate().map(|(i, outcome)| {
        let cells = names.iter().zip(&row.cells).zip(&shapley.contributions[i]);
        let contribution = |((name, cell), amount): ((&&str, &String), &Estimate)| Contribution {
            column: (*name).to_owned(),
            cell: cell.clone(),
            amount: *amount,
        };
        let mut columns: Vec<Contribution> = cells.map(contribution).collect();
        columns.sort_by(|a, b| b.amount.value.abs().total_cmp(&a.amount.value.abs()));
        Explained { outcome, mean: shapley.mean[i], value: shapley.row[i], columns }
    });
    Ok(Contributions {
        row: row.row,
        told: row.told,
        predicted,
        explained: explained.collect(),
        background: told,
        plan,
    })
}

struct ContributionsJob<'a> {
    saved: &'a SavedModel,
    row: &'a ExplainedRow,
    background: &'a Rows,
    plan: Plan,
    seed: u64,
    named: Option<Vec<Outcome>>,
    all: Vec<Outcome>,
}

impl Job for ContributionsJob<'_> {
    type Output = anyhow::Result<(Shapley, Vec<Outcome>, String)>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        let Self { saved, row, background, plan, seed, named, all } = self;
        let net = saved.net::<B::InnerBackend>(&device)?;
        let decoder = OutputDecoder::new(&saved.preprocessor);
        let answer = Answer::new(&decoder, &logits(&net, &row.examples, &device));
        let outcomes = named.unwrap_or_else(|| Outcome::of_row(&all, &decoder, &answer));
        let sources = saved.preprocessor.sources();
        let network =
            Explainable { net: &net, decoder: &decoder, outcomes: &outcomes, sources: &sources, device: &device };
        let explained = row.examples.input(0);
        let found = shapley(plan, outcomes.len(), seed, |of_background, coalitions| {
            let base = background.examples.input(of_background);
            network.values(
                coalitions.len(),
                |_| Cow::Borrowed(&base),
                |_| Cow::Borrowed(&explained),
                |coalition, column| coalitions[coalition][column],
            )
        });
        let predicted = AnswerFormat::new(&saved.preprocessor).told(&answer);
        Ok((found, outcomes, predicted))
    }
}
