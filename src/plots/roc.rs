//! The receiver operating characteristic: true against false positive rate at every threshold.

use super::axes::{Axis, is_drawable};
use super::frame::{Area, Frame};
use super::page::{Page, WIDTH, empty};
use super::svg::{group, line, path, through};
use super::words::{counted, figure};

const SIDE: f64 = 520.0;

/// The ROC curve of scores for the class `positive`; `truths` tells which rows are of that class.
pub fn roc(title: &str, positive: &str, truths: &[bool], scores: &[f64]) -> String {
    let rows = rated(truths, scores);
    let num_positive = rows.iter().filter(|row| row.0).count();
    let num_negative = rows.len() - num_positive;
    if num_positive == 0 || num_negative == 0 {
        return empty(title, "A ROC curve needs rows of both classes, with finite scores.");
    }
    let steps = steps(&rows);
    let summary = format!(
        "The area under the curve (AUC) is {}: 1 is perfect, 0.5 is chance. {} of class {positive}, {num_negative} others.",
        figure(area(&steps)),
        counted(num_positive, "row"),
    );
    let page = Page::new(title, &summary);
    let area = Area { left: (WIDTH - SIDE) / 2.0 - 20.0, top: page.top, width: SIDE, height: SIDE };
    let x = Axis::exact("false positive rate", 0.0, 1.0);
    let frame = Frame::within(x, Axis::exact("true positive rate", 0.0, 1.0), area);
    let points = sparse(steps.into_iter().map(|step| frame.at(step)));
    let body = group("roc")
        .with(frame.axes())
        .with(line("diagonal", frame.at((0.0, 0.0)), frame.at((1.0, 1.0))))
        .with(path("roc-line", &through(points)));
    page.finish(body, area.bottom())
}

/// Rows (is positive, score) with a finite score.
pub(super) fn rated(truths: &[bool], scores: &[f64]) -> Vec<(bool, f64)> {
    truths.iter().copied().zip(scores.iter().copied()).filter(|row| is_drawable(row.1)).collect()
}

/// (False positive rate, true positive rate) at every threshold from the highest score down, from (0, 0) to (1, 1);
/// equal scores are one step. Needs rows of both classes.
pub(crate) fn steps(rows: &[(bool, f64)]) -> Vec<(f64, f64)> {
    let mut ranked = rows.to_vec();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let num_positive = ranked.iter().filter(|row| row.0).count() as f64;
    let num_negative = ranked.len() as f64 - num_positive;
    let mut counts = (0.0, 0.0);
    let mut steps = vec![(0.0, 0.0)];
    for tied in ranked.chunk_by(|a, b| a.1 == b.1) {
        let hits = tied.iter().filter(|row| row.0).count() as f64;
        counts = (counts.0 + tied.len() as f64 - hits, counts.1 + hits);
        steps.push((counts.0 / num_negative, counts.1 / num_positive));
    }
    steps
}

/// Area under the steps (trapezoids, so that ties count half).
pub(crate) fn area(steps: &[(f64, f64)]) -> f64 {
    steps.windows(2).map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0).sum()
}

/// Leaves out points that make no visible difference: those on a straight line, or within a quarter of a unit of the
/// last corner.
fn sparse(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let points: Vec<(f64, f64)> = points.collect();
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (index, &point) in points.iter().enumerate() {
        let Some(&last) = kept.last() else {
            kept.push(point);
            continue;
        };
        let Some(&next) = points.get(index + 1) else {
            kept.push(point);
            break;
        };
        let is_near = (point.0 - last.0).abs().max((point.1 - last.1).abs()) < 0.25;
        let is_straight = (last.0 == point.0 && point.0 == next.0) || (last.1 == point.1 && point.1 == next.1);
        if !is_near && !is_straight {
            kept.push(point);
        }
    }
    kept
}
