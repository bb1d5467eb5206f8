//! Attention maps of a transformer's heads.

use super::diverging::{self, Colors};
use super::gallery::{Format, framed};
use super::legend::{BAR_HEIGHT, color_bar};
use super::page::{MARGIN, Page, empty};
use super::svg::{Anchor, group, paragraph};
use super::tiles::{self, Tile};
use super::words::percent;

const MOST_TILES: usize = 64;
const MOST_COLUMNS: usize = 8;
const EXAMPLE_SIZE: f64 = 112.0;
const COLORS: Colors = Colors { above: "positive", below: "negative", strength: 1.0 };

/// The attention weights of one example.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// The example in words, and how to read the maps.
    pub about: String,
    /// The example, if it is an image: rows, columns, and raw pixels, row-major; larger is darker.
    pub image: Option<(usize, usize, Vec<f32>)>,
    /// Rows and columns of each head's map.
    pub shape: (usize, usize),
    /// Height and width of a cell, of which only the ratio matters.
    pub cell: (usize, usize),
    /// What stands beside the rows and above the columns of each map; none for an image.
    pub tokens: Vec<String>,
    /// Attention weights in `0.0..=1.0`, row-major, by block and head.
    pub blocks: Vec<Vec<Vec<f64>>>,
}

/// A small map for each head, block by block; at most 64, all on one colour scale from 0.
pub fn attention(title: &str, attention: &Attention) -> String {
    let Attention { about, image, shape, cell, tokens, blocks } = attention;
    let named = blocks.iter().enumerate().flat_map(|(block, heads)| {
        let name = move |head: usize| format!("block {}, head {}", block + 1, head + 1);
        heads.iter().enumerate().map(move |(head, values)| Tile { name: name(head), values: values.clone() })
    });
    let heads: Vec<Tile> = named.take(MOST_TILES).collect();
    let shares = heads.iter().flat_map(|head| &head.values).copied().filter(|share| share.is_finite());
    let limit = shares.fold(0.0, f64::max);
    if limit == 0.0 || shape.0 * shape.1 == 0 {
        return empty(title, "There is no attention to show.");
    }
    let page = Page::new(title, about);
    let mut body = group("attention");
    let mut top = page.top;
    if let Some((height, width, pixels)) = image {
        let format = Format::of(*height, *width, pixels.iter());
        body.add(framed(pixels, &format, EXAMPLE_SIZE).placed((MARGIN, top), (1.0, 1.0)));
        let caption = ["the example".to_owned()];
        let place = (MARGIN + EXAMPLE_SIZE + 12.0, top + EXAMPLE_SIZE / 2.0);
        body.add(paragraph("muted tick", place, Anchor::Start, &caption, 17.0));
        top += EXAMPLE_SIZE + 14.0;
    }
    let steps = diverging::steps(COLORS);
    let from_zero = &steps[steps.len() / 2..];
    body.add(color_bar("share of attention", from_zero, ("0", &percent(limit)), MARGIN, top));
    // Letters need room.
    let columns = if tokens.is_empty() { blocks.first().map_or(1, Vec::len).clamp(4, MOST_COLUMNS) } else { 2 };
    let format =
        tiles::Format { shape: *shape, cell: *cell, limit, colors: COLORS, columns, share: 1.0, names: tokens };
    let (maps, bottom) = tiles::tiles(&heads, &format, top + BAR_HEIGHT + 10.0);
    page.finish(body.with(maps), bottom)
}
