//! What is to be explained, and with how much work.

use std::path::Path;

use super::{BACKGROUND, EVALUATIONS};
use crate::experiment::saved_model::SavedModel;
use crate::shell::command;

/// Inputs that pass through the network while somebody waits for a page: seconds on one core, of which a text in buckets has
/// many thousands a row.
const MOST_INPUTS_OF_PAGE: usize = 1 << 31;

/// What is to be explained.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The row, from 0; by default the first test row, or the first row of `data`.
    pub row: Option<usize>,
    /// The file that has the row, instead of the run's own data.
    pub data: Option<&'a Path>,
    /// The number of the prediction that is explained; by default as `Outcome::of_row` says.
    pub of: Option<&'a str>,
    /// Whether probabilities are explained as log odds.
    pub log_odds: bool,
    /// Most background rows; at least 1.
    pub background: usize,
    /// Evaluations of the network, about; see `Plan::new`.
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

impl Request<'_> {
    /// That an explanation of `row` by so many evaluations of each network does not keep a page waiting for minutes.
    ///
    /// # Errors
    /// It would.
    pub(super) fn check_work(&self, saved: &SavedModel, num_evaluations: usize, row: usize) -> anyhow::Result<()> {
        let num_inputs = num_evaluations.saturating_mul(saved.preprocessor.num_inputs());
        let name = saved.name();
        anyhow::ensure!(
            !self.is_from_folder || num_inputs <= MOST_INPUTS_OF_PAGE,
            "run `{name}` has {} inputs, too many to explain while you wait: `{}` does it",
            saved.preprocessor.num_inputs(),
            command(&["explain", &name, "--row", &row.to_string()])
        );
        Ok(())
    }
}
