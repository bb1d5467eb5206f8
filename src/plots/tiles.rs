//! Small images of cells side by side, on one scale around 0.

use super::diverging::{self, Colors};
use super::page::{MARGIN, WIDTH};
use super::raster::Sampling;
use super::svg::{Anchor, Element, group, rectangle, text};
use super::words::shortened;

const GAP: f64 = 10.0;
const LABEL_SIZE: f64 = 13.0;

/// An image and its name.
pub(super) struct Tile {
    pub name: String,
    /// Row-major; values that are not finite leave their cell empty.
    pub values: Vec<f64>,
}

/// How all tiles are drawn.
pub(super) struct Format {
    /// Rows and columns of cells.
    pub shape: (usize, usize),
    /// Height and width of a cell, of which only the ratio matters.
    pub cell: (usize, usize),
    /// The size of the value with the full colour.
    pub limit: f64,
    pub colors: Colors,
    /// Tiles per row.
    pub columns: usize,
}

/// `tiles` in rows from `top` downwards, and the y coordinate at which they end.
pub(super) fn tiles(tiles: &[Tile], format: &Format, top: f64) -> (Element, f64) {
    let Format { shape: (height, width), cell, limit, colors, columns } = *format;
    let side = (WIDTH - 2.0 * MARGIN + GAP) / columns as f64 - GAP;
    let (cells_high, cells_wide) = ((height * cell.0) as f64, (width * cell.1) as f64);
    let scale = side / cells_high.max(cells_wide);
    let (image_width, image_height) = (cells_wide * scale, cells_high * scale);
    let row_height = image_height + 24.0 + GAP;
    let sampling = Sampling::new(height, width);
    let cell = (image_width / sampling.columns as f64, image_height / sampling.rows as f64);
    let mut whole = group("tiles");
    for (index, Tile { name, values }) in tiles.iter().enumerate() {
        let left = MARGIN + (index % columns) as f64 * (side + GAP) + (side - image_width) / 2.0;
        let place = (left, top + (index / columns) as f64 * row_height);
        let value = |row, column| values.get(sampling.pixel(row, column)).copied().filter(|value| value.is_finite());
        let mut image = group("image").placed((0.0, 0.0), cell);
        image.extend(diverging::cells((sampling.rows, sampling.columns), limit, colors, value));
        let name = shortened(name, side, LABEL_SIZE);
        let label = text("muted tick", (image_width / 2.0, image_height + 17.0), Anchor::Middle, &name);
        let edge = rectangle("edge-of-image", 0.0, 0.0, image_width, image_height);
        whole.add(group("unit").with(image).with(edge).with(label).placed(place, (1.0, 1.0)));
    }
    (whole, top + tiles.len().div_ceil(columns) as f64 * row_height - GAP)
}
