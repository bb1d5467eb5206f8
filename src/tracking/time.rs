//! UTC time as written in run folders and the store.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in UTC with microseconds, written `2026-11-24T23:50:39.123456Z`.
///
/// The width is fixed, so that the text sorts as the time does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime(Timestamp);

impl UtcTime {
    /// The present moment, truncated to microseconds so that it survives being written and read.
    pub fn now() -> Self {
        Self::truncated(Timestamp::now())
    }

    fn truncated(time: Timestamp) -> Self {
        Self(Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time))
    }

    /// Seconds from `earlier` to this moment; negative when the clock was set back.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.duration_since(earlier.0).as_secs_f64()
    }

    /// The day after the next one, `2026-11-26`, which later moments are not smaller than as text: clocks and time zones differ by
    /// less.
    pub(super) fn day_after_next(self) -> String {
        self.0.checked_add(SignedDuration::from_hours(48)).unwrap_or(self.0).strftime("%Y-%m-%d").to_string()
    }

    /// `20261124-235039`, as in run ids.
    pub(super) fn compact(self) -> String {
        self.0.strftime("%Y%m%d-%H%M%S").to_string()
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.0)
    }
}

impl TryFrom<SystemTime> for UtcTime {
    type Error = jiff::Error;

    fn try_from(time: SystemTime) -> Result<Self, Self::Error> {
        Timestamp::try_from(time).map(Self::truncated)
    }
}

impl FromStr for UtcTime {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Serialize for UtcTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UtcTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let what = || serde::de::Error::custom(format!("`{text}` is no time such as 2026-11-24T23:50:39.123456Z"));
        text.parse().map_err(|_: jiff::Error| what())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_a_fixed_width_and_round_trips() {
        let time: UtcTime = "2026-11-24T23:50:39Z".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-24T23:50:39.000000Z");
        assert_eq!((time.compact(), time.day_after_next()), ("20261124-235039".to_owned(), "2026-11-26".to_owned()));
        let now = UtcTime::now();
        assert_eq!(now.to_string().parse::<UtcTime>().unwrap(), now);
        assert!(now.seconds_since(time).is_finite());
    }
}
