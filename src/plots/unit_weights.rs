//! The incoming weights of each unit as an image.

use super::diverging::{self, Colors};
use super::largest;
use super::legend::{BAR_HEIGHT, color_bar};
use super::page::{MARGIN, Page, empty};
use super::svg::group;
use super::tiles::{Format, Tile, tiles};
use super::words::{counted, figure};

const MOST_UNITS: usize = 64;
const MOST_COLUMNS: usize = 8;
const COLORS: Colors = Colors { above: "positive", below: "negative", strength: 1.0 };

/// `weights` is row-major `[height * width, num_units]`. At most 64 units, those with the largest sum of absolute
/// weights, all on one colour scale around 0.
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
    let bar = color_bar("weight", &diverging::steps(COLORS), ends, MARGIN, page.top);
    let tile = |&unit: &usize| {
        let values = (0..height * width).map(|input| weight(input, unit).unwrap_or(f64::NAN)).collect();
        Tile { name: format!("unit {}", unit + 1), values }
    };
    let units: Vec<Tile> = shown.iter().map(tile).collect();
    let columns = shown.len().clamp(4, MOST_COLUMNS);
    let format =
        Format { shape: (height, width), cell: (1, 1), limit, colors: COLORS, columns, share: 1.0, names: &[] };
    let (units, bottom) = tiles(&units, &format, page.top + BAR_HEIGHT + 10.0);
    page.finish(group("units").with(bar).with(units), bottom)
}

fn summary(num_units: usize, num_shown: usize, limit: f64) -> String {
    let left_out = match num_units - num_shown {
        0 => String::new(),
        rest => format!("; {rest} with smaller weights left out"),
    };
    format!("Incoming weights of {}{left_out}. The largest is {} in size.", counted(num_units, "unit"), figure(limit))
}
