//! The part of the data that a row is of.

/// A part of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What weights are learned from.
    Train,
    /// What epochs and configs are chosen by.
    Validation,
    /// What the result is measured on.
    Test,
}

impl Part {
    /// The part that a cell names, in any letter case.
    pub(super) fn named(text: &str) -> Option<Self> {
        let word: String = text.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        match word.as_str() {
            "train" | "training" | "trn" | "fit" => Some(Self::Train),
            "validation" | "validate" | "valid" | "val" | "dev" | "development" => Some(Self::Validation),
            "test" | "testing" | "tst" | "holdout" | "heldout" => Some(Self::Test),
            _ => None,
        }
    }
}
