//! Marks of classes, each with its own shape, so that colour is never the only difference.

use super::style::class_color;
use super::svg::{Element, circle, path, through};

const NUM_SHAPES: usize = 6;

/// A mark of a target class, with the classes `kind` of the style sheet; its area is about that of a circle of
/// `radius`.
pub(super) fn marker(kind: &str, class: usize, center: (f64, f64), radius: f64) -> Element {
    let name = format!("{kind} {}", class_color(class));
    match class % NUM_SHAPES {
        0 => circle(&name, center, radius),
        1 => polygon(&name, center, radius * 1.45, 3, -90.0),
        2 => polygon(&name, center, radius * 1.25, 4, 45.0),
        3 => polygon(&name, center, radius * 1.3, 4, 0.0),
        4 => polygon(&name, center, radius * 1.45, 3, 90.0),
        _ => polygon(&name, center, radius * 1.15, 6, 0.0),
    }
}

/// A regular polygon with its first corner at `first` degrees, clockwise from the right.
fn polygon(class: &str, (x, y): (f64, f64), radius: f64, corners: usize, first: f64) -> Element {
    let corner = |index| {
        let angle = (first + 360.0 * index as f64 / corners as f64).to_radians();
        (x + radius * angle.cos(), y + radius * angle.sin())
    };
    path(class, &format!("{}z", through((0..corners).map(corner))))
}
