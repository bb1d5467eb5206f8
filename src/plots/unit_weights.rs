//! The incoming weights of each unit as an image: what the unit looks for.

use super::diverging::{self, Colors};
use super::largest;
use super::legend::{BAR_HEIGHT, color_bar};
use super::page::{MARGIN, Page, WIDTH, empty};
use super::raster::Sampling;
use super::svg::{Anchor, Element, group, rectangle, text};
use super::words::{counted, figure};

const MOST_UNITS: usize = 64;
const MOST_COLUMNS: usize = 8;
const GAP: f64 = 10.0;
const COLORS: Colors = Colors { above: "positive", below: "negative", strength: 1.0 };

/// `weights` is row-major `[height * width, num_units]`. At most 64 units, those with the largest sum of sizes; one
/// scale for all, around 0.
pub fn unit_weights(title: &str, height: usize, width: usize, weights: &[f32], num_units: usize) -> String {
    let weight = |input: usize, unit: usize| {
        let weight = f64::from(*weights.get(input * num_units + unit)?);
        weight.is_finite().then_some(weight)
    };
    let sizes: Vec<f64> = (0..num_units)
        .map(|unit| (0..height * width).filter_map(|input| weight(input, unit)).map(f64::abs).sum())
        .collect();
    let shown = largest(&sizes, MOST_UNITS);
    let of_shown = shown.iter().flat_map(|&unit| (0..height * width).filter_map(move |input| weight(input, unit)));
    let limit = of_shown.map(f64::abs).fold(0.0, f64::max);
    if limit == 0.0 {
        return empty(title, "There is no weight other than 0.");
    }
    let page = Page::new(title, &summary(num_units, shown.len(), limit));
    let ends = (&*figure(-limit), &*figure(limit));
    let mut body = group("units").with(color_bar("weight", &diverging::steps(COLORS), ends, MARGIN, page.top));
    let columns = shown.len().clamp(4, MOST_COLUMNS);
    let tile = (WIDTH - 2.0 * MARGIN + GAP) / columns as f64 - GAP;
    let scale = tile / height.max(width) as f64;
    let (image_width, image_height) = (width as f64 * scale, height as f64 * scale);
    let row_height = image_height + 24.0 + GAP;
    let top = page.top + BAR_HEIGHT + 10.0;
    let sampling = Sampling::new(height, width);
    for (index, &unit) in shown.iter().enumerate() {
        let left = MARGIN + (index % columns) as f64 * (tile + GAP) + (tile - image_width) / 2.0;
        let place = (left, top + (index / columns) as f64 * row_height);
        let value = |row, column| weight(sampling.pixel(row, column), unit);
        let cells = diverging::cells((sampling.rows, sampling.columns), limit, COLORS, value);
        let cell = (image_width / sampling.columns as f64, image_height / sampling.rows as f64);
        let mut image = group("image").placed((0.0, 0.0), cell);
        image.extend(cells);
        body.add(labelled(unit, image, (image_width, image_height)).placed(place, (1.0, 1.0)));
    }
    page.finish(body, top + shown.len().div_ceil(columns) as f64 * row_height - GAP)
}

fn labelled(unit: usize, image: Element, (width, height): (f64, f64)) -> Element {
    let name = format!("unit {}", unit + 1);
    let label = text("muted tick", (width / 2.0, height + 17.0), Anchor::Middle, &name);
    group("unit").with(image).with(rectangle("edge-of-image", 0.0, 0.0, width, height)).with(label)
}

fn summary(num_units: usize, num_shown: usize, limit: f64) -> String {
    let left_out = match num_units - num_shown {
        0 => String::new(),
        rest => format!("; {rest} with smaller weights left out"),
    };
    format!("Incoming weights of {}{left_out}. The largest is {} in size.", counted(num_units, "unit"), figure(limit))
}
