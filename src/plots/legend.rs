//! Legends and colour bars.

use super::svg::{Anchor, Element, group, line, rectangle, text};
use super::words::{shortened, text_width};

const ROW_HEIGHT: f64 = 22.0;
const MARK_WIDTH: f64 = 28.0;

/// A mark, drawn around the origin in 24 x 16 units, and what it means.
pub(super) struct Entry {
    mark: Element,
    meaning: String,
}

impl Entry {
    pub fn new(mark: Element, meaning: &str) -> Self {
        Self { mark, meaning: shortened(meaning, 260.0, 14.0) }
    }

    /// A line of a class, e.g. `"curve train"`.
    pub fn line(class: &str, meaning: &str) -> Self {
        Self::new(line(class, (-11.0, 0.0), (11.0, 0.0)), meaning)
    }
}

/// The lines of training, and of validation where there is any.
pub(super) fn train_and_validation(has_validation: bool) -> Vec<Entry> {
    let mut entries = vec![Entry::line("curve train", "training")];
    entries.extend(has_validation.then(|| Entry::line("curve validation", "validation")));
    entries
}

/// The entries side by side, wrapped into rows, and their total height.
pub(super) fn legend(entries: Vec<Entry>, left: f64, top: f64, width: f64) -> (Element, f64) {
    let mut legend = group("legend");
    let (mut x, mut row) = (0.0, 0);
    for Entry { mark, meaning } in entries {
        let needed = MARK_WIDTH + text_width(&meaning, 14.0) + 16.0;
        if x > 0.0 && x + needed > width {
            (x, row) = (0.0, row + 1);
        }
        let middle = top + f64::from(row) * ROW_HEIGHT + ROW_HEIGHT / 2.0;
        let at = group("entry").placed((left + x + MARK_WIDTH / 2.0 - 2.0, middle), (1.0, 1.0));
        legend.add(at.with(mark));
        legend.add(text("text", (left + x + MARK_WIDTH, middle + 5.0), Anchor::Start, &meaning));
        x += needed;
    }
    (legend, f64::from(row + 1) * ROW_HEIGHT)
}

pub(super) const BAR_HEIGHT: f64 = 26.0;

/// A row of (class, opacity) from the lowest to the highest value, between the `ends` in words.
pub(super) fn color_bar(name: &str, steps: &[(String, f64)], ends: (&str, &str), left: f64, top: f64) -> Element {
    let name = shortened(name, 280.0, 14.0);
    let baseline = top + 17.0;
    let low_end = left + text_width(&name, 14.0) + 12.0 + text_width(ends.0, 13.0);
    let start = low_end + 6.0;
    let mut bar = group("color-bar");
    bar.add(text("text", (left, baseline), Anchor::Start, &name));
    bar.add(text("muted tick", (low_end, baseline), Anchor::End, ends.0));
    for (index, (class, opacity)) in steps.iter().enumerate() {
        let x = start + index as f64 * 14.0;
        bar.add(rectangle(&format!("step {class}"), x, top + 4.0, 14.0, 16.0).opacity(*opacity));
    }
    let width = steps.len() as f64 * 14.0;
    bar.add(rectangle("edge-of-image", start, top + 4.0, width, 16.0));
    bar.add(text("muted tick", (start + width + 6.0, baseline), Anchor::Start, ends.1));
    bar
}
