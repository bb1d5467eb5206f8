//! Labels in the cells of one column that nothing can be learned of.

use super::super::{Target, labels::list};
use super::View;

/// Labels that no training row has: they count as missed wherever another part has them.
pub(super) fn without_training_rows(view: &View<'_>) -> Option<String> {
    const MAX_NAMED: usize = 5;
    let Target::Several(several) = &view.dataset.target else { return None };
    view.dataset.readings.separator(&view.dataset.target_name)?;
    let is_in = |label: usize, rows: &[u32]| rows.iter().any(|&row| several.row(row as usize)[label] == 1.0);
    let names = several.names().map(str::to_owned).enumerate();
    let unseen: Vec<String> =
        names.filter(|(label, _)| !is_in(*label, &view.splits.train)).map(|(_, name)| name).collect();
    let what = match unseen.len() {
        0 => return None,
        1 => "the label",
        _ => "the labels",
    };
    Some(format!(
        "no training row has {what} {}: never predicted, and missed where other rows have it",
        list(&unseen, MAX_NAMED)
    ))
}
