//! One image on its way through a network: pixels, hidden units, probabilities, label and prediction.

use super::diverging::{self, Colors};
use super::gallery::{Format, bar, cross, framed};
use super::largest;
use super::legend::{BAR_HEIGHT, color_bar};
use super::page::{MARGIN, Page, WIDTH, empty};
use super::svg::{Anchor, Element, group, line, path, rectangle, text};
use super::tiles;
use super::words::{figure, shortened, signed};

const MOST_UNITS: usize = 16;
const MOST_OUTPUTS: usize = 12;
const COLUMNS: usize = 4;
const IMAGE_SIZE: f64 = 136.0;
const UNIT_SIZE: f64 = 60.0;
const UNIT_GAP: f64 = 16.0;
/// A unit with the bar and the number of its activation.
const UNIT_HEIGHT: f64 = UNIT_SIZE + 36.0;
const OUTPUT_HEIGHT: f64 = 24.0;
const OUTPUT_WIDTH: f64 = 176.0;
const COLORS: Colors = Colors { above: "positive", below: "negative", strength: 1.0 };

/// What a network makes of one image.
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardPass {
    /// The image in words.
    pub about: String,
    /// Rows, columns, and raw pixels, row-major; larger is darker.
    pub image: (usize, usize, Vec<f32>),
    /// Rows and columns of the units' weights.
    pub shape: (usize, usize),
    /// Inputs, units of each hidden layer, outputs.
    pub sizes: Vec<usize>,
    /// Of the first hidden layer: incoming weights, row-major, and what the unit passes on.
    pub units: Vec<(Vec<f32>, f64)>,
    /// Each class with its probability.
    pub outputs: Vec<(String, f64)>,
    pub label: String,
    pub prediction: String,
}

/// From left to right: the image; at most 16 units of the first hidden layer, those with the largest activations, with their
/// weights as images; the classes as bars, at most the 12 most probable ones.
pub fn forward_pass(title: &str, pass: &ForwardPass) -> String {
    let (height, width, pixels) = &pass.image;
    if pass.units.is_empty() || pass.outputs.is_empty() || height * width == 0 {
        return empty(title, "There is no image, hidden unit or class to show.");
    }
    let page = Page::new(title, &pass.about);
    let weights = || pass.units.iter().flat_map(|(weights, _)| weights).filter(|weight| weight.is_finite());
    let limit = weights().map(|weight| f64::from(weight.abs())).fold(f64::MIN_POSITIVE, f64::max);
    let ends = (&*figure(-limit), &*figure(limit));
    let mut body = group("forward-pass");
    body.add(color_bar("weight of a pixel", &diverging::steps(COLORS), ends, MARGIN, page.top));
    let heading = page.top + BAR_HEIGHT + 26.0;
    let top = heading + 14.0;
    let units_left = MARGIN + IMAGE_SIZE + 46.0;
    let outputs_left = WIDTH - MARGIN - OUTPUT_WIDTH;
    let [inputs, first, .., last] = pass.sizes[..] else { return empty(title, "There is no hidden layer.") };
    for (x, words) in [
        (MARGIN, format!("{inputs} inputs")),
        (units_left, format!("{first} hidden units")),
        (outputs_left, format!("{last} probabilities")),
    ] {
        body.add(text("text bold", (x, heading), Anchor::Start, &words));
    }
    body.add(framed(pixels, &Format::of(*height, *width, pixels.iter()), IMAGE_SIZE).placed((MARGIN, top), (1.0, 1.0)));
    let below = top + IMAGE_SIZE + 22.0;
    body.add(text(
        "text bold",
        (MARGIN, below),
        Anchor::Start,
        &shortened(&format!("Label {}", pass.label), 160.0, 14.0),
    ));
    let middle = top + IMAGE_SIZE / 2.0;
    body.add(arrow(MARGIN + IMAGE_SIZE + 10.0, units_left - 10.0, middle));
    body.add(arrow(outputs_left - 30.0, outputs_left - 6.0, middle));
    let (units, units_bottom) = units(pass, limit, (units_left, top));
    let (outputs, outputs_bottom) = outputs(pass, (outputs_left, top));
    page.finish(body.with(units).with(outputs), units_bottom.max(outputs_bottom).max(below))
}

