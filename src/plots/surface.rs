//! Predictions of a regression network over its two inputs.

use super::axes::{is_drawable, range};
use super::field::Field;
use super::frame::{Area, Frame};
use super::legend::{BAR_HEIGHT, color_bar};
use super::page::{MARGIN, Page, WIDTH, empty};
use super::raster::merged;
use super::style::NUM_LEVELS;
use super::svg::{Element, circle, group, path};
use super::words::{counted, figure};
use super::{MOST_DOTS, thinned, thinning_note};

/// A field of predictions from low to high, with the rows as (x, y, target) in the same colours.
pub fn surface(
    title: &str,
    x_name: &str,
    y_name: &str,
    target_name: &str,
    field: &Field,
    dots: &[(f64, f64, f64)],
) -> String {
    let Some((lowest, highest)) = field.range() else {
        return empty(title, "There are no predictions over two inputs.");
    };
    let dots: Vec<(f64, f64, f64)> =
        dots.iter().copied().filter(|dot| [dot.0, dot.1, dot.2].into_iter().all(is_drawable)).collect();
    let page = Page::new(title, &summary(target_name, (lowest, highest), dots.len()));
    let (low, high) = range(dots.iter().map(|dot| dot.2).chain([lowest, highest])).unwrap_or((0.0, 1.0));
    let level = |value: f64| {
        // In halves, because a range may be as large as the numbers.
        let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        if share.is_finite() { ((share * NUM_LEVELS as f64) as usize).min(NUM_LEVELS - 1) } else { NUM_LEVELS / 2 }
    };
    let steps: Vec<(String, f64)> = (0..NUM_LEVELS).map(|level| (format!("level{level}"), 1.0)).collect();
    let bar = color_bar(target_name, &steps, (&figure(low), &figure(high)), MARGIN, page.top);
    let area = Area { left: MARGIN, top: page.top + BAR_HEIGHT + 4.0, width: WIDTH - 2.0 * MARGIN, height: 540.0 };
    let (x, y) = field.axes((x_name, y_name), dots.iter().map(|dot| (dot.0, dot.1)));
    let frame = Frame::within(x, y, area);
    let body = group("surface")
        .with(bar)
        .with(frame.axes())
        .with(cells(field, &frame, &level))
        .with(marks(&dots, &frame, &level));
    page.finish(body, area.bottom())
}

fn summary(target_name: &str, (lowest, highest): (f64, f64), num_dots: usize) -> String {
    let rows = match num_dots {
        0 => String::new(),
        count => {
            format!(
                " {}{} as dots in the colour of their true value.",
                counted(count, "row"),
                thinning_note(count, MOST_DOTS)
            )
        }
    };
    format!("The predicted {target_name} runs from {} to {}.{rows}", figure(lowest), figure(highest))
}

fn cells(field: &Field, frame: &Frame, level: &impl Fn(f64) -> usize) -> Element {
    let mut cells = field.placed(frame);
    let kind = |row, column| field.value_from_top(row, column).map(level);
    for (level, data) in merged(field.size, field.size, kind) {
        cells.add(path(&format!("area level{level} crisp"), &data));
    }
    cells
}

fn marks(dots: &[(f64, f64, f64)], frame: &Frame, level: &impl Fn(f64) -> usize) -> Element {
    let mut marks = group("dots");
    for &(x, y, value) in thinned(dots, MOST_DOTS) {
        // On a white rim, because the area may have the same colour as the dot.
        marks.add(circle("rim", frame.at((x, y)), 6.5));
        marks.add(circle(&format!("dot inlay level{}", level(value)), frame.at((x, y)), 4.75));
    }
    marks
}
