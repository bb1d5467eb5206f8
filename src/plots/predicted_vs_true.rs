//! Predictions of a regression against the true values.

use super::axes::{Axis, is_drawable};
use super::frame::{Area, Frame};
use super::page::{Page, WIDTH, empty};
use super::svg::{circle, group, line};
use super::words::{counted, figure};
use super::{MOST_DOTS, thinned, thinning_note};

const SIDE: f64 = 560.0;

/// A dot for each row (true, predicted), and the diagonal of perfect predictions. `unit` may be empty.
pub fn predicted_vs_true(title: &str, unit: &str, rows: Vec<(f64, f64)>) -> String {
    let rows = drawable(rows);
    if rows.is_empty() {
        return empty(title, "There is no row with a finite prediction.");
    }
    let error = mean(rows.iter().map(|row| (row.1 - row.0).abs()));
    let summary = format!(
        "{}{}; mean absolute error {}, RMSE {}{}.",
        counted(rows.len(), "row"),
        thinning_note(rows.len(), MOST_DOTS),
        figure(error),
        figure(mean(rows.iter().map(|row| (row.1 - row.0).powi(2))).sqrt()),
        if unit.is_empty() { String::new() } else { format!(" (in {unit})") },
    );
    let page = Page::new(title, &summary);
    let axis = |name| Axis::around(&name_with_unit(name, unit), rows.iter().flat_map(|row| [row.0, row.1]));
    let area = Area { left: (WIDTH - SIDE) / 2.0 - 20.0, top: page.top, width: SIDE, height: SIDE };
    let frame = Frame::within(axis("true"), axis("predicted"), area);
    let inner = frame.inner;
    let diagonal = line("diagonal", (inner.left, inner.bottom()), (inner.right(), inner.top));
    let dots = thinned(&rows, MOST_DOTS).map(|&row| circle("dot plain", frame.at(row), 3.5).opacity(0.6));
    let mut body = group("scatter").with(frame.axes()).with(diagonal);
    body.extend(dots);
    page.finish(body, area.bottom())
}

/// Rows (true, predicted) of which both can be drawn.
pub(super) fn drawable(mut rows: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    rows.retain(|&(truth, predicted)| is_drawable(truth) && is_drawable(predicted));
    rows
}

/// The mean of at least one value.
pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

pub(super) fn with_unit(number: &str, unit: &str) -> String {
    if unit.is_empty() { number.into() } else { format!("{number} {unit}") }
}

pub(super) fn name_with_unit(name: &str, unit: &str) -> String {
    if unit.is_empty() { name.into() } else { format!("{name} ({unit})") }
}
