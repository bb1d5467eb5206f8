//! `preprocessing.json`: the file form of a [`Preprocessor`], saved with the model.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Inputs, PreparedColumn, PreparedKind, PreparedTarget, PreparedText, Preprocessor};
use crate::data::{ImageShape, Reading, Readings, Scale, Spelling};

/// Incremented when the meaning of a saved [`Preprocessor`] changes.
const VERSION: u32 = 8;
/// Until then a cell of the target was one value, and no category was hashed; written where that is so, so that older programs can
/// read it.
const VERSION_WITHOUT_HASHES: u32 = 7;
/// Until then there were no columns of texts; written where there are none, for the same reason.
const VERSION_WITHOUT_TEXTS: u32 = 6;
/// Until then there was one target, a class or one number; written where there is one, for the same reason.
const VERSION_OF_ONE_TARGET: u32 = 5;
/// Until then there were no image files, colours, thresholds and counts; written where there are none, for the same
/// reason.
const VERSION_WITHOUT_IMAGES: u32 = 4;
/// Until then no column had bins; written where none has, for the same reason.
const VERSION_WITHOUT_BINS: u32 = 3;
/// Until then numbers among names had one spelling, and all columns were read plainly.
const VERSION_WITHOUT_READINGS: u32 = 2;
/// The versions that can be read.
pub(super) const VERSIONS: RangeInclusive<u32> = VERSION_WITHOUT_READINGS..=VERSION;

/// The keys of the file, which is flat where a [`Preprocessor`] distinguishes tables and texts.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved<'a> {
    #[serde(deserialize_with = "known_version")]
    version: u32,
    target_name: Cow<'a, str>,
    target: Cow<'a, PreparedTarget>,
    image_shape: Option<ImageShape>,
    scale: Scale,
    /// Empty for a text.
    columns: Cow<'a, [PreparedColumn]>,
    class_counts: Cow<'a, [u64]>,
    /// For a text only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, PreparedText>>,
    #[serde(default)]
    readings: Cow<'a, Readings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    threshold: Option<f32>,
}

impl Serialize for Preprocessor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { target_name, target, inputs, scale, class_counts, readings, threshold } = self;
        let text = match inputs {
            Inputs::Table { .. } => None,
            Inputs::Text(text) => Some(Cow::Borrowed(text)),
        };
        let saved = Saved {
            version: self.version(),
            target_name: target_name.into(),
            target: Cow::Borrowed(target),
            image_shape: self.image_shape(),
            scale: *scale,
            columns: self.columns().into(),
            class_counts: class_counts.into(),
            text,
            readings: Cow::Borrowed(readings),
            threshold: *threshold,
        };
        saved.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Preprocessor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Saved {
            version,
            target_name,
            target,
            image_shape,
            scale,
            columns,
            class_counts,
            text,
            readings,
            threshold,
        } = Saved::deserialize(deserializer)?;
        let readings = match version {
            VERSION_WITHOUT_READINGS => before_readings(&target_name, &target, &columns),
            _ => readings.into_owned(),
        };
        let inputs = match text {
            None => Inputs::Table { columns: columns.into_owned(), image_shape },
            Some(text) if columns.is_empty() && image_shape.is_none() => Inputs::Text(text.into_owned()),
            Some(_) => return Err(D::Error::custom("a text has neither columns nor an image_shape")),
        };
        Ok(Self {
            target_name: target_name.into_owned(),
            target: target.into_owned(),
            inputs,
            scale,
            class_counts: class_counts.into_owned(),
            readings,
            threshold,
        })
    }
}

impl Preprocessor {
    /// Whether [`VERSION_OF_ONE_TARGET`] lacks the kind of target.
    fn has_new_target(&self) -> bool {
        use PreparedTarget::{Labels, Numbers, Ordered, Quantiles};
        matches!(self.target, Numbers(_) | Labels(_) | Ordered(_) | Quantiles { .. })
    }

    /// The oldest version that has all that this one has.
    fn version(&self) -> u32 {
        let has_colours = self.image_shape().is_some_and(|shape| shape.channels > 1);
        match () {
            () if self.readings.separator(&self.target_name).is_some() || self.hashed_column().is_some() => VERSION,
            () if self.text_column().is_some() => VERSION_WITHOUT_HASHES,
            () if self.has_new_target() => VERSION_WITHOUT_TEXTS,
            () if self.readings.image_files || has_colours || self.threshold.is_some() || self.is_count() => {
                VERSION_OF_ONE_TARGET
            }
            () if self.has_bins() => VERSION_WITHOUT_IMAGES,
            () => VERSION_WITHOUT_BINS,
        }
    }
}

/// Names that are all numbers, in the one spelling that they had, are found in any.
fn before_readings(target_name: &str, target: &PreparedTarget, columns: &[PreparedColumn]) -> Readings {
    let of_columns = columns.iter().filter_map(|column| match &column.kind {
        PreparedKind::Categorical { categories, .. } => Some((column.name.as_str(), &categories[..])),
        PreparedKind::Numeric { .. } | PreparedKind::Text { .. } => None,
    });
    let of_target = match target {
        PreparedTarget::Classes(names) => Some((target_name, &names[..])),
        _ => None,
    };
    let names = of_columns.chain(of_target).filter(|(_, names)| Spelling::of_canonical(names) == Spelling::Number);
    let columns = names.map(|(name, _)| (name.to_owned(), Reading::Names(Spelling::Number)));
    Readings { columns: columns.collect(), ..Readings::default() }
}

fn known_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        known if VERSIONS.contains(&known) => Ok(known),
        other => Err(D::Error::custom(format!("unsupported version (got {other}, supports {VERSION})"))),
    }
}
