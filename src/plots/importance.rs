//! Permutation importance of features.

use super::axes::is_drawable;
use super::bars::{Bar, bars};
use super::page::{MARGIN, Page, empty};
use super::svg::{Anchor, text};
use super::words::figure;

const MOST_FEATURES: usize = 25;

/// The importance of a feature, as the mean and standard deviation of repeated measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Importance {
    pub name: String,
    pub mean: f64,
    pub deviation: f64,
}

/// Bars from the most important feature down, at most 25, with whiskers of one standard deviation. `metric` names
/// what falls when a feature is shuffled, such as `R2`.
pub fn importance(title: &str, metric: &str, features: &[Importance]) -> String {
    let mut features: Vec<&Importance> = features.iter().filter(|feature| is_drawable(feature.mean)).collect();
    features.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    let Some(first) = features.first() else {
        return empty(title, "No feature's importance has been measured.");
    };
    let summary = match first.mean > 0.0 {
        true => format!("{metric} falls by {} when {} is shuffled.", figure(first.mean), first.name),
        false => format!("{metric} falls with no column that is shuffled."),
    };
    let page = Page::new(title, &summary);
    let num_left_out = features.len().saturating_sub(MOST_FEATURES);
    features.truncate(MOST_FEATURES);
    let hint = |feature: &Importance| {
        let deviation = if is_drawable(feature.deviation) { feature.deviation.abs() } else { 0.0 };
        format!("{}: {} ± {}", feature.name, figure(feature.mean), figure(deviation))
    };
    let rows: Vec<Bar> = features
        .iter()
        .map(|feature| Bar {
            name: &feature.name,
            value: feature.mean,
            deviation: feature.deviation,
            class: "bar",
            hint: hint(feature),
        })
        .collect();
    let (mut body, mut bottom) = bars("importance", &format!("drop of {metric} when shuffled"), &rows, page.top);
    if num_left_out > 0 {
        bottom += 16.0;
        body.add(text("muted more", (MARGIN, bottom), Anchor::Start, &format!("+{num_left_out} more")));
    }
    page.finish(body, bottom)
}
