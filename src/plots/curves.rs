//! Learning curves: metrics over epochs.

use super::axes::{Axis, is_drawable, range};
use super::frame::{Area, Frame};
use super::legend::{Entry, legend, train_and_validation};
use super::page::{MARGIN, Page, WIDTH, empty};
use super::svg::{Anchor, Element, circle, group, path, text, through};
use super::words::{figure, text_width};

const MOST_PANELS: usize = 4;
/// A longer line is drawn by the minimum and the maximum of each of half as many intervals.
const MOST_POINTS: usize = 1200;

/// A metric over epochs as (epoch, value); each part may be empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub metric: String,
    pub train: Vec<(f64, f64)>,
    pub validation: Vec<(f64, f64)>,
    /// Of a second training, on both parts.
    pub refit: Vec<(f64, f64)>,
}

impl Curve {
    /// The parts by the class of their lines.
    fn parts(&self) -> [(&'static str, &[(f64, f64)]); 3] {
        [("train", &self.train), ("validation", &self.validation), ("refit", &self.refit)]
    }
}

/// One panel per metric, at most four: training dashed, validation solid, a second training dotted; vertical lines mark the best epoch and the
/// epoch after which training stopped.
pub fn curves(title: &str, curves: &[Curve], best: Option<u64>, stop: Option<u64>) -> String {
    let with_points = |curve: &&Curve| curve.parts().iter().any(|(_, points)| !drawable(points).is_empty());
    let shown: Vec<&Curve> = curves.iter().filter(with_points).collect();
    if shown.is_empty() {
        return empty(title, "No epoch with a finite value has been recorded.");
    }
    let (shown, left_out) = shown.split_at(shown.len().min(MOST_PANELS));
    let page = Page::new(title, &summary(shown, left_out, best, stop));
    let marks = [best, stop].map(|epoch| epoch.map(|epoch| epoch as f64));
    let epochs =
        shown.iter().flat_map(|curve| curve.parts()).flat_map(|(_, points)| points.iter().map(|point| point.0));
    let (first, last) = range(epochs.chain(marks.into_iter().flatten())).unwrap_or((0.0, 1.0));
    let columns = shown.len().min(2);
    let (width, height) = ((WIDTH - 2.0 * MARGIN) / columns as f64, 270.0);
    let has_validation = shown.iter().any(|curve| !drawable(&curve.validation).is_empty());
    let mut entries = train_and_validation(has_validation);
    if shown.iter().any(|curve| !curve.refit.is_empty()) {
        entries.push(Entry::line("curve refit", "second training, on both"));
    }
    let (mut body, legend_height) = legend(entries, MARGIN, page.top, WIDTH - 2.0 * MARGIN);
    let top = page.top + legend_height + 6.0;
    for (index, curve) in shown.iter().enumerate() {
        let (row, column) = (index / columns, index % columns);
        let area = Area { left: MARGIN + column as f64 * width, top: top + row as f64 * height, width, height };
        body.add(panel(curve, Axis::exact("epoch", first, last).whole(), area, best, stop));
    }
    page.finish(body, top + shown.len().div_ceil(columns) as f64 * height)
}

fn summary(shown: &[&Curve], left_out: &[&Curve], best: Option<u64>, stop: Option<u64>) -> String {
    let mut parts = Vec::new();
    let end = |points: &[(f64, f64)]| drawable(points).last().map(|point| figure(point.1));
    let ends = [("training", end(&shown[0].train)), ("validation", end(&shown[0].validation))];
    let ends: Vec<String> = ends.into_iter().filter_map(|(name, end)| Some(format!("{name} {}", end?))).collect();
    parts.push(format!("{} at the end: {}.", shown[0].metric, ends.join(", ")));
    parts.extend(best.map(|epoch| format!("Best epoch {epoch}.")));
    parts.extend(stop.map(|epoch| format!("Stopped after epoch {epoch}.")));
    if !left_out.is_empty() {
        let names: Vec<&str> = left_out.iter().map(|curve| curve.metric.as_str()).collect();
        parts.push(format!("Not drawn: {}.", names.join(", ")));
    }
    parts.join(" ")
}

fn panel(curve: &Curve, epochs: Axis, area: Area, best: Option<u64>, stop: Option<u64>) -> Element {
    let parts = curve.parts().map(|(part, points)| (part, drawable(points)));
    let values = Axis::around("", parts.iter().flat_map(|(_, points)| points.iter().map(|point| point.1)));
    // The metric's name and the marks' labels stand above the frame.
    let heading = 42.0;
    let frame =
        Frame::within(epochs, values, Area { top: area.top + heading, height: area.height - heading - 10.0, ..area });
    let mut panel = group("panel");
    panel.add(text("text bold metric", (frame.inner.left, area.top + 16.0), Anchor::Start, &curve.metric));
    panel.add(frame.axes());
    panel.extend(marks(&frame, best, stop));
    panel.extend(parts.iter().filter_map(|(part, points)| line(part, points, &frame)));
    panel
}

fn line(part: &str, points: &[(f64, f64)], frame: &Frame) -> Option<Element> {
    match points {
        [] => None,
        &[point] => Some(circle(&format!("point {part}-dot"), frame.at(point), 4.0)),
        _ => Some(path(&format!("curve {part}"), &through(envelope(points).into_iter().map(|p| frame.at(p))))),
    }
}

/// Vertical lines with labels side by side above the frame.
fn marks(frame: &Frame, best: Option<u64>, stop: Option<u64>) -> Vec<Element> {
    let mut marks = Vec::new();
    let mut free_until = frame.inner.right() + 10.0;
    // From the right, so that the later mark gets its place first.
    for (class, word, epoch) in [("stop", "stopped", stop), ("best", "best", best)] {
        let Some(epoch) = epoch else { continue };
        let label = format!("{word} {epoch}");
        let (x, width) = (frame.x_at(epoch as f64), text_width(&label, 13.0));
        let start = (x - width / 2.0).min(free_until - width);
        free_until = start - 6.0;
        marks.push(frame.vertical(class, epoch as f64));
        let place = (start + width / 2.0, frame.inner.top - 6.0);
        marks.push(text(&format!("text tick {class}-label"), place, Anchor::Middle, &label));
    }
    marks
}

/// The points that can be drawn.
fn drawable(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    points.iter().copied().filter(|point| is_drawable(point.0) && is_drawable(point.1)).collect()
}

/// Fewer points that look the same: of each interval the minimum and the maximum, in their order.
fn envelope(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let ends = |stretch: &[(f64, f64)]| {
        let order = |a: &usize, b: &usize| stretch[*a].1.total_cmp(&stretch[*b].1);
        let least = (0..stretch.len()).min_by(order).unwrap_or(0);
        let largest = (0..stretch.len()).max_by(order).unwrap_or(0);
        [stretch[least.min(largest)], stretch[least.max(largest)]]
    };
    points.chunks(points.len().div_ceil(MOST_POINTS / 2)).flat_map(ends).collect()
}
