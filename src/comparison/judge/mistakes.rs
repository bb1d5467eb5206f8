//! Which test rows only one of two classifiers gets right.

use std::path::Path;

use serde::Serialize;

use crate::comparison::pairs::Pairs;
use crate::comparison::verdict::mcnemar;

/// Numbers of test rows that only one of two models got right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mistakes {
    pub only_a_right: u64,
    pub only_b_right: u64,
    /// McNemar's exact test of both models being equally often right.
    pub p_value: f64,
}

/// Compares the predictions of two classifiers; `None` unless both have predictions for the same rows.
pub(super) fn mistakes(folder_a: &Path, folder_b: &Path) -> Option<Mistakes> {
    let mut pairs = Pairs::open(folder_a, folder_b).ok().filter(|pairs| !pairs.is_numeric())?;
    let (mut only_a_right, mut only_b_right) = (0, 0);
    while let Some(pair) = pairs.read().ok()? {
        match (pair.a.is_right(), pair.b.is_right()) {
            (true, false) => only_a_right += 1,
            (false, true) => only_b_right += 1,
            _ => {}
        }
    }
    Some(Mistakes { only_a_right, only_b_right, p_value: mcnemar(only_a_right, only_b_right) })
}
