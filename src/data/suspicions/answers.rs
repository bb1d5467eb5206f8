//! Columns that tell the target alone, as a column does that is written after the fact.

use super::View;
use super::identifiers::how_it_numbers;
use super::one_column::{Told, told_by};

/// A column that is the target, or nearly.
pub(super) fn alone(view: &View<'_>) -> Option<String> {
    // What a date tells is told by `order`.
    let is_asked = |column: &usize| !view.is_date(*column) && how_it_numbers(view, *column).is_none();
    view.columns().filter(is_asked).find_map(|column| {
        let told = told_by(view, column).filter(Told::is_the_answer)?;
        let name = view.name(column);
        Some(format!(
            "`{name}` alone {}: if it is known only together with the answer, add it to data.drop",
            told.sentence()
        ))
    })
}
