//! The two trainings of a run: one that finds the best epoch, and one on all rows for that many epochs.

use super::recorder::{CHECKPOINT, REFIT_CHECKPOINT};

/// Which training of a run it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// On the training part, while the validation part, if there is one, tells which epoch is the best.
    Selection,
    /// Once more from the same initial weights, on the rows of both parts, for the number of epochs that was best.
    Refit { num_epochs: usize },
}

impl Phase {
    /// The first part of the keys of what a second training records.
    pub const REFIT: &str = "refit";

    /// The first part of the keys of its values, as in `train/loss`.
    pub(super) fn part(self) -> &'static str {
        match self {
            Self::Selection => "train",
            Self::Refit { .. } => Self::REFIT,
        }
    }

    /// The file in the run folder from which it resumes.
    pub(super) fn checkpoint(self) -> &'static str {
        match self {
            Self::Selection => CHECKPOINT,
            Self::Refit { .. } => REFIT_CHECKPOINT,
        }
    }

    /// Epochs to train, of `max_epochs` that the schedule is made for.
    pub(super) fn num_epochs(self, max_epochs: usize) -> usize {
        match self {
            Self::Selection => max_epochs,
            Self::Refit { num_epochs } => num_epochs.min(max_epochs),
        }
    }

    /// Whether its last epoch needs a checkpoint: the first training may be extended, the second one is not.
    pub(super) fn keeps_its_end(self) -> bool {
        self == Self::Selection
    }
}
