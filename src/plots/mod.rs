//! Pictures of a trained network as SVG documents: pure functions from plain data to text.
//!
//! Each picture is one file with a function of its name, such as [`curves`](curves()). They share the page (`page`), its
//! colours (`style`), elements (`svg`), texts (`words`), axes (`axes`, `frame`), bars (`bars`), legends (`legend`), images of cells
//! (`raster`, `diverging`, `tiles`), values over two inputs (`field`, `contour`) and marks (`marker`).
//!
//! A document is self-contained (no script, font or other file) and follows the reader's light or dark setting. Numbers
//! that are not finite are left out, and without data a document says so in words.

mod attention;
mod axes;
mod bars;
mod boundary;
mod calibration;
mod confusion;
mod contour;
mod contributions;
mod curves;
mod dependence;
mod diverging;
mod feature_maps;
mod field;
mod forward_pass;
mod frame;
mod gallery;
mod hidden_units;
mod importance;
mod layer;
mod legend;
mod marker;
mod network;
mod network_nodes;
mod occlusion;
mod overfitting;
mod page;
mod predicted_vs_true;
mod raster;
mod residuals;
mod roc;
mod style;
mod surface;
mod svg;
mod tiles;
mod unit_weights;
mod words;

#[cfg(test)]
mod tests;

pub use attention::{Attention, attention};
pub use boundary::{Boundary, Dot, boundary};
pub use calibration::calibration;
pub use confusion::confusion;
pub use contributions::{ColumnContribution, ContributionsTo, contributions};
pub use curves::{Curve, curves};
pub use dependence::{DependencePoint, DependsOn, dependence};
pub use feature_maps::{FeatureMaps, Sheets, feature_maps};
pub use field::Field;
pub use forward_pass::{ForwardPass, forward_pass};
pub use gallery::{Sample, gallery};
pub use hidden_units::{Unit, hidden_units};
pub use importance::{Importance, importance};
pub use layer::Layer;
pub use network::network;
pub use occlusion::{Occlusion, occlusion};
pub use overfitting::{Capacity, overfitting};
pub use predicted_vs_true::predicted_vs_true;
pub use residuals::residuals;
pub use roc::roc;
pub use surface::surface;
pub use unit_weights::unit_weights;

/// The most dots of a scatter plot.
const MOST_DOTS: usize = 3000;

/// At most `limit` of the items, evenly spread.
fn thinned<T>(items: &[T], limit: usize) -> impl Iterator<Item = &T> {
    let count = items.len().min(limit);
    (0..count).map(move |index| &items[index * items.len() / count])
}

/// " (3000 of 100000 drawn)" where at most `limit` dots are.
fn thinning_note(count: usize, limit: usize) -> String {
    if count > limit { format!(" ({limit} of {count} drawn)") } else { String::new() }
}

/// The indices of the `limit` largest of `sizes`, in ascending order.
fn largest(sizes: &[f64], limit: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..sizes.len()).collect();
    indices.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]));
    indices.truncate(limit);
    indices.sort_unstable();
    indices
}
