//! Cells shaded by how far a value lies from 0, in one colour above and another below.

use super::raster::merged;
use super::svg::{Element, path};

const NUM_LEVELS: i32 = 8;

/// The colour classes of values above and below 0, and the opacity of the largest.
#[derive(Clone, Copy)]
pub(super) struct Colors {
    pub above: &'static str,
    pub below: &'static str,
    pub strength: f64,
}

/// One path per colour and level, in units of one cell. `limit` is the absolute value with the full colour; a value
/// that is missing or not finite leaves its cell empty.
pub(super) fn cells(
    (rows, columns): (usize, usize),
    limit: f64,
    colors: Colors,
    value: impl Fn(usize, usize) -> Option<f64>,
) -> impl Iterator<Item = Element> {
    let level = move |row, column| {
        let share = value(row, column)? / limit;
        let level = (share.clamp(-1.0, 1.0) * f64::from(NUM_LEVELS)).round() as i32;
        (share.is_finite() && level != 0).then_some(level)
    };
    merged(rows, columns, level).into_iter().map(move |(level, data)| {
        let (class, opacity) = look(level, colors);
        path(&format!("{class} crisp"), &data).opacity(opacity)
    })
}

/// Class and opacity of every level, from the lowest, for a colour bar.
pub(super) fn steps(colors: Colors) -> Vec<(String, f64)> {
    (-NUM_LEVELS..=NUM_LEVELS)
        .map(|level| look(level, colors))
        .map(|(class, opacity)| (class.into(), opacity))
        .collect()
}

fn look(level: i32, colors: Colors) -> (&'static str, f64) {
    let class = if level > 0 { colors.above } else { colors.below };
    (class, colors.strength * f64::from(level.abs()) / f64::from(NUM_LEVELS))
}
