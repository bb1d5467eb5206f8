//! What distinguishes the runs of one config.

/// What distinguishes the runs of one config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Independent runs with different seeds.
    Seeds,
    /// Runs of a cross-validation with `num_folds` folds, which share training rows.
    Folds { num_folds: u64 },
}

impl Unit {
    /// `seed` or `fold`.
    pub(super) fn singular(self) -> &'static str {
        match self {
            Self::Seeds => "seed",
            Self::Folds { .. } => "fold",
        }
    }

    /// `seeds` or `folds`.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Seeds => "seeds",
            Self::Folds { .. } => "folds",
        }
    }
}
