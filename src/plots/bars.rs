//! Horizontal bars from zero, one per name, with whiskers.

use super::axes::{Axis, is_drawable};
use super::frame::{Area, Frame};
use super::page::{MARGIN, WIDTH};
use super::svg::{Anchor, Element, group, line, text};
use super::words::{shortened, text_width};

const ROW_HEIGHT: f64 = 25.0;
const NAME_WIDTH: f64 = 190.0;

pub(super) struct Bar<'a> {
    pub name: &'a str,
    pub value: f64,
    /// Half the length of the whisker.
    pub deviation: f64,
    pub class: &'static str,
    /// The tooltip.
    pub hint: String,
}

impl Bar<'_> {
    /// 0 where it is not finite: then no whisker is drawn.
    fn deviation(&self) -> f64 {
        if is_drawable(self.deviation) { self.deviation.abs() } else { 0.0 }
    }
}

/// The bars from the first down, under `top`, and where they end; `axis` names what the values are.
pub(super) fn bars(class: &str, axis: &str, bars: &[Bar<'_>], top: f64) -> (Element, f64) {
    let ends = bars.iter().flat_map(|bar| [bar.value - bar.deviation(), bar.value + bar.deviation()]);
    let values = Axis::around(axis, ends.chain([0.0]));
    let beside = bars.iter().map(|bar| text_width(bar.name, 14.0)).fold(0.0, f64::max).min(NAME_WIDTH);
    let left = MARGIN + beside;
    let height = bars.len() as f64 * ROW_HEIGHT + 46.0;
    let area = Area { left, top, width: WIDTH - MARGIN - left, height };
    let rows = Axis::exact("", 0.0, bars.len() as f64).without_ticks();
    let frame = Frame::within(values, rows, area);
    let mut body = group(class).with(frame.axes());
    for (index, bar) in bars.iter().enumerate() {
        body.extend(row(&frame, bar, (bars.len() - index) as f64 - 0.5));
    }
    body.add(frame.vertical("zero", 0.0));
    (body, area.bottom())
}

fn row(frame: &Frame, bar: &Bar<'_>, middle: f64) -> Vec<Element> {
    let deviation = bar.deviation();
    let (y, left) = (frame.y_at(middle), frame.inner.left);
    let mut row = vec![
        text("text feature", (left - 8.0, y + 5.0), Anchor::End, &shortened(bar.name, NAME_WIDTH, 14.0)),
        frame.rectangle(bar.class, (0.0, bar.value), (middle - 0.36, middle + 0.36)).hint(&bar.hint),
    ];
    if deviation > 0.0 {
        let (low, high) = (frame.x_at(bar.value - deviation), frame.x_at(bar.value + deviation));
        let whisker = group("whisker")
            .with(line("", (low, y), (high, y)))
            .with(line("", (low, y - 4.0), (low, y + 4.0)))
            .with(line("", (high, y - 4.0), (high, y + 4.0)));
        row.push(whisker);
    }
    row
}
