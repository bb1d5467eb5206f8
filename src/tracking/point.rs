//! Metric keys and measured points.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::TrackingError;
use crate::metric::{self, Goal};

/// Names a metric of one split, `split/metric`: `validation/loss`, `test/f1_macro`.
///
/// Both parts use `a-z`, `0-9` and `_`; the metric may also use `.`, `@` and `-`. At most 100 characters in all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MetricKey(String);

impl MetricKey {
    /// The key of `metric` on `split`.
    ///
    /// # Errors
    /// [`InvalidMetricKey`] for characters outside the alphabet.
    pub fn new(split: &str, metric: &str) -> Result<Self, InvalidMetricKey> {
        format!("{split}/{metric}").try_into()
    }

    /// The whole key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the slash: `validation`.
    pub fn split(&self) -> &str {
        self.parts().0
    }

    /// The part after the slash: `loss`.
    pub fn metric(&self) -> &str {
        self.parts().1
    }

    /// Which direction is better; `None` for a metric that is neither good nor bad, and for one that
    /// [`metric::METRICS`] does not list.
    pub fn goal(&self) -> Option<Goal> {
        metric::find(self.metric())?.goal
    }

    /// As [`MetricKey::goal`], where something has to be chosen by this metric.
    ///
    /// # Errors
    /// [`TrackingError::NoDirection`] for a metric that has none.
    pub fn required_goal(&self) -> Result<Goal, TrackingError> {
        self.goal().ok_or_else(|| TrackingError::NoDirection { key: self.to_string() })
    }

    /// The lowest and the highest finite value that the metric can take; infinite where there is no bound.
    pub fn bounds(&self) -> (f64, f64) {
        metric::find(self.metric()).map_or((f64::NEG_INFINITY, f64::INFINITY), |metric| metric.bounds)
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').expect("checked when it was made")
    }
}

/// Text that is not a metric key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a metric key: write `split/metric` with a-z, 0-9, `_` (and `.`, `@`, `-` in the metric)")]
pub struct InvalidMetricKey {
    /// The text.
    pub text: String,
}

impl TryFrom<String> for MetricKey {
    type Error = InvalidMetricKey;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let word = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        let is_key = text.len() <= 100
            && text.split_once('/').is_some_and(|(split, metric)| {
                !split.is_empty()
                    && !metric.is_empty()
                    && split.bytes().all(word)
                    && metric.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'@' | b'-'))
            });
        if is_key { Ok(Self(text)) } else { Err(InvalidMetricKey { text }) }
    }
}

impl FromStr for MetricKey {
    type Err = InvalidMetricKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

impl From<MetricKey> for String {
    fn from(key: MetricKey) -> Self {
        key.0
    }
}

impl fmt::Display for MetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One measured value of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// What was measured.
    pub key: MetricKey,
    /// 1-based epoch; 0 for a value measured once, after training.
    pub epoch: u64,
    /// Optimizer updates since the start of the run.
    pub step: u64,
    /// Seconds since the start of the run, finite and >= 0.
    pub time: f64,
    /// The value. NaN and the infinities survive the store, the CSV file and JSON (as the strings `"NaN"`,
    /// `"Infinity"` and `"-Infinity"`, which JavaScript's `Number()` reads); only the sign of -0.0 is lost.
    #[serde(with = "json_float")]
    pub value: f64,
}

/// A point without its key: an element of a series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// See [`Point::epoch`].
    pub epoch: u64,
    /// See [`Point::step`].
    pub step: u64,
    /// See [`Point::time`].
    pub time: f64,
    /// See [`Point::value`].
    #[serde(with = "json_float")]
    pub value: f64,
}

/// JSON has no NaN and no infinities: they are written as strings.
pub(super) mod json_float {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            serializer.serialize_f64(*value)
        } else if value.is_nan() {
            serializer.serialize_str("NaN")
        } else {
            serializer.serialize_str(if *value > 0.0 { "Infinity" } else { "-Infinity" })
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum NumberOrText {
            Number(f64),
            Text(String),
        }
        match NumberOrText::deserialize(deserializer)? {
            NumberOrText::Number(value) => Ok(value),
            NumberOrText::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_split_slash_metric() {
        let key: MetricKey = "validation/f1_macro".parse().unwrap();
        assert_eq!((key.split(), key.metric()), ("validation", "f1_macro"));
        assert_eq!(MetricKey::new("test", "precision@5").unwrap().to_string(), "test/precision@5");
        for bad in ["loss", "/loss", "test/", "a/b/c", "Test/loss", "te st/x", "t/é", "t/a,b", "t/a\"", "../x", ""] {
            assert!(bad.parse::<MetricKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn losses_go_down_scores_go_up_and_what_is_unknown_goes_nowhere() {
        let key = |key: &str| key.parse::<MetricKey>().unwrap();
        assert_eq!(key("validation/log_loss").goal(), Some(Goal::Lower));
        assert_eq!(key("test/bits_per_character").goal(), Some(Goal::Lower));
        assert_eq!(key("test/accuracy").goal(), Some(Goal::Higher));
        for unknown in ["train/learning_rate", "validation/error_of_tomorrow"] {
            assert_eq!(key(unknown).goal(), None);
            assert!(key(unknown).required_goal().unwrap_err().to_string().contains(unknown));
        }
        assert_eq!(key("validation/error_of_tomorrow").bounds(), (f64::NEG_INFINITY, f64::INFINITY));
    }

    #[test]
    fn json_keeps_every_float() {
        for value in [0.1 + 0.2, -0.0, 5e-324, f64::MAX, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let point = Point { key: "a/b".parse().unwrap(), epoch: 1, step: 2, time: 0.5, value };
            let text = serde_json::to_string(&point).unwrap();
            let back: Point = serde_json::from_str(&text).unwrap();
            assert!(back.value.to_bits() == value.to_bits() || (back.value.is_nan() && value.is_nan()), "{text}");
        }
    }
}
