//! Columns that number the rows.

use super::one_column::told_by;
use super::{View, is_named_like_an_identifier, num_distinct};

/// A column of whole numbers that differ in every row and rise (or fall) with the file, or are named like an identifier.
/// One that rises by equal steps is left out before.
pub(super) fn rising(view: &View<'_>) -> Option<String> {
    view.columns().find_map(|column| {
        let how = how_it_numbers(view, column)?;
        let name = view.name(column);
        let told = told_by(view, column).filter(|told| told.is_more_than_chance());
        let told = told.map_or_else(String::new, |told| format!(", and alone {}", told.sentence()));
        Some(format!(
            "`{name}` is a different whole number in every row{how}{told}: new rows have other numbers, so add it to data.drop \
             if it is an identifier"
        ))
    })
}

/// Whether the column numbers the rows, and what shows it besides its values.
pub(super) fn how_it_numbers(view: &View<'_>, column: usize) -> Option<&'static str> {
    if !view.is_numeric(column) {
        return None;
    }
    let cells = view.ordered_cells(column);
    if cells.iter().any(|cell| cell.fract() != 0.0) || num_distinct(&cells) < cells.len() {
        return None; // fract() of a missing cell is NaN
    }
    let is_sorted = cells.is_sorted() || cells.iter().rev().is_sorted();
    match is_sorted {
        true if cells.is_sorted() => Some(" and rises with the file"),
        true => Some(" and falls with the file"),
        false => is_named_like_an_identifier(view.name(column)).then_some(""),
    }
}
