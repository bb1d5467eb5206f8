//! What a convolutional network sees in one example: its first filters, and the maps after each convolution.

use super::diverging::{self, Colors};
use super::gallery::{Format, framed};
use super::legend::{BAR_HEIGHT, color_bar};
use super::page::{MARGIN, Page, empty};
use super::svg::{Anchor, Element, group, text};
use super::tiles::{self, Tile};
use super::words::figure;

/// Filters, and maps of each convolution, that are shown.
const MOST: usize = 16;
const COLUMNS: usize = 8;
const EXAMPLE_SIZE: f64 = 112.0;
const HEADING_HEIGHT: f64 = 26.0;
const COLORS: Colors = Colors { above: "positive", below: "negative", strength: 1.0 };

/// The maps of one example.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMaps {
    /// The example in words.
    pub about: String,
    /// Rows, columns, and raw pixels, row-major; larger is darker.
    pub image: (usize, usize, Vec<f32>),
    /// The filters of the first convolution; none where they read several channels.
    pub filters: Option<Sheets>,
    /// After each convolution.
    pub maps: Vec<Sheets>,
}

/// Images of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheets {
    pub height: usize,
    pub width: usize,
    /// Row-major each.
    pub values: Vec<Vec<f32>>,
}

/// Filters and maps as small images, those of a convolution on one colour scale around 0; at most 16 of each.
pub fn feature_maps(title: &str, found: &FeatureMaps) -> String {
    if found.maps.iter().all(|sheets| sheets.values.is_empty()) {
        return empty(title, "There is no convolution to show.");
    }
    let page = Page::new(title, &found.about);
    let (height, width, pixels) = &found.image;
    let example = framed(pixels, &Format::of(*height, *width, pixels.iter()), EXAMPLE_SIZE);
    let mut body = group("feature-maps").with(example.placed((MARGIN, page.top), (1.0, 1.0)));
    let mut top = page.top + EXAMPLE_SIZE + 18.0;
    let filters = found.filters.iter().map(|sheets| ("filters of convolution 1".to_owned(), "filter", sheets));
    let maps = found.maps.iter().enumerate();
    let named = |(i, sheets)| (format!("maps after convolution {}", i + 1), "map", sheets);
    // A cell is as large in all of them, so that a map after pooling is as small as it is.
    let all = found.filters.iter().chain(&found.maps);
    let largest = all.map(|sheets| sheets.height.max(sheets.width)).max().unwrap_or(1);
    for (heading, name, sheets) in filters.chain(maps.map(named)) {
        let (section, bottom) = section(&heading, name, sheets, largest, top);
        body.add(section);
        top = bottom + 20.0;
    }
    page.finish(body, top - 10.0)
}

fn section(heading: &str, name: &str, sheets: &Sheets, largest: usize, top: f64) -> (Element, f64) {
    let Sheets { height, width, values } = sheets;
    let shown = &values[..values.len().min(MOST)];
    let limit = shown.iter().flatten().filter(|value| value.is_finite()).map(|value| f64::from(value.abs()));
    let limit = limit.fold(f64::MIN_POSITIVE, f64::max);
    let more =
        if shown.len() < values.len() { format!(", {} of {}", shown.len(), values.len()) } else { String::new() };
    let heading = format!("{heading}, {height} x {width}{more}");
    let mut section = group("section").with(text("text bold", (MARGIN, top + 14.0), Anchor::Start, &heading));
    let ends = (&*figure(-limit), &*figure(limit));
    section.add(color_bar(name, &diverging::steps(COLORS), ends, MARGIN, top + HEADING_HEIGHT));
    let tile = |(i, values): (usize, &Vec<f32>)| Tile {
        name: format!("{name} {}", i + 1),
        values: values.iter().map(|&value| value.into()).collect(),
    };
    let tiles: Vec<Tile> = shown.iter().enumerate().map(tile).collect();
    let share = ((*height.max(width)) as f64 / largest.max(1) as f64).min(1.0);
    let format = tiles::Format {
        shape: (*height, *width),
        cell: (1, 1),
        limit,
        colors: COLORS,
        columns: COLUMNS,
        share,
        names: &[],
    };
    let (tiles, bottom) = tiles::tiles(&tiles, &format, top + HEADING_HEIGHT + BAR_HEIGHT + 10.0);
    (section.with(tiles), bottom)
}
