//! UTC time as written in run folders and the store.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::Timestamp;
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
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_a_fixed_width_and_round_trips() {
        let time: UtcTime = "2026-11-24T23:50:39Z".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-24T23:50:39.000000Z");
        assert_eq!(time.compact(), "20261124-235039");
        let now = UtcTime::now();
        assert_eq!(now.to_string().parse::<UtcTime>().unwrap(), now);
        assert!(now.seconds_since(time).is_finite());
    }
}
