//! Run ids: readable, sortable by time within an experiment, safe as folder names and in URLs.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::UtcTime;

/// Longest experiment part of an id, in characters.
const MAX_SLUG: usize = 60;

/// Names one run: `<experiment>-<yyyymmdd>-<hhmmss>-<4 hex>` with the start in UTC, for example
/// `digits-20261124-235039-a3f1`.
///
/// Every value passed a strict parser, without dots, slashes and capitals, so that it can safely be joined to a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// Length of `-yyyymmdd-hhmmss-hhhh`.
    pub(super) const TAIL: usize = 21;

    /// A new id for a run of `experiment` that started at `time`. Two calls within a second may collide (1 in 65,536):
    /// the caller then tries again.
    pub(super) fn generate(experiment: &str, time: UtcTime) -> Self {
        // The standard library seeds each hasher from the system's entropy: random enough for four digits.
        let random = RandomState::new().hash_one(time.to_string()) as u16;
        Self(format!("{}-{}-{random:04x}", slug(experiment), time.compact()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The experiment part (a slug).
    pub fn experiment(&self) -> &str {
        &self.0[..self.0.len() - Self::TAIL]
    }
}

/// Text that is not a run id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a run id (<experiment>-<yyyymmdd>-<hhmmss>-<4 hex digits>)")]
pub struct InvalidRunId {
    /// The text.
    pub text: String,
}

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_run_id(text) { Ok(Self(text.to_owned())) } else { Err(InvalidRunId { text: text.to_owned() }) }
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidRunId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// `name` in the characters `[a-z0-9_-]`, at most 60 of them and at least one: `"Digits: 2nd try"` becomes
/// `digits-2nd-try`. A name without any usable character becomes `run`.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for character in name.chars().map(|c| c.to_ascii_lowercase()) {
        if is_slug_byte(character) && character != '-' {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == MAX_SLUG {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "run".to_owned() } else { slug.to_owned() }
}

fn is_slug_byte(character: char) -> bool {
    matches!(character, 'a'..='z' | '0'..='9' | '_' | '-')
}

fn is_run_id(text: &str) -> bool {
    // Splitting is by bytes: refuse anything but ASCII first, so that no character is cut in two.
    if !text.is_ascii() || text.len() <= RunId::TAIL || text.len() > MAX_SLUG + RunId::TAIL {
        return false;
    }
    let (slug, tail) = text.split_at(text.len() - RunId::TAIL);
    // A leading dash would read as an option on a command line.
    let slug_is_good = !slug.starts_with('-') && slug.chars().all(is_slug_byte);
    let tail_is_good = tail.bytes().enumerate().all(|(index, byte)| match index {
        0 | 9 | 16 => byte == b'-',
        17.. => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        _ => byte.is_ascii_digit(),
    });
    slug_is_good && tail_is_good
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_keep_to_the_alphabet() {
        assert_eq!(slug("Digits: 2nd try!"), "digits-2nd-try");
        assert_eq!(slug("../../etc/passwd"), "etc-passwd");
        assert_eq!(slug("snake_case-kebab"), "snake_case-kebab");
        assert_eq!(slug("été"), "t");
        assert_eq!(slug("日本"), "run");
        assert_eq!(slug(""), "run");
        assert_eq!(slug(&"x".repeat(200)).len(), MAX_SLUG);
        assert!(!slug(&format!("{}-y", "x".repeat(59))).ends_with('-'));
    }

    #[test]
    fn generated_ids_are_valid() {
        for experiment in ["digits", "A b", "", "--", "日本", &"long ".repeat(40)] {
            let id = RunId::generate(experiment, UtcTime::now());
            assert_eq!(id.to_string().parse::<RunId>().unwrap(), id);
            assert_eq!(id.experiment(), slug(experiment));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let good = "digits-20261124-235039-a3f1";
        assert!(good.parse::<RunId>().is_ok());
        let long = format!("{}-20261124-235039-a3f1", "x".repeat(61));
        for bad in [
            "",
            "latest",
            "digits",
            "-20261124-235039-a3f1",
            "--20261124-235039-a3f1",
            "../digits-20261124-235039-a3f1",
            "a/b-20261124-235039-a3f1",
            "a.b-20261124-235039-a3f1",
            "Digits-20261124-235039-a3f1",
            "digits-20261124-235039-a3fg",
            "digits-20261124-235039-A3F1",
            "digits-2026112x-235039-a3f1",
            "digits-20261124-235039-a3f1\n",
            "digits-20261124-235039-a3f1/",
            "é-20261124-235039-a3f1",
            &long,
        ] {
            assert!(bad.parse::<RunId>().is_err(), "{bad:?}");
        }
        assert!(serde_json::from_str::<RunId>("\"../x\"").is_err());
        assert_eq!(serde_json::to_string(&good.parse::<RunId>().unwrap()).unwrap(), format!("\"{good}\""));
    }
}
