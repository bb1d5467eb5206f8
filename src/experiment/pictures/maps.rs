//! Filters and feature maps of a convolutional network on one test example.

use super::subject::{FeatureMaps, Subject};
use crate::plots::{self, Sheets};

/// The first convolution's filters, and the maps after each convolution for a test row.
pub(super) fn feature_maps(subject: &Subject) -> Option<String> {
    let shape = subject.preprocessor.image_shape()?;
    if subject.test.is_empty() {
        return None;
    }
    let maps = subject.network.feature_maps(subject.test, subject.example)?;
    let sheets = |FeatureMaps { height, width, maps }: FeatureMaps| Sheets { height, width, values: maps };
    let about = format!(
        "What each filter finds in the image{}. A filter passes over the image; where the image is like it, its map is strong.",
        subject.example_told()
    );
    let found = plots::FeatureMaps {
        about,
        image: (
            shape.height,
            shape.width,
            shape.grey(&subject.preprocessor.raw_numbers(subject.test, subject.example)),
        ),
        filters: filters(subject),
        maps: maps.into_iter().map(sheets).collect(),
    };
    Some(plots::feature_maps(&subject.titled("Filters and feature maps"), &found))
}

/// Those of a convolution over several channels are no images.
fn filters(subject: &Subject) -> Option<Sheets> {
    let weight = subject.weights.get("convolutions.0.weight")?;
    let [_, 1, height, width] = weight.shape[..] else { return None };
    Some(Sheets { height, width, values: weight.values.chunks_exact(height * width).map(<[f32]>::to_vec).collect() })
}
