//! The activation of each hidden unit over two inputs, beside the output that combines them.

use super::boundary::Boundary;
use super::contour::contour;
use super::diverging::{self, Colors};
use super::field::Field;
use super::frame::{Area, Frame};
use super::largest;
use super::legend::{BAR_HEIGHT, Entry, color_bar, legend};
use super::page::{MARGIN, Page, WIDTH, empty};
use super::svg::{Anchor, Element, group, paragraph, text};
use super::words::{counted, figure, shortened, signed, wrapped};

const MOST_UNITS: usize = 16;
/// Different from the colours of the first two classes, whose dots are drawn on top.
const COLORS: Colors = Colors { above: "active", below: "inactive", strength: 0.65 };
/// Each panel draws at most so many rows.
const MOST_DOTS: usize = 400;
const DOT_RADIUS: f64 = 2.8;
/// In a narrower panel the caption takes another line, and the axes carry no names.
const NARROW: f64 = 205.0;
/// Below a panel.
const GAP: f64 = 12.0;

/// A hidden unit of a network with two inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    pub name: String,
    pub activation: Field,
    /// The line where it is 0 is drawn.
    pub pre_activation: Field,
    /// Weight to the (first) output.
    pub output_weight: f64,
}

/// Where the panels of the units and of the output lie.
struct Layout {
    units: Vec<Area>,
    output: Area,
}

/// A panel for each unit (at most 16, those with the largest weights to the output) with its activation and zero line;
/// then the decision boundary of the output, to the right of up to four units, else below.
pub fn hidden_units(title: &str, units: &[Unit], boundary: &Boundary) -> String {
    if units.is_empty() || boundary.is_empty() {
        return empty(title, "There is no hidden unit over two inputs.");
    }
    let sizes: Vec<f64> =
        units.iter().map(|unit| unit.output_weight.abs()).map(|w| if w.is_nan() { 0.0 } else { w }).collect();
    let shown: Vec<&Unit> = largest(&sizes, MOST_UNITS).into_iter().map(|index| &units[index]).collect();
    let page = Page::new(title, &summary(units.len(), shown.len(), boundary));
    let width = WIDTH - 2.0 * MARGIN;
    let (legend, legend_height) = legend(entries(boundary), MARGIN, page.top, width);
    let limit = shown
        .iter()
        .filter_map(|unit| unit.activation.range())
        .fold(0.0, |limit: f64, (low, high)| limit.max(-low).max(high));
    let ends = (&*figure(-limit), &*figure(limit));
    let bar = color_bar("activation", &diverging::steps(COLORS), ends, MARGIN, page.top + legend_height);
    let layout = layout(shown.len(), page.top + legend_height + BAR_HEIGHT + 10.0);
    let mut body = group("hidden-units").with(legend).with(bar);
    for (unit, &area) in shown.iter().zip(&layout.units) {
        body.add(unit_panel(unit, limit, boundary, area));
    }
    body.add(output_panel(boundary, layout.output));
    let bottom = layout.units.iter().chain([&layout.output]).map(Area::bottom).fold(0.0, f64::max);
    page.finish(body, bottom)
}

fn summary(count: usize, num_shown: usize, boundary: &Boundary) -> String {
    let units = counted(count, "hidden unit");
    let left_out = match count - num_shown {
        0 => String::new(),
        rest => format!(", {rest} with smaller weights to the output left out"),
    };
    format!("{units}{left_out}. Each draws one line; the output combines them. {}", boundary.result(MOST_DOTS))
}

fn entries(boundary: &Boundary) -> Vec<Entry> {
    let mut entries = vec![Entry::line("zero", "where a unit switches")];
    entries.extend(boundary.legend());
    entries
}

fn layout(num_units: usize, top: f64) -> Layout {
    let width = WIDTH - 2.0 * MARGIN;
    let grid = |columns: usize, panel: f64| -> Vec<Area> {
        let height = panel + caption_height(panel) + GAP;
        let place = |index: usize| ((index % columns) as f64, (index / columns) as f64);
        let at = |(column, row)| Area { left: MARGIN + column * panel, top: top + row * height, width: panel, height };
        (0..num_units).map(place).map(at).collect()
    };
    match num_units {
        1 | 2 => {
            let panel = width / (num_units + 1) as f64;
            let units = grid(num_units, panel.min(300.0));
            let output = Area { left: units[num_units - 1].right(), ..units[0] };
            Layout { units, output }
        }
        3 | 4 => {
            let units = grid(2, width / 4.0);
            let height = 2.0 * units[0].height;
            Layout { units, output: Area { left: MARGIN + width / 2.0, top, width: width / 2.0, height } }
        }
        _ => {
            let units = grid(4, width / 4.0);
            let top = units[num_units - 1].bottom();
            let left = MARGIN + width / 8.0;
            Layout { units, output: Area { left, top, width: width * 0.75, height: width * 0.75 } }
        }
    }
}

fn unit_panel(unit: &Unit, limit: f64, boundary: &Boundary, area: Area) -> Element {
    let field = &unit.activation;
    let weight = format!("weight to the output {}", signed(unit.output_weight));
    let (panel, frame) = panel("unit", &unit.name, &weight, boundary, field, area);
    let value = |row, column| field.value_from_top(row, column);
    let mut cells = field.placed(&frame);
    cells.extend(diverging::cells((field.size, field.size), limit, COLORS, value));
    let mut panel = panel.with(cells);
    panel.extend(contour("zero", &unit.pre_activation, 0.0, &frame));
    panel.with(group("faint").with(boundary.marks(&frame, MOST_DOTS, DOT_RADIUS, false)))
}

fn output_panel(boundary: &Boundary, area: Area) -> Element {
    let about = "what the network predicts";
    let (panel, frame) = panel("output", "output", about, boundary, &boundary.probabilities[0], area);
    panel.with(boundary.areas(&frame)).with(boundary.marks(&frame, MOST_DOTS, DOT_RADIUS, true))
}

fn caption_height(panel_width: f64) -> f64 {
    if panel_width < NARROW { 53.0 } else { 38.0 }
}

/// A frame over the two inputs with a caption above.
fn panel(class: &str, name: &str, about: &str, boundary: &Boundary, field: &Field, area: Area) -> (Element, Frame) {
    let (x, y) = boundary.axes(field);
    let (x, y) = if area.width < NARROW { (x.named(""), y.named("")) } else { (x, y) };
    let caption_height = caption_height(area.width);
    let inner = Area { top: area.top + caption_height, height: area.height - caption_height - GAP, ..area };
    let frame = Frame::within(x, y, inner);
    let (left, width) = (area.left + 2.0, area.width - 4.0);
    let mut panel = group(class);
    panel.add(text("text bold name", (left, area.top + 14.0), Anchor::Start, &shortened(name, width, 14.0)));
    let mut lines = wrapped(about, width, 12.0);
    lines.truncate(if area.width < NARROW { 2 } else { 1 });
    panel.add(paragraph("muted small weight", (left, area.top + 31.0), Anchor::Start, &lines, 15.0));
    (panel.with(frame.axes()), frame)
}
