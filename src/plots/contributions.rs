//! What each column of a row adds to its prediction.

use super::axes::is_drawable;
use super::bars::{Bar, bars};
use super::page::{MARGIN, Page, empty};
use super::svg::{Anchor, group, text};
use super::words::{counted, figure, signed};

/// Further columns are one bar together.
const MOST_COLUMNS: usize = 20;
/// Numbers of one prediction; the others are named.
const MOST_PANELS: usize = 6;

/// The contributions to one number of a prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct ContributionsTo {
    /// `the probability of setosa`
    pub what: String,
    /// Over the background.
    pub mean: f64,
    /// Of the row.
    pub value: f64,
    /// The largest first.
    pub columns: Vec<ColumnContribution>,
}

/// What a column adds, with its standard error.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnContribution {
    /// The column and its cell.
    pub name: String,
    pub value: f64,
    pub error: f64,
}

/// A panel per number of the prediction: bars to the right of zero for what raises it, to the left for what lowers it.
/// `note` is appended to the summary.
pub fn contributions(title: &str, numbers: &[ContributionsTo], note: &str) -> String {
    let is_shown = |to: &&ContributionsTo| is_drawable(to.mean) && is_drawable(to.value) && !to.columns.is_empty();
    let mut shown: Vec<&ContributionsTo> = numbers.iter().filter(is_shown).collect();
    let Some(first) = shown.first() else {
        return empty(title, "There is nothing to explain: no number is finite.");
    };
    let mut summary = format!(
        "{}: {}, the mean ({}) and {} by the columns.",
        first.what,
        figure(first.value),
        figure(first.mean),
        signed(first.value - first.mean)
    );
    if shown.len() > MOST_PANELS {
        summary += &format!(" {} more are not drawn.", shown.len() - MOST_PANELS);
        shown.truncate(MOST_PANELS);
    }
    let page = Page::new(title, &format!("{summary} {note}"));
    let mut body = group("contributions");
    let mut bottom = page.top;
    for to in shown {
        if numbers.len() > 1 {
            bottom += 20.0;
            let heading =
                format!("{}: {} = {} {}", to.what, figure(to.value), figure(to.mean), signed(to.value - to.mean));
            body.add(text("text bold", (MARGIN, bottom), Anchor::Start, &heading));
            bottom += 6.0;
        }
        let (panel, end) = panel(to, bottom);
        body.add(panel);
        bottom = end + 8.0;
    }
    page.finish(body, bottom)
}

fn panel(to: &ContributionsTo, top: f64) -> (super::svg::Element, f64) {
    let (shown, rest) = to.columns.split_at(to.columns.len().min(MOST_COLUMNS));
    let others = (!rest.is_empty()).then(|| ColumnContribution {
        name: counted(rest.len(), "other column"),
        value: rest.iter().map(|column| column.value).sum(),
        error: 0.0,
    });
    let class = |value: f64| if value < 0.0 { "bar-down" } else { "bar-up" };
    let bar = |column: &'_ ColumnContribution| {
        let error = if column.error > 0.0 { format!(" ± {}", figure(column.error)) } else { String::new() };
        format!("{}: {}{error}", column.name, signed(column.value))
    };
    let rows: Vec<Bar> = shown
        .iter()
        .chain(&others)
        .filter(|column| is_drawable(column.value))
        .map(|column| Bar {
            name: &column.name,
            value: column.value,
            deviation: column.error,
            class: class(column.value),
            hint: bar(column),
        })
        .collect();
    bars("panel", "added to the mean", &rows, top)
}
