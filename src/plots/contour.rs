//! The line on which a field has a given value (marching squares).

use super::field::Field;
use super::frame::Frame;
use super::svg::{Element, path, through};

type Point = (f64, f64);

/// Pieces of the line, in the field's coordinates.
pub(super) fn segments(field: &Field, level: f64) -> Vec<[Point; 2]> {
    let last = field.size.saturating_sub(1);
    (0..last)
        .flat_map(|row| (0..last).map(move |column| (row, column)))
        .flat_map(|cell| in_cell(field, cell, level))
        .collect()
}

/// The pieces of the line, drawn in a frame as one path; none where the field does not cross the level.
pub(super) fn contour(class: &str, field: &Field, level: f64, frame: &Frame) -> Option<Element> {
    let data: String = segments(field, level).into_iter().map(|ends| through(ends.map(|end| frame.at(end)))).collect();
    (!data.is_empty()).then(|| path(class, &data))
}

/// Between four neighbouring centres the line enters and leaves once, or twice at a saddle.
fn in_cell(field: &Field, (row, column): (usize, usize), level: f64) -> Vec<[Point; 2]> {
    // Counter-clockwise, so that edge i runs from corner i to corner i + 1.
    let corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)];
    let mut heights = [0.0; 4];
    for (height, &(row, column)) in heights.iter_mut().zip(&corners) {
        match field.value(row, column) {
            Some(value) => *height = value - level,
            None => return Vec::new(),
        }
    }
    let crossing = |edge: usize| {
        let next = (edge + 1) % 4;
        let (from, to) = (heights[edge], heights[next]);
        if (from > 0.0) == (to > 0.0) {
            return None;
        }
        let share = from / (from - to);
        let (start, end) =
            (field.center(corners[edge].0, corners[edge].1), field.center(corners[next].0, corners[next].1));
        Some((start.0 + share * (end.0 - start.0), start.1 + share * (end.1 - start.1)))
    };
    match [0, 1, 2, 3].map(crossing) {
        [Some(a), Some(b), Some(c), Some(d)] => {
            // At a saddle the mean of the corners decides which of them are connected.
            let is_middle_high = heights.iter().sum::<f64>() > 0.0;
            if is_middle_high == (heights[0] > 0.0) { vec![[a, b], [c, d]] } else { vec![[d, a], [b, c]] }
        }
        crossings => match crossings.into_iter().flatten().collect::<Vec<_>>()[..] {
            [a, b] => vec![[a, b]],
            _ => Vec::new(),
        },
    }
}
