//! Test images with their labels and predictions.

use super::axes::is_drawable;
use super::page::{MARGIN, Page, WIDTH, empty};
use super::raster::{Sampling, merged};
use super::svg::{Anchor, Element, circle, group, paragraph, path, rectangle, text};
use super::words::{counted, percent, shortened, text_width};

const NUM_LEVELS: f64 = 15.0;
const NUM_COLUMNS: usize = 4;
const GAP: f64 = 20.0;
const IMAGE_SIZE: f64 = 112.0;
const MOST_SAMPLES: usize = 120;

/// An image with its label and prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its row in the data.
    pub row: usize,
    /// Raw pixels, row-major `[height, width]`; larger is darker.
    pub pixels: Vec<f32>,
    pub label: String,
    pub prediction: String,
    /// The largest few probabilities, descending.
    pub probabilities: Vec<(String, f64)>,
}

impl Sample {
    fn is_wrong(&self) -> bool {
        self.label != self.prediction
    }
}

/// The size of all images and the range of their pixels.
pub(super) struct Format {
    height: usize,
    width: usize,
    sampling: Sampling,
    low: f32,
    high: f32,
}

impl Format {
    pub fn of<'a>(height: usize, width: usize, pixels: impl Iterator<Item = &'a f32> + Clone) -> Self {
        let pixels = || pixels.clone().copied().filter(|pixel| pixel.is_finite());
        let (low, high) = (pixels().fold(f32::MAX, f32::min), pixels().fold(f32::MIN, f32::max));
        Self { height, width, sampling: Sampling::new(height, width), low, high }
    }

    /// Width and height of an image whose longer side has this length.
    fn size(&self, side: f64) -> (f64, f64) {
        let scale = side / self.height.max(self.width) as f64;
        (self.width as f64 * scale, self.height as f64 * scale)
    }
}

/// An image on its paper, in a frame, `side` long.
pub(super) fn framed(pixels: &[f32], format: &Format, side: f64) -> Element {
    let (width, height) = format.size(side);
    let cell = (width / format.sampling.columns as f64, height / format.sampling.rows as f64);
    let image = image(pixels, format).placed((0.0, 0.0), cell);
    let frame = rectangle("frame", 0.0, 0.0, width, height);
    group("framed").with(rectangle("sheet", 0.0, 0.0, width, height)).with(image).with(frame)
}

/// The samples in the given order, with the largest probabilities as bars; wrong predictions carry a cross. Large
/// pixel values are dark, in 16 levels over the range of all samples.
pub fn gallery(title: &str, height: usize, width: usize, samples: &[Sample]) -> String {
    if samples.is_empty() || height * width == 0 {
        return empty(title, "There is no image to show.");
    }
    let num_wrong = samples.iter().filter(|sample| sample.is_wrong()).count();
    let mut summary = format!("{}, {num_wrong} of them predicted wrongly.", counted(samples.len(), "image"));
    if samples.len() > MOST_SAMPLES {
        summary += &format!(" The first {MOST_SAMPLES} are shown.");
    }
    let samples = &samples[..samples.len().min(MOST_SAMPLES)];
    let page = Page::new(title, &summary);
    let format = Format::of(height, width, samples.iter().flat_map(|sample| &sample.pixels));
    let tile_width = (WIDTH - 2.0 * MARGIN - GAP * (NUM_COLUMNS - 1) as f64) / NUM_COLUMNS as f64;
    let mut body = group("gallery");
    let mut top = page.top + 6.0;
    for row in samples.chunks(NUM_COLUMNS) {
        let mut height = 0.0;
        for (column, sample) in row.iter().enumerate() {
            let left = MARGIN + column as f64 * (tile_width + GAP);
            let (tile, tile_height) = tile(sample, &format, tile_width);
            body.add(tile.placed((left, top), (1.0, 1.0)));
            height = tile_height.max(height);
        }
        top += height + GAP;
    }
    page.finish(body, top - GAP)
}

/// Image, caption and bars, one below the other, and their total height.
fn tile(sample: &Sample, format: &Format, width: f64) -> (Element, f64) {
    let state = if sample.is_wrong() { "sample wrong" } else { "sample" };
    let about = format!("row {}: label {}, prediction {}", sample.row, sample.label, sample.prediction);
    let mut tile = group(state).hint(&about);
    let (image_width, image_height) = format.size(IMAGE_SIZE);
    let left = (width - image_width) / 2.0;
    tile.add(framed(&sample.pixels, format, IMAGE_SIZE).placed((left, 0.0), (1.0, 1.0)));
    if sample.is_wrong() {
        tile.add(cross(left + image_width, 0.0));
    }
    let mut baseline = image_height + 20.0;
    let caption = caption(sample, width);
    tile.add(paragraph("text tick caption", (width / 2.0, baseline), Anchor::Middle, &caption, 17.0));
    baseline += caption.len() as f64 * 17.0;
    for (name, probability) in sample.probabilities.iter().filter(|(_, probability)| is_drawable(*probability)) {
        tile.extend(bar(name, probability.clamp(0.0, 1.0), width, baseline - 9.0));
        baseline += 18.0;
    }
    (tile, baseline - 10.0)
}

/// "Label 3 / Prediction 8", on two lines where the names are long.
fn caption(sample: &Sample, width: f64) -> Vec<String> {
    let whole = format!("Label {} / Prediction {}", sample.label, sample.prediction);
    if text_width(&whole, 13.0) <= width + GAP / 2.0 {
        return vec![whole];
    }
    let lines = [format!("Label {} /", sample.label), format!("Prediction {}", sample.prediction)];
    lines.into_iter().map(|line| shortened(&line, width, 13.0)).collect()
}

/// One path per level of darkness, in units of one drawn pixel; the lightest level is the paper.
fn image(pixels: &[f32], format: &Format) -> Element {
    let span = format.high - format.low;
    let level = |row: usize, column: usize| {
        let pixel = *pixels.get(format.sampling.pixel(row, column))?;
        let level = (f64::from((pixel - format.low) / span) * NUM_LEVELS).round();
        // NaN is no level: pixels that are not finite, or all alike.
        (1.0..=NUM_LEVELS).contains(&level).then_some(level as u8)
    };
    let mut image = group("pixels");
    for (level, data) in merged(format.sampling.rows, format.sampling.columns, level) {
        image.add(path("shade", &data).opacity(f64::from(level) / NUM_LEVELS));
    }
    image
}

/// The sign of a wrong prediction, at a picture's upper right corner.
pub(super) fn cross(x: f64, y: f64) -> Element {
    let arms = path("cross", "M-5 -5L5 5M5 -5L-5 5");
    group("mark").with(circle("badge", (0.0, 0.0), 10.0)).with(arms).placed((x, y), (1.0, 1.0))
}

/// A probability as a bar between its class and its number.
pub(super) fn bar(name: &str, probability: f64, width: f64, top: f64) -> [Element; 3] {
    let (name_width, number_width) = (width * 0.34, 52.0);
    let full = width - name_width - number_width;
    let name = shortened(name, name_width - 6.0, 12.0);
    [
        text("text small", (name_width - 6.0, top + 10.0), Anchor::End, &name),
        rectangle("bar", name_width, top, (full * probability).max(1.0), 11.0),
        text("muted small", (name_width + full * probability + 6.0, top + 10.0), Anchor::Start, &percent(probability)),
    ]
}
