//! Training and validation loss against the number of hidden units.

use std::collections::BTreeMap;

use super::axes::{Axis, is_drawable};
use super::frame::{Area, Frame};
use super::legend::{Entry, legend, train_and_validation};
use super::page::{MARGIN, Page, WIDTH, empty};
use super::predicted_vs_true::mean;
use super::svg::{Anchor, circle, group, path, text, through};
use super::words::{counted, figure};
use super::{MOST_DOTS, thinned, thinning_note};

/// The losses of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    /// Hidden units of its network.
    pub units: usize,
    pub train_loss: f64,
    pub validation_loss: f64,
}

/// (units, loss)
type Points = Vec<(f64, f64)>;

/// A dot per run and loss, and lines through the means: training dashed, validation solid; the size with the lowest
/// validation loss is marked. `note` is appended to the summary.
pub fn overfitting(title: &str, points: &[Capacity], note: &str) -> String {
    let of = |loss: fn(&Capacity) -> f64| -> Points {
        let points = points.iter().filter(|point| point.units > 0).map(|point| (point.units as f64, loss(point)));
        points.filter(|point| is_drawable(point.1)).collect()
    };
    let (train, validation) = (of(|point| point.train_loss), of(|point| point.validation_loss));
    let both = || train.iter().chain(&validation);
    if both().next().is_none() {
        return empty(title, "No run with hidden units and finite losses has been recorded.");
    }
    let (train_means, validation_means) = (means(&train), means(&validation));
    let best = validation_means.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1));
    let summary = summary(train.len().max(validation.len()), best, &train_means, &validation_means);
    let page = Page::new(title, &(summary + " Losses of the last epoch." + note));
    let width = WIDTH - 2.0 * MARGIN;
    let mut entries = train_and_validation(!validation.is_empty());
    entries.push(Entry::new(circle("validation-dot key", (0.0, 0.0), 4.0), "one run (lines: means)"));
    let (mut body, legend_height) = legend(entries, MARGIN, page.top, width);
    let sizes: Vec<f64> = means(&both().copied().collect::<Points>()).into_iter().map(|point| point.0).collect();
    let (first, last) = (sizes[0], sizes[sizes.len() - 1]);
    let x = Axis::logarithmic("hidden units", first, last, sizes);
    let y = Axis::around("loss", both().map(|point| point.1));
    let area = Area { left: MARGIN, top: page.top + legend_height + 4.0, width, height: 420.0 };
    let frame = Frame::within(x, y, area);
    body.add(frame.axes());
    if let Some((units, _)) = best {
        body.add(frame.vertical("best", units));
        let place = (frame.x_at(units), frame.inner.top - 6.0);
        body.add(text("text tick best-label", place, Anchor::Middle, &format!("best {units}")));
    }
    for (part, all, means) in [("train", &train, &train_means), ("validation", &validation, &validation_means)] {
        let line = through(means.iter().map(|&point| frame.at(point)));
        let dots = thinned(all, MOST_DOTS / 2).map(|&point| circle(&format!("dot {part}-dot"), frame.at(point), 4.0));
        let mut series = group("series");
        if means.len() > 1 {
            series.add(path(&format!("curve {part}"), &line));
        }
        series.extend(dots);
        body.add(series);
    }
    page.finish(body, area.bottom())
}

/// The mean loss of each size, ascending.
fn means(points: &Points) -> Points {
    let mut losses: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for &(units, loss) in points {
        losses.entry(units as usize).or_default().push(loss);
    }
    losses.into_iter().map(|(units, losses)| (units as f64, mean(losses.into_iter()))).collect()
}

fn summary(num_runs: usize, best: Option<(f64, f64)>, train: &Points, validation: &Points) -> String {
    let runs = format!("{}{}.", counted(num_runs, "run"), thinning_note(2 * num_runs, MOST_DOTS));
    let Some((units, loss)) = best else {
        return format!("{runs} No validation loss has been recorded.");
    };
    let mut summary = format!(
        "{runs} The validation loss is least, {}, with {}.",
        figure(loss),
        counted(units as usize, "hidden unit")
    );
    let at = |points: &Points, units: f64| points.iter().find(|point| point.0 == units).map(|point| point.1);
    let last = validation.last().filter(|last| last.0 > units);
    if let Some((&(largest, end), (before, after))) =
        last.zip(at(train, units).zip(last.and_then(|last| at(train, last.0))))
    {
        let verb = if after < before { "falls" } else { "goes" };
        summary += &format!(
            " With {largest} it is {}, while the training loss {verb} from {} to {}.",
            figure(end),
            figure(before),
            figure(after)
        );
    }
    summary
}
