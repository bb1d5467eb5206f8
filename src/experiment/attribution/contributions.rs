//! The contribution of each column to the prediction of a row.

use burnlab_cpu::TrainingBackend;

use super::members::{Loaded, Models, Prepared};
use super::outcome::Outcome;
use super::shapley::{Estimate, Plan, Shapley, shapley};
use super::{Request, refuse_others};
use crate::backend::{BackendName, Job, run_on};
use crate::data::check_free;
use crate::experiment::saved_model::SavedModel;
use crate::figures::counted;

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
    /// Of an ensemble, its members; else 1.
    pub num_models: usize,
    /// Of each model.
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

/// Explains the prediction for a row, of one model, or the mean of several, which are the members of an ensemble.
///
/// # Errors
/// A language model, or one of images; a row that is not there; no such number of a prediction; data that are gone where
/// the folder has no test rows; a backend that is not compiled in.
pub fn contributions(
    models: &[&SavedModel],
    request: Request<'_>,
    backend: BackendName,
) -> anyhow::Result<Contributions> {
    let models = Models(models);
    let saved = models.first();
    refuse_others(saved)?;
    let all = models.outcomes(request.log_odds)?;
    let named = request.of.map(|name| Outcome::named(&all, name)).transpose()?;
    let names = saved.preprocessor.source_columns();
    let plan = |num_background| Plan::new(names.len(), num_background, request.evaluations);
    let prepared = models.prepare(&request, |most| plan(most).num_background)?;
    let plan = Plan { num_background: prepared.num_background, ..plan(prepared.most_background) };
    request.check_work(saved, plan.num_evaluations(), prepared.row.row)?;
    check_free(plan.bytes()).map_err(|why| {
        anyhow::anyhow!("the sets of {} by which a prediction is explained {why}", counted(names.len(), "column"))
    })?;
    let job = ContributionsJob { models, prepared: &prepared, plan, seed: request.seed, named, all };
    let (shapley, outcomes, predicted) = run_on(backend, job).map_err(anyhow::Error::msg)??;
    let row = prepared.row;
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
        background: prepared.background,
        num_models: models.0.len(),
        plan,
    })
}

struct ContributionsJob<'a> {
    models: Models<'a>,
    prepared: &'a Prepared,
    plan: Plan,
    seed: u64,
    named: Option<Vec<Outcome>>,
    all: Vec<Outcome>,
}

impl Job for ContributionsJob<'_> {
    type Output = anyhow::Result<(Shapley, Vec<Outcome>, String)>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output {
        let Self { models, prepared, plan, seed, named, all } = self;
        let loaded = Loaded::<B>::new(models, device)?;
        let (answer, predicted) = loaded.answer(prepared);
        let outcomes = named.unwrap_or_else(|| Outcome::of_row(&all, loaded.decoder(), &answer));
        let found = shapley(plan, outcomes.len(), seed, |of_background, coalitions| {
            let is_replaced = |coalition: usize, column: usize| coalitions[coalition][column];
            loaded.values(prepared, &outcomes, coalitions.len(), of_background, is_replaced)
        })?;
        Ok((found, outcomes, predicted))
    }
}
