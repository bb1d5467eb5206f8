//! The decision boundary of a network with two inputs.

use super::axes::{Axis, is_drawable};
use super::contour::contour;
use super::field::Field;
use super::frame::{Area, Frame};
use super::legend::{Entry, legend};
use super::marker::marker;
use super::page::{MARGIN, Page, WIDTH, empty};
use super::raster::merged;
use super::style::class_color;
use super::svg::{Element, circle, group, path};
use super::words::counted;
use super::{MOST_DOTS, thinned, thinning_note};

const NUM_CONFIDENCE_LEVELS: usize = 5;

/// A row of the data at its two inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    pub x: f64,
    pub y: f64,
    pub class: usize,
    pub is_correct: bool,
    pub is_test: bool,
}

/// A classifier's probabilities over its two inputs, and the rows it was trained and tested on.
#[derive(Clone, Debug, PartialEq)]
pub struct Boundary {
    pub x_name: String,
    pub y_name: String,
    pub class_names: Vec<String>,
    /// The probability of each class, all on the same grid.
    pub probabilities: Vec<Field>,
    pub dots: Vec<Dot>,
}

impl Boundary {
    /// Whether there is a grid to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.probabilities.iter().all(|field| field.range().is_none())
    }

    pub(super) fn axes(&self, field: &Field) -> (Axis, Axis) {
        field.axes((&self.x_name, &self.y_name), self.dots.iter().map(|dot| (dot.x, dot.y)))
    }

    /// The rows that can be drawn.
    fn drawable(&self) -> Vec<&Dot> {
        self.dots.iter().filter(|dot| is_drawable(dot.x) && is_drawable(dot.y)).collect()
    }

    /// "188 of 200 training rows and 45 of 50 test rows are classified correctly."
    /// `limit` is how many rows are drawn.
    pub(super) fn result(&self, limit: usize) -> String {
        let part = |is_test: bool, name: &str| {
            let rows: Vec<&Dot> = self.dots.iter().filter(|dot| dot.is_test == is_test).collect();
            let num_correct = rows.iter().filter(|dot| dot.is_correct).count();
            (!rows.is_empty()).then(|| format!("{num_correct} of {}", counted(rows.len(), name)))
        };
        let parts: Vec<String> = [part(false, "training row"), part(true, "test row")].into_iter().flatten().collect();
        match parts.is_empty() {
            true => format!("{}, no rows.", counted(self.probabilities.len(), "class area")),
            false => {
                format!("{} classified correctly{}.", parts.join(" and "), thinning_note(self.drawable().len(), limit))
            }
        }
    }

    pub(super) fn legend(&self) -> Vec<Entry> {
        let class = |(class, name): (usize, &String)| Entry::new(marker("key", class, (0.0, 0.0), 5.5), name);
        let mut entries: Vec<Entry> = self.class_names.iter().enumerate().map(class).collect();
        if self.dots.iter().any(|dot| dot.is_test) {
            entries.push(Entry::new(circle("muted test", (0.0, 0.0), 5.5), "test row (outlined)"));
        }
        if self.dots.iter().any(|dot| !dot.is_correct) {
            entries.push(Entry::new(circle("ring-key", (0.0, 0.0), 7.5), "classified wrongly"));
        }
        if self.probabilities.len() == 2 {
            entries.push(Entry::line("limit-key", "probability 0.5"));
        }
        entries
    }

    /// Areas coloured by the most probable class, fainter where it is less certain, and for two classes the line where
    /// both have probability 0.5.
    pub(super) fn areas(&self, frame: &Frame) -> Element {
        let Some(first) = self.probabilities.first() else { return group("areas") };
        let mut cells = first.placed(frame);
        for ((class, level), data) in merged(first.size, first.size, |row, column| self.most_probable(row, column)) {
            let opacity = 0.1 + 0.4 * level as f64 / (NUM_CONFIDENCE_LEVELS - 1) as f64;
            cells.add(path(&format!("area {} crisp", class_color(class)), &data).opacity(opacity));
        }
        let mut areas = group("areas").with(cells);
        if let [_, second] = &self.probabilities[..] {
            areas.extend(contour("limit", second, 0.5, frame));
        }
        areas
    }

    /// The class with the largest probability in a cell counted from the top, and its certainty.
    fn most_probable(&self, row: usize, column: usize) -> Option<(usize, usize)> {
        let of_class = |(class, field): (usize, &Field)| Some((class, field.value_from_top(row, column)?));
        let (class, probability) =
            self.probabilities.iter().enumerate().filter_map(of_class).max_by(|a, b| a.1.total_cmp(&b.1))?;
        // Certainty 0 is a probability no larger than chance.
        let chance = 1.0 / self.probabilities.len().max(2) as f64;
        let sureness = ((probability - chance) / (1.0 - chance)).clamp(0.0, 1.0);
        let level = (sureness * NUM_CONFIDENCE_LEVELS as f64) as usize;
        Some((class, level.min(NUM_CONFIDENCE_LEVELS - 1)))
    }

    /// At most `limit` of the rows as dots; `with_rings` marks the wrong ones.
    pub(super) fn marks(&self, frame: &Frame, limit: usize, radius: f64, with_rings: bool) -> Element {
        let mut marks = group("dots");
        let drawable = self.drawable();
        // Test rows last, so that their outline is not covered.
        let (test, train): (Vec<&Dot>, Vec<&Dot>) = thinned(&drawable, limit).partition(|dot| dot.is_test);
        for dot in train.into_iter().chain(test) {
            let center = frame.at((dot.x, dot.y));
            let part = if dot.is_test { "test" } else { "training" };
            let result = if dot.is_correct { "right" } else { "wrong" };
            marks.add(marker(&format!("dot {part} {result}"), dot.class, center, radius));
            if with_rings && !dot.is_correct {
                marks.add(circle("ring", center, radius + 4.0));
            }
        }
        marks
    }
}

/// Areas of the most probable class, the rows as marks of their class, test rows outlined, wrong ones ringed.
pub fn boundary(title: &str, boundary: &Boundary) -> String {
    if boundary.is_empty() {
        return empty(title, "There are no probabilities over two inputs.");
    }
    let page = Page::new(title, &boundary.result(MOST_DOTS));
    let width = WIDTH - 2.0 * MARGIN;
    let (legend, legend_height) = legend(boundary.legend(), MARGIN, page.top, width);
    let area = Area { left: MARGIN, top: page.top + legend_height + 4.0, width, height: 540.0 };
    let (x, y) = boundary.axes(&boundary.probabilities[0]);
    let frame = Frame::within(x, y, area);
    let body = group("boundary")
        .with(legend)
        .with(frame.axes())
        .with(boundary.areas(&frame))
        .with(boundary.marks(&frame, MOST_DOTS, 4.5, true));
    page.finish(body, area.bottom())
}
