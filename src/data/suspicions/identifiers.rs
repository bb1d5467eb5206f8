//! Columns that number the rows.

use super::one_column::told_by;
use super::{View, is_named_like_an_identifier, num_distinct};

/// A column of whole numbers that differ in every row and rise (or fall) with the file, count the rows in another order, or
/// are named like an identifier.
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
    if !view.is_numeric(column) || view.is_date(column) {
        return None; // that each row has its own day is told by `order`
    }
    let cells = view.ordered_cells(column);
    if cells.iter().any(|cell| cell.fract() != 0.0) || num_distinct(&cells) < cells.len() {
        return None; // fract() of a missing cell is NaN
    }
    if cells.is_sorted() {
        return Some(" and rises with the file");
    }
    if cells.iter().rev().is_sorted() {
        return Some(" and falls with the file");
    }
    let low = cells.iter().copied().fold(f32::INFINITY, f32::min);
    let high = cells.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if (high - low) as usize + 1 == cells.len() {
        return Some(", all from the least to the greatest, as if the rows had been numbered and shuffled");
    }
    is_named_like_an_identifier(view.name(column)).then_some("")
}
