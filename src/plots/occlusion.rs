//! An image, and how much a prediction falls where a part of it is hidden.

use super::diverging::{self, Colors};
use super::gallery::{Format, framed};
use super::legend::{BAR_HEIGHT, color_bar};
use super::page::{MARGIN, Page, empty};
use super::svg::{Anchor, group, text};
use super::tiles::{self, Tile};
use super::words::figure;

const IMAGE_SIZE: f64 = 224.0;
const COLORS: Colors = Colors { above: "positive", below: "negative", strength: 1.0 };
const MOST_COLUMNS: usize = 2;

/// An image with a map for each number of its prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Occlusion {
    pub height: usize,
    pub width: usize,
    /// Raw pixels, row-major; larger is darker.
    pub pixels: Vec<f32>,
    /// What each map is of, and by how much it falls, row-major.
    pub maps: Vec<(String, Vec<f64>)>,
    pub note: String,
}

/// The image, and the maps below it on one colour scale around 0.
pub fn occlusion(title: &str, found: &Occlusion) -> String {
    let Occlusion { height, width, pixels, maps, note } = found;
    let limit = maps.iter().flat_map(|(_, values)| values).filter(|value| value.is_finite()).map(|value| value.abs());
    let limit = limit.fold(0.0, f64::max);
    if limit == 0.0 || height * width == 0 {
        return empty(title, "No part of the image changes the prediction when it is hidden.");
    }
    let page = Page::new(title, note);
    let image = framed(pixels, &Format::of(*height, *width, pixels.iter()), IMAGE_SIZE);
    let mut body = group("occlusion").with(image.placed((MARGIN, page.top), (1.0, 1.0)));
    let top = page.top + IMAGE_SIZE + 18.0;
    let heading = "falls by (below 0: rises)";
    body.add(text(
        "text bold",
        (MARGIN, top + 14.0),
        Anchor::Start,
        "How the prediction changes where a pixel is hidden",
    ));
    let ends = (&*figure(-limit), &*figure(limit));
    body.add(color_bar(heading, &diverging::steps(COLORS), ends, MARGIN, top + 26.0));
    let tile = |(name, values): &(String, Vec<f64>)| Tile { name: name.clone(), values: values.clone() };
    let tiles: Vec<Tile> = maps.iter().map(tile).collect();
    let format = tiles::Format {
        shape: (*height, *width),
        cell: (1, 1),
        limit,
        colors: COLORS,
        columns: MOST_COLUMNS,
        share: 1.0,
        names: &[],
    };
    let (tiles, bottom) = tiles::tiles(&tiles, &format, top + 26.0 + BAR_HEIGHT + 10.0);
    page.finish(body.with(tiles), bottom)
}