fn units(pass: &ForwardPass, limit: f64, (left, top): (f64, f64)) -> (Element, f64) {
    let sizes: Vec<f64> = pass.units.iter().map(|(_, activation)| activation.abs()).collect();
    let most = sizes.iter().copied().filter(|size| size.is_finite()).fold(f64::MIN_POSITIVE, f64::max);
    let shown = largest(&sizes, MOST_UNITS);
    let mut all = group("units");
    for (place, &unit) in shown.iter().enumerate() {
        let (weights, activation) = &pass.units[unit];
        let values: Vec<f64> = weights.iter().map(|&weight| weight.into()).collect();
        let size = (UNIT_SIZE * pass.shape.1 as f64, UNIT_SIZE * pass.shape.0 as f64);
        let longer = pass.shape.0.max(pass.shape.1) as f64;
        let image = tiles::cells(&values, pass.shape, (size.0 / longer, size.1 / longer), (limit, COLORS));
        let share = (activation.abs() / most).clamp(0.0, 1.0);
        let class = if *activation < 0.0 { "negative" } else { "positive" };
        let at = |x, y| (left + x * (UNIT_SIZE + UNIT_GAP), top + y * UNIT_HEIGHT);
        let drawn = group("unit").hint(&format!("unit {}: {}", unit + 1, signed(*activation))).with(image);
        let drawn = drawn.with(rectangle(&format!("{class} activation"), 0.0, UNIT_SIZE + 4.0, UNIT_SIZE * share, 6.0));
        let number = text("muted small", (0.0, UNIT_SIZE + 23.0), Anchor::Start, &figure(*activation));
        all.add(drawn.with(number).placed(at((place % COLUMNS) as f64, (place / COLUMNS) as f64), (1.0, 1.0)));
    }
    let bottom = top + shown.len().div_ceil(COLUMNS) as f64 * UNIT_HEIGHT - 10.0;
    if shown.len() == pass.units.len() {
        return (all, bottom);
    }
    let more = format!("+{} less active", pass.units.len() - shown.len());
    (all.with(text("muted more", (left, bottom + 12.0), Anchor::Start, &more)), bottom + 12.0)
}

fn outputs(pass: &ForwardPass, (left, top): (f64, f64)) -> (Element, f64) {
    let sizes: Vec<f64> = pass.outputs.iter().map(|(_, probability)| *probability).collect();
    let shown = largest(&sizes, MOST_OUTPUTS);
    let mut all = group("outputs");
    for (row, &class) in shown.iter().enumerate() {
        let (name, probability) = &pass.outputs[class];
        let class = if *name == pass.prediction { "output chosen" } else { "output" };
        let mut output = group(class);
        output.extend(bar(name, probability.clamp(0.0, 1.0), OUTPUT_WIDTH, row as f64 * OUTPUT_HEIGHT));
        all.add(output.placed((left, top), (1.0, 1.0)));
    }
    let bottom = top + shown.len() as f64 * OUTPUT_HEIGHT + 16.0;
    let told = shortened(&format!("Prediction {}", pass.prediction), OUTPUT_WIDTH, 14.0);
    all.add(text("text bold", (left, bottom), Anchor::Start, &told));
    if pass.label != pass.prediction {
        all.add(cross(left - 14.0, bottom - 5.0));
    }
    (all, bottom)
}

fn arrow(from: f64, to: f64, y: f64) -> Element {
    let head = path("axis", "M-6 -4L0 0L-6 4").attribute("fill", "none").placed((to, y), (1.0, 1.0));
    group("arrow").with(line("axis", (from, y), (to, y))).with(head)
}
