//! Permutation importance of features.

use super::axes::{Axis, is_drawable};
use super::frame::{Area, Frame};
use super::page::{MARGIN, Page, WIDTH, empty};
use super::svg::{Anchor, Element, group, line, text};
use super::words::{figure, shortened, text_width};

const MOST_FEATURES: usize = 25;
const ROW_HEIGHT: f64 = 25.0;
const NAME_WIDTH: f64 = 190.0;

/// The importance of a feature, as the mean and standard deviation of repeated measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Importance {
    pub name: String,
    pub mean: f64,
    pub deviation: f64,
}

/// Bars from the most important feature down, at most 25, with whiskers of one standard deviation. `metric` names
/// what falls when a feature is shuffled, such as `R2`.
pub fn importance(title: &str, metric: &str, features: &[Importance]) -> String {
    let mut features: Vec<&Importance> = features.iter().filter(|feature| is_drawable(feature.mean)).collect();
    features.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    let Some(first) = features.first() else {
        return empty(title, "No feature's importance has been measured.");
    };
    let summary = match first.mean > 0.0 {
        true => format!("{metric} falls by {} when {} is shuffled.", figure(first.mean), first.name),
        false => format!("{metric} falls with no column that is shuffled."),
    };
    let page = Page::new(title, &summary);
    let num_left_out = features.len().saturating_sub(MOST_FEATURES);
    features.truncate(MOST_FEATURES);
    let ends =
        features.iter().flat_map(|feature| [feature.mean - deviation(feature), feature.mean + deviation(feature)]);
    let values = Axis::around(&format!("drop of {metric} when shuffled"), ends.chain([0.0]));
    let beside = features.iter().map(|feature| text_width(&feature.name, 14.0)).fold(0.0, f64::max).min(NAME_WIDTH);
    let left = MARGIN + beside;
    let height = features.len() as f64 * ROW_HEIGHT + 46.0;
    let area = Area { left, top: page.top, width: WIDTH - MARGIN - left, height };
    let rows = Axis::exact("", 0.0, features.len() as f64).without_ticks();
    let frame = Frame::within(values, rows, area);
    let mut body = group("importance").with(frame.axes());
    for (index, feature) in features.iter().enumerate() {
        body.extend(row(&frame, feature, (features.len() - index) as f64 - 0.5));
    }
    body.add(frame.vertical("zero", 0.0));
    let mut bottom = area.bottom();
    if num_left_out > 0 {
        bottom += 16.0;
        body.add(text("muted more", (MARGIN, bottom), Anchor::Start, &format!("+{num_left_out} more")));
    }
    page.finish(body, bottom)
}

/// 0 where it is not finite: then no whisker is drawn.
fn deviation(feature: &Importance) -> f64 {
    if is_drawable(feature.deviation) { feature.deviation.abs() } else { 0.0 }
}

fn row(frame: &Frame, feature: &Importance, middle: f64) -> Vec<Element> {
    let deviation = deviation(feature);
    let hint = format!("{}: {} ± {}", feature.name, figure(feature.mean), figure(deviation));
    let (y, left) = (frame.y_at(middle), frame.inner.left);
    let mut row = vec![
        text("text feature", (left - 8.0, y + 5.0), Anchor::End, &shortened(&feature.name, NAME_WIDTH, 14.0)),
        frame.rectangle("bar", (0.0, feature.mean), (middle - 0.36, middle + 0.36)).hint(&hint),
    ];
    if deviation > 0.0 {
        let (low, high) = (frame.x_at(feature.mean - deviation), frame.x_at(feature.mean + deviation));
        let whisker = group("whisker")
            .with(line("", (low, y), (high, y)))
            .with(line("", (low, y - 4.0), (low, y + 4.0)))
            .with(line("", (high, y - 4.0), (high, y + 4.0)));
        row.push(whisker);
    }
    row
}
