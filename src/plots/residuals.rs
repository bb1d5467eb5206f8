//! Residuals of a regression.

use super::axes::{Axis, range};
use super::frame::{Area, Frame};
use super::page::{MARGIN, Page, WIDTH, empty};
use super::predicted_vs_true::{drawable, mean, name_with_unit, with_unit};
use super::svg::{Element, circle, group};
use super::words::{counted, figure, signed};
use super::{MOST_DOTS, thinned, thinning_note};

const NUM_BINS: usize = 24;
const HEIGHT: f64 = 440.0;
const SCATTER_SHARE: f64 = 0.74;

/// Residuals (predicted - true) of rows (true, predicted) against predictions, with the zero line and a histogram beside them.
pub fn residuals(title: &str, unit: &str, rows: Vec<(f64, f64)>) -> String {
    let mut rows = drawable(rows);
    rows.iter_mut().for_each(|row| *row = (row.1, row.1 - row.0));
    let Some((low, high)) = range(rows.iter().map(|row| row.1)) else {
        return empty(title, "There is no row with a finite prediction.");
    };
    let average = mean(rows.iter().map(|row| row.1));
    let deviation = mean(rows.iter().map(|row| (row.1 - average).powi(2))).sqrt();
    let summary = format!(
        "{}{}; the residual (predicted - true) is {} on average, with a standard deviation of {}.",
        counted(rows.len(), "row"),
        thinning_note(rows.len(), MOST_DOTS),
        with_unit(&signed(average), unit),
        figure(deviation),
    );
    let page = Page::new(title, &summary);
    let width = WIDTH - 2.0 * MARGIN;
    let area = Area { left: MARGIN, top: page.top, width: width * SCATTER_SHARE, height: HEIGHT };
    let (low, high) = if (low, high) == (0.0, 0.0) { (-0.5, 0.5) } else { (low.min(0.0), high.max(0.0)) };
    let residual = Axis::around(&name_with_unit("residual", unit), [low, high]);
    let x = Axis::around(&name_with_unit("predicted", unit), rows.iter().map(|row| row.0));
    let frame = Frame::within(x, residual.clone(), area);
    let mut body = group("residuals").with(frame.axes());
    body.extend(thinned(&rows, MOST_DOTS).map(|&row| circle("dot plain", frame.at(row), 3.5).opacity(0.6)));
    body.add(frame.horizontal("zero", 0.0));
    let side = Area { left: area.right() + 16.0, width: width - area.width - 16.0, ..area };
    body.add(histogram(&rows, (low, high), residual, side));
    page.finish(body, area.bottom())
}

/// How many rows have a residual of each size, on the scatter plot's axis.
fn histogram(rows: &[(f64, f64)], (low, high): (f64, f64), residual: Axis, area: Area) -> Element {
    let bin_width = (high - low) / NUM_BINS as f64;
    let mut counts = [0; NUM_BINS];
    for row in rows {
        let share = (row.1 - low) / (high - low);
        counts[((share * NUM_BINS as f64) as usize).min(NUM_BINS - 1)] += 1;
    }
    let rows_axis = Axis::counts("rows", counts.iter().copied().max().unwrap_or(0));
    let frame = Frame::within(rows_axis, residual.named(" ").without_ticks(), area);
    let mut histogram = group("histogram").with(frame.axes());
    for (index, &count) in counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
        let start = low + index as f64 * bin_width;
        let bar = frame.rectangle("bar", (0.0, count as f64), (start, start + bin_width));
        histogram.add(bar.hint(&counted(count, "row")));
    }
    histogram.with(frame.horizontal("zero", 0.0))
}
