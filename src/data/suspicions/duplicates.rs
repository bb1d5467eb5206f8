//! Rows that are in training and test alike.

use std::collections::HashMap;

use super::{View, num_distinct};

/// Rows of each part that are looked at.
const MAX_TEST: usize = 4000;
const MAX_TRAIN: usize = 200_000;
/// From this share of the test rows on.
const SHARE: f64 = 0.05;

/// Test rows whose inputs are those of a training row: what is tested is memory.
pub(super) fn across_parts(view: &View<'_>) -> Option<String> {
    let test = &view.splits.test[..view.splits.test.len().min(MAX_TEST)];
    let train = &view.splits.train[..view.splits.train.len().min(MAX_TRAIN)];
    if test.is_empty() || repeats_by_chance(view) {
        return None;
    }
    // A hash is taken for the row itself: among a few thousand of 2^64, no two are alike by chance.
    let mut found: HashMap<u64, bool> = test.iter().map(|&row| (hash(view, row as usize), false)).collect();
    for &row in train {
        if let Some(is_found) = found.get_mut(&hash(view, row as usize)) {
            *is_found = true;
        }
    }
    let count = test.iter().filter(|&&row| found[&hash(view, row as usize)]).count();
    (count as f64 >= SHARE * test.len() as f64 && count >= 5).then(|| {
        format!(
            "{count} of {} test rows have the same inputs as a training row, and test only what was memorised: if they are \
             copies, remove them from the file",
            test.len()
        )
    })
}

/// Whether rows of few values are equal without being repeated: there are not many more combinations than rows.
fn repeats_by_chance(view: &View<'_>) -> bool {
    let rows = &view.splits.train[..view.splits.train.len().min(1000)];
    let wanted = 10.0 * (view.splits.train.len() + view.splits.test.len()) as f64;
    let mut combinations = 1.0;
    for column in 0..view.dataset.columns.len() {
        let cells: Vec<f32> = rows.iter().map(|&row| view.cell(row as usize, column)).collect();
        combinations *= num_distinct(&cells) as f64;
        if combinations > wanted {
            return false;
        }
    }
    true
}

/// FNV-1a over the words of a row; missing cells are equal, and so are 0 and -0.
fn hash(view: &View<'_>, row: usize) -> u64 {
    let word = |cell: &f32| u64::from(if cell.is_nan() { u32::MAX } else { (cell + 0.0).to_bits() });
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    view.dataset.row(row).iter().map(word).fold(0xcbf2_9ce4_8422_2325, mix)
}
