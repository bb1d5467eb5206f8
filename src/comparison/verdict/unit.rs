//! What distinguishes the runs of one config, and by that what an interval over them is about.

use serde::Serialize;

/// What distinguishes the runs of one config.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unit {
    /// Independent runs with different seeds, on the same rows. How much those rows owe to chance is not known.
    Seeds,
    /// The same, where predictions row by row tell what the test rows owe to chance.
    TestRows {
        /// Standard error of the difference between the configs over test rows drawn anew.
        error: f64,
        /// Number of test rows.
        num_rows: usize,
    },
    /// Runs with different seeds that also divide the same rows differently.
    Splits {
        /// Number of test rows per row trained on, validation rows included.
        ratio: f64,
    },
    /// Runs of a cross-validation with `num_folds` folds, which share training rows.
    Folds { num_folds: u64 },
}

/// What the deciding interval of a verdict is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// These training and test rows, under new seeds.
    TheseRows,
    /// These training rows, under new seeds and on new test rows.
    NewTestRows,
    /// Training and test rows drawn anew.
    NewData,
}

impl Unit {
    /// `seed` or `fold`.
    pub(super) fn singular(self) -> &'static str {
        match self {
            Self::Seeds | Self::TestRows { .. } | Self::Splits { .. } => "seed",
            Self::Folds { .. } => "fold",
        }
    }

    /// `seeds` or `folds`.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Seeds | Self::TestRows { .. } | Self::Splits { .. } => "seeds",
            Self::Folds { .. } => "folds",
        }
    }

    pub(super) fn scope(self) -> Scope {
        match self {
            Self::Seeds => Scope::TheseRows,
            Self::TestRows { .. } => Scope::NewTestRows,
            Self::Splits { .. } | Self::Folds { .. } => Scope::NewData,
        }
    }

    /// Test rows per training row where the results share rows; a fold tests 1 / (k - 1) as many rows as it trains on.
    pub(super) fn ratio(self) -> f64 {
        match self {
            Self::Seeds | Self::TestRows { .. } => 0.0,
            Self::Splits { ratio } => ratio,
            Self::Folds { num_folds } => 1.0 / (num_folds.max(2) - 1) as f64,
        }
    }
}

impl Scope {
    /// `for new data`
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::TheseRows => "on these rows",
            Self::NewTestRows => "for new test rows",
            Self::NewData => "for new data",
        }
    }
}
