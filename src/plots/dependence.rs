//! Partial dependence: the mean prediction over the values of a column.

use super::axes::{Axis, is_drawable, range};
use super::frame::{Area, Frame};
use super::legend::{Entry, legend};
use super::page::{MARGIN, Page, WIDTH, empty};
use super::svg::{Anchor, Element, circle, group, path, rectangle, text, through};
use super::words::{counted, figure, shortened, text_width};

const MOST_PANELS: usize = 6;
const PANEL_HEIGHT: f64 = 230.0;

/// How the predictions depend on one column.
#[derive(Clone, Debug, PartialEq)]
pub struct DependsOn {
    pub column: String,
    /// Whether the points have an order, so that a line leads from one to the next.
    pub is_ordered: bool,
    pub points: Vec<DependencePoint>,
}

/// One value of a column.
#[derive(Clone, Debug, PartialEq)]
pub struct DependencePoint {
    pub name: String,
    /// Its place on the axis; without it, values stand side by side.
    pub place: Option<f64>,
    /// Per curve.
    pub values: Vec<f64>,
    /// Per curve, mean and deviation over several networks; empty for one.
    pub bands: Vec<[f64; 2]>,
}

/// A panel per column, the strongest first, at most six, with a common vertical axis of `what` is predicted; `curves` names the lines.
pub fn dependence(title: &str, what: &str, curves: &[String], columns: &[DependsOn], note: &str) -> String {
    let has_points = |column: &&DependsOn| column.points.iter().any(|p| p.values.iter().any(|v| is_drawable(*v)));
    let all: Vec<&DependsOn> = columns.iter().filter(has_points).collect();
    let Some(first) = all.first() else {
        return empty(title, "No column has a value that can be drawn.");
    };
    let (shown, left_out) = all.split_at(all.len().min(MOST_PANELS));
    let more = match left_out.len() {
        0 => String::new(),
        count => format!(" Not drawn, with less: {}.", counted(count, "column")),
    };
    let page = Page::new(title, &format!("{what} depends most on {}.{more} {note}", first.column));
    let width = WIDTH - 2.0 * MARGIN;
    let (mut body, mut top) = (group("dependence"), page.top);
    if curves.len() > 1 {
        let entry = |(slot, name): (usize, &String)| Entry::line(&format!("curve {}", color("line", slot)), name);
        let (entries, height) = legend(curves.iter().enumerate().map(entry).collect(), MARGIN, top, width);
        body.add(entries);
        top += height + 6.0;
    }
    let points = || shown.iter().flat_map(|column| &column.points);
    let ends = points().flat_map(|point| {
        point.values.iter().copied().chain(point.bands.iter().flat_map(|[mean, by]| [mean - by, mean + by]))
    });
    let values = Axis::around("", ends);
    let columns_of_panels = shown.len().min(2);
    let panel_width = width / columns_of_panels as f64;
    for (index, column) in shown.iter().enumerate() {
        let (row, place) = (index / columns_of_panels, index % columns_of_panels);
        let (left, top) = (MARGIN + place as f64 * panel_width, top + row as f64 * PANEL_HEIGHT);
        let area = Area { left, top, width: panel_width, height: PANEL_HEIGHT - 8.0 };
        body.add(panel(column, curves, values.clone(), area));
    }
    page.finish(body, top + shown.len().div_ceil(columns_of_panels) as f64 * PANEL_HEIGHT)
}

/// The colour of a curve: `line0` for strokes, `class0` to fill.
fn color(of: &str, slot: usize) -> String {
    format!("{of}{}", slot % super::style::NUM_CLASSES)
}

fn panel(column: &DependsOn, curves: &[String], values: Axis, area: Area) -> Element {
    let heading = 26.0;
    let is_numeric = column.points.iter().all(|point| point.place.is_some_and(is_drawable));
    let place = |index: usize| match column.points[index].place {
        Some(place) if is_numeric => place,
        _ => index as f64 + 0.5,
    };
    let count = column.points.len();
    let x = match is_numeric {
        true => {
            let (low, high) = range((0..count).map(place)).unwrap_or((0.0, 1.0));
            Axis::exact("", low, high)
        }
        false => Axis::exact("", 0.0, count as f64).without_ticks(),
    };
    let frame = Frame::within(x, values, Area { top: area.top + heading, height: area.height - heading, ..area });
    let name = shortened(&column.column, frame.inner.width, 14.0);
    let mut panel = group("panel");
    panel.add(text("text bold column", (frame.inner.left, area.top + 18.0), Anchor::Start, &name));
    panel.add(frame.axes());
    if !is_numeric {
        panel.extend(names(column, &frame));
    }
    for curve in 0..curves.len() {
        let at = |index: usize, value: f64| frame.at((place(index), value));
        let bands: Vec<(usize, [f64; 2])> = (0..count)
            .filter_map(|i| Some((i, *column.points[i].bands.get(curve)?)))
            .filter(|(_, [mean, by])| is_drawable(*mean) && is_drawable(*by))
            .collect();
        let points: Vec<(usize, f64)> = (0..count)
            .filter_map(|i| Some((i, *column.points[i].values.get(curve)?)))
            .filter(|(_, value)| is_drawable(*value))
            .collect();
        if column.is_ordered {
            let upper = bands.iter().map(|&(i, [mean, by])| at(i, mean + by));
            let lower = bands.iter().rev().map(|&(i, [mean, by])| at(i, mean - by));
            if bands.len() > 1 {
                panel.add(path(&format!("band {}", color("class", curve)), &(through(upper.chain(lower)) + "z")));
            }
            if points.len() > 1 {
                let line = through(points.iter().map(|&(i, value)| at(i, value)));
                panel.add(path(&format!("curve {}", color("line", curve)), &line));
            }
        } else {
            panel.extend(bands.iter().map(|&(i, [mean, by])| {
                let ((x, top), (_, bottom)) = (at(i, mean + by), at(i, mean - by));
                rectangle(&format!("band {}", color("class", curve)), x - 6.0, top, 12.0, bottom - top)
            }));
        }
        panel.extend(points.iter().map(|&(i, value)| {
            let point = &column.points[i];
            let band = point
                .bands
                .get(curve)
                .map_or_else(String::new, |[mean, by]| format!("; over the runs {} ± {}", figure(*mean), figure(*by)));
            let hint = format!("{} = {}, {}: {}{band}", column.column, point.name, curves[curve], figure(value));
            circle(&format!("dot {}", color("class", curve)), at(i, value), 3.5).hint(&hint)
        }));
    }
    panel
}

/// The names under the axis, as many as have room side by side.
fn names(column: &DependsOn, frame: &Frame) -> Vec<Element> {
    let count = column.points.len();
    let room = frame.inner.width / count as f64;
    let widest = column.points.iter().map(|point| text_width(&point.name, 12.0)).fold(0.0, f64::max).min(90.0);
    let step = ((widest + 8.0) / room).ceil().max(1.0) as usize;
    let name = |index: usize| {
        let place = (frame.x_at(index as f64 + 0.5), frame.inner.bottom() + 16.0);
        let name = shortened(&column.points[index].name, (room * step as f64 - 4.0).max(24.0), 12.0);
        text("muted small", place, Anchor::Middle, &name)
    };
    (0..count).step_by(step).map(name).collect()
}
