//! The `[data.augment]` section.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ImageShape;
use crate::invalid::Invalid;

/// The `[data.augment]` section: how training images are changed, each one anew in every epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Pixels by which an image is moved at most, up or down and to either side; 0 or more, below both sides of the image.
    pub shift: usize,
    /// Degrees by which it is turned at most, either way; 0 to 180.
    pub rotation: f64,
    /// Whether every second one, by chance, is mirrored, left and right.
    pub flip: bool,
    /// Rows and columns of a square somewhere on it that is replaced by the usual pixels of that place (DeVries and Taylor
    /// 2017); 0 for none, below both sides of the image.
    pub cut_out: usize,
}

impl AugmentConfig {
    /// Checks the section against the data: the shape of their images, if they are any.
    ///
    /// # Errors
    /// Data that are no images; a key out of its range.
    pub(super) fn check(&self, shape: Option<ImageShape>) -> Result<(), Invalid> {
        let Some(shape) = shape else {
            let message = "data.augment is for images: set data.image_shape if each row is one, or remove the section";
            return Err(Invalid::at("data.augment", message));
        };
        let side = shape.height.min(shape.width);
        for (key, found) in [("shift", self.shift), ("cut_out", self.cut_out)] {
            let key = format!("data.augment.{key}");
            Invalid::unless(found < side, &key, || {
                format!("{key} is {found}: it must be below {side}, the shorter side of an image")
            })?;
        }
        Invalid::unless((0.0..=180.0).contains(&self.rotation), "data.augment.rotation", || {
            format!("data.augment.rotation is {}: it must be from 0 to 180 degrees", self.rotation)
        })
    }
}
