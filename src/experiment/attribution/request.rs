//! What is to be explained, and with how much work.

use std::path::Path;

use super::{BACKGROUND, EVALUATIONS};

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
