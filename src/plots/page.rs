//! The document around a picture: size, accessible title and description, heading and summary.

use super::style;
use super::svg::{Anchor, Element, coordinate, paragraph, rectangle};
use super::words::wrapped;

/// Width of a document in user units.
pub(super) const WIDTH: f64 = 720.0;
/// The margin on every side.
pub(super) const MARGIN: f64 = 16.0;

const HEADING_SIZE: f64 = 18.0;
const SUMMARY_SIZE: f64 = 14.0;
const LINE_HEIGHT: f64 = 1.35;

/// A document with its heading and summary.
pub(super) struct Page {
    title: String,
    summary: String,
    header: Element,
    /// Where the picture begins, under the heading and the summary.
    pub top: f64,
}

impl Page {
    /// `summary` states the result in words, for display and for screen readers.
    pub fn new(title: &str, summary: &str) -> Self {
        let mut header = Element::new("g", "header");
        let mut top = MARGIN;
        for (class, content, size) in [("text heading", title, HEADING_SIZE), ("muted summary", summary, SUMMARY_SIZE)]
        {
            let lines = wrapped(content, WIDTH - 2.0 * MARGIN, size);
            header.add(paragraph(class, (MARGIN, top + size), Anchor::Start, &lines, size * LINE_HEIGHT));
            top += lines.len() as f64 * size * LINE_HEIGHT + 3.0;
        }
        Self { title: title.into(), summary: summary.into(), header, top: top + 10.0 }
    }

    /// The whole document; `bottom` is the lowest coordinate of the picture.
    pub fn finish(self, body: Element, bottom: f64) -> String {
        let height = (bottom + MARGIN).ceil();
        Element::new("svg", "plot")
            .attribute("xmlns", "http://www.w3.org/2000/svg")
            .attribute("viewBox", &format!("0 0 {WIDTH} {}", coordinate(height)))
            .number("width", WIDTH)
            .number("height", height)
            .attribute("role", "img")
            .with(Element::new("title", "").containing(&self.title))
            .with(Element::new("desc", "").containing(&self.summary))
            .with(Element::new("style", "").containing(&style::sheet()))
            .with(rectangle("background", 0.0, 0.0, WIDTH, height))
            .with(self.header)
            .with(body)
            .to_string()
    }
}

/// A document without a picture that says why there is none.
pub(super) fn empty(title: &str, reason: &str) -> String {
    let page = Page::new(title, reason);
    let bottom = page.top;
    page.finish(Element::new("g", "empty"), bottom)
}
