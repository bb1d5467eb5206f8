//! Small images of cells side by side, on one scale around 0.

use super::diverging::{self, Colors};
use super::page::{MARGIN, WIDTH};
use super::raster::Sampling;
use super::svg::{Anchor, Element, group, rectangle, text};
use super::words::shortened;

const GAP: f64 = 10.0;
const LABEL_SIZE: f64 = 13.0;
/// Room for the names of rows and columns.
const NAMES: f64 = 14.0;

/// An image and its name.
pub(super) struct Tile {
    pub name: String,
    /// Row-major; values that are not finite leave their cell empty.
    pub values: Vec<f64>,
}

/// How all tiles are drawn.
pub(super) struct Format<'a> {
    /// Rows and columns of cells.
    pub shape: (usize, usize),
    /// Height and width of a cell, of which only the ratio matters.
    pub cell: (usize, usize),
    /// The size of the value with the full colour.
    pub limit: f64,
    pub colors: Colors,
    /// Tiles per row.
    pub columns: usize,
    /// The length of an image's longer side, as a share of the room for it.
    pub share: f64,
    /// Names of the rows and columns of each tile; none without.
    pub names: &'a [String],
}

/// `tiles` in rows from `top` downwards, and the y coordinate at which they end.
pub(super) fn tiles(tiles: &[Tile], format: &Format, top: f64) -> (Element, f64) {
    let Format { shape: (height, width), cell, limit, colors, columns, share, names } = *format;
    let whole_side = (WIDTH - 2.0 * MARGIN + GAP) / columns as f64 - GAP;
    let inset = if names.is_empty() { 0.0 } else { NAMES };
    let side = (whole_side - inset) * share;
    let (cells_high, cells_wide) = ((height * cell.0) as f64, (width * cell.1) as f64);
    let scale = side / cells_high.max(cells_wide);
    let (image_width, image_height) = (cells_wide * scale, cells_high * scale);
    let row_height = inset + image_height + 24.0 + GAP;
    let mut whole = group("tiles");
    for (index, Tile { name, values }) in tiles.iter().enumerate() {
        let left =
            MARGIN + inset + (index % columns) as f64 * (whole_side + GAP) + (whole_side - inset - image_width) / 2.0;
        let place = (left, top + inset + (index / columns) as f64 * row_height);
        let image = cells(values, (height, width), (image_width, image_height), (limit, colors));
        let name = shortened(name, whole_side, LABEL_SIZE);
        let label = text("muted tick", (image_width / 2.0, image_height + 17.0), Anchor::Middle, &name);
        let axes = axes(names, (image_width / width as f64, image_height / height as f64));
        whole.add(group("unit").with(image).with(label).with(axes).placed(place, (1.0, 1.0)));
    }
    (whole, top + tiles.len().div_ceil(columns) as f64 * row_height - GAP)
}

/// One image within its edge, of a width and height.
pub(super) fn cells(
    values: &[f64],
    (height, width): (usize, usize),
    size: (f64, f64),
    (limit, colors): (f64, Colors),
) -> Element {
    let sampling = Sampling::new(height, width);
    let cell = (size.0 / sampling.columns as f64, size.1 / sampling.rows as f64);
    let value = |row, column| values.get(sampling.pixel(row, column)).copied().filter(|value| value.is_finite());
    let mut image = group("image").placed((0.0, 0.0), cell);
    image.extend(diverging::cells((sampling.rows, sampling.columns), limit, colors, value));
    group("cells").with(image).with(rectangle("edge-of-image", 0.0, 0.0, size.0, size.1))
}

/// The names beside the rows and above the columns of a tile with cells of this size.
fn axes(names: &[String], (cell_width, cell_height): (f64, f64)) -> Element {
    let mut axes = group("axes");
    for (i, name) in names.iter().enumerate() {
        let middle = i as f64 + 0.5;
        axes.add(text("muted letter", (-4.0, middle * cell_height + 3.5), Anchor::End, name));
        axes.add(text("muted letter", (middle * cell_width, -4.0), Anchor::Middle, name));
    }
    axes
}
