//! Calibration of predicted probabilities (reliability diagram).

use super::axes::Axis;
use super::frame::{Area, Frame};
use super::page::{Page, WIDTH, empty};
use super::roc::rated;
use super::svg::{circle, group, line, path, through};
use super::words::{counted, figure};

const NUM_BINS: usize = 10;
const SIDE: f64 = 500.0;
const LARGEST_RADIUS: f64 = 14.0;

/// The rows whose score lies in one tenth of the range.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bin {
    pub count: usize,
    /// Mean score; 0 in an empty bin.
    pub mean_predicted: f64,
    /// Share of rows that are positive; 0 in an empty bin.
    pub observed: f64,
}

/// Mean predicted probability against the observed share in ten bins of equal width, with the counts below.
pub fn calibration(title: &str, positive: &str, truths: &[bool], scores: &[f64]) -> String {
    let mut rows = rated(truths, scores);
    rows.retain(|row| (0.0..=1.0).contains(&row.1));
    if rows.is_empty() {
        return empty(title, "There is no row with a probability from 0 to 1.");
    }
    let bins = bins(&rows);
    let summary = format!(
        "The expected calibration error for class {positive} is {} over {}: 0 would lie on the diagonal.",
        figure(expected_error(&bins)),
        counted(rows.len(), "row"),
    );
    let page = Page::new(title, &summary);
    let upper = Area { left: (WIDTH - SIDE) / 2.0 - 20.0, top: page.top, width: SIDE, height: SIDE - 30.0 };
    let shares = |name| Axis::exact(name, 0.0, 1.0);
    let frame = Frame::within(shares(""), shares("observed share"), upper);
    let largest = bins.iter().map(|bin| bin.count).max().unwrap_or(0);
    let filled = || bins.iter().filter(|bin| bin.count > 0);
    let mut body = group("calibration").with(frame.axes());
    body.add(line("diagonal", frame.at((0.0, 0.0)), frame.at((1.0, 1.0))));
    body.add(path("curve observed", &through(filled().map(|bin| frame.at((bin.mean_predicted, bin.observed))))));
    for bin in filled() {
        let radius = (LARGEST_RADIUS * (bin.count as f64 / largest as f64).sqrt()).max(2.5);
        let hint = format!(
            "{}: predicted {}, observed {}",
            counted(bin.count, "row"),
            figure(bin.mean_predicted),
            figure(bin.observed)
        );
        body.add(circle("count-point", frame.at((bin.mean_predicted, bin.observed)), radius).hint(&hint));
    }
    let lower = Area { top: upper.bottom() + 8.0, height: 170.0, ..upper };
    let mut histogram = Frame::within(shares("predicted probability"), Axis::counts("rows", largest), lower);
    // Both share the horizontal axis.
    (histogram.inner.left, histogram.inner.width) = (frame.inner.left, frame.inner.width);
    body.add(histogram.axes());
    for (index, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        let edges = (index as f64 / NUM_BINS as f64, (index + 1) as f64 / NUM_BINS as f64);
        let bar = histogram.rectangle("bar", (edges.0 + 0.004, edges.1 - 0.004), (0.0, bin.count as f64));
        body.add(bar.hint(&counted(bin.count, "row")));
    }
    page.finish(body, lower.bottom())
}

/// Ten bins of equal width; a score on an edge belongs to the lower one, as in scikit-learn's `calibration_curve`.
pub(crate) fn bins(rows: &[(bool, f64)]) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); NUM_BINS];
    for &(is_positive, score) in rows {
        let bin = &mut bins[(1..NUM_BINS).filter(|&edge| edge as f64 * 0.1 < score).count()];
        bin.count += 1;
        bin.mean_predicted += score;
        bin.observed += f64::from(u8::from(is_positive));
    }
    for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
        bin.mean_predicted /= bin.count as f64;
        bin.observed /= bin.count as f64;
    }
    bins
}

/// Expected calibration error: the mean distance between predicted and observed, each bin weighted by its number of
/// rows (Guo et al. 2017).
pub(crate) fn expected_error(bins: &[Bin]) -> f64 {
    let total: usize = bins.iter().map(|bin| bin.count).sum();
    bins.iter().map(|bin| bin.count as f64 * (bin.mean_predicted - bin.observed).abs()).sum::<f64>() / total as f64
}
