//! SVG elements as text: one builder for all of them, escaping and the format of coordinates.

use std::fmt;

use crate::shown::is_foreign;

/// An element whose attributes and content are already text.
pub(super) struct Element {
    tag: &'static str,
    attributes: String,
    content: String,
}

#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Element {
    pub fn new(tag: &'static str, class: &str) -> Self {
        let element = Self { tag, attributes: String::new(), content: String::new() };
        if class.is_empty() { element } else { element.attribute("class", class) }
    }

    pub fn attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.push_str(&format!(" {name}=\"{}\"", escaped(value)));
        self
    }

    pub fn number(self, name: &str, value: f64) -> Self {
        self.attribute(name, &coordinate(value))
    }

    /// Sets the content to text; children are added with [`Element::with`].
    pub fn containing(mut self, text: &str) -> Self {
        self.content = escaped(text);
        self
    }

    /// The tooltip, which screen readers read out.
    pub fn hint(self, text: &str) -> Self {
        self.with(Element::new("title", "").containing(text))
    }

    pub fn with(mut self, child: Element) -> Self {
        self.add(child);
        self
    }

    pub fn add(&mut self, child: Element) {
        self.content.push_str(&child.to_string());
    }

    pub fn extend(&mut self, children: impl IntoIterator<Item = Element>) {
        children.into_iter().for_each(|child| self.add(child));
    }

    pub fn opacity(self, value: f64) -> Self {
        self.number("fill-opacity", value)
    }

    /// Moves the element's origin to `(x, y)`, then scales it.
    pub fn placed(self, (x, y): (f64, f64), (scale_x, scale_y): (f64, f64)) -> Self {
        // Four decimals: a scale is multiplied by up to hundreds of cells.
        let [x, y, scale_x, scale_y] = [x, y, scale_x, scale_y].map(|value| decimal(value, 4));
        self.attribute("transform", &format!("translate({x} {y}) scale({scale_x} {scale_y})"))
    }
}

impl fmt::Display for Element {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tag, attributes, content } = self;
        if content.is_empty() {
            write!(formatter, "<{tag}{attributes}/>")
        } else {
            write!(formatter, "<{tag}{attributes}>{content}</{tag}>")
        }
    }
}

pub(super) fn group(class: &str) -> Element {
    Element::new("g", class)
}

pub(super) fn rectangle(class: &str, left: f64, top: f64, width: f64, height: f64) -> Element {
    let corner = Element::new("rect", class).number("x", left).number("y", top);
    corner.number("width", width.max(0.0)).number("height", height.max(0.0))
}

pub(super) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> Element {
    Element::new("line", class).number("x1", from.0).number("y1", from.1).number("x2", to.0).number("y2", to.1)
}

pub(super) fn circle(class: &str, center: (f64, f64), radius: f64) -> Element {
    Element::new("circle", class).number("cx", center.0).number("cy", center.1).number("r", radius)
}

pub(super) fn path(class: &str, data: &str) -> Element {
    Element::new("path", class).attribute("d", data)
}

/// Text with its baseline at `y`.
pub(super) fn text(class: &str, (x, y): (f64, f64), anchor: Anchor, content: &str) -> Element {
    let element = Element::new("text", class).number("x", x).number("y", y);
    let element = match anchor {
        Anchor::Start => element,
        Anchor::Middle => element.attribute("text-anchor", "middle"),
        Anchor::End => element.attribute("text-anchor", "end"),
    };
    element.containing(content)
}

/// One text over several lines; the first has its baseline at `y`.
pub(super) fn paragraph(class: &str, (x, y): (f64, f64), anchor: Anchor, lines: &[String], height: f64) -> Element {
    let mut paragraph = text(class, (x, y), anchor, "");
    for (index, line) in lines.iter().enumerate() {
        // The space separates the lines where only the text is read.
        let content = if index + 1 == lines.len() { line.clone() } else { format!("{line} ") };
        let line = Element::new("tspan", "").number("x", x).number("y", y + index as f64 * height);
        paragraph.add(line.containing(&content));
    }
    paragraph
}

/// Path data of straight lines through `points`.
pub(super) fn through(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let step = |(index, (x, y))| {
        let command = if index == 0 { 'M' } else { 'L' };
        format!("{command}{} {}", coordinate(x), coordinate(y))
    };
    points.into_iter().enumerate().map(step).collect()
}

/// Text escaped for content and attributes; characters that XML forbids are dropped.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {}
            _ if character.is_control() || is_foreign(character) => {}
            _ => safe.push(character),
        }
    }
    safe
}

/// A coordinate, rounded to a hundredth of a unit.
pub(super) fn coordinate(value: f64) -> String {
    decimal(value, 2)
}

/// `value` with at most `places` decimals; 0 for what is not finite, so that no such number reaches a document.
fn decimal(value: f64, places: usize) -> String {
    if !value.is_finite() {
        return "0".into();
    }
    without_zeros(&format!("{value:.places$}"))
}

/// Drops trailing zeros of a decimal fraction, and the sign of a zero.
pub(super) fn without_zeros(number: &str) -> String {
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    if number == "-0" { "0".into() } else { number.into() }
}
